"""Assignments of a class: nbgrader opens what the build writes, hands out what the book derives, and grades it."""

import csv
import os
import subprocess
import sys
import zipfile

import nbformat
import pytest

from book import contents
from book.course import assignments, editions
from book.environments import ROOT, linked, project, run
from tests.course.small_chapter import chapter, tagged


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Return the archive of a book with one small chapter."""
    folder, whole = tmp_path_factory.mktemp("book"), chapter()
    for name, notebook in {"student": editions.student(whole), "executed": whole}.items():
        (folder / name).mkdir()
        nbformat.write(notebook, folder / name / "small.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "chapters", lambda: {"notebooks/small": "Small"})
        for name in ("assignments.zip", "again.zip"):
            assignments.build(folder / "student", folder / "executed", folder / name)
    return folder / "assignments.zip"


@pytest.fixture(scope="module")
def course(archive):
    """Return the folder that a teacher gets from the archive."""
    folder = archive.parent / "course"
    zipfile.ZipFile(archive).extractall(folder)
    return folder


def read(folder):
    return nbformat.read(folder / "small/small.ipynb", as_version=4)


def test_the_archive_is_the_same_when_it_is_written_again(archive):
    assert archive.read_bytes() == archive.with_name("again.zip").read_bytes()


def test_a_check_has_the_points_of_its_level_and_is_locked(course):
    notebook = read(course / "source")
    roles = {c.metadata.nbgrader.grade_id: c.metadata.nbgrader for c in notebook.cells if "nbgrader" in c.metadata}
    points = {"ex-mean-small": 1, "ex-square-small": 2, "ex-gaps-small": 3}
    assert {name: roles[f"{name}-check"].points for name in points} == points
    assert all(roles[f"{name}-check"].locked and roles[f"{name}-check"].grade for name in points)
    assert all(roles[name].solution and not roles[name].grade for name in points) and len(roles) == 6
    assert 'profile = "smoke"  # smoke, book or paper' in tagged(notebook, "parameters")[0].source


@pytest.fixture(scope="module")
def nbgrader(course, tmp_path_factory):
    """Return a function that calls nbgrader, in an environment that pip has added it to as a teacher does."""
    python = linked(tmp_path_factory.mktemp("grading"), ROOT, "frlib", "ipykernel")
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile", "--constraint"]
    [needed] = [need for need in project()["optional-dependencies"]["course"] if need.startswith("nbgrader")]
    environment = os.environ | {"PIP_CONSTRAINT": os.devnull}
    done = subprocess.run([*command, ROOT / "constraints.txt", needed], capture_output=True, text=True, env=environment)
    if done.returncode:
        pytest.skip(f"the package registry cannot be reached: {done.stderr[-500:]}")

    def call(*arguments):
        with pytest.MonkeyPatch.context() as patch:  # nbgrader looks for the command alembic
            patch.setenv("PATH", str(python.parent), prepend=os.pathsep)
            done = run(python, "-m", "nbgrader", *arguments, cwd=course)
        assert done.returncode == 0, done.stderr[-3000:]

    call("generate_assignment", "small")
    return call


@pytest.mark.weekly
@pytest.mark.network
def test_nbgrader_hands_out_what_the_book_derives(nbgrader, course):
    handed_out, ours = read(course / "release"), editions.student(chapter())
    code = [cell.source.rstrip() for cell in handed_out.cells if cell.cell_type == "code"]
    expected = [c.source.replace('"book"', '"smoke"') for c in ours.cells if c.cell_type == "code"]
    assert code == expected


@pytest.mark.weekly
@pytest.mark.network
def test_nbgrader_gives_all_points_none_and_all_but_those_of_one_wrong_answer(nbgrader, course):
    solved = read(course / "source")
    wrong = read(course / "source")
    [cell] = [cell for cell in wrong.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "ex-square-small"]
    cell.source = cell.source.replace("x**times", "x * times")
    for student, notebook in {"solved": solved, "untouched": read(course / "release"), "wrong": wrong}.items():
        folder = course / "submitted" / student / "small"
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / "small.ipynb")
    nbgrader("autograde", "small", "--create")
    nbgrader("export")
    with (course / "grades.csv").open() as file:
        scores = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    assert scores == {"solved": (6, 6), "untouched": (0, 6), "wrong": (4, 6)}
    graded = nbformat.read(course / "autograded/wrong/small/small.ipynb", as_version=4)
    errors = [o.evalue for c in graded.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "error"]
    assert errors == ["`square`: That is twice."]
