"""The folding field: every epoch in one plane, that of the field, and the numbers of the table beside it."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from frlib import view
from frlib.clouds import Cloud
from frlib.faces import ATTRIBUTES
from frlib.geometry import energy_sweep
from frlib.view import static
from tests.site.browser import opened

RUNS = {"age": 4, "hair_color": 3, "control": 2}
FIELDS = ("age", "hair_color", "hue")


def make(runs=RUNS, attributes=FIELDS, count=30, dim=12, metric="cosine", turn=None, seed=0):
    """Return runs of clouds whose fields get noise from epoch to epoch, that of their own attribute most."""
    rng = np.random.default_rng(seed)
    turn = np.eye(dim) if turn is None else turn
    start, drift = rng.normal(size=(2, count, dim)) * np.linspace(2, 0.3, dim)
    common = {a: rng.normal(size=dim) for a in attributes}
    noise = {a: rng.normal(size=(count, dim)) for a in attributes}
    clouds = {run: [] for run in runs}
    for run, last in runs.items():
        for epoch in range(last + 1):
            points = start + 0.1 * epoch * drift
            fields = {a: common[a] + (0.5 if a == run else 0.05) * epoch * noise[a] for a in attributes}
            ends = [{a: torch.tensor((points + s * f) @ turn) for a, f in fields.items()} for s in (-0.1, 0.1)]
            clouds[run].append(Cloud(torch.tensor(points @ turn), *ends, metric))
    return clouds


def table_of(clouds, scale=1.0):
    rows = []
    for run, epochs in clouds.items():
        for epoch, cloud in enumerate(epochs):
            swept = energy_sweep(cloud, [scale]).assign(run=run, epoch=epoch)
            moved = {a: float(d.mean()) / cloud.mean_distance for a, d in cloud.displacements.items()}
            rows.append(swept.assign(displacement=swept["attribute"].map(moved)))
    return pd.concat(rows, ignore_index=True)


def shown(clouds, energies=None, **changes):
    arguments = {"title": "Fold", "description": "A field that folds."} | changes
    return view.fold(clouds, table_of(clouds) if energies is None else energies, **arguments)


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)


def unpacked(packed):
    codes = np.frombuffer(base64.b64decode(packed["data"]), f"<i{int(packed['type'][3:]) // 8}")
    return codes.reshape(packed["shape"]) * packed["scale"]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_points_and_unit_vectors_are_projected_into_the_plane_that_holds_most_of_the_field(metric):
    clouds = make(metric=metric)
    for run, epochs in zip(shown(clouds).runs, clouds.values(), strict=True):
        points = np.stack([cloud.points.numpy() for cloud in epochs])
        if metric == "cosine":
            points = points / np.linalg.norm(points, axis=-1, keepdims=True)
        points = points - points.mean(axis=(0, 1))
        for name, sent in zip(FIELDS, run["fields"], strict=True):
            field = np.stack([cloud.fields[name].numpy() for cloud in epochs])
            axes = np.linalg.eigh(np.einsum("epi,epj->ij", field, field))[1][:, [-1, -2]]
            axes = axes * np.sign((field @ axes).mean(axis=(0, 1)))  # the mean points right and up
            places, vectors = points @ axes, field @ axes
            for part, values, steps in (
                ("starts", places[0], 65534),
                ("moves", places - places[0], 254),
                ("arrows", vectors, 254),
            ):
                assert np.abs(unpacked(sent[part]) - values).max() <= np.abs(values).max() / steps * 1.001
            inside = ((points @ axes) ** 2).sum() / (points**2).sum()
            assert sent["inside"] == pytest.approx(inside, abs=1e-9)


def test_a_field_that_is_aligned_is_drawn_so_wherever_it_points():
    rng = np.random.default_rng(3)
    epochs = []
    for _ in range(2):
        points = torch.tensor(rng.normal(size=(30, 6)) * [9, 5, 0.1, 0.1, 0.1, 0.1])
        aligned = torch.eye(6, dtype=torch.float64)[[4] * 30]  # across the plane of the principal components
        epochs.append(Cloud(points, metric="euclidean", directions={"age": aligned}))
    table = pd.DataFrame({"epoch": [0, 1], "energy": 0.0}).assign(run="age", attribute="age", displacement=1, scale=1)
    (run,) = shown({"age": epochs}, table).runs
    arrows = unpacked(run["fields"][0]["arrows"])
    np.testing.assert_allclose(arrows, np.broadcast_to([1.0, 0.0], arrows.shape), atol=1 / 254)


def test_a_rotation_of_all_clouds_changes_no_drawn_distance():
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(12, 12)))[0]

    def distances(clouds):
        for field in [field for run in shown(clouds).runs for field in run["fields"]]:
            places = (unpacked(field["starts"]) + unpacked(field["moves"])).reshape(-1, 2)  # of all epochs together
            yield np.linalg.norm(places[:, None] - places, axis=-1)

    for plain, turned in zip(distances(make()), distances(make(turn=turn)), strict=True):
        np.testing.assert_allclose(plain, turned, atol=plain.max() / 254)


def test_the_curves_are_the_rows_of_the_table_whatever_their_order():
    clouds = make()
    energies = table_of(clouds)
    runs = shown(clouds, energies.sample(frac=1, random_state=0)).runs
    for run in runs:
        for column in ("energy", "displacement"):
            for name, values in zip(FIELDS, run[column], strict=True):
                rows = energies[(energies["run"] == run["name"]) & (energies["attribute"] == name)]
                np.testing.assert_allclose(values, rows.sort_values("epoch")[column], atol=5.1e-5, rtol=0)
    assert [run["last"] for run in runs] == list(RUNS.values())


def test_a_vector_that_is_zero_stays_so_and_is_counted():
    clouds = make(runs={"age": 1})
    still = {a: ends.clone() for a, ends in clouds["age"][1].plus.items()}
    still["hue"][[2, 7]] = clouds["age"][1].minus["hue"][[2, 7]]
    clouds["age"][1] = replace(clouds["age"][1], plus=still)
    (run,) = shown(clouds).runs
    assert run["missing"] == [[0, 0], [0, 0], [0, 2]]
    assert (unpacked(run["fields"][2]["arrows"])[1, [2, 7]] == 0).all()


def test_nine_runs_of_nine_epochs_with_eight_attributes_take_less_than_200_kb(monkeypatch):
    monkeypatch.setenv("FRLIB_BOOK", "1")
    clouds = make(dict.fromkeys([*ATTRIBUTES, "all"], 8), tuple(ATTRIBUTES), count=40, dim=128)
    keys = pd.MultiIndex.from_product([clouds, range(9), ATTRIBUTES], names=["run", "epoch", "attribute"])
    rng = np.random.default_rng(0)
    energies = pd.DataFrame({"energy": rng.uniform(size=len(keys)), "displacement": rng.uniform(size=len(keys))}, keys)
    assert len(shown(clouds, energies.reset_index().assign(scale=1.0)).data) < 200_000


def test_the_field_of_the_runs_attribute_is_shown_first_in_its_usual_colour():
    widget = shown({run: clouds for run, clouds in make().items() if run != "age"})
    assert (widget.run, widget.attribute, widget.epoch) == ("hair_color", "hair_color", 3)
    assert [a["label"] for a in widget.attributes] == ["age", "hair color", "hue"]
    colors = dict(zip(ATTRIBUTES, view.COLORS, strict=True))
    assert [a["tone"] for a in widget.attributes] == [colors[name] for name in FIELDS]
    assert shown({"control": make()["control"]}).attribute == "age"


def test_python_can_read_what_the_reader_chose():
    widget = shown(make())
    assert {"run", "attribute", "epoch"} <= set(widget.traits(sync=True))
    widget.epoch, widget.attribute = 2, "hue"
    assert widget.get_state(["epoch", "attribute"]) == {"epoch": 2, "attribute": "hue"}


def test_wrong_input_names_the_argument():
    clouds = make({"age": 2, "hue": 1})
    energies = table_of(clouds)

    def other(**changes):
        return {**clouds, "hue": [clouds["hue"][0], replace(clouds["hue"][1], **changes)]}

    def only(run, *kept):
        return {**clouds, run: [cloud.only(*kept) for cloud in clouds[run]]}

    for wrong, message in (
        ({}, "clouds must hold at least one run; got none"),
        ({"age": clouds["age"][:1]}, r"clouds\['age'\] must hold epoch 0 and at least one more; got 1 clouds"),
        (only("age", range(30), ()), "must have .* one attribute each; got 30 points and 0 attributes"),
        (only("age", range(2)), "clouds must have at least three points .* got 2 points"),
        (other(metric="euclidean"), r"clouds\['hue'\]\[1\] must have the metric of the first cloud, 'cosine'; got 'eu"),
        (only("hue", range(29)), r"clouds\['hue'\]\[0\].points must have 30 rows; got 29"),
        (
            only("hue", range(30), ["hue"]),
            r"clouds\['hue'\]\[0\] must have the attributes \['age', 'hair_color', 'hu",
        ),
        (other(points=clouds["age"][0].points[:, :5]), r"clouds\['hue'\]\[1\].points must have 12 columns; got 5"),
    ):
        with pytest.raises(ValueError, match=message):
            shown(wrong, energies)
    row = (energies["run"] == "age") & (energies["epoch"] == 2) & (energies["attribute"] == "hue")
    for table, message in (
        (energies.drop(columns="displacement"), "energies must have a column 'displacement'"),
        (energies[~row], "energies must have one row for run 'age', epoch 2, attribute 'hue'; got 0"),
        (pd.concat([energies, energies[row]]), "energies must have one row for run 'age', epoch 2, .*; got 2"),
        (energies.assign(scale=np.where(row, 0.6, 1)), "energies must have one scale; got 1, 0.6"),
    ):
        with pytest.raises(ValueError, match=message):
            shown(clouds, table)
    with pytest.raises(ValueError, match="description must say"):
        shown(clouds, energies, description=" ")


def test_a_missing_value_leaves_a_gap_in_the_line(node):
    script = "answer(pathThrough(question, (x) => x, (y) => y))"
    assert node(script, [1, 2, None, 4, 5], widget="fold") == "M0.0 1.0L1.0 2.0M3.0 4.0L4.0 5.0"


def test_the_map_keeps_the_shape_of_the_cloud_and_holds_every_arrow(node, clouds):
    script = """answer(question.fields.map((field, kind) => {
      const { unit, places, arrows } = openField(field, question.count, question.missing[kind]);
      const all = Array.from({ length: question.last + 1 }, (_, epoch) => [[...places(epoch)], [...arrows(epoch)]]);
      return { unit, all };
    }));"""
    state = shown(clouds)
    for run in state.runs:
        opened_fields = node(script, run | {"count": state.count}, widget="fold")
        for sent, field in zip(run["fields"], opened_fields, strict=True):
            places, arrows = np.reshape(field["all"], (run["last"] + 1, 2, state.count, 2)).swapaxes(0, 1)
            given = unpacked(sent["starts"]) + unpacked(sent["moves"])
            steps = (places - places[0, 0]) / field["unit"] * [1, -1]  # y goes downwards on the screen
            np.testing.assert_allclose(steps, given - given[0, 0], atol=1e-9)
            np.testing.assert_allclose(
                arrows[..., 1] * unpacked(sent["arrows"])[..., 0] * -1,
                arrows[..., 0] * unpacked(sent["arrows"])[..., 1],
                atol=1e-9,
            )
            for ends in (places, places + arrows):
                assert ends.min() >= 13.9 and ends.max() <= 386.1


# ------------------------------------------------------------------------------------------------------ in a browser

STARTER = Path(__file__).parents[2] / "book" / "assets" / "frbook.js"
PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>t</title><body>{widget}
<script>{module}</script><script>{starter}</script></body></html>"""


