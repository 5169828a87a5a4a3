"""People with known binary attributes through networks, and the same person with one attribute switched."""

import functools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import norm

from frlib import checks
from frlib.drawings.stored import load_or_embed
from frlib.faces import Identity, render
from frlib.faces.crops import IMAGE_SIZES
from frlib.faces.population import ATTRIBUTE_NAMES, PASSED, SPLITS, TABLE, derive, render_values, variants
from frlib.models.embedder import FaceEmbedder

# Part of the name of every stored result: raise it when the same images would get other embeddings.
VERSION = 1
#: A Gaussian value that makes an attribute true (or false, with the other sign) whatever its rate.
CERTAIN = 8.0


def embed_people(
    embedders: Sequence[FaceEmbedder],
    people: Identity | Sequence[Identity],
    attributes: pd.DataFrame,
    latent: pd.DataFrame,
) -> dict[str, torch.Tensor]:
    """Draw images of people with given binary attributes and embed them with several networks.

    Networks that want the same crop share the images. Results are kept in the user's cache under everything that they
    depend on.

    Parameters
    ----------
    embedders : sequence of FaceEmbedder
    people : Identity or sequence of N
        Whom each image shows: members of `frlib.faces.sample_identities`.
    attributes, latent : DataFrame, N rows
        Rows of `frlib.faces.draw_population`, or of `switched`. With the people of the same seed the images are those
        of `frlib.faces.sample_population`.

    Returns
    -------
    dict of network name to Tensor, shape (N, d)

    Raises
    ------
    ValueError
        If there is no network or no row, or the numbers of rows differ.
    """
    if not embedders:
        raise ValueError("embedders must hold at least one FaceEmbedder; got none")
    people = _one_for_each(people, attributes, latent)
    images = functools.cache(lambda crop: draw_people(people, attributes, latent, crop=crop))
    shown = [person.key for person in variants(people, attributes, latent)]
    depends = {"version": VERSION, "people": shown, "attributes": latent[list(PASSED)].to_dict("list")}

    def embedded(e: FaceEmbedder) -> torch.Tensor:
        arrays = load_or_embed(
            "population", e, depends, lambda: {"embeddings": e.embed(images(e.crop), progress=False)}
        )
        return arrays["embeddings"]

    return {e.name: embedded(e) for e in embedders}


def draw_people(people, attributes: pd.DataFrame, latent: pd.DataFrame, *, crop: str) -> torch.Tensor:
    """Return the images (N, size, size, 3) that `embed_people` embeds, uint8; the size belongs to the crop."""
    shown = variants(_one_for_each(people, attributes, latent), attributes, latent)
    return render(shown, latent[list(PASSED)].to_dict("list"), crop=crop, size=IMAGE_SIZES[crop])


def _one_for_each(people, attributes: pd.DataFrame, latent: pd.DataFrame) -> list[Identity]:
    """Return the person of each row."""
    people = [people] * len(attributes) if isinstance(people, Identity) else list(people)
    if not len(people) == len(attributes) == len(latent) > 0:
        lengths = f"{len(people)}, {len(attributes)} and {len(latent)}"
        raise ValueError(f"people, attributes and latent must have the same number of rows, at least 1; got {lengths}")
    return people


def switched(latent: pd.DataFrame, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return an image's attributes and latent values twice: with one attribute off, and with it on.

    An intervention: the hidden value behind the attribute is set, everything else stays as it was, pose and light
    included, and no label is flipped. What the attribute needs is granted to both images: a man for a beard, a smile
    for an open mouth. Attributes that share a hidden value switch to a neighbour: a goatee or a moustache to a full
    beard, black or blond hair to brown, brown to black.

    Parameters
    ----------
    latent : DataFrame, one row
        Of `frlib.faces.draw_population`.
    name : str
        One of its attributes.

    Returns
    -------
    attributes, latent : DataFrame, two rows
        The first row without the attribute, the second with it.

    Raises
    ------
    ValueError
        If the name is unknown or there is not one row.
    """
    checks.one_of("name", name, ATTRIBUTE_NAMES)
    if len(latent) != 1:
        raise ValueError(f"latent must have one row; got {len(latent)}")
    both = pd.concat([latent, latent], ignore_index=True)
    for hidden, off, on in _settings(name):
        both[f"z_{hidden}"] = [off, on]
    attributes = derive(both, np.zeros((2, len(TABLE)), bool))
    both = both.assign(**render_values(attributes, both))
    return attributes[list(ATTRIBUTE_NAMES)], both


def _settings(name: str) -> list[tuple[str, float, float]]:
    """Return the hidden values to set, as (hidden value, without the attribute, with it)."""
    split = next((hidden for hidden, parts in SPLITS.items() if name in dict(parts)), None)
    if split:
        other = {"Goatee": "full", "Mustache": "full", "Brown_Hair": "Black_Hair"}.get(name, "Brown_Hair")
        middle = _middles(split)
        return [*_NEEDED[split], (split, middle[other], middle[name])]
    if name == "No_Beard":
        return [("Male", CERTAIN, CERTAIN), ("Beard", CERTAIN, -CERTAIN)]
    among = next(row.among for row in TABLE if row.name == name)
    needed = {"": [], "Female": [("Male", -CERTAIN, -CERTAIN)]}.get(among, [(among, CERTAIN, CERTAIN)])
    return [*needed, (name, -CERTAIN, CERTAIN)]


#: Hair has a colour of its own where it is neither grey nor gone; a beard has a kind where there is one.
_NEEDED = {
    "hair": [("Gray_Hair", -CERTAIN, -CERTAIN), ("Bald", -CERTAIN, -CERTAIN)],
    "kind": [("Male", CERTAIN, CERTAIN), ("Beard", CERTAIN, CERTAIN)],
}


def _middles(split: str) -> dict[str, float]:
    """Return the Gaussian value in the middle of each part's share."""
    edges = np.cumsum([0.0, *(share for _, share in SPLITS[split])])
    return dict(zip(dict(SPLITS[split]), norm.ppf((edges[1:] + edges[:-1]) / 2), strict=True))
