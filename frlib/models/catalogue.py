"""The networks in the user's cache: whether each is in place, and how it is fetched, converted and loaded."""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from frlib.checks import at_least, one_of
from frlib.models import added
from frlib.models.convert import packages, urls
from frlib.models.embedder import FaceEmbedder
from frlib.models.layers import LayerNetwork, randomize
from frlib.models.networks import DEFAULT_NETWORKS, NETWORKS, Network
from frlib.models.onnx import load_onnx
from frlib.models.papers import PAPER_NETWORKS
from frlib.runtime import choose_device
from frlib.store import REMEDY, cache_folder, content_key, load_each, load_or_build, save_arrays

# Part of the name of every stored network: raise it when the conversion changes.
CONVERSION = 2


def known() -> dict[str, Network]:
    """Return all networks by name: ours, the papers', and those that the reader added."""
    return NETWORKS | PAPER_NETWORKS | added.networks()


def entry(name: str) -> Network:
    """Return the entry of a network.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    networks = known()
    return networks[one_of("name", name, tuple(networks))]


def recipe(name: str) -> dict:
    """Return the parameters under which a converted network is stored."""
    return {
        "network": name,
        "conversion": CONVERSION,
        "files": {file.path: file.sha256 for file in entry(name).files},
    }


def stored_path(name: str) -> Path:
    """Return where a network is stored: as converted tensors, or as the ONNX file that it is."""
    if entry(name).build is None:
        return entry(name).files[0].local
    return cache_folder("models") / f"{name}-{content_key(recipe(name))}.safetensors"


def missing() -> list[str]:
    """Return the names of `NETWORKS` that are not in the user's cache; looks at file names only."""
    return [name for name in NETWORKS if not os.path.exists(stored_path(name))]


def available() -> pd.DataFrame:
    """Return a table of the networks: those that chapters use, those of the papers, and those that you added.

    Returns
    -------
    DataFrame
        name; dim, the dimension of the embedding; metric, the distance it was trained for; parameters, their number,
        missing where it is not known before the file is here; licence; source, the package or address that carries it;
        offline, whether it is in the user's cache; role, one of ``"face"``, ``"control"`` (not trained on faces),
        ``"relative"`` (a face network of a family that has one already), ``"attributes"`` (trained on faces, for
        something else than to tell people apart), ``"paper"`` (a face network of the papers), ``"foundation"`` (of the
        papers, for images in general) and ``"added"``.
    """
    table = pd.DataFrame(
        {
            "name": name,
            "dim": network.dim,
            "metric": network.metric,
            "parameters": network.parameters,
            "licence": network.card.licence,
            "source": network.files[0].source,
            "offline": os.path.exists(stored_path(name)),
            "role": network.role,
        }
        for name, network in known().items()
    )
    return table.astype({"parameters": "Int64"})


def chosen(networks: str = "", *, roles: Sequence[str] = ("paper",)) -> list[str]:
    """Return the names of the networks that a chapter shows, from its parameter.

    The default networks come first, because the text and the verdicts of a page are about them. The others stand beside
    them in tables and charts.

    Parameters
    ----------
    networks : str
        Names with commas between them. Empty: networks of the papers that are in the user's cache. One whose package is
        not installed is left out then, and a line says so.
    roles : sequence of str
        Which networks of the papers are meant: "paper", "foundation"; see `available`.

    Raises
    ------
    ValueError
        If a name is unknown.
    """
    names = [name.strip() for name in networks.split(",") if name.strip()]
    names = names or _of_the_papers(roles)
    accepted = tuple(known())
    unknown = [name for name in names if name not in accepted]
    if unknown:
        raise ValueError(f"networks must be names from {', '.join(accepted)}, with commas; got {unknown[0]!r}")
    return list(dict.fromkeys([*DEFAULT_NETWORKS, *names]))


