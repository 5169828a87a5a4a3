"""The text of a page and that of its published notebook in one form: words and formulas, without spaces and signs."""

import re

from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

#: What stands in the text of a chapter where MyST is left.
MYST = re.compile(
    r"\{[a-zA-Z][\w:.-]*\}`|[`:~]{3,}\s*\{|^\([\w-]+\)=|^:\w+:|\{\{|^\+\+\+|\{glue|solution-(?:start|end)|^%\s", re.M
)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table").use(dollarmath_plugin, double_inline=True)
BLOCKS = "p, li, h1, h2, h3, h4, dt, dd, figcaption, th, td, div.math"
# What a page has beside its blocks: code, outputs, marks of the theme, numbers that the notebook writes another way.
ELSE = (
    ".cell_input, summary, script, style, .headerlink, .eqno, .caption-number, .prev-next-area, .frlib-downloads, "
    ".frlib-run, .frlib-verdict, .frlib-chart, .frlib-widget, .frlib-grid, .frlib-pipeline, .cell_output table, "
    ".cell_output .output:not(:has(figcaption))"
)


def in_one_form(text: str) -> str:
    """Return a text without what page and notebook write in different ways."""
    text = re.sub(r"\\\((.*?)\\\)|\\\[(.*?)\\\]", lambda m: m[1] or m[2], text, flags=re.S)
    text = re.sub(r"\\begin\{split\}|\\end\{split\}|\\tag\{\w+\}", "", text)
    return re.sub(r"[\s\[\]()¶#]+", "", text)


def blocks_of_page(html: str) -> list[str]:
    """Return the blocks of a page."""
    article = BeautifulSoup(html, "html.parser").select_one("article.bd-article, div.body")
    for part in article.select(ELSE):
        part.decompose()
    found = (in_one_form(block.get_text()) for block in article.select(BLOCKS) if not block.select(BLOCKS))
    return [block for block in found if block]


def text_of_notebook(notebook) -> str:
    """Return the text of the Markdown cells."""
    texts = (MARKDOWN.render(cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    return in_one_form(BeautifulSoup("\n".join(texts), "html.parser").get_text())


def myst_left(notebook) -> list[str]:
    """Return the MyST in the Markdown cells."""
    return [mark[0] for cell in notebook.cells if cell.cell_type == "markdown" for mark in MYST.finditer(cell.source)]
