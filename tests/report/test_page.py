"""A report is one file that loads nothing, shows its numbers, and takes no orders from names that come from outside."""

import sys

import altair as alt
import numpy as np
import pandas as pd
import pytest

from frlib.report import page as page_module
from frlib.report.page import Column, Figure, Gallery, Page, Points, Section, Table, Text
from frlib.view.images import webp_address
from tests.site.browser import check_sliders, opened, violations

EVIL = "</script></title><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\"'&{{7*7}}"


def chart(words="Two bars.", name="a"):
    data = pd.DataFrame({"name": [name, "b"], "size": [1.0, 2.0]})
    slider = alt.param("cut", value=1, bind=alt.binding_range(min=0, max=2, step=0.1, name="cut "))
    base = alt.Chart(data).transform_filter("datum.size >= cut").mark_bar()
    encoded = base.encode(x="size:Q", y="name:N", tooltip=["name", "size"])
    return encoded.add_params(slider).properties(width=600, height=120, description=words)


def page(name="A network", **options):
    rows = pd.DataFrame({"network": [name, "other"], "auc": [0.987654321, float("nan")], "low": [0.9, 0.8]})
    rows["high"] = [0.99, 0.9]
    columns = [Column("network", name), Column("auc", "AUC", ".3f", ("low", "high"))]
    blocks = [Text(name, "warning"), Points([name]), Table(rows, columns, name, name), Figure(chart(name, name), name)]
    whole = {"title": name, "lead": name, "facts": {name: name}, "sections": [Section(name, blocks)]}
    return Page(**(whole | {"tables": {name: rows}} | options))


def test_a_page_is_whole_in_both_themes_and_on_a_phone(chromium, tmp_path):
    path = page().write(tmp_path / "report.html")
    seen = {}
    for scheme, width in (("light", 1280), ("dark", 1280), ("dark", 390)):
        shown, report = opened(chromium, path, color_scheme=scheme, viewport={"width": width, "height": 800})
        check_sliders(shown, report)
        bad = [violation["id"] for violation in violations(shown, "main")]
        assert not report.problems and not bad, f"{report} {bad}"
        assert shown.evaluate("() => document.documentElement.scrollWidth") <= width
        ready = shown.locator(".frlib-chart").get_attribute("data-ready")
        seen[scheme, width] = (ready, shown.evaluate("() => getComputedStyle(document.body).backgroundColor"))
        shown.context.close()
    assert seen["light", 1280] == ("light", "rgb(255, 255, 255)")
    assert seen["dark", 1280] == seen["dark", 390] == ("dark", "rgb(20, 24, 30)")


def test_charts_follow_a_change_of_theme_and_keep_what_the_reader_set(chromium, tmp_path):
    shown, report = opened(chromium, page().write(tmp_path / "report.html"), color_scheme="light")
    shown.locator("input[type=range]").press("End")
    axis = "() => getComputedStyle(document.querySelector('.frlib-chart svg text')).fill"
    before = shown.evaluate(axis)
    shown.emulate_media(color_scheme="dark")
    shown.wait_for_function("() => document.querySelector('.frlib-chart').dataset.ready === 'dark'")
    assert shown.evaluate(axis) != before
    assert shown.locator("input[type=range]").input_value() == "2"
    assert not report.problems
    shown.context.close()


def test_a_folded_chart_has_its_width_once_it_is_opened(chromium, tmp_path):
    shown, report = opened(chromium, page().write(tmp_path / "report.html"), color_scheme="light")
    chart = shown.locator(".frlib-chart").first
    width = "(place) => place.querySelector('svg').getBoundingClientRect().width"
    before = chart.evaluate(width)
    fold = "(place) => { const fold = document.createElement('details'); place.before(fold); fold.append(place); }"
    chart.evaluate(fold)
    shown.add_style_tag(content="details:not([open]) > * { display: none }")  # as some browsers do
    shown.emulate_media(color_scheme="dark")  # painted anew where there is no room
    shown.wait_for_function("() => document.querySelector('.frlib-chart').dataset.ready === 'dark'")
    chart.evaluate("(place) => { place.parentElement.open = true; }")
    shown.wait_for_timeout(1000)
    assert chart.evaluate(width) == before
    assert not report.problems


