"""Exact derivatives of embeddings by an attribute, where the image has one."""

from collections.abc import Sequence

import torch

from frlib import checks
from frlib.drawings.stored import load_or_embed
from frlib.faces import ATTRIBUTES, Identity, render, tangent
from frlib.faces.crops import IMAGE_SIZES
from frlib.faces.curves import center_table
from frlib.faces.generator.tangent import SMOOTH
from frlib.models.embedder import FaceEmbedder

# Part of the name of every stored result: raise it when the same images would get other derivatives.
VERSION = 1
#: Images whose derivatives are computed together.
BATCH = 8


def push_forward(embedder: FaceEmbedder, images: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Return the derivative of the embedding in a direction of the image, by `torch.func.jvp`.

    Parameters
    ----------
    embedder : FaceEmbedder
    images, directions : Tensor, shape (N, S, S, 3)
        Float images in 0..255, and how each pixel changes.

    Returns
    -------
    Tensor, shape (N, d)
        Of the raw embedding, per unit of the direction.
    """
    device, parts = embedder.device, []
    with torch.no_grad():
        for image, direction in zip(images.split(BATCH), directions.split(BATCH), strict=True):
            pair = (image.to(device),), (direction.to(device),)
            parts.append(torch.func.jvp(lambda x: embedder.network(embedder.preprocess(x)), *pair)[1].cpu())
    return torch.cat(parts)


def embed_tangents(
    embedder: FaceEmbedder,
    identity: Identity,
    n_points: int,
    *,
    attributes: Sequence[str] = SMOOTH,
    margin: float,
    seed: int = 0,
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return centres of one identity and the exact derivatives of their embeddings by each attribute.

    Images are not rounded. For illumination they have no shadows, which move in jumps.

    Parameters
    ----------
    embedder : FaceEmbedder
    identity : Identity
    n_points : int
    attributes : sequence of {"hair_color", "illumination", "brightness", "hue", "image_quality"}
    margin : float
        Share of each range that centres keep from both ends, as in `frlib.drawings.Variant`.
    seed : int
        Seeds the centres, together with the index of the identity.

    Returns
    -------
    dict of attribute to (center, derivative)
        Tensors of shape (N, d): the raw embedding, and its derivative per unit of the attribute.

    Raises
    ------
    ValueError
        If an attribute has no exact derivative, or a number is not accepted.
    """
    n_points, seed = checks.at_least("n_points", n_points, 1), checks.at_least("seed", seed, 0) + identity.index
    for name in attributes:
        checks.one_of("attributes", name, SMOOTH)
    if not 0 <= margin < 0.5:
        raise ValueError(f"margin must be at least 0 and below 0.5; got {margin!r}")
    table = center_table(n_points, {name: margin * (a.high - a.low) for name, a in ATTRIBUTES.items()}, seed)
    values, options = table.to_dict("list"), {"crop": embedder.crop, "size": IMAGE_SIZES[embedder.crop]}

    def build(name: str) -> dict[str, torch.Tensor]:
        images = render(identity, values, shadows=name != "illumination", dtype=torch.float32, **options)
        derivative = push_forward(embedder, images, tangent(identity, values, name, **options))
        return {"center": embedder.embed(images, progress=False), "derivative": derivative}

    found = {}
    for name in attributes:
        depends = {"version": VERSION, "identity": identity.key, "n_points": n_points, "seed": seed}
        depends |= {"margin": margin, "attribute": name}
        arrays = load_or_embed("tangents", embedder, depends, lambda name=name: build(name))
        found[name] = arrays["center"], arrays["derivative"]
    return found
