"""The layout of a network changes how fast it computes, and nothing else."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from frlib.models.layout import BLOCK, with_channels_last


@settings(max_examples=40)
@given(
    channels=st.integers(1, 2 * BLOCK),
    outputs=st.integers(1, 2 * BLOCK),
    size=st.integers(2, 17),
    kernel=st.sampled_from([1, 3]),
    stride=st.integers(1, 3),
    count=st.integers(1, 3),
)
def test_derivatives_are_those_in_float64_with_channels_first(channels, outputs, size, kernel, stride, count):
    """oneDNN wrote outside its memory here: with 6 channels, kernel 1 and stride 2 the process stopped."""
    torch.manual_seed(0)
    first = nn.Conv2d(3, channels, 3, padding=1)
    network = nn.Sequential(first, nn.ReLU(), nn.Conv2d(channels, outputs, kernel, stride, kernel // 2))
    reference = copy.deepcopy(network).double()
    network, images = with_channels_last(network), torch.randn(count, 3, size, size)
    for _ in range(2):
        network.zero_grad()
        network(images.contiguous(memory_format=torch.channels_last)).square().sum().backward()
    reference(images.double()).square().sum().backward()
    for found, expected in zip(network.parameters(), reference.parameters(), strict=True):
        largest = float(expected.grad.abs().max())
        torch.testing.assert_close(found.grad.double(), expected.grad, rtol=0, atol=1e-5 * largest + 1e-30)


@pytest.mark.parametrize(("channels", "first"), [(BLOCK - 1, True), (BLOCK, False)])
def test_only_narrow_steps_keep_their_channels_first(channels, first):
    network = with_channels_last(nn.Sequential(nn.Conv2d(3, channels, 3), nn.Conv2d(channels, 16, 1, 2)))
    seen = []
    network[1].register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0].stride(1) == 1))
    network(torch.randn(2, 3, 9, 9).contiguous(memory_format=torch.channels_last))
    assert network[0].weight.stride(1) == 1 and seen == [not first]
    strides = network[1].weight.stride()
    assert (strides == (channels, 1, 1, 1)) == first
