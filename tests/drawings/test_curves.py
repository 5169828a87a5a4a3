"""embed_curves: images shared between networks, results kept under all that they depend on."""

import numpy as np
import pytest
import torch

from frlib import faces, store
from frlib.drawings import curves as curves_module
from frlib.drawings import stored
from frlib.drawings.curves import embed_curves
from frlib.faces import ATTRIBUTES, Curves, sample_identities
from frlib.faces.crops import IMAGE_SIZES
from frlib.faces.generator.head import load_head
from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.models.layers import IMAGE, Sketch, randomize, read_network

N = 3


def tiny(name: str, crop: str = "arcface", seed: int = 0, size: int = 8) -> FaceEmbedder:
    """Return a network of one convolution and a mean, with 5 outputs."""
    sketch = Sketch(size)
    layer = sketch.convolution(IMAGE, torch.zeros(5, 3, 3, 3), same=True, stride=(2, 2))
    sketch.add("SpatialMean", layer)
    network = read_network(sketch.stored())
    randomize(network, seed=seed)
    options = {"metric": "cosine", "dim": 5, "crop": crop, "licence": "", "device": "cpu"}
    return FaceEmbedder(name, network, Preprocess(size, (127.5,) * 3, 1 / 128), **options)


@pytest.fixture
def person():
    return sample_identities(1)[0]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep results in an empty folder for one test; the head is read before, from the user's cache."""
    load_head()
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def drawn(monkeypatch):
    """Replace the generator by seeded noise, and return the list of the calls that it gets."""
    calls = []

    def sample(identity, n_points, *, step=None, seed=0, crop="arcface", size=112):
        calls.append({"n_points": n_points, "step": step, "seed": seed, "crop": crop, "size": size})
        text = f"{identity.key} {step} {seed} {crop}"
        generator = torch.Generator().manual_seed(sum(ord(c) * 31**k for k, c in enumerate(text)) % 2**40)

        def images():
            return torch.randint(0, 256, (n_points, size, size, 3), generator=generator, dtype=torch.uint8)

        return Curves(images(), {k: images() for k in ATTRIBUTES}, {k: images() for k in ATTRIBUTES}, None)

    monkeypatch.setattr(curves_module, "sample_curves", sample)
    return calls


def test_shapes_and_names(drawn, person):
    found = embed_curves([tiny("a"), tiny("b", seed=1)], person, N)
    assert list(found) == ["a", "b"]
    for curves in found.values():
        assert curves.points.shape == (N, 5) and curves.points.dtype == torch.float32
        for ends in (curves.minus, curves.plus):
            assert set(ends) == set(ATTRIBUTES)
            assert all(end.shape == (N, 5) for end in ends.values())


def test_networks_with_one_crop_share_the_images(drawn, person):
    embed_curves([tiny("a"), tiny("b", seed=1), tiny("c", seed=2, size=16)], person, N)
    assert drawn == [{"n_points": N, "step": None, "seed": 0, "crop": "arcface", "size": 112}]


def test_each_crop_is_drawn_once_at_its_size(drawn, person):
    embed_curves(
        [tiny("a"), tiny("b", "wide"), tiny("c", seed=2), tiny("d", "wide", seed=3)], person, N, seed=4, step=0.1
    )
    assert drawn == [
        {"n_points": N, "step": 0.1, "seed": 4, "crop": "arcface", "size": 112},
        {"n_points": N, "step": 0.1, "seed": 4, "crop": "wide", "size": 150},
    ]


def test_a_second_call_reads_and_does_not_draw(drawn, person):
    first = embed_curves([tiny("a")], person, N)["a"]
    again = embed_curves([tiny("a")], person, N)["a"]
    assert len(drawn) == 1
    assert list(again.minus) == list(again.plus) == list(first.minus) == list(ATTRIBUTES)
    assert torch.equal(again.points, first.points)
    for name in ATTRIBUTES:
        assert torch.equal(again.minus[name], first.minus[name]) and torch.equal(again.plus[name], first.plus[name])


def test_only_what_is_missing_is_drawn(drawn, person):
    embed_curves([tiny("a")], person, N)
    embed_curves([tiny("a"), tiny("b", "wide")], person, N)
    assert [call["crop"] for call in drawn] == ["arcface", "wide"]


@pytest.mark.parametrize(
    "change",
    ["weights", "identity", "n_points", "seed", "step", "generator"],
)
def test_another_input_is_another_result(drawn, person, monkeypatch, change):
    base = {"embedders": [tiny("a")], "identity": person, "n_points": N}
    other = {
        "weights": {"embedders": [tiny("a", seed=9)]},
        "identity": {"identity": sample_identities(2)[1]},
        "n_points": {"n_points": N + 1},
        "seed": {"seed": 1},
        "step": {"step": 0.2},
        "generator": {},
    }
    first = embed_curves(**base)["a"]
    if change == "generator":
        monkeypatch.setattr(stored, "GENERATOR", faces.GENERATOR + 1)
    second = embed_curves(**(base | other[change]))["a"]
    assert len(drawn) == 2
    if change != "generator":  # the noise of the fixture knows no version
        assert first.points.shape != second.points.shape or not torch.equal(first.points, second.points)


def test_a_damaged_result_is_computed_again_with_a_warning(drawn, person):
    first = embed_curves([tiny("a")], person, N)["a"]
    (path,) = store.cache_folder("results").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.warns(UserWarning, match="it is rebuilt"):
        again = embed_curves([tiny("a")], person, N)["a"]
    assert len(drawn) == 2 and torch.equal(again.points, first.points)


@pytest.mark.parametrize("crop", ["arcface", "wide"])
def test_the_result_is_the_embedding_of_the_drawn_images(person, crop):
    """With the real generator: centres and both ends of every attribute, embedded directly."""
    images = faces.sample_curves(person, 2, seed=5, crop=crop, size=IMAGE_SIZES[crop])
    embedder = tiny("a", crop)
    found = embed_curves([embedder], person, 2, seed=5)["a"]
    torch.testing.assert_close(found.points, embedder.embed(images.center, progress=False), rtol=1e-5, atol=1e-6)
    for name in ATTRIBUTES:
        for ends, drawn_ends in ((found.minus, images.minus), (found.plus, images.plus)):
            expected = embedder.embed(drawn_ends[name], progress=False)
            torch.testing.assert_close(ends[name], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedders": []}, "embedders must hold at least one FaceEmbedder; got none"),
        ({"n_points": 0}, "n_points must be an integer of at least 1; got 0"),
        ({"n_points": 1.5}, "n_points must be an integer of at least 1; got 1.5"),
        ({"step": 0.5}, "step must lie between 0 and 0.5, as a share of the range; got 0.5"),
    ],
)
def test_what_is_refused(person, options, message, own_cache):
    with pytest.raises(ValueError, match=message):
        embed_curves(**({"embedders": [tiny("a")], "identity": person, "n_points": 1} | options))
    assert not list(own_cache.glob("results/*.safetensors"))  # an error leaves no result behind


def test_integers_of_numpy_are_accepted(drawn, person):
    assert embed_curves([tiny("a")], person, np.int64(N))["a"].points.shape == (N, 5)
