"""From files to figures: LFW and CelebA in miniature, with a person under another's name."""

import importlib.util
import shutil

import pandas as pd
import pytest

from frlib import store
from frlib.clouds import embed
from frlib.datasets import (
    Crops,
    at_least_images,
    clean,
    find_faces,
    one_face,
    pair_accuracy,
    read_celeba,
    read_lfw,
    read_pairs,
    without_outliers,
)
from frlib.faces import head_is_built
from frlib.models import load
from tests.photographs import pictures, spoil, write_celeba, write_lfw

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("facenet_pytorch") is None or not head_is_built(),
        reason="needs the detector and the head",
    ),
]


@pytest.fixture(scope="module")
def network():
    return load("mobileface", "cpu")


@pytest.fixture(scope="module")
def images():
    """Ten pictures of each of three people; the last one of Bob shows Ann."""
    images = {name: own.clone() for name, own in pictures(3, 10, share=0.7).items()}
    images["Bob"][9] = images["Ann"][9]
    return images


@pytest.fixture(autouse=True)
def cache(network, tmp_path, monkeypatch):
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cache"))
    assert store.cache_folder().is_relative_to(tmp_path)


def embedded(photographs, faces, network):
    return embed([Crops(photographs, faces, who) for who in photographs.people], [network], n_jobs=1, progress=False)


def test_lfw_is_verified_by_its_protocol_and_the_wrong_name_is_an_outlier(images, network, tmp_path):
    folder = write_lfw(tmp_path, images, pairs=4)
    shutil.make_archive(str(tmp_path / "lfw"), "gztar", tmp_path, "lfw")
    photographs = read_lfw(tmp_path / "lfw.tar.gz")
    faces = find_faces(photographs, n_jobs=1, progress=False)
    assert (faces.table.remark == "").all()
    clouds = embedded(photographs, faces, network)
    pairs = read_pairs(folder / "pairs.txt", photographs)
    assert len(pairs) == 80
    wrong = photographs.identities.index("Bob") + 9
    with_wrong = (pairs[["first", "second"]] == wrong).any(axis=1)
    assert pair_accuracy(clouds[network.name], pairs[~with_wrong])["accuracy"] == 1
    assert pair_accuracy(clouds[network.name], pairs)["accuracy"] < 1
    cleaned = clean(photographs, [one_face(faces), at_least_images(10), without_outliers(clouds)])
    assert wrong not in cleaned.rows
    assert cleaned.steps["images"].tolist()[:2] == [30, 30] and len(cleaned.rows) >= 27


def test_celeba_in_a_zip_file_gives_clouds_with_attributes(images, network, tmp_path):
    few = {name: own[:2] for name, own in images.items()}
    labels = pd.DataFrame({"Smiling": [1, -1, -1, 1, 1, -1]})
    folder = write_celeba(tmp_path / "celeba", few, labels)
    shutil.make_archive(str(folder / "img_align_celeba"), "zip", folder, "img_align_celeba")
    shutil.rmtree(folder / "img_align_celeba")
    photographs = read_celeba(folder)
    faces = find_faces(photographs, n_jobs=1, progress=False)
    clouds = embedded(photographs, faces, network)[network.name]
    assert [cloud.table["Smiling"].tolist() for cloud in clouds] == [[True, False], [False, True], [True, False]]
    assert [cloud.identity for cloud in clouds] == [0, 1, 2]
    assert all(set(cloud.fields) == {"brightness", "hue", "image_quality"} for cloud in clouds)


def faulty_lfw(folder, images):
    """Write LFW with three faults; return its photographs and the remarks."""
    write_lfw(folder, images)
    names = ("Ann/Ann_0002.jpg", "Bob/Bob_0001.jpg", "Bob/Bob_0004.jpg")
    remarks = spoil([folder / "lfw" / name for name in names])
    return read_lfw(folder / "lfw"), remarks


def faulty_celeba(folder, images):
    """Write CelebA with three faults; return its photographs and the remarks."""
    write_celeba(folder / "celeba", images, pd.DataFrame({"Smiling": [1] * 12}))
    remarks = spoil([folder / f"celeba/img_align_celeba/{number:06d}.jpg" for number in (2, 5, 8)])
    return read_celeba(folder / "celeba"), remarks


@pytest.mark.parametrize("written", [faulty_lfw, faulty_celeba])
def test_faults_of_a_data_set_are_remarked_on_and_cleaned_away(images, tmp_path, written):
    photographs, remarks = written(tmp_path, {name: own[:4] for name, own in images.items()})
    faces = find_faces(photographs, n_jobs=1, progress=False)
    assert faces.table.remark.tolist() == ["", remarks[0], "", "", remarks[1], "", "", remarks[2], "", "", "", ""]
    cleaned = clean(photographs, [one_face(faces), at_least_images(3)])
    assert cleaned.rows.tolist() == [0, 2, 3, 8, 9, 10, 11]
    assert cleaned.steps["images"].tolist() == [9, 7] and cleaned.steps["people"].tolist() == [3, 2]
