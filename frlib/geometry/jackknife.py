"""How sure an area under the ROC curve is when whole identities, not pairs, are what was sampled."""

import numpy as np
import pandas as pd
import torch
from scipy.stats import norm

from frlib import checks
from frlib.geometry import labels
from frlib.geometry.pairs import pair_distances


@torch.no_grad()
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
    distances = pair_distances(embeddings, metric=metric).cpu().numpy()
    codes = labels.numbered("identities", identities, len(distances), "embedding")[0]
    several = int((np.bincount(codes) > 1).sum())
    if several < 3:
        raise ValueError(f"identities must hold at least 3 with two rows; got {several}")
    wins, pairs = ordered_pairs(distances, codes)
    auc, without = wins[0] / pairs[0], wins[1:] / pairs[1:]
    n = len(without)
    se = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    low, high = (auc, auc) if se == 0 or auc in (0, 1) else _logit_interval(auc, se, level)
    return pd.Series({"auc": auc, "se": se, "low": low, "high": high})


def ordered_pairs(distances: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count pairs (same, different) in order, ties half, and all of them: first with everybody, then without each one.

    Without identity i, the pairs of its own rows and those with any other identity are gone; inclusion and exclusion
    needs four counts, each by a binary search.
    """
    row, column = np.triu_indices(len(codes), 1)
    found, first, second = distances[row, column], codes[row], codes[column]
    same = first == second
    own, who = found[same], first[same]
    order = np.argsort(found[~same])
    different, one, two = found[~same][order], first[~same][order], second[~same][order]
    wins, pairs = [_in_order(own, different)], [own.size * different.size]
    for i in range(codes.max() + 1):
        mine, theirs = own[who == i], different[(one == i) | (two == i)]
        lost = _in_order(mine, different) + _in_order(own, theirs) - _in_order(mine, theirs)
        wins.append(wins[0] - lost)
        pairs.append((own.size - mine.size) * (different.size - theirs.size))
    return np.array(wins), np.array(pairs, float)


def _in_order(same: np.ndarray, different: np.ndarray) -> float:
    """Return how many pairs (same, different) have the same-identity distance smaller; different is sorted."""
    above = [len(different) - np.searchsorted(different, same, side=side) for side in ("left", "right")]
    return float(sum(a.sum(dtype=np.int64) for a in above)) / 2


def _logit_interval(auc: float, se: float, level: float) -> tuple[float, float]:
    center, half = np.log(auc / (1 - auc)), norm.isf((1 - level) / 2) * se / (auc * (1 - auc))
    return tuple(float(1 / (1 + np.exp(-(center + sign * half)))) for sign in (-1, 1))
