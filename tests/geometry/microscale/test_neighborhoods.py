"""Energies over the nearest points and by inverse distance: dense formulas, invariances, ties, points that coincide."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import kneighbors_graph

from frlib.geometry import energy_sweep, neighborhood_energies, pairs
from frlib.geometry.microscale import neighborhoods

METRICS = ("cosine", "euclidean")


def cloud(n=60, d=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) + 0.7


def energies(points, fields, nearest=(1, 4), **options):
    fields = fields if isinstance(fields, dict) else {"a": fields}
    return neighborhood_energies(points, fields, nearest=nearest, **{"device": "cpu"} | options)


def weighted(weights, field):
    """Return the dense formula."""
    return 1 - np.mean((weights * cosine_similarity(field)).sum(1) / weights.sum(1))


def inverse_distances(X, metric):
    with np.errstate(divide="ignore"):
        weights = 1 / cdist(X, X, metric)
    np.fill_diagonal(weights, 0)
    return weights


@pytest.mark.parametrize("tile", (7, 256))
@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 70))
def test_they_are_the_dense_formulas(metric, tile, seed, n):
    X, V = cloud(n, seed=seed), cloud(n, seed=seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "TILE", tile)
        found = energies(X, V, (1, n // 2, n - 1), metric=metric)
    graphs = [kneighbors_graph(X, k, metric=metric).toarray() for k in (1, n // 2, n - 1)]
    expected = [weighted(weights, V) for weights in [*graphs, inverse_distances(X, metric)]]
    assert np.allclose(found.energy, expected, rtol=1e-10)
    assert list(found["size"].iloc[:-1]) == [1, n // 2, n - 1] and math.isnan(found["size"].iloc[-1])


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([1e-12, 37.5, 1e12]))
def test_rotation_scale_norm_and_order_do_not_matter(metric, seed, factor):
    X, V = cloud(40, seed=seed), cloud(40, seed=seed + 1)
    X[5], V[:3] = X[4], 0  # two coincide
    generator = np.random.default_rng(seed)
    rotation, order = np.linalg.qr(generator.normal(size=(5, 5)))[0], generator.permutation(40)
    base = energies(X, V, metric=metric, scales=[0.5, 1])
    assert base.undefined.eq(3 / 40).all()
    for points, field in [(X @ rotation, V @ rotation), (X * factor, V), (X, V * factor), (X[order], V[order])]:
        assert np.allclose(energies(points, field, metric=metric, scales=[0.5, 1]).energy, base.energy, rtol=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_one_pass_gives_the_balls_of_the_sweep_and_all_others_are_a_ball_of_all(metric):
    X, V = cloud(50), {"a": cloud(50, seed=1), "b": cloud(50, seed=2)}
    V["b"][::7] = 0
    scales = [0.8, 0.3, 100.0]
    found = energies(X, V, (41, 49), scales=scales, metric=metric)
    assert list(found.neighborhood) == (["ball"] * 3 + ["nearest"] * 2 + ["inverse distance"]) * 2
    swept = energy_sweep(X, V, scales, metric=metric, device="cpu")
    assert np.allclose(found[found.neighborhood == "ball"].energy, swept.energy, rtol=1e-12)
    everything = swept[swept.scale == 100].energy.to_numpy()
    nearest = found[found.neighborhood == "nearest"].set_index(["attribute", "size"]).energy
    assert nearest["a", 49] == pytest.approx(everything[0], rel=1e-12)
    assert nearest["b", 41] == pytest.approx(everything[1], rel=1e-12), "42 points are defined"
    assert math.isnan(nearest["b", 49])


@pytest.mark.parametrize("metric", METRICS)
def test_points_at_equal_distances_share_the_places_and_have_equal_weights(metric):
    """In a regular simplex every neighbourhood is that of all others, whatever its k."""
    n = 12
    V = cloud(n, n, seed=1)
    found = energies(np.eye(n), V, (1, 5, n - 1), metric=metric, scales=[1.0])
    assert np.allclose(found.energy, weighted(1 - np.eye(n), V), rtol=1e-12)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 8))
def test_ties_share_the_last_places(seed, k):
    """On the points of a small lattice: the nearer ones count fully, those that tie count in their share."""
    X = np.random.default_rng(seed).integers(-1, 2, size=(30, 3)).astype(float)
    V = cloud(30, 3, seed=seed)
    squares = cdist(X, X, "sqeuclidean")
    np.fill_diagonal(squares, np.inf)
    last = np.sort(squares, axis=1)[:, k - 1 : k]
    nearer, tied = squares < last, squares == last
    weights = nearer + tied * (k - nearer.sum(1, keepdims=True)) / tied.sum(1, keepdims=True)
    found = energies(X, V, (k,), metric="euclidean", inverse_distance=False)
    assert found.energy[0] == pytest.approx(weighted(weights, V), rel=1e-10)


@pytest.mark.parametrize("metric", METRICS)
def test_points_that_coincide_count_alone_as_in_the_limit(metric):
    X, V = cloud(20), cloud(20, seed=1)
    X[10:13] = X[0]
    weights = inverse_distances(X, metric)
    together = cdist(X, X, "euclidean") == 0
    np.fill_diagonal(together, False)
    weights = np.where(together.any(1, keepdims=True), together, np.nan_to_num(weights, posinf=0))
    found = energies(X, V, (), metric=metric).energy[0]
    assert found == pytest.approx(weighted(weights, V), rel=1e-9)
    directions = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]
    for gap in (1e-4, 1e-5):  # the four at the corners of a small regular simplex, which shrinks
        apart = X.copy()
        apart[[0, 10, 11, 12]] += gap * directions[:4]
        close = energies(apart, V, (), metric="euclidean").energy[0]
        assert close == pytest.approx(energies(X, V, (), metric="euclidean").energy[0], abs=10 * gap)


def test_any_number_of_threads_gives_the_same_bits(monkeypatch):
    monkeypatch.setattr(pairs, "TILE", 24)
    X, V = cloud(300, 40), {"a": cloud(300, 40, 1), "b": cloud(300, 40, 2)}
    X[7:20], V["b"][::7] = X[7], 0
    before, tables = torch.get_num_threads(), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        try:
            tables.append(energies(X, V, (3, 10), scales=[0.5, 1.0]))
        finally:
            torch.set_num_threads(before)
    assert tables[0].equals(tables[1]) and tables[0].equals(tables[2])


@pytest.mark.parametrize("metric", METRICS)
def test_what_a_gpu_runs_gives_the_same(metric, monkeypatch):
    monkeypatch.setattr(pairs, "TILE", 16)
    X, V = torch.tensor(cloud(50)), torch.tensor(cloud(50, seed=1))
    tiles = pairs.Tiles(pairs.centred(X, metric))
    compiled, sorting = (neighborhoods.NearestPoints(50, 6) for _ in range(2))
    sorting.start = lambda tile: neighborhoods._nearest_by_sorting(tile, 7)
    pairs.one_pass(tiles, [V], [compiled, sorting])
    assert np.array_equal(compiled.places, sorting.places) and np.array_equal(compiled.squares, sorting.squares)
    expected = energies(X, V, (), metric=metric)
    monkeypatch.setattr(neighborhoods, "_add_weighted_compiled", on_tensors(neighborhoods._add_weighted))
    assert np.allclose(energies(X, V, (), metric=metric).energy, expected.energy, rtol=1e-12)


def on_tensors(function):
    """Let a function of tensors take arrays, and write into them."""
    return lambda *arrays: function(*(torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in arrays))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("metric", METRICS)
def test_gpu_and_cpu_agree(metric):
    X, V = cloud(3000, 16), {"a": cloud(3000, 16, 1), "b": cloud(3000, 16, 2)}
    X[5:9] = X[4]
    one, other = (energies(X, V, (1, 10), scales=[0.5], metric=metric, device=d) for d in ("cpu", "cuda"))
    assert np.allclose(one.energy, other.energy, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nearest": (5, 60)}, "nearest must be at most 59, the number of other points; got 60"),
        ({"nearest": (0,)}, "nearest must be an integer of at least 1; got 0"),
        ({"nearest": (1.5,)}, "nearest must be an integer of at least 1; got 1.5"),
        ({"scales": [-1.0]}, "scales must be positive and finite; got -1.0"),
        ({"scales": [1.0], "mean_distance": 0}, "mean_distance must be a positive number; got 0"),
        ({"nearest": (), "inverse_distance": False}, "scales, nearest and inverse_distance must ask for a neighbourh"),
        ({"metric": "manhattan"}, "metric must be one of 'cosine', 'euclidean'; got 'manhattan'"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        energies(cloud(), cloud(seed=1), **options)


def test_a_single_point_has_no_neighbour():
    assert energies([[1.0, 2.0]], [[1.0, 0.0]], ()).energy.isna().all()
