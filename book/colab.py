"""Run a published notebook as Colab would: its first cell installs frlib on a machine that has only Colab's packages.

``tests/notebooks/colab.txt`` lists these packages and their source. Torch and torchvision are those of the build,
linked, because Colab's are another 5 GB to download; the Python is that of the build too.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from unittest import mock

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from book.environments import ROOT, closure, link
from frlib.store import file_digest

PACKAGES = ROOT / "tests/notebooks/colab.txt"
STAMP = "made-of.json"
LINKED = ("torch", "torchvision", "setuptools")
LIST = "import json, importlib.metadata as m; print(json.dumps({d.name: m.version(d.name) for d in m.distributions()}))"


def packages_of(folder: Path) -> Path:
    """Return where an environment keeps its packages."""
    return next(folder.glob("lib/python*/site-packages"))


def made_of() -> str:
    """Return what decides how a base is made."""
    linked = {name: metadata.version(name) for name in LINKED}
    return json.dumps([file_digest(PACKAGES), sys.executable, linked])


def is_current(folder: Path) -> bool:
    """Return whether a folder is a base that was made as one would be made now."""
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == made_of()


def base(folder: Path) -> Path:
    """Make an environment with Colab's packages, from the package registry, and return its folder."""
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, symlinks=True)
    install = [sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--quiet"]
    subprocess.run([*install, "--requirement", PACKAGES], check=True)
    here = {canonicalize_name(d.name) for d in metadata.distributions(path=[str(packages_of(folder))])}
    link(set().union(*(closure(Requirement(name)) for name in LINKED)) - here, packages_of(folder))
    (folder / STAMP).write_text(made_of())
    return folder


def machine(folder: Path, base: Path) -> Path:
    """Make a fresh machine with the packages of a base, which stays as it is; return its Python."""
    venv.create(folder, symlinks=True)
    (packages_of(folder) / "colab.pth").write_text(f"{packages_of(base)}\n")
    return folder / "bin/python"


def repository(folder: Path) -> str:
    """Make a git repository of the files that an installation needs; return its address."""
    shutil.copytree(ROOT / "frlib", folder / "frlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    git = ["git", "-C", folder, "-c", "user.name=book", "-c", "user.email=book@localhost"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "config", "uploadpack.allowFilter", "true"], check=True)  # pip clones without contents
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "frlib"], check=True)
    return folder.as_uri()


def installed(python: Path) -> dict[str, str]:
    """Return the packages of an environment and their versions."""
    done = subprocess.run([python, "-c", LIST], env=environment(), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def environment(**settings: str) -> dict[str, str]:
    """Return the variables of a machine that knows nothing of the build."""
    ours = ("FRLIB_BOOK", "PYTHONPATH", "VIRTUAL_ENV")
    return {k: v for k, v in os.environ.items() if k not in ours} | {"PYTHONNOUSERSITE": "1", **settings}


@contextlib.contextmanager
def kernel(python: Path) -> Iterator:
    """Describe the kernel ``colab``, a Python in a folder of its own, and yield how it is started."""
    from traitlets.config import Config

    with tempfile.TemporaryDirectory() as folder:
        description = Path(folder, "kernels/colab/kernel.json")
        description.parent.mkdir(parents=True)
        command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        description.write_text(json.dumps({"argv": command, "display_name": "Colab", "language": "python"}))
        own = {"JUPYTER_PATH": folder, "NUMBA_CACHE_DIR": f"{folder}/numba", "PIP_NO_COMPILE": "1"}
        own["LOKY_MAX_CPU_COUNT"] = "1"  # tests run two notebooks at a time
        with mock.patch.dict(os.environ, environment(**own), clear=True):
            yield Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/socket"}})


def run(notebook, target: Path, python: Path) -> dict[str, tuple[str, str | None]]:
    """Run a published notebook in profile smoke; return what it changed of the machine's own packages.

    Parameters
    ----------
    notebook : NotebookNode
        Its first code cell installs frlib.
    target : Path
        The executed notebook, also where a cell failed.
    python : Path
        Of `machine`.

    Returns
    -------
    dict
        Package to its versions before and after, the latter None where it is gone.

    Raises
    ------
    papermill.exceptions.PapermillExecutionError
        If a cell raises.
    """
    import nbformat
    import papermill

    before, started = installed(python), time.time()
    with tempfile.TemporaryDirectory() as folder, kernel(python) as config:
        source = Path(folder, "published.ipynb")
        nbformat.write(notebook, source)
        options = {"kernel_name": "colab", "cwd": folder, "config": config, "progress_bar": False}
        papermill.execute_notebook(source, target, {"profile": "smoke", "device": "cpu"}, **options)
    after = installed(python)
    print(f"{target.stem}: {time.time() - started:.0f} s, {len(after) - len(before)} packages added")
    return {name: (old, after.get(name)) for name, old in before.items() if after.get(name) != old}