@pytest.fixture(scope="module")
def clouds():
    return make()


@pytest.fixture(params=[360, 900], ids=["phone", "desktop"])
def page(request, chromium, tmp_path, monkeypatch, clouds):
    """The widget on a page from the disk, started as the site does; what the page complains about fails the test."""
    monkeypatch.setenv("FRLIB_BOOK", "1")
    parts = {"widget": shown(clouds).data, "module": static.classic_script("fold"), "starter": STARTER.read_text()}
    path = tmp_path / "page.html"
    path.write_text(PAGE.format(**parts), encoding="utf-8")
    page, report = opened(chromium, path, viewport={"width": request.param, "height": 800})
    yield page
    page.context.close()
    assert not report.problems, str(report)


def arrows(page):
    return page.locator(".frw-arrows").get_attribute("d")


def said(page):
    return page.locator(".frw-said").inner_text().replace("\u00a0", " ")


def sentence(energies, run, attribute, epoch, last):
    rows = energies[(energies["run"] == run) & (energies["attribute"] == attribute)].set_index("epoch")
    (e, d), (e0, d0) = rows.loc[epoch, ["energy", "displacement"]], rows.loc[0, ["energy", "displacement"]]
    return (
        f"Epoch {epoch} of {last}: energy of {attribute.replace('_', ' ')} at ε = 1: {e:.2f} ({e0:.2f} before); "
        f"displacement {d:.2f} of the mean distance ({d0:.2f} before)."
    )


