"""The theme's colours can be told apart and stand out from the page."""

import itertools
import json

import altair as alt
import numpy as np
import pandas as pd
import pytest

from frlib.view import charts, static

# Machado, Oliveira, Fernandes (2009): simulation of complete deuteranopia, protanopia and tritanopia in linear RGB.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def linear(color):
    value = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def luminance(color):
    return linear(color) @ [0.2126, 0.7152, 0.0722]


def contrast(first, second):
    low, high = sorted([luminance(first), luminance(second)])
    return (high + 0.05) / (low + 0.05)


def cielab(rgb):
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("page", charts.PAGE.values())
def test_curves_stand_out_from_the_page(page):
    assert min(contrast(color, page) for color in charts.COLORS) >= 3  # WCAG 1.4.11


@pytest.mark.parametrize("mode", charts.PAGE)
def test_text_is_readable(mode):
    config = charts.theme(mode)
    for color in (config["axis"]["labelColor"], config["title"]["color"], config["title"]["subtitleColor"]):
        assert contrast(color, charts.PAGE[mode]) >= 4.5  # WCAG 1.4.3


@pytest.mark.parametrize("vision", VISION)
def test_colours_can_be_told_apart(vision):
    seen = [cielab(np.asarray(VISION[vision]) @ linear(color)) for color in charts.COLORS]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) >= 17


def test_widgets_use_the_same_colours(node):
    assert node("answer(SERIES)") == charts.COLORS


def test_wrong_input_names_what_is_missing():
    with pytest.raises(ValueError, match="mode must be one of 'light', 'dark'; got 'grey'"):
        charts.enable("grey")


def test_in_the_book_the_page_brings_the_colours(monkeypatch):
    monkeypatch.setenv("FRLIB_BOOK", "1")
    charts.enable()
    assert static.in_book()
    spec = json.loads(alt.Chart(pd.DataFrame({"x": [1]})).mark_point().to_json())
    assert "background" not in spec["config"]
