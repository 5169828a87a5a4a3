"""Which images lie with another person than their own, and which people a threshold takes for one."""

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.clouds import takes_clouds
from frlib.geometry.pairs import pair_distances
from frlib.geometry.recognition.distances import error_curve


@takes_clouds
@torch.no_grad()
@checked
def image_placements(embeddings, identities, threshold: float, *, metric: str = "cosine") -> pd.DataFrame:
    """Compare the distances from each image to its own person's images with those to other people's.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        All distances are kept: N^2 numbers.
    identities : array_like, shape (N,)
        The label of each row: at least two identities.
    threshold : float
        Largest distance at which two images are taken for one person, for instance of `verification`.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    DataFrame, one row per image
        ``own``: mean distance to the other images of its identity, NaN if there is none; ``nearest_own``: the smallest
        of them; ``other``: number of the other identity at the smallest mean distance, in the order of first
        appearance; ``to_other``: this distance; ``misplaced``: whether it is smaller than ``own``, and not beyond the
        threshold, so that the image would be taken for this identity; ``alone``: whether ``nearest_own`` lies beyond
        the threshold, so that the image is taken for no other image of its identity, and it is not misplaced.

    Raises
    ------
    ValueError
        If there are fewer than two identities, or a shape, a value, the threshold or the metric is not accepted.
    """
    distances, codes, names = _labelled(embeddings, identities, threshold, metric)
    rows, member = np.arange(len(codes)), np.eye(len(names))[codes]
    pairs = member.sum(axis=0) - member  # an image with itself is no pair
    sums = distances @ member
    means = np.divide(sums, pairs, out=np.full_like(sums, np.nan), where=pairs > 0)
    same = codes[:, None] == codes
    np.fill_diagonal(same, False)
    nearest = np.where(same, distances, np.inf).min(axis=1)
    own = means[rows, codes]
    means[rows, codes] = np.inf
    other = means.argmin(axis=1)
    table = pd.DataFrame({"own": own, "nearest_own": np.where(np.isinf(nearest), np.nan, nearest)})
    table["other"], table["to_other"] = other, means[rows, other]
    table["misplaced"] = ~(table["own"] <= table["to_other"]) & (table["to_other"] <= threshold)
    table["alone"] = (table["nearest_own"] > threshold) & ~table["misplaced"]
    return table


@takes_clouds
@torch.no_grad()
@checked
def confused_people(embeddings, identities, threshold: float, *, metric: str = "cosine") -> pd.DataFrame:
    """Return the pairs of people of whom two images are taken for one person; or, if there are none, the nearest pair.

    Parameters
    ----------
    embeddings, identities, threshold, metric
        As in `image_placements`.

    Returns
    -------
    DataFrame, one row per pair of people
        ``person``, ``other``: numbers of the identities in the order of first appearance, the smaller one first;
        ``pairs`` of their images and how many are ``accepted``; ``distance`` of the closest two, and their rows
        ``image`` and ``other_image``. Pairs of people with the closest images first.

    Raises
    ------
    ValueError
        As in `image_placements`.
    """
    distances, codes, names = _labelled(embeddings, identities, threshold, metric)
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    tiles = distances[np.ix_(order, order)]
    closest = np.minimum.reduceat(np.minimum.reduceat(tiles, starts, axis=0), starts, axis=1)
    member = np.eye(len(names))[codes]
    accepted = member.T @ (distances <= threshold) @ member
    one, two = np.triu_indices(len(names), 1)
    shown = accepted[one, two] > 0
    shown[closest[one, two].argmin()] = True
    rows = []
    for person, other in zip(one[shown], two[shown], strict=True):
        mine, theirs = (np.flatnonzero(codes == code) for code in (person, other))
        between = distances[np.ix_(mine, theirs)]
        i, j = np.unravel_index(between.argmin(), between.shape)
        found = {"person": person, "other": other, "pairs": between.size, "accepted": int(accepted[person, other])}
        rows.append(found | {"distance": between[i, j], "image": mine[i], "other_image": theirs[j]})
    return pd.DataFrame(rows).sort_values("distance", kind="stable", ignore_index=True)


@takes_clouds
@checked
def threshold_at(embeddings, identities, far: float, *, metric: str = "cosine") -> float:
    """Return the largest threshold at which no more than a share of the pairs of two people is accepted.

    Parameters
    ----------
    embeddings, identities, metric
        As in `error_curve`.
    far : float
        The false acceptance rate, between 0 and 1, both excluded.

    Returns
    -------
    float
        A distance that occurs; NaN if even the smallest one accepts more.

    Raises
    ------
    ValueError
        As in `error_curve`, or if the rate is not accepted.
    """
    if not 0 < far < 1:
        raise ValueError(f"far must lie between 0 and 1, both excluded; got {far}")
    curve = error_curve(embeddings, identities, metric=metric, at_most=None)
    found = float(curve.loc[curve["far"] <= far, "threshold"].max())
    return found if np.isfinite(found) else float("nan")


def _labelled(embeddings, identities, threshold: float, metric: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all distances, identities as numbers from 0, and their names."""
    if not np.isfinite(threshold):
        raise ValueError(f"threshold must be a finite number; got {threshold!r}")
    embeddings = checks.as_matrix("embeddings", embeddings, metric=metric)
    codes, names = labels.numbered("identities", identities, len(embeddings), "embedding")
    if len(names) < 2:
        raise ValueError(f"identities must hold at least two different ones; got only {names[0]}")
    return pair_distances(embeddings, metric=metric).double().cpu().numpy(), codes, names
