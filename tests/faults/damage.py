"""Damaged files: a bit, a byte or an end that is not what was written."""

import warnings
from pathlib import Path

import torch

from frlib.store import load_or_build
from tests.faults.planting import Kind, Outcome, demand, survived

damage = Kind("Damaged files")


@damage.fault("A stored result is cut to half its length")
def half_a_result(place: Path) -> Outcome:
    """Store, cut, ask again."""

    def ask() -> torch.Tensor:
        return load_or_build("numbers", {"count": 100}, lambda: {"numbers": torch.arange(100.0)}, folder=place)[
            "numbers"
        ]

    first = ask()
    (file,) = place.iterdir()
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        again = ask()
    demand(torch.equal(first, again), "other numbers")
    demand("it is rebuilt" in str(said[-1].message), "no word")
    return survived("Rebuilt, with a warning.")
