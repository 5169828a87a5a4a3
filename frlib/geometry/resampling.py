"""Uncertainty over identities: they, not their images, are the units that were drawn."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from frlib import checks
from frlib.arguments import checked

#: Coverage of an interval, if no other is asked for.
LEVEL = 0.95


@checked
def resampled_means(values, draws: int = 2000, *, seed: int = 0) -> np.ndarray:
    """Return means over units drawn with replacement: the bootstrap distribution of a mean.

    Two arrays with the same number of units and the same seed get the same units in each draw, so that differences
    between their means are paired.

    Parameters
    ----------
    values : array_like, shape (n, ...)
        One row per unit (an identity, a run). NaN is left out of the means.
    draws : int
        Number of draws; the standard error of a share read off them is at most ``0.5 / sqrt(draws)``.
    seed : int
        Seeds the draws.

    Returns
    -------
    ndarray, shape (draws, ...)
        NaN where every unit of a draw is NaN.

    Raises
    ------
    ValueError
        If there are fewer than two units or no draw.
    """
    values = checks.as_numbers("values", values)
    if values.ndim < 1 or len(values) < 2:
        raise ValueError(f"values must have at least two units along their first axis; got shape {values.shape}")
    # How often each unit was chosen turns the means into two matrix products, whatever the shape of a unit.
    times = draw_weights(len(values), draws, seed=seed)
    flat, present = np.nan_to_num(values.reshape(len(values), -1)), ~np.isnan(values.reshape(len(values), -1))
    count = times @ present
    means = np.divide(times @ flat, count, out=np.full_like(count, np.nan), where=count > 0)
    return means.reshape(draws, *values.shape[1:])


@checked
def draw_weights(n: int, draws: int = 2000, *, seed: int = 0) -> np.ndarray:
    """Return how often each of n units is chosen in each draw with replacement: the weights of `resampled_means`.

    Parameters
    ----------
    n : int
        Number of units, at least two.
    draws, seed : int
        As in `resampled_means`; the same n and seed give the same draws.

    Returns
    -------
    ndarray, shape (draws, n)
        Whole numbers; each row sums to n.

    Raises
    ------
    ValueError
        If there are fewer than two units or no draw.
    """
    n, draws = checks.at_least("n", n, 2), checks.at_least("draws", draws, 1)
    chosen = np.random.default_rng(seed).integers(n, size=(draws, n))
    times = np.zeros((draws, n))
    np.add.at(times, (np.arange(draws)[:, None], chosen), 1)
    return times


@checked
def crossed_means(values, draws: int = 2000, *, seed: int = 0) -> np.ndarray:
    """Return means over two kinds of units, both drawn with replacement: runs and the identities they are tested on.

    Every run meets every identity, so a draw of either moves the whole row or column.

    Parameters
    ----------
    values : array_like, shape (r, n, ...)
        One value, or array of values, for each unit of the first kind at each of the second.
    draws, seed : int
        As in `resampled_means`; arrays of the same r and n get the same units.

    Returns
    -------
    ndarray, shape (draws, ...)

    Raises
    ------
    ValueError
        If there are fewer than two units of either kind, no draw, or a value is NaN.
    """
    values = checks.as_numbers("values", values)
    if values.ndim < 2 or min(values.shape[:2]) < 2:
        raise ValueError(f"values must have at least two units along both first axes; got shape {values.shape}")
    if np.isnan(values).any():
        raise ValueError("values must be numbers; got NaN")
    first, second = (draw_weights(n, draws, seed=seed + k) / n for k, n in enumerate(values.shape[:2]))
    return np.einsum("dr,dn,rn...->d...", first, second, values, optimize=True)


@checked
def crossed_correlation(first, second, draws: int = 2000, *, seed: int = 0) -> tuple[float, float, float]:
    """Return the correlation of two tables of means, and its interval over both kinds of units.

    Parameters
    ----------
    first, second : array_like, shape (r, n, ...)
        As of `crossed_means`, both with the same units; at least two values for each pair of units.
    draws, seed : int
        As in `crossed_means`.

    Returns
    -------
    correlation, low, high : float
        Pearson's, of the means over all units; the ends of `draw_interval`. NaN if the means of a table are all alike.

    Raises
    ------
    ValueError
        If the shapes differ, or as in `crossed_means`.
    """
    pair = [checks.as_numbers(*named, finite=True) for named in (("first", first), ("second", second))]
    if pair[0].shape != pair[1].shape or pair[0][:1, :1].size < 2:
        raise ValueError(
            f"first and second must have one shape, with two values for each pair of units; got {pair[0].shape} and "
            f"{pair[1].shape}"
        )
    every = [values.mean(axis=(0, 1))[None] for values in pair]
    drawn = [crossed_means(values, draws, seed=seed) for values in pair]
    (whole,), found = (_correlations(*(v.reshape(len(v), -1) for v in both)) for both in (every, drawn))
    return float(whole), *map(float, draw_interval(found))


def _correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlation of each row of one matrix with the same row of another."""
    first, second = (rows - rows.mean(axis=1, keepdims=True) for rows in (first, second))
    return (first * second).sum(axis=1) / np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))


