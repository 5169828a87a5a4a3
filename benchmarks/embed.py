"""Time of `FaceEmbedder.embed` per image, with the memory layout it uses and with torch's default one.

    python benchmarks/embed.py [--quick] [--json PATH]

Batches of 32 random images at the size that each network takes, so that no resize is timed. "Eager" is the same network
with torch's default memory layout. The two take turns, so that a change of the machine's load meets both, and the best
of several runs counts.
"""

import copy
import time

import command
import torch

from frlib.models import available, load
from frlib.models.embedder import FaceEmbedder

BATCH = 32


def milliseconds(functions, repeat: int) -> list[float]:
    """Return the best time of each function, per image, after one run to warm up."""
    best = [float("inf")] * len(functions)
    for _ in range(repeat + 1):
        for k, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[k] = min(best[k], (time.perf_counter() - start) * 1000 / BATCH)
    return best


def eager(embedder: FaceEmbedder, images: torch.Tensor) -> None:
    """Run the network with torch's default layout."""
    with torch.no_grad():
        embedder.network(embedder.preprocess(images).contiguous())


def measure(name: str, threads: int, repeat: int) -> tuple[float, float]:
    """Return (eager, channels last) in milliseconds per image."""
    torch.set_num_threads(threads)
    embedder = load(name, device="cpu")
    plain = copy.copy(embedder)
    plain.network = copy.deepcopy(embedder.network).to(memory_format=torch.contiguous_format)
    size = embedder.input_size
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (BATCH, size, size, 3), generator=generator, dtype=torch.uint8)
    calls = [lambda: eager(plain, images), lambda: embedder.embed(images, batch_size=BATCH, progress=False)]
    return tuple(milliseconds(calls, repeat))


def main(quick: bool = False) -> list[dict]:
    """Time every network (two of them if quick), print a table with ratios, and return its rows."""
    rows, threads_before = [], torch.get_num_threads()
    print(f"{'network':<20}{'threads':>8}{'eager':>9}{'channels last':>15}{'ratio':>8}   (ms per image, batch {BATCH})")
    for name in ("mobilefacenet", "dlib") if quick else available()["name"]:
        for threads in (1, 2):
            plain, last = measure(name, threads, repeat=1 if quick else 5)
            print(f"{name:<20}{threads:>8}{plain:>9.1f}{last:>15.1f}{last / plain:>8.2f}", flush=True)
            row = {"benchmark": "embed", "case": f"{name}, batch {BATCH}, threads: {threads}"}
            baseline = f"default layout, {plain:.1f} ms"
            rows += [
                row | {"quantity": "embed, per image", "value": last, "unit": "ms", "baseline": baseline},
                row
                | {
                    "quantity": "time over default layout",
                    "value": last / plain,
                    "unit": "ratio",
                    "baseline": baseline,
                },
            ]
    torch.set_num_threads(threads_before)
    return rows


if __name__ == "__main__":
    command.run(main, __doc__)
