"""The multiscale fingerprint of several networks: views of one table of energies, all at the scale of one slider."""

import textwrap
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from frlib import checks
from frlib.geometry.resampling import LEVEL
from frlib.view import charts
from frlib.view.figure import only
from frlib.view.recipes import Column, curves, dots, heat_map, scatter

KINDS = ("face network", "control")
_WIDTH, _HALF = 560, 245


def fingerprint_views(
    summary: pd.DataFrame, *, description: str, controls: Sequence[str] = (), title: str = "Multiscale fingerprints"
) -> alt.VConcatChart:
    """Draw fingerprints: energies and ranks of one network, its heat map, one attribute in all networks, all at ε.

    One slider moves ε in all views, and needs no kernel. The reader chooses a network for the first three views and an
    attribute for the fourth; a click on the legend singles out an attribute and shows the interval of its rank.

    Parameters
    ----------
    summary : DataFrame
        Of `frlib.summary.fingerprint_summary`.
    description : str
        Text alternative: what the views show and what they say.
    controls : sequence of str
        Networks that are no face networks; their curves are dashed.
    title : str

    Returns
    -------
    alt.VConcatChart
        Five views, one below the other.

    Raises
    ------
    ValueError
        If a column is missing, the table or the description is empty, or a control is no network of the table.
    """
    columns = ["network", "attribute", "scale", "energy", "energy_low", "rank", "share", "displacement"]
    checks.columns("summary", summary, columns)
    charts.check_description(description)
    missing = set(controls) - set(summary["network"])
    if missing:
        raise ValueError(f"controls must be networks of summary; got {', '.join(map(repr, sorted(missing)))}")
    data = _for_the_browser(summary, controls)
    views = [_one_network(data), _heat_map(data), _all_networks(data)]
    counts = summary.groupby("identities")["network"].unique()
    people = "; ".join(f"{n} identities: {', '.join(names)}" for n, names in sorted(counts.items(), reverse=True))
    lines = [f"Bands and bars: {LEVEL:.0%} interval of the mean over identities, by drawing them again.", f"{people}."]
    both = alt.vconcat(*views, spacing=22).resolve_scale(color="independent")
    return both.properties(title=alt.TitleParams(title, subtitle=_wrapped(lines)), description=description)


def _wrapped(lines: Sequence[str], width: int = 52) -> list[str]:
    """Break lines so that they fit a phone."""
    return [part for line in lines for part in textwrap.wrap(line, width)]


def _for_the_browser(summary: pd.DataFrame, controls: Sequence[str]) -> pd.DataFrame:
    """Return what the views need, with readable names and the stretch of the slider for which each scale stands."""
    kinds = np.where(summary["network"].isin(controls), KINDS[1], KINDS[0])
    names = summary["attribute"].str.replace("_", " ")
    data = summary.drop(columns="identities").assign(attribute=names, kind=kinds)
    data = data.rename(columns={"energy_low": "low", "energy_high": "high"})
    begins, ends = charts.stretches(data["scale"])
    return data.assign(begins=begins, ends=ends).round(3)


# ---------------------------------------------------------------- one network


def _one_network(data: pd.DataFrame) -> alt.VConcatChart:
    """Return curves, isolated shares and ranks of the network that the reader chose."""
    order = list(dict.fromkeys(data["attribute"]))
    curves, isolated = charts.curve_panels(data, "scale", "attribute", "network", order, False, True, (230, 46))
    ranks = _rank_panel(data, order).properties(width=_WIDTH, height=21 * len(order))
    isolated = isolated.properties(width=_WIDTH)
    curves = curves.properties(width=_WIDTH, title=_question("One network: energy of each attribute"))
    ranks = ranks.properties(title=_question("Ranks in this network, 1: highest"))
    return alt.vconcat(curves, isolated, ranks, spacing=14).resolve_scale(x="shared", color="shared")


def _question(text: str) -> alt.TitleParams:
    return alt.TitleParams(text, fontSize=12.5, fontWeight=600, offset=18 if text.startswith("One net") else 8)


