"""Distances between people: closed forms, the loop of the definition, and intervals and p values that hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.geometry import distance_summary, draw_weights, drawn_scales, group_contrast, identity_distances


def cloud(rng, n=6, images=3, d=4):
    codes = np.repeat(np.arange(n), images)
    return rng.normal(size=(n, d))[codes] + 0.5 * rng.normal(size=(n * images, d)), codes


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), metric=st.sampled_from(["cosine", "euclidean"]))
def test_means_of_the_matrix_are_those_of_the_summary(seed, metric):
    rng = np.random.default_rng(seed)
    points, codes = cloud(rng)
    keep = np.sort(rng.permutation(len(codes))[:-3])  # people of several sizes
    points, codes = points[keep], codes[keep]
    matrix, summary = identity_distances(points, codes, metric=metric), distance_summary(points, codes, metric=metric)
    off = matrix[~np.eye(len(matrix), dtype=bool)]
    assert np.nanmean(matrix.diagonal()) == pytest.approx(summary.d_intra, rel=1e-9)
    assert off.mean() == pytest.approx(summary.d_inter, rel=1e-9)
    assert np.array_equal(matrix, matrix.T, equal_nan=True)


def test_a_person_with_one_image_has_no_distance_inside():
    matrix = identity_distances(np.eye(3) * 2 + 1, ["a", "b", "b"])
    assert np.isnan(matrix[0, 0]) and np.isfinite(matrix[1, 1]) and np.isfinite(matrix[0, 1])


def test_drawn_scales_are_those_of_the_people_drawn_without_pairs_of_one_twice():
    rng = np.random.default_rng(0)
    points, codes = cloud(rng, n=5)
    matrix = identity_distances(points, codes)
    drawn = drawn_scales(matrix, 30, seed=4)
    for times, (intra, inter, ratio) in zip(draw_weights(5, 30, seed=4), drawn.to_numpy(), strict=True):
        who = np.repeat(np.arange(5), times.astype(int))
        pairs = [matrix[i, j] for i in who for j in who if i != j]
        assert intra == pytest.approx(matrix.diagonal()[who].mean()) and inter == pytest.approx(np.mean(pairs))
        assert ratio == pytest.approx(intra / inter)


def test_the_interval_covers_the_ratio_of_the_population():
    """Normal people and images in 8 dimensions: d_intra / d_inter is sigma / sqrt(sigma^2 + tau^2), exactly."""
    inside = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        points, codes = cloud(rng, n=25, d=8)
        ratio = drawn_scales(identity_distances(points, codes, metric="euclidean"), 400, seed=seed).ratio
        inside.append(np.quantile(ratio, 0.025) < 0.5 / np.sqrt(1.25) < np.quantile(ratio, 0.975))
    assert 0.87 < np.mean(inside) <= 1  # 95 %, known to 2 % here


def test_groups_on_two_points_in_closed_form():
    groups = np.array([0, 1, 0, 1, 1])
    distances = np.where(groups[:, None] == groups, 2.0, 3.0)
    found = group_contrast(distances, groups, permutations=500)
    assert found.within == 2 and found.across == 3
    assert found[["excess", "low", "high"]].tolist() == [0.5] * 3
    assert found.p == pytest.approx(1 / 10, abs=0.05)  # of the ten ways to choose two of five, one


def test_groups_that_mean_nothing_are_found_as_often_as_chance_has_it():
    values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(16, 5))
        matrix = identity_distances(points, np.arange(16), metric="euclidean")
        values.append(group_contrast(matrix, np.arange(16) % 2, permutations=99, draws=2, seed=seed).p)
    share = np.mean(np.array(values) <= 0.1)
    assert 0.1 - 3 * 0.022 < share < 0.1 + 3 * 0.022


def test_the_interval_covers_the_excess_of_two_groups():
    """People of two groups 2 apart in a plane: the excess is that of very many people, known to 0.5 %."""

    def excess(n, seed, draws):
        rng, groups = np.random.default_rng(seed), np.arange(n) % 2
        points = rng.normal(size=(n, 2)) + 2 * np.stack([groups, 0 * groups], 1)
        matrix = identity_distances(points, np.arange(n), metric="euclidean")
        return group_contrast(matrix, groups, permutations=1, draws=draws, seed=seed)

    truth = excess(2000, 0, 2).excess
    inside = [(found.low < truth < found.high) for found in (excess(40, seed, 300) for seed in range(1, 121))]
    assert 0.87 < np.mean(inside) <= 1


@pytest.mark.parametrize(
    ("distances", "groups", "message"),
    [
        (
            np.ones((3, 2)),
            [0, 0, 1],
            r"distances must be a square matrix of at least two identities; got .* \(3, 2\)",
        ),
        (np.full((4, 4), np.inf), [0, 0, 1, 1], r"distances must be finite numbers up to 1e.150; got inf"),
        (np.ones((4, 4)), [0, 0, 0, 1], r"groups must be two, each with at least two identities; got sizes \[3 1\]"),
        (np.ones((4, 4)), [0, 0, 1], r"groups must have shape \(4,\), one per identity"),
    ],
)
def test_what_is_refused(distances, groups, message):
    with pytest.raises(ValueError, match=message):
        group_contrast(distances, groups)


def test_scales_need_two_images_of_everybody():
    with pytest.raises(ValueError, match=r"distances must be finite; got nan at \(0, 0\)"):
        drawn_scales(identity_distances(np.eye(3) * 2 + 1, ["a", "b", "b"]))
