"""The playground computes in the browser what frlib computes in Python."""

import importlib
import json

import numpy as np
import pytest

from frlib.geometry import energy_sweep, mean_pair_distance
from frlib.training import planar_draws, planar_field
from frlib.view import static

widget = importlib.import_module("frlib.view.playground")

DRIVER = """
const { count, seed, base, noise, scales, center } = question;
const draws = planarDraws(count, seed), vectors = planarField(draws, base, noise);
const pairs = planarPairs(draws.points, scales), rows = planarEnergies(vectors, pairs, center);
const full = pairDistances(draws.points, count, 2, "euclidean"), cosines = innerProducts(vectors, count, 2);
const slow = scales.map((s) => energyAt(full, cosines, count, s * pairs.meanDistance, center).energy);
answer({ points: [...draws.points], vectors: [...vectors], rows, slow, mean: pairs.meanDistance });
"""

PAGE = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>t</title>
<body><div id="host"></div><script>{script}</script><script>
const state = {state}, host = document.getElementById("host");
const model = {{ get: (key) => state[key], set() {{}}, save_changes() {{}}, on() {{}}, off() {{}} }};
const stop = window.FRLIB_MODULES.playground.render({{ model, el: host }});
</script></body></html>"""


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize(
    ("base", "noise", "count", "seed"),
    [("aligned", 0, 50, 0), ("tangential", 0, 300, 0), ("radial", 25, 150, 7), ("aligned", 180, 800, 123)],
)
def test_the_browser_computes_the_energies_of_frlib(node, base, noise, count, seed, center):
    scales = list(widget.SCALES)
    arguments = {"base": base, "noise": noise, "count": count, "seed": seed, "center": center, "scales": scales}
    browser = node(DRIVER, arguments, widget="playground")
    points, normal = planar_draws(count, seed)
    field = planar_field(points, normal, base, noise)
    np.testing.assert_allclose(np.reshape(browser["points"], (-1, 2)), points, atol=1e-14)
    np.testing.assert_allclose(np.reshape(browser["vectors"], (-1, 2)), field, atol=1e-12)
    assert browser["mean"] == pytest.approx(mean_pair_distance(points, metric="euclidean"), rel=1e-10)
    table = energy_sweep(points, {"field": field}, scales, metric="euclidean", include_center=center)
    # The page shades the points without another point in their ball, whether or not they count as their own neighbour.
    table["isolated"] = energy_sweep(points, {"field": field}, scales, metric="euclidean")["isolated"]
    for column in ("energy", "neighbors", "isolated"):
        values = [np.nan if row[column] is None else row[column] for row in browser["rows"]]
        np.testing.assert_allclose(values, table[column], atol=1e-9, err_msg=column)
    slow = [np.nan if value is None else value for value in browser["slow"]]
    np.testing.assert_allclose(slow, table["energy"], atol=1e-9)


def test_arrow_keys_can_reach_every_point_and_never_leave_the_cloud(node):
    reached = node(
        """
    const { points } = planarDraws(300, 0), moves = [[-1, 0], [1, 0], [0, 1], [0, -1]];
    const seen = new Set([0]), queue = [0];
    while (queue.length) {
      const from = queue.pop();
      for (const move of moves) {
        const to = nextPoint(points, from, move);
        if (!seen.has(to)) { seen.add(to); queue.push(to); }
      }
    }
    answer([...seen]);
    """,
        widget="playground",
    )
    assert sorted(reached) == list(range(300))


def test_state_is_plain_json_and_starts_inside_the_lists():
    state = widget.state("text", seed=5)
    assert json.loads(json.dumps(state)) == state
    assert state["seed"] == 5 and state["count"] == 300
    assert state["presets"][state["preset"]]["name"] == "tangential"
    assert state["scales"] == sorted(state["scales"]) and state["scales"][state["scale"]] == pytest.approx(0.3)


def test_live_widget_and_page_start_from_the_same_state(monkeypatch):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)
    live = widget.playground(description="arrows", seed=2)
    assert {name: getattr(live, name) for name in widget.state("arrows", 2)} == widget.state("arrows", 2)
    monkeypatch.setenv("FRLIB_BOOK", "1")
    page = widget.playground(description="arrows", seed=2).data
    data = page[page.index(">", page.index("<script")) + 1 : page.rindex("</script>")]
    assert json.loads(data) == widget.state("arrows", 2)
    assert "arrows" in page.split("<script")[0]


@pytest.mark.parametrize(("arguments", "message"), [({"description": " "}, "description"), ({"seed": -1}, "seed must")])
def test_playground_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        widget.playground(**{"description": "arrows"} | arguments)


# ------------------------------------------------------------------------------------------------------ in a browser


@pytest.fixture(params=[360, 900], ids=["phone", "desktop"])
def page(request, chromium, tmp_path):
    """The widget alone on a page from the disk; whatever the page complains about fails the test."""
    path = tmp_path / "page.html"
    state = static.json_for_script(widget.state("A field of arrows."))
    path.write_text(PAGE.format(script=static.classic_script("playground"), state=state), encoding="utf-8")
    page = chromium.new_page(viewport={"width": request.param, "height": 800}, has_touch=request.param == 360)
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(path.as_uri())
    yield page
    page.close()
    assert not complaints


def shown(page) -> dict:
    """What the widget says it shows, with numbers as numbers."""
    data = page.evaluate("({ ...document.getElementById('host').dataset })")
    return {key: value if key == "base" else float(value) for key, value in data.items()}


def in_python(now: dict, seed: int = 0, center: bool = False) -> float:
    points, normal = planar_draws(int(now["count"]), seed)
    field = planar_field(points, normal, now["base"], now["noise"])
    table = energy_sweep(points, {"f": field}, [now["scale"]], metric="euclidean", include_center=center)
    return float(table["energy"].iloc[0])


def test_every_control_changes_the_energy_to_that_of_frlib(page):
    assert shown(page)["energy"] == pytest.approx(in_python(shown(page)), abs=1e-9)
    page.get_by_role("button", name="mild noise").click()
    assert shown(page)["noise"] == 35
    seen = [shown(page)["energy"]]
    for name, key in (("Scale", "Home"), ("Noise", "ArrowRight"), ("Number of points", "ArrowLeft")):
        page.get_by_role("slider", name=name).press(key)
        now = shown(page)
        assert now["energy"] == pytest.approx(in_python(now), abs=1e-9), name
        seen.append(now["energy"])
    page.get_by_role("checkbox").check()
    assert shown(page)["energy"] == pytest.approx(in_python(shown(page), center=True), abs=1e-9)
    seen.append(shown(page)["energy"])
    page.get_by_role("button", name="Draw other points").click()
    assert shown(page)["energy"] == pytest.approx(in_python(shown(page), seed=1, center=True), abs=1e-9)
    seen.append(shown(page)["energy"])
    assert len(set(seen)) == len(seen), "each control must have an effect"


def test_the_ball_follows_keyboard_and_pointer(page):
    plane = page.get_by_role("application")
    start = shown(page)["chosen"]
    plane.press("ArrowLeft")
    moved = shown(page)["chosen"]
    box = plane.bounding_box()
    plane.scroll_into_view_if_needed()
    plane.click(position={"x": 0.1 * box["width"], "y": 0.9 * box["height"]})
    corner = int(shown(page)["chosen"])
    assert len({start, moved, corner}) == 3
    points = planar_draws(300, 0)[0]
    assert points[corner] == pytest.approx([-0.85, -0.85], abs=0.2)
    assert points[int(moved), 0] < points[int(start), 0]


def test_changes_are_announced_and_nothing_sticks_out(page):
    page.get_by_role("button", name="disordered").click()
    page.wait_for_function("document.querySelector('[aria-live]').textContent.includes('Energy')", timeout=3000)
    text = page.locator("[aria-live]").text_content()
    assert f"{shown(page)['energy']:.2f}" in text
    pressed = page.locator("button[aria-pressed=true]")
    assert pressed.count() == 1 and pressed.text_content() == "disordered"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
