"""Curves of images through networks: centres and their steps along every attribute, as embeddings."""

import functools
from collections.abc import Callable, Sequence

import torch

from frlib import checks
from frlib.clouds import Cloud
from frlib.drawings.stored import load_or_embed
from frlib.faces import ATTRIBUTES, Curves, Identity, sample_curves
from frlib.faces.crops import IMAGE_SIZES
from frlib.faces.curves import center_table, reach
from frlib.models.embedder import FaceEmbedder

# Part of the name of every stored result: raise it when the same images would get other embeddings.
VERSION = 1


def embed_curves(
    embedders: Sequence[FaceEmbedder], identity: Identity, n_points: int, *, seed: int = 0, step: float | None = None
) -> dict[str, Cloud]:
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
    seed : int
        Seeds the centres, together with the index of the identity; the first k of n are the same for every n.
    step : float, optional
        As in `frlib.faces.sample_curves`.

    Returns
    -------
    dict of network name to Cloud

    Raises
    ------
    ValueError
        If there is no network, or `sample_curves` does not accept an argument.
    """
    if not embedders:
        raise ValueError("embedders must hold at least one FaceEmbedder; got none")
    n_points, seed = checks.at_least("n_points", n_points, 1), checks.at_least("seed", seed, 0) + identity.index

    @functools.cache
    def curves(crop: str) -> Curves:
        return sample_curves(identity, n_points, step=step, seed=seed, crop=crop, size=IMAGE_SIZES[crop])

    depends = {"version": VERSION, "identity": identity.key, "n_points": n_points, "seed": seed, "step": step}
    return {e.name: _embedded(e, identity, depends, curves) for e in embedders}


def _embedded(embedder: FaceEmbedder, identity: Identity, depends: dict, curves: Callable[[str], Curves]) -> Cloud:
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
    table = center_table(depends["n_points"], reach(depends["step"]), depends["seed"])
    return Cloud(arrays["center"], minus, plus, embedder.metric, embedder.name, identity.index, table)
