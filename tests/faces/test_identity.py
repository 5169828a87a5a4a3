"""Identities and attributes: prefixes, keys, ranges, and what they refuse."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.faces import ATTRIBUTES, Identity, sample_identities
from frlib.faces.attributes import check_attributes
from frlib.faces.generator.head import level
from frlib.faces.identity import STYLES


@settings(max_examples=30)
@given(n=st.integers(1, 30), k=st.integers(1, 30), seed=st.integers(0, 2**32))
def test_a_population_is_the_start_of_a_larger_one(n, k, seed):
    assert sample_identities(n + k, seed)[:n] == sample_identities(n, seed)


def test_keys_are_equal_only_for_equal_identities():
    several = [Identity(s, i, strength) for s in (0, 1, 11) for i in (0, 1, 11) for strength in (0.25, 0.5, 1.0)]
    assert len({person.key for person in several}) == len(several)
    assert [p.key for p in sample_identities(5, 3)] == [p.key for p in sample_identities(5, 3)]


def test_traits_are_drawn_again_alike_and_differ_between_people():
    first, again = sample_identities(4, 2), sample_identities(4, 2)
    for a, b in zip(first, again, strict=True):
        assert a.traits is not b.traits
        assert a.traits.shape == b.traits.shape and a.traits.tone == b.traits.tone
        np.testing.assert_array_equal(a.traits.ancestry, b.traits.ancestry)
    assert len({p.traits.tone for p in first}) == 4 and first[0].traits.shape != first[1].traits.shape


def test_traits_lie_in_their_ranges():
    for person in sample_identities(60, 5):
        traits = person.traits
        assert 0 <= traits.gender <= 1 and 0 <= traits.tone <= 5 and 0 <= traits.beard <= 1
        assert 0 <= traits.hair_color <= 1 and traits.style in STYLES
        assert traits.ancestry.min() >= 0 and traits.ancestry.sum() == pytest.approx(1)
        assert min(traits.shape.values()) >= 0  # opposite shapes take the sign
        assert traits.beard == 0 or traits.gender < 0.5


def test_strength_scales_the_shape_and_zero_is_the_average():
    weak, strong = (sample_identities(1, strength=s)[0].traits.shape for s in (0.25, 0.5))
    shared = [name for name in weak if weak[name] and strong.get(name, 0) < 0.9]
    np.testing.assert_allclose([strong[n] for n in shared], [2 * weak[n] for n in shared], rtol=1e-9)
    assert set(sample_identities(1, strength=0)[0].traits.shape.values()) == {0.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be an integer of at least 1; got 0"),
        ({"n": 1.5}, "n must be an integer of at least 1; got 1.5"),
        ({"n": 1, "seed": -1}, "seed must be an integer of at least 0; got -1"),
        ({"n": 1, "strength": 2.5}, "strength must lie between 0 and 2; got 2.5"),
    ],
)
def test_populations_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample_identities(**arguments)


@settings(max_examples=50)
@given(value=st.floats(0, 1))
def test_levels_are_a_partition_of_one(value):
    weights = [level(name, value) for name in ("min", "average", "max")]
    assert sum(weights) == pytest.approx(1) and min(weights) >= 0


def test_attributes_are_the_eight_of_the_paper():
    assert list(ATTRIBUTES) == [
        "head_angle", "age", "hair_color", "illumination", "expression", "brightness", "hue", "image_quality",
    ]  # fmt: skip
    for attribute in ATTRIBUTES.values():
        assert attribute.low < attribute.high
        assert attribute.neutral is None or attribute.low <= attribute.neutral <= attribute.high


def test_scalars_are_repeated_to_the_longest():
    vectors = check_attributes({"age": 40, "head_angle": [0, 10, 20], "hue": torch.tensor([1.0])})
    assert {name: v.tolist() for name, v in vectors.items()} == {
        "age": [40, 40, 40], "head_angle": [0, 10, 20], "hue": [1, 1, 1],
    }  # fmt: skip
    assert all(v.dtype == torch.float32 for v in vectors.values())


@pytest.mark.parametrize("name", list(ATTRIBUTES))
def test_both_ends_are_accepted_and_what_lies_outside_is_named(name):
    low, high = ATTRIBUTES[name][:2]
    assert check_attributes({name: [low, high]})[name].tolist() == [low, high]
    for outside in (low - 0.5, high + 0.5, float("nan")):
        with pytest.raises(
            ValueError, match=rf"attributes\['{name}'\] must lie between {low} and {high}; got {outside}"
        ):
            check_attributes({name: [low, outside]})


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"smile": 1}, "must be one of 'head_angle', 'age'.*got 'smile'"),
        ([("age", 30)], "attributes must be a mapping of name to value; got list"),
        pytest.param(
            {"age": "old"},
            r"attributes\['age'\] must be a number or a non-empty sequence of numbers; got 'old'",
        ),
        ({"age": None}, r"attributes\['age'\] must be a number .* got None"),
        ({"age": []}, r"attributes\['age'\] must be a number .* got \[\]"),
        ({"age": [[30.0, 40.0]]}, r"attributes\['age'\] must be a scalar or have .* got shape \(1, 2\)"),
        (
            {"age": [30, 40], "hue": [1, 2, 3]},
            r"attributes\['age'\] must be a scalar or have 3 values; got shape \(2,\)",
        ),
    ],
)
def test_attributes_that_are_refused(attributes, message):
    with pytest.raises(ValueError, match=message):
        check_attributes(attributes)


def test_a_wrong_length_for_several_people_is_refused():
    with pytest.raises(ValueError, match=r"must be a scalar or have 2 values; got shape \(3,\)"):
        check_attributes({"age": [20, 30, 40]}, 2)
