"""What an energy is compared with: random vectors, shuffled vectors, empty balls, and directions that are noise.

With the pair weights w of the balls at one scale (they sum to 1 over ordered pairs), the energy is

.. math:: E = 1 - \\sum_{i \\ne j} w_{ij} \\cos(v_i, v_j),

so both nulls have exact moments: no vector is drawn and none is shuffled. Memory grows with the square of the number
of points; this is for clouds of hundreds of points.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from scipy import stats

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import pairs
from frlib.geometry.clouds import takes_cloud
from frlib.geometry.microscale.energy import central_difference


@takes_cloud("points", "fields")
@torch.no_grad()
@checked
def null_energies(points, fields: Mapping, scales: Sequence[float], *, metric: str = "cosine") -> pd.DataFrame:
    """Compare the energies of one cloud with those of random and of shuffled vectors.

    *Random vectors*: independent and uniform on the sphere of the d dimensions. The energy has mean 1 and variance
    :math:`2 \\sum w_{ij}^2 / d`, because the cosines of different pairs are uncorrelated with variance 1/d.

    *Shuffled vectors*: the vectors of the field, in an order drawn at random from all orders. At every scale the mean
    is 1 minus the mean cosine over all pairs of different vectors. The variance is that of Mantel (1967, Cancer
    Research 27, 209-220). An energy below the mean says that near vectors agree more than far ones: position adds
    something to the common direction.

    Parameters
    ----------
    points : array_like, shape (N, d), or a cloud with points, fields and metric
        The cloud of one identity.
    fields : mapping of attribute to array_like, shape (N, d)
        A vector of any length at each point; a point whose vector is zero is left out for that attribute.
    scales : sequence of float
        Radii of the closed balls, in units of the mean distance over all pairs of points.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    DataFrame, one row per attribute and scale
        ``attribute``; ``scale``; ``energy``, that of `energy_sweep`; ``shuffled``, the mean under shuffling;
        ``shuffled_spread`` and ``random_spread``, standard deviations; ``z``: (energy - shuffled) / shuffled_spread,
        negative where near vectors agree more. NaN where no ball holds a point, as where all vectors are zero, and for
        z where all orders give the same energy; the shuffled spread needs four defined points.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    squares, limits, _ = pairs.balls(points, scales, metric)
    rows = []
    for name, vectors in fields.items():
        unit = pairs.unit_rows(checks.as_matrix(f"fields[{name!r}]", vectors, rows=len(squares)))
        here = (unit != 0).any(dim=1)
        cosines = unit[here] @ unit[here].T
        cosines.fill_diagonal_(0)
        for scale, limit in zip(scales, limits, strict=True):
            weights = _weights(squares[here][:, here] <= limit)
            rows.append({"attribute": name, "scale": scale} | _moments(weights, cosines, unit.shape[1]))
    return pd.DataFrame(rows)


def _weights(inside: torch.Tensor) -> torch.Tensor:
    """Return the symmetric weights of ordered pairs; they sum to 1, or are NaN if every ball is empty."""
    inside = inside.double().fill_diagonal_(0)
    size = inside.sum(dim=1)
    share = torch.where(size > 0, inside / size[:, None].clamp_min(1), 0) / (size > 0).sum()
    return (share + share.T) / 2


def _moments(weights: torch.Tensor, cosines: torch.Tensor, dimension: int) -> dict[str, float]:
    """Return the energy and the mean and spread of both nulls."""
    n = len(weights)
    if not n:
        return dict.fromkeys(("energy", "shuffled", "shuffled_spread", "random_spread", "z"), np.nan)
    energy = float(1 - (weights * cosines).sum())
    shuffled = float(1 - cosines.sum() / (n * (n - 1))) if n > 1 and np.isfinite(energy) else np.nan
    spread = _mantel_spread(weights, cosines) if n > 3 else np.nan
    return {
        "energy": energy,
        "shuffled": shuffled,
        "shuffled_spread": spread,
        "random_spread": float((2 * weights.square().sum() / dimension).sqrt()),
        "z": (energy - shuffled) / spread if spread > 0 else np.nan,
    }


def _mantel_spread(weights: torch.Tensor, cosines: torch.Tensor) -> float:
    """Return the standard deviation of the weighted sum over all orders of the vectors.

    Three kinds of two pairs of points are told apart: the same pair, two pairs that share a point, disjoint pairs.
    """
    n = len(weights)
    # Both without their mean: the sum of the weights is fixed, and rounding stays small where the spread is 0.
    first, second = (_without_mean(matrix) for matrix in (weights, cosines))
    (same, meet, total), (same_2, meet_2, total_2) = (_pair_sums(m) for m in (first, second))
    apart, apart_2 = total**2 + 2 * same - 4 * meet, total_2**2 + 2 * same_2 - 4 * meet_2
    variance = 2 * same * same_2 / (n * (n - 1)) + 4 * (meet - same) * (meet_2 - same_2) / (n * (n - 1) * (n - 2))
    variance += apart * apart_2 / (n * (n - 1) * (n - 2) * (n - 3))
    rounding = 1e-12 * float(weights.square().sum() * cosines.square().sum())
    return float(np.sqrt(variance)) if variance > rounding else (0.0 if np.isfinite(variance) else np.nan)


def _without_mean(matrix: torch.Tensor) -> torch.Tensor:
    """Subtract the mean of the pairs from each pair; the diagonal stays 0."""
    n = len(matrix)
    return (matrix - matrix.sum() / (n * (n - 1))).fill_diagonal_(0)


