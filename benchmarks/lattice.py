"""Time of the paper's lattice for one person in one network, from drawing to energies.

    python benchmarks/lattice.py [--quick] [--json PATH]

The short form takes 2 steps along each attribute in place of 5: 192 drawings and 2,496 images, and all their curves.
The long form is the lattice of the paper, 9,375 drawings and 121,875 images, with 5,000 curves per attribute and, for
one attribute, with all 79,625. One thread, processor time; two people on two processors take as long as one.
"""

import time

import command
import numpy as np
import torch

from frlib.faces import Lattice, render, sample_identities
from frlib.faces.attributes import ATTRIBUTES, RENDERED
from frlib.faces.lattice import lattice_curves, lattice_table, lattice_values
from frlib.geometry import central_difference, energy_sweep, unit_distance
from frlib.models import load

NETWORK = "mobileface"
CURVES = 5_000
SCALES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0)
ALONE = 32


def drawn_and_embedded(identity, side: int, embedder) -> tuple[torch.Tensor, dict[str, float]]:
    """Return the embeddings of all images of the lattice, and the seconds of drawing and of embedding."""
    rows, seconds = [], {"drawing and variants": 0.0, "embedding": 0.0}
    blocks, start = Lattice(identity, side).draw([embedder.crop]), time.process_time()
    for block in blocks:
        drawn = time.process_time()
        rows.append(embedder.embed(block[embedder.crop]["points"], progress=False))
        seconds["drawing and variants"] += drawn - start
        start = time.process_time()
        seconds["embedding"] += start - drawn
    return torch.cat(rows), seconds


def energies(rows: torch.Tensor, table, most: int | None, metric: str, names) -> float:
    """Return the seconds that the energies of some attributes take, with at most so many curves each."""
    draws, points, fields = np.random.default_rng(0), {}, {}
    for name in names:
        curves = lattice_curves(table, name)
        if most is not None and most < len(curves):
            curves = curves.iloc[np.sort(draws.choice(len(curves), most, replace=False))]
        minus, center, plus = (rows[torch.tensor(curves[part].to_numpy())] for part in ("minus", "center", "plus"))
        points[name], fields[name] = center, central_difference(minus, plus, metric=metric)
    unit = unit_distance(rows[draws.choice(len(rows), min(len(rows), 3_000), replace=False)], metric=metric)
    start = time.process_time()
    energy_sweep(points, fields, SCALES, metric=metric, mean_distance=unit)
    return time.process_time() - start


def alone(identity, side: int) -> float:
    """Return the seconds that drawing one image of the lattice takes by itself, the mean of some."""
    values = lattice_values(lattice_table(side), side)[list(RENDERED)].iloc[::13].sample(ALONE, random_state=0)
    (seconds,) = command.seconds(lambda: [render(identity, own) for own in values.to_dict("records")], repeat=1)
    return seconds / ALONE


def main(quick: bool = False) -> list[dict]:
    """Time the steps on one thread, and return the rows."""
    threads_before = torch.get_num_threads()
    torch.set_num_threads(1)
    side = 2 if quick else 5
    identity, embedder, table = sample_identities(1, seed=0)[0], load(NETWORK, device="cpu"), lattice_table(side)
    render(identity), embedder.embed(render([identity] * 16), progress=False)  # compilers, meshes, weights
    drawings, single = len(table) // 13, alone(identity, side)
    embedded, seconds = drawn_and_embedded(identity, side, embedder)
    seconds["energies"] = energies(embedded, table, CURVES, embedder.metric, ATTRIBUTES)
    rows = command.Rows("lattice")
    case = f"{drawings:,} drawings, {len(table):,} images, one thread"
    for step, value in seconds.items():
        rows.add(case, f"time of {step}", value, "s", NETWORK)
    rows.add(case, "time of all", sum(seconds.values()), "s", NETWORK)
    rows.add(
        case, "drawing and variants, per image", 1000 * seconds["drawing and variants"] / len(table), "ms", NETWORK
    )
    gain = single * drawings / seconds["drawing and variants"]
    rows.add(case, "speed-up by sharing, variants included", gain, "ratio", "each drawing by itself, no variants")
    if not quick:
        whole = energies(embedded, table, None, embedder.metric, ["age"])
        rows.add(case, "time of energies, age, all curves", whole, "s", NETWORK)
    torch.set_num_threads(threads_before)
    return rows


if __name__ == "__main__":
    command.run(main, __doc__)
