"""A chapter on paper: light, with what is folded on the screen, without what only a screen can do."""

import pytest

from tests.build import SITE

pytestmark = pytest.mark.site
CHAPTER = "notebooks/03_toy_model.html"
CODE = "details.hide .cell_input"


@pytest.fixture(scope="module", params=["light", "dark"])
def page(request, chromium):
    context = chromium.new_context(color_scheme=request.param, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{SITE.as_uri()}/{CHAPTER}")
    page.wait_for_selector(f".frlib-chart[data-ready={request.param}]")
    page.emulate_media(media="print")
    yield page
    context.close()


@pytest.mark.parametrize(
    "left_out",
    [
        ".bd-sidebar-primary",
        ".bd-sidebar-secondary",
        ".prev-next-area",
        ".frlib-quiz-form",
        ".vega-bindings",
        ".copybtn",
    ],
)
def test_what_only_a_screen_can_do_is_left_out(page, left_out):
    found = page.locator(left_out)
    assert found.count() and not any(part.is_visible() for part in found.all())


def test_all_answers_have_their_reasons_and_solutions_are_open(page):
    assert page.locator(".frlib-quiz-answer").count() == 15
    for reason in page.locator(".frlib-quiz-answer > p").all():
        assert reason.bounding_box()["height"] > 10


@pytest.mark.parametrize(("choice", "shown"), [("", False), ("shown", True), ("hidden", False)])
def test_folded_code_is_printed_where_the_reader_wants_it(page, choice, shown):
    page.evaluate("(choice) => { document.documentElement.dataset.printCode = choice; }", choice)
    assert page.locator(CODE).first.is_visible() == shown
    assert page.locator(".cell > .cell_input").first.is_visible() == (choice != "hidden")


def test_paper_is_light_and_the_page_is_as_before(page):
    theme = "() => document.documentElement.dataset.theme"
    before = page.evaluate(theme)
    note = f"document.body.dataset.printed = ({theme})();"
    page.evaluate(f"() => addEventListener('beforeprint', () => {{ {note} }})")
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert page.evaluate("() => document.body.dataset.printed") == "light" and page.evaluate(theme) == before
