"""PReLU of this package has the values and all derivatives of torch's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call, jvp

from frlib.models.prelu import PReLU


def pair(channels: int, seed: int) -> tuple[PReLU, nn.PReLU]:
    """Return both modules, with the same slopes of either sign."""
    slopes = torch.randn(channels, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    own, torchs = PReLU(channels), nn.PReLU(channels)
    for module in (own, torchs):
        module.weight = nn.Parameter(slopes.clone())
    return own, torchs


def values(shape, seed: int) -> torch.Tensor:
    """Return normal numbers with zeros among them, where the derivative jumps."""
    found = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.where(found.abs() < 0.2, 0.0, found)


shapes = st.one_of(
    st.tuples(st.integers(1, 4), st.integers(1, 5)),
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4)),
)


@settings(max_examples=60)
@given(shape=shapes, shared=st.booleans(), last=st.booleans(), seed=st.integers(0, 999))
def test_values_and_gradients_are_those_of_torch(shape, shared, last, seed):
    found = []
    for module in pair(1 if shared else shape[1], seed):
        x = values(shape, seed)
        if last and x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        result = module(x.requires_grad_())
        (result * values(shape, seed + 1)).sum().backward()
        found.append((result.detach(), x.grad, module.weight.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 3, 3)])
def test_forward_derivatives_are_those_of_torch_with_and_without_gradients(shape):
    for grad in (True, False):
        found = []
        for module in pair(4, 1):
            with torch.set_grad_enabled(grad):
                found += [jvp(module, (values(shape, 2),), (values(shape, 3),))[1].detach()]
                along = ({"weight": values(4, 4)}, values(shape, 5))
                given_ = ({"weight": module.weight.detach().requires_grad_(grad)}, values(shape, 2))
                found += [jvp(lambda w, x, m=module: functional_call(m, w, (x,)), given_, along)[1].detach()]
        for one, other in zip(found[:2], found[2:], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_second_derivatives_agree_with_differences():
    own, _ = pair(3, 0)
    x = values((2, 3, 2, 2), 6).requires_grad_()
    with torch.no_grad():
        x[x == 0] = 0.5  # differences do not see the jump
    assert torch.autograd.gradcheck(own, (x,), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(own, (x,))
