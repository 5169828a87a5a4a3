"""The numerical engine: reductions over all pairs of points, in tiles, without the matrix of all pairs.

Both metrics come from one product of centred rows in float64,

.. math:: |x - y|^2 = |x - m|^2 + |y - m|^2 - 2 \\langle x - m, y - m \\rangle,

with m the mean of the cloud. The Euclidean distance is its square root. The cosine dissimilarity of x and y is half
of it for x/|x| and y/|y|, because |x - y|^2 = 2 - 2 cos for unit vectors. Centring makes the rounding error
proportional to the size R of the cloud (the largest distance from the mean), not to its distance from the origin
(`far_rows` have no part in the mean, and then the others have a size of their own): up to about 1e-14 R^2 in the
square (measured for up to 2,048 columns), hence 1e-14 R^2 / D in a Euclidean distance D. A Euclidean distance below
about 4e-7 R is returned as 0. Without centring, in float32, rounding hides distances up to about 1e-3 times the norm.
In which ball a pair lies is told by a product in float32 where its error cannot matter, and in float64 otherwise.

Each unordered pair is computed once and used in both directions. Several threads can share the tiles: what each tile
gives is added in the order of the tiles, so the sums are the same, bit for bit, for any number of threads. Working
memory is a few arrays of ``TILE`` x ``WIDE TILE`` per thread, and what a few tiles add to the sums of their own points,
whatever the number of points. The code is the same on the CPU and on CUDA, except where a tile is put into rings
(`Tile.ring_numbers`) and added to them (`_add_tile`).
"""

import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from tqdm.auto import tqdm

from frlib import checks
from frlib.arguments import checked
from frlib.geometry.clouds import takes_cloud
from frlib.geometry.compiled import compiled
from frlib.runtime import in_order

# Rows and columns of a tile: small enough for the cache of one processor, since each tile is read several times.
# On a GPU larger tiles keep the processors busy.
TILE = 256
CUDA_TILE = 2048

# A tile beside the diagonal has this many times more columns in `one_pass`: products of matrices are faster then.
WIDE = 3

# A square below this share of |x - m|^2 + |y - m|^2 counts as rounding: coincident points give up to 4e-15 of it.
ROUNDING = 1e-13

# What underflow adds to the error of a float32 square of rows of length 1, more than generously.
UNDERFLOW = 1e-37

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
@checked
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
        if matrix.dtype != torch.float32:  # in float64, no square of a float32 number overflows or vanishes
            largest = checks.row_sizes(rows)[:, None]
            rows = rows / largest.masked_fill_(largest == 0, 1)
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
@checked
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
@checked
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
    return _squares(left, right, left.square().sum(dim=1), right.square().sum(dim=1))


def _squares(left, right, left_sizes, right_sizes) -> torch.Tensor:
    size = left_sizes[:, None] + right_sizes
    squares = torch.addmm(size, left, right.T, alpha=-2)
    return squares.masked_fill_(squares <= size.mul_(ROUNDING), 0)


def from_squares(squares: torch.Tensor, metric: str) -> torch.Tensor:
    """Return the distances that belong to squared distances between `centred` rows."""
    return squares / 2 if metric == "cosine" else squares.sqrt()


def to_squares(distances: torch.Tensor, metric: str) -> torch.Tensor:
    """Return the squared distances between `centred` rows that belong to distances; inverts `from_squares`."""
    return distances * 2 if metric == "cosine" else distances.square()


def limits_of(radii: np.ndarray, metric: str) -> torch.Tensor:
    """Return the largest squared distance inside the closed ball of each radius, ascending."""
    return to_squares(torch.from_numpy(radii).sort().values, metric) * (1 + TIE)


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


