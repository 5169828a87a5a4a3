"""What an energy loses if only some of the points of each ball are used: its standard deviation over such draws."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import pairs
from frlib.geometry.clouds import takes_cloud


@takes_cloud("points", "fields")
@torch.no_grad()
@checked
def subsampling_deviations(
    points, fields: Mapping, scales: Sequence[float], max_neighbors: int, *, metric: str = "cosine"
) -> pd.DataFrame:
    r"""Return the standard deviation of the energy over draws of at most m neighbours from each ball.

    A ball with k points besides its centre, whose cosines with the centre have variance :math:`s^2`, gives from m of
    them, drawn without replacement, a mean with variance :math:`(1 - m/k)\, s^2 / m` and no bias (Cochran, 1977,
    Sampling Techniques, th. 2.2). Balls are sampled independently, so that these variances add:

    .. math:: \operatorname{sd}(E) = \frac{1}{n} \sqrt{\sum_{i:\, k_i > m} \Bigl(1 - \frac{m}{k_i}\Bigr)
              \frac{s_i^2}{m}}

    with n balls that are not empty. Memory grows with the square of the number of points.

    Parameters
    ----------
    points : array_like, shape (N, d), or a cloud with points, fields and metric
    fields : mapping of attribute to array_like, shape (N, d)
        A vector of any length at each point; a point whose vector is zero is left out for that attribute.
    scales : sequence of float
        Radii of the closed balls, in units of the mean distance over all pairs of points.
    max_neighbors : int
        The number m, as of `frlib.geometry.energy_sweep`; the centre is not counted.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    DataFrame
        ``attribute``, ``scale``, ``deviation``: 0 where no ball is larger than m, NaN where all are empty.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    checks.at_least("max_neighbors", max_neighbors, 1)
    squares, limits, _ = pairs.balls(points, scales, metric)
    rows = []
    for name, vectors in fields.items():
        unit = pairs.unit_rows(checks.as_matrix(f"fields[{name!r}]", vectors, rows=len(squares)))
        here = (unit != 0).any(dim=1)
        cosines, distances = unit[here] @ unit[here].T, squares[here][:, here]
        for scale, limit in zip(scales, limits, strict=True):
            inside = (distances <= limit).double().fill_diagonal_(0)
            rows.append({"attribute": name, "scale": scale, "deviation": _deviation(inside, cosines, max_neighbors)})
    return pd.DataFrame(rows)


def _deviation(inside: torch.Tensor, cosines: torch.Tensor, most: int) -> float:
    """Return the standard deviation at one scale from the 0-1 matrix of neighbours."""
    size = inside.sum(dim=1)
    mean = (cosines * inside).sum(dim=1) / size.clamp_min(1)
    variance = ((cosines - mean[:, None]).square() * inside).sum(dim=1) / (size - 1).clamp_min(1)
    errors = torch.where(size > most, (1 - most / size) * variance / most, 0)
    return float(errors.sum().sqrt() / (size > 0).sum())
