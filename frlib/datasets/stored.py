"""Which data sets lie in the reader's cache."""

import functools
from collections.abc import Callable

from frlib.datasets.celeba import read_celeba
from frlib.datasets.folders import read_folder
from frlib.datasets.lfw import read_lfw
from frlib.datasets.photographs import Photographs
from frlib.store import cache_folder

#: How to read what has a name that begins like this; everything else is a folder with a sub-folder per person.
READERS = {"lfw": read_lfw, "celeba": read_celeba}


def stored() -> dict[str, Callable[[], Photographs]]:
    """Return how to read each data set in the folder ``photographs`` of the reader's cache, by name; none is read.

    Each entry of that folder is one, or a link to one: LFW and CelebA where its name begins so, in whatever case, and
    otherwise a folder with a sub-folder per person.
    """
    folder, found = cache_folder("photographs"), {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        read = next((own for start, own in READERS.items() if path.name.lower().startswith(start)), read_folder)
        if not path.name.startswith(".") and (path.is_dir() or read is not read_folder):
            found[path.name] = functools.partial(read, path)
    return found


def read_stored() -> tuple[dict[str, Photographs], dict[str, str]]:
    """Read each data set in the folder ``photographs`` of the reader's cache.

    Returns
    -------
    dict of name to Photographs
        Those that can be read.
    dict of name to str
        Why the others cannot.
    """
    found, reasons = {}, {}
    for name, read in stored().items():
        try:
            found[name] = read()
        except (OSError, ValueError) as error:
            reasons[name] = str(error).replace(str(cache_folder("photographs")), "photographs")
    return found, reasons
