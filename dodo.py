"""The build as doit tasks: ``doit profile=smoke|book|paper``. A task runs again only when its content changed.

``seed=1``, ``device=cpu`` and ``networks=a,b`` set the other parameters of the chapters.
"""

import functools
import importlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

from doit import get_var
from doit.exceptions import TaskFailed
from doit.tools import config_changed

sys.path.insert(0, str(Path(__file__).resolve().parent))
from book import children, contents, environments, lock, memory, pipeline, reader_cache, steps, timeline, whole
from book.course import editions

ROOT = pipeline.ROOT
DEFAULTS = {"profile": "book", "seed": "0", "device": "auto", "networks": ""}
GIVEN = {word.partition("=")[0] for word in sys.argv[1:] if "=" in word and not word.startswith("-")}
if unknown := sorted(GIVEN - set(DEFAULTS)):
    sys.exit(f"parameters must be among {', '.join(DEFAULTS)}; got {', '.join(unknown)}")
PARAMETERS = {name: get_var(name, default) for name, default in DEFAULTS.items()}
PROFILE = PARAMETERS["profile"]
if PROFILE not in pipeline.PROFILES:
    sys.exit(f"profile must be one of {', '.join(pipeline.PROFILES)}; got {PROFILE!r}")
if not PARAMETERS["seed"].isdecimal():
    sys.exit(f"seed must be a whole number of at least 0; got {PARAMETERS['seed']!r}")
PARAMETERS["seed"] = int(PARAMETERS["seed"])
FOLDER = ROOT / "_build" / PROFILE
WORDS = [word for word in sys.argv[1:] if not word.startswith("-") and "=" not in word]
if not {*WORDS[:1]} & {"list", "info", "help", "dumpdb"}:  # these commands of doit change nothing
    try:
        LOCK = lock.hold(ROOT / "_build", sys.argv)  # two profiles share stamps and the user's cache
        FOLDER.mkdir(parents=True, exist_ok=True)
        for left in FOLDER.glob(f"notebooks/{pipeline.RUNNING}*"):  # by a build that was killed: this one has the lock
            shutil.rmtree(left)
        if not {*WORDS[:1]} & {"forget", "clean", "ignore", "reset-dep"}:
            memory.processes(1)
    except (lock.BuildRuns, memory.TooLittle) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"_build cannot be written ({error.strerror}): a build needs a checkout that it can write, with room")
READER = FOLDER / "reader"  # in profile smoke, chapters run with a reader's packages, and no tool of the build
WEIGHTS, HEAD, BENCHMARKS = "weights of the networks", "head file of the faces", "benchmarks, short form"
LIVE, FAULTS = "network in the page", "faults, the quick ones"
LINKS = "environment of a reader"
STUDENTS, COURSE = "site of the students", FOLDER / "course"
COURSE_STEPS = FOLDER / "course-steps"  # apart from those of the book, which its status page shows
try:
    CHAPTERS = [ROOT / f"{name}.py" for name in contents.chapters()]
except (OSError, ValueError) as error:
    sys.exit(str(error))
DOIT_CONFIG = {
    "default_tasks": [*(["figure", "readme"] if PROFILE == "book" else ["benchmarks"]), "site", "summary"],
    "verbosity": 2,
    "reporter": steps.OneLine,
    "backend": "json",
    "check_file_uptodate": whole.Content,
    "dep_file": str(FOLDER / "doit.json"),
}

multiprocessing.set_start_method("fork")  # `doit -n 2`: an action is a closure, which no other way hands on
os.register_at_fork(after_in_child=children.end_with_parent)
whole.keep_state_of_doit()


def timed(name, action, needs=(), folder=FOLDER):
    """Describe an action as a step of the build: one line, its time, a log, and a failure that is readable."""

    def run():
        try:
            with steps.step(name, folder, needs):
                action()
        except pipeline.ChapterFailed as error:
            return TaskFailed(str(error))
        except subprocess.CalledProcessError as error:
            log = steps.log_of(name, folder)
            end = "\n".join(steps.said(log, 30))
            said = f"`{' '.join(map(str, error.cmd))}` ended with status {error.returncode}"
            return TaskFailed(f"{name}: {said}; the end of {log.relative_to(ROOT)}:\n{end}{full_disk()}")
        except OSError as error:
            return TaskFailed(f"{name}: {error}{full_disk()}")

    return {"actions": [run], "title": lambda task: name}


def full_disk():
    """Return what to do if there is hardly any room on the disk; empty if there is."""
    left = shutil.disk_usage(FOLDER).free / 1e6
    return f"\nThe disk of _build has {left:.0f} MB left. Free some; what is done stays." if left < 100 else ""


def step_of(chapter):
    """Return the name of the step that runs a chapter."""
    return f"chapter {chapter.stem}"


