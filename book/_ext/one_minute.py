"""A Sphinx extension: a chapter in one minute.

``one-minute``
    The answer to the question of the chapter, and a still picture of one of its figures, which leads to the figure. The
    argument is the figure's name; the content is the answer.
"""

from pathlib import Path

import nbformat
from docutils import nodes
from PIL import Image
from sphinx.util.docutils import SphinxDirective
from stills import drawn

from frlib.view import charts, static

TITLE = "In one minute"
SCALE = 1.0  # pixels of the picture per pixel of the chart, which is shown smaller


class still(nodes.General, nodes.Element):
    """A picture of a figure of the page, in the colours of both themes."""


def chart_of(notebook, name: str) -> static.Placed | None:
    """Return the chart of the figure of this name; None if its cell was not run.

    Raises
    ------
    ValueError
        If no cell makes a figure of this name, or what it makes is no chart.
    """
    cells = [c for c in notebook.cells if c.metadata.get("mystnb", {}).get("figure", {}).get("name") == name]
    if not cells:
        raise ValueError(f"one-minute: no cell of the page makes a figure {name!r}")
    shown = [output.get("data", {}).get("text/html", "") for output in cells[0].outputs]
    placed = [found for found in map(static.read_placed, shown) if found and found.kind == "chart"]
    if shown and not placed:
        raise ValueError(f"one-minute: the figure {name!r} is no chart")
    return placed[0] if placed else None


class OneMinute(SphinxDirective):
    """The answer of a chapter and one figure."""

    required_arguments = 1
    has_content = True

    def run(self):
        """Return an admonition."""
        path = Path(self.env.srcdir, f"{self.env.docname}.ipynb")
        placed = chart_of(nbformat.read(path, as_version=4), self.arguments[0])
        box = nodes.admonition("", nodes.title("", TITLE), classes=["frlib-minute"])
        self.state.nested_parse(self.content, self.content_offset, box)
        if placed:
            box += self.picture(placed)
        return [box]

    def picture(self, placed: static.Placed) -> nodes.Node:
        """Draw the chart into the folder of the site, once for each theme, and return its place."""
        name = self.arguments[0]
        folder = Path(self.env.app.outdir, "_images")
        folder.mkdir(parents=True, exist_ok=True)
        for mode in charts.PAGE:
            (folder / f"{name}-{mode}.png").write_bytes(drawn(placed, mode, SCALE))
        with Image.open(folder / f"{name}-{mode}.png") as image:
            width, height = image.size
        return still("", figure=name, alt=placed.description, width=width, height=height)


def visit_still(writer, node) -> None:
    """Write a link to the figure around its pictures."""
    figure, size = node["figure"], f'width="{node["width"]}" height="{node["height"]}"'
    folder = "../" * writer.builder.current_docname.count("/") + "_images"
    words = writer.attval(node["alt"])
    images = "".join(
        f'<img class="only-{mode}" src="{folder}/{figure}-{mode}.png" alt="{words}" {size} loading="lazy">'
        for mode in charts.PAGE
    )
    writer.body.append(f'<a class="frlib-minute-figure" href="#{figure}">{images}</a>')
    raise nodes.SkipNode


def setup(app):
    """Register the directive and its node."""
    app.add_node(still, html=(visit_still, None))
    app.add_directive("one-minute", OneMinute)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
