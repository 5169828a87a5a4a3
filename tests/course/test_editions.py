"""The student's edition of a chapter: what it keeps, what it hides, and what a student writes into it."""

import copy

import jupytext
import nbformat
import pytest

from book import pipeline
from book.contents import ROOT
from book.course import editions, exercises
from tests.course.small_chapter import SOURCE, chapter, tagged
from tests.site.small_book import build

PARAMETERS = {"profile": "smoke", "seed": 1, "device": "cpu"}


def text(notebook, kind="") -> str:
    return "\n".join(cell.source for cell in notebook.cells if kind in cell.cell_type)


def test_the_exercises_of_a_chapter_are_read():
    found = exercises.exercises(chapter().cells)
    assert [(e.label, e.title, e.level, e.points) for e in found] == [
        ("ex-mean-small", "The mean", "easy", 1),
        ("ex-square-small", "The square", "medium", 2),
        ("ex-gaps-small", "The gaps", "hard", 3),
    ]
    assert [e.asked for e in found] == [
        {"mean": "number", "word": "choice"},
        {"square": "function"},
        {"gaps": "table"},
    ]
    assert [e.words for e in found] == [["Add and divide: secret words.", "More secret words."], [], []]
    assert found[0].code == 'secret = len(points)\n\nmean = sum(points) / secret\nword = "even"'
    assert all(exercises.HINT.search(e.question) and len(e.checks) == 1 for e in found)


def test_the_cells_of_the_student_follow_from_the_checks():
    assert [cell.source for cell in tagged(editions.student(chapter()), "student")] == [
        "# Write your code here.\nmean = ...\nword = ...",
        "# Write your code here.\ndef square(x, times=2):\n    return ...",
        "# Write your code here.\ngaps = ...",
    ]


def test_solutions_and_their_words_are_gone_and_all_else_stays():
    notebook = editions.student(chapter())
    assert "secret" not in text(notebook) and "solution" not in text(notebook)
    kept = (
        "What is the mean",
        "Four numbers.",
        "There are three.",
        "To discuss: why so small?",
        "hidden = points.sum()",
    )
    assert all(words in text(notebook) for words in kept)
    outside = [c.source for c in chapter().cells if c.cell_type == "code" and not exercises.tags(c) & {"solution"}]
    inside = [c.source for c in notebook.cells if c.cell_type == "code" and not exercises.tags(c) & {"student"}]
    assert inside == outside
    assert all("hide-input" in cell.metadata["tags"] for cell in tagged(notebook, "check"))


