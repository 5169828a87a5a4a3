"""Energies on the lattice of one person: deep in one cloud, where `fingerprint` goes wide over many.

Lattices are not imported: their images need a renderer, and embeddings of a user's own do not.
"""

from collections.abc import Sequence

import pandas as pd
import torch

from frlib.arguments import checked
from frlib.clouds import Cloud
from frlib.geometry import (
    central_difference,
    energy_by_steps,
    energy_sweep,
    neighborhood_energies,
    steps_within,
    unit_distance,
)

#: Columns of the table.
COLUMNS = [
    "network",
    "identity",
    "attribute",
    "neighborhood",
    "size",
    "energy",
    "neighbors",
    "isolated",
    "displacement",
]


@checked
def lattice_energies(
    cloud: Cloud,
    lattice,
    scales: Sequence[float] = (),
    *,
    nearest: Sequence[int] = (),
    inverse_distance: bool = False,
    raw: bool = False,
    n_curves: int | None = None,
    include_center: bool = False,
    max_neighbors: int | None = None,
    device: str | torch.device | None = None,
) -> pd.DataFrame:
    """Compute the energies of all attributes on one lattice, by the definitions of the authors' code.

    As there, an attribute has centres of its own, those of its curves, and the unit of the scales is the mean distance
    of images of the whole lattice.

    Parameters
    ----------
    cloud : Cloud
        The embeddings of `lattice`.
    lattice : frlib.faces.Lattice
    scales, nearest, inverse_distance
        Neighbourhoods: see `frlib.geometry.neighborhood_energies`.
    raw : bool
        Take differences of the embeddings as they are, as the authors do; with the cosine metric they are otherwise
        brought to length 1 first (`frlib.geometry.central_difference`).
    n_curves : int, optional
        The first so many curves of each attribute. Default: all of the lattice's.
    include_center, max_neighbors
        For the balls: see `frlib.geometry.energy_sweep`; with True and 100 they are those of paper A.
    device : str, optional
        See `frlib.runtime.choose_device`.

    Returns
    -------
    DataFrame
        One row per attribute and neighbourhood: ``network``, ``identity``, ``attribute``; ``neighborhood`` and
        ``size`` as of `frlib.geometry.neighborhood_energies`; ``energy``; ``neighbors`` and ``isolated`` as of
        `frlib.geometry.energy_sweep`, NaN where the neighbourhood is no ball; ``displacement``, the mean distance
        between the ends of the curves over the mean distance.

    Raises
    ------
    CoincidentPoints
        If the images of the lattice that were drawn at random coincide.
    ValueError
        If the cloud is not that of the lattice, no neighbourhood is asked for, or an argument is not accepted.
    """
    if len(cloud.points) != len(lattice.table):
        raise ValueError(f"cloud must have the {len(lattice.table)} points of lattice; got {len(cloud.points)}")
    unit = unit_distance(cloud.points[lattice.random_images], metric=cloud.metric)
    kind = "euclidean" if raw else cloud.metric
    points, fields, moved = {}, {}, {}
    for a, curves in lattice.curves.items():  # one after the other: the ends of all curves are larger than the cloud
        own = cloud.along(a, curves[:n_curves])
        points[a], fields[a] = own.points, central_difference(own.minus[a], own.plus[a], metric=kind)
        moved[a] = float(own.displacements[a].mean()) / unit
    options, tables = {"metric": cloud.metric, "device": device}, []
    if len(scales):
        balls = {"mean_distance": unit, "include_center": include_center, "max_neighbors": max_neighbors}
        found = energy_sweep(points, fields, scales, **balls, **options)
        tables.append(found.rename(columns={"scale": "size"}).assign(neighborhood="ball"))
    if len(nearest) or inverse_distance or not tables:
        asked = {"nearest": nearest, "inverse_distance": inverse_distance}
        tables.append(neighborhood_energies(points, fields, **asked, **options))
    table = pd.concat(tables, ignore_index=True)
    table = table.assign(network=cloud.network, identity=cloud.identity, displacement=table["attribute"].map(moved))
    return table.reindex(columns=COLUMNS)


@checked
def lattice_steps(cloud: Cloud, lattice) -> pd.DataFrame:
    """Return the energies between centres that differ along one attribute alone.

    Parameters
    ----------
    cloud, lattice
        As in `lattice_energies`.

    Returns
    -------
    DataFrame
        ``network``, ``identity``, and the columns of `frlib.geometry.energy_by_steps`.
    """
    tables = []
    for name, curves in lattice.curves.items():  # one after the other: all fields of a whole lattice are large
        own = cloud.along(name, curves)
        tables.append(energy_by_steps({name: lattice.table.iloc[curves["center"]]}, own.fields))
    table = pd.concat(tables, ignore_index=True)
    return pd.concat([pd.DataFrame({"network": cloud.network, "identity": cloud.identity}, table.index), table], axis=1)


@checked
def lattice_neighbors(cloud: Cloud, lattice, scales: Sequence[float]) -> pd.DataFrame:
    """Return how many steps of each attribute lie between two near images of a lattice.

    Parameters
    ----------
    cloud, lattice
        As in `lattice_energies`; the images are those that were drawn at random.
    scales : sequence of float
        In mean distances of these images.

    Returns
    -------
    DataFrame
        ``network``, ``identity``, and the columns of `frlib.geometry.steps_within`.

    Raises
    ------
    CoincidentPoints
        If these images coincide.
    """
    points, steps = cloud.points[lattice.random_images], lattice.table.iloc[lattice.random_images]
    unit = unit_distance(points, metric=cloud.metric)
    table = steps_within(points, steps, scales, metric=cloud.metric, mean_distance=unit)
    return table.assign(network=cloud.network, identity=cloud.identity)
