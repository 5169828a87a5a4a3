"""The steps of a build: one line for each, with its time; what programs print goes to a log.

On a terminal the line also shows what the step waits for: the last words of its log, such as the bar of a long cell.
Elsewhere, and where steps run side by side, it is written once, when the step ends.
"""

import contextlib
import json
import multiprocessing
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from doit.globals import Globals
from doit.reporter import ConsoleReporter
from filelock import FileLock

from book import whole

#: What moves the cursor of a terminal.
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def said(log: Path, lines: int) -> list[str]:
    """Return the last lines of a log; of a bar that was drawn again and again, its last state."""
    with open(log, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 20_000))
        text = CONTROLS.sub("", file.read().decode(errors="replace"))
    states = ([state.rstrip() for state in line.split("\r") if state.strip()] for line in text.split("\n"))
    return [line[-1] for line in states if line][-lines:]


@contextlib.contextmanager
def step(name: str, folder: Path, needs: Sequence[str] = ()) -> Iterator[None]:
    """Run a step of the build whose log is ``log/NAME.txt`` in a folder, and note its time in ``build.json`` there.

    ``needs`` names the steps that had to end before.

    Everything goes to the log that this process and the programs that it starts print, also from compiled code.
    """
    log = log_of(name, folder)
    log.parent.mkdir(parents=True, exist_ok=True)
    started, clock, ended, outcome = time.time(), time.monotonic(), threading.Event(), " failed"
    sys.stdout.flush(), sys.stderr.flush()
    ours = [os.dup(1), os.dup(2)]
    with open(log, "wb") as file:
        os.dup2(file.fileno(), 1), os.dup2(file.fileno(), 2)
    screen = open(ours[0], "w", closefd=False)

    def show(after: str = "") -> None:
        room = shutil.get_terminal_size().columns - 1
        screen.write(f"\r{line(name, f'{time.monotonic() - clock:.1f} s', after)[:room]:<{room}}")
        screen.flush()

    def watch() -> None:
        while not ended.wait(0.5):
            show("  " + "".join(said(log, 1)).strip())

    watcher = threading.Thread(target=watch, daemon=True)
    alone = multiprocessing.parent_process() is None  # lines of several processes would overwrite each other
    if screen.isatty() and alone:
        watcher.start()
    try:
        yield
        record(folder, name, started, time.monotonic() - clock, needs)
        outcome = ""
    finally:
        ended.set()
        if watcher.is_alive():
            watcher.join()
            show()
            screen.write("\r")
        screen.write(line(name, f"{time.monotonic() - clock:.1f} s", outcome) + "\n")
        screen.close()
        sys.stdout.flush(), sys.stderr.flush()
        for kept, place in zip(ours, (1, 2), strict=True):
            os.dup2(kept, place)
            os.close(kept)


def line(name: str, took: str, after: str = "") -> str:
    """Return the line of a step."""
    return f"{name:<32}{took:>10}{after}"


def log_of(name: str, folder: Path) -> Path:
    """Return the log of a step."""
    return folder / "log" / f"{name.replace(',', '').replace(' ', '-')}.txt"


def record(folder: Path, name: str, started: float, seconds: float, needs: Sequence[str] = ()) -> None:
    """Note when a step of the build began and how long it took, in ``build.json`` of the profile's folder."""
    row = {"name": name, "started": round(started, 1), "seconds": round(seconds, 1), "needs": list(needs)}
    with FileLock(folder / "build.lock"):  # steps that run side by side end side by side
        rows = [other for other in recorded(folder) if other["name"] != name]
        whole.write(folder / "build.json", json.dumps({"steps": [*rows, row]}, indent=1))


def recorded(folder: Path) -> list[dict]:
    """Return what is known of each step when it last ran: its name, start, seconds, and the steps it needs."""
    rows = whole.read(folder / "build.json", {}).get("steps", [])
    return [row for row in rows if "started" in row]  # builds of before did not note it


class OneLine(ConsoleReporter):
    """Says of doit's tasks only what `step` does not: which need not run, and which failed and why."""

    desc = "one line per step"

    def execute_task(self, task):
        """Say nothing: the step writes its line itself."""

    def add_success(self, task):
        """Keep at once that a step is done, not only at the end: a build that is killed goes on from there."""
        if task.actions:
            Globals.dep_manager.backend.dump()

    def skip_uptodate(self, task):
        """Say that nothing changed."""
        if task.actions:
            self.write(line(task.title(), "unchanged") + "\n")

    def _write_failure(self, result, write_exception=True):
        self.write(f"\n{result['exception'].get_msg().rstrip()}\n")
