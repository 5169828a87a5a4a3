"""The engine: exact distances, each pair once, tiles that do not matter, memory bounded by the tile."""

import contextlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torch.utils._python_dispatch import TorchDispatchMode

from frlib.geometry import (
    CoincidentPoints,
    coincide,
    distance_summary,
    energy_sweep,
    mean_pair_distance,
    pair_distances,
    pairs,
    unit_distance,
    verification,
)

METRICS = ("cosine", "euclidean")


def cloud(n, d, seed=0, dtype=torch.float64, offset=1.0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(n, d, generator=generator, dtype=torch.float64) + offset).to(dtype)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 30), m=st.integers(1, 30), d=st.integers(1, 9))
def test_distances_agree_with_scipy(metric, seed, n, m, d):
    X, Y = cloud(n, d, seed), cloud(m, d, seed + 1)
    assert np.allclose(pair_distances(X, Y, metric=metric), cdist(X, Y, metric), rtol=1e-9, atol=1e-12)
    assert np.allclose(pair_distances(X, metric=metric), cdist(X, X, metric), rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", (torch.float32, torch.float64))
def test_the_matrix_is_symmetric_with_a_zero_diagonal_and_keeps_the_type(metric, dtype):
    D = pair_distances(cloud(40, 5, dtype=dtype), metric=metric)
    assert D.dtype == dtype
    assert torch.equal(D, D.T)
    assert (D.diagonal() == 0).all()


@pytest.mark.parametrize("gap", (1e-1, 1e-3, 1e-5))
def test_close_points_far_from_the_origin_keep_their_euclidean_distance(gap):
    """The uncentred product in float32 returns 0 or noise here: the squares are 1e6 and the gaps far smaller."""
    X = cloud(50, 8, offset=0.0)
    X[25:] = X[:25] + gap * pairs.unit_rows(cloud(25, 8, seed=1))
    X += 1000
    exact = [math.dist(X[i].tolist(), X[i + 25].tolist()) for i in range(25)]
    found = pair_distances(X, metric="euclidean")[range(25), range(25, 50)]
    size = (X - X.mean(0)).norm(dim=1).max()
    bound = 1e-14 * size**2 / gap  # the error that the module states
    assert (found - torch.tensor(exact, dtype=torch.float64)).abs().max() < bound < gap / 100


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), d=st.sampled_from([1, 3, 16, 512, 2048]), offset=st.sampled_from([0.0, 1.0, 1e3]))
def test_coincident_points_have_distance_zero(metric, seed, d, offset):
    X = cloud(20, d, seed, offset=offset).repeat(2, 1)
    assert (pair_distances(X, metric=metric)[range(20), range(20, 40)] == 0).all()
    assert (pair_distances(X, X[:20], metric=metric)[range(20), range(20)] == 0).all()


def test_close_directions_keep_their_cosine_dissimilarity():
    """1 - cos in float64 loses all digits at an angle of 1e-8; half the squared chord does not."""
    angles = torch.tensor([0.0, 1e-8, 3e-8, 1e-7], dtype=torch.float64)
    X = torch.stack([angles.cos(), angles.sin()], dim=1)
    expected = (angles[:, None] - angles).square() / 2
    assert torch.allclose(pair_distances(X), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 40))
