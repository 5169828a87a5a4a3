"""People with given attributes: the images of sample_population; switches change one attribute and no other."""

import pytest
import torch

from frlib.clouds import images_of
from frlib.faces import People, crowd, draw_population, sample_identities, sample_population, switched, switches
from frlib.faces.population import ATTRIBUTE_NAMES, PASSED, variants

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


@pytest.mark.parametrize(("crop", "size"), [("arcface", 112), ("wide", 150)])
def test_the_images_are_those_of_the_population(drawn, crop, size):
    _, attributes, latent, people = drawn
    images = sample_population(2, M, 3, size=size, crop=crop, progress=False).images
    rows = slice(M, 2 * M)
    alone = images_of(People(people[1], attributes[rows], latent[rows]), crop)
    assert torch.equal(alone, torch.as_tensor(images[rows]))
    rows = slice(0, 2 * M)
    together = images_of(People([people[0]] * M + [people[1]] * M, attributes[rows], latent[rows]), crop)
    assert torch.equal(together, torch.as_tensor(images))


def test_another_person_or_label_is_another_key(drawn):
    _, attributes, latent, people = drawn
    first = (attributes[:1], latent[:1])
    keys = [People(people[0], *first).key, People(people[1], *first).key]
    keys.append(People(people[0], first[0].assign(Big_Nose=~first[0].Big_Nose), first[1]).key)
    assert keys[0] == People([people[0]], *first).key
    assert keys[0] != keys[1] and keys[0] != keys[2] and keys[1] != keys[2]


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
    images = images_of(People(people[0], *switched(latent[:1], "Bald"))).float()
    assert images.shape == (2, 112, 112, 3)
    assert float((images[0] - images[1])[:30].abs().mean()) == pytest.approx(24.2, abs=0.1)


def test_switches_are_the_single_ones_one_after_another(drawn):
    _, _, latent, people = drawn
    names = ["Bald", "Smiling"]
    found = switches(people[0], latent[:1], names)
    alone = [People(people[0], *switched(latent[:1], name)).key for name in names]
    assert found.key["people"] == alone[0]["people"] + alone[1]["people"]
    assert found.table.Bald.tolist()[:2] == [False, True] and found.table.Smiling.tolist()[2:] == [False, True]
    with pytest.raises(ValueError, match="names must hold at least one attribute; got none"):
        switches(people[0], latent[:1], [])


def test_a_crowd_is_the_population_in_parts():
    parts, images = crowd(3, M, 3, together=2), sample_population(3, M, 3, progress=False).images
    assert [len(part.table) for part in parts] == [2 * M, M]
    assert torch.equal(torch.cat([images_of(part) for part in parts]), torch.as_tensor(images))
    with pytest.raises(ValueError, match="together must be an integer of at least 1; got 0"):
        crowd(3, M, 3, together=0)


def test_what_is_refused(drawn):
    _, attributes, latent, people = drawn
    for who, got in ((people[0], "2, 2 and 1"), (people[:3], "3, 2 and 1"), ([], "0, 2 and 1")):
        with pytest.raises(ValueError, match=f"the same number of rows, at least 1; got {got}"):
            People(who, attributes[:2], latent[:1])
    with pytest.raises(ValueError, match="name must be one of 'Male', .*; got 'Kind'"):
        switched(latent[:1], "Kind")
    with pytest.raises(ValueError, match="latent must have one row; got 2"):
        switched(latent[:2], "Male")
