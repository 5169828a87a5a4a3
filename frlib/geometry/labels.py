"""Checks of the labels that go with embeddings: identities, strata, boolean attributes."""

import numpy as np
import pandas as pd
import torch

from frlib import checks


def numbered(name: str, labels, rows: int, of: str = "row") -> tuple[np.ndarray, np.ndarray]:
    """Return labels as numbers from 0, in the order of their first appearance, and the different labels.

    Raises
    ------
    ValueError
        If there is not one label per row, or one is missing; ``of`` says what a row is.
    """
    labels = checks.as_array(name, labels.cpu() if torch.is_tensor(labels) else labels, f"labels, one per {of}")
    if labels.shape != (rows,):
        raise ValueError(f"{name} must have shape ({rows},), one per {of}; got {labels.shape}")
    if pd.isna(labels).any():
        raise ValueError(f"{name} must not be missing; number {int(pd.isna(labels).argmax())} is")
    try:
        return pd.factorize(labels.astype(labels.dtype.newbyteorder("="), copy=False))
    except TypeError as error:
        raise ValueError(f"{name} must be labels that can be compared, one per {of}; {error}") from error


def boolean_table(attributes, rows: int | None = None) -> pd.DataFrame:
    """Return a boolean DataFrame with a fresh index.

    Raises
    ------
    ValueError
        If it is none, has no column, a name twice, a column that is not boolean, or not ``rows`` rows.
    """
    if not isinstance(attributes, pd.DataFrame) or attributes.shape[1] == 0:
        found = "one without columns" if isinstance(attributes, pd.DataFrame) else f"{attributes!r:.60}"
        raise ValueError(f"attributes must be a DataFrame with a boolean column per attribute; got {found}")
    if rows is not None and len(attributes) != rows:
        raise ValueError(f"attributes must have {rows} rows, one per image; got {len(attributes)}")
    if not attributes.columns.is_unique:
        twice = attributes.columns[attributes.columns.duplicated()][0]
        raise ValueError(f"attributes must have columns of different names; got {twice!r} twice")
    for name, kind in attributes.dtypes.items():
        if not pd.api.types.is_bool_dtype(kind) or attributes[name].isna().any():
            raise ValueError(f"attributes must be boolean, without missing values; {name!r} has type {kind}")
    return attributes.reset_index(drop=True).astype(bool)


def booleans(name: str, values, rows: int | None = None, of: str = "row") -> np.ndarray:
    """Return booleans, one per row.

    Raises
    ------
    ValueError
        If there is not one per row, or a value is of another type; ``of`` says what a row is.
    """
    values = checks.as_array(name, values, f"booleans, one per {of}")
    if values.dtype != bool or values.ndim != 1 or rows not in (None, len(values)):
        wanted = "" if rows is None else f" of shape ({rows},)"
        raise ValueError(
            f"{name} must be boolean{wanted}, one value per {of}; got {values.dtype} of shape {values.shape}"
        )
    return values
