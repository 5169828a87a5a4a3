"""The book's Sphinx extension, on a small project: directives, assets where they are used, icons in use."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from frlib import published
from frlib.models import NETWORKS
from frlib.view import static
from frlib.view.verdict import MIME

EXTENSION = Path(__file__).resolve().parents[2] / "book/_ext"
OPENING = """# Toy <chapter>

*What is a toy?*

```{admonition} Goals
:class: tip
After this chapter you can
* say *what* a toy is;
* play.
```

```{run-card}
```
"""
PAGE = """# Results

```{chapter-list}
```

```{chapter-list}
:goals:
```

```{scoreboard}
```

```{status-table}
```

```{benchmark-table}
```

```{run-card}
```

```{data-table}
:file: numbers.csv
:caption: Two numbers.
```

## Networks

```{model-cards}
```

```{bibliography}
```
"""


def chapter(claim):
    """Return an executed notebook: how it ran, a run card, a verdict, a chart."""
    cells = [nbformat.v4.new_markdown_cell(OPENING)]
    verdict = {MIME: {"claim": claim, "holds": "partly", "found": "1 < 2 here."}, "text/html": "<p>box</p>"}
    chart = {"text/html": static.chart_html({"mark": "bar", "description": "d"})}
    outputs = [nbformat.v4.new_output("display_data", data) for data in (verdict, chart)]
    cells.append(nbformat.v4.new_code_cell("1", outputs=outputs, execution_count=1))
    run = {"profile": "smoke", "seed": 7, "device": "cpu", "seconds": 125.0, "started": "2026-01-02T03:04:05"}
    run |= {"versions": {"python": "3.11.9", "torch": "2.9"}, "processor": "2 cores"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"frlib": run, "language_info": {"name": "python"}})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the small project and return a function that reads a page."""
    from sphinx.application import Sphinx

    source = tmp_path_factory.mktemp("project")
    (source / "notebooks").mkdir()
    (source / "book").mkdir()
    claim = published.load("claims")["id"].iloc[1]
    nbformat.write(chapter(claim), source / "notebooks/01_toy.ipynb")
    (source / "book/results.md").write_text(PAGE)
    (source / "book/numbers.csv").write_text("name,value\n<one>,1\ntwo,\n")
    steps = [{"name": "site", "seconds": 12.5}]
    (source / "book/build.json").write_text(json.dumps({"steps": steps}))
    toc = {"parts": [{"chapters": [{"file": "book/results"}, {"file": "notebooks/01_toy", "title": "1. Toy"}]}]}
    (source / "_toc.yml").write_text(json.dumps(toc))
    (source / "index.md").write_text("# Start\n\n```{toctree}\nbook/results\nnotebooks/01_toy\n```\n")
    config = {"bibtex_bibfiles": [str(EXTENSION.parent / "references.bib")]}
    config |= {"extensions": "myst_nb,sphinxcontrib.bibtex,frbook", "nb_execution_mode": "off", "html_theme": "basic"}
    config["suppress_warnings"] = "mystnb.unknown_mime_type"
    sys.path.insert(0, str(EXTENSION))
    try:
        app = Sphinx(source, None, source / "out", source / "trees", "html", config, status=None, warningiserror=True)
        app.build()
    finally:
        sys.path.remove(str(EXTENSION))
    return lambda name: BeautifulSoup((source / "out" / f"{name}.html").read_text(), "html.parser")


def rows_of(table):
    return [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in table.select("tbody tr")]


def table_with(page, text):
    return next(t for t in page.find_all("table") if t.caption and text in t.caption.get_text())


def test_the_chapters_of_the_contents_are_listed_with_question_and_goals(site):
    short, long = site("book/results").select("section > ul")
    assert short.get_text(" ", strip=True) == "1. Toy . What is a toy?"
    assert short.find("a")["href"] == "../notebooks/01_toy.html"
    assert [goal.get_text() for goal in long.select("ul ul li")] == ["say what a toy is", "play"]


def test_the_scoreboard_has_every_claim_and_the_verdict_that_a_cell_left(site):
    table = table_with(site("book/results"), "claims, 1 tested")
    rows = rows_of(table)
    claims = published.load("claims")
    assert len(rows) == len(claims)
    assert rows[1][0].startswith(claims["claim"].iloc[1])
    assert rows[1][2:] == ["1 < 2 here.", "partly Toy <chapter>"]
    assert table.find("a")["href"] == "../notebooks/01_toy.html"
    assert all(row[3].startswith("no verdict yet") for k, row in enumerate(rows) if k != 1)


