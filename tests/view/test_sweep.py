"""The ε-sweep sends what frlib computed, and the browser finds the same neighbours and energies."""

import importlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from frlib import view
from frlib.clouds import Cloud
from frlib.geometry import energy_sweep, pair_distances

module = importlib.import_module("frlib.view.sweep")
SCALES = np.linspace(0.3, 1.5, 9)


def make(metric="euclidean", count=40, dim=7, seed=0, zero=()):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, dim)) + (2 if metric == "cosine" else 0)
    fields = {"wind": rng.normal(size=(count, dim)), "tide": points + rng.normal(size=(count, dim))}
    fields["wind"][list(zero)] = 0
    return of_arrays(points, fields, SCALES, metric)


def of_arrays(points, fields, scales, metric="euclidean"):
    """Return a cloud with its energies, as the figure holds them."""
    cloud = Cloud(torch.tensor(points), metric=metric, directions={a: torch.tensor(v) for a, v in fields.items()})
    return module._checked(cloud, energy_sweep(cloud, scales))


def payload(cloud, max_points=250, seed=0):
    return module._payload("cloud", cloud, max_points, seed)


DRIVER = """
const cloud = openCloud(question);
answer(cloud.attributes.map((a) => cloud.scales.map((s) => {
  const { energy, neighbors, isolated, undefined: missing } =
    energyAt(cloud.distances, a.cosines, cloud.count, s * cloud.meanDistance);
  return [energy, neighbors, isolated, missing];
})));
"""


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_browser_finds_the_energies_of_python(node, metric):
    cloud = make(metric, zero=(3, 5))
    found = np.array(node(DRIVER, payload(cloud)), dtype=float)
    for k, name in enumerate(cloud.fields):
        rows = cloud.energies[cloud.energies["attribute"] == name]
        np.testing.assert_allclose(found[k, :, 0], rows["energy"], atol=1 / 254)
        np.testing.assert_allclose(found[k, :, 1:], rows[["neighbors", "isolated", "undefined"]], atol=1e-12)


def test_unrounded_matrices_give_the_energies_to_rounding(node):
    cloud = make("cosine")
    script = """
    const { points, vectors, count, dim, radii } = question;
    const distances = pairDistances(points, count, dim, "cosine");
    const cosines = innerProducts(unitRows(vectors, count, dim), count, dim);
    answer({ mean: meanPairDistance(distances, count),
      plain: radii.map((r) => energyAt(distances, cosines, count, r).energy),
      center: radii.map((r) => energyAt(distances, cosines, count, r, true).energy) });
    """
    points, vectors = cloud.points.numpy(), cloud.fields["wind"].numpy()
    radii = list(SCALES * cloud.mean_distance)
    question = {"points": points.ravel().tolist(), "vectors": vectors.ravel().tolist(), "radii": radii}
    found = node(script, question | {"count": points.shape[0], "dim": points.shape[1]})
    assert found["mean"] == pytest.approx(cloud.mean_distance, rel=1e-10)
    for key, include in (("plain", False), ("center", True)):
        rows = energy_sweep(points, {"wind": vectors}, SCALES, metric="cosine", include_center=include)
        np.testing.assert_allclose(found[key], rows["energy"], atol=1e-10)


def test_the_curves_are_the_energies_given():
    cloud = make()
    sent = payload(cloud)
    assert sent["scales"] == sorted(SCALES)
    for attribute in sent["attributes"]:
        rows = cloud.energies[cloud.energies["attribute"] == attribute["name"]].sort_values("scale")
        for column in ("energy", "neighbors", "isolated"):
            np.testing.assert_array_equal(attribute[column], rows[column])


