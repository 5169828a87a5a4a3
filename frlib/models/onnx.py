"""Face networks from ONNX files, and ours as ONNX files.

`load_onnx` turns a file into a torch module through onnx2torch, so that it can be trained and differentiated like the
networks of the catalogue. ONNX is a protocol buffer: reading one runs no code of the file.
"""

import contextlib
import hashlib
import os
import re
import warnings
from operator import attrgetter
from pathlib import Path

import torch
from torch import fx, nn

from frlib.checks import METRICS, at_least, one_of
from frlib.models.embedder import CROPS, FaceEmbedder, Preprocess
from frlib.runtime import choose_device
from frlib.store import atomic_file, file_digest

#: A file of the user's says nothing about its terms.
LICENCE = "unknown (your file)"
#: The newest set of operations that onnx2torch knows throughout.
OPSET = 17
#: Largest difference between images embedded together and one by one, as a share of the largest value.
TOGETHER = 1e-4


class FileNetwork(nn.Module):
    """A network that was read from a file.

    Parameters
    ----------
    graph : nn.Module
        Maps network input (N, 3, S, S) to embeddings (N, d).
    origin : str
        Text that names the file's content and its preprocessing. Its digest is part of the state, so that embeddings
        stored under the state are not taken for those of another file, or of other preprocessing.
    one_by_one : bool
        Whether each image must go through on its own: some exporters write a batch of one into the graph.
    """

    def __init__(self, graph: nn.Module, origin: str, one_by_one: bool):
        super().__init__()
        self.graph, self.one_by_one = graph, one_by_one
        digest = hashlib.sha256(origin.encode()).digest()
        self.register_buffer("origin", torch.frombuffer(bytearray(digest), dtype=torch.uint8))

    def forward(self, image):
        """Map network input (N, 3, S, S) to embeddings (N, d)."""
        if self.one_by_one:
            return torch.cat([self.graph(one) for one in image.split(1)])
        return self.graph(image)


def load_onnx(
    path: str | os.PathLike,
    *,
    metric: str = "cosine",
    crop: str = "arcface",
    size: int | None = None,
    mean: float | tuple[float, float, float] = 127.5,
    scale: float = 1 / 127.5,
    bgr: bool = False,
    output: str | None = None,
    device: str | torch.device | None = None,
    name: str | None = None,
) -> FaceEmbedder:
    """Return the face network of an ONNX file, ready to embed images or to be trained.

    The defaults are those of ArcFace and its relatives: RGB, ``(x - 127.5) / 127.5``, 112 pixels, cosine. AdaFace takes
    the same with ``bgr=True``. The result works with ``torch.autograd``, forward-mode included
    (``torch.autograd.forward_ad``), but not with ``torch.func.jvp``.

    Parameters
    ----------
    path : path
        A file in float32 with one image input (N, 3, S, S) and an output (N, d); any weights beside it are found. Files
        of opset 11 to 17 can be read, others if they use no operation that is newer.
    metric : {"cosine", "euclidean"}
        The distance that the network was trained for.
    crop : {"arcface", "wide"}
        How much of the head the aligned image must show.
    size : int, optional
        Height and width of the input in pixels, if the file leaves them open.
    mean : float or 3 floats
        Subtracted from the channels 0..255, in the network's order.
    scale : float
        Multiplies the result.
    bgr : bool
        Whether the network wants blue first.
    output : str, optional
        Which output is the embedding, if there are several.
    device : str, optional
        See `frlib.runtime.choose_device`.
    name : str, optional
        Default: the file's name.

    Returns
    -------
    FaceEmbedder

    Raises
    ------
    ValueError
        If the file is missing, damaged, of another shape or type, or uses operations that onnx2torch does not know; if
        an argument is not accepted.
    ImportError
        If onnx2torch is not installed.
    """
    one_of("metric", metric, METRICS)
    one_of("crop", crop, CROPS)
    device = choose_device(device)
    path = Path(path)
    name = path.name if name is None else name
    if not name or Path(name).name != name:
        raise ValueError(f"name must be a name without folders; got {name!r}")
    model = only_output(read_model(path), path, output)
    preprocess = Preprocess(input_size(model, path, size), three("mean", mean), scale, bgr)
    graph = convert(model, path)
    origin = f"{file_digest(path)} {model.graph.output[0].name} {preprocess.extra_repr()}"
    network, dim = tried(graph, preprocess.size, path, origin)
    return FaceEmbedder(name, network, preprocess, metric=metric, dim=dim, crop=crop, licence=LICENCE, device=device)


