"""Energies against scale: the curves of one table, and the fingerprints of several networks under one slider."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from frlib import checks
from frlib.arguments import checked
from frlib.geometry.resampling import LEVEL
from frlib.view.figure import figure
from frlib.view.recipes import Column, curves, dots, guide, heat_map, scatter

_SCALE = "scale ε, in mean pair distances"
_TIPS = (Column("neighbors", "neighbours in the ball"), Column("isolated", "isolated points", format="%"))


@checked
def energy_curves(
    table: pd.DataFrame,
    *,
    description: str,
    color: str = "attribute",
    detail: str | None = None,
    x: str = "scale",
    choose: str | None = None,
    title: str = "Energy against scale",
    band: tuple[float, float] = (0.1, 0.9),
    log: bool = False,
    height: int = 260,
) -> alt.VConcatChart:
    """Draw energy against scale, with the spread over replicates and the share of isolated points below.

    The energy of a scale at which most points are isolated rests on few points.

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
    height : int
        Of the main panel, in pixels.

    Raises
    ------
    ValueError
        If a column is missing, the table is empty, or the description is empty.
    """
    keys = [column for column in (choose, color, x) if column]
    numbers = ["energy", "neighbors", "isolated"]
    checks.columns("table", table, [*keys, *([detail] if detail else []), *numbers], numbers)
    groups = table.groupby(keys, sort=False)
    data = groups[["energy", "neighbors", "isolated"]].mean().reset_index()
    data[["low", "high"]] = np.transpose([groups["energy"].quantile(level) for level in band])
    axis = Column(x, _SCALE if x == "scale" else x, log=log)
    energy = curves(data, axis, "energy", color=color, band=("low", "high"), tips=_TIPS)
    alone = curves(
        data, axis, Column("isolated", format="%", domain=(0, 1), ticks=[0, 0.5, 1]), color=color, points=False
    )
    count = table[detail].nunique() if detail else 1
    low, high = (f"{100 * level:.0f}th" for level in band)
    said = [f"Line: mean over {detail} (n = {count}). Band: {low} to {high} percentile."] if count > 1 else []
    panels = (guide(y=1) + energy).properties(height=height), alone.properties(height=70)
    chart = figure(*panels, description=description, choose=choose or (), columns=1)
    return chart.properties(title=alt.TitleParams(title, subtitle=said))


@checked
def fingerprint_views(
    summary: pd.DataFrame, *, description: str, title: str = "Multiscale fingerprint of one network"
) -> alt.VConcatChart:
    """Draw the fingerprint of one network, which the reader chooses: energies, isolated shares, ranks, heat map.

    The tooltip of a rank has its interval.

    Parameters
    ----------
    summary : DataFrame
        Of `frlib.fingerprint.summary.fingerprint_summary`.
    description : str
        Text alternative: what the views show and what they say.
    title : str

    Raises
    ------
    ValueError
        If a column is missing, or the table or the description is empty.
    """
    checks.columns("summary", summary, ["network", "attribute", "scale", "energy", "rank"])
    few = np.where(summary["isolated"] > 0.5, "●", "")
    one = summary.assign(attribute=summary["attribute"].str.replace("_", " "), few=few)
    titles = ["Energies", "Isolated points", "Ranks, 1: highest", "Heat map"]
    chart = figure(*_one_network(one), description=description, choose="network", titles=titles, shared=False)
    return chart.properties(title=alt.TitleParams(title, subtitle=_people_said(summary)))


@checked
def across_networks(
    summary: pd.DataFrame,
    *,
    description: str,
    controls: Sequence[str] = (),
    title: str = "All networks at ε",
) -> alt.VConcatChart:
    """Draw one attribute in all networks, and all attributes at one ε; the reader chooses both, and needs no kernel.

    Parameters
    ----------
    summary, description, title
        As in `fingerprint_views`.
    controls : sequence of str
        Networks that are no face networks; their curves are dashed.

    Raises
    ------
    ValueError
        If a column is missing, the table or the description is empty, or a control is no network of the table.
    """
    checks.columns("summary", summary, ["network", "attribute", "scale", "energy", "share", "displacement"])
    missing = set(controls) - set(summary["network"])
    if missing:
        raise ValueError(f"controls must be networks of summary; got {', '.join(map(repr, sorted(missing)))}")
    kind = np.where(summary["network"].isin(controls), "control", "face network")
    one = summary.assign(attribute=summary["attribute"].str.replace("_", " "), kind=kind)
    # What the reader chooses hides rows of the tables that have its column, so the others need another name.
    several = one[one["share"] > 0].rename(columns={"attribute": "compared attribute"})
    here = one.rename(columns={"scale": "ε"})
    chart = figure(
        *_one_attribute(several, guide(here.drop_duplicates("ε"), x="ε")),
        *_at_scale(here),
        description=description,
        choose=("compared attribute", "ε"),
        titles=["One attribute", "At equal share of pairs", "All attributes at ε", "How far they move the embedding"],
        shared=False,
    )
    return chart.properties(title=alt.TitleParams(title, subtitle=_people_said(summary)))


def _people_said(summary: pd.DataFrame) -> list[str]:
    """Return what the bands are, and how many people stand behind them."""
    counts = summary.groupby("identities")["network"].unique()
    people = "; ".join(f"{n} identities: {', '.join(names)}" for n, names in sorted(counts.items(), reverse=True))
    people = f"{counts.index[0]} identities in every network" if len(counts) == 1 else people
    return [f"Bands and bars: {LEVEL:.0%} interval of the mean over identities, by drawing them again.", f"{people}."]


def _one_network(table: pd.DataFrame) -> list[alt.LayerChart]:
    """Return energies, isolated shares and ranks against the scale, and the energies as a heat map."""
    axis, plain = Column("scale", _SCALE), Column("attribute", legend=False)
    rank = Column("rank", reverse=True, ticks=range(1, table["attribute"].nunique() + 1))
    sure = Column("rank_sure", "draws with this rank", domain=(0, 1), format="%", legend=False)
    ends = [Column("rank_low", "interval from"), Column("rank_high", "interval to")]
    energy = Column("energy", domain=(0, table["energy"].max()))
    return [
        curves(table, axis, "energy", color="attribute", band=("energy_low", "energy_high"), tips=_TIPS),
        curves(table, axis, Column("isolated", format="%", domain=(0, 1)), color=plain, points=False),
        curves(table, axis, rank, color=plain, points=False)
        + scatter(table, axis, rank, color=plain, size=sure, tips=ends),
        heat_map(table, axis, "attribute", energy, text="few", tips=[*_TIPS, "displacement"]),
    ]


def _one_attribute(table: pd.DataFrame, here: alt.Chart) -> list[alt.LayerChart]:
    """Return the energy in all networks against ε and against the share of pairs in the balls."""
    scale = Column("scale", "scale ε")
    share = Column(
        "share", "share of pairs in the balls", log=True, format="~%", ticks=[0.001, 0.01, 0.03, 0.1, 0.3, 1]
    )
    looks = {"dash": Column("kind", legend=False), "band": ("energy_low", "energy_high"), "points": False}
    return [
        here + curves(table, scale, "energy", color="network", tips=[share], **looks),
        curves(table, share, "energy", color=Column("network", legend=False), tips=[scale], **looks),
    ]


def _at_scale(table: pd.DataFrame) -> list[alt.LayerChart]:
    """Return energies of all attributes and networks, and displacements (which know no scale)."""
    energy = Column("energy", "energy at ε", domain=(min(0.0, table["energy_low"].min()), table["energy_high"].max()))
    moved = Column("displacement", "displacement, in mean pair distances", log=True)
    looks = {"color": Column("network", legend=False), "apart": True, "size": 30, "tips": ["isolated"]}
    rows = [dots(table, x, "attribute", bars=(f"{x.name}_low", f"{x.name}_high"), **looks) for x in (energy, moved)]
    return [row.properties(height=40 * table["attribute"].nunique()) for row in rows]


@checked
def energies_of_images(
    table: pd.DataFrame, *, description: str, order: Sequence[str], choose: str = "network"
) -> alt.VConcatChart:
    """Draw energy against scale for several kinds of images in one panel, with the share of isolated images below.

    Lines are means over people; a kind of images has its own dash.

    Parameters
    ----------
    table : DataFrame
        Rows of `frlib.fingerprint.fingerprint` with ``images``, their kind.
    description : str
        Text alternative.
    order : sequence of str
        Of the kinds: solid, dashed, dotted.
    choose : str
        Column whose values the reader chooses from.

    Raises
    ------
    ValueError
        If a column is missing, or the table or the description is empty.
    """
    keys = [choose, "images", "attribute", "scale"]
    checks.columns("table", table, [*keys, "energy", "isolated"], ["energy", "isolated"])
    means = table.groupby(keys, sort=False)[["energy", "isolated"]].mean().reset_index()
    alone = Column("isolated", format="%", domain=(0, 1), ticks=[0, 0.5, 1])
    look = {"color": "attribute", "dash": Column("images", order=list(order)), "points": False}
    panels = (
        (guide(y=1) + curves(means, Column("scale", _SCALE), "energy", **look)).properties(height=240),
        curves(means, Column("scale", _SCALE), alone, **look).properties(height=70),
    )
    return figure(*panels, description=description, choose=choose, columns=1)