def test_the_epoch_moves_points_and_arrows_and_says_their_energy(page, clouds):
    energies, slider = table_of(clouds), page.get_by_role("slider", name="Epoch")
    seen = [(arrows(page), page.locator(".frw-trails").get_attribute("d"))]
    assert said(page) == sentence(energies, "age", "age", 4, 4)
    for epoch in (3, 2, 1):
        slider.press("ArrowLeft")
        seen.append((arrows(page), page.locator(".frw-trails").get_attribute("d")))
        assert said(page) == sentence(energies, "age", "age", epoch, 4)
    assert len({a for a, _ in seen}) == len({t for _, t in seen}) == 4
    page.wait_for_function("document.querySelector('[aria-live]').textContent.startsWith('Epoch 1 of 4')", timeout=3000)
    slider.press("Home")
    first = energies[(energies["run"] == "age") & (energies["attribute"] == "age") & (energies["epoch"] == 0)].iloc[0]
    assert said(page) == (
        f"Epoch 0 of 4, before fine-tuning: energy of age at ε = 1: {first['energy']:.2f}; "
        f"displacement {first['displacement']:.2f} of the mean distance."
    )
    ghosts, dots = (
        page.locator(f"{g} circle").evaluate_all("(all) => all.map((c) => [c.cx.baseVal.value, c.cy.baseVal.value])")
        for g in (".frw-ghost", ".frw-dots")
    )
    assert ghosts == dots and len(dots) == 30, "at epoch 0 every point is where it was"


