"""Uncertainty over identities: they, not their images, are the units that were drawn."""

import numpy as np

from frlib import checks


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
    values = np.asarray(values, dtype=float)
    if values.ndim < 1 or len(values) < 2:
        raise ValueError(f"values must have at least two units along their first axis; got shape {values.shape}")
    # How often each unit was chosen turns the means into two matrix products, whatever the shape of a unit.
    times = draw_weights(len(values), draws, seed=seed)
    flat, present = np.nan_to_num(values.reshape(len(values), -1)), ~np.isnan(values.reshape(len(values), -1))
    count = times @ present
    means = np.divide(times @ flat, count, out=np.full_like(count, np.nan), where=count > 0)
    return means.reshape(draws, *values.shape[1:])


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
