"""Drives one page of the built site in headless Chromium and lists everything that is wrong with it.

The site must be complete without a network: every request to another host is aborted and reported. The same functions
check good pages and the deliberately broken ones (`test_site.py`), so that a checker that sees nothing is noticed.
"""

import functools
import gzip
import http.server
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from urllib.parse import unquote, urlsplit

WEIGHT_LIMIT = 1_500_000  # bytes, gzipped: what a first visit to a page loads
PATIENCE = 15_000  # milliseconds in which a chart, a widget or a formula is drawn
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
# The article, or what was searched for, without the theme's header, sidebars and footer.
CONTENT = "article.bd-article, .bd-search-container"

READY = """() => [...document.querySelectorAll('.frlib-chart, .frlib-widget')].every((e) => e.dataset.ready)
  && [...document.querySelectorAll('.math')].every((e) => e.querySelector('mjx-container'))"""
EMPTY = """() => [...document.querySelectorAll('.frlib-chart, .frlib-widget')]
  .filter((e) => !e.querySelector('svg path, svg circle, svg rect, canvas')).map((e) => e.id)"""
PICTURE = """(host) => [...host.querySelectorAll('svg')].map((s) => s.innerHTML).join()
  + [...host.querySelectorAll('canvas')].map((c) => c.toDataURL()).join()"""
COLORS = """(host) => [...host.querySelectorAll('svg text, p, label')].slice(0, 12)
  .map((e) => getComputedStyle(e).fill + getComputedStyle(e).color).join()"""
# What the theme changes: colours, and not the structure that all other rules read.
OF_COLORS = ["color-contrast", "link-in-text-block"]
# Without preload axe does not fetch style sheets a second time, from wrong addresses where they import each other.
STRUCTURE = """([content, ofColors]) => axe.run(content, {
  resultTypes: ['violations'], preload: false, rules: Object.fromEntries(ofColors.map((r) => [r, { enabled: false }])),
}).then((result) => result.violations)"""
# A page of code has some ten thousand words, written in some hundred ways: axe needs a minute for all of these words,
# and its answer depends on the way alone. What lies behind a word and does not hold it is seen at three places.
COLORS_OF_TEXT = """([content, ofColors]) => {
  const behind = new Map([[null, '']]);
  const under = (element) => {
    if (!behind.has(element)) {
      const style = getComputedStyle(element);
      const own = [style.backgroundColor, style.backgroundImage, style.opacity].join();
      behind.set(element, under(element.parentElement) + (own === 'rgba(0, 0, 0, 0),none,1' ? '' : '|' + own));
    }
    return behind.get(element);
  };
  const ways = new Map();
  for (const element of document.querySelector(content).querySelectorAll('*')) {
    const writes = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!(writes || element.matches('input, select, textarea'))) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const own = [style.color, style.fill, style.fontSize, style.fontWeight, style.textDecorationLine, style.textShadow];
    const link = element.closest('a');
    const way = [own, under(element), link && getComputedStyle(link.parentElement).color].join('|');
    ways.set(way, [...(ways.get(way) || []), element].slice(0, 3));
  }
  return !ways.size ? [] : axe.run({ include: [...ways.values()].flat() }, {
    resultTypes: ['violations'], preload: false, runOnly: { type: 'rule', values: ofColors },
  }).then((result) => result.violations);
}"""
WIDE = """(room) => [...document.querySelectorAll('.bd-main *')]
  .filter((e) => e.getBoundingClientRect().right > room + 1).slice(0, 4).map((e) => e.tagName + '.' + e.className)"""


@dataclass
class Report:
    """What was found on one page."""

    page: str
    problems: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    loading: set[str] = field(default_factory=set)

    def add(self, kind: str, text) -> None:
        """Note a problem."""
        self.problems.append((kind, " ".join(str(text).split())[:400]))

    @property
    def weight(self) -> int:
        """Bytes that the page loaded, gzipped."""
        return sum(self.files.values())

    @property
    def kinds(self) -> set[str]:
        """The kinds of problem found."""
        return {kind for kind, _ in self.problems}

    def __str__(self):
        return "\n".join(f"{self.page}: {kind}: {text}" for kind, text in self.problems)


