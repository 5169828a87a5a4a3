"""Files that readers give to the report and to `load_onnx`: each is read, or refused with its name and what to do."""

import contextlib
import io
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from frlib.models import onnx as networks
from frlib.report import __main__ as command
from frlib.report import labelled, own_embeddings, own_network
from tests.faults.planting import Kind, Outcome, demand, refused, survived

files = Kind("Files from readers")
#: What the command loads when it needs it. Every fault has a process of its own, which begins with what is loaded here.
LOADED = (own_embeddings, own_network, onnxruntime)
HEAD = b"\x93NUMPY\x01\x00"
WORDS = "identity,glasses\n"


class Refusal(Exception):
    """What the command of the report printed when it refused a file."""


def report(place: Path, *arguments) -> str:
    """Run the command of the report in a folder, and return what it printed; raise `Refusal` if it refuses."""
    said, page = io.StringIO(), place / "page.html"
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = command.main([*map(str, arguments), "--quick", "--output", str(page)])
    text = said.getvalue().strip()
    demand(not list(place.glob("*page.html*")), "a page, or a part of one")
    demand("Traceback" not in text and text.count("\n") == 0, f"more than a line of words: {text}")
    if status:
        raise Refusal(text.removeprefix("error: "))
    return text


def write_embeddings(place: Path, matrix=None) -> Path:
    """Write embeddings of three people with two images each, or other ones."""
    matrix = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32) if matrix is None else matrix
    np.save(place / "e.npy", matrix, allow_pickle=True)
    return place / "e.npy"


def write_labels(place: Path, content: bytes | None = None) -> Path:
    """Write labels of three people with two images each, or another table."""
    lines = (f"person {k // 2},{k % 2}\n" for k in range(6))
    (place / "l.csv").write_bytes((WORDS + "".join(lines)).encode() if content is None else content)
    return place / "l.csv"


def register(cases: Iterable[tuple], plant: Callable[..., Outcome]) -> None:
    """Register a fault for each case: what is planted, what happened before, and what ``plant`` gets beside the folder.

    Parameters
    ----------
    cases : iterable of tuple
    plant : callable
    """
    for planted, before, *rest in cases:

        def fault(place: Path, rest=tuple(rest)) -> Outcome:
            """Plant one case."""
            return plant(place, *rest)

        files.fault(planted, before=before)(fault)


# ---------------------------------------------------------------------------------------------------- tables of labels


def refused_table(place: Path, content: bytes, *words: str) -> Outcome:
    """Give the report a table that it must refuse."""
    write_labels(place, content)
    return refused(lambda: report(place, write_embeddings(place), place / "l.csv"), Refusal, "l.csv", *words)


TABLES = [
    ("Labels: an empty table", "held", b"", "the names of the columns and at least one line"),
    ("Labels in UTF-16, as a spreadsheet saves them", "held", f"{WORDS}a,1\n".encode("utf-16"), "Save it as UTF-8"),
    ("Labels in Latin-1", "held", f"{WORDS}José,1\n".encode("latin-1"), "line 2", "Save it as UTF-8"),
    ("Labels with semicolons", "held", b"identity;glasses\na;1\n", "Save it with commas"),
    ("Labels: two columns of one name", "held", b"identity,a,a\nx,1,1\n", "different names", "'a'"),
    ("Labels: a quotation mark that is not closed", "held", f'{WORDS}"a,1\n'.encode(), "line 2"),
    ("Labels: a line with a value too few", "held", f"{WORDS}a,1\nb\n".encode(), "2 values in line 3; got 1"),
    ("Labels: an image, renamed", "held", b"\x89PNG\r\n\x1a\n\x00\x00\xff" * 9, "UTF-8"),
    ("Labels: a line less than there are embeddings", "held", f"{WORDS}a,1\n".encode(), "one line per row of e.npy"),
]
register(TABLES, refused_table)


