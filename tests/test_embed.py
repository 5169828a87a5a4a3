"""`embed`: drawn once for all networks of a crop, kept under all that it depends on, for every kind of drawing."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
import torch

from frlib import clouds, runtime, store
from frlib.clouds import drawn, embed, fill, images_of, network_key
from frlib.datasets import Detected
from frlib.faces import (
    ATTRIBUTES,
    Curves,
    Lattice,
    People,
    Portraits,
    Tangents,
    WholeCurves,
    draw_population,
    render,
    sample_identities,
)
from frlib.faces.crops import IMAGE_SIZES
from frlib.faces.generator.head import load_head
from frlib.models import FaceEmbedder, Preprocess, load
from frlib.runtime import spread
from tests.networks import tiny

N = 3


@dataclass(frozen=True)
class Noise:
    """A drawing of seeded noise that notes each crop it is drawn in."""

    seed: int = 0
    n: int = N
    calls: tuple | list = ()
    blocks: int = 1
    ends: bool = True
    lost: bool = False

    kind = "noise"

    @property
    def attributes(self):
        return ("age", "hue") if self.ends else ()

    @property
    def identity(self):
        return SimpleNamespace(index=self.seed + 10)

    @property
    def key(self):
        return {"seed": self.seed, "n": self.n, "ends": self.ends, "lost": self.lost}

    @property
    def table(self):
        return pd.DataFrame({"age": range(self.n)})

    def images(self, crop, name):
        generator = torch.Generator().manual_seed(crc32(f"{self.seed} {crop} {name}".encode()))
        return torch.randint(0, 256, (self.n, 16, 16, 3), generator=generator, dtype=torch.uint8)

    def draw(self, crops, enlarged=1.0):
        names = ["points", *(f"{end} {a}" for end in ("minus", "plus") for a in self.attributes)]
        for crop in crops:
            if isinstance(self.calls, list):
                self.calls.append(crop)
        kept = torch.arange(self.n) != 1 if self.lost else torch.ones(self.n, dtype=torch.bool)
        for rows in torch.arange(self.n).chunk(self.blocks):
            more = {"found": kept[rows]} if self.lost else {}
            own = rows[kept[rows]]
            yield {crop: {name: self.images(crop, name)[own] for name in names} | more for crop in crops}


@pytest.fixture(scope="module")
def embedder():
    return load("mobilefacenet", device="cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch, embedder):
    """Keep results in an empty folder for one test; the head is read before, from the user's cache."""
    load_head()
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    return tmp_path


def run(drawings, networks, **options):
    return embed(drawings, networks, n_jobs=1, progress=False, **options)


def test_a_cloud_knows_its_network_identity_metric_and_table():
    found = run([Noise(1), Noise(2)], [tiny("a"), tiny("b", seed=1, metric="euclidean")])
    assert list(found) == ["a", "b"]
    for name, metric in (("a", "cosine"), ("b", "euclidean")):
        for cloud, seed in zip(found[name], (1, 2), strict=True):
            assert (cloud.network, cloud.identity, cloud.metric) == (name, seed + 10, metric)
            assert cloud.points.shape == (N, 5) and list(cloud.table.age) == [0, 1, 2]
            assert list(cloud.minus) == list(cloud.plus) == ["age", "hue"]


def test_the_rows_are_the_embeddings_of_the_images():
    network, drawing = tiny("a"), Noise(3)
    (cloud,) = run([drawing], [network])["a"]
    for part, name in ((cloud.points, "points"), (cloud.minus["hue"], "minus hue"), (cloud.plus["age"], "plus age")):
        expected = network.embed(drawing.images("arcface", name), progress=False)
        torch.testing.assert_close(part, expected, rtol=1e-5, atol=1e-6)


def test_each_crop_is_drawn_once_and_a_second_call_reads():
    calls = []
    networks = [tiny("a"), tiny("b", "wide"), tiny("c", seed=2), tiny("d", "wide", seed=3)]
    first = run([Noise(calls=calls)], networks)
    again = run([Noise(calls=calls)], networks)
    assert calls == ["arcface", "wide"]
    for name in first:
        for a, b in zip(first[name], again[name], strict=True):
            assert list(a.minus) == list(b.minus) and torch.equal(a.points, b.points)
            assert all(torch.equal(a.plus[k], b.plus[k]) for k in a.plus)


def test_only_what_is_missing_is_drawn():
    calls = []
    run([Noise(calls=calls)], [tiny("a")])
    run([Noise(calls=calls), Noise(1, calls=calls)], [tiny("a"), tiny("b", "wide")])
    assert calls == ["arcface", "wide", "arcface", "wide"]