def test_names_from_outside_are_text(chromium, tmp_path):
    shown, report = opened(chromium, page(EVIL).write(tmp_path / "report.html"))
    assert shown.evaluate("() => window.hacked") is None
    assert not report.problems, str(report)
    assert shown.locator("h1").inner_text() == shown.locator("main th[scope=row]").first.inner_text() == EVIL
    assert shown.locator("img").count() == 0
    assert EVIL[:20] in "".join(shown.locator(".frlib-chart svg text").all_text_contents())
    shown.context.close()


def test_pictures_have_their_words_and_stay_in_pairs(chromium, tmp_path):
    grey = webp_address(np.full((112, 112, 3), 120, np.uint8), 80)
    gallery = Gallery([(grey, EVIL), (grey, "b"), (grey, "c"), (grey, "d")], EVIL, 2)
    path = page(sections=[Section("Pictures", [gallery])]).write(tmp_path / "report.html")
    shown, report = opened(chromium, path, viewport={"width": 390, "height": 800})
    bad = [violation["id"] for violation in violations(shown, "main")]
    assert not report.problems and not bad, f"{report} {bad}"
    assert shown.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert shown.evaluate("() => window.hacked") is None
    assert shown.locator(".gallery li").all_text_contents() == [EVIL + "b", "cd"]
    assert shown.evaluate("() => [...document.images].every((image) => image.naturalWidth === 112)")
    tops = [shown.locator(".gallery img").nth(k).bounding_box()["y"] for k in range(4)]
    assert tops[2] == tops[3] > tops[0] == tops[1]
    shown.context.close()


def test_a_page_that_asks_for_something_else_is_noticed(chromium, tmp_path):
    text = page().html().replace("</main>", '<img src="https://example.org/x.png"></main>')
    assert "example.org" in text
    (tmp_path / "bad.html").write_text(text)
    shown, report = opened(chromium, tmp_path / "bad.html")
    assert "Content Security Policy" in str(report), "the page itself forbids it"
    shown.context.close()


def test_cells_show_rounded_numbers_and_keep_them_in_full(tables_of):
    (table,) = tables_of(page().html())
    assert table == [("A network", {"auc": 0.987654321}), ("other", {"auc": pytest.approx(float("nan"), nan_ok=True)})]
    assert ">0.988 (0.900 to 0.990)<" in page().html()
    assert ">–<" in page().html()
    assert '<tr class="marked">' in page().html()


def test_numbers_can_be_taken_away(chromium, tmp_path):
    shown, _ = opened(chromium, page("net").write(tmp_path / "report.html"))
    with shown.expect_download() as download:
        shown.locator("footer a").click()
    download.value.save_as(tmp_path / "numbers.csv")
    assert pd.read_csv(tmp_path / "numbers.csv")["auc"][0] == 0.987654321
    shown.context.close()


def test_a_failure_leaves_the_old_page(tmp_path):
    path = page().write(tmp_path / "report.html")
    before = path.read_bytes()
    silent = Figure(chart(" "), "No text alternative.")
    with pytest.raises(ValueError, match="chart must have a description"):
        page(sections=[Section("Broken", [silent])]).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_without_the_package_of_vega_the_error_says_what_to_install(monkeypatch):
    page_module.vega_script.cache_clear()
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ImportError, match=r"vl-convert-python: pip install frlib\[report\]"):
        page().html()


@pytest.mark.parametrize(
    ("value", "shown"), [(0.98765, "0.988"), (123456789.0, "123456789.000"), (1e30, "1e+30"), (-2.5e12, "-2.5e+12")]
)
def test_no_number_is_a_long_row_of_digits(value, shown):
    column = Column("a", "a", ".3f", ("low", "high"))
    row = {"a": value, "low": value, "high": 1e30}
    assert page_module._shown(row, column) == f"{shown} ({shown} to 1e+30)"
