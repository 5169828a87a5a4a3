"""A chapter is one script and one line of `_toc.yml`: all that lists chapters reads these."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from book import contents
from book.contents import ROOT

NEW = """# %% [markdown]
# # A new chapter
#
# *What is new?*
#
# ```{admonition} Goals
# :class: tip
# After this chapter you can
# * say what is new.
# ```

# %%
1
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of what lists chapters, with one more script and one more line."""
    (tmp_path / "frlib").symlink_to(ROOT / "frlib")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    shutil.copytree(ROOT / "book", tmp_path / "book")
    for name in ("README.md", "dodo.py", "_config.yml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "notebooks/07_new.py").write_text(NEW)
    text = (ROOT / "_toc.yml").read_text()
    last = "      - file: notebooks/faces\n"
    line = '      - {file: notebooks/07_new, title: "7. New"}\n'
    (tmp_path / "_toc.yml").write_text(text.replace(last, line + last))
    return tmp_path


def test_one_script_and_one_line_bring_a_chapter_into_the_build_and_the_readme(copy):
    doit = [Path(sys.executable).with_name("doit"), "profile=book"]
    listed = subprocess.run([*doit, "list", "--all"], cwd=copy, capture_output=True, text=True)
    assert "chapter:07_new" in listed.stdout, listed.stderr
    assert subprocess.run([*doit, "readme"], cwd=copy, capture_output=True).returncode == 0
    row = "| [7. New](notebooks/07_new.py) | What is new? |\n"
    assert (copy / "README.md").read_text().replace(row, "") == (ROOT / "README.md").read_text()
    assert row in (copy / "README.md").read_text()


def test_the_pages_that_list_chapters_read_the_contents():
    lists = {p.name: p.read_text().count("{chapter-list}") for p in (ROOT / "book").glob("*.md")}
    assert {name for name, count in lists.items() if count} == {"intro.md", "teaching.md"}
    assert contents.readme_list() in (ROOT / "README.md").read_text(), "`make book` lists the chapters in the README"


def test_every_script_is_in_the_contents():
    assert {p.stem for p in (ROOT / "notebooks").glob("*.py")} == {Path(name).name for name in contents.chapters()}


@pytest.mark.parametrize("opening", ["", "# T\n\ntext", "# T\n\n*Why?*\n\ntext", "*Why?*"])
def test_a_chapter_that_does_not_say_its_question_is_named(opening):
    notebook = {"cells": [{"source": opening}]} if opening else {}
    with pytest.raises(ValueError, match=r"^notebooks/x must begin with `# Title`, its question"):
        contents.question_and_goals(notebook, "notebooks/x")
