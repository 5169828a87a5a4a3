"""Networks without derivatives, faster on the CPU: fewer steps, and batches that stay in the cache.

Three things cost time there besides arithmetic. Padding and ReLU each read and write whole images between the
convolutions: oneDNN does both inside the convolution. It also sorts the weights of every convolution for its own use,
anew for each batch: here once. And a value of more than 32 MB goes back to the system when it is dropped and comes back
page by page, outside the cache: here fewer images go through together.
"""

import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn import functional

from frlib.models.layers import Layer, LayerNetwork

#: Bytes that the largest value of a network may take on the CPU: part of a third-level cache.
LARGEST_VALUE = 20_000_000
#: Images of a network whose values are not known, on the CPU.
FEW = 8
#: Fewer images than this are done before the steps are joined, which takes some milliseconds.
WORTH_JOINING = 16
#: What oneDNN can do to the output of a convolution, and its numbers.
ACTIVATIONS = {nn.ReLU: ("relu", []), nn.ReLU6: ("hardtanh", [0.0, 6.0])}


def for_inference(
    network: nn.Module, size: int, images: int, batch_size: int, channels: int = 3
) -> tuple[Callable, int]:
    """Return a network that computes the same, and how many images it should take at once.

    It keeps sorted copies of the weights, so it serves only as long as they stay as they are.

    Parameters
    ----------
    network : nn.Module
        Maps (N, channels, size, size) to (N, d).
    size : int
        Height and width of its input, in pixels.
    images : int
        How many it will get.
    batch_size : int
        Largest number of images at once.
    channels : int
        1 for grey images.
    """
    if any(array.device.type != "cpu" for array in network.state_dict().values()):
        return network, batch_size
    if images < WORTH_JOINING or not can_be_joined(network):
        return network, min(batch_size, FEW)
    shapes = network.shapes(size, channels)
    largest = 4 * max(math.prod(shape) for shape in shapes.values())
    at_once = min(batch_size, max(1, LARGEST_VALUE // largest))
    return joined_or_plain(network, {name: (at_once, *shape[1:]) for name, shape in shapes.items()}), at_once


def joined_or_plain(network: LayerNetwork, shapes: Mapping[str, tuple[int, ...]]) -> Callable:
    """Return a function that computes the joined network, or the network itself from the first failure on."""
    chosen = None

    def compute(images: torch.Tensor) -> torch.Tensor:
        nonlocal chosen
        try:
            chosen = chosen or joined(network, shapes)
            return chosen(images)
        except Exception as error:  # the calls of oneDNN are private to torch and may change in any way
            if chosen is network:
                raise
            warnings.warn(f"convolutions are computed step by step, which is slower: {error}", stacklevel=2)
            chosen = network
            return network(images)

    return compute


def can_be_joined(network: nn.Module) -> bool:
    """Say whether `joined` accepts a network: a list of layers in float32, and torch with oneDNN."""
    known = type(network) is LayerNetwork and all(p.dtype == torch.float32 for p in network.parameters())
    return known and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


class JoinedConvolution(nn.Module):
    """Zero padding, convolution and ReLU in one call of oneDNN; without derivatives.

    oneDNN pads both sides alike. Where the network does not, the smaller side is padded more and the filter gets zeros
    there, so that they meet the extra pixels: the sums stay the same.

    Parameters
    ----------
    convolution : nn.Conv2d
        Without dilation, unless all zeros are its own.
    zeros : 4 ints
        Left, right, top and bottom, before the convolution's own.
    activation : type
        A key of `ACTIVATIONS`; another type stands for none.
    shape : tuple of ints
        (N, C, H, W) of the input for which the weights are sorted; other N give the same result.
    """

    def __init__(self, convolution: nn.Conv2d, zeros: tuple[int, ...], activation: type, shape: tuple[int, ...]):
        super().__init__()
        own_rows, own_columns = convolution.padding
        left, right, top, bottom = zeros
        rows, columns = max(top, bottom), max(left, right)
        weight = functional.pad(
            convolution.weight.detach(), (columns - left, columns - right, rows - top, rows - bottom)
        )
        padding = (own_rows + rows, own_columns + columns)
        geometry = (padding, convolution.stride, convolution.dilation, convolution.groups)
        weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *geometry, shape)
        self.arguments = (weight, convolution.bias, *geometry, *ACTIVATIONS.get(activation, ("none", [])), "")

    def forward(self, image):
        """Return the output (N, C', H', W')."""
        return torch.ops.mkldnn._convolution_pointwise(image, *self.arguments)


def joined(network: LayerNetwork, shapes: Mapping[str, tuple[int, ...]]) -> LayerNetwork:
    """Return a network with the same output whose convolutions do the padding before and the ReLU after them.

    Parameters
    ----------
    network : LayerNetwork
        In float32 on the CPU; it is left as it is.
    shapes : mapping
        (N, ...) of every value for the usual number of images.
    """
    readers = defaultdict(list)
    for layer in network.layers:
        for name in layer.inputs:
            readers[name].append(layer)

    def kind(layer: Layer) -> type:
        return type(network.steps[layer.name])

    def only_reader(layer: Layer, kinds) -> Layer | None:
        found = readers[layer.name]
        return found[0] if len(found) == 1 and kind(found[0]) in kinds else None

    layers, steps, done = [], {}, set()
    for layer in network.layers:
        if layer.name in done:
            continue
        padded = only_reader(layer, [nn.Conv2d]) if kind(layer) is nn.ZeroPad2d else None
        # Zeros in a filter with holes would be that many pixels apart.
        padded = padded if padded and network.steps[padded.name].dilation == (1, 1) else None
        convolution, last, module = padded or layer, layer, network.steps[layer.name]
        if kind(convolution) is nn.Conv2d:
            zeros = module.padding if padded else (0, 0, 0, 0)
            last = only_reader(convolution, ACTIVATIONS) or convolution
            module = JoinedConvolution(network.steps[convolution.name], zeros, kind(last), shapes[layer.inputs[0]])
        done |= {convolution.name, last.name}
        layers.append(Layer(last.name, layer.kind, layer.inputs))
        steps[last.name] = module
    return LayerNetwork(layers, steps)
