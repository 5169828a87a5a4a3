"""Turn a TensorFlow.js graph into a torch network: one small builder for each kind of operation."""

from collections.abc import Callable

import numpy as np
import torch

from frlib.models.convert import rewrite
from frlib.models.convert.tfjs import Graph, Node
from frlib.models.layers import IMAGE, Sketch, same_padding

# TensorFlow counts axes as (N, H, W, C), torch as (N, C, H, W).
SPATIAL_AXES = {1, 2}


class Conversion:
    """The state of one conversion: the graph, the network so far, and which layer computes which operation."""

    def __init__(self, graph: Graph, size: int, channels: int = 3):
        self.graph = graph
        self.sketch = Sketch(size, channels)
        self.layer_of: dict[str, str] = {}

    def value(self, node: Node, position: int = 0) -> str:
        """Return the layer that computes an input of the operation."""
        return self.layer_of[node.inputs[position]]

    def constant(self, node: Node, position: int) -> np.ndarray:
        """Return a constant input of the operation.

        Raises
        ------
        NotImplementedError
            If the input is computed.
        """
        if position >= len(node.inputs) or node.inputs[position] not in self.graph.constants:
            raise NotImplementedError(f"{node.op} {node.name!r} needs a constant as input {position}")
        return self.graph.constants[node.inputs[position]]

    def bias(self, node: Node) -> np.ndarray | None:
        """Return the third input of a convolution or product, if it has one."""
        return self.constant(node, 2).reshape(-1) if len(node.inputs) > 2 else None

    def activation(self, node: Node, layer: str) -> str:
        """Append the activation that is fused into an operation."""
        for fused in node.texts("fused_ops"):
            if fused == "Relu":
                layer = self.sketch.add("ReLU", layer)
            elif fused != "BiasAdd":
                raise NotImplementedError(f"{node.op} {node.name!r} has the fused operation {fused}, which is unknown")
        return layer


def convolution(build: Conversion, node: Node) -> str:
    """Build a convolution; filters (h, w, in, out), or (h, w, in, 1) for a depthwise one."""
    filters = build.constant(node, 1)
    depthwise = node.op in rewrite.DEPTHWISE
    if depthwise and filters.shape[3] != 1:
        raise NotImplementedError(f"{node.op} {node.name!r} has {filters.shape[3]} filters per channel; 1 is known")
    layer = build.sketch.convolution(
        build.value(node),
        np.ascontiguousarray(filters.transpose(2, 3, 0, 1) if depthwise else filters.transpose(3, 2, 0, 1)),
        build.bias(node),
        stride=node.integers("strides")[1:3],
        dilation=node.integers("dilations", (1, 1, 1, 1))[1:3],
        same=node.text("padding") == "SAME",
        groups=filters.shape[2] if depthwise else 1,
    )
    return build.activation(node, layer)


def product(build: Conversion, node: Node) -> str:
    """Build a product with a constant matrix (in, out)."""
    matrix = build.constant(node, 1)
    matrix = matrix if node.flag("transpose_b") else matrix.T
    bias = build.bias(node)
    tensors = {"weight": np.ascontiguousarray(matrix)} | ({} if bias is None else {"bias": bias})
    outputs, inputs = matrix.shape
    options = {"in_features": inputs, "out_features": outputs, "bias": bias is not None}
    return build.activation(node, build.sketch.add("Linear", build.value(node), tensors=tensors, **options))


def prelu(build: Conversion, node: Node) -> str:
    """Build a PReLU with one slope per channel."""
    slope = build.constant(node, 1)
    return build.sketch.add("PReLU", build.value(node), tensors={"weight": slope}, num_parameters=len(slope))


def unary(kind: str) -> Callable[[Conversion, Node], str]:
    """Return the builder of a function of one value."""
    return lambda build, node: build.sketch.add(kind, build.value(node))


def binary(kind: str) -> Callable[[Conversion, Node], str]:
    """Return the builder of a function of two values, or of one value and a constant number or vector."""

    def build_binary(build: Conversion, node: Node) -> str:
        if not any(name in build.graph.constants for name in node.inputs):
            return build.sketch.add(kind, build.value(node, 0), build.value(node, 1))
        parts = build.graph.split(node)
        if parts is None or (kind == "Subtract" and node.inputs[0] in build.graph.constants):
            raise NotImplementedError(f"{node.op} {node.name!r} takes a constant in a place that is not known")
        layer, constant = build.layer_of[parts[0]], build.graph.constants[parts[1]]
        if constant.size == 1:
            return build.sketch.add(kind, layer, number=float(constant.item()))
        return per_channel(build, node, kind, layer, constant.reshape(-1))

    return build_binary


def per_channel(build: Conversion, node: Node, kind: str, layer: str, vector: np.ndarray) -> str:
    """Build an operation with a constant vector, one number per channel."""
    if kind == "Multiply":
        return build.sketch.add("Scale", layer, tensors={"weight": vector}, features=len(vector))
    if kind in ("Add", "Subtract"):
        vector = vector if kind == "Add" else -vector
        return build.sketch.add("Shift", layer, tensors={"bias": vector}, features=len(vector))
    raise NotImplementedError(f"{node.op} {node.name!r} with a vector is not known")


