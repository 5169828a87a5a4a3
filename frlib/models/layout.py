"""The memory layout of a network: channels last, which is faster on processors, but where a library fails on it."""

import torch
from torch import nn

#: Channels that oneDNN computes together with AVX2.
BLOCK = 8


def with_channels_last(network: nn.Module) -> nn.Module:
    """Lay out the weights of a network with their channels last, in place; it computes the same, and faster on the CPU.

    Strided convolutions of single pixels with fewer than `BLOCK` channels keep channels first, and have their images
    so. With channels last, oneDNN 3.12 writes outside its memory in the derivative by these weights: the process stops,
    or the derivative is wrong (issue 6035 of oneDNN; seen here with AVX2).

    Parameters
    ----------
    network : nn.Module

    Returns
    -------
    nn.Module
        The same.
    """
    network = network.to(memory_format=torch.channels_last)
    for layer in network.modules():
        if is_narrow_step(layer):
            # A weight of one pixel has both layouts; torch goes by its strides, which only a copy sets.
            layer.weight.data = layer.weight.data.clone(memory_format=torch.contiguous_format)
            layer.register_forward_pre_hook(channels_first)
    return network


def is_narrow_step(layer: nn.Module) -> bool:
    """Whether a layer is a strided convolution of single pixels with fewer channels than a block."""
    if not isinstance(layer, nn.Conv2d) or layer.kernel_size != (1, 1):
        return False
    return max(layer.stride) > 1 and layer.in_channels // layer.groups < BLOCK


def channels_first(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Give a layer its images with their channels first in memory."""
    return tuple(images.contiguous() for images in inputs)
