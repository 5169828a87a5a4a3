"""Time and memory of `energy_sweep`, beside the bare matrix products and the algorithm of the paper's authors.

    OMP_NUM_THREADS=1 python benchmarks/energy.py [--quick] [--json PATH]

One pass over the pairs also gives the authors' two older definitions (nearest points, inverse distances). The long form
also takes a whole attribute of their lattice.

The floor of a direct computation is one product for the distances and one per attribute for the cosines, of all
points with all points. A ratio of 1 means that binning the pairs into balls at every scale costs what the symmetry of
the products saves. The authors' steps are those of their script: a radius graph of scikit-learn that counts the point
itself, paired cosine distances of all pairs in it, a mean of means, anew for each attribute and scale.

One thread is timed by the processor time of the process: with one thread it is the elapsed time of a quiet machine,
and other programs hardly change it. Two threads are timed by the clock.
"""

import os
import sys
import time

import command
import numpy as np
import torch
from sklearn.metrics.pairwise import paired_cosine_distances
from sklearn.neighbors import RadiusNeighborsTransformer
from threadpoolctl import threadpool_limits

from frlib.geometry import energy_sweep, mean_pair_distance, neighborhood_energies

DIM, ATTRIBUTES = 512, 8
LATTICE_DIM, LATTICE_POINTS = 192, 79_625
SCALES = np.linspace(0.25, 1.5, 12)


