"""Theorems on the sheet: its lines keep their length, flat is aligned, and folds show at large scales first."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad_vec

from frlib.geometry import energy_sweep
from frlib.training.sheet import CRUMPLE, FOLD, SIDE, STEPS, WAVES, crumpled_sheet, sheet_directions

amounts = st.floats(0, 1)


@given(amounts, st.floats(-1, 1), st.floats(-1, 1))
def test_the_field_has_unit_vectors_everywhere(amount, u, v):
    assert np.linalg.norm(sheet_directions(np.array(u), np.array(v), amount)) == pytest.approx(1, abs=1e-12)


@given(amounts)
def test_no_two_points_of_a_line_are_further_apart_than_along_the_line(amount):
    lines = crumpled_sheet(amount)[0].reshape(SIDE, SIDE, 3)
    apart = np.linalg.norm(lines[:, :, None] - lines[:, None], axis=-1)
    along = 2 / (SIDE - 1) * np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE)))
    assert (apart <= along + 1e-12).all()


@pytest.mark.parametrize("amount", [0.25, 0.5, 1])
def test_the_points_are_the_integral_of_the_field_along_u(amount):
    points, places = crumpled_sheet(amount)[0].reshape(SIDE, SIDE, 3), np.linspace(-1, 1, SIDE)
    # Midpoint rule: its error is at most h^2 / 24 times the largest second derivative, for each unit of length.
    turns, bends = min(1, 2 * amount) * FOLD, max(0, 2 * amount - 1) * sum(CRUMPLE)
    first, second = (turns * (2 * np.pi) ** k + bends * sum(wave[0] ** k for wave in WAVES) for k in (1, 2))
    error = places[1] - places[0]
    error *= (error / STEPS) ** 2 / 24 * (first**2 + second)
    for row, k in [(0, 0), (7, 3), (17, 16)]:
        line, _ = quad_vec(partial(sheet_directions, v=places[row], amount=amount), *places[k : k + 2])
        assert np.linalg.norm(points[row, k + 1] - points[row, k] - line) <= error


def test_flat_is_the_grid_itself_with_energy_zero():
    points, field = crumpled_sheet(0)
    places = np.linspace(-1, 1, SIDE)
    np.testing.assert_allclose(points[:, 0], np.tile(places, SIDE), atol=1e-12)
    np.testing.assert_allclose(points[:, 1], np.repeat(places, SIDE), atol=1e-12)
    np.testing.assert_array_equal(points[:, 2], 0)
    np.testing.assert_array_equal(field, np.tile([1.0, 0, 0], (SIDE**2, 1)))


def test_a_fold_raises_the_energy_at_the_large_scale_first_and_crumpling_at_the_small_one():
    energy = {
        amount: energy_sweep(points, {"u": field}, [0.15, 1.0], metric="euclidean")["energy"].to_numpy()
        for amount in (0, 0.5, 1)
        for points, field in [crumpled_sheet(amount)]
    }
    np.testing.assert_allclose(energy[0], 0, atol=1e-12)
    assert energy[0.5][0] < 0.25 and energy[0.5][1] > 0.8
    assert (np.abs(energy[1] - 1) < 0.1).all()


def test_a_fold_leaves_distances_across_it_alone():
    points = crumpled_sheet(0.5)[0].reshape(SIDE, SIDE, 3)
    np.testing.assert_allclose(
        points[1:] - points[:-1], np.broadcast_to([0, 2 / (SIDE - 1), 0], (17, 18, 3)), atol=1e-12
    )


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_an_amount_outside_is_refused(amount):
    with pytest.raises(ValueError, match="amount must"):
        crumpled_sheet(amount)
