"""Several layers in one call of oneDNN, without derivatives: zeros, convolution, another value added, ReLU.

Each of them would read and write whole images. oneDNN also sorts the weights of a convolution for its own use, anew for
each batch: here once.
"""

from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from frlib.models.layers import Elementwise, Layer, LayerNetwork

#: What oneDNN can do to the output of a convolution, and its numbers.
ACTIVATIONS = {nn.ReLU: ("relu", []), nn.ReLU6: ("hardtanh", [0.0, 6.0])}


def can_be_joined(network: nn.Module) -> bool:
    """Say whether `joined` accepts a network: a list of layers in float32, and torch with oneDNN."""
    known = type(network) is LayerNetwork and all(p.dtype == torch.float32 for p in network.parameters())
    return known and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


class JoinedConvolution(nn.Module):
    """Zero padding, convolution, an added value and ReLU in one call of oneDNN; without derivatives.

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
        weight = convolution.weight.detach()
        if any(zeros):
            weight = functional.pad(weight, (columns - left, columns - right, rows - top, rows - bottom))
        # Weights in this layout are sorted several times faster.
        weight = weight.contiguous(memory_format=torch.channels_last)
        padding = (own_rows + rows, own_columns + columns)
        geometry = (padding, convolution.stride, convolution.dilation, convolution.groups)
        weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *geometry, shape)
        self.arguments = (weight, convolution.bias, *geometry)
        self.activation = ACTIVATIONS.get(activation)

    def forward(self, image, added=None):
        """Return the output (N, C', H', W'); another value of this shape is added before the activation."""
        if added is None:
            name, numbers = self.activation or ("none", [])
            return torch.ops.mkldnn._convolution_pointwise(image, *self.arguments, name, numbers, "")
        name, numbers = self.activation or (None, [])
        added = added.contiguous(memory_format=torch.channels_last)
        call = torch.ops.mkldnn._convolution_pointwise.binary
        return call(image, added, *self.arguments, "add", None, name, numbers, None)


def joined(network: LayerNetwork, shapes: Mapping[str, tuple[int, ...]]) -> LayerNetwork:
    """Return a network with the same output whose convolutions also do what stands before and after them.

    Parameters
    ----------
    network : LayerNetwork
        In float32 on the CPU; it is left as it is.
    shapes : mapping
        (N, ...) of every value for the usual number of images.
    """
    chains = _chains(network, shapes)
    inside = {layer.name for chain in chains for layer in chain}
    last = {chain[-1].name: chain for chain in chains}
    layers, steps = [], {}
    for layer in network.layers:
        if layer.name in last:
            # In the place of its last layer, where all that it reads is there.
            layer, module = _one_step(network, last[layer.name], shapes)
        elif layer.name in inside:
            continue
        else:
            module = network.steps[layer.name]
        layers.append(layer)
        steps[layer.name] = module
    return LayerNetwork(layers, steps)


def _chains(network: LayerNetwork, shapes: Mapping[str, tuple[int, ...]]) -> list[list[Layer]]:
    """Return the layers that become one step: zeros, a convolution, a sum and an activation, or some of them."""
    readers = defaultdict(list)
    for layer in network.layers:
        for name in layer.inputs:
            readers[name].append(layer)

    def then(layer: Layer, fits) -> list[Layer]:
        """Return the layer that alone reads another, if it fits."""
        found = readers[layer.name]
        return found if len(found) == 1 and fits(found[0]) else []

    def kind(layer: Layer) -> type:
        return type(network.steps[layer.name])

    def is_undilated(layer: Layer) -> bool:
        # Zeros in a filter with holes would be that many pixels apart.
        return kind(layer) is nn.Conv2d and network.steps[layer.name].dilation == (1, 1)

    def is_free_sum(layer: Layer) -> bool:
        module = network.steps[layer.name]
        is_sum = kind(layer) is Elementwise and module.function is torch.add and module.number is None
        equal = len({shapes[name] for name in layer.inputs}) == 1 and len(layer.inputs) == 2
        return is_sum and equal and layer.name not in taken

    padded = {}
    for layer in network.layers:
        if kind(layer) is nn.ZeroPad2d:
            padded |= {reader.name: layer for reader in then(layer, is_undilated)}
    chains, taken = [], set()
    for layer in network.layers:
        if kind(layer) is nn.Conv2d:
            chain = [padded[layer.name], layer] if layer.name in padded else [layer]
            chain += then(layer, is_free_sum)
            # oneDNN's call for sums in torch knows no other activation.
            possible = ACTIVATIONS if chain[-1] is layer else (nn.ReLU,)
            chain += then(chain[-1], lambda reader, possible=possible: kind(reader) in possible)
            taken |= {member.name for member in chain}
            chains.append(chain)
    return chains


def _one_step(network: LayerNetwork, chain: list[Layer], shapes) -> tuple[Layer, JoinedConvolution]:
    """Return the step that does what the layers of a chain do."""
    modules = [network.steps[layer.name] for layer in chain]
    place = [type(module) for module in modules].index(nn.Conv2d)
    zeros = modules[0].padding if place else (0, 0, 0, 0)
    source = chain[0].inputs
    added = tuple(name for layer in chain if layer.kind == "Add" for name in layer.inputs if name != chain[place].name)
    step = JoinedConvolution(modules[place], zeros, type(modules[-1]), shapes[source[0]])
    return Layer(chain[-1].name, "JoinedConvolution", source + added), step
