"""Networks without derivatives, faster on the CPU: fewer steps, and as many images at once as the cache holds.

Three things cost time there besides arithmetic. What stands around a convolution reads and writes whole images, see
`frlib.models.joined`. Each call costs as much as some thousand pixels, and few pixels leave the processor idle: so many
images should go through together. But a value of more than 32 MB goes back to the system when it is dropped and comes
back page by page, outside the cache. The first values of a network are its largest, so a network is cut into stages:
the first take few images at once, the last all.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from frlib.models.joined import can_be_joined, joined
from frlib.models.layers import IMAGE, Layer, LayerNetwork

#: Bytes that the largest value of a network may take on the CPU: part of a third-level cache.
LARGEST_VALUE = 20_000_000
#: Images of a network whose values are not known, on the CPU.
FEW = 8
#: Fewer images than this are done before the steps are joined, which takes some milliseconds.
WORTH_JOINING = 16

Stage = tuple[Callable[[torch.Tensor], torch.Tensor], int]


def for_inference(network: nn.Module, size: int, images: int, batch_size: int, channels: int = 3) -> list[Stage]:
    """Return the stages that compute the same as a network, and how many images each should take at once.

    They keep sorted copies of the weights, so they serve only as long as these stay as they are.

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
        return [(network, batch_size)]
    if images < WORTH_JOINING or not can_be_joined(network):
        return [(network, min(batch_size, FEW))]
    shapes = network.shapes(size, channels)
    stages = []
    for part, source, at_once in cut(network, shapes, batch_size):
        own = shapes | {IMAGE: shapes[source]}
        stages.append((joined_or_plain(part, {name: (at_once, *shape[1:]) for name, shape in own.items()}), at_once))
    return stages


def images_at_once(shapes: Sequence[tuple[int, ...]]) -> int:
    """Return how many images may go through layers whose values have these shapes."""
    return max(1, LARGEST_VALUE // (4 * max(math.prod(shape) for shape in shapes)))


def cut(
    network: LayerNetwork, shapes: Mapping[str, tuple[int, ...]], batch_size: int
) -> list[tuple[LayerNetwork, str, int]]:
    """Return parts of a network, the value that each reads, and how many images it may take at once.

    A part ends before a convolution, where a single value goes on, small enough for the whole batch, and twice as many
    images, or all, may go through what follows.

    Parameters
    ----------
    network : LayerNetwork
    shapes : mapping
        Of every value, for one image.
    batch_size : int
        Largest number of images at once.
    """
    layers, parts, begin, source = network.layers, [], 0, IMAGE
    ends = [k + 1 for k in range(len(layers) - 1) if _goes_on_alone(layers, k)]
    # What stands after a convolution belongs to it.
    ends = [end for end in ends if isinstance(network.steps[layers[end].name], nn.Conv2d | nn.ZeroPad2d)]
    ends = [end for end in ends if images_at_once([shapes[layers[end - 1].name]]) >= batch_size]
    while begin < len(layers):
        at_once = min(batch_size, images_at_once([shapes[source], *(shapes[x.name] for x in layers[begin:])]))
        wanted = min(2 * at_once, batch_size)
        after = (e for e in ends if e > begin and images_at_once([shapes[x.name] for x in layers[e - 1 :]]) >= wanted)
        end = next(after, len(layers)) if at_once < batch_size else len(layers)
        parts.append((_part(network, begin, end, source), source, at_once))
        begin, source = end, layers[end - 1].name
    return parts


def _goes_on_alone(layers: Sequence[Layer], place: int) -> bool:
    """Say whether the layers after a place read no earlier value but that of the layer there."""
    known = {layers[place].name, *(layer.name for layer in layers[place + 1 :])}
    return all(known.issuperset(layer.inputs) for layer in layers[place + 1 :])


def _part(network: LayerNetwork, begin: int, end: int, source: str) -> LayerNetwork:
    """Return some layers as a network whose image is the value of an earlier one."""
    layers = [
        Layer(x.name, x.kind, tuple(IMAGE if name == source else name for name in x.inputs))
        for x in network.layers[begin:end]
    ]
    return LayerNetwork(layers, {layer.name: network.steps[layer.name] for layer in layers})


def through(stages: Sequence[Stage], images: torch.Tensor) -> torch.Tensor:
    """Return the output of stages, one after the other."""
    for compute, at_once in stages:
        few = images.tensor_split(math.ceil(len(images) / at_once))  # of nearly the same size
        images = torch.cat([compute(own) for own in few])
    return images


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