@files.fault("Labels with the marks of Windows: a byte order mark, ends of lines of two characters")
def windows(place: Path) -> Outcome:
    """Read such a table, and the same without the marks."""
    embeddings, plain = write_embeddings(place), write_labels(place)
    expected = labelled.read(embeddings, plain)
    found = labelled.read(embeddings, write_labels(place, plain.read_text().replace("\n", "\r\n").encode("utf-8-sig")))
    demand(list(found.identities) == list(expected.identities), "other people")
    demand(found.attributes.equals(expected.attributes), "other attributes")
    return survived("Read as if they were not there.")


@files.fault("Labels and embeddings of 1,000,000 images", quick=False)
def million(place: Path) -> Outcome:
    """Read both, and compare what is read with what was written."""
    count = 1_000_000
    matrix = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    lines = "".join(f"person {k // 10},{k % 2}\n" for k in range(count))
    embeddings, labels = write_embeddings(place, matrix), write_labels(place, (WORDS + lines).encode())
    started = time.perf_counter()
    found = labelled.read(embeddings, labels)
    took = time.perf_counter() - started
    demand(
        len(found.people) == count // 10 and np.array_equal(found.embeddings.numpy(), matrix), "something else is read"
    )
    demand(int(found.attributes["glasses"].sum()) == count // 2, "other attributes")
    demand(took < 120, f"{took:.0f} s")
    return survived("Read in full.")


# ------------------------------------------------------------------------------------------------- files of embeddings


class Trap:
    """An object whose pickle writes a file when it is opened."""

    def __init__(self, file: Path):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


def claim(place: Path, shape: tuple, content: bytes = bytes(100)) -> Path:
    """Write a file of embeddings whose head claims a shape."""
    head = str({"descr": "<f4", "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    (place / "e.npy").write_bytes(HEAD + len(head).to_bytes(2, "little") + head + content)
    return place / "e.npy"


def change(place: Path, edit: Callable[[bytes], bytes]) -> Path:
    """Write embeddings whose file is changed."""
    path = write_embeddings(place)
    path.write_bytes(edit(path.read_bytes()))
    return path


def with_row(value: float) -> np.ndarray:
    """Return embeddings of which one row holds a value."""
    matrix = np.ones((6, 4))
    matrix[3, 1] = value
    return matrix


def refused_embeddings(place: Path, write: Callable[[Path], object], *words: str) -> Outcome:
    """Give the report a file of embeddings that it must refuse; no pickle in it may be opened."""
    write(place)
    outcome = refused(lambda: report(place, place / "e.npy", write_labels(place)), Refusal, "e.npy", *words)
    demand(not (place / "sprung").exists(), "a pickle was opened")
    return outcome


ASKED = "Refused, but only after as much memory was asked for as the head claims."
AS_NUMPY = "a matrix of numbers as numpy.save writes it"
EMBEDDINGS = [
    (
        "Embeddings: 100 bytes whose head claims 58 TiB",
        ASKED,
        lambda place: claim(place, (4_000_000, 4_000_000)),
        "its head says 64,000,000,000,000 bytes",
        "Save it again",
    ),
    (
        "Embeddings: 100 bytes whose head claims 40 GB",
        ASKED,
        lambda place: claim(place, (10**5, 10**5)),
        "Save it again",
    ),
    ("Embeddings: a head that claims a negative number of rows", "held", lambda p: claim(p, (-3, 5)), AS_NUMPY),
    ("Embeddings: a pickle in the file", "held", lambda p: write_embeddings(p, [Trap(p / "sprung")] * 6), AS_NUMPY),
    ("Embeddings: a pickle, renamed", "held", lambda p: (p / "e.npy").write_bytes(b"\x80\x04\x95."), AS_NUMPY),
    ("Embeddings: a file cut to half", "held", lambda p: change(p, lambda whole: whole[: len(whole) // 2]), AS_NUMPY),
    ("Embeddings: an empty file", "held", lambda p: change(p, lambda whole: b""), AS_NUMPY),
    ("Embeddings: a row with NaN", "held", lambda p: write_embeddings(p, with_row(np.nan)), "row 3 holds NaN"),
    ("Embeddings: a row of infinity", "held", lambda p: write_embeddings(p, with_row(np.inf)), "infinity"),
    ("Embeddings of complex numbers", "held", lambda p: write_embeddings(p, np.ones((6, 4), complex)), "real numbers"),
    ("Embeddings that all coincide", "held", lambda p: write_embeddings(p, np.ones((6, 4))), "coincide"),
    ("Embeddings: a table of labels, renamed", "held", lambda p: write_labels(p).rename(p / "e.npy"), AS_NUMPY),
    ("Embeddings: a folder of that name", "held", lambda p: (p / "e.npy").mkdir(), "there is no file"),
]
register(EMBEDDINGS, refused_embeddings)


@files.fault("The report gets labels and embeddings in the wrong order")
def wrong_order(place: Path) -> Outcome:
    """Exchange both."""
    return refused(lambda: report(place, write_labels(place), write_embeddings(place)), Refusal, "l.csv", ".npy")


# ------------------------------------------------------------------------------------------------------- ONNX networks


def network(
    nodes=(), shape=("n", 3, 112, 112), kind=TensorProto.FLOAT, weights=(), outputs=("embedding",), opset=17, ir=8
) -> onnx.ModelProto:
    """Return a network that averages each colour and mixes the averages, with nodes before or other properties."""
    nodes = [
        *nodes,
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "mix"], ["embedding"]),
    ]
    mix = numpy_helper.from_array(np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32), "mix")
    weights = [*weights, *([] if any(own.name == "mix" for own in weights) else [mix])]
    image = helper.make_tensor_value_info("image", kind, shape)
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None]) for name in outputs]
    graph = helper.make_graph(nodes, "network", [image], given, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def elsewhere(location: str, length: int = 60) -> onnx.ModelProto:
    """Return a network whose weights are in another file."""
    model = network()
    (mix,) = model.graph.initializer
    mix.ClearField("raw_data")
    mix.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("length", str(length))):
        entry = mix.external_data.add()
        entry.key, entry.value = key, value
    return model


