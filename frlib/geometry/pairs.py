"""The numerical engine: reductions over all pairs of points, in tiles, without the matrix of all pairs.

Both metrics come from one product of centred rows in float64,

.. math:: |x - y|^2 = |x - m|^2 + |y - m|^2 - 2 \\langle x - m, y - m \\rangle,

with m the mean of the cloud. The Euclidean distance is its square root. The cosine dissimilarity of x and y is half
of it for x/|x| and y/|y|, because |x - y|^2 = 2 - 2 cos for unit vectors. Centring makes the rounding error
proportional to the size R of the cloud (the largest distance from the mean), not to its distance from the origin
(`far_rows` have no part in the mean, and then the others have a size of their own): up to about 1e-14 R^2 in the
square (measured for up to 2,048 columns), hence 1e-14 R^2 / D in a Euclidean distance D. A Euclidean distance below
about 4e-7 R is returned as 0. Without centring, in float32, rounding hides distances up to about 1e-3 times the norm.

Each unordered pair is computed once and used in both directions. Several threads can share the tiles: what each tile
gives is added in the order of the tiles, so the sums are the same, bit for bit, for any number of threads. Working
memory is a few arrays of ``TILE`` x ``TILE`` per thread, and what a few tiles add to the sums of their own points,
whatever the number of points. The code is the same on the CPU and on CUDA, except `_ring_numbers` and `_add_tile`.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from tqdm.auto import tqdm

from frlib import checks
from frlib.geometry.clouds import takes_cloud
from frlib.geometry.compiled import compiled
from frlib.runtime import in_order

# Rows and columns of a tile: small enough for the cache of one processor, since each tile is read several times.
# On a GPU larger tiles keep the processors busy.
TILE = 256
CUDA_TILE = 2048

# A square below this share of |x - m|^2 + |y - m|^2 counts as rounding: coincident points give up to 4e-15 of it.
ROUNDING = 1e-13

# A row that differs from another by no more than this many machine epsilons of its length is the same up to rounding.
SAME = 8

# A Euclidean row this many times farther from the middle of the cloud than half of the others is far: as a part of the
# mean it would cost their distances four digits or more.
FAR = 1e5

# Distances that differ from the radius by less than this share of it count as equal to it: rounding must not decide
# which points of a regular arrangement lie in a closed ball.
TIE = 1e-9


@takes_cloud("points")
@torch.no_grad()
def pair_distances(X, Y=None, *, metric: str = "cosine") -> torch.Tensor:
    """Return the matrix of distances between the rows of ``X`` and those of ``Y``.

    Parameters
    ----------
    X : array_like, shape (N, d)
    Y : array_like, shape (M, d), optional
        Default: ``X``; the matrix is then exactly symmetric with zeros on the diagonal.
    metric : {"cosine", "euclidean"}
        ``cosine`` is the dissimilarity 1 - cos, from 0 to 2; ``euclidean`` is in the units of the rows.

    Returns
    -------
    Tensor, shape (N, M)
        Computed in float64, returned in the type of the input, on the device of ``X``.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    X = checks.as_matrix("X", X, metric=metric)
    if Y is None:
        matrix = X.new_empty(len(X), len(X))
        for rows, columns, tile in distance_tiles(X, metric):
            matrix[rows, columns] = tile.to(X.dtype)
            matrix[columns, rows] = tile.T.to(X.dtype)
        return matrix
    Y = checks.as_matrix("Y", Y, columns=X.shape[1], metric=metric).to(X.device)
    together = centred(torch.cat([X.double(), Y.double()]), metric)
    left, right = together[: len(X)], together[len(X) :]
    matrix = torch.empty(len(X), len(Y), dtype=torch.promote_types(X.dtype, Y.dtype), device=X.device)
    for rows in blocks(len(X), tile_size(X.device)):
        for columns in blocks(len(Y), tile_size(X.device)):
            squares = squared_distances(left[rows], right[columns])
            matrix[rows, columns] = from_squares(squares, metric).to(matrix.dtype)
    return matrix


