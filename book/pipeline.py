"""What the build does: run chapters through papermill, stage the sources, build the site.

`dodo.py` says when each step runs. Nothing is ever written in place: a notebook or a site takes the place of the old
one only when it is whole.
"""

import ast
import contextlib
import datetime
import importlib.metadata
import json
import modulefinder
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import yaml

from book import children, contents, memory, whole
from book.contents import ROOT

PROFILES = ("smoke", "book", "paper")
EVERYWHERE = ("profile", "seed", "device")  # parameters of every chapter
KERNEL_ENVIRONMENT = {
    "FRLIB_BOOK": "1",
    "PYTHONPATH": str(ROOT),
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "PYTHONUTF8": "1",
}
PATIENCE = 600  # seconds for a kernel to begin, and for what it printed to arrive: a machine can be busy
RUNNING = ".running-"  # begins the names of folders of chapters that run
LIVE_WIDGET = "application/vnd.jupyter.widget-view+json"
SHOWN_VERSIONS = ("frlib", "torch", "numpy", "scipy", "pandas", "scikit-learn", "altair", "papermill", "jupyter-book")


class ChapterFailed(RuntimeError):
    """A chapter cannot be read, a cell of it raised, or its kernel ended; the message names chapter and cell."""


# ---------------------------------------------------------------- what a chapter depends on


def frlib_files(script: str | Path, root: Path = ROOT) -> list[str]:
    """Return the files of ``frlib`` that a script needs, directly or through other modules.

    Imports are found in the code, also inside functions, without running it. Data files (CSV, JavaScript) beside an
    imported module count as part of it. A script that cannot be read needs none: the step that runs it says why.
    """
    finder = modulefinder.ModuleFinder(path=[str(root)], excludes=["book"])  # has no __init__, which it cannot read
    try:
        finder.run_script(str(script))
    except (OSError, SyntaxError, ValueError):
        return []
    modules = [Path(m.__file__) for name, m in finder.modules.items() if m.__file__ and name.split(".")[0] == "frlib"]
    data = [
        f
        for folder in {m.parent for m in modules}
        for f in folder.iterdir()
        if f.is_file() and f.suffix in {".csv", ".js", ".json"}
    ]
    return sorted(str(f.resolve()) for f in {*modules, *data})


# ---------------------------------------------------------------- running a chapter


def accepted(source: Path, parameters: dict) -> dict:
    """Return the parameters that a chapter takes: those of every chapter, and others that its parameters cell names."""
    try:
        cells = [c.source for c in read(source).cells if "parameters" in c.metadata.get("tags", [])]
    except ChapterFailed:
        cells = []  # the step that runs it says why
    names = re.findall(r"(?m)^(\w+)\s*=", "\n".join(cells))
    return {name: value for name, value in parameters.items() if name in (*EVERYWHERE, *names)}


