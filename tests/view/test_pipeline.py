"""Stages of a computation: names in order, arrows between them, pictures for each kind of value."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from frlib.view import pipeline

STAGES = [
    ("image", "as it is", np.full((112, 112, 3), 90, np.uint8)),
    ("network", "a < b", None),
    ("embedding", "numbers", np.array([1.0, -2.0, 0.5])),
    ("scales", "two", np.array([[1, 2, 0, 0], [0, 0, 4, 1.0]])),
]


def test_stages_follow_each_other_with_an_arrow_between_two():
    html = pipeline(STAGES, description="From an image to two scales.").data
    names = re.findall(r"<strong[^>]*>([^<]+)</strong>", html)
    assert names == ["image", "network", "embedding", "scales"]
    assert html.count("→") == 3 and html.count("<li ") == 4 and html.count("<svg") == 3 and html.count("<img") == 1
    assert "a &lt; b" in html and "From an image to two scales." in html


def test_an_image_is_shown_as_it_is():
    html = pipeline(STAGES[:1], description="An image.").data
    (data,) = re.findall(r"base64,([^\"]+)", html)
    assert np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).mean() == pytest.approx(90, abs=2)
    assert "pixelated" not in html
    small = pipeline([("grid", "", np.zeros((12, 12, 3), np.uint8))], description="A grid.").data
    assert "pixelated" in small


def test_bars_have_the_heights_of_the_numbers():
    html = pipeline(STAGES[2:], description="Bars.").data
    heights = [float(h) for h in re.findall(r"v(-?[\d.]+)h", html)]
    assert np.array(heights[:3]) / -heights[0] == pytest.approx([-1, 2, -0.5])  # up is negative
    assert np.array(heights[3:]) / heights[-2] == pytest.approx([0.25, 0.5, 0, 0, 0, 0, 1, 0.25], abs=1e-3)


@pytest.mark.parametrize(
    ("stages", "description", "message"),
    [
        ([], "x", "stages must be at least one; got none"),
        (STAGES, " ", "description must say"),
        ([("odd", "", np.zeros((3, 4)))], "x", r"the picture of 'odd' must be an image .* got shape \(3, 4\)"),
        ([("odd", "", np.array([[1.0], [-1.0]]))], "x", r"two rows of non-negative numbers .* got shape \(2, 1\)"),
    ],
)
def test_what_is_refused(stages, description, message):
    with pytest.raises(ValueError, match=message):
        pipeline(stages, description=description)
