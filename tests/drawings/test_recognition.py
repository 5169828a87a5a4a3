"""embed_identity: the embeddings of the images that are drawn, shared between networks and kept."""

import pytest
import torch

from frlib.drawings import recognition, stored
from frlib.drawings.recognition import embed_detected, embed_identity, varied_attributes
from frlib.faces import render, sample_identities
from frlib.faces.crops import align, template
from frlib.faces.generator.head import load_head
from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.models.layers import IMAGE, Sketch, randomize, read_network


def tiny(name: str, crop: str = "arcface", seed: int = 0) -> FaceEmbedder:
    sketch = Sketch(8)
    layer = sketch.convolution(IMAGE, torch.zeros(5, 3, 3, 3), same=True, stride=(2, 2))
    sketch.add("SpatialMean", layer)
    network = read_network(sketch.stored())
    randomize(network, seed=seed)
    options = {"metric": "cosine", "dim": 5, "crop": crop, "licence": "", "device": "cpu"}
    return FaceEmbedder(name, network, Preprocess(8, (127.5,) * 3, 1 / 128), **options)


@pytest.fixture
def people():
    return sample_identities(2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep results in an empty folder; the head is read before, from the user's cache."""
    load_head()
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))


@pytest.fixture
def calls(monkeypatch):
    """Count the drawings."""
    made = []

    def counted(*arguments, **options):
        made.append(options["crop"])
        return render(*arguments, **options)

    monkeypatch.setattr(recognition, "render", counted)
    return made


def test_attributes_are_prefix_stable_in_range_and_differ_between_people(people):
    many, few = varied_attributes(people[0], 200, seed=3), varied_attributes(people[0], 2, seed=3)
    assert many[:2].equals(few)
    assert many.head_angle.abs().max() <= 20 and many.head_angle.abs().max() > 18
    assert many.illumination.abs().max() <= 75 and many.expression.between(0, 1).all()
    assert not few.equals(varied_attributes(people[1], 2, seed=3))
    assert not few.equals(varied_attributes(people[0], 2, seed=4))


def test_the_result_is_the_embedding_of_the_drawn_images_and_is_drawn_once(people, calls):
    networks = [tiny("a"), tiny("b", seed=1), tiny("c", "wide", seed=2)]
    found = embed_identity(networks, people[0], 2, seed=5)
    again = embed_identity(networks, people[0], 2, seed=5)
    assert calls == ["arcface", "wide"]
    attributes = varied_attributes(people[0], 2, seed=5).to_dict("list")
    for network, size in zip(networks, (112, 112, 150), strict=True):
        images = render(people[0], attributes, crop=network.crop, size=size)
        torch.testing.assert_close(
            found[network.name].points, network.embed(images, progress=False), rtol=1e-5, atol=1e-6
        )
        assert torch.equal(found[network.name].points, again[network.name].points)


def test_another_generator_draws_again(people, calls, monkeypatch):
    embed_identity([tiny("a")], people[0], 1)
    monkeypatch.setattr(stored, "GENERATOR", stored.GENERATOR + 1)
    embed_identity([tiny("a")], people[0], 1)
    assert len(calls) == 2


def test_what_is_refused(people):
    with pytest.raises(ValueError, match="embedders must hold at least one FaceEmbedder; got none"):
        embed_identity([], people[0], 1)
    with pytest.raises(ValueError, match="n_images must be an integer of at least 1; got 0"):
        embed_identity([tiny("a")], people[0], 0)
    with pytest.raises(ValueError, match="seed must be an integer of at least 0; got -1"):
        varied_attributes(people[0], 1, seed=-1)


def test_detected_crops_resemble_those_of_the_mesh(people):
    """The network sees nearly the same picture: its output is far closer to that of the own crop than to another's."""
    networks = [tiny("a"), tiny("c", "wide", seed=2)]
    detected = embed_detected(networks, people[0], 3, seed=5)
    own, other = (embed_identity(networks, person, 3, seed=5) for person in people)
    for name, cloud in detected.items():
        assert list(cloud.table.index) == [0, 1, 2] and cloud.points.shape == (3, 5)
        assert (cloud.points - own[name].points).norm() < (cloud.points - other[name].points).norm()


def test_each_drawing_is_searched_once(people, calls, monkeypatch):
    searched, detect = [], recognition.detect
    monkeypatch.setattr(recognition, "detect", lambda images, **o: searched.append(len(images)) or detect(images, **o))
    embed_detected([tiny("a"), tiny("b", seed=1), tiny("c", "wide", seed=2)], people[0], 2)
    assert searched == [2] and calls == ["arcface", "wide"]


def test_landmarks_carried_to_the_wide_crop_lie_on_the_same_points(people):
    """The templates map onto each other, and the pictures do as their templates."""
    sizes = {crop: recognition.enlarged(crop) for crop in ("arcface", "wide")}
    marks = template("arcface", sizes["arcface"])[None]
    torch.testing.assert_close(recognition.carried(marks, "wide")[0], template("wide", sizes["wide"]))
    torch.testing.assert_close(recognition.carried(marks, "arcface"), marks)
    narrow, wide = (render(people[0], {"head_angle": 15}, crop=crop, size=size).float() for crop, size in sizes.items())
    moved = align(narrow, marks, crop="wide", size=sizes["wide"])
    shown = slice(0, 180)  # the ArcFace crop ends above the lower edge of the wide one
    differences = [float((moved.roll(shift, 2) - wide)[:, shown].abs().mean()) for shift in (0, 2, -2)]
    assert differences[0] < 0.4 * min(differences[1:])


def test_detected_crops_come_from_the_cache_the_second_time(people, monkeypatch):
    networks = [tiny("a")]
    first = embed_detected(networks, people[1], 2, seed=6)
    monkeypatch.setattr("frlib.drawings.recognition.detect", None)
    second = embed_detected(networks, people[1], 2, seed=6)
    assert torch.equal(first["a"].points, second["a"].points) and first["a"].table.equals(second["a"].table)
