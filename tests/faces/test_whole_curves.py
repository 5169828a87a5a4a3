"""Whole curves: every attribute from end to end, and the neutral image in the middle."""

import pytest

from frlib.faces import ATTRIBUTES, WholeCurves, render


def test_every_range_is_walked_from_end_to_end_in_equal_steps(person):
    table = WholeCurves(person).table
    assert list(dict.fromkeys(table.attribute)) == list(ATTRIBUTES)
    for name, rows in table.groupby("attribute"):
        attribute, values = ATTRIBUTES[name], rows.value.to_numpy()
        assert len(rows) == (7 if attribute.kind == "rendered" else 5)
        assert rows.step.tolist() == list(range(len(rows)))
        assert (values[0], values[-1]) == (attribute.low, attribute.high)
        assert values[1:] - values[:-1] == pytest.approx((attribute.high - attribute.low) / (len(rows) - 1))


def test_images_are_those_of_the_renderer_and_the_middle_is_neutral(person):
    drawing = WholeCurves(person, 3, 3)
    images = drawing.images("arcface", 112)["points"]
    at = drawing.table.set_index(["attribute", "step"]).index
    for name in ("age", "brightness"):
        expected = render(person, {name: [ATTRIBUTES[name].low, ATTRIBUTES[name].high]})
        found = images[[at.get_loc((name, 0)), at.get_loc((name, 2))]]
        assert (found.int() - expected.int()).abs().max() <= 1  # a turn of the hue by 0 rounds
    neutral = render(person, {})[0]
    for name in ("head_angle", "illumination", "brightness", "hue", "image_quality"):
        assert (images[at.get_loc((name, 1))].int() - neutral.int()).abs().max() <= 1


@pytest.mark.parametrize("name", ["rendered_steps", "pixel_steps"])
def test_a_curve_has_two_ends(name, person):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 2; got 1"):
        WholeCurves(person, **{name: 1})
