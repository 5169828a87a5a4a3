"""Who is it? Probes against a gallery with one image of each person, which may come from another network."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.geometry import labels
from frlib.geometry.pairs import pair_distances
from frlib.geometry.recognition.distances import error_rates, rate_name


@torch.no_grad()
def identification(
    probes,
    probe_identities,
    gallery,
    gallery_identities,
    *,
    metric: str = "cosine",
    far: Sequence[float] = (1e-2, 1e-3),
    accepted_at_least: int = 10,
) -> pd.Series:
    """Measure how well probes find their own person in a gallery, and how well one threshold tells the pairs apart.

    Parameters
    ----------
    probes : array_like, shape (N, d)
    probe_identities : array_like, shape (N,)
    gallery : array_like, shape (G, d)
        One image of each of at least two identities.
    gallery_identities : array_like, shape (G,)
        All different; that of each probe is among them.
    metric : {"cosine", "euclidean"}
    far : sequence of floats
        False acceptance rates, between 0 and 1, at which to report the TAR.
    accepted_at_least : int
        A TAR is known if so many pairs of two people may be accepted at it; else it is NaN.

    Returns
    -------
    Series
        ``rank1``: share of the probes to which their own person is the nearest in the gallery; one that is as near as
        another person is not found. Over all pairs of a probe and a gallery image, as `verification` defines them:
        ``auc``, ``eer``, ``tar_at_1e-2`` and so on. ``gallery_size``: G, on which rank1 depends.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted, the gallery has an identity twice, or a probe's not at all.
    """
    distances, own = _matched(probes, probe_identities, gallery, gallery_identities, metric)
    mine = np.zeros(distances.shape, dtype=bool)
    mine[np.arange(len(own)), own] = True
    same, different = np.sort(distances[mine]), np.sort(distances[~mine])
    found = {"rank1": float((_ranks(distances, own) == 1).mean())} | error_rates(same, different, far)
    for rate in far:
        if rate * len(different) < accepted_at_least:
            found[rate_name(rate)] = float("nan")
    return pd.Series(found | {"gallery_size": len(distances.T)})


@torch.no_grad()
def cumulative_matches(
    probes, probe_identities, gallery, gallery_identities, *, metric: str = "cosine"
) -> pd.DataFrame:
    """Return the cumulative match characteristic: how often the own person is among the k nearest of the gallery.

    Parameters
    ----------
    probes, probe_identities, gallery, gallery_identities, metric
        As in `identification`.

    Returns
    -------
    DataFrame
        ``rank``: k from 1 to the size of the gallery; ``share`` of the probes. Other people at the same distance
        count as nearer.

    Raises
    ------
    ValueError
        As in `identification`.
    """
    distances, own = _matched(probes, probe_identities, gallery, gallery_identities, metric)
    times = np.bincount(_ranks(distances, own), minlength=distances.shape[1] + 1)[1:]
    return pd.DataFrame({"rank": np.arange(1, len(times) + 1), "share": times.cumsum() / len(own)})


def _ranks(distances: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return at which place the own person comes, from 1, after all others that are not farther."""
    return (distances <= distances[np.arange(len(own)), own][:, None]).sum(axis=1)


def _matched(probes, probe_identities, gallery, gallery_identities, metric) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of probes and gallery, and the place of each probe's identity in the gallery."""
    probes = checks.as_matrix("probes", probes, metric=metric)
    gallery = checks.as_matrix("gallery", gallery, columns=probes.shape[1], metric=metric)
    codes, names = labels.numbered("gallery_identities", gallery_identities, len(gallery), "gallery image")
    if len(names) < 2 or len(names) < len(codes):
        raise ValueError(
            f"gallery_identities must be at least two, all different; got {len(codes)} images of {len(names)}"
        )
    codes, probe_names = labels.numbered("probe_identities", probe_identities, len(probes), "probe")
    places = pd.Index(names).get_indexer(probe_names)
    if (places < 0).any():
        raise ValueError(f"gallery_identities must hold those of the probes; {probe_names[places < 0][0]} is missing")
    return pair_distances(probes, gallery, metric=metric).cpu().numpy(), places[codes]