def _pair_sums(matrix: torch.Tensor) -> tuple[float, float, float]:
    """Return the sum of squares of a symmetric matrix, that of its row sums, and the sum of all."""
    rows = matrix.sum(dim=1)
    return float(matrix.square().sum()), float(rows.square().sum()), float(rows.sum())


@takes_cloud("points")
@torch.no_grad()
@checked
def isolated_shares(
    points, scales: Sequence[float], sizes: Sequence[int], *, metric: str = "cosine", mean_distance: float | None = None
) -> pd.DataFrame:
    """Return the share of isolated points that a smaller sample of this cloud has, on average over all samples.

    For n independent centres, a point is isolated with probability :math:`(1 - F_i(r))^{n - 1}`, where F_i is the
    share of the population within r of it. In a sample of n out of N points, without replacement, the mean share is

    .. math:: \\frac{1}{N} \\sum_i \\binom{N - 1 - k_i}{n - 1} \\Big/ \\binom{N - 1}{n - 1},

    where k_i counts the other points in the ball of point i. This is an unbiased estimate of the first, and exact.

    Parameters
    ----------
    points : array_like, shape (N, d), or a cloud with points and metric
    scales : sequence of float
        Radii in units of the mean distance.
    sizes : sequence of int
        Sizes n of the samples, from 1 to N.
    metric : {"cosine", "euclidean"}
    mean_distance : float, optional
        The unit of the scales; default: the mean over all pairs of points.

    Returns
    -------
    DataFrame
        ``size``, ``scale``, ``isolated``.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted, or a size lies outside 1..N.
    """
    squares, limits, _ = pairs.balls(points, scales, metric, mean_distance)
    total = len(squares)
    checks.between("sizes", sizes, 1, total)
    within = torch.stack([(squares <= limit).sum(dim=1) - 1 for limit in limits]).cpu().numpy()  # (scales, points)
    return pd.DataFrame(
        {"size": n, "scale": scale, "isolated": stats.hypergeom.pmf(0, total - 1, inside, n - 1).mean()}
        for n in sizes
        for scale, inside in zip(scales, within, strict=True)
    )


@takes_cloud("points")
@torch.no_grad()
@checked
def smallest_scales(
    points, sizes: Sequence[int], *, isolated: float = 0.5, metric: str = "cosine", mean_distance: float | None = None
) -> pd.DataFrame:
    """Return the smallest scale at which a sample of this cloud has few enough isolated points.

    Parameters
    ----------
    points, sizes, metric, mean_distance
        As of `isolated_shares`; a single point is isolated at every scale, so sizes begin at 2.
    isolated : float
        The largest share of isolated points, on average over all samples, that is accepted.

    Returns
    -------
    DataFrame
        ``size``, ``scale``: one of the distances between two points, over the mean distance.

    Raises
    ------
    ValueError
        As in `isolated_shares`, or if the share does not lie between 0 and 1.
    """
    checks.between("isolated", isolated, 0, 1)
    squares, _, (unit,) = pairs.balls(points, [1.0], metric, mean_distance)
    squares, total = squares.cpu(), len(squares)
    checks.between("sizes", sizes, 2, total)
    # The share falls in steps, at distances between points; a point is within its own ball.
    steps = squares[*torch.triu_indices(total, total, 1)].unique().clamp_min(torch.finfo(torch.float64).tiny)

    def kept(place: int, size: int) -> float:
        inside = (squares <= steps[place]).sum(dim=1).numpy() - 1
        return 1 - stats.hypergeom.pmf(0, total - 1, inside, size - 1).mean()

    # Rounding of the mean must not move a share that is met exactly.
    places = [bisect_left(range(len(steps)), 1 - isolated - 1e-12, key=lambda k, n=n: kept(k, n)) for n in sizes]
    return pd.DataFrame({"size": list(sizes), "scale": pairs.from_squares(steps[places], metric).numpy() / unit})


@torch.no_grad()
@checked
def field_agreement(first: Mapping, second: Mapping) -> pd.Series:
    """Return the mean cosine between two fields on the same points, for each attribute that both have.

    Parameters
    ----------
    first, second : mapping of attribute to array_like, shape (N, d)
        Vectors of any length. A point where one of them is zero is left out.

    Returns
    -------
    Series
        Indexed by attribute, in the order of the first.

    Raises
    ------
    ValueError
        If two fields of one attribute differ in shape, or a value is not accepted.
    """
    found = {}
    for name in (name for name in first if name in second):
        one = checks.as_matrix(f"first[{name!r}]", first[name])
        other = checks.as_matrix(f"second[{name!r}]", second[name], rows=len(one), columns=one.shape[1])
        one, other = pairs.unit_rows(one), pairs.unit_rows(other)
        defined = (one != 0).any(dim=1) & (other != 0).any(dim=1)
        found[name] = float((one * other).sum(dim=1)[defined].mean())
    return pd.Series(found, name="agreement", dtype=float).rename_axis("attribute")


@torch.no_grad()
@checked
def half_step_agreement(center, minus, plus, *, metric: str = "cosine") -> torch.Tensor:
    """Return the cosine between the two half steps of each curve: from below to the centre, and on to above.

    A straight curve gives 1. Pure noise gives -1/2 on average over many dimensions, because both half steps share the
    noise of the centre with opposite signs. A curve that turns back gives -1.

    Parameters
    ----------
    center, minus, plus : array_like, shape (N, d)
        Embeddings of the centres and of one step before and after each.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    Tensor, shape (N,)
        NaN where a half step has no direction.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    before, after = (central_difference(*e, metric=metric).double() for e in ((minus, center), (center, plus)))
    defined = (before != 0).any(dim=1) & (after != 0).any(dim=1)
    return torch.where(defined, (before * after).sum(dim=1), torch.nan)