def cloud(n: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return points and fields such that balls fill gradually: distances spread over the whole range of scales."""
    generator = torch.Generator().manual_seed(0)
    curve = torch.randn(n, 3, generator=generator) @ torch.randn(3, DIM, generator=generator)
    points = 2 * torch.randn(1, DIM, generator=generator) + curve + 0.2 * torch.randn(n, DIM, generator=generator)
    fields = {
        f"attribute {a}": 0.5 * torch.randn(1, DIM, generator=generator) + torch.randn(n, DIM, generator=generator)
        for a in range(ATTRIBUTES)
    }
    return points, fields


def lattice_cloud(n: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return points in clusters and one field: as large as one attribute of the authors' lattice."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(60, LATTICE_DIM, generator=generator)
    points = 1 + centres[torch.randint(60, (n,), generator=generator)]
    points += 0.7 * torch.randn(n, LATTICE_DIM, generator=generator)
    shared = torch.randn(1, LATTICE_DIM, generator=generator)
    return points, {"attribute": shared + torch.randn(n, LATTICE_DIM, generator=generator)}


def products(points: torch.Tensor, fields: dict[str, torch.Tensor], tile: int = 512) -> None:
    """Compute the matrix products alone, in tiles."""
    for matrix in (points, *fields.values()):
        for start in range(0, len(matrix), tile):
            torch.mm(matrix[start : start + tile], matrix.T)


def energies_of_the_authors(points, fields, mean_distance: float, scales) -> np.ndarray:
    """Follow the authors' script, with all neighbours; shape (attributes, scales)."""
    points = np.asarray(points)
    result = np.empty((len(fields), len(scales)))
    for a, field in enumerate(fields.values()):
        vectors = np.asarray(field)
        for k, scale in enumerate(scales):
            graph = RadiusNeighborsTransformer(radius=scale * mean_distance, mode="connectivity", metric="cosine")
            pairs = graph.fit_transform(points).tocoo()
            distances = paired_cosine_distances(vectors[pairs.row], vectors[pairs.col])
            per_point = np.bincount(pairs.row, distances) / np.bincount(pairs.row)
            result[a, k] = per_point.mean()
    return result


def on_threads(number: int, function):
    """Return the function, to be called with another number of threads in torch."""

    def call():
        torch.set_num_threads(number)
        try:
            return function()
        finally:
            torch.set_num_threads(1)

    return call


def print_peak_memory(which: str, n: int, n_scales: int) -> None:
    """Print by how many megabytes one call raises the peak memory of this process."""
    work(which, 40, 2)()  # loads and compiles
    print(command.raised_peak(work(which, n, n_scales)))


def peak_memory(which: str, n: int, n_scales: int) -> float:
    """Return what `print_peak_memory` finds in a fresh process."""
    return command.in_fresh_process(__file__, which, n, n_scales)


def work(which: str, n: int, n_scales: int):
    """Return a call without arguments that computes the energies of one cloud, with the point itself in its ball."""
    if which == "lattice":
        points, fields = lattice_cloud(n)
        return on_threads(2, lambda: energy_sweep(points, fields, SCALES, device="cpu"))
    points, fields = cloud(n)
    scales = SCALES[:: -(len(SCALES) // n_scales)][::-1]
    unit = mean_pair_distance(points)
    if which == "authors":
        return lambda: energies_of_the_authors(points, fields, unit, scales)
    return lambda: (
        energy_sweep(points, fields, scales, mean_distance=unit, include_center=True, device="cpu")
        .energy.to_numpy()
        .reshape(len(fields), -1)
    )


def described(n: int, n_scales: int = len(SCALES)) -> str:
    """Return the name of a case."""
    return f"N={n} d={DIM}, {ATTRIBUTES} attributes, {n_scales} scales"


def beside_products(rows: command.Rows, sizes: tuple[int, ...], repeat: int) -> None:
    """Compare with the bare matrix products, on one thread."""
    for n in sizes:
        points, fields = cloud(n)
        sweep, bare = command.seconds(
            lambda p=points, f=fields: energy_sweep(p, f, SCALES, device="cpu"),
            lambda p=points, f=fields: products(p, f),
            repeat=repeat,
        )
        rows.add(described(n), "energy_sweep", sweep, "s", "")
        rows.add(described(n), "time over bare products", sweep / bare, "ratio", f"all matrix products, {bare:.2f} s")


def beside_the_sweep(rows: command.Rows, n: int, repeat: int) -> None:
    """Compare the other definitions of an energy with the sweep, on one thread."""
    points, fields = cloud(n)
    asked = {
        "5 and 10 nearest": {"inverse_distance": False},
        "inverse distances": {"nearest": ()},
        "all three in one pass": {"scales": SCALES},
    }
    calls = [
        lambda options=options: neighborhood_energies(points, fields, device="cpu", **options)
        for options in asked.values()
    ]
    sweep, *others = command.seconds(lambda: energy_sweep(points, fields, SCALES, device="cpu"), *calls, repeat=repeat)
    for name, other in zip(asked, others, strict=True):
        rows.add(described(n), f"{name}, time over sweep", other / sweep, "ratio", f"energy_sweep, {sweep:.2f} s")


def lattice(rows: command.Rows, n: int) -> None:
    """Measure a whole attribute of the authors' lattice, on two threads."""
    case, call = f"N={n} d={LATTICE_DIM}, 1 attribute, {len(SCALES)} scales", work("lattice", n, len(SCALES))
    start, used = time.perf_counter(), time.process_time()
    call()
    elapsed, used = time.perf_counter() - start, time.process_time() - used
    rows.add(case, "energy_sweep, two threads", elapsed, "s", f"{used:.1f} s of processors")
    if sys.platform.startswith("linux"):
        peak = peak_memory("lattice", n, len(SCALES))
        rows.add(case, "peak memory, energy_sweep", peak, "MB", "above a loaded process")


def beside_one_thread(rows: command.Rows, n: int) -> None:
    """Compare two threads with one, by the clock, where two processors are free."""
    if len(os.sched_getaffinity(0)) < 2:
        return
    one, two = work("frlib", n, len(SCALES)), on_threads(2, work("frlib", n, len(SCALES)))
    alone, shared = command.seconds(one, two, clock=time.perf_counter)
    case = described(n)
    rows.add(case, "speed-up by a second thread", alone / shared, "ratio", f"one thread, {alone:.2f} s by the clock")
    rows.add(case, "largest difference of energies", np.abs(two() - one()).max(), "", "one thread")


def beside_the_authors(rows: command.Rows, n: int, n_scales: int) -> None:
    """Compare time, energies and memory with the authors' algorithm."""
    case, theirs, ours = described(n, n_scales), work("authors", n, n_scales), work("frlib", n, n_scales)
    [fast] = command.seconds(ours)
    start = time.process_time()
    expected = theirs()
    slow = time.process_time() - start
    rows.add(case, "speed-up", slow / fast, "ratio", f"the authors' algorithm, with scikit-learn, {slow:.1f} s")
    rows.add(case, "largest difference of energies", np.abs(ours() - expected).max(), "", "authors' algorithm")
    if sys.platform.startswith("linux"):
        above = "above a loaded process"
        rows.add(case, "peak memory, energy_sweep", peak_memory("frlib", n, n_scales), "MB", above)
        # The largest ball alone: it needs the most memory, and all scales would take as long again.
        rows.add(case, "peak memory, authors' algorithm", peak_memory("authors", n, 1), "MB", f"{above}, largest scale")


def growth(rows: command.Rows, sizes: tuple[int, ...]) -> None:
    """Show how time and memory grow with the number of points, on one thread."""
    case = f"N={sizes[0]} to {sizes[-1]} d={DIM}, {ATTRIBUTES} attributes, {len(SCALES)} scales"
    times = [command.seconds(work("frlib", n, len(SCALES)), repeat=2 if n < 4000 else 1)[0] for n in sizes]
    exponent = np.polyfit(np.log(sizes), np.log(times), 1)[0]
    listed = ", ".join(f"{n}: {t:.2f} s" for n, t in zip(sizes, times, strict=True))
    for n, took in zip(sizes, times, strict=True):
        rows.add(described(n), "energy_sweep", took, "s", "")
    rows.add(case, "time grows with N to the power", exponent, "", listed)
    if sys.platform.startswith("linux"):
        n = sizes[-1]
        matrix = f"one matrix of all pairs in float64, {n * n * 8 / 2**20:.0f} MB"
        rows.add(described(n), "peak memory, energy_sweep", peak_memory("frlib", n, len(SCALES)), "MB", matrix)


def main(quick: bool = False) -> list[dict]:
    rows = command.Rows("energy")
    work("frlib", 40, 2)()  # compiles
    neighborhood_energies(*cloud(40), device="cpu")
    beside_products(rows, (2000, 5000), repeat=2 if quick else 5)
    beside_the_sweep(rows, 2000 if quick else 5000, repeat=1 if quick else 3)
    beside_one_thread(rows, 2000 if quick else 5000)
    beside_the_authors(rows, *((400, 4) if quick else (800, 12)))
    growth(rows, (1000, 2000, 4000) if quick else (1000, 2000, 5000, 10_000, 20_000))
    if not quick:
        lattice(rows, LATTICE_POINTS)
    return rows


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        if sys.argv[1:2] == ["--peak"]:  # this program's own call, see peak_memory
            print_peak_memory(sys.argv[2], *map(int, sys.argv[3:]))
        else:
            command.run(main, __doc__)
