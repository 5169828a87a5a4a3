"""Can networks tell the drawn people apart? Several images of each identity through several networks."""

import functools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.clouds import Cloud
from frlib.datasets import detect
from frlib.drawings.stored import load_or_embed
from frlib.faces import ATTRIBUTES, Identity, render
from frlib.faces.crops import IMAGE_SIZES, align, similarity, template
from frlib.models.embedder import FaceEmbedder

# Part of the name of every stored result: raise it when the same images would get other embeddings.
VERSION = 1
#: Largest head angle to either side, in degrees.
HEAD_ANGLE = 20.0
#: For the detector, images are drawn larger by this factor and get a border, as a share of the image.
ENLARGED, MARGIN = 1.5, 0.4
#: The crop that the detector sees.
SEARCHED = "arcface"


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
) -> dict[str, Cloud]:
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
    dict of network name to Cloud
        With the attributes of the images in its table.

    Raises
    ------
    ValueError
        If there is no network, or `varied_attributes` does not accept an argument.
    """
    if not embedders:
        raise ValueError("embedders must hold at least one FaceEmbedder; got none")
    table = varied_attributes(identity, n_images, seed=seed)
    attributes = table.to_dict("list")

    @functools.cache
    def images(crop: str) -> torch.Tensor:
        return render(identity, attributes, crop=crop, size=IMAGE_SIZES[crop])

    def embedded(e: FaceEmbedder) -> Cloud:
        arrays = load_or_embed(
            "recognition",
            e,
            _depends(identity, attributes, seed),
            lambda: {"embeddings": e.embed(images(e.crop), progress=False)},
        )
        return Cloud(arrays["embeddings"], metric=e.metric, network=e.name, identity=identity.index, table=table)

    return {e.name: embedded(e) for e in embedders}


def embed_detected(
    embedders: Sequence[FaceEmbedder], identity: Identity, n_images: int, *, seed: int = 0
) -> dict[str, Cloud]:
    """Embed the images of `embed_identity`, but cut to the landmarks that a detector finds.

    Each drawing is searched once: in the ArcFace crop, drawn larger by `ENLARGED`, with a margin in the background
    colour. It is cut again to the landmarks found. For networks that want the wide crop, the landmarks are carried over
    to the wide crop of the same scene, as large, which is cut again in the same way. Results are kept in the user's
    cache like those of `embed_identity`.

    Parameters
    ----------
    embedders, identity, n_images, seed
        As in `embed_identity`.

    Returns
    -------
    dict of network name to Cloud
        Of the images in which a face was found, in their order; the index of its table says which of them.

    Raises
    ------
    ValueError
        If `varied_attributes` does not accept an argument.
    ImportError
        If the detector's package is not installed.
    """
    table = varied_attributes(identity, n_images, seed=seed)
    attributes = table.to_dict("list")

    @functools.cache
    def images(crop: str) -> torch.Tensor:
        return render(identity, attributes, crop=crop, size=enlarged(crop))

    search = functools.cache(lambda: detect(images(SEARCHED), margin=MARGIN))

    def detected(e: FaceEmbedder) -> Cloud:
        def build() -> dict[str, torch.Tensor]:
            found, embeddings = search().found, torch.empty(0, e.dim)
            if found.any():
                landmarks = carried(search().landmarks[found], e.crop)
                crops = align(images(e.crop)[found], landmarks, size=IMAGE_SIZES[e.crop], crop=e.crop)
                embeddings = e.embed(crops, progress=False)
            return {"embeddings": embeddings, "found": found}

        depends = _depends(identity, attributes, seed) | {"margin": MARGIN, "enlarged": ENLARGED, "searched": SEARCHED}
        arrays = load_or_embed("detected", e, depends, build)
        own = table[arrays["found"].numpy()]
        return Cloud(arrays["embeddings"], metric=e.metric, network=e.name, identity=identity.index, table=own)

    return {e.name: detected(e) for e in embedders}


def enlarged(crop: str) -> int:
    """Return the pixels of the images that the detector sees."""
    return round(ENLARGED * IMAGE_SIZES[crop])


def carried(landmarks: torch.Tensor, crop: str) -> torch.Tensor:
    """Carry positions in images of the crop `SEARCHED` over to images of another crop of the same scene.

    Every crop is a similarity of the camera's picture that brings the same five points of the mesh onto its template,
    so the two frames differ by the similarity between the templates.
    """
    source, target = (template(name, enlarged(name)) for name in (SEARCHED, crop))
    back = similarity(target[None], source).inverse()
    return landmarks @ back.matrix[0].T + back.shift[0]


def _depends(identity: Identity, attributes: dict, seed: int) -> dict:
    """Return what the images depend on."""
    return {"version": VERSION, "identity": identity.key, "attributes": attributes, "seed": int(seed)}
