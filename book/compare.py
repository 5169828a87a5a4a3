"""``python -m book.compare A B``: whether two builds, folders such as ``_build/smoke``, have the same results.

What the cells of the executed notebooks leave is compared: tables, named numbers of the prose, verdicts, the data of
charts and widgets, and what is printed. Two numbers agree if they differ by at most 1e-6 of the scale, which is the
largest magnitude in their column in both builds; in a text with several numbers, each is a column of its own. A number
that is shown rounded may also differ by one in its last digit if that digit is at most 1e-4 of the scale, because the
numbers behind it may still agree. Whole numbers and words must be equal. Pictures, times, dates and versions are left
out, and so are the benchmarks.
"""

import argparse
import base64
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bs4 import BeautifulSoup

from book._ext import downloads
from frlib.view import static
from frlib.view.say import PREFIX
from frlib.view.verdict import MIME

WITHIN = 1e-6  # of the scale
LAST_DIGIT = 1e-4  # of the scale: so fine must a last digit be that may differ by one
NUMBER = re.compile(r"(?<![\w.])[-\u2212+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?!\w)")
#: A name that holds one of these words is that of a time, a date or a version.
TIMES = re.compile(r"(?<![a-z])(?:seconds?|minutes?|hours?|ms|time|date|started|processor|versions?)(?![a-z])", re.I)
#: Places in memory, dates, and pictures in a text.
LEFT_OUT = re.compile(r"\bat 0x[0-9a-f]+|\b\d{4}-\d\d-\d\d(?:[T ][\d:.]+)?|data:image/[\w+]+;base64,[\w+/=]+")
DATASET = re.compile(r"data-[0-9a-f]{8,}")  # Altair names data by their content
PACKED = {"type", "shape", "scale", "data"}  # of `frlib.view.static.pack`


@dataclass(frozen=True)
class Column:
    """Texts, one below the other: the words of each, and the numbers between the words.

    ``row`` and ``place`` say where a number stands, ``digit`` is the unit of its last digit, 0 for a whole number, and
    ``limit`` the part of the scale up to which it counts.
    """

    words: Sequence[str]
    number: np.ndarray
    digit: np.ndarray
    row: np.ndarray
    place: np.ndarray
    limit: float = LAST_DIGIT

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Column":
        """Read the numbers in texts."""
        texts = [LEFT_OUT.sub("...", text) for text in texts]
        found = [(i, k, m[0]) for i, text in enumerate(texts) for k, m in enumerate(NUMBER.finditer(text))]
        row, place, shown = zip(*found, strict=True) if found else ((), (), ())
        number = np.array([float(n.replace("\u2212", "-")) for n in shown])
        digit = np.array([last_digit(n) for n in shown])
        return cls([NUMBER.sub("#", text) for text in texts], number, digit, np.array(row, int), np.array(place, int))

    @classmethod
    def packed(cls, packed: Mapping) -> "Column":
        """Read what `frlib.view.static.pack` rounded to whole numbers, each of which may as well be the next one."""
        kind = np.dtype(packed["type"]).newbyteorder("<")
        number = np.frombuffer(base64.b64decode(packed["data"]), kind).astype(float)
        row = np.arange(len(number))
        return cls([str(packed["shape"])], number, np.ones(len(number)), row, np.zeros_like(row), limit=1.0)


def last_digit(number: str) -> float:
    """Return the unit of the last digit of a number as it is shown; 0 if it is whole."""
    mantissa, _, exponent = number.lower().partition("e")
    if "." not in mantissa and not exponent:
        return 0.0
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


# ------------------------------------------------------------------------------------------------- what a cell leaves


def columns_of(cell: Mapping) -> dict[str, Column]:
    """Return what a cell of an executed notebook shows, by name."""
    found: dict[str, Column] = {}
    for output in cell.get("outputs", ()):
        for name, column in columns_of_output(output):
            while name in found:
                name += " (again)"
            if not TIMES.search(name):
                found[name] = column
    return found


