"""Checks on what callers pass in. Every error names the argument, the value and what is accepted."""

import warnings
from collections.abc import Collection

import numpy as np
import torch

METRICS = ("cosine", "euclidean")


def one_of(name: str, value, accepted: Collection):
    """Return ``value`` if it is among ``accepted``.

    Raises
    ------
    ValueError
        Otherwise; the message lists what is accepted.
    """
    if value not in accepted:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, accepted))}; got {value!r}")
    return value


def between(name: str, value, low, high):
    """Return ``value`` if ``low <= value <= high`` (all elements, for an array or tensor).

    Raises
    ------
    ValueError
        If a value lies outside or is not a number.
    """
    flat = np.asarray(torch.as_tensor(value).detach().cpu(), dtype=float).ravel()
    outside = flat[~((flat >= low) & (flat <= high))]
    if outside.size:
        raise ValueError(f"{name} must lie between {low} and {high}; got {outside[0]}")
    return value


def columns(name: str, table, wanted) -> None:
    """Raise unless a table has rows and these columns.

    Raises
    ------
    ValueError
        If it has not.
    """
    for column in wanted:
        if column not in table:
            raise ValueError(f"{name} must have a column {column!r}; it has {', '.join(map(repr, table.columns))}")
    if table.empty:
        raise ValueError(f"{name} must not be empty")


def at_least(name: str, value: int, low: int) -> int:
    """Return ``value`` if it is an integer of at least ``low``.

    Raises
    ------
    ValueError
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise ValueError(f"{name} must be an integer of at least {low}; got {value!r}")
    return int(value)


def as_scales(name: str, value) -> np.ndarray:
    """Return ``value`` as an array of 1 to 1000 positive finite numbers.

    Raises
    ------
    ValueError
        If it is something else.
    """
    array = np.asarray(value, dtype=np.float64)
    if array.ndim != 1 or not array.size or array.size > 1000:
        raise ValueError(f"{name} must be a sequence of 1 to 1000 numbers; got shape {array.shape}")
    bad = array[~(np.isfinite(array) & (array > 0))]
    if bad.size:
        raise ValueError(f"{name} must be positive and finite; got {bad[0]}")
    return array


def as_matrix(
    name: str, value, *, rows: int | None = None, columns: int | None = None, metric: str | None = None
) -> torch.Tensor:
    """Return ``value`` as a finite floating-point matrix (N, d), without a copy where possible.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like, shape (N, d)
        Real numbers in any byte order. Float32 and float64 are kept; float16 and integers become float32, wider floats
        float64.
    rows, columns : int, optional
        The numbers of rows and columns that the matrix must have.
    metric : str, optional
        With ``"cosine"`` a row of zeros is an error, because it has no direction; with ``"euclidean"`` a row so long
        that distances overflow.

    Raises
    ------
    ValueError
        If the metric is unknown, a type or shape is wrong, an element is NaN or infinite, or a row is not accepted
        by the metric.
    """
    if metric is not None:
        one_of("metric", metric, METRICS)
    matrix = _as_tensor(name, value)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(f"{name} must be a non-empty matrix (N, d); got shape {tuple(matrix.shape)}")
    for what, wanted, found in zip(("rows", "columns"), (rows, columns), matrix.shape, strict=True):
        if wanted not in (None, found):
            raise ValueError(f"{name} must have {wanted} {what}; got {found}")
    largest = row_sizes(matrix.detach())
    finite = torch.isfinite(largest)
    if not finite.all():
        raise ValueError(f"{name} must be finite; row {int((~finite).nonzero()[0])} holds NaN or infinity")
    if metric == "cosine" and (largest == 0).any():
        row = int((largest == 0).nonzero()[0])
        raise ValueError(f"{name} must have no zero vector with metric='cosine'; row {row} is zero")
    # A distance between two rows must not overflow, in the type of the matrix or, squared, in float64.
    most = min(torch.finfo(matrix.dtype).max, 1e150) / (2 * matrix.shape[1] ** 0.5)
    if metric == "euclidean" and (largest > most).any():
        row = int((largest > most).nonzero()[0])
        raise ValueError(
            f"{name} must hold numbers up to {most:.2g}, or distances overflow with metric='euclidean'; row {row} holds"
            f" one of size {float(largest[row]):.2g}"
        )
    return matrix


def row_sizes(matrix: torch.Tensor) -> torch.Tensor:
    """Return the largest absolute value in each row of a matrix (N, d); NaN if one is NaN."""
    return torch.maximum(matrix.amax(dim=1), -matrix.amin(dim=1))  # ten times faster than the norm of order infinity


def _as_tensor(name: str, value) -> torch.Tensor:
    """Return real numbers of any type as a tensor of float32 or float64."""
    if not torch.is_tensor(value):
        try:
            array = np.asarray(value)
        except ValueError as error:  # rows of different lengths
            raise ValueError(f"{name} must be a matrix (N, d); {error}") from error
        if array.dtype.kind not in "fiu":
            raise ValueError(_not_real(name, array.dtype))
        kind = np.float64 if array.dtype.kind == "f" and array.dtype.itemsize >= 8 else np.float32
        with warnings.catch_warnings(), np.errstate(over="ignore"):  # a long double that is too large becomes infinite
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # it is read, never written
            value = torch.from_numpy(np.require(array, kind, "CA"))
    if value.is_complex() or value.dtype == torch.bool:
        raise ValueError(_not_real(name, value.dtype))
    return value if value.dtype in (torch.float32, torch.float64) else value.to(torch.float32)


def _not_real(name: str, kind) -> str:
    return f"{name} must hold one matrix of real numbers; got type {kind}, but only floats and integers are accepted"
