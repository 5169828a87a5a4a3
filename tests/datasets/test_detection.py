import importlib.util

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from frlib.datasets import detect
from frlib.datasets.detection import load_detector
from frlib.faces import head_is_built, render, sample_identities
from frlib.faces.crops import CROPS, similarity, template
from frlib.faces.generator.landmarks import landmarks

needs_detector = pytest.mark.skipif(
    importlib.util.find_spec("facenet_pytorch") is None or not head_is_built(), reason="needs the detector and the head"
)


#: How a face is cut: the face from chin to hair line as a share of the image, and the height of the eyes; then what the
#: mean distance of the landmarks and the mean height of the eyes may be off, in distances of the eyes.
CUTS = {
    "whole picture": (0.33, 0.45, 0.11, 0.08),
    "half": (0.5, 0.45, 0.10, 0.065),
    "ArcFace": (0.93, 0.46, 0.09, 0.06),
    "no room above": (1.04, 0.31, 0.085, 0.055),
    "larger than the image": (1.2, 0.45, 0.08, 0.05),
    "mouth at the edge": (1.5, 0.45, 0.10, 0.07),
    "chin cut off": (1.0, 0.68, 0.105, 0.065),
    "brow cut off": (1.0, 0.2, 0.085, 0.045),
}
#: Height of a face, from chin to hair line, in distances of the eyes.
FACE = 2.97


@pytest.fixture(scope="module")
def picture():
    """Return drawn people from afar, (9, 480, 480, 3), their landmarks in pixels, and the distance of the eyes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CROPS, "far", (0.35, 0.45))
        people, attributes = sample_identities(3, seed=0), {"head_angle": [-20.0, 0.0, 20.0]}
        images = torch.cat([render(person, attributes, crop="far", size=480) for person in people])
        seen, wanted = torch.cat([landmarks(person, attributes) for person in people]), template("far", 480)
    onto = similarity(seen, wanted)
    truth = (seen - onto.source[:, None]) @ onto.matrix.transpose(1, 2) + onto.target[:, None]
    return images, truth, float(wanted[1, 0] - wanted[0, 0])


@needs_detector
@pytest.mark.parametrize("cut", CUTS)
def test_landmarks_are_right_however_tightly_the_face_is_cut(cut, picture):
    images, truth, eyes = picture
    share, height, distance, bias = CUTS[cut]
    side = round(FACE * eyes / share)
    left, top = 240 - side // 2, round(0.45 * 480 - height * side)
    images = images[:, top : top + side, left : left + side].permute(0, 3, 1, 2)
    images = interpolate(images, size=(112, 112), mode="bilinear", antialias=True).permute(0, 2, 3, 1)
    seen = detect(images)
    assert seen.found.all() and (seen.probability > 0.9).all()
    error = (seen.landmarks * side / 112 + torch.tensor([left, top]) - truth) / eyes
    assert error.norm(dim=2).mean() < distance
    assert error.norm(dim=2).mean(dim=1).max() < 0.16
    assert error[:, :2, 1].mean().abs() < bias


@needs_detector
def test_no_margin_is_the_bare_detector(picture):
    images = picture[0][:3]
    _, probability, points = load_detector("cpu").detect(images, landmarks=True)
    seen = detect(images, margin=0, device="cpu")
    assert [len(p) for p in probability] == [1, 1, 1]
    assert seen.landmarks.tolist() == np.concatenate(points).tolist()
    assert seen.probability.tolist() == np.concatenate(probability).tolist()


@needs_detector
def test_large_images_are_searched_one_by_one(picture, monkeypatch):
    images, detector, sizes = picture[0][:3], load_detector("cpu"), []
    together = detect(images, device="cpu")
    search = detector.detect
    monkeypatch.setattr(detector, "detect", lambda batch, **o: sizes.append(len(batch)) or search(batch, **o))
    monkeypatch.setattr("frlib.datasets.detection.PIXELS", 2 * 960**2 - 1)
    alone = detect(images, device="cpu")
    assert sizes == [1, 1, 1]
    assert torch.allclose(alone.landmarks, together.landmarks, atol=1e-3)


@needs_detector
def test_images_without_a_face_are_told_apart():
    face = render(sample_identities(1, seed=0), crop="wide", size=160)
    images = torch.cat([torch.full_like(face, 90), face])
    detection = detect(images)
    assert detection.found.tolist() == [False, True]
    assert detection.landmarks[0].isnan().all() and detection.probability[0].isnan()


def test_errors_of_detect():
    with pytest.raises(ValueError, match="margin must lie between 0 and 2; got 3"):
        detect(torch.zeros(1, 40, 40, 3), margin=3)
