"""Streamed histograms against all pairs at once, on threads and on a cluster of two workers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from frlib.geometry import (
    draw_modalities,
    error_curve,
    intra_inter_distances,
    ks_by_attribute,
    pair_distances,
    stream_histograms,
)
from frlib.geometry.macroscale import streaming

dask = pytest.importorskip("dask")
METRICS = ("cosine", "euclidean")


def population(seed, n=150, n_attributes=3, d=5):
    generator = np.random.default_rng(seed)
    identities = generator.integers(0, n // 2, n)
    identities[:3] = [0, 0, 1]
    X = generator.normal(size=(n, d))[identities] + 0.5 * generator.normal(size=(n, d)) + 0.3
    return X, identities, pd.DataFrame(generator.random((n, n_attributes)) < 0.4).add_prefix("a")


def assert_same(one, other):
    for name in ("edges", "intra", "inter", "both", "mixed"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), block=st.integers(20, 160), bins=st.integers(4, 300), width=st.integers(0, 70))
@example(seed=4, block=20, bins=4, width=0)  # the median of an odd number of distances is one of them
def test_counts_are_those_of_all_pairs(metric, seed, block, bins, width):
    X, identities, table = population(seed, n_attributes=width)
    found = stream_histograms(X, identities, table if width else None, metric=metric, bins=bins, block=block)
    upper = np.triu_indices(len(X), 1)
    place = np.searchsorted(found.edges, pair_distances(X, metric=metric).numpy()[upper])
    same = (identities[:, None] == identities)[upper]
    count = lambda mask: np.bincount(place[mask], minlength=len(found.edges) + 1)  # noqa: E731
    assert len(found.edges) < bins
    np.testing.assert_array_equal(found.intra, count(same))
    np.testing.assert_array_equal(found.inter, count(~same))
    assert found.both.shape == found.mixed.shape == (len(found.edges) + 1, width)
    for a in range(width):
        label = table.iloc[:, a].to_numpy()
        alike = label[upper[0]].astype(int) + label[upper[1]]
        np.testing.assert_array_equal(found.both[:, a], count(~same & (alike == 2)))
        np.testing.assert_array_equal(found.mixed[:, a], count(~same & (alike == 1)))


@pytest.mark.parametrize(("row", "filled"), [(0, 99), (3, 191)])
def test_an_absurd_row_hides_no_distance(row, filled, monkeypatch):
    monkeypatch.setattr(streaming, "PILOT", 75)  # with row 0, without row 3
    X, identities, _ = population(2)
    X[row] = 1e30
    found = stream_histograms(X, identities, metric="euclidean", bins=200, block=40)
    upper = np.triu_indices(len(X), 1)
    distances, same = pair_distances(X, metric="euclidean").numpy()[upper], (identities[:, None] == identities)[upper]
    for counts, mask in ((found.intra, same), (found.inter, ~same)):
        np.testing.assert_array_equal(
            counts, np.bincount(np.searchsorted(found.edges, distances[mask]), minlength=len(counts))
        )
    assert (found.inter > 0).sum() == filled, "the others are told apart"


@pytest.mark.parametrize("metric", METRICS)
def test_tiles_inside_a_block_add_up(metric, monkeypatch):
    X, identities, table = population(1)
    whole = stream_histograms(X, identities, table, metric=metric)
    monkeypatch.setattr(streaming, "TILE", 17)
    assert_same(whole, stream_histograms(X, identities, table, metric=metric, block=61))


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), bins=st.integers(4, 500))
def test_ks_lies_between_its_bounds(seed, bins):
    """One image per identity, as `ks_by_attribute` draws them: the exact statistics of one are inside the other."""
    X, identities, table = population(seed)
    drawn = np.concatenate(draw_modalities(identities, table.a1, name="a1"))
    exact = ks_by_attribute(X, identities, table[["a1"]])
    found = stream_histograms(X[drawn], identities[drawn], table.iloc[drawn][["a1"]], bins=bins).ks()
    assert found.modality.tolist() == exact.modality.tolist()
    assert (found.ks <= exact.ks + 1e-12).all() and (exact.ks <= found.ks_upper + 1e-12).all()
    assert (found.pairs == exact.n * (exact.n - 1) // 2).all()


def test_bounds_are_as_close_as_stated():
    generator = np.random.default_rng(0)
    X, table = generator.normal(size=(900, 12)), pd.DataFrame({"a": generator.random(900) < 0.5})
    found = stream_histograms(X, np.arange(900), table, bins=1024).ks()
    assert (found.ks_upper - found.ks <= 4 / 1024).all()


def test_bounds_are_exact_for_known_histograms():
    """Inside: one pair in each of bins 0 and 1; across: both in bin 1, where a difference of 1 is possible."""
    counts = np.array([[1], [1], [0]])
    found = streaming.PairHistograms(
        np.array([1.0, 2.0]), np.zeros(3, int), np.array([1, 3, 1]), counts, np.array([[0], [2], [0]]), ("a",)
    )
    table = found.ks().set_index("modality")
    assert table.loc["positive", ["pairs", "ks", "ks_upper"]].tolist() == [2, 0.5, 1]
    assert table.loc["negative", ["pairs", "ks", "ks_upper"]].tolist() == [1, 1, 1]


@pytest.mark.parametrize("metric", METRICS)
def test_error_curve_is_exact_at_the_edges(metric):
    X, identities, _ = population(2)
    found = stream_histograms(X, identities, metric=metric, bins=64).error_curve()
    intra, inter = intra_inter_distances(X, identities, metric=metric)
    np.testing.assert_allclose(found.far, [(inter <= t).mean() for t in found.threshold], atol=1e-12)
    np.testing.assert_allclose(found.tar, [(intra <= t).mean() for t in found.threshold], atol=1e-12)
    assert list(found.columns) == list(error_curve(X, identities).columns)


def test_an_array_a_file_and_a_dask_array_give_the_same(tmp_path):
    array = pytest.importorskip("dask.array")
    X, identities, table = population(3)
    np.save(tmp_path / "embeddings.npy", X)
    expected = stream_histograms(X, identities, table, block=40)
    assert_same(expected, stream_histograms(tmp_path / "embeddings.npy", identities, table, block=40))
    assert_same(expected, stream_histograms(array.from_array(X, chunks=(33, 2)), identities, table, block=40))


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


@pytest.mark.parametrize("kept", ["array", "file", "dask array"])
def test_two_workers_give_the_exact_result(client, kept, tmp_path):
    """The same call; the client is found by itself. Both workers take part."""
    import distributed
    from dask import array

    X, identities, table = population(4)
    np.save(tmp_path / "embeddings.npy", X)
    source = {"array": X, "file": tmp_path / "embeddings.npy", "dask array": array.from_array(X, chunks=(50, -1))}[kept]
    with distributed.get_task_stream(client) as stream:
        found = stream_histograms(source, identities, table, block=30)
    assert len({task["worker"] for task in stream.data}) == 2
    with dask.config.set(scheduler="synchronous"):
        assert_same(found, stream_histograms(X, identities, table, block=150))
    place = np.searchsorted(found.edges, pair_distances(X).numpy()[np.triu_indices(len(X), 1)])
    assert np.array_equal(np.bincount(place, minlength=len(found.inter)), found.intra + found.inter)
    drawn = np.concatenate(draw_modalities(identities, table.a0, name="a0"))
    streamed = stream_histograms(X[drawn], identities[drawn], table.iloc[drawn][["a0"]], block=30).ks()
    exact = ks_by_attribute(X, identities, table[["a0"]]).ks
    assert (streamed.ks <= exact + 1e-12).all() and (exact <= streamed.ks_upper + 1e-12).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bins": 3}, "bins must be an integer of at least 4; got 3"),
        ({"bins": 10**6}, "bins must not exceed 65535; got 1000000"),
        ({"block": 0}, "block must be an integer of at least 1; got 0"),
        ({"metric": "angle"}, "metric must be one of 'cosine', 'euclidean'; got 'angle'"),
        ({"identities": [1, 2]}, r"identities must have shape \(150,\), one per embedding; got \(2,\)"),
        ({"attributes": pd.DataFrame({"a": [True]})}, "attributes must have 150 rows, one per image; got 1"),
        ({"embeddings": np.ones(150)}, r"embeddings must be a non-empty matrix \(N, d\); got shape \(150,\)"),
        ({"embeddings": np.zeros((150, 2))}, "embeddings must have no zero vector with metric='cosine'; row 0 is zero"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    X, identities, table = population(0)
    with pytest.raises(ValueError, match=message):
        stream_histograms(**{"embeddings": X, "identities": identities, "attributes": table} | arguments)


def test_a_file_that_is_no_matrix_is_named(tmp_path):
    np.save(tmp_path / "vector.npy", np.ones(5))
    with pytest.raises(
        ValueError, match=r"embeddings must be a matrix \(N, d\) with at least two rows; got shape \(5,\)"
    ):
        stream_histograms(tmp_path / "vector.npy", np.arange(5))


def test_a_value_that_is_no_number_is_found_in_its_block(tmp_path):
    """The pilot sample sees only some rows of a large file; the tasks see all."""
    X = np.random.default_rng(0).normal(size=(4000, 2))
    X[1, 0] = np.nan
    np.save(tmp_path / "embeddings.npy", X)
    with pytest.raises(ValueError, match="embeddings must be finite; row 1 holds NaN or infinity"):
        stream_histograms(tmp_path / "embeddings.npy", np.arange(4000), block=1000)
