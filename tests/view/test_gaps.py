"""The gap that a reader moves is that of the table, and the dashed line stands where it is largest."""

import re

import numpy as np
import pandas as pd
import pytest
import vl_convert

from frlib import view
from frlib.geometry import distance_functions


def functions(steps=21, shift=2.0):
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2 == 0
    points = rng.normal(size=(60, 3)) + shift * truth[:, None]
    table = pd.DataFrame({"splits": truth, "means nothing": rng.random(60) < 0.5})
    return distance_functions(points, np.arange(60), table, metric="euclidean", steps=steps)


def words(chart):
    """Return the texts with a number that Vega writes inside the panels, once each."""
    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    return set(re.findall(r">(gap [\d.]+|\d+%)<", svg))


@pytest.mark.parametrize("place", [3, 8, 15])
def test_the_slider_says_both_shares_and_their_gap(place):
    table = functions()
    row = table[(table.attribute == "splits") & (table.modality == "positive")].iloc[place]
    found = words(view.gap_curves(table, description="d", start=float(row.distance)))
    assert f"gap {abs(row.inside - row.across):.3f}" in found
    assert {f"{row.inside:.0%}", f"{row.across:.0%}"} <= found
    assert len([text for text in found if text.startswith("gap")]) == 1


def test_the_reader_chooses_attribute_modality_and_distance():
    chart = view.gap_curves(functions(), description="d").to_dict()
    binds = {p["bind"]["name"].strip(): p["bind"] for p in chart["params"] if isinstance(p.get("bind"), dict)}
    assert binds["attribute"]["options"] == ["splits", "means nothing"]
    assert binds["modality"]["options"] == ["positive", "negative"]
    slider = binds["look at distance"]
    assert (slider["min"], slider["max"]) == (0, pytest.approx(functions().distance.max()))
    assert slider["step"] == pytest.approx(slider["max"] / 20, abs=1e-6)


def test_the_chart_compiles_and_its_table_is_checked():
    table = functions()
    assert vl_convert.vegalite_to_vega(view.gap_curves(table, description="d").to_dict())["marks"]
    with pytest.raises(ValueError, match="table must have a column 'ks'"):
        view.gap_curves(table.drop(columns="ks"), description="d")
    with pytest.raises(ValueError, match="same distances for all attributes; got 2 different lists"):
        view.gap_curves(table.drop(index=0), description="d")
    with pytest.raises(ValueError, match="description must say what the figure shows"):
        view.gap_curves(table, description=" ")
