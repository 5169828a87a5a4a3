"""The theme of the book's charts: colours, order of names, and how it is switched on."""

from collections.abc import Iterable, Sequence

import altair as alt
import pandas as pd

from frlib import checks
from frlib.arguments import checked
from frlib.faces.attributes import ATTRIBUTES
from frlib.view import static

# At least 3:1 against the light page (#ffffff) and the dark one (#14181e), and 17 or more apart in CIELAB for every
# pair under simulated deuteranopia, protanopia and tritanopia (tests/view measures both). `field.js` has the same list.
COLORS = ["#1890f0", "#b05018", "#388058", "#984890", "#b88808", "#7888c8", "#c02840", "#a09098"]
PAGE = {"light": "#ffffff", "dark": "#14181e"}
_INK = {"light": ("#1f2933", "#52606d", "#e2e6eb"), "dark": ("#e6e9ed", "#a9b4c0", "#3b4654")}
_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

_WORDS = {name: name.replace("_", " ") for name in ATTRIBUTES if "_" in name}
_NAMES = [_WORDS.get(name, name) for name in ATTRIBUTES]


def is_number(values: pd.Series) -> bool:
    """Return whether a column holds numbers, not words or truth values."""
    kind = values.infer_objects().dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def spoken(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which attributes of faces are named in words: ``head angle``; itself where they all are."""
    columns = [c for c in table if not is_number(table[c]) and table[c].isin(_WORDS).any()]
    return table.assign(**{c: table[c].map(lambda name: _WORDS.get(name, name)) for c in columns}) if columns else table


def ordered(values: Iterable) -> list:
    """Return each value once: attributes of faces in their usual order and in words, other names as they come."""
    names = list(dict.fromkeys(_WORDS.get(value, value) for value in values))
    return [name for name in _NAMES if name in names] if set(names) <= set(_NAMES) else names


def tones(names: Sequence[str]) -> list[str]:
    """Return one colour per name: an attribute has the same in all charts, other names get the next one."""
    known = set(names) <= set(_NAMES)
    return [COLORS[(_NAMES.index(name) if known else k) % len(COLORS)] for k, name in enumerate(names)]


def theme(mode: str | None = "light") -> dict:
    """Return the Vega-Lite configuration of the book's charts.

    Parameters
    ----------
    mode : {"light", "dark", None}
        None leaves out what depends on the page's background; the site adds that part in the reader's browser, so that
        a chart follows the page's theme.
    """
    shape = {
        "font": _FONT,
        "view": {"continuousWidth": 480, "continuousHeight": 300},
        "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500, "titlePadding": 8, "tickSize": 4},
        "axisX": {"grid": False},
        "axisY": {"domain": False, "ticks": False},
        "legend": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500, "symbolStrokeWidth": 3},
        "title": {"fontSize": 15, "fontWeight": 650, "subtitleFontSize": 12, "anchor": "start", "offset": 12},
        "header": {"labelFontSize": 12, "titleFontSize": 12},
        "line": {"strokeWidth": 2.2, "strokeCap": "round", "strokeJoin": "round"},
        "point": {"filled": True, "size": 45},
        "range": {"category": COLORS, "ramp": {"scheme": "viridis"}, "heatmap": {"scheme": "viridis"}},
    }
    colors = {} if mode is None else background(mode)
    return shape | {key: shape[key] | value if key in shape else value for key, value in colors.items()}


def background(mode: str) -> dict:
    """Return the part of the theme that depends on the page's background."""
    checks.one_of("mode", mode, PAGE)
    ink, soft, line = _INK[mode]
    text = {"labelColor": soft, "titleColor": soft}
    return {
        "background": "transparent",
        "view": {"stroke": "transparent"},
        "axis": {**text, "gridColor": line, "domainColor": soft, "tickColor": soft},
        "legend": text,
        "title": {"color": ink, "subtitleColor": soft},
        "header": text,
        "text": {"color": ink},
        "rule": {"color": soft},
    }


@checked
def enable(mode: str = "light") -> None:
    """Switch Altair to the book's theme; call it once at the top of a notebook.

    Where the build has set ``FRLIB_BOOK=1``, charts become static HTML for the site and follow the page's theme.
    In a live notebook they stay ordinary Altair charts, on a page of the given mode.

    Parameters
    ----------
    mode : {"light", "dark"}
        Background of the live notebook.
    """
    checks.one_of("mode", mode, PAGE)
    config = theme(None) if static.in_book() else {**theme(mode), "background": PAGE[mode]}
    alt.theme.register("frlib", enable=True)(lambda: alt.theme.ThemeConfig({"config": config}))
    alt.data_transformers.enable("default", max_rows=20_000)
    if static.in_book():
        alt.renderers.register("frlib", lambda spec, **_: {"text/html": static.chart_html(spec)})
        alt.renderers.enable("frlib")
