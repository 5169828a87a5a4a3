"""Machines: small, old, without what others have, with other settings, in odd folders, and with a wrong clock."""

import contextlib
import io
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import nbformat

from book import memory, pipeline, steps
from book.course import handout
from tests.build import ROOT
from tests.checkout import DOIT, PARAMETERS, add_chapters, small_checkout
from tests.faults.builds import DRAWS, FIGURE
from tests.faults.kills import CHAPTER, SMOKE, failed_chapter
from tests.faults.kills import said as printed_by
from tests.faults.planting import (
    Kind,
    NotPlanted,
    Outcome,
    demand,
    keep_mounts_private,
    mount,
    refused_command,
    run,
    shortened,
    succeeds,
    survived,
)

machines = Kind("Machines")
#: A chapter with letters that not every locale has, and numbers that a process computes.
PLAIN = PARAMETERS + CHAPTER.format(planted="name = 'ε, Größe, 数'")
#: The name of a folder with blanks and letters that are not ASCII.
ODD = "Größe und 数  (Kopie) 'ε'"
#: The settings of a system that knows ASCII only.
ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def numbers_of(checkout: Path, prefix: tuple = (), **environment: str) -> str:
    """Run the chapter of a checkout by a command that begins with a prefix; return what it printed last."""
    command = [*prefix, DOIT, "-a", "profile=book", "chapter:plain"]
    succeeds(command, folder=checkout, environment=environment, limit=400)
    return printed_by(checkout / "_build/book/notebooks/plain.ipynb")


def plain(place: Path) -> Path:
    """Make a checkout with the chapter ``plain``."""
    checkout = small_checkout(place, DRAWS)
    add_chapters(checkout, plain=PLAIN)
    return checkout


def usual(place: Path) -> str:
    """Return what the chapter prints on this machine as it is."""
    (place / "plain.py").write_text(PLAIN, encoding="utf-8")
    pipeline.execute(place / "plain.py", place / "notebooks/plain.ipynb", SMOKE)
    return printed_by(place / "notebooks/plain.ipynb")


def same_numbers(place: Path, now: str, prefix: tuple = (), **environment: str) -> Outcome:
    """Run the chapter in a checkout under other conditions, and compare."""
    demand(numbers_of(plain(place / "checkout"), prefix, **environment) == usual(place), "other numbers")
    return survived(now)


@contextlib.contextmanager
def group_with(limit: int) -> Iterator[Path]:
    """Make a group of processes that may use so many bytes of memory; yield the file that takes its processes."""
    first, second = (Path(root, f"fault-{os.getpid()}") for root, _ in reversed(memory.GROUPS.values()))
    folder, name = (first, "memory.limit_in_bytes") if first.parent.exists() else (second, "memory.max")
    try:
        folder.mkdir()
        (folder / name).write_text(str(limit))
    except OSError as error:
        raise NotPlanted(f"the memory of processes cannot be limited here: {error.strerror}") from error
    try:
        yield folder / "cgroup.procs"
    finally:
        folder.rmdir()


@machines.fault("2 GiB of memory", before="Chapters ran until the system killed one, after minutes, without a word.")
def little_memory(place: Path) -> Outcome:
    """Build in a group of processes with this limit."""
    checkout = small_checkout(place, DRAWS)
    with group_with(2 << 30) as processes:
        command = ["sh", "-c", f'echo $$ > {processes} && exec "$@"', "sh", *FIGURE]
        return refused_command(command, "chapters need about", "GB of memory", "there are 2.1 GB here", folder=checkout)


@machines.fault(
    "More processors than the memory can serve",
    before="As many processes as processors, until the system killed some.",
)
def more_processors_than_memory(place: Path) -> Outcome:
    """Ask how many processes a chapter may have on a machine with 64 processors and 8 GB."""
    with mock.patch.object(memory, "limit", lambda: 8_000_000_000):
        fit = memory.processes(64)
    demand(2 <= fit <= 5 and memory.ALONE + fit * memory.EACH <= 8e9, f"{fit} processes")
    return survived(f"Chapters use {fit} processes in 8 GB, however many processors there are.")


