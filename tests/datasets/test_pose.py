"""The rough head angle: exact where the formula is, near on drawn faces whose angle is known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from frlib.datasets import detect
from frlib.datasets.pose import SHIFT, head_turn
from frlib.faces import render, sample_identities

FRONT = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-0.8, 2.0], [0.8, 2.0]])


@given(st.floats(-60, 60), st.floats(0.5, 100), st.floats(-90, 90), st.floats(-500, 500))
def test_the_angle_does_not_depend_on_size_place_and_tilt_of_the_face(degrees, size, tilt, place):
    turned = FRONT.double().clone()
    turned[2, 0] = 2 * SHIFT * np.tan(np.radians(degrees))
    c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    moved = size * turned @ torch.tensor([[c, s], [-s, c]]) + place
    assert float(head_turn(moved[None])) == pytest.approx(degrees, abs=0.02)


def test_on_drawn_faces_of_known_angle_it_is_as_rough_as_its_docstring_says():
    angles = torch.linspace(-45, 45, 7)
    found = [detect(render(person, {"head_angle": angles}, size=160)) for person in sample_identities(4, seed=5)]
    assert all(detection.found.all() for detection in found)
    error = torch.stack([head_turn(detection.landmarks) for detection in found]) - angles
    assert float(error.square().mean().sqrt()) == pytest.approx(4.2, abs=1)
    assert float(error.abs().max()) < 11.5
    assert "root mean square error is 4.2 degrees and the largest error 11" in " ".join(head_turn.__doc__.split())


def test_landmarks_that_are_none_are_refused():
    with pytest.raises(ValueError, match="landmarks must be finite and differ; row 0 does not"):
        head_turn(torch.full((1, 5, 2), torch.nan))
