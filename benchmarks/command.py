"""The command line that all benchmarks share."""

import argparse
import json

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
