"""Distances between people as wholes: one number per pair of identities, which are the units that were drawn."""

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.clouds import takes_clouds
from frlib.geometry.pairs import pair_distances
from frlib.geometry.resampling import draw_interval, draw_weights


@takes_clouds
@torch.no_grad()
@checked
def identity_distances(embeddings, identities, *, metric: str = "cosine") -> np.ndarray:
    """Return the mean distance between the images of every two identities.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        All distances are kept: N^2 numbers.
    identities : array_like, shape (N,)
        The label of each row: n identities, in the order in which they first appear.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    ndarray, shape (n, n)
        Symmetric. On the diagonal the mean distance between two images of the identity, NaN where it has one image. So
        the means of the diagonal and of the rest are ``d_intra`` and ``d_inter`` of `distance_summary`.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    embeddings = checks.as_matrix("embeddings", embeddings, metric=metric)
    distances = pair_distances(embeddings, metric=metric).double().cpu().numpy()
    codes, names = labels.numbered("identities", identities, len(distances), "embedding")
    member = np.eye(len(names))[codes]
    size = member.sum(axis=0)
    pairs = np.outer(size, size) - np.diag(size)  # an image with itself is no pair
    sums = member.T @ distances @ member
    means = np.divide(sums, pairs, out=np.full_like(sums, np.nan), where=pairs > 0)
    return (means + means.T) / 2  # against rounding


@checked
def drawn_scales(distances, draws: int = 2000, *, seed: int = 0) -> pd.DataFrame:
    """Return d_intra and d_inter of people drawn with replacement: their bootstrap distribution.

    A person who is drawn twice is one person still, and forms no pair of two.

    Parameters
    ----------
    distances : array_like, shape (n, n)
        Of `identity_distances`, each identity with two images.
    draws, seed : int
        As in `resampled_means`; tables of the same n get the same people.

    Returns
    -------
    DataFrame, one row per draw
        ``d_intra``, ``d_inter``, ``ratio``.

    Raises
    ------
    ValueError
        If the matrix is not accepted.
    """
    distances = _square(distances)
    times = draw_weights(len(distances), draws, seed=seed)
    intra = times @ distances.diagonal() / len(distances)
    sums, pairs = _pair_sums(distances, times, times)
    inter = np.divide(sums, pairs, out=np.full(draws, np.nan), where=pairs > 0)
    return pd.DataFrame({"d_intra": intra, "d_inter": inter, "ratio": intra / inter})


@checked
def group_contrast(
    distances, groups, *, permutations: int = 10_000, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> pd.Series:
    """Compare the distances between people of one group with those between people of two.

    Parameters
    ----------
    distances : array_like, shape (n, n)
        Of `identity_distances`; the diagonal is not used.
    groups : array_like, shape (n,)
        The group of each identity: two groups, each with at least two.
    permutations : int
        Random ones of the groups over the identities, the units that were drawn. At least 1.
    draws, seed : int
        For the interval: identities are drawn with replacement inside each group.
    level : float
        Coverage of the interval.

    Returns
    -------
    Series
        ``within``: mean over the pairs of one group; ``across``: over those of two; ``excess``: across / within - 1,
        with ``low`` and ``high``; ``p``: share of the permutations, the given one among them, in which across - within
        is at least as large.

    Raises
    ------
    ValueError
        If the matrix or the groups are not accepted.
    """
    distances = _square(distances, diagonal=False)
    codes, names = labels.numbered("groups", groups, len(distances), "identity")
    if len(names) != 2 or np.bincount(codes).min() < 2:
        raise ValueError(f"groups must be two, each with at least two identities; got sizes {np.bincount(codes)}")
    within, across = _means_by_group(distances, np.ones((1, len(codes))), codes)
    near, far = _means_by_group(distances, _draws(codes, draws, seed), codes)
    low, high = draw_interval(far / near - 1, level=level)
    p = _permutation_p(distances, codes, checks.at_least("permutations", permutations, 1), seed)
    excess = float(across[0] / within[0] - 1)
    found = {"within": within[0], "across": across[0], "excess": excess, "low": low, "high": high, "p": p}
    return pd.Series({name: float(value) for name, value in found.items()})


def _draws(codes: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Return how often each identity is drawn, with replacement inside its group."""
    times = np.empty((draws, len(codes)))
    for group in (0, 1):
        own = codes == group
        times[:, own] = draw_weights(int(own.sum()), draws, seed=seed + group)
    return times


def _means_by_group(distances: np.ndarray, times: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean distance within groups and across them, for each row of weights."""
    first, second = times * (codes == 0), times * (codes == 1)
    sums, pairs = zip(*(_pair_sums(distances, part, part) for part in (first, second)), strict=True)
    across, crossed = _pair_sums(distances, first, second)
    within = np.divide(sum(sums), sum(pairs), out=np.full(len(times), np.nan), where=sum(pairs) > 0)
    return within, across / crossed


def _permutation_p(distances: np.ndarray, codes: np.ndarray, permutations: int, seed: int) -> float:
    """Return how often shuffled groups lie at least as far apart as the given ones."""
    shuffled = np.random.default_rng(seed).permuted(np.tile(codes, (permutations, 1)), axis=1)
    # Sizes of groups, and so all numbers of pairs, stay: the sum over pairs of two groups orders the permutations.
    every = np.vstack([codes, shuffled]).astype(float)
    sums = ((every @ distances) * (1 - every)).sum(axis=1)
    return float((sums >= sums[0] - 1e-12 * sums.max()).mean())


def _pair_sums(distances: np.ndarray, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum over weighted pairs of different identities, and the weight of these pairs, row by row."""
    off = distances * (1 - np.eye(len(distances)))
    return ((one @ off) * other).sum(axis=1), one.sum(axis=1) * other.sum(axis=1) - (one * other).sum(axis=1)


def _square(distances, diagonal: bool = True) -> np.ndarray:
    """Return a square matrix of numbers of at least two identities; without its diagonal, that may hold anything."""
    matrix = np.array(checks.as_numbers("distances", distances))
    if matrix.ndim != 2 or len(set(matrix.shape)) > 1 or len(matrix) < 2:
        raise ValueError(f"distances must be a square matrix of at least two identities; got shape {matrix.shape}")
    if not diagonal:
        np.fill_diagonal(matrix, 0)
    if not np.isfinite(matrix).all():
        where = tuple(int(place) for place in np.argwhere(~np.isfinite(matrix))[0])
        raise ValueError(f"distances must be finite; got {matrix[where]} at {where}")
    return matrix
