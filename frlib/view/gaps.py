"""What a KS statistic measures, with a slider: two distribution functions, and the gap between them."""

import altair as alt
import pandas as pd

from frlib import checks
from frlib.arguments import checked
from frlib.view.figure import figure
from frlib.view.recipes import Column, curves, guide, scatter

_SLIDER = "look at distance"
_WORDS = {"inside": "inside the modality", "across": "across"}


@checked
def gap_curves(table: pd.DataFrame, *, description: str, start: float | None = None) -> alt.TopLevelMixin:
    """Draw the distances inside a modality and across as distribution functions, and below them their gap.

    The reader moves a distance: both shares of pairs and the gap are written there. A dashed line marks the distance of
    the largest gap, which is the statistic.

    Parameters
    ----------
    table : DataFrame
        Rows of `frlib.geometry.distance_functions`, all with distances at the same equal steps.
    description : str
        Text alternative.
    start : float, optional
        Where the slider starts. Default: its middle.

    Returns
    -------
    alt.Chart
        Works without a kernel; the reader chooses attribute and modality.

    Raises
    ------
    ValueError
        If a column is missing, attributes have other distances, or the description is empty.
    """
    keys = ["attribute", "modality"]
    checks.columns("table", table, [*keys, "distance", "inside", "across", "at", "ks"])
    steps = table.groupby(keys)["distance"].agg(tuple).nunique()
    if steps != 1:
        raise ValueError(f"table must have the same distances for all attributes; got {steps} different lists")
    axis = Column("distance", domain=(0, float(table["distance"].max())))
    share = Column("share", "share of pairs", format="~%", domain=(0, 1))
    gap = Column("gap", "gap", domain=(0, float(1.15 * table["ks"].max())))
    functions = table.melt([*keys, "distance"], list(_WORDS), "pairs", "share").replace({"pairs": _WORDS})
    gaps = table.assign(gap=(table["inside"] - table["across"]).abs())
    best = table.drop_duplicates([*keys, "at"])[[*keys, "at"]]
    shown = curves(functions, axis, share, color="pairs", points=False) + guide(best, x="at")
    ends = Column("inside", share.title, format=share.format, domain=share.domain)
    shown += _at_slider(gaps, axis, ends, [""] * len(gaps), y_bars=("across", "inside"))
    shown += _at_slider(functions, axis, share, [f"{value:.0%}" for value in functions["share"]], color="pairs")
    below = curves(gaps, axis, gap, points=False) + guide(best, x="at")
    below += _at_slider(gaps, axis, gap, [f"gap {value:.3f}" for value in gaps["gap"]])
    choose = {"attribute": None, "modality": None, _SLIDER: start}
    return figure(shown, below, description=description, choose=choose, columns=1, height=170)


def _at_slider(rows: pd.DataFrame, x: Column, y: Column, words: list[str], **look) -> alt.LayerChart:
    """Return marks and words of the rows, of which the slider shows those at its distance."""
    at = rows.assign(words=words, **{_SLIDER: rows["distance"]})
    return guide(at, x=_SLIDER) + scatter(at, x, y, text="words", **look)
