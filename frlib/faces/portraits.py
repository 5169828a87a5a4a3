"""Portraits: several images of one identity, as different as photographs of an album."""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from frlib import checks
from frlib.faces.attributes import ATTRIBUTES
from frlib.faces.drawing import Faces
from frlib.faces.generator.renderer import render
from frlib.faces.identity import Identity

#: Largest head angle to either side, in degrees.
HEAD_ANGLE = 20.0


@dataclass(frozen=True)
class Portraits(Faces):
    """A drawing of several images of one identity: head angle, light and smile vary.

    The head angle is uniform on -20..20 degrees, illumination and expression on their ranges. All other attributes are
    neutral.

    Parameters
    ----------
    identity : Identity
    n_images : int
        The first k of n are the same for every n.
    seed : int

    Raises
    ------
    ValueError
        If the number of images is below 1 or the seed is negative.
    """

    identity: Identity
    n_images: int
    seed: int = 0

    kind, attributes = "portraits", ()

    def __post_init__(self):
        checks.at_least("n_images", self.n_images, 1)
        checks.at_least("seed", self.seed, 0)

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """Attribute values of each image."""
        light, smile = ATTRIBUTES["illumination"], ATTRIBUTES["expression"]
        draws = np.random.default_rng([self.seed, self.identity.seed, self.identity.index]).random((self.n_images, 3))
        low = np.array([-HEAD_ANGLE, light.low, smile.low])
        high = np.array([HEAD_ANGLE, light.high, smile.high])
        return pd.DataFrame(low + draws * (high - low), columns=["head_angle", "illumination", "expression"])

    def images(self, crop: str, size: int) -> dict:
        """Return the images by name."""
        return {"points": render(self.identity, self.table.to_dict("list"), crop=crop, size=size)}