def test_another_run_shows_the_field_of_its_attribute_and_the_field_can_be_chosen(page, clouds):
    energies = table_of(clouds)
    run, field = page.get_by_label("Fine-tuned on"), page.get_by_label("Show the field of")
    run.select_option("hair_color")
    assert field.input_value() == "hair_color"
    assert said(page) == sentence(energies, "hair_color", "hair_color", 3, 3)
    before = arrows(page)
    field.select_option("hue")
    assert arrows(page) != before and run.input_value() == "hair_color"
    assert said(page) == sentence(energies, "hair_color", "hue", 3, 3)
    run.select_option("control")
    assert field.input_value() == "hue", "a run that is no attribute leaves the field as it is"
    assert said(page) == sentence(energies, "control", "hue", 2, 2)


def test_play_shows_all_epochs_once_and_stop_holds(page):
    button, slider = page.get_by_role("button"), page.get_by_role("slider", name="Epoch")
    button.press("Enter")
    assert slider.input_value() == "0" and "Stop" in button.inner_text()
    page.wait_for_function("document.querySelector('input[type=range]').value === '1'", timeout=3000)
    button.press("Enter")
    assert "Play" in button.inner_text()
    page.wait_for_timeout(1100)
    assert slider.input_value() == "1"
    slider.press("End")
    slider.press("ArrowLeft")
    button.click()
    assert slider.input_value() == "4" and "Play" in button.inner_text(), "it stops at the last epoch"


def test_a_click_on_the_lines_chooses_the_epoch_and_all_fits(page):
    lines = page.locator(".frw-epochs")
    lines.scroll_into_view_if_needed()
    box = lines.bounding_box()
    lines.click(position={"x": box["width"] * 0.55, "y": box["height"] / 2})
    assert said(page).startswith("Epoch 2 of 4")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    edges = page.locator(".frw-card, .frw-card *").evaluate_all(
        "(all) => all.map((e) => e.getBoundingClientRect()).filter((b) => b.width).map((b) => [b.left, b.right])"
    )
    card = edges[0]
    assert all(card[0] <= left and right <= card[1] for left, right in edges)


def test_points_glide_unless_the_reader_wants_no_motion(page):
    slider = page.get_by_role("slider", name="Epoch")
    now = "document.querySelector('.frw-dots circle').cx.baseVal.value"
    start = page.evaluate(now)
    slider.press("Home")
    end = page.evaluate(now)
    assert end != start, "at once, as the page of these tests asks for"
    page.emulate_media(reduced_motion="no-preference")
    slider.press("End")
    assert page.evaluate(now) != start
    page.wait_for_function(f"{now} === {start}", timeout=3000)


def test_the_state_is_json_and_the_page_has_a_text_alternative(monkeypatch, clouds):
    monkeypatch.setenv("FRLIB_BOOK", "1")
    html = shown(clouds).data
    state = json.loads(re.search(r"<script [^>]*>(.*?)</script>", html, re.S).group(1))
    assert state["epsilon"] == 1 and state["count"] == 30 and "A field that folds." in html.split("<script")[0]
