"""What drawing neighbours adds to an energy: the closed form against all draws, and against the sweep."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.geometry import energy_sweep, subsampling_deviations

SCALES = [0.5, 0.9, 1.3, 3.0]


def cloud(n, d=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, d, generator=generator, dtype=torch.float64)


@settings(max_examples=15)
@given(seed=st.integers(0, 99), most=st.integers(1, 6), metric=st.sampled_from(["cosine", "euclidean"]))
def test_it_is_the_deviation_over_all_draws(seed, most, metric):
    points, vectors = cloud(7, seed=seed)
    vectors[2] = 0  # undefined: neither centre nor neighbour
    unit = vectors / vectors.norm(dim=1, keepdim=True).clamp_min(1e-300)
    radii = energy_sweep(points, {"a": vectors}, SCALES, metric=metric).radius
    apart = (
        torch.cdist(points, points)
        if metric == "euclidean"
        else 1 - torch.cosine_similarity(points[:, None], points[None], dim=2)
    )
    found = subsampling_deviations(points, {"a": vectors}, SCALES, most, metric=metric)
    for radius, row in zip(radii, found.itertuples(), strict=True):
        balls = [[j for j in range(7) if j not in (i, 2) and apart[i, j] <= radius] for i in range(7) if i != 2]
        cosines = [
            [float(unit[i] @ unit[j]) for j in ball]
            for i, ball in zip([i for i in range(7) if i != 2], balls, strict=True)
            if ball
        ]
        # Balls are drawn from independently: the variances over all draws of each add.
        means = [[np.mean(draw) for draw in itertools.combinations(own, min(most, len(own)))] for own in cosines]
        expected = np.sqrt(sum(map(np.var, means))) / len(means) if means else np.nan
        assert row.deviation == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_draws_of_the_sweep_have_this_deviation():
    points, vectors = cloud(60, seed=3)
    draws = np.array([energy_sweep(points, {"a": vectors}, SCALES, max_neighbors=5, seed=s).energy for s in range(400)])
    found = subsampling_deviations(points, {"a": vectors}, SCALES, 5).deviation
    assert found.min() > 0.001
    np.testing.assert_allclose(draws.std(axis=0) / found, 1, atol=0.15)  # 400 draws: four standard errors


def test_balls_that_are_not_larger_add_nothing_and_empty_ones_have_no_energy():
    points, vectors = cloud(10)
    found = subsampling_deviations(points, {"a": vectors}, [1e-9, 100.0], 9, metric="euclidean").deviation
    assert np.isnan(found[0]) and found[1] == 0


def test_wrong_input_names_the_argument():
    points, vectors = cloud(5)
    with pytest.raises(ValueError, match="max_neighbors must be an integer of at least 1; got 0"):
        subsampling_deviations(points, {"a": vectors}, SCALES, 0)
    with pytest.raises(ValueError, match=r"fields\['a'\] must have 5 rows; got 4"):
        subsampling_deviations(points, {"a": vectors[:4]}, SCALES, 2)
