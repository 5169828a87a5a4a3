"""Charts of thresholds: what the browser computes at the slider is what Python computes at that threshold."""

import numpy as np
import pandas as pd
import pytest
import vl_convert

from frlib import view
from frlib.geometry import distance_histogram, intra_inter_distances, verification


def cloud(seed=0):
    rng = np.random.default_rng(seed)
    points = 2 * np.repeat(rng.normal(size=(15, 6)), 5, axis=0) + rng.normal(size=(75, 6))
    return points, np.repeat(np.arange(15), 5)


def histogram(**options):
    points, who = cloud()
    best = verification(points, who, metric="euclidean").threshold
    table = distance_histogram(points, who, metric="euclidean", bins=40, **options)
    return table.assign(network="net", best=best)


def answers():
    steps = np.arange(0, 1.01, 0.1)
    right = 0.9 * steps
    parts = [
        ("own", "right person", right),
        ("own", "wrong person", 0.05 * steps),
        ("own", "unidentified", 1 - right - 0.05 * steps),
        ("strangers", "wrong person", steps**2),
        ("strangers", "unidentified", 1 - steps**2),
    ]
    return pd.concat(
        pd.DataFrame({"network": n, "group": g, "answer": a, "threshold": steps, "share": s})
        for n in ("net", "other")
        for g, a, s in parts
    )


def texts(chart):
    """Return the words that Vega writes at the slider's threshold, without duplicates."""
    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    return sorted(
        {
            part.split("<")[0]
            for part in svg.split(">")
            if part.split("<")[0].endswith("%") and " " in part.split("<")[0]
        }
    )


@pytest.mark.parametrize("place", [5, 13, 20])
def test_the_errors_at_the_slider_are_those_of_the_threshold(place):
    table = histogram()
    end = min(2.0, table.high.max())
    at = float(np.linspace(0, end, 101)[place])
    points, who = cloud()
    intra, inter = intra_inter_distances(points, who, metric="euclidean")
    wrong = [(inter <= at).mean(), (intra > at).mean()]
    words = texts(view.error_curves(table, description="d", start=at))
    assert [text.rsplit(" ", 1)[0] for text in words] == ["accepted wrongly", "rejected wrongly"]
    found = [float(text.rsplit(" ", 1)[1].rstrip("%")) / 100 for text in words]
    assert np.abs(np.subtract(found, wrong)).max() <= table.share.max()  # less than what one bin holds


def test_the_densities_integrate_to_one():
    table = histogram()
    table[["low", "high"]] /= table.high.max()
    datasets = view.error_curves(table, description="d").to_dict()["datasets"].values()
    data = next(pd.DataFrame(rows) for rows in datasets if "density" in rows[0])
    width = np.diff(np.unique(data.low)).mean()
    np.testing.assert_allclose(data.groupby("pairs").density.sum() * width, 1, atol=2e-3)  # five digits are sent


def test_the_answers_at_the_slider_are_those_of_the_table():
    expected = ["right person 36.00%", "unidentified 62.00%", "unidentified 84.00%", "wrong person 16.00%"]
    expected += ["wrong person 2.00%"]
    assert texts(view.answer_curves(answers(), description="d", start=0.4)) == expected


def test_the_slider_visits_every_threshold_of_the_table():
    chart = view.answer_curves(answers(), description="d").to_dict()
    bind = next(p["bind"] for p in chart["params"] if p["bind"] != "legend" and p["bind"]["input"] == "range")
    assert (bind["min"], bind["max"], bind["step"]) == (0, 1.0, pytest.approx(0.1))


def test_charts_compile_without_warnings():
    for chart in (view.error_curves(histogram(), description="d"), view.answer_curves(answers(), description="d")):
        assert vl_convert.vegalite_to_vega(chart.to_dict())["marks"]


def test_wrong_input_names_the_argument():
    with pytest.raises(ValueError, match="table must have a column 'best'"):
        view.error_curves(histogram().drop(columns="best"), description="d")
    with pytest.raises(ValueError, match="description must say what the figure shows"):
        view.answer_curves(answers(), description=" ")
