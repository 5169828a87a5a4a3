"""Each published notebook runs as on Colab: on a machine with Colab's packages, where its first cell installs frlib.

The package registry is asked for packages; the repository is a local one. A real Colab was not tried.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata

import nbformat
import pytest
from filelock import FileLock
from IPython.core.inputtransformer2 import TransformerManager
from packaging.utils import canonicalize_name

from book import colab, contents
from book.environments import requirements
from tests.build import SITE

sys.path.insert(0, str(contents.ROOT / "book/_ext"))
from set_up_cell import set_up_cell

BASE = contents.ROOT / "_build/colab"
#: Chapters that run here each time: one that draws and measures, one that trains. The others run weekly.
EACH_TIME = ("notebooks/02_macroscale", "notebooks/05_fine_tuning")
RUN = {"profile": "book", "seconds": 60.0, "device": "cpu", "processor": "2 cores, arm"}
ADDRESS = "https://host.example/me/book"
# A package in a folder, which pip installs in place of the real one: an old one, in case newer ones are ruled out.
FALSE = '[project]\nname = "{name}"\nversion = "0.1"\n[tool.setuptools]\npy-modules = []\n'


@pytest.fixture(scope="session")
def base():
    """Colab's packages, kept in the folder of builds from run to run."""
    (contents.ROOT / "_build").mkdir(exist_ok=True)
    with FileLock(contents.ROOT / "_build/colab.lock"):
        if not colab.is_current(BASE):
            asked = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "tqdm", "--dest"]
            with tempfile.TemporaryDirectory() as folder:
                if subprocess.run([*asked, folder]).returncode:
                    pytest.skip("the package registry cannot be reached")
            colab.base(BASE)
    return BASE


@pytest.fixture
def machine(base, tmp_path):
    """A fresh machine, which takes nearly a gigabyte once frlib is installed."""
    yield colab.machine(tmp_path / "machine", base)
    shutil.rmtree(tmp_path / "machine")


def test_frlib_is_content_with_the_versions_of_colab():
    lines = [line for line in colab.PACKAGES.read_text().splitlines() if not line.startswith("#")]
    has = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    needs = requirements("frlib", {"notebooks", "models", "faces", "cluster"})
    met = [need for need in needs if canonicalize_name(need.name) in has]
    assert len(met) > 15
    assert not [str(need) for need in met if has[canonicalize_name(need.name)] not in need.specifier]


class Shell:
    """Stands for IPython: remembers the magics, and does nothing."""

    def __init__(self):
        self.called = []

    def run_line_magic(self, name, line):
        self.called.append((name, line))


def run_set_up(cell, monkeypatch, folder) -> Shell:
    """Run a set-up cell in a folder, without its magics."""
    shell = Shell()
    monkeypatch.chdir(folder)
    exec(TransformerManager().transform_cell(cell.source), {"get_ipython": lambda: shell})
    return shell


@pytest.fixture
def without_frlib(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "frlib" else find(name))


def test_where_frlib_is_nothing_is_installed(monkeypatch, tmp_path, capsys):
    assert run_set_up(set_up_cell(RUN, 150, ADDRESS), monkeypatch, tmp_path).called == []
    assert run_set_up(set_up_cell(RUN, 150, ""), monkeypatch, tmp_path).called == []
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out.count("The published run, profile book, took 60 s on CPU, 2 cores, arm.") == 2


def test_frlib_is_installed_beside_what_the_server_has(without_frlib, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    [(magic, line)] = run_set_up(set_up_cell(RUN, 150, ADDRESS), monkeypatch, tmp_path).called
    assert magic == "pip"
    assert line == f'install --quiet -c {{kept}} "frlib[notebooks] @ git+{ADDRESS}"'
    kept = (tmp_path / "installed.txt").read_text().splitlines()
    assert {f"{name}=={metadata.version(name)}" for name in ("torch", "numpy", "ipywidgets")} <= set(kept)
    assert not [line for line in kept if line.split("==")[0] in ("pip", "setuptools", "wheel")]


def test_of_two_versions_of_a_package_the_imported_one_is_kept(without_frlib, monkeypatch, tmp_path):
    """Colab has some packages of its system too, older, at the end of the path."""
    for name, version in (("NumPy", "Version: 1.16"), ("nameless_one", "")):
        folder = tmp_path / f"later/{name}-1.16.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\n{version}\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "later")])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run_set_up(set_up_cell(RUN, 150, ADDRESS), monkeypatch, tmp_path)
    kept = (tmp_path / "installed.txt").read_text().splitlines()
    assert [line for line in kept if line.startswith("numpy==")] == [f"numpy=={metadata.version('numpy')}"]
    assert not [line for line in kept if line.startswith("nameless") or line.endswith("==None")]


def test_without_an_address_the_cell_says_how_to_install(without_frlib, monkeypatch, tmp_path):
    with pytest.raises(
        ModuleNotFoundError, match=r"not know where it is published\. .* run: pip install '?\"?\.\[note"
    ):
        run_set_up(set_up_cell(RUN, 150, ""), monkeypatch, tmp_path)


def test_a_chapter_that_was_not_run_has_a_set_up_cell_too(monkeypatch, tmp_path, capsys):
    run_set_up(set_up_cell({}, 0, ADDRESS), monkeypatch, tmp_path)
    assert "published run" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("name", ["torch", "numpy"])
def test_a_first_cell_that_changes_what_the_server_has_is_noticed(machine, tmp_path, name):
    (tmp_path / "false").mkdir()
    (tmp_path / "false/pyproject.toml").write_text(FALSE.format(name=name))
    cell = nbformat.v4.new_code_cell(f"%pip install --quiet --no-deps {tmp_path / 'false'}")
    parameters = nbformat.v4.new_code_cell("profile = 'book'", metadata={"tags": ["parameters"]})
    language = {"language_info": {"name": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[cell, parameters], metadata=language)
    own = colab.installed(machine)
    assert colab.run(notebook, tmp_path / "done.ipynb", machine) == {name: (own[name], "0.1")}


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.site
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in EACH_TIME else pytest.mark.weekly) for name in contents.chapters()],
)
def test_a_published_chapter_runs_as_on_colab_and_changes_nothing_there(machine, tmp_path, name):
    (tmp_path / "repository").mkdir()
    address = colab.repository(tmp_path / "repository")
    published = nbformat.read(SITE / f"_sources/{name}.ipynb", as_version=4)
    place = next(k for k, cell in enumerate(published.cells) if cell.id == "set-up")
    published.cells[place] = set_up_cell(RUN, 0, address)
    assert colab.run(published, tmp_path / "done.ipynb", machine) == {}
    done = nbformat.read(tmp_path / "done.ipynb", as_version=4)
    said = "".join(output.get("text", "") for output in done.cells[place].outputs)
    assert "ERROR" not in said and "Jupyter, no GPU" in said
