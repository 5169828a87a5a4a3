"""The bootstrap over units, and intervals of a mean, against numpy and against closed forms."""

import numpy as np
import pytest
from scipy import stats

from frlib.geometry import (
    crossed_correlation,
    crossed_means,
    draw_interval,
    mean_interval,
    resampled_means,
    split_interval,
)


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


def test_the_interval_of_a_mean_is_that_of_student():
    found = mean_interval([1.0, 2.0, 4.0, np.nan])
    assert found.mean == pytest.approx(7 / 3)
    # t of two degrees of freedom has the 97.5 % quantile 4.302653; the standard error of these three is 0.881917.
    assert found.half == pytest.approx(4.302653 * 0.881917, rel=1e-5)
    assert (found.low, found.high) == (found.mean - found.half, found.mean + found.half)
    assert mean_interval([0.0, 2.0], level=0.5).half == pytest.approx(1), "t of one degree is a Cauchy variable"


def test_each_place_has_its_own_interval_and_its_own_number_of_values():
    values = np.random.default_rng(0).normal(size=(7, 2, 3))
    values[:5, 0, 0] = values[:6, 0, 1] = values[:, 0, 2] = np.nan
    found = mean_interval(values)
    for place in np.ndindex(2, 3):
        own = mean_interval(values[(slice(None), *place)])
        np.testing.assert_allclose([found.mean[place], found.half[place]], own, rtol=1e-12)
    assert np.isnan(found.half[0]).tolist() == [False, True, True]
    assert np.isnan(found.mean[0]).tolist() == [False, False, True]


def test_few_normal_values_are_covered_by_student_and_not_by_draws():
    samples = np.random.default_rng(0).normal(size=(3, 4000))
    student = np.abs(mean_interval(samples).mean) <= mean_interval(samples).half
    low, high = draw_interval(resampled_means(samples, 300, seed=1))
    spread = np.sqrt(0.95 * 0.05 / 4000)
    assert abs(student.mean() - 0.95) < 4 * spread
    assert ((low <= 0) & (high >= 0)).mean() < 0.80


def test_the_interval_of_draws_is_between_quantiles_of_those_that_have_a_value():
    draws = np.stack([np.arange(101.0), np.arange(101.0)], axis=1)
    draws[0, 1] = np.nan
    np.testing.assert_allclose(draw_interval(draws, level=0.9), [[5, 5.95], [95, 95.05]])
    found = draw_interval(draws, level=0.9, nan_policy="propagate")
    np.testing.assert_allclose(found, [[5, np.nan], [95, np.nan]])
    with pytest.raises(ValueError, match="level must lie between 0 and 1; got 95"):
        draw_interval(draws, level=95)


def test_crossed_means_draw_whole_rows_and_columns():
    rows, columns = np.array([1.0, 5, 9]), np.array([0.0, 2, 4, 6])
    crossed = crossed_means(rows[:, None] + columns, 4000, seed=2)
    # A sum of two effects: the draws of its mean are the sums of the draws of both, which are independent.
    expected = rows.var() / 3 + columns.var() / 4
    assert abs(crossed.var() / expected - 1) < 5 * np.sqrt(2 / 4000)
    np.testing.assert_allclose(crossed_means(np.ones((2, 3, 2)), 10), np.ones((10, 2)), rtol=1e-12)
    alone = crossed_means(np.broadcast_to(columns, (3, 4)), 50, seed=7)
    np.testing.assert_allclose(alone, resampled_means(columns, 50, seed=8), rtol=1e-12)


def test_crossed_means_say_what_is_missing():
    with pytest.raises(ValueError, match=r"two units along both first axes; got shape \(1, 4\)"):
        crossed_means(np.ones((1, 4)))
    with pytest.raises(ValueError, match="must be numbers; got NaN"):
        crossed_means(np.full((2, 2), np.nan))


def test_crossed_correlation_of_linear_copies_is_sure_and_of_noise_is_not():
    values = np.random.default_rng(0).normal(size=(4, 6, 5, 5))
    np.testing.assert_allclose(crossed_correlation(values, 3 * values + 2, 200), 1, rtol=1e-12)
    np.testing.assert_allclose(crossed_correlation(values, -values, 200), -1, rtol=1e-12)
    other = np.random.default_rng(1).normal(size=values.shape)
    found, low, high = crossed_correlation(values, other)
    expected = stats.pearsonr(values.mean(axis=(0, 1)).ravel(), other.mean(axis=(0, 1)).ravel()).statistic
    assert found == pytest.approx(expected)
    assert low < 0 < high
    with pytest.raises(ValueError, match=r"one shape.*got \(4, 6, 5, 5\) and \(4, 6, 5\)"):
        crossed_correlation(values, values[..., 0])


def test_splits_that_share_units_have_wider_intervals():
    """With n splits and half of the units in each part the factor is sqrt(1 + n); without any test unit it is 1."""
    values = np.random.default_rng(0).normal(size=(5, 3))
    plain, found = mean_interval(values), split_interval(values, 1.0)
    np.testing.assert_allclose(found.mean, plain.mean)
    np.testing.assert_allclose(found.half, plain.half * np.sqrt(6))
    np.testing.assert_allclose(split_interval(values, 1e-12).half, plain.half)


def test_the_corrected_interval_covers_where_that_of_student_does_not():
    """The mean of held-out halves of 20 units, ten splits each: the splits all move with the same units."""
    rng, trials = np.random.default_rng(1), 400
    covered = np.zeros((trials, 2), dtype=bool)
    for k in range(trials):
        units = rng.normal(size=20)
        values = np.array([rng.permutation(units)[:10].mean() for _ in range(10)])
        pair = mean_interval(values), split_interval(values, 1.0)
        covered[k] = [i.low < 0 < i.high for i in pair]
    plain, corrected = covered.mean(axis=0)
    error = np.sqrt(0.05 * 0.95 / trials)
    assert plain < 0.95 - 5 * error and corrected > 0.95 - 5 * error


@pytest.mark.parametrize("ratio", [0, -1.0, np.inf, np.nan])
def test_a_ratio_of_splits_that_is_no_positive_number_is_an_error(ratio):
    with pytest.raises(ValueError, match="test_over_train must be a positive number"):
        split_interval([1.0, 2.0], ratio)
