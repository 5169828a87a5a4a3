"""Contrasts of tables of networks: loops over all orders, closed forms, the size of the tests, and what is refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.geometry import family_contrast, quality_contrast
from frlib.geometry.alignment import families as module

FAMILIES = ["a", "a", "b", "b", "b"]


def by_loop(similarity, families):
    pairs = [(i, j) for i, j in itertools.permutations(range(len(families)), 2)]
    within = [similarity[i][j] for i, j in pairs if families[i] == families[j]]
    between = [similarity[i][j] for i, j in pairs if families[i] != families[j]]
    return np.mean(within) - np.mean(between)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_the_contrast_of_families_equals_the_loop_over_all_orders(seed):
    similarity = np.random.default_rng(seed).random((5, 5))
    orders = [by_loop(similarity, order) for order in itertools.permutations(FAMILIES)]
    found = family_contrast(similarity, FAMILIES)
    assert found.value == pytest.approx(orders[0])
    assert found.p == pytest.approx(np.mean(np.array(orders) >= orders[0] - 1e-12))


def test_perfect_families_have_the_smallest_p_that_there_is():
    """Two and three networks can be told apart in 10 ways, all equally likely by chance."""
    similarity = np.equal.outer(FAMILIES, FAMILIES).astype(float)
    assert family_contrast(similarity, FAMILIES) == pytest.approx((1.0, 0.1))


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), of=st.sampled_from("ab"))
def test_the_contrast_of_one_family_equals_the_loop_over_its_possible_members(seed, of):
    similarity = np.random.default_rng(seed).random((5, 5))
    members = [k for k, family in enumerate(FAMILIES) if family == of]

    def value(members):
        within = [similarity[i][j] for i, j in itertools.permutations(members, 2)]
        ends = itertools.product(members, set(range(5)) - set(members))
        return np.mean(within) - np.mean([(similarity[i][j] + similarity[j][i]) / 2 for i, j in ends])

    found = family_contrast(similarity, FAMILIES, of=of)
    assert found.value == pytest.approx(value(members))
    all_members = [value(some) for some in itertools.combinations(range(5), len(members))]
    assert found.p == pytest.approx(np.mean(np.array(all_members) >= value(members) - 1e-12))


def test_one_family_that_is_alike_makes_no_family_of_another():
    """All together the contrast is large, through the larger family alone."""
    similarity = np.zeros((5, 5))
    similarity[2:, 2:] = 1
    assert family_contrast(similarity, FAMILIES) == pytest.approx((0.75, 0.1))
    assert family_contrast(similarity, FAMILIES, of="b") == pytest.approx((1.0, 0.1))
    assert family_contrast(similarity, FAMILIES, of="a").value == 0


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_scores_that_are_the_quality_of_the_target_have_the_contrast_one(seed):
    quality = np.random.default_rng(seed).random(6)
    found = quality_contrast(np.tile(quality, (6, 1)), quality)
    assert found == pytest.approx((1.0, 1 / 720))
    assert quality_contrast(-np.tile(quality, (6, 1)), quality) == pytest.approx((-1.0, 1.0))


def test_symmetric_parts_and_orders_of_the_networks_change_nothing():
    rng = np.random.default_rng(0)
    scores, quality, order = rng.random((6, 6)), rng.random(6), rng.permutation(6)
    found, even = quality_contrast(scores, quality), rng.random((6, 6))
    assert quality_contrast(scores + even + even.T, quality) == pytest.approx(found)
    assert quality_contrast(scores[np.ix_(order, order)], quality[order]) == pytest.approx(found)


@pytest.mark.parametrize("contrast, labels", [(family_contrast, FAMILIES), (quality_contrast, [1, 2, 3, 4, 5])])
def test_a_true_null_is_rejected_as_often_as_it_says(contrast, labels):
    trials, level = 300, 0.1
    rng = np.random.default_rng(3)
    p = np.array([contrast(rng.random((5, 5)), labels).p for _ in range(trials)])
    assert (p <= level + 1e-9).mean() < level + 4 * np.sqrt(level * (1 - level) / trials)


def test_random_orders_agree_with_all(monkeypatch):
    rng = np.random.default_rng(4)
    scores, quality = rng.random((7, 7)), rng.random(7)
    exact = quality_contrast(scores, quality).p
    monkeypatch.setattr(module, "ORDERS", 4000)
    drawn = quality_contrast(scores, quality, seed=1).p
    assert drawn != exact and abs(drawn - exact) < 5 * np.sqrt(exact * (1 - exact) / 4000)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: family_contrast(np.ones((2, 3)), ["a", "b"]), "similarity must be a square matrix"),
        (lambda: family_contrast(np.full((3, 3), np.nan), "aab"), "similarity must be finite"),
        (lambda: family_contrast(np.ones((3, 3)), ["a", "b"]), "families must have shape .3,., one per network"),
        (lambda: family_contrast(np.ones((3, 3)), ["a", "b", "c"]), "families must leave pairs within"),
        (lambda: family_contrast(np.ones((3, 3)), ["a", "a", "b"], of="b"), "families must leave pairs within"),
        (lambda: family_contrast(np.ones((3, 3)), ["a", "a", "b"], of="c"), "of must be one of 'a', 'b'; got 'c'"),
        (lambda: quality_contrast(np.ones((3, 3)), [1, 2]), "quality must be numbers of shape .3."),
        (lambda: quality_contrast(np.ones((3, 3)), [1, 2, 3]), "scores and quality must differ"),
        (lambda: quality_contrast(np.eye(3) + np.arange(3), [1, 1, 1]), "scores and quality must differ"),
    ],
)
def test_says_what_is_wrong(call, said):
    with pytest.raises(ValueError, match=said):
        call()
