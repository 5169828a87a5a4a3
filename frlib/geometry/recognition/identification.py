"""Who is it? Probes against a gallery with one image of each person, which may come from another network."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import hypergeom

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.pairs import pair_distances
from frlib.geometry.recognition.distances import error_rates, rate_name


@torch.no_grad()
@checked
def identification(
    probes,
    probe_identities,
    gallery,
    gallery_identities,
    *,
    metric: str = "cosine",
    ranks: Sequence[int] = (1,),
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
    ranks : sequence of int
        Numbers of nearest people among whom the own one may be.
    far : sequence of floats
        False acceptance rates, between 0 and 1, at which to report the TAR.
    accepted_at_least : int
        A TAR is known if so many pairs of two people may be accepted at it; else it is NaN.

    Returns
    -------
    Series
        ``rank1``: share of the probes to which their own person is the nearest in the gallery, ``rank5`` and so on for
        other `ranks`; one that is as near as another person is not found. Over all pairs of a probe and a gallery
        image, as `verification` defines them: ``auc``, ``eer``, ``tar_at_1e-2`` and so on. ``gallery_size``: G, on
        which rank1 depends.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted, the gallery has an identity twice, or a probe's not at all.
    """
    distances, own = _matched(probes, probe_identities, gallery, gallery_identities, metric)
    mine = np.zeros(distances.shape, dtype=bool)
    mine[np.arange(len(own)), own] = True
    same, different = np.sort(distances[mine]), np.sort(distances[~mine])
    places = _ranks(distances, own)
    found = {f"rank{checks.at_least('ranks', k, 1)}": float((places <= k).mean()) for k in ranks}
    found |= error_rates(same, different, far)
    for rate in far:
        if rate * len(different) < accepted_at_least:
            found[rate_name(rate)] = float("nan")
    return pd.Series(found | {"gallery_size": len(distances.T)})


@torch.no_grad()
@checked
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


@checked
def rank1_by_gallery(shares, sizes: Sequence[int]) -> np.ndarray:
    """Return how often the own person would be the nearest in smaller galleries, drawn at random from a large one.

    A probe whose own person comes at place k of n is found in a gallery of g if none of the k - 1 nearer people is
    among the g - 1 others that are drawn, of all n - 1: the mean over all galleries, without a draw.

    Parameters
    ----------
    shares : array_like, shape (n,)
        Of the probes whose own person is among the k nearest, for k from 1 to n: ``share`` of `cumulative_matches`.
    sizes : sequence of int
        Sizes g, from 2 to n.

    Returns
    -------
    ndarray, one value per size

    Raises
    ------
    ValueError
        If the shares fall or do not end at 1, or a size is out of range.
    """
    shares = checks.as_numbers("shares", shares, finite=True, shape=(None,))
    if len(shares) < 2 or (np.diff(shares) < 0).any() or not np.isclose(shares[-1], 1):
        raise ValueError(f"shares must rise to 1 over at least two ranks; got {shares!r:.60}")
    wrong = [size for size in sizes if not 2 <= size <= len(shares)]
    if wrong:
        raise ValueError(f"sizes must be from 2 to {len(shares)}; got {wrong[0]!r}")
    n, nearer = len(shares) - 1, np.arange(len(shares))
    at_place = np.diff(shares, prepend=0)
    return np.array([at_place @ hypergeom.pmf(0, n, nearer, size - 1) for size in sizes])


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
