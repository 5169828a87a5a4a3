"""One HTML page that needs nothing else: text, tables and charts, with the code that draws them inside the file.

The page loads nothing, from no host, and runs no script but its own: its content security policy forbids it. All text
is escaped, because names of files, columns and people come from outside.
"""

import base64
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import altair as alt
import jinja2
import pandas as pd
from markupsafe import Markup

from frlib import store
from frlib.view import charts, static
from frlib.view.content_policy import content_policy
from frlib.view.spreadsheet import as_csv

_FOLDER = Path(__file__).parent
#: Numbers from here on are shown with an exponent.
LONG = 1e9


@dataclass(frozen=True)
class Column:
    """A column of a table on the page.

    Parameters
    ----------
    name : str
        Column of the DataFrame.
    head : str
        Its heading.
    format : str
        Of a number, as for `format`; empty for text.
    interval : tuple of two str
        Columns with the ends of an interval around the number; NaN or no such column leaves the interval out.
    """

    name: str
    head: str
    format: str = ""
    interval: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows of a DataFrame on the page; the first column names the row.

    Parameters
    ----------
    rows : DataFrame
    columns : sequence of Column
    caption : str
        What to see.
    marked : str
        Rows whose first column has this text stand out.
    """

    rows: pd.DataFrame
    columns: Sequence[Column]
    caption: str
    marked: str = ""
    kind = "table"

    def cells(self, row) -> list[tuple[Column, str, str]]:
        """Return for each column of a row the text shown and the value in full."""
        return [(column, _shown(row, column), _full(row[column.name])) for column in self.columns]


@dataclass(frozen=True)
class Text:
    """A paragraph, plain (``""``) or set apart as a warning.

    Parameters
    ----------
    text : str
    tone : {"", "warning", "good"}
    """

    text: str
    tone: str = ""
    kind = "text"


@dataclass(frozen=True)
class Points:
    """A list of short points.

    Parameters
    ----------
    points : sequence of str
    """

    points: Sequence[str]
    kind = "points"


@dataclass(frozen=True)
class Figure:
    """A chart with a caption.

    Parameters
    ----------
    chart : altair chart
        Its description is the text alternative; must not be empty.
    caption : str
        What to see.
    """

    chart: alt.TopLevelMixin
    caption: str
    kind = "figure"

    def html(self) -> Markup:
        """Return the chart's place on the page, with its data; it follows the theme of the page."""
        spec = self.chart.to_dict()
        if not str(spec.get("description", "")).strip():
            raise ValueError("chart must have a description, the text alternative; it has none")
        return Markup(static.chart_html(spec | {"config": charts.theme(None)}))


@dataclass(frozen=True)
class Gallery:
    """Small pictures in a row, each with a line of words.

    Parameters
    ----------
    images : sequence of (address, words)
        A picture as the address of its own content, see `frlib.view.images.webp_address`.
    caption : str
        What to see.
    together : int
        Pictures that stay beside each other.
    """

    images: Sequence[tuple[str, str]]
    caption: str
    together: int = 1
    kind = "gallery"

    @property
    def groups(self) -> list[Sequence[tuple[str, str]]]:
        """The pictures that stay together."""
        return [self.images[k : k + self.together] for k in range(0, len(self.images), self.together)]


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Parameters
    ----------
    title : str
    blocks : sequence of Text, Points, Table, Figure and Gallery
    """

    title: str
    blocks: Sequence


@dataclass(frozen=True)
class Page:
    """A whole report.

    Parameters
    ----------
    title : str
        Name of what is reported on.
    lead : str
        One sentence below it.
    facts : mapping of str to str
        What was run.
    sections : sequence of Section
    tables : mapping of file name to DataFrame
        Numbers in full, for download as CSV.
    """

    title: str
    lead: str
    facts: dict[str, str]
    sections: Sequence[Section]
    tables: dict[str, pd.DataFrame]

    def html(self) -> str:
        """Return the page as one text."""
        scripts = own_scripts()
        parts = {
            "policy": Markup(content_policy(scripts)),
            "style": Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),
            "scripts": [Markup(script) for script in scripts],
            "downloads": {name: _data_address(table) for name, table in self.tables.items()},
        }
        environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        template = environment.from_string((_FOLDER / "page.html").read_text(encoding="utf-8"))
        return template.render(page=self, **parts)

    def write(self, path: str | os.PathLike) -> Path:
        """Write the page, atomically, and return its path."""
        text = self.html()
        with store.atomic_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
        return Path(path)


def own_scripts() -> list[str]:
    """Return the scripts of every page: colours, Vega, and what draws the charts."""
    themes = static.json_for_script({mode: charts.background(mode) for mode in charts.PAGE})
    drawing = static.chart_script() + (_FOLDER / "page.js").read_text(encoding="utf-8")
    return [f"window.FRLIB_THEMES = {themes};", vega_script(), drawing]


@cache
def vega_script() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script; its many top-level names stay inside a function.

    Raises
    ------
    ImportError
        If the package that ships them is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise ImportError(
            "the charts of a report need the package vl-convert-python: pip install frlib[report]"
        ) from error
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    bundle = vl_convert.javascript_bundle(vl_version=version)
    # Inside a page a script ends at the first "</script", and "<!--" can hide its end, strings or not.
    return f"(function () {{{bundle}\n}})();".replace("</script", "<\\/script").replace("<!--", "\\x3c!--")


def _data_address(table: pd.DataFrame) -> str:
    """Return a table as the address of a file that is its own content."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(as_csv(table).encode()).decode("ascii")


def _shown(row, column: Column) -> str:
    """Return the text of a cell; a missing number is a dash."""
    value = row[column.name]
    if not column.format:
        return str(value)
    if value is None or math.isnan(value):
        return "–"
    ends = [row[name] for name in column.interval if not math.isnan(row[name])]
    tail = f" ({_number(ends[0], column)} to {_number(ends[1], column)})" if len(ends) == 2 else ""
    return _number(value, column) + tail


def _number(value: float, column: Column) -> str:
    """Return a number in the format of its column, or short where that would be a long row of digits."""
    return f"{value:.3g}" if abs(value) >= LONG else f"{value:{column.format}}"


def _full(value) -> str:
    """Return a number with all its digits, for those who read the page by program; nothing for a text."""
    return repr(float(value)) if isinstance(value, int | float) else ""