def of_shape(rows: int) -> onnx.ModelProto:
    """Return a network with a constant that is made when the file is loaded, of three times as many numbers."""
    make = helper.make_node("ConstantOfShape", ["shape"], ["made"])
    use = helper.make_node("MatMul", ["mean", "made"], ["other"])
    model = network([make], weights=[numpy_helper.from_array(np.array([3, rows]), "shape")], outputs=["other"])
    model.graph.node.append(use)
    return model


def calls_itself() -> onnx.ModelProto:
    """Return a network with a function that calls itself."""
    call = helper.make_node("Again", ["image"], ["again"], domain="own")
    model = network([call])
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    inner = helper.make_node("Again", ["a"], ["b"], domain="own")
    model.functions.append(helper.make_function("own", "Again", ["a"], ["b"], [inner], sets))
    model.opset_import.append(sets[1])
    return model


def cyclic() -> onnx.ModelProto:
    """Return a network of which two nodes wait for each other."""
    return network([helper.make_node("Add", ["b", "mix"], ["a"]), helper.make_node("Add", ["a", "mix"], ["b"])])


def refused_network(place: Path, write: Callable[[], onnx.ModelProto | bytes], *words: str) -> Outcome:
    """Load a network that must be refused, and give it to the report."""
    model = write()
    (place / "n.onnx").write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    (place.parent / "w.bin").write_bytes(bytes(60))
    words = ("n.onnx", *words) if "n.onnx" not in words else words
    outcome = refused(lambda: networks.load_onnx(place / "n.onnx", device="cpu"), ValueError, *words)
    refused(lambda: report(place, place / "n.onnx"), Refusal, *words)
    return outcome


