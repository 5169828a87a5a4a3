"""The AUC with an interval over identities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.geometry import auc_interval, pair_distances, verification
from frlib.geometry.recognition.jackknife import ordered_pairs


def people(rng, n=8, images=4, spread=1.0):
    codes = np.repeat(np.arange(n), images)
    return rng.standard_normal((n, 6))[codes] + spread * rng.standard_normal((n * images, 6)), codes


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), metric=st.sampled_from(["cosine", "euclidean"]), rounded=st.booleans())
def test_counts_without_an_identity_are_those_of_the_others_alone(seed, metric, rounded):
    rng = np.random.default_rng(seed)
    points, codes = people(rng, images=3)
    if rounded:  # ties
        points = points.round() + 0.25
    distances = pair_distances(points, metric=metric).numpy()
    wins, pairs = ordered_pairs(distances, codes)
    for i in range(8):
        rest = codes != i
        kept = ordered_pairs(distances[np.ix_(rest, rest)], np.unique(codes[rest], return_inverse=True)[1])
        assert wins[i + 1] == kept[0][0] and pairs[i + 1] == kept[1][0]


def test_the_auc_is_that_of_verification():
    points, codes = people(np.random.default_rng(0))
    found = auc_interval(points, codes)
    assert found.auc == pytest.approx(verification(points, codes).auc, abs=1e-12)
    assert 0 < found.low < found.auc < found.high < 1


def test_the_standard_error_is_that_of_repeated_populations():
    draws = [auc_interval(*people(np.random.default_rng(k), n=30, images=3, spread=1.5)) for k in range(120)]
    spread = np.std([d.auc for d in draws], ddof=1)
    assert np.mean([d.se for d in draws]) == pytest.approx(spread, rel=0.25)  # the spread itself is known to 6 %


def test_more_level_is_a_wider_interval_around_the_same_value():
    points, codes = people(np.random.default_rng(1))
    narrow, wide = (auc_interval(points, codes, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.auc == wide.auc < narrow.high < wide.high


def test_perfect_order_has_no_spread():
    codes = np.repeat(np.arange(4), 2)
    points = np.eye(4)[codes] + 1e-3 * np.random.default_rng(2).standard_normal((8, 4))
    assert auc_interval(points, codes).tolist() == [1, 0, 1, 1]


def test_too_few_identities():
    with pytest.raises(ValueError, match="identities must hold at least 3 with two rows; got 2"):
        auc_interval(np.random.default_rng(0).standard_normal((5, 3)), [0, 0, 1, 1, 2])
