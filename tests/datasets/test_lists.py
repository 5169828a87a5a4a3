"""LFW and CelebA in miniature, as folders and as archives; faults are named with file and line."""

import io
import pickle
import tarfile
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.model_selection import KFold

from frlib import tarfiles
from frlib.clouds import Cloud
from frlib.datasets import (
    Photographs,
    UnreadableImage,
    archives,
    pair_accuracy,
    read_celeba,
    read_lfw,
    read_pairs,
)
from frlib.geometry import pair_distances
from tests.photographs import write_celeba, write_lfw


def blank(n_people: int = 2, n_images: int = 3) -> dict:
    """Pictures by person, of which each is of one grey of its own."""
    greys = torch.arange(n_people * n_images, dtype=torch.uint8).reshape(n_people, n_images)
    names = ("Ann_Bee", "Bob", "Cid", "Dora")
    return {name: own[:, None, None, None].expand(-1, 4, 4, 3) for name, own in zip(names, greys, strict=False)}


def as_zip(folder, target):
    """Pack a folder, as macOS does it."""
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("__MACOSX/lfw/Bob/._Bob_0001.jpg", b"x")
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return target


def as_tar(folder, target):
    with tarfile.open(target, "w:gz" if target.name.endswith("gz") else "w") as archive:
        archive.add(folder, folder.name)
    return target


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_an_archive_that_takes_the_place_of_another_is_read_anew(tmp_path):
    path, found = tmp_path / "a.zip", []
    for content in (b"one", b"two"):
        with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
            archive.writestr("Bob/Bob_0001.jpg", content)
        (tmp_path / "new.zip").replace(path)
        (member,) = archives.members(path)
        found.append(member.open().read())
    assert found == [b"one", b"two"]


@pytest.fixture
def lfw(tmp_path):
    return write_lfw(tmp_path / "data", blank())


@pytest.mark.parametrize("kind", ["folder", "parent", "zip", "tgz", "tar", "folder of an archive"])
def test_lfw_is_read_from_folders_and_archives_alike(kind, lfw, tmp_path):
    folder = lfw / "lfw"
    path = {
        "folder": lambda: folder,
        "parent": lambda: lfw,
        "zip": lambda: as_zip(folder, tmp_path / "LFW.ZIP"),
        "tgz": lambda: as_tar(folder, tmp_path / "lfw.tgz"),
        "tar": lambda: as_tar(folder, tmp_path / "lfw.tar"),
        "folder of an archive": lambda: as_tar(folder, tmp_path / "lfw.tar.gz") and tmp_path / "lfw.tar.gz",
    }[kind]()
    if kind == "folder of an archive":
        (tmp_path / "kept").mkdir()
        path = path.rename(tmp_path / "kept/lfw.tar.gz").parent
    photographs = read_lfw(path)
    assert photographs.identities == ("Ann_Bee",) * 3 + ("Bob",) * 3 and photographs.name == "LFW"
    assert [own.name for own in photographs.paths][1::3] == ["Ann_Bee_0002.jpg", "Bob_0002.jpg"]
    greys = [int(photographs.read(row).float().mean().round()) for row in range(6)]
    assert greys == [0, 1, 2, 3, 4, 5]
    sent = pickle.loads(pickle.dumps(photographs))  # as to a worker
    assert torch.equal(sent.read(4), photographs.read(4))
    assert photographs.digest(5) == Photographs([folder / "Bob/Bob_0003.jpg"], ["Bob"]).digest(0)


