import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.datasets.detection import load_detector
from frlib.faces import render, sample_identities
from frlib.faces.crops import CROPS, align, similarity, template
from frlib.models import PAPER_NETWORKS


def smooth_image(places: torch.Tensor) -> torch.Tensor:
    """Return a smooth colour image at places (..., 2) of the template's plane on 112 pixels."""
    x, y = places.unbind(-1)
    return 127 + 100 * torch.stack([(x / 19).sin(), (y / 23).cos(), ((x - y) / 29).sin()], dim=-1)


def pixel_centers(size: int) -> torch.Tensor:
    steps = torch.arange(size) + 0.5
    return torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)


@settings(max_examples=25)
@given(
    st.floats(-1, 1),
    st.floats(1.0, 2.2),
    st.sampled_from(["arcface", "wide"]),
)
def test_align_undoes_a_similarity(angle, scale, crop):
    c, s = torch.tensor(angle).cos() * scale, torch.tensor(angle).sin() * scale
    matrix, shift = torch.tensor([[c, -s], [s, c]]), torch.tensor([200.0, 200.0])  # template - 56 -> image
    image = smooth_image((pixel_centers(400) - shift) @ torch.linalg.inv(matrix).T + 56)
    marks = (template(crop, 112) - 56) @ matrix.T + shift
    found = align(image[None], marks[None], crop=crop)[0]
    assert (found - smooth_image(pixel_centers(112))).abs().max() < 1.5


def test_an_aligned_image_stays_as_it_is():
    image = torch.randint(0, 256, (2, 112, 112, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    aligned = align(image, template("arcface", 112).expand(2, 5, 2))
    assert aligned.dtype == torch.uint8
    assert torch.equal(aligned, image)


def test_a_smaller_image_is_a_mean_of_pixels():
    image = torch.rand((1, 224, 224, 3), generator=torch.Generator().manual_seed(0)) * 255
    aligned = align(image, template("arcface", 224)[None], size=56)
    means = torch.nn.functional.avg_pool2d(image.permute(0, 3, 1, 2), 4).permute(0, 2, 3, 1)
    assert aligned.std() < 1.5 * means.std() < 0.5 * image.std()


@pytest.mark.parametrize(
    ("images", "landmarks", "options", "message"),
    [
        (torch.zeros(1, 10, 40, 3), torch.rand(1, 5, 2), {}, r"images must have shape .*\(1, 10, 40, 3\)"),
        (torch.full((1, 40, 40, 3), 300.0), torch.rand(1, 5, 2), {}, "images must lie between 0 and 255; got 300"),
        (torch.zeros(1, 40, 40, 3), torch.rand(2, 5, 2), {}, r"landmarks must have shape \(1, 5, 2\)"),
        (torch.zeros(1, 40, 40, 3), torch.full((1, 5, 2), torch.nan), {}, "landmarks must be finite .* row 0"),
        (torch.zeros(1, 40, 40, 3), torch.ones(1, 5, 2), {}, "landmarks must be finite and differ; row 0"),
        (torch.zeros(1, 40, 40, 3), torch.rand(1, 5, 2), {"crop": "narrow"}, "crop must be one of 'arcface'"),
    ],
)
def test_errors_of_align(images, landmarks, options, message):
    with pytest.raises(ValueError, match=message):
        align(images, landmarks, **options)


@settings(max_examples=25)
@given(st.floats(-3, 3), st.floats(0.1, 9.0), st.floats(-50, 50), st.sampled_from(["arcface", "wide"]))
def test_a_similarity_is_found_and_undone(angle, scale, moved, crop):
    wanted = template(crop, 112).double()
    c, s = scale * torch.tensor(angle).cos().double(), scale * torch.tensor(angle).sin().double()
    turn = torch.stack([c, -s, s, c]).reshape(2, 2)
    marks = (wanted @ turn.T + moved)[None]
    onto = similarity(marks, wanted)
    back = onto.inverse()
    assert torch.allclose(marks @ onto.matrix[0].T + onto.shift[0], wanted, atol=1e-8)
    assert torch.allclose(back.matrix[0], turn, rtol=1e-9, atol=1e-9)
    assert torch.allclose(wanted @ back.matrix[0].T + back.shift[0], marks[0], atol=1e-8)


def test_photographs_are_aligned_without_the_renderer():
    code = "import sys, frlib.datasets, frlib.faces.crops; sys.exit(any(m in sys.modules for m in ('warp', 'anny')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def test_the_crop_of_facenet_is_the_box_of_its_detector_with_a_margin(monkeypatch):
    """MTCNN finds whole heads in a wider picture; the crop shows its mean box, and 16 of 160 pixels on each side."""
    monkeypatch.setitem(CROPS, "far", (0.35, 0.45))
    people = sample_identities(8, seed=1)
    pictures = render(people, {"head_angle": torch.linspace(-15, 15, 8)}, size=320, crop="far", device="cpu")
    boxes, _ = load_detector("cpu").detect(pictures)
    corners = torch.tensor(np.stack([box[0] for box in boxes]).astype(np.float32)).reshape(8, 2, 2)
    middle = corners.mean(1, keepdim=True)
    grown = middle + (corners - middle) * 160 / 128
    there = similarity(template("far", 320)[None], template("mtcnn", 160))
    (left, top), (right, bottom) = (grown @ there.matrix[0].T + there.shift[0]).mean(0)
    width = PAPER_NETWORKS["facenet-vggface2-mtcnn"].preprocess.width
    assert [left, right] == pytest.approx([80 - 80 * width, 80 + 80 * width], abs=5)
    assert [top, bottom] == pytest.approx([0, 160], abs=5)