def cached(room, what):
    """Describe a step that fills a folder of the user's cache once; a stamp remembers which files it left there."""
    stamp = ROOT / "_build" / f"{room}.json"

    def folder():
        from frlib.store import cache_folder  # brings torch, which takes longer than all else that doit begins with

        return cache_folder(room)

    def fill():
        children.run(sys.executable, "-m", f"frlib.{room}")
        whole.write(stamp, json.dumps({str(f): f.stat().st_size for f in folder().iterdir() if f.is_file()}))

    def in_place():
        files = whole.read(stamp, {})
        return bool(files) and all(
            Path(f).parent == folder() and Path(f).is_file() and Path(f).stat().st_size == size
            for f, size in files.items()
        )

    sources = sorted(str(f) for f in (ROOT / "frlib" / room).rglob("*.py"))
    return {**timed(what, fill), "file_dep": sources, "uptodate": [in_place]}


def task_weights():
    """Fetch and convert the pretrained networks."""
    return cached("models", WEIGHTS)


def task_head():
    """Build the compact head file of the face generator."""
    return cached("faces", HEAD)


def task_reader():
    """Make an environment with the packages that a reader's notebook has."""

    def make():
        shutil.rmtree(READER, ignore_errors=True)
        environments.linked(READER, ROOT, "frlib[notebooks]", "ipykernel")

    return {
        **timed(LINKS, make),
        "file_dep": [str(ROOT / name) for name in ("pyproject.toml", "constraints.txt", "book/environments.py")],
        "targets": [str(READER / "pyvenv.cfg")],
    }


def task_chapter():
    """Run each chapter; its source, the frlib files it imports, parameters and cache decide whether it must run."""
    for source in CHAPTERS:
        target = FOLDER / "notebooks" / f"{source.stem}.ipynb"
        files = pipeline.frlib_files(source)
        parts = {"models": ("weights", WEIGHTS), "faces": ("head", HEAD)}
        needs = dict(task for part, task in parts.items() if any(f"frlib/{part}/" in f for f in files))
        python = None
        if PROFILE == "smoke":
            needs, python = needs | {"reader": LINKS}, READER / "bin/python"
        parameters = pipeline.accepted(source, PARAMETERS)
        run = functools.partial(pipeline.execute, source, target, parameters, python)
        yield {
            "name": source.stem,
            **timed(step_of(source), run, [*needs.values()]),
            "file_dep": [str(source), *files],
            "task_dep": [*needs],
            "uptodate": [functools.partial(shows_the_same, source, parameters)],
            "targets": [str(target)],
        }


def shows_the_same(source, parameters, task, values):
    """Say whether a chapter last ran with these parameters, and with what it now finds in the reader's cache."""
    now = json.dumps([parameters, reader_cache.shown(source)], sort_keys=True)
    task.value_savers.append(lambda: {"shows": now})
    return values.get("shows") == now


def task_benchmarks():
    """Run the short form of every benchmark for the performance page.

    They run after the chapters, with nothing beside them. In profile smoke no one reads their numbers: there they come
    first, beside chapters. That of the GPU is run by hand, where there is one.
    """
    scripts = sorted(p for p in (ROOT / "benchmarks").glob("*.py") if p.name not in ("command.py", "gpu.py"))
    files = sorted({f for s in scripts for f in pipeline.frlib_files(s)})
    target, before = FOLDER / "benchmarks.json", [] if PROFILE == "smoke" else CHAPTERS

    def run():
        rows = []
        for script in scripts:
            part = FOLDER / f"benchmark-{script.stem}.json"
            children.run(sys.executable, script, "--quick", "--json", part)
            rows += json.loads(part.read_text(encoding="utf-8"))
            part.unlink()
        whole.write(target, json.dumps(rows, indent=1))

    return {
        **timed(BENCHMARKS, run, [WEIGHTS, HEAD, *map(step_of, before)]),
        "file_dep": [str(ROOT / "benchmarks/command.py"), *map(str, scripts), *files],
        "task_dep": ["weights", "head", *(f"chapter:{chapter.stem}" for chapter in before)],
        "targets": [str(target)],
    }


def task_faults():
    """Plant the quick faults for their page. One that is not held shows there, and fails a test, but not the build."""
    target = FOLDER / "faults.json"

    def run():
        target.unlink(missing_ok=True)
        try:
            children.run(sys.executable, "-m", "tests.faults", "--json", target)
        except subprocess.CalledProcessError:  # also where one was not held
            if not target.exists():
                raise

    return {
        **timed(FAULTS, run, [WEIGHTS, HEAD]),
        "file_dep": sorted(str(f) for room in ("frlib", "book", "tests/faults") for f in (ROOT / room).rglob("*.py")),
        "task_dep": ["weights", "head"],
        "targets": [str(target)],
    }


