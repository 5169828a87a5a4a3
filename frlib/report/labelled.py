"""Embeddings and labels from files that a reader brings: ``embeddings.npy`` and ``labels.csv``.

The table of labels has one line per row of the matrix, in the same order, below a line with the names of the columns.

* ``identity``: who is on the image; required.
* ``curve``, ``varied``, ``step``: images of which one attribute was changed a little. A curve is one image, its centre,
  with its changed copies. ``curve`` names it; ``varied`` names the attribute that was changed, and is empty for the
  centre; ``step`` is -1 and 1 for less and more of it, and 0 for the centre. All three are empty for other images.
* Every other column is an attribute with two values: 1 and 0, 1 and -1, or true and false.
"""

import csv
import functools
import io
import math
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.clouds import Cloud
from frlib.report.remarks import Remark, on_far_rows, on_names

_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
CURVE_COLUMNS = ("curve", "varied", "step")
_STEPS = {"-1": -1, "-1.0": -1, "0": 0, "0.0": 0, "1": 1, "+1": 1, "1.0": 1}
_TRUE, _FALSE, _MINUS = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no"), ("-1", "-1.0")


@dataclass(frozen=True)
class Labelled:
    """Embeddings with what is known of the images.

    Parameters
    ----------
    embeddings : Tensor, shape (N, d)
    identities : ndarray of str, shape (N,)
    attributes : DataFrame of bool, N rows
        Perhaps without columns.
    curves : DataFrame, N rows
        ``curve`` and ``varied``, strings that may be empty; ``step``: -1, 0 or 1.
    source : str
        Name of the file of the embeddings.
    remarks : sequence of Remark
        What a reader should know of them.
    """

    embeddings: torch.Tensor
    identities: np.ndarray
    attributes: pd.DataFrame
    curves: pd.DataFrame
    source: str = "embeddings"
    remarks: Sequence[Remark] = ()

    @property
    def is_image(self) -> np.ndarray:
        """Whether a row is an image of its own: no changed copy of a centre."""
        return self.curves["step"].to_numpy() == 0

    @functools.cached_property
    def people(self) -> pd.Index:
        """The different identities, in the order of their first rows."""
        return pd.Index(pd.unique(self.identities), dtype=object)

    @functools.cached_property
    def numbers(self) -> np.ndarray:
        """The place of each row's identity among the `people`."""
        return self.people.get_indexer(self.identities)

    @functools.cached_property
    def _ends(self) -> pd.DataFrame:
        """One line per curve and attribute: the person's number, and the rows of centre, lower and upper end."""
        table = self.curves.assign(person=self.numbers, row=np.arange(len(self.curves)))
        changed = table[table["step"] != 0]
        # Attributes keep the order of their first appearance, curves are sorted by name.
        changed = changed.assign(order=changed.groupby(["person", "varied"], sort=False).ngroup())
        lower, upper = (changed[changed["step"] == step] for step in (-1, 1))
        ends = lower.merge(upper[["curve", "varied", "row"]], on=["curve", "varied"], suffixes=("", "_plus"))
        centers = table[(table["step"] == 0) & (table["curve"] != "")].set_index("curve")["row"]
        ends = ends.assign(center=ends["curve"].map(centers)).rename(columns={"row": "minus", "row_plus": "plus"})
        return ends.sort_values(["person", "order", "curve"], ignore_index=True)

    def clouds_of(self, identity: str, at_least: int, metric: str) -> dict[str, Cloud]:
        """Return the cloud of each attribute that is varied on enough curves of an identity."""
        number = self.people.get_loc(identity)
        own = self._ends.iloc[slice(*np.searchsorted(self._ends["person"], [number, number + 1]))]
        clouds = {}
        for attribute, rows in own.groupby("varied", sort=False):
            if len(rows) >= at_least:
                parts = [self.embeddings[rows[p].to_numpy(copy=True)] for p in ("center", "minus", "plus")]
                ends = ({attribute: part} for part in parts[1:])
                clouds[attribute] = Cloud(parts[0], *ends, metric, self.source, number)
        return clouds