def pages_of(site: Path) -> list[str]:
    """Return all pages of a site, relative to its folder."""
    found = (path.relative_to(site) for path in sorted(site.rglob("*.html")))
    return [str(path) for path in found if "_static" not in path.parts and "_sources" not in path.parts]


@contextmanager
def served(site: Path):
    """Serve a folder over http on this machine alone; give its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@functools.cache
def gzipped(path: Path) -> int:
    """Return the size of a file after gzip; fonts and images that are compressed already count as they are."""
    data = path.read_bytes()
    return min(len(data), len(gzip.compress(data, 6)))


def check_page(browser, base: str, site: Path, name: str, *, thorough: bool = True) -> Report:
    """Open a page as a first visit and return what is wrong with it.

    Parameters
    ----------
    browser : playwright Browser
    base : str
        Address of the site, http or file, with a slash at its end.
    site : Path
        Folder of the site, for the sizes of its files.
    name : str
        The page, relative to the site.
    thorough : bool
        Also move sliders, switch the theme, narrow the window and run axe.
    """
    report = Report(name)
    context = browser.new_context(viewport=DESKTOP, color_scheme="light", reduced_motion="reduce")
    try:
        page = context.new_page()
        watch(page, base, site, report)
        page.goto(base + name, wait_until="load")
        wait_until_drawn(page, report)
        if thorough and not report.problems:
            check_sliders(page, report)
            check_accessibility(page, report, "light")
            check_theme(page, report)
            check_accessibility(page, report, "dark", (COLORS_OF_TEXT,))
            check_phone(page, report)
    finally:
        context.close()
    if report.weight > WEIGHT_LIMIT:
        heaviest = sorted(report.files.items(), key=lambda item: -item[1])[:4]
        report.add("weight", f"{report.weight / 1e6:.2f} MB gzipped; heaviest: {heaviest}")
    return report


def opened(chromium, path, **context):
    """Open a page that is one file; return it, drawn, and the report of what was wrong until then."""
    report = Report(path.name)
    page = chromium.new_context(reduced_motion="reduce", **context).new_page()
    watch(page, f"file://{path}", path.parent, report)
    page.goto(f"file://{path}", wait_until="load")
    wait_until_drawn(page, report)
    return page, report


def watch(page, base: str, site: Path, report: Report) -> None:
    """Abort and report requests to other hosts; note errors, missing files and sizes."""

    def gate(route):
        url = route.request.url
        if url.startswith((base, "data:", "blob:")):
            return route.continue_()
        report.add("external", url)
        return route.abort()

    def loaded(response):
        if response.status >= 400:
            report.add("missing", f"{response.status} {response.url}")
        elif response.url.startswith(base):
            path = site / unquote(urlsplit(response.url[len(base) :]).path or "index.html")
            if path.is_file():
                report.files[str(path.relative_to(site))] = gzipped(path.resolve())

    def failed(request):
        report.loading.discard(request.url)
        if request.url.startswith(base) and request.failure != "net::ERR_ABORTED":
            report.add("missing", f"{request.failure} {request.url}")

    page.route("**/*", gate)
    page.on("request", lambda request: report.loading.add(request.url))
    page.on("requestfinished", lambda request: report.loading.discard(request.url))
    page.on("response", loaded)
    page.on("requestfailed", failed)
    page.on("console", lambda message: message.type == "error" and report.add("console", message.text))
    page.on("pageerror", lambda error: report.add("console", error))


def wait_until_drawn(page, report: Report) -> None:
    """Wait for charts, widgets and formulas; report those that do not come."""
    from playwright.sync_api import TimeoutError as Late

    try:
        page.wait_for_function(READY, timeout=PATIENCE)
    except Late:
        report.add("unfinished", f"a chart, widget or formula was not drawn within {PATIENCE / 1000:g} s")
    try:
        page.wait_for_load_state("networkidle", timeout=2 * PATIENCE)
    except Late:  # seen once on a busy machine, all drawn; why is not known. A page is at fault if it still loads.
        for url in sorted(report.loading):
            report.add("unfinished", f"{url} was still loading after {2 * PATIENCE / 1000:g} s")
    for identifier in page.evaluate(EMPTY):
        report.add("unfinished", f"nothing drawn in #{identifier}")
    if page.locator("svg.svg-inline--fa g.missing, i.fa-solid, span.fa-solid").count():
        report.add("unfinished", "an icon is missing")  # what Font Awesome draws for an unknown one
    if page.locator("mjx-merror").count():
        report.add("unfinished", f"a formula has an error: {page.locator('mjx-merror').first.inner_text()}")
    if page.locator(".cell_output .traceback, .cell_output .output.error").count():
        report.add("unfinished", "a cell shows a traceback")


def check_sliders(page, report: Report) -> None:
    """Move every slider by keyboard from end to end; the picture of its chart or widget must change."""
    for host in page.locator(".frlib-chart, .frlib-widget").all():
        for k in range(host.locator("input[type=range]").count()):
            slider = host.locator("input[type=range]").nth(k)
            if not slider.is_visible():
                continue
            slider.focus()
            slider.press("Home")
            page.wait_for_timeout(60)
            before = host.evaluate(PICTURE)
            slider.press("End")
            page.wait_for_timeout(120)
            if host.evaluate(PICTURE) == before:
                report.add("slider", f"slider {k} of #{host.get_attribute('id')} changes nothing")


def check_theme(page, report: Report) -> None:
    """Switch to the dark theme; charts and widgets must take other colours."""
    from playwright.sync_api import TimeoutError as Late

    hosts = page.locator(".frlib-chart, .frlib-widget").all()
    before = [host.evaluate(COLORS) for host in hosts]
    page.evaluate("() => Object.assign(document.documentElement.dataset, { theme: 'dark', mode: 'dark' })")
    try:
        page.wait_for_function(
            "() => [...document.querySelectorAll('.frlib-chart')].every((e) => e.dataset.ready === 'dark')",
            timeout=10_000,
        )
    except Late:
        report.add("theme", "a chart was not drawn again in the dark theme")
    page.wait_for_timeout(100)
    for host, colors in zip(hosts, before, strict=True):
        if host.evaluate(COLORS) == colors:
            report.add("theme", f"#{host.get_attribute('id')} keeps its colours in the dark theme")


def check_phone(page, report: Report) -> None:
    """Narrow the window to a phone; the page must not scroll sideways."""
    page.set_viewport_size(PHONE)
    page.wait_for_timeout(450)
    width = page.evaluate("() => document.documentElement.scrollWidth")
    if width > PHONE["width"]:
        wide = page.evaluate(WIDE, PHONE["width"])
        report.add("overflow", f"the page is {width} px wide on a phone of {PHONE['width']} px: {wide}")


def check_accessibility(page, report: Report, mode: str, rules=(STRUCTURE, COLORS_OF_TEXT)) -> None:
    """Run rules of axe-core on our own content; report what it calls serious or critical."""
    if not page.locator(CONTENT).count():
        report.add("accessibility", f"nothing to look at: the page has no {CONTENT}")
        return
    for violation in violations(page, CONTENT, rules):
        node = violation["nodes"][0]
        detail = f"{len(violation['nodes'])} places, first {node['target']} {node['failureSummary']}"
        report.add("accessibility", f"{violation['id']} ({violation['impact']}, {mode}): {detail}")


def violations(page, content: str, rules=(STRUCTURE, COLORS_OF_TEXT)) -> list[dict]:
    """Return what axe-core calls serious or critical in one element of the page."""
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(axe_source())
    found = [violation for rule in rules for violation in page.evaluate(rule, [content, OF_COLORS])]
    return [violation for violation in found if violation["impact"] in ("serious", "critical")]


@functools.cache
def axe_source() -> str:
    """Return axe-core as the package axe-playwright-python ships it."""
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
