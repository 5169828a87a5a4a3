"""Attribute fields and their invariance energy: how an embedding moves when one attribute of an image changes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import pairs
from frlib.geometry.clouds import takes_cloud
from frlib.runtime import choose_device, own_threads

#: Shares of the pairs of a cloud at which networks with different metrics are compared.
SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@torch.no_grad()
@checked
def central_difference(minus, plus, *, metric: str = "cosine") -> torch.Tensor:
    """Return the direction in which the embedding moves along a curve of images, from its two neighbours.

    .. math:: v = \\frac{f(\\phi_{h} x) - f(\\phi_{-h} x)}{|f(\\phi_{h} x) - f(\\phi_{-h} x)|}

    This is the unit field of Leroy et al. (2025), eq. 2, by a central difference. With the cosine metric an embedding
    is a direction, so the rows are brought to length 1 first. The field is then tangent to the sphere up to second
    order in h; raw differences carry the change of the norm as a part that all points share.

    Parameters
    ----------
    minus, plus : array_like, shape (N, d)
        Embeddings one step before and after each point of the cloud.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    Tensor, shape (N, d)
        Unit vectors, in the type of the input. A difference within the rounding of the input (twice its machine
        epsilon, relative to the embedding) has no direction: its row is zero, and `energy_sweep` counts it.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    minus, plus = _checked_ends(minus, plus, metric)
    dtype = torch.promote_types(minus.dtype, plus.dtype)
    rounding = 2 * max(torch.finfo(minus.dtype).eps, torch.finfo(plus.dtype).eps)
    minus, plus = (pairs.unit_rows(end) if metric == "cosine" else end.double() for end in (minus, plus))
    difference = plus - minus
    size = torch.maximum(minus.norm(dim=1), plus.norm(dim=1))
    difference[difference.norm(dim=1) <= rounding * size] = 0
    return pairs.unit_rows(difference, dtype)