def read(embeddings, labels, *, metric: str = "cosine", attributes: Sequence[str] | None = None) -> Labelled:
    """Read and check both files.

    Parameters
    ----------
    embeddings : path
        A matrix (N, d) of numbers, as ``numpy.save`` writes it. Pickled objects are refused.
    labels : path
        A table in UTF-8 with commas, see the head of this module.
    metric : {"cosine", "euclidean"}
    attributes : sequence of str, optional
        The columns to take as attributes; others are passed over. Default: all that have no other meaning.

    Raises
    ------
    ValueError
        If a file cannot be read as what it should be, or a value is not accepted. The message names line and column.
    OSError
        If a file is not there.
    """
    file = Path(embeddings).name
    matrix = checks.as_matrix(file, read_matrix(embeddings), metric=metric)
    name, table = Path(labels).name, read_table(labels)
    if len(table) != len(matrix):
        raise ValueError(
            f"{name} must have one line per row of {file}, {len(matrix)}, below the names of the columns; got "
            f"{len(table)}"
        )
    if "identity" not in table:
        raise ValueError(f"{name} must have a column 'identity'; it has {', '.join(map(repr, table.columns))}")
    empty = (table["identity"] == "").to_numpy()
    if empty.any():
        raise ValueError(f"{name}, {_place(empty, 'identity')}: an identity must not be empty")
    curves = check_curves(table, name)
    wanted = [c for c in table if c != "identity" and c not in CURVE_COLUMNS] if attributes is None else attributes
    columns = {column: two_values(table, column, name) for column in wanted}
    boolean = pd.DataFrame(columns, index=range(len(table)), dtype=bool)
    labelled = Labelled(matrix, table["identity"].to_numpy(object), boolean, curves, file)
    said = on_names(labelled.people, np.unique(labelled.numbers, return_index=True)[1])
    said += on_far_rows(matrix) if metric == "euclidean" else []
    return replace(labelled, remarks=said)


def read_matrix(path: str | os.PathLike) -> np.ndarray:
    """Return the matrix of a ``.npy`` file; never runs code from it.

    Raises
    ------
    ValueError
        If the file is another one, or holds Python objects.
    FileNotFoundError
        If it is not there.
    """
    path = _existing(path)
    try:
        _check_length(path)
        matrix = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} must be a matrix of numbers as numpy.save writes it; {error}") from error
    if not isinstance(matrix, np.ndarray):
        matrix.close()
        raise ValueError(f"{path.name} must hold one matrix of real numbers; got an archive of several arrays")
    return matrix


def _check_length(path: Path) -> None:
    """Raise before memory is asked for if a file holds less than its head says."""
    heads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with open(path, "rb") as file:
        if file.read(6) != np.lib.format.MAGIC_PREFIX:
            return
        file.seek(0)
        read_head = heads.get(np.lib.format.read_magic(file))
        if read_head is None:
            return
        shape, _, kind = read_head(file)
        wanted, found = math.prod(shape) * kind.itemsize, path.stat().st_size - file.tell()
    if wanted > found and not kind.hasobject:
        raise ValueError(f"its head says {wanted:,} bytes for shape {shape}, and {found:,} follow. Save it again")


def read_table(path: str | os.PathLike) -> pd.DataFrame:
    """Return a CSV file as a table of strings.

    Raises
    ------
    ValueError
        If it cannot be parsed, or two columns have one name.
    FileNotFoundError
        If it is not there.
    """
    path = _existing(path)
    try:
        reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
        lines = [[value.strip() for value in line] for line in reader]
    except csv.Error as error:
        raise ValueError(
            f"{path.name} must be a table in UTF-8, with commas between columns; line {reader.line_num}: {error}"
        ) from error
    while lines and not any(lines[-1]):  # empty lines at the end mean nothing
        lines.pop()
    if len(lines) < 2:
        raise ValueError(f"{path.name} must have the names of the columns and at least one line below them")
    head = lines[0]
    other = next((sign for sign in _OTHER_SEPARATORS if len(head) == 1 and sign in head[0]), None)
    if other:
        raise ValueError(
            f"{path.name} must have commas between columns, and its first line has {_OTHER_SEPARATORS[other]}: "
            f"{head[0][:80]!r}. Save it with commas"
        )
    ragged = next((k for k, line in enumerate(lines) if len(line) != len(head)), None)
    if ragged is not None:
        raise ValueError(f"{path.name} must have {len(head)} values in line {ragged + 1}; got {len(lines[ragged])}")
    twice = [column for column in head if head.count(column) > 1 or not column]
    if twice:
        raise ValueError(f"{path.name} must have columns of different names, not empty; got {twice[0]!r}")
    return pd.DataFrame(lines[1:], columns=head, dtype=object)