def three(name: str, value) -> tuple[float, float, float]:
    """Return a number three times, or three numbers as they are.

    Raises
    ------
    ValueError
        If there are not three.
    """
    values = torch.as_tensor(value, dtype=torch.float64).flatten().tolist()
    if len(values) not in (1, 3):
        raise ValueError(f"{name} must be one number or three; got {value!r}")
    return tuple(values * (3 // len(values)))


def read_model(path: Path):
    """Return the parsed and checked file.

    Raises
    ------
    ValueError
        If there is no such file or it is not ONNX.
    ImportError
        If onnx2torch is not installed.
    """
    onnx = _package("onnx")
    if not path.is_file():
        raise ValueError(f"path must name an ONNX file; there is none at {path}")
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf, the checker and missing weights each raise a type of their own
        raise ValueError(f"path must be a complete ONNX file; {path}: {_first_line(error)}") from error
    return model


def only_output(model, path: Path, output: str | None):
    """Return the part of a model that computes one of its outputs.

    Raises
    ------
    ValueError
        If the output is unknown, or there are several and none is named.
    """
    names = [value.name for value in model.graph.output]
    if output is None and len(names) != 1:
        raise ValueError(f"output must name one of {', '.join(map(repr, names))}, the outputs of {path}; got None")
    if output is not None:
        one_of("output", output, names)
    if len(names) == 1:
        return model
    inputs = [value.name for value in image_inputs(model)]
    return _package("onnx.utils").Extractor(model).extract_model(inputs, [output])


def image_inputs(model) -> list:
    """Return the inputs that hold no weights; old files list their weights as inputs too."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def input_size(model, path: Path, size: int | None) -> int:
    """Return the height and width of a model's image input, in pixels.

    Raises
    ------
    ValueError
        If there is not one float32 input (N, 3, S, S), or S is neither in the file nor given, or differs.
    """
    inputs = image_inputs(model)
    if len(inputs) != 1:
        raise ValueError(f"path must be a network with one input; {path} has {[value.name for value in inputs]}")
    kind = inputs[0].type.tensor_type
    # An open dimension has a name, or nothing, in place of a number.
    shape = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    shown = tuple("open" if length is None else length for length in shape)
    if kind.elem_type != _package("onnx").TensorProto.FLOAT:
        raise ValueError(f"path must be a network that takes float32; {path} takes another type: export it in float32")
    if len(shape) == 4 and shape[3] == 3 and shape[1] not in (3, None):
        raise ValueError(f"path must be a network with channels first, (N, 3, S, S); {path} takes {shown}")
    if len(shape) != 4 or shape[1] not in (3, None) or len({*shape[2:], None} - {None}) > 1:
        raise ValueError(f"path must be a network of square RGB images, (N, 3, S, S); {path} takes {shown}")
    fixed = shape[2] or shape[3]
    if size is None and not fixed:
        raise ValueError(f"size must be given, because {path} leaves it open: its input is {shown}")
    if size is not None and at_least("size", size, 1) != (fixed or size):
        raise ValueError(f"size must be {fixed}, as {path} says, or be left out; got {size}")
    return fixed or size


def convert(model, path: Path) -> fx.GraphModule:
    """Return a model as a torch module with trainable weights.

    Raises
    ------
    ValueError
        If onnx2torch does not know an operation.
    """
    for value in [*image_inputs(model), *model.graph.output]:
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    # Shapes between the layers were noted for the batch size of the export; they are inferred again.
    model.graph.ClearField("value_info")
    name_weights_once(model.graph)
    try:
        graph = _package("onnx2torch").convert(model)
    except NotImplementedError as error:
        found = re.search(r"operation_type='(\w+)', version=(\d+)", str(error))
        what = f"{found[1]} of opset {found[2]}" if found else _first_line(error)
        advice = f"export it with opset {OPSET}"
        raise ValueError(f"path must use operations that onnx2torch knows; {path} uses {what}: {advice}") from error
    except Exception as error:
        raise ValueError(f"path must be a network that onnx2torch converts; {path}: {_first_line(error)}") from error
    fold_constants(graph)
    make_trainable(graph)
    return graph


def name_weights_once(graph) -> None:
    """Use each weight under its own name; exporters write equal ones once, and name the others by Identity.

    onnx2torch looks for weights among the stored arrays only.
    """
    other_names: dict[str, str] = {}
    weights = {tensor.name for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "Identity"]:
        source = other_names.get(node.input[0], node.input[0])
        if source in weights and node.output[0] not in {value.name for value in graph.output}:
            other_names[node.output[0]] = source
            graph.node.remove(node)
    for node in graph.node:
        node.input[:] = [other_names.get(name, name) for name in node.input]


def fold_constants(network: fx.GraphModule) -> None:
    """Compute what depends on no image once and for all; exporters write paddings as a dozen small steps."""
    values = {}
    with torch.no_grad(), warnings.catch_warnings():
        # onnx2torch slices with a list, which torch takes as a tuple, as is meant, and calls deprecated.
        warnings.filterwarnings("ignore", message="Using a non-tuple sequence for multidimensional indexing")
        for node in network.graph.nodes:
            if node.op == "get_attr":
                values[node] = attrgetter(node.target)(network)
            elif node.op == "call_module" and values.keys() >= set(node.all_input_nodes):
                args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.get)
                value = network.get_submodule(node.target)(*args, **kwargs)
                if torch.is_tensor(value):
                    values[node] = value
    for number, (node, value) in enumerate(values.items()):
        if node.op == "call_module" and not values.keys() >= set(node.users):
            network.register_buffer(f"constant_{number}", value)
            with network.graph.inserting_before(node):
                node.replace_all_uses_with(network.graph.get_attr(f"constant_{number}"))
    network.graph.eliminate_dead_code()
    network.delete_all_unused_submodules()
    network.recompile()


def make_trainable(network: fx.GraphModule) -> None:
    """Turn arrays of floats, which onnx2torch keeps as buffers, into parameters: slopes of PReLU are among them."""
    for target in {node.target for node in network.graph.nodes if node.op == "get_attr"}:
        owner, _, name = target.rpartition(".")
        owner, value = network.get_submodule(owner), attrgetter(target)(network)
        if value.is_floating_point() and value.numel() > 1:
            delattr(owner, name)
            owner.register_parameter(name, nn.Parameter(value.clone()))


def tried(graph: nn.Module, size: int, path: Path, origin: str) -> tuple[FileNetwork, int]:
    """Return the network after a trial with random images, and the dimension of its embedding.

    Raises
    ------
    ValueError
        If it fails on an image, or does not give one finite float32 vector for it.
    """
    images = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    network = FileNetwork(graph.eval(), origin, one_by_one=True)
    try:
        with torch.no_grad():
            expected = network(images)
    except Exception as error:
        raise ValueError(f"path must be a network of images; {path} fails on one: {_first_line(error)}") from error
    if expected.shape != (3, *expected.shape[1:2]):
        shape = (1, *expected.shape[1:])
        raise ValueError(f"path must be a network with output (N, d); {path} gives {shape} for one image")
    if expected.dtype != torch.float32 or not expected.isfinite().all():
        raise ValueError(
            f"path must be a network with finite float32 output; {path} gives {expected.dtype}, {expected}"
        )
    if next(network.parameters(), None) is None:
        raise ValueError(f"path must be a network with weights; {path} has none")
    with torch.no_grad(), contextlib.suppress(Exception):  # a graph written for one image may fail in any way
        found = graph(images)
        same = found.shape == expected.shape and (found - expected).abs().max() <= TOGETHER * expected.abs().max()
        network.one_by_one = not same
    return network, expected.shape[1]


def export_onnx(embedder: FaceEmbedder, path: str | os.PathLike, *, opset: int = OPSET) -> None:
    """Write a network as an ONNX file, atomically.

    The input is called ``image``: preprocessed images (N, 3, S, S), see ``embedder.preprocess``. The output is called
    ``embedding``: (N, d). N is open.

    Parameters
    ----------
    embedder : FaceEmbedder
    path : path
        Where to write it.
    opset : int
        Version of the set of operations.
    """
    _package("onnx")
    size, device = embedder.input_size, embedder.device
    image = torch.zeros(1, 3, size, size, device=device, dtype=next(embedder.network.parameters()).dtype)
    names = {"input_names": ["image"], "output_names": ["embedding"]}
    with atomic_file(path) as partial, warnings.catch_warnings():
        # The newer exporter needs one more package and half a minute; the older one says that it is the older one.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            embedder.network,
            (image,),
            str(partial),
            opset_version=opset,
            dynamo=False,
            dynamic_axes={"image": {0: "batch"}, "embedding": {0: "batch"}},
            **names,
        )


def _package(name: str):
    """Return a package of the extra ``report``."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError("ONNX files need the packages onnx and onnx2torch: pip install 'frlib[report]'") from error


def _first_line(error: Exception) -> str:
    """Return the type and the first line of an error's message."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
