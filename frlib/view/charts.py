"""Altair charts of the book: one theme, and curves of energy against scale."""

from collections.abc import Iterable, Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from frlib import checks
from frlib.faces.attributes import ATTRIBUTES
from frlib.view import static

# At least 3:1 against the light page (#ffffff) and the dark one (#14181e), and 17 or more apart in CIELAB for every
# pair under simulated deuteranopia, protanopia and tritanopia (tests/view measures both). `field.js` has the same list.
COLORS = ["#1890f0", "#b05018", "#388058", "#984890", "#b88808", "#7888c8", "#c02840", "#a09098"]
PAGE = {"light": "#ffffff", "dark": "#14181e"}
_INK = {"light": ("#1f2933", "#52606d", "#e2e6eb"), "dark": ("#e6e9ed", "#a9b4c0", "#3b4654")}
WIDTH = 600
_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

_NAMES = [name.replace("_", " ") for name in ATTRIBUTES]


def is_number(values: pd.Series) -> bool:
    """Return whether a column holds numbers, not words or truth values."""
    kind = values.infer_objects().dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def ordered(values: Iterable) -> list:
    """Return each value once: attributes of faces in their usual order, other names as they come."""
    names = list(dict.fromkeys(values))
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
    return shape if mode is None else _merged(shape, background(mode))


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


def _merged(first: Mapping, second: Mapping) -> dict:
    """Return two nested mappings as one; the second wins."""
    both = dict(first)
    for key, value in second.items():
        both[key] = _merged(both[key], value) if isinstance(value, Mapping) and key in both else value
    return both


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


def energy_curves(
    table: pd.DataFrame,
    *,
    description: str,
    color: str = "attribute",
    detail: str | None = None,
    x: str = "scale",
    choose: str | None = None,
    title: str | None = None,
    band: tuple[float, float] = (0.1, 0.9),
    log: bool = False,
    slider: bool = True,
    height: int = 300,
) -> alt.Chart:
    """Draw energy against scale, with the spread over replicates and the share of isolated points below.

    A click on the legend singles out a curve; the slider moves a rule over the scales and reads out the mean ball size
    and the isolated share there. The energy of a scale at which most points are isolated rests on few points.

    Parameters
    ----------
    table : DataFrame
        Rows of `frlib.geometry.energy_sweep`, perhaps of several runs, identities or networks put together.
    description : str
        Text alternative: what the chart shows and what it says.
    color : str
        Column with one curve per value.
    detail : str, optional
        Column that names the replicate (a run, an identity). The line is the mean over replicates, the band goes from
        one quantile over replicates to another.
    x : str
        Column of the horizontal axis: ``"scale"`` (ε, in mean pair distances) or another measure of size.
    choose : str, optional
        Column whose values the reader chooses from (a network); one is shown at a time.
    band : pair of float
        The two quantiles of the band.
    log : bool
        Logarithmic horizontal axis.
    slider, height : bool, int
        Whether there is a slider; height of the main panel in pixels.

    Returns
    -------
    alt.Chart
        Two panels.

    Raises
    ------
    ValueError
        If a column is missing, the table is empty, or the description is empty.
    """
    keys = [c for c in (choose, color, x) if c]
    checks.columns("table", table, [*keys, *([detail] if detail else []), "energy", "neighbors", "isolated"])
    check_description(description)
    data = _summary(table, keys, x, band)
    order = list(dict.fromkeys(table[color]))
    count = table[detail].nunique() if detail else 1
    return _two_panels(data, x, color, choose, order, log, slider, height).properties(
        title=_heading(title, detail, count, band), description=description
    )


def check_description(description: str) -> None:
    """Raise unless the text alternative says something."""
    if not description.strip():
        raise ValueError("description must say what the chart shows; got an empty text")


def _summary(table: pd.DataFrame, keys: list[str], x: str, band: tuple[float, float]) -> pd.DataFrame:
    """Return mean and quantiles over replicates, and the stretch of the axis for which each scale stands."""
    groups = table.groupby(keys, sort=False)
    data = groups[["energy", "neighbors", "isolated"]].mean().reset_index()
    for name, level in zip(("low", "high"), band, strict=True):
        data[name] = groups["energy"].quantile(level).to_numpy()
    begins, ends = stretches(data[x])
    return data.assign(begins=begins, ends=ends).round(5)


