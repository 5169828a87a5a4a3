"""A part of a data set that is small enough to look at: some people with some photographs each, one face on each."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from frlib import checks
from frlib.datasets.cleaning import at_least_images, clean, one_face
from frlib.datasets.crops import Crops
from frlib.datasets.finding import find_faces
from frlib.datasets.photographs import Photographs


class Sample(NamedTuple):
    """Some people of a data set.

    Parameters
    ----------
    crops : list of Crops
        One per person; empty where fewer than two people are left.
    steps : DataFrame
        ``step``; ``images`` and ``people``, how many there are after it.
    """

    crops: list[Crops]
    steps: pd.DataFrame


def sample_people(
    photographs: Photographs,
    n_people: int,
    n_images: int,
    *,
    least: int = 2,
    seed: int = 0,
    device=None,
    n_jobs: int | None = None,
    progress: bool = True,
) -> Sample:
    """Draw people and photographs of each, find the faces, and keep photographs with exactly one.

    Parameters
    ----------
    photographs : Photographs
    n_people, n_images : int
        Most people, and most photographs of each, that are searched; both are drawn at random.
    least : int
        People with fewer photographs are left out, before the search and after it. At least 2.
    seed : int
    device : str, optional
        See `frlib.runtime.choose_device`.
    n_jobs, progress
        As in `frlib.runtime.spread`.

    Returns
    -------
    Sample

    Raises
    ------
    ValueError
        If a number is not accepted.
    """
    for name, value, low in (("n_people", n_people, 2), ("n_images", n_images, 2), ("least", least, 2)):
        checks.at_least(name, value, low)
    rows = _drawn_rows(photographs, n_people, n_images, least, seed)
    identities = np.array(photographs.identities, dtype=object)
    drawn_people = len(set(identities[rows]))
    counts = [("all", len(photographs), len(photographs.people)), ("drawn at random", len(rows), drawn_people)]
    searched = pd.DataFrame(counts, columns=["step", "images", "people"])
    if drawn_people < 2:
        return Sample([], searched)
    drawn = photographs.take(rows)
    faces = find_faces(drawn, device, n_jobs, progress)
    try:
        cleaned = clean(drawn, [one_face(faces), at_least_images(least)])
    except ValueError:  # nothing is left
        return Sample([], searched)
    steps = pd.concat([searched, cleaned.steps[list(searched)]], ignore_index=True)
    people, faces = cleaned.photographs.people, faces.take(cleaned.rows)
    crops = [Crops(cleaned.photographs, faces, person) for person in people] if len(people) > 1 else []
    return Sample(crops, steps)


def _drawn_rows(photographs: Photographs, n_people: int, n_images: int, least: int, seed: int) -> np.ndarray:
    """Return the rows of photographs drawn at random of people drawn at random, in order."""
    codes, names = pd.factorize(np.array(photographs.identities, dtype=object))
    generator = np.random.default_rng(seed)
    enough = np.flatnonzero(np.bincount(codes) >= least)
    people = generator.permutation(enough)[:n_people]
    shuffled = generator.permutation(len(codes))
    place = pd.Series(shuffled).groupby(codes[shuffled]).cumcount().to_numpy()
    return np.sort(shuffled[(place < n_images) & np.isin(codes[shuffled], people)])