class MeanInterval(NamedTuple):
    """A mean, and how far its interval reaches to both sides."""

    mean: np.ndarray
    half: np.ndarray

    @property
    def low(self):
        """Lower end."""
        return self.mean - self.half

    @property
    def high(self):
        """Upper end."""
        return self.mean + self.half


@checked
def mean_interval(values, *, level: float = LEVEL) -> MeanInterval:
    r"""Return the mean over units with its interval of Student's t, :math:`\bar x \pm t_{n-1}\, s / \sqrt n`.

    It covers its level with any number of units if their values are normal, and is wide where they are few. Quantiles
    of resampled means do not: for 95 % they cover 50 % of the time with two normal values, 84 % with five.

    Parameters
    ----------
    values : array_like, shape (n, ...)
        One row per unit. NaN is left out.
    level : float
        Coverage.

    Returns
    -------
    MeanInterval
        ``mean`` and ``half``, of the shape of a unit, with properties ``low`` and ``high``. The mean of no value is
        NaN, half the interval of fewer than two is NaN.
    """
    values = checks.as_numbers("values", values)
    if values.ndim < 1:
        raise ValueError(f"values must have units along their first axis; got one number, {values}")
    present = ~np.isnan(values)
    n = present.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):  # none or one of them: NaN, as promised
        mean = np.where(present, values, 0).sum(axis=0) / n
        variance = np.where(present, (values - mean) ** 2, 0).sum(axis=0) / (n - 1)
        return MeanInterval(mean, stats.t.isf((1 - level) / 2, n - 1) * np.sqrt(variance / n))


@checked
def split_interval(values, test_over_train: float, *, level: float = LEVEL) -> MeanInterval:
    r"""Return the mean over random splits into training and test units, with its corrected interval of Student's t.

    .. math:: \bar x \pm t_{n-1} \sqrt{\frac{1}{n} + \frac{n_{test}}{n_{train}}} \, s

    (Nadeau and Bengio, 2003). Splits share units, so that their results are alike, and more splits of the same units
    say less and less: the second term does not shrink with their number. It is an approximation, made for sums of
    errors.

    Parameters
    ----------
    values : array_like, shape (n, ...)
        One row per split. NaN is left out.
    test_over_train : float
        Units to test on over units to train on.
    level : float
        Coverage.

    Returns
    -------
    MeanInterval

    Raises
    ------
    ValueError
        If the ratio is not positive.
    """
    found, n = mean_interval(values, level=level), (~np.isnan(checks.as_numbers("values", values))).sum(axis=0)
    return MeanInterval(found.mean, found.half * np.sqrt(1 + n * test_over_train))


@checked
def draw_interval(draws, *, level: float = LEVEL, nan_policy: str = "omit") -> np.ndarray:
    """Return the two quantiles over draws that hold their middle part: the percentile interval of the bootstrap.

    It is the interval of whatever is computed anew in each draw of units: a rank, a ratio, a correlation, or a mean
    that is shown beside them.

    Parameters
    ----------
    draws : array_like, shape (draws, ...)
        As of `resampled_means`.
    level : float
        The part.
    nan_policy : {"omit", "propagate"}
        Whether draws without a value are left out, or leave no interval.

    Returns
    -------
    ndarray, shape (2, ...)
    """
    checks.one_of("nan_policy", nan_policy, ("omit", "propagate"))
    draws = checks.as_numbers("draws", draws)
    if draws.ndim < 1 or not len(draws):
        raise ValueError(f"draws must hold at least one draw along their first axis; got shape {draws.shape}")
    quantile = np.nanquantile if nan_policy == "omit" else np.quantile
    return quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
