"""The slides of every lesson in a real browser, from the disk; and what a lesson page must be."""

import re

import nbformat
import pytest

from book import contents
from book.course import lessons, slides
from frlib.models.convert.packages import DownloadError
from frlib.view import static
from tests import build
from tests.site import browser

SIZES = {"small": (1280, 720), "large": (1920, 1080)}
OUTSIDE = """() => { const room = Reveal.getCurrentSlide().querySelector('.slide').getBoundingClientRect();
  return [...Reveal.getCurrentSlide().querySelectorAll('.slide :not(svg *), .slide svg text')].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 1 && (box.left < room.left - 1 || box.top < room.top - 1 || box.right > room.right + 1
      || box.bottom > room.bottom + 1);
  }).slice(0, 3).map((e) => e.tagName + ' ' + (e.className.baseVal ?? e.className)) }"""
SMALL = """() => [...Reveal.getCurrentSlide().querySelectorAll('.slide-picture')]
  .filter((e) => e.firstElementChild.getBoundingClientRect().height < 300).length"""


def labels_of_chapters() -> set[str]:
    """Return the labels of figures, exercises and sections that the chapters have."""
    text = "\n".join((contents.ROOT / f"{name}.py").read_text(encoding="utf-8") for name in contents.chapters())
    return {*re.findall(r'"name": "([\w-]+)"', text), *re.findall(r"(?m)^# :label: ([\w-]+)$", text)}


LESSONS = lessons.lessons()


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.chapter)
def test_a_lesson_takes_90_minutes_and_predicts_before_it_shows(lesson):
    assert sum(step.minutes for step in lesson.steps) == 90
    assert sum(bool(step.figures) for step in lesson.steps) >= 4
    assert f"notebooks/{lesson.chapter}" in contents.chapters()


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.chapter)
def test_what_a_lesson_refers_to_is_in_a_chapter(lesson):
    text = (lessons.FOLDER / f"{lesson.chapter}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\{(?:ref|numref)\}`([\w-]+)`", text))
    assert named <= labels_of_chapters()
    assert any(name.startswith("ex-") for name in named)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.chapter)
def test_points_of_a_rubric_add_up(lesson):
    rows = re.findall(r"(?m)^\|[^|]+\| (\d+) \|", lesson.sections["Homework"])
    assert sum(map(int, rows)) == int(re.search(r"(\d+) points:", lesson.sections["Homework"])[1])


def test_there_is_a_lesson_for_each_session():
    assert [lesson.chapter[:2] for lesson in LESSONS] == ["01", "02", "03", "04", "04", "05", "06"]


def test_a_figure_without_a_question_is_refused():
    with pytest.raises(ValueError, match="'Look' must have Ask, before Show"):
        lessons.step(5, "Look", "Show\n: {numref}`fig-a`\n")


def test_a_lesson_without_its_sections_is_refused(tmp_path):
    (tmp_path / "x.md").write_text("# Title\n\n## Plan\n")
    with pytest.raises(ValueError, match="x.md must have a title and the sections Objectives"):
        lessons.read(tmp_path / "x.md")


def test_references_become_words():
    assert "session 3 here" in slides.words("{ref}`session 3 <x>` here")
    assert "{" not in slides.words("{numref}`fig-a` and {doc}`/book/intro`")


def test_two_figures_never_share_an_id():
    html = '<div class="frlib-chart" id="frlib-chart-1"></div><script data-target="frlib-chart-1">{}</script>'
    first, second = (slides.placed(slides.Figure(html, ""), k) for k in range(2))
    assert set(slides.NAMED.findall(first)).isdisjoint(slides.NAMED.findall(second))
    assert len({name for _, name in slides.NAMED.findall(first)}) == 1


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """Return the decks that are made of the executed chapters."""
    folder = tmp_path_factory.mktemp("course") / "slides"
    slides.build(build.SITE.parent, folder)
    return [folder / f"{lesson.chapter}.html" for lesson in LESSONS]


def opened(chromium, deck, width, height, query=""):
    """Open a deck from the disk; return its page and what was wrong until all figures were drawn."""
    report = browser.Report(deck.name)
    page = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce").new_page()
    base = f"{deck.parent.as_uri()}/"
    browser.watch(page, base, deck.parent, report)
    page.goto(base + deck.name + query, wait_until="load")
    browser.wait_until_drawn(page, report)
    return page, report


@pytest.mark.site
@pytest.mark.parametrize("lesson", range(len(LESSONS)), ids=[lesson.chapter for lesson in LESSONS])
def test_a_deck_works_from_the_disk_and_nothing_leaves_its_slide(chromium, decks, lesson):
    page, report = opened(chromium, decks[lesson], *SIZES["small"])
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        for number in range(page.evaluate("Reveal.getSlides().length")):
            page.evaluate("(number) => Reveal.slide(number)", number)
            if outside := page.evaluate(OUTSIDE):
                report.add("overflow", f"slide {number + 1} at {width} x {height}: {outside}")
            if page.evaluate(SMALL):
                report.add("overflow", f"slide {number + 1} at {width} x {height} has no room for its figure")
    page.context.close()
    assert not report.problems, f"\n{report}"


@pytest.mark.site
def test_notes_tell_the_minute_of_the_session(decks):
    minutes = re.findall(r"Minute (\d+) to (\d+)", decks[3].read_text(encoding="utf-8"))
    assert minutes[0][0] == "0" and minutes[-1][1] == "90"


