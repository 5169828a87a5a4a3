"""Probes against a gallery: loops over all pairs, scikit-learn, known answers, and what is refused."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score, roc_curve

from frlib.geometry import cumulative_matches, identification, rank1_by_gallery

METRICS = ("cosine", "euclidean")
RATES = {"far": (0.2, 0.05), "accepted_at_least": 0}


def drawn(seed, n=30, size=8, d=4):
    rng = np.random.default_rng(seed)
    gallery = rng.normal(size=(size, d))
    own = rng.integers(0, size, n)
    return gallery[own] + 0.7 * rng.normal(size=(n, d)), own, gallery, np.arange(size)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 40), size=st.integers(2, 12))
def test_equals_the_loop_over_probes_and_the_roc_of_scikit_learn(metric, seed, n, size):
    probes, own, gallery, names = drawn(seed, n, size)
    D = cdist(probes, gallery, metric)
    ranks = np.array([1 + sum(D[i] < D[i, k]) for i, k in enumerate(own)])
    found = identification(probes, own, gallery, names, metric=metric, **RATES)
    same = own[:, None] == names
    far, tar, _ = roc_curve(same.ravel(), -D.ravel(), drop_intermediate=False)
    assert list(found.index) == ["rank1", "auc", "eer", "tar_at_2e-1", "tar_at_5e-2", "gallery_size"]
    assert found.rank1 == pytest.approx((ranks == 1).mean()) and found.gallery_size == size
    assert found.auc == pytest.approx(roc_auc_score(same.ravel(), -D.ravel()))
    assert found["tar_at_2e-1"] == pytest.approx(tar[far <= 0.2].max())
    assert far[(k := np.argmax(far >= 1 - tar)) - 1] <= found.eer <= far[k]
    curve = cumulative_matches(probes, own, gallery, names, metric=metric)
    assert list(curve["rank"]) == list(range(1, size + 1))
    np.testing.assert_allclose(curve["share"], [(ranks <= k).mean() for k in curve["rank"]])


def test_the_gallery_finds_itself_in_any_order():
    _, _, gallery, names = drawn(0)
    order = np.random.default_rng(0).permutation(8)
    found = identification(gallery, [f"p{k}" for k in names], gallery[order], [f"p{k}" for k in order], **RATES)
    assert found.rank1 == found.auc == found["tar_at_5e-2"] == 1 and found.eer == 0


def test_a_tie_is_no_match():
    """All embeddings coincide: nobody is found before the last rank, and the AUC is that of guessing."""
    probes, gallery = np.ones((6, 3)), np.ones((4, 3))
    found = identification(probes, [0, 1, 2, 3, 0, 1], gallery, range(4), **RATES)
    assert found.rank1 == 0 and found.auc == 0.5
    assert list(cumulative_matches(probes, [0, 1, 2, 3, 0, 1], gallery, range(4))["share"]) == [0, 0, 0, 1]


def test_a_tar_is_unknown_where_too_few_pairs_may_be_accepted():
    """30 probes and 8 people give 210 pairs of two people: 10 of them are a rate of .0476."""
    found = identification(*drawn(1), far=(0.05, 0.04))
    assert np.isfinite(found["tar_at_5e-2"]) and np.isnan(found["tar_at_4e-2"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probes": np.ones((30, 3))}, "gallery must have 3 columns; got 4"),
        ({"probes": np.zeros((30, 4))}, "probes must have no zero vector"),
        ({"probe_identities": [0]}, "probe_identities must have shape (30,), one per probe; got (1,)"),
        ({"probe_identities": [9] * 30}, "gallery_identities must hold those of the probes; 9 is missing"),
        ({"gallery_identities": [0, 0, *range(1, 7)]}, "gallery_identities must be at least two, all different; got 8"),
        ({"far": [0]}, "far must lie between 0 and 1, both excluded; got 0"),
        ({"metric": "l1"}, "metric must be one of"),
    ],
)
def test_what_is_refused(change, message):
    names = ("probes", "probe_identities", "gallery", "gallery_identities")
    with pytest.raises(ValueError, match=re.escape(message)):
        identification(**dict(zip(names, drawn(2), strict=True)) | change)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_further_ranks_are_those_of_the_cumulative_matches(seed):
    data = drawn(seed)
    found = identification(*data, ranks=(1, 2, 5), **RATES)
    share = cumulative_matches(*data).set_index("rank")["share"]
    assert [found[f"rank{k}"] for k in (1, 2, 5)] == pytest.approx(share[[1, 2, 5]].tolist())
    with pytest.raises(ValueError, match="ranks must be"):
        identification(*data, ranks=(0,))


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), size=st.integers(2, 6))
def test_smaller_galleries_are_the_mean_over_all_of_them(seed, size):
    """The loop over all galleries that hold the own person, for every probe."""
    probes, own, gallery, names = drawn(seed, n=8, size=6)
    D = cdist(probes, gallery, "cosine")
    found = []
    for i, k in enumerate(own):
        others = [j for j in names if j != k]
        drawn_ones = itertools.combinations(others, size - 1)
        found.append(np.mean([all(D[i, k] < D[i, j] for j in some) for some in drawn_ones]))
    share = cumulative_matches(probes, own, gallery, names)["share"]
    assert rank1_by_gallery(share, [size]) == pytest.approx([np.mean(found)])


def test_refuses_shares_that_fall_and_sizes_out_of_range():
    with pytest.raises(ValueError, match="shares must rise to 1"):
        rank1_by_gallery([0.5, 0.4, 1.0], [2])
    with pytest.raises(ValueError, match="sizes must be from 2 to 3; got 4"):
        rank1_by_gallery([0.5, 0.8, 1.0], [2, 4])
