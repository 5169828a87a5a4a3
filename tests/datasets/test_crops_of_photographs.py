"""The crops of a person's photographs are those of `align`, and a drawing like any other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from frlib.clouds import embed, images_of
from frlib.datasets import Crops, Faces, Photographs, UnreadableImage, align, crops
from frlib.datasets.cutting import cut
from frlib.faces import pixels
from frlib.faces.attributes import ATTRIBUTES, PIXELS, STEPS
from frlib.faces.crops import template
from tests.networks import tiny

SIZES = {"arcface": 112, "wide": 150}


@settings(max_examples=40)
@given(
    st.integers(20, 90),
    st.integers(20, 90),
    st.floats(0.05, 3),
    st.floats(-3, 3),
    st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
    st.sampled_from(["arcface", "wide"]),
)
def test_a_cut_is_what_align_gives(height, width, scale, angle, shift, crop):
    """However large the face is, turned, and beyond the edge: only less of the photograph is looked at."""
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8))
    turn = scale * torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float32)
    marks = (template(crop, 40) - 20) @ turn.T + torch.tensor([width / 2 + shift[0], height / 2 + shift[1]])
    whole = align(image[None].float(), marks[None], size=40, crop=crop)[0]
    torch.testing.assert_close(cut(image, marks, crop, 40), whole, atol=0.02, rtol=0)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cache"))


def planted(folder: Path, n: int = 5, seed: int = 0) -> tuple[Photographs, Faces]:
    """Photographs of noise by two people in turn, with faces at known places; row 2 has none."""
    rng, paths = np.random.default_rng(seed), []
    folder.mkdir(exist_ok=True)
    for k in range(n):
        paths.append(folder / f"{k}.png")
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3)).astype(np.uint8))
        coarse.resize((160, 120), Image.Resampling.BICUBIC).save(paths[-1])
    marks = torch.stack([template("arcface", 90) + torch.tensor([8.0 * k, 5.0 * k]) for k in range(n)])
    marks[2] = torch.nan
    people = ["Ann" if k % 2 == 0 else "Bob" for k in range(n)]
    labels = pd.DataFrame({"Smiling": np.arange(n) > 2})
    photographs = Photographs(paths, people, labels)
    table = pd.DataFrame({"photograph": [path.name for path in paths], "identity": people})
    return photographs, Faces(table, marks, tuple(photographs.digest(row) for row in range(n)))


def test_a_person_is_drawn_as_aligned_photographs(tmp_path):
    photographs, faces = planted(tmp_path)
    drawing = Crops(photographs, faces, "Ann")
    assert drawing.table.to_dict("list") == {"row": [0, 4], "Smiling": [False, True]}
    assert drawing.identity.index == 0 and Crops(photographs, faces, "Bob").identity.index == 1
    for crop, size in SIZES.items():
        for enlarged in (1.0, 1.5):
            (block,) = drawing.draw([crop], enlarged)
            side = round(enlarged * size)
            for image, row in zip(block[crop]["points"], (0, 4), strict=True):
                own = photographs.read(row)[None], faces.landmarks[row][None]
                assert (image.int() - align(*own, size=side, crop=crop)[0].int()).abs().max() <= 1
                assert image.dtype == torch.uint8 and image.shape == (side, side, 3)


def test_ends_are_the_pixel_operations_by_the_steps_of_curves(tmp_path):
    drawing = Crops(*planted(tmp_path), "Bob")
    assert drawing.attributes == PIXELS == ("brightness", "hue", "image_quality")
    assert drawing.steps == {"brightness": 25.0, "hue": 2.0, "image_quality": 0.5}
    assert drawing.steps == {a: STEPS["pixels"] * (ATTRIBUTES[a].high - ATTRIBUTES[a].low) for a in PIXELS}
    assert Crops(*planted(tmp_path), "Bob", step=0.1).steps["brightness"] == pytest.approx(10)
    (block,) = drawing.draw(["arcface"])
    points = torch.stack(
        [cut(drawing.photographs.read(k), drawing.faces.landmarks[k], "arcface", 112) for k in range(2)]
    )
    assert set(block["arcface"]) == {"points", *(f"{end} {a}" for end in ("minus", "plus") for a in PIXELS)}
    for end, sign in (("minus", -1), ("plus", 1)):
        for name, step in drawing.steps.items():
            wanted = pixels.change(points, {name: torch.full((2,), sign * step)}).round().to(torch.uint8)
            assert torch.equal(block["arcface"][f"{end} {name}"], wanted)


def test_blocks_make_no_difference(tmp_path, monkeypatch):
    drawing = Crops(*planted(tmp_path, 9), "Bob")
    whole = images_of(drawing)
    monkeypatch.setattr(crops, "BLOCK", 3)
    assert len(list(drawing.draw(["arcface"]))) == 2 and torch.equal(images_of(drawing), whole)


def test_the_key_names_the_content_and_not_the_place(tmp_path):
    photographs, faces = planted(tmp_path / "here")
    key = Crops(photographs, faces, "Ann").key
    assert Crops(*planted(tmp_path / "there"), "Ann").key == key
    moved = replace(faces, landmarks=faces.landmarks + 0.25)
    others = [
        Crops(photographs, faces, "Bob"),
        Crops(photographs, faces, "Ann", step=0.1),
        Crops(photographs, moved, "Ann"),
        Crops(*planted(tmp_path / "here", seed=1), "Ann"),
    ]
    assert len({str(own.key) for own in others} | {str(key)}) == 5


def test_networks_of_any_crop_and_size_embed_photographs(tmp_path, cache):
    photographs, faces = planted(tmp_path / "photographs", 7)
    networks = [tiny("near"), tiny("far", crop="wide", size=12, metric="euclidean")]
    clouds = embed([Crops(photographs, faces, name) for name in photographs.people], networks, n_jobs=1, progress=False)
    for network in networks:
        ann, bob = clouds[network.name]
        assert (ann.identity, bob.identity) == (0, 1) and ann.table["row"].tolist() == [0, 4, 6]
        assert set(ann.fields) == set(PIXELS) and all(field.shape == (3, 5) for field in ann.fields.values())
        wanted = network.embed(images_of(Crops(photographs, faces, "Bob"), network.crop), progress=False)
        assert torch.equal(bob.points, wanted)
    for path in photographs.paths:
        path.unlink()
    again = embed([Crops(photographs, faces, "Ann")], networks, n_jobs=1, progress=False)  # from the store
    assert torch.equal(again["near"][0].points, clouds["near"][0].points)
    with pytest.raises(UnreadableImage, match="0.png cannot be read"):
        images_of(Crops(photographs, faces, "Ann"))


def test_errors_of_crops(tmp_path):
    photographs, faces = planted(tmp_path)
    with pytest.raises(ValueError, match="faces must be those of the photographs, in their order; got those of others"):
        Crops(photographs.take([1, 0, 2, 3, 4]), faces, "Ann")
    with pytest.raises(ValueError, match="person must be one of 'Ann', 'Bob'; got 'Cid'"):
        Crops(photographs, faces, "Cid")
    with pytest.raises(ValueError, match="person must have a photograph with a face; got 'Ann', who has none"):
        Crops(photographs.take([2]), faces.take([2]), "Ann")
