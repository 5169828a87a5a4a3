"""KS statistics by attribute, against scipy; p values under labels that mean nothing."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group

from frlib.geometry import distance_functions, draw_modalities, ks_by_attribute, ks_draws
from frlib.geometry.macroscale.ks import partners
from frlib.geometry.macroscale.permutation import bin_ends, largest_differences
from frlib.geometry.macroscale.two_sample import BINS, asymptotic_p, sorted_pairs

METRICS = ("cosine", "euclidean")


def population(seed, n_identities=40, images=3, rate=0.4, d=6):
    """Return embeddings, identities and two attributes: one fixed by the identity, one that varies."""
    generator = np.random.default_rng(seed)
    identities = np.repeat(np.arange(n_identities), images)
    X = generator.normal(size=(n_identities, d))[identities] + 0.6 * generator.normal(size=(len(identities), d))
    fixed, varying = generator.random(n_identities) < rate, generator.random(len(identities)) < rate
    fixed[:4] = [True, True, False, False]
    return X, identities, pd.DataFrame({"fixed": fixed[identities], "varying": varying})


def by_scipy(X, identities, label, metric, positive, negative):
    """Follow the definition with `ks_2samp`."""
    different = identities[positive][:, None] != identities[negative]
    cross = cdist(X[positive], X[negative], metric)[different]
    upper = np.triu_indices(len(positive), 1)
    return [stats.ks_2samp(cdist(X[rows], X[rows], metric)[upper], cross) for rows in (positive, negative)]


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), most=st.integers(2, 40), rate=st.floats(0.2, 0.8))
def test_statistics_and_naive_p_are_those_of_scipy(metric, seed, most, rate):
    X, identities, table = population(seed, rate=rate)
    found = ks_by_attribute(X, identities, table, metric=metric, max_per_modality=most, seed=seed)
    columns = ["attribute", "modality", "n", "ks", "p_naive", "p_permutation", "q_value"]
    assert list(found.columns) == columns
    assert found.modality.tolist() == ["positive", "negative"] * 2
    assert found[["p_permutation", "q_value"]].isna().all(axis=None)
    for name, rows in found.groupby("attribute"):
        drawn = draw_modalities(identities, table[name], max_per_modality=most, seed=seed, name=name)
        assert (rows.n == len(drawn[0])).all()
        expected = by_scipy(X, identities, table[name], metric, *drawn)
        np.testing.assert_allclose(rows.ks, [e.statistic for e in expected], atol=1e-12)
        np.testing.assert_allclose(rows.p_naive, [e.pvalue for e in expected], rtol=1e-8)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), rate=st.floats(0.2, 0.8))
def test_distance_functions_are_those_behind_the_statistic(metric, seed, rate):
    X, identities, table = population(seed, rate=rate)
    arguments = {"metric": metric, "max_per_modality": 12, "seed": seed}
    found = distance_functions(X, identities, table, steps=9, **arguments)
    expected = ks_by_attribute(X, identities, table, **arguments).ks
    by_modality = found.groupby(["attribute", "modality"], sort=False)
    np.testing.assert_allclose(by_modality.ks.first(), expected, atol=1e-12)
    assert ((found.inside - found.across).abs() <= found.ks + 1e-12).all()
    positive, negative = draw_modalities(identities, table.fixed, max_per_modality=12, seed=seed, name="fixed")
    different = identities[positive][:, None] != identities[negative]
    cross = cdist(X[positive], X[negative], metric)[different]
    inside = cdist(X[negative], X[negative], metric)[np.triu_indices(len(negative), 1)]
    rows = by_modality.get_group(("fixed", "negative"))
    places = [*rows.distance[:-1], rows["at"].iloc[0] + 1e-9]  # another program's distance may differ in its last digit
    shares = np.array([[(sample <= place).mean() for place in places] for sample in (inside, cross)])
    np.testing.assert_allclose(rows[["inside", "across"]].to_numpy()[:-1].T, shares[:, :-1], atol=1e-12)
    assert abs(shares[0, -1] - shares[1, -1]) == pytest.approx(rows.ks.iloc[0], abs=1e-12)


def test_distance_functions_step_over_equal_distances_at_once():
    """Two places: all pairs have distance 0 or 1."""
    found = distance_functions(
        np.array([[0.0], [0], [1], [1]]),
        np.arange(4),
        pd.DataFrame({"a": [True, True, False, False]}),
        metric="euclidean",
        steps=2,
    )
    assert found[["distance", "inside", "across"]].to_numpy().tolist() == 2 * [[0, 1, 0], [1, 1, 1]]
    assert (found["at"] == 0).all() and (found.ks == 1).all()


@settings(max_examples=20)
@given(size=st.floats(1e-3, 1e3), steps=st.integers(2, 80))
def test_distances_have_steps_of_two_digits_and_reach_the_largest(size, steps):
    X, identities, table = population(0)
    found = distance_functions(X * size, identities, table, metric="euclidean", steps=steps)
    distances = found.distance.to_numpy()[:steps]
    step = distances[1]
    np.testing.assert_allclose(distances, step * np.arange(steps), rtol=1e-12)
    assert float(f"{step:.2g}") == pytest.approx(step, rel=1e-9)
    assert found.inside.to_numpy()[steps - 1 :: steps] == pytest.approx(1)
    assert distances[-1] < 1.2 * cdist(X * size, X * size).max()


def test_distance_functions_need_two_distances():
    X, identities, table = population(0)
    with pytest.raises(ValueError, match="steps must be an integer of at least 2; got 1"):
        distance_functions(X, identities, table, steps=1)


def test_large_samples_have_the_naive_p_of_scipy():
    X, identities, table = population(0, n_identities=400, images=1, rate=0.5)
    X[table.fixed, 0] += 0.3
    rows = ks_by_attribute(X, identities, table[["fixed"]], metric="euclidean")
    drawn = draw_modalities(identities, table.fixed, name="fixed")
    expected = by_scipy(X, identities, table.fixed, "euclidean", *drawn)
    assert 0 < min(e.pvalue for e in expected) < 1e-3
    np.testing.assert_allclose(rows.p_naive, [e.pvalue for e in expected], rtol=1e-8)


@settings(max_examples=60)
@given(statistic=st.floats(1e-4, 0.6), n=st.integers(5_000, 130_000))
def test_asymptotic_p_is_that_of_scipy(statistic, n):
    expected = stats.kstwo.sf(statistic, round(n * 2 * n / (3 * n)))
    assert asymptotic_p(statistic, n, 2 * n) == pytest.approx(expected, rel=1e-8, abs=1e-300)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 12))
def test_equal_distances_are_stepped_over_at_once(seed, n):
    """Integer points on a line have many equal distances; the sign is that of scipy's statistic."""
    generator = np.random.default_rng(seed)
    points = generator.integers(0, 4, (2 * n, 1)).astype(float)
    points -= points.mean()
    positive = np.arange(2 * n) < n
    found = sorted_pairs(torch.from_numpy(points), positive, np.full(2 * n, -1), "euclidean")
    distances = np.round(found.distances, 9)  # scipy must see equal distances as equal
    object.__setattr__(found, "distances", distances)
    kind = positive[found.first].astype(int) + positive[found.second]
    for k, signed in zip((2, 0), found.signed_statistics(), strict=True):
        expected = stats.ks_2samp(distances[kind == k], distances[kind == 1])
        assert abs(signed) == pytest.approx(expected.statistic, abs=1e-12)


