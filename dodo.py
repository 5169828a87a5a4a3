"""The build as doit tasks: ``doit profile=smoke|book|paper``. A task runs again only when its content changed."""

import json
import subprocess
import sys
import time
from pathlib import Path

from doit import get_var
from doit.exceptions import TaskFailed
from doit.tools import config_changed

sys.path.insert(0, str(Path(__file__).resolve().parent))
from book import contents, lock, pipeline
from frlib.store import cache_folder

ROOT = pipeline.ROOT
PROFILE = get_var("profile", "book")
if PROFILE not in pipeline.PROFILES:
    sys.exit(f"profile must be one of {', '.join(pipeline.PROFILES)}; got {PROFILE!r}")
PARAMETERS = {"profile": PROFILE, "seed": int(get_var("seed", 0)), "device": get_var("device", "auto")}
FOLDER = ROOT / "_build" / PROFILE
FOLDER.mkdir(parents=True, exist_ok=True)
WORDS = [word for word in sys.argv[1:] if not word.startswith("-") and "=" not in word]
if not {*WORDS[:1]} & {"list", "info", "help", "dumpdb"}:  # these commands of doit change nothing
    try:
        LOCK = lock.hold(ROOT / "_build", sys.argv)  # two profiles share stamps and the user's cache
    except lock.BuildRuns as error:
        sys.exit(str(error))
CHAPTERS = [ROOT / f"{name}.py" for name in contents.chapters()]
DOIT_CONFIG = {
    "default_tasks": ["figure", "readme", "site", "summary"] if PROFILE == "book" else ["site", "summary"],
    "verbosity": 2,
    "backend": "json",
    "dep_file": str(FOLDER / "doit.json"),
}


def timed(name, action):
    """Wrap an action so that its duration is noted and its failure is one readable message."""

    def run():
        started = time.time()
        try:
            action()
        except pipeline.ChapterFailed as error:
            return TaskFailed(str(error))
        except subprocess.CalledProcessError as error:
            return TaskFailed(f"{name}: {' '.join(map(str, error.cmd))} ended with status {error.returncode}")
        pipeline.record_step(FOLDER, name, time.time() - started)

    return run


def cached(room, what):
    """Describe a step that fills a folder of the user's cache once; a stamp remembers which files it left there."""
    stamp, folder = ROOT / "_build" / f"{room}.json", cache_folder(room)

    def fill():
        subprocess.run([sys.executable, "-m", f"frlib.{room}"], check=True, cwd=ROOT)
        stamp.write_text(json.dumps({str(f): f.stat().st_size for f in folder.iterdir() if f.is_file()}))

    def in_place():
        files = json.loads(stamp.read_text()) if stamp.exists() else {}
        return bool(files) and all(Path(f).is_file() and Path(f).stat().st_size == size for f, size in files.items())

    sources = sorted(str(f) for f in (ROOT / "frlib" / room).rglob("*.py"))
    return {
        "actions": [timed(what, fill)],
        "file_dep": sources,
        "uptodate": [in_place, config_changed({"cache": str(folder)})],
    }


def task_weights():
    """Fetch and convert the pretrained networks."""
    return cached("models", "weights of the networks")


def task_head():
    """Build the compact head file of the face generator."""
    return cached("faces", "head file of the faces")


def task_chapter():
    """Run each chapter; its source, the frlib files it imports and its parameters decide whether it must run."""
    for source in CHAPTERS:
        target = FOLDER / "notebooks" / f"{source.stem}.ipynb"
        files = pipeline.frlib_files(source)
        needs = [
            t for t, part in (("weights", "models"), ("head", "faces")) if any(f"frlib/{part}/" in f for f in files)
        ]
        yield {
            "name": source.stem,
            "actions": [timed(f"chapter {source.stem}", lambda s=source, t=target: pipeline.execute(s, t, PARAMETERS))],
            "file_dep": [str(source), *files],
            "task_dep": needs,
            "uptodate": [config_changed(PARAMETERS)],
            "targets": [str(target)],
        }


def task_benchmarks():
    """Run the short form of every benchmark for the performance page."""
    scripts = sorted(p for p in (ROOT / "benchmarks").glob("*.py") if p.name != "command.py")
    files = sorted({f for s in scripts for f in pipeline.frlib_files(s)})
    target = FOLDER / "benchmarks.json"

    def run():
        rows = []
        for script in scripts:
            part = FOLDER / f"benchmark-{script.stem}.json"
            subprocess.run([sys.executable, script, "--quick", "--json", part], check=True, cwd=ROOT)
            rows += json.loads(part.read_text())
            part.unlink()
        target.write_text(json.dumps(rows, indent=1))

    return {
        "actions": [timed("benchmarks, short form", run)],
        "file_dep": [str(ROOT / "benchmarks/command.py"), *map(str, scripts), *files],
        "task_dep": ["weights", "head"],
        "targets": [str(target)],
    }


def task_figure():
    """Draw the README's figure; it does not depend on the profile, so only profile book draws it."""
    script, target = ROOT / "book/figure.py", ROOT / "book/assets/energy.svg"

    def draw():
        subprocess.run([sys.executable, script, target], check=True, cwd=ROOT)

    return {
        "actions": [timed("figure of the README", draw)],
        "file_dep": [str(script), *pipeline.frlib_files(script)],
        "targets": [str(target)],
    }


def task_readme():
    """List the chapters in the README."""
    return {
        "actions": [timed("list of the README", contents.write_readme_list)],
        "file_dep": [*map(str, CHAPTERS), str(ROOT / "_toc.yml"), str(ROOT / "book/contents.py")],
    }


def task_site():
    """Build the site, warnings as errors."""
    notebooks = [FOLDER / "notebooks" / f"{c.stem}.ipynb" for c in CHAPTERS]
    unused = {"__pycache__", "vendor", "figure.py", "energy.svg"}
    pages = [f for f in (ROOT / "book").rglob("*") if f.is_file() and not unused & set(f.parts)]
    library = sorted((ROOT / "frlib").rglob("*.py")) + sorted((ROOT / "frlib/view").glob("*.js"))
    files = [*notebooks, *pages, *library, FOLDER / "benchmarks.json", ROOT / "_config.yml", ROOT / "_toc.yml"]
    return {
        "actions": [timed("site", lambda: pipeline.build_site(FOLDER))],
        "file_dep": [str(f) for f in files],
        "uptodate": [config_changed({"url": pipeline.repository_url()})],
        "targets": [str(FOLDER / "html/index.html")],
    }


def task_summary():
    """Say how long each step took and where the site is."""

    def show():
        ready = ROOT / ".venv/ready"
        print(f"\nSteps (profile {PROFILE}, each when it last ran):")
        if ready.exists():
            print(f"  {'environment':<28}{float(ready.read_text()):>8.1f} s")
        print(pipeline.step_table(FOLDER))
        print(
            f"Site: {FOLDER.relative_to(ROOT)}/html/index.html ({pipeline.site_size(FOLDER)}); `make serve` shows it."
        )

    return {"actions": [show], "task_dep": ["site"], "uptodate": [False]}
