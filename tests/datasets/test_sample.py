"""A sample of a data set: people and photographs drawn, faces found, and only photographs with one face kept."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frlib.datasets import Photographs, read_folder, sample_people
from frlib.datasets.sample import _drawn_rows
from tests.photographs import pictures, plant_faults, write_folder


@given(
    st.lists(st.integers(1, 8), min_size=1, max_size=8),
    st.integers(2, 5),
    st.integers(2, 5),
    st.integers(2, 4),
    st.integers(0, 9),
)
def test_people_and_photographs_are_drawn_once_each_and_as_many_as_asked_for(sizes, n_people, n_images, least, seed):
    who = np.random.default_rng(seed).permutation(np.repeat([f"p{k}" for k in range(len(sizes))], sizes))
    rows = _drawn_rows(Photographs([Path(f"{k}.jpg") for k in range(len(who))], who), n_people, n_images, least, seed)
    assert (np.diff(rows) > 0).all()
    enough = {name for name in set(who) if (who == name).sum() >= least}
    drawn = who[rows]
    assert set(drawn) <= enough and len(set(drawn)) == min(n_people, len(enough))
    assert all((drawn == name).sum() == min(n_images, (who == name).sum()) for name in set(drawn))


def test_photographs_with_faults_are_left_out_and_counted(tmp_path):
    images = pictures(3, 4)
    folder = write_folder(tmp_path / "album", images)
    plant_faults(folder, images)
    sample = sample_people(read_folder(folder), 3, 20, least=4, n_jobs=1, progress=False)
    # No face, two faces and a damaged file are left out; a blurred and a small one have a face.
    assert sample.steps["step"].tolist() == ["all", "drawn at random", "exactly one face", "at least 4 images"]
    assert sample.steps["images"].tolist() == [18, 18, 15, 15]
    assert [crops.identity.name for crops in sample.crops] == ["Ann", "Bob", "Cid"]
    assert [len(crops.table) for crops in sample.crops] == [5, 6, 4]
    fewer = sample_people(read_folder(folder), 3, 20, least=6, n_jobs=1, progress=False)
    assert fewer.crops == [] and fewer.steps["people"].tolist()[-1] == 1


def test_too_few_people_leave_an_empty_sample(tmp_path):
    folder = write_folder(tmp_path / "album", pictures(2, 2))
    sample = sample_people(read_folder(folder), 5, 5, least=3, progress=False)
    assert sample.crops == [] and sample.steps["images"].tolist() == [4, 0]


@pytest.mark.parametrize(("options", "name"), [({"n_people": 1}, "n_people"), ({"least": 1}, "least")])
def test_numbers_that_give_no_pairs_are_refused(options, name):
    photographs = Photographs([Path("a.jpg")], ["a"])
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 2; got 1"):
        sample_people(photographs, **({"n_people": 2, "n_images": 2} | options))
