"""The bootstrap over units, against numpy and against the closed form of its variance."""

import numpy as np
import pytest

from frlib.geometry import resampled_means


def by_loop(values, draws, seed):
    rows = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    return np.stack([np.nanmean(values[row], axis=0) for row in rows])


def test_equals_the_plain_loop_also_with_missing_values():
    values = np.random.default_rng(1).normal(size=(7, 3, 2))
    values[2, 1, 0] = np.nan
    np.testing.assert_allclose(resampled_means(values, 50, seed=3), by_loop(values, 50, 3), rtol=1e-12)


def test_variance_is_that_of_the_sample_over_n():
    values = np.random.default_rng(0).normal(size=30)
    draws = 20_000
    found = resampled_means(values, draws, seed=5).var()
    expected = values.var() / len(values)
    # The relative standard error of a variance of normal draws is sqrt(2 / draws).
    assert abs(found / expected - 1) < 5 * np.sqrt(2 / draws)


def test_same_seed_pairs_two_arrays():
    values = np.random.default_rng(2).normal(size=(9, 4))
    shifted = resampled_means(values + 1.5, 100, seed=8) - resampled_means(values, 100, seed=8)
    np.testing.assert_allclose(shifted, 1.5)


def test_a_unit_missing_everywhere_gives_nan_only_where_nothing_else_was_drawn():
    values = np.array([np.nan, 2.0])
    found = resampled_means(values, 200, seed=0)
    assert np.isnan(found).any() and set(found[~np.isnan(found)]) == {2.0}


@pytest.mark.parametrize("values", [[1.0], 3.0])
def test_fewer_than_two_units_is_an_error(values):
    with pytest.raises(ValueError, match="values must have at least two units"):
        resampled_means(values)
