"""The lattice of the paper: its counts, its curves, and that it is streamed."""

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from frlib.faces import lattice as module
from frlib.faces.attributes import ATTRIBUTES, PIXELS, RENDERED
from frlib.faces.curves import STEPS
from frlib.faces.generator.renderer import render
from frlib.faces.lattice import Lattice, lattice_curves, lattice_table, lattice_values
from frlib.faces.pixels import change


@pytest.fixture(scope="module")
def full():
    return lattice_table()


@pytest.fixture
def source():
    """Return a source, without a key, whose images encode the age, and that counts what it drew."""
    drawn = []

    def draw(identity, attributes, *, crop, size, dtype):
        drawn.append(len(attributes["age"]))
        return torch.tensor(attributes["age"], dtype=dtype).reshape(-1, 1, 1, 1).repeat(1, size, size, 3)

    return SimpleNamespace(render=draw, drawn=drawn)


def test_counts_are_those_of_the_paper(full):
    assert len(full) == 121_875 and len(full[list(RENDERED)].drop_duplicates()) == 9_375
    assert not full.duplicated().any() and list(full) == list(ATTRIBUTES)
    assert (full.groupby(list(RENDERED)).size() == 13).all()


@pytest.mark.parametrize(("side", "low_level"), [(1, 3), (2, 5), (3, 7)])
def test_counts_follow_the_formula(side, low_level):
    assert len(lattice_table(side, low_level)) == (side**5 + 10 * side**4) * (1 + 3 * (low_level - 1))


def test_one_attribute_at_most_leaves_the_core_and_one_the_neutral_step(full):
    assert (full[list(RENDERED)].isin([0, 6]).sum(axis=1) <= 1).all()
    assert ((full[list(PIXELS)] != 2).sum(axis=1) <= 1).all()


def test_values_span_the_ranges_in_the_steps_of_curves(full):
    values = lattice_values(full)
    for name, a in ATTRIBUTES.items():
        found = np.unique(values[name])
        assert found[0] == a.low and found[-1] == pytest.approx(a.high)
        np.testing.assert_allclose(np.diff(found), STEPS[a.kind] * (a.high - a.low))
    assert (values.loc[0, list(PIXELS)] == 0).all()


@pytest.mark.parametrize("name", list(ATTRIBUTES))
def test_groups_and_curves_at_full_size(full, name):
    curves = lattice_curves(full, name)
    groups, expected = (21_125, 79_625) if name in RENDERED else (9_375, 28_125)
    assert curves["group"].nunique() == groups and len(curves) == expected
    steps = full.to_numpy()
    unit = np.eye(len(ATTRIBUTES), dtype=int)[list(ATTRIBUTES).index(name)]
    assert (steps[curves["plus"]] - steps[curves["center"]] == unit).all()
    assert (steps[curves["center"]] - steps[curves["minus"]] == unit).all()


@pytest.mark.parametrize("name", ["age", "hue"])
def test_curves_equal_a_search_by_hand(name):
    table = lattice_table(2, 3)
    place = {row: i for i, row in enumerate(table.itertuples(index=False, name=None))}
    column, expected = list(table).index(name), []
    for row, i in place.items():
        ends = [place.get((*row[:column], row[column] + sign, *row[column + 1 :])) for sign in (-1, 1)]
        if None not in ends:
            expected.append([ends[0], i, ends[1]])
    assert lattice_curves(table, name)[["minus", "center", "plus"]].to_numpy().tolist() == expected


def images_of(blocks):
    return [block["arcface"]["points"] for block in blocks]


def test_blocks_cover_the_table_in_order(person, source):
    lattice, at = Lattice(person, 2, batch=50, source=source), 0
    values = lattice_values(lattice_table(2, 5), 2)
    for images in images_of(lattice.draw(["arcface"])):
        assert images.dtype == torch.uint8 and images.shape[1:] == (112, 112, 3) and len(images) % 13 == 0
        own = values.iloc[at : at + len(images)]
        assert (images[::13, 0, 0, 0].numpy() == own["age"].to_numpy()[::13].round()).all()
        at += len(images)
    assert at == len(lattice.table) and max(source.drawn) == 50 and sum(source.drawn) == 192


