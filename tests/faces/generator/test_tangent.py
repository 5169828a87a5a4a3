"""The exact derivative of an image against central differences of the drawing in float64, and what is refused."""

import pytest
import torch

from frlib.faces import render, tangent
from frlib.faces.generator.tangent import SMOOTH, central_gap

SMALL = {"size": 48, "device": "cpu"}
#: A power of two, so that both ends are exact in float32.
STEP = 2**-16
SET = {"hair_color": 0.375, "illumination": 20.0, "brightness": 12.0, "hue": 0.5, "image_quality": 0.25, "age": 40.0}


def central(person, values, name, step, **options):
    """Return the central difference, and where the two one-sided differences agree: no kink lies within the step."""
    around = [values[name] + k * step for k in (-1, 0, 1)]
    low, middle, high = render(person, values | {name: around}, dtype=torch.float64, **SMALL, **options)
    smooth = ((high - middle) - (middle - low)).abs() <= 1e-4 * (high - low).abs() + 1e-10
    return (high - low) / (2 * step), smooth


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("quality", [0.25, -0.25])
def test_tangent_is_the_limit_of_central_differences(person, name, quality):
    """With brightness, hue and quality set, so that every factor of the chain is at work."""
    values, options = SET | {"image_quality": quality}, {"shadows": name != "illumination"}
    exact = tangent(person, values, name, dtype=torch.float64, **SMALL, **options)[0]
    difference, smooth = central(person, values, name, STEP, **options)
    assert smooth.double().mean() > 0.9 and exact.abs().max() > 1e-3
    scale = float(exact.abs().max())
    torch.testing.assert_close(exact[smooth], difference[smooth], rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize("name", SMOOTH)
def test_shape_type_and_batch(people, name):
    both = tangent(people[:2], {"age": [20, 60]}, name, **SMALL)
    assert both.shape == (2, 48, 48, 3) and both.dtype == torch.float32 and both.isfinite().all()
    alone = tangent(people[1], {"age": 60}, name, **SMALL)[0]
    torch.testing.assert_close(both[1], alone, rtol=1e-4, atol=1e-3 * float(alone.abs().max()))


def test_clipped_pixels_do_not_move(person):
    values = {"brightness": 50.0, "image_quality": 1.0, "illumination": 0.0}
    image = render(person, values, dtype=torch.float64, **SMALL)
    clipped = (image == 0) | (image == 255)
    assert clipped.any()
    assert (tangent(person, values, "brightness", dtype=torch.float64, **SMALL)[clipped] == 0).all()


def test_brightness_alone_adds_one_per_unit_where_nothing_is_clipped(person):
    image = render(person, {}, dtype=torch.float32, **SMALL)
    inside = (image > 0) & (image < 255)
    assert inside.double().mean() > 0.9
    torch.testing.assert_close(tangent(person, {}, "brightness", **SMALL), inside.float())


@pytest.mark.parametrize("name", ["head_angle", "age", "expression"])
def test_attributes_without_a_derivative_point_to_central_differences(person, name):
    with pytest.raises(ValueError, match=f"got '{name}'.*sample_curves"):
        tangent(person, {}, name)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("illumination", {"shadows": True}, "shadows must be False or None for illumination; got True"),
        ("smile", {}, "name must be one of 'head_angle'.*got 'smile'"),
        ("hue", {"dtype": torch.uint8}, "dtype must be one of torch.float32, torch.float64"),
    ],
)
def test_what_tangent_refuses(person, name, options, message):
    with pytest.raises(ValueError, match=message):
        tangent(person, {}, name, **options)


@pytest.mark.parametrize("name", ["hair_color", "illumination", "image_quality"])
def test_the_gap_shrinks_with_the_step_and_is_that_of_the_images(person, name):
    options = {"shadows": name != "illumination"}
    steps = [0.1, 0.02, 0.004]
    gaps = [central_gap(person, SET, name, step, **SMALL) for step in steps]
    assert gaps[0] > gaps[1] > gaps[2] > 0
    exact = tangent(person, SET, name, dtype=torch.float64, **SMALL, **options)[0]
    low, high = {"hair_color": (0, 1), "illumination": (-75, 75), "image_quality": (-1, 1)}[name]
    difference, _ = central(person, SET, name, 0.02 * (high - low), **options)
    assert gaps[1] == pytest.approx(float((difference - exact).norm() / exact.norm()), rel=1e-9)


def test_the_gap_needs_a_place_inside_the_range(person):
    with pytest.raises(ValueError, match="name must be one of 'age'; got 'hue'"):
        central_gap(person, {"age": 30}, "hue", 0.1, **SMALL)
    with pytest.raises(ValueError, match="hue"):
        central_gap(person, {"hue": 4}, "hue", 0.1, **SMALL)
