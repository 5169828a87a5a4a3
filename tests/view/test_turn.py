"""Procrustes by hand: the browser's closed form is that of `fit_alignment`, and the reader's hands reach it."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestCentroid

from frlib import view
from frlib.geometry import fit_alignment
from frlib.view import static
from tests.site.browser import check_accessibility, opened

NAMES = ("Ada", "Ben", "Chloe", "Dev")
FITS = "const fits = [false, true].map((mirror) => turnFit(question.cross, question.spread, mirror));"


def matrix_of(angle, mirror):
    """Return the map of rows x @ W: the second axis is turned over, then all is turned against the clock."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.diag([1.0, -1.0 if mirror else 1.0]) @ [[c, s], [-s, c]]


def make(seed=0, angle=125.0, mirror=False, noise=0.2, size=1.0, people=NAMES, images=6):
    """Return two clouds of the same images, the second a turned, resized and noisy copy, and who is in each image."""
    rng = np.random.default_rng(seed)
    identities = np.repeat(people, images)
    source = np.repeat(rng.normal(size=(len(people), 2)), images, axis=0) + 0.3 * rng.normal(size=(len(identities), 2))
    target = size * source @ matrix_of(angle, mirror) + noise * rng.normal(size=source.shape)
    return source + [3, -1], target + [-2, 5], identities


def shown(source, target, identities, **changes):
    names = {"source_name": "one", "target_name": "two", "title": "Turn", "description": "Two clouds of four people."}
    return view.turn(source, target, identities, **names | changes)


def state_of(*clouds):
    widget = shown(*clouds)
    return {name: value for name, value in widget.get_state().items() if not name.startswith("_")}


def centred(rows):
    return rows - rows.mean(axis=0)


def unpacked(packed):
    codes = np.frombuffer(base64.b64decode(packed["data"]), "<i2")
    return codes.reshape(packed["shape"]) * packed["scale"]


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)


CASES = [
    {"seed": seed, "angle": angle, "mirror": mirror, "noise": noise, "size": size}
    for seed, (angle, noise, size) in enumerate([(20, 0.1, 1), (125, 0.5, 0.5), (-170, 2, 3), (-60, 0, 1)])
    for mirror in (False, True)
]


def test_the_lower_minimum_is_the_procrustes_map_of_fit_alignment(node):
    script = "answer(question.map((question) => { %s return { ...lowerOf(fits), leasts: fits.map((f) => f.least) }; }))"
    clouds = [make(**case) for case in CASES]
    answers = node(script % FITS, [state_of(*given) for given in clouds], widget="turn")
    for (source, target, _), found, case in zip(clouds, answers, CASES, strict=True):
        fitted = fit_alignment(centred(source), centred(target), "procrustes", center=False)
        assert found["least"] == pytest.approx(fitted.residual, abs=1e-9)
        assert found["least"] == min(found["leasts"])
        np.testing.assert_allclose(matrix_of(found["best"], found["mirror"]), fitted.matrix, atol=1e-9)
        raw = fit_alignment(source, target, "procrustes")
        assert raw.residual == pytest.approx(found["least"], abs=1e-9)
        if case["noise"] == 0:
            assert (found["best"], found["mirror"]) == (pytest.approx(case["angle"]), case["mirror"])
            assert found["least"] == pytest.approx(0, abs=1e-12)


def test_the_residual_at_an_angle_is_that_of_the_turned_cloud(node):
    source, target, identities = make(noise=0.4, size=0.7)
    X, Y = centred(source), centred(target)
    angles = [-180, -77.3, 0, 12, 90, 180]
    question = state_of(source, target, identities) | {"angles": angles}
    script = """%s const points = unpack(question.source);
      answer(fits.map((fit) => question.angles.map((angle) =>
        [fit.residual(angle), [...turnedPoints(points, angle, fit.mirror ? -1 : 1)]])));"""
    for mirror, answers in zip((False, True), node(script % FITS, question, widget="turn"), strict=True):
        for angle, (residual, places) in zip(angles, answers, strict=True):
            turned = X @ matrix_of(angle, mirror)
            assert residual == pytest.approx(((Y - turned) ** 2).sum() / (Y**2).sum(), abs=1e-12)
            drawn = np.reshape(places, (-1, 2))
            np.testing.assert_allclose(drawn / np.abs(drawn).max(), turned / np.abs(turned).max(), atol=1e-4)


