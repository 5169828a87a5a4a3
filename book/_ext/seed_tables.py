"""The directive ``seed-table``, whose argument names what it shows: ``functions``, ``generators`` or ``chapters``."""

from collections.abc import Iterable
from html import escape

from frbook import BookDirective, table

from book import seeds


class SeedTable(BookDirective):
    """Where seeds are taken, what they are made of, or what chapters give; read from the code."""

    required_arguments = 1

    def html(self) -> str:
        """Return the table."""
        for path in (*seeds.library(), *(seeds.ROOT / "notebooks").glob("*.py")):
            self.env.note_dependency(str(path))
        return {"functions": functions, "generators": generators, "chapters": chapters}[self.arguments[0]]()


def code(text: str) -> str:
    """Return code as HTML."""
    return f"<code>{escape(text)}</code>"


def placed(row: seeds.Row) -> list[str]:
    """Return function and module of a row."""
    module = row.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return [code(row.name), code(module)]


def rows_of(found: Iterable[seeds.Row]) -> list[list[str]]:
    """Return name, module and text of each row, once."""
    return [list(cells) for cells in dict.fromkeys((*placed(row), code(row.text)) for row in found)]


def functions() -> str:
    """Return the functions that take a seed, and what they say of it."""
    rows = [[*placed(row), escape(row.text.replace("`", "")) or "Its draw."] for row in seeds.takers()]
    return table(f"{len(rows)} functions and classes take a seed.", ["Name", "Module", "What the seed is for"], rows)


def generators() -> str:
    """Return the generators of the library, and what their seeds are made of."""
    rows = rows_of(seeds.generators(seeds.library()))
    return table(f"{len(rows)} generators are made or set.", ["In", "Module", "Seeded with"], rows)


def chapters() -> str:
    """Return what the chapters seed with."""
    rows = [
        [escape(row.file.split("/")[-1].removesuffix(".py")), code(row.name), code(row.text)]
        for row in seeds.chapters()
    ]
    return table(f"{len(rows)} calls of the chapters, each once.", ["Chapter", "Call", "Seed"], rows)


def setup(app):
    """Register the directive."""
    app.setup_extension("frbook")
    app.add_directive("seed-table", SeedTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
