"""Hair that hangs and stands, and what it leaves alone; how age and grey act."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from frlib.faces import render, tangent
from frlib.faces.generator.head import PARTS, load_head
from frlib.faces.generator.meshes import THICKNESS, curtain, flatten_ears
from frlib.faces.generator.renderer import load_model
from frlib.faces.generator.shading import GREY, ageing, beard_growth, greyed, whitened
from frlib.faces.generator.template import load_template

CUT = {"front": 1.0, "forward": 0.1, "thickness": 0.012, "waves": 0.0, "phase": np.zeros(3)}


def places():
    across, down = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(0, 1, 11), indexing="ij")
    return np.column_stack([across.ravel(), down.ravel()])


def cylinder(radius=0.08):
    angle, height = np.meshgrid(np.linspace(-np.pi, np.pi, 200, endpoint=False), np.linspace(-0.2, 0.2, 80))
    return np.column_stack([radius * np.sin(angle).ravel(), radius * np.cos(angle).ravel(), height.ravel()])


def dressed(person, style):
    return replace(person, changes=(("style", style), ("gender", 0.9)))


def test_on_a_cylinder_hair_is_a_larger_cylinder():
    at, (across, down) = curtain(places(), cylinder(), length=0.18, **CUT), places().T
    radius = np.hypot(at[:, 0], at[:, 1])
    free = (np.abs(across) < 0.7) & (down > 0.3)
    np.testing.assert_allclose(radius[free], 0.08 + CUT["thickness"], atol=1e-9)
    np.testing.assert_allclose(radius[down == 0], 0.08, atol=1e-9)
    assert at[down == 1, 2] == pytest.approx(-0.18) and (np.diff(at.reshape(41, 11, 3)[..., 2]) < 0).all()


def test_on_a_symmetric_skull_hair_is_symmetric():
    at = curtain(places(), cylinder(), length=0.15, **CUT).reshape(41, 11, 3)
    sides = np.abs(places().reshape(41, 11, 2)[..., 0]) > 0.01  # at the back the two sides meet
    np.testing.assert_allclose((at * [-1, 1, 1])[sides], at[::-1][sides], atol=1e-9)


def test_hair_falls_straight_below_the_widest_place():
    bulge = cylinder()
    bulge[np.abs(bulge[:, 2]) < 0.03, :2] *= 1.3
    at = curtain(places(), bulge, length=0.18, **CUT)
    across, down = places().T
    low = (np.abs(across) < 0.7) & (at[:, 2] < -0.06)
    np.testing.assert_allclose(np.hypot(at[low, 0], at[low, 1]), 0.08 * 1.3 + CUT["thickness"], atol=1e-6)


@pytest.mark.parametrize("style", THICKNESS)
def test_hair_hangs_only_where_the_style_says_so(person, style):
    hair = load_model(dressed(person, style)).meshes[1][torch.from_numpy(load_head().part == PARTS.index("hair"))]
    assert (float(hair.std(dim=0).max()) > 0.02) == (style in ("long", "full"))


def test_a_style_leaves_the_face_alone(person):
    head, template = load_head(), load_template()
    near = (template.grid_height.min() < template.neutral[:, 2]) & (np.abs(template.texture_at[:, 0]) < 0.16)
    face = near & (template.neutral[:, 2] < template.eye_centers[0, 2] + 0.02) & (head.part == 0) & (template.ear == 0)
    short, long = (load_model(dressed(person, style)).meshes[:, face] for style in ("shaved", "full"))
    assert face.sum() > 1000
    torch.testing.assert_close(short, long, rtol=0, atol=1e-7)


def test_ears_only_come_closer(person):
    template, mesh = load_template(), load_model(dressed(person, "short")).meshes[1].numpy()
    flat = flatten_ears(mesh, template)
    assert np.array_equal(flat[template.ear == 0], mesh[template.ear == 0])
    assert np.array_equal(flat[:, 1:], mesh[:, 1:]) and (np.abs(flat[:, 0]) <= np.abs(mesh[:, 0])).all()
    assert np.abs(flat - mesh).max() > 0.005


def test_age_acts_from_25_to_75_and_a_beard_grows_from_14_to_20():
    years = torch.linspace(10, 80, 141)
    for growth, low, high in ((ageing, 25, 75), (beard_growth, 14, 20)):
        assert (growth(years).diff() >= 0).all()
        assert growth(torch.tensor([low - 1.0, low, high, high + 1.0])).tolist() == [0, 0, 1, 1]
        assert 0 < float(growth(torch.tensor([(low + high) / 2]))) < 1


def test_whitening_goes_from_the_own_colour_to_grey():
    rgb = torch.tensor([[0.04, 0.02, 0.01]]).repeat(3, 1)
    mixed = whitened(rgb, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(mixed, torch.stack([rgb[0], (rgb[0] + GREY) / 2, GREY]))
    assert torch.equal(greyed(rgb[:1], torch.tensor([40.0])), rgb[:1])


def test_the_hair_of_a_grey_person_has_a_smaller_derivative_by_its_colour(person):
    """Linear light is affine in the hair's RGB, of which a grey person's holds 1 - grey."""
    options = {"size": 48, "device": "cpu", "dtype": torch.float64}
    grey, step = replace(person, changes=(("grey", 0.5),)), 2**-12
    exact = tangent(grey, {"hair_color": 0.5}, "hair_color", **options)[0]
    low, high = render(grey, {"hair_color": [0.5 - step, 0.5 + step]}, **options)
    torch.testing.assert_close(exact, (high - low) / (2 * step), rtol=1e-3, atol=1e-3 * float(exact.abs().max()))
    assert exact.abs().sum() < tangent(person, {"hair_color": 0.5}, "hair_color", **options).abs().sum()
