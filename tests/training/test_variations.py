"""Sets of fixed images and their variations: rows, names and parts, what is drawn for them, what is refused."""

from dataclasses import replace

import pytest
import torch

from frlib import store
from frlib.datasets import Detected
from frlib.faces import Curves, Portraits, Tangents, sample_identities
from frlib.faces.generator.head import load_head
from frlib.training import NOTHING, Variations, draw_variations

ATTRIBUTES = ("hue", "expression")
NAMES = ("age", "age", "hue", "hue", NOTHING, NOTHING)


def noise(*shape, seed=0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def variations(n=3, names=NAMES) -> Variations:
    return Variations(noise(n, 4, 4, 3), noise(n, len(names), 4, 4, 3, seed=1), names)


# ---------------------------------------------------------------------------------------------------- the container


def test_attributes_are_the_names_each_once_in_their_order():
    assert variations().attributes == ("age", "hue", NOTHING)
    assert variations(names=("hue", "age", "hue", "age")).attributes == ("hue", "age")


def test_a_part_has_the_variations_in_these_attributes_and_all_identities():
    given = variations()
    for wanted in (["age", NOTHING], [NOTHING, "age"], (NOTHING, "age")):
        part = given.only(wanted)
        assert part.names == ("age", "age", NOTHING, NOTHING) and torch.equal(part.fixed, given.fixed)
        assert torch.equal(part.varied, given.varied[:, [0, 1, 4, 5]])


@pytest.mark.parametrize(
    ("fixed", "varied", "names", "message"),
    [
        ((1, 4, 4, 3), (1, 2, 4, 4, 3), "ab", "the number of identities must be an integer of at least 2; got 1"),
        ((2, 4, 5, 3), (2, 2, 4, 5, 3), "ab", r"images must be square RGB images .*; got shape \(2, 4, 5, 3\)"),
        ((2, 4, 4, 3), (2, 4, 4, 3), "ab", r"varied must have shape \(2, V, 4, 4, 3\) .*; got \(2, 4, 4, 3\)"),
        ((2, 4, 4, 3), (3, 2, 4, 4, 3), "ab", r"varied must have shape \(2, V, 4, 4, 3\) .*; got \(3, 2, 4, 4, 3\)"),
        ((2, 4, 4, 3), (2, 2, 5, 5, 3), "ab", r"varied must have shape \(2, V, 4, 4, 3\) .*; got \(2, 2, 5, 5, 3\)"),
        ((2, 4, 4, 3), (2, 0, 4, 4, 3), "", "varied must hold at least one variation: no identity has two images"),
        ((2, 4, 4, 3), (2, 2, 4, 4, 3), "a", "names must be one per variation, 2; got 1"),
    ],
)
def test_sets_that_do_not_fit_are_refused(fixed, varied, names, message):
    with pytest.raises(ValueError, match=message):
        Variations(noise(*fixed), noise(*varied), tuple(names))


@pytest.mark.parametrize("part", ["fixed", "varied"])
@pytest.mark.parametrize("value", [torch.nan, 256.0, -1.0])
def test_values_that_are_no_colours_are_refused(part, value):
    given = variations()
    wrong = getattr(given, part).float()
    wrong[(1,) * wrong.ndim] = value
    with pytest.raises(ValueError, match=r"images must lie in 0..255 and be finite; got values from"):
        replace(given, **{part: wrong})


def test_an_attribute_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="attributes must be one of 'age', 'hue', 'nothing'; got 'pose'"):
        variations().only(["age", "pose"])
    with pytest.raises(ValueError, match="varied must hold at least one variation"):
        variations().only([])


# ---------------------------------------------------------------------------------------------------- what is drawn


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep images in an empty folder; the head is read before, from the user's cache."""
    load_head()
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    return tmp_path


def curves(count=2, n_points=1, **options) -> list[Curves]:
    options = {"attributes": ATTRIBUTES, "size": 32} | options
    return [Curves(person, n_points, seed=3, **options) for person in sample_identities(count)]


def drawn(drawings, *crop) -> Variations:
    return draw_variations(drawings, *crop, n_jobs=1, progress=False)