def test_a_tar_file_is_copied_once_and_its_links_are_not(lfw, tmp_path, cache):
    (lfw / "lfw/Bob/Bob_0009.jpg").symlink_to("/etc/hostname")
    path = as_tar(lfw / "lfw", tmp_path / "lfw.tgz")
    assert len(read_lfw(path)) == 6
    (copy,) = (cache / "archives").iterdir()
    before = copy.stat().st_mtime_ns
    assert len(read_lfw(path)) == 6 and copy.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["../Bob/Bob_0001.jpg", "/lfw/Bob/Bob_0001.jpg", "lfw/../../Bob_0001.jpg", "a\\b.jpg"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_member_that_leads_out_of_its_archive_is_refused(name, kind, tmp_path, cache):
    path = tmp_path / f"bad.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"x")
    else:
        with tarfile.open(path, "w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(ValueError, match=r"path must be an archive whose members stay inside it; .*bad"):
        read_lfw(path)
    assert not list(cache.rglob("*.zip"))


def test_members_that_grow_too_large_are_refused(tmp_path, monkeypatch, cache):
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 1000)
    (tmp_path / "lfw/Bob").mkdir(parents=True)
    (tmp_path / "lfw/Bob/Bob_0001.jpg").write_bytes(bytes(1001))
    photographs = read_lfw(as_zip(tmp_path / "lfw", tmp_path / "lfw.zip"))
    with pytest.raises(UnreadableImage, match=r"Bob_0001.jpg has 1,001 bytes; at most 1,000 are read"):
        photographs.read(0)
    with pytest.raises(ValueError, match="each file of at most 1,000; .* has more at 'lfw/Bob/Bob_0001.jpg'"):
        read_lfw(as_tar(tmp_path / "lfw", tmp_path / "lfw.tgz"))
    assert not list(cache.rglob("*.zip"))


def test_names_that_would_fill_the_memory_are_not_read(tmp_path, monkeypatch, cache):
    monkeypatch.setattr(tarfiles, "LARGEST_EXTENSION", 5_000)
    with tarfile.open(tmp_path / "people.tgz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a" * 10_000 + ".jpg"))
    with pytest.raises(ValueError, match=r"a header of 10,0\d\d bytes; at most 5,000"):
        read_lfw(tmp_path / "people.tgz")
    assert not list(cache.rglob("*.zip"))


def test_a_copy_in_the_cache_that_is_cut_is_made_again(lfw, tmp_path, cache):
    path = as_tar(lfw / "lfw", tmp_path / "lfw.tgz")
    first = read_lfw(path).read(0)
    (copy,) = cache.rglob("*.zip")
    copy.write_bytes(copy.read_bytes()[:-30])
    np.testing.assert_array_equal(read_lfw(path).read(0), first)


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_damaged_archive_is_named(kind, lfw, tmp_path):
    path = {"zip": as_zip, "tgz": as_tar}[kind](lfw / "lfw", tmp_path / f"lfw.{kind}")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=rf"path must be a zip or tar file; '.*lfw.{kind}' cannot be read as one"):
        read_lfw(path)


def test_a_damaged_member_is_named(lfw, tmp_path):
    path = as_zip(lfw / "lfw", tmp_path / "lfw.zip")
    content = bytearray(path.read_bytes())
    start = content.index(b"\xff\xd8\xff")
    content[start + 50 : start + 90] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(UnreadableImage, match=r"lfw.zip/lfw/Ann_Bee/Ann_Bee_0001.jpg cannot be read: Bad CRC-32"):
        read_lfw(path).read(0)


def test_a_cache_that_cannot_be_written_is_said(lfw, tmp_path, monkeypatch):
    def refused(target):
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(archives, "atomic_file", refused)
    with pytest.raises(OSError, match="cannot be copied to .* Set FRLIB_CACHE .* Or unpack it yourself"):
        read_lfw(as_tar(lfw / "lfw", tmp_path / "lfw.tgz"))


def test_errors_of_lfw(lfw, tmp_path):
    with pytest.raises(ValueError, match=r"path must hold images named NAME/NAME_0001.jpg.*has none"):
        read_lfw(tmp_path / "gone")
    (lfw / "lfw/Bob/Bob_0001.jpg").rename(lfw / "lfw/Bob/Rob_0001.jpg")
    with pytest.raises(ValueError, match="as LFW has them; got .*Bob/Rob_0001.jpg"):
        read_lfw(lfw)


