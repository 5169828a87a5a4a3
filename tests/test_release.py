"""A release: what is gathered, its checksums, and that a file of it is taken whole and verified or not at all."""

import io
import subprocess
import tarfile
import urllib.error

import pytest
import torch

from book import contents
from book import release as gathering
from frlib import release, store
from frlib.faces import GENERATOR
from frlib.faces.generator import head


@pytest.fixture
def built(tmp_path):
    """The parts of a build: site and head file."""
    site, head = tmp_path / "html", tmp_path / "head-9.safetensors"
    site.mkdir()
    (site / "index.html").write_text("a page")
    for name in contents.chapters():
        path = site / f"_downloads/{name}-results.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"numbers of {name}")
    head.write_bytes(b"a head")
    return site, head


@pytest.fixture
def folder(built, tmp_path, monkeypatch):
    gathering.gather(tmp_path / "release", *built)
    monkeypatch.setenv("FRLIB_RELEASE", str(tmp_path / "release"))
    return tmp_path / "release"


def test_a_release_has_head_numbers_site_and_checksums_that_sha256sum_accepts(folder):
    names = {path.name for path in folder.iterdir()}
    results = {f"{name.split('/')[1]}-results.zip" for name in contents.chapters()}
    assert names == {"head-9.safetensors", "site.tar.gz", "SHA256SUMS"} | results
    with tarfile.open(folder / "site.tar.gz") as archive:
        assert archive.extractfile("site/index.html").read() == b"a page"
    assert subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder).returncode == 0


def test_nothing_is_gathered_over_files_or_from_half_a_build(built, tmp_path, folder):
    with pytest.raises(ValueError, match=r"folder must be new or empty; got '.*release', which has files"):
        gathering.gather(folder, *built)
    (built[0] / "index.html").unlink()
    with pytest.raises(ValueError, match=r"`make book` must come first; .*index\.html must exist"):
        gathering.gather(tmp_path / "other", *built)
    assert not (tmp_path / "other").exists() and not list(tmp_path.glob(".*"))


def test_a_file_is_taken_where_its_checksum_matches(folder, tmp_path):
    assert release.take("head-9.safetensors", tmp_path / "cache/head")
    assert (tmp_path / "cache/head").read_bytes() == b"a head"


def test_another_content_is_refused_and_leaves_nothing(folder, tmp_path):
    (folder / "head-9.safetensors").write_bytes(b"another")
    with pytest.warns(UserWarning, match=r"head-9\.safetensors is not taken .*has sha256 [0-9a-f]{64}; SHA256SUMS"):
        assert not release.take("head-9.safetensors", tmp_path / "cache/head")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_file_that_is_not_listed_or_not_there_is_not_taken(folder, tmp_path):
    with pytest.warns(UserWarning, match=r"SHA256SUMS of .* does not list head-8"):
        assert not release.take("head-8", tmp_path / "head")
    (folder / "SHA256SUMS").unlink()
    with pytest.warns(UserWarning, match="No such file"):
        assert not release.take("head-9.safetensors", tmp_path / "head")
    assert not (tmp_path / "head").exists()


@pytest.mark.parametrize("where", ["http://host.example/", "no such folder", "ftp://x"])
def test_only_a_folder_or_an_https_address_is_a_release(monkeypatch, where, tmp_path):
    monkeypatch.setenv("FRLIB_RELEASE", where)
    with pytest.raises(ValueError, match=f"FRLIB_RELEASE must be a folder or an https address; got '{where}'"):
        release.take("head", tmp_path / "head")


def test_without_a_name_nobody_is_asked(monkeypatch, tmp_path):
    monkeypatch.delenv("FRLIB_RELEASE", raising=False)
    monkeypatch.setattr(release, "open_file", lambda *_: pytest.fail("a release was asked"))
    assert not release.take("head", tmp_path / "head")


def test_an_address_is_read_file_by_file_and_a_cut_connection_leaves_nothing(folder, monkeypatch, tmp_path):
    asked = []

    def answer(address, timeout):
        asked.append(address)
        content = (folder / address.rpartition("/")[2]).read_bytes()
        return io.BytesIO(content if "SUMS" in address or "whole" in address else content[:3])

    monkeypatch.setattr(release.urllib.request, "urlopen", answer)
    monkeypatch.setenv("FRLIB_RELEASE", "https://host.example/whole/")
    assert release.take("head-9.safetensors", tmp_path / "head")
    assert asked == [f"https://host.example/whole/{name}" for name in ("SHA256SUMS", "head-9.safetensors")]
    monkeypatch.setenv("FRLIB_RELEASE", "https://host.example/cut")
    with pytest.warns(UserWarning, match="has sha256"):
        assert not release.take("head-9.safetensors", tmp_path / "second")
    assert not (tmp_path / "second").exists()

    def refuse(address, timeout):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(release.urllib.request, "urlopen", refuse)
    with pytest.warns(UserWarning, match="no route"):
        assert not release.take("head-9.safetensors", tmp_path / "third")


@pytest.fixture
def cold(monkeypatch, tmp_path):
    """A cache without a head file, and a generator that would build one."""
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cold"))
    built = []
    monkeypatch.setattr(head, "build_head", lambda: built.append(1) or ({"made": torch.ones(1)}, {"names": []}))
    monkeypatch.setattr(head, "_unpacked", lambda arrays, parameters: sorted(arrays))
    head.load_head.cache_clear()
    yield built
    head.load_head.cache_clear()


@pytest.mark.parametrize("sound", [True, False])
def test_the_head_of_a_release_is_taken_in_place_of_building_it(cold, monkeypatch, tmp_path, sound):
    (tmp_path / "offered").mkdir()
    monkeypatch.setenv("FRLIB_RELEASE", str(tmp_path / "offered"))
    offered = tmp_path / "offered" / head.head_path().name
    store.save_arrays(offered, {"offered": torch.zeros(1)}, {"names": [], "version": GENERATOR})
    gathering.write_sums(tmp_path / "offered")
    if sound:
        assert head.load_head() == ["offered"] and cold == []
    else:
        offered.write_bytes(offered.read_bytes()[:-1])
        with pytest.warns(UserWarning, match="is not taken from the release"):
            assert head.load_head() == ["made"]
        assert cold == [1]
