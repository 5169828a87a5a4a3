"""What the two papers print: tables with provenance, read by `load`.

Two papers are meant throughout the book. Paper A is Leroy et al., *Attributes Shape the Embedding Space of Face
Recognition Models* (ICML 2025). Paper B is Rubab, Tong and Ross, *Are Face Embeddings Compatible Across Deep Neural
Network Models?* (2026). Each table is one CSV file beside this module; ``provenance.csv`` says where its numbers come
from and how exact they are.
"""

from importlib import resources

import pandas as pd

from frlib import checks

__all__ = ["load", "names", "provenance"]

_FOLDER = resources.files(__name__)


def names() -> list[str]:
    """Return the names of the tables that `load` accepts, sorted."""
    return sorted(provenance()["name"])


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


def _read(name: str) -> pd.DataFrame:
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)
