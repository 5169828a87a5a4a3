"""The theme's colours can be told apart, and energy curves are valid and say what the table says."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import vl_convert

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


def table(runs=5):
    rng = np.random.default_rng(0)
    rows = itertools.product(range(runs), ["useful", "useless"], [0.2, 0.5, 1.0])
    columns = ["run", "attribute", "scale"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(energy=rng.uniform(0, 1, len(frame)), neighbors=3.0, isolated=0.25, network="a")


def data_of(chart):
    return pd.DataFrame(max(json.loads(chart.to_json())["datasets"].values(), key=len))


@pytest.mark.parametrize("options", [{}, {"log": True}, {"slider": False}, {"choose": "network"}, {"detail": "run"}])
@pytest.mark.parametrize("mode", charts.PAGE)
def test_the_specification_draws(options, mode):
    charts.enable(mode)
    chart = charts.energy_curves(table(), description="Curves.", **options)
    svg = vl_convert.vegalite_to_svg(chart.to_json())
    assert svg.count('aria-roledescription="line mark"') >= 4, "two curves in each of two panels"


def test_line_and_band_are_mean_and_quantiles_over_replicates():
    rows = table()
    drawn = data_of(charts.energy_curves(rows, description="Curves.", detail="run", band=(0.25, 0.75)))
    groups = rows.groupby(["attribute", "scale"])["energy"]
    found = drawn.set_index(["attribute", "scale"]).sort_index()
    np.testing.assert_allclose(found["energy"], groups.mean(), atol=1e-5)
    np.testing.assert_allclose(found["low"], groups.quantile(0.25), atol=1e-5)
    np.testing.assert_allclose(found["high"], groups.quantile(0.75), atol=1e-5)


def test_every_place_of_the_slider_belongs_to_one_scale():
    drawn = data_of(charts.energy_curves(table(1), description="Curves."))
    for place in np.linspace(0.2, 1.0, 101):
        here = drawn[(drawn["begins"] <= place) & (place < drawn["ends"])]
        nearest = min([0.2, 0.5, 1.0], key=lambda scale: abs(scale - place))
        assert set(here["scale"]) == {nearest} or np.isclose(place, [0.35, 0.75]).any()


@pytest.mark.parametrize(("scales", "step"), [([0.2, 0.5, 0.8], 0.3), ([0.2, 0.5, 1.2], 0.01)])
def test_the_slider_stops_at_the_scales_where_they_are_evenly_spaced(scales, step):
    rows = table(1).assign(scale=np.tile(scales, 2))
    spec = charts.energy_curves(rows, description="Curves.").to_dict()
    bind = next(p["bind"] for p in spec["params"] if p["name"] == "epsilon")
    assert (bind["min"], bind["max"], bind["step"]) == pytest.approx((scales[0], scales[-1], step))


def legends_of(group):
    """Return all legends of a Vega specification, of nested groups too."""
    return group.get("legends", []) + [legend for mark in group.get("marks", []) for legend in legends_of(mark)]


def test_the_legend_answers_to_clicks():
    spec = vl_convert.vegalite_to_vega(charts.energy_curves(table(), description="Curves.").to_dict())
    assert [legend["encode"]["symbols"]["interactive"] for legend in legends_of(spec)] == [True]


def test_a_single_run_claims_no_spread():
    title = json.loads(charts.energy_curves(table(1), description="Curves.", detail="run").to_json())["title"]
    assert not title.get("subtitle")


def test_wrong_input_names_what_is_missing():
    with pytest.raises(ValueError, match="table must have a column 'network'; it has"):
        charts.energy_curves(table().drop(columns="network"), description="d", choose="network")
    with pytest.raises(ValueError, match="description must say what the chart shows"):
        charts.energy_curves(table(), description=" ")
    with pytest.raises(ValueError, match="mode must be one of 'light', 'dark'; got 'grey'"):
        charts.enable("grey")


def test_in_the_book_the_page_brings_the_colours(monkeypatch):
    monkeypatch.setenv("FRLIB_BOOK", "1")
    charts.enable()
    assert static.in_book()
    spec = json.loads(charts.energy_curves(table(), description="Curves.").to_json())
    assert "background" not in spec["config"]
