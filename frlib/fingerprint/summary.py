"""What a table of energies says in short: means over identities with intervals, ranks, and a ranking of attributes."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import draw_interval, mean_interval, resampled_means

#: The scale of the ranking: all networks have filled balls there.
RANKED_AT = 1.0
#: What a row of the energies of one network belongs to.
PLACE = ("identity", "attribute", "scale")


@checked
def cube(table: pd.DataFrame, column: str = "energy", attributes: Sequence[str] | None = None) -> np.ndarray:
    """Return a column of the energies of one network, identity by identity.

    Parameters
    ----------
    table : DataFrame
        Rows of `frlib.fingerprint.fingerprint` of one network: one per identity, attribute and scale.
    column : str
    attributes : sequence of str, optional
        Their order. Default: as they first appear.

    Returns
    -------
    ndarray, shape (identities, attributes, scales)
        Identities and scales in ascending order.

    Raises
    ------
    ValueError
        If a column is missing, or an identity does not have every attribute and scale once.
    """
    checks.columns("table", table, [*PLACE, column], [column], PLACE)
    attributes = list(dict.fromkeys(table["attribute"])) if attributes is None else list(attributes)
    identities, scales = np.unique(table["identity"]), np.unique(table["scale"])
    return array_of(table, column, identity=identities, attribute=attributes, scale=scales)


@checked
def array_of(table: pd.DataFrame, column: str, **axes: Sequence) -> np.ndarray:
    """Return a column of a table as an array with one axis for each of some other columns.

    Parameters
    ----------
    table : DataFrame
        Rows with other values on an axis than those asked for are left out.
    column : str
    **axes : sequence
        Name of a column, and its values in the order of the array.

    Returns
    -------
    ndarray
        With the axes in the order given.

    Raises
    ------
    ValueError
        If a column is missing, or a combination of values does not stand in the table exactly once.
    """
    checks.columns("table", table, [*axes, column])
    levels = _levels(axes)
    places = pd.MultiIndex.from_product(levels)
    found = table.set_index(list(axes))[column]
    found = found[found.index.isin(places)]
    if len(found) != len(places) or not found.index.is_unique:
        shape = " x ".join(str(len(values)) for values in levels)
        raise ValueError(
            f"table must have each combination of {', '.join(axes)} once; got {len(found)} rows for {shape}"
        )
    return found.loc[places].to_numpy().reshape([len(values) for values in levels])


def _levels(axes: Mapping[str, Sequence]) -> list[list]:
    """Return the values on each axis."""
    for name, values in axes.items():
        if not all(pd.api.types.is_hashable(value) and np.ndim(value) == 0 for value in values):
            raise ValueError(f"{name} must hold texts or numbers; got {checks.shown(list(values))}")
    if not axes:
        raise ValueError("axes must be at least one: the name of a column, and its values")
    return [list(values) for values in axes.values()]


@checked
def table_of(values, column: str, **axes: Sequence) -> pd.DataFrame:
    """Return an array as a table, one row per value: the inverse of `array_of`.

    Parameters
    ----------
    values : array_like
        With one axis for each of ``axes``, of its length.
    column : str
        Name of the column of values.
    **axes : sequence
        Name of a column, and its values in the order of the array.

    Returns
    -------
    DataFrame

    Raises
    ------
    ValueError
        If the array has another shape, or there is no axis.
    """
    values, levels = np.asarray(values), _levels(axes)
    if values.shape != tuple(map(len, levels)):
        raise ValueError(f"values must have shape {tuple(map(len, levels))}, as the axes; got {values.shape}")
    places = pd.MultiIndex.from_product(levels, names=list(axes))
    return pd.Series(values.ravel(), index=places, name=column).reset_index()


@checked
def fingerprint_summary(table: pd.DataFrame, *, n_points: int, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Return means over identities with their intervals, and the rank of each attribute at each scale.

    The unit is the identity. Intervals of means and of ranks come from the same draws of identities and are those of
    `frlib.geometry.draw_interval`; there is none where people can be drawn who have no energy. Networks may have
    different identities.

    Parameters
    ----------
    table : DataFrame
        Rows of `frlib.fingerprint.fingerprint`: one per network, identity, attribute and scale.
    n_points : int
        Number of centres per identity.
    draws, seed
        As in `frlib.geometry.resampled_means`.

    Returns
    -------
    DataFrame
        One row per network, attribute and scale: ``energy``, ``displacement``, each with ``_low`` and ``_high``;
        ``neighbors`` and ``isolated``, means; ``share``, the mean ball size over the number of other points; ``rank``
        of the mean energy in its network, 1 for the highest, with ``rank_low`` and ``rank_high``; ``rank_sure``, the
        share of draws in which the attribute has this rank; ``identities``, their number.

    Raises
    ------
    ValueError
        If a column is missing, a network has fewer than two identities, or identities differ in attributes or scales.
    """
    wanted = ["energy", "displacement", "neighbors", "isolated"]
    checks.columns("table", table, ["network", *PLACE, *wanted], wanted, ["network", *PLACE])
    parts = [_summary_of(name, own, n_points, draws, seed) for name, own in table.groupby("network", sort=False)]
    return pd.concat(parts, ignore_index=True)


