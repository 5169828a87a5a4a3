"""Overlap of distances: closed forms, what a monotone map leaves alone, and the authors' own lines."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.neighbors import KernelDensity

from frlib.fingerprint import verdicts
from frlib.geometry import (
    auc_interval,
    density_overlap,
    distance_summary,
    error_curve,
    intra_inter_distances,
    threshold_overlap,
)


def people(seed, n=10, images=4, noise=0.4):
    rng, codes = np.random.default_rng(seed), np.repeat(np.arange(n), images)
    return rng.normal(size=(n, 6))[codes] + noise * rng.normal(size=(n * images, 6)), codes


def test_apart_and_alike():
    assert threshold_overlap([0.1, 0.2], [0.3, 0.4]) == 0
    assert threshold_overlap([0.3, 0.4], [0.1, 0.2]) == 1  # no threshold helps where one person is farther
    assert threshold_overlap([0.1, 0.3], [0.2, 0.4]) == 0.5


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_it_is_the_smallest_sum_of_both_errors(seed):
    points, codes = people(seed, noise=1)
    curve = error_curve(points, codes, at_most=None)
    assert threshold_overlap(*intra_inter_distances(points, codes)) == pytest.approx((1 - curve.tar + curve.far).min())


def test_the_overlap_of_two_normal_densities():
    """Equal widths, means d apart: the densities cross once, and share 2 Phi(-d / 2)."""
    probabilities = (np.arange(100_000) + 0.5) / 100_000
    intra, inter = norm.ppf(probabilities) + 10, norm.ppf(probabilities) + 12
    assert threshold_overlap(intra, inter) == pytest.approx(2 * norm.cdf(-1), abs=1e-4)
    # The grid of the other cuts at 1.1 times the smaller maximum, beyond both here.
    assert density_overlap(intra, inter) == pytest.approx(2 * norm.cdf(-1), abs=2e-3)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), noise=st.floats(0.1, 2))
def test_what_decides_does_not_change_under_a_monotone_map_of_the_distance(seed, noise):
    """Cosine of unit vectors is half their squared Euclidean distance: one order of pairs, two ratios, one verdict."""
    points, codes = people(seed, noise=noise)
    unit = torch.nn.functional.normalize(torch.tensor(points))
    cosine, chord = ({"embeddings": unit, "identities": codes, "metric": m} for m in ("cosine", "euclidean"))
    overlaps = [threshold_overlap(*intra_inter_distances(**space)) for space in (cosine, chord)]
    assert overlaps[0] == pytest.approx(overlaps[1], abs=1e-12)
    intervals = [auc_interval(**space) for space in (cosine, chord)]
    np.testing.assert_allclose(*intervals, atol=1e-9)
    words = [verdicts.by_intervals([1 - i.high], [1 - i.low], 0.05) for i in intervals]
    assert words[0] == words[1]
    ratios = [distance_summary(**space).ratio for space in (cosine, chord)]
    assert ratios[0] < ratios[1]


def test_a_rule_on_the_ratio_would_depend_on_the_metric():
    points, codes = people(0, noise=0.55)
    unit = torch.nn.functional.normalize(torch.tensor(points))
    cosine, chord = (distance_summary(unit, codes, metric=m).ratio for m in ("cosine", "euclidean"))
    assert cosine < 0.5 < chord


def test_the_authors_estimate():
    """Their lines, with the kernel density of scikit-learn."""
    rng = np.random.default_rng(3)
    intra, inter = rng.beta(3, 9, 300), rng.beta(9, 4, 500) * 1.4
    grid = np.linspace(1.1 * min(intra.min(), inter.min()), 1.1 * min(intra.max(), inter.max()), 1001)[:, None]
    densities = [
        np.exp(KernelDensity(bandwidth=0.05, kernel="gaussian").fit(kind[:, None]).score_samples(grid))
        for kind in (intra, inter)
    ]
    expected = np.minimum(*(density / density.sum() for density in densities)).sum()
    assert density_overlap(intra, inter) == pytest.approx(expected, rel=1e-9)


def test_many_pairs_are_thinned_evenly():
    rng = np.random.default_rng(4)
    intra, inter = rng.normal(1, 0.2, 5000), rng.normal(1.6, 0.2, 5000)
    assert density_overlap(np.repeat(intra, 4), np.repeat(inter, 4)) == pytest.approx(
        density_overlap(intra, inter), rel=1e-3
    )


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (threshold_overlap, ([], [1.0]), r"intra must be a sequence of distances, not empty; got shape \(0,\)"),
        (threshold_overlap, ([1.0], [np.nan]), "inter must be a finite number"),
        (density_overlap, ([1.0, 1.0], [1.0, 2.0]), "intra must have two different values; got only 1.0"),
    ],
)
def test_what_is_refused(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_a_bandwidth_is_positive():
    with pytest.raises(ValueError, match="bandwidth must be a positive number; got 0"):
        density_overlap([1.0, 2.0], [1.0, 2.0], bandwidth=0)
