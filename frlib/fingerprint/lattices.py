"""Measures on the lattices of many people in many networks: one lattice in memory at a time, every result stored.

A lattice is drawn and embedded in parts (`frlib.faces.lattice.LatticePart`), each stored for itself. Then each measure
is one task per network and lattice, which reads the parts, and its table is stored as well. A run that was cut off
goes on after its last part or table. Nothing depends on how many processes share the work.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import torch

from frlib import store
from frlib.arguments import checked
from frlib.clouds import Cloud, embed, fill, network_key
from frlib.models.embedder import FaceEmbedder
from frlib.runtime import spread

# Part of the name of every stored table: raise it when the same embeddings would get other numbers.
DEPTH = 2


@checked
def over_lattices(
    measure: Callable,
    lattices: Sequence,
    networks: Sequence[FaceEmbedder],
    *,
    n_jobs: int | None = None,
    progress: bool = True,
    **options,
) -> pd.DataFrame:
    """Apply a measure to every lattice in every network, and join its tables.

    Drawn and embedded is what is missing, for those lattices whose tables are not stored. Work runs through
    `frlib.runtime.spread`, on the backend of `joblib.parallel_config`; workers of a cluster must share the cache
    folder. Memory does not grow with the number of lattices: a process has one block of images (for the paper's
    lattice 1,170, at most 130 MB) and the embeddings of one part; later the embeddings of one lattice in one network,
    and of its curves.

    Parameters
    ----------
    measure : callable
        `lattice_energies`, `lattice_steps`, `lattice_neighbors`, or another function of a cloud and its lattice that
        returns a table. Its name stands for it in the store.
    lattices : sequence of frlib.faces.Lattice
    networks : sequence of FaceEmbedder
    n_jobs, progress
        As in `frlib.runtime.spread`.
    **options
        Further arguments of the measure, as plain JSON values.

    Returns
    -------
    DataFrame
        Of the first network all lattices in their order, then of the next.

    Raises
    ------
    OSError
        If the cache cannot be written.
    ValueError
        If there is no lattice or network, or an option is no plain JSON value.
    """
    if not lattices or not networks:
        raise ValueError(f"lattices and networks must not be empty; got {len(lattices)} and {len(networks)}")
    run, keys = {"n_jobs": n_jobs, "progress": progress}, {e.name: measured_key(e) for e in networks}
    for names, parts in missing_parts(measure, lattices, keys, options).items():
        fill(parts, [e for e in networks if e.name in names], **run)
    tasks = [
        (measure, lattice, e, table_key(measure, lattice, keys[e.name], options))
        for e in networks
        for lattice in lattices
    ]
    run |= {"device": networks[0].device, "description": measure.__name__.replace("_", " ")}
    return pd.concat(spread(stored_table, tasks, **run), ignore_index=True)


def missing_parts(measure: Callable, lattices: Sequence, keys: Mapping[str, dict], options: Mapping) -> dict:
    """Return the parts of the lattices whose tables are not stored, by the names of the networks that lack them."""
    found = defaultdict(list)
    for lattice in lattices:
        tables = {name: table_key(measure, lattice, key, options) for name, key in keys.items()}
        if names := store.absent(measure.__name__, tables):
            found[tuple(names)] += lattice.parts()
    return found


def measured_key(embedder: FaceEmbedder) -> dict:
    """Return what a table depends on of a network: what its embeddings do, and its metric."""
    return network_key(embedder) | {"metric": embedder.metric}


def table_key(measure: Callable, lattice, network: Mapping, options: Mapping) -> dict:
    """Return what a table depends on; ``network`` is a `measured_key`."""
    # The key of a whole lattice leaves out its seed: the images do not depend on it, the curves do.
    curves = {name: getattr(lattice, name) for name in ("n_curves", "n_images", "seed")}
    return {"version": DEPTH, "network": network, "lattice": lattice.key, "curves": curves, "options": dict(options)}


def stored_table(measure: Callable, lattice, network: FaceEmbedder, key: Mapping) -> pd.DataFrame:
    """Return the table of one lattice in one network, from the store or computed now."""
    lattice = dataclasses.replace(lattice)  # what it finds for the measure goes with it

    def build() -> dict[str, torch.Tensor]:
        return store.as_arrays(measure(lattice_cloud(lattice, network), lattice, **key["options"]))

    table = store.as_table(store.load_or_build(measure.__name__, key, build))
    return table.assign(network=network.name, identity=lattice.identity.index)


def lattice_cloud(lattice, network: FaceEmbedder) -> Cloud:
    """Return the embeddings of a lattice, joined from its stored parts; what is missing is drawn."""
    parts = embed(lattice.parts(), [network], n_jobs=1, progress=False)[network.name]
    points = torch.cat([part.points for part in parts])
    return Cloud(points, metric=network.metric, network=network.name, identity=parts[0].identity, table=lattice.table)
