"""Curves of images through networks, drawn in other ways than usual: other steps, crops, alignment or rounding.

The centres do not depend on what is varied, so that results for two variants differ by the variant alone.
"""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from frlib import checks
from frlib.datasets import detector_crops
from frlib.faces import ATTRIBUTES, Identity, pixels, render
from frlib.faces.attributes import PIXELS
from frlib.faces.curves import STEPS, as_type, center_table
from frlib.faces.renderer import CROPS
from frlib.models.curves import EmbeddedCurves
from frlib.models.embedder import FaceEmbedder
from frlib.models.stored import IMAGE_SIZES, load_or_embed

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
    aligned : {"mesh", "detector"}
        Whether crops follow the landmarks of the mesh, or those that a detector finds in each image.
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
        checks.one_of("aligned", self.aligned, ("mesh", "detector"))
        if self.step is not None and not 0 < self.step < 0.5:
            raise ValueError(f"step must lie between 0 and 0.5, as a share of the range; got {self.step!r}")
        if not 0 <= self.margin < 0.5 or self.reach("rendered") > self.margin:
            raise ValueError(
                f"margin must be at least the step of drawn attributes, {self.reach('rendered'):.3g}, and below 0.5; "
                f"got {self.margin!r}"
            )
        if self.aligned == "detector" and not self.rounded:
            raise ValueError("rounded must be True for crops aligned by a detector; got False")

    def reach(self, kind: str) -> float:
        """Return the step of a kind of attribute, as a share of the range."""
        return self.step or STEPS[kind]


def embed_variant(
    embedders: Sequence[FaceEmbedder], identity: Identity, n_points: int, variant: Variant, *, seed: int = 0
) -> dict[str, EmbeddedCurves]:
    """Draw the curves of one identity as a variant says, and embed them with several networks.

    `Variant()` gives the images of `frlib.models.curves.embed_curves`. Results are kept in the user's cache under
    everything that they depend on; networks with equal crops share the images.

    Parameters
    ----------
    embedders : sequence of FaceEmbedder
    identity : Identity
    n_points : int
        Number of centres; the first k of n are the same for every n.
    variant : Variant
    seed : int
        Seeds the centres.

    Returns
    -------
    dict of network name to EmbeddedCurves

    Raises
    ------
    ValueError
        If there is no network, the number of points is below 1 or the seed is negative.
    ImportError
        If crops are aligned by a detector and its package is not installed.
    """
    if not embedders:
        raise ValueError("embedders must hold at least one FaceEmbedder; got none")
    n_points, seed = checks.at_least("n_points", n_points, 1), checks.at_least("seed", seed, 0)

    @functools.cache
    def images(crop: str) -> dict[str, torch.Tensor]:
        return variant_images(identity, n_points, variant, crop, seed)

    def embedded(e: FaceEmbedder) -> EmbeddedCurves:
        depends = {"version": VERSION, "identity": identity.key, "n_points": n_points, "seed": seed, **asdict(variant)}

        def build() -> dict[str, torch.Tensor]:
            parts = images(variant.crop or e.crop)
            found = e.embed(torch.cat(list(parts.values())), progress=False).split(n_points)
            return dict(zip(parts, found, strict=True))

        return _as_curves(load_or_embed("variant", e, depends, build), variant.attributes)

    return {e.name: embedded(e) for e in embedders}


def variant_images(
    identity: Identity, n_points: int, variant: Variant, crop: str, seed: int
) -> dict[str, torch.Tensor]:
    """Return the images of a variant by name: "center", and "minus" and "plus" with the name of each attribute."""
    table = center_table(n_points, {name: variant.margin * (a.high - a.low) for name, a in ATTRIBUTES.items()}, seed)
    size = round(IMAGE_SIZES[crop] * (ENLARGED if variant.aligned == "detector" else 1))
    draw = functools.partial(
        render, identity, crop=crop, size=size, shadows=variant.shadows, dtype=torch.float32, device=None
    )
    parts = {"center": draw(table.to_dict("list"))}
    for sign, end in ((-1, "minus"), (1, "plus")):
        for name in variant.attributes:
            attribute = ATTRIBUTES[name]
            shift = sign * variant.reach(attribute.kind) * (attribute.high - attribute.low)
            if name in PIXELS:
                parts[f"{end} {name}"] = pixels.change(parts["center"], {name: torch.full((n_points,), shift)})
            else:
                parts[f"{end} {name}"] = draw(table.assign(**{name: table[name] + shift}).to_dict("list"))
    parts = {name: as_type(part, torch.uint8 if variant.rounded else torch.float32) for name, part in parts.items()}
    return parts if variant.aligned == "mesh" else {name: _aligned(part, crop) for name, part in parts.items()}


def _aligned(images: torch.Tensor, crop: str) -> torch.Tensor:
    """Return crops at the landmarks that a detector finds; raise where it finds none."""
    crops, detection = detector_crops(images, size=IMAGE_SIZES[crop], crop=crop, margin=MARGIN)
    if len(crops) < len(images):
        row = int((~detection.found).nonzero()[0])
        raise ValueError(f"aligned must be 'mesh' for these images: the detector finds no face in image {row}")
    return crops


def _as_curves(arrays: dict[str, torch.Tensor], attributes: Sequence[str]) -> EmbeddedCurves:
    minus, plus = ({name: arrays[f"{end} {name}"] for name in attributes} for end in ("minus", "plus"))
    return EmbeddedCurves(arrays["center"], minus, plus)
