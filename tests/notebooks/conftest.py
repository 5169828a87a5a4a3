"""Fixture of the build's tests: a checkout without chapters."""

import shutil
from pathlib import Path

import pytest

from book.contents import ROOT


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout with all that builds, and without a chapter, a page or a figure."""
    (tmp_path / "frlib").symlink_to(ROOT / "frlib")
    (tmp_path / "book/assets").mkdir(parents=True)
    for script in (ROOT / "book").glob("*.py"):
        shutil.copy(script, tmp_path / "book")
    shutil.copytree(ROOT / "book/course", tmp_path / "book/course")
    for name in ("dodo.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "_toc.yml").write_text("parts: []\n")
    return tmp_path
