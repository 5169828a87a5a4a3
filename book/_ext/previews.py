"""A Sphinx extension: what the links of a page show before they are followed.

``previews.js`` shows a figure, an equation, a term, a section or an entry of the bibliography beside a link to it. What
stands on the same page it copies from there. For links to other pages this extension leaves a script per page that is
linked to, which is loaded when it is needed: unlike a request it also works in a copy of the site on disk.
"""

import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup, Tag

FOLDER = "_static/previews"
LINKS = "article.bd-article a.reference.internal[href*='#']:not([role='doc-backlink'])"
SCRIPT = re.compile(r"<script.*?</script>", re.S)
LEFT_OUT = "style, .headerlink, .eqno, details, .frlib-hidden, .cell_input"


def part_of(target: Tag) -> list[Tag]:
    """Return what says most about the target of a link: a definition, a formula, a caption, or how a section begins."""
    if target.name == "dt":
        return target.find_next_siblings("dd", limit=1)
    if target.name == "figure":
        return target.select("figcaption")
    if target.name == "span" and not target.get_text(strip=True):  # a label before a section
        target = target.find_parent("section") or target
    if target.name == "section":
        return [*target.find_all(["h1", "h2", "h3"], limit=1), *target.find_all("p", recursive=False, limit=1)]
    return [target]


def preview(target: Tag) -> str:
    """Return HTML without links, names and scripts."""
    soup = BeautifulSoup("".join(map(str, part_of(target))), "html.parser")
    for part in soup.select(LEFT_OUT):
        part.decompose()
    for part in soup.find_all(True):
        part.attrs = {"class": part["class"]} if part.get("class") else {}
        if part.name in ("a", "section", "h1", "h2", "h3"):
            part.name = "span" if part.name == "a" else "div" if part.name == "section" else "strong"
    return str(soup).strip()


def wanted(pages: dict[str, BeautifulSoup]) -> dict[str, set[str]]:
    """Return the names, by page, to which links of other pages lead."""
    found = defaultdict(set)
    for name, soup in pages.items():
        for link in soup.select(LINKS):
            address, _, target = link["href"].partition("#")
            page = posixpath.normpath(posixpath.join(posixpath.dirname(name), address))
            if address and page in pages and page != name:
                found[page].add(unquote(target))
    return found


def script(page: str, soup: BeautifulSoup, targets: Iterable[str]) -> str:
    """Return the script with the previews of a page."""
    found = {name: preview(soup.find(id=name)) for name in sorted(targets) if soup.find(id=name)}
    return f"(window.FRLIB_PREVIEWS ??= {{}})[{json.dumps(page)}] = {json.dumps(found, ensure_ascii=False)};\n"


def write(app, error) -> None:
    """Write the scripts when all pages are there."""
    if error or app.builder.format != "html":
        return
    root = Path(app.outdir)
    files = [root / f"{page}.html" for page in sorted(app.env.found_docs)]
    texts = {str(file.relative_to(root)): file.read_text(encoding="utf-8") for file in files if file.exists()}
    # Most of a page is the numbers of its charts.
    pages = {name: BeautifulSoup(SCRIPT.sub("", text), "html.parser") for name, text in texts.items()}
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for page, targets in wanted(pages).items():
        name = page.removesuffix(".html").replace("/", "-")
        (root / FOLDER / f"{name}.js").write_text(script(page, pages[page], targets), encoding="utf-8")


def add_script(app, page: str, template: str, context: dict, doctree) -> None:
    """Load the script on pages that lead somewhere."""
    if "reference internal" in context.get("body", ""):
        app.add_js_file("previews.js", loading_method="defer", priority=906)


def setup(app):
    """Listen to the build."""
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
