"""Notebooks for Colab and other servers: each block of the page in Markdown, code as it is, charts as pictures."""

import ast
import base64
import csv
import io
import json
import zipfile

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from book import contents
from frlib.view import static
from frlib.view.say import PREFIX
from tests.build import SITE
from tests.site.blocks import blocks_of_page, myst_left, text_of_notebook
from tests.site.small_book import EXTENSIONS, build

OPENING = """# Toy chapter

*What is a toy?*

```{run-card}
```
"""
# A block of each kind in MyST, and as it must stand in the published notebook.
KINDS = {
    "numbers and marks": (
        "We find {glue:text}`n:.2f` *at* `x_1` and **most** a_b [i] 5 < 6 `` `q` ``.",
        r"We find 0.25 *at* `x_1` and **most** a_b \[i\] 5 \< 6 `` `q` ``.",
    ),
    "raised and lowered": ("H{sub}`2`O and m{sup}`3`.", "H<sub>2</sub>O and m<sup>3</sup>."),
    "a formula\nin a line": ("So $a\n< b$ holds.", "So $a < b$ holds."),
    "an equation": (
        "```{math}\n:label: eq-toy\na = b\n```\n\nBy {eq}`eq-toy`.",
        "$$\na = b \\tag{1}\n$$\n\nBy (1).",
    ),
    "lines of an equation": (
        "$$\na &= b \\\\\nc &= d\n$$",
        "$$\n\\begin{split}\na &= b \\\\\nc &= d\n\\end{split}\n$$",
    ),
    "lists": ("* one\n  * two\n* three\n\n2. four\n3. five", "* one\n\n  * two\n* three\n\n2. four\n3. five"),
    "terms": ("word\n: its meaning", "**word**\n\nits meaning"),
    "a table": ("| a | b |\n| - | - |\n| `x` | 1 |", "| a | b |\n| --- | --- |\n| `x` | 1 |"),
    "a table with a title": (
        "```{list-table} Names\n:header-rows: 1\n\n* - a\n  - b\n* - c\n  - d\n```",
        "**Names**\n\n| a | b |\n| --- | --- |\n| c | d |",
    ),
    "a quotation": ("> said\n>\n> twice", "> said\n>\n> twice"),
    "an admonition": ("```{admonition} Goals\nYou can\n* see.\n```", "> **Goals**\n>\n> You can\n>\n> * see."),
    "a warning": ("```{warning}\nMind.\n```", "> **Warning**\n>\n> Mind."),
    "code": ("```python\nx = 1\n```", "```python\nx = 1\n```"),
    "links": (
        "{doc}`/book/other`, [out](https://host.example/a), {numref}`fig-toy`, "
        "{term}`ball`, {cite}`leroy2025attributes`",
        "[Other](https://site.example/book/other.html), [out](https://host.example/a), Fig. 1, "
        "[ball](https://site.example/book/other.html#term-ball), "
        "([Leroy *et al.*, 2025](https://site.example/book/other.html#id2))",
    ),
    "what a page does not show": ("% a comment\n\n(a-target)=\n\nText.", "Text."),
    "a rubric": ("```{rubric} Aside\n```", "**Aside**"),
    "an exercise": (
        "````{exercise} Try\n:label: ex-toy\nWhat is $x$?\n````\n\n"
        "````{solution} ex-toy\n:class: dropdown\nIt is 1.\n````",
        "### Exercise 1 (Try)\n\nWhat is $x$?\n\n"
        "<details><summary>Solution to Exercise 1 (Try)</summary>\n\nIt is 1.\n\n</details>",
    ),
}
OTHER = "# Other\n\n```{glossary}\nball\n  Round.\n```\n\n```{bibliography}\n```\n"
GATED_START = (
    "````{exercise}\n:label: ex-code\nHow many?\n````\n\n"
    "````{solution-start} ex-code\n:class: dropdown\n````\n\nCount them."
)
GATED_END = "So 1.\n\n````{solution-end}\n````"
TABLE = "<table><tr><th></th><th>a</th></tr><tr><th>row</th><td>1,5</td></tr></table>"
RUN = {"profile": "smoke", "seed": 7, "device": "cpu", "seconds": 125.0, "started": "2026-01-02T03:04:05"}
RUN |= {"processor": "2 cores, arm", "versions": {"python": "3.11.9"}, "megabytes": 12}


def said(**values):
    """Return the output of `view.say`."""
    metadata = [{"scrapbook": {"name": name, "mime_prefix": PREFIX}} for name in values]
    data = ({f"{PREFIX}text/plain": repr(value)} for value in values.values())
    return [new_output("display_data", d, metadata=m) for d, m in zip(data, metadata, strict=True)]


def code(source, *outputs, tags=(), **metadata):
    metadata |= {"tags": list(tags)} if tags else {}
    return new_code_cell(source, outputs=list(outputs), execution_count=1, metadata=metadata)


