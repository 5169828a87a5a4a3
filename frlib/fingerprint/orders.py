"""Orders of attributes in tables of energies, and how sure they are over identities."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from frlib import checks
from frlib.arguments import checked
from frlib.fingerprint.summary import PLACE, cube, table_of
from frlib.geometry import among_extremes, below_all, crossings, mean_interval, rank_correlation, resampled_means


def _check(table: pd.DataFrame, **least: int) -> None:
    """Raise unless a table has energies of networks, with at least so many different values in some columns."""
    places = ["network", *PLACE]
    checks.columns("table", table, [*places, "energy"], ["energy"], places)
    for column, number in least.items():
        if table[column].nunique() < number:
            raise ValueError(f"table must have at least {number} values in its column {column!r}; got one")


@checked
def filled_scales(table: pd.DataFrame, at_most: float = 0.5) -> pd.DataFrame:
    """Return the rows at scales where, in every network and attribute, enough points have a neighbour.

    Parameters
    ----------
    table : DataFrame
        ``network``, ``attribute``, ``scale`` and ``isolated``, the share of points without one; one row per identity.
    at_most : float
        Largest mean share over identities.

    Returns
    -------
    DataFrame
        In the order of the table.

    Raises
    ------
    ValueError
        If a column is missing, or no scale is left.
    """
    checks.columns("table", table, ["network", "attribute", "scale", "isolated"], ["isolated"])
    shares = table.groupby(["scale", "network", "attribute"])["isolated"].mean().groupby("scale").max()
    kept = shares.index[shares <= at_most]
    if not len(kept):
        raise ValueError(f"table must have a scale with isolated at most {at_most}; the least is {shares.min():.3g}")
    return table[table["scale"].isin(kept)]


@checked
def extreme_shares(
    table: pd.DataFrame, wanted: Sequence[str] | None = None, *, highest: bool, draws: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Return in how many draws of identities attributes have the two highest or the two lowest energies.

    Parameters
    ----------
    table : DataFrame
        ``network``, ``identity``, ``attribute``, ``scale``, ``energy``, as of `frlib.fingerprint.fingerprint`.
    wanted : sequence of str, optional
        Attributes that are to be the extreme ones together. Default: each attribute by itself.
    highest : bool
        The highest, or the lowest; two, or as many as are wanted.
    draws, seed
        As in `frlib.geometry.resampled_means`.

    Returns
    -------
    DataFrame
        ``network``, ``attribute`` (unless some are wanted), ``scale``, ``share``.

    Raises
    ------
    ValueError
        If a column is missing or a wanted attribute unknown.
    """
    _check(table)
    names, scales, parts = list(dict.fromkeys(table["attribute"])), np.unique(table["scale"]), []
    for name in wanted or ():
        checks.one_of("wanted", name, names)
    if wanted and len(set(wanted)) < len(wanted):
        raise ValueError(f"wanted must name each attribute once; got {checks.shown(wanted)}")
    for network, own in table.groupby("network", sort=False):
        means = resampled_means(cube(own, attributes=names), draws, seed=seed)
        among = among_extremes(means, len(wanted or range(2)), highest=highest)
        if wanted:
            share = among[:, [names.index(name) for name in wanted]].all(axis=1).mean(axis=0)
            parts.append(table_of(share, "share", scale=scales).assign(network=network))
        else:
            parts.append(table_of(among.mean(axis=0), "share", attribute=names, scale=scales).assign(network=network))
    columns = ["network", "scale", "share"] if wanted else ["network", "attribute", "scale", "share"]
    return pd.concat(parts, ignore_index=True)[columns]


