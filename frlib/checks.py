"""Checks on a value that a caller passes in. Every error names the argument, the value and what is accepted.

What an annotation says, `frlib.arguments` checks, with these functions. What only one function asks for, it checks
itself.
"""

import itertools
import numbers
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
import torch

METRICS = ("cosine", "euclidean")
#: Larger numbers have squares, and sums of them, that overflow; smaller ones have squares that vanish.
LARGEST, SMALLEST = 1e150, 1e-150
#: The same of fourth powers: products of matrices, squared and summed.
LARGEST_OF_PRODUCTS, SMALLEST_OF_PRODUCTS = 1e70, 1e-70
#: Whole numbers, which say how many there are of something, and other numbers: the smallest and the largest accepted.
WHOLE, REAL = (0, 10**6), (-LARGEST, LARGEST)
#: An iterator is read up to so many elements.
MOST = 10**6


def one_of(name: str, value, accepted: Collection):
    """Return ``value`` if it is among ``accepted``.

    Raises
    ------
    ValueError
        Otherwise; the message lists what is accepted.
    """
    several = isinstance(value, np.ndarray | torch.Tensor | pd.DataFrame | pd.Series)  # their equality has no truth
    if several or not any(value is one or value == one for one in accepted):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, accepted))}; got {shown(value)}")
    return value


def between(name: str, value, low, high):
    """Return ``value`` if ``low <= value <= high`` (all elements, for an array or tensor).

    Raises
    ------
    ValueError
        If a value lies outside or is not a number.
    """
    flat = as_numbers(name, value, squares=False).ravel()
    outside = flat[~((flat >= low) & (flat <= high))]
    if outside.size:
        raise ValueError(f"{name} must lie between {low} and {high}; got {outside[0]}")
    return value


def columns(name: str, table, wanted, numbers: Collection = (), keys: Collection = ()) -> None:
    """Raise unless a table has rows and these columns.

    Those of ``numbers`` must hold numbers or booleans whose squares do not overflow, or NaN; those of ``keys`` no
    missing text or object. None may hold complex numbers.

    Raises
    ------
    ValueError
        If it has not.
    """
    frame(name, table)
    for column in wanted:
        if column not in table:
            raise ValueError(f"{name} must have a column {column!r}; it has {', '.join(map(repr, table.columns))}")
        if table[column].dtype == object and not table[column].map(_has_hash).all():
            raise ValueError(f"{name} must have texts or numbers in its column {column!r}; got type object")
        if column in numbers and table[column].dtype.kind not in "fiub":
            raise ValueError(f"{name} must have numbers in its column {column!r}; got type {table[column].dtype}")
        if table[column].dtype.kind == "c":
            raise ValueError(f"{name} must have no complex numbers in its column {column!r}; got some")
        if column in numbers:
            as_numbers(f"{name}[{column!r}]", table[column].to_numpy(float, na_value=np.nan))
        if column in keys and table[column].dtype.kind != "f" and table[column].isna().any():
            raise ValueError(f"{name} must have no missing value in its column {column!r}; got one")
    if table.empty:
        raise ValueError(f"{name} must not be empty")


