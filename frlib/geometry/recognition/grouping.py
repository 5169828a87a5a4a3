"""Do images group into people? Nearest images, and groups that merge as the distance grows."""

from typing import NamedTuple

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels

#: How `scipy.cluster.hierarchy.linkage` measures the distance of two groups.
METHODS = ("single", "complete", "average", "weighted", "centroid", "median", "ward")


class Plateau(NamedTuple):
    """How long the number of groups stays near the number of people, and whether the groups are the people.

    Parameters
    ----------
    width : float
        Ratio of the distances at which there are 10 % fewer and 10 % more groups than people; 1 is no plateau. Where
        images are copies, so that the groups are as few at distance 0, it is inf, or NaN if both distances are 0.
    agreement : float
        Adjusted Rand index of people and as many groups: 1 for the same partition, 0 on average for a random one.
    """

    width: float
    agreement: float


@checked
def merges(distances, method: str = "average") -> np.ndarray:
    """Return the hierarchy of images that merge from near to far.

    Parameters
    ----------
    distances : array_like, shape (N, N)
        Symmetric and not negative, up to rounding; the diagonal is not read.
    method : str
        As of `scipy.cluster.hierarchy.linkage`: "average" merges by the mean distance of two groups.

    Returns
    -------
    ndarray, shape (N - 1, 4)

    Raises
    ------
    ValueError
        If the method is unknown, or the distances are not of this kind.
    """
    checks.one_of("method", method, METHODS)
    distances = _square(distances)
    pairs, rounding = squareform(distances, checks=False), 1e-6 * np.abs(distances).max()
    if (apart := np.abs(distances - distances.T).max()) > rounding:
        raise ValueError(f"distances must be symmetric; got a pair whose two differ by {apart:.3g}")
    if pairs.min() < -rounding:
        raise ValueError(f"distances must not be negative; got {pairs.min():.3g}")
    return linkage(np.maximum(pairs, 0), method)


@checked
def plateau(tree, identities) -> Plateau:
    """Return the plateau of a hierarchy at the number of people.

    Parameters
    ----------
    tree : array_like, shape (N - 1, 4)
        Of `merges`.
    identities : array_like, shape (N,)
        n people, with at least two images for every one on average.

    Returns
    -------
    Plateau

    Raises
    ------
    ValueError
        If there are fewer than two identities, or too few images of them.
    """
    tree = _tree(tree)
    rows = len(tree) + 1
    codes, names = labels.numbered("identities", identities, rows, "image")
    n = len(names)
    if n < 2 or rows < 2 * n:
        raise ValueError(f"identities must be at least two, with two images each on average; got {n} in {rows} images")
    more, fewer = rows - -(-11 * n // 10), rows - -(-9 * n // 10)  # rounded up, without what 1.1 has too much
    with np.errstate(divide="ignore", invalid="ignore"):
        width = float(tree[fewer, 2] / tree[more - 1, 2])
    return Plateau(width, float(adjusted_rand_score(codes, fcluster(tree, n, "maxclust"))))


@checked
def groups_left(tree, distances) -> np.ndarray:
    """Return how many groups there are when all that are closer than a distance have merged.

    Parameters
    ----------
    tree : array_like, shape (N - 1, 4)
        Of `merges`.
    distances : array_like

    Raises
    ------
    ValueError
        If the tree is none, or the distances are none or no finite numbers.
    """
    tree, distances = _tree(tree), checks.as_numbers("distances", distances, finite=True)
    if not distances.size:
        raise ValueError("distances must be at least one number; got none")
    return len(tree) + 1 - np.searchsorted(tree[:, 2], distances, side="right")


@checked
def same_nearest(distances, identities) -> float:
    """Return the share of the images whose nearest other image shows the same person.

    Parameters
    ----------
    distances : array_like, shape (N, N)
        At least two images.
    identities : array_like, shape (N,)
    """
    distances = np.array(_square(distances))
    codes, _ = labels.numbered("identities", identities, len(distances), "image")
    np.fill_diagonal(distances, np.inf)
    return float((codes[distances.argmin(axis=1)] == codes).mean())


def _square(distances) -> np.ndarray:
    """Return the distances of at least two images."""
    distances = checks.as_numbers("distances", distances, finite=True, shape=(None, None))
    if len(distances) < 2 or len(set(distances.shape)) > 1:
        raise ValueError(f"distances must be a square matrix of at least two images; got shape {distances.shape}")
    return distances


def _tree(tree) -> np.ndarray:
    """Return a hierarchy of `merges`: scipy reads places in it that are not there, and the process ends."""
    tree = checks.as_numbers("tree", tree, finite=True, shape=(None, 4))
    merged = tree[:, :2]
    there = len(tree) + 1 + np.arange(len(tree))[:, None]
    once = len(np.unique(merged)) == merged.size
    if not (len(tree) and once and ((merged >= 0) & (merged < there) & (merged == merged.round())).all()):
        raise ValueError("tree must be a hierarchy of `merges`; got other numbers")
    if (tree[:, 3] > len(tree) + 1).any():
        raise ValueError(f"tree must have groups of at most {len(tree) + 1} images; got one of {tree[:, 3].max():.3g}")
    if (np.diff(tree[:, 2]) < 0).any() or tree[0, 2] < 0:
        raise ValueError("tree must merge at distances that rise; got others")
    return tree
