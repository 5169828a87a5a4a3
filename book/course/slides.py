"""Slides of each session: questions of its lesson page, figures of the executed chapters, notes for the speaker.

A deck is one page for reveal.js, which comes from npm with its sha256 written here. Extensions that make slides of a
whole document (nbconvert, sphinx-revealjs) would show the chapter once more; a lesson needs its figures only, each
behind a question. Charts and widgets are drawn by the scripts of the site, so that decks work from the disk. A script
that stands in the text of a slide, or in the output of a cell, is not run.
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from markupsafe import Markup

from book import contents, whole
from book._ext import vendor
from book.course.lessons import Lesson, lessons
from frlib.models.convert.packages import Package, RemoteFile, fetch
from frlib.view.content_policy import SITE, content_policy, inline_scripts, with_policy

PACKAGE = Package("npm", "reveal.js", "5.2.1", 2_377_747)
REVEAL = tuple(
    RemoteFile(PACKAGE, f"package/{path}", sha256)
    for path, sha256 in {
        "dist/reveal.js": "46538b52db48724192f59bf46f5e851a18e302777c46f4a34c32709d010d6a29",
        "dist/reveal.css": "68f915a11ebf7203c0446576b7e952ff61c5dd02134a8a226ffaf62ed42136d2",
        "dist/reset.css": "1aa8e84c9cabcbfe4d95b19879fe48b9c2c5e6d54574cbe679bc22edb9fe12b6",
        "plugin/notes/notes.js": "df1201d19d03241a2897d39c3d38768177df1cbd4bde06327b321cb83461ae89",
        "LICENSE": "34014800f4126ac2525e224166f099f26628612e95c41f76d70841b63138c989",
    }.items()
)
HERE = Path(__file__).parent
ROLE = re.compile(r"\{\w+\}`(?:([^`<]+?)\s*<[^`>]+>|([^`]+))`")
NAMED = re.compile(r'(id|data-target)="(frlib-[\w-]+)"')
#: The window for the speaker, as a text in the script that opens it.
SPEAKER = re.compile(r'document\.write\(("(?:[^"\\]|\\.)*")\)')


@dataclass(frozen=True)
class Figure:
    """A figure of an executed chapter: its HTML and its caption."""

    html: str
    caption: str


def figures(folder: Path) -> dict[str, Figure]:
    """Return the figures of all executed chapters of a folder, by label."""
    found = {}
    for name in contents.chapters():
        for cell in nbformat.read(folder / f"{name}.ipynb", as_version=4).cells:
            if about := cell.metadata.get("mystnb", {}).get("figure"):
                found[about["name"]] = Figure("".join(map(shown, cell.outputs)), about["caption"])
    return found


def shown(output) -> str:
    """Return an output of a cell as HTML; empty where a page would not show it."""
    data = output.get("data", {})
    if "text/html" in data:
        return data["text/html"]
    if "image/png" in data:
        words = escape(data.get("text/plain", "figure"))
        return f'<img alt="{words}" src="data:image/png;base64,{data["image/png"]}">'
    return ""


def placed(figure: Figure, number: int) -> Markup:
    """Return a figure's HTML with ids that no other slide has: chapters count their figures from one each."""
    return Markup(NAMED.sub(rf'\1="\2-{number}"', figure.html))


def words(text: str) -> Markup:
    """Return Markdown as HTML; of a reference only its words stay, for a slide has no page to lead to."""
    plain = ROLE.sub(lambda match: match[1] or "", text)
    return Markup(MarkdownIt().render(plain))


def question_of(chapter: str, notebooks: Path) -> tuple[str, str]:
    """Return the title and the question of a chapter."""
    notebook = nbformat.read(notebooks / f"{chapter}.ipynb", as_version=4)
    title = re.match(r"# (.+)", notebook.cells[0].source)[1]
    return title, contents.question_and_goals(notebook, chapter)[0]


def deck(lesson: Lesson, known: dict[str, Figure], notebooks: Path) -> str:
    """Return the page with the slides of a lesson.

    Raises
    ------
    ValueError
        If the lesson shows a figure that no chapter has.
    """
    labels = [label for step in lesson.steps for label in step.figures]
    if missing := [label for label in labels if label not in known]:
        raise ValueError(f"{lesson.chapter} must show figures of the chapters; got {', '.join(missing)}")
    pictures = {label: (placed(known[label], k), known[label].caption) for k, label in enumerate(labels)}
    widgets = {name for picture, _ in pictures.values() for name in re.findall(r'data-widget="(\w+)"', picture)}
    title, question = question_of(lesson.chapter, notebooks)
    about = {"title": title, "question": question, "pictures": pictures, "widgets": sorted(widgets)}
    return template("deck.html").render(lesson=lesson, **about)


def template(name: str):
    """Return a template of this folder, whose text may hold Markdown."""
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["words"] = words
    return environment.get_template(name)


def build(folder: Path, target: Path) -> None:
    """Write one deck for each lesson, and what they load, into a folder; what was there is replaced.

    Parameters
    ----------
    folder : Path
        Of the profile, with the executed chapters in ``notebooks/``.
    target : Path
    """
    new = target.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    write_scripts(new / "vendor")
    known, taught = figures(folder), lessons()
    pages = {f"{lesson.chapter}.html": deck(lesson, known, folder / "notebooks") for lesson in taught}
    titles = {f"{lesson.chapter}.html": lesson.title for lesson in taught}
    write_pages(pages | {"index.html": template("decks.html").render(titles=titles)}, new)
    whole.put(new, target)


def write_pages(pages: Mapping[str, str], folder: Path) -> None:
    """Write pages, by file name, into the folder of what they load; each with its content security policy."""
    policy = policy_of((folder / "vendor/notes.js").read_text(encoding="utf-8"))
    for name, html in pages.items():
        (folder / name).write_text(with_policy(html, policy), encoding="utf-8")


def policy_of(notes: str) -> str:
    """Return the policy of all decks.

    The window for the speaker has the policy of the deck that opens it; it has one script, and frames with the deck.

    Parameters
    ----------
    notes : str
        The script of reveal.js that opens this window, with its page as a text.
    """
    written = SPEAKER.search(notes)[1]
    page = json.loads(re.sub(r"\\x(..)", r"\\u00\1", written))
    return content_policy(inline_scripts(page), own=SITE, more={"frame-src": SITE})


def write_scripts(folder: Path) -> None:
    """Write what decks load: reveal.js, the scripts that draw figures, and styles."""
    vendor.write_drawing(folder)
    fetch(REVEAL, progress=False)
    for file in REVEAL:
        shutil.copy(file.local, folder / file.local.name.replace("LICENSE", "reveal.LICENSE"))
    for file in (HERE / "deck.css", HERE / "deck.js", *(HERE.parent / "assets").glob("frbook.*")):
        shutil.copy(file, folder)
