"""Curves of images: centres that all attributes share, and one step down and up along each attribute."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.faces import pixels
from frlib.faces.attributes import ATTRIBUTES, PIXELS, RENDERED, STEPS, step_of
from frlib.faces.crops import CROPS, IMAGE_SIZES
from frlib.faces.drawing import Faces
from frlib.faces.generator.renderer import render
from frlib.faces.generator.tangent import SMOOTH, tangent
from frlib.faces.identity import Identity


@dataclass(frozen=True)
class Curves(Faces):
    """A drawing of one identity: centres, and both ends of a curve through each of them along every attribute.

    Centres vary in the rendered attributes, uniformly and independently, and are neutral in those that change pixels.
    So one set of centres, and one matrix of distances, serves all attributes.

    Parameters
    ----------
    identity : Identity
    n_points : int
        Number of centres N.
    step : float, optional
        Length of a step as a share of each range. Default: 1/6 for rendered attributes, 1/4 for pixel operations.
    margin : float, optional
        Share of each range that centres keep from both ends. Curves with equal margin share their centres. Default:
        the step of the rendered attributes.
    seed : int
        Seeds the centres, together with the index of the identity; the first k of N are the same for every N.
    attributes : tuple of str
        The attributes along which ends are drawn.
    crop : {None, "arcface", "wide", "mtcnn"}
        Default: the crop that a network wants.
    size : int, optional
        Height and width in pixels. Default: that of the crop.
    dtype : torch.dtype
        uint8, or float32 for images that are not rounded.
    shadows : bool
        Whether faces cast shadows.
    source : optional
        Another object with `render`; default: the parametric generator.

    Raises
    ------
    ValueError
        If an argument is out of range or unknown, or there are several identities.
    """

    identity: Identity
    n_points: int
    step: float | None = None
    margin: float | None = None
    seed: int = 0
    attributes: tuple[str, ...] = tuple(ATTRIBUTES)
    crop: str | None = None
    size: int | None = None
    dtype: torch.dtype = torch.uint8
    shadows: bool = True
    source: object = None

    kind = "curves"

    def __post_init__(self):
        if isinstance(self.identity, Sequence):
            raise ValueError(f"identity must be one Identity; got a sequence of {len(self.identity)}")
        checks.at_least("n_points", self.n_points, 1)
        checks.at_least("seed", self.seed, 0)
        for name in self.attributes:
            checks.one_of("attributes", name, tuple(ATTRIBUTES))
        checks.one_of("crop", self.crop, (None, *CROPS))
        checks.one_of("dtype", self.dtype, (torch.uint8, torch.float32))
        if self.size is not None:
            checks.at_least("size", self.size, 16)
        if self.step is not None and not 0 < self.step < 0.5:
            raise ValueError(f"step must lie between 0 and 0.5, as a share of the range; got {self.step!r}")
        least = self.step or STEPS["rendered"]
        if self.margin is not None and not least <= self.margin < 0.5:
            raise ValueError(
                f"margin must be at least the step of rendered attributes, {least:.3g}, and below 0.5; "
                f"got {self.margin!r}"
            )

    @property
    def key(self) -> dict:
        """What the images depend on."""
        return super().key | {"margin": self._margin, "dtype": str(self.dtype)}

    @property
    def _margin(self) -> float:
        return self.margin or self.step or STEPS["rendered"]

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """Values of the rendered attributes of each centre."""
        return center_table(self.identity, self.n_points, self._margin, self.seed)

    def draw(self, crops: Sequence[str], enlarged: float = 1.0) -> Iterator[dict[str, dict[str, torch.Tensor]]]:
        """Yield the images by crop and name: see `frlib.clouds.Drawing`."""
        sizes = {crop: round(enlarged * (self.size or IMAGE_SIZES[self.crop or crop])) for crop in crops}
        yield {crop: self.images(self.crop or crop, size) for crop, size in sizes.items()}

    def images(self, crop: str, size: int) -> dict[str, torch.Tensor]:
        """Return the images by name."""
        shadows = {} if self.shadows else {"shadows": False}
        options = {"crop": crop, "size": size, "dtype": torch.float32, **shadows}
        draw = render if self.source is None else self.source.render
        ends = [(end, name) for end in ("minus", "plus") for name in self.attributes]
        tables = {"points": self.table}
        for end, name in ends:
            if name in RENDERED:
                tables[f"{end} {name}"] = self.table.assign(**{name: self.table[name] + self._shift(end, name)})
        # In one call, because images that have the pose or the light in common share what is drawn of it.
        drawn = draw(self.identity, pd.concat(tables.values()).to_dict("list"), **options)
        parts = dict(zip(tables, drawn.split(self.n_points), strict=True))
        for end, name in ends:
            if name in PIXELS:
                shift = {name: torch.full((self.n_points,), self._shift(end, name))}
                parts[f"{end} {name}"] = pixels.change(parts["points"], shift)
        if self.dtype == torch.float32:
            return parts
        return {name: images.round().to(torch.uint8) for name, images in parts.items()}

    def _shift(self, end: str, name: str) -> float:
        """Return how far an end lies from the centre, in the unit of the attribute."""
        return step_of(name, self.step) * (-1 if end == "minus" else 1)

    @functools.cached_property
    def _drawn(self) -> dict[str, torch.Tensor]:
        (drawn,) = self.draw(["arcface"])
        return drawn["arcface"]

    @property
    def center(self) -> torch.Tensor:
        """The images of the centres, (N, size, size, 3), RGB in 0..255; drawn once, in the ArcFace crop by default."""
        return self._drawn["points"]

    @property
    def minus(self) -> Mapping[str, torch.Tensor]:
        """By attribute, the centres with that attribute one step lower."""
        return {name: self._drawn[f"minus {name}"] for name in self.attributes}

    @property
    def plus(self) -> Mapping[str, torch.Tensor]:
        """By attribute, the centres with that attribute one step higher."""
        return {name: self._drawn[f"plus {name}"] for name in self.attributes}


@checked
def sample_curves(
    identity: Identity,
    n_points: int,
    *,
    step=None,
    seed: int = 0,
    source=None,
    crop: str = "arcface",
    size: int = 112,
    dtype: torch.dtype = torch.uint8,
) -> Curves:
    """Draw the curves of one identity.

    Parameters
    ----------
    identity, n_points, step, seed, source, crop, size, dtype
        As in `Curves`; centres keep one step away from both ends of each range.

    Returns
    -------
    Curves
        With its images.

    Raises
    ------
    ValueError
        As in `Curves`.
    """
    checks.one_of("crop", crop, tuple(CROPS))
    curves = Curves(identity, n_points, step, None, seed, crop=crop, size=size, dtype=dtype, source=source)
    curves.center  # noqa: B018 (draws the images)
    return curves


@dataclass(frozen=True)
class Tangents(Faces):
    """A drawing of the centres of `Curves`, and how their pixels change with one attribute: its exact derivative.

    Images are not rounded. For illumination they have no shadows, which move in jumps.

    Parameters
    ----------
    identity, n_points, seed
        As in `Curves`.
    attribute : {"hair_color", "illumination", "brightness", "hue", "image_quality"}
    margin : float
        As in `Curves`.

    Raises
    ------
    ValueError
        If the attribute has no exact derivative, or a number is out of range.
    """

    identity: Identity
    n_points: int
    attribute: str
    margin: float = STEPS["rendered"]
    seed: int = 0

    kind = "tangents"

    def __post_init__(self):
        checks.one_of("attribute", self.attribute, SMOOTH)
        checks.at_least("n_points", self.n_points, 1)
        checks.at_least("seed", self.seed, 0)
        if not 0 <= self.margin < 0.5:
            raise ValueError(f"margin must be at least 0 and below 0.5; got {self.margin!r}")

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attribute."""
        return (self.attribute,)

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """Values of the rendered attributes of each centre."""
        return center_table(self.identity, self.n_points, self.margin, self.seed)

    def images(self, crop: str, size: int) -> dict[str, torch.Tensor]:
        """Return the images and their derivatives by name."""
        values, look = self.table.to_dict("list"), {"crop": crop, "size": size}
        shadows = self.attribute != "illumination"
        along = tangent(self.identity, values, self.attribute, **look)
        images = render(self.identity, values, shadows=shadows, dtype=torch.float32, **look)
        return {"points": images, f"along {self.attribute}": along}


def center_table(identity: Identity, n_points: int, margin: float, seed: int) -> pd.DataFrame:
    """Return the values of the rendered attributes of each centre, which keep a share of each range from both ends."""
    table = {}
    for name in RENDERED:
        # A seed for each name: one more attribute leaves the values of the others where they are.
        draws = np.random.default_rng([seed, identity.index, crc32(name.encode())]).random(n_points)
        low, high = ATTRIBUTES[name].low, ATTRIBUTES[name].high
        table[name] = low + (margin + (1 - 2 * margin) * draws) * (high - low)
    return pd.DataFrame(table)
