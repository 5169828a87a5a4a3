"""A Sphinx extension: the map of the book.

``concept-map``
    The chapters as boxes that lead to them, and the questions that lead from one to the next; then the same in words.
"""

import textwrap
from html import escape
from typing import NamedTuple

from frbook import BookDirective

from book import contents

# In units of the drawing, which a phone shows at about half its size.
WIDTH, HEIGHT, GAP = 600, 112, 62
LEFT, RIGHT, WIDE, MIDDLE = (30, 245), (325, 245), (30, 540), (140, 320)  # left end and width of a box
LINE, LETTER = 26, 11.5  # height of a line, and about the width of a letter of a title


class Box(NamedTuple):
    """A chapter on the map: its row, its place in the row, and what it is about."""

    row: int
    place: tuple[int, int]
    about: str


class Arrow(NamedTuple):
    """The way from one chapter to another: the question, the points of the line, and where the question stands."""

    source: str
    target: str
    question: str
    points: list[tuple[float, float]]
    at: tuple[float, float]


BOXES = {
    "faces": Box(0, MIDDLE, "one attribute changes"),
    "01_multiscale_geometry": Box(1, WIDE, "distance, threshold, two scales"),
    "02_macroscale": Box(2, LEFT, "the statistic K"),
    "03_toy_model": Box(2, RIGHT, "how to read an energy"),
    "02b_permutation_tests": Box(3, LEFT, "permuting people"),
    "04_pretrained_energies": Box(3, RIGHT, "energy, displacement"),
    "04b_energy_methods": Box(4, LEFT, "neighbours, step, crop"),
    "05_fine_tuning": Box(4, RIGHT, "loss and energy"),
    "06_cross_model": Box(5, LEFT, "maps of spaces"),
    "photographs": Box(5, RIGHT, "what carries over"),
}


def top(row: int) -> int:
    """Return the upper edge of a row."""
    return 5 + row * (HEIGHT + GAP)


def between(row: int) -> float:
    """Return the height at which the question of an arrow into a row stands."""
    return top(row) - GAP / 2


def down(source: str, target: str, question: str) -> Arrow:
    """Return an arrow from a box to one in the next row, straight down into it."""
    (left, width), row = BOXES[target].place, BOXES[target].row
    x = left + width / 2
    return Arrow(source, target, question, [(x, top(row) - GAP), (x, top(row))], (x, between(row)))


def beside(source: str, target: str, question: str, x: float) -> Arrow:
    """Return an arrow along a side of the map."""
    (left, width), (start, end) = BOXES[target].place, (top(BOXES[name].row) + HEIGHT / 2 for name in (source, target))
    edges = [BOXES[source].place, BOXES[target].place]
    first, last = (at if x < at else at + size for at, size in edges)
    corners = [(first, start), (x, start), (x, end), (last, end)]
    return Arrow(source, target, question, corners, (left + width / 2, between(BOXES[target].row)))


def aslant(source: str, target: str, question: str) -> Arrow:
    """Return an arrow to the other side of the next row."""
    (left, width), row = BOXES[target].place, BOXES[target].row
    start = BOXES[source].place[0] + 25
    end = left + width - 25
    return Arrow(source, target, question, [(start, top(row) - GAP), (end, top(row))], (left + width / 2, between(row)))


ARROWS = [
    down("faces", "01_multiscale_geometry", "how far apart?"),
    down("01_multiscale_geometry", "02_macroscale", "from far: who is near?"),
    down("01_multiscale_geometry", "03_toy_model", "from near: which way?"),
    down("02_macroscale", "02b_permutation_tests", "is it sure?"),
    down("03_toy_model", "04_pretrained_energies", "in face networks?"),
    aslant("04_pretrained_energies", "04b_energy_methods", "measured how?"),
    down("04_pretrained_energies", "05_fine_tuning", "can it be taught?"),
    beside("01_multiscale_geometry", "06_cross_model", "in another network?", 12),
    beside("01_multiscale_geometry", "photographs", "on photographs?", WIDTH - 12),
]


def path(arrow: Arrow) -> str:
    """Return an arrow as SVG."""
    points = " ".join(f"{x:g},{y:g}" for x, y in arrow.points)
    return f'<polyline points="{points}" marker-end="url(#frlib-map-head)"/>'


def lines_of(title: str, box: Box) -> list[str]:
    """Return a title in lines that fit into its box."""
    return textwrap.wrap(title, int((box.place[1] - 16) / LETTER))


def drawn(name: str, title: str, address: str) -> str:
    """Return a box as SVG."""
    box = BOXES[name]
    (left, width), lines = box.place, lines_of(title, box)
    x, y = left + width / 2, top(box.row) + (HEIGHT - LINE * (len(lines) + 1)) / 2 + 20
    spans = "".join(f'<tspan x="{x:g}" y="{y + k * LINE:g}">{escape(line)}</tspan>' for k, line in enumerate(lines))
    about = f'<text class="frlib-map-about" x="{x:g}" y="{y + len(lines) * LINE:g}">{escape(box.about)}</text>'
    rect = f'<rect x="{left}" y="{top(box.row)}" width="{width}" height="{HEIGHT}" rx="12"/>'
    label = escape(f"{title}: {box.about}")  # as one text: lines of a drawing have no spaces between them
    words = f'<text class="frlib-map-title">{spans}</text>{about}'
    return f'<a href="{escape(address)}" aria-label="{label}">{rect}{words}</a>'


def svg(titles: dict[str, str], addresses: dict[str, str]) -> str:
    """Return the map.

    Parameters
    ----------
    titles, addresses : dict
        Of the chapters, by the name of their file; a box without an address is not drawn, nor are its arrows.
    """
    arrows = [arrow for arrow in ARROWS if {arrow.source, arrow.target} <= set(addresses)]
    questions = "".join(f'<text x="{a.at[0]:g}" y="{a.at[1] + 6:g}">{escape(a.question)}</text>' for a in arrows)
    head = (
        '<defs><marker id="frlib-map-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0,0L10,5L0,10z"/></marker></defs>'
    )
    height = top(max(box.row for box in BOXES.values())) + HEIGHT + 5
    return (
        f'<svg class="frlib-map" viewBox="0 0 {WIDTH} {height}" role="group" aria-label="A map of the chapters">{head}'
        f'<g class="frlib-map-arrows" aria-hidden="true">{"".join(map(path, arrows))}{questions}</g>'
        f"{''.join(drawn(name, titles[name], addresses[name]) for name in BOXES if name in addresses)}</svg>"
    )


class ConceptMap(BookDirective):
    """The map, and its arrows in words."""

    def html(self) -> str:
        """Return both."""
        pages = contents.chapters(self.source_folder)
        documents = {page.split("/")[-1]: page for page in pages if page in self.env.found_docs}
        titles = {name: pages[page] for name, page in documents.items()}
        uri = self.env.app.builder.get_relative_uri
        addresses = {name: uri(self.env.docname, page) for name, page in documents.items()}
        words = "".join(
            f"<li>{self.link(documents[a.source], titles[a.source])}: {escape(a.question)} "
            f"{self.link(documents[a.target], titles[a.target])}.</li>"
            for a in ARROWS
            if {a.source, a.target} <= set(documents)
        )
        return f"{svg(titles, addresses)}<details><summary>The map in words</summary><ul>{words}</ul></details>"


def setup(app):
    """Register the directive."""
    app.add_directive("concept-map", ConceptMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
