"""The exercises of a chapter: question, hint, solution and check of each, and the student's cell that follows.

A solution stands between ``{solution-start}`` and ``{solution-end}``: words, code cells tagged ``solution``, and one
tagged ``check``. The same functions read a py:percent script and an executed notebook.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

POINTS = {"easy": 1, "medium": 2, "hard": 3}
KINDS = ("number", "choice", "table", "function")
BEGINNING = "# Write your code here."
GATE = re.compile(r"(?m)^(`{3,})\{solution-(start|end)\} *(\S*) *\n(?::.*\n)*\1 *$\n?")
QUESTION = re.compile(
    r"(?ms)^(?P<ticks>`{3,})\{exercise\} (?P<title>[^\n]+) \((?P<level>\w+)\)\n"
    r":label: (?P<label>\S+)\n.*?^(?P=ticks) *$"
)
HINT = re.compile(r"(?m)^`{3,}\{admonition\} Hint\n:class: dropdown hint$")


@dataclass
class Exercise:
    """One exercise of a chapter.

    Attributes
    ----------
    label, title, level : str
    question : str
        The Markdown up to the solution, from the end of the last one.
    words : list of str
        The Markdown of the solution.
    solution, checks : list of NotebookNode
        Code cells. An exercise that is whole has one check.
    """

    label: str
    title: str
    level: str
    question: str
    words: list[str] = field(default_factory=list)
    solution: list = field(default_factory=list)
    checks: list = field(default_factory=list)

    @property
    def points(self) -> int:
        """What a right answer counts."""
        return POINTS[self.level]

    @property
    def code(self) -> str:
        """The code of the solution, as one cell."""
        return "\n\n".join(cell.source for cell in self.solution)

    @property
    def asked(self) -> dict[str, str]:
        """The names that the check asks for, in its order, and the kind of each."""
        return asked_for("\n".join(cell.source for cell in self.checks))

    @property
    def student_code(self) -> str:
        """What stands in the student's cell."""
        return student_code(self.asked, self.code)


def tags(cell) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", ()))


def parts(cells) -> Iterator[tuple[int, object, str]]:
    """Yield the place of each code cell and each piece of Markdown, and the label of the solution that it is part of.

    Raises
    ------
    ValueError
        If a solution does not end, ends without a beginning, or is not between two gates.
    """
    inside = ""
    for place, cell in enumerate(cells):
        if cell.cell_type != "markdown":
            yield place, cell, inside
            continue
        if alone := re.search(r".*\{solution\}.*", cell.source):
            raise ValueError(f"a solution must stand between solution-start and solution-end; got {alone[0]!r}")
        text, *gates = GATE.split(cell.source)
        yield place, text, inside
        for _, kind, label, text in zip(*(iter(gates),) * 4, strict=True):
            if (kind == "start") == bool(inside):
                raise ValueError(
                    f"a solution-{kind} in the wrong place, in or after the solution {inside or 'of none'!r}"
                )
            inside = label if kind == "start" else ""
            yield place, text, inside
    if inside:
        raise ValueError(f"the solution {inside!r} must end with solution-end")


def exercises(cells) -> list[Exercise]:
    """Return the exercises of a chapter in their order.

    Raises
    ------
    ValueError
        If a solution has no question with its label and a level in front of it, or an exercise no solution.
    """
    found, before = [], ""
    for _, part, label in parts(cells):
        if not label:
            before += f"{part}\n" if isinstance(part, str) else ""
            continue
        if not found or found[-1].label != label:
            found.append(_exercise(before, label))
            before = ""
        _add(found[-1], part)
    if alone := QUESTION.search(before):
        raise ValueError(f"the exercise {alone['label']!r} must have a solution")
    return found


def _exercise(question: str, label: str) -> Exercise:
    """Return the exercise that a text in front of a solution asks for."""
    asked = [match for match in QUESTION.finditer(question) if match["level"] in POINTS]
    if [match["label"] for match in asked] != [label]:
        labels = [match["label"] for match in asked]
        raise ValueError(f"the solution {label!r} must follow its exercise, with a level; it follows {labels}")
    [match] = asked
    return Exercise(label, match["title"], match["level"], question)


def _add(exercise: Exercise, part) -> None:
    """Put a part of a solution where it belongs."""
    if isinstance(part, str):
        exercise.words += [part.strip()] if part.strip() else []
        return
    for tag, cells in (("solution", exercise.solution), ("check", exercise.checks)):
        if tag in tags(part):
            cells.append(part)
            return
    raise ValueError(f"a code cell of {exercise.label!r} must be tagged solution or check; got {part.source!r}")


# ---------------------------------------------------------------------------------------------- the student's cell


def asked_for(check: str) -> dict[str, str]:
    """Return the names that the code of a check asks for, in its order, and the kind of each."""
    calls = [node for node in ast.walk(ast.parse(check)) if isinstance(node, ast.Call) and kind_of(node)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    return {ast.literal_eval(call.args[0]): kind_of(call) for call in calls}


def kind_of(call: ast.Call) -> str:
    """Return which kind of answer a call asks for; empty if it is no such call."""
    of_course = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "course"
    return call.func.attr if of_course and call.func.attr in KINDS else ""


def student_code(asked: dict[str, str], solution: str) -> str:
    """Return a line for each name that is asked for; a function has the arguments that it has in the solution."""
    functions = {node.name: node for node in ast.parse(solution).body if isinstance(node, ast.FunctionDef)}
    lines = [BEGINNING]
    for name, kind in asked.items():
        if kind == "function" and name in functions:
            lines.append(f"def {name}({ast.unparse(functions[name].args)}):\n    return ...")
        else:
            lines.append(f"{name} = ...")
    return "\n".join(lines)
