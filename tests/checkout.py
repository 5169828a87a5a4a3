"""A checkout with all that builds, and without a chapter, a page or a figure, until a test adds some."""

import shutil
import sys
from pathlib import Path

from tests.build import ROOT

DOIT = Path(sys.executable).with_name("doit")
#: The cell with the parameters that every chapter has.
PARAMETERS = '# %% tags=["parameters"]\nprofile = "book"\nseed = 0\ndevice = "auto"\n'


def small_checkout(folder: Path, figure: str = "") -> Path:
    """Fill a folder, which may not be there yet, and return it. ``figure`` is the script of the README's figure."""
    (folder / "book/assets").mkdir(parents=True)
    (folder / "frlib").symlink_to(ROOT / "frlib")
    for script in (ROOT / "book").glob("*.py"):
        shutil.copy(script, folder / "book")
    shutil.copytree(ROOT / "book/course", folder / "book/course", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dodo.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / "_toc.yml").write_text("parts: []\n")
    if figure:
        (folder / "book/figure.py").write_text(figure)
    return folder


def add_chapters(checkout: Path, **chapters: str) -> None:
    """Put chapters into a checkout: name and text of each."""
    (checkout / "notebooks").mkdir()
    for name, text in chapters.items():
        (checkout / f"notebooks/{name}.py").write_text(text, encoding="utf-8")
    listed = ", ".join(f"{{file: notebooks/{name}, title: T}}" for name in chapters)
    (checkout / "_toc.yml").write_text(f"parts: [{{chapters: [{listed}]}}]\n")
