"""Photographs in a folder with one sub-folder per person."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from frlib.datasets.images import endings
from frlib.datasets.photographs import Photographs


def read_folder(path: str | os.PathLike, *, name: str = "") -> Photographs:
    """List the photographs in a folder that has a sub-folder for each person.

    All image files in a person's folder, and in folders below it, are of that person, in the order of their names.
    Names that begin with a dot are passed over. A link to a file is followed; one to a folder is not, since it can lead
    back, and neither is one that leads nowhere. What is left out is said in a warning: such links, files whose name
    does not end as that of an image that is read (see `frlib.datasets.images`), and files that lie beside the people.

    Parameters
    ----------
    path : path
    name : str
        Of the data set. Default: that of the folder.

    Raises
    ------
    ValueError
        If the path is no folder, or there are no photographs in it.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise ValueError(f"path must be a folder with one sub-folder per person; got {str(path)!r}, which is no folder")
    found, left_out = [], {}
    for file, reason in _files(folder):
        (left_out.setdefault(reason, []) if reason else found).append(file)
    for reason, files in left_out.items():
        of_many = f" and {len(files) - 1} more" if len(files) > 1 else ""
        warnings.warn(f"left out, {reason}: {files[0]}{of_many}", stacklevel=2)
    if not found:
        raise ValueError(f"path must be a folder with one sub-folder per person; {str(path)!r} has no photographs so")
    people = [file.relative_to(folder).parts[0] for file in found]
    return Photographs(found, people, name=name or folder.resolve().name)


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files below a folder in the order of their names, each with the reason for which it is left out."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if os.path.islink(os.path.join(place, name)):
                yield Path(place, name), "a link to a folder"
        for name in sorted(name for name in files if not name.startswith(".")):
            yield Path(place, name), _reason(Path(place, name), beside=Path(place) == folder)


def _reason(file: Path, beside: bool) -> str:
    if file.suffix.lower() not in endings():
        return "no image that is read"
    if beside:
        return "in no person's folder"
    return "" if file.is_file() else "a link to nothing"
