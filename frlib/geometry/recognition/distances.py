"""Distances inside and between identities, and what they are good for: telling whether two images show one person."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels, pairs
from frlib.geometry.clouds import takes_cloud, takes_clouds


@takes_cloud("points")
@torch.no_grad()
@checked
def mean_pair_distance(points, *, metric: str = "cosine") -> float:
    """Return the exact mean distance over all unordered pairs of points.

    .. math:: \\bar d = \\frac{2}{N (N - 1)} \\sum_{i < j} d(x_i, x_j)

    Parameters
    ----------
    points : array_like, shape (N, d)
        At least two points.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    float
        0 if all points `coincide` up to rounding; `unit_distance` is for those who divide by it.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    points = checks.as_matrix("points", points, metric=metric)
    if len(points) < 2:
        raise ValueError("points must have at least two rows; got 1")
    return pairs.mean_distance(points, metric)


@takes_clouds
@torch.no_grad()
@checked
def distance_summary(embeddings, identities, *, metric: str = "cosine") -> pd.Series:
    """Compare the distances inside identities with those between them.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
    identities : array_like, shape (N,)
        The label of each row: at least two identities, one of them with two rows.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    Series
        ``d_intra``: the mean over identities of the mean distance between two images of the identity; identities
        with one image are skipped. ``d_inter``: the mean over unordered pairs of identities of the mean distance
        between an image of one and an image of the other. ``ratio``: d_intra / d_inter, small for a good network.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    embeddings, codes = _labelled(embeddings, identities, metric)
    size = torch.bincount(codes)
    weight = 1 / size.double()[codes]  # a pair of images counts as one over the number of pairs like it
    inside = 2 / (size.double() * (size.double() - 1))[codes]
    intra = torch.zeros((), dtype=torch.float64, device=embeddings.device)
    inter = torch.zeros_like(intra)
    for rows, columns, distances in pairs.distance_tiles(embeddings, metric):
        same = codes[rows, None] == codes[columns]
        once = 0.5 if rows == columns else 1.0
        per_row = torch.where(same, distances, 0).sum(dim=1)
        intra += once * torch.where(size[codes[rows]] > 1, inside[rows] * per_row, 0).sum()
        inter += once * (weight[rows] @ torch.where(same, 0, distances) @ weight[columns])
    d_intra = float(intra) / int((size > 1).sum())
    d_inter = float(inter) / (len(size) * (len(size) - 1) / 2)
    ratio = d_intra / d_inter if d_inter > 0 else float("nan")
    return pd.Series({"d_intra": d_intra, "d_inter": d_inter, "ratio": ratio})


@takes_clouds
@torch.no_grad()
@checked
def verification(embeddings, identities, *, metric: str = "cosine", far: Sequence[float] = (1e-2, 1e-3)) -> pd.Series:
    """Measure how well one threshold on the distance tells pairs of one identity from pairs of two.

    All pairs are used, and all figures are exact, ties included. A pair is accepted if its distance does not exceed
    the threshold. TAR and FAR are the accepted shares of the pairs of one and of two identities.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        All distances of pairs are kept, in the type of the input: N = 13,233 in float32 takes 350 MB.
    identities : array_like, shape (N,)
        The label of each row: at least two identities, one of them with two rows.
    metric : {"cosine", "euclidean"}
    far : sequence of floats
        False acceptance rates, between 0 and 1, at which to report the TAR.

    Returns
    -------
    Series
        ``auc``: the probability that a pair of one identity is closer than a pair of two, ties counted half.
        ``eer``: the rate at which FAR = 1 - TAR on the ROC curve, linear between its points.
        ``accuracy``: the mean of TAR and 1 - FAR over held-out pairs. As in the protocol of LFW, the identities are
        split into 10 folds (fewer, if there are fewer than 20 identities or than 10 with two images), the pairs lie
        inside the folds, and each fold is tested at the best threshold of the others. NaN if two such folds cannot be
        made.
        ``threshold``: the best threshold on all pairs.
        ``tar_at_1e-2`` and so on: the largest TAR whose FAR does not exceed the given rate.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    embeddings, codes = _labelled(embeddings, identities, metric)
    same, different = _sorted_scores(embeddings, codes, metric)
    auc, eer, *rates = error_rates(same, different, far).items()
    accuracy = {
        "accuracy": _held_out_accuracy(embeddings, codes, metric),
        "threshold": _best_threshold(same, different),
    }
    return pd.Series(dict([auc, eer]) | accuracy | dict(rates))


