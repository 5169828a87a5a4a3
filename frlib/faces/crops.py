"""Crops: where a network expects the five landmarks of a face, and the similarity that brings them there.

Positions are in pixels, x to the right and y down; the centre of the first pixel is (0.5, 0.5).
"""

from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from frlib import checks

#: The five points of the ArcFace template on 112 pixels: eyes from left to right, nose, mouth corners.
ARCFACE = torch.tensor(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
#: How a crop changes the template: its scale, and the height of the eyes as a share of the image. "wide" is the chip
#: that dlib cuts for its network: 150 pixels, padding 0.25 about its mean face, whose eyes then lie 0.350 apart.
#: "mtcnn" is as high as what FaceNet was trained on, the box of the detector MTCNN with a margin of 32 of 160 pixels.
#: On 30 drawn people, frontal or turned by up to 20 degrees, the box is 106 units of the ArcFace template high
#: (standard deviation 4.7), 77 wide (2.8), and its middle lies at 63.4 (1.5): a side of 132 with the margin. FaceNet
#: stretches the middle 0.7245 of the width to the whole.
CROPS = {"arcface": (1.0, 0.4607), "wide": (1.113, 0.314), "mtcnn": (0.8485, 0.4114)}
#: Pixels of a crop where nothing else is asked for: the ArcFace crop as in paper A, the wide one as dlib wants it, the
#: last as FaceNet does.
IMAGE_SIZES = {"arcface": 112, "wide": 150, "mtcnn": 160}
#: What lies behind a drawn face, and beyond the edge of a photograph that a detector searches: linear RGB.
BACKGROUND = (0.24, 0.26, 0.29)
#: The smallest side of an image, in pixels.
SMALLEST = 20


def align(images, landmarks, *, size: int = 112, crop: str = "arcface") -> torch.Tensor:
    """Move, turn and scale each image so that its landmarks lie on the template of a crop.

    The `similarity` minimises the sum of squared distances to the template (Umeyama, 1991, doi:10.1109/34.88573).
    Where the image becomes smaller, each pixel is a mean over a grid of bilinear samples. Pixels outside the image
    repeat its edge.

    Parameters
    ----------
    images : array_like, shape (N, H, W, 3)
        RGB in 0..255.
    landmarks : array_like, shape (N, 5, 2)
        Eyes from left to right in the image, nose, mouth corners from left to right, in pixels.
    size : int
        Height and width of the result.
    crop : {"arcface", "wide", "mtcnn"}
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
    back = similarity(landmarks, template(crop, size)).inverse()
    finer = max(1, int(np.ceil(float(torch.linalg.det(back.matrix).sqrt().max()) - 1e-4)))
    steps = (torch.arange(size * finer) + 0.5) / finer
    places = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).reshape(1, -1, 2)
    places = places @ back.matrix.transpose(1, 2) + back.shift[:, None]
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


class Similarity(NamedTuple):
    """For each of N images, turn, scale and shift: a point x goes to ``(x - source) @ matrix.T + target``.

    Parameters
    ----------
    matrix : Tensor, shape (N, 2, 2)
    source, target : Tensor, shape (N, 2)
        A point, and where it goes.
    """

    matrix: torch.Tensor
    source: torch.Tensor
    target: torch.Tensor

    @property
    def shift(self) -> torch.Tensor:
        """Where the origin goes, (N, 2)."""
        return self.target - (self.matrix @ self.source[..., None])[..., 0]

    def inverse(self) -> "Similarity":
        """Return the similarity that undoes this one."""
        return Similarity(torch.linalg.inv(self.matrix), self.target, self.source)


def similarity(landmarks: torch.Tensor, wanted: torch.Tensor) -> Similarity:
    """Return the similarity that brings landmarks (N, K, 2) closest to those wanted (K, 2): Umeyama (1991).

    The sum of squared distances is measured where the landmarks go.
    """
    source, target = landmarks.mean(1), wanted.mean(0).expand(len(landmarks), 2)
    p, q = landmarks - source[:, None], wanted - wanted.mean(0)
    norm = (p**2).sum((1, 2))
    a = (p * q).sum((1, 2)) / norm
    b = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(1) / norm
    return Similarity(torch.stack([a, -b, b, a], dim=-1).reshape(-1, 2, 2), source, target)


def tone(image: torch.Tensor) -> torch.Tensor:
    """Return 8-bit values of linear light: highlights are compressed, then gamma 2.2."""
    image = image.clamp(min=1e-5)
    compressed = 0.92 * image * (1 + 0.12 * image) / (1 + 0.35 * image)
    return compressed.clamp(1e-5, 1) ** (1 / 2.2) * 255


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