def stretches(places: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the stretch of the axis for which each place stands: halfway to its neighbours."""
    values = np.unique(places)
    middles = np.concatenate([[-np.inf], (values[1:] + values[:-1]) / 2, [np.inf]]).clip(-1e9, 1e9)
    step = np.searchsorted(values, places)
    return middles[step], middles[step + 1]


def _heading(title, detail, count, band):
    """Return the title and, where there are replicates, the line that says what line and band are."""
    lines = []
    if count > 1:
        low, high = (f"{100 * level:.0f}th" for level in band)
        lines = [f"Line: mean over {detail} (n = {count}). Band: {low} to {high} percentile."]
    return alt.TitleParams(text=title or "Energy against scale", subtitle=lines)


def _two_panels(data, x, color, choose, order, log, slider, height):
    """Return the energy panel above the panel of isolated shares, with legend, chooser and slider."""
    panels = curve_panels(data, x, color, choose, order, log, slider, (height, 70))
    return alt.vconcat(*panels, spacing=14).resolve_scale(x="shared", color="shared")


def curve_panels(data, x, color, choose, order, log, slider, heights) -> list[alt.LayerChart]:
    """Return the panels of energies and of isolated shares; the first holds legend, chooser and slider.

    They know what the reader set as the parameters ``chosen``, ``epsilon`` and ``picked``.
    """
    picked = alt.selection_point(fields=[color], bind="legend", name="picked")
    values = np.unique(data[x])
    params = []
    shown = alt.Chart(data)
    if choose:
        names = list(dict.fromkeys(data[choose]))
        params.append(alt.param("chosen", value=names[0], bind=alt.binding_select(options=names, name=f"{choose} ")))
        shown = shown.transform_filter(f"datum[{choose!r}] === chosen")
    if slider:
        gaps = np.diff(values)  # equal steps: the slider stops at the scales only
        equal = len(gaps) > 0 and np.allclose(gaps, gaps[0])
        step = round(float(gaps[0] if equal else (values[-1] - values[0]) / 100), 6) or 1e-6
        bind = alt.binding_range(min=float(values[0]), max=float(values[-1]), step=step, name="ε ")
        params.append(alt.param("epsilon", value=float(values[len(values) // 2]), bind=bind))
    axis, tint, fade = scale_axis(x, log), tint_of(color, order), picked_or_faint()
    above = _energy_panel(shown, axis, tint, fade, slider, data, picked).add_params(*params)
    below = _isolated_panel(shown, axis, tint, fade, slider)
    return [panel.properties(width=WIDTH, height=h) for panel, h in zip((above, below), heights, strict=True)]


def scale_axis(x: str, log: bool = False) -> alt.X:
    """Return the horizontal axis of scales."""
    axis = alt.X(f"{x}:Q").title("scale ε, in mean pair distances" if x == "scale" else x)
    return axis.scale(type="log" if log else "linear", nice=False, padding=0 if log else 8)


def tint_of(color: str, order: list[str]) -> alt.Color:
    """Return one colour per curve, with the legend below."""
    tint = alt.Color(f"{color}:N", sort=order, scale=alt.Scale(domain=order, range=tones(order)))
    return tint.legend(orient="bottom", columns=3, title=None, symbolType="stroke", symbolOpacity=1)


def picked_or_faint():
    """Return the opacity of curves: all, or the one that the reader picked in the legend."""
    return alt.when(alt.param("picked")).then(alt.value(1.0)).otherwise(alt.value(0.1))


def _energy_panel(shown, axis, tint, fade, slider, data, picked):
    """Return mean curves with bands, the line at 1 where vectors are orthogonal on average, and the slider's rule."""
    color = tint.shorthand.removesuffix(":N")
    top = float(max(1.08, data["high"].max() * 1.03))
    energy = alt.Y("energy:Q").title("energy").scale(domain=[min(0.0, float(data["low"].min())), top], nice=False)
    tips = [
        alt.Tooltip(f"{color}:N"),
        alt.Tooltip(axis.shorthand, format=".3~f"),
        alt.Tooltip("energy:Q", format=".3f"),
        alt.Tooltip("low:Q", format=".3f", title="band from"),
        alt.Tooltip("high:Q", format=".3f", title="band to"),
        alt.Tooltip("neighbors:Q", format=".1f", title="neighbours in the ball"),
        alt.Tooltip("isolated:Q", format=".0%", title="isolated points"),
    ]
    quiet = axis.axis(labels=False, title=None)
    bands = shown.mark_area(tooltip=None).encode(
        x=quiet, y=alt.Y("low:Q").title("energy"), y2="high:Q", color=tint, opacity=_dimmed(0.16)
    )
    # A legend answers to clicks only if the layer that holds the selection has its colour.
    curves = shown.mark_line().encode(x=quiet, y=energy, color=tint, opacity=fade).add_params(picked)
    points = shown.mark_point(size=36).encode(x=quiet, y=energy, color=tint, opacity=fade, tooltip=tips)
    one = alt.Chart(pd.DataFrame({"energy": [1.0]})).mark_rule(strokeDash=[3, 4]).encode(y=energy)
    layers = [one, bands, curves, points]
    if slider:
        here = shown.transform_filter("datum.begins <= epsilon && epsilon < datum.ends")
        layers += [
            slider_rule(shown, quiet),
            here.mark_point(size=130).encode(x=quiet, y=energy, color=tint, opacity=fade),
        ]
        layers.append(_readout(here, axis.shorthand.removesuffix(":Q")))
    return alt.layer(*layers)


def _dimmed(opacity: float):
    """Return the same condition with the opacity of a band in place of that of a line."""
    return alt.when(alt.param("picked")).then(alt.value(opacity)).otherwise(alt.value(0.02))


def slider_rule(shown, axis):
    """Return the slider's rule."""
    rule = shown.transform_aggregate(rows="count()").transform_calculate(
        **{axis.shorthand.removesuffix(":Q"): "epsilon"}
    )
    return rule.mark_rule(strokeWidth=1.5).encode(x=axis)


def _readout(here, x):
    """Return the line of text that says what the balls hold at the slider's scale."""
    words = (
        "'ε = ' + format(datum.at, '.3~f') + ' · mean ball ' + format(datum.ball, '.1f')"
        " + ' neighbours · isolated ' + format(datum.alone, '.0%')"
    )
    mean = here.transform_aggregate(at=f"mean({x})", ball="mean(neighbors)", alone="mean(isolated)")
    text = mean.transform_calculate(words=words).mark_text(align="right", baseline="bottom", fontSize=12, dy=-4)
    return text.encode(text="words:N", x=alt.value("width"), y=alt.value(0))


def _isolated_panel(shown, axis, tint, fade, slider):
    """Return the share of points with an empty ball."""
    share = alt.Y("isolated:Q").title("isolated").scale(domain=[0, 1]).axis(format=".0%", values=[0, 0.5, 1])
    panel = shown.mark_line(strokeWidth=1.6).encode(x=axis, y=share, color=tint, opacity=fade)
    return alt.layer(panel, slider_rule(shown, axis)) if slider else panel
