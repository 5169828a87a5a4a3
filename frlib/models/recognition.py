"""Can networks tell the drawn people apart? Several images of each identity through several networks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from frlib import checks, store
from frlib.faces import ATTRIBUTES, GENERATOR, Identity, render
from frlib.models.curves import IMAGE_SIZES
from frlib.models.embedder import FaceEmbedder

# Part of the name of every stored result: raise it when the same images would get other embeddings.
VERSION = 1
#: Largest head angle to either side, in degrees.
HEAD_ANGLE = 20.0


def varied_attributes(identity: Identity, n_images: int, *, seed: int = 0) -> pd.DataFrame:
    """Draw the attributes of several images of one identity: head angle, light and smile vary.

    Parameters
    ----------
    identity : Identity
    n_images : int
        The first k of n are the same for every n.
    seed : int

    Returns
    -------
    DataFrame, n_images rows
        ``head_angle`` uniform on -20..20 degrees, ``illumination`` and ``expression`` uniform on their ranges. All
        other attributes are neutral.

    Raises
    ------
    ValueError
        If the number of images is below 1 or the seed is negative.
    """
    checks.at_least("n_images", n_images, 1)
    checks.at_least("seed", seed, 0)
    light, smile = ATTRIBUTES["illumination"], ATTRIBUTES["expression"]
    draws = np.random.default_rng([seed, identity.seed, identity.index]).random((n_images, 3))
    low = np.array([-HEAD_ANGLE, light.low, smile.low])
    high = np.array([HEAD_ANGLE, light.high, smile.high])
    return pd.DataFrame(low + draws * (high - low), columns=["head_angle", "illumination", "expression"])


def embed_identity(
    embedders: Sequence[FaceEmbedder], identity: Identity, n_images: int, *, seed: int = 0
) -> dict[str, torch.Tensor]:
    """Draw several images of one identity and embed them with several networks.

    Crops are aligned to landmarks of the mesh. Networks that want the same crop share the images. Results are kept in
    the user's cache under everything that they depend on.

    Parameters
    ----------
    embedders : sequence of FaceEmbedder
    identity : Identity
    n_images, seed
        As in `varied_attributes`.

    Returns
    -------
    dict of network name to Tensor, shape (n_images, d)

    Raises
    ------
    ValueError
        If there is no network, or `varied_attributes` does not accept an argument.
    """
    if not embedders:
        raise ValueError("embedders must hold at least one FaceEmbedder; got none")
    attributes = varied_attributes(identity, n_images, seed=seed).to_dict("list")
    drawn: dict[str, torch.Tensor] = {}

    def images(crop: str) -> torch.Tensor:
        if crop not in drawn:
            drawn[crop] = render(identity, attributes, crop=crop, size=IMAGE_SIZES[crop])
        return drawn[crop]

    return {e.name: _embedded(e, identity, attributes, seed, lambda e=e: images(e.crop)) for e in embedders}


def _embedded(embedder: FaceEmbedder, identity: Identity, attributes: dict, seed: int, images) -> torch.Tensor:
    """Return the stored embeddings of one network, or compute and store them."""
    parameters = {
        "version": VERSION,
        "generator": GENERATOR,
        "identity": identity.key,
        "weights": store.arrays_digest(embedder.network.state_dict()),
        "image_size": IMAGE_SIZES[embedder.crop],
        "attributes": attributes,
        "seed": int(seed),
    }

    def build() -> dict[str, torch.Tensor]:
        return {"embeddings": embedder.embed(images(), progress=False)}

    return store.load_or_build(f"recognition-{embedder.name}", parameters, build)["embeddings"]