TRACE = "The report ended in a traceback of {}."
NETWORKS = [
    ("ONNX: an empty file", "held", lambda: b"", "a complete ONNX file"),
    ("ONNX: a page of HTML, saved as a network", "held", lambda: b"<!doctype html><html>" * 50, "a complete ONNX file"),
    ("ONNX: half a file", "held", lambda: network().SerializeToString()[:150], "a complete ONNX file"),
    ("ONNX: two nodes that wait for each other", "held", cyclic, "not acyclic"),
    ("ONNX: a function that calls itself", TRACE.format("onnx"), calls_itself, "must not be recursive"),
    ("ONNX: an opset that does not exist yet", "held", lambda: network(opset=99), "older opset"),
    ("ONNX: a format that does not exist yet", "held", lambda: network(ir=99), "update onnxruntime"),
    ("ONNX: images as integers of 8 bits", "held", lambda: network(kind=TensorProto.INT8), "export it in float32"),
    (
        "ONNX: images of an unknown type",
        "Refused without the name of the file.",
        lambda: network(kind=99),
        "unknown type 99",
    ),
    (
        "ONNX: two outputs, and none is chosen",
        "held",
        lambda: network(outputs=["embedding", "mean"]),
        "output must name",
    ),
    (
        "ONNX: a constant of 1.2 TB that is made on loading",
        TRACE.format("onnxruntime"),
        lambda: of_shape(10**11),
        "constants can be computed",
    ),
    (
        "ONNX: images of 100,000 pixels",
        TRACE.format("torch, which had been asked for 120 GB"),
        lambda: network(shape=("n", 3, 100_000, 100_000)),
        "2048 pixels",
        "open batch",
    ),
    (
        "ONNX: a batch of 1,000,000,000 images",
        "Refused, after 150 TB were asked for.",
        lambda: network(shape=(10**9, 3, 112, 112)),
        "1024 images",
        "open batch",
    ),
    ("ONNX: weights in a file that is not there", "held", lambda: elsewhere("no.bin"), "no.bin", "not beside it"),
    (
        "ONNX: weights in a file above its folder",
        "Refused by onnxruntime, with the advice to update it.",
        lambda: elsewhere("../w.bin"),
        "'../w.bin'; they must be in its own folder",
    ),
    (
        "ONNX: weights in a file of the system",
        "Refused by onnxruntime, with the advice to update it.",
        lambda: elsewhere("/etc/passwd"),
        "must be in its own folder",
    ),
]
register(NETWORKS, refused_network)


@files.fault("ONNX: a head that claims weights of 12 GB")
def claimed_weights(place: Path) -> Outcome:
    """Let a file of a few bytes claim 3,000,000,000 weights."""
    model = network()
    model.graph.initializer[0].dims[:] = [3, 10**9]
    return refused_network(place, lambda: model, "onnxruntime")


@files.fault("ONNX: opsets of ten years, numbers of 16 bits")
def many_kinds(place: Path) -> Outcome:
    """Load networks that must work, and compare their embeddings."""
    images = np.random.default_rng(1).integers(0, 256, (4, 112, 112, 3)).astype(np.uint8)
    found = []
    for opset in (7, 9, 11, 13, 17):
        onnx.save(network(opset=opset), place / "n.onnx")
        found.append(networks.load_onnx(place / "n.onnx", device="cpu").embed(images, progress=False).numpy())
    demand(all(np.array_equal(own, found[0]) for own in found), "other embeddings with another opset")
    half = numpy_helper.from_array(numpy_helper.to_array(network().graph.initializer[0]).astype(np.float16), "mix")
    model = network(kind=TensorProto.FLOAT16, weights=[half])
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, place / "n.onnx")
    halved = networks.load_onnx(place / "n.onnx", device="cpu").embed(images, progress=False).numpy()
    # The mean of values in -1..1 with 10 bits, and weights with 10 bits.
    demand(np.abs(halved - found[0]).max() < 2**-9 * np.abs(found[0]).max() + 2**-9, "far from those of 32 bits")
    return survived("All give the same embeddings; numbers of 16 bits to within their digits.")
