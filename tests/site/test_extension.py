"""The book's Sphinx extension, on a small project: directives, assets where they are used, icons in use."""

import json
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
import vl_convert
from bs4 import BeautifulSoup

from frlib import published
from frlib.models import NETWORKS
from frlib.view import static
from frlib.view.verdict import MIME
from tests.site.small_book import EXTENSIONS, build

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

```{benchmark-table}
:benchmark: gpu
:file: gpu.json
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
MEASURED = """# Measured

```{build-steps}
:name: fig-steps

What the build *waits* for.
```

```{benchmark-growth}
:benchmark: maps
:name: fig-growth
:power: 2
:size: pairs

Growth.
```

```{benchmark-growth}
:benchmark: nothing
:name: fig-nothing
:size: pairs

Growth.
```

```{benchmark-ratios}
:name: fig-ratios

Distances.
```

```{benchmark-table}
:benchmark: maps
```

```{benchmark-table}
:benchmark: gpu
:file: gpu.json
```
"""
ROWS = [
    ("embed", "net, 48 images", "time over onnxruntime", 1.5, "ratio", "onnxruntime, 4 ms"),
    ("embed", "other, 48 images", "time over onnxruntime", 0.5, "ratio", "onnxruntime, 9 ms"),
    ("energy", "N=9", "time over bare products", 0.8, "ratio", "products, 1 s"),
    *(("maps", f"{n} pairs, {kind}", "per pair", float(n), "µs", "") for n in (10, 40) for kind in ("flat", "full")),
]
STEPS = [
    {"name": "weights", "started": 100.0, "seconds": 60.0, "needs": []},
    {"name": "short", "started": 160.0, "seconds": 60.0, "needs": ["weights"]},
    {"name": "long", "started": 160.0, "seconds": 120.0, "needs": ["weights"]},
    {"name": "site", "started": 0.0, "seconds": 12.5, "needs": ["long"]},
]


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


def built(source, pages):
    """Build a small project and return a function that reads a page."""
    for name, text in pages.items():
        (source / "book" / f"{name}.md").write_text(text)
    files = [*(f"book/{name}" for name in pages), "notebooks/01_toy"]
    toc = {"parts": [{"chapters": [{"file": file} for file in files[:-1]] + [{"file": files[-1], "title": "1. Toy"}]}]}
    (source / "_toc.yml").write_text(json.dumps(toc))
    out = build(source, files, "frbook", bibtex_bibfiles=[str(EXTENSIONS.parent / "references.bib")])
    return lambda name: BeautifulSoup((out / f"{name}.html").read_text(), "html.parser")


def new_project(source):
    """Begin a project with one chapter and the steps of a build."""
    (source / "notebooks").mkdir()
    (source / "book").mkdir()
    nbformat.write(chapter(published.load("claims")["id"].iloc[1]), source / "notebooks/01_toy.ipynb")
    (source / "book/build.json").write_text(json.dumps({"steps": STEPS}))
    return source


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A project where no benchmark was run."""
    source = new_project(tmp_path_factory.mktemp("project"))
    (source / "book/numbers.csv").write_text("name,value\n<one>,1\ntwo,\n")
    return built(source, {"results": PAGE})


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The page of a project with benchmarks."""
    source = new_project(tmp_path_factory.mktemp("measured"))
    keys = ("benchmark", "case", "quantity", "value", "unit", "baseline")
    rows = [dict(zip(keys, row, strict=True)) for row in ROWS]
    (source / "book/benchmarks.json").write_text(json.dumps(rows))
    values = ("gpu", "Toy GPU, net", "images embedded", 9.0, "1/s", "111 ms each")
    (source / "book/gpu.json").write_text(json.dumps([dict(zip(keys, values, strict=True))]))
    return built(source, {"measured": MEASURED})("book/measured")


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
    assert rows_of(table_with(page, "Steps of the build"))[-1] == ["site", "12.5 s"]


def test_the_run_card_is_that_of_its_own_page(site):
    card = site("notebooks/01_toy").select_one(".frlib-run").get_text(" ", strip=True)
    assert "Seed 7" in card and "Profile smoke" in card and "torch 2.9" in card
    assert "not run" in site("book/results").select_one(".frlib-run").get_text()


def test_missing_benchmarks_are_said_to_be_missing(site):
    said = site("book/results").get_text()
    assert "The benchmarks were not run" in said and "The benchmark gpu was not run" in said


def test_what_was_measured_on_a_gpu_has_its_name(measured):
    assert rows_of(table_with(measured, "Benchmark: gpu")) == [
        ["Toy GPU, net", "images embedded", "9 1/s", "111 ms each"]
    ]


def chart_of(page, name):
    """Return a chart of a page: its specification, and the rows that it draws."""
    figure = page.find(id=name)
    spec = json.loads(figure.select_one("script.frlib-chart-data").string)
    assert vl_convert.vegalite_to_svg(spec).startswith("<svg")
    return spec, list(spec["datasets"].values())


def test_the_longest_chain_is_marked_on_the_time_line(measured):
    spec, [rows] = chart_of(measured, "fig-steps")
    places = {row["name"]: (row["start"], row["end"], row["part"]) for row in rows}
    chain, other = "the longest chain", "other steps"
    assert places == {"weights": (0, 1, chain), "short": (1, 2, other), "long": (1, 3, chain)}
    assert spec["description"].endswith("other takes 3.0 minutes: weights, long.")
    caption = measured.find(id="fig-steps").find_next("figcaption")
    assert caption.get_text(" ", strip=True).startswith("Fig. 1 What the build waits for.")


def test_growth_is_drawn_beside_a_power_of_the_size(measured):
    _, tables = chart_of(measured, "fig-growth")
    [times] = [rows for rows in tables if "case" in rows[0]]
    [line] = [rows for rows in tables if "case" not in rows[0]]
    assert {(row["case"], row["size"], row["value"]) for row in times} == {
        (kind, n, n) for n in (10, 40) for kind in ("flat", "full")
    }
    assert [(row["x"], row["y"]) for row in line] == [(10, 10), (40, 160)]
    assert measured.find(id="fig-nothing") is None
    assert "What this figure shows was not run" in measured.get_text()


def test_distances_have_a_tick_for_each_aim_and_limit_and_say_what_is_reached(measured):
    _, tables = chart_of(measured, "fig-ratios")
    marks = {(row["against"], row["state"], row["time"]) for rows in tables for row in rows if "time" in row}
    assert marks == {
        ("embed: onnxruntime", "aim not reached", 1.5),
        ("embed: onnxruntime", "aim reached", 0.5),
        ("embed: onnxruntime", "aim", 1.0),
        ("energy: bare products", "aim not reached", 0.8),
        ("energy: bare products", "aim", 0.6),
        ("energy: bare products", "limit", 0.5),
    }
    said = measured.get_text()
    assert "1 of 3 aims are reached. Not reached: " in said
    assert "embed: onnxruntime (net, 48 images): 1.5, aim 1" in said
    assert len(rows_of(table_with(measured, "Benchmark: maps"))) == 4


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
    monkeypatch.syspath_prepend(EXTENSIONS)
    import frbook

    script = (
        'p={sun:[512,512,[9728],"f185","M1"],"angle-left":[1,2,[],"f1",["M2","M3"]],moon:[3,4,["night"],"f2","M4"]};'
    )
    kept = frbook.ICON.sub(lambda icon: icon[0] if icon[1] == "angle-left" else "", script)
    assert kept == 'p={"angle-left":[1,2,[],"f1",["M2","M3"]],};'
    assert [m[1] for m in frbook.ICON.finditer(script)] == ["sun", "angle-left", "moon"]


def test_the_vendored_scripts_need_no_network(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(EXTENSIONS)
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
