"""Time of drawing a face, per image, and its ratio to one forward pass of a network on it.

    python benchmarks/render.py [--quick] [--json PATH]

Images of 112 pixels at the default quality: supersampled twice, with shadows. "One by one" is the same call with one
image. In the batch all poses differ, so that nothing is shared; on the lattice images share their pose and light; on
curves a few do. The low-level variants are the thirteen images of the lattice that are made from one drawing. Building
an identity's meshes and skin is timed apart, because it happens once per identity. The best of several runs counts, in
processor time.
"""

import time

import command
import torch

from frlib.faces import render, sample_identities
from frlib.faces.attributes import PIXELS, RENDERED
from frlib.faces.curves import Curves
from frlib.faces.generator.renderer import load_model
from frlib.faces.lattice import changed, lattice_table, lattice_values
from frlib.models import load

BATCH = 16
#: Drawn images of the lattice: two poses of 45.
BLOCK = 90


def milliseconds(function, repeat: int, images: int) -> float:
    """Return the best time per image, after one run to warm up."""
    best = float("inf")
    for _ in range(repeat + 1):
        start = time.process_time()
        function()
        best = min(best, (time.process_time() - start) * 1000 / images)
    return best


def build(identity) -> None:
    """Make the meshes and the skin of an identity anew."""
    load_model.cache_clear()
    load_model(identity)


def main(quick: bool = False) -> list[dict]:
    """Time drawing and one network on one thread, print a table with ratios, and return its rows."""
    threads_before = torch.get_num_threads()
    torch.set_num_threads(1)
    repeat = 1 if quick else 5
    identity = sample_identities(1, seed=0)[0]
    values = {"head_angle": torch.linspace(-30, 30, BATCH), "expression": torch.linspace(0, 1, BATCH)}
    embedder = load("mobilefacenet", device="cpu")
    images = render(identity, values)
    forward = milliseconds(lambda: embedder.embed(images, progress=False), repeat, BATCH)
    table = lattice_table()
    steps = lattice_values(table)
    block = steps[list(RENDERED)][:: len(steps.drop_duplicates(list(PIXELS)))].iloc[1000:][:BLOCK].to_dict("list")
    changes, curves = steps[list(PIXELS)].drop_duplicates().to_dict("records"), Curves(identity, BATCH)
    exact = render(identity, values, dtype=torch.float32)
    cases = {
        f"112 pixels, batch {BATCH}": milliseconds(lambda: render(identity, values, device="cpu"), repeat, BATCH),
        f"112 pixels, {BLOCK} of the lattice": milliseconds(
            lambda: render(identity, block, device="cpu"), repeat, BLOCK
        ),
        "112 pixels, curves of 16 centres": milliseconds(
            lambda: curves.images("arcface", 112), repeat, BATCH * (1 + 2 * (len(RENDERED) + len(PIXELS)))
        ),
        "low-level variants": milliseconds(
            lambda: [changed(exact, change) for change in changes], repeat, BATCH * len(changes)
        ),
        "112 pixels, one by one": milliseconds(lambda: render(identity, device="cpu"), repeat, 1),
        f"150 pixels, wide crop, batch {BATCH}": milliseconds(
            lambda: render(identity, values, size=150, crop="wide", device="cpu"), repeat, BATCH
        ),
        "a new identity, before its first image": milliseconds(lambda: build(identity), repeat, 1),
    }
    torch.set_num_threads(threads_before)
    if torch.cuda.is_available():
        cases[f"112 pixels, batch {BATCH}, CUDA"] = milliseconds(
            lambda: render(identity, values, device="cuda"), repeat, BATCH
        )
    print(f"{'case':<42}{'ms':>8}{'over forward':>14}   (forward pass of mobilefacenet: {forward:.1f} ms per image)")
    rows = []
    for case, value in cases.items():
        print(f"{case:<42}{value:>8.1f}{value / forward:>14.2f}")
        name = case if "CUDA" in case else f"{case}, one thread"
        row = {"benchmark": "render", "case": name, "baseline": f"mobilefacenet, {forward:.1f} ms"}
        quantity = "time, per identity" if "identity" in case else "render, per image"
        rows.append(row | {"quantity": quantity, "value": value, "unit": "ms"})
        rows.append(row | {"quantity": "time over forward pass", "value": value / forward, "unit": "ratio"})
        if "CUDA" in case:
            print(f"{'':<42}{1000 / value:>8.0f} images per second")
            rows.append(row | {"quantity": "images per second", "value": 1000 / value, "unit": "1/s"})
    return rows


if __name__ == "__main__":
    command.run(main, __doc__)
