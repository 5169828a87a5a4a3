"""Find the faces in whole photographs, once for each file: what was found is stored under the file's content."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
import torch
from torch.nn.functional import interpolate

from frlib import store
from frlib.datasets.detection import MARGIN, search
from frlib.datasets.images import UnreadableImage
from frlib.datasets.photographs import Photographs, as_rows
from frlib.datasets.sharpness import sharpness
from frlib.faces.crops import SMALLEST, similarity, template
from frlib.runtime import choose_device, spread

#: Version of what is stored: raise it when the same file would get other landmarks or another sharpness.
LANDMARKS = 1
#: The longer side to which larger photographs are reduced for the search, in pixels.
SEARCHED = 640
#: A face counts if the detector gives it at least this probability.
PROBABLE = 0.9
#: Distance of the eyes in the photograph below which a face is small, in pixels.
SMALL = 20
#: Sharpness below which a face is blurred: see `frlib.datasets.sharpness`.
BLURRED = 0.01
#: Photographs after which a part of the store is written.
KEPT_EVERY = 16


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


@dataclass(frozen=True)
class Faces:
    """The chosen face of each photograph.

    Parameters
    ----------
    table : DataFrame, N rows
        ``photograph``, the name of the file; ``identity``; ``faces``, how many were found; ``probability`` of the
        chosen one; ``width``, the side of its ArcFace crop in pixels of the photograph, about 3.2 times the distance of
        the eyes; ``sharpness``; ``remark``, the first that holds of "unreadable", "no face", "several faces", "small"
        and "blurred", or "". Numbers are NaN without a face.
    landmarks : Tensor, shape (N, 5, 2)
        Eyes from left to right in the photograph, nose, mouth corners, in pixels; NaN without a face.
    digests : tuple of str
        The sha256 of each file, empty for one that cannot be read: equal for copies.
    """

    table: pd.DataFrame
    landmarks: torch.Tensor
    digests: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def found(self) -> torch.Tensor:
        """Whether each photograph has a face, bool (N,)."""
        return self.landmarks.isfinite().all(dim=2).all(dim=1)

    def take(self, rows) -> "Faces":
        """Return those of some photographs: see `Photographs.take`."""
        rows = as_rows(rows, len(self))
        table = self.table.iloc[rows].reset_index(drop=True)
        return Faces(table, self.landmarks[torch.from_numpy(rows)], tuple(self.digests[k] for k in rows))


def find_faces(photographs: Photographs, device=None, n_jobs: int | None = None, progress: bool = True) -> Faces:
    """Find the faces of each photograph, and choose one.

    Parameters
    ----------
    photographs : Photographs
    device : str, optional
        See `frlib.runtime.choose_device`.
    n_jobs, progress
        As in `frlib.runtime.spread`.

    Returns
    -------
    Faces
    """
    device = choose_device(device)
    digests = [_digest(photographs, row) for row in range(len(photographs))]
    rows = {digest: row for row, digest in enumerate(digests) if digest}
    parts = defaultdict(list)
    for digest in rows:
        parts[digest[:2]].append(digest)
    known = {digest: found for part in parts for digest, found in stored_part(part).items()}
    tasks = []
    for own in parts.values():
        missing = [digest for digest in own if digest not in known]
        if missing:
            tasks.append((photographs.take([rows[digest] for digest in missing]), missing, str(device)))
    run = {"n_jobs": n_jobs, "device": device, "progress": progress}
    for found in spread(_find_part, tasks, description="photographs", **run):
        known |= found
    return _faces(photographs, digests, known)


def _digest(photographs: Photographs, row: int) -> str:
    try:
        return photographs.digest(row)
    except UnreadableImage:
        return ""


def _faces(photographs: Photographs, digests: Sequence[str], known: Mapping[str, Found]) -> Faces:
    """Return what is known of each photograph."""
    found = [known.get(digest, NOTHING) for digest in digests]
    landmarks = torch.stack([one.landmarks for one in found])
    width = crop_widths(landmarks)
    remarks = [
        remark(one, float(eyes)) if digest in known else "unreadable"
        for digest, one, eyes in zip(digests, found, eye_distances(landmarks), strict=True)
    ]
    table = pd.DataFrame(
        {
            "photograph": [path.name for path in photographs.paths],
            "identity": list(photographs.identities),
            "faces": [one.faces for one in found],
            "probability": [one.probability for one in found],
            "width": width.numpy(),
            "sharpness": [one.sharpness for one in found],
            "remark": remarks,
        }
    )
    return Faces(table, landmarks, tuple(digests))


def remark(found: Found, eyes: float) -> str:
    """Return the word for what is wrong with a photograph, or ""; ``eyes`` is the distance of the eyes in pixels."""
    if found.faces == 0:
        return "no face"
    if found.faces > 1:
        return "several faces"
    if eyes < SMALL:
        return "small"
    return "blurred" if found.sharpness < BLURRED else ""


def crop_widths(landmarks: torch.Tensor) -> torch.Tensor:
    """Return the side of the ArcFace crop at landmarks (N, 5, 2), in pixels of the image; NaN for NaN."""
    return 112 / torch.linalg.det(similarity(landmarks, template("arcface", 112)).matrix).sqrt()


def eye_distances(landmarks: torch.Tensor) -> torch.Tensor:
    """Return the distance of the eyes (N,), in pixels of the image, as if the face looked ahead; NaN for NaN."""
    wanted = template("arcface", 112)
    return crop_widths(landmarks) * float((wanted[1] - wanted[0]).norm()) / 112


def find(image: torch.Tensor, device=None) -> Found:
    """Find the faces in one photograph, uint8 (H, W, 3)."""
    height, width = image.shape[:2]
    scale = max(1.0, max(height, width) / SEARCHED)
    if min(height, width) < SMALLEST * scale:
        return NOTHING
    small = reduced(image, scale).float()
    probability, landmarks = next(search(small[None], MARGIN, device))
    landmarks = landmarks * (torch.tensor([width, height]) / torch.tensor([small.shape[1], small.shape[0]]))
    probable = probability >= PROBABLE
    if not probable.any():
        return NOTHING
    probability, landmarks = probability[probable], landmarks[probable]
    chosen = choose(landmarks, width, height)
    return Found(
        len(landmarks), float(probability[chosen]), float(sharpness(image, landmarks[chosen])), landmarks[chosen]
    )


def reduced(image: torch.Tensor, scale: float) -> torch.Tensor:
    """Return an image uint8 (H, W, 3) with its sides divided by a scale of at least 1."""
    if scale == 1:
        return image
    size = [max(1, round(side / scale)) for side in image.shape[:2]]
    planes = image.permute(2, 0, 1)[None]
    return interpolate(planes, size=size, mode="bilinear", antialias=True)[0].permute(1, 2, 0)


def choose(landmarks: torch.Tensor, width: int, height: int) -> int:
    """Return which of K faces, (K, 5, 2), a photograph is of: the largest, where one at the edge counts for less.

    A face counts by the width of its crop times 1 - r, where r is the distance of its centre from that of the
    photograph over half the diagonal.
    """
    half = torch.tensor([width, height]) / 2
    away = (landmarks.mean(dim=1) - half).norm(dim=1) / half.norm()
    return int((crop_widths(landmarks) * (1 - away)).argmax())


def _find_part(photographs: Photographs, digests: Sequence[str], device: str) -> dict[str, Found]:
    """Return what is found in photographs whose digests begin alike, by digest; it is added to the store."""
    known = {}
    for row, digest in enumerate(digests):
        try:
            known[digest] = find(photographs.read(row), device)
        except UnreadableImage:
            continue
        if len(known) % KEPT_EVERY == 0:
            store_part(digests[0][:2], known)
    store_part(digests[0][:2], known)
    return known


def _part_parameters(part: str) -> dict:
    return {"landmarks": LANDMARKS, "searched": SEARCHED, "margin": MARGIN, "probable": PROBABLE, "part": part}


def stored_part(part: str) -> dict[str, Found]:
    """Return what is stored of files whose sha256 begins with ``part``, by digest."""
    arrays = store.load_each("found-faces", {part: _part_parameters(part)}).get(part)
    if arrays is None:
        return {}
    names = [bytes(row).hex() for row in arrays["digests"].tolist()]
    rows = zip(arrays["numbers"].tolist(), arrays["landmarks"], strict=True)
    return {name: Found(int(n), p, s, marks) for name, ((n, p, s), marks) in zip(names, rows, strict=True)}


def store_part(part: str, found: Mapping[str, Found]) -> None:
    """Add what was found in files whose sha256 begins with ``part`` to what is stored."""
    together = stored_part(part) | dict(found)
    if not together:
        return
    arrays = {
        "digests": torch.tensor([list(bytes.fromhex(digest)) for digest in together], dtype=torch.uint8),
        "numbers": torch.tensor([one[:3] for one in together.values()], dtype=torch.float64),
        "landmarks": torch.stack([one.landmarks for one in together.values()]),
    }
    parameters = _part_parameters(part)
    store.save_arrays(store.result_file("found-faces", parameters), arrays, parameters)
