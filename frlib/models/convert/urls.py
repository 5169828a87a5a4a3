"""Files at plain addresses: streamed, verified, and kept in the user's cache.

A file is used only if its sha256 is known: from the one who publishes it, or from the user where nobody does. A file
that the user has already is copied instead of fetched, and its sha256 is noted.
"""

import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tqdm.auto import tqdm

from frlib.models.convert import patience
from frlib.models.convert.packages import ChecksumError, DownloadError
from frlib.store import REMEDY, atomic_file, cache_folder, can_be_written, file_digest, remove_leftovers

#: Bytes that are read at once.
PIECE = 1 << 20
DIGEST = re.compile("[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class WebFile:
    """A file at an address.

    Parameters
    ----------
    url : str
    published : str, optional
        The sha256 that it must have; None where no source of it is known, and the user must give one.
    bytes : int, optional
        Its size, where it is known.
    """

    url: str
    published: str | None = None
    bytes: int | None = None

    @property
    def source(self) -> str:
        """Where it comes from."""
        return self.url

    @property
    def path(self) -> str:
        """Its name."""
        return Path(urlsplit(self.url).path).name

    @property
    def local(self) -> Path:
        """Where it is kept; the name begins with what tells files of one name at different addresses apart."""
        return (
            cache_folder("downloads", "addresses") / f"{hashlib.sha256(self.url.encode()).hexdigest()[:8]}-{self.path}"
        )

    @property
    def note(self) -> Path:
        """Where the sha256 is noted that the user gave."""
        return self.local.with_name(f"{self.local.name}.sha256")

    @property
    def sha256(self) -> str | None:
        """The sha256 that it must have, published or noted."""
        if self.published or not os.path.exists(self.note):
            return self.published
        noted = self.note.read_text(errors="replace").strip()
        return noted if DIGEST.fullmatch(noted) else None  # a damaged note is none

    def is_kept(self) -> bool:
        """Return whether the file is kept and has the right content."""
        wanted = self.sha256
        return wanted is not None and os.path.exists(self.local) and file_digest(self.local) == wanted


def fetch(
    file: WebFile, *, sha256: str | None = None, given: str | os.PathLike | None = None, progress: bool = True
) -> int:
    """Make sure that a file is kept; download it, or copy the one that the user has.

    Parameters
    ----------
    file : WebFile
    sha256 : str, optional
        The sha256 that it must have, where none is published.
    given : path, optional
        The file itself, if it is here already.
    progress : bool
        Show a bar.

    Returns
    -------
    int
        Bytes downloaded.

    Raises
    ------
    DownloadError
        If it cannot be fetched whole.
    OSError
        If its content is not that of the sha256, or the cache cannot be written. Nothing is kept then.
    ValueError
        If no sha256 is known, or the one that is given is malformed or contradicts the published one.
    """
    wanted = wanted_digest(file, sha256, given)
    folder = file.local.parent
    if file.is_kept() and file.sha256 == wanted:
        return 0
    if not can_be_written(folder):
        raise OSError(f"networks cannot be fetched, because {folder} cannot be written. {REMEDY}")
    with patience.locked(folder / ".lock", f"fetches a network into {folder}"):  # one download for both
        remove_leftovers(folder, age=0)
        if os.path.exists(file.local) and file_digest(file.local) == wanted:
            downloaded = 0
        else:
            with atomic_file(file.local) as partial:
                downloaded = download(file, partial, progress) if given is None else copied(given, partial)
                verify(file, partial, wanted, given)
        if file.published is None:
            with atomic_file(file.note) as partial:
                partial.write_text(wanted)
    return downloaded


def wanted_digest(file: WebFile, sha256: str | None, given: str | os.PathLike | None) -> str:
    """Return the sha256 that a file must have.

    Raises
    ------
    ValueError
        If it is not known, malformed, or contradicts the published one; or if the given file is not there.
    """
    if given is not None and not Path(given).is_file():
        raise ValueError(f"file must name the downloaded {file.path}; there is none at {given}")
    if sha256 is not None and not DIGEST.fullmatch(sha256):
        raise ValueError(f"sha256 must be 64 hexadecimal digits; got {sha256!r}")
    asked = sha256 and sha256.lower()
    if file.published and asked not in (None, file.published):
        raise ValueError(f"sha256 must be {file.published}, which is published for {file.path}; got {sha256}")
    known = file.published or asked or (file_digest(given) if given is not None else file.sha256)
    if known is None:
        raise ValueError(
            f"sha256 must be given for {file.path}, because none is published for {file.url}: "
            "python -m frlib.models NAME --sha256 HEX with one that you trust, or --file FILE with a trusted download"
        )
    return known


def copied(given: str | os.PathLike, partial: Path) -> int:
    """Copy the user's own file, and return the bytes downloaded: none."""
    shutil.copyfile(given, partial)
    return 0


def download(file: WebFile, partial: Path, progress: bool) -> int:
    """Write what an address sends into a file, piece by piece, and return the number of bytes.

    Raises
    ------
    DownloadError
        If there is no network or no such address, the server falls silent or breaks off, or sends a web page.
    """
    request = urllib.request.Request(file.url, headers={"User-Agent": "frlib"})
    try:
        with urllib.request.urlopen(request, timeout=patience.PATIENCE) as answer, open(partial, "wb") as target:
            whole = int(answer.headers.get("Content-Length") or 0)
            if answer.headers.get_content_type() == "text/html":
                raise failure(
                    file, "it answered with a web page in place of the file: a sign-in page or a proxy, perhaps"
                )
            bar = tqdm(total=whole or file.bytes, desc=file.path, unit="B", unit_scale=True, disable=not progress)
            with bar:
                while piece := answer.read(PIECE):
                    target.write(piece)
                    bar.update(len(piece))
    except urllib.error.HTTPError as error:
        raise failure(file, f"it answered {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise failure(file, f"it sent nothing for {patience.PATIENCE} seconds") from error
    except (urllib.error.URLError, http.client.HTTPException, ConnectionResetError) as error:
        raise failure(file, str(getattr(error, "reason", error)) or type(error).__name__) from error
    received = partial.stat().st_size
    if whole and received != whole:
        raise failure(file, f"it broke off after {received:,} of {whole:,} bytes")
    return received


def failure(file: WebFile, reason: str) -> DownloadError:
    """Return the error of a download, with what can be done."""
    return DownloadError(
        f"could not fetch {file.path} from {file.url}: {reason}. Nothing of it was kept. Check the network connection "
        "and run again; or download it by other means and give the file: python -m frlib.models NAME --file FILE"
    )


def verify(file: WebFile, partial: Path, wanted: str, given: str | os.PathLike | None) -> None:
    """Raise unless a file has the content that is expected.

    Raises
    ------
    ChecksumError
        If it has not.
    """
    found = file_digest(partial)
    if found == wanted:
        return
    again = "Run again; if the message returns, the address serves another file than the one that was published."
    where, advice = (f"{file.path} from {file.url}", f" {again}") if given is None else (str(given), "")
    raise ChecksumError(f"{where} has sha256 {found}; expected sha256 {wanted}. Nothing of it was kept.{advice}")
