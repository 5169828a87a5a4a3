"""Curves of images through networks, drawn in other ways than usual: other steps, crops, alignment or rounding.

The centres do not depend on what is varied, so that results for two variants differ by the variant alone.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd
import torch

from frlib import checks
from frlib.clouds import Cloud
from frlib.datasets import align, detect
from frlib.drawings.stored import load_or_embed
from frlib.faces import ATTRIBUTES, Identity, pixels, render
from frlib.faces.attributes import PIXELS
from frlib.faces.crops import CROPS, IMAGE_SIZES
from frlib.faces.curves import STEPS, as_type, center_table
from frlib.models.embedder import FaceEmbedder

# Part of the name of every stored result: raise it when the same images would get other embeddings.
VERSION = 1
#: For the detector, images are drawn larger by this factor and get a border, as a share of the image.
ENLARGED, MARGIN = 1.5, 0.2


@dataclass(frozen=True)
class Variant:
    """How curves are drawn.

    Parameters
    ----------
    attributes : tuple of str
        The attributes along which ends are drawn.
    step : float, optional
        Length of a step as a share of each range. Default: that of `frlib.faces.sample_curves`.
    margin : float
        Share of each range that centres keep from both ends. Variants with equal margin share their centres.
    crop : {None, "arcface", "wide"}
        Default: the crop that the network wants.
    aligned : {"mesh", "detector", "center"}
        Whether crops follow the landmarks of the mesh, those that a detector finds in each image, or, for both ends of
        a curve too, those that it finds in the centre.
    rounded : bool
        Whether images are rounded to 8 bits.
    shadows : bool
        Whether faces cast shadows.
    """

    attributes: tuple[str, ...] = tuple(ATTRIBUTES)
    step: float | None = None
    margin: float = STEPS["rendered"]
    crop: str | None = None
    aligned: str = "mesh"
    rounded: bool = True
    shadows: bool = True

    def __post_init__(self):
        for name in self.attributes:
            checks.one_of("attributes", name, tuple(ATTRIBUTES))
        checks.one_of("crop", self.crop, (None, *CROPS))
        checks.one_of("aligned", self.aligned, ("mesh", "detector", "center"))
        if self.step is not None and not 0 < self.step < 0.5:
            raise ValueError(f"step must lie between 0 and 0.5, as a share of the range; got {self.step!r}")
        if not 0 <= self.margin < 0.5 or self.reach("rendered") > self.margin:
            raise ValueError(
                f"margin must be at least the step of drawn attributes, {self.reach('rendered'):.3g}, and below 0.5; "
                f"got {self.margin!r}"
            )
        if self.aligned != "mesh" and not self.rounded:
            raise ValueError("rounded must be True for crops aligned by a detector; got False")

    def reach(self, kind: str) -> float:
        """Return the step of a kind of attribute, as a share of the range."""
        return self.step or STEPS[kind]


def embed_variants(
    embedders: Sequence[FaceEmbedder],
    identity: Identity,
    n_points: int,
    variants: Sequence[Variant],
    *,
    seed: int = 0,
) -> list[dict[str, Cloud]]:
    """Draw the curves of one identity as each variant says, and embed them with several networks.

    `Variant()` gives the images of `frlib.drawings.curves.embed_curves`. Results are kept in the user's cache under
    everything that they depend on. Networks with equal crops share the images, and variants that follow each other and
    differ in rounding or alignment alone share the drawing.

    Parameters
    ----------
    embedders : sequence of FaceEmbedder
    identity : Identity
    n_points : int
        Number of centres; the first k of n are the same for every n.
    variants : sequence of Variant
    seed : int
        Seeds the centres, together with the index of the identity.

    Returns
    -------
    list of dict of network name to Cloud
        One per variant.

    Raises
    ------
    ValueError
        If there is no network, the number of points is below 1, the seed is negative, or a detector finds no face.
    ImportError
        If crops are aligned by a detector and its package is not installed.
    """
    if not embedders:
        raise ValueError("embedders must hold at least one FaceEmbedder; got none")
    n_points, seed = checks.at_least("n_points", n_points, 1), checks.at_least("seed", seed, 0) + identity.index
    drawing = functools.lru_cache(maxsize=1)(functools.partial(_drawn, identity, n_points, seed))

    def embedded(e: FaceEmbedder, variant: Variant) -> Cloud:
        depends = {"version": VERSION, "identity": identity.key, "n_points": n_points, "seed": seed, **asdict(variant)}

        def build() -> dict[str, torch.Tensor]:
            parts = _finished(drawing, variant, variant.crop or e.crop)
            found = e.embed(torch.cat(list(parts.values())), progress=False).split(n_points)
            return dict(zip(parts, found, strict=True))

        arrays = load_or_embed("variant", e, depends, build)
        minus, plus = ({name: arrays[f"{end} {name}"] for name in variant.attributes} for end in ("minus", "plus"))
        table = _centers(n_points, variant, seed)
        return Cloud(arrays["center"], minus, plus, e.metric, e.name, identity.index, table)

    return [{e.name: embedded(e, variant) for e in embedders} for variant in variants]


def variant_images(
    identity: Identity, n_points: int, variant: Variant, crop: str, seed: int
) -> dict[str, torch.Tensor]:
    """Return the images of a variant by name: "center", and "minus" and "plus" with the name of each attribute."""
    return _finished(functools.partial(_drawn, identity, n_points, seed + identity.index), variant, crop)


def _centers(n_points: int, variant: Variant, seed: int) -> pd.DataFrame:
    """Return the attribute values of the centres."""
    return center_table(n_points, {name: variant.margin * (a.high - a.low) for name, a in ATTRIBUTES.items()}, seed)


def _drawn(
    identity: Identity, n_points: int, seed: int, variant: Variant, crop: str, size: int
) -> dict[str, torch.Tensor]:
    """Return float images by name; of the variant, neither rounding nor alignment nor crop is looked at."""
    table = _centers(n_points, variant, seed)
    options = {"crop": crop, "size": size, "shadows": variant.shadows, "dtype": torch.float32}
    parts = {"center": render(identity, table.to_dict("list"), **options)}
    for sign, end in ((-1, "minus"), (1, "plus")):
        for name in variant.attributes:
            attribute = ATTRIBUTES[name]
            shift = sign * variant.reach(attribute.kind) * (attribute.high - attribute.low)
            if name in PIXELS:
                parts[f"{end} {name}"] = pixels.change(parts["center"], {name: torch.full((n_points,), shift)})
            else:
                moved = table.assign(**{name: table[name] + shift})
                parts[f"{end} {name}"] = render(identity, moved.to_dict("list"), **options)
    return parts


def _finished(drawing: Callable, variant: Variant, crop: str) -> dict[str, torch.Tensor]:
    """Return drawn images, rounded and aligned as the variant says."""
    size = round(IMAGE_SIZES[crop] * (1 if variant.aligned == "mesh" else ENLARGED))
    # What does not change the drawing is left at its default, so that variants can share one.
    parts = drawing(replace(variant, rounded=True, aligned="mesh", crop=None), crop, size)
    parts = {name: as_type(part, torch.uint8 if variant.rounded else torch.float32) for name, part in parts.items()}
    if variant.aligned == "mesh":
        return parts
    if variant.aligned == "detector":
        return {name: _cut(part, _landmarks(part), crop) for name, part in parts.items()}
    center = _landmarks(parts["center"])
    return {name: _cut(part, center, crop) for name, part in parts.items()}


def _landmarks(images: torch.Tensor) -> torch.Tensor:
    """Return the landmarks that a detector finds; raise where it finds no face."""
    detection = detect(images, margin=MARGIN)
    if not detection.found.all():
        row = int((~detection.found).nonzero()[0])
        raise ValueError(f"aligned must be 'mesh' for these images: the detector finds no face in image {row}")
    return detection.landmarks


def _cut(images: torch.Tensor, landmarks: torch.Tensor, crop: str) -> torch.Tensor:
    return align(images, landmarks, size=IMAGE_SIZES[crop], crop=crop)
