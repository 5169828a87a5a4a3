"""Drawings cut at the landmarks of a detector: of the size of their crop, near the crops of the mesh, rows left out."""

import pytest
import torch

from frlib.clouds import images_of
from frlib.datasets import Detected, Detection, detect, detected
from frlib.datasets.detected import ENLARGED, carried
from frlib.faces import Curves, Portraits, render, sample_identities
from frlib.faces.crops import IMAGE_SIZES, align, template

pytest.importorskip("facenet_pytorch")


@pytest.fixture(scope="module")
def people():
    return sample_identities(2)


@pytest.mark.parametrize("crop", ["arcface", "wide"])
def test_detected_crops_resemble_those_of_the_mesh(people, crop):
    """Far nearer to the own image than to one of another person."""
    seen = images_of(Detected(Portraits(people[0], 3, 5)), crop).float()
    own, other = (images_of(Portraits(person, 3, 5), crop).float() for person in people)
    assert seen.shape == own.shape
    assert (seen - own).abs().mean() < 0.5 * (seen - other).abs().mean()


def test_each_image_is_searched_once_for_all_crops(people, monkeypatch):
    searched = []
    monkeypatch.setattr(detected, "detect", lambda images, **o: searched.append(len(images)) or detect(images, **o))
    (block,) = Detected(Portraits(people[0], 2)).draw(["arcface", "wide"])
    assert searched == [2] and set(block) == {"arcface", "wide"} and block["wide"]["found"].all()


def test_landmarks_of_the_centre_cut_both_ends_alike(people):
    """Where an end equals the centre, its crop does too; with landmarks of its own it need not."""
    small, usual = (Curves(people[0], 2, step, attributes=(a,)) for step, a in ((1e-9, "hue"), (None, "age")))
    (block,) = Detected(small, by_center=True).draw(["arcface"])
    assert torch.equal(block["arcface"]["plus hue"], block["arcface"]["points"])
    (center,), (each,) = (Detected(usual, by_center=b).draw(["arcface"]) for b in (True, False))
    assert torch.equal(center["arcface"]["points"], each["arcface"]["points"])
    assert not torch.equal(center["arcface"]["plus age"], each["arcface"]["plus age"])


def test_a_row_of_which_an_image_is_not_found_is_left_out(people, monkeypatch):
    calls = []

    def sometimes(images, margin):
        calls.append(margin)
        found, marks = torch.ones(3, dtype=torch.bool), template("arcface", 168).expand(3, 5, 2).clone()
        found[len(calls) - 1] = False  # row 0 in the centres, row 1 in the first ends
        marks[~found] = torch.nan
        return Detection(found, torch.ones(3), marks)

    monkeypatch.setattr(detected, "detect", sometimes)
    (block,) = Detected(Curves(people[0], 3, attributes=("hue",)), 0.3).draw(["arcface"])
    own = block["arcface"]
    assert calls == [0.3] * 3 and own["found"].tolist() == [False, False, False]
    assert all(own[name].shape == (0, 112, 112, 3) for name in ("points", "minus hue", "plus hue"))
    calls.clear()
    (block,) = Detected(Portraits(people[0], 3)).draw(["arcface"])
    assert block["arcface"]["found"].tolist() == [False, True, True] and len(block["arcface"]["points"]) == 2


def test_landmarks_carried_to_the_wide_crop_lie_on_the_same_points(people):
    """The templates map onto each other, and the pictures do as their templates."""
    sizes = {crop: round(ENLARGED * IMAGE_SIZES[crop]) for crop in ("arcface", "wide")}
    marks = template("arcface", sizes["arcface"])[None]
    torch.testing.assert_close(carried(marks, "wide")[0], template("wide", sizes["wide"]))
    torch.testing.assert_close(carried(marks, "arcface"), marks)
    narrow, wide = (render(people[0], {"head_angle": 15}, crop=crop, size=size).float() for crop, size in sizes.items())
    moved = align(narrow, marks, crop="wide", size=sizes["wide"])
    shown = slice(0, 180)  # the ArcFace crop ends above the lower edge of the wide one
    differences = [float((moved.roll(shift, 2) - wide)[:, shown].abs().mean()) for shift in (0, 2, -2)]
    assert differences[0] < 0.4 * min(differences[1:])
