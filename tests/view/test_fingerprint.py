"""The fingerprint's summary is what resampling gives, and its views show the rows of the slider's scale."""

import itertools

import numpy as np
import pandas as pd
import pytest
import vl_convert

from frlib import view
from frlib.geometry import resampled_means
from frlib.view import charts

ATTRIBUTES, SCALES = ["head_angle", "age", "hue"], [0.4, 0.8, 1.2]


def table(networks=(("first", 6), ("second", 3)), seed=0):
    rng = np.random.default_rng(seed)
    places = [(n, i, a, s) for n, count in networks for i, a, s in itertools.product(range(count), ATTRIBUTES, SCALES)]
    rows = pd.DataFrame(places, columns=["network", "identity", "attribute", "scale"])
    rows["energy"] = rng.uniform(0, 1, len(rows))
    rows["neighbors"], rows["isolated"] = 10 * rows["scale"], 0.5 - rows["scale"] / 4
    return rows.assign(displacement=rng.uniform(0.1, 1, len(rows)))


def test_means_and_intervals_are_over_identities_drawn_again():
    rows = table()
    found = view.fingerprint_summary(rows, n_points=21, draws=300, seed=2).set_index(["network", "attribute", "scale"])
    for network, count in (("first", 6), ("second", 3)):
        one = rows.query("network == @network and attribute == 'age' and scale == 0.8").sort_values("identity")
        here = found.loc[(network, "age", 0.8)]
        draws = resampled_means(one.energy.to_numpy(), 300, seed=2)
        assert here.energy == pytest.approx(one.energy.mean())
        assert (here.energy_low, here.energy_high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
        assert here.identities == count
        assert here.share == pytest.approx(8 / 20)


def test_ranks_are_those_of_the_means_and_the_interval_holds_most_draws():
    rows = table()
    found = view.fingerprint_summary(rows, n_points=21, draws=400)
    means = rows.groupby(["network", "scale", "attribute"]).energy.mean()
    for (network, scale), own in found.groupby(["network", "scale"]):
        expected = means[network, scale].rank(ascending=False)
        assert (own.set_index("attribute")["rank"] == expected.reindex(own.attribute)).all()
    assert ((found.rank_low <= found["rank"]) & (found["rank"] <= found.rank_high)).mean() > 0.9
    assert found.rank_sure.between(0, 1).all()


def test_a_sure_order_has_ranks_without_width():
    rows = table()
    rows["energy"] = rows.attribute.map({"head_angle": 0.1, "age": 0.5, "hue": 0.9}) + 0.01 * rows.energy
    found = view.fingerprint_summary(rows, n_points=21)
    assert (found.rank_sure == 1).all()
    assert (found.rank_low == found.rank_high).all()
    assert set(found[found.attribute == "hue"]["rank"]) == {1}


def test_a_scale_without_any_pair_has_no_energy_and_no_rank():
    rows = table()
    rows.loc[(rows.network == "second") & (rows.scale == 0.4), "energy"] = np.nan
    found = view.fingerprint_summary(rows, n_points=21).set_index(["network", "scale"])
    assert found.loc[("second", 0.4), ["energy", "energy_low", "rank"]].isna().all(axis=None)
    assert found.loc[("first", 0.4), ["energy", "energy_low", "rank"]].notna().all(axis=None)


def views(**options):
    charts.enable("light")
    summary = view.fingerprint_summary(table(), n_points=21)
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
    with pytest.raises(ValueError, match="table must have a column 'displacement'"):
        view.fingerprint_summary(table().drop(columns="displacement"), n_points=21)
    with pytest.raises(ValueError, match="'second' has 1 identities"):
        view.fingerprint_summary(table(networks=(("first", 2), ("second", 1))), n_points=21)
    with pytest.raises(ValueError, match="each of two or more identities; 'first' has 6 identities, 9 pairs"):
        view.fingerprint_summary(table().iloc[1:], n_points=21)
    summary = view.fingerprint_summary(table(), n_points=21)
    with pytest.raises(ValueError, match="controls must be networks of summary; got 'third'"):
        view.fingerprint_views(summary, description="d", controls=["third"])
    with pytest.raises(ValueError, match="description must say what the chart shows"):
        view.fingerprint_views(summary, description=" ")