def columns_of_output(output: Mapping) -> Iterator[tuple[str, Column]]:
    """Yield name and column of what one output shows; an output has several forms, and the most exact one counts."""
    data = {
        kind: "".join(value) if isinstance(value, list) else value for kind, value in output.get("data", {}).items()
    }
    if output["output_type"] == "stream":
        if output["name"] == "stdout":  # progress bars are on the other
            yield "what is printed", Column.of("".join(output["text"]).splitlines())
    elif recorded := [value for kind, value in data.items() if kind.startswith(PREFIX)]:
        yield f"number {output['metadata']['scrapbook']['name']}", Column.of(recorded)
    elif MIME in data:
        yield from columns_of_data(f"verdict {data[MIME]['claim']}", data[MIME])
    elif placed := static.read_placed(data.get("text/html", "")):
        yield from columns_of_data(placed.kind, with_counted_data(placed.data))
    elif "text/html" in data:
        yield from columns_of_html(data["text/html"])
    elif "text/plain" in data and not any(kind.startswith("image/") for kind in data):
        yield "result", Column.of(data["text/plain"].splitlines())


def columns_of_html(html: str) -> Iterator[tuple[str, Column]]:
    """Yield the columns of the tables in HTML, named by their first row, and the text around them."""
    for head, *rows in filter(None, downloads.tables_of(html)):
        for k, name in enumerate(head):
            yield f"column {name}" if name else f"column {k + 1}", Column.of([row[k] for row in rows])
    page = BeautifulSoup(html, "html.parser")
    for part in page.select("table:not(.frlib-grid), style, script"):
        part.decompose()
    if text := page.get_text(" ", strip=True):
        yield "text", Column.of([text])


def columns_of_data(name: str, data) -> Iterator[tuple[str, Column]]:
    """Yield the columns of nested data; the members of a list stand one below the other."""
    found: dict[str, list] = {}
    for path, leaf in leaves(name, data):
        found.setdefault(path, []).append(leaf)
    for path, values in found.items():
        if isinstance(values[0], dict):
            yield from ((f"{path} (part {k + 1})", Column.packed(value)) for k, value in enumerate(values))
        else:
            yield path, Column.of(values)


def leaves(path: str, data) -> Iterator[tuple[str, str | Mapping]]:
    """Yield path and value of what is no list and no mapping, or is an array that was packed."""
    if isinstance(data, Mapping) and data.keys() != PACKED:
        for key, value in data.items():
            yield from leaves(f"{path}.{key}", value)
    elif isinstance(data, list):
        for value in data:
            yield from leaves(path, value)
    else:
        yield path, data if isinstance(data, Mapping | str) else json.dumps(data)


def with_counted_data(chart: Mapping) -> dict:
    """Return a chart whose data are counted in the order in which they are used: their names change with a digit."""
    used = DATASET.findall(json.dumps({key: value for key, value in chart.items() if key != "datasets"}))
    numbers = {name: f"data {k + 1}" for k, name in enumerate(dict.fromkeys(used))}
    return json.loads(DATASET.sub(lambda name: numbers.get(name[0], name[0]), json.dumps(chart)))


# --------------------------------------------------------------------------------------------------------- differences


@dataclass(frozen=True)
class Difference:
    """Where two builds differ, and how."""

    chapter: str
    cell: int
    column: str
    what: str

    def __str__(self) -> str:
        place = f", cell {self.cell}" if self.cell else ""
        return f"{self.chapter}{place}{self.column and ', '}{self.column}: {self.what}"


@dataclass
class Counts:
    """How much was compared, and how many numbers differ only in the last digit that is shown."""

    columns: int = 0
    numbers: int = 0
    rounded: int = 0