def test_images_are_drawn_at_the_values_of_their_rows(person):
    lattice = Lattice(person, 1, batch=2)
    images, values = next(iter(images_of(lattice.draw(["arcface"])))), lattice_values(lattice.table, 1).iloc[:26]
    exact = render(person, values[list(RENDERED)][::13].to_dict("list"), dtype=torch.float32)
    for k in (0, 1, 6, 12):
        given = {name: torch.tensor(values[name][k::13].to_numpy(np.float32)) for name in PIXELS}
        expected = change(exact, {n: v for n, v in given.items() if v.any()})
        assert torch.equal(images[k::13], expected.round().to(torch.uint8))


def test_images_that_share_pose_and_light_follow_each_other(full):
    drawn = full[list(RENDERED)].iloc[::13].reset_index(drop=True)
    pose, light = ["head_angle", "age", "expression"], ["head_angle", "age", "expression", "illumination"]
    for shared, number in ((pose, 275), (light, 1_625)):
        changes = (drawn[shared].diff().iloc[1:] != 0).any(axis=1).sum() + 1
        assert changes == len(drawn[shared].drop_duplicates()) == number


def test_a_block_equals_images_drawn_one_by_one(person):
    lattice = Lattice(person, 1)
    (images,) = images_of(lattice.draw(["arcface"]))
    values = lattice_values(lattice.table, 1)[list(RENDERED)].iloc[::13].to_dict("records")
    assert torch.equal(images[::13], torch.cat([render(person, own) for own in values]))


def test_blocks_are_drawn_one_at_a_time(person, source):
    blocks = Lattice(person, 2, batch=8, source=source).draw(["arcface"])
    assert source.drawn == []
    for count in (1, 2, 3):
        next(blocks)
        assert len(source.drawn) == count


@pytest.mark.parametrize("n_curves", [None, 5])
def test_parts_are_whole_blocks_that_together_are_the_lattice(person, monkeypatch, n_curves):
    monkeypatch.setattr(module, "BLOCKS_OF_PART", 3)
    lattice = Lattice(person, 1, 3, n_curves=n_curves, batch=2)
    parts, blocks = lattice.parts(), lattice.blocks()
    assert len(parts) == -(-len(blocks) // 3) > 1
    assert pd.concat([part.table for part in parts], ignore_index=True).equals(lattice.table)
    drawn = [images_of(part.draw(["arcface"])) for part in parts]
    for one, two in zip(sum(drawn, []), images_of(lattice.draw(["arcface"])), strict=True):  # block by block
        assert torch.equal(one, two)
    assert len({str(part.key) for part in parts}) == len(parts) and {part.identity for part in parts} == {person}


def test_what_a_lattice_found_does_not_travel(person):
    lattice = Lattice(person, 2, n_curves=50)
    assert len(lattice.table) + len(lattice.curves)
    sent = pickle.dumps(lattice.parts())
    assert len(sent) < 20_000 < 8 * lattice.table.size  # the person alone
    assert pickle.loads(sent)[0].table.equals(lattice.parts()[0].table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 0}, "side must be an integer of at least 1; got 0"),
        ({"low_level": 1}, "low_level must be an integer of at least 3; got 1"),
        ({"low_level": 4}, "low_level must be odd, so that its middle step is neutral; got 4"),
        ({"batch": 0}, "batch must be an integer of at least 1; got 0"),
    ],
)
def test_what_is_refused_before_anything_is_drawn(person, options, message):
    with pytest.raises(ValueError, match=message):
        Lattice(person, **options)


def test_several_identities_are_refused(people):
    with pytest.raises(ValueError, match="identity must be one Identity; got a sequence of 3"):
        Lattice(people)


def test_unknown_attributes_have_no_curves(full):
    with pytest.raises(ValueError, match="name must be one of 'head_angle', .*; got 'smile'"):
        lattice_curves(full, "smile")


@pytest.fixture(scope="module")
def some(person):
    """A small lattice of which some curves are drawn."""
    return Lattice(person, side=2, low_level=3, n_curves=4, n_images=6, seed=1)


