"""Who is on a photograph, which files are taken, and what is said about the others."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from frlib.datasets import Photographs, read_folder, stored


@pytest.fixture
def folder(tmp_path):
    for name in ("Bob/2.JPG", "Bob/10.png", "Ann/x/y.webp", "Ann/a.jpeg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2)).save(tmp_path / name, "PNG")
    return tmp_path


def test_a_folder_is_a_person_and_names_are_in_order(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photographs = read_folder(folder, name="mine")
    assert [str(path.relative_to(folder)) for path in photographs.paths] == [
        "Ann/a.jpeg", "Ann/x/y.webp", "Bob/10.png", "Bob/2.JPG",
    ]  # fmt: skip
    assert photographs.identities == ("Ann", "Ann", "Bob", "Bob") and photographs.people == ("Ann", "Bob")
    assert len(photographs) == 4 and photographs.name == "mine" and read_folder(folder).name == folder.name


def test_what_is_left_out_is_said(folder):
    (folder / "Ann/.DS_Store").touch()
    (folder / ".git").mkdir()
    (folder / ".git/x.png").touch()
    for name in ("Ann/notes.txt", "Bob/old.heic", "beside.jpg"):
        (folder / name).touch()
    (folder / "Bob/linked.jpg").symlink_to(folder / "Ann/a.jpeg")
    (folder / "Bob/nowhere.jpg").symlink_to(folder / "gone.jpg")
    (folder / "Ann/loop").symlink_to(folder)
    with pytest.warns() as said:
        photographs = read_folder(folder)
    assert [path.name for path in photographs.paths] == ["a.jpeg", "y.webp", "10.png", "2.JPG", "linked.jpg"]
    assert sorted(str(one.message).replace(str(folder), "FOLDER") for one in said) == [
        "left out, a link to a folder: FOLDER/Ann/loop",
        "left out, a link to nothing: FOLDER/Bob/nowhere.jpg",
        "left out, in no person's folder: FOLDER/beside.jpg",
        "left out, no image that is read: FOLDER/Ann/notes.txt and 1 more",
    ]


def test_errors_of_a_folder(tmp_path):
    with pytest.raises(ValueError, match=r"path must be a folder .*got '.*gone', which is no folder"):
        read_folder(tmp_path / "gone")
    with pytest.raises(ValueError, match="has no photographs so"):
        read_folder(tmp_path)


@given(st.lists(st.booleans(), min_size=1, max_size=9).filter(any))
def test_a_mask_takes_files_names_and_attributes_alike(mask):
    n = len(mask)
    attributes = pd.DataFrame({"even": np.arange(n) % 2 == 0})
    photographs = Photographs([f"{k}" for k in range(n)], [f"who {k}" for k in range(n)], attributes, "set")
    rows = np.flatnonzero(mask)
    for taken in (photographs.take(mask), photographs.take(rows)):
        assert taken.paths == tuple(map(str, rows)) and taken.identities == tuple(f"who {k}" for k in rows)
        assert taken.attributes["even"].tolist() == (rows % 2 == 0).tolist() and taken.name == "set"
        assert taken.attributes.index.tolist() == list(range(len(rows)))


@given(st.lists(st.sampled_from(["b", "a", "1", "01"]), min_size=1, max_size=12))
def test_rows_of_each_person(identities):
    photographs = Photographs([str(k) for k in range(len(identities))], identities)
    assert photographs.people == tuple(dict.fromkeys(identities))
    for person, rows in photographs.rows.items():
        assert rows.tolist() == [row for row, name in enumerate(identities) if name == person]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "paths must hold at least one file; got none"),
        ((["a"], []), "identities must have 1 names, one per file; got 0"),
        ((["a"], ["x"], pd.DataFrame({"b": [True, False]})), "attributes must have 1 rows.*; got 2"),
        ((["a"], ["x"], pd.DataFrame({"b": [1]})), "attributes must be boolean, .*; 'b' has type int64"),
    ],
)
def test_errors_of_photographs(arguments, message):
    with pytest.raises(ValueError, match=message):
        Photographs(*arguments)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([True], r"rows must be a mask of shape \(2,\), or numbers of rows; got shape \(1,\)"),
        ([0, 2], "rows must lie below 2, the number of photographs; got 2"),
        ([-1], "rows must lie below 2, the number of photographs; got -1"),
        ([], "paths must hold at least one file; got none"),
    ],
)
def test_errors_of_take(rows, message):
    with pytest.raises(ValueError, match=message):
        Photographs(["a", "b"], ["x", "y"]).take(rows)


def test_data_sets_in_the_cache_are_listed_and_not_read(folder, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("FRLIB_CACHE", str(cache))
    assert stored() == {}
    (cache / "photographs").mkdir(exist_ok=True)
    (cache / "photographs/friends").symlink_to(folder)
    for name in ("LFW.tgz", "celeba", "notes.txt", ".hidden"):
        (cache / "photographs" / name).touch()
    found = stored()
    assert list(found) == ["LFW.tgz", "celeba", "friends"]
    assert [found[name].func.__name__ for name in found] == ["read_lfw", "read_celeba", "read_folder"]
    with pytest.warns(UserWarning, match="left out"):
        (folder / "beside.jpg").touch()
        assert set(found["friends"]().people) == {"Ann", "Bob"}
