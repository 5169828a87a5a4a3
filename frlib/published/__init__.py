"""What the two papers print: tables with provenance, read by `load`.

Two papers are meant throughout the book. Paper A is Leroy et al., *Attributes Shape the Embedding Space of Face
Recognition Models* (ICML 2025). Paper B is Rubab, Tong and Ross, *Are Face Embeddings Compatible Across Deep Neural
Network Models?* (2026). Each table is one CSV file beside this module; ``provenance.csv`` says where its numbers come
from and how exact they are.
"""

from importlib import resources

import pandas as pd

from frlib import checks
from frlib.arguments import checked

__all__ = ["ks_statistics", "load", "names", "network_names", "provenance"]

_FOLDER = resources.files(__name__)
#: The networks of paper A by the shortest names that tell them apart, the Euclidean one first.
_NETWORKS = {
    ("FaceNet", "iResNetv1"): "FaceNet",
    ("SphereFaceR", "iResNet100"): "SphereFaceR r100",
    ("ArcFace", "ResNet50"): "ArcFace r50",
    ("ArcFace", "ResNet18"): "ArcFace r18",
    ("AdaFace", "ResNet18"): "AdaFace r18",
}


@checked
def names() -> list[str]:
    """Return the names of the tables that `load` accepts, sorted."""
    return sorted(provenance()["name"])


@checked
def load(name: str) -> pd.DataFrame:
    """Return one table of published numbers.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    pandas.DataFrame
        A fresh copy; ``attrs["provenance"]`` is a dict with the fields that `provenance` describes. A missing number
        is one that could not be recovered.

    Raises
    ------
    ValueError
        If there is no such table.
    """
    source = provenance(name)
    table = _read(name)
    table.attrs["provenance"] = source.to_dict()
    return table


@checked
def provenance(name: str | None = None) -> pd.DataFrame | pd.Series:
    """Return where the numbers of a table come from and how exact they are.

    Parameters
    ----------
    name : str, optional
        One of `names`; without it, all tables are described.

    Returns
    -------
    pandas.Series or pandas.DataFrame
        ``name``, ``paper`` ("A", "B" or both), ``content``, ``source`` (the publication or repository), ``location``
        (table, figure or notebook), ``obtained`` (how the numbers were got), ``precision`` ("exact": digit for digit;
        "read off": measured on a picture; "mixed": row by row, see the column ``obtained`` of the table; "text":
        statements, not numbers), ``tolerance`` (largest error of a number that was read off, 0 where none was) and
        ``licence``.

    Raises
    ------
    ValueError
        If there is no such table.
    """
    table = _read("provenance")
    if name is None:
        return table
    checks.one_of("name", name, sorted(table["name"]))
    return table.set_index("name", drop=False).loc[name]


@checked
def network_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with one short name per network in place of the columns ``model`` and ``architecture``.

    Parameters
    ----------
    table : DataFrame
        From `load`, of the five networks of paper A.

    Returns
    -------
    DataFrame
        ``network`` and the other columns, the rows of a network together and the networks in one order for all tables.

    Raises
    ------
    ValueError
        If a column is missing, or a network is another one.
    """
    checks.columns("table", table, ["model", "architecture"], keys=["model", "architecture"])
    keys = list(zip(table["model"], table["architecture"], strict=True))
    for key in keys:
        checks.one_of("table", key, _NETWORKS)
    named = table.assign(network=[_NETWORKS[key] for key in keys])
    order = {name: k for k, name in enumerate(_NETWORKS.values())}
    named = named.sort_values("network", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    return named[["network", *(c for c in table if c not in ("model", "architecture"))]]


@checked
def ks_statistics() -> pd.DataFrame:
    """Return all KS statistics that could be recovered from the notebooks of paper A, or the least they can be.

    Returns
    -------
    DataFrame
        ``network`` as in `network_names`; ``attribute``; ``modality``: positive, negative or mean; ``n``: people per
        modality; ``value``: the statistic; ``bound``: whether it is known from below only; ``p``: as it was stored, 0
        where it was too small to be written, missing for means.
    """
    halves, means = (network_names(load(name)) for name in ("ks_by_modality", "ks_by_attribute"))
    halves = halves.assign(value=halves["ks"].fillna(halves["ks_lower_bound"]), bound=halves["ks"].isna())
    keys = ["network", "attribute"]
    least = halves.groupby(keys, as_index=False, sort=False)[["n", "value"]].agg({"n": "first", "value": "mean"})
    means = means.merge(least, on=keys, validate="one_to_one")
    means = means.assign(value=means["ks"].fillna(means["value"]), bound=means["ks"].isna(), modality="mean")
    table = pd.concat([means, halves], ignore_index=True)
    return table[[*keys, "modality", "n", "value", "bound", "p"]]


def _read(name: str) -> pd.DataFrame:
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)
