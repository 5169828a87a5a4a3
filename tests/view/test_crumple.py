"""The crumpled sheet is in the browser what it is in frlib, and the reader's hands reach all of it."""

import importlib
import json

import numpy as np
import pytest

from frlib.geometry import energy_sweep
from frlib.training.sheet import SIDE, crumpled_sheet
from frlib.view import static
from tests.site.browser import check_accessibility, opened

widget = importlib.import_module("frlib.view.crumple")

DRIVER = """
const { points, field, rows, reach } = openSheet(question, question.amount);
answer({ points: [...points], field: [...field], rows, reach });
"""
PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>t</title><body><main><article class="bd-article">
<h1>t</h1><div id="host"></div></article></main>
<script>{script}</script><script>
const state = {state}, host = document.getElementById("host");
const model = {{ get: (key) => state[key], set() {{}}, save_changes() {{}}, on() {{}}, off() {{}} }};
window.FRLIB_MODULES.crumple.render({{ model, el: host }});
</script></body></html>"""


def energies(amount, scales=widget.SCALES):
    points, field = crumpled_sheet(amount)
    return energy_sweep(points, {"u": field}, list(scales), metric="euclidean")


@pytest.mark.parametrize("amount", [0, 0.2, 0.5, 0.625, 0.9, 1])
def test_the_browser_computes_the_sheet_and_the_energies_of_frlib(node, amount):
    browser = node(DRIVER, widget.state("text") | {"amount": amount}, widget="crumple")
    points, field = crumpled_sheet(amount)
    np.testing.assert_allclose(np.reshape(browser["points"], (-1, 3)), points, atol=1e-12)
    np.testing.assert_allclose(np.reshape(browser["field"], (-1, 3)), field, atol=1e-12)
    table = energies(amount)
    for column in ("energy", "neighbors", "isolated"):
        np.testing.assert_allclose([row[column] for row in browser["rows"]], table[column], atol=1e-9, err_msg=column)
    lines = points.reshape(SIDE, SIDE, 3)
    assert browser["reach"] == pytest.approx(np.linalg.norm(lines[:, -1] - lines[:, 0], axis=1).mean() / 2, abs=1e-12)


def test_live_widget_and_page_start_from_the_same_state(monkeypatch):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)
    live = widget.crumple(description="a sheet")
    assert {name: getattr(live, name) for name in widget.state("")} == widget.state("a sheet")
    monkeypatch.setenv("FRLIB_BOOK", "1")
    page = widget.crumple(description="a sheet").data
    data = page[page.index(">", page.index("<script")) + 1 : page.rindex("</script>")]
    assert json.loads(data) == widget.state("a sheet") and "a sheet" in page.split("<script")[0]
    with pytest.raises(ValueError, match="description must"):
        widget.crumple(description=" ")


# ------------------------------------------------------------------------------------------------------ in a browser


@pytest.fixture(params=[360, 900], ids=["phone", "desktop"])
def page(request, chromium, tmp_path):
    """The widget alone on a page from the disk; whatever the page complains about fails the test."""
    path = tmp_path / "page.html"
    state = static.json_for_script(widget.state("A sheet that is crumpled."))
    path.write_text(PAGE.format(script=static.classic_script("crumple"), state=state), encoding="utf-8")
    page, report = opened(chromium, path, viewport={"width": request.param, "height": 900})
    page.report = report
    yield page
    page.context.close()
    assert not report.problems, str(report)


def shown(page) -> dict:
    data = page.evaluate("({ ...document.getElementById('host').dataset })")
    return {key: float(value) for key, value in data.items()}


def check(page):
    """What the page shows is what frlib computes."""
    now = shown(page)
    assert [now["small"], now["large"]] == pytest.approx(energies(now["amount"])["energy"].tolist(), abs=1e-9)
    read = page.locator(".frw-readout dd").all_inner_texts()
    assert read[:2] == [f"{now['small']:.2f}", f"{now['large']:.2f}"]
    return now


def test_slider_buttons_and_curve_fold_the_sheet(page):
    start = check(page)
    assert start["amount"] == 0.5
    page.get_by_role("slider", name="Crumpling").press("ArrowRight")
    assert check(page)["amount"] == 0.525
    lines = page.locator(".frw-warp").get_attribute("d")
    page.get_by_role("button", name="crumpled").click()
    assert check(page)["amount"] == 1 and page.locator(".frw-warp").get_attribute("d") != lines
    page.get_by_role("button", name="flat").press("Enter")
    assert check(page)["large"] == pytest.approx(0, abs=1e-12)
    curve = page.locator(".frw-amounts")
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    curve.click(position={"x": box["width"] * (46 + 0.75 * 260) / 320, "y": box["height"] / 2})
    assert check(page)["amount"] == pytest.approx(0.75)
    page.wait_for_function("document.querySelector('[aria-live]').textContent.includes('large ones')", timeout=3000)


def test_point_and_ball_are_picked_and_the_arrows_are_those_of_the_ball(page):
    start = shown(page)
    chart = page.get_by_role("application")
    chart.press("ArrowRight")
    moved = shown(page)
    assert moved["point"] != start["point"]
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    chart.click(position={"x": 0.1 * box["width"], "y": 0.5 * box["height"]})
    assert shown(page)["point"] not in (start["point"], moved["point"])
    for ball, name in enumerate(("small ball", "large ball")):
        page.get_by_role("button", name=name).click()
        now = shown(page)
        points, _ = crumpled_sheet(now["amount"])
        far = np.linalg.norm(points - points[int(now["point"])], axis=1)
        assert now["chosen"] == ball
        assert now["neighbors"] == (far <= energies(now["amount"])["radius"][ball]).sum() - 1
        arrows = "".join(page.locator(".frw-inside").evaluate_all("(all) => all.map((p) => p.getAttribute('d'))"))
        assert now["neighbors"] <= arrows.count("M") <= 2 * now["neighbors"], "a shaft each, and a head where it shows"
        pressed = page.locator("[aria-label=Ball] button[aria-pressed=true]")
        assert pressed.count() == 1 and name in pressed.inner_text()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_all_fits_and_nothing_is_hard_to_reach_in_light_and_dark(page, mode):
    page.evaluate("(mode) => { document.documentElement.dataset.theme = mode; }", mode)
    page.evaluate("document.body.style.background = document.documentElement.dataset.theme === 'dark' ? '#14181e' : ''")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    check_accessibility(page, page.report, mode)


def test_the_ball_is_a_circle_of_its_radius_and_colours_follow_the_theme(page):
    now = shown(page)
    radius = float(page.locator(".frw-round").get_attribute("r"))
    assert radius == pytest.approx(136 * energies(now["amount"])["radius"][0], abs=1e-9)
    light = page.locator(".frw-inside").first.get_attribute("stroke")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"document.querySelector('.frw-inside').getAttribute('stroke') !== '{light}'", timeout=3000)


def test_a_button_glides_unless_the_reader_wants_no_motion(page):
    page.emulate_media(reduced_motion="no-preference")
    page.get_by_role("button", name="flat").click()
    assert shown(page)["amount"] > 0
    page.wait_for_function("document.getElementById('host').dataset.amount === '0'", timeout=3000)
