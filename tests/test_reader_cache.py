"""What the reader has put into the cache is noticed, so that the chapters that show it run again."""

import os

import pytest

from book import reader_cache
from frlib.models import catalogue


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def chapter(folder, text):
    (folder / "chapter.py").write_text(text)
    return folder / "chapter.py"


def test_a_chapter_that_looks_at_nothing_depends_on_nothing(cache, tmp_path):
    (cache / "photographs/album").mkdir(parents=True)
    assert reader_cache.shown(chapter(tmp_path, "n = 1\n")) == {}
    assert reader_cache.shown(tmp_path / "missing.py") == {}
    (tmp_path / "chapter.py").write_bytes(b"n = '\xe9'\n")  # no UTF-8: the step that runs it says so
    assert reader_cache.shown(tmp_path / "chapter.py") == {}


def test_a_network_of_the_papers_is_noticed(cache, tmp_path):
    source = chapter(tmp_path, "names = chosen(networks)\n")
    assert reader_cache.shown(source) == {"networks": []}
    for name in ("arcface-r50", "dinov2", "mobileface"):  # the last one is not of the papers
        catalogue.stored_path(name).parent.mkdir(parents=True, exist_ok=True)
        catalogue.stored_path(name).touch()
    assert reader_cache.shown(source) == {"networks": ["arcface-r50", "dinov2"]}


def test_photographs_are_noticed_when_they_come_change_or_go(cache, tmp_path):
    source = chapter(tmp_path, "readable, unreadable = datasets.read_stored()\n")
    states = [reader_cache.shown(source)]
    person = tmp_path / "album/ann"
    person.mkdir(parents=True)
    (cache / "photographs").mkdir(parents=True, exist_ok=True)
    (cache / "photographs/mine").symlink_to(tmp_path / "album")
    states.append(reader_cache.shown(source))
    assert states[-1]["photographs"]["mine"][0] == str(tmp_path / "album")
    os.utime(person, ns=(0, 2 * 10**18))  # as when a photograph of Ann is added, later
    states.append(reader_cache.shown(source))
    (tmp_path / "album").rename(tmp_path / "gone")
    states.append(reader_cache.shown(source))
    assert states[0] == states[3] == {"photographs": {}}
    assert states[1] != states[2] == {"photographs": {"mine": [str(tmp_path / "album"), 2 * 10**18]}}
