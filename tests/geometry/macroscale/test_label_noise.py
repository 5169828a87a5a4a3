"""What wrong labels do to the statistic: nothing without any, nothing left with half, and a simulation between them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.geometry import draw_modalities, ks_by_attribute, ks_draws, wrong_label_statistic


def people(n=40, seed=0, shift=1.0):
    generator = np.random.default_rng(seed)
    truth = generator.permutation(np.arange(n) < n // 2)
    return generator.normal(size=(n, 3)) + shift * truth[:, None], truth


def all_drawn(wrong, images):
    """Return the shares of true holders, half of all people, if everybody who can be drawn is drawn."""
    seen, mistaken = 1 - wrong**images, 1 - (1 - wrong) ** images
    return seen / (seen + mistaken), mistaken / (seen + mistaken)


def counted(who, labels, truth, cap, draws=4):
    """Return the shares of true holders in the draws of `ks_draws` of an attribute named a."""
    options = {"max_per_modality": cap, "name": "a"}
    drawn = [draw_modalities(who, labels, seed=k, **options) for k in range(draws)]
    return np.mean([[truth[who[rows]].mean() for rows in pair] for pair in drawn], axis=0)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_true_labels_give_the_statistic_of_the_macroscale(seed):
    X, truth = people(seed=seed)
    expected = ks_by_attribute(X, np.arange(len(X)), pd.DataFrame({"a": truth}), metric="euclidean").ks.mean()
    assert wrong_label_statistic(X, truth, 1, 0, metric="euclidean") == pytest.approx(expected, abs=1e-12)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), alpha=st.floats(0, 1), beta=st.floats(0, 1))
def test_modalities_of_the_same_people_leave_nothing_and_their_names_do_not_matter(seed, alpha, beta):
    X, truth = people(seed=seed)
    options = {"metric": "euclidean"}
    found = wrong_label_statistic(X, truth, alpha, beta, **options)
    assert wrong_label_statistic(X, truth, alpha, alpha, **options) == 0
    assert wrong_label_statistic(X, ~truth, 1 - alpha, 1 - beta, **options) == pytest.approx(found, abs=1e-12)
    assert wrong_label_statistic(X, truth, beta, alpha, **options) == pytest.approx(found, abs=1e-12)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), images=st.integers(1, 30), wrong=st.floats(0, 0.5))
def test_more_images_leave_less_if_all_are_drawn(seed, images, wrong):
    X, truth = people(seed=seed)
    fewer, more = (
        wrong_label_statistic(X, truth, *all_drawn(wrong, m), metric="euclidean") for m in (images, images + 1)
    )
    assert more <= fewer + 1e-12


@pytest.mark.parametrize("cap", [150, 1200])
def test_the_formula_is_what_a_simulation_gives(cap):
    """Coincident images, many people: what is left is the noise of few draws, and K above 0 by chance."""
    X, truth = people(n=1200, shift=1.5)
    who, wrong, images = np.repeat(np.arange(len(X)), 12), 0.1, 12
    labels = truth[who] ^ (np.random.default_rng(1).random(len(who)) < wrong)
    options = {"metric": "euclidean", "draws": 4, "max_per_modality": cap}
    found = ks_draws(X[who], who, pd.DataFrame({"a": labels}), **options).groupby("draw").ks.mean()
    shares = counted(who, labels, truth, cap)
    clean, left, if_all = (
        wrong_label_statistic(X, truth, *pair, metric="euclidean")
        for pair in ((1, 0), shares, all_drawn(wrong, images))
    )
    assert np.abs(found.mean() - left) < 0.1 * clean
    if cap == len(X):  # nearly everybody can be drawn, and is
        assert shares == pytest.approx(all_drawn(wrong, images), abs=0.02)
        assert left < 0.2 * clean
    else:  # people with one wrong label come late: the shares are nearly those of the images
        assert shares == pytest.approx([1 - wrong, wrong], abs=0.06)
        assert left > 0.5 * clean > 5 * if_all


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"holders_with": 1.1}, "holders_with must lie between 0 and 1; got 1.1"),
        ({"holders_without": -0.1}, "holders_without must lie between 0 and 1; got -0.1"),
        ({"truth": np.arange(40) < 1}, "truth must hold at least two people of each kind; got 1 of 40"),
        ({"truth": np.arange(39) < 9}, "embeddings must have 39 rows; got 40"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    X, truth = people()
    with pytest.raises(ValueError, match=message):
        wrong_label_statistic(X, **{"truth": truth, "holders_with": 0.9, "holders_without": 0.2} | changes)