def _summary_of(network: str, table: pd.DataFrame, n_points: int, draws: int, seed: int) -> pd.DataFrame:
    """Return the rows of one network."""
    columns = {c: cube(table, c) for c in ("energy", "displacement", "neighbors", "isolated")}
    people = checks.at_least(f"number of identities of {network!r} in table", len(columns["energy"]), 2)
    result = {name: mean_interval(values).mean for name, values in columns.items()}
    for name in ("energy", "displacement"):
        means = resampled_means(columns[name], draws, seed=seed)
        result[f"{name}_low"], result[f"{name}_high"] = draw_interval(means, nan_policy="propagate")
        if name == "energy":
            result |= _ranks(result["energy"], means)
    result["share"] = result["neighbors"] / (n_points - 1)
    names = {"attribute": list(dict.fromkeys(table["attribute"])), "scale": np.unique(table["scale"])}
    places = pd.MultiIndex.from_product(names.values(), names=names)
    rows = pd.DataFrame({k: v.ravel() for k, v in result.items()}, index=places).reset_index()
    return rows.assign(network=network, identities=people)


def _ranks(mean: np.ndarray, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Return ranks of attributes by energy, 1 for the highest, at each scale; NaN where an energy is missing."""
    rank, drawn = (stats.rankdata(-values, axis=-2, nan_policy="omit") for values in (mean, draws))
    low, high = draw_interval(drawn, nan_policy="propagate")
    return {"rank": rank, "rank_low": low, "rank_high": high, "rank_sure": (drawn == rank).mean(axis=0)}


@checked
def ranking(energies: pd.DataFrame, retention: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return one row per attribute of one network, the most sensitive first.

    Parameters
    ----------
    energies : DataFrame
        ``identity``, ``attribute``, ``scale``, ``energy``, ``isolated``, ``displacement``.
    retention : DataFrame, optional
        Rows of `frlib.geometry.identity_retention`, one per identity and attribute.

    Returns
    -------
    DataFrame
        ``attribute``; ``displacement`` and ``energy`` at scale 1 with ``_low`` and ``_high`` of
        `frlib.geometry.mean_interval` over identities; ``isolated``: mean share of points without neighbour at that
        scale; ``energy_rank``: 1 for the lowest energy; ``curves_accepted``: share of curves whose three images are
        taken for one person.

    Raises
    ------
    ValueError
        If no row is of scale 1.
    """
    rows, ranked = [], energies[energies["scale"] == RANKED_AT]
    if ranked.empty:
        scales = ", ".join(f"{scale:g}" for scale in np.unique(energies["scale"]))
        raise ValueError(f"energies must have rows at scale {RANKED_AT:g}; got {scales or 'no row'}")
    for attribute, part in ranked.groupby("attribute", sort=False):
        row = {"attribute": attribute, "isolated": float(part["isolated"].mean()), "identities": len(part)}
        for name in ("displacement", "energy"):
            found = mean_interval(part[name])
            # Neither can be negative; of a few values the interval could be.
            row |= {name: found.mean, f"{name}_low": np.maximum(0, found.low), f"{name}_high": found.high}
        if retention is not None:
            row["curves_accepted"] = float(retention.loc[retention["attribute"] == attribute, "curves_accepted"].mean())
        rows.append(row)
    table = pd.DataFrame(rows).sort_values("displacement", ascending=False, ignore_index=True)
    return table.assign(energy_rank=table["energy"].rank())
