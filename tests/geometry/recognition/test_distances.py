"""Distances by identity and verification, against loops, scikit-learn and cases with a known answer."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import auc, roc_auc_score, roc_curve

from frlib.geometry import (
    distance_histogram,
    distance_summary,
    error_curve,
    fold_accuracies,
    intra_inter_distances,
    pair_distances,
    verification,
)

METRICS = ("cosine", "euclidean")


def population(seed, n, n_identities, noise=0.7, d=5):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_identities, n)
    labels[:3] = [0, 0, 1]  # the least that is accepted
    centers = rng.normal(size=(n_identities, d))
    return centers[labels] + noise * rng.normal(size=(n, d)) + 0.1, labels


def pair_scores(X, labels, metric):
    upper = np.triu_indices(len(X), 1)
    return cdist(X, X, metric)[upper], (labels[:, None] == labels)[upper]


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 40), n_identities=st.integers(2, 12))
def test_summary_equals_the_loops_of_its_definition(metric, seed, n, n_identities):
    X, labels = population(seed, n, n_identities)
    D = cdist(X, X, metric)
    groups = [np.flatnonzero(labels == name) for name in np.unique(labels)]
    intra = [np.mean([D[i, j] for i, j in itertools.combinations(g, 2)]) for g in groups if len(g) > 1]
    inter = [D[np.ix_(g, h)].mean() for g, h in itertools.combinations(groups, 2)]
    found = distance_summary(X, labels, metric=metric)
    assert list(found.index) == ["d_intra", "d_inter", "ratio"]
    assert found.d_intra == pytest.approx(np.mean(intra), rel=1e-9)
    assert found.d_inter == pytest.approx(np.mean(inter), rel=1e-9)
    assert found.ratio == pytest.approx(np.mean(intra) / np.mean(inter), rel=1e-9)


def test_summary_weights_identities_not_images():
    """Two images 1 apart and ten images 2 apart: the mean over identities is 1.5."""
    simplex = np.eye(10) * np.sqrt(2)
    X = np.zeros((12, 11))
    X[1, 10] = 1
    X[2:, :10] = simplex + 100
    found = distance_summary(X, ["a", "a"] + ["b"] * 10, metric="euclidean")
    assert found.d_intra == pytest.approx(1.5)


def assert_same_roc(found, scores, same):
    """Compare with the curve of scikit-learn; the crossing of the EER is read off its broken line."""
    fpr, tpr, _ = roc_curve(same, -scores, drop_intermediate=False)
    assert found.auc == pytest.approx(roc_auc_score(same, -scores), abs=1e-12)
    assert found["tar_at_1e-1"] == pytest.approx(tpr[fpr <= 0.1].max(), abs=1e-12)
    assert found["tar_at_1e-2"] == pytest.approx(tpr[fpr <= 0.01].max(), abs=1e-12)
    assert found.eer == pytest.approx(np.interp(0, fpr + tpr - 1, fpr), abs=1e-9)
    accepted = scores <= found.threshold * (1 + 1e-12)  # the last digit of a square root differs between libraries
    assert accepted[same].mean() - accepted[~same].mean() == pytest.approx((tpr - fpr).max(), abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(6, 60), noise=st.sampled_from([0.1, 0.5, 2.0]))
def test_verification_reads_the_same_roc_curve_as_scikit_learn(metric, seed, n, noise):
    X, labels = population(seed, n, 6, noise)
    assert_same_roc(verification(X, labels, metric=metric, far=(0.1, 0.01)), *pair_scores(X, labels, metric))


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), n=st.integers(4, 25), size=st.integers(1, 3))
def test_ties_are_treated_as_scikit_learn_treats_them(seed, n, size):
    """Integers with mean zero: all squares are exact, most distances occur many times, many are zero.

    The scores are read off `pair_distances`: the last digit of a square root differs between libraries.
    """
    half = np.random.default_rng(seed).integers(-size, size + 1, (n, 2)).astype(float)
    X, labels = np.concatenate([half, -half]), np.random.default_rng(seed).integers(0, 4, 2 * n)
    labels[:3] = [0, 0, 1]
    found = verification(X, labels, metric="euclidean", far=(0.1, 0.01))
    upper = np.triu_indices(2 * n, 1)
    scores = pair_distances(X, metric="euclidean").numpy()[upper]
    assert_same_roc(found, scores, (labels[:, None] == labels)[upper])


@pytest.mark.parametrize("metric", METRICS)
def test_perfect_separation(metric):
    rng = np.random.default_rng(0)
    labels = np.repeat([f"person {k}" for k in range(30)], 4)
    X = np.repeat(np.eye(30), 4, axis=0) + 0.01 * rng.normal(size=(120, 30))
    found = verification(X, labels, metric=metric)
    assert list(found.index) == ["auc", "eer", "accuracy", "threshold", "tar_at_1e-2", "tar_at_1e-3"]
    assert found.auc == found.accuracy == found["tar_at_1e-2"] == found["tar_at_1e-3"] == 1
    assert found.eer == 0
    scores, same = pair_scores(X, labels, metric)
    assert found.threshold == pytest.approx((scores[same].max() + scores[~same].min()) / 2)


def test_reversed_separation_has_no_area():
    """Two images of a person are opposite, images of two persons orthogonal: the order is exactly wrong."""
    X = np.concatenate([np.eye(20), -np.eye(20)])
    found = verification(X, np.tile(np.arange(20), 2))
    assert found.auc == 0
    assert found.eer == 1
    assert found["tar_at_1e-2"] == 0


def test_permuted_labels_are_chance():
    """Over permutations of the labels the mean AUC is 1/2 exactly; the sample mean lies within its standard error."""
    X, labels = population(1, 80, 8, noise=0.3)
    rng = np.random.default_rng(0)
    found = pd.DataFrame([verification(X, rng.permutation(labels), metric="euclidean") for _ in range(60)])
    for name in ("auc", "accuracy"):
        assert abs(found[name].mean() - 0.5) < 4 * found[name].std() / np.sqrt(len(found))
    assert verification(X, labels, metric="euclidean").auc == pytest.approx(0.99133, abs=1e-5)


def test_all_scores_tied_are_chance():
    """Rows at equal distances: the curve is the diagonal."""
    found = verification(torch.eye(16), np.arange(16) % 4)
    assert found.auc == found.eer == found.accuracy == 0.5
    assert found["tar_at_1e-2"] == 0


@pytest.mark.parametrize("metric", METRICS)
def test_order_of_rows_and_names_of_identities_do_not_matter_for_the_curve(metric):
    X, labels = population(3, 70, 12)
    order = np.random.default_rng(0).permutation(70)
    names = np.array([f"x{11 - k}" for k in range(12)])[labels]
    one, other = verification(X, labels, metric=metric), verification(X[order], names[order], metric=metric)
    columns = ["auc", "eer", "threshold", "tar_at_1e-2", "tar_at_1e-3"]
    assert np.allclose(one[columns], other[columns], rtol=1e-9)


def test_accuracy_is_measured_on_other_identities():
    """Held-out accuracy may not exceed the accuracy of the best threshold chosen on the same pairs, on average."""
    gaps = []
    for seed in range(20):
        X, labels = population(seed, 60, 20, noise=1.0)
        found = verification(X, labels, metric="euclidean")
        scores, same = pair_scores(X, labels, "euclidean")
        accepted = scores <= found.threshold
        gaps.append((accepted[same].mean() + 1 - accepted[~same].mean()) / 2 - found.accuracy)
    assert np.mean(gaps) == pytest.approx(0.03685, abs=1e-5)  # 3.4 of its standard errors


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), n_multiple=st.integers(2, 12), n_single=st.integers(2, 30))
def test_every_fold_has_pairs_of_one_and_of_two_identities(seed, n_multiple, n_single):
    """Identities with one image must not fill a fold: it would have no pair to accept, and the accuracy be NaN."""
    labels = np.concatenate([np.repeat(np.arange(n_multiple), 2), n_multiple + np.arange(n_single)])
    labels = np.random.default_rng(seed).permutation(len(labels))[labels]
    X = np.random.default_rng(seed).normal(size=(len(labels), 4))
    assert 0 <= verification(X, labels).accuracy <= 1


def test_accuracy_needs_two_folds_of_identities():
    X, labels = population(0, 30, 3)
    assert np.isnan(verification(X, labels, metric="euclidean").accuracy)


def test_float32_and_float64_agree():
    X, labels = population(5, 100, 10)
    one, other = verification(X.astype(np.float32), labels), verification(X, labels)
    assert np.allclose(one, other, atol=1e-3)
    assert np.allclose(distance_summary(X.astype(np.float32), labels), distance_summary(X, labels), rtol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_intra_and_inter_distances_are_those_of_scipy(metric):
    X, labels = population(2, 50, 9)
    scores, same = pair_scores(X, labels, metric)
    intra, inter = intra_inter_distances(X, labels, metric=metric)
    np.testing.assert_allclose(intra, np.sort(scores[same]), atol=1e-9)
    np.testing.assert_allclose(inter, np.sort(scores[~same]), atol=1e-9)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), noise=st.sampled_from([0.1, 0.5, 2.0]))
def test_error_curve_is_that_of_scikit_learn_and_integrates_to_the_auc(seed, noise):
    X, labels = population(seed, 40, 8, noise)
    scores, same = pair_scores(X, labels, "cosine")
    found = error_curve(X, labels, at_most=None)
    fpr, tpr, _ = roc_curve(same, -scores, drop_intermediate=False)
    np.testing.assert_allclose(found[["far", "tar"]], np.stack([fpr, tpr], axis=1), atol=1e-12)
    assert auc(found.far, found.tar) == pytest.approx(verification(X, labels).auc, abs=1e-12)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), at_most=st.integers(10, 60))
def test_a_short_error_curve_is_a_part_of_the_whole_one_with_its_ends(seed, at_most):
    X, labels = population(seed, 40, 8)
    whole, short = error_curve(X, labels, at_most=None), error_curve(X, labels, at_most=at_most)
    assert len(short) <= at_most
    assert set(map(tuple, short.to_numpy())) <= set(map(tuple, whole.to_numpy()))
    for end in (0, -1):
        assert short.iloc[end].equals(whole.iloc[end])


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), bins=st.integers(1, 50))
def test_a_histogram_holds_every_pair_once(seed, bins):
    X, labels = population(seed, 30, 6)
    found = distance_histogram(X, labels, bins=bins)
    for kind, distances in zip(("intra", "inter"), intra_inter_distances(X, labels), strict=True):
        rows = found[found.kind == kind]
        assert len(rows) == bins and rows.pairs.sum() == len(distances)
        for end, share in zip(rows.high, rows.share.cumsum(), strict=True):
            assert share == pytest.approx((distances <= end).mean(), abs=1e-12)
        assert ((rows.high - rows.low) * rows.density).sum() == pytest.approx(1)


def test_equal_distances_make_one_bar():
    found = distance_histogram(torch.eye(6), [0, 0, 0, 1, 1, 1], bins=4)
    assert found[found.pairs > 0].share.tolist() == [1, 1]


def test_bad_arguments_of_curves_and_histograms_are_named():
    X, labels = population(0, 20, 4)
    with pytest.raises(ValueError, match="at_most must be an integer of at least 10; got 9"):
        error_curve(X, labels, at_most=9)
    with pytest.raises(ValueError, match="bins must be an integer of at least 1; got 0"):
        distance_histogram(X, labels, bins=0)


@pytest.mark.parametrize(
    "function", (distance_summary, verification, error_curve, distance_histogram, intra_inter_distances)
)
@pytest.mark.parametrize(
    ("identities", "message"),
    [
        (["a", "b"], r"identities must have shape \(3,\), one per embedding; got \(2,\)"),
        (["a", "a", "a"], "identities must hold at least two different ones; got only a"),
        (["a", "b", "c"], "identities must hold one with at least two embeddings; all are different"),
        ([1.0, np.nan, 2.0], "identities must not be missing; number 1 is"),
    ],
)
def test_bad_identities_are_named(function, identities, message):
    with pytest.raises(ValueError, match=message):
        function(np.eye(3), identities)


def test_bad_far_is_named():
    with pytest.raises(ValueError, match="far must lie between 0 and 1, both excluded; got 1.5"):
        verification(np.eye(3), [0, 0, 1], far=(0.1, 1.5))


@pytest.mark.parametrize(
    ("distances", "same", "folds", "message"),
    [
        (
            [0.1, 0.2],
            [True],
            [0, 1],
            r"same must be boolean of shape \(2,\), one value per pair; got bool of shape \(1,\)",
        ),
        ([0.1, np.nan], [True, False], [0, 0], "distances must be finite numbers; got NaN"),
        ([0.1, 0.2], [True, False], [0, 0], r"folds must be two at least, each with pairs of both kinds; got \[0\]"),
        ([0.1, 0.2, 0.3], [True, False, True], [0, 0, 1], r"folds must be two at least, .*; got \[0, 1\]"),
    ],
)
def test_errors_of_fold_accuracies(distances, same, folds, message):
    with pytest.raises(ValueError, match=message):
        fold_accuracies(distances, same, folds)


def test_each_fold_is_judged_at_the_threshold_of_the_others():
    """The threshold lies in the middle of the gap, and pairs of both kinds count equally."""
    distances = [0.1, 0.3, 0.9, 0.1, 0.59, 0.7, 0.8]
    same = [True, True, False, True, True, False, False]
    folds = [0, 0, 0, 1, 1, 1, 1]
    # That of fold 1 is about 0.65: all of fold 0 is right. That of fold 0 is 0.6: so is the pair at 0.59.
    assert fold_accuracies(distances, same, folds).tolist() == [1, 1]
    distances[4] = 0.61
    assert fold_accuracies(distances, same, folds).tolist() == [1, 0.75]
