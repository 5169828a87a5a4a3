"""What wrong labels do to the KS statistic of an attribute that is a fact about the person."""

import numpy as np
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.macroscale.two_sample import sorted_pairs


@torch.no_grad()
@checked
def wrong_label_statistic(
    embeddings, truth, holders_with: float, holders_without: float, *, metric: str = "cosine"
) -> float:
    """Return the KS statistic, mean over both modalities, where some of the people drawn do not belong there.

    Let α and β be the shares of people who truly have the attribute among those drawn with and without it. With F of
    pairs who both have it (++), both do not (--), and one does (+-), and D+ = F++ - F+-, D- = F-- - F+-,

    .. math:: K_+ = |\\alpha - \\beta| \\sup_t |\\alpha D_+ - (1 - \\alpha) D_-|, \\qquad
        K_- = |\\alpha - \\beta| \\sup_t |(1 - \\beta) D_- - \\beta D_+|.

    It holds for many people whose labels are wrong independently, and images of a person that are alike.

    The shares depend on the draw. If each label is wrong with probability q, a person with M images who has the
    attribute can be drawn with it with probability 1 - q^M, and without it with 1 - (1 - q)^M. If all of them are drawn
    these are the weights of α and β. `draw_modalities` shuffles images and stops at a number of people, so that it
    prefers people with many images of a modality: then α and β must be counted in a draw.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        One per person.
    truth : array_like of bool, shape (N,)
        Who has the attribute; at least two people do, and two do not.
    holders_with, holders_without : float
        The shares α and β, from 0 to 1. Without wrong labels they are 1 and 0.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a shape or a value is not accepted.
    """
    truth = labels.booleans("truth", truth)
    embeddings = checks.as_matrix("embeddings", embeddings, rows=len(truth), metric=metric)
    alpha = float(checks.between("holders_with", holders_with, 0, 1))
    beta = float(checks.between("holders_without", holders_without, 0, 1))
    if min(truth.sum(), (~truth).sum()) < 2:
        raise ValueError(f"truth must hold at least two people of each kind; got {truth.sum()} of {len(truth)}")
    (plus, minus, mixed) = sorted_pairs(embeddings, truth, np.full(len(truth), -1), metric).functions()[1]
    plus, minus = plus - mixed, minus - mixed
    gaps = np.abs(alpha * plus - (1 - alpha) * minus).max(), np.abs((1 - beta) * minus - beta * plus).max()
    return float(abs(alpha - beta) * np.mean(gaps))
