"""Populations: rates, flips and correlations are those of the table; images follow the attributes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm

from frlib.faces import population
from frlib.faces.generator.renderer import render
from frlib.faces.identity import sample_identities
from frlib.faces.population import (
    ATTRIBUTE_NAMES,
    CORRELATIONS,
    LATENTS,
    TABLE,
    changes_of,
    draw_population,
    sample_population,
)

N, M = 4000, 6
ROWS = {row.name: row for row in TABLE}
#: Rows whose condition, if any, is the same in all images of an identity.
STEADY = [row.name for row in TABLE if row.among in ("", "Male", "Female", "Chubby") and row.name != "Beard"]


@pytest.fixture(scope="module")
def drawn():
    return draw_population(N, M, 5)


@pytest.fixture
def source():
    """Return a source that draws grey images and keeps whom it drew."""
    asked = []

    def draw(identities, attributes, *, size, crop):
        asked.append((identities, attributes))
        return torch.full((len(identities), size, size, 3), 100, dtype=torch.uint8)

    return SimpleNamespace(sample_identities=sample_identities, render=draw, asked=asked)


def within(name: str, attributes: pd.DataFrame) -> np.ndarray:
    """Return the images where an attribute can be true."""
    among = ROWS[name].among
    return (
        ~attributes["Male"] if among == "Female" else attributes[among] if among else attributes["Male"] | True
    ).values


@pytest.mark.parametrize("name", STEADY)
def test_identities_and_images_hold_an_attribute_as_often_as_the_table_says(drawn, name):
    _, attributes, latent = drawn
    row, possible = ROWS[name], within(name, attributes)
    own = latent[f"z_{name}"].to_numpy() > norm.isf(row.rate)
    n = possible[::M].sum()
    assert abs(own[possible].mean() - row.rate) < 4 * np.sqrt(row.rate * (1 - row.rate) / n)
    shown = row.rate * (1 - 2 * row.flip) + row.flip
    assert abs(attributes[name][possible].mean() - shown) < 4 * np.sqrt(shown * (1 - shown) / n)
    assert not attributes[name][~possible].any()


@pytest.mark.parametrize("name", STEADY)
def test_images_differ_from_their_identity_as_often_as_the_table_says(drawn, name):
    _, attributes, latent = drawn
    row, possible = ROWS[name], within(name, attributes)
    flipped = ((latent[f"z_{name}"] > norm.isf(row.rate)) != attributes[name])[possible]
    assert abs(flipped.mean() - row.flip) <= 4 * np.sqrt(row.flip * (1 - row.flip) / len(flipped))


def test_fixed_attributes_are_constant_within_identities_and_others_are_not(drawn):
    identities, attributes, _ = drawn
    varies = attributes.groupby(identities).nunique().max() > 1
    for name in STEADY:
        assert varies[name] == (ROWS[name].flip > 0), name


def test_correlations_are_recovered(drawn):
    _, _, latent = drawn
    values = latent[[f"z_{name}" for name in LATENTS]][::M].set_axis(LATENTS, axis=1)
    expected = population.correlation_matrix()
    assert np.abs(values.corr() - expected).to_numpy().max() < 5 / np.sqrt(N)
    assert {(a, b): expected.loc[a, b] for a, b, _ in CORRELATIONS} == {(a, b): r for a, b, r in CORRELATIONS}


def test_men_are_shaven_as_often_as_the_table_says(drawn):
    _, attributes, latent = drawn
    row, men = ROWS["Beard"], attributes["Male"]
    own = latent["z_Beard"] > norm.isf(row.rate)
    flipped = (own == attributes["No_Beard"])[men].mean()
    assert abs(flipped - row.flip) < 4 * np.sqrt(row.flip * (1 - row.flip) / men.sum())
    assert abs(own[men].mean() - row.rate) < 4 * np.sqrt(row.rate * (1 - row.rate) / men[::M].sum())


def test_skin_is_pale_only_where_the_label_says_so():
    none = dict.fromkeys(ATTRIBUTE_NAMES, False) | {"No_Beard": True}
    tones = [dict(changes_of(none | {"Pale_Skin": pale}, "full", 0.0))["tone"] for pale in (False, True)]
    assert tones == [0.6, 0.1]
    assert dict(changes_of(none | {"Blond_Hair": True}, "full", 4.5))["tone"] == 1.8


def test_impossible_correlations_are_refused(monkeypatch):
    wrong = (("Male", "Young", 0.9), ("Young", "Chubby", 0.9), ("Male", "Chubby", -0.9))
    monkeypatch.setattr(population, "CORRELATIONS", wrong)
    with pytest.raises(ValueError, match="positive definite matrix; its smallest eigenvalue is -"):
        draw_population(2, 2, 0)


def test_rows_with_a_condition_keep_their_rate():
    """A row that holds among men must not be correlated with Male, or its rate among them would differ."""
    matrix = population.correlation_matrix()
    for row in TABLE:
        if row.among:
            assert matrix.loc[row.name, "Male" if row.among == "Female" else row.among] == 0


def test_attributes_agree_with_each_other_and_with_what_is_drawn(drawn):
    _, a, latent = drawn
    assert len(ATTRIBUTE_NAMES) == 24 and list(a) == list(ATTRIBUTE_NAMES) and set(a.dtypes) == {np.dtype(bool)}
    hair = a[["Black_Hair", "Brown_Hair", "Blond_Hair"]].sum(axis=1)
    assert (hair == ~(a["Gray_Hair"] | a["Bald"])).all()
    assert not (a["No_Beard"] & (a["Goatee"] | a["Mustache"])).any() and not (a["Goatee"] & a["Mustache"]).any()
    assert a.loc[~a["Male"], "No_Beard"].all() and not a.loc[a["Male"], "Wearing_Lipstick"].any()
    assert ((latent["age"] < 40) == a["Young"]).all()
    assert ((latent["expression"] > 0.3) == a["Smiling"]).all()
    assert ((latent["image_quality"] < 0) == a["Blurry"]).all()


def test_a_population_is_the_start_of_a_larger_one():
    for small, large in zip(draw_population(3, 4, 9), draw_population(8, 4, 9), strict=True):
        assert pd.DataFrame(small).equals(pd.DataFrame(large)[:12])
    assert not draw_population(3, 4, 9)[2].equals(draw_population(3, 4, 10)[2])


def test_images_are_asked_for_by_identity_with_few_variants(source):
    found = sample_population(3, 40, 1, source, size=16, progress=False)
    assert found.images.shape == (120, 16, 16, 3) and found.images.dtype == np.uint8
    assert len(found.attributes) == len(found.latent) == len(found.identities) == 120
    for index, (people, attributes) in enumerate(source.asked):
        assert {p.index for p in people} == {index} and len(set(people)) <= 4
        assert set(attributes) == set(population.PASSED)
        assert all(len(values) == 40 for values in attributes.values())


def test_images_are_drawn_again_alike():
    first, again = (sample_population(1, 2, 3, size=32, progress=False) for _ in range(2))
    np.testing.assert_array_equal(first.images, again.images)
    assert first.images.std() == pytest.approx(36.54, abs=0.1)


#: Traits that `frlib.faces.generator.appearance` does not draw yet; the marks are strict, so they go when it does.
DRAWN = [row.name for row in TABLE if row.on]


@pytest.mark.parametrize("name", DRAWN)
def test_an_attribute_that_changes_traits_changes_pixels(name):
    """Everything off except what the attribute needs; then the attribute on."""
    row, base = ROWS[name], dict.fromkeys(ATTRIBUTE_NAMES, False) | {"No_Beard": True, "Male": True}
    if row.among:
        base |= {"Male": row.among != "Female"} | ({"Chubby": True} if row.among == "Chubby" else {})
    changed = base | ({"No_Beard": False} if name == "Beard" else {name: not base[name]})
    person = sample_identities(1, 2)[0]
    pair = [replace(person, changes=changes_of(values, "short", 1.0)) for values in (base, changed)]
    a, b = render(pair, {"hair_color": 0.1}, size=64, dtype=torch.float32)
    assert (a - b).abs().mean() > 0.05


def test_a_beard_leaves_the_rest_of_the_face_alone():
    none = dict.fromkeys(ATTRIBUTE_NAMES, False) | {"Male": True}
    person = sample_identities(1, 2)[0]
    pair = [replace(person, changes=changes_of(none | {"No_Beard": no}, "short", 1.0)) for no in (True, False)]
    a, b = render(pair, {"hair_color": 0.1}, size=64, dtype=torch.float32)
    assert torch.equal(a[:30], b[:30]) and not torch.equal(a[45:], b[45:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_identities": 0}, "n_identities must be an integer of at least 1; got 0"),
        ({"images_per_identity": 1.5}, "images_per_identity must be an integer of at least 1; got 1.5"),
        ({"seed": -1}, "seed must be an integer of at least 0; got -1"),
        ({"size": 8}, "size must be an integer of at least 16; got 8"),
        ({"crop": "tight"}, "crop must be one of 'arcface', 'wide', 'mtcnn'; got 'tight'"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        sample_population(**({"n_identities": 1, "images_per_identity": 1} | options))


def test_changed_identities_differ_in_what_is_named_and_nothing_else():
    person = sample_identities(1, 4)[0]
    changes = (("tone", 2.5), ("beard_kind", "goatee"), ("shape:head-oval", 0.5))
    changed, before = replace(person, changes=changes).traits, person.traits
    assert (changed.tone, changed.beard_kind) == (2.5, "goatee")
    added = {name: weight - before.shape.get(name, 0) for name, weight in changed.shape.items()}
    assert added.pop("shape:head-oval") == pytest.approx(0.5) and not any(added.values())
    assert (changed.gender, changed.style, changed.brow) == (before.gender, before.style, before.brow)
    assert len({person.key, replace(person, changes=changes).key, replace(person, changes=changes[:1]).key}) == 3


def test_unknown_changes_are_refused():
    with pytest.raises(ValueError, match="changes must be one of 'gender', .*'shape:...'; got 'smile'"):
        _ = replace(sample_identities(1)[0], changes=(("smile", 1.0),)).traits
