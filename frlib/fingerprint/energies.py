"""The multiscale fingerprint of networks: energies of all attributes, at all scales, on the clouds of many identities.

For (network x identity x attribute), over the processors of one machine or over a cluster.
"""

import warnings
from collections.abc import Mapping, Sequence

import pandas as pd
import torch

from frlib import checks, store
from frlib.arguments import checked
from frlib.clouds import Cloud
from frlib.geometry import CoincidentPoints, energy_sweep
from frlib.runtime import choose_device, spread

# Part of the name of every stored energy: raise it when the same embeddings would get other energies.
ENERGY = 1
#: What is stored of an energy sweep, per scale.
COLUMNS = ("scale", "radius", "energy", "neighbors", "isolated", "undefined")


@checked
def fingerprint(
    clouds: Mapping[str, Sequence[Cloud]],
    scales: Sequence[float],
    *,
    n_jobs: int | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Compute the energies of (network x identity x attribute) at several scales.

    One task is one cloud: its distances serve all attributes. Tasks run through `frlib.runtime.spread`, on the backend
    of `joblib.parallel_config`. Energies are stored under the content of their cloud, so that a second call reads, and
    a run that was cut off goes on where it ended.

    Parameters
    ----------
    clouds : mapping of network name to sequence of Cloud
        As `frlib.clouds.embed` returns them.
    scales : sequence of float
        As in `frlib.geometry.energy_sweep`.
    n_jobs, progress
        As in `frlib.runtime.spread`.
    device : str, optional
        See `frlib.runtime.choose_device`.

    Returns
    -------
    DataFrame
        One row per network, identity, attribute and scale: ``network``; ``identity``, its index; ``attribute``; the
        other columns of `frlib.geometry.energy_sweep`; ``displacement``, the mean distance between the ends of the
        curves over the mean pair distance of the cloud, NaN for a direction without ends. An identity whose centres all
        coincide in a network has no rows there; a warning names it.

    Raises
    ------
    CoincidentPoints
        If the centres of every identity coincide in a network.
    ValueError
        If there is no cloud, or one of less than two points or without an attribute, or an argument is not accepted.
    """
    every = [cloud for own in clouds.values() for cloud in own]
    if not every:
        raise ValueError("clouds must hold at least one cloud; got none")
    for cloud in every:
        checks.at_least("the number of points of a cloud", len(cloud.points), 2)
        _check_attributes(cloud)
    scales, device = checks.as_scales("scales", scales).tolist(), choose_device(device)
    whole = [cloud for cloud in every if not cloud.coincides]
    _tell_left_out(every)
    tasks, run = [(cloud, scales, device) for cloud in whole], {"n_jobs": n_jobs, "device": device}
    tables = spread(cloud_energies, tasks, description="energies", progress=progress, **run)
    return pd.concat(tables, ignore_index=True)


def _tell_left_out(clouds: Sequence[Cloud]) -> None:
    """Name the identities that have no energies in a network; raise if none has."""
    for network in dict.fromkeys(cloud.network for cloud in clouds):
        own = [cloud for cloud in clouds if cloud.network == network]
        left = [str(cloud.identity) for cloud in own if cloud.coincides]
        if len(left) == len(own):
            raise CoincidentPoints(
                f"clouds must have more than one point, but {network!r} gives all centres of each identity one "
                "embedding, up to rounding: its output has collapsed"
            )
        if left:
            warnings.warn(
                f"left out of the energies of {network!r}, because all centres have one embedding up to rounding: "
                f"identity {', '.join(left)}",
                stacklevel=4,
            )


@checked
def cloud_energies(cloud: Cloud, scales: Sequence[float], device=None) -> pd.DataFrame:
    """Return the energies of one cloud at several scales, read from the store where they are known.

    What is stored is one table per attribute, under the bytes of the points and of the field. Attributes that are not
    stored are computed together, because they share the distances.

    Parameters
    ----------
    cloud : Cloud
    scales : sequence of K floats
        As in `frlib.geometry.energy_sweep`.
    device : str, optional
        See `frlib.runtime.choose_device`.

    Returns
    -------
    DataFrame
        The rows of `fingerprint` for this network and identity.

    Raises
    ------
    CoincidentPoints
        If all points coincide.
    ValueError
        If the cloud has no attribute, or an argument is not accepted.
    """
    _check_attributes(cloud)
    depends = {"version": ENERGY, "metric": cloud.metric, "scales": list(map(float, scales))}

    def parameters(attribute: str) -> dict:
        return depends | {"content": store.arrays_digest({"points": cloud.points, "field": cloud.fields[attribute]})}

    def build(missing: list[str]) -> dict[str, dict[str, torch.Tensor]]:
        own = {a: cloud.fields[a] for a in missing}
        table = energy_sweep(cloud, scales, fields=own, mean_distance=cloud.mean_distance, device=device)
        return {a: {c: torch.tensor(rows[c].to_numpy()) for c in COLUMNS} for a, rows in table.groupby("attribute")}

    columns = store.load_or_build_each("energy", {a: parameters(a) for a in cloud.fields}, build)
    return pd.concat([_rows(cloud, a, columns[a]) for a in cloud.fields], ignore_index=True)


def _check_attributes(cloud: Cloud) -> None:
    if not (cloud.minus or cloud.directions):
        raise ValueError("cloud must have an attribute, with ends or a direction; got none")


def _rows(cloud: Cloud, attribute: str, columns: Mapping[str, torch.Tensor]) -> pd.DataFrame:
    """Return stored columns as rows of the fingerprint."""
    place = {"network": cloud.network, "identity": cloud.identity, "attribute": attribute}
    ends = cloud.displacements.get(attribute)
    moved = float("nan") if ends is None else float(ends.mean()) / cloud.mean_distance
    return pd.DataFrame(place | {c: columns[c].numpy() for c in COLUMNS} | {"displacement": moved})
