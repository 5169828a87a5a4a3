"""Labeled Faces in the Wild: its images, and its protocol of ten folds of pairs."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from frlib import checks
from frlib.datasets.archives import Member, is_archive, members
from frlib.datasets.crops import embedded_rows
from frlib.datasets.photographs import Photographs
from frlib.geometry import displacement, fold_accuracies

#: Names with a dot in front are what macOS adds to archives.
NAMED = re.compile(r"(?P<person>[^.].*)_(?P<number>\d{4})\.jpg")


def read_lfw(path: str | os.PathLike) -> Photographs:
    """List the images of LFW, which are named ``NAME/NAME_0001.jpg``.

    Parameters
    ----------
    path : path
        A folder that holds them, or has one that does, or an archive; or such an archive itself, zip or tar, as it was
        published. Other files, such as the lists of pairs, are passed over.

    Raises
    ------
    ValueError
        If nothing of that kind is there, or an image bears the name of another person than its folder.
    """
    path = Path(path).expanduser()
    files = _images(path)
    if not files:
        raise ValueError(f"path must hold images named NAME/NAME_0001.jpg, as LFW has them; {str(path)!r} has none")
    for file in files:
        if NAMED.fullmatch(file.name)["person"] != file.parts[-2]:
            raise ValueError(f"path must hold images named NAME/NAME_0001.jpg, as LFW has them; got {file}")
    return Photographs(files, [file.parts[-2] for file in files], name="LFW")


def _images(path: Path) -> Sequence[Path | Member]:
    """Return the images below a path, in the order of their names."""
    if is_archive(path):
        return [member for member in members(path) if len(member.parts) > 1 and NAMED.fullmatch(member.name)]
    found = [file for file in sorted(path.glob("*/*.jpg")) if NAMED.fullmatch(file.name)]
    below = sorted(path.iterdir()) if path.is_dir() and not found else []
    return found or next((own for one in below if (one.is_dir() or is_archive(one)) and (own := _images(one))), [])


def read_pairs(path: str | os.PathLike, photographs: Photographs) -> pd.DataFrame:
    """Read a list of pairs, such as ``pairs.txt`` of LFW.

    The first line gives the number of folds and the number of matched pairs in each, which is also that of mismatched
    ones; or only the latter, for one fold. Then come, fold after fold, the matched pairs as ``NAME 1 2`` and the
    mismatched ones as ``NAME 1 OTHER 1``.

    Parameters
    ----------
    path : path
    photographs : Photographs
        Of `read_lfw`.

    Returns
    -------
    DataFrame, one row per pair
        ``fold``, from 0; ``first`` and ``second``, rows of the photographs; ``same``, whether they show one person.

    Raises
    ------
    ValueError
        If a line is not of this form, an image of it is not among the photographs, or the number of lines is not that
        of the first line. The message names the file and the line.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    counts = lines[0].split() if lines else []
    if len(counts) not in (1, 2) or not all(count.isdecimal() and int(count) > 0 for count in counts):
        raise ValueError(f"{path}, line 1: must give the number of folds and of matched pairs in each; got {counts}")
    folds, pairs = (1, *map(int, counts))[-2:]
    lines = [(number, line) for number, line in enumerate(lines[1:], 2) if line.strip()]
    if len(lines) != 2 * folds * pairs:
        raise ValueError(
            f"{path}, line 1: announces {folds} x 2 x {pairs} = {2 * folds * pairs} pairs; {len(lines)} lines follow"
        )
    rows = {path.name: row for row, path in enumerate(photographs.paths)}
    table = []
    for place, (number, line) in enumerate(lines):
        parts = line.split("\t") if "\t" in line else line.split()
        same = place % (2 * pairs) < pairs
        try:
            table.append((place // (2 * pairs), *_pair(parts, same, rows), same))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    return pd.DataFrame(table, columns=["fold", "first", "second", "same"])


def _pair(parts: Sequence[str], same: bool, rows: Mapping[str, int]) -> tuple[int, int]:
    """Return the rows of the two images of a line."""
    parts = [part.strip() for part in parts]
    if len(parts) != (3 if same else 4):
        wanted = "a matched pair, NAME 1 2" if same else "a mismatched pair, NAME 1 OTHER 1"
        raise ValueError(f"must be {wanted}; got {' '.join(parts)!r}")
    (first, one), (second, other) = parts[:2], parts[-2:] if not same else (parts[0], parts[2])
    names = []
    for person, number in ((first, one), (second, other)):
        if not number.isdecimal():
            raise ValueError(f"must give the number of an image of {person!r}; got {number!r}")
        names.append(f"{person}_{int(number):04d}.jpg")
        if names[-1] not in rows:
            raise ValueError(f"image {names[-1]!r} is not among the photographs")
    return rows[names[0]], rows[names[1]]


def pair_accuracy(clouds: Sequence, pairs: pd.DataFrame) -> pd.Series:
    """Measure verification by the protocol of LFW: see `frlib.geometry.fold_accuracies`.

    Parameters
    ----------
    clouds : sequence of Cloud
        Of one network, from `Crops` of these photographs.
    pairs : DataFrame
        Of `read_pairs`, at least two folds.

    Returns
    -------
    Series
        ``accuracy``, the mean over the folds; ``standard_error`` of that mean; ``missing``, the share of the pairs of
        which an image has no embedding, because no face was found on it: they are left out.

    Raises
    ------
    ValueError
        If columns are missing, or a fold is left without pairs of one kind.
    """
    checks.columns("pairs", pairs, ["fold", "first", "second", "same"])
    places, points = embedded_rows(clouds)
    place_of = pd.Series(np.arange(len(places)), index=places)
    known = pairs[pairs["first"].isin(places) & pairs["second"].isin(places)]
    first, second = (points[place_of[known[end]].tolist()] for end in ("first", "second"))
    distances = displacement(first, second, metric=clouds[0].metric).cpu().numpy()
    accuracies = fold_accuracies(distances, known["same"], known["fold"])
    error = float(accuracies.std(ddof=1) / np.sqrt(len(accuracies)))
    missing = 1 - len(known) / len(pairs)
    return pd.Series({"accuracy": float(accuracies.mean()), "standard_error": error, "missing": missing})
