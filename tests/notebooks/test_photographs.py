"""The page on photographs, run with a small data set in the cache and without: its tables come from what is there."""

import contextlib
import io
import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from book.contents import ROOT
from frlib.datasets import Crops, clean, find_faces, one_face, read_folder
from frlib.geometry import distance_summary
from frlib.models import DEFAULT_NETWORKS, load
from frlib.store import cache_folder
from tests.photographs import pictures, plant_faults, write_folder

pytestmark = pytest.mark.slow


def linked_cache(folder: Path) -> Path:
    """Return a cache that has what the usual one has, and room for photographs of its own."""
    for entry in cache_folder().iterdir():
        if entry.name != "photographs":
            (folder / entry.name).symlink_to(entry)
    (folder / "photographs").mkdir()
    return folder


def run_page() -> tuple[dict, str]:
    """Run the code of the page in profile smoke; return its variables and what it showed."""
    import jupytext

    cells = [c for c in jupytext.read(ROOT / "notebooks/photographs.py").cells if c.cell_type == "code"]
    names, shown = {}, io.StringIO()
    with contextlib.redirect_stdout(shown), warnings.catch_warnings():
        for cell in cells:
            exec(compile(cell.source, "photographs.py", "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                names["profile"], names["device"] = "smoke", "cpu"
    return names, shown.getvalue()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Run the page with a data set, one that is too small, and without any."""
    before, folder = os.environ.get("FRLIB_CACHE"), tmp_path_factory.mktemp("cache")
    usual, found = linked_cache(folder), {}
    try:
        os.environ["FRLIB_CACHE"] = str(usual)
        found["without"] = run_page()
        images = pictures(3, 5, seed=7)
        plant_faults(write_folder(usual / "photographs/album", images), images)
        write_folder(usual / "photographs/pair", {name: own[:3] for name, own in list(images.items())[:2]})
        for unreadable in ("celeba_cut", "empty"):
            (usual / "photographs" / unreadable).mkdir()
        found["with"] = run_page()
    finally:
        os.environ.pop("FRLIB_CACHE") if before is None else os.environ.update(FRLIB_CACHE=before)
    return found | {"folder": usual / "photographs/album"}


def test_with_photographs_the_tables_are_computed_from_them(pages):
    names, shown = pages["with"]
    assert list(names["used"]) == ["album"] and list(names["ours"].index.unique("images")) == ["album", "drawn"]
    assert "Photographs in the cache when this page was run: album" in shown
    assert "Left out: pair (fewer than two people with enough photographs)." in shown
    assert re.search(r"Left out: celeba_cut \(.*photographs/celeba_cut.*\)\.", shown)
    assert re.search(r"Left out: empty \(.*photographs/empty.*\)\.", shown)
    photographs = read_folder(pages["folder"])
    faces = find_faces(photographs, n_jobs=1, progress=False)
    kept = clean(photographs, [one_face(faces)])
    assert names["counts"].query("images_of == 'album' and step == 'exactly one face'").images.item() == len(kept.rows)
    crops = [Crops(kept.photographs, faces.take(kept.rows), person) for person in photographs.people]
    images = torch.cat([next(crop.draw(["arcface"]))["arcface"]["points"] for crop in crops])
    who = np.repeat(photographs.people, [len(crop.table) for crop in crops])
    expected = distance_summary(load("mobilefacenet", "cpu").embed(images, progress=False), who)
    own = names["ours"].loc["album", "mobilefacenet"]
    assert own["d_intra"] == pytest.approx(expected["d_intra"], rel=1e-5)
    assert own["d_inter"] == pytest.approx(expected["d_inter"], rel=1e-5)
    assert set(names["energies"].images) == {"album", "drawn"}
    assert set(names["energies"].query("images == 'album'").attribute) == {"brightness", "hue", "image_quality"}
    assert set(names["energies"].network) == set(DEFAULT_NETWORKS)
    # Bob's folder holds a photograph of Ann, so the clouds overlap in every network.
    assert (names["found"].overlap > 0).all() and len(names["found"]) == len(DEFAULT_NETWORKS)


def test_without_photographs_nothing_is_said_of_any(pages):
    names, shown = pages["without"]
    assert names["used"] == {} and names["counts"].empty and names["found"].empty
    assert list(names["ours"].index.unique("images")) == list(names["energies"].images.unique()) == ["drawn"]
    assert "There were no photographs in the cache when this page was run." in shown
    assert "This setting cannot test it" in shown
