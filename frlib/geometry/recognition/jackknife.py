"""How sure an area under the ROC curve is when whole identities, not pairs, are what was sampled."""

import numpy as np
import pandas as pd
import torch
from scipy.special import expit, logit
from scipy.stats import norm

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.clouds import takes_clouds
from frlib.geometry.pairs import pair_distances


@takes_clouds
@torch.no_grad()
@checked
def auc_interval(embeddings, identities, *, metric: str = "cosine", level: float = 0.95) -> pd.Series:
    """Return the AUC of verification with an interval over identities, by the jackknife.

    Pairs that share an identity are not independent, so the unit is the identity: the AUC is computed anew without each
    one, with all its pairs, and ``se^2 = (n - 1) / n * sum((AUC_without_i - mean)^2)`` (Efron and Stein, 1981,
    doi:10.1214/aos/1176345462). The interval is normal on the logit scale, so it stays inside 0..1.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        All distances are kept: N^2 numbers.
    identities : array_like, shape (N,)
        The label of each row: at least three identities with two rows each.
    metric : {"cosine", "euclidean"}
    level : float
        Coverage of the interval.

    Returns
    -------
    Series
        ``auc``, ``se``, ``low``, ``high``. If no pair is out of order, ``se`` is 0 and the interval a point: the
        jackknife can not tell how rare an error is that was never seen.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted, or fewer than three identities have two rows.
    """
    checks.between("level", level, 0, 1)
    embeddings = checks.as_matrix("embeddings", embeddings, metric=metric)
    distances = pair_distances(embeddings, metric=metric).cpu().numpy()
    codes = labels.numbered("identities", identities, len(distances), "embedding")[0]
    several = int((np.bincount(codes) > 1).sum())
    if several < 3:
        raise ValueError(f"identities must hold at least 3 with two rows; got {several}")
    wins, pairs = ordered_pairs(distances, codes)
    auc, without = wins[0] / pairs[0], wins[1:] / pairs[1:]
    n = len(without)
    se = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    low, high = auc, auc
    if se > 0 and 0 < auc < 1:
        half = norm.isf((1 - level) / 2) * se / (auc * (1 - auc))
        low, high = expit(logit(auc) + np.array([-half, half])).tolist()
    return pd.Series({"auc": auc, "se": se, "low": low, "high": high})


def ordered_pairs(distances: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count pairs (same, different) in order, ties half, and all of them: first with everybody, then without each one.

    Without identity i, the pairs of its own rows and those with any other identity are gone; inclusion and exclusion
    needs four counts. Two of them are sums over all pairs at once, the third needs the pairs of identity i alone.
    """
    row, column = np.triu_indices(len(codes), 1)
    found, first, second = distances[row, column], codes[row], codes[column]
    same = first == second
    own, who = _sorted_with(found[same], first[same])
    different, one, two = _sorted_with(found[~same], first[~same], second[~same])
    n = codes.max() + 1
    above, below = _above(own, different), _below(different, own)
    lost = np.bincount(who, above, n) + np.bincount(one, below, n) + np.bincount(two, below, n)
    mine, theirs = _by_identity(own, who, n), _by_identity(np.repeat(different, 2), np.stack([one, two], 1).ravel(), n)
    lost -= [_above(a, b).sum() for a, b in zip(mine, theirs, strict=True)]
    kept_own = own.size - np.bincount(who, minlength=n)
    kept_different = different.size - np.bincount(one, minlength=n) - np.bincount(two, minlength=n)
    wins = above.sum() - np.concatenate([[0.0], lost])
    return wins, np.concatenate([[own.size * different.size], kept_own * kept_different]).astype(float)


def _sorted_with(distances: np.ndarray, *labels: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return distances in ascending order, and their labels in the same order."""
    order = np.argsort(distances)
    return distances[order], *(label[order] for label in labels)


def _by_identity(distances: np.ndarray, codes: np.ndarray, n: int) -> list[np.ndarray]:
    """Return the distances of each identity, in the order given."""
    order = np.argsort(codes.astype(np.min_scalar_type(n)), kind="stable")  # small numbers are sorted digit by digit
    return np.split(distances[order], np.cumsum(np.bincount(codes, minlength=n))[:-1])


def _above(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return how many of the others, which are sorted, lie above each value, ties half."""
    return len(others) - _below(values, others)


def _below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return how many of the others, which are sorted, lie below each value, ties half."""
    return sum(np.searchsorted(others, values, side=side) for side in ("left", "right")) / 2