def test_workers_get_only_what_is_missing_and_none_starts_for_what_is_stored(monkeypatch):
    sent = []

    def note(function, tasks, **options):
        tasks = list(tasks)
        sent.append([([d.seed for d in own], [e.name for e in networks]) for own, networks, _ in tasks])
        return spread(function, tasks, **options)

    monkeypatch.setattr(clouds, "spread", note)
    one, two = tiny("a"), tiny("b", "wide", seed=1)
    run([Noise(0)], [one])
    run([Noise(1)], [one, two])
    first = run([Noise(0), Noise(1), Noise(2)], [one, two])
    assert sent[2] == [([0], ["b"]), ([2], ["a", "b"])]
    with monkeypatch.context() as patched:
        patched.setattr(runtime, "Parallel", None)  # what starts workers
        again = embed([Noise(0), Noise(1), Noise(2)], [one, two], n_jobs=2)
    assert sent[3] == []
    for name in first:
        assert [c.identity for c in first[name]] == [c.identity for c in again[name]] == [10, 11, 12]
        assert all(torch.equal(a.points, b.points) for a, b in zip(first[name], again[name], strict=True))


@pytest.mark.parametrize("change", ["weights", "input", "crop", "drawing", "version"])
def test_another_input_is_another_result(change, monkeypatch):
    calls, network, drawing = [], tiny("a"), Noise()
    run([replace(drawing, calls=calls)], [network])
    if change == "weights":
        network = tiny("a", seed=9)
    elif change == "input":
        network = tiny("a", size=8)
        network.preprocess.bgr = True
    elif change == "crop":
        network = tiny("a", "wide")
    elif change == "drawing":
        drawing = Noise(5)
    else:
        monkeypatch.setattr(clouds, "EMBEDDING", clouds.EMBEDDING + 1)
    run([replace(drawing, calls=calls)], [network])
    assert len(calls) == 2


def test_a_network_under_another_name_reads_what_is_stored():
    calls = []
    run([Noise(calls=calls)], [tiny("a")])
    assert run([Noise(calls=calls)], [tiny("b")])["b"][0].network == "b" and len(calls) == 1


def test_a_damaged_result_is_computed_again_with_a_warning():
    calls = []
    first = run([Noise(calls=calls)], [tiny("a")])["a"][0]
    (path,) = store.cache_folder("results").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.warns(UserWarning, match="it is rebuilt"):
        again = run([Noise(calls=calls)], [tiny("a")])["a"][0]
    assert len(calls) == 2 and torch.equal(again.points, first.points)


def test_blocks_make_one_cloud(own_cache):
    found = []
    for blocks in (1, 3):
        found += run([Noise(4, 7, blocks=blocks)], [tiny()])["tiny"]
        for path in (own_cache / "results").iterdir():
            path.unlink()
    for part in (lambda c: c.points, lambda c: c.plus["age"]):
        torch.testing.assert_close(part(found[1]), part(found[0]))


def test_rows_that_were_not_found_are_missing_from_cloud_and_table():
    (cloud,), (whole,) = (run([Noise(lost=lost)], [tiny("a")])["a"] for lost in (True, False))
    assert list(cloud.table.index) == [0, 2]
    torch.testing.assert_close(cloud.points, whole.points[[0, 2]])


def test_processes_give_the_same():
    drawings, networks = [Noise(k, ends=False) for k in range(4)], [tiny("a")]
    alone = run(drawings, networks)["a"]
    for path in store.cache_folder("results").glob("*"):
        path.unlink()
    together = embed(drawings, networks, n_jobs=2, progress=False)["a"]
    for a, b in zip(alone, together, strict=True):
        torch.testing.assert_close(a.points, b.points, rtol=1e-5, atol=1e-6)


# --------------------------------------------------------------------------------------------- the drawings of faces


def drawings_of_faces():
    people = sample_identities(2)
    _, attributes, latent = draw_population(2, 2, 3)
    return {
        "curves": Curves(people[1], 2, seed=5, attributes=("age", "hue")),
        "exact": Curves(people[1], 2, dtype=torch.float32, attributes=("hue",)),
        "no shadows": Curves(people[1], 2, shadows=False, attributes=("hue",)),
        "step": Curves(people[1], 2, step=0.1, attributes=("age", "hue")),
        "margin": Curves(people[1], 2, margin=0.25, attributes=("age", "hue")),
        "portraits": Portraits(people[0], 2, 6),
        "whole curves": WholeCurves(people[0], 3, 2),
        "people": People([people[0], people[0], people[1], people[1]], attributes, latent),
        "lattice": Lattice(people[0], 1, 3, batch=6),
        "detected": Detected(Portraits(people[0], 2, 6)),
        "detected ends": Detected(Curves(people[1], 2, attributes=("age",))),
        "by center": Detected(Curves(people[1], 2, attributes=("age",)), by_center=True),
    }