def error_rates(same: np.ndarray, different: np.ndarray, far: Sequence[float]) -> dict[str, float]:
    """Return ``auc``, ``eer`` and ``tar_at_...`` of `verification` from the sorted distances of both kinds of pairs.

    Raises
    ------
    ValueError
        If a rate is not accepted.
    """
    for rate in far:
        if not 0 < rate < 1:
            raise ValueError(f"far must lie between 0 and 1, both excluded; got {rate}")
    result = {"auc": _area(same, different), "eer": _equal_error_rate(same, different)}
    for rate in far:
        # The strictest impostor that must be rejected; the bound absorbs rounding in rate * size.
        first_rejected = different[int(rate * len(different) * (1 + 1e-12))]
        result[rate_name(rate)] = float(np.searchsorted(same, first_rejected, side="left") / len(same))
    return result


@checked
def fold_accuracies(distances, same, folds) -> np.ndarray:
    """Measure verification on given pairs in given folds, as the protocol of LFW does.

    Each fold is judged at the threshold with the largest TAR - FAR on the pairs of all other folds.

    Parameters
    ----------
    distances : array_like, shape (P,)
        One per pair.
    same : array_like of bool, shape (P,)
        Whether the pair is of one identity.
    folds : array_like of int, shape (P,)

    Returns
    -------
    ndarray
        For each fold, in ascending order, the mean of the shares of pairs of one and of two identities that are judged
        rightly.

    Raises
    ------
    ValueError
        If shapes differ, distances are not finite, or there are not two folds, each with pairs of both kinds.
    """
    distances = checks.as_numbers("distances", distances, finite=True, shape=(None,))
    same = labels.booleans("same", same, len(distances), "pair")
    labels.numbered("folds", folds, len(distances), "pair")
    folds = np.asarray(folds)
    try:
        names = np.unique(folds)
    except TypeError as error:
        raise ValueError(f"folds must be labels of one kind, that have an order; {error}") from error
    scores = [tuple(np.sort(distances[(folds == name) & (same == kind)]) for kind in (True, False)) for name in names]
    if len(names) < 2 or min(map(len, sum(scores, ()))) == 0:
        raise ValueError(f"folds must be two at least, each with pairs of both kinds; got {names.tolist()}")
    return _held_out_accuracies(scores)


@takes_clouds
@torch.no_grad()
@checked
def intra_inter_distances(embeddings, identities, *, metric: str = "cosine") -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of all pairs of one identity, and of all pairs of two, each sorted.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        As in `verification`, all distances are kept.
    identities : array_like, shape (N,)
        The label of each row: at least two identities, one of them with two rows.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    intra, inter : ndarray
        Ascending, in the type of the input.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    return _sorted_scores(*_labelled(embeddings, identities, metric), metric)


