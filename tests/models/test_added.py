"""Networks that the reader adds: a name for a file, which load, the table, embedding and the report accept."""

import json
import re
import shutil
import warnings

import numpy as np
import onnx
import pytest
import torch

from frlib import models
from frlib.models import added
from frlib.models.__main__ import main
from frlib.models.onnx import load_onnx
from frlib.report.__main__ import load_subject, parser
from tests.models.architectures import AdaFace, SphereFace, seeded
from tests.models.seeded_images import seeded_images
from tests.models.test_papers import as_onnx


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of the user."""
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def content():
    return as_onnx(seeded(SphereFace))


@pytest.fixture
def path(tmp_path, content):
    (tmp_path / "net.onnx").write_bytes(content)
    return tmp_path / "net.onnx"


def kept(cache):
    return sorted(p.relative_to(cache / "models/added").as_posix() for p in cache.rglob("*") if p.is_file())


def test_a_name_stays_when_the_file_goes(path):
    settings = {"metric": "euclidean", "crop": "mtcnn", "mean": (1.0, 2.0, 3.0), "scale": 0.5, "bgr": True}
    expected = load_onnx(path, **settings, device="cpu").embed(seeded_images(16))
    embedder = models.add(path, "mine", **settings, licence="ours")
    path.unlink()
    again = models.load("mine", "cpu")
    for found in (embedder, again):
        assert torch.equal(found.embed(seeded_images(16)), expected)
        assert (found.name, found.metric, found.crop, found.licence) == ("mine", "euclidean", "mtcnn", "ours")
    row = models.available().set_index("name").loc["mine"]
    assert (row.dim, row.metric, row.parameters, row.role) == (12, "euclidean", again.weights, "added")
    assert row.offline and row.licence == "ours" and row.source == "added by you"
    assert models.load("mine", "cpu", trainable=True).network(torch.zeros(1, 3, 16, 16)).requires_grad


def test_chapters_and_the_report_accept_the_name(path):
    models.add(path, "mine")
    assert models.chosen("dlib,mine") == models.chosen("mine") == [*models.DEFAULT_NETWORKS, "mine"]
    assert models.chosen() == list(models.DEFAULT_NETWORKS)
    subject, facts = load_subject(parser().parse_args(["mine"]), "cpu")
    assert subject.name == "mine" and facts == {"licence": "unknown (your file)"}


def test_weights_beside_the_file_are_kept_too(path, tmp_path):
    model = onnx.load(path)
    folder = tmp_path / "two"
    (folder / "parts").mkdir(parents=True)
    onnx.save(model, folder / "a.onnx", save_as_external_data=True, location="parts/b.bin", size_threshold=100)
    expected = models.add(folder / "a.onnx", "both").embed(seeded_images(16))
    shutil.rmtree(folder)
    assert torch.equal(models.load("both", "cpu").embed(seeded_images(16)), expected)


def test_one_file_under_two_names_is_kept_once(path, cache):
    models.add(path, "first")
    models.add(path, "second", bgr=True)
    names = kept(cache)
    assert len(names) == 3 and sum(name.endswith("net.onnx") for name in names) == 1
    models.remove("first")
    images = seeded_images(16)
    expected = load_onnx(path, bgr=True, device="cpu").embed(images)
    assert torch.equal(models.load("second", "cpu").embed(images), expected)
    models.remove("second")
    assert kept(cache) == []
    models.add(path, "first")
    assert "first" in set(models.available().name)


def test_a_damaged_copy_is_named(path, cache):
    models.add(path, "mine")
    (copy,) = cache.rglob("net.onnx")
    copy.write_bytes(copy.read_bytes()[:-1])
    with pytest.raises(OSError, match="the files of mine in .* are not whole: remove it and add it again"):
        models.load("mine", "cpu")
    models.remove("mine")
    models.add(path, "mine")
    assert models.load("mine", "cpu").dim == 12


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dlib", "name must be one that no network has; got 'dlib', taken by the catalogue (face)"),
        ("arcface-r50", "got 'arcface-r50', taken by the catalogue (paper)"),
        ("mobilefacenet-random", "got 'mobilefacenet-random', taken by the catalogue (face)"),
        ("", "name must begin with a letter or digit"),
        ("a,b", "got 'a,b'"),
        ("../up", "got '../up'"),
        ("net.onnx", "got 'net.onnx'"),
        ("x" * 61, "at most 60 characters"),
        (3, "got 3"),
    ],
)
def test_names_that_are_taken_or_bad_are_refused(name, said, path, cache):
    with pytest.raises(ValueError, match=re.escape(said)):
        models.add(path, name)
    assert kept(cache) == []


def test_a_name_that_was_added_is_taken(path):
    models.add(path, "mine")
    with pytest.raises(ValueError, match="got 'mine', taken by a network that you added: remove it first"):
        models.add(path, "mine")


@pytest.mark.parametrize(
    ("wrong", "options", "said"),
    [
        (b"no network", {}, "path must be a complete ONNX file"),
        (None, {}, "path must name an ONNX file; there is none at"),
        ("", {"size": 17}, "size must be 16"),
        ("", {"crop": "tight"}, "crop must be one of 'arcface', 'wide', 'mtcnn'; got 'tight'"),
        ("", {"output": "other"}, "output must be one of 'embedding'"),
        ("", {"mean": (1, 2)}, "mean must be one number or three; got (1, 2)"),
    ],
)
def test_a_file_that_is_no_network_leaves_nothing(wrong, options, said, path, cache):
    if wrong is None:
        path.unlink()
    elif wrong:
        path.write_bytes(wrong)
    with pytest.raises(ValueError, match=re.escape(said)):
        models.add(path, "mine", **options)
    assert kept(cache) == [] and "mine" not in set(models.available().name)


def test_a_copy_that_breaks_off_leaves_nothing(path, cache, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="no space left"):
        models.add(path, "mine")
    assert kept(cache) == [] and "mine" not in set(models.available().name)


def test_only_what_was_added_is_removed(path):
    with pytest.raises(ValueError, match="network that you added, of which there is none; got 'dlib'"):
        models.remove("dlib")
    models.add(path, "mine")
    with pytest.raises(ValueError, match="network that you added, mine; got 'yours'"):
        models.remove("yours")


def test_the_command_adds_and_removes(tmp_path, capsys):
    file = tmp_path / "ada.onnx"
    file.write_bytes(as_onnx(seeded(AdaFace), outputs=("feature", "norm")))
    assert main(["add", str(file), "ada"]) == 1
    assert "error: output must name one of 'feature', 'norm'" in capsys.readouterr().err
    assert main(["add", str(file), "ada", "--output", "feature", "--bgr", "--mean", "127.5", "--crop", "wide"]) == 0
    assert "FaceEmbedder('ada', dim=12" in capsys.readouterr().out
    network = models.load("ada", "cpu")
    assert network.preprocess.bgr and network.crop == "wide"
    np.testing.assert_allclose(network.embed(seeded_images(16)).norm(dim=1), 1, rtol=1e-5)
    assert main(["remove", "ada"]) == 0
    assert main(["remove", "ada"]) == 1


def test_entries_are_plain_json_with_the_sha256(path, cache):
    models.add(path, "mine")
    (file,) = cache.rglob("mine.json")
    known = json.loads(file.read_text())
    assert list(known["files"]) == ["net.onnx"] and re.fullmatch("[0-9a-f]{64}", known["files"]["net.onnx"])


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_damaged_entry_is_named_left_out_and_can_be_removed(text, path, cache):
    models.add(path, "mine")
    models.add(path, "other")
    (file,) = cache.rglob("mine.json")
    file.write_text(text)
    with pytest.warns(UserWarning, match="entry of the added network mine is damaged .* remove it and add it again"):
        assert list(models.available().name)[-1] == "other"
    models.remove("mine")
    assert models.load("other", "cpu").dim == 12 and "mine.json" not in str(kept(cache))


def test_every_changed_byte_of_an_entry_is_noticed_and_older_entries_have_no_checksum(path, cache):
    models.add(path, "mine")
    (file,) = cache.rglob("mine.json")
    content, whole = file.read_bytes(), added.networks()["mine"]
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = added.networks()
        if said:
            assert "remove it and add it again" in str(said[0].message) and not found
        else:  # a blank became another one, or the name of the checksum another name
            assert repr(found["mine"]) == repr(whole)
    file.write_text(json.dumps({key: value for key, value in json.loads(content).items() if key != "checksum"}))
    assert repr(added.networks()["mine"]) == repr(whole)
