"""Fields through a map: the derivative of `transform`, by automatic and by numerical differentiation."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.clouds import Cloud
from frlib.geometry import fit_alignment, transport_fields


def drawn(seed, normalize, d_s=5, d_t=4, n=12):
    rng = np.random.default_rng(seed)
    points, field, other, Y = (torch.from_numpy(rng.normal(size=(n, d))) + 0.3 for d in (d_s, d_s, d_s, d_t))
    return fit_alignment(points, Y, "linear", normalize=normalize), points, {"age": field, "hue": other}


both = pytest.mark.parametrize("normalize", [False, True])


@both
@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), d_s=st.integers(2, 7), d_t=st.integers(1, 7))
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_it_is_the_derivative_of_the_map(normalize, seed, d_s, d_t):
    found, points, fields = drawn(seed, normalize, d_s, d_t)
    carried = transport_fields(found, points, fields)
    assert list(carried) == ["age", "hue"]
    for name, field in fields.items():
        exact = torch.func.jvp(found.transform, (points,), (field,))[1]
        torch.testing.assert_close(carried[name], exact, rtol=1e-9, atol=1e-9)
        step = 1e-5 * points.norm(dim=1, keepdim=True) / field.norm(dim=1, keepdim=True)
        ends = [found.transform(points + sign * step * field) for sign in (1, -1)]
        near = (ends[0] - ends[1]) / (2 * step)
        torch.testing.assert_close(carried[name], near, rtol=1e-4, atol=1e-4 * float(exact.abs().max()))


@both
def test_it_is_linear_in_the_vectors(normalize):
    found, points, fields = drawn(1, normalize)
    age, hue = transport_fields(found, points, fields).values()
    both = transport_fields(found, points, {"both": 2 * fields["age"] - 3 * fields["hue"]})["both"]
    torch.testing.assert_close(both, 2 * age - 3 * hue)


def test_a_rotation_keeps_cosines_and_without_normalisation_lengths():
    _, points, fields = drawn(2, False)
    Q = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))[0]
    turn = fit_alignment(points, points @ Q, "procrustes")
    torch.testing.assert_close(transport_fields(turn, points, fields)["age"], fields["age"] @ Q)
    both = transport_fields(dataclasses.replace(turn, normalize=True), points, fields)["age"]
    radial = (both * (points @ Q)).sum(dim=1) / both.norm(dim=1) / points.norm(dim=1)
    assert radial.abs().max() < 1e-12  # tangent to the sphere that the normalised points lie on


def test_normalisation_loses_what_changes_only_the_length():
    found, points, _ = drawn(3, True)
    assert not transport_fields(found, points, {"radial": 2 * points})["radial"].any()


@both
def test_a_composition_carries_as_one_map_after_the_other(normalize):
    first, points, fields = drawn(4, normalize)
    second = fit_alignment(torch.randn(9, 4, dtype=torch.float64), torch.randn(9, 3, dtype=torch.float64), "linear")
    one = transport_fields(second, first.transform(points), transport_fields(first, points, fields))
    both = transport_fields(first.then(second), points, fields)
    for name in fields:
        torch.testing.assert_close(one[name], both[name])


def test_a_cloud_brings_its_points_and_fields():
    found, points, fields = drawn(5, True)
    ends = [{name: points + sign * 1e-3 * field for name, field in fields.items()} for sign in (-1, 1)]
    cloud = Cloud(points, *ends, "cosine", "network", None)
    expected = transport_fields(found, points, cloud.fields)
    for name, field in transport_fields(found, cloud).items():
        assert torch.equal(field, expected[name])
    assert transport_fields(found, points.float(), {"a": fields["age"].float()})["a"].dtype == torch.float32


@pytest.mark.parametrize(
    ("points", "fields", "message"),
    [
        (np.ones((2, 4)), {"a": np.ones((2, 5))}, "points must have 5 columns; got 4"),
        (np.ones((2, 5)), {"a": np.ones((3, 5))}, "fields['a'] must have 2 rows; got 3"),
        (np.ones((2, 5)), {"a": np.ones((2, 4))}, "fields['a'] must have 5 columns; got 4"),
        (np.ones((2, 5)), {}, "fields must be a mapping of attribute to matrix, not empty; got {}"),
        (np.ones((2, 5)), None, "fields must be a mapping of attribute to matrix, not empty; got None"),
        (np.zeros((2, 5)), {"a": np.ones((2, 5))}, "points must have no zero vector with normalize=True; row 0"),
    ],
)
def test_what_is_refused(points, fields, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        transport_fields(drawn(6, True)[0], points, fields)
