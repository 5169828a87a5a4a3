"""The lesson pages of `book/lessons`, read as data: slides are made from them, and tests hold them to their form.

A lesson has the name of its chapter. Its plan is a list of steps; a step may ask before it shows a figure::

    ### 10 min. The title of the step

    What the teacher does.

    Ask
    : The question, as students read it.

    Show
    : {numref}`fig-name`

    They say
    : What students usually answer.

    Point at
    : Where to look.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from book.contents import ROOT

FOLDER = ROOT / "book/lessons"
TITLE = re.compile(r"\A(?:\(\S+\)=\n)?# (.+)\n")
SECTION = re.compile(r"(?ms)^## (.+?)\n(.*?)(?=^## |\Z)")
STEP = re.compile(r"(?ms)^### (\d+) min\. (.+?)\n(.*?)(?=^### |\Z)")
PART = re.compile(r"(?ms)^(Ask|Show|They say|Point at)\n: +(.*?)(?=\n\n|\Z)")
FIGURE = re.compile(r"\{numref\}`(fig-[\w-]+)`")
SECTIONS = ("Objectives", "Before the session", "Misconceptions", "Plan", "To take home", "Homework", "If it breaks")


@dataclass(frozen=True)
class Step:
    """A step of a plan.

    Parameters
    ----------
    minutes : int
    title, text : str
    ask, say, point : str
        The question, the usual answers, and where to look; empty where the step has none.
    figures : list of str
        Labels of the figures that are shown after the question.
    """

    minutes: int
    title: str
    text: str
    ask: str = ""
    figures: list[str] = field(default_factory=list)
    say: str = ""
    point: str = ""


@dataclass(frozen=True)
class Lesson:
    """A lesson page: its chapter, title, sections by heading, and the steps of its plan."""

    chapter: str
    title: str
    sections: dict[str, str]
    steps: list[Step]


def lessons(folder: Path = FOLDER) -> list[Lesson]:
    """Return the lessons in the order of their names."""
    return [read(path) for path in sorted(folder.glob("*.md"))]


def read(path: Path) -> Lesson:
    """Return what a lesson page says.

    Raises
    ------
    ValueError
        If it has no title, its sections are not those of every lesson, or its plan has no steps.
    """
    text = path.read_text(encoding="utf-8")
    title, sections = TITLE.search(text), {name: body.strip() for name, body in SECTION.findall(text)}
    if not title or tuple(sections) != SECTIONS:
        raise ValueError(f"{path.name} must have a title and the sections {', '.join(SECTIONS)}; got {list(sections)}")
    steps = [step(int(minutes), title, body) for minutes, title, body in STEP.findall(sections["Plan"])]
    if not steps:
        raise ValueError(f"the plan of {path.name} must have steps such as `### 10 min. Title`; got none")
    return Lesson(path.stem, title[1], sections, steps)


def step(minutes: int, title: str, body: str) -> Step:
    """Return a step from the text below its heading.

    Raises
    ------
    ValueError
        If it shows a figure without a question before it, or has a question without what students say.
    """
    parts = {name: " ".join(text.split()) for name, text in PART.findall(body)}
    figures = FIGURE.findall(parts.get("Show", ""))
    if figures and "Ask" not in parts or "Ask" in parts and "They say" not in parts:
        raise ValueError(f"the step {title!r} must have Ask, before Show, and They say; got {list(parts)}")
    text = PART.sub("", body).strip()
    words = (parts.get(name, "") for name in ("They say", "Point at"))
    return Step(minutes, title, text, parts.get("Ask", ""), figures, *words)