def chapter():
    """Return an executed chapter with all that a chapter can have."""
    tables = {"first": [{"x": 1}, {"x": 2, "y": "a,b"}], "second": [{"z": None}]}
    chart = {"mark": "bar", "description": "One <bar>.", "data": {"name": "first"}, "datasets": tables, "encoding": {}}
    shown = [
        new_output("display_data", {"text/html": static.chart_html(chart), "text/plain": "alt.Chart(...)"}),
        new_output("stream", name="stderr", text="100%|###|"),
    ]
    widget = new_output("display_data", {"text/html": static.widget_html("sweep", {"a": 1}, "A <ball> grows.")})
    data = {"text/html": TABLE, "text/plain": "t"}
    table = new_output("execute_result", data, execution_count=1)
    figure = {"figure": {"name": "fig-toy", "caption": "A *bar* of $x$."}}
    cells = [
        new_markdown_cell(OPENING),
        code("profile = 'smoke'  # smoke, book or paper\nseed = 7", tags=["parameters"]),
        code("import os\nfrom sys import path", tags=["hide-input"]),
        code("view.say(n=0.25)", *said(n=0.25), tags=["remove-cell"]),
        new_markdown_cell("## Kinds\n\n" + "\n\n".join(myst for myst, _ in KINDS.values())),
        code("chart()", *shown, tags=["hide-input"], mystnb=figure),
        code("sweep()", widget),
        code("table", table),
        code("ready()", table, tags=["remove-output"]),
        new_markdown_cell(GATED_START),
        code("count = 1", table),
        new_markdown_cell(GATED_END),
    ]
    return new_notebook(cells=cells, metadata={"frlib": RUN, "language_info": {"name": "python"}})


def built(source, notebook, **config):
    """Build a book with one chapter and one page; return the folder of the site."""
    (source / "notebooks").mkdir()
    (source / "book").mkdir()
    (source / "book/other.md").write_text(OTHER)
    (source / "_toc.yml").write_text('{"parts": [{"chapters": [{"file": "notebooks/01_toy", "title": "1. Toy"}]}]}')
    nbformat.write(notebook, source / "notebooks/01_toy.ipynb")
    config |= {"myst_enable_extensions": ["amsmath", "dollarmath", "deflist"], "bibtex_reference_style": "author_year"}
    config |= {"bibtex_bibfiles": [str(contents.ROOT / "book/references.bib")]}
    extensions = ("sphinx_exercise", "frbook", "published_notebook")
    return build(source, ["notebooks/01_toy", "book/other"], *extensions, **config)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    config = {"html_baseurl": "https://site.example/", "frlib_address": "https://host.example/me/book@abc"}
    return built(tmp_path_factory.mktemp("published"), chapter(), **config)


@pytest.fixture(scope="module")
def published(site):
    return nbformat.read(site / "_sources/notebooks/01_toy.ipynb", as_version=4)


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def named(notebook, beginning):
    return next(cell for cell in code_of(notebook) if beginning in cell.source)


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_of_each_kind_is_plain_markdown(published, kind):
    text = next(cell.source for cell in published.cells if cell.source.startswith("## Kinds"))
    assert f"\n\n{KINDS[kind][1]}\n\n" in f"{text}\n\n"


def test_every_block_of_the_page_is_in_the_notebook(site, published):
    nbformat.validate(published)
    text = text_of_notebook(published)
    blocks = blocks_of_page((site / "notebooks/01_toy.html").read_text())
    assert len(blocks) > 30 and [block for block in blocks if block not in text] == []
    assert myst_left(published) == []


def test_nothing_else_is_left_in_the_folder_of_the_site(site):
    assert not (site / "_resolved").exists()


def test_the_numbers_of_the_text_are_marked_as_those_of_the_published_run(published):
    opening = published.cells[0].source
    assert opening.startswith("# Toy chapter\n\n*What is a toy?*\n\n*The numbers in the text are those of the pub")
    assert "profile smoke, 2026-01-02, CPU, 2 cores, arm" in opening
    assert "Seed: 7" in opening and "Versions: python 3.11.9" in opening


def test_charts_are_pictures_and_widgets_are_words(published):
    [chart] = named(published, "chart()").outputs
    assert chart.data["text/plain"] == "One <bar>." and set(chart.data) == {"image/png", "text/plain"}
    width, height = Image.open(io.BytesIO(base64.b64decode(chart.data["image/png"]))).size
    assert width > 20 and height > 20
    [widget] = named(published, "sweep()").outputs
    assert widget.data == {"text/plain": "[Run this cell to use the figure.] A <ball> grows."}
    assert named(published, "table").outputs[0].data["text/html"] == TABLE
    assert named(published, "ready()").outputs == [] == named(published, "view.say").outputs


def test_a_caption_follows_its_figure(published):
    place = published.cells.index(named(published, "chart()"))
    assert published.cells[place + 1].source == "**Fig. 1.** A *bar* of $x$."


def test_what_the_page_folds_is_folded_with_a_title(published):
    folded = {cell.source.splitlines()[0] for cell in code_of(published) if cell.metadata.get("jupyter")}
    assert folded == {
        "# @title Imports",
        "# @title Numbers for the text",
        "# @title Fig. 1",
        "# @title Solution to Exercise 2",
    }
    for cell in code_of(published):
        if cell.metadata.get("jupyter"):
            assert cell.metadata == {"jupyter": {"source_hidden": True}, "cellView": "form", "_kg_hide-input": True}


