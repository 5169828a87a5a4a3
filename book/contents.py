"""The contents of the book: `_toc.yml` lists the chapters; title, question and goals stand where a chapter begins.

The introduction, the teaching page and the README show this list, so a chapter is one script and one line of
`_toc.yml`.
"""

import re
from pathlib import Path

import yaml

from book import whole

ROOT = Path(__file__).resolve().parent.parent
OPENING = r"# .+\n\n\*(.+)\*\n\n(?:```{one-minute} .*?```\n\n)?```{admonition} Goals\n(.*?)```"
LIST = re.compile(r"(?<=<!-- chapters -->\n).*(?=<!-- end of chapters -->)", re.S)


def chapters(root: Path = ROOT) -> dict[str, str]:
    """Return the chapters in their order: document, such as ``notebooks/03_toy_model``, to title in the contents.

    Raises
    ------
    ValueError
        If ``_toc.yml`` is no list of parts, chapters, files and titles.
    """
    try:
        toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
        pages = [page for part in toc["parts"] for page in part["chapters"]]
        return {page["file"]: page["title"] for page in pages if page["file"].startswith("notebooks/")}
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"_toc.yml must list parts, and chapters with file and title; {error!r}") from error


def question_and_goals(notebook: dict, name: str) -> tuple[str, list[str]]:
    """Return the question that stands in stars below the title of a chapter, and its goals.

    Raises
    ------
    ValueError
        If the first cell of the chapter has no title, question or goals.
    """
    opening = "".join(notebook["cells"][0]["source"]) if notebook else ""
    found = re.match(OPENING, opening, re.S)
    if not found:
        raise ValueError(f"{name} must begin with `# Title`, its question as `*Question?*`, and its Goals")
    return found[1], re.findall(r"(?m)^\* (.+?)[;.]?$", found[2])


def readme_list(root: Path = ROOT) -> str:
    """Return the table of chapters of the README."""
    import jupytext

    rows = ["| chapter | question |", "| :-- | :-- |"]
    for name, title in chapters(root).items():
        question, _ = question_and_goals(jupytext.read(root / f"{name}.py"), name)
        rows.append(f"| [{title}]({name}.py) | {question} |")
    return "\n".join(rows) + "\n"


def write_readme_list(root: Path = ROOT) -> None:
    """Put the table of chapters between the two comments of the README that mark its place."""
    readme = root / "README.md"
    whole.write(readme, LIST.sub(lambda _: readme_list(root), readme.read_text(encoding="utf-8")))
