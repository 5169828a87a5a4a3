"""Orders of attributes against scipy, brute force over all orders, and constructed cases."""

import itertools

import numpy as np
import pytest
from scipy import stats

from frlib.geometry import (
    among_extremes,
    below_all,
    chance_correlation,
    crossings,
    diagonal_p,
    on_diagonal,
    partial_rank_correlation,
    rank_correlation,
    rank_correlation_interval,
    rank_correlation_p,
    resampled_means,
    rescaled_columns,
)


def test_rank_correlation_is_scipys_with_ties_and_broadcasts():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, size=(6, 9)), rng.normal(size=9)
    found = rank_correlation(x, y)
    np.testing.assert_allclose(found, [stats.spearmanr(row, y).statistic for row in x], rtol=1e-12)
    np.testing.assert_allclose(rank_correlation(x.T, y[:, None], axis=0), found, rtol=1e-12)
    assert np.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))


def test_the_partial_correlation_is_that_of_what_the_third_ranks_leave():
    rng = np.random.default_rng(1)
    x, y, z = (stats.rankdata(values) for values in rng.normal(size=(3, 30)) + rng.normal(size=30))
    left = [values - np.polyval(np.polyfit(z, values, 1), z) for values in (x, y)]
    assert partial_rank_correlation(x, y, z) == pytest.approx(stats.pearsonr(*left).statistic, rel=1e-9)
    assert partial_rank_correlation(-x, y, z) == pytest.approx(-partial_rank_correlation(x, y, z))
    assert np.isnan(partial_rank_correlation(x, y, np.exp(x)))


def test_interval_is_that_of_pairs_drawn_again():
    rng = np.random.default_rng(1)
    x = rng.normal(size=12)
    y = x + rng.normal(size=12)
    rows = np.random.default_rng(3).integers(0, 12, size=(400, 12))
    drawn = [stats.spearmanr(x[row], y[row]).statistic for row in rows]
    found = rank_correlation_interval(x, y, draws=400, seed=3)
    np.testing.assert_allclose(found, np.quantile(drawn, [0.025, 0.975]), rtol=1e-9)


def test_draws_of_one_value_have_no_correlation_and_leave_the_interval():
    """Of 3 pairs 1 draw in 9 takes one of them three times; the others of x and y in one order correlate by 1."""
    assert rank_correlation_interval([1, 2, 3], [1, 2, 3], draws=200) == (1, 1)
    assert np.isnan(rank_correlation_interval([1, 1, 1], [1, 2, 3], draws=200)).all()


@pytest.mark.parametrize("y", [[1, 2, 3, 4, 5], [2, 1, 4, 3, 5], [1, 5, 2, 4, 3], [5, 5, 1, 2, 2]])
def test_p_counts_all_orders(y):
    x = np.array([0.3, 1.0, 2.5, 2.6, 9.0])
    observed = abs(rank_correlation(x, y))
    reached = [abs(stats.spearmanr(order, y).statistic) >= observed - 1e-9 for order in itertools.permutations(x)]
    assert rank_correlation_p(x, y) == pytest.approx(np.mean(reached))


def test_without_a_correlation_there_is_no_p():
    assert np.isnan(rank_correlation_p([1, 1, 1, 1], [1, 2, 3, 4])) and np.isnan(rank_correlation_p([1, 2], [3, 3]))


def test_shares_of_draws_are_those_of_all_samples():
    """With three identities there are 27 samples; their shares are the limit of the draws."""
    values = np.array([[0.1, 0.5, 0.9], [0.8, 0.2, 0.6], [0.3, 0.35, 0.32]])
    means = np.array([values[list(s)].mean(axis=0) for s in itertools.product(range(3), repeat=3)])
    expected = np.mean([np.isin(range(3), np.argsort(m)[-2:]) for m in means], axis=0)
    draws = 20_000
    found = among_extremes(resampled_means(values, draws, seed=0), 2, highest=True).mean(axis=0)
    assert np.abs(found - expected).max() < 5 * 0.5 / np.sqrt(draws)


def test_extremes_at_each_scale():
    values = np.array([[[3, 1], [2, 9], [1, 5], [7, 2]]])
    assert among_extremes(values, 2, highest=True)[0].T.tolist() == [[1, 0, 0, 1], [0, 1, 1, 0]]
    assert among_extremes(values, 1, highest=False)[0].T.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]


def test_what_is_no_number_is_no_extreme():
    values = np.array([[1, np.nan, np.nan, 2]])
    for highest in (False, True):
        assert among_extremes(values, 3, highest=highest).tolist() == [[True, False, False, True]]


def test_below_all_others_is_strict():
    values = {"own": np.array([1, 2, np.nan]), "one": np.array([2, 2, 3]), "other": np.array([3, 5, 4])}
    assert below_all(values, "own").tolist() == [True, False, False]


