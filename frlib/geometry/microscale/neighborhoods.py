"""Energies over other neighbourhoods than balls: the nearest points, and all points weighted by their nearness."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import pairs
from frlib.geometry.clouds import takes_cloud
from frlib.geometry.compiled import compiled
from frlib.geometry.microscale.energy import ball_energies, defined_groups, distinct_clouds, radii_of
from frlib.runtime import choose_device, own_threads


@takes_cloud("points", "fields")
@torch.no_grad()
@checked
def neighborhood_energies(
    points,
    fields: Mapping,
    *,
    scales: Sequence[float] = (),
    nearest: Sequence[int] = (5, 10),
    inverse_distance: bool = True,
    metric: str = "cosine",
    mean_distance: float | None = None,
    device=None,
) -> pd.DataFrame:
    """Compute the energy of attribute fields by the three definitions of the authors' code, in one pass over the pairs.

    Each is a mean over the points, and at a point one over its neighbours, the point itself excluded:

    .. math:: E_a = 1 - \\operatorname{mean}_i \\frac{\\sum_{j \\ne i} w_{ij} \\cos(v_i, v_j)}{\\sum_{j \\ne i} w_{ij}}

    * In a ball, w is 1 up to a distance and then 0, as in `energy_sweep`.
    * Over the k nearest points (``energy_finetuning.py`` of the authors), w is 1 for these. Where points tie for the
      last places, within a relative 1e-9 of the distance (of its square, for Euclidean), they share them: the
      mean is that over all choices. So the order of the points has no influence.
    * With inverse distances (``energy_gancontrol.ipynb``), w is 1/d over all points. Where points coincide with i, only
      these count, and equally: it is the limit of the weights as the distances to them go to 0 together.

    Distances that rounding hides are 0 (see `frlib.geometry.pair_distances`): such points coincide.

    Parameters
    ----------
    points : array_like, shape (N, d), or mapping of attribute to (N_a, d), or a cloud
    fields : mapping of attribute to array_like, shape (N, d)
        A point whose vector is zero is undefined for that attribute: it is neither a centre nor a neighbour.
    scales : sequence of float
        Radii of balls in units of the mean distance, as in `energy_sweep`.
    nearest : sequence of int
        Numbers k of nearest points, from 1 to N - 1. Memory grows with N times the largest.
    inverse_distance : bool
        Also use inverse distances.
    metric : {"cosine", "euclidean"}
    mean_distance : float, optional
        The unit of the scales. Default: the mean over all pairs of all points.
    device : str, optional
        See `frlib.runtime.choose_device`.

    Returns
    -------
    DataFrame
        For each attribute one row per scale, k, and, last, for inverse distances. ``attribute``; ``neighborhood``
        (``ball``, ``nearest`` or ``inverse distance``); ``size``, the scale or k, else NaN; ``energy``, NaN if no
        point has a neighbour, or fewer than k + 1 are defined; ``undefined``, the share of points with a zero vector.

    Raises
    ------
    CoincidentPoints
        If scales are given and all points coincide, so that there is no unit.
    ValueError
        If no neighbourhood is asked for, or a shape, a value, a scale, a k, the metric or the device is not accepted.
    """
    clouds = distinct_clouds(points, fields, metric)
    nearest = _checked_nearest(nearest, min(len(cloud) for cloud, _ in clouds))
    if not (len(scales) or nearest or inverse_distance):
        raise ValueError("scales, nearest and inverse_distance must ask for a neighbourhood; got none of them")
    device, limits = choose_device(device), torch.empty(0, dtype=torch.float64)
    energies, undefined = {}, {}
    with own_threads(device) as threads:
        if len(scales):
            radii = radii_of(clouds, checks.as_scales("scales", scales), metric, mean_distance, device, threads)
            limits = pairs.limits_of(radii, metric)
        for cloud, own in clouds:
            rows = pairs.centred(cloud.to(device), metric)
            for group in defined_groups(rows, own):
                found = _group_energies(group, limits.to(device), nearest, inverse_distance, metric, threads)
                energies |= dict(zip(group.names, found.tolist(), strict=True))
                undefined |= dict.fromkeys(group.names, (len(rows) - len(group.rows)) / len(rows))
    kinds = _kinds(scales, nearest, inverse_distance)
    columns = ["attribute", "neighborhood", "size", "energy", "undefined"]
    table = [(a, kind, size, energies[a][place], undefined[a]) for a in fields for kind, size, place in kinds]
    return pd.DataFrame(table, columns=columns)


def _kinds(scales, nearest, inverse_distance: bool) -> list[tuple[str, float, int]]:
    """Return name and size of each neighbourhood and its place in `_group_energies`, where scales ascend."""
    places = np.argsort(np.argsort(scales, kind="stable"), kind="stable")
    kinds = [("ball", float(scale), place) for scale, place in zip(scales, places, strict=True)]
    kinds += [("nearest", float(k), len(scales) + i) for i, k in enumerate(nearest)]
    return kinds + ([("inverse distance", np.nan, len(kinds))] if inverse_distance else [])


def _checked_nearest(nearest: Sequence[int], n: int) -> list[int]:
    nearest = [checks.at_least("nearest", k, 1) for k in nearest]
    if nearest and max(nearest) > n - 1:
        raise ValueError(f"nearest must be at most {n - 1}, the number of other points; got {max(nearest)}")
    return nearest


def _group_energies(group, limits, nearest: list[int], inverse_distance: bool, metric: str, threads) -> torch.Tensor:
    """Return the energies of attributes that are defined at the same points, (A, neighbourhoods)."""
    n, a = len(group.rows), len(group.vectors)
    possible = [k for k in nearest if k < n]
    balls = pairs.BallSums(limits, n, a) if len(limits) else None
    lists = NearestPoints(n, max(possible)) if possible else None
    inverse = InverseDistanceSums(n, a, metric, group.rows.device) if inverse_distance else None
    tiles = pairs.Tiles(group.rows)
    pairs.one_pass(tiles, group.vectors, [r for r in (balls, lists, inverse) if r is not None], threads=threads)
    found = []
    if balls:
        counts, *totals = balls.balls()
        found.append(torch.stack([ball_energies(counts, total) for total in totals]))
    if nearest:
        energies = torch.full((a, len(nearest)), torch.nan, dtype=torch.float64)
        if lists:
            asked = torch.tensor([k < n for k in nearest])
            energies[:, asked] = 1 - lists.mean_products(tiles, group.vectors, possible).mean(dim=1)
        found.append(energies)
    if inverse:
        found.append(1 - inverse.mean_products().mean(dim=1, keepdim=True))
    return torch.cat(found, dim=1)


class NearestPoints:
    """The nearest points of every point, as a reduction of `frlib.geometry.pairs.one_pass`.

    Parameters
    ----------
    n : int
        Number of points.
    k : int
        The largest number of nearest points. One more is kept, to see ties.
    """

    def __init__(self, n: int, k: int):
        self.squares, self.places = _no_points(n, k + 1)

    def start(self, tile: pairs.Tile):
        """Return squared distances and places of the nearest points within the tile, of its rows and its columns."""
        if tile.squares.is_cuda:
            return _nearest_by_sorting(tile, self.squares.shape[1])
        # Only what is nearer than the last ones so far matters. A tile that another thread merges meanwhile makes these
        # smaller: some points are then kept in vain, and `add` drops them.
        of_rows, of_columns = (
            (np.repeat(self.squares[side, -1:], self.squares.shape[1], axis=1), np.zeros_like(self.places[side]))
            for side in (tile.first, tile.second)
        )
        starts = tile.first.start, tile.second.start
        _keep_nearest(tile.squares.numpy(), *starts, tile.diagonal, *of_rows, *of_columns)
        return of_rows, of_columns

    def add(self, kept, tile: pairs.Tile) -> None:
        """Merge the nearest points of a tile with those of the tiles before."""
        for side, (squares, places) in zip((tile.first, tile.second), kept, strict=True):
            _merge(self.squares[side], self.places[side], squares, places)

    def mean_products(self, tiles: pairs.Tiles, vectors: Sequence[torch.Tensor], numbers: Sequence[int]):
        """Return the mean inner product with the k nearest points for several k, (A, N, K), float64, on the CPU."""
        device = tiles.rows.device
        places = torch.from_numpy(self.places[:, :-1]).to(device)
        sums = torch.empty(len(vectors), *places.shape, dtype=torch.float64, device=device)
        for block in pairs.blocks(len(tiles), max(1, 16 * pairs.tile_size(device) // places.shape[1])):
            for a, vector in enumerate(vectors):
                near = vector[places[block].flatten()].view(-1, places.shape[1], vector.shape[1])
                sums[a, block] = torch.bmm(near, vector[block, :, None])[..., 0]
        sums.cumsum_(dim=2)
        means = torch.stack([sums[..., k - 1] / k for k in numbers], dim=2)
        for i, k in enumerate(numbers):
            tied = self.squares[:, k] <= self.squares[:, k - 1] * (1 + pairs.TIE)
            tied = torch.from_numpy(tied.nonzero()[0]).to(device)
            for some in tied.split(max(1, 4 * pairs.tile_size(device) ** 2 // len(tiles))):
                means[:, some, i] = _means_with_ties(tiles, vectors, k, some)
        return means.cpu()


def _no_points(n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full((n, size), np.inf), np.zeros((n, size), np.int64)


@compiled
def _keep_nearest(squares, row_start, column_start, diagonal, of_rows, row_places, of_columns, column_places):
    last_of_columns = of_columns[:, -1].copy()  # side by side in memory
    for i in range(squares.shape[0]):
        last = of_rows[i, -1]
        for j in range(i + 1 if diagonal else 0, squares.shape[1]):
            square = squares[i, j]
            if square < last:
                last = _insert(of_rows[i], row_places[i], square, column_start + j)
            if square < last_of_columns[j]:
                last_of_columns[j] = _insert(of_columns[j], column_places[j], square, row_start + i)


@compiled
def _insert(squares, places, square, place):
    """Put a square into an ascending list, behind equal ones; the last one falls out, and the new last is returned."""
    at = len(squares) - 1
    while at > 0 and squares[at - 1] > square:
        squares[at], places[at] = squares[at - 1], places[at - 1]
        at -= 1
    squares[at], places[at] = square, place
    return squares[-1]


@compiled
def _merge(squares, places, new_squares, new_places):
    for i in range(len(squares)):
        for j in range(new_squares.shape[1]):
            if not new_squares[i, j] < squares[i, -1]:
                break
            _insert(squares[i], places[i], new_squares[i, j], new_places[i, j])


def _nearest_by_sorting(tile: pairs.Tile, size: int):
    """Do what `_keep_nearest` does, on a GPU."""
    squares = tile.squares.clone().fill_diagonal_(torch.inf) if tile.diagonal else tile.squares
    kept = []
    for matrix, start in ((squares, tile.second.start), (squares.T, tile.first.start)):
        near = matrix.topk(min(size, matrix.shape[1]), dim=1, largest=False)
        kept.append((near.values.cpu().numpy(), (near.indices + start).cpu().numpy()))
    return kept if not tile.diagonal else (kept[0], _no_points(len(squares), 1))


def _means_with_ties(tiles: pairs.Tiles, vectors, k: int, some: torch.Tensor) -> torch.Tensor:
    """Return the mean inner products of some points, (A, points), where those that tie share the last places."""
    squares = pairs.squared_distances(tiles.rows[some], tiles.rows)
    squares[torch.arange(len(some), device=some.device), some] = torch.inf
    last = squares.kthvalue(k, dim=1, keepdim=True).values
    nearer = squares < last * (1 - pairs.TIE)
    tied = (squares <= last * (1 + pairs.TIE)) & ~nearer
    share = (k - nearer.sum(dim=1, keepdim=True)) / tied.sum(dim=1, keepdim=True).double()
    weights = torch.where(tied, share, nearer.double())
    return torch.stack([(torch.mm(vector[some], vector.T) * weights).sum(dim=1) / k for vector in vectors])


class InverseDistanceSums:
    """Sums of inner products over all points, by the inverse of their distance, as a reduction of `one_pass`.

    Parameters
    ----------
    n, n_vectors : int
        Numbers of points and of vectors at each.
    metric : {"cosine", "euclidean"}
    device : torch.device
    """

    def __init__(self, n: int, n_vectors: int, metric: str, device: torch.device):
        self.metric = metric
        self.sums = torch.zeros(1 + n_vectors, n, 1, dtype=torch.float64, device=device)
        self.coincident = pairs.BallSums(torch.zeros(1, dtype=torch.float64, device=device), n, n_vectors)

    def start(self, tile: pairs.Tile):
        """Return the weights, their sums, room for those of the products, and the sums over points that coincide."""
        hidden = tile.squares == 0
        weights = pairs.from_squares(tile.squares, self.metric).reciprocal_().masked_fill_(hidden, 0)
        of_rows, of_columns = tile.zeros(len(self.sums), 1)
        of_rows[0, :, 0] = weights.sum(dim=1)
        if not tile.diagonal:  # there, each pair stands twice: the rows have all
            of_columns[0, :, 0] = weights.sum(dim=0)
        some_coincide = int(hidden.sum()) > (len(hidden) if tile.diagonal else 0)
        return weights, of_rows, of_columns, self.coincident.start(tile) if some_coincide else None

    def take(self, kept, tile: pairs.Tile, a: int, products: torch.Tensor) -> None:
        """Add the products of one vector."""
        weights, of_rows, of_columns, coincident = kept
        if products.is_cuda:
            _add_weighted(weights, products, of_rows[1 + a, :, 0], of_columns[1 + a, :, 0], tile.diagonal)
        else:
            sums = of_rows[1 + a, :, 0].numpy(), of_columns[1 + a, :, 0].numpy()
            _add_weighted_compiled(weights.numpy(), products.numpy(), *sums, tile.diagonal)
        if coincident is not None:
            self.coincident.take(coincident, tile, a, products)

    def add(self, kept, tile: pairs.Tile) -> None:
        """Add the sums of a tile to those of its points."""
        _, of_rows, of_columns, coincident = kept
        self.sums[:, tile.first] += of_rows
        self.sums[:, tile.second] += of_columns
        if coincident is not None:
            self.coincident.add(coincident, tile)

    def mean_products(self) -> torch.Tensor:
        """Return the weighted mean of the inner products, (A, N), float64, on the CPU; NaN for a single point."""
        weights, *sums = self.sums[..., 0].cpu()
        counts, *totals = self.coincident.balls()[..., 0]
        means = [torch.where(counts > 0, t / counts, s / weights) for s, t in zip(sums, totals, strict=True)]
        return torch.stack(means)


@compiled(fastmath={"reassoc"})
def _add_weighted_compiled(weights, products, row_sums, column_sums, diagonal):
    for i in range(weights.shape[0]):
        total = 0.0
        for j in range(weights.shape[1]):
            total += weights[i, j] * products[i, j]
        row_sums[i] += total
        if not diagonal:
            for j in range(weights.shape[1]):
                column_sums[j] += weights[i, j] * products[i, j]


def _add_weighted(weights, products, row_sums, column_sums, diagonal: bool) -> None:
    """Do the same on a GPU."""
    weighted = weights * products
    row_sums += weighted.sum(dim=1)
    if not diagonal:
        column_sums += weighted.sum(dim=0)
