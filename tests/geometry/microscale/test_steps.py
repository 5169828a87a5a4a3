"""Energies between points that differ along one attribute: brute force, closed forms, what they do not depend on."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from frlib.geometry import energy_by_steps, steps_within

NAMES = ["age", "hue", "light"]


def grid(side=4, columns=NAMES):
    points = list(itertools.product(range(side), repeat=len(columns)))
    return pd.DataFrame(points, columns=columns)


def by_hand(steps, field):
    """Return the table of one field by looking at all pairs."""
    units, found = field / np.linalg.norm(field, axis=1, keepdims=True), {}
    rows = steps.to_numpy()
    for i, j in itertools.combinations(range(len(rows)), 2):
        (differs,) = np.nonzero(rows[i] != rows[j])
        if len(differs) == 1:
            key = steps.columns[differs[0]], abs(rows[i] - rows[j])[differs[0]]
            found.setdefault(key, []).append(units[i] @ units[j])
    rows = [("a", b, s, 1 - np.mean(found[b, s]), len(found[b, s])) for b, s in found]
    return pd.DataFrame(rows, columns=["attribute", "along", "steps", "energy", "pairs"])


def sorted_rows(table):
    return table.sort_values(["along", "steps"]).reset_index(drop=True)


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 3))
def test_equals_all_pairs_by_hand(seed, n, columns):
    draws = np.random.default_rng(seed)
    steps = pd.DataFrame(draws.integers(0, 4, (n, columns)), columns=NAMES[:columns])
    field = draws.normal(size=(n, 5))
    found = energy_by_steps({"a": steps}, {"a": field})
    expected = by_hand(steps, field)
    if len(expected):
        assert_frame_equal(sorted_rows(found), sorted_rows(expected), check_dtype=False)
    else:
        assert found.empty


def test_a_field_that_turns_along_one_attribute_has_the_energy_of_its_angle():
    steps, angle = grid(), 0.3
    field = np.column_stack([np.cos(angle * steps.hue), np.sin(angle * steps.hue)])
    found = energy_by_steps({"a": steps}, {"a": field}).set_index(["along", "steps"]).energy
    for s in (1, 2, 3):
        assert found["hue", s] == pytest.approx(1 - np.cos(angle * s))
        assert found["age", s] == pytest.approx(0, abs=1e-12) and found["light", s] == pytest.approx(0, abs=1e-12)


def test_order_of_points_rotation_and_length_do_not_matter():
    draws = np.random.default_rng(0)
    steps, field = grid(3), draws.normal(size=(27, 6))
    turn, order = np.linalg.qr(draws.normal(size=(6, 6)))[0], draws.permutation(27)
    other = (field @ turn * draws.uniform(0.1, 9, (27, 1)))[order]
    first = energy_by_steps({"a": steps}, {"a": field})
    second = energy_by_steps({"a": steps.iloc[order]}, {"a": other})
    assert_frame_equal(first, second)


def test_points_without_a_direction_and_points_at_one_place_make_no_pair():
    steps = pd.DataFrame({"age": [0, 1, 1, 2], "hue": [0, 0, 0, 0]})
    found = energy_by_steps({"a": steps}, {"a": np.array([[1.0, 0], [0, 1], [0, 1], [0, 0]])})
    assert found[["along", "steps", "energy", "pairs"]].to_numpy().tolist() == [["age", 1, 1.0, 2]]


@pytest.mark.parametrize(
    ("coordinates", "fields", "message"),
    [
        ({}, {}, r"coordinates must have the attributes of fields, \[\]; got \[\]"),
        (
            {"b": grid(2)},
            {"a": np.ones((8, 2))},
            r"coordinates must have the attributes of fields, \['a'\]; got \['b'\]",
        ),
        ({"a": grid(2)}, {"a": np.ones((7, 2))}, r"coordinates\['a'\] must have 7 rows of whole numbers.* got 8 rows"),
        ({"a": grid(2) * 0.5}, {"a": np.ones((8, 2))}, r"whole numbers, one per vector; got 8 rows of float64"),
    ],
)
def test_wrong_input_is_refused(coordinates, fields, message):
    with pytest.raises(ValueError, match=message):
        energy_by_steps(coordinates, fields)


def test_steps_within_equal_a_count_by_hand():
    draws = np.random.default_rng(3)
    steps, points = pd.DataFrame(draws.integers(0, 5, (30, 2)), columns=["age", "hue"]), draws.normal(size=(30, 3))
    found = steps_within(points, steps, [0.5, 9.0], metric="euclidean", mean_distance=2.0)
    for row in found.itertuples():
        pairs = itertools.combinations(range(30), 2)
        apart = {(i, j): abs(steps[row.attribute][i] - steps[row.attribute][j]) for i, j in pairs}
        near = [s for (i, j), s in apart.items() if np.linalg.norm(points[i] - points[j]) <= row.scale * 2]
        assert row.steps == pytest.approx(np.mean(near))
        assert row.ratio == pytest.approx(np.mean(near) / np.mean(list(apart.values())))
    assert found[found.scale == 9.0].ratio.to_numpy() == pytest.approx(1)


def test_what_does_not_move_the_points_is_not_near_in_small_balls():
    """Points depend on age alone: in a small ball they have one age, and any hue."""
    steps = grid(4, ["age", "hue"])
    points = np.column_stack([steps.age, np.ones(len(steps))]) * 1.0
    found = steps_within(points, steps, [0.5], metric="euclidean", mean_distance=1.0).set_index("attribute")
    assert found.steps["age"] == 0 and found.steps["hue"] == pytest.approx((3 * 1 + 2 * 2 + 1 * 3) / 6)
    empty = steps_within(points[::4], steps[::4], [0.5], metric="euclidean", mean_distance=1.0)
    assert empty.steps.isna().all()
