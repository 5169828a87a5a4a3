"""Drawings cut anew at the landmarks that a detector finds, as photographs are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from frlib.datasets.detection import detect
from frlib.faces.crops import IMAGE_SIZES, align, similarity, template

#: For the detector, images are drawn larger by this factor.
ENLARGED = 1.5
#: The crop that the detector sees.
SEARCHED = "arcface"


@dataclass(frozen=True)
class Detected:
    """A drawing whose images are cut to the landmarks that a detector finds.

    Each image is searched once: in the ArcFace crop, drawn larger by `ENLARGED`, with a border. It is cut again to the
    landmarks found. For networks that want the wide crop, the landmarks are carried over to the wide crop of the same
    scene, as large, which is cut again in the same way. Rows in which no face is found, in the image itself or in an
    end of its curves, are left out; the index of the cloud's table says which stay.

    Parameters
    ----------
    drawing : Drawing
        Of one block; see `frlib.clouds.Drawing`.
    margin : float
        Border for the detector, as a share of the image: see `detect`.
    by_center : bool
        Whether both ends of a curve are cut at the landmarks of its centre, and not at their own.
    """

    drawing: object
    margin: float = 0.4
    by_center: bool = False

    @property
    def kind(self) -> str:
        """That of the drawing, detected."""
        return f"detected-{self.drawing.kind}"

    @property
    def identity(self):
        """That of the drawing."""
        return self.drawing.identity

    @property
    def attributes(self) -> tuple[str, ...]:
        """Those of the drawing."""
        return self.drawing.attributes

    @property
    def table(self) -> pd.DataFrame:
        """That of the drawing, with all rows."""
        return self.drawing.table

    @property
    def key(self) -> dict:
        """What the images depend on."""
        search = {"margin": self.margin, "by_center": self.by_center, "enlarged": ENLARGED, "searched": SEARCHED}
        return self.drawing.key | search

    def draw(self, crops: Sequence[str], enlarged: float = 1.0) -> Iterator[dict[str, dict[str, torch.Tensor]]]:
        """Yield the images by crop, and which were found: see `frlib.clouds.Drawing`."""
        (drawn,) = self.drawing.draw(tuple(dict.fromkeys([SEARCHED, *crops])), ENLARGED)
        seen = drawn[SEARCHED]
        searched = {name: detect(seen[name], margin=self.margin) for name in (["points"] if self.by_center else seen)}
        found = torch.stack([detection.found for detection in searched.values()]).all(dim=0)
        yield {
            crop: {
                name: self._cut(images[found], searched.get(name, searched["points"]).landmarks[found], crop, enlarged)
                for name, images in drawn[crop].items()
            }
            | {"found": found}
            for crop in crops
        }

    def _cut(self, images: torch.Tensor, landmarks: torch.Tensor, crop: str, enlarged: float) -> torch.Tensor:
        """Return images cut at landmarks of the crop `SEARCHED`."""
        size = round(enlarged * IMAGE_SIZES[crop])
        if not len(images):
            return images.new_empty(0, size, size, 3)
        return align(images, carried(landmarks, crop), size=size, crop=crop)


def carried(landmarks: torch.Tensor, crop: str) -> torch.Tensor:
    """Carry positions in enlarged images of the crop `SEARCHED` over to images of another crop of the same scene.

    Every crop is a similarity of the camera's picture that brings the same five points of the mesh onto its template,
    so the two frames differ by the similarity between the templates.
    """
    source, target = (template(name, round(ENLARGED * IMAGE_SIZES[name])) for name in (SEARCHED, crop))
    back = similarity(target[None], source).inverse()
    return landmarks @ back.matrix[0].T + back.shift[0]
