"""Growth of the error with an attribute, and shapes of curves: closed forms, and the parts put together by hand."""

import numpy as np
import pytest
import torch

from frlib.clouds import Cloud
from frlib.fingerprint import curve_shapes, error_growth, growth_correlation
from frlib.geometry import draw_weights, probe_errors, rank_correlation, rank_correlation_p


def people(n=6, points=10, seed=0):
    """Return clouds of people in the plane; `far` moves images towards the next person, `near` hardly moves them."""
    draws = np.random.default_rng(seed)
    clouds = []
    for k in range(n):
        own = torch.tensor(draws.normal(size=(points, 2)) * 0.3 + [2 * k, 0])
        shift = {"far": torch.tensor([1.2, 0]), "middle": torch.tensor([0.5, 0.1]), "near": torch.tensor([0.0, 1e-6])}
        minus, plus = ({a: own + sign * v for a, v in shift.items()} for sign in (-1, 1))
        clouds.append(Cloud(own, minus, plus, "euclidean", "plane", k))
    return clouds


def test_the_growth_is_that_of_probes_at_the_ends():
    clouds = people()
    found, gallery = error_growth(clouds, 1.0), [c.points for c in clouds]
    base = probe_errors(gallery, gallery, 1.0, metric="euclidean").rate()
    for k, a in enumerate(("far", "middle", "near")):
        probes = [torch.cat([c.minus[a], c.plus[a]]) for c in clouds]
        expected = probe_errors(probes, gallery, 1.0, metric="euclidean").rate() - base
        assert found.growth()[k] == pytest.approx(float(expected))
    assert found.growth()[0] > found.growth()[1] > found.growth()[2] == pytest.approx(0, abs=1e-9)


def test_the_interval_holds_the_growth_and_equal_people_have_none():
    found = error_growth(people(), 1.0)
    low, high = found.interval(200)
    assert (low <= found.growth()).all() and (found.growth() <= high).all() and high[0] > low[0]


def test_the_correlation_is_that_of_means_and_its_draws_are_paired():
    found, values = error_growth(people(), 1.0), np.random.default_rng(1).normal(size=(6, 3))
    result = growth_correlation(values, found, 300, seed=5)
    mean = values.mean(axis=0)
    assert result.rho == pytest.approx(float(rank_correlation(mean, found.growth())))
    assert result.p == pytest.approx(rank_correlation_p(mean, found.growth()))
    weights = draw_weights(6, 300, seed=5)
    drawn = rank_correlation(weights @ values / 6, found.growth(weights))
    assert (result.low, result.high) == pytest.approx(tuple(np.nanquantile(drawn, [0.025, 0.975])))
    moved = np.array([[2.0, 1, 0]] * 6)
    assert growth_correlation(moved, found).rho == pytest.approx(1)


def test_straight_curves_have_agreeing_half_steps_and_their_length():
    table = curve_shapes({"plane": people()}).set_index(["identity", "attribute"])
    assert table.half_steps.to_numpy() == pytest.approx(1)
    for cloud in people():
        assert table.displacement[cloud.identity, "far"] == pytest.approx(2.4 / cloud.mean_distance)
    assert set(table.network) == {"plane"} and len(table) == 18


def test_wrong_input_is_refused():
    clouds = people()
    with pytest.raises(ValueError, match=r"clouds must have the same attributes; got \['far', .*\] and \['far'\]"):
        error_growth([clouds[0], clouds[1].only(attributes=["far"])], 1.0)
    with pytest.raises(ValueError, match="clouds must be of at least two identities; got 0"):
        error_growth([], 1.0)
    with pytest.raises(ValueError, match="clouds must have an attribute with ends; got none"):
        error_growth([cloud.only(attributes=[]) for cloud in clouds], 1.0)
    with pytest.raises(ValueError, match=r"values must have shape \(6, 3\), identities x attributes; got \(3,\)"):
        growth_correlation(np.ones(3), error_growth(clouds, 1.0))