def _of_the_papers(roles: Sequence[str]) -> list[str]:
    """Return the names of the papers' networks that are stored and can be read here."""
    names = [n for n, network in PAPER_NETWORKS.items() if network.role in roles and os.path.exists(stored_path(n))]
    absent = {n: p for n in names if (p := PAPER_NETWORKS[n].package) and importlib.util.find_spec(p) is None}
    for name, package in absent.items():
        print(f"{name} is left out, because it needs the package {package}.")
    return [name for name in names if name not in absent]


def fetch(name: str, *, sha256: str | None = None, file: str | os.PathLike | None = None, progress: bool = True) -> int:
    """Make sure that the files of a network are in the user's cache, and return the bytes downloaded.

    Parameters
    ----------
    name : str
        One of ``available()["name"]``.
    sha256, file : str or path, optional
        For a network at an address: the sha256 that the file must have, where none is published; the file itself, if it
        is here already.
    progress : bool
        Show a bar.

    Raises
    ------
    DownloadError
        If a package or file cannot be fetched.
    ChecksumError
        If a file does not have the content that is expected; nothing of it is kept then. It is an OSError.
    OSError
        If the cache cannot be written, or an added network is no longer whole.
    ValueError
        If the name is unknown, no sha256 is known, or the network takes none.
    """
    files = entry(name).files
    if isinstance(files[0], urls.WebFile):
        return urls.fetch(files[0], sha256=sha256, given=file, progress=progress)
    if sha256 is not None or file is not None:
        raise ValueError(f"sha256 and file are for a network at an address; {name} comes from {files[0].source}")
    if isinstance(files[0], added.AddedFile):
        if not all(own.is_kept() for own in files):
            raise OSError(f"the files of {name} in {files[0].local.parent} are not whole: remove it and add it again")
        return 0
    beside = [own for network in NETWORKS.values() for own in network.files]
    return packages.fetch(files, beside=beside, progress=progress)


def stored_tensors(name: str, *, progress: bool = True) -> dict[str, torch.Tensor]:
    """Return a converted network's tensors; fetch and convert them first if they are not stored or are damaged."""
    network = entry(name)

    def build() -> dict[str, torch.Tensor]:
        fetch(name, progress=progress)
        return network.build(network.files[0].local)

    return load_or_build(name, recipe(name), build, folder=cache_folder("models"))


def put_in_place(name: str, *, sha256: str | None = None, file: str | os.PathLike | None = None) -> int:
    """Make sure that a network is stored as `load` reads it, and whole; return the bytes downloaded.

    Parameters
    ----------
    name, sha256, file
        As in `fetch`.

    Raises
    ------
    DownloadError, OSError, ValueError
        As in `fetch`.
    """
    network, downloaded = entry(name), 0
    stored = network.build is not None and load_each(name, {name: recipe(name)}, folder=cache_folder("models"))
    if not stored or sha256 is not None or file is not None:
        downloaded = fetch(name, sha256=sha256, file=file)
    if network.build is not None and not stored:
        save_arrays(stored_path(name), network.build(network.files[0].local), recipe(name))
    if not os.path.exists(stored_path(name)):
        raise OSError(f"{name} cannot be kept, because {stored_path(name).parent} cannot be written. {REMEDY}")
    return downloaded


def load(
    name: str,
    device: str | torch.device | None = None,
    *,
    weights: str = "pretrained",
    seed: int = 0,
    trainable: bool = False,
) -> FaceEmbedder:
    """Return a network, ready to embed images or to be trained.

    The first call fetches what carries the network and converts it; later calls need no network access.

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
    trainable : bool
        Turn a network that is an ONNX file into a torch module, see `frlib.models.onnx.load_onnx`. All others are one.

    Returns
    -------
    FaceEmbedder

    Raises
    ------
    ValueError
        If the name, the weights or the device are unknown, or there are no random weights for this network.
    DownloadError
        If the network is not stored yet and cannot be fetched. It is a ConnectionError.
    OSError
        If its files are not what they must be.
    ImportError
        If it needs a package that is not installed.
    """
    network = entry(name)
    one_of("weights", weights, ("pretrained", "random"))
    at_least("seed", seed, 0)
    device = choose_device(device)
    if network.build is None:
        return load_file(name, network, weights, trainable, device)
    module = network.make(stored_tensors(name))
    if weights == "random":
        if not isinstance(module, LayerNetwork):
            raise ValueError(f"weights must be 'pretrained' for {name}, whose layers are not ours; got 'random'")
        randomize(module, seed)
    return FaceEmbedder(
        name if weights == "pretrained" else f"{name}-random",
        module,
        network.preprocess,
        metric=network.metric,
        dim=network.dim,
        crop=network.crop,
        licence=network.card.licence,
        device=device,
    )


