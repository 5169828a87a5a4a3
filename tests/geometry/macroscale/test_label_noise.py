"""Wrong labels: without any it is the statistic itself, with half of them nothing, and between them a simulation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.geometry import ks_by_attribute, ks_draws, wrong_label_statistic


def people(n=40, seed=0, shift=1.0):
    generator = np.random.default_rng(seed)
    truth = generator.permutation(np.arange(n) < n // 2)
    return generator.normal(size=(n, 3)) + shift * truth[:, None], truth


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), images=st.integers(1, 30))
def test_true_labels_give_the_statistic_of_the_macroscale(seed, images):
    X, truth = people(seed=seed)
    expected = ks_by_attribute(X, np.arange(len(X)), pd.DataFrame({"a": truth}), metric="euclidean").ks.mean()
    assert wrong_label_statistic(X, truth, 0.0, images, metric="euclidean") == pytest.approx(expected, abs=1e-12)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), images=st.integers(1, 30), wrong=st.floats(0, 0.5))
def test_more_images_leave_less_and_labels_by_chance_leave_nothing(seed, images, wrong):
    X, truth = people(seed=seed)
    found = [wrong_label_statistic(X, truth, wrong, m, metric="euclidean") for m in (images, images + 1)]
    assert found[1] <= found[0] + 1e-12
    assert wrong_label_statistic(X, truth, 0.5, images, metric="euclidean") == pytest.approx(0, abs=1e-12)


def test_the_formula_is_what_a_simulation_gives():
    """Coincident images, many people: what is left is the noise of few draws, and K above 0 by chance."""
    X, truth = people(n=1200, shift=1.5)
    who, wrong, images = np.repeat(np.arange(len(X)), 3), 0.1, 3
    labels = truth[who] ^ (np.random.default_rng(1).random(len(who)) < wrong)
    options = {"metric": "euclidean", "draws": 4, "max_per_modality": 1200}
    found = ks_draws(X[who], who, pd.DataFrame({"a": labels}), **options).groupby("draw").ks.mean()
    expected = wrong_label_statistic(X, truth, wrong, images, metric="euclidean")
    clean = wrong_label_statistic(X, truth, 0.0, images, metric="euclidean")
    assert expected < 0.6 * clean
    assert np.abs(found.mean() - expected) < 0.1 * clean


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wrong": 0.6}, "wrong must lie between 0 and 0.5; got 0.6"),
        ({"images": 0}, "images must be an integer of at least 1; got 0"),
        ({"truth": np.arange(40) < 1}, "truth must hold at least two people of each kind; got 1 of 40"),
        ({"truth": np.arange(39) < 9}, "embeddings must have 39 rows; got 40"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    X, truth = people()
    with pytest.raises(ValueError, match=message):
        wrong_label_statistic(X, **{"truth": truth, "wrong": 0.1, "images": 3} | changes)
