"""People with known binary attributes, one or more images each, and the same person with one attribute switched."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from frlib import checks
from frlib.arguments import checked
from frlib.faces import GENERATOR
from frlib.faces.drawing import Faces
from frlib.faces.generator.renderer import render
from frlib.faces.identity import Identity, sample_identities
from frlib.faces.population import (
    ATTRIBUTE_NAMES,
    PASSED,
    SPLITS,
    TABLE,
    derive,
    draw_population,
    render_values,
    variants,
)

#: A Gaussian value that makes an attribute true (or false, with the other sign) whatever its rate.
CERTAIN = 8.0


@dataclass(frozen=True, eq=False)
class People(Faces):
    """A drawing of people with given binary attributes.

    With the people of the same seed the images are those of `frlib.faces.sample_population`.

    Parameters
    ----------
    people : Identity or sequence of N
        Whom each image shows: members of `frlib.faces.sample_identities`.
    table, latent : DataFrame, N rows
        Binary attributes and latent values: rows of `frlib.faces.draw_population`, or of `switched`.

    Raises
    ------
    ValueError
        If there is no row, or the numbers of rows differ.
    """

    people: Identity | Sequence[Identity]
    table: pd.DataFrame
    latent: pd.DataFrame

    kind, attributes, identity = "people", (), None

    def __post_init__(self):
        if not len(self._one_for_each) == len(self.table) == len(self.latent) > 0:
            lengths = f"{len(self._one_for_each)}, {len(self.table)} and {len(self.latent)}"
            raise ValueError(f"people, table and latent must have the same number of rows, at least 1; got {lengths}")

    @property
    def _one_for_each(self) -> list[Identity]:
        return [self.people] * len(self.table) if isinstance(self.people, Identity) else list(self.people)

    @property
    def _shown(self) -> list[Identity]:
        return variants(self._one_for_each, self.table, self.latent)

    @property
    def _values(self) -> dict[str, list[float]]:
        return self.latent[list(PASSED)].to_dict("list")

    @property
    def key(self) -> dict:
        """What the images depend on."""
        return {"generator": GENERATOR, "people": [p.key for p in self._shown], "attributes": self._values}

    def images(self, crop: str, size: int) -> dict:
        """Return the images by name."""
        return {"points": render(self._shown, self._values, crop=crop, size=size)}


@checked
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


@checked
def switches(person: Identity, latent: pd.DataFrame, names: Sequence[str]) -> People:
    """Return the drawing of one person with each attribute off and on: images 2 k and 2 k + 1 are those of name k.

    Parameters
    ----------
    person : Identity
    latent : DataFrame, one row
        Of `frlib.faces.draw_population`, the person's.
    names : sequence of str
        Attributes, see `switched`.

    Raises
    ------
    ValueError
        As in `switched`, or if there is no name.
    """
    if not len(names):
        raise ValueError("names must hold at least one attribute; got none")
    pairs = zip(*(switched(latent, name) for name in names), strict=True)
    return People(person, *(pd.concat(part, ignore_index=True) for part in pairs))


@checked
def crowd(n_identities: int, images_per_identity: int, seed: int, *, together: int = 4) -> list[People]:
    """Return the images of `frlib.faces.sample_population` as drawings, a few people in each.

    Parameters
    ----------
    n_identities, images_per_identity, seed : int
        As in `frlib.faces.draw_population`, which gives the labels.
    together : int
        People per drawing; the last one may have fewer.
    """
    identities, attributes, latent = draw_population(n_identities, images_per_identity, seed)
    people = sample_identities(n_identities, seed)
    size = checks.at_least("together", together, 1) * images_per_identity
    blocks = [slice(start, start + size) for start in range(0, len(identities), size)]
    return [People([people[i] for i in identities[b]], attributes[b], latent[b]) for b in blocks]


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