def test_order_of_rows_in_the_table_does_not_matter():
    cloud = make()
    shuffled = module._checked(cloud, cloud.energies.sample(frac=1, random_state=0))
    first, second = (json.dumps(payload(c)["attributes"]) for c in (shuffled, cloud))  # as text, NaN equals NaN
    assert first == second


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_ball_lies_inside_its_disc(node, metric):
    cloud = make(metric)
    script = """
    const cloud = openCloud(question);
    answer({ at: [...cloud.positions], reach: question.radii.map((r) => planeRadius(cloud, r)) });
    """
    found = node(script, payload(cloud) | {"radii": [0.1, 0.7]})
    at = np.reshape(found["at"], (-1, 2))
    distances = pair_distances(cloud.points, metric=cloud.metric).numpy()
    for radius, reach in zip([0.1, 0.7], found["reach"], strict=True):
        drawn = np.linalg.norm(at[:, None] - at[None], axis=-1)
        assert drawn[distances <= radius].max() <= reach + 1e-3


def test_the_plane_is_that_of_the_principal_components():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(60, 5)) * [9, 5, 0.1, 0.1, 0.1]
    fields = {"along": np.tile([1.0, 0, 0, 0, 0], (60, 1)), "out": np.tile([0, 0, 1.0, 0, 0], (60, 1))}
    sent = payload(of_arrays(points, fields, [1.0]))
    lengths = {a["name"]: a["arrows"]["scale"] * 32767 for a in sent["attributes"]}
    assert sent["inside"] > 0.99 and lengths["along"] > 0.95 and lengths["out"] < 0.05


def test_a_large_cloud_is_thinned_by_the_seed_and_keeps_its_curves():
    cloud = make(count=90)
    first, again, other = payload(cloud, 30, 0), payload(cloud, 30, 0), payload(cloud, 30, 1)
    assert first == again and first["rows"] != other["rows"]
    assert len(set(first["rows"])) == 30 and first["total"] == 90
    assert first["attributes"][0]["energy"] == other["attributes"][0]["energy"]


def test_python_can_read_what_the_reader_chose(monkeypatch):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)
    clouds = {"a": make(), "b": make(seed=1)}
    energies = {name: cloud.energies for name, cloud in clouds.items()}
    widget = view.sweep(clouds, energies, title="Sweep", description="What it shows.")
    assert (widget.cloud, widget.attribute) == ("a", "wind")
    assert {"scale", "point", "attribute", "cloud"} <= set(widget.traits(sync=True))
    widget.scale, widget.point = 3, 7
    assert widget.get_state(["scale", "point"]) == {"scale": 3, "point": 7}


def test_the_page_grows_as_the_docstring_says(monkeypatch):
    monkeypatch.setenv("FRLIB_BOOK", "1")
    cloud = make(count=200)
    html = view.sweep(cloud, cloud.energies, title="Sweep", description="What it shows.").data
    assert len(html) == pytest.approx((2 + 2) * 200**2 / 1.5, rel=0.15)


def test_pointing_with_the_arrow_keys_reaches_the_nearest_point(node):
    pixels = [[0, 0], [10, 1], [3, 9], [-5, 0], [30, 0]]
    script = "answer([[1, 0], [-1, 0], [0, 1], [0, -1]].map((way) => pointTowards(question, 0, way)))"
    assert node(script, pixels) == [1, 3, 2, None]


def test_wrong_input_names_the_argument():
    cloud = make()
    with pytest.raises(ValueError, match="energies must have a column 'radius'; it has"):
        view.sweep(cloud, cloud.energies.drop(columns="radius"), title="t", description="d")
    with pytest.raises(ValueError, match="energies must hold each scale once for the attribute 'wind'"):
        view.sweep(cloud, cloud.energies[cloud.energies["attribute"] != "wind"], title="t", description="d")
    with pytest.raises(ValueError, match=r"fields\['wind'\] must have 40 rows; got 39"):
        short = replace(cloud, fields={"wind": cloud.fields["wind"][:-1]})
        view.sweep(short, cloud.energies, title="t", description="d")
    for energies in ({}, {"b": cloud.energies}):
        clouds = {"a": cloud} if energies else {}
        with pytest.raises(ValueError, match=r"clouds must be at least one, each with its energies; got \["):
            view.sweep(clouds, energies, title="t", description="d")
    with pytest.raises(ValueError, match="description must say"):
        view.sweep(cloud, cloud.energies, title="t", description="")