def pad(build: Conversion, node: Node) -> str:
    """Build zero padding of height and width; the constant holds (before, after) for N, H, W, C."""
    batch, height, width, channel = build.constant(node, 1).tolist()
    if any(batch + channel):
        raise NotImplementedError(f"{node.op} {node.name!r} pads the batch or the channels")
    return build.sketch.add("ZeroPad2d", build.value(node), padding=[*width, *height])


def pool(build: Conversion, node: Node) -> str:
    """Build the maximum over windows; SAME counts no pixel beyond the edge, and so does torch's own padding."""
    kernel, stride = node.integers("ksize")[1:3], node.integers("strides")[1:3]
    before = after = (0, 0)
    if node.text("padding") == "SAME":
        _, _, *size = build.sketch.shape(build.value(node))
        before, after = zip(*map(same_padding, size, kernel, stride, (1, 1)), strict=True)
    if before != after:
        raise NotImplementedError(f"{node.op} {node.name!r} pads by {before} before and {after} after; equal is known")
    return build.sketch.add("MaxPool2d", build.value(node), kernel_size=kernel, stride=stride, padding=list(before))


def reduction(kind: str) -> Callable[[Conversion, Node], str]:
    """Return the builder of a mean or maximum over height and width."""

    def build_reduction(build: Conversion, node: Node) -> str:
        axes = set(build.constant(node, 1).reshape(-1).tolist())
        if axes != SPATIAL_AXES or node.flag("keep_dims"):
            raise NotImplementedError(f"{node.op} {node.name!r} must drop height and width; it reduces axes {axes}")
        return build.sketch.add(kind, build.value(node))

    return build_reduction


def squeeze(build: Conversion, node: Node) -> str:
    """Build the removal of a height and width of one pixel."""
    shape = build.sketch.shape(build.value(node))
    if len(shape) != 4 or shape[2:] != (1, 1):
        raise NotImplementedError(f"{node.op} {node.name!r} must remove a height and width of 1; the shape is {shape}")
    return build.sketch.add("Flatten", build.value(node))


def reshape(build: Conversion, node: Node) -> str:
    """Build flattening to (N, H W C)."""
    shape = build.sketch.shape(build.value(node))
    target = build.constant(node, 1).reshape(-1).tolist()
    if len(target) != 2 or len(shape) != 4 or target[1] not in (-1, int(np.prod(shape[1:]))):
        raise NotImplementedError(f"{node.op} {node.name!r} must flatten images to rows; it goes {shape} -> {target}")
    return build.sketch.add("FlattenChannelsLast", build.value(node))


BUILDERS: dict[str, Callable[[Conversion, Node], str]] = {
    "Placeholder": lambda build, node: IMAGE,
    **dict.fromkeys((*rewrite.CONVOLUTION, *rewrite.DEPTHWISE), convolution),
    **dict.fromkeys(rewrite.PRODUCT, product),
    **dict.fromkeys(rewrite.ADD, binary("Add")),
    "Sub": binary("Subtract"),
    "Mul": binary("Multiply"),
    "Maximum": binary("Maximum"),
    "Minimum": binary("Minimum"),
    "Relu": unary("ReLU"),
    "Relu6": unary("ReLU6"),
    "Abs": unary("Abs"),
    "Prelu": prelu,
    "Pad": pad,
    "Mean": reduction("SpatialMean"),
    "Max": reduction("SpatialMax"),
    "MaxPool": pool,
    "Squeeze": squeeze,
    "Reshape": reshape,
}


def convert(
    graph: Graph, output: str, *, size: int, channels: int = 3, simplify: bool = True
) -> dict[str, torch.Tensor]:
    """Convert a graph to a stored network, which `layers.read_network` reads.

    Parameters
    ----------
    graph : Graph
        From `tfjs.read_graph`, repaired where needed.
    output : str
        The operation whose value is the embedding.
    size : int
        Height and width of the input image.
    channels : int
        1 for a grey image.
    simplify : bool
        Recognise PReLU and ReLU6 and fold batch normalisation. Without it each operation becomes a layer of its own,
        which computes the same.

    Raises
    ------
    NotImplementedError
        For an operation, or a use of one, that is not known; the message names it.
    ValueError
        If ``output`` is not an operation of the graph.
    """
    if output not in graph.nodes:
        raise ValueError(f"output must be an operation of the graph; got {output!r}")
    if simplify:
        graph = rewrite.fold_affine(rewrite.recognise_relu6(rewrite.recognise_prelu(graph)))
    build = Conversion(graph, size, channels)
    for node in graph.order(output):
        if node.op not in BUILDERS:
            raise NotImplementedError(f"operation {node.op} ({node.name!r}) is not one of {', '.join(BUILDERS)}")
        build.layer_of[node.name] = BUILDERS[node.op](build, node)
    return build.sketch.stored()
