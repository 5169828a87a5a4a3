"""Curves of images through networks: centres and their steps along every attribute, as embeddings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from frlib import checks, store
from frlib.faces import GENERATOR, Identity, sample_curves
from frlib.models.embedder import FaceEmbedder

# Part of the name of every stored result: raise it when the same images would get other embeddings.
VERSION = 1


@dataclass(frozen=True)
class EmbeddedCurves:
    """Embeddings of the curves of one identity in one network.

    Parameters
    ----------
    center : Tensor, shape (N, d)
        The shared centres.
    minus, plus : mapping of attribute to Tensor, shape (N, d)
        One step down and up from each centre.
    """

    center: torch.Tensor
    minus: Mapping[str, torch.Tensor]
    plus: Mapping[str, torch.Tensor]


def embed_curves(
    embedders: Sequence[FaceEmbedder], identity: Identity, n_points: int, *, seed: int = 0, step: float | None = None
) -> dict[str, EmbeddedCurves]:
    """Draw the curves of one identity and embed them with several networks.

    Networks that want the same crop share the images. Results are kept in the user's cache under everything that they
    depend on: the identity, the version of the generator, the weights, and the arguments.

    Parameters
    ----------
    embedders : sequence of FaceEmbedder
    identity : Identity
        One of `frlib.faces.sample_identities`.
    n_points : int
        Number of centres.
    seed, step
        As in `frlib.faces.sample_curves`.

    Returns
    -------
    dict of network name to EmbeddedCurves

    Raises
    ------
    ValueError
        If there is no network, or `sample_curves` does not accept an argument.
    """
    if not embedders:
        raise ValueError("embedders must hold at least one FaceEmbedder; got none")
    n_points, seed = checks.at_least("n_points", n_points, 1), checks.at_least("seed", seed, 0)
    drawn: dict[tuple, object] = {}

    def images(embedder: FaceEmbedder):
        view = {"crop": embedder.crop, "size": IMAGE_SIZES[embedder.crop]}
        key = tuple(view.values())
        if key not in drawn:
            drawn[key] = sample_curves(identity, n_points, step=step, seed=seed, **view)
        return drawn[key]

    return {embedder.name: _embedded(embedder, identity, n_points, seed, step, images) for embedder in embedders}


#: Pixels of the drawn images by crop: the ArcFace crop as in paper A, the wide one as dlib wants it.
IMAGE_SIZES = {"arcface": 112, "wide": 150}


def _embedded(embedder: FaceEmbedder, identity: Identity, n_points: int, seed: int, step, images) -> EmbeddedCurves:
    """Return the stored embeddings of one network, or compute and store them."""
    parameters = {
        "version": VERSION,
        "generator": GENERATOR,
        "identity": identity.key,
        "weights": store.arrays_digest(embedder.network.state_dict()),
        "image_size": IMAGE_SIZES[embedder.crop],
        "n_points": n_points,
        "seed": seed,
        "step": step,
    }

    def build() -> dict[str, torch.Tensor]:
        curves = images(embedder)
        ends = {f"{end} {name}": batch for end in ("minus", "plus") for name, batch in getattr(curves, end).items()}
        parts = {"center": curves.center, **ends}
        embeddings = embedder.embed(torch.cat(list(parts.values())), progress=False)
        return dict(zip(parts, embeddings.split(n_points), strict=True))

    arrays = store.load_or_build(f"curves-{embedder.name}", parameters, build)
    minus, plus = (
        {name.split(" ", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{end} ")}
        for end in ("minus", "plus")
    )
    return EmbeddedCurves(arrays["center"], minus, plus)
