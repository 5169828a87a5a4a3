"""What the build planted, as the page shows it."""

import json

import pytest

from book.contents import ROOT

KINDS = 8


@pytest.fixture(scope="module")
def rows():
    return json.loads((ROOT / "_build/smoke/faults.json").read_text())


@pytest.mark.site
def test_every_planted_fault_held(rows):
    assert [row for row in rows if row["held"] == "failed"] == []


@pytest.mark.site
def test_there_are_faults_of_every_kind(rows):
    assert len({row["kind"] for row in rows}) >= KINDS
    assert len(rows) >= 60
    assert sum(row["held"] in ("survived", "refused") for row in rows) >= 60


@pytest.mark.site
def test_the_table_names_no_path_of_the_machine(rows):
    assert [
        row["now"] for row in rows if any(root in row["now"] for root in (str(ROOT), "/tmp/", "/root/", "/home/"))
    ] == []
