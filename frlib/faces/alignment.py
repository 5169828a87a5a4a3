"""Bring a face onto the template that a network expects, given its five landmarks.

Positions are in pixels, x to the right and y down; the centre of the first pixel is (0.5, 0.5).
"""

import numpy as np
import torch
from torch.nn import functional

from frlib import checks
from frlib.faces.renderer import ARCFACE, CROPS

#: The smallest side of an image, in pixels.
SMALLEST = 20


def align(images, landmarks, *, size: int = 112, crop: str = "arcface") -> torch.Tensor:
    """Move, turn and scale each image so that its landmarks lie on the template of a crop.

    The similarity transform minimises the sum of squared distances to the template (Umeyama, 1991,
    doi:10.1109/34.88573). Where the image becomes smaller, each pixel is a mean over a grid of bilinear samples. Pixels
    outside the image repeat its edge.

    Parameters
    ----------
    images : array_like, shape (N, H, W, 3)
        RGB in 0..255.
    landmarks : array_like, shape (N, 5, 2)
        Eyes from left to right in the image, nose, mouth corners from left to right, in pixels.
    size : int
        Height and width of the result.
    crop : {"arcface", "wide"}
        As in `frlib.faces.render`.

    Returns
    -------
    Tensor, shape (N, size, size, 3)
        uint8 for uint8 images, otherwise float32.

    Raises
    ------
    ValueError
        If an argument has the wrong shape, the crop is unknown, or landmarks are not finite or coincide.
    """
    rounds = torch.as_tensor(images).dtype == torch.uint8
    images = as_images(images)
    checks.at_least("size", size, 1)
    checks.one_of("crop", crop, tuple(CROPS))
    landmarks = as_landmarks(landmarks, len(images))
    matrix, shift = template_to_image(template(crop, size), landmarks)
    finer = max(1, int(np.ceil(float(torch.linalg.det(matrix).sqrt().max()) - 1e-4)))
    steps = (torch.arange(size * finer) + 0.5) / finer
    places = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).reshape(1, -1, 2)
    places = places @ matrix.transpose(1, 2) + shift[:, None]
    height, width = images.shape[1:3]
    grid = (places / torch.tensor([width, height]) * 2 - 1).reshape(len(images), size * finer, size * finer, 2)
    moved = functional.grid_sample(images.permute(0, 3, 1, 2), grid, padding_mode="border", align_corners=False)
    moved = functional.avg_pool2d(moved, finer).permute(0, 2, 3, 1)
    return moved.round().to(torch.uint8) if rounds else moved


def template(crop: str, size: int) -> torch.Tensor:
    """Return where a crop wants the five landmarks, (5, 2) in pixels: as `frlib.faces.render` places them."""
    scale, eye_height = CROPS[crop]
    wanted = (ARCFACE - 56) * scale + 56
    wanted[:, 1] += 112 * eye_height - wanted[:2, 1].mean()
    return wanted * (size / 112)


def template_to_image(wanted: torch.Tensor, landmarks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the similarity ``landmarks ~ wanted @ matrix.T + shift``, the inverse of the least-squares alignment.

    Parameters
    ----------
    wanted : Tensor, shape (K, 2)
    landmarks : Tensor, shape (N, K, 2)

    Returns
    -------
    matrix : Tensor, shape (N, 2, 2)
    shift : Tensor, shape (N, 2)
    """
    # The squares are measured on the template: fit the image to it, then invert.
    p, q = landmarks - landmarks.mean(1, keepdim=True), wanted - wanted.mean(0)
    norm = (p**2).sum((1, 2))
    a = (p * q).sum((1, 2)) / norm
    b = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(1) / norm
    matrix = torch.linalg.inv(torch.stack([a, -b, b, a], dim=-1).reshape(-1, 2, 2))
    return matrix, landmarks.mean(1) - matrix @ wanted.mean(0)


def as_images(images) -> torch.Tensor:
    """Return RGB images as float32 (N, H, W, 3).

    Raises
    ------
    ValueError
        If the shape is another, a side is too short, or a value lies outside 0..255.
    """
    images = torch.as_tensor(images)
    if images.ndim != 4 or images.shape[3] != 3 or len(images) == 0 or min(images.shape[1:3]) < SMALLEST:
        raise ValueError(
            f"images must have shape (N, H, W, 3), H and W at least {SMALLEST}; got shape {tuple(images.shape)}"
        )
    checks.between("images", images, 0, 255)
    return images.to("cpu", torch.float32)


def as_landmarks(landmarks, n: int) -> torch.Tensor:
    """Return landmarks as float32 (n, 5, 2).

    Raises
    ------
    ValueError
        If the shape is another, or the landmarks of an image are not finite or all the same.
    """
    landmarks = torch.as_tensor(landmarks).to("cpu", torch.float32)
    if landmarks.shape != (n, 5, 2):
        raise ValueError(f"landmarks must have shape ({n}, 5, 2); got {tuple(landmarks.shape)}")
    good = landmarks.isfinite().all(2).all(1) & ((landmarks - landmarks[:, :1]).abs().sum((1, 2)) > 0)
    if not good.all():
        raise ValueError(f"landmarks must be finite and differ; row {int((~good).nonzero()[0])} does not")
    return landmarks
