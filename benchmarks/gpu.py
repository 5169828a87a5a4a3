"""A GPU beside the processor: do they give the same numbers, and how many images does the GPU take per second?

    python benchmarks/gpu.py [--quick] [--minutes 10] [--json PATH]

First the same images, embeddings and energies are computed on both. Each difference has a bound; a larger one is named
at the end, and the exit status is 1. Then drawing, embedding, the energy sweep and a step of fine-tuning are timed on
the GPU, by the clock. No row is begun once the minutes are over. With ``--json`` the file is written anew after every
row, so that what was measured stays when the machine goes; as ``_build/book/gpu.json`` it goes on the performance page.

Without a GPU nothing is compared, which the rows say, and the processor is timed in short form.
"""

import argparse
import json
import platform
import sys
import time

import command
import torch
from embed import training
from energy import SCALES, cloud

from frlib.faces import Lattice, render, sample_identities
from frlib.geometry import energy_sweep, neighborhood_energies
from frlib.models import DEFAULT_NETWORKS, load
from frlib.store import atomic_file

#: Largest differences. Edges of triangles may fall on the other side of a pixel's sample: a share of the values of
#: images may differ by more than half of a step. The others are rounding in float32 and float64.
BOUNDS = {
    "drawing: share of values that differ by over 0.5": 1e-3,
    "drawing: mean difference of values": 0.05,
    "embedding: largest 1 - cos": 1e-6,
    "embedding: largest difference of lengths, as a share": 1e-3,
    "energies: largest difference": 1e-6,
}


class Measured(command.Rows):
    """Rows on one device, written as they come; comparisons that fail are kept, and no row begins after the end."""

    def __init__(self, device: torch.device, path: str | None, minutes: float):
        super().__init__("gpu")
        self.device, self.path, self.failed = device, path, []
        self.end = time.monotonic() + 60 * minutes
        self.name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()

    def add(self, case: str, quantity: str, value: float, unit: str, baseline: str) -> None:
        """Add a row with the name of the device."""
        super().add(f"{self.name}, {case}", quantity, value, unit, baseline)
        if self.path:
            with atomic_file(self.path) as partial:
                partial.write_text(json.dumps(self, indent=1))

    def compare(self, case: str, quantity: str, difference) -> None:
        """Add a difference between the devices, and remember whether it is above its bound, or no number."""
        difference, bound = float(difference), BOUNDS[quantity]
        self.add(case, quantity, difference, "", f"the processor, at most {bound:g}")
        if not difference <= bound:
            self.failed.append(f"{quantity} ({case}): {difference:g}, at most {bound:g}")

    def rate(self, case: str, quantity: str, count: int, function) -> None:
        """Add how often per second something is done, by the better of two runs after one to warm up."""
        if time.monotonic() > self.end:
            print(f"{case}: left out, the minutes are over")
            return
        function()
        (best,) = command.seconds(function, repeat=2, clock=time.perf_counter)
        self.add(case, quantity, count / best, "1/s", f"{1000 * best / count:.3g} ms each")


def values(count: int) -> dict[str, torch.Tensor]:
    """Return attributes of images that all have poses of their own, some with changed pixels."""
    steps = torch.linspace(-1, 1, count)
    low = {"brightness": 30 * steps.roll(3), "hue": 3 * steps, "image_quality": steps.roll(7)}
    return {"head_angle": 40 * steps, "age": 45 + 25 * steps.roll(5), "expression": (steps + 1) / 2} | low


def compare(rows: Measured, names, count: int, n: int) -> None:
    """Compare drawing, embedding and energies on the device of the rows with those on the processor."""
    person, devices = sample_identities(1)[0], ("cpu", rows.device)
    one, other = (render(person, values(count), dtype=torch.float32, device=device) for device in devices)
    apart = (one - other).abs()
    rows.compare(f"{count} images", "drawing: share of values that differ by over 0.5", (apart > 0.5).double().mean())
    rows.compare(f"{count} images", "drawing: mean difference of values", apart.mean())
    images = one.round().to(torch.uint8)
    for name in names:
        one, other = (load(name, device=device).embed(images, progress=False).double() for device in devices)
        cosines = torch.nn.functional.cosine_similarity(one, other)
        rows.compare(name, "embedding: largest 1 - cos", (1 - cosines).max())
        lengths = (other.norm(dim=1) / one.norm(dim=1) - 1).abs().max()
        rows.compare(name, "embedding: largest difference of lengths, as a share", lengths)
    points, fields = cloud(n)
    for metric in ("cosine", "euclidean"):
        one, other = (energies(points, fields, metric, device) for device in devices)
        rows.compare(f"{n} points, {metric}", "energies: largest difference", (one - other).abs().max())


def energies(points, fields, metric: str, device) -> torch.Tensor:
    """Return the energies of all definitions."""
    balls = energy_sweep(points, fields, SCALES, metric=metric, device=device)
    others = neighborhood_energies(points, fields, metric=metric, device=device)
    return torch.tensor([*balls.energy, *others.energy])


def speeds(rows: Measured, names, batches, sizes, count: int) -> None:
    """Time drawing, embedding, the sweep and fine-tuning on the device of the rows."""
    person, device = sample_identities(1)[0], rows.device
    draw = lambda: render(person, values(count), device=device)  # noqa: E731
    rows.rate(f"{count} images, all poses differ", "images drawn", count, draw)
    block = Lattice(person).blocks()[50]
    lattice = lambda: next(Lattice(person).draw_blocks([block], ["arcface"]))  # noqa: E731
    rows.rate("a block of the lattice", "images drawn, low-level variants included", block.stop - block.start, lattice)
    for name in names:
        embedder = load(name, device=device)
        images = torch.randint(0, 256, (max(batches), *[embedder.input_size] * 2, 3), dtype=torch.uint8)
        for batch in batches:
            embed = lambda e=embedder, b=batch, i=images: e.embed(i, b, progress=False)  # noqa: E731
            rows.rate(f"{name}, batches of {batch}", "images embedded", len(images), embed)
    for n in sizes:
        points, fields = cloud(n)
        sweep = lambda p=points, f=fields: energy_sweep(p, f, SCALES, device=device)  # noqa: E731
        rows.rate(f"N={n}, {len(fields)} attributes, {len(SCALES)} scales", "energy sweeps", 1, sweep)
    for name in names[:1] if time.monotonic() < rows.end else ():
        best = training(load(name, device=device), repeat=1, clock=time.perf_counter)["training"]
        rows.add(f"{name}, batches of 50", "images trained on", 1000 / best, "1/s", f"{best:.3g} ms each")


def main(arguments=None) -> int:
    """Compare and time what the command line asks for, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--minutes", type=float, default=10, help="begin no row after so many minutes (10)")
    parser.add_argument("--json", metavar="PATH", help="write the rows there, anew after each of them")
    options = parser.parse_args(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.allow_tf32 = False  # as `frlib.runtime.start` does
    rows, short = Measured(device, options.json, options.minutes), options.quick or device.type == "cpu"
    names = DEFAULT_NETWORKS[1:2] if short else DEFAULT_NETWORKS
    if device.type == "cuda":
        compare(rows, names, *((16, 400) if short else (128, 4000)))
    else:
        rows.add("no GPU here", "results compared with a GPU", 0, "", "nothing was compared")
    speeds(rows, names, *(((16,), (1000,), 16) if short else ((32, 128, 512), (5000, 20_000), 256)))
    for line in rows.failed:
        print(f"FAILED: {line}", file=sys.stderr)
    return 1 if rows.failed else 0


if __name__ == "__main__":
    sys.exit(main())
