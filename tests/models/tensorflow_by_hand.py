"""TensorFlow's operations written out in numpy, and small graphs in TensorFlow.js notation."""

import base64
import math

import numpy as np

from frlib.models.convert.tfjs import Graph, Node


def make_graph(nodes, constants):
    """Return a graph of (name, op, inputs, attributes) records with an image input called ``image``."""
    constants = {name: np.asarray(value) for name, value in constants.items()}
    constants = {name: c.astype(np.int32 if c.dtype.kind == "i" else np.float32) for name, c in constants.items()}
    records = [Node("image", "Placeholder"), *(Node(name, "Const") for name in constants), *(Node(*n) for n in nodes)]
    return Graph({node.name: node for node in records}, constants)


def text(value):
    """Encode a string attribute."""
    return {"s": base64.b64encode(value.encode()).decode()}


def texts(*values):
    """Encode a list-of-strings attribute."""
    return {"list": {"s": [base64.b64encode(value.encode()).decode() for value in values]}}


def conv(stride=1, dilation=1, padding="SAME", fused=()):
    """Return the attributes of a convolution."""
    return {
        "strides": {"list": {"i": ["1", str(stride), str(stride), "1"]}},
        "dilations": {"list": {"i": ["1", str(dilation), str(dilation), "1"]}},
        "padding": text(padding),
        "fused_ops": texts(*fused),
    }


def pool(kernel, stride, padding="SAME"):
    """Return the attributes of a maximum over windows."""
    sizes = {key: {"list": {"i": ["1", str(n), str(n), "1"]}} for key, n in (("ksize", kernel), ("strides", stride))}
    return {**sizes, "padding": text(padding)}


def maxima(x, kernel, stride):
    """Return the maxima of (N, H, W, C) over windows that lie inside, by loops."""
    rows, columns = (range(0, size - kernel + 1, stride) for size in x.shape[1:3])
    return np.stack([np.stack([x[:, i : i + kernel, j : j + kernel].max((1, 2)) for j in columns], 1) for i in rows], 1)


def same_pad(x, kernel, stride, dilation):
    """Pad (N, H, W, C) as TensorFlow's SAME does."""
    pads = [(0, 0)]
    for axis in (1, 2):
        size, k = x.shape[axis], (kernel[axis - 1] - 1) * dilation + 1
        total = max((math.ceil(size / stride) - 1) * stride + k - size, 0)
        pads.append((total // 2, total - total // 2))
    return np.pad(x, [*pads, (0, 0)])


def convolution(x, filters, stride=1, dilation=1, padding="SAME", depthwise=False):
    """Convolve (N, H, W, C) with (h, w, C, out), or each channel with its own filter (h, w, C, 1), by loops."""
    h, w = filters.shape[:2]
    if padding == "SAME":
        x = same_pad(x, (h, w), stride, dilation)
    height = (x.shape[1] - (h - 1) * dilation - 1) // stride + 1
    width = (x.shape[2] - (w - 1) * dilation - 1) // stride + 1
    out = np.zeros((len(x), height, width, filters.shape[2] if depthwise else filters.shape[3]))
    for i in range(height):
        for j in range(width):
            window = x[:, i * stride :, j * stride :][:, : (h - 1) * dilation + 1 : dilation]
            window = window[:, :, : (w - 1) * dilation + 1 : dilation]
            if depthwise:
                out[:, i, j] = (window * filters[..., 0]).sum((1, 2))
            else:
                out[:, i, j] = np.einsum("nhwc,hwco->no", window, filters)
    return out


def prelu(x, slope):
    """PReLU by its definition."""
    return np.where(x > 0, x, slope * x)
