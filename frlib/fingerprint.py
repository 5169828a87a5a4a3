"""The multiscale fingerprint of networks: energies of all attributes, at all scales, on the clouds of many identities.

Images become clouds in `frlib.clouds`, clouds become energies in `frlib.geometry`. Here both meet, for
(network x identity x attribute), over the processors of one machine or over a cluster.
"""

import warnings
from collections.abc import Mapping, Sequence

import pandas as pd
import torch

from frlib import checks, store
from frlib.clouds import Cloud
from frlib.drawings import embed_curves
from frlib.faces import Identity
from frlib.geometry import CoincidentPoints, energy_sweep
from frlib.models.embedder import FaceEmbedder
from frlib.runtime import spread

# Part of the name of every stored energy: raise it when the same embeddings would get other energies.
VERSION = 1
#: What is stored of an energy sweep, per scale.
COLUMNS = ("scale", "radius", "energy", "neighbors", "isolated", "undefined")


def fingerprint(
    embedders: Sequence[FaceEmbedder],
    identities: Sequence[Identity],
    n_points: int,
    scales: Sequence[float],
    *,
    step: float | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Compute the energies of (network x identity x attribute) at several scales.

    One task is one identity in one crop: its images serve all networks that want this crop, its distances serve all
    attributes. Tasks run through `frlib.runtime.spread`, on the backend of `joblib.parallel_config`. Embeddings and
    energies are stored under their content, so a second call reads, a call with one more network or identity computes
    only what is new, and a run that was cut off goes on where it ended. Workers of a cluster must share the cache
    folder for that (``FRLIB_CACHE``).

    Parameters
    ----------
    embedders : sequence of FaceEmbedder
        Each with its own name.
    identities : sequence of Identity
    n_points : int
        Number of centres per identity, at least 2.
    scales : sequence of K floats
        Radii of the balls in mean pair distances of each cloud, as in `frlib.geometry.energy_sweep`.
    step, seed
        As in `frlib.drawings.embed_curves`.
    n_jobs : int, optional
        Number of processes, as in `frlib.runtime.spread`; the networks are taken to be on one device.
    progress : bool
        Show a bar.

    Returns
    -------
    DataFrame
        One row per network, identity, attribute and scale: ``network``; ``identity``, its index; ``attribute``; the
        other columns of `frlib.geometry.energy_sweep`; ``displacement``, the mean distance between the ends of the
        curves over the mean pair distance of the cloud. An identity whose centres all coincide in a network has no
        rows there; a warning names it.

    Raises
    ------
    CoincidentPoints
        If the centres of every identity coincide in a network.
    ValueError
        If there is no network or no identity, two networks have one name, or an argument is not accepted.
    """
    names = [e.name for e in embedders]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"embedders must be at least one, with different names; got {names}")
    if not len(identities):
        raise ValueError("identities must hold at least one Identity; got none")
    checks.at_least("n_points", n_points, 2)
    scales = checks.as_scales("scales", scales).tolist()
    crops = {crop: [e for e in embedders if e.crop == crop] for crop in dict.fromkeys(e.crop for e in embedders)}
    tasks = [(own, who, n_points, scales, step, seed) for who in identities for own in crops.values()]
    run = {"n_jobs": n_jobs, "device": embedders[0].device, "progress": progress}
    tables = [table for own in spread(_energies, tasks, description="identities x crops", **run) for table in own]
    _tell_left_out(tables, names, [who.index for who in identities])
    order = pd.Index(names)
    together = pd.concat(tables, ignore_index=True)
    return together.sort_values("network", key=order.get_indexer, kind="stable", ignore_index=True)


def _energies(embedders, identity, n_points: int, scales: list[float], step, seed: int) -> list[pd.DataFrame]:
    """Return the rows of one identity in networks that share a crop, without clouds that are one point."""
    clouds = embed_curves(embedders, identity, n_points, step=step, seed=seed)
    return [cloud_energies(clouds[e.name], scales, device=e.device) for e in embedders if not clouds[e.name].coincides]


def _tell_left_out(tables: Sequence[pd.DataFrame], networks: Sequence[str], identities: Sequence[int]) -> None:
    """Name the identities that have no cloud in a network; raise if none has one."""
    found = {(table["network"].iloc[0], table["identity"].iloc[0]) for table in tables}
    for network in networks:
        left = [str(identity) for identity in identities if (network, identity) not in found]
        if len(left) == len(identities):
            raise CoincidentPoints(
                f"embedders must tell images apart, but {network!r} gives all centres of each identity one embedding, "
                "up to rounding: its output has collapsed"
            )
        if left:
            warnings.warn(
                f"left out of the energies of {network!r}, because all centres have one embedding up to rounding: "
                f"identity {', '.join(left)}",
                stacklevel=3,
            )


def cloud_energies(cloud: Cloud, scales: Sequence[float], *, device=None) -> pd.DataFrame:
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
    """
    depends = {"version": VERSION, "metric": cloud.metric, "scales": list(map(float, scales))}

    def parameters(attribute: str) -> dict:
        return depends | {"content": store.arrays_digest({"points": cloud.points, "field": cloud.fields[attribute]})}

    def build(missing: list[str]) -> dict[str, dict[str, torch.Tensor]]:
        own = {a: cloud.fields[a] for a in missing}
        table = energy_sweep(cloud, scales, fields=own, mean_distance=cloud.mean_distance, device=device)
        return {a: {c: torch.tensor(rows[c].to_numpy()) for c in COLUMNS} for a, rows in table.groupby("attribute")}

    columns = store.load_or_build_each("energy", {a: parameters(a) for a in cloud.fields}, build)
    return pd.concat([_rows(cloud, a, columns[a]) for a in cloud.fields], ignore_index=True)


def _rows(cloud: Cloud, attribute: str, columns: Mapping[str, torch.Tensor]) -> pd.DataFrame:
    """Return stored columns as rows of the fingerprint."""
    place = {"network": cloud.network, "identity": cloud.identity, "attribute": attribute}
    moved = float(cloud.displacements[attribute].mean()) / cloud.mean_distance
    return pd.DataFrame(place | {c: columns[c].numpy() for c in COLUMNS} | {"displacement": moved})