def _rank_panel(data: pd.DataFrame, order: list[str]) -> alt.LayerChart:
    """Return ranks against the scale: large points where the rank is sure, and the interval of a picked attribute."""
    shown = alt.Chart(data).transform_filter("datum.network === chosen")
    axis, tint, fade = charts.scale_axis("scale"), charts.tint_of("attribute", order), charts.picked_or_faint()
    rank = alt.Y("rank:Q").title("rank").scale(domain=[0.6, len(order) + 0.4], reverse=True, nice=False, zero=False)
    rank = rank.axis(values=list(range(1, len(order) + 1)), format="d", grid=False, labelOverlap=False)
    tips = [
        "attribute:N",
        alt.Tooltip("scale:Q", format=".3~f"),
        alt.Tooltip("rank:Q"),
        alt.Tooltip("rank_sure:Q", format=".0%", title="draws with this rank"),
        alt.Tooltip("rank_low:Q", format=".0f", title="interval from"),
        alt.Tooltip("rank_high:Q", format=".0f", title="interval to"),
    ]
    lines = shown.mark_line(strokeWidth=1.6).encode(x=axis, y=rank, color=tint, opacity=fade)
    sure = alt.Size("rank_sure:Q").scale(domain=[0, 1], range=[4, 130]).legend(None)
    points = shown.mark_point().encode(x=axis, y=rank, color=tint, size=sure, opacity=fade, tooltip=tips)
    one = shown.transform_filter("length(data('picked_store')) > 0").transform_filter(alt.param("picked"))
    # Nothing at first, which a screen reader would be told of; the points carry the interval too.
    interval = one.mark_bar(width=5, opacity=0.35, aria=False).encode(
        x=axis, y=alt.Y("rank_low:Q").title("rank"), y2="rank_high:Q", color=tint
    )
    return alt.layer(charts.slider_rule(shown, axis), interval, lines, points)


def _heat_map(data: pd.DataFrame) -> alt.LayerChart:
    """Return attribute against scale, with the slider's column outlined and a dot where most points are isolated."""
    tips = [
        Column("isolated", "isolated points", format="%"),
        Column("displacement", "displacement, in mean pair distances"),
    ]
    energy = Column("energy", domain=(0, round(float(np.nanmax(data["energy"])), 2)))
    tiles = heat_map(data, Column("scale", "scale ε, in mean pair distances"), "attribute", energy, tips=tips)
    shown = alt.Chart(data).encode(x=tiles.layer[0].encoding.x, y=tiles.layer[0].encoding.y)
    few = shown.transform_filter("datum.isolated > 0.5").mark_point(
        size=22, fill="#ffffff", stroke="#000000", opacity=1
    )
    here = shown.transform_filter(_HERE).mark_rect(filled=False, strokeWidth=1.5, color=charts.COLORS[6])
    chart = only(alt.layer(tiles, few, here), "datum.network === chosen")
    return chart.properties(width=_WIDTH, title=_question("Heat map of this network"))


_HERE = "datum.begins <= epsilon && epsilon < datum.ends"

# ---------------------------------------------------------------- all networks


def _all_networks(data: pd.DataFrame) -> alt.VConcatChart:
    """Return one attribute in all networks, at equal ε and at equal share of pairs, and all attributes at ε."""
    attributes = charts.ordered(data["attribute"])
    bind = alt.binding_select(options=attributes, name="attribute ")
    attribute = alt.param("compared", value=attributes[0], bind=bind)
    pair = alt.hconcat(_compared(data, "scale").add_params(attribute), _compared(data, "share"), spacing=24)
    pair = pair.resolve_scale(color="shared", strokeDash="shared", y="shared")
    energy = Column("energy", "energy at ε", domain=(min(0.0, data["low"].min()), data["high"].max()))
    moved = Column("displacement", "displacement, in mean pair distances", log=True)
    at = alt.hconcat(
        _at_scale(data, energy, ("low", "high")),
        _at_scale(data, moved, ("displacement_low", "displacement_high")),
        spacing=24,
    )
    # One legend, below the first of the two rows that use these colours.
    both = alt.vconcat(
        pair.properties(title=_question("One attribute in all networks")),
        at.resolve_scale(color="shared").properties(title=_question("All attributes and networks at ε")),
        spacing=26,
    )
    return both.resolve_scale(color="independent", strokeDash="independent")


def _compared(data: pd.DataFrame, x: str) -> alt.LayerChart:
    """Return the energy of the chosen attribute against ε or against the share of pairs in the balls."""
    ticks = [0.001, 0.01, 0.03, 0.1, 0.3, 1]
    share = Column("share", "share of pairs in the balls", log=True, format="~%", ticks=ticks)
    scale = Column("scale", "scale ε")
    axes = (share, "energy") if x == "share" else (scale, "energy")
    look = {"color": "network", "tips": [scale, share]}
    lines = curves(data, *axes, dash=Column("kind", legend=False), band=("low", "high"), points=False, **look)
    points = only(scatter(data, *axes, size=90, **look), _HERE)
    chart = only(alt.layer(lines, points), f"datum.attribute === compared && datum.{x} > 0")
    return chart.properties(width=_HALF, height=190)


def _at_scale(data: pd.DataFrame, x: Column, bars: tuple[str, str]) -> alt.LayerChart:
    """Return all attributes and networks at the slider's ε: energies, or displacements (which know no scale)."""
    tint = Column("network", legend=False)
    chart = dots(data, x, "attribute", color=tint, apart=True, bars=bars, size=30, tips=["isolated"])
    return only(chart, _HERE).properties(width=_HALF - 50, height=40 * data["attribute"].nunique())
