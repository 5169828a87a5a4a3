"""Permuted labels and their statistics, against plain loops and counting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from frlib.geometry.macroscale.permutation import bin_ends, largest_differences, packed_columns, permuted_labels
from frlib.geometry.macroscale.two_sample import BINS


def arrangement(n, n_both):
    """Return labels and partners: n points of each label, n_both identities in both."""
    partner = np.full(2 * n, -1)
    partner[:n_both], partner[n : n + n_both] = n + np.arange(n_both), np.arange(n_both)
    return np.arange(2 * n) < n, partner


def statistics_by_loop(first, second, ends, labels):
    both, mixed = labels[first] & labels[second], labels[first] ^ labels[second]
    shares = [np.cumsum(kind)[ends - 1] / kind.sum() for kind in (both, ~both & ~mixed, mixed)]
    return [np.abs(shares[k] - shares[2]).max() for k in (0, 1)]


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 14),
    share=st.floats(0, 1),
    permutations=st.integers(1, 140),
    bins=st.integers(1, 40),
    ties=st.booleans(),
)
def test_statistics_of_all_labellings_equal_the_plain_loop(seed, n, share, permutations, bins, ties):
    generator = np.random.default_rng(seed)
    positive, partner = arrangement(n, int(share * n))
    first, second = np.triu_indices(2 * n, 1)
    different = partner[first] != second
    distances = generator.integers(0, 6, different.sum()) if ties else generator.random(different.sum())
    order = np.argsort(distances)
    first, second = (side[different][order].astype(np.uint16) for side in (first, second))
    labels = permuted_labels(positive, partner, np.zeros(2 * n, int), permutations, generator)
    ends = bin_ends(distances[order], bins)
    both, mixed = (positive[first] & positive[second]).sum(), (positive[first] ^ positive[second]).sum()
    found = largest_differences(first, second, ends, labels, (both, len(first) - both - mixed, mixed))
    expected = [statistics_by_loop(first, second, ends, row) for row in labels]
    np.testing.assert_allclose(found.T, expected, atol=1e-13)


def test_many_pairs_in_one_bin_are_counted():
    """Counters run into their higher planes: 400 points, one bin, whose end gives 0 whatever the labels."""
    positive, _ = arrangement(200, 0)
    first, second = (side.astype(np.uint16) for side in np.triu_indices(400, 1))
    sizes = (200 * 199 // 2, 200 * 199 // 2, 200 * 200)
    labels = np.stack([positive, ~positive])
    half = np.array([len(first) // 2 + 3, len(first)])
    assert np.abs(largest_differences(first, second, half[1:], labels, sizes)).max() < 1e-13
    found = largest_differences(first, second, half, labels, sizes)
    np.testing.assert_allclose(found[:, 0], statistics_by_loop(first, second, half, positive), atol=1e-13)


def test_statistics_of_a_large_sample_equal_the_plain_loop():
    """Enough pairs for bins that end at multiples of 16, and for several words of labellings."""
    generator = np.random.default_rng(0)
    positive, partner = arrangement(190, 30)
    first, second = np.triu_indices(380, 1)
    different = partner[first] != second
    order = generator.permutation(different.sum())
    first, second = (side[different][order].astype(np.uint16) for side in (first, second))
    labels = permuted_labels(positive, partner, np.zeros(380, int), 130, generator)
    ends = bin_ends(np.arange(len(first)), BINS)
    assert (ends[:-1] % 16 == 0).all() and len(ends) == BINS
    sizes = (190 * 189 // 2, 190 * 189 // 2, 190 * 190 - 30)
    found = largest_differences(first, second, ends, labels, sizes)
    expected = [statistics_by_loop(first, second, ends, row) for row in labels]
    np.testing.assert_allclose(found.T, expected, atol=1e-13)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 30), share=st.floats(0, 1), n_strata=st.integers(1, 4))
def test_permutations_keep_what_the_statistic_is_made_of(seed, n, share, n_strata):
    generator = np.random.default_rng(seed)
    positive, partner = arrangement(n, int(share * n))
    strata = generator.integers(0, n_strata, 2 * n)
    labels = permuted_labels(positive, partner, strata, 50, generator)
    paired = np.flatnonzero(partner >= 0)
    assert (labels[:, paired] != labels[:, partner[paired]]).all()
    for stratum in range(n_strata):
        assert (labels[:, strata == stratum].sum(axis=1) == positive[strata == stratum].sum()).all()
    fixed = paired[strata[paired] != strata[partner[paired]]]
    assert (labels[:, fixed] == positive[fixed]).all()


def test_all_labellings_are_equally_likely():
    """One identity in both, two positive and two negative others: 2 swaps times 6 subsets."""
    positive, partner = arrangement(3, 1)
    labels = permuted_labels(positive, partner, np.zeros(6, int), 12_000, np.random.default_rng(0))
    counts = np.unique(labels, axis=0, return_counts=True)[1]
    assert len(counts) == 12
    assert stats.chisquare(counts).pvalue > 1e-3


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 500), bins=st.integers(1, 60), values=st.integers(1, 10**6))
def test_bins_end_only_where_the_distance_changes(seed, n, bins, values):
    distances = np.sort(np.random.default_rng(seed).integers(0, values, n))
    ends = bin_ends(distances, bins)
    assert ends[-1] == n
    assert (np.diff(ends) > 0).all() and ends[0] > 0
    assert (distances[ends[:-1]] > distances[ends[:-1] - 1]).all()
    assert len(ends) <= max(bins, n if n <= 4 * bins else 0)


@pytest.mark.parametrize("n", [10, 45, 46, 60, 100, 180, 182, 300, 500])
def test_no_bin_holds_more_than_the_stated_share(n):
    sizes = np.diff(np.concatenate([[0], bin_ends(np.arange(n * (2 * n - 1)), BINS)]))
    assert sizes.max() / (n * (n - 1) / 2) <= 5 / BINS or sizes.max() == 1


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 40), columns=st.integers(0, 140))
def test_packed_columns_hold_every_label_once(seed, rows, columns):
    labels = np.random.default_rng(seed).random((rows, columns)) < 0.5
    words = packed_columns(labels)
    assert words.shape == (-(-columns // 64), rows)
    unpacked = [(words[c // 64] >> np.uint64(c % 64)) & np.uint64(1) for c in range(columns)]
    assert np.array_equal(np.array(unpacked, dtype=bool).reshape(columns, rows).T, labels)
