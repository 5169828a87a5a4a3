"""Fixture of the build's tests: a checkout without chapters."""

from pathlib import Path

import pytest

from tests.checkout import small_checkout


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout with all that builds, and without a chapter, a page or a figure."""
    return small_checkout(tmp_path)
