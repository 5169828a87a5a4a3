"""Energies measured in several ways, compared person by person: what a choice of the measurement changes."""

from collections.abc import Sequence

import pandas as pd
from scipy import stats

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import mean_interval

#: What a row of energies belongs to, besides the way in which it was measured.
PLACES = ("network", "identity", "attribute", "scale")


@checked
def means_over_identities(table: pd.DataFrame, column: str, by: Sequence[str]) -> pd.DataFrame:
    """Return the mean of a column over the rows of each group, with the interval of `frlib.geometry.mean_interval`.

    Parameters
    ----------
    table : DataFrame
        One row per identity within each group.
    column : str
        Numbers; NaN is left out.
    by : sequence of str
        Columns that tell the groups apart.

    Returns
    -------
    DataFrame
        ``by``; the mean, under the name of the column; ``half``, ``low`` and ``high`` of its interval. Groups stand in
        the order of their first rows.
    """
    by = list(by)
    if not by:
        raise ValueError("by must name a column; got none")
    checks.columns("table", table, [*by, column], [column])
    rows = []
    for place, values in table.groupby(by, sort=False)[column]:
        found = mean_interval(values)
        ends = {"half": found.half, "low": found.low, "high": found.high}
        rows.append(dict(zip(by, place, strict=True)) | {column: found.mean} | ends)
    return pd.DataFrame(rows)


@checked
def paired_changes(table: pd.DataFrame, variant: str, reference: str | float) -> pd.DataFrame:
    """Return the change of every energy against that of the same person, measured in the way of reference.

    Parameters
    ----------
    table : DataFrame
        ``energy`` and ``attribute``, with ``identity``, ``network`` and ``scale`` where there are several.
    variant : str
        Column that says how an energy was measured.
    reference : str or number
        One of its values.

    Returns
    -------
    DataFrame
        The rows of the other variants, with ``reference``, the energy there, and ``change``, the energy less that. NaN
        where one of the two is, or has no counterpart.

    Raises
    ------
    ValueError
        If a column is missing, the reference is not among the variants, or a variant has two energies in one place.
    """
    checks.columns("table", table, [variant, "energy", "attribute"], ["energy"])
    checks.one_of("reference", reference, list(dict.fromkeys(table[variant])))
    places = [name for name in PLACES if name in table and name != variant]
    checks.columns("table", table, places)
    twice = table.duplicated([variant, *places])
    if twice.any():
        raise ValueError(
            f"table must have one energy for each {', '.join([variant, *places])}; got {int(twice.sum())} more"
        )
    own = table[table[variant] == reference].set_index(places).energy.rename("reference")
    others = table[table[variant] != reference].join(own, on=places)
    return others.assign(change=others.energy - others.reference).reset_index(drop=True)


@checked
def variant_summary(table: pd.DataFrame, variant: str, reference: str | float, *, scale: float = 1.0) -> pd.DataFrame:
    """Say in one row per variant what a way of measuring changes at one scale, against the way of reference.

    Parameters
    ----------
    table, variant, reference
        As of `paired_changes`, with ``identity`` and ``network``.
    scale : float
        Rows of other scales are left out, if there is a column ``scale``.

    Returns
    -------
    DataFrame, indexed by network and variant
        ``change`` and ``half``: mean over identities of the mean change over attributes, and half its interval;
        ``clear``: number of attributes whose own interval excludes 0; ``largest``, ``largest_half``, ``largest_at``:
        the largest mean change of an attribute in size, half its interval, and the attribute; ``order``: Kendall's
        rank correlation of the attributes' mean energies in both ways, on the same people and attributes. NaN, and no
        attribute, where no energy has a counterpart.

    Raises
    ------
    ValueError
        As in `paired_changes`, or if there is no row of the scale.
    """
    changes = paired_changes(table, variant, reference)
    checks.columns("table", changes, ["network", "identity"])
    if "scale" in changes:
        checks.one_of("scale", scale, sorted(set(changes["scale"])))
        changes = changes[changes["scale"] == scale]
    rows = {place: _summary(own) for place, own in changes.groupby(["network", variant], sort=False)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["network", variant])


def _summary(changes: pd.DataFrame) -> dict:
    """Return what `variant_summary` says of the paired changes of one variant."""
    known = changes.dropna(subset="change")
    if known.empty:
        names = ("change", "half", "clear", "largest", "largest_half")
        return dict.fromkeys(names, float("nan")) | {"largest_at": "", "order": float("nan")}
    all_attributes = mean_interval(known.groupby("identity").change.mean())
    single = means_over_identities(known, "change", ["attribute"]).set_index("attribute")
    largest = single.change.abs().idxmax()
    energies = known.groupby("attribute")[["energy", "reference"]].mean()
    return {
        "change": float(all_attributes.mean),
        "half": float(all_attributes.half),
        "clear": int((single.change.abs() > single.half).sum()),
        "largest": single.change[largest],
        "largest_half": single.half[largest],
        "largest_at": largest,
        "order": stats.kendalltau(energies.energy, energies.reference).statistic,
    }
