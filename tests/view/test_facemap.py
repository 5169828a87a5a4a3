"""The map of faces merges images as scipy does, shows each face at its place, and sends what it was given."""

import base64
import importlib
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.cluster.hierarchy import fcluster, linkage

from frlib import view

module = importlib.import_module("frlib.view.facemap")


def make(count=40, method="average", seed=0):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 5)) + 4 * np.repeat(rng.normal(size=(count // 4, 5)), 4, axis=0)
    return view.Space({"plane": points[:, :2], "other": points[:, 2:4]}, linkage(points, method), unit=2.0)


def table(count=40):
    rng = np.random.default_rng(1)
    angle = rng.uniform(-20, 20, count)
    who = [f"person {k}" for k in np.repeat(np.arange(count // 4), 4)]
    return pd.DataFrame({"person": who, "angle, degrees": angle, "beard": angle > 0})


def shades(count=40, side=16):
    return np.broadcast_to(np.linspace(20, 235, count)[:, None, None, None], (count, side, side, 3)).astype(np.uint8)


def state(monkeypatch, **changes):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)
    arguments = {"spaces": {"net": make()}, "images": shades(), "attributes": table()} | changes
    return view.face_map(**arguments, title="Map", description="What it shows.")


DRIVER = "answer(question.at.map((h) => [...groupsAt(question.children, unpack(question.heights), question.n, h)]))"


@pytest.mark.parametrize("method", ["single", "average", "complete"])
def test_the_browser_merges_as_scipy_does(node, method):
    space = make(method=method)
    heights = space.merges[:, 2]
    at = [0.0, *(heights[1:] + heights[:-1]) / 2, heights[-1] * 1.01]
    sent = module._space("net", space)
    found = node(DRIVER, sent | {"n": 40, "at": [h / space.unit for h in at]}, widget="facemap")
    for distance, groups in zip(at, found, strict=True):
        expected = fcluster(space.merges, distance, "distance")
        same = np.equal.outer(groups, groups)
        np.testing.assert_array_equal(same, np.equal.outer(expected, expected))
        assert all(groups[g] == g <= i for i, g in enumerate(groups)), "a group is named by its first image"


def test_discs_hold_every_image_once_and_say_what_is_inside(node):
    script = """
    const { groups, pixels, values, people } = question;
    answer([discsOf(groups, pixels, { kind: "number", values }, people),
            discsOf(groups, pixels, { kind: "class", values: [0, 1, 1, 2, 2] }, people), tallyOf(groups, people)]);
    """
    question = {
        "groups": [0, 0, 0, 3, 4],
        "pixels": [[0, 0], [3, 0], [0, 3], [9, 9], [7, 7]],
        "values": [1, 2, 6, 5, 4],
        "people": [0, 0, 0, 1, 1],
    }
    numbers, classes, tally = node(script, question, widget="facemap")
    assert [d["list"] for d in numbers] == [[0, 1, 2], [3], [4]]
    assert [(d["x"], d["y"], d["value"], d["people"]) for d in numbers] == [(1, 1, 3, 1), (9, 9, 5, 1), (7, 7, 4, 1)]
    assert [d["value"] for d in classes] == [1, 2, 2]
    assert tally == {"pure": 3, "whole": 1, "people": 2}


def test_every_face_stands_at_its_place_in_the_picture(monkeypatch):
    faces = state(monkeypatch).faces
    sheet = Image.open(io.BytesIO(base64.b64decode(faces["source"].split(",")[1])))
    sheet = np.asarray(sheet.convert("L"), dtype=float)
    assert sheet.shape == (16 * faces["rows"], 16 * faces["columns"])
    for k, shade in enumerate(np.linspace(20, 235, 40)):
        row, column = divmod(k, faces["columns"])
        middle = sheet[16 * row + 6 : 16 * row + 10, 16 * column + 6 : 16 * column + 10]
        assert middle.mean() == pytest.approx(shade, abs=5), k  # WebP at this quality


def test_layouts_keep_their_shape_and_fill_the_map(node):
    space = make()
    places = np.array(node("answer(placesOf(question.layouts[0]))", module._space("net", space), widget="facemap"))
    given = space.layouts["plane"] * [1, -1]  # y goes downwards on the screen
    ratio = np.linalg.norm(places - places.mean(0), axis=1) / np.linalg.norm(given - given.mean(0), axis=1)
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=1e-3)
    assert places.min() >= 19.9 and places.max() <= 380.1 and np.ptp(places, axis=0).max() == pytest.approx(360)


def test_columns_become_classes_or_shades(monkeypatch):
    person, angle, beard = state(monkeypatch).columns
    assert person["kind"] == "class" and len(person["classes"]) == 10
    assert angle["kind"] == "number" and angle["low"] == min(angle["values"]) and angle["high"] == max(angle["values"])
    assert beard["classes"] == ["no", "yes"]
    np.testing.assert_array_equal(np.array(beard["values"]) == 1, table()["beard"])
    few = module._column("steps", pd.Series([3.0, 1.0, 3.0]))
    assert (few["kind"], few["classes"], few["values"]) == ("class", ["1.0", "3.0"], [1, 0, 1])


def test_the_unit_of_the_slider_is_that_of_the_space(node):
    space = make()
    half = view.Space(space.layouts, space.merges, unit=space.unit / 2)
    one, two = (
        node("answer([...unpack(question.heights)])", module._space("n", s), widget="facemap") for s in (space, half)
    )
    np.testing.assert_allclose(two, 2 * np.array(one), atol=2e-4)


def test_python_can_read_what_the_reader_chose(monkeypatch):
    widget = state(monkeypatch)
    assert (widget.space, widget.layout, widget.attribute, widget.scales[0]) == ("net", "plane", "person", 0)
    assert {"space", "layout", "attribute", "scale", "point"} <= set(widget.traits(sync=True))


def test_wrong_input_names_the_argument(monkeypatch):
    space = make()
    with pytest.raises(ValueError, match=r"layouts\['plane'\] must be finite, of shape \(40, 2\); got \(39, 2\)"):
        view.Space({"plane": space.layouts["plane"][:39]}, space.merges, 1.0)
    with pytest.raises(ValueError, match="merges must be a linkage with ascending distances"):
        view.Space(space.layouts, space.merges[::-1], 1.0)
    with pytest.raises(ValueError, match="unit must be a positive number; got 0"):
        view.Space(space.layouts, space.merges, 0)
    with pytest.raises(ValueError, match="layouts must hold at least one layout; got none"):
        view.Space({}, space.merges, 1.0)
    with pytest.raises(ValueError, match="spaces must hold at least one Space; got none"):
        state(monkeypatch, spaces={})
    with pytest.raises(ValueError, match=r"spaces\['small'\] must hold 40 images; got 20"):
        state(monkeypatch, spaces={"small": make(20)})
    with pytest.raises(ValueError, match=r"images must have shape \(N, S, S, 3\); got \(40, 16, 8, 3\)"):
        state(monkeypatch, images=shades()[:, :, :8])
    with pytest.raises(ValueError, match="attributes must not be missing; 'angle, degrees' is"):
        state(monkeypatch, attributes=table().assign(**{"angle, degrees": np.nan}))
    with pytest.raises(ValueError, match="attributes must have 40 rows"):
        state(monkeypatch, attributes=table(20))
    with pytest.raises(ValueError, match="description must say"):
        view.face_map({"net": space}, shades(), table(), title="t", description=" ")