@takes_clouds
@torch.no_grad()
@checked
def error_curve(embeddings, identities, *, metric: str = "cosine", at_most: int | None = 1000) -> pd.DataFrame:
    """Return the ROC curve of verification by a threshold on the distance.

    A pair is accepted if its distance does not exceed the threshold. TAR and FAR are the accepted shares of the pairs
    of one and of two identities; 1 - TAR and FAR are the two errors. Every row is exact, whatever their number.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        As in `verification`, all distances are kept.
    identities : array_like, shape (N,)
        The label of each row: at least two identities, one of them with two rows.
    metric : {"cosine", "euclidean"}
    at_most : int, optional
        Largest number of thresholds, at least 10. They are taken evenly from the sorted distances of both kinds, and
        with even steps of log FAR from those of two identities, down to one false accept. None takes every distance.

    Returns
    -------
    DataFrame
        ``threshold``, ascending: it starts with -inf, where nothing is accepted, and ends with the largest distance;
        ``far``; ``tar``.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    same, different = intra_inter_distances(embeddings, identities, metric=metric)
    if at_most is None:
        thresholds = np.unique(np.concatenate([same, different]))
    else:
        share = (checks.at_least("at_most", at_most, 10) - 2) // 3
        even = [scores[np.linspace(0, len(scores) - 1, share).astype(int)] for scores in (same, different)]
        rare = different[np.unique(np.geomspace(1, len(different), share).astype(int)) - 1]
        thresholds = np.unique(np.concatenate([*even, rare, same[-1:]]))
    thresholds = np.concatenate([[-np.inf], thresholds])
    far, tar = _accepted(different, thresholds), _accepted(same, thresholds)
    return pd.DataFrame({"threshold": thresholds, "far": far, "tar": tar})


@takes_clouds
@torch.no_grad()
@checked
def distance_histogram(embeddings, identities, *, metric: str = "cosine", bins: int = 60) -> pd.DataFrame:
    """Count the distances inside identities and between them.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        As in `verification`, all distances are kept.
    identities : array_like, shape (N,)
        The label of each row: at least two identities, one of them with two rows.
    metric : {"cosine", "euclidean"}
    bins : int
        Number of bins of equal width between the smallest and the largest distance.

    Returns
    -------
    DataFrame, one row per kind and bin
        ``kind``: intra or inter; ``low``, ``high``: the bin holds low < distance <= high (the first one low too);
        ``pairs``: their number; ``share`` of the pairs of this kind; ``density``: share over width.

    Raises
    ------
    ValueError
        If a shape, a value, the metric or the number of bins is not accepted.
    """
    bins = checks.at_least("bins", bins, 1)
    scores = dict(zip(("intra", "inter"), intra_inter_distances(embeddings, identities, metric=metric), strict=True))
    low, high = (float(pick(part[end] for part in scores.values())) for pick, end in ((min, 0), (max, -1)))
    edges = low + ((high - low) / bins or 1.0) * np.arange(bins + 1)
    edges[-1] = max(edges[-1], high)  # against rounding
    tables = []
    for kind, distances in scores.items():
        below = np.searchsorted(distances, edges, side="right")
        below[0] = 0
        share = np.diff(below) / len(distances)
        table = pd.DataFrame({"kind": kind, "low": edges[:-1], "high": edges[1:], "pairs": np.diff(below)})
        tables.append(table.assign(share=share, density=share / np.diff(edges)))
    return pd.concat(tables, ignore_index=True)


def _labelled(embeddings, identities, metric: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return checked embeddings and the identities as numbers from 0, on the same device."""
    embeddings = checks.as_matrix("embeddings", embeddings, metric=metric)
    codes, names = labels.numbered("identities", identities, len(embeddings), "embedding")
    if len(names) < 2:
        raise ValueError(f"identities must hold at least two different ones; got only {names[0]}")
    if len(names) == len(codes):
        raise ValueError("identities must hold one with at least two embeddings; all are different")
    return embeddings, torch.from_numpy(codes).to(embeddings.device)


