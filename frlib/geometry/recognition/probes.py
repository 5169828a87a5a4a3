"""How often a fixed threshold is wrong about varied images: errors by identity, so that identities can be resampled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry.pairs import pair_distances


@dataclass(frozen=True)
class ProbeErrors:
    """Errors of one threshold, kept apart by identity.

    Parameters
    ----------
    misses : ndarray, shape (n,)
        Share of the pairs of one person that are rejected, for each identity.
    accepts : ndarray, shape (n, n)
        Share of the pairs of two people that are accepted: probes of the row, gallery of the column; the diagonal
        is not used.
    """

    misses: np.ndarray
    accepts: np.ndarray

    def rate(self, weights=None) -> np.ndarray:
        """Return the mean of the two error rates, every identity and every pair of identities counting the same.

        Parameters
        ----------
        weights : array_like, shape (..., n), optional
            How often each identity was drawn, for instance of `draw_weights`; default: once.

        Returns
        -------
        ndarray, shape (...)
            NaN where the weights leave only one identity.
        """
        weights = np.ones(len(self.misses)) if weights is None else np.asarray(weights, dtype=float)
        off = self.accepts * (1 - np.eye(len(self.misses)))
        missed = weights @ self.misses / weights.sum(axis=-1)
        pairs = weights.sum(axis=-1) ** 2 - (weights**2).sum(axis=-1)
        accepted = np.asarray(((weights @ off) * weights).sum(axis=-1))
        accepted = np.divide(accepted, pairs, out=np.full(accepted.shape, np.nan), where=pairs > 0)
        return (missed + accepted) / 2


@torch.no_grad()
@checked
def probe_errors(probes: Sequence, gallery: Sequence, threshold: float, *, metric: str = "cosine") -> ProbeErrors:
    """Match the probes of every identity with the gallery of every identity, at one threshold.

    A pair is accepted if its distance does not exceed the threshold. A probe is not matched with the image that it was
    made from.

    Parameters
    ----------
    probes : sequence of array_like, shape (m N, d)
        For each identity, m varied versions of its N gallery images, one version of all after the other.
    gallery : sequence of array_like, shape (N, d)
        For each identity; N at least 2.
    threshold : float
        Largest accepted distance, for instance that of `verification` on images that are not varied.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    ProbeErrors

    Raises
    ------
    ValueError
        If there are fewer than two identities, or shapes, the metric or the threshold are not accepted.
    """
    n = len(gallery)
    if n < 2 or len(probes) != n:
        raise ValueError(
            f"probes and gallery must hold the same identities, at least two; got {len(probes)} and {len(gallery)}"
        )
    if not np.isfinite(threshold):
        raise ValueError(f"threshold must be a finite number; got {threshold!r}")
    misses, accepts = np.zeros(n), np.zeros((n, n))
    gallery = [checks.as_matrix(f"gallery[{k}]", own, metric=metric) for k, own in enumerate(gallery)]
    d = gallery[0].shape[1]
    images = torch.cat([checks.as_matrix(f"gallery[{k}]", own, columns=d) for k, own in enumerate(gallery)])
    sizes = [len(own) for own in gallery]
    for k, own in enumerate(probes):
        own = checks.as_matrix(f"probes[{k}]", own, columns=d, metric=metric)
        if sizes[k] < 2 or len(own) % sizes[k]:
            raise ValueError(
                f"probes[{k}] must have a multiple of the {sizes[k]} rows of gallery[{k}] (2 or more); got {len(own)}"
            )
        accepted = [tile <= threshold for tile in pair_distances(own, images, metric=metric).split(sizes, dim=1)]
        accepts[k] = [float(tile.double().mean()) for tile in accepted]
        source = torch.arange(len(own))
        others = torch.ones_like(accepted[k])
        others[source, source % sizes[k]] = False
        misses[k] = float((~accepted[k][others]).double().mean())
    return ProbeErrors(misses, accepts)