@machines.fault(
    "A chapter asks torch for more memory than there is", before="Only the bytes that it asked for.", quick=False
)
def too_large_an_array(place: Path) -> Outcome:
    """Ask for all pairs of ten million points."""
    cells = "# %%\nimport torch\npairs = torch.empty(10**7, 10**7)\n"
    said = "you tried to allocate 400000000000000 bytes", "GB of memory here; a chapter needs"
    return failed_chapter(place, cells, *said)


@machines.fault("The checkout cannot be written", before="A traceback.")
def read_only_checkout(place: Path) -> Outcome:
    """Mount it so, and build; listing the steps needs no writing."""
    checkout = small_checkout(place, DRAWS)
    keep_mounts_private()
    for options in (["--bind"], ["-o", "remount,bind,ro"]):
        mount(*options, checkout, checkout)
    succeeds([DOIT, "list"], folder=checkout)
    return refused_command(
        FIGURE, "_build cannot be written (Read-only file system)", "a checkout that it can write", folder=checkout
    )


def without_home(place: Path) -> dict[str, str]:
    """Return settings with a home that is not there and cannot be made."""
    (place / "none").write_text("")
    return {"HOME": str(place / "none/home"), "FRLIB_CACHE": str(place / "cache")}


@machines.fault("The home of the user is not there", quick=False)
def no_home(place: Path) -> Outcome:
    """Run a chapter without one, and compare."""
    return same_numbers(place, "Chapters run, with the same numbers.", **without_home(place))


@machines.fault(
    "The user's own start-up file of IPython changes the random numbers",
    before="It ran in every chapter, whose numbers it changed.",
    quick=False,
)
def startup_file(place: Path) -> Outcome:
    """Run a chapter with one, and compare."""
    startup = place / "home/.ipython/profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("import torch\ntorch.cdist = lambda x, y: x\nprofile_of_mine = True\n")
    return same_numbers(place, "Chapters do not see it.", HOME=str(place / "home"))


@machines.fault("One processor", quick=False)
def one_processor(place: Path) -> Outcome:
    """Run a chapter bound to one, and compare."""
    if not shutil.which("taskset"):
        raise NotPlanted("there is no taskset")
    first = str(min(os.sched_getaffinity(0)))
    return same_numbers(place, "The same numbers, from one process.", ("taskset", "-c", first))


@machines.fault("A checkout in a folder with blanks and letters that are not ASCII")
def odd_folder(place: Path) -> Outcome:
    """Build the figure there."""
    checkout = small_checkout(place / ODD, DRAWS)
    succeeds(FIGURE, folder=checkout)
    demand((checkout / "book/assets/energy.svg").exists(), "no figure")
    return survived("The step runs.")


@machines.fault("A chapter in a folder with blanks and letters that are not ASCII", quick=False)
def chapter_in_an_odd_folder(place: Path) -> Outcome:
    """Run it there, and compare."""
    demand(numbers_of(plain(place / ODD)) == usual(place), "other numbers")
    return survived("The same numbers.")


@machines.fault(
    "A system that knows ASCII only, while the contents of the book are read",
    before="A traceback, where a page or the contents hold other letters.",
)
def ascii_contents(place: Path) -> Outcome:
    """List the steps of a book whose contents have other letters."""
    checkout = plain(place)
    contents = (checkout / "_toc.yml").read_text()
    (checkout / "_toc.yml").write_text(contents.replace("title: T", "title: Größe ε 数"), encoding="utf-8")
    succeeds([DOIT, "list", "--all"], "chapter:plain", folder=checkout, environment=ASCII)
    return survived("They are read as UTF-8, whatever the system's own encoding.")


@machines.fault("A system that knows ASCII only, for a whole chapter", quick=False)
def ascii_chapter(place: Path) -> Outcome:
    """Run a chapter there, and compare."""
    return same_numbers(place, "The same numbers.", **ASCII)


