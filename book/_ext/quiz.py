"""A Sphinx extension: the questions at the end of a chapter, each answer with its reason.

``quiz``
    The questions of ``book/quizzes/``, from the file that has the name of the page, or that of the argument.

Every answer is a fold that holds its reason, so that a page without a script, and a printed one, has all of them. Where
scripts run, ``quiz.js`` puts a form in front. Nothing is kept when the reader leaves the page.
"""

from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

FOLDER = "book/quizzes"  # from the folder that holds ``_config.yml``
VERDICTS = {"right": "Right.", "wrong": "Not so."}


class quiz(nodes.General, nodes.Element):
    """The questions of a chapter."""


class quiz_question(nodes.Part, nodes.Element):
    """A question: a paragraph, its answers, and the section it is about."""


class quiz_answer(nodes.Part, nodes.Element):
    """An answer: its words, and paragraphs with the reason; ``verdict`` is right or wrong."""


class quiz_choice(nodes.Part, nodes.TextElement):
    """The words of an answer."""


# --------------------------------------------------------------------------------------------------- the source


def read(path: Path) -> list[dict]:
    """Return the questions of a file, each with ``question``, ``section`` and ``answers``.

    Parameters
    ----------
    path : Path
        A list in YAML. An answer has its words under ``right`` or ``wrong``, and its reason under ``why``.

    Raises
    ------
    ValueError
        If a question lacks a part, an answer lacks its reason, or not exactly one answer is right.
    """
    questions = yaml.safe_load(path.read_text(encoding="utf-8"))
    for k, question in enumerate(questions, 1):
        where = f"{path.name}, question {k}"
        if set(question) != {"question", "section", "answers"}:
            raise ValueError(f"{where} must have question, section and answers; got {', '.join(question)}")
        kinds = [kind for answer in question["answers"] for kind in VERDICTS if kind in answer]
        if kinds.count("right") != 1 or len(kinds) < 3:
            raise ValueError(f"{where} must have one right answer and at least two wrong ones; got {kinds}")
        for answer in question["answers"]:
            if len(answer) != 2 or not set(answer) & set(VERDICTS) or not answer.get("why"):
                raise ValueError(f"{where}: an answer must have right or wrong, and why; got {answer}")
    return questions


class Quiz(SphinxDirective):
    """The questions of the page."""

    optional_arguments = 1

    def run(self):
        """Return the questions as one node."""
        name = self.arguments[0] if self.arguments else Path(self.env.docname).name
        path = Path(self.env.srcdir, FOLDER, f"{name}.yml")
        self.env.note_dependency(str(path))
        return [self.placed(quiz("", *(self.question(each) for each in read(path))))]

    def question(self, given: dict) -> nodes.Node:
        """Return one question."""
        answers = [self.answer(answer) for answer in given["answers"]]
        section = self.parse_text_to_nodes(f"The section: {{ref}}`{given['section']}`.")
        section[0]["classes"].append("frlib-quiz-section")
        return quiz_question("", *self.parse_text_to_nodes(given["question"]), *answers, *section)

    def answer(self, given: dict) -> nodes.Node:
        """Return one answer."""
        [verdict] = set(given) & set(VERDICTS)
        [words] = self.parse_text_to_nodes(str(given[verdict]))
        reason = self.parse_text_to_nodes(f"**{VERDICTS[verdict]}** {given['why']}")
        return quiz_answer("", quiz_choice("", "", *words.children), *reason, verdict=verdict)

    def placed(self, node: nodes.Node) -> nodes.Node:
        """Return a node that knows the line of the directive: what is read from a file has lines of its own."""
        for part in node.findall():
            part.line = self.lineno
        return node


# --------------------------------------------------------------------------------------------------- on the page


def html(opening: str, closing: str):
    """Return how a kind of node begins and ends in HTML; in braces stand the node's attributes."""

    def visit(writer, node):
        writer.body.append(opening.format(**node.attributes))

    def depart(writer, node):
        writer.body.append(closing)

    return visit, depart


def add_script(app, page: str, template: str, context: dict, doctree) -> None:
    """Load the script on pages with a quiz."""
    if 'class="frlib-quiz"' in context.get("body", ""):
        app.add_js_file("quiz.js", loading_method="defer", priority=905)


def setup(app):
    """Register the directive and its nodes."""
    details = html('<details class="frlib-quiz-answer" data-verdict="{verdict}">', "</details>")
    app.add_node(quiz, html=html('<ol class="frlib-quiz">', "</ol>"))
    app.add_node(quiz_question, html=html('<li class="frlib-quiz-question">', "</li>"))
    app.add_node(quiz_answer, html=details)
    app.add_node(quiz_choice, html=html("<summary>", "</summary>"))
    app.add_directive("quiz", Quiz)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
