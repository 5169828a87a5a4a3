"""Theorems on the planar fields of the playground: their energies in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib import published
from frlib.geometry import energy_sweep
from frlib.training import PRESETS, planar_cloud, planar_draws, planar_energies, planar_field
from frlib.training.planar import uniform_draws


def energies(points, field, scales=(0.2, 0.5, 3.0), **options):
    return energy_sweep(points, {"field": field}, scales, metric="euclidean", **options)["energy"].to_numpy()


def test_generator_gives_the_published_sequence_of_mulberry32():
    # First outputs for seed 0 of the reference implementation, as 32-bit integers.
    assert (uniform_draws(3, 0) * 2**32).astype(np.uint32).tolist() == [1144304738, 1416247, 958946056]


def test_a_denser_cloud_contains_the_sparser_one():
    sparse, dense = planar_draws(50, 3), planar_draws(200, 3)
    for few, many in zip(sparse, dense, strict=True):
        np.testing.assert_array_equal(few, many[:50])


def test_draws_have_the_stated_laws():
    points, normal = planar_draws(20000, 1)
    assert np.abs(points).max() <= 1 and np.abs(points.mean(axis=0)).max() < 0.02
    assert points.var() == pytest.approx(1 / 3, abs=0.01)
    assert normal.mean() == pytest.approx(0, abs=0.03) and normal.std() == pytest.approx(1, abs=0.02)


def test_presets_follow_the_order_of_the_figure():
    printed = published.load("energy_figure_2c")["field"]
    assert len(printed) == len(PRESETS)
    assert all(name in field for name, field in zip(PRESETS, printed, strict=True))


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_aligned_is_zero_and_tangential_equals_radial(seed):
    np.testing.assert_allclose(energies(*planar_cloud("aligned", 100, seed)), 0, atol=1e-12)
    # Turning every vector by the same angle changes no cosine.
    np.testing.assert_allclose(
        energies(*planar_cloud("tangential", 100, seed)), energies(*planar_cloud("radial", 100, seed)), atol=1e-12
    )


@pytest.mark.parametrize("noise", [0.0, 20.0, 35.0, 45.0, 90.0, 180.0])
def test_noise_on_aligned_vectors_has_its_closed_form_at_all_scales(noise):
    measured = []
    for seed in range(12):
        points, normal = planar_draws(300, seed)
        measured.append(energies(points, planar_field(points, normal, "aligned", noise)))
    expected = 1 - np.exp(-(np.deg2rad(noise) ** 2))
    error = np.std(measured, axis=0, ddof=1) / np.sqrt(len(measured))
    assert (np.abs(np.mean(measured, axis=0) - expected) <= 4 * error + 1e-9).all()


def test_unknown_names_are_named():
    points, normal = planar_draws(10)
    with pytest.raises(ValueError, match="base must be one of 'aligned', 'tangential', 'radial'; got 'spiral'"):
        planar_field(points, normal, "spiral", 0)
    with pytest.raises(ValueError, match="noise must lie between 0 and inf; got -1"):
        planar_field(points, normal, "aligned", -1)
    with pytest.raises(ValueError, match="preset must be one of .*; got 'calm'"):
        planar_cloud("calm")
    with pytest.raises(ValueError, match="n must be an integer of at least 2; got 1"):
        planar_draws(1)


def test_energies_of_several_draws_are_those_of_each_draw():
    table = planar_energies(["radial", "disordered"], [0.3, 1.0], draws=3, n=60, seed=5, include_center=True)
    assert len(table) == 2 * 3 * 2 and set(table["draw"]) == {0, 1, 2}
    for (name, draw), rows in table.groupby(["attribute", "draw"]):
        points, field = planar_cloud(name, 60, 5 + draw)
        expected = energies(points, field, (0.3, 1.0), include_center=True)
        np.testing.assert_array_equal(rows.sort_values("scale")["energy"], expected)


@pytest.mark.parametrize(("change", "message"), [({"draws": 0}, "draws must"), ({"presets": ["calm"]}, "presets must")])
def test_energies_of_several_draws_reject(change, message):
    with pytest.raises(ValueError, match=message):
        planar_energies(**{"presets": ["radial"], "scales": [1.0], "draws": 1} | change)
