import importlib.util

import pytest
import torch

from frlib.datasets import detect, detector_crops
from frlib.faces import head_is_built, render, sample_identities
from frlib.faces.alignment import template

needs_detector = pytest.mark.skipif(
    importlib.util.find_spec("facenet_pytorch") is None or not head_is_built(), reason="needs the detector and the head"
)


@needs_detector
def test_the_detector_finds_drawn_faces_where_they_were_drawn():
    images = render(sample_identities(4, seed=0), {"head_angle": [-15, 0, 0, 15]}, crop="wide", size=160)
    detection = detect(images, margin=0.4)
    assert detection.found.all() and (detection.probability > 0.9).all()
    eyes = template("wide", 160)[1, 0] - template("wide", 160)[0, 0]
    distance = (detection.landmarks - template("wide", 160)).norm(dim=-1)
    assert distance.mean() < 0.12 * eyes


@needs_detector
def test_images_without_a_face_are_told_apart():
    face = render(sample_identities(1, seed=0), crop="wide", size=160)
    images = torch.cat([torch.full_like(face, 90), face])
    crops, detection = detector_crops(images, margin=0.4)
    assert detection.found.tolist() == [False, True]
    assert detection.landmarks[0].isnan().all() and detection.probability[0].isnan()
    assert crops.shape == (1, 112, 112, 3) and crops.dtype == torch.uint8
    none, detection = detector_crops(images[:1])
    assert none.shape == (0, 112, 112, 3) and not detection.found.any()


def test_errors_of_detect():
    with pytest.raises(ValueError, match="margin must lie between 0 and 2; got 3"):
        detect(torch.zeros(1, 40, 40, 3), margin=3)