def read(source: Path):
    """Return a chapter as a notebook.

    Raises
    ------
    ChapterFailed
        If it is not there, or no Python.
    """
    import jupytext

    try:
        text = source.read_text(encoding="utf-8")
        compile(text, source.name, "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f"line {error.lineno}: {error.msg}: `{(error.text or '').strip()}`"
        raise ChapterFailed(f"chapter {source.stem} is no Python: {source.name}, {where}") from None
    except (OSError, ValueError) as error:
        raise ChapterFailed(f"chapter {source.stem} cannot be read: {error}") from None
    return jupytext.reads(text, fmt="py:percent")


def execute(source: Path, target: Path, parameters: dict, python: Path | None = None) -> None:
    """Run a py:percent chapter with papermill and write the executed notebook to ``target``.

    Parameters
    ----------
    source, target : Path
    parameters : dict
        See `accepted`.
    python : Path, optional
        Python of the environment in which the chapter runs. Default: this one.

    Raises
    ------
    ChapterFailed
        If it cannot be read, a cell raises, or its kernel ends. The partial notebook is kept apart, under ``failed/``,
        for reading.
    """
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    notebook = read(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=RUNNING, dir=target.parent))
    plain, partial = work / f"{target.stem}.in.ipynb", work / target.name
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, plain)
    started, clock = time.time(), time.monotonic()
    try:
        with kernel(python or sys.executable) as config:
            papermill.execute_notebook(
                plain,
                partial,
                parameters=parameters,
                kernel_name="chapter",
                cwd=str(ROOT),
                stderr_file=sys.stderr,  # progress bars inside long cells
                start_timeout=PATIENCE,
                iopub_timeout=PATIENCE,
                config=config,
            )
        executed = nbformat.read(partial, as_version=4)
        finish(executed, parameters, started, time.monotonic() - clock)
        nbformat.write(executed, partial)
        os.replace(partial, target)
    except (PapermillExecutionError, RuntimeError) as error:  # the latter if the kernel ended, or never began
        raise failure(source, error, partial, target.parent.parent / "failed" / target.name) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def kernel(python: str | Path) -> Iterator:
    """Describe the kernel ``chapter``, which is a Python, and yield the configuration with which it is started.

    No port of the machine is open to it: its sockets are files. Each kernel has its own, in a folder with a short name,
    for their paths must be shorter than 100 characters. Settings and start-up files of the user stay out of it. Of its
    own processes there are no more than fit into memory.
    """
    import joblib
    from traitlets.config import Config

    with tempfile.TemporaryDirectory(dir=None if len(tempfile.gettempdir()) < 60 else "/tmp") as folder:
        description = Path(folder) / "kernels/chapter/kernel.json"
        description.parent.mkdir(parents=True)
        command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        description.write_text(json.dumps({"argv": command, "display_name": "Chapter", "language": "python"}))
        own = {name: folder for name in ("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
        own["LOKY_MAX_CPU_COUNT"] = str(memory.processes(joblib.cpu_count()))
        with mock.patch.dict(os.environ, KERNEL_ENVIRONMENT | own):
            yield Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/socket"}})


def failure(source: Path, error: Exception, partial: Path, kept: Path) -> ChapterFailed:
    """Keep a partial notebook, and name the chapter, the cell and what it raised, or that its kernel ended."""
    kept.parent.mkdir(exist_ok=True)
    os.replace(partial, kept)
    if hasattr(error, "ename"):
        number, text, said = error.exec_count, error.source, f"{error.ename}: {error.evalue}"
        said += f"\n{memory.in_words()}" if memory.ran_out(said) else ""
    else:
        number, text = last_begun(kept)
        said = f"{error}. Linux ends a process so when memory runs out. {memory.in_words()}"
    first = next((line for line in text.splitlines() if line.strip()), "").strip()
    where = f"in code cell {number}, which begins with `{first}`" if number else "before its first cell"
    up_to = f"The notebook up to that cell: {os.path.relpath(kept, ROOT)}"
    return ChapterFailed(f"chapter {source.stem} failed {where}\n{said}\n{up_to}")


def last_begun(path: Path) -> tuple[int, str]:
    """Return number and source of the last code cell of a notebook that papermill began; 0 and nothing if none."""
    import nbformat

    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    begun = [cell.source for cell in cells if cell.metadata.get("papermill", {}).get("status") not in (None, "pending")]
    return len(begun), begun[-1] if begun else ""


def finish(notebook, parameters: dict, started: float, seconds: float) -> None:
    """Put the values that ran into the parameters cell, and the facts of the run into the metadata."""
    cells = notebook.cells
    for cell in cells:
        if "parameters" in cell.metadata.get("tags", []):
            for name, value in parameters.items():
                cell.source = re.sub(
                    rf"(?m)^{name}\s*=\s*[^#\n]*?(\s*(?:#.*)?)$", rf"{name} = {value!r}\1", cell.source
                )
    notebook.cells = [c for c in cells if "injected-parameters" not in c.metadata.get("tags", [])]
    for cell in notebook.cells:
        for noise in ("papermill", "execution"):
            cell.metadata.pop(noise, None)
        if cell.cell_type == "code":  # progress bars of a live notebook cannot draw without a kernel
            cell.outputs = [o for o in cell.outputs if LIVE_WIDGET not in o.get("data", {})]
    for noise in ("papermill", "widgets"):
        notebook.metadata.pop(noise, None)
    notebook.metadata["frlib"] = {
        **parameters,
        "device": resolved_device(parameters["device"]),
        "seconds": round(seconds, 1),
        "started": datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version()} | {n: importlib.metadata.version(n) for n in SHOWN_VERSIONS},
        "processor": f"{os.cpu_count()} cores, {platform.machine()}",
    }


def resolved_device(name: str) -> str:
    """Return what "auto" stood for on this machine."""
    from frlib.runtime import choose_device

    return choose_device(name).type


# ---------------------------------------------------------------- the site


def repository_url() -> str | None:
    """Return the https address of the repository, or None if it is not known.

    ``FRLIB_REPOSITORY_URL`` goes first; else the git remote "origin". None is never replaced by a guess.
    """
    url = os.environ.get("FRLIB_REPOSITORY_URL", "")
    if not url:
        remote = subprocess.run(["git", "remote", "get-url", "origin"], cwd=ROOT, capture_output=True, text=True)
        url = remote.stdout.strip() if remote.returncode == 0 else ""
    url = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", url).removesuffix(".git")
    return url if url.startswith("https://") and "@" not in url else None


def site_config(url: str | None) -> dict:
    """Return the book's configuration, with buttons only where the repository's address is known."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    known = url is not None
    html = config["html"]
    html["use_repository_button"] = html["use_issues_button"] = html["use_edit_page_button"] = known
    sphinx = config["sphinx"]["config"]
    sphinx["html_theme_options"]["use_download_button"] = known
    html["baseurl"], sphinx["frlib_address"] = site_address(url), install_address(url)
    if known:
        # Colab opens the notebook that was published beside the site, on the branch that holds the site. It reads from
        # GitHub only.
        config["repository"] = {"url": url, "branch": "gh-pages", "path_to_book": "_sources"}
        if url.startswith("https://github.com/"):
            config["launch_buttons"] = {"colab_url": "https://colab.research.google.com"}
        else:
            sphinx["html_theme_options"]["repository_provider"] = "github"  # the form of its links
        # The edit button leads to the py:percent source, not to the generated notebook.
        sphinx["html_context"] = sphinx.get("html_context", {}) | {
            "edit_page_url_template": url + "/edit/main/{{ file_name | replace('.ipynb', '.py') }}",
            "edit_page_provider_name": "the repository",
        }
    return config


def site_address(url: str | None) -> str:
    """Return where the pages of a repository are published; empty where that is not known.

    ``FRLIB_SITE_URL`` goes first; else it is GitHub's own address for the pages of a repository.
    """
    if named := os.environ.get("FRLIB_SITE_URL"):
        return named.rstrip("/") + "/"
    found = re.fullmatch(r"https://github\.com/([^/]+)/([^/]+)", url or "")
    if not found:
        return ""
    host = f"{found[1].lower()}.github.io"
    return f"https://{host}/" if found[2].lower() == host else f"https://{host}/{found[2]}/"


def install_address(url: str | None) -> str:
    """Return from where pip installs frlib: the repository, at the revision in ``FRLIB_REVISION`` if there is one."""
    revision = os.environ.get("FRLIB_REVISION")
    return f"{url}@{revision}" if url and revision else url or ""


def megabytes_of(source: Path) -> float:
    """Return what a chapter downloads at most, besides what pip installs: the packages that carry networks, or 0.

    Only what the chapter imports itself counts: modules of ``frlib`` know networks that a chapter never asks for.
    """
    from frlib.models.networks import NETWORKS

    tree = ast.parse(source.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}
    if not any(name.startswith("frlib.models.") or name == "frlib.models" for name in imported):
        return 0
    packages = {file.package for network in NETWORKS.values() for file in network.files}
    return sum(package.bytes for package in packages) / 1e6


def edition_config(url: str | None) -> dict:
    """Return the configuration of an edition for a class, without buttons: these lead to a book with solutions."""
    config = site_config(None)
    config["html"]["baseurl"], config["sphinx"]["config"]["frlib_address"] = "", install_address(url)
    return config


def stage(folder: Path, url: str | None, edition=None) -> Path:
    """Lay out what Jupyter Book reads: configuration, pages, assets and executed notebooks. Returns the folder.

    Without an `book.course.editions.Edition` it is the book as it is published.
    """
    import nbformat

    source = folder / (f"source-{edition.name}" if edition else "source")
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "book", source / "book", ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    (source / "_toc.yml").write_text(yaml.safe_dump(edition.contents(toc) if edition else toc, sort_keys=False))
    config = edition_config(url) if edition else site_config(url)
    (source / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    (source / "notebooks").mkdir()
    for name in contents.chapters():
        notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
        if edition:
            notebook = edition.notebook(notebook)
        if run := notebook.metadata.get("frlib"):
            run["megabytes"] = round(megabytes_of(ROOT / f"{name}.py"))
        nbformat.write(notebook, source / f"{name}.ipynb")
    for name in ("build.json", "benchmarks.json", "faults.json", "gpu.json"):
        if (folder / name).exists():
            shutil.copy(folder / name, source / "book")
    children.run(sys.executable, ROOT / "book/_ext/vendor.py", source / "book/assets/vendor")
    shutil.copytree(folder / "live", source / "book/assets/vendor", dirs_exist_ok=True)
    return source


def build_site(folder: Path, edition=None) -> None:
    """Build the site with warnings as errors; the old site stays in place until the new one is whole.

    It is in ``html``, or in ``course`` and the name of the edition.
    """
    site = folder / "course" / edition.name if edition else folder / "html"
    whole.restored(site)
    source, work = stage(folder, repository_url(), edition), site.with_suffix(".work")
    shutil.rmtree(work, ignore_errors=True)
    command = ["jupyter-book", "build", source, "--path-output", work, "--all", "-W", "-n", "--keep-going", "-q"]
    command[0] = Path(sys.executable).with_name("jupyter-book")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    children.run(*command, env=environment)
    whole.put(work / "_build/html", site)
    shutil.rmtree(work, ignore_errors=True)


def site_size(folder: Path) -> str:
    """Return the number of files and megabytes of the built site."""
    files = [f for f in (folder / "html").rglob("*") if f.is_file()]
    return f"{len(files)} files, {sum(f.stat().st_size for f in files) / 1e6:.1f} MB"
