"""Nulls of the energy: closed forms equal all orders and many draws, and the law of the empty ball is exact."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.geometry import (
    central_difference,
    energy_sweep,
    field_agreement,
    half_step_agreement,
    isolated_shares,
    null_energies,
    smallest_scales,
)

SCALES = [0.4, 0.8, 1.2, 3.0]


def cloud(n, d=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return points, points + 0.7 * torch.randn(n, d, generator=generator, dtype=torch.float64)


@settings(max_examples=20)
@given(n=st.integers(4, 30), seed=st.integers(0, 99), metric=st.sampled_from(["cosine", "euclidean"]))
def test_the_energy_is_that_of_the_sweep(n, seed, metric):
    points, vectors = cloud(n, seed=seed)
    vectors[0] = 0  # undefined: neither centre nor neighbour
    found = null_energies(points, {"a": vectors}, SCALES, metric=metric)
    expected = energy_sweep(points, {"a": vectors}, SCALES, metric=metric)
    np.testing.assert_allclose(found.energy, expected.energy, atol=1e-6)


def test_an_attribute_that_moves_no_point_has_no_energy_as_in_the_sweep():
    points, vectors = cloud(5)
    found = null_energies(points, {"a": 0 * vectors, "b": vectors}, SCALES).set_index("attribute")
    assert found.loc["a"].drop(columns="scale").isna().all(axis=None) and found.loc["b", "energy"].notna().any()
    assert energy_sweep(points, {"a": 0 * vectors}, SCALES).energy.isna().all()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_moments_under_shuffling_are_those_of_all_orders(metric):
    points, vectors = cloud(6)
    orders = itertools.permutations(range(6))
    energies = pd.concat(
        energy_sweep(points, {"a": vectors[list(order)]}, SCALES, metric=metric).assign(order=k)
        for k, order in enumerate(orders)
    )
    every = energies.groupby("scale").energy
    found = null_energies(points, {"a": vectors}, SCALES, metric=metric).set_index("scale")
    np.testing.assert_allclose(found.shuffled, every.mean(), atol=1e-6)
    np.testing.assert_allclose(found.shuffled_spread, every.std(ddof=0), atol=1e-6)
    assert found.shuffled_spread.max() > 0.01, "the comparison is not of zeros"


def test_without_position_the_shuffled_energy_is_that_of_all_pairs():
    points, vectors = cloud(20)
    found = null_energies(points, {"a": vectors}, SCALES, metric="euclidean")
    all_pairs = energy_sweep(points, {"a": vectors}, [100.0], metric="euclidean").energy[0]
    np.testing.assert_allclose(found.shuffled, all_pairs, atol=1e-6)
    everything = found.set_index("scale").loc[3.0]
    assert everything.shuffled_spread == 0 and np.isnan(everything.z), "all orders are alike where a ball holds all"


def test_random_vectors_have_energy_one_and_the_stated_spread():
    points, _ = cloud(25, d=8)
    generator = torch.Generator().manual_seed(1)
    fields = {str(k): torch.randn(25, 8, generator=generator, dtype=torch.float64) for k in range(400)}
    energies = energy_sweep(points, fields, SCALES, metric="euclidean").groupby("scale").energy
    spread = null_energies(points, {"0": fields["0"]}, SCALES, metric="euclidean").random_spread.to_numpy()
    assert (np.abs(energies.mean() - 1) < 4 * spread / 20).all()
    np.testing.assert_allclose(energies.std() / spread, 1, atol=0.15)  # 400 draws: four standard errors


def test_the_random_spread_falls_with_the_root_of_the_dimension():
    points, vectors = cloud(15, d=4)
    wide = torch.cat([points, torch.zeros(15, 12, dtype=torch.float64)], dim=1)
    wide_vectors = torch.cat([vectors, torch.zeros(15, 12, dtype=torch.float64)], dim=1)
    narrow, broad = (
        null_energies(p, {"a": v}, SCALES, metric="euclidean").random_spread
        for p, v in ((points, vectors), (wide, wide_vectors))
    )
    np.testing.assert_allclose(narrow / broad, 2)


@settings(max_examples=20)
@given(seed=st.integers(0, 99), size=st.integers(1, 7))
def test_isolated_shares_are_the_mean_over_all_smaller_samples(seed, size):
    points, vectors = cloud(7, d=2, seed=seed)
    unit = float(torch.pdist(points).mean())
    shares = []
    for chosen in itertools.combinations(range(7), size):
        part = list(chosen)
        table = energy_sweep(points[part], {"a": vectors[part]}, SCALES, metric="euclidean", mean_distance=unit)
        shares.append(table.isolated)
    found = isolated_shares(points, SCALES, [size], metric="euclidean")
    np.testing.assert_allclose(found.isolated, np.mean(shares, axis=0), atol=1e-12)


def test_isolated_shares_follow_the_law_of_independent_centres():
    # On a circle of length 1 a ball of radius r holds the share 2 r, so (1 - 2 r)^(n - 1) of the points are alone.
    places = np.sort(np.random.default_rng(0).random(1500))
    circle = torch.tensor(np.stack([np.cos(2 * np.pi * places), np.sin(2 * np.pi * places)], axis=1))
    arcs = np.array([0.01, 0.05, 0.1])
    chords = 2 * np.sin(np.pi * arcs)
    found = isolated_shares(circle, chords, [5, 20], metric="euclidean", mean_distance=1.0)
    expected = [(1 - 2 * arcs) ** (n - 1) for n in (5, 20)]
    np.testing.assert_allclose(found.isolated, np.concatenate(expected), atol=0.01)


@settings(max_examples=20)
@given(seed=st.integers(0, 99), size=st.integers(2, 9), wanted=st.sampled_from([0.1, 0.25, 0.5, 0.9]))
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_at_the_smallest_scale_few_enough_are_isolated_and_just_below_too_many(metric, seed, size, wanted):
    points, _ = cloud(9, d=3, seed=seed)
    found = smallest_scales(points, [size], isolated=wanted, metric=metric).scale[0]
    at, below = isolated_shares(points, [found, found * (1 - 1e-6)], [size], metric=metric).isolated
    assert at <= wanted + 1e-9
    assert below > wanted


def test_of_two_points_the_distance_of_each_pair_counts_once():
    """On a line at 0, 1 and 3: a sample of two has neighbours within r for 1, 2, 3 of its three pairs."""
    points = torch.tensor([[0.0], [1.0], [3.0]])
    for wanted, distance in ((0.7, 1), (0.5, 2), (0.3, 3), (2 / 3, 1), (0, 3), (1, 1)):
        found = smallest_scales(points, [2], isolated=wanted, metric="euclidean", mean_distance=1.0)
        assert found.scale[0] == pytest.approx(distance), wanted


@settings(max_examples=20)
@given(seed=st.integers(0, 99), length=st.floats(0.01, 100))
def test_fields_agree_by_the_mean_cosine_of_their_vectors(seed, length):
    first, second = cloud(8, seed=seed)
    first[3] = 0
    found = field_agreement({"a": length * first, "b": first}, {"b": -2 * first, "a": second, "c": second})
    kept = [0, 1, 2, 4, 5, 6, 7]
    assert found["a"] == pytest.approx(float(torch.cosine_similarity(first[kept], second[kept]).mean()))
    assert found["b"] == pytest.approx(-1)
    assert list(found.index) == ["a", "b"]


def test_half_steps_agree_on_lines_and_oppose_on_noise():
    center, step = cloud(400, d=200)
    line = half_step_agreement(center, center - step, center + 2 * step, metric="euclidean")
    torch.testing.assert_close(line, torch.ones_like(line))
    back = half_step_agreement(center, center - step, center - 3 * step, metric="euclidean")
    torch.testing.assert_close(back, -torch.ones_like(back))
    noise = torch.randn(3, 400, 200, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    agreement = half_step_agreement(*(5 * center[0] + 1e-3 * end for end in noise), metric="euclidean")
    assert abs(float(agreement.mean()) + 0.5) < 0.01
    still = half_step_agreement(center, center, center + step, metric="euclidean")
    assert still.isnan().all(), "a half step of length 0 has no direction"


def test_a_great_circle_bends_by_half_its_angle():
    # On a circle, the chords from -t to 0 and from 0 to t meet at the angle t.
    angles = torch.tensor([-0.3, 0.0, 0.3], dtype=torch.float64)
    minus, center, plus = (torch.stack([a.cos(), a.sin()])[None] for a in angles)
    assert float(half_step_agreement(center, minus, plus, metric="cosine")) == pytest.approx(np.cos(0.3))
    assert float(central_difference(minus, plus, metric="cosine")[0, 1]) == pytest.approx(1)


def test_wrong_input_names_the_argument():
    points, vectors = cloud(6)
    with pytest.raises(ValueError, match="metric must be one of 'cosine', 'euclidean'; got 'chord'"):
        null_energies(points, {"a": vectors}, SCALES, metric="chord")
    with pytest.raises(ValueError, match="scales must be positive and finite; got -1"):
        null_energies(points, {"a": vectors}, [-1])
    with pytest.raises(ValueError, match=r"fields\['a'\] must have 6 rows; got 5"):
        null_energies(points, {"a": vectors[:5]}, SCALES)
    with pytest.raises(ValueError, match="sizes must lie between 1 and 6; got 7"):
        isolated_shares(points, SCALES, [7])
    with pytest.raises(ValueError, match="sizes must lie between 2 and 6; got 1"):
        smallest_scales(points, [1])
    with pytest.raises(ValueError, match="isolated must lie between 0 and 1; got 1.5"):
        smallest_scales(points, [2], isolated=1.5)
    with pytest.raises(ValueError, match=r"second\['a'\] must have 6 rows; got 5"):
        field_agreement({"a": vectors}, {"a": vectors[:5]})
    for call in (lambda X: null_energies(X, {"a": vectors}, SCALES), lambda X: isolated_shares(X, SCALES, [2])):
        with pytest.raises(ValueError, match="points must not all coincide"):
            call(points[:1].repeat(6, 1))
