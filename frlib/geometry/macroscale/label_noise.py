"""What wrong labels do to the KS statistic of an attribute that is a fact about the person."""

import numpy as np
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.macroscale.two_sample import sorted_pairs


@torch.no_grad()
@checked
def wrong_label_statistic(embeddings, truth, wrong: float, images: int, *, metric: str = "cosine") -> float:
    """Return the KS statistic, mean over both modalities, where each label is wrong with some probability.

    With M images, a person who truly has the attribute is seen at least once with it with probability 1 - q^M, and at
    least once without it with probability 1 - (1 - q)^M. Let α and β be the shares of people who truly have it among
    those drawn with and without it. With F of pairs who both have it (++), both do not (--), and one does (+-), and
    D+ = F++ - F+-, D- = F-- - F+-,

    .. math:: K_+ = (\\alpha - \\beta) \\sup_t |\\alpha D_+ - (1 - \\alpha) D_-|, \\qquad
        K_- = (\\alpha - \\beta) \\sup_t |(1 - \\beta) D_- - \\beta D_+|.

    It holds for many people whose labels are wrong independently, and images of a person that are alike.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        One per person.
    truth : array_like of bool, shape (N,)
        Who has the attribute; at least two people do, and two do not.
    wrong : float
        Probability q that the label of an image is wrong, from 0 to 1/2.
    images : int
        Number M of images per person.
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
    q, m = float(checks.between("wrong", wrong, 0, 0.5)), checks.at_least("images", images, 1)
    if min(truth.sum(), (~truth).sum()) < 2:
        raise ValueError(f"truth must hold at least two people of each kind; got {truth.sum()} of {len(truth)}")
    (plus, minus, mixed) = sorted_pairs(embeddings, truth, np.full(len(truth), -1), metric).functions()[1]
    plus, minus = plus - mixed, minus - mixed
    seen, mistaken = 1 - q**m, 1 - (1 - q) ** m
    weights = np.array([[seen, mistaken], [mistaken, seen]]) * [truth.mean(), 1 - truth.mean()]
    alpha, beta = weights[:, 0] / weights.sum(axis=1) if q else (1.0, 0.0)
    gaps = np.abs(alpha * plus - (1 - alpha) * minus).max(), np.abs((1 - beta) * minus - beta * plus).max()
    return float((alpha - beta) * np.mean(gaps))
