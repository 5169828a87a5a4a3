"""The three operations on pixels, against closed forms and Python's own colour conversion."""

import colorsys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.faces.pixels import CONTRAST, blur, blur_weights, brighten, change, set_quality, turn_hue


def noise(n: int = 1, size: int = 32, low: float = 0, high: float = 255) -> torch.Tensor:
    return torch.rand(n, size, size, 3, generator=torch.Generator().manual_seed(0)) * (high - low) + low


def variances(amounts: list[float]) -> list[float]:
    images = noise(size=112, low=64, high=192).repeat(len(amounts), 1, 1, 1)
    return set_quality(images, torch.tensor(amounts)).var(dim=(1, 2, 3)).tolist()


@pytest.mark.parametrize("amount", [-50.0, -3.25, 0.0, 17.5, 50.0])
def test_brightness_adds_exactly(amount):
    images = noise(low=64, high=192)
    assert torch.equal(brighten(images, torch.tensor([amount])), images + amount)


def test_brightness_clips_at_both_ends():
    images = torch.tensor([10.0, 250.0, 128.0]).reshape(1, 1, 1, 3)
    assert brighten(images, torch.tensor([-50.0])).flatten().tolist() == [0, 200, 78]
    assert brighten(images, torch.tensor([50.0])).flatten().tolist() == [60, 255, 178]


@settings(max_examples=200)
@given(color=st.tuples(*[st.integers(0, 255)] * 3), amount=st.floats(-4, 4, width=32))
def test_hue_agrees_with_colorsys(color, amount):
    h, s, v = colorsys.rgb_to_hsv(*color)
    expected = torch.tensor(colorsys.hsv_to_rgb((h + amount * 2 / 360) % 1, s, v))
    turned = turn_hue(torch.tensor(color, dtype=torch.float32).reshape(1, 1, 1, 3), torch.tensor([amount])).flatten()
    torch.testing.assert_close(turned, expected.float(), rtol=0, atol=2e-3)


@pytest.mark.parametrize("amount", [-4.0, 1.0, 4.0])
def test_greys_have_no_hue(amount):
    greys = torch.arange(256.0).reshape(1, 16, 16, 1).expand(-1, -1, -1, 3)
    assert torch.equal(turn_hue(greys, torch.tensor([amount])), greys)


@pytest.mark.parametrize("amount", [0.0, 180.0, -180.0])
def test_a_full_circle_of_hue_is_the_identity(amount):
    torch.testing.assert_close(turn_hue(noise(), torch.tensor([amount])), noise(), rtol=0, atol=1e-3)


def test_hue_turns_add_up_and_keep_value_and_chroma():
    images = noise()
    once, twice = turn_hue(images, torch.tensor([3.0])), turn_hue(images, torch.tensor([1.5]))
    torch.testing.assert_close(turn_hue(twice, torch.tensor([1.5])), once, rtol=0, atol=1e-3)
    for extreme in (torch.amax, torch.amin):
        torch.testing.assert_close(extreme(once, dim=-1), extreme(images, dim=-1), rtol=0, atol=1e-3)


def test_quality_orders_the_variance_over_its_whole_range():
    found = variances([-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0])
    assert found == sorted(found) and len(set(found)) == len(found)


def test_contrast_scales_the_standard_deviation():
    zero, half, one = variances([0.0, 0.5, 1.0])
    assert half / zero == pytest.approx((1 + CONTRAST / 2) ** 2, rel=1e-4)
    assert one / zero == pytest.approx((1 + CONTRAST) ** 2, rel=1e-4)


def test_contrast_keeps_the_mean():
    images = noise()
    sharper = set_quality(images, torch.tensor([1.0]))
    torch.testing.assert_close(sharper.mean(), images.mean(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("amount", [0.25, 0.5, 1.0])
def test_blur_keeps_a_constant_image(amount):
    constant = torch.full((1, 24, 24, 3), 93.0)
    torch.testing.assert_close(blur(constant, torch.tensor([amount])), constant, rtol=0, atol=1e-3)


def test_every_step_of_blur_lowers_the_variance_down_to_the_smallest():
    amounts = [-1.0, -0.3, -0.1, -0.05, -0.02, -0.01, -0.001, 0.0]
    assert (torch.tensor(variances(amounts), dtype=torch.float64).diff() > 0).all()


@pytest.mark.parametrize("deviation", [1e-3, 0.1, 0.5, 1.0, 2.0])
def test_blur_weights_are_those_of_a_gaussian_between_pixels(deviation):
    """The variance is that of the Gaussian plus that of linear interpolation, which is at most 1/4 and tends to 1/6."""
    weights = blur_weights(torch.tensor([deviation], dtype=torch.float64), 16)[0]
    offsets = torch.arange(-16, 17, dtype=torch.float64)
    assert (weights >= 0).all() and torch.equal(weights.argmax(), torch.tensor(16))
    extra = float((weights * offsets**2).sum()) - deviation**2
    assert 0 < extra < 0.25
    if deviation <= 0.1:
        assert float(weights[15]) == pytest.approx(deviation / (2 * torch.pi) ** 0.5, rel=1e-9)
    if deviation >= 1:
        assert extra == pytest.approx(1 / 6, abs=1e-6)


def test_no_blur_is_the_identity_and_images_do_not_mix():
    images = noise(3)
    blurred = blur(images, torch.tensor([0.0, 0.5, 0.0]))
    torch.testing.assert_close(blurred[[0, 2]], images[[0, 2]], rtol=0, atol=1e-3)
    torch.testing.assert_close(blurred[1:2], blur(images[1:2], torch.tensor([0.5])), rtol=0, atol=1e-3)


def test_blur_commutes_with_flips_and_transposition():
    images, amount = noise(), torch.tensor([0.7])
    for move in (lambda x: x.flip(1), lambda x: x.flip(2), lambda x: x.transpose(1, 2)):
        torch.testing.assert_close(blur(move(images), amount), move(blur(images, amount)), rtol=0, atol=1e-3)


def test_neutral_values_and_other_names_change_nothing():
    images, zero = noise(2), torch.zeros(2)
    neutral = change(images, {"brightness": zero, "hue": zero, "image_quality": zero})
    torch.testing.assert_close(neutral, images, rtol=0, atol=1e-3)
    assert torch.equal(change(images, {"age": torch.full((2,), 60.0)}), images)


def test_changes_are_clipped():
    changed = change(noise(), {"image_quality": torch.ones(1)})
    assert float(changed.min()) == 0 and float(changed.max()) == 255
