"""Tests that read the built site: skipped with a reason where it is absent or stale; `make test` lets none be."""

import os
import subprocess
import sys

import pytest

from tests import build

TEST = "tests/notebooks/test_pipeline.py::test_a_second_build_does_nothing"


@pytest.mark.parametrize(("options", "outcome"), [([], "1 skipped"), (["--built"], "1 error")])
def test_without_a_site(options, outcome, tmp_path):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", TEST, *options]
    environment = os.environ | {"FRLIB_SITE": str(tmp_path)}
    done = subprocess.run(command, cwd=build.ROOT, env=environment, capture_output=True, text=True)
    assert outcome in done.stdout.splitlines()[-1], done.stderr
    assert f"there is no site at {tmp_path}: `make test` builds it" in done.stdout


def test_a_stale_build_is_named(monkeypatch):
    monkeypatch.delenv("FRLIB_SITE", raising=False)
    monkeypatch.setattr(build, "present", lambda: True)
    monkeypatch.setattr(build, "states", lambda: {"chapter:a": "U", "chapter:b": "R", "site": "R"})
    assert build.unfit() == "stale: chapter:b, site; `make test` builds anew"
    monkeypatch.setattr(build, "states", lambda: {"chapter:a": "U", "site": "U"})
    assert build.unfit() == ""


def test_make_test_lets_no_test_of_the_site_be_skipped():
    assert "python -m pytest --built " in (build.ROOT / "Makefile").read_text()