@torch.no_grad()
@checked
def displacement(minus, plus, *, metric: str = "cosine") -> torch.Tensor:
    """Return how far an embedding moves along each curve: the distance between its two ends.

    The energy of a field says nothing about it; over the mean pair distance of the cloud it tells whether the
    attribute moves the embedding at all.

    Parameters
    ----------
    minus, plus : array_like, shape (N, d)
        Embeddings one step before and after each point.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    Tensor, shape (N,)
        In the unit of the metric, float64.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    minus, plus = _checked_ends(minus, plus, metric)
    if metric == "cosine":
        return (pairs.unit_rows(plus) - pairs.unit_rows(minus)).square().sum(dim=1) / 2
    return (plus.double() - minus.double()).norm(dim=1)


def _checked_ends(minus, plus, metric: str) -> tuple[torch.Tensor, torch.Tensor]:
    minus = checks.as_matrix("minus", minus, metric=metric)
    return minus, checks.as_matrix("plus", plus, rows=len(minus), columns=minus.shape[1], metric=metric)


@takes_cloud("points", "fields")
@torch.no_grad()
@checked
def energy_sweep(
    points,
    fields: Mapping,
    scales: Sequence[float],
    *,
    metric: str = "cosine",
    mean_distance: float | None = None,
    include_center: bool = False,
    max_neighbors: int | None = None,
    seed: int = 0,
    device=None,
) -> pd.DataFrame:
    """Compute the invariance energy of attribute fields over one cloud, at several scales.

    .. math:: E_a(\\varepsilon) = 1 - \\operatorname{mean}_i \\operatorname{mean}_{j \\ne i,\\;
              d(x_i, x_j) \\le \\varepsilon \\bar d} \\cos(v_i, v_j)

    after Leroy et al. (2025), eq. 3. The outer mean is over the points that have a neighbour. 0: the field has one
    direction; 1: neighbours are orthogonal on average; up to 2: they are opposed.

    On the CPU ``torch.get_num_threads()`` threads share the pairs (`frlib.runtime.start` sets the number). The result
    does not depend on it.

    Parameters
    ----------
    points : array_like, shape (N, d), or mapping of attribute to (N_a, d), or a cloud
        The cloud of one identity, or one cloud per attribute. Attributes with equal matrices share one cloud. An object
        with ``points``, ``fields`` and ``metric``, as `frlib.clouds.Cloud`, stands for all three:
        ``energy_sweep(cloud, scales)``.
    fields : mapping of attribute to array_like, shape (N, d)
        A vector of any length at each point. A point whose vector is zero is undefined for that attribute: it is
        neither a centre nor a neighbour.
    scales : sequence of K floats
        Radii of the balls in units of the mean distance, positive, in any order. The balls are closed: a distance
        within a relative 1e-9 of the radius (of its square, for Euclidean) is inside.
    metric : {"cosine", "euclidean"}
        The metric of the points.
    mean_distance : float, optional
        The unit of the scales. Default: the mean over all pairs of all points (of all distinct clouds, pooled).
    include_center : bool
        Count the pair of a point with itself, as the authors' code does: it lowers the energy by (k - 1)/k in a ball
        of k points, and an isolated point scores 0.
    max_neighbors : int, optional
        Use at most this many points of each ball, drawn at random without replacement (the paper: 100). The draws
        are independent between points; attributes of one cloud share them. Default: all.
    seed : int
        Seeds these draws. The same seed gives the same draws on every device.
    device : str, optional
        See `frlib.runtime.choose_device`.

    Returns
    -------
    DataFrame
        One row per attribute and scale, in the order given. ``attribute``; ``scale``; ``radius``, the scale times the
        mean distance; ``energy``, NaN if no point has a neighbour; ``neighbors``, the mean size of the whole ball over
        the defined points, whatever ``max_neighbors`` (the centre counts only with ``include_center``); ``isolated``,
        the share of the N points that are defined and have no other point in their ball, whether or not they count
        themselves; ``undefined``, the share of the N points with a zero vector.

    Raises
    ------
    ValueError
        If an argument has a shape, a name or a value that is not accepted.
    """
    scales = checks.as_scales("scales", scales)
    if max_neighbors is not None:
        max_neighbors = checks.at_least("max_neighbors", max_neighbors, 1)
    device = choose_device(device)
    results = {}
    with own_threads(device) as threads:
        clouds = distinct_clouds(points, fields, metric)
        radii = radii_of(clouds, scales, metric, mean_distance, device, threads)
        limits = pairs.limits_of(radii, metric)
        sample = None if max_neighbors is None else (max_neighbors, np.random.default_rng(seed))
        for cloud, own in clouds:
            rows = pairs.centred(cloud.to(device), metric)
            results |= _cloud_energies(rows, own, limits.to(device), include_center, sample, threads)
    return _table({name: results[name] for name in fields}, scales, radii)


@takes_cloud("points", "fields")
@torch.no_grad()
@checked
def energy_at_equal_shares(
    points, fields: Mapping, shares: Sequence[float] = SHARES, *, metric: str = "cosine"
) -> pd.DataFrame:
    """Compute the energies of one cloud where the balls hold given shares of its pairs.

    The same ε is not the same ball in two metrics; the same share of pairs is.

    Parameters
    ----------
    points : array_like, shape (N, d), or a cloud with points, fields and metric
    fields : mapping of attribute to array_like, shape (N, d)
    shares : sequence of float
        Each radius is this quantile of the pair distances, the next larger distance where it falls between two. It is a
        hair above 0 where so many pairs coincide.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    DataFrame
        That of `energy_sweep`, with scales in the unit of the metric, and ``share``.

    Raises
    ------
    CoincidentPoints
        If all points coincide.
    """
    pairs.unit_distance(points, metric=metric)
    distances = pairs.pair_distances(points, metric=metric).double().cpu().numpy()
    inside = distances[np.triu_indices(len(distances), 1)]
    # pair_distances may round differently from the sweep: a hair more keeps the pair that sets the radius inside.
    radii = np.quantile(inside, shares, method="higher") * (1 + 1e-6)
    radii = np.maximum(radii, np.finfo(float).tiny)  # the ball of radius 0 holds the points that coincide
    table = energy_sweep(points, fields, radii, metric=metric, mean_distance=1.0)
    return table.assign(share=np.tile(shares, len(fields)))


def distinct_clouds(points, fields, metric: str) -> list[tuple[torch.Tensor, dict[str, torch.Tensor]]]:
    """Return each distinct cloud with the fields that live on it."""
    if not isinstance(fields, Mapping) or not fields:
        raise ValueError(f"fields must be a non-empty mapping of attribute to matrix; got {type(fields).__name__}")
    if isinstance(points, Mapping):
        if set(points) != set(fields):
            raise ValueError(f"points must have the attributes of fields, {list(fields)}; got {list(points)}")
        matrices = {name: checks.as_matrix(f"points[{name!r}]", points[name], metric=metric) for name in fields}
    else:
        matrices = dict.fromkeys(fields, checks.as_matrix("points", points, metric=metric))
    clouds: list[tuple[torch.Tensor, dict]] = []
    for name, matrix in matrices.items():
        field = checks.as_matrix(f"fields[{name!r}]", fields[name], rows=len(matrix), columns=matrix.shape[1])
        for cloud, own in clouds:
            if cloud is matrix or (cloud.shape == matrix.shape and torch.equal(cloud, matrix.to(cloud))):
                own[name] = field
                break
        else:
            clouds.append((matrix, {name: field}))
    return clouds


def radii_of(clouds, scales: np.ndarray, metric: str, mean_distance: float | None, device, threads: int) -> np.ndarray:
    """Return the radii of balls round the points of `distinct_clouds`; see `energy_sweep`."""
    if mean_distance is None:
        mean_distance = _pooled_mean([cloud for cloud, _ in clouds], metric, device, threads)
    elif not 0 < mean_distance < np.inf:
        raise ValueError(f"mean_distance must be positive and finite; got {mean_distance!r}")
    return scales * float(mean_distance)


def _pooled_mean(clouds: list[torch.Tensor], metric: str, device: torch.device, threads: int) -> float:
    if len({cloud.shape[1] for cloud in clouds}) > 1:
        raise ValueError("points must have the same number of columns for all attributes if mean_distance is not given")
    pooled = clouds[0].to(device) if len(clouds) == 1 else torch.cat([cloud.to(device) for cloud in clouds])
    if len(pooled) < 2:
        raise ValueError("points must hold at least two rows if mean_distance is not given; got 1")
    return pairs.unit_distance(pooled, metric=metric, threads=threads)


class DefinedGroup(NamedTuple):
    """Attributes that are defined at the same points: their names, these centred points, and their unit vectors."""

    names: list[str]
    rows: torch.Tensor
    vectors: list[torch.Tensor]


def defined_groups(rows: torch.Tensor, fields: Mapping[str, torch.Tensor]) -> Iterator[DefinedGroup]:
    """Yield the fields of one cloud by the points where they are defined: as a rule one group, in one pass over pairs.

    ``rows`` are `frlib.geometry.pairs.centred`. The vectors are in float64 if a field is.
    """
    dtype = torch.float64 if any(field.dtype == torch.float64 for field in fields.values()) else torch.float32
    units = {name: pairs.unit_rows(field.to(rows.device), dtype) for name, field in fields.items()}
    groups: dict[tuple, list[str]] = {}
    for name, unit in units.items():
        groups.setdefault(tuple((checks.row_sizes(unit) > 0).tolist()), []).append(name)
    for mask, names in groups.items():
        here = slice(None) if all(mask) else torch.tensor(mask, device=rows.device)  # a mask would copy
        yield DefinedGroup(names, rows[here], [units[name][here] for name in names])


def ball_energies(used: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    """Return the energy per radius from the number of neighbours and the sum of their cosines, both (N, K)."""
    filled = used > 0
    # 0 / 0 is NaN: no point has a neighbour.
    return 1 - torch.where(filled, total / used, 0).sum(dim=0) / filled.sum(dim=0)


def _cloud_energies(rows, fields: dict, limits, include_center: bool, sample, threads: int) -> dict[str, tuple]:
    """Return for each attribute (energy, neighbors, isolated, undefined), the first three per ascending scale."""
    results = {}
    for names, here, vectors in defined_groups(rows, fields):
        others, *totals = pairs.ball_sums(here, vectors, limits, threads=threads)
        isolated = (others == 0).sum(dim=0) / len(rows)
        counts, *totals = (sums + include_center for sums in (others, *totals))  # the cosine of the own pair is 1
        used = counts
        if sample:
            draw = {"at_most": sample[0], "include_center": include_center, "generator": sample[1]}
            used, *totals = pairs.sampled_ball_sums(here, vectors, limits, **draw)
        undefined = (len(rows) - len(here)) / len(rows)
        for name, total in zip(names, totals, strict=True):
            by_scale = ball_energies(used, total), counts.mean(dim=0), isolated
            results[name] = *(values.numpy() for values in by_scale), undefined
    return results


def _table(results: Mapping[str, tuple], scales: np.ndarray, radii: np.ndarray) -> pd.DataFrame:
    place = np.argsort(np.argsort(scales, kind="stable"), kind="stable")  # from ascending back to the given order
    names = ["attribute", "scale", "radius", "energy", "neighbors", "isolated", "undefined"]
    parts = []
    for name, (*by_scale, undefined) in results.items():
        columns = (name, scales, radii, *(values[place].astype(float) for values in by_scale), undefined)
        parts.append(pd.DataFrame(dict(zip(names, columns, strict=True))))
    return pd.concat(parts, ignore_index=True)
