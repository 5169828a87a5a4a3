"""What links show: on the page, from another page, for mouse and keyboard, without a network and without a server."""

import json
import sys

import pytest
from bs4 import BeautifulSoup

from book.contents import ROOT
from tests.site.small_book import EXTENSIONS, build

PAGE = """# Page

(sec-toy)=
## A section

It *begins* so {cite}`leroy2025attributes`.

```{math}
:label: eq-toy
x = 1
```

```{figure} bar.svg
:name: fig-toy
The caption.
```

By {eq}`eq-toy`, {numref}`fig-toy`, {ref}`sec-toy`, {term}`ball`, {eq}`eq-other` and [out](https://host.example/a#b).
"""
OTHER = """# Other

```{glossary}
ball
  All *points* within $r$, see {term}`point`.

point
  A dot.
```

```{math}
:label: eq-other
y = 2
```

```{bibliography}
```
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    source = tmp_path_factory.mktemp("previews")
    (source / "book").mkdir()
    (source / "book/page.md").write_text(PAGE)
    (source / "book/other.md").write_text(OTHER)
    (source / "book/bar.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    config = {"myst_enable_extensions": ["dollarmath"], "html_static_path": [str(ROOT / "book/assets")]}
    config |= {"bibtex_bibfiles": [str(ROOT / "book/references.bib")], "html_css_files": ["frbook.css", "reading.css"]}
    config |= {"templates_path": ["templates"]}
    (source / "templates").mkdir()
    # The theme of the book calls the text an article; previews are for links in it.
    layout = '{% extends "!layout.html" %}{% block document %}<article class="bd-article">{{ super() }}</article>'
    (source / "templates/layout.html").write_text(layout + "{% endblock %}")
    return build(source, ["book/page", "book/other"], "previews", **config)


@pytest.fixture
def page(site, chromium):
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.goto((site / "book/page.html").as_uri())
    yield page
    context.close()


def link(page, target):
    return page.locator(f"article p a[href$='{target}']").last


def test_only_what_other_pages_lead_to_is_written(site):
    name, found = script_of(site / "_static/previews/book-other.js")
    assert name == "book/other.html" and {"term-ball", "equation-eq-other"} <= set(found) and "term-point" not in found
    text = BeautifulSoup(found["term-ball"], "html.parser")
    assert text.get_text(" ", strip=True).startswith("All points within") and not text.select("a, [id], [href]")
    assert set(script_of(site / "_static/previews/book-page.js")[1]) == {"a-section"}, "from the contents"
    [entry] = [html for key, html in found.items() if key.startswith("id")]
    assert "attributes shape the embedding space" in entry.lower()


def script_of(path):
    name, _, found = path.read_text().partition("[")[2].partition("] = ")
    return json.loads(name), json.loads(found.rstrip(";\n"))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("#equation-eq-toy", "x = 1"),
        ("#fig-toy", "The caption."),
        ("#sec-toy", "It begins so"),
        ("#term-ball", "All points within"),
        ("#equation-eq-other", "y = 2"),
    ],
)
def test_a_mouse_that_rests_on_a_link_sees_what_it_leads_to(page, target, words):
    link(page, target).hover()
    shown = page.get_by_role("tooltip")
    shown.wait_for(timeout=3000)
    assert words in shown.inner_text()
    assert link(page, target).get_attribute("aria-describedby") == shown.get_attribute("id")
    assert shown.locator("a[href], [tabindex]").count() == 0
    page.mouse.move(0, 0)
    shown.wait_for(state="hidden", timeout=3000)


def test_a_figure_is_shown_as_it_is(page):
    link(page, "#fig-toy").hover()
    page.get_by_role("tooltip").locator("img").wait_for(timeout=3000)


def test_the_keyboard_shows_and_escape_closes(page):
    shown = page.get_by_role("tooltip")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.matches(\"article p a[href$='#term-ball']\")"):
            break
    shown.wait_for(timeout=3000)
    assert "All points within" in shown.inner_text()
    page.keyboard.press("Escape")
    assert not shown.is_visible() and link(page, "#term-ball").get_attribute("aria-describedby") is None
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    shown.wait_for(timeout=3000)


def test_links_that_lead_out_and_fingers_show_nothing(site, page, chromium):
    link(page, "host.example/a#b").hover()
    page.wait_for_timeout(500)
    assert not page.get_by_role("tooltip").is_visible()
    context = chromium.new_context(has_touch=True)
    phone = context.new_page()
    phone.goto((site / "book/page.html").as_uri())
    link(phone, "#fig-toy").tap()
    phone.wait_for_timeout(500)
    assert not phone.get_by_role("tooltip").is_visible() and phone.url.endswith("#fig-toy")
    context.close()


def test_a_label_stands_for_its_section():
    sys.path.insert(0, str(EXTENSIONS))
    try:
        import previews
    finally:
        sys.path.remove(str(EXTENSIONS))
    html = "<section id='s'><span id='l'></span><h2>T<a class='headerlink'>#</a></h2><p>One.</p><p>Two.</p></section>"
    soup = BeautifulSoup(html, "html.parser")
    assert previews.preview(soup.find(id="l")) == previews.preview(soup.find(id="s")) == "<strong>T</strong><p>One.</p>"