@pytest.mark.site
def test_keys_turn_slides_and_move_sliders(chromium, decks):
    page, _ = opened(chromium, decks[0], *SIZES["small"])
    place = lambda: page.evaluate("Reveal.getIndices().h")  # noqa: E731
    page.keyboard.press("ArrowRight")
    assert place() == 1
    number = page.evaluate("Reveal.getSlides().findIndex((slide) => slide.querySelector('input[type=range]'))")
    page.evaluate("(number) => Reveal.slide(number)", number)
    slider = page.locator("section.present input[type=range]").first
    slider.focus()
    before = slider.input_value()
    page.keyboard.press("ArrowRight")
    assert slider.input_value() != before and place() == number
    page.keyboard.press("PageDown")
    assert place() == number + 1
    page.context.close()


@pytest.mark.site
def test_a_deck_is_accessible(chromium, decks):
    page, report = opened(chromium, decks[3], *SIZES["small"])
    kinds = (".slide-words", "h2.slide-question", ".frlib-chart", ".frlib-grid", ".frlib-widget")
    for kind in kinds:
        number = page.evaluate("(kind) => Reveal.getSlides().findIndex((s) => s.querySelector(kind))", kind)
        page.evaluate("(number) => Reveal.slide(number)", number)
        for violation in browser.violations(page, "body"):
            report.add("accessibility", f"slide {number + 1}: {violation['id']} {violation['nodes'][0]['target']}")
    page.context.close()
    assert not report.problems, f"\n{report}"


@pytest.mark.site
def test_a_deck_prints_one_slide_on_each_page(chromium, decks):
    page, report = opened(chromium, decks[2], *SIZES["small"], query="?print-pdf")
    page.wait_for_selector(".pdf-page")
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert pages == page.evaluate("document.querySelectorAll('.slides section').length")
    page.context.close()
    assert not report.problems, f"\n{report}"


@pytest.mark.site
def test_a_figure_that_no_chapter_has_is_refused():
    lesson = LESSONS[0]
    with pytest.raises(ValueError, match="must show figures of the chapters; got fig-people-01"):
        slides.deck(lesson, {}, build.SITE.parent / "notebooks")


def write_chapter(folder):
    """Write the notebook x.ipynb, a chapter that asks a question."""
    opening = "# A title\n\n*A question?*\n\n```{admonition} Goals\n:class: tip\n* read.\n```"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(opening)])
    nbformat.write(notebook, folder / "x.ipynb")


def test_question_of_a_chapter(tmp_path):
    write_chapter(tmp_path)
    assert slides.question_of("x", tmp_path) == ("A title", "A question?")


CHART = {
    "description": "Squares.",
    "data": {"values": [{"a": k, "b": k * k} for k in range(5)]},
    "params": [{"name": "most", "value": 3, "bind": {"input": "range", "min": 0, "max": 4, "step": 1}}],
    "transform": [{"filter": "datum.a <= most"}],
    "mark": "bar",
    "encoding": {"x": {"field": "a", "type": "ordinal"}, "y": {"field": "b", "type": "quantitative"}},
}
HOSTILE = """<script>window.hostile = "script"</script><img alt="" src="data:," onerror="window.hostile = 'handler'">"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return a folder with what a deck loads."""
    folder = tmp_path_factory.mktemp("small")
    try:
        slides.write_scripts(folder / "vendor")
    except DownloadError as error:
        pytest.skip(str(error))
    write_chapter(folder)
    return folder


def small_deck(folder, more="") -> str:
    """Return the page of a lesson with one figure; ``more`` stands behind its chart and in its caption."""
    step = lessons.Step(90, "Look", "Show the bars.", "What is next?", ["fig-a"], "Nine.", "The last bar.")
    lesson = lessons.Lesson("x", "Session", {"Objectives": "* To look.", "To take home": "Bars."}, [step])
    figure = slides.Figure(static.chart_html(CHART) + more, f"Squares. {more}")
    return slides.deck(lesson, {"fig-a": figure}, folder)


@pytest.mark.network
def test_under_its_policy_a_deck_draws_turns_and_shows_notes(chromium, small):
    slides.write_pages({"good.html": small_deck(small)}, small)
    page, report = opened(chromium, small / "good.html", *SIZES["small"])
    page.wait_for_function("Reveal.isReady()")
    for number in (1, 2):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"Reveal.getIndices().h === {number}")
    chart = page.locator("section.present .frlib-chart svg")
    before = chart.inner_html()
    page.locator("section.present input[type=range]").press("Home")
    page.wait_for_function("(before) => document.querySelector('.present svg').innerHTML !== before", arg=before)
    page.evaluate("document.activeElement.blur()")
    with page.expect_popup() as window:
        page.keyboard.press("s")
    notes = window.value
    notes.get_by_text("The last bar.").wait_for()
    shown = notes.frame_locator("#current-slide iframe")
    shown.locator("section.present .frlib-chart[data-ready] svg").wait_for()
    notes.keyboard.press("ArrowRight")
    page.wait_for_function("() => Reveal.getIndices().h === 3")
    page.context.close()
    assert not report.problems, f"\n{report}"


@pytest.mark.network
def test_a_script_in_a_slide_is_not_run(chromium, small):
    html = small_deck(small, HOSTILE)
    slides.write_pages({"hostile.html": html}, small)
    (small / "open.html").write_text(html, encoding="utf-8")
    ran = {}
    for name in ("hostile.html", "open.html"):
        page, report = opened(chromium, small / name, *SIZES["small"])
        ran[name] = page.evaluate("[window.hostile ?? null, document.querySelectorAll('svg').length > 0]")
        assert ("Content Security Policy" in str(report)) == (name == "hostile.html"), f"\n{report}"
        page.context.close()
    assert ran["hostile.html"] == [None, True]
    assert ran["open.html"][0], "it would be run without the policy"
