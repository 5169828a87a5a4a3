"""Paper A's cleaning of photographs, step by step, with the numbers of images and people before and after."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from frlib import checks
from frlib.datasets.crops import embedded_rows
from frlib.datasets.finding import Faces
from frlib.datasets.photographs import Photographs
from frlib.geometry import pair_distances


@dataclass(frozen=True)
class Step:
    """One step of a cleaning.

    Parameters
    ----------
    name : str
    keep : callable
        Gets the rows of the photographs that are still there, (n,), and who is on them, (n,), and returns which stay,
        bool (n,).
    """

    name: str
    keep: Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Cleaned:
    """What a cleaning leaves.

    Parameters
    ----------
    photographs : Photographs
    rows : ndarray of int
        Where they were among the photographs before.
    steps : DataFrame, one row per step
        ``step``, its name; ``images_before``, ``images``, ``people_before``, ``people``: numbers before and after it.
    """

    photographs: Photographs
    rows: np.ndarray
    steps: pd.DataFrame


def clean(photographs: Photographs, steps: Sequence[Step]) -> Cleaned:
    """Apply steps of cleaning one after the other.

    Those of paper A's code are ``[at_least_images(30), one_face(faces), at_least_images(25), without_outliers(clouds),
    at_least_images(25)]``. Its text says "more than 30 images". The authors' notebook on attributes at the macroscale
    takes what is left after the first two.

    Parameters
    ----------
    photographs : Photographs
    steps : sequence of Step

    Returns
    -------
    Cleaned

    Raises
    ------
    ValueError
        If no photograph is left; the message names the step.
    """
    identities, rows, table = np.array(photographs.identities), np.arange(len(photographs)), []
    for step in steps:
        kept = rows[np.asarray(step.keep(rows, identities[rows]), dtype=bool)]
        counts = [count for some in (rows, kept) for count in (len(some), len(np.unique(identities[some])))]
        table.append((step.name, counts[0], counts[2], counts[1], counts[3]))
        rows = kept
        if not len(rows):
            raise ValueError(f"steps must leave a photograph; after {step.name!r} none is left of {counts[0]}")
    columns = ["step", "images_before", "images", "people_before", "people"]
    return Cleaned(photographs.take(rows), rows, pd.DataFrame(table, columns=columns))


def one_face(faces: Faces) -> Step:
    """Keep the photographs on which exactly one face was found: see `frlib.datasets.find_faces`.

    Parameters
    ----------
    faces : Faces
        Of the photographs that are cleaned.
    """
    alone = (faces.table["faces"] == 1).to_numpy()
    return Step("exactly one face", lambda rows, identities: alone[rows])


def at_least_images(number: int = 30) -> Step:
    """Keep the people who have at least so many photographs.

    Parameters
    ----------
    number : int

    Raises
    ------
    ValueError
        If the number is no positive integer.
    """
    checks.at_least("number", number, 1)

    def keep(rows: np.ndarray, identities: np.ndarray) -> np.ndarray:
        return pd.Series(identities).map(pd.Series(identities).value_counts()).to_numpy() >= number

    return Step(f"at least {number} images", keep)


def without_outliers(clouds: Mapping[str, Sequence], neighbors: int = 1) -> Step:
    """Keep the photographs that are near others of the same person, in every one of several networks.

    A photograph is near if the distance to its k-th nearest other one is smaller than the median of all distances
    between photographs of that person. As in the authors' code, each distance counts twice and the zeros from a
    photograph to itself count too. With three photographs or fewer nothing is near in this sense.

    Parameters
    ----------
    clouds : mapping of network to sequence of Cloud
        From `Crops` of the photographs that are cleaned: as `frlib.clouds.embed` returns them. Paper A uses ArcFace and
        FaceNet.
    neighbors : int
        The k; 1 in the authors' code.

    Raises
    ------
    ValueError
        If the number is no positive integer, there is no network, or clouds are not of `Crops`; in the cleaning, if a
        photograph that is still there has no embedding.
    """
    checks.at_least("neighbors", neighbors, 1)
    if not clouds:
        raise ValueError("clouds must hold at least one network; got none")
    known = {network: (*embedded_rows(own), own[0].metric) for network, own in clouds.items()}

    def keep(rows: np.ndarray, identities: np.ndarray) -> np.ndarray:
        kept = np.ones(len(rows), dtype=bool)
        for network, (places, points, metric) in known.items():
            found = pd.Series(np.arange(len(places)), index=places).reindex(rows)
            if found.isna().any():
                lost = int(rows[found.isna().to_numpy()][0])
                raise ValueError(f"clouds[{network!r}] must have every photograph; row {lost} has no embedding")
            for person in np.unique(identities):
                own = identities == person
                kept[own] &= near_others(points[found[own].to_numpy(dtype=int, copy=True)], metric, neighbors)
        return kept

    return Step("without outliers", keep)


def near_others(points, metric: str, neighbors: int = 1) -> np.ndarray:
    """Return which points of a cloud (N, d) `without_outliers` keeps."""
    distances = pair_distances(points, metric=metric).double().cpu().numpy()
    median = np.median(distances)
    np.fill_diagonal(distances, np.inf)
    if neighbors >= len(distances):
        return np.zeros(len(distances), dtype=bool)
    return np.partition(distances, neighbors - 1, axis=1)[:, neighbors - 1] < median
