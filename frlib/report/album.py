"""Photographs with a face, people together, and where they lie in several networks."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from frlib.clouds import Cloud, embed
from frlib.datasets import Crops, Faces, Photographs
from frlib.datasets.cutting import cut
from frlib.datasets.pose import head_turn
from frlib.faces.crops import IMAGE_SIZES
from frlib.geometry import image_placements, recognition_figures
from frlib.models.embedder import FaceEmbedder
from frlib.report.drawn import draw_identities, used_images
from frlib.runtime import spread
from frlib.view.images import webp_address

#: A threshold of 0 is no unit.
SMALLEST = 1e-12
#: Quality of a small picture: an image of 112 pixels takes about 2 kB.
QUALITY = 80


@dataclass(frozen=True)
class Album:
    """Photographs of several people, as a report sees them.

    Parameters
    ----------
    images : DataFrame
        One row per photograph with a face, people together: ``photograph`` and ``person`` as the page names them;
        ``code``, the place of the person among those with a face; ``width``, ``sharpness``, ``brightness`` (mean of the
        face, 0 to 255) and ``turn`` (degrees); ``remark``; ``row`` among all photographs.
    clouds : mapping of network to sequence of Cloud
        One cloud per person, with the photographs in the order of ``images``.
    figures : mapping of network to dict
        Of `frlib.geometry.recognition_figures`, with ``network``.
    crops : sequence of Crops
        One per person.
    pictured : bool
        Whether the page may show pictures.
    """

    images: pd.DataFrame
    clouds: Mapping[str, Sequence[Cloud]]
    figures: Mapping[str, dict]
    crops: Sequence[Crops] = ()
    pictured: bool = False

    @functools.cached_property
    def people(self) -> list[str]:
        """What the page calls the people with a face, in their order."""
        return self.images.drop_duplicates("code")["person"].tolist()  # two may be called the same

    @property
    def codes(self) -> np.ndarray:
        """The place of each image's person."""
        return self.images["code"].to_numpy()

    @functools.cached_property
    def places(self) -> np.ndarray:
        """The place of each image among those of its person."""
        return self.images.groupby("code").cumcount().to_numpy()

    @functools.cached_property
    def thresholds(self) -> dict[str, float]:
        """The threshold of each network with the smallest sum of both errors on these photographs.

        It is positive: where all photographs of each person are copies of one, the smallest number stands for 0.
        """
        return {network: max(float(found["threshold"]), SMALLEST) for network, found in self.figures.items()}

    @functools.cached_property
    def placements(self) -> dict[str, pd.DataFrame]:
        """Rows of `frlib.geometry.image_placements` at this threshold, by network."""
        return {network: image_placements(own, self.thresholds[network]) for network, own in self.clouds.items()}

    @functools.cached_property
    def misplaced(self) -> list[int]:
        """The images that are nearer to another person than to their own, in most networks."""
        votes = np.mean([table["misplaced"] for table in self.placements.values()], axis=0)
        return np.flatnonzero(votes > 0.5).tolist()

    def embeddings_without(self, network: str, images: Sequence[int]) -> tuple[torch.Tensor, np.ndarray]:
        """Return the embeddings of all images but some, and whose they are."""
        kept = np.setdiff1d(np.arange(len(self.codes)), images)
        return torch.cat([cloud.points for cloud in self.clouds[network]])[kept], self.codes[kept]

    def pictures(self, images: Sequence[int], words: Sequence[str] | None = None) -> list[tuple[str, str]]:
        """Return small pictures of images, each with its words (default: the photograph's name); none if not wanted."""
        if not self.pictured:
            return []
        words = words or [self.images["photograph"].iloc[k] for k in images]
        return [(self._address(int(k)), said) for k, said in zip(images, words, strict=True)]

    def _address(self, image: int) -> str:
        face = _face(self.crops[self.codes[image]], self.places[image])
        return webp_address(face.round().to(torch.uint8).numpy(), QUALITY)


def names_of(photographs: Photographs, folder: Path, *, numbers: bool = False) -> pd.DataFrame:
    """Return what a page calls each photograph and the person on it.

    Parameters
    ----------
    photographs : Photographs
    folder : Path
        Photographs are named by their path below it.
    numbers : bool
        Numbers in place of names: people in the order in which they appear, photographs by their row, both from 0.

    Returns
    -------
    DataFrame, one row per photograph
        ``photograph``, ``person``.
    """
    if numbers:
        codes = pd.factorize(np.array(photographs.identities, dtype=object))[0]
        table = {
            "photograph": [f"photograph {row}" for row in range(len(photographs))],
            "person": [f"person {k}" for k in codes],
        }
        return pd.DataFrame(table)
    paths = [path.relative_to(folder).as_posix() for path in photographs.paths]
    return pd.DataFrame({"photograph": paths, "person": list(photographs.identities)}).map(_as_text)


