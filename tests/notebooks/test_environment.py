"""A reader's notebook runs with what `frlib[notebooks]` names, and with no tool that builds the book."""

import json
import os
import subprocess
import tomllib
import venv
from importlib import metadata
from pathlib import Path

import jupytext
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.py"))
TOOLS = ("doit", "jupyter_book", "jupytext", "myst_nb", "papermill", "pytest", "sphinx")
# Runs cells as a notebook does, up to the first that fails: its number and what it raised are left in a file.
RUNNER = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
for number, cell in enumerate(json.load(open(sys.argv[1])), 1):
    result = shell.run_cell(cell, store_history=True)
    if not result.success:
        error = result.error_before_exec or result.error_in_exec
        json.dump([number, f"{type(error).__name__}: {error}"], open(sys.argv[2], "w"))
        sys.exit(1)
"""


def requirements(name: str, extras: set[str]) -> list[Requirement]:
    """Return what a package needs with these extras on this machine; frlib's own needs are those of pyproject.toml."""
    if name == "frlib":
        return [
            Requirement(r) for r in sum((PROJECT["optional-dependencies"][e] for e in extras), PROJECT["dependencies"])
        ]
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


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Return the Python of an environment with `frlib[notebooks]` alone: links to the packages installed here."""
    folder = tmp_path_factory.mktemp("reader")
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    owners = {f.parts[0]: f.dist for n in closure(Requirement("frlib[notebooks]")) for f in metadata.files(n)}
    for top in owners.keys() - {"..", "__pycache__"}:  # whole folders, so that compiled code is found beside them
        (packages / top).symlink_to(owners[top].locate_file(top))
    (packages / "frlib.pth").write_text(f"{ROOT}\n")
    return folder / "bin/python"


def run(python: Path, *arguments, cwd: Path) -> subprocess.CompletedProcess:
    """Run Python as a reader's machine would: without the settings of the build, in another folder."""
    ours = ("FRLIB_BOOK", "PYTHONPATH", "VIRTUAL_ENV")
    environment = {k: v for k, v in os.environ.items() if k not in ours} | {"PYTHONNOUSERSITE": "1"}
    return subprocess.run([python, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)


def test_no_tool_of_the_build_is_there(reader, tmp_path):
    code = f"import importlib.util; print([t for t in {TOOLS} if importlib.util.find_spec(t)])"
    done = run(reader, "-c", code, cwd=tmp_path)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.stem)
def test_a_chapter_runs_in_the_hands_of_a_reader(reader, chapter, tmp_path):
    cells = [c for c in jupytext.read(chapter).cells if c.cell_type == "code"]
    sources = [c.source + ('\nprofile = "smoke"' if "parameters" in c.metadata.get("tags", ()) else "") for c in cells]
    (tmp_path / "cells.json").write_text(json.dumps(sources))
    done = run(reader, "-c", RUNNER, "cells.json", "failed.json", cwd=tmp_path)
    if done.returncode:
        failed = tmp_path / "failed.json"
        number, error = json.loads(failed.read_text()) if failed.exists() else (0, done.stderr[-2000:])
        cell = sources[number - 1].strip().splitlines()[0] if number else ""
        pytest.fail(f"{chapter.stem}, code cell {number}, which begins with `{cell}`: {error}", pytrace=False)
