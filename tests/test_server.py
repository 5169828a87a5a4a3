"""A notebook on a server: Colab's own calls on Colab alone, and what is printed about the cost of a chapter."""

import sys
import types

import pytest
import torch

from frlib import server
from frlib.store import cache_folder

FACTS = {"profile": "book", "seconds": 120.0, "device": "cpu", "processor": "2 cores, arm", "megabytes": 150}


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """What is asked of Colab; FRLIB_CACHE is a folder of the test, and no server is known."""
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return []


@pytest.fixture
def colab(calls, monkeypatch, tmp_path):
    """A package google.colab, as on Colab."""
    package = tmp_path / "packages/google/colab"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "packages")
    for name in [name for name in sys.modules if name == "google" or name.startswith("google.")]:
        monkeypatch.delitem(sys.modules, name)
    output, drive = types.ModuleType("google.colab.output"), types.ModuleType("google.colab.drive")
    output.enable_custom_widget_manager = lambda: calls.append("widgets")
    drive.mount = lambda folder: calls.append(folder)
    for module in (output, drive):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        __import__("google.colab")
        setattr(sys.modules["google.colab"], module.__name__.rpartition(".")[2], module)
    yield calls
    for name in ("google.colab", "google"):
        sys.modules.pop(name, None)


def test_elsewhere_nothing_is_asked_of_colab(calls, capsys, tmp_path):
    server.begin(**FACTS, drive=True)
    lines = capsys.readouterr().out.splitlines()
    assert calls == [] and cache_folder() == tmp_path
    assert lines[0].startswith("Jupyter, no GPU, so the CPU computes; ")
    assert lines[1] == "The published run, profile book, took 2 min on CPU, 2 cores, arm."
    assert lines[3].startswith(f"Up to 150 MB are downloaded at first use. Results are kept in {tmp_path}, which has ")


def test_kaggle_is_known(calls, monkeypatch):
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert server.name() == "Kaggle"


def test_nothing_is_asked_of_colab_on_kaggle_which_has_its_package_too(colab, monkeypatch):
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    server.begin(**FACTS, drive=True)
    assert colab == []


def test_colab_gets_its_widgets_and_keeps_its_disk(colab, capsys, tmp_path):
    server.begin(**FACTS)
    assert colab == ["widgets"] and cache_folder() == tmp_path
    assert capsys.readouterr().out.startswith("Colab, no GPU")


def test_drive_is_mounted_where_the_reader_asks_for_it(colab, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(server, "DRIVE", str(tmp_path / "drive"))
    server.begin(**FACTS, drive=True)
    assert colab == ["widgets", str(tmp_path / "drive")]
    assert cache_folder() == tmp_path / "drive/MyDrive/frlib"


def test_a_gpu_is_named(calls, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Chip {index}")
    assert server.processors().startswith("Chip 0; ")


def test_a_chapter_that_was_not_run_promises_nothing(calls, capsys):
    server.begin(profile=None, megabytes=0)
    out = capsys.readouterr().out
    assert "published" not in out and "Nothing is downloaded." in out


def test_a_cache_that_cannot_be_written_is_told(calls, monkeypatch):
    monkeypatch.setattr(server, "can_be_written", lambda folder: False)
    assert "cannot be written: what is computed is not kept" in server.cache_in_words(0)


@pytest.mark.parametrize(("seconds", "said"), [(7.4, "7 s"), (99.9, "100 s"), (150.0, "2 min"), (3600, "60 min")])
def test_durations_are_said_as_a_reader_says_them(seconds, said):
    assert server.spoken(seconds) == said
