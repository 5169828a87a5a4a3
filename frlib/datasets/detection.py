"""Find a face in each image, and bring it onto the template that a network expects.

The detector is MTCNN (Zhang et al., 2016, doi:10.1109/LSP.2016.2603342) of facenet-pytorch, whose weights ship inside
the package. Positions are in pixels, x to the right and y down; the centre of the first pixel is (0.5, 0.5).
"""

import functools
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from frlib import checks
from frlib.faces.renderer import ARCFACE, BACKGROUND, CROPS, tone
from frlib.runtime import choose_device

#: Images that go through the detector together.
BATCH = 32
#: The smallest face that is looked for, and so the smallest image, in pixels.
SMALLEST = 20


class Detection(NamedTuple):
    """The most probable face of each image.

    Parameters
    ----------
    found : Tensor of bool, shape (N,)
    probability : Tensor, shape (N,)
        The detector's score; NaN where nothing was found.
    landmarks : Tensor, shape (N, 5, 2)
        Eyes from left to right in the image, nose, mouth corners from left to right, in pixels; NaN where nothing was
        found.
    """

    found: torch.Tensor
    probability: torch.Tensor
    landmarks: torch.Tensor


def detect(images, *, margin: float = 0.0, device=None) -> Detection:
    """Find the most probable face of each image.

    Parameters
    ----------
    images : array_like, shape (N, H, W, 3)
        RGB in 0..255.
    margin : float
        Border that is added on each side before the search, as a share of the longer side, in the background colour of
        drawn faces. A tight crop has too little room about the face for the detector. Positions stay those of the
        images as given.
    device : str, optional
        See `frlib.runtime.choose_device`.

    Returns
    -------
    Detection

    Raises
    ------
    ValueError
        If the images are not RGB in 0..255 or too small, or the margin is not between 0 and 2.
    ImportError
        If facenet-pytorch is not installed.
    """
    images = as_images(images)
    checks.between("margin", margin, 0, 2)
    detector = load_detector(str(choose_device(device)))
    border = round(margin * max(images.shape[1:3]))
    color = tone(torch.tensor(BACKGROUND))
    landmarks = torch.full((len(images), 5, 2), torch.nan)
    probability = torch.full((len(images),), torch.nan)
    for first in range(0, len(images), BATCH):
        batch = images[first : first + BATCH]
        n, height, width, _ = batch.shape
        padded = color.repeat(n, height + 2 * border, width + 2 * border, 1)
        padded[:, border : border + height, border : border + width] = batch
        _, scores, points = detector.detect(padded, landmarks=True)
        for row, (score, point) in enumerate(zip(scores, points, strict=True), start=first):
            if point is not None:
                best = int(np.argmax(np.asarray(score, dtype=float)))
                probability[row] = float(score[best])
                landmarks[row] = torch.as_tensor(np.asarray(point[best], dtype=np.float32)) - border
    return Detection(probability.isfinite(), probability, landmarks)


@functools.lru_cache(maxsize=2)
def load_detector(device: str):
    """Return MTCNN on a device.

    Raises
    ------
    ImportError
        If facenet-pytorch is not installed.
    """
    try:
        from facenet_pytorch import MTCNN
    except ImportError as error:
        raise ImportError("detection needs the package facenet-pytorch: pip install 'frlib[faces]'") from error
    return MTCNN(keep_all=True, select_largest=False, min_face_size=SMALLEST, device=torch.device(device)).eval()


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
        In the order and unit of `Detection`.
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


def detector_crops(images, *, size: int = 112, crop: str = "arcface", margin: float = 0.0, device=None):
    """Find and align the face of each image.

    Parameters
    ----------
    images, margin, device
        As in `detect`.
    size, crop
        As in `align`.

    Returns
    -------
    crops : Tensor, shape (M, size, size, 3)
        Of the M images with a face, in their order: ``images[detection.found]``.
    detection : Detection
        Of all N images.
    """
    images = torch.as_tensor(images)
    detection = detect(images, margin=margin, device=device)
    if not detection.found.any():
        return torch.empty((0, size, size, 3), dtype=images.dtype), detection
    crops = align(images[detection.found], detection.landmarks[detection.found], size=size, crop=crop)
    return crops, detection


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
