"""Find the faces in one photograph of any size, and choose one."""

from typing import NamedTuple

import torch
from torch.nn.functional import interpolate

from frlib.datasets.detection import MARGIN, search
from frlib.datasets.sharpness import sharpness
from frlib.faces.crops import SMALLEST, similarity, template

#: Version of what is stored: raise it when the same file would get other landmarks or another sharpness.
LANDMARKS = 1
#: The longer side to which a larger photograph is reduced for the search, in pixels; the second search is made where
#: the first shows no face, or none whose crop is at least so wide in it.
SEARCHED, WIDE = (320, 960), 50
#: A face counts if the detector gives it at least this probability.
PROBABLE = 0.9


class Found(NamedTuple):
    """What the search found in one photograph.

    Parameters
    ----------
    faces : int
        Number of faces that count.
    probability : float
        The detector's, of the chosen face; NaN without a face.
    sharpness : float
        Of its ArcFace crop: see `frlib.datasets.sharpness`.
    landmarks : Tensor, shape (5, 2)
        Of the chosen face, in pixels of the photograph; NaN without a face.
    """

    faces: int
    probability: float
    sharpness: float
    landmarks: torch.Tensor


NOTHING = Found(0, float("nan"), float("nan"), torch.full((5, 2), torch.nan))


def find(image: torch.Tensor, device=None) -> Found:
    """Find the faces in one photograph, uint8 (H, W, 3): see `find_faces`."""
    height, width = image.shape[:2]
    probability, landmarks = torch.empty(0), torch.empty(0, 5, 2)
    for searched in SEARCHED:
        scale = max(height, width) / searched
        seen, places = search_reduced(image, max(1.0, scale), device)
        if len(seen):
            probability, landmarks = seen, places
        if scale <= 1 or (len(seen) and crop_widths(places).max() >= WIDE * scale):
            break
    if not len(probability):
        return NOTHING
    chosen = choose(landmarks, width, height)
    sharp = float(sharpness(image, landmarks[chosen]))
    return Found(len(landmarks), float(probability[chosen]), sharp, landmarks[chosen])


def search_reduced(image: torch.Tensor, scale: float, device=None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return probabilities (K,) and landmarks (K, 5, 2) of the faces that count, seen with the sides over ``scale``."""
    sides = torch.tensor(image.shape[:2])
    if int(sides.min()) < SMALLEST * scale:
        return torch.empty(0), torch.empty(0, 5, 2)
    small = [round(side / scale) for side in sides.tolist()]
    planes = image.permute(2, 0, 1)[None]
    if scale > 1:
        planes = interpolate(planes, size=small, mode="bilinear", antialias=True)
    probability, landmarks = next(search(planes.permute(0, 2, 3, 1).float(), MARGIN, device))
    counts = probability >= PROBABLE
    return probability[counts], landmarks[counts] * (sides / torch.tensor(small)).flip(0)


def choose(landmarks: torch.Tensor, width: int, height: int) -> int:
    """Return which of K faces, (K, 5, 2), a photograph is of: the largest, where one at the edge counts for less.

    A face counts by the width of its crop times 1 - r, where r is the distance of its centre from that of the
    photograph over half the diagonal.
    """
    half = torch.tensor([width, height]) / 2
    away = (landmarks.mean(dim=1) - half).norm(dim=1) / half.norm()
    return int((crop_widths(landmarks) * (1 - away)).argmax())


def crop_widths(landmarks: torch.Tensor) -> torch.Tensor:
    """Return the side of the ArcFace crop at landmarks (N, 5, 2), in pixels of the image; NaN for NaN."""
    return 112 / torch.linalg.det(similarity(landmarks, template("arcface", 112)).matrix).sqrt()


def eye_distances(landmarks: torch.Tensor) -> torch.Tensor:
    """Return the distance of the eyes (N,), in pixels of the image, as if the face looked ahead; NaN for NaN."""
    wanted = template("arcface", 112)
    return crop_widths(landmarks) * float((wanted[1] - wanted[0]).norm()) / 112
