"""The photographs of one person as a drawing: their aligned faces, and three attributes of them changed."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch

from frlib import checks, store
from frlib.datasets.cutting import cut
from frlib.datasets.finding import Faces
from frlib.datasets.one_photograph import LANDMARKS
from frlib.datasets.photographs import Photographs
from frlib.faces import pixels
from frlib.faces.attributes import PIXELS, step_of
from frlib.faces.crops import IMAGE_SIZES

#: Version of what is cut: raise it when the same landmarks would give other crops.
CUT = 1
#: Photographs that are in memory together.
BLOCK = 32


@dataclass(frozen=True)
class Person:
    """Someone on photographs.

    Parameters
    ----------
    name : str
    index : int
        Place among the people of the photographs.
    """

    name: str
    index: int


@dataclass(frozen=True)
class Crops:
    """A drawing of one person from photographs: see `frlib.clouds.Drawing`.

    Parameters
    ----------
    photographs : Photographs
    faces : Faces
        Of these photographs: see `frlib.datasets.find_faces`.
    person : str
        One of the identities. Photographs of that person without a face are left out; only the person's own ones are
        kept here.
    step : float, optional
        Length of a step along an attribute as a share of its range. Default: that of `frlib.faces.Curves`.

    Attributes
    ----------
    rows : tuple of int
        Where the person's photographs with a face are among those given.
    identity : Person

    Raises
    ------
    ValueError
        If the faces are of other photographs, or none of the person's photographs has a face.
    """

    photographs: Photographs
    faces: Faces
    person: str
    step: float | None = None
    rows: tuple[int, ...] = field(init=False)
    identity: Person = field(init=False)

    kind = "photographs"
    attributes = PIXELS

    def __post_init__(self):
        checks.one_of("person", self.person, self.photographs.rows)
        rows = self.photographs.rows[self.person]
        if len(self.faces) != len(self.photographs) or (self.faces.table["identity"].iloc[rows] != self.person).any():
            raise ValueError("faces must be those of the photographs, in their order; got those of others")
        rows = rows[self.faces.take(rows).found.numpy()]
        if not len(rows):
            raise ValueError(f"person must have a photograph with a face; got {self.person!r}, who has none")
        set_field = functools.partial(object.__setattr__, self)
        set_field("rows", tuple(rows.tolist()))
        set_field("identity", Person(self.person, self.photographs.people.index(self.person)))
        # Only the own ones: workers are sent the drawing.
        set_field("photographs", self.photographs.take(rows))
        set_field("faces", self.faces.take(rows))

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """The row of each image among the photographs that were given, and what is said about it."""
        table = pd.DataFrame({"row": self.rows})
        return table if self.photographs.attributes is None else table.join(self.photographs.attributes)

    @property
    def steps(self) -> dict[str, float]:
        """How far an end lies from the photograph along each attribute, in its unit."""
        return {name: step_of(name, self.step) for name in self.attributes}

    @property
    def key(self) -> dict:
        """What the images depend on: the content of the files, where the faces are, how they are cut and changed."""
        return {
            "cut": CUT,
            "landmarks": LANDMARKS,
            "places": store.arrays_digest({"landmarks": self.faces.landmarks}),
            "files": list(self.faces.digests),
            "steps": self.steps,
        }

    def draw(self, crops: Sequence[str], enlarged: float = 1.0) -> Iterator[dict[str, dict[str, torch.Tensor]]]:
        """Yield the images by crop and name: see `frlib.clouds.Drawing`."""
        for first in range(0, len(self.rows), BLOCK):
            seen = {crop: [] for crop in crops}
            for row in range(first, min(first + BLOCK, len(self.rows))):
                image = self.photographs.read(row)
                for crop, images in seen.items():
                    images.append(cut(image, self.faces.landmarks[row], crop, round(enlarged * IMAGE_SIZES[crop])))
            yield {crop: self._with_ends(torch.stack(images)) for crop, images in seen.items()}

    def _with_ends(self, points: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return images and their ends by name, as uint8."""
        images = {"points": points}
        for end, sign in (("minus", -1), ("plus", 1)):
            for name, step in self.steps.items():
                images[f"{end} {name}"] = pixels.change(points, {name: torch.full((len(points),), sign * step)})
        return {name: batch.round().to(torch.uint8) for name, batch in images.items()}


def embedded_rows(clouds: Sequence) -> tuple[np.ndarray, torch.Tensor]:
    """Return the rows of the photographs in clouds of `Crops`, (N,), and their embeddings, (N, d).

    Raises
    ------
    ValueError
        If there are none, or a cloud is not of `Crops`.
    """
    for cloud in clouds:
        if cloud.table is None or "row" not in cloud.table:
            raise ValueError("clouds must be those of Crops, whose tables have a column 'row'; got others")
    if not len(clouds):
        raise ValueError("clouds must hold at least one cloud; got none")
    return np.concatenate([cloud.table["row"] for cloud in clouds]), torch.cat([cloud.points for cloud in clouds])
