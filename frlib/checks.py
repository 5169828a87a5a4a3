"""Checks on what callers pass in. Every error names the argument, the value and what is accepted."""

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


def as_matrix(name: str, value, *, rows: int | None = None, metric: str | None = None) -> torch.Tensor:
    """Return ``value`` as a finite floating-point matrix (N, d), without a copy where possible.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like, shape (N, d)
        Integers become float32; float32 and float64 are kept.
    rows : int, optional
        The number of rows that the matrix must have.
    metric : str, optional
        With ``"cosine"`` a row of zeros is an error, because it has no direction.

    Raises
    ------
    ValueError
        If the shape is wrong, an element is NaN or infinite, or a row is zero under the cosine metric.
    """
    matrix = value if torch.is_tensor(value) else torch.as_tensor(np.asarray(value))
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(f"{name} must be a non-empty matrix (N, d); got shape {tuple(matrix.shape)}")
    if rows is not None and len(matrix) != rows:
        raise ValueError(f"{name} must have {rows} rows; got {len(matrix)}")
    if not matrix.is_floating_point() or matrix.dtype in (torch.float16, torch.bfloat16):
        matrix = matrix.to(torch.float32)
    finite = torch.isfinite(matrix).all(dim=1)
    if not finite.all():
        raise ValueError(f"{name} must be finite; row {int((~finite).nonzero()[0])} holds NaN or infinity")
    if metric == "cosine":
        zero = (matrix == 0).all(dim=1)
        if zero.any():
            raise ValueError(
                f"{name} must have no zero vector with metric='cosine'; row {int(zero.nonzero()[0])} is zero"
            )
    return matrix
