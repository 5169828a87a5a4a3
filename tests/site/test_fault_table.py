"""The page of the faults shows what the build wrote, and says so where it wrote nothing."""

import json

import pytest
from bs4 import BeautifulSoup

from tests.site.small_book import build

PAGE = "# Faults\n\n```{fault-count}\n```\n\n```{fault-table}\n```\n"


def row(kind, planted, held, now="It was <mended>."):
    return {"kind": kind, "planted": planted, "before": "no word", "held": held, "now": now, "quick": True}


def page(folder, rows):
    (folder / "book").mkdir()
    if rows:
        (folder / "book/faults.json").write_text(json.dumps(rows))
    (folder / "faults.md").write_text(PAGE)
    out = build(folder, ["faults"], "fault_table", bibtex_bibfiles=[])
    return BeautifulSoup((out / "faults.html").read_text(), "html.parser")


def test_each_kind_has_a_table_of_its_own_with_every_row(tmp_path):
    rows = [row("Disks", "full", "survived"), row("Kills", "a worker", "failed"), row("Disks", "read-only", "refused")]
    found = page(tmp_path, rows)
    assert [caption.get_text() for caption in found.select("caption")] == ["Disks.", "Kills."]
    lines = [
        [cell.get_text(" ", strip=True) for cell in line.find_all(["th", "td"])] for line in found.select("tbody tr")
    ]
    assert lines == [
        ["full", "no word", "survived It was <mended>."],
        ["read-only", "no word", "refused It was <mended>."],
        ["a worker", "no word", "not held It was <mended>."],
    ]
    assert "3 faults: 1 survived, 1 refused, 1 not held." in found.get_text()


@pytest.mark.parametrize(("held", "word"), [("weekly", "weekly"), ("not planted", "not planted")])
def test_what_was_not_planted_is_not_counted_as_held(tmp_path, held, word):
    assert f"1 faults: 1 {word}." in page(tmp_path, [row("Disks", "full", held)]).get_text()


def test_without_a_run_the_page_says_so(tmp_path):
    found = page(tmp_path, [])
    assert "No fault was planted for this build" in found.get_text()
    assert not found.select("table")