def _text(path: Path) -> str:
    """Return the text of a file in UTF-8, without the mark at its beginning."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path.name} must be a table in UTF-8, with commas between columns; in line {line} byte "
            f"0x{content[error.start]:02x} is not UTF-8 (Latin-1, UTF-16, or no text?). Save it as UTF-8"
        ) from error


def _existing(path: str | os.PathLike) -> Path:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    return path


def _place(wrong: np.ndarray, column: str, of: str = "the embeddings") -> str:
    """Return where the first wrong value stands; the first line holds the names of the columns."""
    row = int(np.argmax(wrong))
    return f"line {row + 2}" + (f" (row {row} of {of})" if of else "") + f", column {column!r}"


def two_values(table: pd.DataFrame, column: str, name: str, of: str = "the embeddings") -> np.ndarray:
    """Return a column of a table of strings as booleans.

    Parameters
    ----------
    table : DataFrame
        Of `read_table`.
    column : str
    name : str
        Of the file, for the message.
    of : str
        What the rows of the table are those of; empty where they are of nothing.

    Raises
    ------
    ValueError
        If there is no such column, or a value is none of those of an attribute.
    """
    if column not in table:
        raise ValueError(f"{name} must have a column {column!r}; it has {', '.join(map(repr, table.columns))}")
    codes, values = pd.factorize(table[column])  # few values, many lines
    words = pd.Series(values, dtype=object).str.lower()
    yes, no, minus = (words.isin(known).to_numpy()[codes] for known in (_TRUE, _FALSE, _MINUS))
    wrong = ~(yes | no | minus)
    if wrong.any():
        raise ValueError(
            f"{name}, {_place(wrong, column, of)}: an attribute must be 1 or 0, 1 or -1, true or false; got "
            f"{table[column][int(np.argmax(wrong))]!r}. If the column is no attribute, name those that are: "
            "--attributes"
        )
    if no.any() and minus.any():
        raise ValueError(f"{name}, {_place(minus, column, of)}: an attribute must not have both 0 and -1")
    return yes


def check_curves(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the three columns on curves, empty where the table has none.

    Raises
    ------
    ValueError
        If only some of the columns are there, a step is another number, or a curve is not complete.
    """
    given = [column for column in CURVE_COLUMNS if column in table]
    if not given:
        return no_curves(table.index)
    if len(given) < 3:
        raise ValueError(f"{name} must have all of the columns 'curve', 'varied' and 'step' or none; got {given}")
    known = table["step"].isin(_STEPS) | ((table["step"] == "") & (table["curve"] == ""))
    if not known.all():
        wrong = (~known).to_numpy()
        value = table["step"][int(np.argmax(wrong))]
        raise ValueError(f"{name}, {_place(wrong, 'step')}: a step must be -1, 0 or 1; got {value!r}")
    curves = table[["curve", "varied"]].assign(step=table["step"].map(_STEPS).fillna(0).astype(int))
    _check_rows(curves, name)
    _check_complete(curves, table["identity"], name)
    return curves


def no_curves(index: pd.Index) -> pd.DataFrame:
    """Return the three columns on curves for images that are all of their own."""
    return pd.DataFrame({"curve": "", "varied": "", "step": 0}, index=index)


def _check_rows(curves: pd.DataFrame, name: str) -> None:
    """Raise where the three columns of one line contradict each other."""
    outside = (curves["curve"] == "") & ((curves["varied"] != "") | (curves["step"] != 0))
    if outside.any():
        raise ValueError(f"{name}, {_place(outside.to_numpy(), 'curve')}: a changed image must name its curve")
    torn = (curves["varied"] == "") != (curves["step"] == 0)
    if torn.any():
        raise ValueError(
            f"{name}, {_place(torn.to_numpy(), 'varied')}: it must be empty where the step is 0, and only there"
        )


def _check_complete(curves: pd.DataFrame, identities: pd.Series, name: str) -> None:
    """Raise if a curve has several identities, not exactly one centre, an end twice, or one end only."""
    own = curves.assign(identity=identities)[curves["curve"] != ""]
    several = own.groupby("curve", sort=False)["identity"].nunique()
    if (several > 1).any():
        raise ValueError(f"{name}: a curve must have one identity; curve {several.idxmax()!r} has {several.max()}")
    centers = (own["step"] == 0).groupby(own["curve"], sort=False).sum()
    if (centers != 1).any():
        curve = (centers != 1).idxmax()
        raise ValueError(f"{name}: a curve must have one line with step 0; curve {curve!r} has {centers[curve]}")
    ends = own[own["step"] != 0]
    twice = ends.duplicated(["curve", "varied", "step"])
    if twice.any():
        row = int(twice.idxmax())
        raise ValueError(f"{name}, line {row + 2}: this step of this curve is there already")
    alone = ends.groupby(["curve", "varied"], sort=False).size()
    if (alone != 2).any():
        curve, varied = (alone != 2).idxmax()
        raise ValueError(f"{name}: curve {curve!r} must have both steps, -1 and 1, along {varied!r}; it has one")
