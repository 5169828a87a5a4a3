"""The exercises of every chapter are whole, and need only what a student sees."""

import ast
import functools
import re
from collections import Counter
from pathlib import Path

import jupytext
import pytest

from book import contents
from book.contents import ROOT
from book.course import editions
from book.course.exercises import HINT, KINDS, POINTS, exercises, kind_of, parts, tags
from tests.notebooks.names import bound, missing, used

CHAPTERS = [Path(name).name for name in contents.chapters()]


@functools.cache
def chapter(name: str):
    return jupytext.read(ROOT / f"notebooks/{name}.py")


@functools.cache
def exercises_of(name: str):
    return exercises(chapter(name).cells)


def visible(name: str, until: str = "") -> list[str]:
    """Return the code of the cells that a student sees before a solution, and of no solution."""
    found = []
    for _, part, label in parts(chapter(name).cells):
        if until and label == until:
            break
        if not isinstance(part, str) and not label and "remove-cell" not in tags(part):
            found.append(part.source)
    return found


def names_of(sources) -> set[str]:
    return set().union(*map(bound, sources))


def asked_calls(exercise) -> list[ast.Call]:
    """Return the calls of a check that ask for an answer."""
    [check] = exercise.checks
    return [node for node in ast.walk(ast.parse(check.source)) if isinstance(node, ast.Call) and kind_of(node)]


# ------------------------------------------------------------------------------------------------- every exercise


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_has_exercises_of_every_level(name):
    levels = Counter(exercise.level for exercise in exercises_of(name))
    assert levels.total() >= 4 and set(levels) == set(POINTS), dict(levels)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_label_is_used_once_and_ends_in_the_number_of_the_chapter(name):
    labels = [exercise.label for exercise in exercises_of(name)]
    assert labels and len(set(labels)) == len(labels)
    assert not [label for label in labels if not re.fullmatch(rf"ex-[a-z0-9-]+-{name.split('_')[0]}", label)]


@pytest.mark.parametrize("name", CHAPTERS)
def test_what_a_chapter_says_of_exercises_leads_to_one(name):
    text = "\n".join(cell.source for cell in chapter(name).cells if cell.cell_type == "markdown")
    labels = {exercise.label for other in CHAPTERS for exercise in exercises_of(other)}
    assert set(re.findall(r"`(?:[^`]*<)?(ex-[\w-]+)>?`", text)) <= labels


@pytest.mark.parametrize("name", CHAPTERS)
def test_an_exercise_has_a_hint_a_solution_and_one_check(name):
    assert exercises_of(name)
    for exercise in exercises_of(name):
        assert len(HINT.findall(exercise.question)) == 1, f"{exercise.label}: one hint, in front of the solution"
        assert exercise.words and exercise.code, f"{exercise.label}: a solution in words and in code"
        assert len(exercise.checks) == 1, f"{exercise.label}: one check"


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_check_asks_for_names_that_the_solution_sets_and_knows_a_mistake_of_each(name):
    for exercise in exercises_of(name):
        calls = asked_calls(exercise)
        assert calls, f"{exercise.label}: a check asks with one of {KINDS}"
        assert set(exercise.asked) <= bound(exercise.code), (
            f"{exercise.label}: the solution sets what the check asks for"
        )
        for call in calls:
            given = {word.arg: word.value for word in call.keywords}
            wrong = given.get("mistakes") or given.get("reasons") or call.args[-1]
            assert not isinstance(wrong, ast.Dict) or wrong.keys, f"{exercise.label}: a mistake of {call.args[0].value}"


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_student_has_a_line_for_each_name_that_is_asked_for(name):
    cells = [cell.source for cell in editions.student(chapter(name)).cells if "student" in tags(cell)]
    assert cells == [exercise.student_code for exercise in exercises_of(name)]
    for source, exercise in zip(cells, exercises_of(name), strict=True):
        assert source.startswith("# Write your code here.\n") and bound(source) == set(exercise.asked)


