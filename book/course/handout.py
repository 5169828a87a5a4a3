"""The handout: a PDF of each chapter and one of the whole book, printed from a built site by Chromium.

The pages of the site have a style for paper; here come the numbers of the pages, and the code is left out.
"""

import contextlib
import shutil
from pathlib import Path

from book import contents, whole
from book.course import chromium

WHOLE = "book.pdf"
ABSENT = (
    "The handout was not made: it needs {what}. Install it and run `make course` again, or print a page of the site "
    "from your browser."
)
PATIENCE = 60_000  # milliseconds in which the figures and formulas of a chapter are drawn
DRAWN = """() => [...document.querySelectorAll('.frlib-chart, .frlib-widget')].every((e) => e.dataset.ready)
  && [...document.querySelectorAll('.math')].every((e) => e.querySelector('mjx-container'))"""
# The margin boxes of CSS can count pages from any number on; the browser's own footer cannot.
NUMBERS = """([title, first]) => {
  document.documentElement.dataset.printCode = 'hidden';
  const style = document.getElementById('handout') || document.head.appendChild(document.createElement('style'));
  style.id = 'handout';
  style.textContent = `@page { margin: 18mm 16mm 20mm;
    @bottom-left { content: ${JSON.stringify(title)}; font: 9pt system-ui, sans-serif; color: #52606d; }
    @bottom-right { content: counter(page); font: 9pt system-ui, sans-serif; color: #52606d; } }
    html { counter-reset: page ${first - 1}; }`;
}"""


def missing() -> str:
    """Return what a handout needs and this machine lacks; empty if nothing."""
    if not chromium.find():
        return "Chromium (apt install chromium)"
    for module in ("playwright", "pypdf"):
        try:
            __import__(module)
        except ImportError:
            return f"{module} (pip install {module})"
    return ""


def build(site: Path, target: Path) -> None:
    """Print each chapter of a site, and the whole book, into a folder; what was there is replaced.

    Where Chromium is missing nothing is made, and a message says so.

    Parameters
    ----------
    site : Path
        Of an edition, as the build leaves it.
    target : Path
    """
    if what := missing():
        print(ABSENT.format(what=what))
        return
    new = target.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    with chromium.started() as browser:
        pages = chapters(browser, site, new)
    bind(pages, new / WHOLE)
    for page in pages:
        page.unlink()
    whole.put(new, target)


def chapters(browser, site: Path, target: Path) -> list[Path]:
    """Print each chapter twice: alone, with its pages counted from 1, and as a part of the book. Return the parts."""
    parts, first = [], 1
    for name, title in contents.chapters().items():
        with opened(browser, site / f"{name}.html") as page:
            alone, part = target / f"{Path(name).name}.pdf", target / f"{Path(name).name}.part"
            printed(page, alone, title, 1)
            printed(page, part, title, first, tagged=False)  # their tags are lost when parts are bound
        parts.append(part)
        first += count(part)
    return parts


@contextlib.contextmanager
def opened(browser, path: Path):
    """Open a page of the site from the disk, without a network; give it when all its figures are drawn."""
    context = browser.new_context(color_scheme="light", reduced_motion="reduce", offline=True)
    try:
        page = context.new_page()
        page.goto(path.resolve().as_uri(), wait_until="load")
        page.wait_for_function(DRAWN, timeout=PATIENCE)
        yield page
    finally:
        context.close()


def printed(page, path: Path, title: str, first: int, *, tagged: bool = True) -> None:
    """Print an open page, with its title and numbers from ``first`` on below."""
    page.evaluate(NUMBERS, [title, first])
    page.pdf(path=path, prefer_css_page_size=True, print_background=True, tagged=tagged)


def count(path: Path) -> int:
    """Return the number of pages of a PDF."""
    from pypdf import PdfReader

    return len(PdfReader(path).pages)


def bind(parts: list[Path], path: Path) -> None:
    """Put PDFs behind one another, with one entry in the outline for each."""
    from pypdf import PdfWriter

    book = PdfWriter()
    for part, title in zip(parts, contents.chapters().values(), strict=True):
        book.append(part, outline_item=title, import_outline=False)
    book.compress_identical_objects()
    book.write(path)
