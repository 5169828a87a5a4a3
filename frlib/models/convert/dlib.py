"""The face recognition ResNet of dlib, from the quantised weights that face-api ships."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from frlib.models.convert.tfjs import read_weights
from frlib.models.layers import IMAGE, Sketch


def convert_dlib(manifest: Path) -> dict[str, torch.Tensor]:
    """Return dlib's network, ready to be stored; ``manifest`` is the JSON file beside the weights.

    The architecture is that of ``dnn_face_recognition_ex.cpp`` in dlib's examples: 29 convolutions, each followed by
    a learned scale and offset per channel, which are folded into it.
    """
    weights = read_weights(json.loads(manifest.read_text()), manifest.parent)
    sketch = Sketch(size=150)
    layer = convolution(sketch, weights, "conv32_down", IMAGE, stride=2)
    layer = sketch.add("ReLU", layer)
    layer = sketch.add("MaxPool2d", layer, kernel_size=3, stride=2)
    # Residual blocks in the order of the file, between the first convolution and the last matrix; some halve the image.
    for name in list(dict.fromkeys(name.partition("/")[0] for name in weights))[1:-1]:
        layer = residual_block(sketch, weights, name, layer, down="down" in name)
    layer = sketch.add("SpatialMean", layer)
    matrix = {"weight": weights["fc"].T.copy()}
    sketch.add("Linear", layer, tensors=matrix, in_features=256, out_features=128, bias=False)
    return sketch.stored()


def convolution(
    sketch: Sketch, weights: Mapping, name: str, source: str, *, stride: int = 1, same: bool = False
) -> str:
    """Append a convolution with the scale and offset after it folded in: ``s (w * x + b) + t``."""
    filters, bias = weights[f"{name}/conv/filters"], weights[f"{name}/conv/bias"]
    scale, offset = weights[f"{name}/scale/weights"], weights[f"{name}/scale/biases"]
    return sketch.convolution(
        source,
        np.ascontiguousarray((filters * scale).transpose(3, 2, 0, 1)),
        bias * scale + offset,
        stride=(stride, stride),
        same=same,
    )


def residual_block(sketch: Sketch, weights: Mapping, name: str, source: str, *, down: bool) -> str:
    """Append two convolutions and the shortcut round them.

    A block that halves the image averages 2 x 2 pixels in its shortcut and fills missing channels, or a missing last
    row and column, with zeros.
    """
    first = convolution(sketch, weights, f"{name}/conv1", source, stride=2 if down else 1, same=not down)
    branch = convolution(sketch, weights, f"{name}/conv2", sketch.add("ReLU", first), same=True)
    if down:
        source = sketch.add("AvgPool2d", source, kernel_size=2)
        _, channels, height, width = sketch.shape(branch)
        _, given, target_height, target_width = sketch.shape(source)
        if channels > given:
            source = sketch.add("PadChannels", source, extra=channels - given)
        if (height, width) != (target_height, target_width):
            branch = sketch.add("ZeroPad2d", branch, padding=[0, target_width - width, 0, target_height - height])
    return sketch.add("ReLU", sketch.add("Add", source, branch))
