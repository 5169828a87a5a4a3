"""Environments with exactly what an installation of frlib brings, made of links to the packages installed here."""

import functools
import os
import subprocess
import tomllib
import venv
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def project() -> dict:
    """Return what pyproject.toml says of frlib."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(name: str, extras: set[str]) -> list[Requirement]:
    """Return what a package needs with these extras on this machine; frlib's own needs are those of pyproject.toml."""
    if name == "frlib":
        own = project()
        return [Requirement(r) for r in sum((own["optional-dependencies"][e] for e in extras), own["dependencies"])]
    found = [Requirement(r) for r in metadata.requires(name) or ()]
    return [r for r in found if not r.marker or any(r.marker.evaluate({"extra": e}) for e in extras | {""})]


def closure(requirement: Requirement) -> set[str]:
    """Return the names of the packages that an installation brings."""
    wanted, seen = [requirement], {}
    while wanted:
        this = wanted.pop()
        name = canonicalize_name(this.name)
        if name not in seen or not this.extras <= seen[name]:
            seen[name] = seen.get(name, set()) | this.extras
            wanted += requirements(name, seen[name])
    return set(seen) - {"frlib"}


def linked(folder: Path, source: Path, *wanted: str) -> Path:
    """Make an environment with what the requirements bring and the frlib of a folder; return its Python."""
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    link(set().union(*(closure(Requirement(requirement)) for requirement in wanted)), packages)
    (packages / "frlib.pth").write_text(f"{source}\n")
    return folder / "bin/python"


def link(names: set[str], folder: Path) -> None:
    """Link packages that are installed here into a folder."""
    owners = {f.parts[0]: f.dist for name in names for f in metadata.files(name)}
    for top in owners.keys() - {"..", "__pycache__"}:  # whole folders, so that compiled code is found beside them
        (folder / top).symlink_to(owners[top].locate_file(top))


def run(python: Path, *arguments, cwd: Path) -> subprocess.CompletedProcess:
    """Run Python as a reader's machine would: without the settings of the build, in another folder."""
    ours = ("FRLIB_BOOK", "PYTHONPATH", "VIRTUAL_ENV")
    environment = {k: v for k, v in os.environ.items() if k not in ours} | {"PYTHONNOUSERSITE": "1"}
    return subprocess.run([python, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