def test_pairs_are_rows_of_the_photographs(lfw):
    photographs = read_lfw(lfw)
    lines = ["2\t1", "Ann_Bee\t1\t3", "Ann_Bee\t2\tBob\t1", "Bob\t1\t2", "Bob\t3\tAnn_Bee\t1"]
    for end in ("\n", "\r\n"):
        (lfw / "pairs.txt").write_bytes(end.join(lines).encode() + 2 * end.encode())
        table = read_pairs(lfw / "pairs.txt", photographs)
        assert table.to_numpy().tolist() == [[0, 0, 2, True], [0, 1, 3, False], [1, 3, 4, True], [1, 5, 0, False]]
    (lfw / "pairs.txt").write_text("2\nAnn_Bee 1 3\nBob 1 2\nAnn_Bee 2 Bob 1\nBob 3 Ann_Bee 1\n")
    table = read_pairs(lfw / "pairs.txt", photographs)
    assert table["fold"].tolist() == [0] * 4 and table["same"].tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"line 1: must give the number of folds and of matched pairs in each; got \[\]"),
        ("x\n", r"line 1: must give .*; got \['x'\]"),
        ("1\t2\nBob\t1\t2\n", "line 1: announces 1 x 2 x 2 = 4 pairs; 1 lines follow"),
        ("1\nBob 1 2\nBob 1 3\n", "line 3: must be a mismatched pair, NAME 1 OTHER 1; got 'Bob 1 3'"),
        ("1\nBob 1 Cid 2\nBob 1 Ann_Bee 1\n", "line 2: must be a matched pair, NAME 1 2; got 'Bob 1 Cid 2'"),
        ("1\nBob 1 9\nBob 1 Ann_Bee 1\n", "line 2: image 'Bob_0009.jpg' is not among the photographs"),
        ("1\nBob 1 x\nBob 1 Ann_Bee 1\n", "line 2: must give the number of an image of 'Bob'; got 'x'"),
        ("1\n\nBob 1 2\n \nBob 1 3\n", "line 5: must be a mismatched pair, NAME 1 OTHER 1; got 'Bob 1 3'"),
    ],
)
def test_errors_of_pairs(text, message, lfw):
    (lfw / "pairs.txt").write_text(text)
    with pytest.raises(ValueError, match=f"pairs.txt, {message}"):
        read_pairs(lfw / "pairs.txt", read_lfw(lfw))


