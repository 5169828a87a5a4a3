"""``python -m frlib.fingerprint.paper``: energies on the lattices of paper A, as large as there.

40 people of 121,875 images each, and 20,000 curves of each attribute: the default of the authors' script
``energy_finetuning_ball.py``. Their other files have 10,000, 5,000 and 3,000; which number the paper has is not known.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import joblib
import pandas as pd

from frlib import checks, runtime, store
from frlib.faces import Lattice, sample_identities
from frlib.fingerprint.costs import Measures, estimate
from frlib.fingerprint.depth import lattice_energies, lattice_neighbors, lattice_steps
from frlib.fingerprint.lattices import over_lattices
from frlib.models import load

NETWORKS = ("mobilefacenet", "mobileface")
SCALES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0)
#: The authors draw at most 100 neighbours from each ball. Without them the energy is the same but for this noise, and
#: with them it takes 25 times as long: so these are fewer curves, as many as in the authors' notebooks.
AT_MOST, CURVES_OF_AUTHORS = 100, 5_000


def measures(n_curves: int) -> Measures:
    """Return what chapter 4 measures on each lattice with so many curves of each attribute, for `over_lattices`."""
    scales, theirs = list(SCALES), {"nearest": [5], "inverse_distance": True, "n_curves": n_curves}
    as_authors = {"raw": True, "include_center": True, "max_neighbors": AT_MOST}
    return {
        "balls": (lattice_energies, {"scales": scales, "n_curves": n_curves}),
        "neighbors": (lattice_energies, theirs | {"raw": False}),
        "neighbors-raw": (lattice_energies, theirs | {"raw": True}),
        "balls-of-authors": (
            lattice_energies,
            {"scales": scales, "n_curves": min(n_curves, CURVES_OF_AUTHORS)} | as_authors,
        ),
        "steps": (lattice_steps, {}),
        "near-images": (lattice_neighbors, {"scales": [0.1, 0.2, 0.4, 1.0]}),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Estimate, ask and compute what the command line asks for, and return the exit status."""
    options = parser().parse_args(arguments)
    try:
        device = runtime.start(options.seed, options.device)
        people = sample_identities(options.identities, seed=options.seed)
        lattices = [Lattice(person, options.side, seed=options.seed) for person in people]
        networks = [load(name, device) for name in dict.fromkeys(options.networks)]
        asked = measures(checks.at_least("curves", options.curves, 2))
        jobs = 1 if device.type == "cuda" else joblib.effective_n_jobs(options.jobs or -1)
        expected = estimate(lattices, networks, asked)
        print(described(expected, jobs))
        check_disk(expected)
        if options.estimate or not (expected.empty or options.yes or confirmed()):
            return 0
        tables = {
            name: over_lattices(measure, lattices, networks, n_jobs=jobs, **given)
            for name, (measure, given) in asked.items()
        }
        write(tables, options.output)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def described(expected: pd.DataFrame, jobs: int) -> str:
    """Return an estimate in words and figures."""
    if expected.empty:
        return "Nothing is left to compute."
    hours, gigabytes = expected.hours.sum() / jobs, expected.gigabytes.sum()
    numbers = {"seconds": "{:.2g}".format, "hours": "{:,.2f}".format, "gigabytes": "{:,.2f}".format}
    numbers |= dict.fromkeys(("total", "left"), "{:,}".format)
    took = f"{hours:,.1f} hours" if hours >= 1 else f"{60 * hours:,.1f} minutes"
    return (
        f"{expected.to_string(index=False, formatters=numbers)}\n"
        f"Seconds are those of one image or table, hours those of one process.\n"
        f"Estimate for this machine: {took} in {jobs} process{'es' * (jobs > 1)}, {gigabytes:,.2f} GB on disk, "
        f"in {store.cache_folder('results')}. A run that is cut off goes on where it ended."
    )


def check_disk(expected: pd.DataFrame) -> None:
    """Raise an OSError if the disk has not enough room for an estimate."""
    free, needed = shutil.disk_usage(store.cache_folder("results")).free / 1e9, expected.gigabytes.sum()
    if needed > free:
        raise OSError(f"{needed:,.1f} GB are needed and {free:,.1f} GB are free. {store.REMEDY}")


def confirmed() -> bool:
    """Ask at a terminal whether to begin; elsewhere say how to."""
    if not sys.stdin.isatty():
        print("Nothing was begun: give --yes to begin.")
        return False
    return input("Begin? [y/N] ").strip().lower() in ("y", "yes")


def write(tables: dict[str, pd.DataFrame], folder: str | None) -> None:
    """Print mean energies in small and in large balls, and write all tables into a folder if one is named."""
    balls = tables["balls"]
    ends = balls[balls["size"].isin([0.1, 1.0])]
    print(ends.pivot_table("energy", ["network", "attribute"], "size", sort=False).round(2).to_string())
    if folder is not None:
        for name, table in tables.items():
            with store.atomic_file(Path(folder, f"{name}.csv")) as file:
                table.to_csv(file, index=False)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(
        prog="python -m frlib.fingerprint.paper",
        description="Energies on the lattices of paper A, as large as there. Chapter 4 reads them in profile paper.",
    )
    p.add_argument("--identities", type=int, default=40, help="people (40)")
    p.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME", help=f"({' '.join(NETWORKS)})")
    p.add_argument("--curves", type=int, default=20_000, help="curves of each attribute, at most all (20000)")
    p.add_argument("--side", type=int, default=5, help="steps along each drawn attribute; 5 is the paper's lattice")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--device", default="auto", help="auto, cpu or cuda")
    p.add_argument("--jobs", type=int, help="processes (all processors, or 1 with a GPU)")
    p.add_argument("--estimate", action="store_true", help="say what it will cost, and stop")
    p.add_argument("--yes", action="store_true", help="begin without a question")
    p.add_argument("--output", metavar="FOLDER", help="write the tables there, as CSV")
    return p


if __name__ == "__main__":
    sys.exit(main())