def test_ends_and_copies_of_each_person_in_the_order_of_the_names():
    people = curves(3)
    found = drawn(people)
    assert found.fixed.shape == (3, 32, 32, 3) and found.varied.shape == (3, 6, 32, 32, 3)
    assert found.fixed.dtype == found.varied.dtype == torch.uint8
    assert found.names == ("hue", "hue", "expression", "expression", NOTHING, NOTHING)
    for row, person in enumerate(people):
        images = person.images("arcface", 32)
        assert torch.equal(found.fixed[row], images["points"][0])
        ends = [images[f"{end} {name}"][0] for name in ATTRIBUTES for end in ("minus", "plus")]
        assert torch.equal(found.varied[row, :4], torch.stack(ends))
        assert all(torch.equal(found.varied[row, k], found.fixed[row]) for k in (4, 5))
        assert not any(torch.equal(found.varied[row, k], found.fixed[row]) for k in range(4))


def test_images_are_drawn_once_for_each_crop(monkeypatch):
    calls, draw = [], Curves.images
    monkeypatch.setattr(Curves, "images", lambda self, *a: calls.append((self.identity.index, *a)) or draw(self, *a))
    first, again, wide = drawn(curves()), drawn(curves()), drawn(curves(), "wide")
    assert calls == [(0, "arcface", 32), (1, "arcface", 32), (0, "wide", 32), (1, "wide", 32)]
    assert torch.equal(first.fixed, again.fixed) and torch.equal(first.varied, again.varied)
    assert not torch.equal(wide.fixed, first.fixed)
    drawn(curves(3))
    assert calls[4:] == [(2, "arcface", 32)]


def test_a_damaged_file_of_images_is_drawn_again():
    first = drawn(curves())
    path = min(store.cache_folder("results").glob("curves-images-*"))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.warns(UserWarning, match="it is rebuilt"):
        assert torch.equal(drawn(curves()).varied, first.varied)


@pytest.mark.parametrize(
    ("drawings", "message"),
    [
        (lambda: [], "the number of drawings must be an integer of at least 2; got 0"),
        (lambda: curves(1), "the number of drawings must be an integer of at least 2; got 1"),
        (lambda: curves(2, 2), r"one point each and the attributes .*; got one with 2 points and \('hue', 'expr"),
        (
            lambda: curves() + curves(attributes=("hue",)),
            r"attributes \('hue', 'expression'\); got one with 1 points and \('hue',\)",
        ),
        (
            lambda: curves() + curves(attributes=ATTRIBUTES[::-1]),
            r"attributes \('hue', 'expression'\); got one with 1 points and \('expression', 'hue'\)",
        ),
        (
            lambda: [Portraits(person, 1) for person in sample_identities(2)],
            "a point and both ends of each curve; got portraits of {'points': 1}",
        ),
        (
            lambda: [Tangents(person, 1, "hue") for person in sample_identities(2)],
            "a point and both ends of each curve; got tangents of {.*'along hue': 1",
        ),
    ],
)
def test_drawings_that_make_no_set_are_refused(drawings, message):
    with pytest.raises(ValueError, match=message):
        drawn(drawings())


def test_a_point_in_which_no_face_is_found_is_refused(monkeypatch):
    nothing = {"points": noise(0, 32, 32, 3), "minus hue": noise(0, 32, 32, 3), "plus hue": noise(0, 32, 32, 3)}
    monkeypatch.setattr(Detected, "draw", lambda self, crops: iter([{crop: nothing for crop in crops}]))
    with pytest.raises(ValueError, match="a point and both ends of each curve; got detected-curves of {'points': 0"):
        drawn([Detected(drawing) for drawing in curves(attributes=("hue",))])


def test_the_first_identities_are_the_first_rows():
    given = variations(4)
    part = given.first(2)
    assert torch.equal(part.fixed, given.fixed[:2]) and torch.equal(part.varied, given.varied[:2])
    with pytest.raises(ValueError, match="n must lie between 2 and 4; got 5"):
        given.first(5)