def _has_hash(value) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def at_least(name: str, value: int, low: int) -> int:
    """Return ``value`` if it is an integer of at least ``low``.

    Raises
    ------
    ValueError
        If it is not.
    """
    number = _plain(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < low:
        raise ValueError(f"{name} must be an integer of at least {low}; got {shown(value)}")
    return number


def as_scales(name: str, value) -> np.ndarray:
    """Return ``value`` as an array of 1 to 1000 positive finite numbers.

    Raises
    ------
    ValueError
        If it is something else.
    """
    array = as_numbers(name, value).astype(float, copy=False)
    if array.ndim != 1 or not array.size or array.size > 1000:
        raise ValueError(f"{name} must be a sequence of 1 to 1000 numbers; got shape {array.shape}")
    bad = array[~(np.isfinite(array) & (array > 0))]
    if bad.size:
        raise ValueError(f"{name} must be positive and finite; got {bad[0]}")
    return array


def as_matrix(
    name: str,
    value,
    *,
    rows: int | None = None,
    columns: int | None = None,
    metric: str | None = None,
    products: bool = False,
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
        that distances overflow, or all so short that they vanish.
    products : bool
        Whether products of such matrices are squared, so that these must not overflow or vanish.

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
    if metric == "euclidean":
        # A distance between two rows must not overflow, in the type of the matrix or, squared, in float64.
        most = min(torch.finfo(matrix.dtype).max, LARGEST) / (2 * matrix.shape[1] ** 0.5)
        _check_sizes(name, largest, SMALLEST, most, "distances", " with metric='euclidean'")
    if products:
        _check_sizes(name, largest, SMALLEST_OF_PRODUCTS, LARGEST_OF_PRODUCTS, "products")
    return matrix


def _check_sizes(name: str, sizes: torch.Tensor, least: float, most: float, what: str, where: str = "") -> None:
    """Raise if numbers of such sizes, by row, give what overflows or, all of them, what vanishes."""
    if (sizes > most).any():
        row = int((sizes > most).nonzero()[0])
        raise ValueError(
            f"{name} must hold numbers up to {most:.2g}, or {what} overflow{where}; row {row} holds one of size"
            f" {float(sizes[row]):.2g}"
        )
    if 0 < sizes.max() < least:
        raise ValueError(
            f"{name} must hold numbers above {least:.2g}, or all {what} vanish{where}; the largest is of size"
            f" {float(sizes.max()):.2g}"
        )


def row_sizes(matrix: torch.Tensor) -> torch.Tensor:
    """Return the largest absolute value in each row of a matrix (N, d); NaN if one is NaN."""
    return torch.maximum(matrix.amax(dim=1), -matrix.amin(dim=1))  # ten times faster than the norm of order infinity


def _as_tensor(name: str, value) -> torch.Tensor:
    """Return real numbers of any type as a tensor of float32 or float64."""
    if not torch.is_tensor(value):
        array = as_array(name, value, "a matrix (N, d)")
        if array.dtype.kind not in "fiu":
            raise ValueError(_not_real(name, array.dtype))
        kind = np.float64 if array.dtype.kind == "f" and array.dtype.itemsize >= 8 else np.float32
        with warnings.catch_warnings(), np.errstate(over="ignore"):  # a long double that is too large becomes infinite
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # it is read, never written
            value = torch.from_numpy(np.require(array, kind, "CA"))
    if value.is_complex() or value.dtype == torch.bool:
        raise ValueError(_not_real(name, value.dtype))
    _check_dense(name, value)
    return value if value.dtype in (torch.float32, torch.float64) else value.to(torch.float32)


def as_array(name: str, value, what: str) -> np.ndarray:
    """Return ``value`` as an array of any type; ``what`` says in the message what it must be.

    Raises
    ------
    ValueError
        If its rows have different lengths, or some of it is masked.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name} must be {what}, without masked values; got {int(np.ma.count_masked(value))} of them")
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:  # rows of different lengths
        raise ValueError(f"{name} must be {what}; {error}") from error


def _check_dense(name: str, tensor: torch.Tensor) -> None:
    if tensor.layout != torch.strided or tensor.is_meta:
        kind = "no device" if tensor.is_meta else f"layout {tensor.layout}"
        raise ValueError(f"{name} must be a dense tensor with values; got one of {kind}")


def as_numbers(
    name: str, value, *, finite: bool = False, shape: tuple[int | None, ...] | None = None, squares: bool = True
) -> np.ndarray:
    """Return real numbers of any shape as an array of float64; booleans count as 0 and 1.

    Parameters
    ----------
    name : str
    value : array_like
    finite : bool
        Whether NaN is refused too. Infinity always is, and so are numbers whose squares overflow.
    shape : tuple of int or None, optional
        The lengths that the axes must have; None for any.
    squares : bool
        Whether numbers are refused if all their squares vanish.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if torch.is_tensor(value):
        _check_dense(name, value)
        value = value.detach().cpu()
    array = as_array(name, value, "an array of real numbers")
    if array.dtype.kind not in "fiub" and array.size:  # pandas has no number in a column of type object
        raise ValueError(f"{name} must be real numbers; got {_described(array, value)}")
    array = array.astype(np.float64, copy=False)
    if shape is not None and (
        array.ndim != len(shape)
        or any(want not in (None, found) for want, found in zip(shape, array.shape, strict=True))
    ):
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise ValueError(f"{name} must be numbers of shape ({wanted}); got shape {array.shape}")
    sizes = np.abs(array)
    unknown = np.isnan(array)
    if finite and unknown.any():
        raise ValueError(f"{name} must be finite numbers; got NaN")
    if array.size and not np.all(unknown | (sizes <= LARGEST)):
        raise ValueError(f"{name} must be finite numbers up to {LARGEST:.0e}; got {sizes[~(unknown)].max()}")
    largest = np.max(sizes, where=~unknown, initial=0.0)
    if squares and 0 < largest < SMALLEST:
        raise ValueError(f"{name} must not all be smaller than {SMALLEST:.0e}, or squares vanish; got {largest}")
    return array


def _described(array: np.ndarray, value) -> str:
    return shown(value) if array.ndim == 0 else f"type {array.dtype}"


def _not_real(name: str, kind) -> str:
    return f"{name} must hold one matrix of real numbers; got type {kind}, but only floats and integers are accepted"


def shown(value) -> str:
    """Return a short text for a value that is not accepted."""
    try:
        return f"{value!r:.60}"
    except Exception:  # a whole number with too many digits, an object that cannot say what it is
        return f"something of type {type(value).__name__}"


def _plain(value):
    """Return the Python number or boolean of a numpy scalar, or of an array or tensor without axes."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray | torch.Tensor) and value.ndim == 0):
        try:
            return value.item()
        except RuntimeError:  # a tensor without values
            return value
    return value


def whole(name: str, value, low: int = WHOLE[0], high: int = WHOLE[1]) -> int:
    """Return ``value`` if it is an integer in a range.

    Raises
    ------
    ValueError
        If it is not.
    """
    plain = _plain(value)
    if not low and (isinstance(plain, bool) or not isinstance(plain, int)):
        raise ValueError(f"{name} must be an integer; got {shown(value)}")
    if (number := at_least(name, value, low)) > high:
        raise ValueError(f"{name} must be an integer of at most {high}; got {shown(value)}")
    return number


def number(name: str, value, low: float = REAL[0], high: float = REAL[1]):
    """Return ``value`` if it is a real number in a range.

    Raises
    ------
    ValueError
        If it is not.
    """
    plain = _plain(value)
    if isinstance(plain, bool) or not isinstance(plain, numbers.Real):
        raise ValueError(f"{name} must be a number; got {shown(value)}")
    if not low <= plain <= high:
        wanted = {
            (SMALLEST, LARGEST): "be a positive number",
            REAL: f"be a finite number, at most {LARGEST:.0e} in size",
        }
        raise ValueError(f"{name} must {wanted.get((low, high), f'lie between {low} and {high}')}; got {shown(value)}")
    return value if isinstance(value, float | int | np.floating) else float(plain)


def truth(name: str, value) -> bool:
    """Return ``value`` if it is True or False.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)


def instance(name: str, value, kind):
    """Return ``value`` if it is of a type, or of one of several.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, kind):
        what = {str: "a text", Mapping: "a mapping", Callable: "a function"}.get(kind, f"a {kind.__name__}")
        raise ValueError(f"{name} must be {what}; got {shown(value)}")
    return value


def frame(name: str, value) -> pd.DataFrame:
    """Return ``value`` if it is a DataFrame whose columns have plain names, each its own.

    Raises
    ------
    ValueError
        If it is not.
    """
    if instance(name, value, pd.DataFrame).columns.nlevels > 1:
        raise ValueError(f"{name} must have columns of one level; got {value.columns.nlevels} levels")
    if not value.columns.is_unique:
        twice = value.columns[value.columns.duplicated()][0]
        raise ValueError(f"{name} must have one column {twice!r}; it has {list(value.columns).count(twice)}")
    return value


def sequence(name: str, value, check: Callable | None = None):
    """Return ``value`` if it is a sequence, with elements that a check of a name and a value accepts.

    Arrays of numbers stay what they are. Anything else that can be read from its first to its last element becomes a
    list.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if isinstance(value, str | bytes | Mapping | set | frozenset | pd.DataFrame) or not isinstance(value, Iterable):
        raise ValueError(f"{name} must be a sequence; got {shown(value)}")
    if isinstance(value, np.ndarray | torch.Tensor | pd.Series) and value.ndim != 1:
        raise ValueError(f"{name} must be a sequence; got shape {tuple(value.shape)}")
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and check is not None and len(value) > 100:
        for extreme in (value.min(), value.max()):
            check(name, extreme)
        return value
    plain = value if isinstance(value, list | tuple | np.ndarray) else list(itertools.islice(value, MOST + 1))
    if len(plain) > MOST and isinstance(value, Iterator):
        raise ValueError(f"{name} must have an end; got more than {MOST} elements")
    checked = [element if check is None else check(name, element) for element in plain]
    if isinstance(plain, np.ndarray) and plain.dtype.kind in "fiu":
        return plain
    return tuple(checked) if type(plain) is tuple else checked
