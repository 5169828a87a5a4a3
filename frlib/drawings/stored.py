"""Embeddings of drawn images, kept in the user's cache under everything that they depend on."""

from collections.abc import Callable, Mapping

import torch

from frlib import store
from frlib.faces import GENERATOR
from frlib.faces.crops import IMAGE_SIZES
from frlib.models.embedder import FaceEmbedder


def load_or_embed(
    kind: str, embedder: FaceEmbedder, depends: Mapping, build: Callable[[], dict[str, torch.Tensor]]
) -> dict[str, torch.Tensor]:
    """Return the stored arrays of one network, or build and store them.

    Parameters
    ----------
    kind : str
        First part of the file's name.
    embedder : FaceEmbedder
        Its weights and the size of its crop are part of what the arrays depend on, as is the version of the generator.
    depends : mapping
        All else that they depend on, for JSON; with a ``version`` to raise when the same images would get other arrays.
    build : callable
        Makes the arrays.
    """
    parameters = {
        "generator": GENERATOR,
        "weights": store.arrays_digest(embedder.network.state_dict()),
        "image_size": IMAGE_SIZES[embedder.crop],
        **depends,
    }
    return store.load_or_build(f"{kind}-{embedder.name}", parameters, build)
