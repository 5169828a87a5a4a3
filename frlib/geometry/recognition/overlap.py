"""How far the distances inside people and between people overlap: with one threshold, and as paper A's authors do it.

Both are what a decision by distance must get wrong, summed over both kinds of pairs and not halved. They do not change
under a strictly increasing map of the distance (the second only up to its smoothing), so that networks with different
metrics can be compared, which means and their ratios can not.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import gaussian_kde, ks_2samp

from frlib import checks
from frlib.arguments import checked

#: Pairs of each kind that the authors drew.
PAIRS = 10_000


@checked
def threshold_overlap(intra: Sequence[float], inter: Sequence[float]) -> float:
    r"""Return the smallest sum of both error rates of one threshold, :math:`1 - \max_t (F_{intra}(t) - F_{inter}(t))`.

    Parameters
    ----------
    intra, inter : array_like, shape (n,) and (m,)
        Distances of pairs of one person and of two, of `intra_inter_distances`.

    Returns
    -------
    float
        0 if all distances of one kind lie below all others, 1 if no threshold helps. One minus the one-sided statistic
        of Kolmogorov and Smirnov. The shared area of both densities where they cross once, else more.

    Raises
    ------
    ValueError
        If one of them is empty or not finite.
    """
    intra, inter = _distances("intra", intra), _distances("inter", inter)
    return float(1 - ks_2samp(intra, inter, alternative="greater", method="asymp").statistic)


@checked
def density_overlap(intra: Sequence[float], inter: Sequence[float], *, bandwidth: float = 0.05) -> float:
    """Return the shared area of both densities as the authors of paper A estimate it, their "Bayes error".

    Each density is a sum of Gaussians. Both are taken on 1,001 points from 1.1 times the smallest distance to 1.1 times
    the smaller of the two largest, and brought to sum 1 there: what lies farther right is left out.

    Parameters
    ----------
    intra, inter : array_like, shape (n,) and (m,)
        As in `threshold_overlap`. At most `PAIRS` of each kind are used, evenly taken from the sorted ones.
    bandwidth : float
        Standard deviation of the Gaussians, in the unit of the distance.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If one of them has fewer than two different values or is not finite, or the bandwidth is not positive or
        so small that a density vanishes.
    """
    kinds = [np.sort(_distances(name, values)) for name, values in (("intra", intra), ("inter", inter))]
    for name, values in zip(("intra", "inter"), kinds, strict=True):
        if values[0] == values[-1]:
            raise ValueError(f"{name} must have two different values; got only {values[0]}")
    grid = np.linspace(1.1 * min(v[0] for v in kinds), 1.1 * min(v[-1] for v in kinds), 1001)
    densities = []
    for values in kinds:
        even = values[np.linspace(0, len(values) - 1, min(len(values), PAIRS)).round().astype(int)]
        density = gaussian_kde(even, bandwidth / even.std(ddof=1))(grid)
        if not density.sum() > 0:
            raise ValueError(
                f"bandwidth must not be so small against the distances that a density vanishes; got {bandwidth}"
            )
        densities.append(density / density.sum())
    return float(np.minimum(*densities).sum())


def _distances(name: str, values) -> np.ndarray:
    values = checks.as_numbers(name, values, finite=True)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"{name} must be a sequence of distances, not empty; got shape {values.shape}")
    checks.between(name, values, 0, np.inf)
    return values
