"""Energy curves say what the table says, and the views of a fingerprint show the rows of the slider's scale."""

import itertools

import numpy as np
import pandas as pd
import pytest
import vl_convert

from frlib import view
from frlib.fingerprint.summary import fingerprint_summary
from frlib.view import charts

ATTRIBUTES, SCALES = ["head_angle", "age", "hue"], [0.4, 0.8, 1.2]


def runs(count=5):
    rng = np.random.default_rng(0)
    rows = itertools.product(range(count), ["useful", "useless"], [0.2, 0.5, 1.0])
    frame = pd.DataFrame(rows, columns=["run", "attribute", "scale"])
    return frame.assign(energy=rng.uniform(0, 1, len(frame)), neighbors=3.0, isolated=0.25, network="a")


def data_of(chart):
    return [pd.DataFrame(rows) for rows in chart.to_dict()["datasets"].values()]


@pytest.mark.parametrize("options", [{}, {"log": True}, {"choose": "network"}, {"detail": "run"}])
@pytest.mark.parametrize("mode", charts.PAGE)
def test_the_specification_draws(options, mode):
    charts.enable(mode)
    chart = view.energy_curves(runs(), description="Curves.", **options)
    svg = vl_convert.vegalite_to_svg(chart.to_json())
    assert svg.count('aria-roledescription="line mark"') >= 4, "two curves in each of two panels"


def test_line_and_band_are_mean_and_quantiles_over_replicates():
    rows = runs()
    chart = view.energy_curves(rows, description="Curves.", detail="run", band=(0.25, 0.75))
    drawn = next(data for data in data_of(chart) if "low" in data)
    groups = rows.groupby(["attribute", "scale"])["energy"]
    found = drawn.set_index(["attribute", "scale"]).sort_index()
    np.testing.assert_allclose(found["energy"], groups.mean(), atol=1e-5)
    np.testing.assert_allclose(found["low"], groups.quantile(0.25), atol=1e-5)
    np.testing.assert_allclose(found["high"], groups.quantile(0.75), atol=1e-5)


def test_a_single_run_claims_no_spread():
    said = [view.energy_curves(runs(n), description="Curves.", detail="run").to_dict()["title"] for n in (1, 5)]
    assert [title["subtitle"] for title in said] == [
        [],
        ["Line: mean over run (n = 5). Band: 10th to 90th percentile."],
    ]


def table(networks=(("first", 6), ("second", 3)), seed=0):
    rng = np.random.default_rng(seed)
    places = [(n, i, a, s) for n, count in networks for i, a, s in itertools.product(range(count), ATTRIBUTES, SCALES)]
    rows = pd.DataFrame(places, columns=["network", "identity", "attribute", "scale"])
    rows["energy"] = rng.uniform(0, 1, len(rows))
    rows["neighbors"], rows["isolated"] = 10 * rows["scale"], 0.5 - rows["scale"] / 4
    return rows.assign(displacement=rng.uniform(0.1, 1, len(rows)))


def summary_of(**options):
    charts.enable("light")
    return fingerprint_summary(table(**options), n_points=21)


def across():
    return view.across_networks(summary_of(), description="Views.", controls=["second"])


def choosers(spec):
    return [p["bind"]["name"].strip() for p in spec["params"] if p.get("bind", "legend") != "legend"]


def test_one_figure_asks_for_the_network_and_one_for_the_attribute_and_the_scale():
    one, several = view.fingerprint_views(summary_of(), description="Views.").to_dict(), across().to_dict()
    assert choosers(one) == ["network"] and choosers(several) == ["compared attribute", "ε"]
    for spec in (one, several):
        assert [len(row["hconcat"]) for row in spec["vconcat"]] == [2, 2]
        assert vl_convert.vegalite_to_vega(spec)["signals"]
        assert spec["title"]["subtitle"][1] == "6 identities: first; 3 identities: second."


@pytest.mark.parametrize("scale", SCALES)
def test_the_views_follow_the_slider(scale):
    summary, spec = summary_of(), across().to_dict()
    next(p for p in spec["params"] if p["bind"] != "legend" and p["bind"]["name"] == "ε ")["value"] = scale
    svg = vl_convert.vegalite_to_svg(spec)
    at = np.isclose(summary["scale"], scale)
    drawn = [f"energy at ε: {float(f'{energy:.5g}')};" in svg for energy in summary["energy"]]
    assert drawn == at.tolist()


def test_a_control_is_named_apart():
    rows = next(data for data in data_of(across()) if "kind" in data)
    assert set(zip(rows["network"], rows["kind"], strict=True)) == {("first", "face network"), ("second", "control")}


def test_wrong_input_names_the_argument():
    summary = fingerprint_summary(table(), n_points=21)
    with pytest.raises(ValueError, match="controls must be networks of summary; got 'third'"):
        view.across_networks(summary, description="d", controls=["third"])
    with pytest.raises(ValueError, match="description must say what the figure shows"):
        view.fingerprint_views(summary, description=" ")
    with pytest.raises(ValueError, match="table must have a column 'network'; it has"):
        view.energy_curves(runs().drop(columns="network"), description="d", choose="network")
    with pytest.raises(ValueError, match="description must say what the figure shows"):
        view.energy_curves(runs(), description=" ")


def test_kinds_of_images_are_means_over_people_with_a_dash_each():
    rows = pd.concat([table().assign(images=kind) for kind in ("photographs", "drawn")], ignore_index=True)
    rows.loc[rows["images"] == "drawn", "energy"] *= 0.5
    rows["isolated"] = 0.5
    chart = view.energies_of_images(rows, description="Curves.", order=("photographs", "drawn"))
    drawn = next(data for data in data_of(chart) if "energy" in data)
    keys = ["network", "images", "attribute", "scale"]
    found = drawn.assign(attribute=drawn["attribute"].str.replace(" ", "_")).set_index(keys).sort_index()
    np.testing.assert_allclose(found["energy"], rows.groupby(keys)["energy"].mean(), atol=1e-5)
    svg = vl_convert.vegalite_to_svg(chart.to_json())
    assert svg.count('aria-roledescription="line mark"') == 2 * 2 * len(ATTRIBUTES)
    assert "stroke-dasharray" in svg
    with pytest.raises(ValueError, match="table must have a column 'images'"):
        view.energies_of_images(table(), description="Curves.", order=())
