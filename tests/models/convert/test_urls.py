"""Files at addresses: what is kept, what each fault says, and that none leaves anything behind."""

import hashlib
import re
import socket
import threading

import pytest

from frlib.models import ChecksumError, DownloadError
from frlib.models.convert import patience
from frlib.models.convert.urls import WebFile, fetch
from tests.models.served import server

CONTENT = bytes(range(256)) * 9000  # more than two pieces
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of the user."""
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def served():
    with server({"net.onnx": CONTENT}) as serving:
        yield serving


def kept(cache):
    return sorted(path.name for path in cache.rglob("*") if path.is_file() and path.name != ".lock")


def test_a_file_is_fetched_once_and_verified(served, cache):
    file = WebFile(f"{served.url}/net.onnx", SHA256)
    before = len(served.asked)
    assert not file.is_kept()
    assert fetch(file, progress=False) == len(CONTENT)
    assert file.is_kept() and file.local.read_bytes() == CONTENT
    assert fetch(file, progress=False) == 0
    assert len(served.asked) == before + 1 and kept(cache) == [file.local.name]


def test_files_of_one_name_at_two_addresses_do_not_meet(served):
    first, second = (WebFile(f"{served.url}{folder}/net.onnx", SHA256) for folder in ("", "/elsewhere"))
    assert first.local != second.local and first.path == second.path == "net.onnx"


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], CONTENT[:-1] + b"x"])
def test_a_kept_file_that_is_damaged_is_fetched_again(damage, served):
    file = WebFile(f"{served.url}/net.onnx", SHA256)
    fetch(file, progress=False)
    file.local.write_bytes(damage)
    assert not file.is_kept()
    fetch(file, progress=False)
    assert file.is_kept()


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("other", ChecksumError, f"expected sha256 {SHA256}. Nothing of it was kept. Run again"),
        ("page", DownloadError, "it answered with a web page in place of the file"),
        ("cut", DownloadError, "it broke off after 1,152,000 of 2,304,000 bytes"),
        ("gone", DownloadError, "it answered 404 Not Found"),
        ("silent", DownloadError, "it sent nothing for 0.3 seconds"),
    ],
)
def test_each_fault_has_its_own_error_and_leaves_nothing(fault, kind, said, served, cache, monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE", 0.3)
    file = WebFile(f"{served.url}/{fault}/net.onnx", SHA256)
    with pytest.raises(kind, match=re.escape(said)) as error:
        fetch(file, progress=False)
    assert file.url in str(error.value)
    if kind is DownloadError:
        assert isinstance(error.value, ConnectionError) and "--file FILE" in str(error.value)
    assert kept(cache) == [] and not file.is_kept()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
def test_without_network_the_message_says_what_to_do(host, cache):
    with pytest.raises(DownloadError, match="Check the network connection"):
        fetch(WebFile(f"http://{host}:{free_port()}/net.onnx", SHA256), progress=False)
    assert kept(cache) == []


def test_a_failed_fetch_leaves_the_good_file_that_was_there(served, monkeypatch):
    file = WebFile(f"{served.url}/net.onnx", SHA256)
    fetch(file, progress=False)
    with pytest.raises(ValueError, match=f"sha256 must be {SHA256}, which is published"):
        fetch(file, sha256="0" * 64, progress=False)
    assert file.is_kept()


# Files whose sha256 nobody publishes


def test_nothing_is_used_without_a_sha256(served, cache):
    file = WebFile(f"{served.url}/net.onnx")
    with pytest.raises(ValueError, match="sha256 must be given for net.onnx, because none is published") as error:
        fetch(file, progress=False)
    assert "--sha256 HEX" in str(error.value) and "--file FILE" in str(error.value) and kept(cache) == []


def test_a_given_sha256_is_noted_and_serves_from_then_on(served):
    file = WebFile(f"{served.url}/net.onnx")
    with pytest.raises(ChecksumError, match="expected sha256 0000"):
        fetch(file, sha256="0" * 64, progress=False)
    assert file.sha256 is None
    assert fetch(file, sha256=SHA256.upper(), progress=False) == len(CONTENT)
    assert file.sha256 == SHA256 and file.is_kept() and fetch(file, progress=False) == 0


@pytest.mark.parametrize("published", [None, SHA256])
def test_a_file_that_is_here_is_copied_and_its_sha256_noted(published, tmp_path):
    own, file = tmp_path / "own.onnx", WebFile("http://nowhere.invalid/net.onnx", published)
    own.write_bytes(CONTENT)
    assert fetch(file, given=own, progress=False) == 0
    assert file.is_kept() and file.sha256 == SHA256 and own.exists()


def test_a_file_that_is_here_and_another_than_the_published_one_is_refused(tmp_path, cache):
    own = tmp_path / "own.onnx"
    own.write_bytes(b"another")
    with pytest.raises(ChecksumError, match="own.onnx has sha256 .* expected sha256"):
        fetch(WebFile("http://nowhere.invalid/net.onnx", SHA256), given=own, progress=False)
    assert kept(cache) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sha256": "12"}, "sha256 must be 64 hexadecimal digits; got '12'"),
        ({"given": "/nowhere/net.onnx"}, "file must name the downloaded net.onnx; there is none at /nowhere/net.onnx"),
    ],
)
def test_bad_arguments_are_refused(given, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        fetch(WebFile("http://nowhere.invalid/net.onnx"), progress=False, **given)


def test_threads_share_one_download(served):
    file, before = WebFile(f"{served.url}/shared/net.onnx", SHA256), len(served.asked)
    threads = [threading.Thread(target=fetch, args=(file,), kwargs={"progress": False}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(served.asked) == before + 1 and file.is_kept()


def test_progress_counts_bytes(served, capsys):
    fetch(WebFile(f"{served.url}/net.onnx", SHA256), progress=True)
    assert re.search(r"net.onnx: 100%.*2.30M/2.30M", capsys.readouterr().err)


def test_a_cache_that_cannot_be_written_is_named_with_the_remedy(served, monkeypatch):
    monkeypatch.delenv("FRLIB_CACHE")
    monkeypatch.setenv("HOME", "/dev/null")
    with pytest.raises(OSError, match="networks cannot be fetched, because /dev/null.* Set FRLIB_CACHE"):
        fetch(WebFile(f"{served.url}/net.onnx", SHA256), progress=False)