def unit_rows(matrix: torch.Tensor, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return the rows of a matrix at length 1, computed in float64; a row of zeros stays zero."""
    units = torch.empty(matrix.shape, dtype=dtype, device=matrix.device)
    for block in blocks(len(matrix), 2 * tile_size(matrix.device)):  # the temporary arrays stay in the cache
        rows = matrix[block].double()
        largest = rows.abs().amax(dim=1, keepdim=True)
        rows = rows / largest.masked_fill_(largest == 0, 1)  # first, so that no square overflows or vanishes
        norm = rows.norm(dim=1, keepdim=True)
        units[block] = rows.div_(norm.masked_fill_(norm == 0, 1))
    return units


def metric_rows(points: torch.Tensor, metric: str) -> torch.Tensor:
    """Return float64 rows whose squared distances are those of the metric (see `from_squares`), not yet `centred`."""
    return unit_rows(points) if metric == "cosine" else points.double()


def middle(rows: torch.Tensor, metric: str) -> torch.Tensor:
    """Return the mean of `metric_rows`, without far ones."""
    far = None if metric == "cosine" else far_rows(rows)
    return (rows if far is None or not far.any() else rows[~far]).mean(dim=0)


def centred(points: torch.Tensor, metric: str) -> torch.Tensor:
    """Return `metric_rows` of which the `middle` is subtracted."""
    rows = metric_rows(points, metric)
    center = middle(rows, metric)
    return rows.sub_(center) if metric == "cosine" else rows - center  # the former are a copy


def far_rows(points: torch.Tensor) -> torch.Tensor:
    """Say which Euclidean rows are so far from the others that, with them in the mean, rounding would hide distances.

    They are `FAR` times farther from a typical row than half of the rows that differ from it.

    Returns
    -------
    Tensor of bool, shape (N,)
    """
    away = from_typical_row(points)
    apart = away[away > 0]
    return away > FAR * (apart.median() if len(apart) else torch.inf)


def from_typical_row(points: torch.Tensor) -> torch.Tensor:
    """Return the Euclidean distances from a row of middle length, in float64."""
    parts = points.split(2 * tile_size(points.device))
    lengths = torch.cat([part.double().norm(dim=1) for part in parts])
    typical = points[(lengths - lengths.median()).abs().argmin()].double()
    return torch.cat([(part.double() - typical).norm(dim=1) for part in parts])


class CoincidentPoints(ValueError):
    """All points of a cloud are one point, up to rounding: it has no unit for scales and displacements."""


@takes_cloud("points")
@torch.no_grad()
def coincide(points, *, metric: str = "cosine") -> bool:
    """Say whether all points are one point, up to the rounding of their type.

    Each may differ from the first by eight machine epsilons of its length, or of its unit vector with the cosine
    metric. Float64 numbers that float32 holds exactly are taken for float32.

    Parameters
    ----------
    points : array_like, shape (N, d)
    metric : {"cosine", "euclidean"}

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    return _coincide(checks.as_matrix("points", points, metric=metric), metric)


def _coincide(points: torch.Tensor, metric: str) -> bool:
    if not _differ_by_at_most(SAME * torch.finfo(torch.float32).eps, points, metric):
        return False
    if points.dtype == torch.float32 or torch.equal(points.float().double(), points):
        return True
    return _differ_by_at_most(SAME * torch.finfo(torch.float64).eps, points, metric)


def _differ_by_at_most(share: float, points: torch.Tensor, metric: str) -> bool:
    """Say whether each point differs from the first by at most this share of the longer of the two."""
    first = metric_rows(points[:1], metric)
    for block in blocks(len(points), 2 * tile_size(points.device)):  # as a rule the first tells
        rows = metric_rows(points[block], metric)
        longer = torch.maximum(rows.norm(dim=1), first.norm())
        if ((rows - first).norm(dim=1) > share * longer).any():
            return False
    return True


@takes_cloud("points")
@torch.no_grad()
def unit_distance(points, *, metric: str = "cosine", threads: int = 1) -> float:
    """Return the mean distance over all pairs of points as a unit of scales and displacements.

    Parameters
    ----------
    points : array_like, shape (N, d)
    metric : {"cosine", "euclidean"}
    threads : int
        From `frlib.runtime.own_threads`.

    Raises
    ------
    CoincidentPoints
        If all points `coincide`: there is none.
    ValueError
        If a shape, a value or the metric is not accepted.
    """
    points = checks.as_matrix("points", points, metric=metric)
    mean = mean_distance(points, metric, threads)
    if mean == 0:
        raise CoincidentPoints(
            f"points must not all coincide: up to rounding the {len(points)} points are one, and their mean distance, "
            "the unit of scales, is 0"
        )
    return mean


def squared_distances(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the squared Euclidean distances between the rows of two centred matrices.

    Where rounding hides the distance it is 0: so coincident points have distance 0 and never a negative square.
    """
    size = left.square().sum(dim=1)[:, None] + right.square().sum(dim=1)
    squares = torch.addmm(size, left, right.T, alpha=-2)
    return torch.where(squares > ROUNDING * size, squares, 0)


def from_squares(squares: torch.Tensor, metric: str) -> torch.Tensor:
    """Return the distances that belong to squared distances between `centred` rows."""
    return squares / 2 if metric == "cosine" else squares.sqrt()


def to_squares(distances: torch.Tensor, metric: str) -> torch.Tensor:
    """Return the squared distances between `centred` rows that belong to distances; inverts `from_squares`."""
    return distances * 2 if metric == "cosine" else distances.square()


def balls(
    points, scales, metric: str, mean_distance: float | None = None
) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Return squared distances (N, N), the largest square inside the ball of each scale, and the radii of the balls.

    ``mean_distance`` is the unit of the scales; without it, it is that of the points.
    """
    points, scales = checks.as_matrix("points", points, metric=metric), checks.as_scales("scales", scales)
    rows = centred(points, metric)
    radii = scales * (unit_distance(points, metric=metric) if mean_distance is None else mean_distance)
    return squared_distances(rows, rows), to_squares(torch.from_numpy(radii), metric) * (1 + TIE), radii


def tile_size(device: torch.device) -> int:
    """Return the number of rows of a tile on a device."""
    return CUDA_TILE if device.type == "cuda" else TILE


def blocks(n: int, size: int) -> Iterator[slice]:
    """Cut ``range(n)`` into slices of at most ``size``."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def upper_tiles(points: torch.Tensor) -> list[tuple[slice, slice]]:
    """Return the rows and columns of the tiles that hold the upper triangle of the matrix of all pairs.

    ``columns.start >= rows.start``; they are equal for a tile on the diagonal.
    """
    parts = list(blocks(len(points), tile_size(points.device)))
    return [(first, second) for i, first in enumerate(parts) for second in parts[i:]]


def squared_tile(rows: torch.Tensor, first: slice, second: slice) -> torch.Tensor:
    """Return the squared distances of one of the `upper_tiles` of `centred` rows, in float64.

    A tile on the diagonal holds each of its pairs twice and zeros for the points themselves.
    """
    squares = squared_distances(rows[first], rows[second])
    return squares.triu_(1) + squares.T if first == second else squares  # exactly symmetric


def distance_tiles(points: torch.Tensor, metric: str) -> Iterator[tuple[slice, slice, torch.Tensor]]:
    """Yield rows, columns and distances of the upper triangle of all pairs, tile by tile, as `squared_tile` does."""
    rows = centred(points, metric)
    for first, second in upper_tiles(rows):
        yield first, second, from_squares(squared_tile(rows, first, second), metric)


def mean_distance(points: torch.Tensor, metric: str, threads: int = 1) -> float:
    """Return the mean distance over unordered pairs of at least two points, on so many threads.

    It is 0 where the points `coincide`, so that no one takes rounding for a length.

    For the cosine no pair is needed. The sum over pairs of |u_i - u_j|^2 is N times the sum of |u_i - m|^2, so the
    mean dissimilarity is the total sample variance of the unit vectors.
    """
    if _coincide(points, metric):
        return 0.0
    n = len(points)
    if metric == "cosine":
        columns = centred(points, metric).square_().sum(dim=0)  # one sum over all would depend on torch's threads
        return float(columns.sum() / (n - 1))
    rows = centred(points, metric)

    def tile_sum(first: slice, second: slice) -> torch.Tensor:
        return from_squares(squared_tile(rows, first, second), metric).sum() / (2 if first == second else 1)

    total = torch.zeros((), dtype=torch.float64, device=points.device)
    for part in in_order(tile_sum, upper_tiles(rows), threads):
        total += part
    return float(total / (n * (n - 1) / 2))


def ball_sums(
    rows: torch.Tensor, vectors: Sequence[torch.Tensor], limits: torch.Tensor, *, threads: int = 1
) -> torch.Tensor:
    """Sum inner products over the balls of several radii round every point, in one pass over the pairs.

    .. math:: S_{aik} = \\sum_{j \\ne i,\\; |x_i - x_j|^2 \\le l_k} \\langle v_{ai}, v_{aj} \\rangle

    Each unordered pair is computed once, and put once into the ring between two radii; running sums over the rings
    then give all balls.

    Parameters
    ----------
    rows : Tensor, shape (N, d)
        From `centred`.
    vectors : sequence of A Tensors, each of shape (N, d_a)
        One vector per point. A single column of ones counts the neighbours.
    limits : Tensor, shape (K,)
        Squared radii, ascending.
    threads : int
        From `frlib.runtime.own_threads`. The sums do not depend on it.

    Returns
    -------
    Tensor, shape (A, N, K), float64, on the CPU
    """
    rings = torch.zeros(len(vectors), len(rows), len(limits) + 1, dtype=torch.float64, device=rows.device)

    def tile_sums(first: slice, second: slice) -> tuple[slice, slice, torch.Tensor, torch.Tensor]:
        return first, second, *_tile_sums(rows, vectors, limits, first, second)

    tiles = upper_tiles(rows)
    sums = in_order(tile_sums, tiles, threads)
    for first, second, of_rows, of_columns in tqdm(sums, "tiles of pairs", len(tiles), delay=10, leave=False):
        rings[:, first] += of_rows
        rings[:, second] += of_columns
    return rings[..., :-1].cumsum_(dim=-1).cpu()


def _tile_sums(rows, vectors, limits, first: slice, second: slice) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what one tile adds to the rings of its row points and to those of its column points."""
    ring = _ring_numbers(squared_tile(rows, first, second), limits)
    of_rows, of_columns = (
        torch.zeros(len(vectors), part.stop - part.start, len(limits) + 1, dtype=torch.float64, device=rows.device)
        for part in (first, second)
    )
    for a, vector in enumerate(vectors):
        products = torch.mm(vector[first], vector[second].T)
        _add_tile(ring, products, of_rows[a], of_columns[a], first == second)
    return of_rows, of_columns


def _ring_numbers(squares: torch.Tensor, limits: torch.Tensor) -> torch.Tensor:
    """Return k where a square lies above limit k - 1 and not above limit k."""
    if squares.is_cuda:
        return torch.bucketize(squares, limits, out_int32=True)
    return torch.from_numpy(_count_below(squares.numpy(), limits.numpy()))


@compiled
def _count_below(squares, limits):
    ring = np.zeros(squares.shape, np.int16)
    for i in range(squares.shape[0]):
        for limit in limits:  # a branch-free comparison per limit vectorises; a binary search would not
            for j in range(squares.shape[1]):
                ring[i, j] += squares[i, j] > limit
    return ring


def _add_tile(ring, products, row_sums, column_sums, diagonal: bool) -> None:
    """Add the products of a tile to the rings of its row points and, off the diagonal, of its column points."""
    if products.is_cuda:
        _add_tile_masked(ring, products, row_sums, column_sums, diagonal)
    else:
        _add_tile_compiled(ring.numpy(), products.numpy(), row_sums.numpy(), column_sums.numpy(), diagonal)


@compiled
def _add_tile_compiled(ring, products, row_sums, column_sums, diagonal):
    for i in range(ring.shape[0]):
        for j in range(i + 1 if diagonal else 0, ring.shape[1]):
            product = products[i, j]
            row_sums[i, ring[i, j]] += product
            column_sums[j, ring[i, j]] += product


def _add_tile_masked(ring, products, row_sums, column_sums, diagonal: bool) -> None:
    """Do the same with one mask per ring: no atomic additions, so a GPU gives the same sums every time."""
    if diagonal:
        products = products.clone().fill_diagonal_(0)
    for k in range(row_sums.shape[1] - 1):
        inside = torch.where(ring == k, products, 0)
        row_sums[:, k] += inside.sum(dim=1, dtype=torch.float64)
        if not diagonal:
            column_sums[:, k] += inside.sum(dim=0, dtype=torch.float64)


def sampled_ball_sums(
    rows: torch.Tensor,
    vectors: Sequence[torch.Tensor],
    limits: torch.Tensor,
    *,
    at_most: int,
    include_center: bool,
    generator: np.random.Generator,
) -> torch.Tensor:
    """Sum as `ball_sums` does, over at most ``at_most`` points drawn from each ball without replacement.

    Each point puts all others in a random order, its own; the sample of a ball is the first ``at_most`` of the order
    that lie inside. With ``include_center`` the point itself is in its ball and can be drawn.

    Returns
    -------
    Tensor, shape (A, N, K), float64, on the CPU
    """
    n = len(rows)
    sums = torch.zeros(len(vectors), n, len(limits), dtype=torch.float64, device=rows.device)
    for block in blocks(n, max(1, 4 * tile_size(rows.device) ** 2 // max(1, n))):
        squares = squared_distances(rows[block], rows)
        squares[:, block].fill_diagonal_(0 if include_center else torch.inf)
        order = torch.from_numpy(generator.random(squares.shape)).to(rows.device).argsort(dim=1)
        squares = squares.gather(1, order)
        products = [torch.mm(vector[block], vector.T).gather(1, order) for vector in vectors]
        for k, limit in enumerate(limits):
            inside = squares <= limit
            drawn = inside & (inside.cumsum(dim=1) <= at_most)
            for a, product in enumerate(products):
                sums[a, block, k] = torch.where(drawn, product, 0).sum(dim=1, dtype=torch.float64)
    return sums.cpu()
