"""An ONNX file as a graph: read and checked, brought to a plain form, and run.

ONNX is a protocol buffer: reading one runs no code of the file. Weights that lie beside the file, as those above 2 GB
must, stay there until onnxruntime reads them.
"""

import importlib
import re
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from torch import nn

#: Inputs that networks of images have, as numpy types.
INPUT_TYPES = {1: np.float32, 10: np.float16, 11: np.float64}
#: What numbers of a network are stored as: the same, bfloat16 and small integers (the others are shapes and indices).
WEIGHT_TYPES = (*INPUT_TYPES, 16, 2, 3, 21, 22)
# Nodes without inputs that are no constants.
RANDOM = ("Random", "Multinomial", "Bernoulli")


def package(name: str):
    """Return a package of the extra ``report``.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        needed = "frlib[training]" if name == "onnx2torch" else "frlib[report]"
        raise ImportError(f"this needs the package {name.partition('.')[0]}: pip install '{needed}'") from error


def first_line(error: Exception) -> str:
    """Return the type and the first line of an error's message."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def read_model(path: Path):
    """Return the graph of a file; weights beside it are not read yet.

    Raises
    ------
    ValueError
        If there is no such file, it is not ONNX, or weights that it names are not beside it.
    ImportError
        If onnx is not installed.
    """
    onnx = package("onnx")
    if not path.is_file():
        raise ValueError(f"path must name an ONNX file; there is none at {path}")
    try:
        model = onnx.load(path, load_external_data=False)
        for location in sorted(external_files(model)):
            if leads_out(location):
                raise ValueError(f"its weights are in the file {location!r}; they must be in its own folder or below")
            if not (path.parent / location).is_file():
                raise ValueError(f"its weights are in the file {location!r}, which is not beside it")
        if not model.graph.node:
            raise ValueError("it holds no operation")
        return package("onnx.inliner").inline_local_functions(model) if model.functions else model
    except Exception as error:  # protobuf raises a type of its own
        raise ValueError(f"path must be a complete ONNX file; {path}: {first_line(error)}") from error


def external_files(model) -> set[str]:
    """Return the files beside a model that hold its weights."""
    external = package("onnx").TensorProto.EXTERNAL
    tensors = [tensor for tensor in model.graph.initializer if tensor.data_location == external]
    return {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}


def leads_out(location: str) -> bool:
    """Return whether the name of a file that another file gives leads out of the folder of the latter."""
    return PurePosixPath(location).is_absolute() or ".." in PurePosixPath(location).parts or "\\" in location


