"""Damaged files: a bit, a byte or an end that is not what was written."""

import io
import json
import shutil
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from frlib import store
from frlib.datasets import archives
from frlib.faces.generator import head
from frlib.models import __main__ as command
from frlib.models import catalogue
from frlib.models.convert.urls import WebFile, fetch
from tests.faults.planting import Kind, Outcome, borrow, demand, refused, survived
from tests.models.served import server

damage = Kind("Damaged files")
#: A network that is small and quick to convert.
SMALL = "mobileface"


def changed(content: bytes, place: int, bit: int = 1) -> bytes:
    """Return content with one bit turned."""
    return content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]


def with_words(action: Callable) -> tuple[object, str]:
    """Return what an action returns, and all warnings."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        value = action()
    return value, " ".join(str(warning.message) for warning in said)


@damage.fault("A stored result is cut to half its length")
def half_a_result(place: Path) -> Outcome:
    """Store, cut, ask again."""

    def ask() -> torch.Tensor:
        return store.load_or_build("numbers", {"count": 100}, lambda: {"numbers": torch.arange(100.0)}, folder=place)[
            "numbers"
        ]

    first = ask()
    (file,) = place.iterdir()
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    again, said = with_words(ask)
    demand(torch.equal(first, again), "other numbers")
    demand("it is rebuilt" in said, "no word")
    return survived("Rebuilt, with a warning.")


@damage.fault(
    "Each byte of a stored result is changed in turn, and the file cut at each",
    before="Changes of the parameters in the header were not noticed.",
)
def every_byte(place: Path) -> Outcome:
    """No copy may be read."""
    path = place / "x.safetensors"
    store.save_arrays(path, {"a": torch.arange(4.0)}, {"seed": 3, "names": ["left", "right"]})
    content = path.read_bytes()
    copies = [changed(content, at, bit) for at in range(len(content)) for bit in (1, 128)]
    for copy in copies + [content[:at] for at in range(len(content))]:
        path.write_bytes(copy)
        refused(lambda: store.read_arrays(path), OSError, path.name)
    return Outcome("refused", f"All {len(copies) + len(content)} copies are refused by name.")


@damage.fault("Stored files are empty, and then full of zeros")
def empty(place: Path) -> Outcome:
    """As after a power failure."""
    ask = lambda: store.load_or_build("r", {}, lambda: {"x": torch.ones(9)}, folder=place)["x"]  # noqa: E731
    ask()
    (file,) = place.iterdir()
    for content in (b"", bytes(file.stat().st_size)):
        file.write_bytes(content)
        found, said = with_words(ask)
        demand(torch.equal(found, torch.ones(9)) and "it is rebuilt" in said, f"{said or 'no word'}")
    return survived("Rebuilt, with a warning.")


@damage.fault(
    "One letter in the header of the head file is another one",
    before="Other faces without a word; their embeddings were stored under the right key.",
)
def letter_of_the_head(place: Path) -> Outcome:
    """The name of a blend shape, on which the form of noses depends."""
    path = borrow("faces", head.head_path().name)
    whole, _ = with_words(lambda: store.read_arrays(path, older=True))
    store.save_arrays(path, *whole)
    content = path.read_bytes()
    path.write_bytes(changed(content, content.index(b"nose-hump-incr")))
    head.build_head = lambda: whole  # as in seconds from its package
    found, said = with_words(head.load_head)
    demand(list(found.names) == whole[1]["names"], f"other names, and said {said!r}")
    demand("it is rebuilt" in said, "no word")
    demand(store.read_arrays(path)[1] == whole[1], "the file was not mended")
    return survived("Rebuilt, with a warning.")


def stored_network(name: str) -> Path:
    """Return the file of a network in the fault's own cache, with what it was converted from."""
    path = borrow("models", catalogue.stored_path(name).name)
    for file in catalogue.entry(name).files:
        borrow(*file.local.relative_to(store.cache_folder()).parts)
    return path


@damage.fault("A network lies under the name of another one", before="It loaded, and gave another dimension.")
def another_network(place: Path) -> Outcome:
    """Both files are whole."""
    path, other = stored_network(SMALL), borrow("models", catalogue.stored_path("gear").name)
    whole = store.arrays_digest(catalogue.stored_tensors(SMALL))
    shutil.copy(other, path)
    found, said = with_words(lambda: catalogue.stored_tensors(SMALL))
    demand(store.arrays_digest(found) == whole, "the other network was loaded")
    demand("holds another result than its name says; it is rebuilt" in said, said or "no word")
    return survived("Noticed by the parameters that the file holds, and converted anew, with a warning.")


