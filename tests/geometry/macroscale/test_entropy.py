"""Entropies of attributes: closed forms, and the recipe of the paper's code with scipy and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.neighbors import KernelDensity

from frlib.geometry import attribute_entropies, identity_mean_densities


def by_recipe(identities, labels, bandwidth=0.1):
    """One histogram per identity; a kernel density of the means of the labels -1 and 1."""
    groups = [labels[identities == name] for name in np.unique(identities)]
    intra = np.mean([stats.entropy([group.mean(), 1 - group.mean()]) for group in groups])
    means = np.array([2 * group.mean() - 1 for group in groups])
    density = KernelDensity(bandwidth=bandwidth).fit(means[:, None])
    inter = stats.entropy(np.exp(density.score_samples(np.linspace(-1, 1, 101)[:, None])))
    return [2 * labels.mean() - 1, intra, inter]


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 80), n_identities=st.integers(1, 20), rate=st.floats(0, 1))
def test_equals_the_recipe_of_the_paper(seed, n, n_identities, rate):
    generator = np.random.default_rng(seed)
    identities = generator.integers(0, n_identities, n)
    labels = generator.random(n) < rate
    found = attribute_entropies(identities, pd.DataFrame({"a": labels})).loc["a"]
    assert list(found.index) == ["mean", "intra_entropy", "inter_entropy"]
    np.testing.assert_allclose(found, by_recipe(identities, labels), rtol=1e-9, atol=1e-12)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), bandwidth=st.floats(0.02, 1))
def test_densities_are_those_whose_entropy_is_the_inter_entropy(seed, bandwidth):
    generator = np.random.default_rng(seed)
    identities, table = generator.integers(0, 9, 60), pd.DataFrame({"a": generator.random(60) < 0.4})
    found = identity_mean_densities(identities, table, bandwidth=bandwidth)
    assert stats.entropy(found.density) == pytest.approx(by_recipe(identities, table.a, bandwidth)[2], rel=1e-9)
    assert found.density.sum() == pytest.approx(1)
    np.testing.assert_allclose(found["mean"], np.linspace(-1, 1, 101))
    usual = identity_mean_densities(identities, table).groupby("attribute").density.agg(stats.entropy)
    pd.testing.assert_series_equal(usual, attribute_entropies(identities, table).inter_entropy, check_names=False)


def test_a_density_needs_a_bandwidth():
    with pytest.raises(ValueError, match="bandwidth must be a positive number; got 0"):
        identity_mean_densities([0, 1], pd.DataFrame({"a": [True, False]}), bandwidth=0)


def test_closed_forms():
    identities = np.repeat(np.arange(10), 4)
    table = pd.DataFrame(
        {
            "fixed": identities < 3,
            "half of each": np.tile([True, True, False, False], 10),
            "a quarter of each": np.tile([True, False, False, False], 10),
            "half of half": np.tile([True, True, False, False], 10) & (identities < 5),
        }
    )
    found = attribute_entropies(identities, table)
    quarter = 0.25 * np.log(4) + 0.75 * np.log(4 / 3)
    expected = {"fixed": 0, "half of each": np.log(2), "a quarter of each": quarter, "half of half": np.log(2) / 2}
    assert found.intra_entropy.to_dict() == pytest.approx(expected)
    assert found["mean"].to_dict() == pytest.approx(
        {"fixed": -0.4, "half of each": 0, "a quarter of each": -0.5, "half of half": -0.5}
    )
    # All identities in one place: a Gaussian of width 0.1 on steps of 0.02, far from the ends.
    gauss = np.log(0.1 * np.sqrt(2 * np.pi * np.e) / 0.02)
    assert found.inter_entropy["half of each"] == pytest.approx(gauss, abs=1e-6)


def test_order_of_rows_and_names_of_identities_do_not_matter():
    generator = np.random.default_rng(0)
    identities, table = generator.integers(0, 9, 60), pd.DataFrame(generator.random((60, 3)) < 0.4)
    order = generator.permutation(60)
    other = attribute_entropies([f"x{8 - k}" for k in identities[order]], table.iloc[order])
    pd.testing.assert_frame_equal(attribute_entropies(identities, table), other)


def test_negation_changes_the_sign_of_the_mean_alone():
    generator = np.random.default_rng(1)
    identities, table = generator.integers(0, 9, 60), pd.DataFrame(generator.random((60, 3)) < 0.4)
    one, other = attribute_entropies(identities, table), attribute_entropies(identities, ~table)
    np.testing.assert_allclose(one * [-1, 1, 1], other, atol=1e-12)


@pytest.mark.parametrize(
    ("identities", "table", "message"),
    [
        ([0, 1], pd.DataFrame({"a": [1, 0]}), "attributes must be boolean, without missing values; 'a' has type int64"),
        ([0, 1, 1], pd.DataFrame({"a": [True, False]}), r"identities must have shape \(2,\), one per row; got \(3,\)"),
        ([0, None], pd.DataFrame({"a": [True, False]}), "identities must not be missing; number 1 is"),
        ([0, 1], pd.DataFrame(index=range(2)), "with a boolean column per attribute; got one without columns"),
        ([0, 1], [True, False], r"attributes must be a DataFrame; got \[True, False\]"),
        ([0, 1], pd.DataFrame([[True, True]] * 2, columns=["a", "a"]), "attributes must have one column 'a'; it has 2"),
    ],
)
def test_bad_arguments_are_named(identities, table, message):
    with pytest.raises(ValueError, match=message):
        attribute_entropies(identities, table)
