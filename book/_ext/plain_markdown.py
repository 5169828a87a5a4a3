"""Markdown that any notebook server shows, from the blocks of a page whose references Sphinx has resolved.

No MyST is left: numbers, citations and references are text or links, formulas stand between ``$``, exercises are
headings, and solutions are folded with ``<details>``. A kind of block that is not known is an error, so that nothing
goes missing.
"""

import re
from html import escape, unescape
from urllib.parse import urljoin

from docutils import nodes

# What Markdown or MathJax would take for more than a sign. Inside a word `_` is none.
SIGNS = re.compile(r"([\\`*$<\[\]]|(?<!\w)_|_(?!\w))")
FACTS = re.compile(r"<(?:dt|summary)>(.*?)</(?:dt|summary)>(?:<dd>)?(.*?)</(?:dd|details)>")


class MarkdownWriter:
    """Writes the blocks of one page.

    Parameters
    ----------
    env : BuildEnvironment
        Knows the numbers of equations, figures and exercises.
    page : str
        Name of the page.
    site : str
        Address of the site, for links to other pages; where it is empty, such a link is only its text.
    """

    def __init__(self, env, page: str, site: str = ""):
        self.numbers, self.page, self.site = env.toc_fignumbers.get(page, {}), page, site

    def write(self, node: nodes.Node) -> str:
        """Return the Markdown of a block or of a part of a line.

        Raises
        ------
        NotImplementedError
            If there is none for this kind of node; the message names the page and the kind.
        """
        write = getattr(self, f"_{type(node).__name__}", None)
        if write is None:
            raise NotImplementedError(f"{self.page}: no Markdown for a node of the kind {type(node).__name__}")
        return write(node)

    def line(self, node) -> str:
        """Return what a node holds as one line."""
        return "".join(map(self.write, node.children))

    def blocks(self, children) -> str:
        """Return blocks with an empty line between them."""
        return "\n\n".join(filter(None, map(self.write, children)))

    def number(self, kind: str, node) -> str:
        """Return the number of an equation, figure or exercise as the page shows it."""
        return ".".join(map(str, self.numbers[kind][node["ids"][0]]))

    # ------------------------------------------------------------------------------------------ parts of a line

    def _Text(self, node) -> str:
        # One line a paragraph: then no line can begin like a list or a heading.
        return SIGNS.sub(r"\\\1", node.astext().replace("\n", " "))

    def _math(self, node) -> str:
        return f"${' '.join(node.astext().split())}$"

    def _literal(self, node) -> str:
        text = node.astext()
        return f"`` {text} ``" if "`" in text else f"`{text}`"

    def _emphasis(self, node) -> str:
        return f"*{self.line(node)}*"

    def _strong(self, node) -> str:
        return f"**{self.line(node)}**"

    def _subscript(self, node) -> str:
        return f"<sub>{self.line(node)}</sub>"

    def _superscript(self, node) -> str:
        return f"<sup>{self.line(node)}</sup>"

    def _inline(self, node) -> str:
        text = self.line(node)
        if "bibtex-citation" in node.get("classes", ()):  # [Leroy et al., 2025] becomes (Leroy et al., 2025)
            text = re.sub(r"^\\\[(.*)\\\]$", r"(\1)", text)
        return text

    def _number_reference(self, node) -> str:
        return self._reference(node)

    def _reference(self, node) -> str:
        text, address = self.line(node), node.get("refuri", "")
        if not address or address.startswith("#"):
            return text
        if not node.get("internal"):
            return f"[{text}]({address})"
        return f"[{text}]({urljoin(urljoin(self.site, self.page), address)})" if self.site else text

    # ---------------------------------------------------------------------------------------------------- blocks

    def _paragraph(self, node) -> str:
        return self.line(node)

    def _rubric(self, node) -> str:
        return f"**{self.line(node)}**"

    def _title(self, node) -> str:
        """Return the title of an admonition; that of a section is `heading`."""
        return f"**{self.line(node)}**"

    def heading(self, node, level: int) -> str:
        """Return the title of a section."""
        return f"{'#' * level} {self.line(node)}"

    def _section(self, node) -> str:
        """Return what an exercise or a solution holds."""
        return self.blocks(node.children)

    def nothing(self, node) -> str:
        """Return nothing, for what a page does not show."""
        return ""

    _target = _comment = _index = _substitution_definition = _still = nothing

    def _math_block(self, node) -> str:
        lines = node.astext().strip()
        if "\\\\" in lines and "\\begin" not in lines and not node.get("nowrap"):  # as Sphinx does on the page
            lines = f"\\begin{{split}}\n{lines}\n\\end{{split}}"
        tag = f" \\tag{{{self.number('displaymath', node)}}}" if node.get("number") else ""
        return f"$$\n{lines}{tag}\n$$"

    def _literal_block(self, node) -> str:
        return f"```{node.get('language', '')}\n{node.astext().rstrip()}\n```"

    def _bullet_list(self, node) -> str:
        return "\n".join(self.item("* ", child) for child in node)

    def _enumerated_list(self, node) -> str:
        return "\n".join(self.item(f"{k}. ", child) for k, child in enumerate(node, node.get("start", 1)))

    def item(self, mark: str, node) -> str:
        """Return an item of a list; what follows its first line stands below it."""
        first, *others = self.blocks(node.children).split("\n")
        return "\n".join([mark + first, *(" " * len(mark) + line if line else "" for line in others)])

    def _definition_list(self, node) -> str:
        return self.blocks(node.children)

    def _definition_list_item(self, node) -> str:
        term, definition = node.children[0], node.children[-1]
        return f"**{self.line(term)}**\n\n{self.blocks(definition.children)}"

    def quoted(self, title: str, children) -> str:
        """Return blocks as a quotation, below a title."""
        body = "\n\n".join(filter(None, [title, self.blocks(children)]))
        return "\n".join(f"> {line}".rstrip() for line in body.split("\n"))

    def _block_quote(self, node) -> str:
        return self.quoted("", node.children)

    _admonition = _block_quote

    def named(self, node) -> str:
        """Return an admonition whose kind is its title."""
        return self.quoted(f"**{type(node).__name__.title()}**", node.children)

    _note = _warning = _tip = _important = _hint = _seealso = named

    def _table(self, node) -> str:
        rows = [[self.cell(entry) for entry in row.children] for row in node.findall(nodes.row)]
        rows.insert(1, ["---"] * len(rows[0]))
        title = "".join(f"{self.write(child)}\n\n" for child in node.children if isinstance(child, nodes.title))
        return title + "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def cell(self, entry) -> str:
        """Return an entry of a table, which is one line."""
        return self.blocks(entry.children).replace("|", "\\|").replace("\n", " ")

    def _exercise_enumerable_node(self, node) -> str:
        title, content = node.children
        return f"### Exercise {self.number('exercise', node)}{self.line(title)}\n\n{self.blocks(content.children)}"

    def _solution_node(self, node) -> str:
        title, content = node.children
        return f"<details><summary>{title.astext()}</summary>\n\n{self.blocks(content.children)}\n\n</details>"

    def _quiz(self, node) -> str:
        questions = (f"**{k}.** {self.blocks(question.children)}" for k, question in enumerate(node, 1))
        return "\n\n".join(questions)

    def _quiz_answer(self, node) -> str:
        choice, *reason = node.children
        return f"<details><summary>{self.plain(choice)}</summary>\n\n{self.blocks(reason)}\n\n</details>"

    def plain(self, node) -> str:
        """Return a line for a place where Markdown is not read: HTML, with formulas between ``$``."""
        parts = (self.write(part) if isinstance(part, nodes.math) else escape(part.astext()) for part in node)
        return "".join(parts)

    def _raw(self, node) -> str:
        """Return the facts of a run card; no other HTML of a page is known."""
        if "frlib-run" not in node.astext():
            raise NotImplementedError(f"{self.page}: no Markdown for the HTML {node.astext()[:80]!r}")
        return " · ".join(f"{name}: {unescape(value)}" for name, value in FACTS.findall(node.astext()))