# --------------------------------------------------------------------------------------------- what a student sees


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_solution_needs_what_is_visible_before_it_and_no_other_exercise(name):
    for exercise in exercises_of(name):
        known = names_of(visible(name, exercise.label))
        absent = missing([cell.source for cell in exercise.solution], known)
        assert not absent, (
            f"{exercise.label}: the solution needs {sorted(absent)}, which no visible cell before it sets"
        )


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_check_reads_an_answer_once_and_nothing_else_of_the_solution(name):
    for exercise in exercises_of(name):
        known = names_of(visible(name, exercise.label)) | set(exercise.asked)
        absent = missing([cell.source for cell in exercise.checks], known)
        assert not absent, f"{exercise.label}: the check needs {sorted(absent)}, which no visible cell before it sets"
        reads = Counter(n.id for n in ast.walk(ast.parse(exercise.checks[0].source)) if isinstance(n, ast.Name))
        given = {call.args[0].value: ast.unparse(call.args[1]) for call in asked_calls(exercise)}
        assert given == {name: name for name in exercise.asked}, f"{exercise.label}: an answer is given as it is"
        often = [name for name in exercise.asked if reads[name] != 1]
        assert not often, f"{exercise.label}: the check computes with {often}, which a student has not set yet"


@pytest.mark.parametrize("name", CHAPTERS)
def test_an_exercise_changes_no_name_of_the_chapter_that_is_needed_after_it(name):
    known = names_of(visible(name))
    code = [[*exercise.solution, *exercise.checks] for exercise in exercises_of(name)]
    for k, exercise in enumerate(exercises_of(name)):
        later = [cell.source for cells in code[k + 1 :] for cell in cells]
        later += visible(name)[len(visible(name, exercise.label)) :]
        changed = names_of(cell.source for cell in code[k]) & known & missing(later)
        assert not changed, f"{exercise.label} changes {sorted(changed)}"


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_removed_cell_sets_nothing_that_a_visible_one_needs(name):
    seen, hidden = set(), set()
    for cell in (c for c in chapter(name).cells if c.cell_type == "code"):
        if "remove-cell" in tags(cell):
            hidden |= bound(cell.source) - seen
            continue
        needed = missing([cell.source], seen) & hidden
        assert not needed, f"{sorted(needed)} is set in a removed cell; needed by\n{cell.source}"
        seen |= bound(cell.source)
        hidden -= seen


@pytest.mark.site
@pytest.mark.parametrize("name", CHAPTERS)
def test_every_solution_ran_and_its_check_said_right(name):
    executed = jupytext.read(ROOT / f"_build/smoke/notebooks/{name}.ipynb")
    found = exercises(executed.cells)
    assert [exercise.label for exercise in found] == [exercise.label for exercise in exercises_of(name)]
    for exercise in found:
        [check] = exercise.checks
        said = [output.text for output in check.outputs if output.get("name") == "stdout"]
        assert "".join(said).endswith("Right.\n"), exercise.label


# ------------------------------------------------------------------------------------------------------ the names


@pytest.mark.parametrize(
    ("code", "sets", "needs"),
    [
        ("a = b", {"a"}, {"b"}),
        ("a = a + 1", {"a"}, {"a"}),
        ("import a.b as c\nfrom d import e", {"c", "e"}, set()),
        ("def f(x, y=z):\n    w = x\n    return w + v", {"f"}, {"z", "v"}),
        ("def f(x):\n    return f(x)", {"f"}, set()),
        ("a = [x + y for x in range(3)]", {"a"}, {"y"}),
        ("a = {k: (lambda t: t * k * s) for k in b}", {"a"}, {"s", "b"}),
        ("for i in range(2):\n    a = i\nprint(a, i)", {"i", "a"}, set()),
        ("with o() as f:\n    f.x", {"f"}, {"o"}),
        ("if (n := 3) > m:\n    print(n)", {"n"}, {"m"}),
        ("a, (b, *c) = d\nc", {"a", "b", "c"}, {"d"}),
        ("a.b = c[d]", set(), {"a", "c", "d"}),
    ],
)
def test_the_names_of_code_are_found(code, sets, needs):
    assert bound(code) == sets
    assert missing([code]) == needs
    assert used(code) >= needs
