"""The command line that all benchmarks share, and how they measure time and memory."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from frlib.store import atomic_file


class Rows(list):
    """The rows of one benchmark; each is printed when it is added."""

    def __init__(self, benchmark: str):
        self.benchmark = benchmark

    def add(self, case: str, quantity: str, value: float, unit: str, baseline: str) -> None:
        """Add a value, and with what it was compared."""
        row = {"benchmark": self.benchmark, "case": case, "quantity": quantity, "value": float(value), "unit": unit}
        self.append(row | {"baseline": baseline})
        print(f"{case:48} {quantity:36} {value:10.3g} {unit:8} {baseline}", flush=True)


def run(main, description: str) -> None:
    """Call ``main(quick)`` as the command line says, and write its rows where ``--json`` names a file."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, under 45 s on a quiet machine")
    parser.add_argument("--json", metavar="PATH", help="also write the rows there")
    arguments = parser.parse_args()
    rows = main(quick=arguments.quick)
    if arguments.json:
        with atomic_file(arguments.json) as partial:
            partial.write_text(json.dumps(rows, indent=1))


def seconds(*functions, repeat: int = 3, clock=time.process_time) -> list[float]:
    """Return the best time of each function; they take turns, so that a change of the machine's load meets all."""
    times = [[] for _ in functions]
    for _ in range(repeat):
        for function, own in zip(functions, times, strict=True):
            start = clock()
            function()
            own.append(clock() - start)
    return [min(own) for own in times]


def raised_peak(call) -> float:
    """Return by how many megabytes a call raises the peak memory of this process (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to the present use
    before = _resident_peak()
    call()
    return _resident_peak() - before


def _resident_peak() -> float:
    """Return the largest resident memory of this process so far, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def in_fresh_process(script: str, *arguments) -> float:
    """Return the number that a benchmark prints when it is called with ``--peak`` and these arguments."""
    call = [sys.executable, script, "--peak", *map(str, arguments)]
    return float(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
