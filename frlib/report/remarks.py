"""What a reader should know of embeddings and labels that are accepted as they are, and may not be what was meant."""

import unicodedata
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import torch

from frlib.geometry import pairs

#: Names that often stand for people of whom the name is not known.
PLACEHOLDERS = {"none", "nan", "<na>", "na", "n/a", "nat", "null", "nil", "unknown", "-", "?"}
#: Remarks of one kind, or places in one remark, after which the others are only counted.
SHOWN = 5
PEOPLE_BY_NUMBER = (
    "People have numbers here, not names: from 0, in the order of the labels. The line is that of their first image."
)


@dataclass(frozen=True)
class Remark:
    """Something to know, for the page and for the one who makes it.

    Parameters
    ----------
    page : str
        Names nobody: the page may travel further than the labels.
    named : str
        The same with names.
    """

    page: str
    named: str


def on_names(names: Sequence[str], rows: Sequence[int]) -> list[Remark]:
    """Return remarks on people whose names are easily taken for one, or stand for no name.

    Parameters
    ----------
    names : sequence of str
        The different identities; their place is their number on the page.
    rows : sequence of int
        The first row of each.
    """
    groups: dict[Hashable, list[int]] = {}
    for number, name in enumerate(names):
        groups.setdefault(read_as(name), []).append(number)
    alike = [group for group in groups.values() if len(group) > 1]
    remarks = [_on_group(group, names, rows) for group in alike[:SHOWN]]
    if len(alike) > SHOWN:
        text = f"There are {len(alike) - SHOWN} more groups of people with names that read alike."
        remarks.append(Remark(text, text))
    for number, name in enumerate(names):
        if name.casefold() in PLACEHOLDERS:
            text = (
                f'The identity "{name}" (first in line {line_of(rows[number])}) is one person here. If it stands for '
                "people without a name, leave out these lines, or give every person a name."
            )
            remarks.append(Remark(text, text))
    return remarks


def read_as(name: str) -> Hashable:
    """Return what names share that a person would read as one: their value as numbers, or their letters."""
    try:
        number = Decimal(name if "_" not in name else "")
    except InvalidOperation:
        number = Decimal("nan")
    if number.is_finite():
        return number
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join("".join(c for c in plain if unicodedata.category(c) != "Cf").split())


def _on_group(group: Sequence[int], names: Sequence[str], rows: Sequence[int]) -> Remark:
    """Return the remark on people with names that read alike."""
    own = [names[number] for number in group]
    quoted = listed([f'"{name}"' for name in own])
    numbers = isinstance(read_as(own[0]), Decimal)
    if numbers:
        why = "are equal as numbers"
    elif len({unicodedata.normalize("NFC", name) for name in own}) == 1:
        why = "hold the same letters in different Unicode forms (NFC and NFD)"
    else:
        why = "differ only in case, spaces, or how letters are encoded"
    lines = "lines " + listed([line_of(rows[number]) for number in group])
    return Remark(
        f"People {listed(group)} ({lines}) are different people here, though their names {why}"
        + (f": {quoted}." if numbers else "."),
        f"identities {quoted} ({lines}) are different people here, though they {why}",
    )


def on_far_rows(embeddings: torch.Tensor) -> list[Remark]:
    """Return a remark on Euclidean rows that are absurdly far from all others, if there are any."""
    far = pairs.far_rows(embeddings).nonzero().flatten().tolist()
    if not far:
        return []
    away = pairs.from_typical_row(embeddings)
    text = (
        f"Far from all others: {listed([f'row {row} (line {line_of(row)})' for row in far])}. The first lies "
        f"{float(away[far[0]]):.2g} from a row of middle length, half of all rows within {float(away.median()):.2g}. "
        "Means of distances and histograms say nothing with such a row. Check it, or leave it out."
    )
    return [Remark(text, text)]


def line_of(row: int) -> int:
    """Return the line of the labels of a row; the first holds the names of the columns."""
    return int(row) + 2


def listed(words: Sequence) -> str:
    """Return words as a list in a sentence; of a long list its beginning and the number of the others."""
    words = [str(word) for word in words]
    if len(words) > SHOWN + 1:
        words = [*words[:SHOWN], f"{len(words) - SHOWN} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