def test_two_far_clouds_separate_completely():
    """All distances inside are shorter than all across: both statistics are 1, and no relabelling does as well."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(40, 3)) + 100 * (np.arange(40) < 20)[:, None]
    table = pd.DataFrame({"a": np.arange(40) < 20})
    found = ks_by_attribute(X, np.arange(40), table, metric="euclidean", permutations=199)
    assert found.ks.tolist() == [1, 1]
    assert found.p_permutation.tolist() == [1 / 200, 1 / 200]
    assert (ks_draws(X, np.arange(40), table, metric="euclidean", draws=2).difference == 1).all()


def test_the_sign_tells_where_distances_are_smaller():
    """A tight positive cloud inside a wide negative one."""
    generator = np.random.default_rng(0)
    positive = np.arange(60) < 30
    X = generator.normal(size=(60, 5)) * np.where(positive, 0.1, 1)[:, None]
    found = ks_draws(X, np.arange(60), pd.DataFrame({"a": positive}), metric="euclidean", draws=1)
    assert found.set_index("modality").difference.apply(np.sign).to_dict() == {"positive": 1, "negative": -1}


def test_pairs_of_one_identity_are_left_out():
    """Each identity gives the same point to both modalities; only distances 0 across would tell them apart."""
    X = np.repeat(np.random.default_rng(0).normal(size=(30, 4)), 2, axis=0)
    found = ks_by_attribute(X, np.repeat(np.arange(30), 2), pd.DataFrame({"a": np.tile([True, False], 30)}))
    assert (found.ks < 1e-12).all()


@pytest.mark.parametrize("metric", METRICS)
def test_rotation_and_scale_do_not_matter(metric):
    X, identities, table = population(3)
    turned = 7.5 * X @ ortho_group.rvs(X.shape[1], random_state=0)
    one, other = (ks_by_attribute(x, identities, table, metric=metric, permutations=99) for x in (X, turned))
    pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=1e-9)


def test_order_of_rows_and_names_of_identities_do_not_matter_where_all_are_drawn():
    X, _, _ = population(4, images=1)
    table = pd.DataFrame({"a": np.arange(40) % 2 == 0})
    order = np.random.default_rng(0).permutation(40)
    one = ks_by_attribute(X, np.arange(40), table)
    other = ks_by_attribute(X[order], [f"x{40 - k}" for k in order], table.iloc[order])
    np.testing.assert_allclose(one[["ks", "p_naive"]], other[["ks", "p_naive"]], rtol=1e-9)


def test_negation_swaps_the_modalities():
    X, identities, table = population(5)
    one, other = ks_by_attribute(X, identities, table), ks_by_attribute(X, identities, ~table)
    other["modality"] = other.modality.map({"positive": "negative", "negative": "positive"})
    keys = ["attribute", "modality"]
    pd.testing.assert_frame_equal(
        one.sort_values(keys, ignore_index=True), other.sort_values(keys, ignore_index=True), rtol=1e-12
    )


def test_an_attribute_does_not_depend_on_the_others():
    X, identities, table = population(6)
    columns = ["ks", "p_naive", "p_permutation"]
    alone = ks_by_attribute(X, identities, table[["varying"]], permutations=49)[columns]
    together = ks_by_attribute(X, identities, table[["varying", "fixed"]], permutations=49)[columns].head(2)
    pd.testing.assert_frame_equal(alone, together)


def test_float32_and_float64_agree():
    X, identities, table = population(7)
    single = X.astype(np.float32)
    one = ks_by_attribute(single, identities, table, permutations=49)
    pd.testing.assert_frame_equal(one, ks_by_attribute(single.astype(float), identities, table, permutations=49))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cpu_and_gpu_agree():
    X, identities, table = population(7)
    one, other = (
        ks_by_attribute(torch.from_numpy(X).to(d), identities, table, permutations=49) for d in ("cpu", "cuda")
    )
    pd.testing.assert_frame_equal(one, other)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), most=st.integers(2, 30))
def test_a_draw_has_one_image_per_identity_and_modality(seed, most):
    _, identities, table = population(seed)
    for name in table:
        positive, negative = draw_modalities(identities, table[name], max_per_modality=most, seed=seed)
        assert table[name][positive].all() and not table[name][negative].any()
        there = min(len(set(identities[table[name]])), len(set(identities[~table[name]])))
        assert len(positive) == len(negative) == min(most, there)
        assert len(set(identities[positive])) == len(set(identities[negative])) == len(positive)
        smaller = draw_modalities(identities, table[name], max_per_modality=2, seed=seed)
        assert np.array_equal(smaller, [positive[:2], negative[:2]])


def test_every_image_of_an_identity_is_drawn_alike():
    """Over seeds, each of an identity's three images is drawn in a third of the draws."""
    _, identities, table = population(0)
    drawn = np.concatenate([draw_modalities(identities, table.fixed, seed=seed)[0] for seed in range(600)])
    counts = np.bincount(drawn, minlength=len(identities))[identities < 2]  # identities 0 and 1 are positive
    assert stats.chisquare(counts).pvalue > 1e-3


