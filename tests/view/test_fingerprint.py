"""The views of a fingerprint show the rows of the slider's scale."""

import itertools

import numpy as np
import pandas as pd
import pytest
import vl_convert

from frlib import view
from frlib.summary import fingerprint_summary
from frlib.view import charts

ATTRIBUTES, SCALES = ["head_angle", "age", "hue"], [0.4, 0.8, 1.2]


def table(networks=(("first", 6), ("second", 3)), seed=0):
    rng = np.random.default_rng(seed)
    places = [(n, i, a, s) for n, count in networks for i, a, s in itertools.product(range(count), ATTRIBUTES, SCALES)]
    rows = pd.DataFrame(places, columns=["network", "identity", "attribute", "scale"])
    rows["energy"] = rng.uniform(0, 1, len(rows))
    rows["neighbors"], rows["isolated"] = 10 * rows["scale"], 0.5 - rows["scale"] / 4
    return rows.assign(displacement=rng.uniform(0.1, 1, len(rows)))


def views(**options):
    charts.enable("light")
    summary = fingerprint_summary(table(), n_points=21)
    return view.fingerprint_views(summary, description="Five views.", controls=["second"], **options)


def test_one_slider_serves_all_views():
    spec = views().to_dict()
    bound = [p["name"] for p in spec["params"] if "bind" in p]
    assert sorted(bound) == ["chosen", "compared", "epsilon", "picked"]
    assert len(spec["vconcat"]) == 3
    assert vl_convert.vegalite_to_vega(spec)["signals"]


@pytest.mark.parametrize("epsilon", [0.45, 0.8, 1.1])
def test_the_views_follow_the_slider(epsilon):
    spec = views().to_dict()
    next(p for p in spec["params"] if p["name"] == "epsilon")["value"] = epsilon
    svg = vl_convert.vegalite_to_svg(spec)
    nearest = min(SCALES, key=lambda scale: abs(scale - epsilon))
    assert f"ε = {nearest:g} · mean ball {10 * nearest:.1f} neighbours" in svg


def test_a_control_is_named_apart():
    rows = pd.DataFrame(max(views().to_dict()["datasets"].values(), key=len))
    assert set(zip(rows.network, rows.kind, strict=True)) == {("first", "face network"), ("second", "control")}


def test_wrong_input_names_the_argument():
    summary = fingerprint_summary(table(), n_points=21)
    with pytest.raises(ValueError, match="controls must be networks of summary; got 'third'"):
        view.fingerprint_views(summary, description="d", controls=["third"])
    with pytest.raises(ValueError, match="description must say what the chart shows"):
        view.fingerprint_views(summary, description=" ")