@checked
def lowest_shares(table: pd.DataFrame, network: str, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Return in how many draws of identities a network has lower energies than all others.

    Parameters
    ----------
    table, draws, seed
        As in `extreme_shares`; all networks have the same identities, attributes and scales.
    network : str

    Returns
    -------
    DataFrame
        ``attribute``, ``scale``, ``share``, and at last, as the attribute ``all``, the share of draws in which it is
        lowest in every attribute.

    Raises
    ------
    ValueError
        If a column is missing, the network unknown, or networks have different identities.
    """
    _check(table, identity=2)
    people = {name: set(own) for name, own in table.groupby("network", sort=False)["identity"]}
    for name, own in people.items():
        if other := own ^ people[table["network"].iloc[0]]:
            some = min(other, key=str)
            raise ValueError(f"table must have the same identities in all networks; {name!r} differs in {some!r}")
    checks.one_of("network", network, list(dict.fromkeys(table["network"])))
    names, scales = list(dict.fromkeys(table["attribute"])), np.unique(table["scale"])
    cubes = {name: cube(own, attributes=names) for name, own in table.groupby("network", sort=False)}
    below = below_all({name: resampled_means(values, draws, seed=seed) for name, values in cubes.items()}, network)
    shares = np.vstack([below.mean(axis=0), below.all(axis=1).mean(axis=0)])
    return table_of(shares, "share", attribute=[*names, "all"], scale=scales)


@checked
def crossing_pairs(table: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs of attributes whose order surely turns between the smallest and the largest scale.

    Parameters
    ----------
    table : DataFrame
        As in `extreme_shares`.

    Returns
    -------
    dict of network to list of pairs of str
        By `frlib.geometry.crossings`.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    _check(table, identity=2, attribute=2, scale=2)
    names = list(dict.fromkeys(table["attribute"]))
    found = {n: crossings(cube(own, attributes=names)) for n, own in table.groupby("network", sort=False)}
    return {network: [(names[i], names[j]) for i, j in pairs] for network, pairs in found.items()}


@checked
def against_others(table: pd.DataFrame, attribute: str) -> pd.DataFrame:
    """Return by how much the energy of an attribute differs from the mean of all others.

    One question in place of one for each pair of attributes, so that few identities can answer it.

    Parameters
    ----------
    table : DataFrame
        As in `extreme_shares`.
    attribute : str

    Returns
    -------
    DataFrame
        ``network``, ``scale``; ``difference``, its mean over identities, with ``low`` and ``high`` of
        `frlib.geometry.mean_interval`.

    Raises
    ------
    ValueError
        If a column is missing or the attribute unknown.
    """
    _check(table, attribute=2)
    names = list(dict.fromkeys(table["attribute"]))
    checks.one_of("attribute", attribute, names)
    own, parts = names.index(attribute), []
    for network, rows in table.groupby("network", sort=False):
        values = cube(rows, attributes=names)
        found = mean_interval(values[:, own] - np.delete(values, own, axis=1).mean(axis=1))
        ends = {"difference": found.mean, "low": found.low, "high": found.high}
        parts.append(pd.DataFrame({"network": network, "scale": np.unique(rows["scale"]), **ends}))
    return pd.concat(parts, ignore_index=True)


@checked
def agreement_with(reference: pd.Series, table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return how the order of the attributes agrees with that of other numbers, over identities.

    Parameters
    ----------
    reference : Series
        One number per attribute, which is its index.
    table : DataFrame
        ``identity``, ``attribute``, ``energy`` and the columns of ``by``.
    by : sequence of str
        Columns that tell apart what is compared: network, neighbourhood, vectors.

    Returns
    -------
    DataFrame
        The columns of ``by``; ``rho``, the mean over identities of Spearman's correlation over the attributes, with
        ``low`` and ``high`` of `frlib.geometry.mean_interval`, NaN for a single one; ``identities``.

    Raises
    ------
    ValueError
        If a column is missing, or an identity does not have the attributes of the reference, each once.
    """
    if not len(by):
        raise ValueError("by must name a column; got none")
    checks.columns("table", table, ["identity", "attribute", "energy", *by], ["energy"], ["identity", "attribute", *by])
    rows, wanted = [], sorted(reference.index)
    for place, own in table.groupby(list(by), sort=False):
        if any(sorted(part) != wanted for _, part in own.groupby("identity")["attribute"]):
            raise ValueError(f"table must have the attributes {', '.join(wanted)} once per identity, at {place}")
        energies = own.pivot(index="identity", columns="attribute", values="energy")[reference.index]
        found = mean_interval(rank_correlation(energies, reference))
        rows.append((*place, float(found.mean), float(found.low), float(np.minimum(1, found.high)), len(energies)))
    return pd.DataFrame(rows, columns=[*by, "rho", "low", "high", "identities"])
