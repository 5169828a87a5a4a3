"""Portraits: attributes in their ranges, prefixes, and people of their own."""

import pytest

from frlib.faces import Portraits


def test_attributes_are_prefix_stable_in_range_and_differ_between_people(people):
    many, few = Portraits(people[0], 200, 3).table, Portraits(people[0], 2, 3).table
    assert many[:2].equals(few)
    assert many.head_angle.abs().max() <= 20 and many.head_angle.abs().max() > 18
    assert many.illumination.abs().max() <= 75 and many.expression.between(0, 1).all()
    assert not few.equals(Portraits(people[1], 2, 3).table)
    assert not few.equals(Portraits(people[0], 2, 4).table)


def test_what_is_refused(person):
    with pytest.raises(ValueError, match="n_images must be an integer of at least 1; got 0"):
        Portraits(person, 0)
    with pytest.raises(ValueError, match="seed must be an integer of at least 0; got -1"):
        Portraits(person, 1, -1)