class Tiles:
    """The pairs of `centred` rows in tiles of their upper triangle, for `one_pass`.

    Parameters
    ----------
    rows : Tensor, shape (N, d)
    """

    def __init__(self, rows: torch.Tensor):
        self.rows, self.sizes = rows, rows.square().sum(dim=1)
        self.rough = _rough_rows(rows, self.sizes)

    def __len__(self) -> int:
        return len(self.rows)

    def slices(self) -> list[tuple[slice, slice]]:
        """Return rows and columns of the tiles: one on the diagonal for each block of rows, and wide ones beside it."""
        n, size = len(self), tile_size(self.rows.device)
        width = size if self.rows.is_cuda else WIDE * size
        tiles = []
        for first in blocks(n, size):
            tiles.append((first, first))
            tiles += [(first, slice(s.start + first.stop, s.stop + first.stop)) for s in blocks(n - first.stop, width)]
        return tiles


class Tile:
    """One tile of pairs: what the reductions of `one_pass` share of it.

    Attributes
    ----------
    first, second : slice
        Its rows and columns.
    diagonal : bool
        Both are the same: each pair stands twice in the tile, and the points themselves on its diagonal.
    """

    def __init__(self, tiles: Tiles, first: slice, second: slice):
        self.tiles, self.first, self.second, self.diagonal = tiles, first, second, first == second

    @functools.cached_property
    def squares(self) -> torch.Tensor:
        """The squared distances, in float64."""
        rows, sizes = self.tiles.rows, self.tiles.sizes
        squares = _squares(rows[self.first], rows[self.second], sizes[self.first], sizes[self.second])
        return squares.triu_(1) + squares.T if self.diagonal else squares  # exactly symmetric

    def ring_numbers(self, limits: torch.Tensor) -> torch.Tensor:
        """Return k where a square lies above limit k - 1 and not above limit k."""
        if self.tiles.rough is not None and "squares" not in self.__dict__:
            ring = self._ring_numbers_from_rough(limits)
            if ring is not None:
                return ring
        return _ring_numbers(self.squares, limits)

    def _ring_numbers_from_rough(self, limits: torch.Tensor) -> torch.Tensor | None:
        """Return the numbers by a product in float32, and in float64 for pairs whose side of a limit it cannot tell."""
        rough, scale, share = self.tiles.rough
        products = torch.mm(rough[self.first], rough[self.second].T).numpy()
        sides = [(self.tiles.rows[side].numpy(), self.tiles.sizes[side].numpy()) for side in (self.first, self.second)]
        ring = np.empty(products.shape, np.int16)
        found = _rings_from_rough(products, *sides[0], *sides[1], limits.numpy(), scale, share, ring)
        return torch.from_numpy(ring) if found else None

    def zeros(self, *shape: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return arrays for sums of the row points, (*leading, rows, trailing), and of the column points.

        ``shape`` is (*leading, trailing).
        """
        *leading, trailing = shape
        options = {"dtype": torch.float64, "device": self.tiles.rows.device}
        return tuple(
            torch.zeros(*leading, side.stop - side.start, trailing, **options) for side in (self.first, self.second)
        )


def one_pass(tiles: Tiles, vectors: Sequence[torch.Tensor], reductions: Sequence, *, threads: int = 1) -> None:
    """Give each tile of pairs, and the inner products of the vectors in it, to all reductions.

    A reduction has up to three methods. ``start(tile)`` returns what it keeps of a tile, ``take(kept, tile, a,
    products)``, if there is one, gets the inner products of vectors a in the tile (an array that is written again
    afterwards); several threads call both. ``add(kept, tile)`` adds what was kept to the result, in the order of the
    tiles.

    Parameters
    ----------
    tiles : Tiles
    vectors : sequence of A Tensors, each of shape (N, d_a)
        One vector per point, of one type.
    reductions : sequence
        As `BallSums`.
    threads : int
        From `frlib.runtime.own_threads`. The results do not depend on it.
    """

    def kept_of(first: slice, second: slice) -> tuple[Tile, list]:
        tile = Tile(tiles, first, second)
        kept = [reduction.start(tile) for reduction in reductions]
        takers = [(r, own) for r, own in zip(reductions, kept, strict=True) if hasattr(r, "take")]
        products = None
        for a, vector in enumerate(vectors if takers else ()):
            products = torch.mm(vector[first], vector[second].T, out=products)
            for reduction, own in takers:
                reduction.take(own, tile, a, products)
        tile.__dict__.pop("squares", None)  # tiles wait for their turn: without it
        return tile, kept

    slices = tiles.slices()
    for tile, kept in tqdm(in_order(kept_of, slices, threads), "tiles of pairs", len(slices), delay=10, leave=False):
        for reduction, own in zip(reductions, kept, strict=True):
            reduction.add(own, tile)


class BallSums:
    """Sums of inner products over the balls of several radii round every point, as a reduction of `one_pass`.

    .. math:: S_{aik} = \\sum_{j \\ne i,\\; |x_i - x_j|^2 \\le l_k} \\langle v_{ai}, v_{aj} \\rangle

    Each unordered pair is put once into the ring between two radii; running sums over the rings then give all balls.

    Parameters
    ----------
    limits : Tensor, shape (K,)
        Squared radii, ascending.
    n, n_vectors : int
        Numbers of points and of vectors at each.
    """

    def __init__(self, limits: torch.Tensor, n: int, n_vectors: int):
        self.limits = limits
        self.rings = torch.zeros(1 + n_vectors, n, len(limits) + 1, dtype=torch.float64, device=limits.device)

    def start(self, tile: Tile):
        """Return the ring numbers of the tile, and room for its sums."""
        return tile.ring_numbers(self.limits), *tile.zeros(len(self.rings), len(self.limits) + 1)

    def take(self, kept, tile: Tile, a: int, products: torch.Tensor) -> None:
        """Add the products of one vector, and count the points with the first."""
        ring, of_rows, of_columns = kept
        if a == 0:
            _add_tile(ring, torch.ones_like(products), of_rows[0], of_columns[0], tile.diagonal)
        _add_tile(ring, products, of_rows[1 + a], of_columns[1 + a], tile.diagonal)

    def add(self, kept, tile: Tile) -> None:
        """Add the sums of a tile to those of its points."""
        _, of_rows, of_columns = kept
        self.rings[:, tile.first] += of_rows
        self.rings[:, tile.second] += of_columns

    def balls(self) -> torch.Tensor:
        """Return the number of neighbours and the sums of all vectors, (1 + A, N, K), float64, on the CPU."""
        return self.rings[..., :-1].cumsum(dim=-1).cpu()


def ball_sums(
    rows: torch.Tensor, vectors: Sequence[torch.Tensor], limits: torch.Tensor, *, threads: int = 1
) -> torch.Tensor:
    """Return `BallSums` of one pass over the pairs of `centred` rows: (1 + A, N, K), the first the numbers of points.

    Squared radii ascend; see `one_pass` for the others.
    """
    balls = BallSums(limits, len(rows), len(vectors))
    one_pass(Tiles(rows), vectors, [balls], threads=threads)
    return balls.balls()


def _rough_rows(rows: torch.Tensor, sizes: torch.Tensor) -> tuple[torch.Tensor, float, float] | None:
    """Return float32 rows of length at most 1, the power of two that made them, and the error of their squares.

    With unit roundoff u, the product of two rows in float32, summed in any order, is wrong by at most d u / (1 - d u)
    of the product of their lengths, that is of half of the sum of their squares (Higham, 2002, section 3.1), or 3 u
    more with the rounding of the rows themselves; sizes, sums and limits add 8 u. So (d + 16) times the machine epsilon
    of float32, which is 2 u, bounds the error of a square as a share of the sum of squares, twice over.

    Nothing is returned where torch may compute float32 products in a smaller type, and on a GPU, which has float64.
    """
    largest = float(sizes.max()) if len(sizes) else 0.0
    if rows.is_cuda or largest == 0 or not _float32_products_are_float32():
        return None
    scale = 2.0 ** -math.ceil(math.log2(largest) / 2)
    return (rows * scale).float(), scale, (rows.shape[1] + 16) * torch.finfo(torch.float32).eps


def _float32_products_are_float32() -> bool:
    """Say whether torch keeps the digits: several settings let it drop some, and they cannot all be asked."""
    probe = torch.full((64, 64), 1 + 2.0**-12)  # 1 in a smaller type
    return bool((torch.mm(probe, probe.T) > 64 * (1 + 2.0**-12)).all())


@compiled
def _rings_from_rough(products, rows, row_sizes, columns, column_sizes, limits, scale, share, ring) -> bool:
    """Fill in the ring numbers; stop and say False where so many need float64 that a product of matrices is faster."""
    left = ring.size // 32
    row_sizes, column_sizes = (row_sizes * scale**2).astype(np.float32), (column_sizes * scale**2).astype(np.float32)
    bounds = (limits * scale**2).astype(np.float32)
    low, high = np.empty(ring.shape[1], np.float32), np.empty(ring.shape[1], np.float32)
    at_least, at_most = np.empty(ring.shape[1], np.int32), np.empty(ring.shape[1], np.int32)
    for i in range(ring.shape[0]):
        for j in range(ring.shape[1]):
            size = row_sizes[i] + column_sizes[j]
            square, error = size - np.float32(2) * products[i, j], np.float32(share) * size + np.float32(UNDERFLOW)
            low[j], high[j] = square - error, square + error
        at_least[:], at_most[:] = 0, 0
        for bound in bounds:  # a branch-free comparison per limit vectorises; a binary search would not
            for j in range(ring.shape[1]):
                at_least[j] += low[j] > bound
                at_most[j] += high[j] > bound
        unsure = 0
        for j in range(ring.shape[1]):
            ring[i, j] = at_least[j]
            unsure += at_least[j] != at_most[j]
        left -= unsure
        if left < 0:
            return False
        if unsure:
            for j in range(ring.shape[1]):
                if at_least[j] != at_most[j]:
                    ring[i, j] = _ring_number(rows[i], columns[j], limits)
    return True


@compiled(fastmath={"reassoc"})
def _ring_number(left, right, limits) -> int:
    """Return the number of one pair, by its square in float64."""
    square, size = 0.0, 0.0
    for c in range(len(left)):
        difference = left[c] - right[c]
        square += difference * difference
        size += left[c] * left[c] + right[c] * right[c]
    if square <= ROUNDING * size:
        square = 0.0
    number = 0
    for limit in limits:
        number += square > limit
    return number


def _ring_numbers(squares: torch.Tensor, limits: torch.Tensor) -> torch.Tensor:
    """Return k where a square lies above limit k - 1 and not above limit k."""
    if squares.is_cuda:
        return torch.bucketize(squares, limits, out_int32=True)
    return torch.from_numpy(_count_below(squares.numpy(), limits.numpy()))


@compiled
def _count_below(squares, limits):
    ring = np.zeros(squares.shape, np.int16)
    for i in range(squares.shape[0]):
        for limit in limits:  # as in _rings_from_rough
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
    for start in range(0, ring.shape[1], 256):  # the sums of so many columns stay in the nearest cache
        for i in range(ring.shape[0]):
            for j in range(max(start, i + 1 if diagonal else 0), min(start + 256, ring.shape[1])):
                k, product = np.uintp(ring[i, j]), products[i, j]  # numba would ask a signed index whether it is < 0
                row_sums[i, k] += product
                column_sums[j, k] += product


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
    Tensor, shape (1 + A, N, K), float64, on the CPU
    """
    n = len(rows)
    vectors = [vectors[0].new_ones(n, 1), *vectors]
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
