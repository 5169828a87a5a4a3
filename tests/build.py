"""The build that `make test` makes, in profile smoke. ``FRLIB_SITE`` names the folder of another site."""

import functools
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = Path(os.environ.get("FRLIB_SITE", ROOT / "_build/smoke/html")).resolve()
ABSENT = f"there is no site at {SITE}: `make test` builds it"


def present() -> bool:
    return (SITE / "index.html").exists()


@functools.cache
def states() -> dict[str, str]:
    """Return the tasks of the build and their state: U is up to date, R must run."""
    command = [Path(sys.executable).with_name("doit"), "profile=smoke", "list", "--all", "--status"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    states = dict(reversed(line.split()[:2]) for line in done.stdout.splitlines() if line.strip())
    steps = ("chapter:", "site", "weights", "head", "live", "benchmarks")
    return {name: state for name, state in states.items() if name.startswith(steps)}


def unfit() -> str:
    """Return why tests cannot rely on the build; empty if they can."""
    if not present():
        return ABSENT
    stale = [] if "FRLIB_SITE" in os.environ else [name for name, state in states().items() if state != "U"]
    return f"stale: {', '.join(stale)}; `make test` builds anew" if stale else ""