def test_mean_over_pairs_is_the_mean_of_the_matrix(metric, seed, n):
    X = cloud(n, 4, seed)
    upper = np.triu_indices(n, 1)
    assert mean_pair_distance(X, metric=metric) == pytest.approx(cdist(X, X, metric)[upper].mean(), rel=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_tiles_do_not_change_results(metric, monkeypatch):
    X, V = cloud(61, 6), {"a": cloud(61, 6, 1), "b": cloud(61, 6, 2)}
    V["b"][::7] = 0
    labels = np.arange(61) % 9

    def everything():
        yield pair_distances(X, metric=metric)
        yield pair_distances(X, X[:17] + 1, metric=metric)
        yield torch.tensor([mean_pair_distance(X, metric=metric)])
        yield torch.tensor(distance_summary(X, labels, metric=metric).to_numpy())
        yield torch.tensor(verification(X, labels, metric=metric).to_numpy())
        for max_neighbors in (None, 5):
            table = energy_sweep(X, V, [0.4, 0.8, 1.2], metric=metric, max_neighbors=max_neighbors, device="cpu")
            yield torch.tensor(table.drop(columns="attribute").to_numpy())

    whole = list(everything())
    for tile in (1, 7, 60, 61):
        monkeypatch.setattr(pairs, "TILE", tile)
        for one, other in zip(whole, everything(), strict=True):
            assert torch.allclose(one, other, rtol=1e-10, atol=1e-12, equal_nan=True)


@contextlib.contextmanager
def torch_threads(number):
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("metric", METRICS)
def test_any_number_of_threads_gives_the_same_bits(metric, monkeypatch):
    monkeypatch.setattr(pairs, "TILE", 24)
    X, V = cloud(400, 96), {"a": cloud(400, 96, 1), "b": cloud(400, 96, 2, torch.float32)}
    V["b"][::7] = 0

    def table(threads):
        with torch_threads(threads):
            return energy_sweep(X, V, np.linspace(0.5, 1.4, 7), metric=metric, device="cpu")

    one = table(1)
    for threads in (2, 3, 8):
        assert table(threads).equals(one)


class LargestTensor(TorchDispatchMode):
    """Record the number of elements of the largest tensor that any operation returns."""

    def __init__(self):
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if torch.is_tensor(tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


@pytest.mark.parametrize("metric", METRICS)
def test_no_reduction_holds_the_matrix_of_all_pairs(metric, monkeypatch):
    monkeypatch.setattr(pairs, "TILE", 40)
    n = 1000
    X, labels = cloud(n, 4), np.arange(n) % 50
    calls = {
        "mean": lambda: mean_pair_distance(X, metric=metric),
        "summary": lambda: distance_summary(X, labels, metric=metric),
        "verification": lambda: verification(X, labels, metric=metric),
        "energy": lambda: energy_sweep(X, {"a": X, "b": X}, [0.5, 1], metric=metric, device="cpu"),
        "sampled": lambda: energy_sweep(X, {"a": X}, [0.5, 1], metric=metric, max_neighbors=5, device="cpu"),
    }
    for name, call in calls.items():
        with torch_threads(1), LargestTensor() as largest:  # it sees the operations of its own thread only
            call()
        assert 0 < largest.elements <= 12_000, name
    with LargestTensor() as largest:  # the control: this one must hold it
        pair_distances(X, metric=metric)
    assert largest.elements == n * n


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 12), columns=st.integers(1, 12), diagonal=st.booleans())
def test_the_pass_for_gpus_equals_the_compiled_one(seed, rows, columns, diagonal):
    columns = rows if diagonal else columns
    generator = torch.Generator().manual_seed(seed)
    squares = torch.randint(0, 6, (rows, columns), generator=generator).double()
    products = torch.randn(rows, columns, generator=generator)
    if diagonal:  # as in the engine: both triangles, zero on the diagonal
        squares, products = squares.triu(1) + squares.triu(1).T, products.triu(1) + products.triu(1).T
    limits = torch.tensor([0.0, 1.0, 1.0, 3.0], dtype=torch.float64)
    ring = pairs._ring_numbers(squares, limits)
    assert torch.equal(ring.int(), torch.bucketize(squares, limits, out_int32=True))
    compiled = torch.zeros(2, rows, 5, dtype=torch.float64), torch.zeros(2, columns, 5, dtype=torch.float64)
    row_sums, column_sums = compiled[0][0], compiled[1][0]
    masked_rows, masked_columns = compiled[0][1], compiled[1][1]
    if diagonal:
        column_sums, masked_columns = row_sums, masked_rows
    pairs._add_tile(ring, products, row_sums, column_sums, diagonal)
    pairs._add_tile_masked(ring, products, masked_rows, masked_columns, diagonal)
    assert torch.allclose(row_sums[:, :4], masked_rows[:, :4])
    assert torch.allclose(column_sums[:, :4], masked_columns[:, :4])


@pytest.mark.parametrize("metric", METRICS)
def test_a_whole_sweep_by_the_pass_for_gpus(metric, monkeypatch):
    monkeypatch.setattr(pairs, "TILE", 37)
    X, V = cloud(100, 6), {"a": cloud(100, 6, 1), "b": cloud(100, 6, 2)}
    V["b"][::7] = 0

    def numbers():
        table = energy_sweep(X, V, [0.1, 0.4, 0.8, 1.2, 5.0], metric=metric, device="cpu")
        return table.drop(columns="attribute").to_numpy()

    compiled = numbers()
    monkeypatch.setattr(pairs, "_ring_numbers", lambda squares, limits: torch.bucketize(squares, limits))
    monkeypatch.setattr(pairs, "_add_tile", pairs._add_tile_masked)
    assert np.allclose(numbers(), compiled, rtol=1e-12, atol=1e-12, equal_nan=True)


