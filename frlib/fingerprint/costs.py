"""What measures on lattices will cost: images, hours on this machine, and disk, from about a thousand images."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pandas as pd
import torch

from frlib import store
from frlib.arguments import checked
from frlib.clouds import Cloud, embedding_keys, network_key
from frlib.fingerprint.lattices import measured_key, table_key
from frlib.models.embedder import FaceEmbedder

#: A measure is timed on a lattice of at most this many steps, with at most so many curves of each attribute.
SAMPLE_SIDE, SAMPLE_CURVES = 3, 2_000

#: Functions and their options, by what they are called.
Measures = Mapping[str, tuple[Callable, Mapping]]


@checked
def estimate(
    lattices: Sequence,
    networks: Sequence[FaceEmbedder],
    measures: Measures,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> pd.DataFrame:
    """Estimate what is left of `over_lattices` for several measures.

    One block of the first lattice, for the paper's 1,170 images, is drawn in each crop that a network wants, and
    embedded in each network. Measures are timed with fewer curves on vectors that mean nothing: with a number of
    curves their time grows with its square, without with the number of curves. What is stored costs nothing.

    Parameters
    ----------
    lattices : sequence of frlib.faces.Lattice
        Of equal sizes.
    networks : sequence of FaceEmbedder
    measures : mapping of name to (function, options)
        As in `over_lattices`.
    clock : callable
        Gives seconds.

    Returns
    -------
    DataFrame
        One row per crop that is drawn and per network and step: ``step``, ``of`` (the crop or the network),
        ``unit`` ("images" or "tables"), ``total``, ``left``, ``seconds`` of one, ``hours`` of all that are left, in
        one process, and ``gigabytes`` that they take on disk.
    """
    images, tables = left_over(lattices, networks, measures)
    crops = dict.fromkeys(e.crop for e in networks)
    every, rows = sum(len(lattice.table) for lattice in lattices), []
    blocks = {crop: drawn_block(lattices[0], crop, clock) for crop in crops if images[crop]}
    for crop, (_, seconds) in blocks.items():
        rows.append(("drawing", crop, "images", every, images[crop], seconds, 0))
    for e in (e for e in networks if images[e.name]):
        seconds = seconds_of_embedding(e, blocks[e.crop][0], clock)
        rows.append(("embedding", e.name, "images", every, images[e.name], seconds, 4e-9 * e.dim))
    for e in (e for e in networks if tables[e.name]):
        each = [seconds_of_measure(*measure, lattices[0], e, clock) for measure in measures.values()]
        total = len(measures) * len(lattices)
        rows.append(("measures", e.name, "tables", total, tables[e.name], sum(each) / len(each), 0))
    table = pd.DataFrame(rows, columns=["step", "of", "unit", "total", "left", "seconds", "each"])
    table["hours"], table["gigabytes"] = table.left * table.seconds / 3600, table.left * table.pop("each")
    return table


@checked
def left_over(lattices, networks, measures: Measures) -> tuple[Counter, Counter]:
    """Return how many images are to be drawn (by crop) and embedded (by network), and tables computed (by network)."""
    images, tables = Counter(), Counter()
    keys, measured = ({e.name: key(e) for e in networks} for key in (network_key, measured_key))
    for lattice in lattices:
        lacking = Counter()
        for measure, options in measures.values():
            own = {name: table_key(measure, lattice, key, options) for name, key in measured.items()}
            lacking.update(store.absent(measure.__name__, own))
        tables += lacking
        for part in lattice.parts() if lacking else ():
            names = lacking.keys() & store.absent(part.kind, embedding_keys(part, keys))
            wanted = {*names, *(e.crop for e in networks if e.name in names)}
            images.update(dict.fromkeys(wanted, part.stop - part.start))
    return images, tables


@checked
def drawn_block(lattice, crop: str, clock: Callable[[], float]) -> tuple[torch.Tensor, float]:
    """Return the images of the middle block of a lattice, and the seconds that each took to draw."""
    blocks = lattice.blocks()
    next(lattice.draw_blocks([slice(0, 2)], [crop]))  # compilers, meshes
    start = clock()
    images = next(lattice.draw_blocks(blocks[len(blocks) // 2 :], [crop]))[crop]["points"]
    return images, (clock() - start) / len(images)


@checked
def seconds_of_embedding(embedder: FaceEmbedder, images: torch.Tensor, clock: Callable[[], float]) -> float:
    """Return the seconds that an image takes."""
    embedder.embed(images[:16], progress=False)
    start = clock()
    embedder.embed(images, progress=False)
    return (clock() - start) / len(images)


@checked
def seconds_of_measure(
    measure: Callable, options: Mapping, lattice, embedder: FaceEmbedder, clock: Callable[[], float]
) -> float:
    """Return the seconds that a measure will take on a lattice, from its time on a smaller one."""
    lattice, n = replace(lattice), options.get("n_curves")
    sample = replace(lattice, side=min(lattice.side, SAMPLE_SIDE), n_curves=None)
    draws = torch.Generator().manual_seed(0)
    first, second = (torch.randn(size, generator=draws) for size in ((len(sample.table), 8), (8, embedder.dim)))
    cloud = Cloud(first @ second + 1, metric=embedder.metric)
    fewer = {} if n is None else {"n_curves": min(n, SAMPLE_CURVES)}
    measure(cloud, sample, **options | ({} if n is None else {"n_curves": 20}))  # compilers
    start = clock()
    measure(cloud, sample, **options | fewer)
    seconds, power = clock() - start, 1 if n is None else 2
    wanted, timed = (
        sum(len(curves[:most]) ** power for curves in own.curves.values())
        for own, most in ((lattice, n), (sample, fewer.get("n_curves")))
    )
    return seconds * wanted / timed
