"""The assignments of a class, in the format of nbgrader: notebooks in which only the metadata of cells say more.

The students need no tool for it, and neither does the build. A teacher generates, collects and grades with nbgrader.
"""

import re
import zipfile
from pathlib import Path

import nbformat

from book import contents
from book.course.exercises import exercises
from book.whole import written

PROFILE = re.compile(r"(?m)^profile = \S+")
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
CONFIGURATION = """# nbgrader hands out the lines above a solution, and nothing in its place.
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "face_embeddings"
c.ClearSolutions.code_stub = {"python": ""}
c.Execute.timeout = 600
"""
READ_ME = """# Assignments

One for each chapter, for nbgrader. In a copy of the book's repository, `pip install -c constraints.txt -e ".[course]"`
installs it. In this folder:

```
nbgrader generate_assignment 03_toy_model
nbgrader autograde 03_toy_model
nbgrader export
```

The first line makes `release/03_toy_model/03_toy_model.ipynb`, which you hand out. What comes back from a student goes
to `submitted/STUDENT/03_toy_model/03_toy_model.ipynb`; the second line runs and grades it. The third writes
`grades.csv`.

A check counts all or nothing: 1 point for an easy exercise, 2 for a medium one, 3 for a hard one. The notebooks run in
profile smoke, about a minute each. They need the packages of `frlib[notebooks]`. Cells with checks are handed out as
they are: who reads their code can find the answer. Grade the reasons too.
"""


def assignment(published, chapter):
    """Return a chapter as nbgrader takes it from a teacher: solutions stand between marks below the student's lines.

    Parameters
    ----------
    published : NotebookNode
        The student's notebook, with the ids of the chapter's code cells.
    chapter : NotebookNode
        The chapter with its solutions.
    """
    cells = {cell.id: cell for cell in published.cells}
    for exercise in exercises(chapter.cells):
        answer, check = cells[exercise.solution[0].id], cells[exercise.checks[0].id]
        answer.source = f"{exercise.student_code}\n{BEGIN}\n{exercise.code}\n{END}"
        answer.metadata["nbgrader"] = _roles(exercise.label, solution=True)
        check.metadata["nbgrader"] = _roles(f"{exercise.label}-check", grade=True, locked=True)
        check.metadata["nbgrader"]["points"] = exercise.points
    for cell in published.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source = PROFILE.sub('profile = "smoke"', cell.source)
    published.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return published


def _roles(name: str, **roles: bool) -> dict:
    """Return nbgrader's metadata of a cell."""
    none = {"grade": False, "solution": False, "locked": False, "task": False}
    return none | roles | {"schema_version": 3, "grade_id": name}


def build(published: Path, executed: Path, target: Path) -> None:
    """Write the archive.

    Parameters
    ----------
    published : Path
        Folder with the student's notebooks.
    executed : Path
        Folder with the executed chapters.
    target : Path
        The archive. It is the same, byte for byte, when it is written again.
    """
    files = {"README.md": READ_ME, "nbgrader_config.py": CONFIGURATION}
    for name in (Path(name).name for name in contents.chapters()):
        student, whole = (nbformat.read(folder / f"{name}.ipynb", as_version=4) for folder in (published, executed))
        files[f"source/{name}/{name}.ipynb"] = nbformat.writes(assignment(student, whole))
    with written(target) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
