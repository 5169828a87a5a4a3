"""How sharp a face is."""

import torch
from torch.nn.functional import conv2d

from frlib.datasets.cutting import cut

LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def sharpness(image: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
    """Return the variance of the Laplacian of a face's ArcFace crop over the variance of the crop.

    Parameters
    ----------
    image : Tensor, shape (H, W, 3)
    landmarks : Tensor, shape (5, 2)
    """
    grey = cut(image, landmarks, "arcface", 112).mean(dim=2)
    edges = conv2d(grey[None, None], LAPLACIAN[None, None])
    return edges.var() / grey.var().clamp(min=1e-6)