def task_figure():
    """Draw the README's figure; it does not depend on the profile, so only profile book draws it."""
    script, target = ROOT / "book/figure.py", ROOT / "book/assets/energy.svg"

    def draw():
        children.run(sys.executable, script, target)

    return {
        **timed("figure of the README", draw),
        "file_dep": [str(script), *pipeline.frlib_files(script)],
        "targets": [str(target)],
    }


def task_readme():
    """List the chapters in the README."""
    return {
        **timed("list of the README", contents.write_readme_list),
        "file_dep": [*map(str, CHAPTERS), str(ROOT / "_toc.yml"), str(ROOT / "book/contents.py")],
    }


def task_live():
    """Write the network, and the people, that the page "Move a face yourself" loads."""
    scripts, page = ([*(ROOT / "book/live").glob(f"*.{kind}")] for kind in ("py", "js"))
    files = sorted({f for script in scripts for f in pipeline.frlib_files(script)})

    def write():
        children.run(sys.executable, "-m", "book.live", FOLDER / "live")

    return {
        **timed(LIVE, write, [WEIGHTS, HEAD]),
        "file_dep": [*map(str, [*scripts, *page]), *files],
        "task_dep": ["weights", "head"],
        "targets": [str(FOLDER / "live/live/still.json")],
    }


def files_of_site():
    """Return what the pages are made of."""
    notebooks = [FOLDER / "notebooks" / f"{c.stem}.ipynb" for c in CHAPTERS]
    unused = {"__pycache__", "vendor", "figure.py", "energy.svg"}
    pages = [f for f in (ROOT / "book").rglob("*") if f.is_file() and not unused & set(f.parts)]
    library = sorted((ROOT / "frlib").rglob("*.py")) + sorted((ROOT / "frlib/view").glob("*.js"))
    made = [
        FOLDER / "benchmarks.json",
        FOLDER / "faults.json",
        *FOLDER.glob("gpu.json"),
        FOLDER / "live/live/still.json",
    ]
    return [str(f) for f in (*notebooks, *pages, *library, *made, ROOT / "_config.yml", ROOT / "_toc.yml")]


def site(name, edition=None):
    """Describe the build of a site, warnings as errors."""
    action = functools.partial(pipeline.build_site, FOLDER, edition)
    target, folder = (COURSE / edition.name, COURSE_STEPS) if edition else (FOLDER / "html", FOLDER)
    return {
        **timed(name, action, [*map(step_of, CHAPTERS), BENCHMARKS, FAULTS, LIVE], folder),
        "file_dep": files_of_site(),
        "uptodate": [config_changed({"url": pipeline.repository_url()})],
        "targets": [str(target / "index.html")],
    }


def task_site():
    """Build the site of the book."""
    return site("site")


def task_course():
    """Make what a teacher needs: sites for students and teachers, notebooks, assignments, slides and a handout."""
    yield {"name": "student", **site(STUDENTS, editions.STUDENT)}
    yield {"name": "instructor", **site("site of the teachers", editions.INSTRUCTOR)}
    notebooks = COURSE / "notebooks/student"
    for name, *given, target in (
        ("notebooks", COURSE / "student", notebooks),
        ("assignments", notebooks, FOLDER / "notebooks", COURSE / "assignments.zip"),
        ("slides", FOLDER, COURSE / "slides"),
        ("handout", COURSE / "student", COURSE / "handout"),
    ):
        yield {"name": name, **part_of_course(name, [*given, target])}


def part_of_course(name, paths):
    """Describe what a module of `book.course` builds from the site of the students, into the last of the paths."""

    def build():
        importlib.import_module(f"book.course.{name}").build(*paths)

    before = ["student", *(["notebooks"] if name == "assignments" else [])]
    return {
        **timed(f"{name} of the course", build, [STUDENTS], COURSE_STEPS),
        "file_dep": files_of_site(),
        "task_dep": [f"course:{part}" for part in before],
        "targets": [str(paths[-1])],
    }


def task_summary():
    """Say how long everything took, and where the site and the logs are."""

    def show():
        ready, times = ROOT / ".venv/ready", timeline.without_pauses(steps.recorded(FOLDER))
        total = max((step["end"] for step in times), default=0) + (float(ready.read_text()) if ready.exists() else 0)
        print(f"\nAll steps, each when it last ran, with the environment: {total / 60:.1f} min.")
        print(f"What they printed: {FOLDER.relative_to(ROOT)}/log")
        print(
            f"Site: {FOLDER.relative_to(ROOT)}/html/index.html ({pipeline.site_size(FOLDER)}); `make serve` shows it."
        )

    return {"actions": [show], "task_dep": ["site"], "uptodate": [False]}
