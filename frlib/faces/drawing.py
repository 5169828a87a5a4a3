"""What the drawings of generated faces have in common: their key, and images by crop."""

from collections.abc import Iterator, Sequence
from dataclasses import fields

import numpy as np
import torch

from frlib.faces import GENERATOR
from frlib.faces.crops import IMAGE_SIZES


class Faces:
    """Base of the drawings, which are dataclasses. Their `images(crop, size)` returns images by name."""

    @property
    def key(self) -> dict:
        """What the images depend on: the version of the generator, and every field that is compared."""
        return {"generator": GENERATOR} | {f.name: plain(getattr(self, f.name)) for f in fields(self) if f.compare}

    def __getstate__(self) -> dict:
        """Return the fields alone: what was found from them is found again, and does not travel to workers."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def draw(self, crops: Sequence[str], enlarged: float = 1.0) -> Iterator[dict[str, dict[str, torch.Tensor]]]:
        """Yield the images by crop and name: see `frlib.clouds.Drawing`."""
        yield {crop: self.images(crop, round(enlarged * IMAGE_SIZES[crop])) for crop in crops}


def plain(value):
    """Return a field as a plain JSON value: identities and sources by their keys."""
    value = getattr(value, "key", value)
    return int(value) if isinstance(value, np.integer) else value