def test_draws_are_those_of_the_seeds():
    X, identities, table = population(8)
    found = ks_draws(X, identities, table, draws=3, seed=5, max_per_modality=12)
    for draw in range(3):
        single = ks_by_attribute(X, identities, table, seed=5 + draw, max_per_modality=12)
        assert found[found.draw == draw].ks.tolist() == single.ks.tolist()
    assert (found.ks == found.difference.abs()).all()
    assert found.groupby(["attribute", "modality"]).ks.nunique().tolist() == [3] * 4


def test_partners_are_the_two_images_of_an_identity():
    assert partners(np.array([3, 1, 2, 2, 0, 3])).tolist() == [5, -1, 3, 2, -1, 0]


def test_binned_statistics_lie_within_the_stated_bound_below_the_exact_ones():
    for n in (30, 60, 200):
        X = torch.from_numpy(np.random.default_rng(n).normal(size=(2 * n, 4)))
        positive = np.arange(2 * n) < n
        found = sorted_pairs(X, positive, np.full(2 * n, -1), "euclidean")
        ends = bin_ends(found.distances, BINS)
        binned = largest_differences(found.first, found.second, ends, positive[None], found.sizes)[:, 0]
        gap = np.abs(found.signed_statistics()) - binned
        assert (gap >= -1e-12).all() and (gap <= 5 / BINS).all()