def test_a_solution_with_code_is_folded_in_parts(published):
    texts = [cell.source for cell in published.cells[-3:]]
    assert texts[0].endswith("<details><summary>Solution to Exercise 2</summary>\n\nCount them.\n\n</details>")
    assert texts[1] == "# @title Solution to Exercise 2\ncount = 1"
    assert texts[2] == "<details><summary>Solution to Exercise 2</summary>\n\nSo 1.\n\n</details>"


def test_profiles_are_offered_where_papermill_finds_them(published):
    cell = named(published, "profile = ")
    assert cell.metadata == {"tags": ["parameters"]}
    assert cell.source == 'profile = \'smoke\'  # @param ["smoke", "book", "paper"]\nseed = 7'


def test_the_code_is_that_of_the_chapter(published):
    ours = [ast.dump(ast.parse(cell.source)) for cell in code_of(published)[1:] if "%pip" not in cell.source]
    assert ours == [ast.dump(ast.parse(cell.source)) for cell in code_of(chapter())]


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_numbers_of_figures_and_tables_are_csv_files(site):
    results = members(site / "_downloads/notebooks/01_toy-results.zip")
    assert results["figure-1a.csv"] == 'x,y\n1,\n2,"a,b"\n' and results["figure-1b.csv"] == 'z\n""\n'
    assert {results[f"table-{k}.csv"] for k in (1, 2, 3)} == {',a\nrow,"1,5"\n'}
    captions = dict(csv.reader(io.StringIO(results["contents.csv"])))
    assert captions["figure-1a.csv"] == "Fig. 1. A *bar* of $x$." and set(captions) - {"file"} == set(results) - {
        "contents.csv"
    }
    figures = members(site / "_downloads/notebooks/01_toy-figures.zip")
    assert json.loads(figures["figure-1.vl.json"])["description"] == "One <bar>."


def test_a_cell_that_spans_places_stands_in_each_of_them(monkeypatch):
    monkeypatch.syspath_prepend(EXTENSIONS)
    import downloads

    head = '<tr><th></th><th colspan="2">both</th></tr><tr><th>net</th><td>a</td><td>b</td></tr>'
    body = '<tr><th rowspan="2">x</th><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr>'
    rows = [["", "both", "both"], ["net", "a", "b"], ["x", "1", "2"], ["x", "3", "4"]]
    assert downloads.tables_of(f"<table>{head}{body}</table>") == [rows]
    assert downloads.tables_of('<table class="frlib-grid"><tr><td>1</td></tr></table><table></table>') == [[]]


def test_a_page_ends_with_its_downloads_and_their_sizes(site):
    page = BeautifulSoup((site / "notebooks/01_toy.html").read_text(), "html.parser")
    links = page.select(".frlib-downloads a")
    assert [a.get_text() for a in links] == ["notebook", "results as CSV", "charts as Vega-Lite"]
    for a in links:
        size = (site / "notebooks" / a["href"]).resolve().stat().st_size
        assert a.has_attr("download") and a.next_sibling.startswith(f" ({size / 1000:.0f} kB)")
    assert "frlib-downloads" not in (site / "book/other.html").read_text()


def test_a_block_of_an_unknown_kind_ends_the_build(tmp_path):
    notebook = chapter()
    notebook.cells[4].source += "\n\n<blink>Lost?</blink>"
    with pytest.raises(Exception, match=r"notebooks/01_toy: no Markdown for the HTML '<blink>"):
        built(tmp_path, notebook)


@pytest.mark.site
@pytest.mark.parametrize("name", contents.chapters())
def test_the_published_chapter_is_whole_and_has_no_myst(name):
    published = nbformat.read(SITE / f"_sources/{name}.ipynb", as_version=4)
    nbformat.validate(published)
    assert myst_left(published) == []
    blocks, text = blocks_of_page((SITE / f"{name}.html").read_text()), text_of_notebook(published)
    assert len(blocks) > 30 and [block for block in blocks if block not in text] == []
    staged = nbformat.read(SITE.parent / f"{name}.ipynb", as_version=4)
    assert [c.id for c in code_of(staged)] == [c.id for c in code_of(published)[1:]]


@pytest.mark.site
@pytest.mark.parametrize("name", contents.chapters())
def test_a_chapter_offers_its_numbers_in_little_room(name):
    results, figures = (members(SITE / f"_downloads/{name}-{kind}.zip") for kind in ("results", "figures"))
    assert len(results) > 3 and len(figures) > 2
    for file, text in results.items():
        rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) > 1 and len({len(row) for row in rows}) == 1, file
    files = [SITE / f"_sources/{name}.ipynb", *(SITE / "_downloads/notebooks").glob(f"{name.split('/')[1]}-*.zip")]
    assert sum(file.stat().st_size for file in files) < 1_500_000
