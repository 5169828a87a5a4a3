"""Whole curves: one person along the range of every attribute, the others neutral."""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.faces.attributes import ATTRIBUTES, RENDERED
from frlib.faces.drawing import Faces
from frlib.faces.generator.renderer import render
from frlib.faces.identity import Identity


@dataclass(frozen=True)
class WholeCurves(Faces):
    """A drawing of one curve per attribute, from the low end of its range to the high end in equal steps.

    Parameters
    ----------
    identity : Identity
    rendered_steps, pixel_steps : int
        Images along a rendered attribute and along a pixel operation, both ends included: at least 2. The defaults are
        those of paper A's lattice.

    Raises
    ------
    ValueError
        If there are fewer than two steps.
    """

    identity: Identity
    rendered_steps: int = 7
    pixel_steps: int = 5

    kind, attributes = "whole-curves", ()

    def __post_init__(self):
        checks.at_least("rendered_steps", self.rendered_steps, 2)
        checks.at_least("pixel_steps", self.pixel_steps, 2)

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """Attribute, step from 0, and value of each image; the curves follow each other in the order of ATTRIBUTES."""
        rows = []
        for name, attribute in ATTRIBUTES.items():
            steps = self.rendered_steps if name in RENDERED else self.pixel_steps
            values = np.linspace(attribute.low, attribute.high, steps)
            rows.append(pd.DataFrame({"attribute": name, "step": np.arange(steps), "value": values}))
        return pd.concat(rows, ignore_index=True)

    def images(self, crop: str, size: int) -> dict[str, torch.Tensor]:
        """Return the images by name."""
        neutral = {name: attribute.neutral for name, attribute in ATTRIBUTES.items()}
        neutral["hair_color"] = self.identity.traits.hair_color
        # In one call, because images that have the pose or the light in common share what is drawn of it.
        values = {
            name: np.where(self.table["attribute"] == name, self.table["value"], neutral[name]) for name in neutral
        }
        return {"points": render(self.identity, values, crop=crop, size=size)}