def test_an_edition_leaves_its_source_as_it_is():
    source, before = chapter(), chapter()
    for cell, twin in zip(source.cells, before.cells, strict=True):
        cell.id = twin.id
    editions.student(source)
    assert source == before


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The chapter after a run in a fresh kernel, as the build makes it."""
    folder = tmp_path_factory.mktemp("small")
    return run(SOURCE, folder)


def run(source: str, folder):
    script, target = folder / "small.py", folder / "notebooks/small.ipynb"
    script.write_text(source)
    pipeline.execute(script, target, PARAMETERS)
    return nbformat.read(target, as_version=4)


def printed(cell) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


@pytest.mark.slow
def test_solutions_pass_their_checks_where_the_book_is_built(executed):
    assert [printed(cell) for cell in tagged(executed, "check")] == ["Right.\n"] * 3


@pytest.mark.slow
def test_an_executed_chapter_gives_the_same_notebook_without_answers(executed):
    notebook = editions.student(executed)
    ours = [cell.source.replace('"smoke"', '"book"') for cell in editions.student(chapter()).cells]
    found = [cell.source.replace("'smoke'", '"book"') for cell in notebook.cells]
    assert [o.replace("seed = 0", "seed = 1").replace('"auto"', "'cpu'") for o in ours] == found
    assert "Right." not in nbformat.writes(notebook)
    assert [c.id for c in tagged(notebook, "check")] == [c.id for c in tagged(executed, "check")]
    nbformat.validate(notebook)


@pytest.mark.slow
def test_what_a_student_writes_into_the_cells_passes_in_a_fresh_kernel(tmp_path):
    notebook = editions.student(chapter())
    answers = [
        "mean, word = points.mean(), 'even'",
        "square = lambda x, times=2: pow(x, times)",
        "gaps = np.diff(points)",
    ]
    for cell, answer in zip(tagged(notebook, "student"), answers, strict=True):
        cell.source = answer
    executed = run(jupytext.writes(notebook, fmt="py:percent"), tmp_path)
    assert [printed(cell) for cell in tagged(executed, "check")] == ["Right.\n"] * 3


@pytest.mark.slow
def test_a_site_for_students_publishes_no_solution(executed, tmp_path):
    (tmp_path / "notebooks").mkdir()
    nbformat.write(editions.student(executed), tmp_path / "notebooks/small.ipynb")
    config = {"bibtex_bibfiles": [str(ROOT / "book/references.bib")]}
    site = build(tmp_path, ["notebooks/small"], "sphinx_exercise", "frbook", "published_notebook", **config)
    for file in (f for f in site.rglob("*") if f.suffix in {".html", ".ipynb", ".js"} and f.parent.name != "_static"):
        assert "secret" not in file.read_text() and "Right." not in file.read_text(), file
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]
    assert len(pages) > 3 and all('http-equiv="Content-Security-Policy"' in page.read_text() for page in pages)
    assert (site / "notebooks/small.html").read_text().count("Show the check") == 3
    published = nbformat.read(site / "_sources/notebooks/small.ipynb", as_version=4)
    code = [cell.source for cell in published.cells if cell.cell_type == "code"]
    assert [source for source in code if source.startswith("# Write your code here.")] == [
        exercise.student_code for exercise in exercises.exercises(executed.cells)
    ]
    folded = [cell.source for cell in published.cells if cell.metadata.get("jupyter", {}).get("source_hidden")]
    assert len([source for source in folded if source.startswith("# @title Check\ncourse.check(")]) == 3


WRONG = {
    "a solution without gates": (
        ("````{solution-start} ex-mean-small", "````{solution} ex-mean-small"),
        "a solution must stand between solution-start and solution-end",
    ),
    "a solution in a solution": (
        ("# Add and divide: secret words.", "# ````{solution-start} ex-x\n# ````"),
        "a solution-start in the wrong place, in or after the solution 'ex-mean-small'",
    ),
    "a solution that does not end": (
        ("# ````{solution-end}\n# ````\n#\n# To discuss", "# To discuss"),
        "the solution 'ex-gaps-small' must end with solution-end",
    ),
    "another label": (
        (":label: ex-mean-small", ":label: ex-other"),
        r"the solution 'ex-mean-small' must follow its exercise, with a level; it follows \['ex-other'\]",
    ),
    "another level": (("The mean (easy)", "The mean (open)"), r"with a level; it follows \[\]"),
    "no solution": (
        ("# To discuss: why so small?", "# ```{exercise} Last (easy)\n# :label: ex-last\n# ```"),
        "the exercise 'ex-last' must have a solution",
    ),
    "a cell without a tag": (
        ('# %% tags=["solution"]\nsecret', "# %%\nsecret"),
        "a code cell of 'ex-mean-small' must be tagged solution or check; got 'secret = len",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_an_exercise_that_is_not_whole_is_named(fault):
    (old, new), message = WRONG[fault]
    assert old in SOURCE
    notebook = jupytext.reads(SOURCE.replace(old, new), fmt="py:percent")
    with pytest.raises(ValueError, match=message):
        editions.student(notebook)


def test_an_edition_has_no_button_that_leads_to_the_book_with_its_solutions(monkeypatch):
    monkeypatch.setenv("FRLIB_REPOSITORY_URL", "https://github.com/me/book")
    monkeypatch.setenv("FRLIB_SITE_URL", "https://pages.example/x")
    monkeypatch.delenv("FRLIB_REVISION", raising=False)
    config = pipeline.edition_config(pipeline.repository_url())
    assert "launch_buttons" not in config and "repository" not in config and config["html"]["baseurl"] == ""
    assert not [name for name, value in config["html"].items() if name.endswith("_button") and value]
    assert config["sphinx"]["config"]["frlib_address"] == "https://github.com/me/book"


def test_no_page_of_the_book_leads_to_the_pages_for_teachers():
    pages = [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.py")]
    assert not [page.name for page in pages if "lessons/" in page.read_text()]


def test_only_teachers_see_the_pages_for_teachers(tmp_path):
    (tmp_path / "book/lessons").mkdir(parents=True)
    for name in ("session_2.md", "session_1.md"):
        (tmp_path / "book/lessons" / name).write_text("# Session\n")
    toc = {"root": "a", "parts": [{"caption": "A", "chapters": [{"file": "b"}, {"file": "book/lessons/session_1"}]}]}
    before = copy.deepcopy(toc)
    students, teachers = editions.without_lessons(toc), editions.with_lessons(toc, tmp_path)
    assert toc == before
    assert students == {"root": "a", "parts": [{"caption": "A", "chapters": [{"file": "b"}]}]}
    pages = [{"file": "book/lessons/session_1"}, {"file": "book/lessons/session_2"}]
    assert teachers["parts"] == [*students["parts"], {"caption": "Lessons", "chapters": pages}]
