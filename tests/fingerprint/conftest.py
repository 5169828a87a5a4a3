"""What tests of lattices share: an empty store that knows the weights and the head."""

import pytest

from frlib import store
from frlib.faces.generator.head import load_head


@pytest.fixture
def own_results(tmp_path, monkeypatch):
    """Keep results in an empty folder; weights and head are those of the user's cache."""
    load_head()  # built where it is not there yet
    for room in ("models", "faces"):
        (tmp_path / room).symlink_to(store.cache_folder(room))
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    return tmp_path / "results"