def test_of_two_equal_minima_the_one_without_a_mirror_is_taken(node):
    line = np.outer([-1.0, 0, 3], [1, 2])
    lower = node(FITS + "answer(lowerOf(fits))", state_of(line, 2 * line, list("aab")), widget="turn")
    assert lower["mirror"] is False and lower["best"] == pytest.approx(0)
    assert lower["least"] == pytest.approx(0.25)  # half the length cannot be made up for: (1 - 1/2)^2


@given(
    shift=st.tuples(*[st.floats(-9, 9)] * 4),
    scale=st.floats(0.01, 100),
    angle=st.floats(-180, 180),
)
def test_means_and_the_common_unit_change_nothing_and_a_rotation_turns_the_cross_matrix(shift, scale, angle):
    source, target, identities = make()
    plain = state_of(source, target, identities)
    moved = state_of(scale * source + shift[:2], scale * target + shift[2:], identities)
    np.testing.assert_allclose(moved["cross"], plain["cross"], atol=1e-9)
    assert moved["spread"] == pytest.approx(plain["spread"], rel=1e-9)
    turned = state_of(source @ matrix_of(angle, False), target, identities)
    np.testing.assert_allclose(turned["cross"], matrix_of(angle, False).T @ plain["cross"], atol=1e-9)


def test_both_clouds_are_drawn_about_their_means_with_one_scale_inside_the_unit_disc():
    source, target, identities = make(size=0.4)
    state = state_of(source, target, identities)
    scale = max(np.linalg.norm(centred(rows), axis=1).max() for rows in (source, target))
    for sent, rows in ((state["source"], source), (state["target"], target)):
        np.testing.assert_allclose(unpacked(sent), centred(rows) / scale, atol=1 / 65534)
        assert np.linalg.norm(unpacked(sent), axis=1).max() <= 1 + 1e-4


def test_rank_one_counts_points_whose_nearest_mean_is_that_of_their_person(node):
    source, target, identities = make(noise=0.6)
    state = state_of(source, target, identities)
    script = """const cloud = openTurn({ get: (key) => question[key] });
      answer(question.angles.map(([angle, flip]) => cloud.look(angle, flip).right));"""
    angles = [(angle, flip) for angle in range(-180, 181, 40) for flip in (1, -1)]
    shares = node(script, state | {"angles": angles}, widget="turn")
    classifier = NearestCentroid().fit(centred(target), identities)
    wanted = [classifier.score(centred(source) @ matrix_of(angle, flip < 0), identities) for angle, flip in angles]
    assert shares == pytest.approx(wanted) and len(set(shares)) > 3


def test_every_person_has_a_colour_and_a_shape_of_their_own(node):
    people = [f"person {k}" for k in range(8)]
    state = state_of(*make(people=people, images=2))
    assert [p["name"] for p in state["people"]] == people
    assert [p["tone"] for p in state["people"]] == view.COLORS
    shapes = node("answer(question.map((_, k) => personShape(k, 0, 0)))", people, widget="turn")
    assert len(set(shapes)) == 8


def test_python_can_read_and_set_what_the_reader_chose():
    widget = shown(*make())
    assert (widget.angle, widget.mirror) == (0.0, False)
    assert {"angle", "mirror"} <= set(widget.traits(sync=True))
    widget.angle = 30.0
    assert widget.get_state(["angle"]) == {"angle": 30.0}


def test_wrong_input_names_the_argument():
    source, target, identities = make()
    spoilt = source.copy()
    spoilt[4, 1] = np.nan
    for arguments, message in (
        ((source[:, :1], target, identities), r"source must have shape \(n, 2\), with n at least 3; got \(24, 1\)"),
        ((source, np.c_[target, target], identities), r"target must have shape \(n, 2\), .*; got \(24, 4\)"),
        ((source[:2], target[:2], identities[:2]), r"source must have shape \(n, 2\), with n at least 3; got \(2, 2\)"),
        ((source, target[:23], identities), "target must have 24 rows; got 23"),
        ((spoilt, target, identities), "source must be finite; row 4 holds NaN"),
        ((source, 0 * target + 0.1, identities), "target must have two different rows .*; got 24, all equal"),
        ((source, target, identities[:23]), r"identities must have shape \(24,\), one per row; got \(23,\)"),
        ((source, target, ["a"] * 24), "identities must name 2 to 8 people; got 1"),
        ((source, target, np.arange(24)), "identities must name 2 to 8 people; got 24"),
    ):
        with pytest.raises(ValueError, match=message):
            shown(*arguments)
    with pytest.raises(ValueError, match="description must say"):
        shown(source, target, identities, description=" ")