def clouds_of(points: torch.Tensor, known: np.ndarray, metric: str) -> list[Cloud]:
    """Clouds of two people, as those of `Crops`, that lack some rows."""
    halves = np.array_split(np.arange(len(points)), 2)
    tables = [pd.DataFrame({"row": half[known[half]]}) for half in halves]
    return [Cloud(points[table["row"].tolist()], metric=metric, table=table) for table in tables]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_pair_accuracy_is_that_of_a_plain_protocol(metric):
    """A threshold by trying all distances, folds by scikit-learn; pairs without an embedding are left out."""
    rng = np.random.default_rng(3)
    points = torch.from_numpy(rng.normal(size=(60, 5)))
    pairs = pd.DataFrame(rng.integers(0, 60, (200, 2)), columns=["first", "second"])
    pairs = pairs.assign(fold=np.arange(200) // 20, same=np.arange(200) % 2 == 0)
    near = np.flatnonzero(pairs["same"])
    points[pairs["second"].to_numpy()[near]] += 0.4 * points[pairs["first"].to_numpy()[near]]
    known = rng.random(60) < 0.95
    got = pair_accuracy(clouds_of(points, known, metric), pairs)
    kept = pairs[known[pairs["first"]] & known[pairs["second"]]]
    assert 0 < got["missing"] < 0.2 and got["missing"] == pytest.approx(1 - len(kept) / 200)
    distances = pair_distances(points, metric=metric).numpy()[kept["first"], kept["second"]]
    same, accuracies = kept["same"].to_numpy(), []
    for train, test in KFold(10).split(np.arange(10)):
        inside, outside = kept["fold"].isin(train).to_numpy(), kept["fold"].isin(test).to_numpy()
        levels = np.sort(distances[inside])
        middles = np.append((levels[:-1] + levels[1:]) / 2, levels[-1] + 1)
        gain = [(distances[inside & same] <= m).mean() - (distances[inside & ~same] <= m).mean() for m in middles]
        judged = distances <= middles[np.argmax(gain)]
        accuracies.append((judged[outside & same].mean() + 1 - judged[outside & ~same].mean()) / 2)
    assert got["accuracy"] == pytest.approx(np.mean(accuracies))
    assert got["standard_error"] == pytest.approx(np.std(accuracies, ddof=1) / np.sqrt(10))


def test_errors_of_pair_accuracy():
    cloud = Cloud(torch.eye(2))
    pairs = pd.DataFrame({"fold": [0, 0], "first": [0, 0], "second": [1, 1], "same": [True, False]})
    with pytest.raises(ValueError, match="clouds must be those of Crops, whose tables have a column 'row'"):
        pair_accuracy([cloud], pairs)
    with pytest.raises(ValueError, match="clouds must hold at least one cloud"):
        pair_accuracy([], pairs)
    with pytest.raises(ValueError, match="pairs must have a column 'fold'"):
        pair_accuracy([cloud], pairs.drop(columns="fold"))
    with pytest.raises(ValueError, match=r"folds must be two at least, each with pairs of both kinds; got \[0\]"):
        pair_accuracy([Cloud(torch.eye(2), table=pd.DataFrame({"row": [0, 1]}))], pairs)


@pytest.fixture
def celeba(tmp_path):
    labels = pd.DataFrame({"Smiling": [1, -1, 1, -1, 1, 1], "Young": [1] * 5 + [-1]})
    return write_celeba(tmp_path / "celeba", blank(), labels)


@pytest.mark.parametrize("kind", ["folder", "zip", "given"])
def test_celeba_is_read_with_people_and_attributes(kind, celeba, tmp_path):
    folder, given = celeba / "img_align_celeba", None
    if kind == "zip":
        as_zip(folder, celeba / "img_align_celeba.zip")
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    elif kind == "given":
        given = folder.rename(tmp_path / "elsewhere")
    photographs = read_celeba(celeba, given)
    assert photographs.identities == ("2880",) * 3 + ("2881",) * 3 and photographs.name == "CelebA"
    assert photographs.attributes["Smiling"].tolist() == [True, False, True, False, True, True]
    assert photographs.attributes["Young"].tolist() == [True] * 5 + [False]
    assert [path.name for path in photographs.paths] == [f"00000{k}.jpg" for k in range(1, 7)]
    assert int(photographs.read(4).float().mean().round()) == 4


def test_whole_photographs_go_before_aligned_ones(celeba):
    (celeba / "img_align_celeba").rename(celeba / "img_celeba")
    (celeba / "img_align_celeba").mkdir()
    assert read_celeba(celeba).paths[0].parts[-2] == "img_celeba"


@pytest.mark.parametrize(
    ("name", "line", "text", "error", "message"),
    [
        ("list_attr_celeba.txt", 1, "7", ValueError, "line 1: announces 7 images; 6 lines follow the header"),
        ("list_attr_celeba.txt", 1, "Smiling Young", ValueError, "line 1: must be the number of images; got 'Smiling"),
        ("list_attr_celeba.txt", 2, "Young Young", ValueError, "line 2: must name different attributes"),
        ("list_attr_celeba.txt", 4, "000002.jpg 1", ValueError, "line 4: must have 2 values; got 1"),
        ("list_attr_celeba.txt", 5, "000003.jpg 1 0", ValueError, "line 5: values must be 1 or -1; got '0'"),
        ("list_attr_celeba.txt", 6, "000001.jpg 1 1", ValueError, "line 6: image '000001.jpg' is on line 3 already"),
        ("list_attr_celeba.txt", 3, "../x.jpg 1 1", ValueError, "line 3: must begin with the name of an image"),
        ("identity_CelebA.txt", 2, "000002.jpg", ValueError, "line 2: must be an image and the number of a person"),
        ("identity_CelebA.txt", 2, "000002.jpg x", ValueError, "line 2: must be an image and .*; got '000002.jpg x'"),
        ("identity_CelebA.txt", 3, "000009.jpg 1", FileNotFoundError, "line 3: image '000009.jpg' is not among the"),
    ],
)
def test_errors_of_celeba_name_file_and_line(name, line, text, error, message, celeba):
    lines = (celeba / name).read_text().splitlines()
    lines[line - 1] = text
    (celeba / name).write_text("\n".join(lines) + "\n")
    with pytest.raises(error, match=f"{name}, {message}"):
        read_celeba(celeba)


def test_what_is_missing_of_celeba_is_named(celeba):
    Image.new("RGB", (4, 4)).save(celeba / "img_align_celeba/000007.jpg")
    with open(celeba / "identity_CelebA.txt", "a") as file:
        file.write("000007.jpg 5\n")
    with pytest.raises(ValueError, match="line 7: image '000007.jpg' is not in .*list_attr_celeba.txt"):
        read_celeba(celeba)
    (celeba / "img_align_celeba").rename(celeba / "pictures")
    with pytest.raises(FileNotFoundError, match="has no folder or archive 'img_celeba' or 'img_align_celeba'"):
        read_celeba(celeba)
    (celeba / "identity_CelebA.txt").unlink()
    with pytest.raises(FileNotFoundError, match="has no file 'identity_CelebA.txt'"):
        read_celeba(celeba)
