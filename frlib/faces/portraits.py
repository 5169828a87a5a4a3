"""Portraits: several images of one identity, as different as photographs of an album."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.faces import GENERATOR
from frlib.faces.attributes import ATTRIBUTES
from frlib.faces.crops import IMAGE_SIZES
from frlib.faces.generator.renderer import render
from frlib.faces.identity import Identity

#: Largest head angle to either side, in degrees.
HEAD_ANGLE = 20.0


@dataclass(frozen=True)
class Portraits:
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

    @property
    def key(self) -> dict:
        """What the images depend on."""
        drawn = {"identity": self.identity.key, "n_images": int(self.n_images), "seed": int(self.seed)}
        return {"generator": GENERATOR, **drawn}

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """Attribute values of each image."""
        light, smile = ATTRIBUTES["illumination"], ATTRIBUTES["expression"]
        draws = np.random.default_rng([self.seed, self.identity.seed, self.identity.index]).random((self.n_images, 3))
        low = np.array([-HEAD_ANGLE, light.low, smile.low])
        high = np.array([HEAD_ANGLE, light.high, smile.high])
        return pd.DataFrame(low + draws * (high - low), columns=["head_angle", "illumination", "expression"])

    def draw(self, crops: Sequence[str], enlarged: float = 1.0) -> Iterator[dict[str, dict[str, torch.Tensor]]]:
        """Yield the images by crop: see `frlib.clouds.Drawing`."""
        values, sizes = self.table.to_dict("list"), {crop: round(enlarged * IMAGE_SIZES[crop]) for crop in crops}
        yield {crop: {"points": render(self.identity, values, crop=crop, size=size)} for crop, size in sizes.items()}
