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
#: The longer side to which a larger photograph is reduced for the search, in pixels; the second search is made where
#: the first shows no face, or none whose crop is at least so wide in it.
SEARCHED, WIDE = (320, 960), 50
#: A face counts if the detector gives it at least this probability.
PROBABLE = 0.9
#: Distance of the eyes in the photograph below which a face is small, in pixels.
SMALL = 20
#: Sharpness below which a face is blurred: see `frlib.datasets.sharpness`.
BLURRED = 0.01
#: What is found is stored in parts: photographs whose digests share this many first letters, so 256 files at most.
PART = 2
#: Photographs after which a part is written.
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

    The search is that of `detect`, with its border, in the photograph reduced to `SEARCHED` pixels. What is found is
    stored under the sha256 of the file, so that nothing is searched twice, and a run that was cut off goes on. A file
    that cannot be read is remarked, and the others go on.

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

    Raises
    ------
    ImportError
        If facenet-pytorch is not installed.

    Notes
    -----
    A face counts from a probability of 0.9 on; on 27 pictures without people that scikit-image carries none did. Of
    several, the one is chosen whose width times 1 - r is the largest, where r is its distance from the middle of the
    photograph over half the diagonal. LFW means the face in the middle; someone at the edge must be much larger to be
    the one who is meant. With a second drawn face at the edge, the one in the middle was chosen as long as the other
    was up to 1.2 times as large, and not when it was twice as large.

    Mean and, in brackets, largest distance to the landmarks of the mesh over the distance of the eyes, on 8 images of 4
    drawn people of varied yaw, light and expression, for a face that takes a share of the height; every face was found.
    In photographs of 300 and 1500 pixels, and of 600 x 300 with the face in the right half:

    =====  ===========  ===========  ===========
    share  300          1500         600 x 300
    =====  ===========  ===========  ===========
    0.07   0.14 (0.27)  0.11 (0.20)  0.17 (0.25)
    0.09   0.14 (0.19)  0.11 (0.16)  0.13 (0.25)
    0.23   0.09 (0.15)  0.08 (0.11)  0.08 (0.12)
    0.56   0.07 (0.10)  0.08 (0.13)  0.08 (0.11)
    0.93   0.07 (0.12)  0.07 (0.11)  0.07 (0.11)
    1.30   0.07 (0.13)  0.07 (0.12)  0.07 (0.12)
    =====  ===========  ===========  ===========

    Seconds of one processor for a photograph of 112, 250, 320 to 1000 and 4000 pixels: 0.04, 0.08, 0.12 and 0.5; of
    1000 pixels without a face: 1.0.

    "small": the eyes are nearer than 20 pixels. Images of drawn people reduced to that distance moved, in the default
    networks, by 0.22 to 0.58 of the mean distance between two images of a person, the most in dlib; at 12 pixels by
    0.75 to 1.2, at 35 by 0.03 to 0.22. "blurred": a sharpness below 0.01, see ``frlib.datasets.sharpness``.
    """
    device = choose_device(device)
    digests = [_digest(photographs, row) for row in range(len(photographs))]
    rows = {digest: row for row, digest in enumerate(digests) if digest}
    parts = defaultdict(list)
    for digest in rows:
        parts[digest[:PART]].append(digest)
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


def _find_part(photographs: Photographs, digests: Sequence[str], device: str) -> dict[str, Found]:
    """Return what is found in photographs whose digests begin alike, by digest; it is added to the store."""
    part, known = digests[0][:PART], {}
    for row, digest in enumerate(digests):
        try:
            known[digest] = find(photographs.read(row), device)
        except UnreadableImage:
            continue
        if len(known) % KEPT_EVERY == 0:
            store_part(part, known)
    store_part(part, known)
    return known


def _part_parameters(part: str) -> dict:
    return {"landmarks": LANDMARKS, "searched": [*SEARCHED, WIDE], "margin": MARGIN, "probable": PROBABLE, "part": part}


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
