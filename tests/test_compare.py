"""Two builds are the same up to 1e-6 of the scale of each column; anything more is found, and said where it is."""

import json
import re

import altair as alt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from book import compare
from frlib.view import static
from frlib.view.say import PREFIX
from frlib.view.verdict import MIME

TABLE = pd.DataFrame({"network": ["a", "b"], "energy": [0.5, 0.25], "seconds": [1.5, 2.5]})


def shown(**data):
    return {"output_type": "execute_result", "data": data, "metadata": {}}


def said(name, value):
    metadata = {"scrapbook": {"name": name, "mime_prefix": PREFIX}}
    return {"output_type": "display_data", "data": {f"{PREFIX}text/plain": repr(value)}, "metadata": metadata}


def chart(table):
    made = alt.Chart(table).mark_point().encode(x="energy:Q", y="network:N").to_dict()
    return shown(**{"text/html": static.chart_html(made | {"description": "A chart."})})


def widget(values, bits=8):
    state = {"places": static.pack(values, bits=bits), "title": "places"}
    return shown(**{"text/html": static.widget_html("sweep", state, "A widget.")})


def verdict(holds, found):
    data = {"claim": "energy", "holds": holds, "found": found}
    return shown(**{MIME: data, "text/html": f"<div>{found}</div>"})


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def table(frame):
    return shown(**{"text/html": frame.to_html(), "text/plain": str(frame)})


def cell(*outputs, source="energies"):
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def build(folder, *cells, name="01_toy", seconds=3.0):
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    notebook = {"cells": [{"cell_type": "markdown", "source": "# Toy"}, *cells], "metadata": {"frlib": seconds}}
    (folder / f"notebooks/{name}.ipynb").write_text(json.dumps(notebook))
    return folder


def compared(tmp_path, one, two, capsys):
    """Return status and lines of the command for builds that differ in an output."""
    folders = [build(tmp_path / name, cell(), cell(output)) for name, output in (("a", one), ("b", two))]
    status = compare.main([str(folder) for folder in folders])
    return status, capsys.readouterr().out.splitlines()