# ------------------------------------------------------------------------------------------------------ in a browser

STARTER = Path(__file__).parents[2] / "book" / "assets" / "frbook.js"
PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>t</title><body><article class="bd-article">{widget}</article>
<script>{module}</script><script>{starter}</script></body></html>"""


@pytest.fixture(scope="module")
def clouds():
    return make(mirror=True, noise=0.3, images=7)  # no share of 28 points lies half-way between two percentages


@pytest.fixture(params=[360, 900], ids=["phone", "desktop"])
def page(request, chromium, tmp_path, monkeypatch, clouds):
    """The widget on a page from the disk, started as the site does; what the page complains about fails the test."""
    monkeypatch.setenv("FRLIB_BOOK", "1")
    parts = {"widget": shown(*clouds).data, "module": static.classic_script("turn"), "starter": STARTER.read_text()}
    path = tmp_path / "page.html"
    path.write_text(PAGE.format(**parts), encoding="utf-8")
    touch = {"has_touch": request.param == 360}
    page, report = opened(chromium, path, viewport={"width": request.param, "height": 1400}, **touch)
    page.report = report
    yield page
    page.context.close()
    assert not report.problems, str(report)


def slider(page):
    return page.get_by_role("slider", name="Angle")


def angle(page):
    return float(page.locator(".frw-control output").inner_text().removesuffix("°").replace("−", "-"))


def readout(page):
    return page.locator(".frw-readout dd").all_inner_texts()


def numbers(clouds, angle, mirror):
    """Return what the page must say at an angle."""
    X, Y = map(centred, clouds[:2])
    total = (Y**2).sum()
    values = np.linalg.svd(X.T @ Y)[1] @ [[1, 1], [1, -1]]  # of the proper and the improper maps, or the other way
    leasts = 1 + ((X**2).sum() - 2 * values) / total
    order = slice(None) if np.linalg.det(X.T @ Y) > 0 else slice(None, None, -1)
    turned = X @ matrix_of(angle, mirror)
    right = NearestCentroid().fit(Y, clouds[2]).score(turned, clouds[2])
    left = ((Y - turned) ** 2).sum() / total
    return [*(f"{value:.2f}" for value in (left, *leasts[order])), f"{100 * right:.0f}\u00a0%"]


def test_the_angle_and_the_mirror_turn_the_cloud_and_the_numbers_follow(page, clouds):
    assert angle(page) == 0 and readout(page) == numbers(clouds, 0, False)
    before = page.locator(".frw-from").first.get_attribute("d")
    slider(page).press("ArrowRight")
    assert angle(page) == 1 and readout(page) == numbers(clouds, 1, False)
    assert page.locator(".frw-from").first.get_attribute("d") != before
    said = "document.querySelector('[aria-live]').textContent.startsWith('Angle 1.0°, not mirrored: residual ')"
    page.wait_for_function(said, timeout=3000)
    slider(page).press("End")
    page.get_by_role("checkbox", name="Mirror").press("Space")
    assert angle(page) == 180 and readout(page) == numbers(clouds, 180, True)
    assert page.locator(".frw-mirrored.frw-chosen-line").count() == 1
    slider(page).press("Home")
    assert angle(page) == -180 and readout(page) == numbers(clouds, 180, True)


def test_the_button_goes_to_the_procrustes_map(page, clouds):
    fitted = fit_alignment(*clouds[:2], "procrustes")
    page.get_by_role("button", name="Procrustes").press("Enter")
    assert page.get_by_role("checkbox", name="Mirror").is_checked(), "the target is a mirrored copy"
    assert readout(page)[0] == readout(page)[2] == f"{fitted.residual:.2f}"
    np.testing.assert_allclose(matrix_of(angle(page), True), fitted.matrix, atol=np.radians(0.051))
    spot, ring = (
        page.locator(name).evaluate("(c) => [c.cx.baseVal.value, c.cy.baseVal.value]")
        for name in (".frw-angles-spot", ".frw-least")
    )
    assert spot == pytest.approx(ring, abs=1e-4)


def test_a_drag_turns_by_the_angle_that_the_pointer_sweeps(page, clouds):
    slider(page).press("Home")
    for _ in range(10):
        slider(page).press("ArrowRight")
    box = page.locator(".frw-turnable").bounding_box()
    x, y, r = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, 0.3 * box["width"]
    page.mouse.move(x + r, y)
    page.mouse.down()
    assert angle(page) == -170, "to take hold turns nothing"
    page.mouse.move(x, y + r)
    page.mouse.up()
    assert angle(page) == pytest.approx(100, abs=0.5), "from -170 by 90 with the clock, over the cut at 180"
    page.mouse.move(x - r, y)
    assert angle(page) == pytest.approx(100, abs=0.5)
    assert readout(page) == numbers(clouds, angle(page), False)


def test_a_finger_turns_the_cloud_and_the_page_does_not_scroll_away(page):
    if page.viewport_size["width"] > 360:
        return
    page.set_viewport_size({"width": 360, "height": 500})
    page.locator(".frw-turnable").scroll_into_view_if_needed()
    box, scrolled = page.locator(".frw-turnable").bounding_box(), page.evaluate("window.scrollY")
    x, y, r = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, 0.3 * box["width"]
    session = page.context.new_cdp_session(page)
    way = [(x + r * np.cos(t), y - r * np.sin(t)) for t in np.linspace(0, np.pi / 2, 12)]
    for k, (px, py) in enumerate(way):
        kind = "touchMove" if k else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": px, "y": py}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert angle(page) == pytest.approx(90, abs=0.5)
    assert page.evaluate("window.scrollY") == scrolled


def test_a_click_on_the_curves_chooses_the_angle_and_all_fits(page):
    lines = page.locator(".frw-angles")
    lines.scroll_into_view_if_needed()
    box = lines.bounding_box()
    lines.click(position={"x": box["width"] * (46 + 0.75 * 252) / 320, "y": box["height"] / 2})
    assert angle(page) == pytest.approx(90, abs=2)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    edges = page.locator(".frw-card, .frw-card *").evaluate_all(
        "(all) => all.map((e) => e.getBoundingClientRect()).filter((b) => b.width).map((b) => [b.left, b.right])"
    )
    card = edges[0]
    assert all(card[0] <= left and right <= card[1] for left, right in edges)


def test_the_button_glides_the_shorter_way_unless_the_reader_wants_no_motion(page, clouds):
    page.emulate_media(reduced_motion="no-preference")
    page.get_by_role("button", name="Procrustes").click()
    seen = page.evaluate(
        """async () => {
          const seen = [], output = document.querySelector(".frw-control output");
          for (let k = 0; k < 90; k++) {
            seen.push(Number(output.textContent.replace("−", "-").replace("°", "")));
            await new Promise((next) => requestAnimationFrame(next));
          }
          return seen;
        }"""
    )
    assert len(set(seen)) > 5 and seen == sorted(seen, reverse=seen[-1] < seen[0]), "step by step, one way"
    fitted = fit_alignment(*clouds[:2], "procrustes")
    np.testing.assert_allclose(matrix_of(angle(page), True), fitted.matrix, atol=np.radians(0.051))
    assert page.get_by_role("checkbox", name="Mirror").is_checked()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_nothing_is_hard_to_reach_in_light_and_dark(page, mode):
    page.evaluate("(mode) => { document.documentElement.dataset.theme = mode; }", mode)
    page.evaluate("document.body.style.background = document.documentElement.dataset.theme === 'dark' ? '#14181e' : ''")
    check_accessibility(page, page.report, mode)


def test_the_state_is_json_and_the_page_has_a_text_alternative(monkeypatch, clouds):
    monkeypatch.setenv("FRLIB_BOOK", "1")
    html = shown(*clouds).data
    state = json.loads(re.search(r"<script [^>]*>(.*?)</script>", html, re.S).group(1))
    assert state["angle"] == 0 and len(state["codes"]) == 28
    assert "Two clouds of four people." in html.split("<script")[0]
    assert len(html) < 1600
