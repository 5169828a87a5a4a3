"""Variants of the curves: the usual images by default, shared centres, and one thing changed at a time."""

import pytest
import torch

from frlib.datasets import Detection
from frlib.drawings import variants as variants_module
from frlib.drawings.derivatives import embed_tangents, push_forward
from frlib.drawings.variants import Variant, embed_variants, variant_images
from frlib.faces import ATTRIBUTES, render, sample_curves, sample_identities
from frlib.faces.crops import IMAGE_SIZES
from frlib.faces.generator.head import load_head
from frlib.models import load


@pytest.fixture(scope="module")
def person():
    return sample_identities(1)[0]


@pytest.fixture(scope="module")
def embedder():
    return load("mobilefacenet", "cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch, embedder):
    """Keep results in an empty folder for one test; head and network are read before, from the user's cache."""
    load_head()
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("crop", ["arcface", "wide"])
def test_the_default_variant_draws_the_usual_images(person, crop):
    usual = sample_curves(person, 2, seed=3, crop=crop, size=IMAGE_SIZES[crop])
    drawn = variant_images(person, 2, Variant(), crop, 3)
    assert torch.equal(drawn["center"], usual.center)
    for name in ATTRIBUTES:
        assert torch.equal(drawn[f"minus {name}"], usual.minus[name])
        assert torch.equal(drawn[f"plus {name}"], usual.plus[name])
    assert len(drawn) == 1 + 2 * len(ATTRIBUTES)


def test_centres_do_not_depend_on_the_step_and_ends_approach_them(person):
    def gap(step):
        drawn = variant_images(person, 2, Variant(("age", "hue"), step, margin=0.25, rounded=False), "arcface", 0)
        return drawn["center"], [(drawn[f"plus {n}"] - drawn["center"]).norm() for n in ("age", "hue")]

    (wide, far), (narrow, near) = gap(0.25), gap(1 / 24)
    assert torch.equal(wide, narrow)
    assert all(n < f for n, f in zip(near, far, strict=True))


def test_rounding_moves_no_pixel_by_more_than_half(person):
    rounded, exact = (variant_images(person, 1, Variant(("hue",), rounded=r), "arcface", 0) for r in (True, False))
    for name, images in exact.items():
        assert rounded[name].dtype == torch.uint8
        assert (rounded[name] - images).abs().max() <= 0.5


def test_detector_crops_have_the_size_of_the_crop_and_differ_from_those_of_the_mesh(person):
    mesh, detector = (
        variant_images(person, 2, Variant(("hue",), aligned=a), "arcface", 0) for a in ("mesh", "detector")
    )
    assert detector["center"].shape == mesh["center"].shape
    difference = (detector["center"].float() - mesh["center"].float()).abs().mean(dim=(1, 2, 3))
    assert difference.tolist() == pytest.approx([12.18, 13.44], abs=0.1)  # grey levels; two people differ by 42


def test_landmarks_of_the_centre_cut_both_ends_alike(person):
    """Where an end equals the centre, its crop does too; with landmarks of its own it need not."""
    drawn = variant_images(person, 2, Variant(("hue",), step=1e-9, aligned="center"), "arcface", 0)
    assert torch.equal(drawn["plus hue"], drawn["center"])
    center, each = (
        variant_images(person, 2, Variant(("age",), aligned=a), "arcface", 0) for a in ("center", "detector")
    )
    assert torch.equal(center["center"], each["center"])
    assert not torch.equal(center["plus age"], each["plus age"])


def test_variants_that_differ_in_rounding_share_the_drawing(person, embedder, monkeypatch):
    calls = []
    monkeypatch.setattr(variants_module, "render", lambda *a, **k: calls.append(k) or render(*a, **k))
    few = {"attributes": ("age",), "margin": 0.25}
    embed_variants([embedder], person, 1, [Variant(**few), Variant(**few, rounded=False)])
    assert len(calls) == 3
    embed_variants([embedder], person, 1, [Variant(**few, step=0.1)])
    assert len(calls) == 6


def test_a_face_that_is_not_found_is_an_error(person, monkeypatch):
    missing = Detection(torch.tensor([True, False]), torch.tensor([1.0, torch.nan]), torch.zeros(2, 5, 2))
    monkeypatch.setattr(variants_module, "detect", lambda images, margin: missing)
    with pytest.raises(ValueError, match="the detector finds no face in image 1"):
        variant_images(person, 2, Variant((), aligned="detector"), "arcface", 0)


def test_a_forced_crop_reaches_the_network(person, embedder):
    found = embed_variants([embedder], person, 1, [Variant(("hue",), crop="wide")])[0]["mobilefacenet"]
    images = variant_images(person, 1, Variant(("hue",)), "wide", 0)
    torch.testing.assert_close(
        found.plus["hue"], embedder.embed(images["plus hue"], progress=False), rtol=1e-4, atol=1e-3
    )
    assert set(found.minus) == set(found.plus) == {"hue"}


def test_results_are_kept_and_every_part_of_a_variant_tells_them_apart(person, embedder, own_cache):
    few = {"attributes": ("hue",), "margin": 0.25}
    variants = [Variant(**few | extra) for extra in ({}, {"step": 0.1}, {"crop": "wide"}, {"rounded": False})]
    variants += [Variant(**few | {"margin": 0.3}), Variant(**few | {"shadows": False})]
    for _ in range(2):
        embed_variants([embedder], person, 1, variants)
        assert len(list((own_cache / "results").glob("variant-*"))) == len(variants)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attributes": ("hue", "mood")}, "attributes must be one of .*; got 'mood'"),
        ({"crop": "narrow"}, "crop must be one of .*; got 'narrow'"),
        ({"aligned": "hand"}, "aligned must be one of 'mesh', 'detector', 'center'; got 'hand'"),
        ({"step": 0.5}, "step must lie between 0 and 0.5, as a share of the range; got 0.5"),
        ({"step": 0.2}, "margin must be at least the step of drawn attributes, 0.2, and below 0.5; got 0.16"),
        ({"aligned": "detector", "rounded": False}, "rounded must be True for crops aligned by a detector"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=message):
        Variant(**options)


# ------------------------------------------------------------------------------------------------ exact derivatives


@pytest.mark.parametrize("name", ["illumination", "hair_color"])
def test_the_derivative_is_the_limit_of_differences(person, embedder, name):
    """Differences with a small step agree with it, without rounding, and without shadows for light.

    Not for brightness: where the centre is clipped, a difference holds half a one-sided derivative, and the tangent 0.
    """
    center, derivative = embed_tangents(embedder, person, 1, attributes=(name,), margin=0.25)[name]
    variant = Variant((name,), step=0.002, margin=0.25, rounded=False, shadows=name != "illumination")
    curves = embed_variants([embedder], person, 1, [variant])[0]["mobilefacenet"]
    torch.testing.assert_close(center, curves.points, rtol=1e-4, atol=1e-3)
    span = 2 * 0.002 * (ATTRIBUTES[name].high - ATTRIBUTES[name].low)
    difference = (curves.plus[name] - curves.minus[name]) / span
    assert float((difference - derivative).norm() / derivative.norm()) < 0.05


def test_the_push_forward_is_linear_in_the_direction(person, embedder):
    images = render(person, {"age": [20.0, 60.0]}, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(images.shape, generator=generator) for _ in range(2))
    both = push_forward(embedder, images, first - 2 * second)
    parts = push_forward(embedder, images, first) - 2 * push_forward(embedder, images, second)
    torch.testing.assert_close(both, parts, rtol=1e-3, atol=1e-3 * float(both.abs().max()))


def test_attributes_without_a_derivative_are_refused(person, embedder):
    with pytest.raises(ValueError, match="attributes must be one of .*; got 'age'"):
        embed_tangents(embedder, person, 1, attributes=("age",), margin=0.25)
    with pytest.raises(ValueError, match="margin must be at least 0 and below 0.5; got 0.5"):
        embed_tangents(embedder, person, 1, margin=0.5)
