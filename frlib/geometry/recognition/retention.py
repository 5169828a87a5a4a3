"""Do curves of images stay with their identity? Distances along them against the scales of recognition."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry.clouds import takes_cloud
from frlib.geometry.microscale.energy import displacement
from frlib.geometry.pairs import pair_distances


@takes_cloud("points", "minus", "plus")
@checked
def identity_retention(
    center,
    minus: Mapping,
    plus: Mapping,
    *,
    d_intra: float,
    d_inter: float,
    threshold: float,
    metric: str = "cosine",
) -> pd.DataFrame:
    """Compare the distances along curves of images with those inside and between identities.

    A curve has three points: one step down, the centre, one step up, and so three distances, which are pooled. A
    network f is approximately invariant to an attribute (Leroy et al. 2025) where

    .. math:: d(f(x), f(g x)) \\le \\delta \\, d_{intra},

    and it still takes both images for one person where the distance does not exceed the threshold of its decision.

    Parameters
    ----------
    center : array_like, shape (N, d), or a cloud with points, minus, plus and metric
        Embeddings of the centres.
    minus, plus : mapping of attribute to array_like, shape (N, d)
        Embeddings one step before and after each centre, with the same attributes.
    d_intra, d_inter : float
        Mean distances inside and between identities, of `distance_summary`, in the same metric.
    threshold : float
        Largest accepted distance, of `verification`.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    DataFrame, one row per attribute
        ``attribute``; ``mean_distance`` and ``largest_distance`` over the 3N distances; ``ends_distance``: the mean
        from one end to the other; ``over_d_intra``, ``over_d_inter``: the mean distance over these, so that the first
        is the mean of the tolerance δ; ``share_within_d_intra``: share of the distances that do not exceed d_intra
        (δ = 1); ``share_accepted``: share that do not exceed the threshold; ``curves_accepted``: share of curves
        of which all three distances are accepted.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted, or the attributes of both ends differ.
    """
    _check_curves(minus, plus, {"d_intra": d_intra, "d_inter": d_inter, "threshold": threshold})
    center = checks.as_matrix("center", center, metric=metric)
    rows = []
    for attribute in minus:
        distances = _along_curves(attribute, center, minus[attribute], plus[attribute], metric)
        accepted = distances <= threshold
        shares = {
            "share_within_d_intra": float((distances <= d_intra).double().mean()),
            "share_accepted": float(accepted.double().mean()),
            "curves_accepted": float(accepted.all(dim=0).double().mean()),
        }
        mean = float(distances.mean())
        lengths = {"largest_distance": float(distances.max()), "ends_distance": float(distances[2].mean())}
        ratios = {"over_d_intra": mean / d_intra, "over_d_inter": mean / d_inter}
        rows.append({"attribute": attribute, "mean_distance": mean} | lengths | ratios | shares)
    return pd.DataFrame(rows)


@takes_cloud("points", "table")
@torch.no_grad()
@checked
def curve_distances(points, table: pd.DataFrame, *, metric: str = "cosine") -> pd.DataFrame:
    """Return the distances between all steps of whole curves, as the authors of paper A store them.

    Parameters
    ----------
    points : array_like, shape (N, d), or a cloud with points, table and metric
        Embeddings of the images of `frlib.faces.WholeCurves`.
    table : DataFrame, N rows
        ``attribute`` and ``step`` of each image.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    DataFrame, one row per attribute and pair of steps
        ``attribute``, ``step``, ``other_step``, which is the larger one, ``distance``.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted, or a column is missing.
    """
    points = checks.as_matrix("points", points, rows=len(table), metric=metric)
    checks.columns("table", table, ["attribute", "step"], keys=["attribute", "step"])
    rows = []
    for attribute, places in table.groupby("attribute", sort=False).indices.items():
        places = places[np.argsort(table["step"].to_numpy()[places])]
        distances, steps = pair_distances(points[places], metric=metric), table["step"].to_numpy()[places]
        one, other = np.triu_indices(len(places), 1)
        found = {"attribute": attribute, "step": steps[one], "other_step": steps[other]}
        rows.append(pd.DataFrame(found | {"distance": distances.cpu().numpy()[one, other]}))
    return pd.concat(rows, ignore_index=True)


def _check_curves(minus, plus, scales: Mapping[str, float]) -> None:
    """Refuse scales that are no positive numbers, and ends that are not of the same attributes."""
    for name, value in scales.items():
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a positive number; got {value!r}")
    for name, ends in (("minus", minus), ("plus", plus)):
        if not isinstance(ends, Mapping) or not ends:
            raise ValueError(f"{name} must be a mapping of attribute to embeddings, not empty; got {ends!r:.60}")
    if set(minus) != set(plus):
        raise ValueError(f"plus must have the attributes of minus, {list(minus)}; got {list(plus)}")


def _along_curves(attribute: str, center: torch.Tensor, minus, plus, metric: str) -> torch.Tensor:
    """Return the distances down to centre, centre to up, down to up, shape (3, N)."""
    ends = [
        checks.as_matrix(f"{name}[{attribute!r}]", end, rows=len(center), columns=center.shape[1])
        for name, end in (("minus", minus), ("plus", plus))
    ]
    pairs = ((ends[0], center), (center, ends[1]), (ends[0], ends[1]))
    return torch.stack([displacement(*pair, metric=metric) for pair in pairs])
