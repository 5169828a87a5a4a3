"""Time of drawing a face, per image, and its ratio to one forward pass of a network on it.

    python benchmarks/render.py [--quick] [--json PATH]

Images of 112 pixels at the default quality: supersampled twice, with shadows. "One by one" is the same call with one
image. Building an identity's meshes and skin is timed apart, because it happens once per identity. The best of several
runs counts.
"""

import time

import command
import torch

from frlib.faces import render, sample_identities
from frlib.faces.generator.renderer import load_model
from frlib.models import load

BATCH = 16


def milliseconds(function, repeat: int, images: int) -> float:
    """Return the best time per image, after one run to warm up."""
    best = float("inf")
    for _ in range(repeat + 1):
        start = time.perf_counter()
        function()
        best = min(best, (time.perf_counter() - start) * 1000 / images)
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
    cases = {
        f"112 pixels, batch {BATCH}": milliseconds(lambda: render(identity, values, device="cpu"), repeat, BATCH),
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
