"""Images along curves: ranges, steps, prefixes, and that a network recognises the people."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.faces import ATTRIBUTES, Curves, Tangents, render, sample_curves, sample_identities
from frlib.faces.attributes import PIXELS, RENDERED
from frlib.faces.curves import STEPS
from frlib.faces.pixels import change
from frlib.geometry import verification
from frlib.models import load

N = 4
SOMEBODY = SimpleNamespace(index=0)


def reach(step: float | None = None) -> dict[str, float]:
    """Return the length of a step in each attribute's own unit."""
    return {name: (step or STEPS[a.kind]) * (a.high - a.low) for name, a in ATTRIBUTES.items()}


@pytest.fixture(scope="module")
def curves(person):
    return sample_curves(person, N, seed=3, size=64)


@pytest.fixture
def recorder():
    """Return a source that draws grey images and keeps what it was asked for."""
    asked = []

    def draw(identity, attributes, *, size, crop, dtype):
        asked.append(attributes)
        return torch.full((len(attributes["age"]), size, size, 3), 128.0)

    return SimpleNamespace(render=draw, asked=asked)


def test_shapes_types_and_names(curves):
    assert curves.center.shape == (N, 64, 64, 3) and curves.center.dtype == torch.uint8
    for ends in (curves.minus, curves.plus):
        assert set(ends) == set(ATTRIBUTES)
        assert all(images.shape == curves.center.shape and images.dtype == torch.uint8 for images in ends.values())
    assert curves.table.shape == (N, 5) and list(curves.table) == list(RENDERED)


def test_centres_are_drawn_from_the_table(person, curves):
    assert torch.equal(render(person, curves.table.to_dict("list"), size=64), curves.center)


@pytest.mark.parametrize("name", RENDERED)
def test_ends_differ_from_the_centre_in_one_attribute_by_one_step(person, curves, name):
    for ends, sign in ((curves.minus, -1), (curves.plus, 1)):
        moved = curves.table.assign(**{name: curves.table[name] + sign * reach()[name]})
        assert torch.equal(render(person, moved.to_dict("list"), size=64), ends[name])


@pytest.mark.parametrize("name", PIXELS)
def test_low_level_ends_are_pixel_operations_on_the_exact_centre(person, curves, name):
    exact = render(person, curves.table.to_dict("list"), size=64, dtype=torch.float32)
    for ends, sign in ((curves.minus, -1), (curves.plus, 1)):
        expected = change(exact, {name: torch.full((N,), sign * reach()[name])}).round().to(torch.uint8)
        assert torch.equal(ends[name], expected)


def test_both_ends_differ_from_the_centre_and_from_each_other(curves):
    center = curves.center.float()
    for name in ATTRIBUTES:
        minus, plus = curves.minus[name].float(), curves.plus[name].float()
        for a, b in ((minus, center), (plus, center), (minus, plus)):
            assert ((a - b).abs().mean(dim=(1, 2, 3)) > 0.05).all(), name


def test_float_images_are_the_bytes_before_rounding(person, curves):
    exact = sample_curves(person, N, seed=3, size=64, dtype=torch.float32)
    pairs = [(exact.center, curves.center)]
    pairs += [(a[n], b[n]) for a, b in ((exact.minus, curves.minus), (exact.plus, curves.plus)) for n in ATTRIBUTES]
    for images, rounded in pairs:
        assert images.dtype == torch.float32 and torch.equal(images.round().to(torch.uint8), rounded)
        assert not torch.equal(images, rounded.float())


@settings(max_examples=40)
@given(step=st.one_of(st.none(), st.floats(0.01, 0.49)), seed=st.integers(0, 1000), n=st.integers(1, 60))
def test_every_step_stays_inside_its_range(step, seed, n):
    table = Curves(SOMEBODY, n, step, seed=seed).table
    for name in RENDERED:
        low, high, margin = ATTRIBUTES[name].low, ATTRIBUTES[name].high, reach(step)[name]
        assert table[name].min() >= low + margin - 1e-9 and table[name].max() <= high - margin + 1e-9


@pytest.mark.parametrize("step", [0.4999999, 1e-4, None])
def test_what_is_drawn_is_never_refused(person, recorder, step):
    sample_curves(person, 200, step=step, seed=1, size=16, source=recorder)
    assert [len(attributes["age"]) for attributes in recorder.asked] == [200 * (1 + 2 * len(RENDERED))]
    for attributes in recorder.asked:
        assert set(attributes) == set(RENDERED)
        for name, values in attributes.items():
            assert ATTRIBUTES[name].low <= min(values) and max(values) <= ATTRIBUTES[name].high


@settings(max_examples=40)
@given(n=st.integers(1, 40), k=st.integers(1, 40), seed=st.integers(0, 1000))
def test_centres_are_the_start_of_a_larger_set(n, k, seed):
    longer, shorter = (Curves(SOMEBODY, m, seed=seed).table for m in (n + k, n))
    np.testing.assert_array_equal(longer[:n], shorter)


