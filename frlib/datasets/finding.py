"""Find the faces in whole photographs, once for each file: what was found is stored under the file's content."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from frlib.datasets.found_parts import store_part, stored_part
from frlib.datasets.images import UnreadableImage
from frlib.datasets.one_photograph import NOTHING, Found, crop_widths, eye_distances, find
from frlib.datasets.photographs import Photographs, as_rows
from frlib.runtime import choose_device, spread

#: Distance of the eyes in the photograph below which a face is small, in pixels.
SMALL = 20
#: Sharpness below which a face is blurred: see `frlib.datasets.sharpness`.
BLURRED = 0.01
#: What is found is stored in parts: photographs whose digests share this many first letters, so 256 files at most.
PART = 2
#: Photographs after which a part is written.
KEPT_EVERY = 16


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
        The sha256 of each file: equal for copies. Empty where the file cannot be opened.
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

    The search is that of `detect`, with its border, in the photograph reduced to a longer side of 320 pixels, and of
    960 where the faces in it are small or none is seen. What is found is stored under the sha256 of the file, so that
    nothing is searched twice, and a run that was cut off goes on. A file that cannot be read is remarked, and the
    others go on.

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