def test_status_shows_how_chapters_ran_and_the_steps_of_the_build(site):
    page = site("book/results")
    (row,) = rows_of(table_with(page, "each chapter"))
    assert row == ["Toy <chapter>", "2.1 min", "smoke", "cpu", "2 cores", "python 3.11.9, torch 2.9", "2026-01-02"]
    assert rows_of(table_with(page, "Steps of the build")) == [["site", "12.5 s"]]


def test_the_run_card_is_that_of_its_own_page(site):
    card = site("notebooks/01_toy").select_one(".frlib-run").get_text(" ", strip=True)
    assert "Seed 7" in card and "Profile smoke" in card and "torch 2.9" in card
    assert "not run" in site("book/results").select_one(".frlib-run").get_text()


def test_missing_benchmarks_are_said_to_be_missing(site):
    assert "The benchmarks were not run" in site("book/results").get_text()


def test_a_data_table_is_escaped_and_has_headers(site):
    table = table_with(site("book/results"), "Two numbers.")
    assert rows_of(table) == [["<one>", "1"], ["two", "–"]]
    assert [cell["scope"] for cell in table.select("thead th")] == ["col", "col"]


def test_every_network_has_a_section_with_its_card(site):
    page = site("book/results")
    sections = {title.find(string=True): title.parent for title in page.select("#networks h3")}
    titles = [name if network.role == "face" else f"{name} ({network.role})" for name, network in NETWORKS.items()]
    assert list(sections) == titles
    for section, network in zip(sections.values(), NETWORKS.values(), strict=True):
        cells = dict(rows_of(section.find("table")))
        package, size = network.files[0].package, network.preprocess.size
        assert cells["Package"] == f"{package.registry} {package.name} {package.version}"
        assert (
            cells["Input, output"] == f"{network.crop} crop, {size} × {size} → {network.dim} numbers, {network.metric}"
        )
        assert cells["Licence"] == network.card.licence.replace("'", "’")
        assert len(section.select("td a[href^='#id']")) == len(network.card.references)


def test_pages_load_only_what_they_use(site):
    def scripts(name):
        return {tag["src"].split("?")[0].split("_static/")[1] for tag in site(name).select("script[src]")}

    assert {"vendor/vega.js", "vendor/themes.js", "vendor/charts.js", "frbook.js"} <= scripts("notebooks/01_toy")
    assert "frbook.js" in scripts("book/results")
    assert not any(name.startswith("vendor/") for name in scripts("book/results"))


def test_icons_in_use_are_kept_and_others_dropped(monkeypatch):
    monkeypatch.syspath_prepend(EXTENSION)
    import frbook

    script = (
        'p={sun:[512,512,[9728],"f185","M1"],"angle-left":[1,2,[],"f1",["M2","M3"]],moon:[3,4,["night"],"f2","M4"]};'
    )
    kept = frbook.ICON.sub(lambda icon: icon[0] if icon[1] == "angle-left" else "", script)
    assert kept == 'p={"angle-left":[1,2,[],"f1",["M2","M3"]],};'
    assert [m[1] for m in frbook.ICON.finditer(script)] == ["sun", "angle-left", "moon"]


def test_the_vendored_scripts_need_no_network(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(EXTENSION)
    import vendor

    vendor.main(tmp_path / "vendor")
    names = {str(path.relative_to(tmp_path / "vendor")) for path in (tmp_path / "vendor").rglob("*.js")}
    assert {"vega.js", "themes.js", "mathjax/tex-chtml.js"} <= names
    assert {f"widgets/{name}.js" for name in static.WIDGETS} <= names
    package, fonts = Path(find_spec("sphinx-mathjax-offline").origin).parent, "mathjax/output/chtml/fonts/woff-v2"
    wanted = {font.name for font in (package / "static" / fonts).glob("*.woff")}
    assert {font.name for font in (tmp_path / "vendor" / fonts).glob("*.woff")} == wanted != set()
    themes = (tmp_path / "vendor/themes.js").read_text().removeprefix("window.FRLIB_THEMES = ").rstrip(";\n")
    assert set(json.loads(themes)) == {"light", "dark"}
