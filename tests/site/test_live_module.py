"""The module of a live widget draws in a browser, and tells Python what the reader does."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.cluster.hierarchy import linkage

from frlib import view
from frlib.clouds import Cloud
from frlib.geometry import energy_sweep, fit_alignment
from frlib.view import static

# What anywidget does: import the module, give it a model and an element.
HOST = """async ([source, state]) => {
  const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  window.state = state; window.saved = []; const listeners = {};
  const model = {
    get: (key) => state[key],
    set: (key, value) => { state[key] = value; (listeners["change:" + key] || []).forEach((f) => f()); },
    on: (name, f) => (listeners[name] = listeners[name] || []).push(f), off() {}, send() {},
    save_changes: () => window.saved.push({ ...state, clouds: null }),
  };
  window.change = (key) => listeners["change:" + key].forEach((f) => f());
  window.stop = await module.default.render({ model, el: document.getElementById("here") });
}"""
MOVE = """(place) => {
  const slider = document.querySelector("input[type=range]");
  slider.value = place;
  slider.dispatchEvent(new Event("input"));
}"""


@pytest.fixture(scope="module")
def page(chromium):
    return chromium.new_page(viewport={"width": 360, "height": 900})


def state_of(widget):
    return {name: value for name, value in widget.get_state().items() if not name.startswith("_")}


def open_widget(page, name, widget):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(
        '<!doctype html><html data-theme="light"><body style="margin:8px"><div id="here"></div></body></html>'
    )
    page.evaluate(HOST, [static.module_source(name), json.loads(static.json_for_script(state_of(widget)))])
    return errors


@pytest.fixture
def sweep(monkeypatch):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 6))
    fields = {"wind": rng.normal(size=(30, 6)), "tide": points, "calm": np.ones((30, 6))}
    directions = {name: torch.tensor(field) for name, field in fields.items()}
    cloud = Cloud(torch.tensor(points), metric="euclidean", directions=directions)
    table = energy_sweep(cloud, np.linspace(0.2, 1.6, 15))
    both = {"one": cloud, "two": cloud}, {"one": table, "two": table}
    return view.sweep(*both, title="The ε-sweep", description="Points and a ball.")


@pytest.fixture
def face_map(monkeypatch):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)
    rng = np.random.default_rng(0)
    points = np.repeat(rng.normal(size=(6, 2)), 5, axis=0) + 0.1 * rng.normal(size=(30, 2))
    said = pd.DataFrame({"person": np.repeat(list("abcdef"), 5), "angle, degrees": rng.uniform(-20, 20, 30)})
    faces = rng.integers(0, 255, (30, 8, 8, 3)).astype(np.uint8)
    spaces = {name: view.Space({"plane": points}, linkage(points), 1.0) for name in ("one", "two")}
    return view.face_map(spaces, faces, said, title="Map", description="Faces on a map.")


@pytest.fixture
def fold(monkeypatch):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)
    rng = np.random.default_rng(0)
    points, drift = torch.tensor(rng.normal(size=(2, 30, 6)))
    fields = {"wind": points, "tide": drift}
    epochs = [Cloud(points + k * drift, metric="euclidean", directions=fields) for k in range(4)]
    rows = [(run, k, name, 0.1 * k, 0.5, 1.0) for run in ("calm", "tide") for k in range(4) for name in fields]
    table = pd.DataFrame(rows, columns=["run", "epoch", "attribute", "energy", "displacement", "scale"])
    return view.fold({"calm": epochs, "tide": epochs}, table, title="Fold", description="A field that folds.")


@pytest.fixture
def turned():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(12, 2))
    return source, source @ [[0.6, 0.8], [0.8, -0.6]] + 0.3 * rng.normal(size=(12, 2))


@pytest.fixture
def turn(monkeypatch, turned):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)
    names = {"source_name": "one", "target_name": "two", "title": "Turn", "description": "Two clouds."}
    return view.turn(*turned, list("aaabbbcccddd"), **names)


def test_the_turn_reports_angle_and_mirror_and_its_button_those_of_procrustes(page, turn, turned):
    assert not open_widget(page, "turn", turn)
    page.locator("input[type=range]").press("ArrowLeft")
    assert page.evaluate("() => [saved.at(-1).angle, saved.at(-1).mirror]") == [-1, False]
    page.emulate_media(reduced_motion="no-preference")
    page.get_by_role("button").click()
    angle, mirror, saves = page.evaluate("() => [saved.at(-1).angle, saved.at(-1).mirror, saved.length]")
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    fitted = fit_alignment(*[rows - rows.mean(axis=0) for rows in turned], "procrustes", center=False)
    np.testing.assert_allclose([[c, s], [s, -c]], fitted.matrix, atol=1e-6)
    assert mirror is True and saves == 2, "Python hears of the end of the motion once, and not of each step"
    page.emulate_media(reduced_motion="reduce")
    page.locator("input[type=checkbox]").press("Space")
    assert page.evaluate("() => saved.at(-1).mirror") is False
    page.evaluate("() => { state.angle = 400; window.change('angle'); }")
    assert page.locator(".frw-control output").inner_text() == "40.0°", "what Python sets is shown"


def test_the_fold_reports_run_attribute_and_epoch(page, fold):
    assert not open_widget(page, "fold", fold)
    assert page.evaluate("() => [state.run, state.attribute, state.epoch]") == ["calm", "wind", 3]
    page.locator("input[type=range]").press("Home")
    assert page.evaluate("() => saved.at(-1).epoch") == 0
    page.locator("select").first.select_option("tide")
    assert page.evaluate("() => [saved.at(-1).run, saved.at(-1).attribute]") == ["tide", "tide"]
    page.locator("select").last.select_option("wind")
    assert page.evaluate("() => [saved.at(-1).run, saved.at(-1).attribute]") == ["tide", "wind"]


def test_the_map_merges_images_and_shows_the_picked_one(page, face_map):
    assert not open_widget(page, "facemap", face_map)
    discs = page.locator(".frw-disc, .frw-chosen")
    assert discs.count() == 30 and page.locator(".frw-chosen").count() == 1
    page.evaluate(MOVE, 40)
    assert page.evaluate("() => saved.at(-1).scale") == 40
    shown = page.locator(".frw-readout dd").all_inner_texts()
    assert shown[0] == f"{face_map.scales[40]:.2f}" and int(shown[1]) == discs.count() < 30
    page.locator("input[type=range]").press("End")
    assert discs.count() == 1 and page.locator(".frw-crowd > div").count() == 24
    assert "30 images of 6 people" in page.locator(".frw-picked p").inner_text()
    page.locator("input[type=range]").press("Home")
    before = page.evaluate("() => state.point")
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight"):
        page.locator(".frw-map").press(key)
    picked = page.evaluate("() => state.point")
    assert picked != before
    facts = page.locator(".frw-facts dd").all_inner_texts()
    assert facts[0] == "abcdef"[picked // 5]
    page.locator("select").nth(2).select_option("angle, degrees")
    assert "angle, degrees" in page.locator(".frw-key").inner_text()


def test_the_sweep_reports_scale_attribute_cloud_and_point(page, sweep):
    assert not open_widget(page, "sweep", sweep)
    page.locator("input[type=range]").press("End")
    assert page.evaluate("() => saved.at(-1).scale") == 14
    assert page.locator(".frw-inside > g").count() == 29, "at the largest scale all other points are in the ball"
    page.locator("input[type=range]").press("Home")
    assert page.locator(".frw-inside > g").count() < 29
    page.locator("input[value=tide]").press("Space")
    assert page.evaluate("() => saved.at(-1).attribute") == "tide"
    page.locator("select").select_option("two")
    assert page.evaluate("() => saved.at(-1).cloud") == "two"
    before = page.evaluate("() => state.point")
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight"):
        page.locator(".frw-map").press(key)
    assert page.evaluate("() => saved.map((s) => s.point)")[-1] != before
    page.locator(".frw-map").click(position={"x": 40, "y": 40})
    assert page.evaluate("() => state.point") in range(30)


def test_the_sweep_says_the_energies_that_python_computed(page, sweep):
    open_widget(page, "sweep", sweep)
    cloud = sweep.clouds[0]
    for place in (0, 7, 14):
        page.evaluate(MOVE, place)
        shown = page.locator(".frw-chip b").all_inner_texts()
        expected = [attribute["energy"][place] for attribute in cloud["attributes"]]
        assert shown == ["–" if e is None or np.isnan(e) else f"{round(e, 2) + 0.0:.2f}" for e in expected]


def test_widgets_fit_a_narrow_page_and_follow_the_theme(page, sweep, face_map, fold, turn):
    widgets = {"sweep": sweep, "facemap": face_map, "fold": fold, "turn": turn}
    widgets["playground"] = view.playground(description="Fields in the plane.")
    widgets["crumple"] = view.crumple(description="A sheet.")
    for name, widget in widgets.items():
        assert not open_widget(page, name, widget)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
        light = page.locator(".frw svg").first.inner_html() + page.locator(".frw").get_attribute("style")
        page.evaluate("() => { document.documentElement.dataset.theme = 'dark'; }")
        page.wait_for_timeout(50)
        assert page.locator(".frw svg").first.inner_html() + page.locator(".frw").get_attribute("style") != light
