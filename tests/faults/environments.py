"""The set-up of the environment: without a network, killed, on a full disk, and with a wrong clock."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.build import ROOT
from tests.faults.planting import Kind, Outcome, demand, refused_command, small_disk, succeeds, survived, wait_for
from tests.models import registry

environments = Kind("Set-up of the environment")
#: Stands in for Python in the Makefile: an environment is a folder, and pip does what ``pip.sh`` says.
PYTHON = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  "-m pip "*) shift 2; . ./pip.sh ;;
  *) exec "{python}" "$@" ;;
esac
"""


def environment(place: Path, pip: str) -> tuple[Path, list[str]]:
    """Make a checkout whose `make environment` calls a pip of ours; return it and the command."""
    (place / "book").mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "book/lock.py"):
        shutil.copy(ROOT / name, place / name)
    (place / "python").write_text(PYTHON.format(python=sys.executable))
    (place / "python").chmod(0o755)
    (place / "pip.sh").write_text(pip)
    return place, ["make", ".venv/ready", f"PYTHON={place / 'python'}"]


@environments.fault(
    "No network, while the environment is set up",
    before="The end of what pip printed, which speaks of a version of setuptools, and not of the network.",
    quick=False,
)
def environment_without_network(place: Path) -> Outcome:
    """Set it up with the real pip, which asks an address where nobody listens, and would install nothing."""
    checkout, command = environment(place, f'exec "{sys.executable}" -m pip "$@" --dry-run')
    registry.use(registry.settings(registry.NOWHERE) | {"PIP_RETRIES": "0"})
    outcome = refused_command(
        command, "It takes a network to the package registry", "same command", folder=checkout, limit=300
    )
    demand(not (checkout / ".venv/ready").exists(), "the environment counts as ready")
    return outcome


@environments.fault(
    "The set-up of the environment is killed in the middle of a package",
    before="The next one went on with half a package, which pip does not notice, and called the environment ready.",
)
def environment_cut_off(place: Path) -> Outcome:
    """Kill it after a file of a package; set it up again."""
    checkout, command = environment(place, "touch .venv/half; echo $$ > begun; sleep 600")
    process = subprocess.Popen(command, cwd=checkout, start_new_session=True, stdout=subprocess.DEVNULL)
    wait_for((checkout / "begun").exists, "pip begins")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    demand((checkout / ".venv/half").exists() and not (checkout / ".venv/ready").exists(), "not planted")
    (checkout / "pip.sh").write_text("touch .venv/whole")
    succeeds(command, folder=checkout)
    demand((checkout / ".venv/whole").exists() and not (checkout / ".venv/half").exists(), "half a package is left")
    return survived("The next set-up begins anew, with what pip has in its own cache.")


@environments.fault(
    "An environment that was ready is brought up to date, that is killed, and the pins are set back",
    before="It counted as ready, though some packages may have been those of the other pins, or half of them.",
)
def update_cut_off(place: Path) -> Outcome:
    """Change the time of the pins, kill the set-up, and change it back; another set-up must follow."""
    checkout, command = environment(place, "true")
    succeeds(command, folder=checkout)
    later = (checkout / ".venv/ready").stat().st_mtime + 5
    os.utime(checkout / "constraints.txt", (later, later))
    (checkout / "pip.sh").write_text("kill -9 $$")
    refusal = refused_command(command, "same command", folder=checkout)
    os.utime(checkout / "constraints.txt", (later - 100, later - 100))
    (checkout / "pip.sh").write_text("touch .venv/whole")
    succeeds(command, folder=checkout)
    demand((checkout / ".venv/whole").exists(), "not set up again")
    return refusal


@environments.fault(
    "The disk is full when the environment is ready", before="An empty note, and the summary of every build failed."
)
def full_disk_at_ready(place: Path) -> Outcome:
    """Leave no room for the note that it is ready, then make room."""
    with small_disk(place, "256k"):
        checkout, command = environment(place, "cat /dev/zero > .venv/ballast 2> /dev/null; true")
        refused_command(command, folder=checkout)
        demand(not (checkout / ".venv/ready").exists(), "it counts as ready")
        (checkout / "pip.sh").write_text("true")
        succeeds(command, folder=checkout)
        demand((checkout / ".venv/ready").read_text().strip().isdigit(), "an empty note")
    return survived("It does not count as ready; with room, the same command sets it up.")


@environments.fault(
    "The pins are from next year, as after a clock was set back", before="Every command set it up again."
)
def pins_from_the_future(place: Path) -> Outcome:
    """Set it up twice."""
    checkout, command = environment(place, "echo x >> calls")
    later = (checkout / "pyproject.toml").stat().st_mtime + 365 * 86_400
    os.utime(checkout / "pyproject.toml", (later, later))
    for _ in range(2):
        succeeds(command, folder=checkout)
    demand((checkout / "calls").read_text() == "x\n", "set up twice")
    return survived("It is set up once.")
