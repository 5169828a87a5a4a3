"""Gather what a release of the book offers: ``python -m book.release FOLDER``, after ``make book``.

The head file of the faces, the numbers of every chapter as CSV, the site as one archive, and their checksums in
``SHA256SUMS``. ``FRLIB_RELEASE`` names such a folder, or the address where its files were published.
"""

import argparse
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from book.contents import ROOT, chapters
from frlib.release import SUMS
from frlib.store import file_digest


def gather(folder: Path, site: Path, head: Path) -> list[Path]:
    """Fill a new folder with the files of a release; return them.

    Parameters
    ----------
    folder : Path
        Must not exist, or be empty; appears when it is whole.
    site : Path
        The built site.
    head : Path
        The head file of the face generator.

    Raises
    ------
    ValueError
        If the folder has files, or something that a release needs is not built.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"folder must be new or empty; got {str(folder)!r}, which has files")
    results = [site / f"_downloads/{name}-results.zip" for name in chapters()]
    missing = [str(path) for path in (site / "index.html", head, *results) if not path.exists()]
    if missing:
        raise ValueError(f"`make book` must come first; {', '.join(missing)} must exist")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work:
        whole = Path(work, "release")
        whole.mkdir()
        for path in (head, *results):
            shutil.copy(path, whole)
        with tarfile.open(whole / "site.tar.gz", "w:gz") as archive:
            archive.add(site, "site")
        write_sums(whole)
        if folder.exists():
            folder.rmdir()
        whole.rename(folder)
    return sorted(folder.iterdir())


def write_sums(folder: Path) -> None:
    """Write the checksums of the files of a folder, as ``sha256sum --check`` reads them."""
    lines = [f"{file_digest(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(lines))


def main() -> None:
    """Gather the release of a profile."""
    from frlib.faces.generator.head import head_path

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--profile", default="book")
    chosen = parser.parse_args()
    try:
        files = gather(chosen.folder.absolute(), ROOT / "_build" / chosen.profile / "html", head_path())
    except ValueError as error:
        sys.exit(str(error))
    for path in files:
        print(f"{path.stat().st_size / 1e6:8.1f} MB  {path.name}")


if __name__ == "__main__":
    main()
