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
    draws = checks.at_least("draws", draws, 1)
    chosen = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    # How often each unit was chosen turns the means into two matrix products, whatever the shape of a unit.
    times = np.zeros((draws, len(values)))
    np.add.at(times, (np.arange(draws)[:, None], chosen), 1)
    flat, present = np.nan_to_num(values.reshape(len(values), -1)), ~np.isnan(values.reshape(len(values), -1))
    count = times @ present
    means = np.divide(times @ flat, count, out=np.full_like(count, np.nan), where=count > 0)
    return means.reshape(draws, *values.shape[1:])
