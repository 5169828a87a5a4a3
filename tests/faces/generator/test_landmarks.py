"""Landmarks of the mesh follow the head angle."""

import pytest
import torch

from frlib.faces import sample_identities
from frlib.faces.generator.landmarks import apparent_turn, landmarks
from frlib.faces.generator.renderer import load_model, pose
from frlib.faces.generator.scene import load_scene


@pytest.fixture(scope="module")
def person():
    return sample_identities(1)[0]


def test_eyes_lie_left_and_right_above_the_nose_and_the_mouth(person):
    (marks,) = landmarks(person)
    assert marks[0, 0] < marks[2, 0] < marks[1, 0] and marks[3, 0] < marks[4, 0]
    assert marks[:2, 1].max() < marks[2, 1] < marks[3:, 1].min()


def test_a_turned_head_shows_its_eyes_closer_by_the_cosine(person):
    angles = torch.tensor([-45.0, -30, -15, 15, 30, 45])
    shortened, _ = apparent_turn(person, angles.tolist())
    torch.testing.assert_close(shortened, torch.deg2rad(angles).cos(), atol=0.06, rtol=0)


def test_the_nose_moves_to_the_side_of_the_turn(person):
    """Positive is the subject's left, which is right in the picture."""
    _, shift = apparent_turn(person, [-30.0, -10, 0, 10, 30])
    assert (shift.diff() > 0).all() and shift[2] == 0


def test_light_moves_nothing(person):
    assert torch.equal(landmarks(person), landmarks(person, {"illumination": 60, "hair_color": 1, "hue": 3}))


def test_an_unknown_attribute_is_refused(person):
    with pytest.raises(ValueError, match="attributes must be one of"):
        landmarks(person, {"yaw": 3})
    with pytest.raises(ValueError, match="head_angle"):
        apparent_turn(person, [60.0])


def test_without_perspective_the_eyes_close_in_by_the_cosine_exactly(person):
    """Perspective is all that separates the picture from the cosine: the mesh turns by the angle."""
    degrees = torch.tensor([0.0, -45, -15, 30, 45])
    scene, still = load_scene(torch.device("cpu")), torch.zeros(5)
    values = {"head_angle": degrees, "age": still + 30, "expression": still}
    points = pose(scene, load_model(person).meshes.expand(5, -1, -1, -1), values)
    right, left = (points[:, eye, 0].mean(1) for eye in scene.eyes)
    torch.testing.assert_close((left - right) / (left - right)[0], torch.deg2rad(degrees).cos(), atol=1e-4, rtol=0)
