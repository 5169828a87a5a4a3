"""Photographs inside an archive, read without being unpacked.

A zip file is read where it lies. A tar file can only be read from front to back, so its files are copied once into a
zip file in the user's cache. Nothing is unpacked into a folder: no member can be written where it does not belong.
"""

import functools
import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from frlib import tarfiles
from frlib.datasets.images import UnreadableImage
from frlib.store import REMEDY, atomic_file, cache_folder, file_digest

#: Bytes of the largest member that is read: a small archive can hold a file that no memory does.
LARGEST_MEMBER = 200_000_000
#: Bytes that the images of a tar file may have together.
LARGEST_ARCHIVE = 50_000_000_000


@dataclass(frozen=True)
class Member:
    """A file in a zip file, with what `frlib.datasets.Photographs` asks of a path.

    Parameters
    ----------
    archive : Path
    member : str
        Name inside the archive, with slashes.
    """

    archive: Path
    member: str

    @property
    def name(self) -> str:
        """The last part of the name."""
        return self.parts[-1]

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders of the member, and its name."""
        return PurePosixPath(self.member).parts

    def __str__(self) -> str:
        return f"{self.archive}/{self.member}"

    def open(self, mode: str = "rb") -> io.BytesIO:
        """Return the content of the member, decompressed.

        Raises
        ------
        UnreadableImage
            If the archive or the member is gone or damaged, or the member is too large.
        """
        try:
            archive = opened(self.archive)
            size = archive.getinfo(self.member).file_size
            if size > LARGEST_MEMBER:
                raise UnreadableImage(f"{self} has {size:,} bytes; at most {LARGEST_MEMBER:,} are read")
            with archive.open(self.member) as file:
                return io.BytesIO(file.read(LARGEST_MEMBER))
        except UnreadableImage:
            raise
        # RuntimeError where a password is needed, KeyError where the archive was changed.
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError, ValueError) as error:
            raise UnreadableImage(f"{self} cannot be read: {error}") from error


def opened(archive: Path) -> zipfile.ZipFile:
    """Return an open zip file; its list of members is read once, and again if another file takes its place."""
    now = os.stat(archive)
    return _opened(archive, now.st_ino, now.st_mtime_ns, now.st_size)


@functools.lru_cache(maxsize=4)
def _opened(archive: Path, *_of_file: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(archive)


def is_archive(path: str | os.PathLike) -> bool:
    """Return whether a file has the name of an archive that is read."""
    return Path(path).is_file() and Path(path).name.lower().endswith((".zip", ".tar", ".tgz", ".tar.gz"))


def members(path: str | os.PathLike) -> list[Member]:
    """Return the files of an archive in the order of their names.

    Raises
    ------
    ValueError
        If the file is no archive, or a damaged one, or a member has a name that leads out of the archive.
    OSError
        If a tar file cannot be copied into the user's cache.
    """
    path = Path(path).resolve()
    try:
        archive = path if zipfile.is_zipfile(path) else _as_zip(path)
        names = [one.filename for one in opened(archive).infolist() if not one.is_dir()]
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise ValueError(f"path must be a zip or tar file; {str(path)!r} cannot be read as one: {error}") from error
    for name in names:
        checked_name(name, path)
    return [Member(archive, name) for name in sorted(names)]


def checked_name(name: str, archive: Path) -> str:
    """Return the name of a member.

    Raises
    ------
    ValueError
        If it leads out of the archive.
    """
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name:
        raise ValueError(f"path must be an archive whose members stay inside it; {str(archive)!r} has {name!r}")
    return name


def _as_zip(path: Path) -> Path:
    """Return a zip file, in the user's cache, with the files of a tar file."""
    target = cache_folder("archives") / f"{path.name.split('.')[0]}-{file_digest(path)[:20]}.zip"
    if zipfile.is_zipfile(target):  # a copy that was cut is made again
        return target
    try:
        with atomic_file(target) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as copy:
            for name, content in _files(path):
                copy.writestr(name, content)
    except OSError as error:
        raise OSError(f"{path} cannot be copied to {target}: {error}. {REMEDY} Or unpack it yourself.") from error
    return target


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the plain files in a tar file; links and devices are passed over."""
    total = 0
    with tarfiles.opened(path, "r|*") as archive:
        for member in archive:
            if member.isdir() or not member.isreg():
                continue
            total += member.size
            if member.size > LARGEST_MEMBER or total > LARGEST_ARCHIVE:
                raise ValueError(
                    f"path must be an archive of at most {LARGEST_ARCHIVE:,} bytes, each file of at most"
                    f" {LARGEST_MEMBER:,}; {str(path)!r} has more at {member.name!r}"
                )
            yield checked_name(member.name, path), archive.extractfile(member).read()
