"""``python -m tests.faults``: plant faults, print a line for each and a total."""

import argparse
import importlib
import json
import pkgutil
import sys
from collections import Counter
from pathlib import Path

from frlib.store import atomic_file
from tests import faults
from tests.faults.planting import Fault, Kind, plant

TOOLS = ("planting", "__main__")


def every_fault() -> list[Fault]:
    """Return the faults of all modules beside this one, kind by kind."""
    names = [m.name for m in pkgutil.iter_modules(faults.__path__) if m.name not in TOOLS and "test_" not in m.name]
    modules = [importlib.import_module(f"tests.faults.{name}") for name in names]
    kinds = [value for module in modules for value in vars(module).values() if isinstance(value, Kind)]
    return [fault for kind in dict.fromkeys(kinds) for fault in kind.faults]


def main(arguments: list[str] | None = None) -> int:
    """Plant the faults that are asked for; return 0 if all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--all", action="store_true", help="the slow ones too")
    parser.add_argument("--only", default="", metavar="TEXT", help="those with this text in their kind or words")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table to a file")
    options = parser.parse_args(arguments)
    chosen = [f for f in every_fault() if options.only.lower() in f"{f.kind} {f.planted}".lower()]
    rows = []
    for fault in chosen:
        if fault.quick or options.all:
            rows.append(row := plant(fault))
            said = "" if row["held"] in ("survived", "refused") else f": {row['now']}"
            print(f"{row['seconds']:7.1f} s  {row['held']:<12}{fault.kind}: {fault.planted}{said}", flush=True)
        else:
            rows.append(not_asked_for(fault))
    counts = Counter(row["held"] for row in rows)
    print(f"{len(rows)} faults: {', '.join(f'{number} {held}' for held, number in counts.items())}.")
    if options.json:
        with atomic_file(options.json) as partial:
            partial.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return int(bool(counts["failed"]) or not rows)


def not_asked_for(fault: Fault) -> dict:
    """Return the row of a slow fault in a run of the quick ones."""
    row = {"kind": fault.kind, "planted": fault.planted, "before": fault.before, "quick": fault.quick}
    return row | {
        "held": "weekly",
        "now": "Not planted by this build: it is slow, and planted every week.",
        "seconds": 0,
    }


if __name__ == "__main__":
    sys.exit(main())