def test_q_values_are_those_of_benjamini_and_hochberg():
    X, identities, table = population(9)
    X[table.fixed, 0] += 3
    found = ks_by_attribute(X, identities, table, permutations=199)
    p = np.sort(found.p_permutation)
    adjusted = {value: min(p[k:] * len(p) / np.arange(k + 1, len(p) + 1)) for k, value in enumerate(p)}
    np.testing.assert_allclose(found.q_value, [adjusted[value] for value in found.p_permutation])


def null_p(kind, trials, seed):
    """Return p values, shape (trials, 2), of labels that say nothing beyond the stratum, and of ignoring the strata."""
    generator = np.random.default_rng(seed)
    found, ignored = [], []
    for trial in range(trials):
        images = 1 if kind == "one image" else 3
        identities = np.repeat(np.arange(36), images)
        X = generator.normal(size=(36, 5))[identities] + 0.5 * generator.normal(size=(len(identities), 5)) + 1
        strata = None
        if kind == "one image":
            labels = generator.permutation(36) < 14
        elif kind == "all in both":
            labels = generator.permuted(np.tile([True, False, False], (36, 1)), axis=1).ravel()
        elif kind == "some in both":  # each identity has a rate of its own, most near 0 or 1
            labels = generator.random(len(identities)) < generator.beta(0.3, 0.4, 36)[identities]
        else:  # groups in two places, with other rates; labels vary inside identities
            group = generator.permutation(36) < 18
            X[:, 0] += 4 * group[identities]
            labels = generator.random(len(identities)) < np.where(group, 0.75, 0.25)[identities]
            strata = group[identities]
        table = pd.DataFrame({"a": labels})
        arguments = {"metric": "euclidean", "permutations": 39, "max_per_modality": 20, "seed": trial}
        found.append(ks_by_attribute(X, identities, table, strata=strata, **arguments).p_permutation)
        if strata is not None:
            ignored.append(ks_by_attribute(X, identities, table, **arguments).p_permutation)
    return np.array(found), np.array(ignored)


@pytest.mark.parametrize("kind", ["one image", "all in both", "some in both", "strata"])
def test_p_is_uniform_where_labels_mean_nothing(kind):
    """Each share of p values up to a level lies within 4 standard errors of the level.

    A scheme that shuffles where it should swap rejects too rarely, one that ignores the strata too often.
    """
    trials = 400
    found, ignored = null_p(kind, trials, seed=11)
    for level in (0.05, 0.1, 0.25, 0.5, 0.75):
        rates = (found <= level + 1e-9).mean(axis=0)
        assert (np.abs(rates - level) < 4 * np.sqrt(level * (1 - level) / trials)).all(), (level, rates)
    if kind == "strata":
        assert ((ignored <= 0.05).mean(axis=0) > 0.2).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "manhattan"}, "metric must be one of 'cosine', 'euclidean'; got 'manhattan'"),
        ({"max_per_modality": 1}, "max_per_modality must be an integer of at least 2; got 1"),
        ({"permutations": -1}, "permutations must be an integer of at least 0; got -1"),
        ({"strata": [0, 1]}, r"strata must have shape \(120,\), one per row; got \(2,\)"),
        ({"identities": [0, 1]}, r"identities must have shape \(120,\), one per embedding; got \(2,\)"),
        ({"attributes": pd.DataFrame({"a": [True]})}, "attributes must have 120 rows, one per image; got 1"),
        (
            {"attributes": pd.DataFrame({"a": np.ones(120, bool)})},
            "at least two identities in each modality; the negative one of 'a' has 0",
        ),
        (
            {"attributes": pd.DataFrame({"a": np.arange(120) < 3})},
            "at least two identities in each modality; the positive one of 'a' has 1",
        ),
        ({"embeddings": np.full((120, 2), np.nan)}, "embeddings must be finite; row 0"),
        ({"embeddings": np.zeros((120, 2))}, "embeddings must have no zero vector with metric='cosine'; row 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    X, identities, table = population(0)
    given_ones = {"embeddings": X, "identities": identities, "attributes": table} | arguments
    with pytest.raises(ValueError, match=message):
        ks_by_attribute(
            given_ones.pop("embeddings"), given_ones.pop("identities"), given_ones.pop("attributes"), **given_ones
        )


def test_a_drawn_attribute_must_be_boolean():
    with pytest.raises(ValueError, match="attribute must be boolean, one value per row; got int64"):
        draw_modalities([0, 1, 2, 3], [0, 1, 0, 1])
