"""EfficientNet-Lite0 without its classifier: a network that was never trained on faces as such."""

from collections.abc import Mapping
from pathlib import Path

import torch

from frlib.models.layers import IMAGE, Sketch

# (repeats, stride of the first block, whether blocks widen), from efficientnet_lite_builder.py of TensorFlow; sizes of
# filters come with the weights.
STAGES = ((1, 1, False), (2, 2, True), (2, 2, True), (3, 2, True), (3, 1, True), (4, 2, True), (1, 1, True))
EPSILON = 1e-3


def convert_efficientnet_lite0(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Return EfficientNet-Lite0 up to its pooled features (1280), ready to be stored.

    Batch normalisation is folded into the convolutions. The file is read with ``weights_only=True``, after its
    checksum was verified.
    """
    weights = torch.load(checkpoint, map_location="cpu", weights_only=True)
    sketch = Sketch(size=224)
    layer = convolution(sketch, weights, "_conv_stem", "_bn0", IMAGE, stride=2)
    layer = sketch.add("ReLU6", layer)
    blocks = [(stride if k == 0 else 1, expands) for repeats, stride, expands in STAGES for k in range(repeats)]
    for number, (stride, expands) in enumerate(blocks):
        layer = inverted_residual(sketch, weights, f"_blocks.{number}.", layer, stride=stride, expands=expands)
    layer = sketch.add("ReLU6", convolution(sketch, weights, "_conv_head", "_bn1", layer))
    sketch.add("SpatialMean", layer)
    return sketch.stored()


def convolution(
    sketch: Sketch, weights: Mapping, name: str, norm: str, source: str, *, stride=1, depthwise=False
) -> str:
    """Append a convolution with the batch normalisation after it folded in.

    With ``s = gamma / sqrt(var + eps)``: ``s (w * x - mean) + beta = (s w) * x + (beta - s mean)``.
    """
    filters = weights[f"{name}.weight"]
    gamma, beta, center, variance = (weights[f"{norm}.{k}"] for k in ("weight", "bias", "running_mean", "running_var"))
    scale = gamma / torch.sqrt(variance + EPSILON)
    return sketch.convolution(
        source,
        filters * scale[:, None, None, None],
        beta - scale * center,
        stride=(stride, stride),
        same=True,
        groups=len(filters) if depthwise else 1,
    )


def inverted_residual(sketch: Sketch, weights: Mapping, name: str, source: str, *, stride: int, expands: bool) -> str:
    """Append a block: widen, filter each channel, narrow; with a shortcut where the shape stays the same."""
    layer = source
    if expands:
        layer = sketch.add("ReLU6", convolution(sketch, weights, f"{name}_expand_conv", f"{name}_bn0", layer))
    layer = convolution(sketch, weights, f"{name}_depthwise_conv", f"{name}_bn1", layer, stride=stride, depthwise=True)
    layer = convolution(sketch, weights, f"{name}_project_conv", f"{name}_bn2", sketch.add("ReLU6", layer))
    return sketch.add("Add", layer, source) if sketch.shape(layer) == sketch.shape(source) else layer
