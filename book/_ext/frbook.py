"""The book's Sphinx extension: assets only on pages that use them, and directives that show how the book was run.

``run-card``
    Profile, seed, device, run time and versions of the page's own notebook.
``scoreboard``
    Every claim of the papers, with the verdicts that the chapters' cells left.
``status-table``
    Run time, device and versions of each chapter, and the steps of the build.
``build-steps``
    The steps of the build on a time line; the content is the caption.
``benchmark-growth``
    Times of the benchmark of the option ``benchmark`` against sizes, which the option ``size`` names, perhaps those of
    one ``quantity`` alone, and with a line that grows with a ``power`` of the size. The content is the caption.
``benchmark-ratios``
    Times of all benchmarks over the times of what they are compared with, beside aims and limits (``book/aims.csv``),
    and which are reached. The content is the caption.
``benchmark-table``
    The rows of ``book/benchmarks.json``, or of another file that the option ``file`` names.
``data-table``
    A CSV file (option ``file``, from the folder of the page) as a table.
``chapter-list``
    The chapters of `_toc.yml` with their questions, and, with the option ``goals``, what a reader can do after each.
``model-cards``
    Every network of ``frlib.models``, with its card.
"""

import csv
import json
import re
from html import escape
from pathlib import Path

import pictures
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from book import contents, measurements

VERDICT = "application/vnd.frlib.verdict+json"
NOT_RUN = "not run"

THEBE = re.compile(r'<script type="text/x-thebe-config">.*?</script>|<script>kernelName = [^<]*</script>', re.S)
SEARCH = re.compile(r'\s*<script src="[./]*(?:_static/searchtools|_static/language_data|searchindex)\.js"></script>')

# One icon of Font Awesome's script: name:[width, height, [aliases], "code point", path],
ICON = re.compile(r'"?([a-z0-9-]+)"?:\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?')

# ------------------------------------------------------------------------------------------------ assets of a page


def add_assets(app, page, template, context, doctree):
    """Load Vega and the widgets on pages that show them, and nothing of thebe, which the book does not use.

    Jupyter Book always loads sphinx-thebe; its stub points to a CDN and raises an error on every page.
    """
    scripts = app.builder._js_files
    scripts[:] = [script for script in scripts if not _is_thebe(script)]
    body = context.get("body", "")
    # docutils calls the bibliography a list, but its children are no list items.
    context["body"] = THEBE.sub("", body).replace('role="list" class="citation-list"', 'class="citation-list"')
    if 'class="frlib-chart-data"' in body:
        app.add_js_file("vendor/vega.js", loading_method="defer", priority=900)
        app.add_js_file("vendor/themes.js", loading_method="defer", priority=901)
        app.add_js_file("vendor/charts.js", loading_method="defer", priority=901)
    for name in sorted(set(_widgets_of(body))):
        app.add_js_file(f"vendor/widgets/{name}.js", loading_method="defer", priority=902)
    app.add_js_file("frbook.js", loading_method="defer", priority=910)


def _is_thebe(script) -> bool:
    return "thebe" in str(script.filename or "") or "THEBE_JS_URL" in str(script.attributes.get("body", ""))


def _widgets_of(body: str) -> list[str]:
    """Return the names of the widgets of a page."""
    return [part.split('"', 1)[0] for part in body.split('data-widget="')[1:]]


def trim_search(app, error):
    """Leave search to its own page; the theme loads index and tools on every page, for a search as you type: 55 kB."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if page.name != "search.html" and SEARCH.search(text):
            page.write_text(SEARCH.sub("", text), encoding="utf-8")


def trim_icons(app, error):
    """Leave only the icons that the site shows in Font Awesome's script: 540 kB become 20 kB, gzipped."""
    script = Path(app.outdir) / "_static/scripts/fontawesome.js"
    if error or app.builder.format != "html" or not script.exists():
        return
    readers = [*Path(app.outdir).rglob("*.html"), *(f for f in script.parent.glob("*.js") if f != script)]
    used = {name for f in readers for name in re.findall(r"fa-([a-z0-9-]+)", f.read_text(encoding="utf-8"))}

    def keep(icon):
        names = {icon[1], *re.findall(r'"([a-z0-9-]+)"', icon[2])}
        return icon[0] if names & used else ""

    script.write_text(ICON.sub(keep, script.read_text(encoding="utf-8")), encoding="utf-8")


# ----------------------------------------------------------------------------------------------- executed notebooks


