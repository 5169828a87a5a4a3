"""The two editions of the book: the student's, with a cell to write in in place of each solution, and the teacher's.

Both are made from the one source. An edition says what becomes of a notebook and of the table of contents.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from book.contents import ROOT
from book.course.exercises import exercises, parts, tags

LESSONS = "book/lessons"
FOLDED = "hide-input"


@dataclass(frozen=True)
class Edition:
    """What a site shows.

    Attributes
    ----------
    name : str
    notebook : callable
        Turns a chapter, as a notebook, into that of the edition.
    contents : callable
        Turns the content of ``_toc.yml`` into that of the edition.
    """

    name: str
    notebook: Callable
    contents: Callable


def student(notebook):
    """Return a chapter without solutions: hints stay, and so do checks, folded and without their output.

    Parameters
    ----------
    notebook : NotebookNode
        Read from a py:percent script, or executed. It is not changed.

    Raises
    ------
    ValueError
        If an exercise is not as it must be; see `book.course.exercises`.
    """
    whole = copy.deepcopy(notebook)
    known = {exercise.label: exercise for exercise in exercises(whole.cells)}
    texts, kept = {}, {}
    for place, part, label in parts(whole.cells):
        if isinstance(part, str):
            texts.setdefault(place, []).append("" if label else part)
        elif not label:
            kept[place] = part
        elif "check" in tags(part) or part is known[label].solution[0]:
            kept[place] = _to_do(part, known[label])
    for place, pieces in texts.items():
        if text := "".join(pieces).strip():
            kept[place] = whole.cells[place]
            kept[place].source = text
    whole.cells = [kept[place] for place in sorted(kept)]
    return whole


def _to_do(cell, exercise):
    """Return a check, or the first cell of a solution, as a student finds it."""
    is_check = "check" in tags(cell)
    if not is_check:
        cell.source = exercise.student_code
    cell.metadata["tags"] = ["check", FOLDED] if is_check else ["student"]
    if is_check:
        cell.metadata["mystnb"] = {"code_prompt_show": "Show the check", "code_prompt_hide": "Hide the check"}
    cell.update(outputs=[], execution_count=None)
    return cell


def whole(notebook):
    """Return a chapter as it is."""
    return notebook


def without_lessons(contents: dict) -> dict:
    """Return a table of contents without the pages for teachers."""
    parts = [
        {**part, "chapters": [page for page in part["chapters"] if not _is_lesson(page)]} for part in contents["parts"]
    ]
    return {**contents, "parts": [part for part in parts if part["chapters"]]}


def with_lessons(contents: dict, root: Path = ROOT) -> dict:
    """Return a table of contents with the pages for teachers."""
    files = sorted(file.relative_to(root).with_suffix("").as_posix() for file in (root / LESSONS).glob("*.md"))
    lessons = [{"caption": "Lessons", "chapters": [{"file": file} for file in files]}] if files else []
    return {**contents, "parts": [*without_lessons(contents)["parts"], *lessons]}


def _is_lesson(page: dict) -> bool:
    return page["file"].startswith(f"{LESSONS}/")


STUDENT = Edition("student", student, without_lessons)
INSTRUCTOR = Edition("instructor", whole, with_lessons)
