"""What a reader can take along from a chapter: its notebook, the numbers of its figures and tables, and its figures.

Two archives a chapter lie in ``_downloads``: ``-results.zip`` holds a CSV file for every table that the chapter shows
or that its charts draw, ``-figures.zip`` the charts as Vega-Lite. A line at the end of the page leads to them, also
from a copy of the site on disk.
"""

import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from bs4 import BeautifulSoup

from frlib.view import static
from frlib.view.spreadsheet import no_formula

FOLDER = "_downloads"
KINDS = {"results": "results as CSV", "figures": "charts as Vega-Lite"}
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the date of all members: equal contents make equal archives


def write(outdir: str | Path, page: str, notebook, figures: Mapping[int, tuple[str, str]]) -> None:
    """Write the archives of a chapter.

    Parameters
    ----------
    outdir : path
        Folder of the site.
    page : str
    notebook : NotebookNode
        As executed.
    figures : mapping of place to (str, str)
        Number and caption of the figures, by the place of their cell.
    """
    results, charts = [], []
    for name, caption, html in shown(notebook, figures):
        placed = static.read_placed(html)
        if placed is None:
            results += [(name, ".csv", caption, as_csv(rows)) for rows in tables_of(html)]
        elif placed.kind == "chart":
            charts.append((name, ".vl.json", caption, json.dumps(placed.data, indent=1)))
            tables = filter(None, placed.data.get("datasets", {}).values())
            results += [(name, ".csv", caption, as_csv(as_lists(rows))) for rows in tables]
    for kind, parts in zip(KINDS, (results, charts), strict=True):
        if parts:
            write_archive(path_of(outdir, page, kind), lettered(parts))


def lettered(parts: list[tuple[str, str, str, str]]) -> dict[str, tuple[str, str]]:
    """Return caption and text by the name of the file; parts of one name get letters."""
    count, seen, members = Counter(name for name, *_ in parts), Counter(), {}
    for name, ending, caption, text in parts:
        letter = "abcdefghijklmnopqrstuvwxyz"[seen[name]] if count[name] > 1 else ""
        seen[name] += 1
        members[name + letter + ending] = caption.replace("**", ""), text
    return members


def path_of(outdir: str | Path, page: str, kind: str) -> Path:
    """Return where an archive of a page is."""
    return Path(outdir, FOLDER, f"{page}-{kind}.zip")


def shown(notebook, figures: Mapping[int, tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yield name, caption and HTML of what the cells show: figures have their number, other tables are counted."""
    tables = 0
    for place, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            if place in figures:
                number, caption = figures[place]
                yield re.sub(r"\W+", "-", number.lower()).replace("fig-", "figure-"), caption, html
            elif "<table" in html and "frlib-grid" not in html:
                tables += 1
                yield f"table-{tables}", "", html


def tables_of(html: str) -> list[list[list[str]]]:
    """Return the tables in HTML, each as rows of equally many cells; a grid of images is none."""
    return [rows_of(table) for table in BeautifulSoup(html, "html.parser").select("table:not(.frlib-grid)")]


def rows_of(table) -> list[list[str]]:
    """Return the rows of a table; a cell that spans several places stands in each of them."""
    texts: dict[tuple[int, int], str] = {}
    for i, row in enumerate(table.select("tr")):
        j = 0
        for cell in row.select("th, td"):
            while (i, j) in texts:  # taken by a cell of a row above
                j += 1
            across, down = int(cell.get("colspan", 1)), int(cell.get("rowspan", 1))
            texts |= {(i + y, j + x): cell.get_text(" ", strip=True) for y in range(down) for x in range(across)}
    height, width = (1 + max((place[k] for place in texts), default=-1) for k in (0, 1))
    return [[texts.get((i, j), "") for j in range(width)] for i in range(height)]


def as_lists(rows: list[dict]) -> list[list]:
    """Return rows with named values as rows of values, below their names."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [names, *([row.get(name, "") for name in names] for row in rows)]


def as_csv(rows: list[list]) -> str:
    """Return rows as CSV, without formulas."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(no_formula, row) for row in rows)
    return text.getvalue()


def write_archive(path: Path, members: Mapping[str, tuple[str, str]]) -> None:
    """Write texts into an archive, with a list of what they are."""
    listed = as_csv([["file", "caption"], *([name, caption] for name, (caption, _) in members.items())])
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in [("contents.csv", listed), *((name, text) for name, (_, text) in members.items())]:
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), text, zipfile.ZIP_DEFLATED, 9)


def line(outdir: str | Path, page: str, notebook: Path) -> str:
    """Return the line of a page that leads to its downloads, with their sizes.

    Parameters
    ----------
    outdir : path
        Folder of the site.
    page : str
    notebook : path
        The published notebook, which comes to ``_sources`` when the build ends.
    """
    up = "../" * page.count("/")
    links = [link(f"{up}_sources/{page}.ipynb", "notebook", notebook)]
    for kind, words in KINDS.items():
        path = path_of(outdir, page, kind)
        if path.exists():
            links.append(link(f"{up}{FOLDER}/{page}-{kind}.zip", words, path))
    return f'<p class="frlib-downloads"><strong>Downloads:</strong> {", ".join(links)}.</p>'


def link(address: str, words: str, path: Path) -> str:
    """Return a link to a file, with its size."""
    return f'<a href="{address}" download>{words}</a> ({path.stat().st_size / 1000:.0f} kB)'
