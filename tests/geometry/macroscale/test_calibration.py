"""Trials with known truth: rates of error and power, and what the trials are made of."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from frlib.geometry import ks_by_attribute, label_trials, rejection_rates


def population(n_identities=60, images=2, seed=0):
    """Most of the variation lies in one direction: then pair distances depend strongly on their points."""
    generator = np.random.default_rng(seed)
    identities = np.repeat(np.arange(n_identities), images)
    spread = np.array([4.0, 1, 1, 1, 1])
    X = spread * generator.normal(size=(n_identities, 5))[identities]
    return X + 0.5 * generator.normal(size=(len(identities), 5)), identities


@pytest.mark.parametrize("in_both", [0, 0.5, 1])
def test_the_permutation_test_keeps_its_level_and_the_naive_one_does_not(in_both):
    X, identities = population()
    trials = 200
    found = label_trials(
        X, identities, metric="euclidean", per_modality=25, in_both=in_both, trials=trials, permutations=39
    )
    rates = rejection_rates(found, level=0.05).set_index(["test", "modality"]).rate
    margin = 4 * np.sqrt(0.05 * 0.95 / trials)
    assert (np.abs(rates["permutation"] - 0.05) < margin).all()
    if in_both == 0:
        assert (rates["naive"] > 0.05 + margin).all()


def test_power_grows_with_the_effect_up_to_certainty():
    X, identities = population()
    found = label_trials(
        X, identities, metric="euclidean", effects=(0, 1, 4), per_modality=20, trials=60, permutations=39
    )
    rates = rejection_rates(found)
    power = rates[rates.test == "permutation"].groupby("effect").rate.min()
    assert power[0] < power[1] < power[4] == 1


def test_all_effects_see_the_same_images_labels_and_permutations():
    X, identities = population()
    arguments = {"per_modality": 15, "in_both": 0.4, "trials": 4, "permutations": 19, "seed": 3}
    alone = label_trials(X, identities, **arguments)
    among = label_trials(X, identities, effects=(2.0, 0.0), **arguments)
    pd.testing.assert_frame_equal(alone, among[among.effect == 0].reset_index(drop=True))
    assert not alone.ks.equals(label_trials(X, identities, **arguments | {"seed": 4}).ks)


def test_a_trial_of_all_identities_is_the_test_of_the_macroscale():
    """With every identity in both modalities and one image for each, only the labels are left to chance.

    Two images that coincide leave nothing to chance at all, so the statistic is known.
    """
    X, identities = population(images=1)
    X, identities = np.repeat(X, 2, axis=0), np.repeat(identities, 2)
    table = pd.DataFrame({"a": np.tile([True, False], 60)})
    expected = ks_by_attribute(X, identities, table, metric="euclidean").ks
    found = label_trials(X, identities, metric="euclidean", per_modality=60, in_both=1, trials=2)
    np.testing.assert_allclose(found.ks.to_numpy().reshape(2, 2), [expected, expected], atol=1e-12)


def test_rates_come_with_their_binomial_interval():
    p = np.repeat([0.01, 0.5], [3, 7])
    trials = pd.DataFrame({"effect": 0.0, "modality": "positive", "p_naive": p, "p_permutation": np.nan})
    found = rejection_rates(trials, level=0.05)
    assert found.test.tolist() == ["naive"]
    assert found.rate.tolist() == [0.3]
    # Clopper and Pearson, from quantiles of beta distributions.
    assert found.low[0] == pytest.approx(stats.beta.ppf(0.025, 3, 8))
    assert found.high[0] == pytest.approx(stats.beta.ppf(0.975, 4, 7))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"per_modality": 31}, "identities must hold at least 62 identities for 31 per modality; got 60"),
        ({"per_modality": 60, "in_both": 1.2}, "in_both must lie between 0 and 1; got 1.2"),
        ({"per_modality": 1}, "per_modality must be an integer of at least 2; got 1"),
        ({"trials": 0}, "trials must be an integer of at least 1; got 0"),
        ({"permutations": 2.5}, "permutations must be an integer; got 2.5"),
        ({"metric": "angle"}, "metric must be one of 'cosine', 'euclidean'; got 'angle'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        label_trials(*population(), **{"per_modality": 20} | arguments)


def test_identities_in_both_need_two_images():
    with pytest.raises(ValueError, match="at least 10 identities with two images for 20 per modality; got 0"):
        label_trials(*population(images=1), per_modality=20, in_both=0.5)
