"""How well distances tell people apart: the figures of one network in one row of a table."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.clouds import takes_clouds
from frlib.geometry.pairs import CoincidentPoints, coincide
from frlib.geometry.recognition.distances import distance_summary, verification
from frlib.geometry.recognition.jackknife import auc_interval

FAR = (1e-2, 1e-3)


@takes_clouds
@checked
def recognition_figures(embeddings, identities, *, metric: str = "cosine", accepted_at_least: int = 10) -> dict:
    """Return the figures of one network on labelled images.

    Parameters
    ----------
    embeddings : array_like, shape (N, d), or a sequence of clouds, which bring identities and metric
    identities : array_like, shape (N,)
        At least two identities, one of them with two rows.
    metric : {"cosine", "euclidean"}
    accepted_at_least : int
        A rate is known if so many pairs of two people may be accepted at it.

    Returns
    -------
    dict
        Those of `distance_summary` and `verification`; ``auc_low`` and ``auc_high`` of `auc_interval`, NaN with fewer
        than three identities with two rows; ``tar_at_...``, NaN where it is not known;
        ``same_pairs``, ``different_pairs``: numbers of pairs.

    Raises
    ------
    CoincidentPoints
        If all embeddings coincide.
    ValueError
        As in `distance_summary`.
    """
    embeddings = checks.as_matrix("embeddings", embeddings, metric=metric)
    if coincide(embeddings, metric=metric):
        raise CoincidentPoints(
            f"embeddings must not all coincide; up to rounding the {len(embeddings)} images have one"
        )
    found = dict(distance_summary(embeddings, identities, metric=metric))
    found |= dict(verification(embeddings, identities, metric=metric, far=FAR))
    codes, names = labels.numbered("identities", identities, len(embeddings), "embedding")
    sizes = np.bincount(codes, minlength=len(names))
    same = int((sizes * (sizes - 1) // 2).sum())
    different = len(codes) * (len(codes) - 1) // 2 - same
    for rate, name in zip(FAR, ("tar_at_1e-2", "tar_at_1e-3"), strict=True):
        if rate * different < accepted_at_least:
            found[name] = float("nan")
    interval = {"low": float("nan"), "high": float("nan")}
    if (sizes > 1).sum() >= 3:
        interval = auc_interval(embeddings, identities, metric=metric)
    ends = {"auc_low": float(interval["low"]), "auc_high": float(interval["high"])}
    return {"metric": metric} | found | ends | {"same_pairs": same, "different_pairs": different}


@checked
def recognition_table(clouds: Mapping[str, Sequence], *, accepted_at_least: int = 10) -> pd.DataFrame:
    """Return the figures of several networks, one row each.

    Parameters
    ----------
    clouds : mapping of network to sequence of clouds
        One cloud per identity, with its points and metric.
    accepted_at_least : int
        As in `recognition_figures`.

    Returns
    -------
    DataFrame
        Indexed by ``network``, with the columns of `recognition_figures`.

    Raises
    ------
    ValueError
        As in `recognition_figures`.
    """
    rows = {n: recognition_figures(own, accepted_at_least=accepted_at_least) for n, own in clouds.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")