@pytest.mark.parametrize("crop", ["arcface", "wide"])
@pytest.mark.parametrize("name", drawings_of_faces())
def test_what_is_embedded_is_what_is_drawn(name, crop):
    drawing, network = drawings_of_faces()[name], tiny("a", crop)
    (cloud,) = run([drawing], [network])["a"]
    blocks = [block[crop] for block in drawing.draw([crop])]
    side = IMAGE_SIZES[crop]
    for part in {key for block in blocks for key in block} - {"found"}:
        images = torch.cat([block[part] for block in blocks])
        assert images.shape[1:] == (side, side, 3)
        kind, _, attribute = part.partition(" ")
        rows = cloud.points if kind == "points" else getattr(cloud, kind)[attribute]
        torch.testing.assert_close(rows, network.embed(images, progress=False), rtol=1e-4, atol=1e-4)
    assert len(cloud.table) == len(cloud.points)


def test_every_parameter_of_a_drawing_is_part_of_its_key():
    keys = [store.content_key({"kind": d.kind, **d.key}) for d in drawings_of_faces().values()]
    people = sample_identities(3)
    keys += [store.content_key(Curves(p, 2).key) for p in people]
    keys += [store.content_key(Portraits(people[1], n, seed).key) for n, seed in ((2, 0), (3, 0), (2, 1))]
    assert len(set(keys)) == len(keys)


def test_a_crop_of_its_own_goes_before_that_of_the_network():
    person = sample_identities(1)[0]
    network = tiny("a")
    (cloud,) = run([Curves(person, 1, attributes=("hue",), crop="wide")], [network])["a"]
    images = images_of(Curves(person, 1, attributes=("hue",)), "wide")
    torch.testing.assert_close(cloud.points, network.embed(images, progress=False), rtol=1e-5, atol=1e-5)


def test_integers_of_numpy_are_accepted():
    assert run([Portraits(sample_identities(1)[0], np.int64(2))], [tiny()])["tiny"][0].points.shape == (2, 5)


@pytest.mark.parametrize("name", ["illumination", "hair_color"])
def test_the_derivative_is_the_limit_of_differences(name, embedder):
    """Differences with a small step agree with it, without rounding, and without shadows for light.

    Not for brightness: where the centre is clipped, a difference holds half a one-sided derivative, and the tangent 0.
    """
    person = sample_identities(1)[0]
    shadows = {"dtype": torch.float32, "shadows": name != "illumination"}
    small = Curves(person, 1, step=0.002, margin=0.25, attributes=(name,), **shadows)
    exact, curves = (run([d], [embedder])["mobilefacenet"][0] for d in (Tangents(person, 1, name, 0.25), small))
    torch.testing.assert_close(exact.points, curves.points, rtol=1e-4, atol=1e-3)
    span = 2 * 0.002 * (ATTRIBUTES[name].high - ATTRIBUTES[name].low)
    difference, derivative = (curves.plus[name] - curves.minus[name]) / span, exact.directions[name]
    assert float((difference - derivative).norm() / derivative.norm()) < 0.05


@pytest.mark.parametrize(
    ("drawings", "networks", "message"),
    [
        ([Noise()], [], r"networks must be at least one, with different names; got \[\]"),
        ([Noise()], ["a", "a"], r"networks must be at least one, with different names; got \['a', 'a'\]"),
        ([], ["a"], "drawings must hold at least one drawing; got none"),
    ],
)
def test_what_is_refused(drawings, networks, message, own_cache):
    with pytest.raises(ValueError, match=message):
        embed(drawings, [tiny(name) for name in networks])
    assert not list(own_cache.glob("results/*.safetensors"))


def test_the_images_of_a_person_are_those_of_the_renderer():
    portraits = Portraits(sample_identities(1)[0], 2)
    assert torch.equal(images_of(portraits), render(portraits.identity, portraits.table.to_dict("list")))


# ----------------------------------------------------------------------------------------- images, for training


def test_images_by_name_are_drawn_once_for_each_crop():
    calls = []
    for crop in ("arcface", "wide", "wide", "arcface"):
        drawing = Noise(2, calls=calls)
        (images,) = drawn([drawing], crop, n_jobs=1, progress=False)
        assert set(images) == {"points", "minus age", "plus age", "minus hue", "plus hue"}
        assert all(torch.equal(images[name], drawing.images(crop, name)) for name in images)
    assert calls == ["arcface", "wide"]