def _sorted_scores(embeddings, codes, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted distances of the pairs of one identity, and of the pairs of two."""
    n, size = len(codes), torch.bincount(codes)
    n_same = int((size * (size - 1) // 2).sum())
    kind = torch.empty((), dtype=embeddings.dtype).numpy().dtype
    same, different = np.empty(n_same, kind), np.empty(n * (n - 1) // 2 - n_same, kind)
    filled = [0, 0]
    for rows, columns, distances in pairs.distance_tiles(embeddings, metric):
        alike = codes[rows, None] == codes[columns]
        upper = torch.ones_like(alike).triu(1) if rows == columns else torch.ones_like(alike)
        for which, (target, mask) in enumerate(((same, alike & upper), (different, ~alike & upper))):
            values = distances[mask].cpu().numpy()
            target[filled[which] : filled[which] + len(values)] = values
            filled[which] += len(values)
    same.sort()
    different.sort()
    return same, different


def _accepted(scores: np.ndarray, threshold) -> np.ndarray:
    """Return the share of sorted scores that do not exceed a threshold."""
    return np.searchsorted(scores, threshold, side="right") / len(scores)


def _area(same: np.ndarray, different: np.ndarray) -> float:
    below = np.searchsorted(different, same, side="left")
    not_above = np.searchsorted(different, same, side="right")
    return float(1 - (below + not_above).mean() / 2 / len(different))


def _equal_error_rate(same: np.ndarray, different: np.ndarray) -> float:
    def rates(threshold):
        return _accepted(different, threshold), 1 - _accepted(same, threshold)

    def excess(threshold):  # grows with the threshold, from -1 to 1
        false_accepts, false_rejects = rates(threshold)
        return false_accepts - false_rejects

    # The first score at which false accepts outweigh false rejects, and the last score before it.
    after = min(scores[k] for scores in (same, different) if (k := bisect_left(scores, 0, key=excess)) < len(scores))
    earlier = [scores[k - 1] for scores in (same, different) if (k := np.searchsorted(scores, after)) > 0]
    far_before, frr_before = rates(max(earlier)) if earlier else (0.0, 1.0)
    far_after, frr_after = rates(after)
    step = (frr_before - far_before) / ((far_after - frr_after) - (far_before - frr_before))
    return float(far_before + step * (far_after - far_before))


def _best_threshold(same: np.ndarray, different: np.ndarray) -> float:
    """Return the threshold with the largest TAR - FAR, halfway to the next larger score."""
    # The best threshold can be lowered to the next score of one identity: that only rejects pairs of two.
    best = same[np.argmax(_accepted(same, same) - _accepted(different, same))]
    larger = [scores[k] for scores in (same, different) if (k := np.searchsorted(scores, best, "right")) < len(scores)]
    return float(best) if not larger else (float(best) + float(min(larger))) / 2


def _held_out_accuracy(embeddings, codes, metric: str) -> float:
    """Return the balanced accuracy at thresholds chosen on other identities."""
    size = torch.bincount(codes).cpu().numpy()
    n_folds = min(10, len(size) // 2, int((size > 1).sum()))
    if n_folds < 2:
        return float("nan")
    # A fixed shuffle, then those with several images first: every fold gets pairs of one and of two identities.
    shuffled = np.random.default_rng(0).permutation(len(size))
    shuffled = shuffled[np.argsort(size[shuffled] == 1, kind="stable")]
    fold = np.empty(len(size), dtype=int)
    fold[shuffled] = np.arange(len(size)) % n_folds
    fold_of_row = torch.from_numpy(fold).to(codes.device)[codes]
    scores = []
    for k in range(n_folds):
        codes_here = codes[fold_of_row == k].unique(return_inverse=True)[1]
        scores.append(_sorted_scores(embeddings[fold_of_row == k], codes_here, metric))
    return float(_held_out_accuracies(scores).mean())


def _held_out_accuracies(scores: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the balanced accuracy of each fold at the best threshold of all others, from sorted distances."""
    accuracies = []
    for k, (same, different) in enumerate(scores):
        others = [part for j, part in enumerate(scores) if j != k]
        threshold = _best_threshold(*(np.sort(np.concatenate(kind)) for kind in zip(*others, strict=True)))
        accuracies.append((_accepted(same, threshold) + 1 - _accepted(different, threshold)) / 2)
    return np.array(accuracies)


def rate_name(rate: float) -> str:
    """Return ``tar_at_1e-2`` for 0.01."""
    mantissa, exponent = f"{rate:e}".split("e")
    return f"tar_at_{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
