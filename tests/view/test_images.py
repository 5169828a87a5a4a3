"""Grids of images: the right picture at the right place, and a text alternative."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from frlib.view.images import image_grid


def grid(images, rows=("one", "two"), columns=("a", "b", "c"), description="Six plain squares."):
    return image_grid(images, rows=rows, columns=columns, description=description)


def test_every_image_stands_at_its_place():
    shades = np.linspace(20, 240, 6).round().astype(np.uint8)
    html = grid(np.broadcast_to(shades[:, None, None, None], (6, 16, 16, 3))).data
    found = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).mean()
        for data in re.findall(r"base64,([^\"]+)", html)
    ]
    # WebP stores limited-range luma: a plain square comes back within 2 of 255.
    np.testing.assert_allclose(found, shades, atol=2)
    assert html.count("<tr>") == 3 and html.index(">one<") < html.index(">two<")


def test_names_and_description_are_escaped_and_present():
    html = grid(np.zeros((6, 8, 8, 3), np.uint8), rows=("<b>", "x"), description="A < B & C").data
    assert "&lt;b&gt;" in html and "<b>" not in html
    assert re.search(r"<caption[^>]*>A &lt; B &amp; C</caption>", html)
    assert html.count('scope="row"') == 2 and html.count('scope="col"') == 3


def test_wrong_input_names_the_argument():
    with pytest.raises(ValueError, match=r"images must have shape \(6, H, W, 3\); got \(5, 8, 8, 3\)"):
        grid(np.zeros((5, 8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="description must say"):
        grid(np.zeros((6, 8, 8, 3), np.uint8), description=" ")