DIFFERENT = {
    "table": (table(TABLE), table(TABLE.replace(0.25, 0.2501)), "column energy: 1 of 2 .* row 2, 0.25 against 0.2501"),
    "a word": (table(TABLE), table(TABLE.replace("a", "c")), "column network: words differ in 1 of 2 rows, first 'a'"),
    "a row": (table(TABLE), table(TABLE[:1]), "column 1: 2 rows against 1"),
    "a column": (table(TABLE), table(TABLE.drop(columns="energy")), "column energy: only in the first build"),
    "no number": (table(TABLE), table(TABLE.replace(0.25, float("nan"))), "column energy: words differ"),
    "named number": (said("gap", 0.5), said("gap", 0.500001), "number gap: 1 of 1 .* by 2.0e-06 of the scale"),
    "count": (said("people", 10**7), said("people", 10**7 + 20), "number people: 1 of 1 "),
    "chart": (chart(TABLE), chart(TABLE.replace(0.25, 0.25001)), r"chart.datasets.data 1.energy: 1 of 2 "),
    "a field": (chart(TABLE), chart(TABLE.rename(columns={"energy": "e"})), ".*data 1.e: only in the second"),
    "verdict": (verdict("yes", "It is .5."), verdict("no", "It is .5."), "verdict energy.holds: words differ"),
    "its number": (
        verdict("yes", "At 1000 it is .5."),
        verdict("yes", "At 1000 it is .51."),
        "verdict energy.found: 1 ",
    ),
    "widget": (widget([1.0, 0.5]), widget([1.0, 0.6]), r"widget.places \(part 1\): 1 of 2 "),
    "print": (printed("one\n2\n"), printed("one\n3\n"), "what is printed: 1 of 1 numbers differ, most in row 2, 2 "),
    "sign": (said("gap", 0.5), said("gap", -0.5), "number gap"),
    "last of few digits": (table(TABLE), table(TABLE.replace(0.25, 0.26)), "column energy: 1 of 2"),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_a_difference_is_listed_by_chapter_cell_and_column(what, tmp_path, capsys):
    one, two, words = DIFFERENT[what]
    status, lines = compared(tmp_path, one, two, capsys)
    assert status == 1 and re.match(f"01_toy, cell 2, .*{words}", lines[0]), lines


SAME = {
    "nothing": (table(TABLE), table(TABLE)),
    "times": (table(TABLE), table(TABLE.replace(1.5, 2.0))),
    "named times": (said("run_in_minutes", 3.5), said("run_in_minutes", 7.5)),
    "small": (said("gap", 0.5), said("gap", 0.5 + 4e-7)),
    "far below the scale": (chart(TABLE), chart(TABLE.replace(0.25, 0.2500004))),
    "order of names of data": (chart(TABLE), chart(TABLE.assign(energy=TABLE.energy + 1e-9))),
    "places in memory": (shown(**{"text/plain": "<A at 0x7f12>"}), shown(**{"text/plain": "<A at 0x7f34>"})),
    "dates": (printed("on 2026-01-02\n"), printed("on 2027-03-04\n")),
    "pictures": (shown(**{"image/png": "abc", "text/plain": "a"}), shown(**{"image/png": "d", "text/plain": "b"})),
    "a step of 8 bits": (widget([1.0, 0.4999 / 127]), widget([1.0, 0.5001 / 127])),
}


@pytest.mark.parametrize("what", SAME)
def test_what_is_no_difference_is_none(what, tmp_path, capsys):
    status, lines = compared(tmp_path, *SAME[what], capsys)
    assert status == 0 and len(lines) == 1 and ": 0 differences" in lines[0], lines


def test_the_other_side_of_a_rounding_is_counted(tmp_path, capsys):
    one, two = (table(pd.DataFrame({"energy": [x]}).round(6)) for x in (0.1234564999, 0.1234565001))
    status, (total,) = compared(tmp_path, one, two, capsys)
    assert status == 0 and total.endswith("and 1 numbers on the other side of a rounding.")


@given(st.floats(1e-9, 1e9), st.floats(-3e-6, 3e-6), st.booleans())
def test_the_bound_is_a_millionth_of_the_larger_number(number, change, negative):
    one, two = (f"{(-1) ** negative * x:.17e}" for x in (number, number * (1 + change)))
    found = compare.difference(compare.Column.of([one]), compare.Column.of([two]), compare.Counts())
    apart, scale = abs(float(one) - float(two)), max(abs(float(one)), abs(float(two)))
    assert bool(found) == (apart > 1e-6 * scale)


@given(st.lists(st.text(alphabet="ab 1.5e-,+%\u2212", max_size=12), min_size=1, max_size=4))
def test_any_text_agrees_with_itself(texts):
    column = compare.Column.of(texts)
    assert compare.difference(column, compare.Column.of(texts), compare.Counts()) == ""


def test_chapters_cells_and_code_that_differ_are_listed(tmp_path, capsys):
    a, b = tmp_path / "a", tmp_path / "b"
    for folder, code in ((a, "one"), (b, "two")):
        build(folder, cell(source=code))
    build(a, cell(), name="02_more"), build(b, cell(), cell(), name="02_more"), build(b, cell(), name="03_new")
    assert compare.main([str(a), str(b)]) == 1
    assert capsys.readouterr().out.splitlines()[:3] == [
        "01_toy, cell 1: the code differs",
        "02_more: 1 cells with code against 2; not compared",
        "03_new: only in the second build",
    ]


def test_a_folder_that_is_no_build_is_refused(tmp_path, capsys):
    build(tmp_path / "a", cell())
    with pytest.raises(SystemExit) as ended:
        compare.main([str(tmp_path / "a"), str(tmp_path / "nothing")])
    assert ended.value.code == 2
    assert (
        "nothing must be the folder of a build, with executed notebooks/*.ipynb; it has none" in capsys.readouterr().err
    )