def load_file(name: str, network: Network, weights: str, trainable: bool, device: torch.device) -> FaceEmbedder:
    """Return the network of an ONNX file of the catalogue; fetch it first if it is not there or is damaged.

    Raises
    ------
    ValueError
        If random weights are asked for, or the file, which the reader may have given, is that of another network.
    """
    if weights != "pretrained":
        raise ValueError(f"weights must be 'pretrained' for {name}, which is an ONNX file; got {weights!r}")
    fetch(name)
    take = network.preprocess
    settings = {"metric": network.metric, "crop": network.crop, "size": take.size, "bgr": take.bgr}
    settings |= {"mean": take.mean, "scale": take.scale, "output": network.output}
    files = network.files
    embedder = load_onnx(files[0].local, trainable=trainable, device=device, name=name, **settings)
    if embedder.dim != network.dim:
        raise ValueError(f"the file of {name} must give {network.dim} numbers; {files[0].local} gives {embedder.dim}")
    embedder.licence = network.card.licence
    return embedder


def add(
    path: str | os.PathLike,
    name: str,
    *,
    metric: str = "cosine",
    crop: str = "arcface",
    size: int | None = None,
    output: str | None = None,
    mean: float | Sequence[float] = 127.5,
    scale: float | Sequence[float] = 1 / 127.5,
    bgr: bool = False,
    licence: str = "",
) -> FaceEmbedder:
    """Give an ONNX file of yours a name that `load`, `available`, all chapters and the report accept.

    The file is copied into the user's cache, and the name stays until `remove`.

    Parameters
    ----------
    path : path
    name : str
        Letters, digits, ``_``, ``.`` and ``-``; one that is not taken.
    metric, crop, size, output, mean, scale, bgr
        As in `frlib.models.onnx.load_onnx`.
    licence : str
        What you know of its terms.

    Returns
    -------
    FaceEmbedder
        The network, as `load` gives it.

    Raises
    ------
    ValueError
        If the name is taken or not accepted, or `frlib.models.onnx.load_onnx` refuses the file or an argument.
    OSError
        If the cache cannot be written.
    ImportError
        If onnx or onnxruntime is not installed.
    """
    taken = known()
    if str(name).removesuffix("-random") in taken:
        raise ValueError(
            f"name must be one that no network has; got {name!r}, taken by {network_in_words(taken, name)}"
        )
    settings = {
        "metric": metric,
        "crop": crop,
        "size": size,
        "output": output,
        "mean": mean,
        "scale": scale,
        "bgr": bgr,
    }
    added.keep(path, name, licence=licence, **settings)
    return load(name)


def network_in_words(taken: dict[str, Network], name: str) -> str:
    """Say which network has a name, and what to do if it is one that was added."""
    network = taken[name.removesuffix("-random")]
    return "a network that you added: remove it first" if network.role == "added" else f"the catalogue ({network.role})"


def remove(name: str) -> None:
    """Remove a network that was added, and its files.

    Raises
    ------
    ValueError
        If no network of this name was added.
    """
    own = added.names()
    if name not in own:
        raise ValueError(
            f"name must be that of a network that you added, {', '.join(own) or 'of which there is none'}; got {name!r}"
        )
    added.forget(name)
