"""CelebA: its images, the people on them, and its forty attributes."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from frlib.datasets.archives import Member, is_archive, members
from frlib.datasets.photographs import Photographs

ATTRIBUTES_FILE, IDENTITIES_FILE = "list_attr_celeba.txt", "identity_CelebA.txt"
#: Where images are looked for, in this order: folders, or archives of these names.
IMAGES = ("img_celeba", "img_align_celeba")


def read_celeba(path: str | os.PathLike, images: str | os.PathLike | None = None) -> Photographs:
    """List the images of CelebA with their identities and attributes.

    Parameters
    ----------
    path : path
        A folder with ``list_attr_celeba.txt`` and ``identity_CelebA.txt`` as they were published, in it or below it.
    images : path, optional
        A folder or archive of the images. Default: ``img_celeba``, which shows whole photographs, or else
        ``img_align_celeba``, in which the authors placed the eyes; a folder or an archive in the given folder or below.

    Returns
    -------
    Photographs
        In the order of ``identity_CelebA.txt``.

    Raises
    ------
    FileNotFoundError
        If a list or the images are not there, or a listed image is not among them.
    ValueError
        If a list is not as published. Both kinds of errors name the file and the line.
    """
    folder = Path(path).expanduser()
    attribute_list, identity_list = (_below(folder, name) for name in (ATTRIBUTES_FILE, IDENTITIES_FILE))
    attributes = read_attributes(attribute_list)
    identities = read_identities(identity_list)
    found = _images(_images_below(folder) if images is None else Path(images).expanduser())
    files = []
    for line, name in enumerate(identities.index, 1):
        where = f"{identity_list}, line {line}"
        if name not in found:
            raise FileNotFoundError(f"{where}: image {name!r} is not among the images")
        if name not in attributes.index:
            raise ValueError(f"{where}: image {name!r} is not in {attribute_list}")
        files.append(found[name])
    return Photographs(files, identities.tolist(), attributes.loc[identities.index], name="CelebA")


def read_attributes(path: str | os.PathLike) -> pd.DataFrame:
    """Read ``list_attr_celeba.txt``: the number of images, the names of the attributes, and a line per image.

    Returns
    -------
    DataFrame of bool
        Indexed by the name of the image: 1 is true, -1 false.

    Raises
    ------
    ValueError
        If a line is not as published; the message names the file and the line.
    """
    lines = list(_lines(path))
    if len(lines) < 2 or len(lines[0]) != 1 or not lines[0][0].isdecimal():
        got = " ".join(lines[0]) if lines else ""
        raise ValueError(f"{path}, line 1: must be the number of images; got {got!r:.40}")
    header, rows = lines[1], lines[2:]
    if len(rows) != int(lines[0][0]):
        raise ValueError(f"{path}, line 1: announces {lines[0][0]} images; {len(rows)} lines follow the header")
    if len(set(header)) < len(header):
        raise ValueError(f"{path}, line 2: must name different attributes; got {' '.join(header)!r:.200}")
    for number, parts in enumerate(rows, 3):
        if len(parts) != len(header) + 1:
            raise ValueError(f"{path}, line {number}: must have {len(header)} values; got {len(parts) - 1}")
        unknown = set(parts[1:]) - {"-1", "1"}
        if unknown:
            raise ValueError(f"{path}, line {number}: values must be 1 or -1; got {min(unknown)!r}")
    _check_names([parts[0] for parts in rows], path, 3)
    values = np.array([parts[1:] for parts in rows]).reshape(len(rows), len(header)) == "1"
    return pd.DataFrame(values, index=[parts[0] for parts in rows], columns=header)


def read_identities(path: str | os.PathLike) -> pd.Series:
    """Read ``identity_CelebA.txt``: on each line an image and the number of the person on it.

    Returns
    -------
    Series of str
        Indexed by the name of the image.

    Raises
    ------
    ValueError
        If a line is not as published; the message names the file and the line.
    """
    lines = list(_lines(path))
    for number, parts in enumerate(lines, 1):
        if len(parts) != 2 or not parts[1].isdecimal():
            raise ValueError(
                f"{path}, line {number}: must be an image and the number of a person; got {' '.join(parts)!r}"
            )
    _check_names([name for name, _ in lines], path, 1)
    return pd.Series([person for _, person in lines], index=[name for name, _ in lines], dtype=object)


def _lines(path: str | os.PathLike) -> Iterator[list[str]]:
    """Yield the words of each line; empty lines at the end do not count."""
    for line in Path(path).read_text(encoding="utf-8").rstrip().splitlines():
        yield line.split()


def _check_names(names: Sequence[str], path: str | os.PathLike, first: int) -> None:
    """Raise unless names of images differ and are plain ones; the first stands on line ``first``."""
    seen = {}
    for number, name in enumerate(names, first):
        if "/" in name or "\\" in name or name in (".", ".."):
            raise ValueError(f"{path}, line {number}: must begin with the name of an image; got {name!r}")
        if name in seen:
            raise ValueError(f"{path}, line {number}: image {name!r} is on line {seen[name]} already")
        seen[name] = number


def _below(folder: Path, name: str) -> Path:
    """Return a file in a folder or below it."""
    found = sorted(folder.rglob(name), key=lambda path: (len(path.parts), path))
    if not found:
        raise FileNotFoundError(f"{folder} has no file {name!r}, nor has a folder below it")
    return found[0]


def _images_below(folder: Path) -> Path:
    """Return the folder or the archive of the images."""
    for name in IMAGES:
        below = sorted(folder.rglob(f"{name}*"), key=lambda path: (len(path.parts), path))
        for path in below:
            if (path.is_dir() and path.name == name) or is_archive(path):
                return path
    raise FileNotFoundError(f"{folder} has no folder or archive {' or '.join(map(repr, IMAGES))}, nor has one below it")


def _images(path: Path) -> dict[str, Path | Member]:
    """Return the files in a folder or an archive by name."""
    files = members(path) if is_archive(path) else [file for file in sorted(path.rglob("*")) if file.is_file()]
    return {file.name: file for file in files}
