"""Trees of hierarchical clustering: which names join first, and at what height."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd
from scipy.cluster import hierarchy

from frlib import checks
from frlib.arguments import checked
from frlib.view.recipes import Column, Layer

_ROW = 22  # pixels from leaf to leaf


@checked
def dendrogram(
    tree, names: Sequence[str], *, x="height", color: Mapping | None = None, by: str | None = None
) -> alt.LayerChart:
    """Draw a tree of hierarchical clustering: its leaves below one another, its joins to the right at their heights.

    Parameters
    ----------
    tree : array_like, shape (n - 1, 4), or mapping to such
        What `scipy.cluster.hierarchy.linkage` returns. Leaves keep its order: ask it for the optimal one. A mapping
        holds one tree over the same names for each value of a column ``by``, from which the reader then chooses.
    names : sequence of str, length n
        Of the observations, all different.
    x : str or Column
        Name of the heights, with their title, ticks, format and domain. The axis begins at 0 and, where the domain is
        not given, is the same for all trees.
    color : mapping of name to str, optional
        The group of each name, as the colour of a dot at its leaf.
    by : str, optional
        Name of the column that tells trees apart, for ``choose`` of `frlib.view.figure`.

    Returns
    -------
    alt.LayerChart
        For `frlib.view.figure`; its height follows from the number of names.

    Raises
    ------
    ValueError
        If a tree is not a linkage matrix of as many names, names are not all different, one has no group, or ``by``
        is missing beside a mapping or given without one.
    """
    names = list(names)
    trees = _checked(tree, names, color, by)
    parts = [_drawn(value, names) for value in trees.values()]
    kinds = [{} if by is None else {by: kind} for kind in trees]
    leaves, joins = (
        pd.concat([part[k].assign(**kind) for part, kind in zip(parts, kinds, strict=True)]) for k in (0, 1)
    )
    x = x if isinstance(x, Column) else Column(x)
    top = float(joins["height"].max()) or 1.0
    heights = replace(x, domain=x.domain or (0, top))
    rows = Column("place", domain=(-0.6, len(names) - 0.4), reverse=True)
    leaves = leaves.assign(**{x.name: 0.0} | ({} if color is None else {"group": leaves["name"].map(color)}))
    lines = Layer(joins.rename(columns={"height": x.name}), heights, rows, ends=(("to height", "to place"),))
    ends = Layer(leaves, heights, rows, color=None if color is None else "group", ends=(("name",),))
    at = {"x": ends.places["x"], "y": ends.places["y"].axis(None)}
    rules = lines.chart.mark_rule(strokeWidth=1.6, strokeCap="square", clip=bool(x.domain))
    words = ends.chart.mark_text(align="right", dx=-10, fontSize=12)
    layers = [
        rules.encode(**at, x2="to height", y2="to place", tooltip=lines.tooltip[:1]),
        words.encode(**at | {"x": alt.value(0)}, text=alt.Text(field="name", type="nominal")),
    ]
    if color is not None:
        dots = ends.chart.mark_point(size=60, opacity=1)
        layers.append(dots.encode(**at | {"x": alt.value(0)}, color=ends.places["color"]))
    return alt.layer(*layers).properties(height=_ROW * len(names))


def _checked(tree, names: list, color: Mapping | None, by: str | None) -> dict[object, np.ndarray]:
    """Return the trees by the value of the column that tells them apart; None for one alone."""
    if isinstance(tree, Mapping) != (by is not None):
        raise ValueError(f"by must name a column if tree is a mapping, and only then; got {by!r}")
    trees = {k: checks.as_numbers("tree", value) for k, value in (tree if by is not None else {None: tree}).items()}
    if not trees:
        raise ValueError("tree must hold at least one linkage matrix; got an empty mapping")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"names must be all different; {twice!r} comes twice")
    for kind, value in trees.items():
        which = "tree" if by is None else f"tree[{kind!r}]"
        if value.shape != (len(names) - 1, 4):
            raise ValueError(f"{which} must have shape ({len(names) - 1}, 4) for {len(names)} names; got {value.shape}")
        if not (np.isfinite(value).all() and hierarchy.is_valid_linkage(value)):
            raise ValueError(f"{which} must be a matrix of scipy.cluster.hierarchy.linkage; got {value.tolist()!r:.60}")
    if color is not None and (missing := [name for name in names if name not in color]):
        raise ValueError(f"color must hold the group of each name; {missing[0]!r} is missing")
    return trees


def _drawn(tree: np.ndarray, names: list) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the leaves of a tree, from place 0 downwards, and the three straight lines of each join."""
    found = hierarchy.dendrogram(tree, no_plot=True)
    leaves = pd.DataFrame({"name": [names[k] for k in found["leaves"]], "place": range(len(names))})
    # scipy puts leaves at 5, 15, 25 and so on; a join has four corners, from one of its parts to the other.
    height, place = np.array(found["dcoord"]), (np.array(found["icoord"]) - 5) / 10
    corners = {"height": height[:, :-1], "place": place[:, :-1], "to height": height[:, 1:], "to place": place[:, 1:]}
    return leaves, pd.DataFrame({name: values.ravel() for name, values in corners.items()})
