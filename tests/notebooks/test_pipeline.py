"""The build: what a chapter depends on, what a failure leaves behind, what the executed page shows."""

import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from book import pipeline
from book.pipeline import ROOT
from tests import build

PARAMETERS = {"profile": "smoke", "seed": 7, "device": "cpu"}
CHAPTER = """# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A chapter

# %% tags=["parameters"]
profile = "book"  # smoke, book or paper
seed = 0
device = "auto"

# %%
print(profile, seed, device)
"""


@pytest.fixture
def library(tmp_path):
    """A small frlib: a imports b inside a function, c is imported by nobody, b has a data file beside it."""
    files = {
        "frlib/__init__.py": "",
        "frlib/a.py": "def f():\n    from frlib.sub import b\n    return b\n",
        "frlib/sub/__init__.py": "",
        "frlib/sub/b.py": "import json\n",
        "frlib/sub/table.csv": "x\n1\n",
        "frlib/other/__init__.py": "",
        "frlib/other/c.py": "",
        "chapter.py": "from frlib import a\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_chapter_depends_on_what_it_imports_directly_or_through_others(library):
    found = {str(Path(f).relative_to(library)) for f in pipeline.frlib_files(library / "chapter.py", library)}
    expected = {"__init__.py", "a.py", "sub/__init__.py", "sub/b.py", "sub/table.csv"}
    assert found == {f"frlib/{name}" for name in expected}


def test_the_executed_notebook_shows_the_values_that_ran(tmp_path):
    source, target = tmp_path / "chapter.py", tmp_path / "notebooks/chapter.ipynb"
    source.write_text(CHAPTER)
    pipeline.execute(source, target, PARAMETERS)
    notebook = nbformat.read(target, as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert code[0].source == "profile = 'smoke'  # smoke, book or paper\nseed = 7\ndevice = 'cpu'"
    assert code[1].outputs[0].text == "smoke 7 cpu\n"
    assert len(code) == 2, "the injected cell must not stand beside the defaults"
    facts = notebook.metadata["frlib"]
    assert {k: facts[k] for k in PARAMETERS} == PARAMETERS
    assert facts["seconds"] > 0 and facts["versions"]["torch"]
    assert [p.name for p in target.parent.iterdir()] == ["chapter.ipynb"]


def test_a_chapter_gets_the_parameters_that_its_cell_names(tmp_path):
    given = {**PARAMETERS, "networks": "a,b"}
    plain, choosing = tmp_path / "plain.py", tmp_path / "choosing.py"
    plain.write_text(CHAPTER + "\n# %%\nnetworks = 1\n")
    choosing.write_text(CHAPTER.replace("seed = 0", 'seed = 0\nnetworks = ""  # names'))
    assert pipeline.accepted(plain, given) == PARAMETERS
    assert pipeline.accepted(choosing, given) == given
    pipeline.execute(choosing, tmp_path / "notebooks/choosing.ipynb", given)
    notebook = nbformat.read(tmp_path / "notebooks/choosing.ipynb", as_version=4)
    assert "networks = 'a,b'  # names" in next(c.source for c in notebook.cells if c.cell_type == "code")


def test_a_failing_cell_names_chapter_and_cell_and_leaves_the_old_notebook(tmp_path):
    source, target = tmp_path / "chapter.py", tmp_path / "notebooks/chapter.ipynb"
    source.write_text(CHAPTER + "\n# %%\nnumber = 1\nnumber / 0\n")
    target.parent.mkdir()
    target.write_text("the old one")
    message = r"chapter chapter failed in code cell \d+, .*`number = 1`\n.*ZeroDivision"
    with pytest.raises(pipeline.ChapterFailed, match=message):
        pipeline.execute(source, target, PARAMETERS)
    assert target.read_text() == "the old one"
    assert (tmp_path / "failed/chapter.ipynb").exists()
    assert [p.name for p in target.parent.iterdir()] == ["chapter.ipynb"]


def test_a_failing_site_build_leaves_the_old_site(tmp_path, monkeypatch):
    (tmp_path / "html").mkdir()
    (tmp_path / "html/index.html").write_text("the old one")
    monkeypatch.setattr(pipeline, "stage", lambda folder, url, edition: folder)

    def fail(command, **_):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(pipeline, "repository_url", lambda: None)
    monkeypatch.setattr(pipeline.subprocess, "run", fail)
    with pytest.raises(subprocess.CalledProcessError):
        pipeline.build_site(tmp_path)
    assert (tmp_path / "html/index.html").read_text() == "the old one"


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("https://host.example/me/book.git", "https://host.example/me/book"),
        ("git@host.example:me/book.git", "https://host.example/me/book"),
        ("ssh://git@host.example/me/book", "https://host.example/me/book"),
        ("https://token@host.example/me/book", None),
        ("file:///srv/book", None),
        ("../book", None),
    ],
)
def test_only_a_public_address_becomes_a_button(monkeypatch, value, url):
    monkeypatch.setenv("FRLIB_REPOSITORY_URL", value)
    assert pipeline.repository_url() == url


