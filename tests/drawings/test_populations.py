"""Populations through networks: the images of sample_population, kept; switches change one attribute and no other."""

import pytest
import torch

from frlib.drawings import populations, stored
from frlib.drawings.populations import draw_people, embed_people, switched
from frlib.faces import draw_population, render, sample_identities, sample_population
from frlib.faces.generator.head import load_head
from frlib.faces.population import ATTRIBUTE_NAMES, PASSED, variants
from tests.drawings.test_recognition import tiny

M = 2
#: Labels that a switch of another one takes with it.
TAKEN_ALONG = {
    "Bald": {"Black_Hair", "Brown_Hair", "Blond_Hair"},
    "Gray_Hair": {"Black_Hair", "Brown_Hair", "Blond_Hair"},
    "Male": {"Bald", "No_Beard", "Goatee", "Mustache", "Wearing_Lipstick", "Black_Hair", "Brown_Hair", "Blond_Hair"},
    "Chubby": {"Double_Chin"},
    "Smiling": {"Mouth_Slightly_Open"},
    "No_Beard": {"Goatee", "Mustache"},
    "Black_Hair": {"Brown_Hair"},
    "Brown_Hair": {"Black_Hair"},
    "Blond_Hair": {"Brown_Hair"},
}


@pytest.fixture(scope="module")
def drawn():
    """Return identities, attributes and latent values of a small population, and its people."""
    return *draw_population(40, M, 3), sample_identities(40, 3)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep results in an empty folder; the head is read before, from the user's cache."""
    load_head()
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))


@pytest.fixture
def calls(monkeypatch):
    """Count the drawings."""
    made = []

    def counted(*arguments, **options):
        made.append(options["crop"])
        return render(*arguments, **options)

    monkeypatch.setattr(populations, "render", counted)
    return made


def test_the_images_are_those_of_the_population_and_are_drawn_once_per_crop(drawn, calls):
    _, attributes, latent, people = drawn
    networks = [tiny("a"), tiny("b", seed=1), tiny("c", "wide", seed=2)]
    rows = slice(M, 2 * M)
    found = embed_people(networks, people[1], attributes[rows], latent[rows])
    again = embed_people(networks, people[1], attributes[rows], latent[rows])
    assert calls == ["arcface", "wide"]
    for network, size in zip(networks, (112, 112, 150), strict=True):
        images = sample_population(2, M, 3, size=size, crop=network.crop, progress=False).images[rows]
        expected = network.embed(images, progress=False)
        torch.testing.assert_close(found[network.name], expected, rtol=1e-5, atol=1e-6)
        assert torch.equal(found[network.name], again[network.name])


def test_several_people_at_once_are_each_one_alone(drawn):
    _, attributes, latent, people = drawn
    rows = slice(M, 3 * M)
    together = embed_people([tiny("a")], [people[1], people[1], people[2], people[2]], attributes[rows], latent[rows])
    for k in (1, 2):
        own = slice(k * M, (k + 1) * M)
        alone = embed_people([tiny("a")], people[k], attributes[own], latent[own])["a"]
        torch.testing.assert_close(together["a"][(k - 1) * M : k * M], alone, rtol=1e-5, atol=1e-6)


def test_another_generator_person_or_label_draws_again(drawn, calls, monkeypatch):
    _, attributes, latent, people = drawn
    first = (attributes[:1], latent[:1])
    embed_people([tiny("a")], people[0], *first)
    embed_people([tiny("a")], people[1], *first)
    embed_people([tiny("a")], people[0], first[0].assign(Big_Nose=~first[0].Big_Nose), first[1])
    monkeypatch.setattr(stored, "GENERATOR", stored.GENERATOR + 1)
    embed_people([tiny("a")], people[0], *first)
    assert len(calls) == 4


@pytest.mark.parametrize("name", ATTRIBUTE_NAMES)
def test_a_switch_changes_its_label_and_what_cannot_stay(drawn, name):
    _, _, latent, _ = drawn
    for k in range(len(latent)):
        attributes, both = switched(latent[k : k + 1], name)
        assert attributes[name].tolist() == [False, True]
        differ = {a for a in ATTRIBUTE_NAMES if attributes[a][0] != attributes[a][1]}
        assert differ - {name} <= TAKEN_ALONG.get(name, set())
        assert (both[["head_angle", "illumination", "place"]].nunique() == 1).all()


@pytest.mark.parametrize("name", ATTRIBUTE_NAMES)
def test_the_label_and_nothing_else_reaches_the_renderer(drawn, name):
    """What differs between the two images is what the attribute means: traits, or values given to the renderer."""
    _, _, latent, people = drawn
    attributes, both = switched(latent[:1], name)
    off, on = (dict(v.changes) for v in variants([people[0]] * 2, attributes, both))
    given = {c for c in PASSED if both[c].nunique() > 1}
    expected = {"Young": {"age"}, "Smiling": {"expression"}, "Mouth_Slightly_Open": {"expression"}}
    expected |= {"Blurry": {"image_quality"}} | {f"{c}_Hair": {"hair_color"} for c in ("Black", "Brown", "Blond")}
    assert given == expected.get(name, set())
    if name not in expected:
        assert off != on


def test_a_man_stays_a_man_where_the_attribute_needs_one(drawn):
    _, _, latent, _ = drawn
    for name, male in (("Bald", True), ("Goatee", True), ("No_Beard", True), ("Wearing_Lipstick", False)):
        for k in range(0, len(latent), 9):
            assert (switched(latent[k : k + 1], name)[0]["Male"] == male).all()


def test_a_switched_person_is_drawn_with_and_without(drawn):
    _, _, latent, people = drawn
    images = draw_people(people[0], *switched(latent[:1], "Bald"), crop="arcface").float()
    assert images.shape == (2, 112, 112, 3)
    assert float((images[0] - images[1])[:30].abs().mean()) == pytest.approx(24.2, abs=0.1)


def test_what_is_refused(drawn):
    _, attributes, latent, people = drawn
    with pytest.raises(ValueError, match="embedders must hold at least one FaceEmbedder; got none"):
        embed_people([], people[0], attributes[:1], latent[:1])
    for who, got in ((people[0], "2, 2 and 1"), (people[:3], "3, 2 and 1"), ([], "0, 2 and 1")):
        with pytest.raises(ValueError, match=f"the same number of rows, at least 1; got {got}"):
            embed_people([tiny("a")], who, attributes[:2], latent[:1])
    with pytest.raises(ValueError, match="name must be one of 'Male', .*; got 'Kind'"):
        switched(latent[:1], "Kind")
    with pytest.raises(ValueError, match="latent must have one row; got 2"):
        switched(latent[:2], "Male")
