"""The page "Move a face yourself" computes in JavaScript what frlib computes in Python."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from book.live import __main__ as step
from book.live import people, runtime, script
from frlib.faces import ATTRIBUTES, crops, pixels
from frlib.geometry import central_difference, pair_distances
from tests.javascript import run_in_node

#: Of 255. Python rounds positions and colours to float32, JavaScript does not.
PIXEL_ERROR = 1e-4 * 255


def in_browser(code: str, question):
    return run_in_node(script.source(), code, question)


def drawn(seed: int, height: int, width: int) -> torch.Tensor:
    """Return an image of waves and edges, with some greys, blacks and whites, (height, width, 3) in 0..255."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 20
    waves = np.sin(rng.normal(size=(3, 1, 1)) * x + rng.normal(size=(3, 1, 1)) * y + rng.uniform(0, 6, (3, 1, 1)))
    image = np.moveaxis(160 * waves + 127, 0, 2).clip(0, 255).round()
    image[: height // 4] = image[: height // 4, :, :1]
    return torch.tensor(image, dtype=torch.float32)


@settings(max_examples=12)
@given(
    seed=st.integers(0, 99),
    values=st.fixed_dictionaries(
        # A step beyond either end, where the ends of a direction lie.
        {name: st.floats(1.5 * ATTRIBUTES[name].low, 1.5 * ATTRIBUTES[name].high) for name in people.PIXELS}
    ),
)
def test_brightness_hue_and_quality_are_those_of_frlib(seed, values):
    image = drawn(seed, 112, 112)
    code = "answer([...changed(question.image, 112, question.values)])"
    found = in_browser(code, {"image": image.flatten().tolist(), "values": values})
    expected = pixels.change(image[None], {name: torch.tensor([value]) for name, value in values.items()})
    np.testing.assert_allclose(found, expected.flatten(), atol=PIXEL_ERROR)


@pytest.mark.parametrize("amount", [1e-7, 1e-3, 0.05, 0.3, 1.0])
def test_weights_of_the_blur_are_those_of_frlib(amount):
    found = in_browser("answer(blurWeights(question, 7))", 2 * amount)
    expected = pixels.blur_weights(torch.tensor([2 * amount], dtype=torch.float64), 7)[0]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@settings(max_examples=12)
@given(
    seed=st.integers(0, 99),
    move=st.fixed_dictionaries(
        {"across": st.floats(-30, 30), "down": st.floats(-30, 30), "turn": st.floats(-90, 90), "zoom": st.floats(-1, 3)}
    ),
)
def test_the_crop_is_that_of_align(seed, move):
    picture = drawn(seed, 190, 260)
    frame = {"a": 1.9, "b": 0.3, "x": 20.0, "y": -14.0}
    marks = crops.template("arcface", 112)
    code = """
    const frame = movedFrame(question.frame, question.move), picture = question.picture;
    picture.data = Uint8ClampedArray.from(picture.data);
    answer({ crop: [...cut(picture, frame)], marks: question.marks.map(([u, v]) => placeIn(frame, u, v)) });
    """
    data = torch.nn.functional.pad(picture, (0, 1), value=255).flatten().int().tolist()
    question = {"frame": frame, "move": move, "marks": marks.tolist()}
    found = in_browser(code, question | {"picture": {"width": 260, "height": 190, "data": data}})
    places = torch.tensor(found["marks"])
    expected = crops.align(picture[None], places[None])
    # Where a place lies exactly between two grids of samples, or on an edge, float32 may choose the other side.
    error = np.abs(np.array(found["crop"]) - expected.flatten().numpy())
    assert np.quantile(error, 0.999) < PIXEL_ERROR and error.max() < 0.5
    np.testing.assert_allclose(places, moved(marks.double(), frame, move), atol=1e-4)


def moved(marks: torch.Tensor, frame: dict, move: dict) -> torch.Tensor:
    """Return where the marks lie in the picture: the face is enlarged and turned about the middle, then shifted."""
    angle, middle = np.radians(move["turn"]), torch.tensor([56.0, 56.0]).double()
    c, s = np.cos(angle), np.sin(angle)
    clockwise = 2 ** move["zoom"] * torch.tensor([[c, -s], [s, c]])  # y points down
    shift = torch.tensor([move["across"], move["down"]]).double()
    before = (marks - middle - shift) @ torch.linalg.inv(clockwise).T.double() + middle
    matrix = torch.tensor([[frame["a"], -frame["b"]], [frame["b"], frame["a"]]]).double()
    return before @ matrix.T + torch.tensor([frame["x"], frame["y"]])


def test_a_face_moves_the_way_that_the_sliders_say():
    code = "answer([{ across: 5 }, { down: 5 }, { turn: 90 }, { zoom: 1 }].map((m) => movedFrame(question, m)))"
    across, down, turn, zoom = in_browser(code, {"a": 1, "b": 0, "x": 0, "y": 0})
    assert (across["x"], across["y"]) == (-5, 0) and (down["x"], down["y"]) == (0, -5)
    # The crop's right edge shows what was at the top: the face has turned clockwise.
    right = np.array([turn["a"] * 112 - turn["b"] * 56 + turn["x"], turn["b"] * 112 + turn["a"] * 56 + turn["y"]])
    np.testing.assert_allclose(right, [56, 0], atol=1e-9)
    assert zoom["a"] == 0.5 and zoom["x"] == 28


def test_distances_and_directions_are_those_of_frlib():
    rng = np.random.default_rng(0)
    minus, plus, others = rng.normal(size=(3, 9, 16))
    code = """
    const [minus, plus, others] = question.map((rows) => rows.map(unit));
    answer({
      fields: minus.map((end, i) => [...directionOf(end, plus[i])]),
      near: nearestPeople(minus[0], others, [0, 0, 0, 1, 1, 1, 2, 2, 2]),
      still: directionOf(minus[0], minus[0]),
    });
    """
    found = in_browser(code, [minus.tolist(), plus.tolist(), others.tolist()])
    np.testing.assert_allclose(found["fields"], central_difference(minus, plus), atol=1e-9)
    to_each = pair_distances(minus[:1], others)[0].reshape(3, 3).min(dim=1).values.numpy()
    assert [row["person"] for row in found["near"]] == to_each.argsort().tolist()
    np.testing.assert_allclose([row["distance"] for row in found["near"]], np.sort(to_each), atol=1e-9)
    assert found["still"] is None


def test_the_rule_names_no_more_strangers_than_it_may():
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(20), 5)
    points = np.repeat(rng.normal(size=(20, 8)), 5, axis=0) + 0.5 * rng.normal(size=(100, 8))
    distances = pair_distances(points).numpy()
    found = people.rule(distances, who)
    nearest_other = np.array([row[who != own].min() for row, own in zip(distances, who, strict=True)])
    assert found["named"] == (nearest_other <= found["threshold"]).mean() == people.NAMED
    right = 0
    for i, row in enumerate(distances):
        row = np.where(np.arange(100) == i, np.inf, row)
        right += who[row.argmin()] == who[i] and row.min() <= found["threshold"]
    assert found["right"] == right / 100 > 0.5


def test_a_picture_with_room_holds_the_crop_with_its_own_size_around_it():
    frame = people.frame()
    corner = np.array([frame["x"], frame["y"]])
    assert frame["scale"] * 112 == pytest.approx(people.SIDE / 2, rel=1e-5)
    np.testing.assert_allclose(corner, people.SIDE / 4, atol=0.2)


def test_files_are_packed_to_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    for name, now in (("a", 1e9), ("b", 1.5e9)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        runtime.pack(tmp_path / name, b"0" * 1000)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_step_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    folder = tmp_path / "live"
    folder.mkdir()
    (folder / "old").write_text("")

    def fail(place):
        (place / "runtime.js").write_text("")
        raise OSError("no network")

    monkeypatch.setattr(step, "write", fail)
    with pytest.raises(OSError, match="no network"):
        step.main(folder)
    assert [f.name for f in tmp_path.rglob("*")] == ["live", "old"]