def test_buttons_exist_only_with_a_known_address():
    without, known = pipeline.site_config(None), pipeline.site_config("https://github.com/me/book")
    elsewhere = pipeline.site_config("https://host.example/me/book")
    assert "launch_buttons" not in without and "repository" not in without
    assert not without["html"]["use_edit_page_button"]
    assert known["launch_buttons"]["colab_url"] and known["html"]["use_edit_page_button"]
    assert known["repository"]["url"] == "https://github.com/me/book"
    assert "launch_buttons" not in elsewhere and elsewhere["repository"]["url"] == "https://host.example/me/book"


@pytest.mark.weekly
@pytest.mark.site
def test_a_site_with_a_known_address_builds_and_leads_to_colab_and_to_the_source(tmp_path, monkeypatch):
    monkeypatch.setenv("FRLIB_REPOSITORY_URL", "https://github.com/me/book.git")
    (tmp_path / "notebooks").mkdir()
    for path in executed_chapters():
        shutil.copy(path, tmp_path / "notebooks")
    shutil.copytree(ROOT / "_build/smoke/live", tmp_path / "live")
    pipeline.build_site(tmp_path)
    page = (tmp_path / "html/notebooks/03_toy_model.html").read_text()
    assert "colab.research.google.com/github/me/book/blob/gh-pages/_sources/notebooks/03_toy_model.ipynb" in page
    assert "https://github.com/me/book/edit/main/notebooks/03_toy_model.py" in page
    on_colab = nbformat.read(tmp_path / "html/_sources/notebooks/03_toy_model.ipynb", as_version=4)
    assert '"frlib[notebooks] @ git+https://github.com/me/book"' in on_colab.cells[1].source
    linking = nbformat.read(tmp_path / "html/_sources/notebooks/02_macroscale.ipynb", as_version=4)
    text = "".join(cell.source for cell in linking.cells if cell.cell_type == "markdown")
    assert "(https://me.github.io/book/notebooks/faces.html)" in text


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://github.com/Me/book", "https://me.github.io/book/"),
        ("https://github.com/me/me.github.io", "https://me.github.io/"),
        ("https://host.example/me/book", ""),
        (None, ""),
    ],
)
def test_the_pages_of_a_repository_have_the_address_that_github_gives_them(monkeypatch, url, site):
    monkeypatch.delenv("FRLIB_SITE_URL", raising=False)
    assert pipeline.site_address(url) == pipeline.site_config(url)["html"]["baseurl"] == site
    monkeypatch.setenv("FRLIB_SITE_URL", "https://pages.example/x")
    assert pipeline.site_address(url) == "https://pages.example/x/"


def test_frlib_is_installed_at_the_revision_of_the_published_run(monkeypatch):
    monkeypatch.delenv("FRLIB_REVISION", raising=False)
    assert pipeline.install_address(None) == ""
    assert pipeline.install_address("https://host.example/b") == "https://host.example/b"
    monkeypatch.setenv("FRLIB_REVISION", "abc")
    assert pipeline.install_address("https://host.example/b") == "https://host.example/b@abc"
    assert pipeline.install_address(None) == ""


def test_a_chapter_without_networks_downloads_nothing():
    assert pipeline.megabytes_of(ROOT / "notebooks/03_toy_model.py") == 0
    assert 50 < pipeline.megabytes_of(ROOT / "notebooks/04_pretrained_energies.py") < 250


def executed_chapters():
    return sorted((ROOT / "_build/smoke/notebooks").glob("*.ipynb"))


@pytest.mark.site
def test_every_chapter_ran_in_profile_smoke_without_an_error():
    chapters = {p.stem for p in (ROOT / "notebooks").glob("*.py")}
    assert chapters == {p.stem for p in executed_chapters()}, "`make test` runs the chapters before the tests"
    for path in executed_chapters():
        notebook = nbformat.read(path, as_version=4)
        assert notebook.metadata["frlib"]["profile"] == "smoke"
        outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
        assert outputs and not [o for o in outputs if o.output_type == "error"]
        # Warnings of other libraries do not reach the page; one of our own code is a mistake of ours.
        errors = [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
        lines = [line for text in errors for line in text.splitlines()]
        assert not [line for line in lines if "Warning:" in line and "site-packages" not in line]


@pytest.mark.site
def test_a_second_build_does_nothing():
    assert {"site", "weights", "head", "benchmarks"} < set(build.states())
    assert set(build.states().values()) == {"U"}, build.states()