def image_inputs(model) -> list:
    """Return the inputs that hold no weights; old files list their weights as inputs too."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def simplify(model, path: Path) -> None:
    """Bring a graph to a plain form, in place: it computes the same, for any number of images.

    Weights are named once and only as weights, see `fold_constants`.

    Raises
    ------
    ValueError
        If onnxruntime does not know an operation that the constants need.
    """
    inputs = image_inputs(model)
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for value in [*model.graph.input, *model.graph.output]:
        shape = value.type.tensor_type.shape
        for dim in shape.dim:
            if dim.HasField("dim_value") and dim.dim_value <= 0:  # some exporters write open dimensions so
                dim.Clear()
        if shape.dim:
            shape.dim[0].dim_param = "batch"
        elif value.type.tensor_type.HasField("shape"):
            value.type.tensor_type.ClearField("shape")  # no dimension at all: it was never filled in
    # Shapes between the layers were noted for the batch of the export.
    model.graph.ClearField("value_info")
    fold_constants(model, path)


def fold_constants(model, path: Path, *, integers: bool = False) -> None:
    """Compute what depends on no image once and for all, in place, and keep the results as weights.

    Exporters write paddings as a dozen small steps, and weights as constants, casts of halves, or integers with scales.

    Parameters
    ----------
    model : onnx.ModelProto
    path : Path
        Its file.
    integers : bool
        Whether integers with one scale, or one per channel, become floats too. onnxruntime computes with such integers;
        with a scale per block it would make the floats anew for every batch.
    """
    onnx = package("onnx")
    graph = model.graph
    constant = {tensor.name for tensor in graph.initializer} | {""}
    folded, kept = [], []
    for node in graph.node:
        fixed = constant.issuperset(node.input) and not node.op_type.startswith(RANDOM)
        if node.op_type == "DequantizeLinear" and not any(a.name == "block_size" and a.i for a in node.attribute):
            fixed = fixed and integers
        # A branch or loop reads names of the whole graph too.
        fixed = fixed and not any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)
        (folded if fixed else kept).append(node)
        if fixed:
            constant |= set(node.output)
    needed = names_read(kept) | {value.name for value in graph.output}
    made = [name for node in folded for name in node.output if name in needed]
    read = {name for node in folded for name in node.input}
    weights = [tensor for tensor in graph.initializer if tensor.name in read]
    outputs = [onnx.ValueInfoProto(name=name) for name in made]
    part = onnx.helper.make_graph(folded, "constants", [], outputs, weights)
    part = onnx.helper.make_model(part, opset_imports=model.opset_import, ir_version=model.ir_version)
    values = run_constants(part.SerializeToString(), made, path) if made else []
    del graph.node[:]
    graph.node.extend(kept)
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(weights)
    graph.initializer.extend(onnx.numpy_helper.from_array(v, name) for name, v in zip(made, values, strict=True))


def run_constants(part: bytes, names: list[str], path: Path) -> list[np.ndarray]:
    """Return values of a graph without inputs.

    Raises
    ------
    ValueError
        If onnxruntime cannot compute them, for example because they do not fit into the memory.
    """
    session = open_session(part, path)
    try:
        return session.run(names, {})
    except Exception as error:  # as in `open_session`
        raise ValueError(
            f"path must be a network whose constants can be computed; {path}: {first_line(error)}"
        ) from error


def names_read(nodes) -> set[str]:
    """Return the names that nodes read, those inside branches and loops included."""
    names = set()
    for node in nodes:
        names |= set(node.input)
        for attribute in node.attribute:
            for graph in [attribute.g, *attribute.graphs]:
                names |= names_read(graph.node) | {value.name for value in graph.output}
    return names


def count_weights(model) -> int:
    """Return how many weights a simplified graph has: no single numbers, statistics, or scales of integers."""
    first = {"BatchNormalization": 3, "DequantizeLinear": 1}
    others = {n for node in model.graph.node if node.op_type in first for n in node.input[first[node.op_type] :]}
    arrays = [t for t in model.graph.initializer if t.data_type in WEIGHT_TYPES and t.name not in others]
    return sum(size for size in (int(np.prod(t.dims)) for t in arrays) if size > 1)


def open_session(graph: bytes, path: Path, device: torch.device | None = None):
    """Return a session of onnxruntime for a serialised graph whose further weights lie beside ``path``.

    Raises
    ------
    ValueError
        If onnxruntime cannot run the graph; the message names the operation and what to do.
    """
    runtime = package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # no advice on the file among the progress bars
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.parent))
    wanted = ["CPUExecutionProvider"]
    if device is not None and device.type == "cuda" and "CUDAExecutionProvider" in runtime.get_available_providers():
        wanted.insert(0, ("CUDAExecutionProvider", {"device_id": device.index or 0}))
    try:
        return runtime.InferenceSession(graph, options, providers=wanted)
    except Exception as error:  # onnxruntime has a type for every kind of failure, without a common base
        raise ValueError(f"path must be a network that onnxruntime runs; {path}: {refusal(str(error))}") from error


def refusal(message: str) -> str:
    """Say what onnxruntime refuses, and what to do about it."""
    plain = re.sub(r"^\[ONNXRuntimeError\] : \d+ : ", "", message.strip().partition("\n")[0])
    advice = f"update onnxruntime (this is {package('onnxruntime').__version__}), export with an older opset"
    return f"{plain}: {advice} or without operations of one's own, or give embeddings.npy in place of the network"


class RuntimeGraph(nn.Module):
    """A simplified graph in onnxruntime, as a module without derivatives.

    Parameters
    ----------
    model : onnx.ModelProto
        With one image input.
    output : str
        The output to return.
    path : Path
        The file; further weights are read from its folder.
    device : torch.device
        A GPU is used if the installed onnxruntime can.

    Raises
    ------
    ValueError
        If onnxruntime cannot run the graph.
    """

    def __init__(self, model, output: str, path: Path, device: torch.device):
        super().__init__()
        self.graph, self.path, self.device, self.output = model.SerializeToString(), path, device, output
        self.input = model.graph.input[0].name
        self.type = INPUT_TYPES[model.graph.input[0].type.tensor_type.elem_type]
        self.session = open_session(self.graph, path, device)

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "session"}

    def __setstate__(self, state):
        super().__setstate__(state)
        self.session = open_session(self.graph, self.path, self.device)

    def as_input(self, image) -> np.ndarray:
        """Return network input as onnxruntime takes it."""
        return np.ascontiguousarray(image.detach().cpu().numpy(), dtype=self.type)

    def forward(self, image):
        """Map network input to output, as float32 if the output has halves or floats.

        Raises
        ------
        RuntimeError
            If a derivative is asked for.
        """
        if image.requires_grad or torch.autograd.forward_ad.unpack_dual(image).tangent is not None:
            raise RuntimeError("onnxruntime gives no derivatives: load_onnx(..., trainable=True) does")
        found = torch.from_numpy(self.session.run([self.output], {self.input: self.as_input(image)})[0])
        return (found.float() if found.is_floating_point() else found).to(image.device)