def read_json(path: Path, default):
    """Return what a JSON file holds, or the default if it does not exist."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else default


def chapters(source: Path) -> dict[str, dict]:
    """Return the executed notebooks of the book, by document name, in order."""
    return {name: read_json(source / f"{name}.ipynb", {}) for name in contents.chapters(source)}


def run_of(notebook: dict) -> dict:
    """Return what the build noted about a notebook's run; empty if it did not run it."""
    return notebook.get("metadata", {}).get("frlib", {})


def verdicts(notebook: dict) -> list[dict]:
    """Return the verdicts that the cells of a notebook left."""
    outputs = (output for cell in notebook.get("cells", []) for output in cell.get("outputs", []))
    return [output["data"][VERDICT] for output in outputs if VERDICT in output.get("data", {})]


def title_of(notebook: dict, default: str) -> str:
    """Return the first heading of a notebook."""
    for cell in notebook.get("cells", []):
        for line in "".join(cell.get("source", "")).splitlines():
            if cell.get("cell_type") == "markdown" and line.startswith("# "):
                return line[2:].strip()
    return default


def duration(seconds) -> str:
    """Return a duration as a reader says it."""
    if seconds is None:
        return NOT_RUN
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


# ----------------------------------------------------------------------------------------------------------- tables


def table(caption: str, head: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    """Return an HTML table whose cells are HTML; the first cell of a row is its header. Stacked on a phone."""
    right = [' class="frlib-number"' if k in numbers else "" for k in range(len(head))]
    top = "".join(f'<th scope="col"{c}>{escape(name)}</th>' for name, c in zip(head, right, strict=True))
    body = []
    for row in rows:
        cells = [f'<th scope="row"{right[0]}>{row[0]}</th>']
        for name, cell, c in zip(head[1:], row[1:], right[1:], strict=True):
            cells.append(f'<td{c} data-label="{escape(name)}">{cell}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        # A table that scrolls must be reached by the keyboard.
        f'<div class="frlib-table frlib-stack" tabindex="0"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


class BookDirective(SphinxDirective):
    """A directive that turns facts of the build into HTML."""

    def run(self):
        """Return the HTML as one node."""
        return [nodes.raw("", self.html(), format="html")]

    @property
    def source_folder(self) -> Path:
        """The folder that holds ``_config.yml``."""
        return Path(self.env.srcdir)

    def notebooks(self) -> dict[str, dict]:
        """Return the executed notebooks; the page is read again when one changes."""
        found = chapters(self.source_folder)
        for name in found:
            self.env.note_dependency(f"{name}.ipynb")
        return found

    def link(self, document: str, text: str) -> str:
        """Return a link to another page of the book, or plain text if the book has no such page."""
        if document not in self.env.found_docs:
            return escape(text)
        return f'<a href="{self.env.app.builder.get_relative_uri(self.env.docname, document)}">{escape(text)}</a>'


class Picture(BookDirective):
    """A directive that draws facts of the build; its content is the caption."""

    has_content = True
    options = {"name": directives.unchanged}
    option_spec = options

    def run(self):
        """Return a figure, and what can be said of it; or one sentence where nothing was measured."""
        found = self.draw()
        if found is None:
            return [nodes.paragraph("", f"What this figure shows was {NOT_RUN} for this build of the site.")]
        chart, said = found
        words, messages = self.parse_inline(" ".join(self.content))
        figure = nodes.figure("", nodes.raw("", pictures.html(chart), format="html"), nodes.caption("", "", *words))
        self.add_name(figure)
        return [figure, *messages, *([nodes.paragraph("", said)] if said else [])]

    def benchmarks(self) -> list[dict]:
        """Return the rows of the benchmarks."""
        return read_json(self.source_folder / "book/benchmarks.json", [])


class BuildSteps(Picture):
    """The steps of the build on a time line."""

    def draw(self):
        """Return the chart; without the step that builds the site, which is not over while its pages are made."""
        steps = read_json(self.source_folder / "book/build.json", {}).get("steps", [])
        steps = [step for step in steps if step["name"] != "site" and "started" in step]
        return (pictures.steps(steps), "") if steps else None


class BenchmarkGrowth(Picture):
    """Times of one benchmark against sizes."""

    option_spec = Picture.options | {
        "benchmark": directives.unchanged_required,
        "quantity": directives.unchanged,
        "size": directives.unchanged_required,
        "power": float,
    }

    def draw(self):
        """Return the chart."""
        own = measurements.growth(self.benchmarks(), self.options["benchmark"], self.options.get("quantity"))
        return (pictures.growth(own, self.options["size"], self.options.get("power")), "") if len(own) else None


class BenchmarkRatios(Picture):
    """Times of all benchmarks over those of what they are compared with."""

    def draw(self):
        """Return the chart, and which aims are reached."""
        self.env.note_dependency(str(measurements.AIMS))
        found = measurements.ratios(self.benchmarks(), measurements.aims())
        return (pictures.distances(found), measurements.in_words(found)) if len(found) else None


class RunCard(BookDirective):
    """How this page was run."""

    def html(self) -> str:
        """Return the card."""
        run = run_of(read_json(self.source_folder / f"{self.env.docname}.ipynb", {}))
        if not run:
            return f'<div class="frlib-run"><p>This page was {NOT_RUN}.</p></div>'
        facts = {
            "Profile": run.get("profile"),
            "Seed": run.get("seed"),
            "Device": run.get("device"),
            "Run time": duration(run.get("seconds")),
            "Processor": run.get("processor"),
            "Date": str(run.get("started", ""))[:10],
        }
        cells = "".join(f"<div><dt>{k}</dt><dd>{escape(str(v))}</dd></div>" for k, v in facts.items())
        versions = ", ".join(f"{escape(k)} {escape(str(v))}" for k, v in run.get("versions", {}).items())
        details = f"<details><summary>Versions</summary>{versions}</details>" if versions else ""
        return f'<div class="frlib-run"><dl>{cells}</dl>{details}</div>'


class Scoreboard(BookDirective):
    """Every claim of the papers and what the chapters find."""

    def html(self) -> str:
        """Return the table."""
        from frlib import published

        found: dict[str, list] = {}
        notebooks = self.notebooks()
        for name, notebook in notebooks.items():
            for verdict in verdicts(notebook):
                found.setdefault(verdict["claim"], []).append((name, verdict))
        claims = published.load("claims").fillna("").astype(str)
        rows = [self.row(claim, found.get(claim["id"], []), notebooks) for _, claim in claims.iterrows()]
        tested = sum(claim in found for claim in claims["id"])
        caption = f"{len(rows)} claims, {tested} tested by the chapters so far."
        return table(caption, ["Claim", "They print", "We find", "Verdict"], rows)

    def row(self, claim, found: list, notebooks: dict) -> list[str]:
        """Return the cells of one claim."""
        source = f"<small>Paper {escape(claim['paper'])}, {escape(claim['section'])}</small>"
        texts = [f"{escape(claim['claim'])} {source}", escape(claim["printed"]) or "–"]
        if not found:
            chapter = f"<small>chapter {escape(claim['chapter'])}</small>" if claim["chapter"] else ""
            return [*texts, "–", f'<span class="frlib-word frlib-word-untested">no verdict yet</span> {chapter}']
        words = []
        for name, verdict in found:
            holds = verdict["holds"]
            link = self.link(name, title_of(notebooks[name], name))
            words.append(
                f'<span class="frlib-word frlib-word-{holds.replace(" ", "-")}">{holds}</span> <small>{link}</small>'
            )
        return [*texts, "<br>".join(escape(verdict["found"]) for _, verdict in found), "<br>".join(words)]


class StatusTable(BookDirective):
    """How each chapter was run, and how long the build took."""

    def html(self) -> str:
        """Return one table of chapters and, if the build left its times, one of steps."""
        rows = []
        for name, notebook in self.notebooks().items():
            run = run_of(notebook)
            versions = run.get("versions", {})
            shown = ", ".join(f"{k} {versions[k]}" for k in ("python", "frlib", "torch", "numpy") if k in versions)
            facts = [run.get(k, "–") for k in ("profile", "device", "processor")]
            date = str(run.get("started", "–"))[:10]
            cells = [duration(run.get("seconds")), *facts, shown or "–", date]
            rows.append([self.link(name, title_of(notebook, name)), *(escape(str(cell)) for cell in cells)])
        head = ["Chapter", "Run time", "Profile", "Device", "Processor", "Versions", "Date"]
        text = table("How each chapter of this site was run.", head, rows) if rows else "<p>No chapter was run.</p>"
        steps = read_json(self.source_folder / "book/build.json", {}).get("steps", [])
        if steps:
            lines = [[escape(step["name"]), duration(step["seconds"])] for step in steps]
            text += table("Steps of the build, each when it last ran.", ["Step", "Time"], lines, numbers=(1,))
        return text


class BenchmarkTable(BookDirective):
    """The rows of the benchmarks."""

    option_spec = {"benchmark": directives.unchanged, "file": directives.unchanged}

    def html(self) -> str:
        """Return one table per benchmark, or only of the one named by the option ``benchmark``."""
        rows = read_json(self.source_folder / "book" / self.options.get("file", "benchmarks.json"), [])
        names = (
            [self.options["benchmark"]] if "benchmark" in self.options else dict.fromkeys(r["benchmark"] for r in rows)
        )
        tables = [self.one(name, [row for row in rows if row["benchmark"] == name]) for name in names]
        return "".join(tables) or f"<p>The benchmarks were {NOT_RUN} for this build of the site.</p>"

    def one(self, name: str, rows: list[dict]) -> str:
        """Return the table of one benchmark."""
        if not rows:
            return f"<p>The benchmark {escape(name)} was {NOT_RUN} for this build of the site.</p>"
        lines = []
        for row in rows:
            value = row["value"]
            number = f"{value:.4g}" if isinstance(value, int | float) else str(value)
            texts = [row["case"], row["quantity"], f"{number} {row['unit']}", row.get("baseline") or "–"]
            lines.append([escape(str(text)) for text in texts])
        return table(f"Benchmark: {name}.", ["Case", "Quantity", "Value", "Compared with"], lines, numbers=(2,))


class DataTable(BookDirective):
    """A CSV file as a table; its first row is the head."""

    option_spec = {"file": directives.unchanged_required, "caption": directives.unchanged}

    def html(self) -> str:
        """Return the table."""
        relative, path = self.env.relfn2path(self.options["file"])
        self.env.note_dependency(relative)
        with open(path, newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        cells = [[escape(cell) or "–" for cell in row] for row in rows]
        return table(self.options.get("caption", Path(path).stem.replace("_", " ")), head, cells)


class ChapterList(BookDirective):
    """The chapters, each with its question, and with its goals where they are asked for."""

    option_spec = {"goals": directives.flag}

    def run(self):
        """Return a list."""
        titles, lines = contents.chapters(self.source_folder), []
        for name, notebook in self.notebooks().items():
            question, goals = contents.question_and_goals(notebook, name)
            lines.append(f"* **{{doc}}`{titles[name]} </{name}>`.** {question}")
            lines += [f"  * {goal}" for goal in goals if "goals" in self.options]
        return self.parse_text_to_nodes("\n".join(lines))


class ModelCards(SphinxDirective):
    """Every network of the catalogue with its card, or with the argument ``papers`` those of the papers."""

    optional_arguments = 1

    def run(self):
        """Return the sections."""
        from frlib.models import networks, papers

        module, entries = (papers, papers.PAPER_NETWORKS) if self.arguments else (networks, networks.NETWORKS)
        self.env.note_dependency(module.__file__)
        text = "\n".join(model_card(*entry) for entry in entries.items())
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def model_card(name: str, network) -> str:
    """Return the section of a network in MyST, or a fold for one of the papers."""
    card, size, file = network.card, network.preprocess.size, network.files[0]
    if hasattr(file, "package"):
        source = {"Package": f"{file.package.registry} `{file.package.name}` {file.package.version}"}
    else:
        source = {"Address": f"<{file.url}>", "sha256": f"`{file.published or 'none published: yours to give'}`"}
    facts = {
        "What": card.what + "".join(f" {{cite}}`{key}`" for key in card.references),
        **source,
        "Origin": card.origin,
        "Licence": card.licence,
        "Training data": card.training_data,
        "Input, output": f"{network.crop} crop, {size} × {size} → {network.dim} numbers, {network.metric}",
        "Use": card.use,
        "Known faults": card.faults,
    }
    rows = "\n".join(f"* - {key}\n  - {text}" for key, text in facts.items())
    table = f"```{{list-table}}\n:stub-columns: 1\n:widths: 25 75\n\n{rows}\n```\n"
    if network.role in ("paper", "foundation"):
        return f"````{{dropdown}} {name}\n{table}````\n"
    title = name if network.role == "face" else f"{name} ({network.role})"
    return f"### {title}\n\n{table}"


def setup(app):
    """Register directives and the choice of assets."""
    app.connect("html-page-context", add_assets, priority=900)
    app.connect("build-finished", trim_icons)
    app.connect("build-finished", trim_search)
    app.setup_extension("live_page")
    app.setup_extension("policies")
    for name, directive in {
        "run-card": RunCard,
        "scoreboard": Scoreboard,
        "status-table": StatusTable,
        "build-steps": BuildSteps,
        "benchmark-growth": BenchmarkGrowth,
        "benchmark-ratios": BenchmarkRatios,
        "benchmark-table": BenchmarkTable,
        "data-table": DataTable,
        "chapter-list": ChapterList,
        "model-cards": ModelCards,
    }.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
