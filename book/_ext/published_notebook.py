"""A Sphinx extension: the notebooks that the site offers, for Colab and any other server, with their MyST resolved.

The HTML build resolves everything; ``doctree-resolved`` hands over the blocks of a page. MyST-NB gives every block the
line ``10000 * (cell + 1) + line``, so each goes back to its cell. Code, ids and outputs are those of the executed
notebook. The result takes the place of the copy in ``_sources`` that Colab's button opens.
"""

import ast
import re
import shutil
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import downloads
import nbformat
from docutils import nodes
from plain_markdown import MarkdownWriter
from set_up_cell import folded, set_up_cell
from stills import outputs_of

RESOLVED = "_resolved"  # until the build ends: Sphinx copies the sources after it has resolved a page
FOLDED = {"hide-cell", "hide-input", "remove-cell", "remove-input"}
SILENT = {"remove-cell", "remove-output"}
PROFILE = re.compile(r"(?m)^profile = .*$")
PROFILES = '# @param ["smoke", "book", "paper"]'

# ------------------------------------------------------------------------------------------- the blocks of a page


def is_code(node) -> bool:
    """Return whether a node is a code cell with its outputs."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def blocks_of(node, level: int = 0) -> Iterator[tuple[nodes.Node, int, str]]:
    """Yield the blocks of a page in their order: each with the level of its section, and the solution it belongs to.

    A solution that holds code cells comes in parts, for ``<details>`` cannot span cells: each part of text as a
    solution, and the code cells with the solution's title.
    """
    for child in node.children:
        if isinstance(child, nodes.section):
            yield from blocks_of(child, level + 1)
        elif type(child).__name__ == "solution_node" and any(map(is_code, child.findall(nodes.container))):
            title, content = child.children
            for code, parts in groupby(content.children, is_code):
                if code:
                    yield from ((part, level, title.astext()) for part in parts)
                else:
                    part = nodes.section("", *(part.deepcopy() for part in parts))
                    yield type(child)("", title.deepcopy(), part), level, ""
        else:
            yield child, level, ""


def cell_of(node) -> int:
    """Return the place in the notebook of the Markdown cell from which a block comes."""
    return next(part.line for part in node.findall() if part.line) // 10_000 - 1


class Blocks:
    """The blocks of a page by the place of their cell: Markdown, captions, and titles of solutions with code."""

    def __init__(self, doctree, writer: MarkdownWriter):
        self.texts: dict[int, list[str]] = {}
        self.figures: dict[int, tuple[str, str]] = {}
        self.solutions: dict[int, str] = {}
        for node, level, solution in blocks_of(doctree):
            if is_code(node):
                self.solutions[node["cell_index"]] = solution
                for figure in node.findall(nodes.figure):
                    caption = next(figure.findall(nodes.caption))
                    number = f"Fig. {writer.number('figure', figure)}"
                    self.figures[node["cell_index"]] = number, f"**{number}.** {writer.line(caption)}"
                continue
            text = writer.heading(node, level) if isinstance(node, nodes.title) else writer.write(node)
            if text:
                self.texts.setdefault(cell_of(node), []).append(text)


# ------------------------------------------------------------------------------------------- the cells of a notebook


def note_on(run: dict) -> str:
    """Return the sentence that marks the numbers of the text as those of the published run."""
    if not run:
        return "*This notebook was not run: the text has no numbers yet.*"
    where = f"{str(run['device']).upper()}, {run['processor']}"
    return (
        f"*The numbers in the text are those of the published run: profile {run['profile']}, {run['started'][:10]}, "
        f"{where}. What you run yourself stands below each cell.*"
    )


def title_of(cell, figure: str, solution: str) -> str:
    """Return the words that stand for a folded cell."""
    if "course.check(" in cell.source:
        return "Check"
    if solution or figure:
        return solution or figure
    if "view.say(" in cell.source:
        return "Numbers for the text"
    statements = ast.parse(cell.source).body
    return "Imports" if all(isinstance(s, ast.Import | ast.ImportFrom) for s in statements) else "Code"


def published_code(cell, figure: str, solution: str):
    """Return a code cell as it is published: folded where the page folds it, outputs as a notebook can show them."""
    tags = set(cell.metadata.get("tags", ()))
    cell.metadata.clear()
    cell.outputs = [] if tags & SILENT else outputs_of(cell)
    if "parameters" in tags:  # papermill looks for the tag, Colab for the comment
        cell.metadata["tags"] = ["parameters"]
        cell.source = PROFILE.sub(lambda line: f"{line[0].partition('#')[0].rstrip()}  {PROFILES}", cell.source)
    elif solution or tags & FOLDED:
        cell.source = f"# @title {title_of(cell, figure, solution)}\n{cell.source}"
        cell.metadata.update(folded())
    return cell


def cells_of(notebook, blocks: Blocks) -> Iterator:
    """Yield the cells of the published notebook.

    Raises
    ------
    ValueError
        If a block comes from no Markdown cell of the notebook: it would be lost.
    """
    texts = dict(blocks.texts)
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            if text := "\n\n".join(texts.pop(place, [])):
                yield nbformat.v4.new_markdown_cell(text, id=cell.id)
            continue
        number, caption = blocks.figures.get(place, ("", ""))
        yield published_code(cell, number, blocks.solutions.get(place, ""))
        if caption:
            yield nbformat.v4.new_markdown_cell(caption, id=f"{cell.id}-caption")
    if texts:
        raise ValueError(f"no Markdown cell holds the blocks {list(texts.values())}")


# ------------------------------------------------------------------------------------------- in the build of the site


def resolve(app, doctree, page: str) -> None:
    """Write the published notebook of a page that is one."""
    source = Path(app.env.doc2path(page))
    if source.suffix != ".ipynb" or app.builder.format != "html":
        return
    notebook = nbformat.read(source, as_version=4)
    run = notebook.metadata.get("frlib", {})
    blocks = Blocks(doctree, MarkdownWriter(app.env, page, app.config.html_baseurl))
    downloads.write(app.outdir, page, notebook, blocks.figures)
    blocks.texts.setdefault(0, []).insert(2, note_on(run))  # below title and question
    cells = list(cells_of(notebook, blocks))
    cells.insert(1, set_up_cell(run, run.get("megabytes", 0), app.config.frlib_address))
    kept = {name: notebook.metadata[name] for name in ("kernelspec", "language_info") if name in notebook.metadata}
    published = nbformat.v4.new_notebook(cells=cells, metadata=kept)
    nbformat.validate(published)
    target = resolved(app, page)
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(published, target)


def resolved(app, page: str) -> Path:
    """Return where the notebook of a page waits for the end of the build."""
    return Path(app.outdir, RESOLVED, f"{page}.ipynb")


def add_downloads(app, page: str, template: str, context: dict, doctree) -> None:
    """End a page that is a notebook with the line of its downloads."""
    if resolved(app, page).exists():
        context["body"] += downloads.line(app.outdir, page, resolved(app, page))


def publish(app, error) -> None:
    """Put the notebooks where the buttons of the site look for them."""
    folder = Path(app.outdir, RESOLVED)
    for path in [] if error else sorted(folder.rglob("*.ipynb")):
        path.replace(Path(app.outdir, "_sources", path.relative_to(folder)))
    shutil.rmtree(folder, ignore_errors=True)


def setup(app):
    """Listen to the build."""
    app.add_config_value("frlib_address", "", "html")
    app.connect("doctree-resolved", resolve, priority=400)  # before sphinx-thebe adds its scripts to the blocks
    app.connect("html-page-context", add_downloads)
    app.connect("build-finished", publish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