def test_only_a_sure_and_opposite_order_crosses():
    """Attributes 0 and 1 change places, 0 and 2 do not, and 3 lies with 0 on average."""
    rng = np.random.default_rng(0)
    ends = np.array([[0.2, 0.6], [0.4, 0.4], [0.8, 0.9], [0.2, 0.6]])
    values = np.stack([ends[:, 0], ends.mean(axis=1), ends[:, 1]], axis=1) + 0.01 * rng.normal(size=(12, 4, 3))
    values[..., 1] = rng.normal(size=(12, 4))
    assert crossings(values) == [(0, 1), (1, 3)], "what lies between the ends has no part"
    assert crossings(values[:2], level=1e-9) == []
    noisy = values + rng.normal(size=values.shape)
    assert crossings(noisy) == []


def test_the_level_is_shared_by_all_tests_of_both_scales():
    x = np.random.default_rng(2).normal(size=(6, 2, 2)) * 0.1 + np.array([[0, 0.1], [0.1, 0]])
    p = stats.ttest_1samp(x[:, 0] - x[:, 1], 0).pvalue.max()
    assert crossings(x, level=2 * p * 1.001) == [(0, 1)]
    assert crossings(x, level=2 * p * 0.999) == []


def test_columns_rescaled_keep_their_order_and_reach_both_ends():
    values = np.random.default_rng(0).standard_normal((3, 5, 4))
    scaled = rescaled_columns(values)
    assert np.array_equal(scaled.argsort(axis=-2), values.argsort(axis=-2))
    assert np.array_equal(scaled.min(axis=-2), np.zeros((3, 4)))
    assert np.array_equal(scaled.max(axis=-2), np.ones((3, 4)))
    np.testing.assert_allclose(rescaled_columns(3 * values - 7), scaled, atol=1e-12)
    assert np.isnan(rescaled_columns(np.ones((2, 2)))).all()


def test_extremes_of_columns_on_the_diagonal():
    matrix = np.array([[3.0, 0, 9], [1, 2, 5], [0, 1, 4]])
    assert on_diagonal(matrix).tolist() == [True, True, False]
    assert on_diagonal(matrix, highest=False).tolist() == [False, False, True]
    assert on_diagonal(np.stack([matrix, matrix.T])).shape == (2, 3)
    assert not on_diagonal(np.full((2, 2), np.nan)).any()
    with pytest.raises(ValueError, match=r"square matrices; got shape \(2, 3\)"):
        on_diagonal(np.zeros((2, 3)))


def test_diagonal_p_of_a_permutation_matrix_counts_fixed_points():
    # Orders with all four rows in place: 1 of 24. With at least two: 1 + 6; with at least one: 24 - 9 derangements.
    assert diagonal_p(np.eye(4)) == 1 / 24
    assert diagonal_p(np.eye(4)[[1, 0, 2, 3]]) == 7 / 24
    assert diagonal_p(np.eye(4)[[1, 2, 0, 3]]) == 15 / 24
    assert diagonal_p(-np.eye(4), highest=False) == 1 / 24


def test_diagonal_p_when_one_row_wins_every_column():
    # One row can lie on the diagonal once, whatever the order: no evidence.
    assert diagonal_p(np.outer([0.0, 0, 5], np.ones(3)) + np.eye(3) * 1e-9) == 1


def test_diagonal_p_holds_its_level_under_the_null():
    rng = np.random.default_rng(1)
    p = np.array([diagonal_p(rng.standard_normal((5, 5))) for _ in range(400)])
    for level in (0.05, 0.2):
        assert (p <= level).mean() <= level + 2 * np.sqrt(level * (1 - level) / 400)


def test_diagonal_p_refuses_more_orders_than_can_be_counted():
    with pytest.raises(ValueError, match="number of rows must lie between 1 and 9; got 10"):
        diagonal_p(np.eye(10))


@pytest.mark.parametrize("n", [4, 6, 8])
def test_a_larger_correlation_than_that_of_chance_is_rare_and_the_next_smaller_is_not(n):
    limit = chance_correlation(n)
    sizes = np.abs([stats.spearmanr(order, range(n)).statistic for order in itertools.permutations(range(n))]).round(9)
    assert (sizes > limit + 1e-6).mean() <= 0.05 < (sizes >= limit - 1e-6).mean()
    assert n != 8 or limit == pytest.approx(0.714, abs=0.001)  # tables of Spearman's test: .738 is the first beyond 5 %


@pytest.mark.parametrize("n", range(3, 8))
def test_two_unrelated_orders_exceed_the_correlation_of_chance_as_seldom_as_promised(n):
    found = np.abs(rank_correlation(np.array(list(itertools.permutations(range(n)))), np.arange(n)))
    for level in (0.8, 0.95, 0.99):
        assert (found > chance_correlation(n, level=level)).mean() <= 1 - level + 1e-12
