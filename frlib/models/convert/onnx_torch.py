"""An ONNX graph as a torch module that can be trained, through onnx2torch.

onnx2torch has had no release since 2024. What is easy to say in operations that it knows is said so first.
"""

import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import torch
from torch import nn

from frlib.models.convert.onnx_graph import first_line, fold_constants, names_read, open_session, package

#: The newest opset that onnx2torch knows throughout.
KNOWN_OPSET = 17


def to_torch(model, images: np.ndarray, path: Path) -> nn.Module:
    """Return a simplified graph as a torch module in float32 with trainable weights.

    Parameters
    ----------
    model : onnx.ModelProto
        As `frlib.models.convert.onnx_graph.simplify` leaves it, with one output.
    images : ndarray
        Input with which it runs.
    path : Path
        The file; further weights are read from its folder.

    Raises
    ------
    ValueError
        If onnx2torch does not know an operation.
    ImportError
        If onnx2torch is not installed.
    """
    onnx2torch = package("onnx2torch")
    package("onnx").load_external_data_for_model(model, str(path.parent))
    fold_constants(model, path, integers=True)
    say_plainly(model)
    model = in_known_opset(model, path)
    in_order(model)
    note_ranks(model, images, path)
    try:
        module = onnx2torch.convert(model).float().eval()
    except NotImplementedError as error:
        advice = "images can be embedded with it; to train it, write it without that, or build it in torch"
        raise ValueError(
            f"path must use operations that onnx2torch knows; {path}: {unknown(error)}: {advice}"
        ) from error
    except Exception as error:  # it fails in many ways on what it does not expect
        raise ValueError(f"path must be a network that onnx2torch converts; {path}: {first_line(error)}") from error
    for owner, name, value in list(float_buffers(module)):  # slopes of PReLU are among them
        delattr(owner, name)
        owner.register_parameter(name, nn.Parameter(value.clone()))
    return module


def say_plainly(model) -> None:
    """Leave out what says nothing: inputs that are not given, and the meaning of zeros in shapes that have none."""
    constants = constants_of(model)
    for node in model.graph.node:
        while node.input and not node.input[-1]:
            node.input.pop()
        if node.op_type == "Reshape" and constants.get(node.input[1], np.zeros(1)).all():
            leave_out(node, "allowzero")


def in_known_opset(model, path: Path):
    """Return a graph that says the same in an older opset, if its operations are there.

    Most operations mean the same in both. Reductions take their axes as an input since opset 18, as an attribute before
    it. `frlib.models.onnx.load_onnx` checks that the torch module computes the same.
    """
    older = type(model)()
    older.CopyFrom(model)
    opset = next(i for i in older.opset_import if i.domain in ("", "ai.onnx"))
    if opset.version <= KNOWN_OPSET:
        return model
    opset.version = KNOWN_OPSET
    constants = constants_of(model)
    for node in older.graph.node:
        if node.op_type.startswith("Reduce") and node.op_type != "ReduceSum" and {*node.input[1:]} & constants.keys():
            axes = constants[node.input.pop()].tolist()
            leave_out(node, "noop_with_empty_axes")
            node.attribute.append(package("onnx.helper").make_attribute("axes", axes))
    try:
        open_session(older.SerializeToString(), path)
    except ValueError:
        return model
    return older


def constants_of(model) -> dict[str, np.ndarray]:
    """Return the shapes and indices among the weights of a graph, by name."""
    onnx = package("onnx")
    integers = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.INT64]
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in integers}


def leave_out(node, name: str) -> None:
    """Remove an attribute of a node, if it has it."""
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)


def in_order(model) -> None:
    """Sort the operations, in place, so that each comes after those whose output it reads, as onnx2torch needs it."""
    nodes = list(model.graph.node)
    maker = {name: place for place, node in enumerate(nodes) for name in node.output}
    needs = {place: {maker[n] for n in names_read([node]) if n in maker} for place, node in enumerate(nodes)}
    del model.graph.node[:]
    model.graph.node.extend(nodes[place] for place in TopologicalSorter(needs).static_order())


def note_ranks(model, images: np.ndarray, path: Path) -> None:
    """Note the type and shape of every value; onnx2torch cannot infer them all, so they are seen.

    The first dimension stays open, for any number of images.
    """
    helper = package("onnx.helper")
    outputs = [value.name for value in model.graph.output]
    names = [name for node in model.graph.node for name in node.output if name and name not in outputs]
    probe = type(model)()
    probe.CopyFrom(model)
    probe.graph.output.extend(package("onnx").ValueInfoProto(name=name) for name in names)
    found = (
        open_session(probe.SerializeToString(), path).run(names, {model.graph.input[0].name: images}) if names else []
    )
    for name, array in zip(names, found, strict=True):
        if isinstance(array, np.ndarray):
            kind = helper.np_dtype_to_tensor_dtype(array.dtype)
            shape = [None, *array.shape[1:]][: array.ndim]
            model.graph.value_info.append(helper.make_tensor_value_info(name, kind, shape))


def unknown(error: NotImplementedError) -> str:
    """Say what onnx2torch does not know."""
    found = re.search(r"domain='([\w.]*)', operation_type='(\w+)', version=(\d+)", str(error))
    if not found:
        return str(error)
    return f"operation {found[2]} of opset {found[3]} of the domain {found[1] or 'ai.onnx'!r}"


def float_buffers(module: nn.Module) -> Iterator[tuple[nn.Module, str, torch.Tensor]]:
    """Yield owner, name and value of the arrays of floats that are no parameters yet."""
    for owner in module.modules():
        if isinstance(owner, nn.modules.batchnorm._BatchNorm):
            continue  # its mean and variance are statistics
        for name, value in owner.named_buffers(recurse=False):
            if value.is_floating_point() and value.numel() > 1:
                yield owner, name, value