def difference(a: Column, b: Column, counts: Counts) -> str:
    """Return in words how two columns differ; empty if they agree."""
    counts.columns += 1
    counts.numbers += len(a.number)
    if len(a.words) != len(b.words):
        return f"{len(a.words)} rows against {len(b.words)}"
    if other := [i for i, (one, two) in enumerate(zip(a.words, b.words, strict=True)) if one != two]:
        i = other[0]
        return (
            f"words differ in {len(other)} of {len(a.words)} rows, first {a.words[i]!r:.80} against {b.words[i]!r:.80}"
        )
    if len(a.number) != len(b.number):
        return f"{len(a.number)} numbers against {len(b.number)}"
    if not len(a.number):
        return ""
    scale = np.zeros(1 + a.place.max())
    np.maximum.at(scale, a.place, np.maximum(abs(a.number), abs(b.number)))
    scale = scale[a.place]
    apart, digit = abs(a.number - b.number), np.maximum(a.digit, b.digit)
    agree = apart <= WITHIN * scale
    # The digit is a little longer than its text: 0.3 - 0.2 is more than 0.1 by one rounding.
    rounded = ~agree & (digit <= max(a.limit, b.limit) * scale) & (apart <= 1.001 * digit)
    counts.rounded += rounded.sum()
    return in_words(a, b, apart, scale, ~agree & ~rounded)


def in_words(a: Column, b: Column, apart: np.ndarray, scale: np.ndarray, differs: np.ndarray) -> str:
    """Say how many numbers differ and which differs most; empty if none does."""
    if not differs.any():
        return ""
    ratio = np.divide(apart, scale, out=np.zeros_like(apart), where=differs)
    k = ratio.argmax()
    most = f"most in row {a.row[k] + 1}, {a.number[k]:.12g} against {b.number[k]:.12g}"
    return f"{differs.sum()} of {len(differs)} numbers differ, {most}, by {ratio[k]:.1e} of the scale"


def compare_chapters(name: str, a: Mapping, b: Mapping, counts: Counts) -> Iterator[Difference]:
    """Yield the differences between two executed notebooks of a chapter."""
    cells = [[cell for cell in notebook["cells"] if cell["cell_type"] == "code"] for notebook in (a, b)]
    if len(cells[0]) != len(cells[1]):
        yield Difference(name, 0, "", f"{len(cells[0])} cells with code against {len(cells[1])}; not compared")
        return
    for place, (one, two) in enumerate(zip(*cells, strict=True), 1):
        if "".join(one["source"]) != "".join(two["source"]):
            yield Difference(name, place, "", "the code differs")
        left, right = columns_of(one), columns_of(two)
        for column in sorted(left.keys() ^ right.keys()):
            yield Difference(name, place, column, f"only in the {'first' if column in left else 'second'} build")
        for column in (c for c in left if c in right):
            if what := difference(left[column], right[column], counts):
                yield Difference(name, place, column, what)


def compare(a: Path, b: Path, counts: Counts) -> Iterator[Difference]:
    """Yield the differences between two builds, chapter by chapter."""
    names = [{path.stem for path in folder.glob("notebooks/*.ipynb")} for folder in (a, b)]
    for folder, found in zip((a, b), names, strict=True):
        if not found:
            raise ValueError(f"{folder} must be the folder of a build, with executed notebooks/*.ipynb; it has none")
    for name in sorted(names[0] | names[1]):
        if name in names[0] & names[1]:
            read = (json.loads((folder / f"notebooks/{name}.ipynb").read_text(encoding="utf-8")) for folder in (a, b))
            yield from compare_chapters(name, *read, counts)
        else:
            yield Difference(name, 0, "", f"only in the {'first' if name in names[0] else 'second'} build")


def main(arguments: list[str] | None = None) -> int:
    """Print the differences and a total; return 0 if there are none."""
    parser = argparse.ArgumentParser(prog="python -m book.compare", description=__doc__.partition("\n\n")[0])
    parser.add_argument("builds", nargs=2, type=Path, metavar="FOLDER", help="such as _build/smoke")
    options, counts, found = parser.parse_args(arguments), Counts(), 0
    try:
        for found, one in enumerate(compare(*options.builds, counts), 1):  # noqa: B007
            print(one, flush=True)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    said = f"{counts.columns} columns with {counts.numbers} numbers were compared: {found} differences"
    print(f"{said}, and {counts.rounded} numbers on the other side of a rounding.")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