@machines.fault("Another time zone", quick=False)
def time_zones(place: Path) -> Outcome:
    """Run a chapter at both ends of the world: the same but for seconds, and a start in UTC."""
    checkout, printed = plain(place), []
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        printed.append(numbers_of(checkout, TZ=zone))
        book = nbformat.read(checkout / "_build/book/notebooks/plain.ipynb", as_version=4)
        started = book.metadata["frlib"]["started"]
        now = time.strftime("%Y-%m-%dT%H", time.gmtime())
        demand(started.endswith("+00:00") and abs(int(started[11:13]) - int(now[11:13])) in (0, 1, 23), started)
    demand(printed[0] == printed[1], "other numbers")
    return survived("The same numbers; times are kept in UTC.")


@machines.fault(
    "The clock is set back by an hour while a step runs", before="The step took a negative time, and so did the total."
)
def clock_set_back(place: Path) -> Outcome:
    """Run a step while the clock is set back."""
    times = iter([10_000.0])
    with mock.patch.object(steps.time, "time", lambda: next(times, 6_400.0)), steps.step("a step", place):
        pass
    (row,) = steps.recorded(place)
    demand(0 <= row["seconds"] < 5, f"{row['seconds']} s")
    return survived("The time of a step is measured by a clock that nobody sets.")


@machines.fault("All files of the checkout are from next year")
def files_from_the_future(place: Path) -> Outcome:
    """Build, build again, change the script, and build once more."""
    checkout = small_checkout(place, DRAWS)
    later = time.time() + 365 * 86_400
    for path in (
        path for path in checkout.rglob("*") if path.is_file() and not path.is_relative_to(checkout / "frlib")
    ):
        os.utime(path, (later, later))
    succeeds(FIGURE, folder=checkout)
    succeeds(FIGURE, "unchanged", folder=checkout)
    return survived("What is unchanged does not run again: content counts, not time.")


@machines.fault("No Chromium, for the handout of a course")
def no_chromium(place: Path) -> Outcome:
    """Make a handout where none is in PATH."""
    os.environ["PATH"] = str(place)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        handout.build(place, place / "handout")
    demand("needs Chromium (apt install chromium)" in said.getvalue(), shortened(said.getvalue()))
    return survived("The rest of the course is made; a message says what the handout needs.")


@machines.fault(
    "The folder for temporary files has a name of 150 letters", before="No kernel could start.", quick=False
)
def long_temporary_folder(place: Path) -> Outcome:
    """Run a chapter with one, and compare."""
    folder = place / ("long" * 38)
    folder.mkdir()
    return same_numbers(place, "Sockets go where their names are short enough.", TMPDIR=str(folder))


def interpreter(version: str) -> str:
    """Return a Python of a version."""
    here = [*Path.home().glob(f".pyenv/versions/{version}.*/bin/python"), shutil.which(f"python{version}")]
    if sys.version.startswith(version + "."):
        here.append(sys.executable)
    for path in filter(None, here):
        if run([path, "--version"]).returncode == 0:  # a version manager may only know that there could be one
            return str(path)
    raise NotPlanted(f"there is no Python {version} here")


@machines.fault("Python 3.10")
def old_python(place: Path) -> Outcome:
    """Ask make to set up an environment with it."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, place)
    command = ["make", "book", f"PYTHON={interpreter('3.10')}"]
    return refused_command(command, "Python 3.11 or newer is needed", "PYTHON=", folder=place)


def compiles(version: str) -> Outcome:
    """Compile all code with a version of Python, warnings as errors; the environment itself is not installed."""
    code = (
        "import pathlib, sys\n"
        "for root in ('frlib', 'book', 'notebooks', 'benchmarks'):\n"
        "    for path in pathlib.Path(root).rglob('*.py'):\n"
        "        compile(path.read_text(encoding='utf-8'), str(path), 'exec', dont_inherit=True)\n"
    )
    succeeds([interpreter(version), "-W", "error", "-c", code])
    return survived("All code compiles without a warning. The tests run with the version of the environment.")


@machines.fault("Python 3.11", quick=False)
def python_3_11(place: Path) -> Outcome:
    """Compile."""
    return compiles("3.11")


@machines.fault("Python 3.12", quick=False)
def python_3_12(place: Path) -> Outcome:
    """Compile."""
    return compiles("3.12")


@machines.fault("Python 3.13", quick=False)
def python_3_13(place: Path) -> Outcome:
    """Compile."""
    return compiles("3.13")