def rough_and_exact_rings(rows, limits):
    """Return the ring numbers by products in float32 and those by float64 alone, and what float32 alone would give."""
    tiles = pairs.Tiles(rows)
    rough, scale, _ = tiles.rough
    alone = torch.bucketize(torch.cdist(rough, rough).square().double(), limits * scale**2)
    tile = pairs.Tile(tiles, slice(0, len(rows)), slice(0, len(rows)))
    return tile.ring_numbers(limits).int(), pairs._ring_numbers(tile.squares, limits).int(), alone.int()


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 60),
    d=st.sampled_from([1, 3, 64, 700]),
    size=st.sampled_from([1e-60, 1e-20, 1.0, 1e30, 1e120]),
    spread=st.sampled_from([0, 2, 15]),
)
def test_float32_puts_no_pair_into_another_ring(seed, n, d, size, spread):
    """The limits are distances of pairs: the hardest case. Rows may have lengths that differ by a factor of 1e15."""
    X = cloud(n, d, seed, offset=0.0) * torch.logspace(0, -spread, n, dtype=torch.float64)[:, None]
    rows = pairs.centred(size * X, "euclidean")
    squares = pairs.squared_distances(rows, rows)
    limits = squares.flatten()[:: max(1, n * n // 9)].sort().values * (1 + pairs.TIE)
    found, exact, _ = rough_and_exact_rings(rows, limits)
    clear = ((squares[..., None] - limits).abs() > 1e-12 * rows.square().sum(1).max()).all(dim=-1) | (squares == 0)
    assert torch.equal(found[clear], exact[clear])
    if not spread and d > 3:
        assert clear.all()


def test_float32_alone_would_put_pairs_into_other_rings():
    rows = pairs.centred(cloud(250, 64), "cosine")
    squares = pairs.squared_distances(rows, rows)
    limits = squares.flatten()[1::7001].sort().values * (1 + pairs.TIE)
    found, exact, alone = rough_and_exact_rings(rows, limits)
    off = ~torch.eye(250, dtype=torch.bool)
    assert torch.equal(found[off], exact[off]) and not torch.equal(alone[off], exact[off])


def test_float32_has_no_part_where_torch_may_drop_its_digits():
    rows = pairs.centred(cloud(40, 64), "cosine")
    assert pairs.Tiles(rows).rough is not None
    probe = torch.mm

    def smaller(left, right, **options):
        return probe(left.bfloat16().to(left.dtype), right.bfloat16().to(right.dtype), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "mm", smaller)
        assert pairs.Tiles(rows).rough is None


@pytest.mark.parametrize("metric", METRICS)
def test_float64_alone_gives_the_same_sweep(metric, monkeypatch):
    """As on a GPU, where torch computes float32 products in a smaller type, or where all distances are equal."""
    V = {"a": cloud(100, 100, 1), "b": cloud(100, 100, 2)}
    for X in (cloud(100, 100), torch.eye(100)):
        found = energy_sweep(X, V, [0.9, 1.0, 1.1], metric=metric, device="cpu")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pairs, "_rough_rows", lambda rows, sizes: None)
            assert energy_sweep(X, V, [0.9, 1.0, 1.1], metric=metric, device="cpu").equals(found)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("metric", METRICS)
def test_gpu_and_cpu_agree(metric):
    X, V = cloud(3000, 16, dtype=torch.float32), {"a": cloud(3000, 16, 1), "b": cloud(3000, 16, 2)}
    assert torch.allclose(pair_distances(X.cuda(), metric=metric).cpu(), pair_distances(X, metric=metric), atol=1e-6)
    for max_neighbors in (None, 20):
        tables = [
            energy_sweep(X, V, [0.3, 0.7, 1.0], metric=metric, max_neighbors=max_neighbors, device=device)
            for device in ("cpu", "cuda")
        ]
        numbers = [table.drop(columns="attribute").to_numpy() for table in tables]
        assert np.allclose(*numbers, rtol=1e-9, equal_nan=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pair_distances([[1.0, 2.0]], metric="manhattan"), "metric must be one of 'cosine', 'euclidean'; got"),
        (lambda: pair_distances([1.0, 2.0]), r"X must be a non-empty matrix \(N, d\); got shape \(2,\)"),
        (lambda: pair_distances([[1.0, 2.0]], [[1.0]]), "Y must have 2 columns; got 1"),
        (lambda: pair_distances([[1.0, 2.0]], [[0.0, 0.0]]), "Y must have no zero vector .* row 0"),
        (lambda: pair_distances([[1.0, math.nan]], metric="euclidean"), "X must be finite; row 0"),
        (lambda: mean_pair_distance([[1.0, 2.0]]), "points must have at least two rows; got 1"),
        (lambda: mean_pair_distance([[1.0, 2.0], [0.0, 0.0]]), "points must have no zero vector .* row 1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def jittered(n, d, dtype, offset):
    """Return points that differ from one another by nothing that their type can hold."""
    middle = cloud(1, d, offset=offset)
    return (middle + 1e-3 * torch.finfo(dtype).eps * middle.abs() * cloud(n, d, seed=1, offset=0.0)).to(dtype)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", (torch.float32, torch.float64))
@settings(max_examples=20)
@given(
    n=st.integers(2, 300),
    d=st.sampled_from([1, 3, 64, 512]),
    offset=st.sampled_from([0.0, 1.0, 1e4]),
    seed=st.integers(0, 9),
)
def test_points_that_differ_by_rounding_only_are_one_and_have_no_unit(metric, dtype, n, d, offset, seed):
    X = jittered(n, d, dtype, offset)
    ulps = torch.randint(-1, 2, X.shape, generator=torch.Generator().manual_seed(seed))
    X = torch.nextafter(X, X + ulps)  # and by one unit in the last place
    for points in (X, X[:1].repeat(n, 1), X.numpy().astype(np.float64)):
        assert coincide(points, metric=metric)
        assert mean_pair_distance(points, metric=metric) == 0
        with pytest.raises(CoincidentPoints, match=f"points must not all coincide: up to rounding the {n} points"):
            unit_distance(points, metric=metric)


def test_directions_that_are_one_coincide_at_any_length():
    X = cloud(1, 64, dtype=torch.float32) * torch.logspace(-20, 20, 30)[:, None]
    assert coincide(X, metric="cosine") and not coincide(X, metric="euclidean")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", (torch.float32, torch.float64))
def test_points_that_their_type_tells_apart_do_not_coincide(metric, dtype):
    middle = cloud(1, 64)
    X = (middle + 100 * torch.finfo(dtype).eps * middle.norm() * pairs.unit_rows(cloud(30, 64, seed=1))).to(dtype)
    assert not coincide(X, metric=metric) and unit_distance(X, metric=metric) > 0
    X = middle.repeat(3000, 1).to(dtype)
    X[-1] = cloud(1, 64, seed=2)[0]
    assert not coincide(X, metric=metric), "one of 3,000 that is another"
    assert unit_distance(X, metric=metric) == pytest.approx(float(pair_distances(X[-2:], metric=metric)[0, 1]) / 1500)


@pytest.mark.parametrize("rows", ([17], [0, 1, 40]))
@pytest.mark.parametrize("dtype", (torch.float32, torch.float64))
def test_absurd_rows_do_not_hide_the_distances_of_the_others(rows, dtype):
    """With 1e30 in the mean, all other rows lie at one point of float64: an AUC of .50 where .98 is right."""
    X, people = cloud(60, 8, dtype=dtype), np.arange(60) // 5
    X[:, :2] += 3 * torch.tensor(people % 4)[:, None]
    X[rows] *= 1e30
    exact = np.sqrt(np.square(X.numpy()[:, None].astype(np.longdouble) - X.numpy()[None]).sum(axis=-1))
    upper = np.triu_indices(60, 1)
    same, distances = (people[upper[0]] == people[upper[1]]), exact[upper]
    ahead = np.log(distances[~same] / distances[same][:, None])
    low, high = (ahead > 1e-12).mean(), (ahead > -1e-12).mean()  # all distances to an absurd row are equal, up to 1e-30
    assert low <= verification(X, people, metric="euclidean").auc <= high < low + 0.05
    assert pairs.far_rows(X).nonzero().flatten().tolist() == rows
    np.testing.assert_allclose(pair_distances(X, metric="euclidean"), exact.astype(float), rtol=1e-5, atol=1e-5)


def test_ordinary_and_repeated_rows_are_not_far():
    heavy = cloud(500, 8) * torch.logspace(-2, 2, 500)[:, None]
    repeated = torch.cat([cloud(1, 8).repeat(400, 1), cloud(20, 8, seed=1)])
    for X in (heavy, repeated, heavy + 1e6, torch.ones(5, 3), torch.zeros(1, 3)):
        assert not pairs.far_rows(X).any()
