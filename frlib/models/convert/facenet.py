"""FaceNet: Inception-ResNet-v1 with the weights that facenet-pytorch publishes."""

import itertools
from collections.abc import Mapping
from pathlib import Path

import torch

from frlib.models.layers import IMAGE, Sketch

#: Added to variances, as in TensorFlow, where the weights come from.
EPSILON = 1e-3
#: The first convolutions with their strides, and the maxima between them.
STEM = (
    ("conv2d_1a", 2),
    ("conv2d_2a", 1),
    ("conv2d_2b", 1),
    None,
    ("conv2d_3b", 1),
    ("conv2d_4a", 1),
    ("conv2d_4b", 2),
)
#: Residual blocks: how many, and the share of their branches that is added.
RESIDUALS = {"repeat_1": (5, 0.17), "repeat_2": (10, 0.10), "repeat_3": (5, 0.20)}


def convert_facenet(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Return FaceNet without its classifier, ready to be stored.

    Batch normalisation is folded into the convolutions, and so are the factors of the residual blocks. The file is read
    with ``weights_only=True``, after its checksum was verified.
    """
    return sketched(torch.load(checkpoint, map_location="cpu", weights_only=True)).stored()


def sketched(weights: Mapping[str, torch.Tensor], size: int = 160) -> Sketch:
    """Return the network of a state of ``facenet_pytorch.InceptionResnetV1``."""
    sketch, layer = Sketch(size), IMAGE
    for step in STEM:
        if step is None:
            layer = sketch.add("MaxPool2d", layer, kernel_size=3, stride=2)
        else:
            layer = convolution(sketch, weights, step[0], layer, stride=step[1])
    for repeat, mixed in zip(RESIDUALS, ("mixed_6a", "mixed_7a", None), strict=True):
        count, share = RESIDUALS[repeat]
        for number in range(count):
            layer = residual(sketch, weights, f"{repeat}.{number}", layer, share)
        layer = reduction(sketch, weights, mixed, layer) if mixed else layer
    layer = residual(sketch, weights, "block8", layer, 1, ends_in_relu=False)
    layer = sketch.add("SpatialMean", layer)
    sketch.add("Normalize", linear(sketch, weights, layer))
    return sketch


def scale_and_offset(weights: Mapping, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what batch normalisation multiplies by, and what it adds."""
    gamma, beta, mean, variance = (weights[f"{name}.{k}"] for k in ("weight", "bias", "running_mean", "running_var"))
    scale = gamma / torch.sqrt(variance + EPSILON)
    return scale, beta - scale * mean


def convolution(sketch: Sketch, weights: Mapping, name: str, source: str, *, stride: int = 1) -> str:
    """Append a convolution with its normalisation, and ReLU.

    All padding keeps the size, except where the stride is 2 or the stem shrinks its image.
    """
    filters = weights[f"{name}.conv.weight"]
    scale, offset = scale_and_offset(weights, f"{name}.bn")
    same = stride == 1 and name not in ("conv2d_2a", "conv2d_4a")
    own = {"stride": (stride, stride), "same": same}
    return sketch.add("ReLU", sketch.convolution(source, filters * scale[:, None, None, None], offset, **own))


def branches(sketch: Sketch, weights: Mapping, name: str, source: str, *, last_stride: int = 1) -> list[str]:
    """Append the branches of a block, each one convolution or several after another; return their values."""
    names = sorted(key.removesuffix(".conv.weight") for key in weights if key.startswith(f"{name}.branch"))
    names = [step for step in names if f"{step}.conv.weight" in weights]
    found = []
    for _, group in itertools.groupby(names, lambda step: step[len(name) :].split(".")[1]):
        layer, steps = source, list(group)
        for step in steps:
            layer = convolution(sketch, weights, step, layer, stride=last_stride if step == steps[-1] else 1)
        found.append(layer)
    return found


def residual(sketch: Sketch, weights: Mapping, name: str, source: str, share: float, *, ends_in_relu=True) -> str:
    """Append a block that adds a share of its branches to its input."""
    together = sketch.add("Concatenate", *branches(sketch, weights, name, source))
    filters, bias = (share * weights[f"{name}.conv2d.{part}"] for part in ("weight", "bias"))
    layer = sketch.add("Add", sketch.convolution(together, filters, bias), source)
    return sketch.add("ReLU", layer) if ends_in_relu else layer


def reduction(sketch: Sketch, weights: Mapping, name: str, source: str) -> str:
    """Append a block that halves the image: branches that end in a stride, beside the maxima."""
    found = branches(sketch, weights, name, source, last_stride=2)
    return sketch.add("Concatenate", *found, sketch.add("MaxPool2d", source, kernel_size=3, stride=2))


def linear(sketch: Sketch, weights: Mapping, source: str) -> str:
    """Append the matrix before the embedding, with its normalisation."""
    scale, offset = scale_and_offset(weights, "last_bn")
    matrix = weights["last_linear.weight"] * scale[:, None]
    tensors, (outputs, inputs) = {"weight": matrix, "bias": offset}, matrix.shape
    return sketch.add("Linear", source, tensors=tensors, in_features=inputs, out_features=outputs)
