"""What a threshold does, with a slider: errors of verification, and answers of a rule that may say nobody."""

import altair as alt
import numpy as np
import pandas as pd

from frlib import checks
from frlib.arguments import checked
from frlib.view.figure import figure
from frlib.view.recipes import Column, curves, guide, scatter

_SLIDER = "threshold, in d_inter"
_KINDS = {"intra": "one person", "inter": "two people"}


@checked
def error_curves(table: pd.DataFrame, *, description: str, start: float = 0.7) -> alt.TopLevelMixin:
    """Draw the distances inside and between identities, and below them the errors of every threshold, with a slider.

    Parameters
    ----------
    table : DataFrame
        Rows of `frlib.geometry.distance_histogram` with ``low`` and ``high`` in units that all networks share;
        ``network``, from which the reader chooses; ``best``, a threshold of the network, drawn as a dashed rule. The
        errors are exact at the ends of the bins, and linear inside them.
    description : str
        Text alternative.
    start : float
        Where the slider starts.

    Raises
    ------
    ValueError
        If a column is missing or the description is empty.
    """
    checks.columns("table", table, ["kind", "low", "high", "share", "network", "best"])
    data = table.assign(pairs=table["kind"].map(_KINDS), density=table["share"] / (table["high"] - table["low"]))
    end = min(2.0, float(data["high"].max()))
    axis, steps = Column("low", "distance, in d_inter", domain=(0, end)), np.linspace(0, end, 101)
    shown = curves(data[data["low"] < end], axis, "density", color="pairs", points=False, step=True)
    errors = []
    for (network, kind), rows in data.groupby(["network", "kind"], sort=False):
        below = np.interp(steps, [rows["low"].iloc[0], *rows["high"]], [0, *rows["share"].cumsum()])
        answer, share = ("rejected wrongly", 1 - below) if kind == "intra" else ("accepted wrongly", below)
        errors.append(pd.DataFrame({"network": network, "threshold": steps, "answer": answer, "share": share}))
    best = guide(data.drop_duplicates(["network", "best"]), x="best")
    choose = {"network": None, _SLIDER: start}
    panels = shown + best, _answers(pd.concat(errors), axis.domain)
    return figure(*panels, description=description, choose=choose, columns=1, shared=False, height=180)


@checked
def answer_curves(table: pd.DataFrame, *, description: str, start: float = 0.5) -> alt.TopLevelMixin:
    """Draw what a rule answers against its threshold, one panel per group of people, with a slider.

    Parameters
    ----------
    table : DataFrame
        ``network``, from which the reader chooses; ``group``, one panel each; ``threshold``, on equal steps in units
        that all networks share; ``answer``, and its ``share`` of the group's images.
    description : str
        Text alternative.
    start : float
        Where the slider starts.

    Raises
    ------
    ValueError
        If a column is missing or the description is empty.
    """
    checks.columns("table", table, ["network", "group", "threshold", "answer", "share"])
    groups = list(dict.fromkeys(table["group"]))
    panels = [_answers(table[table["group"] == group]) for group in groups]
    choose = {"network": None, _SLIDER: start}
    return figure(*panels, description=description, choose=choose, titles=groups, columns=1, height=160)


def _answers(rows: pd.DataFrame, domain: tuple[float, float] | None = None) -> alt.LayerChart:
    """Return the share of each answer against the threshold, and in words at the slider's."""
    axis, share = Column("threshold", _SLIDER, domain=domain), Column("share", format="~%", domain=(0, 1))
    words = [f"{answer} {value:.2%}" for answer, value in zip(rows["answer"], rows["share"], strict=True)]
    at = rows.assign(words=words, **{_SLIDER: rows["threshold"]})
    lines = curves(rows, axis, share, color="answer", points=False)
    return lines + guide(at, x=_SLIDER) + scatter(at, axis, share, color="answer", text="words")