def test_images_of_a_drawing_with_a_crop_of_its_own_are_those_of_its_crop():
    person = sample_identities(1)[0]
    none, own = (Curves(person, 1, attributes=("hue",), size=32, crop=crop) for crop in (None, "wide"))
    for drawing in (none, own):
        for crop in ("arcface", "wide"):
            (images,) = drawn([drawing], crop, n_jobs=1, progress=False)
            assert torch.equal(images["plus hue"], drawing.images(drawing.crop or crop, 32)["plus hue"])


def test_images_of_blocks_and_lost_rows_are_joined():
    (images,) = drawn([Noise(4, 7, blocks=3, lost=True)], n_jobs=1, progress=False)
    assert images["found"].tolist() == [True, False] + [True] * 5
    assert torch.equal(images["plus age"], Noise(4, 7).images("arcface", "plus age")[images["found"]])


def test_processes_draw_the_same_images():
    drawings = [Noise(k) for k in range(3)]
    for drawing, images in zip(drawings, drawn(drawings, n_jobs=2, progress=False), strict=True):
        assert all(torch.equal(images[name], drawing.images("arcface", name)) for name in images)


def test_equal_weights_with_another_crop_are_another_network():
    drawing = Curves(sample_identities(1, seed=3)[0], 2, attributes=())
    ((near,),) = run([drawing], [tiny("near", "arcface")]).values()
    ((wide,),) = run([drawing], [tiny("wide", "wide")]).values()
    assert not torch.allclose(near.points, wide.points)
    images = drawing.images("wide", IMAGE_SIZES["wide"])["points"]
    torch.testing.assert_close(wide.points, tiny().embed(images, progress=False), rtol=1e-5, atol=1e-6)


def test_networks_without_weights_are_told_apart_by_what_they_are_made_of():
    """Means of pixels of two sizes: neither is read in place of the other."""
    drawing = Noise(ends=False)
    look = {"metric": "euclidean", "crop": "arcface", "licence": "", "device": "cpu"}
    for width, dim in ((4, 588), (7, 192)):
        pixels = torch.nn.Sequential(torch.nn.AvgPool2d(width), torch.nn.Flatten())
        network = FaceEmbedder("pixels", pixels, Preprocess(56), dim=dim, **look)
        ((cloud,),) = run([drawing], [network]).values()
        assert cloud.points.shape == (N, dim)


def test_equal_weights_in_other_layers_are_another_network():
    """The layers of our own networks go with their weights, and what was stored of them keeps its name."""
    look = {"metric": "euclidean", "dim": 4, "crop": "arcface", "licence": "", "device": "cpu"}
    linear = torch.nn.Linear(12, 4)
    found = []
    for activation in (torch.nn.ReLU(), torch.nn.Tanh()):
        layers = torch.nn.Sequential(torch.nn.AvgPool2d(28), torch.nn.Flatten(), linear, activation)
        network = FaceEmbedder("small", layers, Preprocess(56), **look)
        ((cloud,),) = run([Noise(ends=False)], [network]).values()
        found.append(cloud.points)
    assert not torch.allclose(*found)
    assert "layers" not in network_key(tiny())


# --------------------------------------------------------------------------------------------- more than memory holds


def test_what_is_filled_is_what_is_read_and_nothing_is_filled_twice():
    calls, networks = [], [tiny("a"), tiny("b", "wide")]
    drawings = [Noise(k, calls=calls) for k in range(3)]
    run(drawings[:1], networks[:1])
    assert fill(drawings, networks, n_jobs=1, progress=False) == 3
    assert calls == ["arcface", "wide", "arcface", "wide", "arcface", "wide"]
    assert fill(drawings, networks, n_jobs=1, progress=False) == 0
    found = run(drawings, networks)
    assert len(calls) == 6
    for name, network in zip(found, networks, strict=True):
        images = drawings[2].images(network.crop, "points")
        torch.testing.assert_close(found[name][2].points, network.embed(images, progress=False), rtol=1e-5, atol=1e-6)


def test_a_cache_that_cannot_be_written_is_refused_before_anything_is_drawn(monkeypatch):
    calls = []
    monkeypatch.setattr(store, "can_be_written", lambda folder: False)
    with pytest.raises(OSError, match="results cannot be written, and nothing would be kept. Set FRLIB_CACHE"):
        fill([Noise(calls=calls)], [tiny("a")], n_jobs=1)
    assert calls == []
    with pytest.raises(ValueError, match="drawings must hold at least one drawing; got none"):
        fill([], [tiny("a")])
