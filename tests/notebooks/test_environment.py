"""A reader's notebook runs with what `frlib[notebooks]` names, and with no tool that builds the book.

The build runs every chapter in such an environment in profile smoke, but for the site. Here a chapter with widgets runs
as it does in the hands of a reader: live, and without Jupyter.
"""

import json

import jupytext
import pytest

from book.environments import ROOT, linked, run

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


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Return the Python of an environment with `frlib[notebooks]` alone."""
    return linked(tmp_path_factory.mktemp("reader"), ROOT, "frlib[notebooks]")


def test_no_tool_of_the_build_is_there(reader, tmp_path):
    code = f"import importlib.util; print([t for t in {TOOLS} if importlib.util.find_spec(t)])"
    done = run(reader, "-c", code, cwd=tmp_path)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.slow
def test_a_chapter_runs_in_the_hands_of_a_reader(reader, tmp_path):
    cells = [c for c in jupytext.read(ROOT / "notebooks/03_toy_model.py").cells if c.cell_type == "code"]
    sources = [c.source + ('\nprofile = "smoke"' if "parameters" in c.metadata.get("tags", ()) else "") for c in cells]
    (tmp_path / "cells.json").write_text(json.dumps(sources))
    done = run(reader, "-c", RUNNER, "cells.json", "failed.json", cwd=tmp_path)
    if done.returncode:
        failed = tmp_path / "failed.json"
        number, error = json.loads(failed.read_text()) if failed.exists() else (0, done.stderr[-2000:])
        cell = sources[number - 1].strip().splitlines()[0] if number else ""
        pytest.fail(f"code cell {number}, which begins with `{cell}`: {error}", pytrace=False)
