r"""Losses that pull images of one person together: softmax over cosines, with a margin on the person's own cosine.

An image is scored against a centre per identity, the weights of a classifier or the embedding of a fixed image. With
:math:`\theta_j` the angle between the image and centre j, and y its identity, the loss is

.. math:: L = -\log \frac{e^{s \psi(\theta_y)}}{e^{s \psi(\theta_y)} + \sum_{j \ne y} e^{s \cos\theta_j}}

`ArcFace` and `AdaFace` say what :math:`\psi` is; without a margin it is the cosine.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from frlib import checks
from frlib.arguments import checked

REDUCTIONS = ("mean", "none")
#: AdaFace clips norms to these, angles to at least so much from 0 and pi, and never divides by a deviation of zero.
SHORTEST, LONGEST = 1e-3, 100.0
SLACK = 1e-3
#: What constructors accept. Beyond a right angle a wider margin can make the loss smaller.
RANGES = {
    "margin": (0, math.pi / 2),
    "scale": (1e-6, 1e6),
    "h": (0, 1e6),
    "rate": (0, 1),
    "mean": (0, LONGEST),
    "deviation": (0, LONGEST),
}


class ArcFace(nn.Module):
    r"""The additive angular margin of Deng et al. (2019, doi:10.1109/CVPR.2019.00482).

    .. math:: \psi(\theta) = \begin{cases} \cos(\theta + m) & \theta < \pi - m \\
              \cos\theta - m \sin m & \text{otherwise} \end{cases}

    With the first case alone :math:`\psi` would rise again where :math:`\theta + m` passes :math:`\pi`. The second one
    is not in the paper; it is from the authors' code (insightface), and pytorch-metric-learning has it too. With it
    :math:`\psi` falls everywhere; between the cases it steps down by :math:`\cos m + m \sin m - 1`.

    Parameters
    ----------
    margin : float
        m in radians, 0 to pi / 2.
    scale : float
        The factor s of all cosines, 1e-6 to 1e6.

    Attributes
    ----------
    settings : dict
        The name of the class under ``"class"``, and the arguments of the constructor.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """

    def __init__(self, margin: float = 0.5, scale: float = 64.0):
        super().__init__()
        self.settings = _settings(self, margin=margin, scale=scale)

    def forward(self, cosines: torch.Tensor, labels: torch.Tensor, norms: torch.Tensor) -> torch.Tensor:
        """Return the logits (N, C) of images with ``cosines`` (N, C) to the centres and ``labels`` (N,).

        ``norms`` (N,) of the embeddings are not used; every margin takes them.

        Raises
        ------
        ValueError
            If a shape is wrong.
        """
        own, angles = _own_angles(cosines, labels, norms)
        margin = self.settings["margin"]
        within, beyond = torch.cos(angles + margin), own - margin * math.sin(margin)
        return _logits(self, cosines, labels, torch.where(angles < math.pi - margin, within, beyond))


class AdaFace(nn.Module):
    r"""The margin of Kim et al. (2022, doi:10.1109/CVPR52688.2022.01819), which depends on the norm of the embedding.

    .. math:: \psi(\theta) = \cos(\theta - m \hat n) - m - m \hat n, \qquad
              \hat n = \operatorname{clip}\Bigl(h \frac{\lVert z \rVert - \mu}{\sigma + 10^{-3}}, -1, 1\Bigr)

    The norm stands for the quality of the image. The shortest have ArcFace's angular margin (:math:`\hat n = -1`),
    average ones an additive margin m, the longest the hardest one: :math:`\psi` falls with the norm at every angle.
    As in the authors' code norms are clipped to 0.001..100, no gradient flows through them, and
    :math:`\theta - m \hat n` is clipped to 0.001 from 0 and :math:`\pi`. An image with a long embedding is therefore no
    longer pulled to its centre once it is within :math:`m \hat n` of it.

    :math:`\mu` and :math:`\sigma` are running estimates. In training mode a call first moves them to the mean and the
    standard deviation (N - 1 in the denominator) of its own norms by the share ``rate``; in evaluation mode they stay.

    Parameters
    ----------
    margin : float
        m in radians, 0 to pi / 2.
    h : float
        Concentration, 0 to 1e6: a norm 1 / h deviations from the mean is at the end of the scale.
    scale : float
        The factor s of all cosines, 1e-6 to 1e6.
    rate : float
        Weight of a new batch in the running estimates, 0..1.
    mean, deviation : float
        The estimates at the start, 0..100.

    Attributes
    ----------
    settings : dict
        The name of the class under ``"class"``, and the arguments of the constructor.
    mean, deviation : Tensor
        The running estimates: buffers, so that a state dict holds them.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    """

    def __init__(
        self,
        margin: float = 0.4,
        h: float = 0.333,
        scale: float = 64.0,
        rate: float = 0.01,
        mean: float = 20.0,
        deviation: float = 100.0,
    ):
        super().__init__()
        self.settings = _settings(self, margin=margin, h=h, scale=scale, rate=rate, mean=mean, deviation=deviation)
        self.register_buffer("mean", torch.tensor(self.settings["mean"]))
        self.register_buffer("deviation", torch.tensor(self.settings["deviation"]))

    def forward(self, cosines: torch.Tensor, labels: torch.Tensor, norms: torch.Tensor) -> torch.Tensor:
        """Return the logits (N, C) of images with ``cosines`` (N, C) to the centres, ``labels`` (N,), ``norms`` (N,).

        Raises
        ------
        ValueError
            If a shape is wrong, or if a single norm has no deviation in training mode.
        """
        own, angles = _own_angles(cosines, labels, norms)
        norms = norms.detach().clip(SHORTEST, LONGEST)
        if self.training:
            self._follow(norms)
        margin = self.settings["margin"]
        quality = (self.settings["h"] * (norms - self.mean) / (self.deviation + SLACK)).clip(-1, 1)
        angles = (angles - margin * quality).clip(SLACK, math.pi - SLACK)
        return _logits(self, cosines, labels, torch.cos(angles) - margin - margin * quality)

    def _follow(self, norms: torch.Tensor) -> None:
        """Move the running estimates towards those of a batch."""
        if len(norms) < 2:
            raise ValueError(f"norms must hold at least 2 numbers in training mode; got {len(norms)}")
        rate = self.settings["rate"]
        self.mean.copy_(rate * norms.mean() + (1 - rate) * self.mean)
        self.deviation.copy_(rate * norms.std() + (1 - rate) * self.deviation)


@checked
def margin_loss(
    margin: nn.Module,
    embeddings: torch.Tensor,
    centers: torch.Tensor,
    labels: torch.Tensor,
    *,
    reduction: str = "mean",
) -> torch.Tensor:
    r"""Return the cross-entropy of images against centres.

    The gradient with respect to an embedding z is at most :math:`2 s / \lVert z \rVert` long, however close z is to a
    centre or its opposite. It is computed in float32 or wider, under automatic mixed precision too.

    Parameters
    ----------
    margin : ArcFace or AdaFace
        Makes logits of cosines.
    embeddings : Tensor, shape (N, d)
        As the network gives them: AdaFace needs their norms.
    centers : Tensor, shape (C, d)
        One per identity, of any norm.
    labels : Tensor of int, shape (N,)
        The row of ``centers`` that is the image's own.
    reduction : {"mean", "none"}
        The mean over images, or one loss each.

    Returns
    -------
    Tensor
        A scalar, or shape (N,) without reduction.

    Raises
    ------
    ValueError
        If there are fewer than two centres, a shape is wrong, a label has no centre or the reduction is unknown.
    """
    checks.one_of("reduction", reduction, REDUCTIONS)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise ValueError(f"embeddings must have shape (N, d), N, d >= 1; got {tuple(embeddings.shape)}")
    n, d = embeddings.shape
    if centers.ndim != 2 or len(centers) < 2 or centers.shape[1] != d:
        raise ValueError(f"centers must have shape (C, {d}) with C >= 2 identities; got {tuple(centers.shape)}")
    if labels.shape != (n,) or labels.dtype != torch.int64:
        raise ValueError(f"labels must be int64 of shape ({n},); got {labels.dtype} of {tuple(labels.shape)}")
    checks.between("labels", labels, 0, len(centers) - 1)
    with torch.autocast(embeddings.device.type, enabled=False):
        embeddings, centers = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (embeddings, centers))
        cosines = functional.normalize(embeddings) @ functional.normalize(centers).T
        logits = margin(cosines, labels, torch.linalg.vector_norm(embeddings, dim=1))
        return functional.cross_entropy(logits, labels, reduction=reduction)


@checked
def fixed_image_loss(
    margin: nn.Module, fixed: torch.Tensor, varied: torch.Tensor, *, detach: bool = False, reduction: str = "mean"
) -> torch.Tensor:
    r"""Return the loss without parameters: the centre of an identity is the embedding of its fixed image.

    .. math:: \theta_j = \angle\bigl(f(x), f(x^0_j)\bigr)

    x is a varied image and :math:`x^0_j` the fixed image of identity j of the batch. Fixed images are not scored
    themselves: the angle to their own centre is always 0.

    Leroy et al. (2025) name this loss. They neither write it down nor say which images are scored, or whether
    gradients flow through the centres. Here they do: then the loss is a plain function of the network, which training
    descends, and fixed images of different people are pushed apart as the centres of a classifier are. With ``detach``
    centres are targets, which move only because they share a network with the varied images.

    Parameters
    ----------
    margin : ArcFace or AdaFace
        Makes logits of cosines. AdaFace sees the norms of the varied images.
    fixed : Tensor, shape (B, d)
        Embeddings of the fixed images of B identities, as the network gives them.
    varied : Tensor, shape (B, V, d)
        Embeddings of V variations of each.
    detach : bool
        Whether no gradient flows through the centres.
    reduction : {"mean", "none"}
        The mean over varied images, or one loss each.

    Returns
    -------
    Tensor
        A scalar, or shape (B, V) without reduction.

    Raises
    ------
    ValueError
        If there are fewer than two identities, a shape is wrong or the reduction is unknown.
    """
    if fixed.ndim != 2 or len(fixed) < 2:
        raise ValueError(f"fixed must have shape (B, d) with B >= 2 identities; got {tuple(fixed.shape)}")
    b, d = fixed.shape
    if varied.ndim != 3 or 0 in varied.shape or (varied.shape[0], varied.shape[2]) != (b, d):
        raise ValueError(f"varied must have shape ({b}, V, {d}) with V >= 1; got {tuple(varied.shape)}")
    labels = torch.arange(b, device=varied.device).repeat_interleave(varied.shape[1])
    centers = fixed.detach() if detach else fixed
    loss = margin_loss(margin, varied.flatten(0, 1), centers, labels, reduction=reduction)
    return loss.view(varied.shape[:2]) if reduction == "none" else loss


def _settings(module: nn.Module, /, **arguments: float) -> dict:
    """Return what makes a margin again, as plain JSON values, once each is within its range."""
    arguments = {name: np.float64(value) for name, value in arguments.items()}  # torch would round a float to float32
    numbers = {name: float(checks.between(name, value, *RANGES[name])) for name, value in arguments.items()}
    return {"class": type(module).__name__, **numbers}


def _own_angles(cosines: torch.Tensor, labels: torch.Tensor, norms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Return the cosine (N,) of each image to its own centre, and the angle (N,) with a gradient that is safe.

    As a function of the cosine the angle has the slope :math:`-1 / \sin\theta`, while the cosine has the slope
    :math:`\sin\theta / \lVert z \rVert` in the embedding. The product is bounded, its factors in floating point are
    not: a cosine within rounding of +-1 is moved inwards, where it has no gradient.
    """
    if cosines.ndim != 2:
        raise ValueError(f"cosines must have shape (N, C); got {tuple(cosines.shape)}")
    for name, value in {"labels": labels, "norms": norms}.items():
        if value.shape != cosines.shape[:1]:
            raise ValueError(f"{name} must have shape ({len(cosines)},), one per row; got {tuple(value.shape)}")
    own = cosines.gather(1, labels[:, None])[:, 0]
    inside = 1 - torch.finfo(cosines.dtype).eps
    return own, torch.acos(own.clip(-inside, inside))


def _logits(module: nn.Module, cosines: torch.Tensor, labels: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Return the scaled cosines (N, C), with ``own`` (N,) at the labels."""
    return module.settings["scale"] * cosines.scatter(1, labels[:, None], own[:, None])
