"""Orders of attributes: how two of them agree, which attributes are extreme, and which change places with the scale."""

import itertools
import math
from collections.abc import Mapping

import numpy as np
from scipy import stats

from frlib import checks
from frlib.arguments import checked
from frlib.geometry.resampling import LEVEL, draw_interval


@checked
def rank_correlation(x, y, axis: int = -1) -> np.ndarray:
    """Return Spearman's correlation along an axis; other axes broadcast.

    Parameters
    ----------
    x, y : array_like
    axis : int

    Returns
    -------
    ndarray
        NaN where a value is NaN, or all values of one of them are equal.
    """
    x, y = (stats.rankdata(values, axis=axis) for values in _of_one_size(axis, x=x, y=y))
    x, y = (ranks - ranks.mean(axis=axis, keepdims=True) for ranks in (x, y))
    with np.errstate(invalid="ignore"):
        return (x * y).sum(axis=axis) / np.sqrt((x * x).sum(axis=axis) * (y * y).sum(axis=axis))


@checked
def rank_correlation_interval(x, y, *, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of Spearman's correlation over pairs of values drawn with replacement.

    The units are the values, attributes for example, as if they were independent draws from many.

    Parameters
    ----------
    x, y : array_like, shape (n,)
    draws, seed : int

    Returns
    -------
    low, high : float
        Of `draw_interval`: draws in which all values of x or of y are equal have no correlation and are left out. NaN
        if there is no other draw.
    """
    x, y = _vectors(x=x, y=y)
    chosen = np.random.default_rng(seed).integers(len(x), size=(draws, len(x)))
    found = rank_correlation(x[chosen], y[chosen])
    low, high = draw_interval(found) if not np.isnan(found).all() else (np.nan, np.nan)
    return float(low), float(high)


@checked
def partial_rank_correlation(x, y, given) -> float:
    """Return Spearman's correlation of two numbers with a third one held constant.

    .. math:: \\frac{r_{xy} - r_{xz} r_{yz}}{\\sqrt{(1 - r_{xz}^2) (1 - r_{yz}^2)}}

    Parameters
    ----------
    x, y, given : array_like, shape (n,)
        The third one is z.

    Returns
    -------
    float
        NaN where one of them is constant, or one of the first two is ordered as the third.
    """
    x, y, given = _vectors(finite=False, x=x, y=y, given=given)
    xy, xz, yz = (rank_correlation(*pair) for pair in ((x, y), (x, given), (y, given)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return float((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))


@checked
def rank_correlation_p(x, y) -> float:
    """Return the two-sided p value of Spearman's correlation over all orders of one of them.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        At most nine values: there are n! orders.

    Returns
    -------
    float
        NaN where there is no correlation, because all values of one of them are equal.
    """

    x, y = _vectors(x=x, y=y)
    checks.between("the number of values in x", len(x), 2, 9)
    if np.isnan(rank_correlation(x, y)):
        return math.nan

    def statistic(some, axis):
        return rank_correlation(some, y, axis=axis)

    run = {"permutation_type": "pairings", "n_resamples": math.inf, "vectorized": True}
    return float(stats.permutation_test((x,), statistic, **run).pvalue)


@checked
def chance_correlation(n: int, *, level: float = LEVEL) -> float:
    """Return the size of Spearman's correlation that two unrelated orders exceed in at most 1 - level of the cases.

    Parameters
    ----------
    n : int
        Number of values, from 3 to 9: all n! orders are counted.
    level : float

    Returns
    -------
    float
        A correlation of larger size is beyond chance; one of this size is not.
    """
    n, level = checks.at_least("n", n, 3), checks.between("level", level, 0, 1)
    checks.between("n", n, 3, 9)
    found = np.abs(rank_correlation(np.array(list(itertools.permutations(range(n)))), np.arange(n)))
    limit = np.quantile(found.round(12), level, method="inverted_cdf")
    return float(found[found.round(12) == limit].max())  # rounded down, it would exceed itself


@checked
def among_extremes(values, count: int, *, highest: bool) -> np.ndarray:
    """Tell which attributes are among the few with the highest or the lowest values.

    Parameters
    ----------
    values : array_like, shape (draws, attributes, ...)
    count : int
        How many are extreme; of equal ones any.
    highest : bool
        The highest, or the lowest. NaN is neither.

    Returns
    -------
    ndarray of bool, the shape of values
        At most ``count`` are true along the second axis; fewer where there are not so many numbers.
    """
    values = _with_axes("values", values, 2)
    if not 0 <= count <= values.shape[1]:
        raise ValueError(f"count must be at most {values.shape[1]}, the number of attributes; got {count}")
    order = np.argsort(-values if highest else values, axis=1)
    return (np.argsort(order, axis=1) < count) & ~np.isnan(values)


@checked
def below_all(values: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Tell where the values of one lie below those of all others.

    Parameters
    ----------
    values : mapping of str to array_like, all of one shape
    name : str
        One of the keys.

    Returns
    -------
    ndarray of bool, the shape of the values
        False where a value is NaN.
    """
    checks.one_of("name", name, tuple(values))
    shape = checks.as_numbers(f"values[{name!r}]", values[name]).shape
    values = {key: checks.as_numbers(f"values[{key!r}]", own, shape=shape) for key, own in values.items()}
    if len(values) < 2:
        raise ValueError(f"values must hold at least two names; got {list(values)}")
    return values[name] < np.minimum.reduce([other for key, other in values.items() if key != name])


@checked
def crossings(values, *, level: float = 1 - LEVEL) -> list[tuple[int, int]]:
    """Return the pairs of attributes whose order is opposite, and sure, at the first and the last scale.

    An order is sure if a paired t test over identities rejects equality, after Bonferroni's correction for both scales
    of all pairs.

    Parameters
    ----------
    values : array_like, shape (identities, attributes, scales)
    level : float
        Of all tests together.

    Returns
    -------
    list of tuple of int
        Places of the two attributes, the smaller first.
    """
    values = checks.as_numbers("values", values, shape=(None, None, None))
    if len(values) < 2 or 0 in values.shape:
        raise ValueError(f"values must hold at least two identities, attributes and scales; got shape {values.shape}")
    one, other = np.triu_indices(values.shape[1], 1)
    differences = (values[:, one] - values[:, other])[:, :, [0, -1]]
    test = stats.ttest_1samp(differences, 0, nan_policy="omit")
    sure = (np.asarray(test.pvalue) * differences[0].size < level).all(axis=1)
    opposite = np.prod(np.sign(np.nanmean(differences, axis=0)), axis=1) < 0
    return [(int(one[k]), int(other[k])) for k in np.flatnonzero(sure & opposite)]


@checked
def rescaled_columns(values) -> np.ndarray:
    """Bring every column of matrices to 0..1, from its smallest to its largest value.

    Parameters
    ----------
    values : array_like, shape (..., rows, columns)

    Returns
    -------
    ndarray, the shape of values
        NaN in a column whose values are all equal.
    """
    values = _with_axes("values", values, 2)
    low, high = values.min(axis=-2, keepdims=True), values.max(axis=-2, keepdims=True)
    with np.errstate(invalid="ignore"):
        return (values - low) / (high - low)


@checked
def on_diagonal(values, *, highest: bool = True) -> np.ndarray:
    """Tell which columns of square matrices have their extreme value on the diagonal.

    Parameters
    ----------
    values : array_like, shape (..., n, n)
    highest : bool
        The highest, or the lowest.

    Returns
    -------
    ndarray of bool, shape (..., n)
        A tie counts for the first row; a column with NaN counts for none.

    Raises
    ------
    ValueError
        If the matrices are not square.
    """
    values = _with_axes("values", values, 2)
    if values.shape[-1] != values.shape[-2]:
        raise ValueError(f"values must be square matrices; got shape {values.shape}")
    places = (values if highest else -values).argmax(axis=-2)
    return (places == np.arange(values.shape[-1])) & ~np.isnan(values).any(axis=-2)


@checked
def diagonal_p(values, *, highest: bool = True) -> float:
    """Return how often so many extremes of the columns lie on the diagonal when the rows are put in any order.

    Parameters
    ----------
    values : array_like, shape (n, n)
        At most nine rows: there are n! orders, and all are counted.
    highest : bool
        As in `on_diagonal`.

    Returns
    -------
    float
        One-sided and exact, the given order among the orders. Columns stay as they are, so that two columns that
        resemble one another are no two coincidences.

    Raises
    ------
    ValueError
        If the matrix is not square or has more than nine rows.
    """
    values = checks.as_numbers("values", values, shape=(None, None))
    held = int(on_diagonal(values, highest=highest).sum())
    checks.between("the number of rows", len(values), 1, 9)
    orders = np.array(list(itertools.permutations(range(len(values)))))
    counts = on_diagonal(values[orders], highest=highest).sum(axis=-1)
    return float((counts >= held).mean())


def _vectors(finite: bool = True, **values) -> list[np.ndarray]:
    """Return vectors of numbers of one length, at least two."""
    first = next(iter(values))
    found = {name: checks.as_numbers(name, own, finite=finite, shape=(None,)) for name, own in values.items()}
    for name, own in found.items():
        if len(own) != len(found[first]) or len(own) < 2:
            raise ValueError(f"{name} must hold as many numbers as {first}, at least two; got {len(own)}")
    return list(found.values())


def _of_one_size(axis: int, **values) -> list[np.ndarray]:
    """Return arrays of numbers whose shapes broadcast, with an axis that has values."""
    found = [checks.as_numbers(name, own) for name, own in values.items()]
    shapes = [own.shape for own in found]
    if any(not -len(shape) <= axis < len(shape) or not shape[axis] for shape in shapes):
        raise ValueError(f"axis must be one of {' and '.join(values)} that has values; got {axis} for shapes {shapes}")
    try:
        np.broadcast_shapes(*shapes)
        fit = len({shape[axis] for shape in shapes}) == 1
    except ValueError:
        fit = False
    if not fit:
        raise ValueError(f"{' and '.join(values)} must have shapes that fit; got {' and '.join(map(str, shapes))}")
    return found


def _with_axes(name: str, values, axes: int) -> np.ndarray:
    """Return numbers with at least so many axes, none of them empty."""
    values = checks.as_numbers(name, values)
    if values.ndim < axes or 0 in values.shape:
        raise ValueError(f"{name} must have at least {axes} axes, none of them empty; got shape {values.shape}")
    return values