def folder_name(folder: Path) -> str:
    """Return the name of a folder as text."""
    return _as_text(folder.resolve().name) or "Photographs"


def some_of(
    photographs: Photographs, names: pd.DataFrame, labels: pd.DataFrame | None, max_images: int, seed: int
) -> tuple[Photographs, pd.DataFrame, pd.DataFrame | None, str]:
    """Return some photographs of a large folder, with their names and labels, and a sentence on which they are.

    Parameters
    ----------
    photographs : Photographs
    names : DataFrame
        Of `names_of`.
    labels : DataFrame, optional
        By row of the photographs.
    max_images, seed : int
        As in `frlib.report.drawn.draw_identities`.
    """
    identities = np.array(photographs.identities, dtype=object)
    used = draw_identities(identities, max_images, seed)
    if len(used) == len(identities):
        return photographs, names, labels, ""
    if labels is not None:
        labels = labels.loc[labels.index.isin(used)]
        labels = labels.set_axis(np.searchsorted(used, labels.index))
    part = names.iloc[used].reset_index(drop=True)
    return photographs.take(used), part, labels, used_images(identities, used)


def _as_text(name: str) -> str:
    """Return the name of a file as text; bytes that are no text become question marks."""
    return name.encode(errors="replace").decode()


def album_of(
    photographs: Photographs,
    faces: Faces,
    names: pd.DataFrame,
    embedders: Sequence[FaceEmbedder],
    *,
    pictured: bool = False,
    n_jobs: int | None = None,
    progress: bool = True,
) -> Album:
    """Embed the photographs that have a face.

    Parameters
    ----------
    photographs : Photographs
    faces : Faces
        Of `frlib.datasets.find_faces`.
    names : DataFrame
        Of `names_of`, a row per photograph.
    embedders : sequence of FaceEmbedder
    pictured : bool
        Whether the page may show pictures.
    n_jobs, progress
        As in `frlib.runtime.spread`.

    Raises
    ------
    ValueError
        If there is no face, only one person with a face, or nobody with two photographs with a face.
    """
    found = faces.found.numpy()
    with_face = np.array(photographs.identities, dtype=object)[found]
    check_people(with_face, len(photographs))
    crops = [Crops(photographs, faces, person) for person in dict.fromkeys(with_face)]
    rows = np.concatenate([crop.table["row"] for crop in crops])
    images = names.iloc[rows].reset_index(drop=True)
    images["code"] = np.repeat(np.arange(len(crops)), [len(crop.table) for crop in crops])
    images[["width", "sharpness", "remark"]] = faces.table.iloc[rows][["width", "sharpness", "remark"]].to_numpy()
    images = images.astype({"width": float, "sharpness": float})
    run = {"n_jobs": n_jobs, "progress": progress}
    images["brightness"] = np.concatenate(spread(_brightness, [(c,) for c in crops], description="brightness", **run))
    images["turn"] = head_turn(faces.landmarks[torch.from_numpy(rows)]).numpy()
    clouds = embed(crops, embedders, **run)
    figures = {name: {"network": name} | recognition_figures(own) for name, own in clouds.items()}
    return Album(images.assign(row=rows), clouds, figures, crops, pictured)


def check_people(with_face: np.ndarray, n_photographs: int) -> None:
    """Raise unless there are faces of two people, two of one of them.

    Parameters
    ----------
    with_face : ndarray of str
        Who is on each photograph that has a face.
    n_photographs : int
        Number of all.

    Raises
    ------
    ValueError
        If there are not.
    """
    if not len(with_face):
        raise ValueError(f"the photographs must show faces; in none of {n_photographs:,} was one found")
    people, counts = np.unique(with_face.astype(str), return_counts=True)
    if len(people) < 2:
        raise ValueError(
            "the photographs must show at least two people, each in a sub-folder; a face was found for one only: "
            f"{str(people[0])!r}"
        )
    if counts.max() < 2:
        raise ValueError(
            f"one person must have at least two photographs with a face; each of the {len(people):,} people has one"
        )


def _face(crop: Crops, place: int) -> torch.Tensor:
    """Return the face on one photograph of a person, as most networks see it: (112, 112, 3)."""
    return cut(crop.photographs.read(place), crop.faces.landmarks[place], "arcface", IMAGE_SIZES["arcface"])


def _brightness(crop: Crops) -> list[float]:
    """Return the mean over the pixels of each face of a person, in 0..255."""
    return [float(_face(crop, place).mean()) for place in range(len(crop.rows))]