def test_another_attribute_moves_no_centre(monkeypatch):
    before = Curves(SOMEBODY, 9, seed=4).table
    monkeypatch.setitem(ATTRIBUTES, "tilt", ATTRIBUTES["head_angle"])
    monkeypatch.setattr("frlib.faces.curves.RENDERED", ("tilt", *RENDERED))
    after = Curves(SOMEBODY, 9, seed=4).table
    assert list(after) == ["tilt", *RENDERED] and after[list(RENDERED)].equals(before)
    assert not np.allclose(after.tilt, after.head_angle)


def test_seeds_give_other_centres_and_centres_fill_their_ranges():
    tables = [Curves(SOMEBODY, 400, seed=seed).table for seed in (0, 1)]
    assert not np.allclose(*tables)
    for name in RENDERED:
        low, high = ATTRIBUTES[name].low + reach()[name], ATTRIBUTES[name].high - reach()[name]
        assert tables[0][name].mean() == pytest.approx((low + high) / 2, abs=0.05 * (high - low))
    assert np.abs(np.corrcoef(tables[0].T) - np.eye(5)).max() < 0.2  # independent


def test_curves_are_the_start_of_longer_curves(person, curves):
    longer = sample_curves(person, N + 1, seed=3, size=64)
    assert torch.equal(longer.center[:N], curves.center)
    assert torch.equal(longer.plus["age"][:N], curves.plus["age"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_points": 0}, "n_points must be an integer of at least 1; got 0"),
        ({"n_points": 2.0}, "n_points must be an integer of at least 1; got 2.0"),
        ({"step": 0}, "step must lie between 0 and 0.5, as a share of the range; got 0"),
        ({"step": 0.5}, "step must lie between 0 and 0.5, as a share of the range; got 0.5"),
        ({"step": float("nan")}, "step must lie between 0 and 0.5, as a share of the range; got nan"),
        ({"crop": "tight"}, "crop must be one of None, 'arcface', 'wide', 'mtcnn'; got 'tight'"),
        ({"attributes": ("hue", "mood")}, "attributes must be one of .*; got 'mood'"),
        ({"margin": 0.1}, "margin must be at least the step of rendered attributes, 0.167, and below 0.5; got 0.1"),
        ({"step": 0.2, "margin": 0.5}, "margin must be at least .*, 0.2, and below 0.5; got 0.5"),
        ({"dtype": torch.float64}, "dtype must be one of torch.uint8, torch.float32; got torch.float64"),
        ({"size": 8}, "size must be an integer of at least 16; got 8"),
        pytest.param(
            {"seed": -1},
            "seed must be an integer of at least 0; got -1",
        ),
    ],
)
def test_what_is_refused(person, options, message):
    with pytest.raises(ValueError, match=message):
        Curves(person, **({"n_points": 2, "size": 16} | options))


def test_centres_do_not_depend_on_the_step_and_ends_approach_them(person):
    def gap(step):
        drawn = Curves(person, 2, step, 0.25, attributes=("age", "hue"), dtype=torch.float32)
        return drawn.center, [(drawn.plus[n] - drawn.center).norm() for n in ("age", "hue")]

    (wide, far), (narrow, near) = gap(0.25), gap(1 / 24)
    assert torch.equal(wide, narrow)
    assert all(n < f for n, f in zip(near, far, strict=True))
    assert torch.equal(wide, next(Tangents(person, 2, "hue", 0.25).draw(["arcface"]))["arcface"]["points"])


def test_rounding_moves_no_pixel_by_more_than_half(person):
    rounded, exact = (Curves(person, 1, attributes=("hue",), dtype=d) for d in (torch.uint8, torch.float32))
    assert rounded.center.dtype == torch.uint8
    for a, b in ((rounded.center, exact.center), (rounded.plus["hue"], exact.plus["hue"])):
        assert (a - b).abs().max() <= 0.5


def test_attributes_without_a_derivative_are_refused(person):
    with pytest.raises(ValueError, match="attribute must be one of .*; got 'age'"):
        Tangents(person, 1, "age")
    with pytest.raises(ValueError, match="margin must be at least 0 and below 0.5; got 0.5"):
        Tangents(person, 1, "hue", 0.5)


def test_several_identities_are_refused(people, recorder):
    with pytest.raises(ValueError, match="identity"):
        sample_curves(people, len(people), size=16)


def test_a_network_recognises_the_people():
    """Twelve people, five images each, that differ in angle, expression and light."""
    rng = np.random.default_rng(0)
    crowd = [person for person in sample_identities(12, seed=7) for _ in range(5)]
    values = {
        "head_angle": rng.uniform(-20, 20, 60),
        "expression": rng.uniform(0, 1, 60),
        "illumination": rng.uniform(-50, 50, 60),
    }
    embeddings = load("mobilefacenet", device="cpu").embed(render(crowd, values), progress=False)
    found = verification(embeddings, [person.index for person in crowd], metric="cosine", far=[1e-2])
    assert found["auc"] >= 0.99
