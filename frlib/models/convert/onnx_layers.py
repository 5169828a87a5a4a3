"""Turn an ONNX file without branches into a network of layers: one small builder for each kind of operation."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from frlib.models.layers import IMAGE, Sketch


def convert_onnx(path: Path, *, size: int) -> dict[str, torch.Tensor]:
    """Convert a file to a stored network, which `frlib.models.layers.read_network` reads.

    Parameters
    ----------
    path : Path
        Each operation reads constants and the value of the one before it.
    size : int
        Height and width of the input image.

    Raises
    ------
    NotImplementedError
        For an operation that is not known, or one that reads another value; the message names it.
    """
    import onnx  # imported here: it is needed for converting only

    graph = onnx.load(path).graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
    sketch, layer, value = Sketch(size), IMAGE, graph.input[0].name
    for node in graph.node:
        options = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        fixed = [constants[name] for name in node.input if name in constants]
        known = CONSTANTS if len(fixed) == len(node.input) else BUILDERS
        if node.op_type not in known or (known is BUILDERS and {*node.input} - {*constants} != {value}):
            raise NotImplementedError(f"operation {node.op_type} ({node.name!r}), which reads {', '.join(node.input)}")
        if known is CONSTANTS:
            constants[node.output[0]] = CONSTANTS[node.op_type](*fixed, **options)
        else:
            layer, value = BUILDERS[node.op_type](sketch, layer, *fixed, **options), node.output[0]
    return sketch.stored()


def dequantize(values, scale, zero, *, axis: int, block_size: int) -> np.ndarray:
    """Return small integers as floats; every ``block_size`` of them along an axis share a scale and a zero."""
    block = np.arange(values.shape[axis]) // block_size
    return (values.astype(np.float32) - zero.take(block, axis)) * scale.take(block, axis)


def with_number(kind: str) -> Callable[..., str]:
    """Return the builder of an operation with one number."""
    return lambda sketch, source, value: sketch.add(kind, source, number=float(value.item()))


def convolution(
    sketch: Sketch, source: str, weight, *, pads, strides=(1, 1), dilations=(1, 1), group=1, kernel_shape=None
) -> str:
    """Build a convolution without bias."""
    top, left, bottom, right = pads
    if any(pads):
        source = sketch.add("ZeroPad2d", source, padding=[left, right, top, bottom])
    return sketch.convolution(source, weight, stride=strides, dilation=dilations, groups=group)


def product(sketch: Sketch, source: str, weight, bias, *, transB=0, transA=0, alpha=1.0, beta=1.0) -> str:
    """Build a product with a constant matrix (out, in), and an offset."""
    if (transA, transB, alpha, beta) != (0, 1, 1, 1):
        raise NotImplementedError("operation Gemm other than x W^T + b")
    outputs, inputs = weight.shape
    tensors = {"weight": weight, "bias": bias}
    return sketch.add("Linear", source, tensors=tensors, in_features=inputs, out_features=outputs)


def normalization(sketch: Sketch, source: str, gamma, beta, mean, variance, *, epsilon=1e-5, momentum=0.9) -> str:
    """Fold batch normalisation into the convolution or product before it, or else build a scale and an offset.

    With ``s = gamma / sqrt(var + eps)`` it is ``s x + (beta - s mean)``.
    """
    scale = torch.tensor(gamma / np.sqrt(variance.astype(float) + epsilon))
    offset = torch.tensor(beta) - scale * torch.tensor(mean)
    if sketch.layers[-1].kind not in ("Conv2d", "Linear"):
        source = sketch.add("Scale", source, tensors={"weight": scale}, features=len(scale))
        return sketch.add("Shift", source, tensors={"bias": offset}, features=len(scale))
    weight, bias = (f"steps.{source}.{name}" for name in ("weight", "bias"))
    rows = scale.reshape(-1, *[1] * (sketch.tensors[weight].ndim - 1))
    sketch.tensors[weight] = (sketch.tensors[weight] * rows).float()
    sketch.tensors[bias] = (sketch.tensors[bias] * scale + offset).float()
    return source


def prelu(sketch: Sketch, source: str, slope) -> str:
    """Build a PReLU with one slope per channel (C, 1, 1)."""
    return sketch.add("PReLU", source, tensors={"weight": slope.ravel()}, num_parameters=len(slope))


CONSTANTS: dict[str, Callable[..., np.ndarray]] = {
    "Constant": lambda *, value: value,
    "DequantizeLinear": dequantize,
    "Reshape": np.reshape,
}
BUILDERS: dict[str, Callable[..., str]] = {
    "Sub": with_number("Subtract"),
    "Mul": with_number("Multiply"),
    "Conv": convolution,
    "BatchNormalization": normalization,
    "PRelu": prelu,
    "Dropout": lambda sketch, source, *_: source,  # it drops in training only
    "Flatten": lambda sketch, source: sketch.add("Flatten", source),
    "Gemm": product,
}
