"""Files of a release of the book, taken in place of building them, where their checksums match.

``FRLIB_RELEASE`` names the release: a folder, or an https address below which its files lie. Its file ``SHA256SUMS``
says which content each of them has, as ``sha256sum`` writes it. Without the variable nothing is asked of anybody.
"""

import hashlib
import http.client
import os
import urllib.request
import warnings
from pathlib import Path
from typing import IO

from frlib.store import atomic_file

SUMS = "SHA256SUMS"
SECONDS = 30  # for an answer


def named() -> str:
    """Return the folder or address of the release; empty where none is named.

    Raises
    ------
    ValueError
        If ``FRLIB_RELEASE`` is an address without https, or no folder.
    """
    where = os.environ.get("FRLIB_RELEASE", "")
    if where and not where.startswith("https://") and not Path(where).expanduser().is_dir():
        raise ValueError(f"FRLIB_RELEASE must be a folder or an https address; got {where!r}")
    return where


def open_file(where: str, name: str) -> IO[bytes]:
    """Open a file of a release for reading."""
    if where.startswith("https://"):
        return urllib.request.urlopen(f"{where.rstrip('/')}/{name}", timeout=SECONDS)
    return open(Path(where).expanduser() / name, "rb")


def digest_of(where: str, name: str) -> str:
    """Return the sha256 that a file of a release must have.

    Raises
    ------
    OSError
        If the release cannot be read, or its list does not have the file.
    """
    with open_file(where, SUMS) as file:
        lines = file.read().decode(errors="replace").splitlines()
    for line in lines:
        digest, _, listed = line.partition(" ")
        if listed.lstrip(" *") == name:
            return digest
    raise OSError(f"{SUMS} of {where} does not list {name}")


def take(name: str, target: str | os.PathLike) -> bool:
    """Put a file of the release in its place, if the release has it with the content that it lists.

    Parameters
    ----------
    name : str
    target : path
        Nothing is there, or what was there stays, unless the whole file is in and verified.

    Returns
    -------
    bool
        Whether the file is in its place. A warning says why not where a release is named.

    Raises
    ------
    ValueError
        See `named`.
    """
    where = named()
    if not where:
        return False
    try:
        expected = digest_of(where, name)
        with atomic_file(target) as partial:
            copy(where, name, partial, expected)
    except (OSError, http.client.HTTPException) as error:
        warnings.warn(f"{name} is not taken from the release: {error}", stacklevel=2)
        return False
    return True


def copy(where: str, name: str, target: Path, expected: str) -> None:
    """Copy a file of a release, and verify it on the way.

    Raises
    ------
    OSError
        If it cannot be read, or has another sha256 than expected.
    """
    digest = hashlib.sha256()
    with open_file(where, name) as source, open(target, "wb") as file:
        while part := source.read(1 << 20):
            digest.update(part)
            file.write(part)
    if digest.hexdigest() != expected:
        raise OSError(f"{name} has sha256 {digest.hexdigest()}; {SUMS} of {where} lists {expected}")
