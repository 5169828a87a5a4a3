"""Weights of dead filters: stored as zeros, because denormal products are slow, and nothing changes by that."""

import pytest
import torch

from frlib.models import NETWORKS, load
from frlib.models.layers import IMAGE, TINY, Sketch, read_network, without_tiny


def test_sums_of_ordinary_size_do_not_change_by_a_bit():
    generator = torch.Generator().manual_seed(0)
    weights, image = torch.randn(6, 3, 3, 3, generator=generator), torch.rand(2, 3, 8, 8, generator=generator)
    weights[1, 2] *= 1e-25
    weights[4] *= 1e-30
    sketch = Sketch(8)
    sketch.convolution(IMAGE, weights, torch.ones(6))
    network = read_network(sketch.stored())
    assert torch.equal(network(image), torch.nn.functional.conv2d(image, weights, torch.ones(6)))
    stored = network.steps["Conv2d_1"].weight
    assert torch.equal(stored == 0, weights.abs() < TINY) and bool((stored == 0).any())


def test_ordinary_weights_stay():
    weights = torch.tensor([0.0, -TINY, 1e-19, 2.0, torch.finfo(torch.float32).tiny])
    assert torch.equal(without_tiny(weights), torch.tensor([0.0, -TINY, 1e-19, 2.0, 0.0]))


@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_has_weights_that_are_nearly_zero(name):
    weights = torch.cat([p.detach().flatten() for p in load(name, device="cpu").network.parameters()])
    assert float(weights[weights != 0].abs().min()) >= TINY
