"""Every page of the built site in a real browser, without a network; and broken pages, which must be noticed."""

import os
import shutil

import pytest

from tests.build import SITE
from tests.site import browser
from tests.site.browser import check_page, pages_of, served

pytestmark = pytest.mark.site
PAGES = pages_of(SITE)


@pytest.fixture(scope="module")
def address():
    with served(SITE) as base:
        yield base


@pytest.mark.parametrize("page", PAGES)
def test_page_over_http(chromium, address, page, record_property):
    report = check_page(chromium, address, SITE, page)
    record_property("gzipped_kB", round(report.weight / 1000))
    assert not report.problems, f"\n{report}"


@pytest.mark.parametrize("page", PAGES)
def test_page_from_the_disk(chromium, page):
    report = check_page(chromium, SITE.as_uri() + "/", SITE, page, thorough=False)
    assert not report.problems, f"\n{report}"


@pytest.mark.parametrize("where", ["http", "file"])
def test_search_finds_pages(chromium, address, where):
    context = chromium.new_context()
    page = context.new_page()
    page.goto((address if where == "http" else SITE.as_uri() + "/") + "search.html?q=energy")
    page.wait_for_selector("#search-results li a", timeout=10_000)
    assert page.locator("#search-results li a").count() >= 2
    context.close()


def test_the_theme_switch_of_the_page_redraws_charts(chromium, address):
    page_name = next((p for p in PAGES if 'class="frlib-chart"' in (SITE / p).read_text(encoding="utf-8")), None)
    if page_name is None:
        pytest.skip("this site has no chart")
    context = chromium.new_context(color_scheme="light")
    page = context.new_page()
    page.goto(address + page_name)
    page.wait_for_selector(".frlib-chart[data-ready=light]")
    for _ in range(3):  # auto, light, dark
        page.locator("button.theme-switch-button").first.evaluate("(button) => button.click()")
        if page.evaluate("() => document.documentElement.dataset.theme") == "dark":
            break
    page.wait_for_selector(".frlib-chart[data-ready=dark]", timeout=10_000)
    context.close()


GOOD = "py-modindex.html"  # the shortest page in the folder of the site

# What is put into a good page, and the kind of problem that must be reported for it.
CHART = '<div class="frlib-chart" id="bad">x</div><script type="application/json" class="frlib-chart-data" '
BROKEN = {
    # The policy of the page stops it, and says so, before anything is asked for.
    "script from a CDN": ("console", '<script src="https://cdn.example.org/library.js"></script>'),
    "icon that the site lacks": ("unfinished", '<span class="fa-solid fa-no-such-icon"></span>'),
    "missing image": ("missing", '<img src="no-such-image.png" alt="missing">'),
    "error in a script": ("console", "<script>undefinedFunction()</script>"),
    "chart that does not draw": ("unfinished", CHART + 'data-target="bad">{"description":"d","mark":"bogus"}</script>'),
    "unnamed image": ("accessibility", '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=">'),
    "text without contrast": ("accessibility", '<p style="color:#bbb;background:#fff">hardly readable</p>'),
    "a word without contrast among good ones": (
        "accessibility",
        "<p>All words are good. "
        + "<span>So are these.</span> " * 9
        + '<span style="color:#999">This is not.</span></p>',
    ),
    "link that only its colour tells": (
        "accessibility",
        '<p>It stands <a href="#" style="color:#333;text-decoration:none">somewhere in this sentence</a> unseen.</p>',
    ),
    "wide box": ("overflow", '<div style="width:900px;height:9px"></div>'),
    "widget that ignores its slider": (
        "slider",
        '<div class="frlib-widget" id="w" data-ready="1"><svg width="9" height="9"><title>t</title><rect width="9" '
        'height="9"/></svg><input type="range" aria-label="nothing"></div>',
    ),
    "widget that ignores the theme": (
        "theme",
        '<div class="frlib-widget" id="w" data-ready="1"><svg width="90" height="30"><rect width="90" height="30" '
        'fill="#fff"/><text y="20" style="fill:#000;color:#000">t</text></svg></div>',
    ),
    "too heavy": ("weight", '<script src="heavy.js"></script>'),
}


@pytest.fixture(scope="module")
def broken_site(tmp_path_factory):
    """Return a copy of the site; tests put a broken page into it."""
    folder = tmp_path_factory.mktemp("broken") / "site"
    shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns("_sources"))
    noise = os.urandom(1_500_000).hex()
    (folder / "heavy.js").write_text(f"/* {noise} */")
    with served(folder) as base:
        yield folder, base


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_page_is_noticed(chromium, broken_site, fault, monkeypatch):
    folder, base = broken_site
    kind, markup = BROKEN[fault]
    if kind == "unfinished":
        monkeypatch.setattr(browser, "PATIENCE", 2_000)  # it will never be finished
    text = (SITE / GOOD).read_text(encoding="utf-8")
    start = text.index(">", text.index('<article class="bd-article"')) + 1
    (folder / "broken.html").write_text(text[:start] + markup + text[start:], encoding="utf-8")
    report = check_page(chromium, base, folder, "broken.html")
    assert kind in report.kinds, f"{fault} was not noticed; found {report.problems}"


def test_a_request_that_is_never_answered_is_named(chromium, monkeypatch):
    monkeypatch.setattr(browser, "PATIENCE", 2_000)
    page, report = chromium.new_context().new_page(), browser.Report("page.html")
    browser.watch(page, "https://here.example/", SITE, report)

    def answer(route):
        if route.request.url.endswith("page.html"):
            route.fulfill(body="<script>fetch('/never')</script>", content_type="text/html")

    page.route("https://here.example/**", answer)
    page.goto("https://here.example/page.html")
    browser.wait_until_drawn(page, report)
    page.context.close()
    assert [kind for kind, _ in report.problems] == ["unfinished"] and "here.example/never was still" in str(report)


def test_the_page_that_the_faults_are_put_into_is_good(chromium, address):
    assert not check_page(chromium, address, SITE, GOOD).problems
