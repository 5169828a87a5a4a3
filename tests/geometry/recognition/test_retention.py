"""Identity retention: closed forms, invariances, the loop of its definition, and what is refused."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from frlib.geometry import curve_distances, identity_retention

METRICS = ("cosine", "euclidean")
SCALES = {"d_intra": 0.5, "d_inter": 2.0, "threshold": 0.9}


def curves(seed, n=6, d=4):
    rng = np.random.default_rng(seed)
    center = rng.normal(size=(n, d))
    return center, *({a: center + rng.normal(size=(n, d)) for a in ("age", "hue")} for _ in range(2))


def test_an_attribute_that_changes_nothing_is_retained_at_distance_zero():
    center, _, _ = curves(0)
    (row,) = identity_retention(center, {"hue": center}, {"hue": center}, **SCALES).to_dict("records")
    assert row["mean_distance"] == row["largest_distance"] == row["over_d_intra"] == 0
    assert row["share_within_d_intra"] == row["share_accepted"] == row["curves_accepted"] == 1


def test_a_straight_curve_in_closed_form():
    """Steps of 0.3 and 0.6 along a line: distances .3, .6, .9 in every curve, at d_intra .6 and a threshold of .8."""
    center = np.random.default_rng(0).normal(size=(5, 3))
    step = np.array([1.0, 0, 0])
    table = identity_retention(
        center,
        {"age": center - 0.3 * step},
        {"age": center + 0.6 * step},
        d_intra=0.600001,
        d_inter=1.2,
        threshold=0.8,
        metric="euclidean",
    ).iloc[0]
    assert table.mean_distance == pytest.approx(0.6) and table.largest_distance == pytest.approx(0.9)
    assert table.ends_distance == pytest.approx(0.9)
    assert table.over_d_intra == pytest.approx(1, rel=1e-5) and table.over_d_inter == pytest.approx(0.5)
    assert table.share_within_d_intra == table.share_accepted == pytest.approx(2 / 3)
    assert table.curves_accepted == 0


def test_a_turn_of_the_direction_in_closed_form():
    """Ends 60 degrees to both sides of the centre: 1 - cos is .5, .5 and 1.5."""
    turn = np.deg2rad(60)
    ends = [np.array([[np.cos(a), np.sin(a)]]) for a in (-turn, 0, turn)]
    table = identity_retention(ends[1], {"age": ends[0]}, {"age": ends[2]}, **SCALES).iloc[0]
    assert table.mean_distance == pytest.approx(2.5 / 3) and table.ends_distance == pytest.approx(1.5)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_equals_the_loop_of_its_definition(metric, seed):
    center, minus, plus = curves(seed)
    table = identity_retention(center, minus, plus, **SCALES, metric=metric).set_index("attribute")
    assert list(table.index) == list(minus)
    for a in minus:
        three = [[minus[a][i], center[i], plus[a][i]] for i in range(len(center))]
        each = np.array([cdist(p, p, metric)[np.triu_indices(3, 1)] for p in three])
        assert table.mean_distance[a] == pytest.approx(each.mean(), abs=1e-9)
        assert table.largest_distance[a] == pytest.approx(each.max(), abs=1e-9)
        assert table.share_within_d_intra[a] == pytest.approx((each <= 0.5).mean())
        assert table.share_accepted[a] == pytest.approx((each <= 0.9).mean())
        assert table.curves_accepted[a] == pytest.approx((each <= 0.9).all(axis=1).mean())


@pytest.mark.parametrize("metric", METRICS)
def test_a_rotation_of_the_space_changes_nothing(metric):
    center, minus, plus = curves(1)
    rotation = np.linalg.qr(np.random.default_rng(2).normal(size=(4, 4)))[0]
    turned = [center @ rotation, *({a: v @ rotation for a, v in ends.items()} for ends in (minus, plus))]
    found = [identity_retention(*c, **SCALES, metric=metric) for c in ((center, minus, plus), turned)]
    pd.testing.assert_frame_equal(*found, rtol=1e-9)


@pytest.mark.parametrize(("metric", "power"), [("cosine", 0), ("euclidean", 1)])
def test_scaling_the_space_scales_euclidean_distances_only(metric, power):
    center, minus, plus = curves(3)
    large = [4 * center, *({a: 4 * v for a, v in ends.items()} for ends in (minus, plus))]
    scales = {name: value * 4**power for name, value in SCALES.items()}
    first = identity_retention(center, minus, plus, **SCALES, metric=metric)
    second = identity_retention(*large, **scales, metric=metric)
    lengths = ["mean_distance", "largest_distance", "ends_distance"]
    second[lengths] /= 4**power
    pd.testing.assert_frame_equal(first, second, rtol=1e-9)


def test_both_ends_play_the_same_role():
    center, minus, plus = curves(4)
    pd.testing.assert_frame_equal(
        identity_retention(center, minus, plus, **SCALES), identity_retention(center, plus, minus, **SCALES)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "l1"}, "metric must be one of"),
        ({"d_intra": 0.0}, "d_intra must be a positive number; got 0.0"),
        ({"threshold": float("nan")}, "threshold must be a finite number"),
        ({"minus": {}}, "minus must be a mapping of attribute to embeddings, not empty; got {}"),
        ({"plus": {"age": np.ones((6, 4))}}, "plus must have the attributes of minus, ['age', 'hue']; got ['age']"),
        ({"plus": {a: np.ones((5, 4)) for a in ("age", "hue")}}, "plus['age'] must have 6 rows; got 5"),
        ({"plus": {a: np.ones((6, 3)) for a in ("age", "hue")}}, "plus['age'] must have 4 columns; got 3"),
        ({"center": np.zeros((6, 4))}, "center must have no zero vector"),
    ],
)
def test_what_is_refused(change, message):
    arguments = dict(zip(("center", "minus", "plus"), curves(5), strict=True)) | SCALES | change
    with pytest.raises(ValueError, match=re.escape(message)):
        identity_retention(**arguments)


@pytest.mark.parametrize("metric", METRICS)
def test_distances_of_whole_curves_are_those_of_all_pairs_of_steps_whatever_the_order_of_rows(metric):
    rng = np.random.default_rng(6)
    table = pd.DataFrame({"attribute": ["age"] * 4 + ["hue"] * 3, "step": [0, 1, 2, 3, 0, 1, 2]})
    order, points = rng.permutation(7), rng.normal(size=(7, 5))
    found = curve_distances(points[order], table.iloc[order], metric=metric)
    found = found.set_index(["attribute", "step", "other_step"]).distance.sort_index()
    full = pd.DataFrame(cdist(points, points, metric), *[pd.MultiIndex.from_frame(table)] * 2)
    assert list(found.index) == [("age", *pair) for pair in zip(*np.triu_indices(4, 1), strict=True)] + [
        ("hue", *pair) for pair in zip(*np.triu_indices(3, 1), strict=True)
    ]
    for (attribute, one, other), distance in found.items():
        assert distance == pytest.approx(full.loc[(attribute, one), (attribute, other)])


def test_whole_curves_need_their_table():
    with pytest.raises(ValueError, match="points must have 2 rows; got 3"):
        curve_distances(np.eye(3), pd.DataFrame({"attribute": ["a", "a"], "step": [0, 1]}))
    with pytest.raises(ValueError, match="table must have a column 'step'"):
        curve_distances(np.eye(3), pd.DataFrame({"attribute": ["a"] * 3}))
