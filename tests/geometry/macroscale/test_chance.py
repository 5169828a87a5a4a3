"""Labels that mean nothing: what an exchange keeps, level of the test where attributes vary, counts, normal clouds."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.geometry import (
    attribute_entropies,
    correlations_from_counts,
    exchanged_labels,
    exchanged_trials,
    gaussian_cloud,
    ks_by_attribute,
    label_trials,
    rejection_rates,
)


def population(n_identities=40, images=3, seed=0, d=5):
    """Return embeddings, identities, and an attribute that some always and others now and then have."""
    generator = np.random.default_rng(seed)
    identities = np.repeat(np.arange(n_identities), images)
    X = np.array([4.0, *[1] * (d - 1)]) * generator.normal(size=(n_identities, d))[identities]
    X += 0.5 * generator.normal(size=X.shape)
    often = generator.choice([0.0, 0.5, 1.0], n_identities)[identities]
    return X, identities, pd.DataFrame({"varies": generator.random(len(identities)) < often})


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), images=st.integers(1, 5), n=st.integers(2, 20))
def test_an_exchange_keeps_the_labels_of_a_person_together(seed, images, n):
    generator = np.random.default_rng(seed)
    identities = generator.permutation(np.repeat(np.arange(n), images))
    table = pd.DataFrame(generator.random((n * images, 2)) < 0.5, columns=["a", "b"])
    mixed = exchanged_labels(identities, table, seed=seed)

    def blocks(labels):
        return sorted(tuple(labels[identities == name].to_numpy().ravel()) for name in range(n))

    assert blocks(mixed) == blocks(table)
    before, after = attribute_entropies(identities, table), attribute_entropies(identities, mixed)
    pd.testing.assert_frame_equal(before, after)


def test_every_person_gets_the_labels_of_any_other():
    identities, table = np.repeat(np.arange(3), 2), pd.DataFrame({"a": [True, False] + [False] * 4})
    owners = [int(exchanged_labels(identities, table, seed=k).a.to_numpy().argmax()) for k in range(60)]
    assert set(owners) == {0, 2, 4}


def test_the_test_keeps_its_level_where_attributes_vary_inside_identities():
    X, identities, table = population()
    trials = 200
    found = exchanged_trials(X, identities, table, metric="euclidean", trials=trials, permutations=39)
    assert 0.1 < found.in_both.mean() < 0.9, "the rule of swaps is at work, and that of shuffles too"
    rates = rejection_rates(found, by=("modality",))
    assert rates.columns.tolist() == ["modality", "test", "rate", "low", "high"]
    valid = rates[rates.test == "permutation"].rate
    assert (np.abs(valid - 0.05) < 4 * np.sqrt(0.05 * 0.95 / trials)).all()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_an_exchange_that_changes_nothing_gives_the_statistics_of_the_macroscale(metric):
    """Labels are the same for all identities, and so are all exchanges; images coincide, so a draw changes nothing."""
    generator = np.random.default_rng(1)
    X, identities = np.repeat(generator.normal(size=(12, 4)), 2, axis=0), np.repeat(np.arange(12), 2)
    table = pd.DataFrame({"a": np.tile([True, False], 12)})
    expected = ks_by_attribute(X, identities, table, metric=metric)
    found = exchanged_trials(X, identities, table, metric=metric, trials=2)
    assert (found.n == expected.n[0]).all() and (found.in_both == 1).all()
    np.testing.assert_allclose(found.ks.to_numpy().reshape(2, 2), [expected.ks, expected.ks], atol=1e-12)
    assert found.p_permutation.isna().all()


def test_equal_counts_leave_chance_alone_and_unequal_ones_a_correlation():
    X, identities, _ = population(n_identities=60, images=1)
    counts = {"few": 3, "some": 12, "many": 30}
    found = correlations_from_counts(X, identities, counts, [1, 2, 3], metric="euclidean", trials=30)
    assert found.mean() < -0.8
    alike = correlations_from_counts(X, identities, dict.fromkeys("abc", 10), [1, 2, 3], metric="euclidean", trials=90)
    assert np.abs(alike.mean()) < 4 * np.sqrt(0.5 / 90)  # of three ranks in any order the variance is 1/2


def test_statistics_of_a_count_are_those_of_label_trials():
    X, identities, _ = population(n_identities=30, images=1)
    counts, other, trials = {"a": 8, "b": 15, "c": 8}, [0.3, 0.1, 0.2], 6
    found = correlations_from_counts(X, identities, counts, other, metric="euclidean", trials=trials, seed=5)
    own = {}
    for size, places in ((8, 2), (15, 1)):
        how = {"per_modality": size, "seed": int(np.random.default_rng([5, size]).integers(2**63 - 1))}
        table = label_trials(X, identities, metric="euclidean", trials=trials * places, **how)
        own[size] = table.groupby("trial").ks.mean().to_numpy().reshape(trials, places)
    statistics = np.column_stack([own[8][:, 0], own[15], own[8][:, 1]])
    expected = [pd.Series(row).corr(pd.Series(other), method="spearman") for row in statistics]
    np.testing.assert_allclose(found, expected)


def test_attributes_of_nearly_equal_counts_are_drawn_apart():
    """Of four statistics alike, a is next to b and c to d, both in rank, in a third of the cases."""
    X, identities, _ = population(n_identities=70, images=1)
    counts, trials = {"a": 30, "b": 31, "c": 30, "d": 31}, 100
    found = correlations_from_counts(X, identities, counts, [1, 1, 2, 2], metric="euclidean", trials=trials)
    beside = np.isclose(np.abs(found), 2 / np.sqrt(5))  # that of the ranks 1 to 4 with 1, 1, 2, 2
    assert abs(beside.mean() - 1 / 3) < 4 * np.sqrt(2 / 9 / trials)


def test_a_normal_cloud_has_the_mean_and_the_covariance():
    generator = np.random.default_rng(0)
    X = torch.tensor(generator.normal(size=(50, 3)) @ generator.normal(size=(3, 3)) + [1, 2, 3])
    large = gaussian_cloud(X, 100_000, metric="euclidean")
    np.testing.assert_allclose(large.mean(dim=0), X.mean(dim=0), atol=0.05)
    np.testing.assert_allclose(np.cov(large.T), np.cov(X.T, bias=True), rtol=0.05, atol=0.05)
    torch.testing.assert_close(gaussian_cloud(7 * X, 5), gaussian_cloud(X, 5))  # directions only


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, i, t: exchanged_labels(i[1:], t[1:]), "same number of images each; got 2 to 3, for 0 and 1"),
        (lambda X, i, t: exchanged_trials(X, i, t, trials=0), "trials must be an integer of at least 1; got 0"),
        (lambda X, i, t: exchanged_trials(X, i, t[1:]), "attributes must have 120 rows, one per image; got 119"),
        (lambda X, i, t: correlations_from_counts(X, i, {"a": 3, "b": 4}, [1]), r"at least two; got shape \(1,\)"),
        (lambda X, i, t: correlations_from_counts(X, i, {"a": 3, "b": 21}, [1, 2]), "at least 42 identities"),
        (lambda X, i, t: gaussian_cloud(X, 0), "n must be an integer of at least 1; got 0"),
        (lambda X, i, t: rejection_rates(pd.DataFrame({"a": [1]}), by=("b",)), "trials must have a column 'b'"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*population())
