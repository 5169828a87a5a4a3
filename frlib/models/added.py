"""Networks that the reader added: ONNX files under names of their own, kept in the user's cache.

The files of a network lie in a folder that is named by their content; what is known about it lies beside, as JSON.
"""

import json
import os
import re
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

from frlib.models.convert import onnx_graph
from frlib.models.embedder import Preprocess
from frlib.models.networks import Card, Network
from frlib.models.onnx import load_onnx
from frlib.store import REMEDY, atomic_file, cache_folder, can_be_written, content_key, file_digest

#: Names that a command line, a list with commas and a file system take.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")


@dataclass(frozen=True)
class AddedFile:
    """A file of a network that the reader added, with the sha256 that it had then."""

    local: Path
    sha256: str

    @property
    def source(self) -> str:
        """Where it comes from."""
        return "added by you"

    @property
    def path(self) -> str:
        """Its name."""
        return self.local.name

    def is_kept(self) -> bool:
        """Return whether the file is kept and has the right content."""
        return os.path.exists(self.local) and file_digest(self.local) == self.sha256


def folder() -> Path:
    """Return where added networks lie."""
    return cache_folder("models", "added")


def keep(path: str | os.PathLike, name: str, *, licence: str = "", **options) -> None:
    """Check the network of a file, copy it, and write its entry; nothing is left behind where this fails.

    Parameters
    ----------
    path : path
        An ONNX file; weights that lie beside it are copied too.
    name : str
    licence : str
    **options
        As in `frlib.models.onnx.load_onnx`.

    Raises
    ------
    ValueError
        If the name has a form that is not accepted, or `frlib.models.onnx.load_onnx` refuses the file.
    OSError
        If the cache cannot be written.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or name.lower().endswith((".onnx", ".npy")):
        raise ValueError(
            "name must begin with a letter or digit, go on with letters, digits, '_', '.' or '-', have at most 60 "
            f"characters, and be no file's name; got {name!r}"
        )
    if not can_be_written(folder()):
        raise OSError(f"networks cannot be added, because {folder()} cannot be written. {REMEDY}")
    network = load_onnx(path, device="cpu", **options)
    path = Path(path)
    files = [path.name, *sorted(onnx_graph.external_files(onnx_graph.read_model(path)))]
    digests = {file: file_digest(path.parent / file) for file in files}
    kept = folder() / content_key(digests)
    copy(path.parent, digests, kept)
    known = {"folder": kept.name, "files": digests, "licence": licence, "output": options.get("output")}
    known |= {"metric": network.metric, "crop": network.crop, "dim": network.dim, "weights": network.weights}
    p = network.preprocess
    known |= {"size": p.size, "mean": p.mean, "scale": p.scale, "bgr": p.bgr, "grey": p.grey}
    with atomic_file(folder() / f"{name}.json") as partial:
        partial.write_text(json.dumps(known | {"checksum": content_key(known)}, indent=1))


def copy(source: Path, digests: dict[str, str], target: Path) -> None:
    """Copy files into a folder that appears only when it is complete."""
    if all(AddedFile(target / file, digest).is_kept() for file, digest in digests.items()):
        return
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as staging:
        whole = Path(staging) / "whole"
        for file in digests:
            (whole / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / file, whole / file)
        shutil.rmtree(target, ignore_errors=True)
        whole.rename(target)


def names() -> list[str]:
    """Return the names that the reader gave, those of damaged entries included."""
    return sorted(path.stem for path in folder().glob("*.json"))


def networks() -> dict[str, Network]:
    """Return the networks that the reader added, by name; a damaged entry is left out, and a warning says so."""
    found = {}
    for name in names():
        try:
            found[name] = network_of(checked(json.loads((folder() / f"{name}.json").read_text())))
        except (OSError, ValueError, KeyError, TypeError) as error:
            said = f"the entry of the added network {name} is damaged ({error!r}): remove it and add it again"
            warnings.warn(said, stacklevel=2)
    return found


def checked(entry) -> dict:
    """Return what an entry says, without its checksum; entries of older versions have none.

    Raises
    ------
    ValueError
        If the entry is not what was written.
    """
    if not isinstance(entry, dict):
        raise ValueError("it is not a mapping")
    known = {key: value for key, value in entry.items() if key != "checksum"}
    if entry.get("checksum", content_key(known)) != content_key(known):
        raise ValueError("it does not match its checksum")
    return known


def network_of(known: dict) -> Network:
    """Return the entry of an added network."""
    files = tuple(AddedFile(folder() / known["folder"] / file, digest) for file, digest in known["files"].items())
    take = Preprocess(known["size"], known["mean"], known["scale"], known["bgr"], known["grey"])
    unknown = "not known: you added it"
    card = Card("a network of yours", unknown, known["licence"] or "unknown (your file)", unknown, unknown, unknown)
    facts = {"dim": known["dim"], "parameters": known["weights"], "metric": known["metric"], "crop": known["crop"]}
    return Network(files, None, take, card=card, role="added", output=known["output"], **facts)


def forget(name: str) -> None:
    """Remove the entry of an added network, and its files if no other entry has them."""
    with warnings.catch_warnings(action="ignore"):  # a damaged entry is no news to who removes it
        before = networks()
        (folder() / f"{name}.json").unlink()
        needed = {place_of(network) for network in networks().values()}
    if name in before and place_of(before[name]) not in needed:
        shutil.rmtree(place_of(before[name]), ignore_errors=True)


def place_of(network: Network) -> Path:
    """Return the folder with the files of an added network."""
    return folder() / network.files[0].local.relative_to(folder()).parts[0]
