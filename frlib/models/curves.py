"""Curves of images through networks: centres and their steps along every attribute, as embeddings."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from frlib import checks
from frlib.faces import ATTRIBUTES, Curves, Identity, sample_curves
from frlib.models.embedder import FaceEmbedder
from frlib.models.stored import IMAGE_SIZES, load_or_embed

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

    @functools.cache
    def curves(crop: str) -> Curves:
        return sample_curves(identity, n_points, step=step, seed=seed, crop=crop, size=IMAGE_SIZES[crop])

    depends = {"version": VERSION, "identity": identity.key, "n_points": n_points, "seed": seed, "step": step}
    return {e.name: _embedded(e, depends, curves) for e in embedders}


def _embedded(embedder: FaceEmbedder, depends: dict, curves: Callable[[str], Curves]) -> EmbeddedCurves:
    """Return the stored embeddings of one network, or compute and store them."""

    def build() -> dict[str, torch.Tensor]:
        drawn = curves(embedder.crop)
        ends = {f"{end} {name}": batch for end in ("minus", "plus") for name, batch in getattr(drawn, end).items()}
        parts = {"center": drawn.center, **ends}
        embeddings = embedder.embed(torch.cat(list(parts.values())), progress=False)
        return dict(zip(parts, embeddings.split(depends["n_points"]), strict=True))

    arrays = load_or_embed("curves", embedder, depends, build)
    # A file does not keep the order of its arrays.
    minus, plus = ({name: arrays[f"{end} {name}"] for name in ATTRIBUTES} for end in ("minus", "plus"))
    return EmbeddedCurves(arrays["center"], minus, plus)
