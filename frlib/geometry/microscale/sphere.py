"""Vectors at different points of the unit sphere, compared after parallel transport along great circles.

Two vectors at two points of a sphere live in two tangent spaces. Their plain cosine compares them as arrows of the
surrounding space; parallel transport first carries one to the other's point without turning it inside the sphere
(Lee, 2018, Introduction to Riemannian Manifolds, ch. 4).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import pairs
from frlib.geometry.clouds import takes_cloud

# A projection below this share of the vector is rounding: the vector was radial and has no direction on the sphere.
RADIAL = 1e-12
# 1 + cos of two points below this: they are antipodal, and no great circle is the shortest.
ANTIPODAL = 1e-12


@torch.no_grad()
@checked
def tangent_projection(points, vectors) -> torch.Tensor:
    """Return the part of each vector that is tangent to the sphere at its point.

    .. math:: v - \\langle p, v \\rangle p, \\qquad p = x / |x|

    Parameters
    ----------
    points : array_like, shape (N, d)
        Any length except 0; only their directions count.
    vectors : array_like, shape (N, d)
        One per point.

    Returns
    -------
    Tensor, shape (N, d), float64
        A vector along its point has no tangent part: its row is exactly zero.

    Raises
    ------
    ValueError
        If a shape or a value is not accepted, or a point is zero.
    """
    points, vectors = _checked("points", points, "vectors", vectors)
    tangent = vectors - (points * vectors).sum(dim=1, keepdim=True) * points
    tangent[tangent.norm(dim=1) <= RADIAL * vectors.norm(dim=1)] = 0
    return tangent


@torch.no_grad()
@checked
def radial_share(points, vectors) -> float:
    """Return the mean share of the squared length of vectors that points along their point.

    .. math:: \\operatorname{mean}_i \\frac{\\langle v_i, p_i \\rangle^2}{|v_i|^2}, \\qquad p = x / |x|

    Parameters
    ----------
    points : array_like, shape (N, d)
        Any length except 0.
    vectors : array_like, shape (N, d)
        One per point; a zero vector is left out.

    Returns
    -------
    float
        0 where all are tangent to the sphere, 1 where all change the length only.

    Raises
    ------
    ValueError
        As of `tangent_projection`.
    """
    points, vectors = _checked("points", points, "vectors", vectors)
    unit = pairs.unit_rows(vectors)
    return float((points * unit).sum(dim=1)[(unit != 0).any(dim=1)].square().mean())


@torch.no_grad()
@checked
def parallel_transport(vectors, start, end) -> torch.Tensor:
    """Carry vectors along the shorter great circles from their points to others.

    .. math:: T v = v - \\frac{\\langle p + q, v \\rangle}{1 + \\langle p, q \\rangle} (p + q)
              + 2 \\langle q, v \\rangle p

    is the rotation of the plane of q and p that takes q to p. On vectors tangent at q it is the parallel transport of
    the sphere, and the last term vanishes.

    Parameters
    ----------
    vectors : array_like, shape (N, d)
        Tangent at ``start``, or not: a radial part stays radial.
    start, end : array_like, shape (N, d)
        The points q and p; only their directions count.

    Returns
    -------
    Tensor, shape (N, d), float64

    Raises
    ------
    ValueError
        If a shape or a value is not accepted, a point is zero, or two points are antipodal.
    """
    q, vectors = _checked("start", start, "vectors", vectors)
    p, _ = _checked("end", end, "vectors", vectors)
    together = 1 + (p * q).sum(dim=1, keepdim=True)
    if (together <= ANTIPODAL).any():
        row = int((together <= ANTIPODAL).flatten().nonzero()[0])
        raise ValueError(f"start and end must not be antipodal; row {row} is: no shortest great circle joins them")
    middle = p + q
    turned = (middle * vectors).sum(dim=1, keepdim=True) / together * middle
    return vectors - turned + 2 * (q * vectors).sum(dim=1, keepdim=True) * p


@torch.no_grad()
@checked
def transported_cosines(points, vectors) -> torch.Tensor:
    """Return the cosine of every pair of tangent vectors, one carried to the point of the other.

    For tangent unit vectors the rotation of `parallel_transport` needs inner products only:

    .. math:: \\langle v_i, T_{j \\to i} v_j \\rangle = \\langle v_i, v_j \\rangle
              - \\frac{\\langle v_i, p_j \\rangle \\langle v_j, p_i \\rangle}{1 + \\langle p_i, p_j \\rangle}.

    Parameters
    ----------
    points : array_like, shape (N, d)
        Only their directions count.
    vectors : array_like, shape (N, d)
        Projected to the tangent spaces of their points and brought to length 1 first.

    Returns
    -------
    Tensor, shape (N, N), float64
        Symmetric. Rows and columns of vectors without a tangent part are zero.

    Raises
    ------
    ValueError
        If a shape or a value is not accepted, a point is zero, or two points are antipodal.
    """
    vectors = pairs.unit_rows(tangent_projection(points, vectors))
    points, _ = _checked("points", points, "vectors", vectors)
    together = 1 + points @ points.T
    if (together <= ANTIPODAL).any():
        i, j = (int(k) for k in (together <= ANTIPODAL).nonzero()[0])
        raise ValueError(f"points must not be antipodal; rows {i} and {j} are: no shortest great circle joins them")
    across = vectors @ points.T
    return vectors @ vectors.T - across * across.T / together


@takes_cloud("points", "fields")
@torch.no_grad()
@checked
def transported_energy_sweep(points, fields: Mapping, scales: Sequence[float]) -> pd.DataFrame:
    """Compute the invariance energy with parallel transport, in the cosine metric.

    .. math:: E_a(\\varepsilon) = 1 - \\operatorname{mean}_i \\operatorname{mean}_{j \\ne i,\\;
              d(x_i, x_j) \\le \\varepsilon \\bar d} \\langle v_i, T_{j \\to i} v_j \\rangle

    As `frlib.geometry.energy_sweep`, but vectors are projected to the tangent spaces of the unit sphere, and each is
    carried to the point to which it is compared. Holds the N x N matrices of a cloud in memory.

    Parameters
    ----------
    points : array_like, shape (N, d), or a cloud with points, fields and metric
        The cloud of one identity.
    fields : mapping of attribute to array_like, shape (N, d)
        A vector of any length at each point. One without a tangent part is undefined: neither centre nor neighbour.
    scales : sequence of K floats
        Radii of the closed balls in units of the mean distance over all pairs of points.

    Returns
    -------
    DataFrame
        ``attribute``, ``scale``, ``radius``, ``energy``, ``neighbors``, ``isolated``, ``undefined``, as
        `energy_sweep` returns them.

    Raises
    ------
    ValueError
        If an argument has a shape or a value that is not accepted, or two points are antipodal.
    """
    if not fields:
        raise ValueError("fields must be a non-empty mapping of attribute to matrix; got an empty one")
    points = checks.as_matrix("points", points, metric="cosine")
    squares, limits, radii = pairs.balls(points, scales, "cosine")
    others = ~torch.eye(len(squares), dtype=torch.bool)
    parts = []
    for name, field in fields.items():
        field = checks.as_matrix(f"fields[{name!r}]", field, rows=len(points), columns=points.shape[1], products=True)
        cosines = transported_cosines(points, field)
        defined = cosines.diagonal() != 0
        pairs_of_two = others & defined & defined[:, None]
        balls = [(squares <= limit) & pairs_of_two for limit in limits]
        parts += [_row(name, ball, cosines, defined) for ball in balls]
    table = pd.DataFrame(parts, columns=["attribute", "energy", "neighbors", "isolated", "undefined"])
    table.insert(1, "scale", np.tile(scales, len(fields)))
    table.insert(2, "radius", np.tile(radii, len(fields)))
    return table


def _row(name: str, ball: torch.Tensor, cosines: torch.Tensor, defined: torch.Tensor) -> tuple:
    """Return the energy over one set of balls, their mean size, and the shares of isolated and undefined points."""
    count = ball.sum(dim=1)
    filled = count > 0
    means = (cosines * ball).sum(dim=1)[filled] / count[filled]
    neighbors = float(count[defined].double().mean())
    isolated = float((defined & ~filled).double().mean())
    return name, 1 - float(means.mean()), neighbors, isolated, 1 - float(defined.double().mean())


def _checked(point_name: str, points, vector_name: str, vectors) -> tuple[torch.Tensor, torch.Tensor]:
    """Return unit points and vectors of one shape, in float64."""
    points = checks.as_matrix(point_name, points, metric="cosine")
    vectors = checks.as_matrix(vector_name, vectors, rows=len(points), columns=points.shape[1], products=True)
    return pairs.unit_rows(points), vectors.double()