@damage.fault(
    "A stored network is cut to 1,000 bytes, and python -m frlib.models is run", before="It was accepted by its name."
)
def network_of_1000_bytes(place: Path) -> Outcome:
    """The command must mend it, without a network."""
    path = stored_network(SMALL)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:1000])
    status, said = with_words(lambda: command.main([SMALL]))
    demand(status == 0 and "it is rebuilt" in said, said or f"no word, status {status}")
    demand(abs(path.stat().st_size - size) < 1000 and catalogue.stored_tensors(SMALL), "it was not mended")
    return survived("The command reads each network, and converts a damaged one anew.")


@damage.fault("A network and the file that it was converted from are both damaged, without a network")
def nothing_whole_is_left(place: Path) -> Outcome:
    """Neither may be used."""
    from frlib.models import DownloadError
    from tests.models import registry

    path = stored_network(SMALL)
    (file, *_) = catalogue.entry(SMALL).files
    for own in (path, file.local):
        own.write_bytes(changed(own.read_bytes(), own.stat().st_size // 2))
    registry.use(registry.settings(registry.NOWHERE))
    words = (file.package.name, "Check the network connection", "python -m frlib.models")
    with warnings.catch_warnings(action="ignore"):
        return refused(lambda: catalogue.load(SMALL), DownloadError, *words)


@damage.fault(
    "Each byte in the entry of an added network is changed in turn",
    before="A changed digit in its preprocessing gave other embeddings without a word.",
    quick=False,
)
def entry_of_an_added_network(place: Path) -> Outcome:
    """Either the entry is named and left out, or it says what it said."""
    from frlib.models import added
    from tests.models.architectures import SphereFace, seeded
    from tests.models.test_papers import as_onnx

    (place / "net.onnx").write_bytes(as_onnx(seeded(SphereFace)))
    added.keep(place / "net.onnx", "mine")
    file = added.folder() / "mine.json"
    content, whole, noticed = file.read_bytes(), repr(added.networks()["mine"]), 0
    for at in range(len(content)):
        file.write_bytes(changed(content, at))
        found, said = with_words(added.networks)
        demand(not found or repr(found["mine"]) == whole, f"byte {at} gave another network without a word")
        noticed += "remove it and add it again" in said
    return Outcome("refused", f"{noticed} of {len(content)} are named and left out; the others change nothing.")


@damage.fault("The note of a network's sha256 is damaged", before="It was fetched, and refused for the damaged note.")
def damaged_note(place: Path) -> Outcome:
    """The note of a file for which nobody publishes one."""
    import hashlib

    content = b"weights" * 1000
    wanted = hashlib.sha256(content).hexdigest()
    with server({"net.onnx": content}) as serving:
        file = WebFile(f"{serving.url}/net.onnx")
        fetch(file, sha256=wanted, progress=False)
        for note in (b"", b"\xff" * 64, wanted.encode()[:-1]):
            file.note.write_bytes(note)
            outcome = refused(lambda: fetch(file, progress=False), ValueError, "sha256 must be given", "--sha256 HEX")
        fetch(file, sha256=wanted, progress=False)
        demand(file.is_kept() and len(serving.asked) == 1, "the whole file was fetched again")
    return outcome


@damage.fault(
    "The copy of a tar file of photographs is cut", before="The reader's own file was said to be damaged, for good."
)
def copy_of_an_archive(place: Path) -> Outcome:
    """The copy lies in the cache."""
    with tarfile.open(place / "people.tar", "w") as archive:
        for name in ("ada/1.png", "bob/1.png"):
            member = tarfile.TarInfo(name)
            member.size = 1000
            archive.addfile(member, io.BytesIO(name.encode().ljust(1000)))
    before = [member.open().getvalue() for member in archives.members(place / "people.tar")]
    (copy,) = store.cache_folder("archives").glob("*.zip")
    for content in (copy.read_bytes()[:-30], b""):
        copy.write_bytes(content)
        found = archives.members(place / "people.tar")
        demand([member.open().getvalue() for member in found] == before, "other members")
    demand(zipfile.is_zipfile(copy), "the copy was not mended")
    return survived("The copy is made again.")


@damage.fault("Stored files of an older version, whose checksum leaves out the parameters")
def older_version(place: Path) -> Outcome:
    """Whole ones serve where the parameters are asked for; with changed parameters they do not."""
    parameters, arrays = {"seed": 3}, {"x": torch.full((3,), 7.0)}
    path = store.result_file("r", parameters, place)
    asked = []

    def ask() -> torch.Tensor:
        return store.load_or_build("r", parameters, lambda: asked.append(1) or arrays, folder=place)["x"]

    save_file(arrays, path, {"parameters": json.dumps(parameters), "sha256": store.arrays_digest(arrays)})
    found, said = with_words(ask)
    demand(found.tolist() == [7, 7, 7] and not asked and not said, said or "computed anew")
    return survived("Used: its parameters are compared with those asked for.")
