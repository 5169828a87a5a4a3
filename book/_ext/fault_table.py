"""The Sphinx extension of the page "Faults, planted on purpose".

``fault-count``
    How many faults this build planted and how they ended, in a sentence.
``fault-table``
    A table of the faults of each kind: what is planted, what happened before, and what happens now.
"""

from collections import Counter
from html import escape

from frbook import BookDirective, read_json, table

#: How an outcome of `tests.faults` is said and coloured; those of the last two are no results.
WORDS = {
    "survived": ("survived", "yes"),
    "refused": ("refused", "yes"),
    "failed": ("not held", "no"),
    "weekly": ("weekly", "untested"),
    "not planted": ("not planted", "untested"),
}


class FaultDirective(BookDirective):
    """A directive that shows what the step of the faults wrote."""

    def faults(self) -> list[dict]:
        """Return the rows that the build left; the page is read again when they change."""
        self.env.note_dependency("book/faults.json")
        return read_json(self.source_folder / "book/faults.json", [])


class FaultCount(FaultDirective):
    """How many faults there are, and how many held."""

    def html(self) -> str:
        """Return a sentence."""
        rows = self.faults()
        if not rows:
            return "<p>No fault was planted for this build of the site.</p>"
        counts = Counter(WORDS[row["held"]][0] for row in rows)
        said = ", ".join(f"{counts[word]} {word}" for word, _ in WORDS.values() if counts[word])
        return f"<p><strong>{len(rows)} faults: {said}.</strong></p>"


class FaultTable(FaultDirective):
    """The faults, kind by kind."""

    def html(self) -> str:
        """Return one table per kind."""
        rows = self.faults()
        return "".join(self.of_kind(kind, rows) for kind in dict.fromkeys(row["kind"] for row in rows))

    def of_kind(self, kind: str, rows: list[dict]) -> str:
        """Return the table of one kind."""
        lines = []
        for row in (row for row in rows if row["kind"] == kind):
            word, tone = WORDS[row["held"]]
            now = f'<span class="frlib-word frlib-word-{tone}">{word}</span><br>{escape(row["now"])}'
            lines.append([escape(row["planted"]), escape(row["before"]), now])
        return table(f"{kind}.", ["Planted", "Before", "Now"], lines)


def setup(app):
    """Register the directives."""
    app.add_directive("fault-count", FaultCount)
    app.add_directive("fault-table", FaultTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
