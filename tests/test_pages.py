"""The pages of the book say what is true of the repository: their examples run, their names exist."""

import contextlib
import io
import re
from pathlib import Path

import joblib
import pytest
import yaml
from PIL import Image

from frlib import published
from frlib.datasets import finding
from frlib.datasets.one_photograph import Found
from frlib.faces import ATTRIBUTES
from frlib.faces.crops import template
from frlib.models import NETWORKS, PAPER_NETWORKS
from frlib.view import static

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
PAGES = sorted(BOOK.glob("*.md"))
EXAMPLES = re.findall(r"```python\n(.*?)```", (BOOK / "how_to_use.md").read_text(), flags=re.S)


def run(example):
    """Run an example as a reader would, and return its variables and what it printed."""
    printed, names = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "how_to_use.md", "exec"), names)
    return names, printed.getvalue()


def test_the_energy_example_gives_what_the_page_says():
    names, printed = run(EXAMPLES[0])
    energy = names["table"].pivot(index="scale", columns="attribute", values="energy")
    assert energy["kept"].abs().max() < 1e-6
    assert (energy["ignored"] - 1).abs().max() < 0.1
    assert "kept" in printed


def test_the_published_example_prints_names_numbers_and_source():
    _, printed = run(EXAMPLES[1])
    assert all(name in printed for name in published.names())
    assert "0.2896" in printed
    assert "Table 3" in printed


def test_the_fingerprint_example_has_all_networks_identities_and_attributes():
    names, printed = run(EXAMPLES[2])
    assert len(names["table"]) == 2 * 2 * len(ATTRIBUTES) * 3
    assert "mobilefacenet" in printed and "image_quality" in printed
    assert len(EXAMPLES) == 4, "an example without a test"


def test_the_example_on_photographs_lists_those_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    assert run(EXAMPLES[3])[1] == ""
    for name, grey in (("Ann", 90), ("Bob", 120)):
        (tmp_path / f"photographs/friends/{name}").mkdir(parents=True)
        Image.new("RGB", (40, 40), (grey,) * 3).save(tmp_path / f"photographs/friends/{name}/1.jpg")
    monkeypatch.setattr(finding, "find", lambda image, device: Found(1, 1.0, 0.5, template("arcface", 40)))
    with joblib.parallel_config(backend="threading"):  # processes would not know the detector above
        names, printed = run(EXAMPLES[3])
    assert printed == "friends 2 {'small': 2}\n"
    assert [drawing.person for drawing in names["drawings"]] == ["Ann", "Bob"]


def test_every_page_of_the_contents_exists():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = [toc["root"]] + [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    pages = {f"book/{page.stem}" for page in PAGES}
    assert pages == {file for file in files if file.startswith("book/")}


def test_each_module_is_described_once():
    described = re.findall(r"automodule:: (\S+)", (BOOK / "api.md").read_text())
    assert described and len(described) == len(set(described))


def test_what_the_recipes_for_contributors_name_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    paths = re.findall(r"`((?:frlib|tests|notebooks|book)/[\w/.]*|[\w_]+\.(?:md|yml))`", text)
    assert len(paths) >= 8 and not [path for path in paths if not (ROOT / path).exists()]
    code = "\n".join(source.read_text() for source in (ROOT / "frlib").rglob("*.py"))
    names = "ATTRIBUTES DEFAULT_NETWORKS NETWORKS Preprocess change draw_light looks pose".split()
    assert all(f"`{name}`" in text and re.search(rf"(?m)^(?:def |class )?{name}\b", code) for name in names)


def test_commands_and_variables_on_the_pages_exist():
    text = "\n".join(page.read_text() for page in PAGES)
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.M))
    commands = set(re.findall(r"(?:^|`)make (\w+)", text, flags=re.M))
    assert {"book", "test", "serve", "chapter", "clean"} <= commands <= targets
    sources = [*(ROOT / "frlib").rglob("*.py"), BOOK / "pipeline.py"]
    code = "\n".join(source.read_text() for source in sources)
    variables = set(re.findall(r"FRLIB_\w+", text))
    assert variables
    assert not [variable for variable in variables if f'"{variable}"' not in code]


def test_every_citation_has_an_entry_and_entries_are_unique():
    keys = re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text(), flags=re.M)
    assert len(keys) == len(set(keys))
    sources = [*PAGES, *(ROOT / "notebooks").glob("*.py")]
    cited = {
        key.strip()
        for source in sources
        for group in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", source.read_text())
        for key in group.split(",")
    }
    assert cited
    networks = [*NETWORKS.values(), *PAPER_NETWORKS.values()]
    assert cited | {key for network in networks for key in network.card.references} <= set(keys)


def test_the_size_of_the_download_is_stated():
    packages = {file.package for network in NETWORKS.values() for file in network.files}
    stated = int(re.search(r"less than (\d+) MB of packages", (BOOK / "how_to_use.md").read_text())[1])
    assert 0.8 * stated < sum(package.bytes for package in packages) / 1e6 < stated


NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def test_numbers_in_words_are_those_of_what_they_count():
    use, intro = ((BOOK / f"{name}.md").read_text() for name in ("how_to_use", "intro"))
    stated, listed = re.search(r"(\w+) widgets deserve a try:\n\n((?:[* ] .+\n)+)", use).groups()
    assert NUMBERS.index(stated.lower()) == len(re.findall(r"(?m)^\* the \*\*", listed)) == len(static.WIDGETS)
    stated, rows = re.search(r"### (\w+) symbols\n\n.+\n.+\n((?:\|.+\n)+)", intro).groups()
    assert NUMBERS.index(stated.lower()) == len(rows.splitlines())


def test_no_page_speaks_of_chapters_that_are_not_written():
    text = "\n".join(page.read_text() for page in [*PAGES, ROOT / "README.md"])
    assert not re.search(r"not written yet|is planned|no verdict yet|preliminary", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_fit_a_phone(page):
    rows = [line for line in page.read_text().splitlines() if line.startswith("|")]
    assert all(line.count("|") <= 4 for line in rows), "more than three columns"


def test_every_question_has_an_answer_with_a_place_or_says_that_there_is_none():
    text = (BOOK / "which_chapter.md").read_text()
    stated = re.match(r"# .+\n\n(\w+) questions", text)[1]
    questions = re.findall(r"### ([^\n]+)\n\n(.+?)\n\n(Asked in .+?)\n\n", text, flags=re.S)
    assert NUMBERS.index(stated.lower()) == len(questions) == text.count("\n### ")
    for question, answer, asked in questions:
        assert question.endswith("?") and "https://github.com/" in asked, question
        assert "{ref}`" in answer or "does not answer" in answer, question
    chapters = "\n".join(source.read_text() for source in (ROOT / "notebooks").glob("*.py"))
    assert all(f"# ({label})=\n" in chapters for label in re.findall(r"\{ref\}`([^`]+)`", text))