def test_some_curves_are_curves_of_the_whole_lattice_in_all_their_places(some):
    steps = some.table.to_numpy()
    for name, curves in some.curves.items():
        unit = np.eye(len(ATTRIBUTES), dtype=int)[list(ATTRIBUTES).index(name)]
        assert len(curves) == 4 and not curves["center"].duplicated().any()
        assert (steps[curves["plus"]] - steps[curves["center"]] == unit).all()
        assert (steps[curves["center"]] - steps[curves["minus"]] == unit).all()


def test_only_images_that_are_needed_are_drawn(some):
    used = [curves.to_numpy().ravel() for curves in some.curves.values()]
    assert np.array_equal(np.unique(np.concatenate([*used, some.random_images])), np.arange(len(some.table)))
    assert len(np.unique(some.random_images)) == 6


def test_images_of_some_curves_are_those_of_the_whole_lattice(person, some):
    whole = Lattice(person, side=2, low_level=3)
    place = {row: k for k, row in enumerate(whole.table.itertuples(index=False, name=None))}
    rows = [place[row] for row in some.table.itertuples(index=False, name=None)]
    every, drawn = (torch.cat([b["arcface"]["points"] for b in d.draw(["arcface"])]) for d in (whole, some))
    assert torch.equal(drawn, every[rows])


@pytest.mark.parametrize("batch", [1, 7, 90])
def test_the_blocks_of_some_curves_keep_variants_together(person, some, batch):
    blocks = Lattice(person, 2, 3, 4, 6, 1, batch).blocks()
    assert [b.start for b in blocks] == [0, *(b.stop for b in blocks[:-1])] and blocks[-1].stop == len(some.table)
    drawn = [len(some.table[list(RENDERED)].iloc[b].drop_duplicates()) for b in blocks]
    assert set(drawn[:-1]) <= {batch} and sum(drawn) == len(some.table[list(RENDERED)].drop_duplicates())


def test_the_first_curves_and_images_are_the_same_for_every_number(person, some):
    more = Lattice(person, side=2, low_level=3, n_curves=9, n_images=20, seed=1)
    for few, many in ((some, more),):
        for name, curves in few.curves.items():
            own, other = (
                d.table.iloc[c["center"].to_numpy()[:4]] for d, c in ((few, curves), (many, many.curves[name]))
            )
            assert own.to_numpy().tolist() == other.to_numpy().tolist()
        assert few.table.iloc[few.random_images].to_numpy().tolist() == (
            many.table.iloc[many.random_images[:6]].to_numpy().tolist()
        )
    other = Lattice(person, side=2, low_level=3, n_curves=4, n_images=6, seed=2)
    assert not some.table.equals(other.table)


def test_curves_are_drawn_evenly(person):
    """Over many seeds, every curve comes as often as every other, within four standard errors."""
    total = len(lattice_curves(lattice_table(1, 3), "age"))
    centers = [
        tuple(lattice.table.iloc[k])
        for seed in range(300)
        for lattice in [Lattice(person, 1, 3, n_curves=2, n_images=2, seed=seed)]
        for k in lattice.curves["age"]["center"]
    ]
    counts, expected = np.unique(centers, axis=0, return_counts=True)[1], 600 / total
    assert len(counts) == total and np.abs(counts - expected).max() < 4 * np.sqrt(expected)


def test_where_there_are_no_more_curves_all_are_taken(person):
    lattice = Lattice(person, side=1, low_level=3, n_curves=10_000)
    expected = {name: len(lattice_curves(lattice_table(1, 3), name)) for name in ATTRIBUTES}
    assert {name: len(curves) for name, curves in lattice.curves.items()} == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_curves": 1}, "n_curves must be an integer of at least 2; got 1"),
        ({"n_images": 1}, "n_images must be an integer of at least 2; got 1"),
        ({"seed": -1}, "seed must be an integer of at least 0; got -1"),
    ],
)
def test_wrong_numbers_of_curves_are_refused(person, options, message):
    with pytest.raises(ValueError, match=message):
        Lattice(person, **options)
