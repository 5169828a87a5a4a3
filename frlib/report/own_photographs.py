"""The report on a folder of photographs: faces, distances, who is confused, what is odd, and why pairs are far."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from frlib.datasets import Faces, Photographs
from frlib.geometry import threshold_at, verification
from frlib.models.embedder import FaceEmbedder
from frlib.report import far_pairs, found_faces, misplaced, photograph_labels, pixel_energies, recognition
from frlib.report.album import Album, album_of
from frlib.report.facts import facts_of
from frlib.report.page import Column, Page, Points, Section, Table, Text

LEAD = "Faces found in a folder of photographs, and the distances between them in several networks."


def report(
    photographs: Photographs,
    faces: Faces,
    names: pd.DataFrame,
    embedders: Sequence[FaceEmbedder],
    *,
    title: str,
    labels: pd.DataFrame | None = None,
    far: float = 0.01,
    pictured: bool = False,
    numbered: bool = False,
    drawn_from: str = "",
    permutations: int = 999,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: bool = True,
) -> Page:
    """Return the report on photographs.

    Parameters
    ----------
    photographs : Photographs
    faces : Faces
        Of `frlib.datasets.find_faces`.
    names : DataFrame
        Of ``frlib.report.album.names_of``, a row per photograph.
    embedders : sequence of FaceEmbedder
    title, drawn_from : str
        Of the page, and a sentence on which photographs of a larger folder these are.
    labels : DataFrame, optional
        Of `frlib.report.photograph_labels.read_labels`, by row of the photographs.
    far : float
        A false acceptance rate, at which a second threshold is given.
    pictured, numbered : bool
        Whether the page may show small pictures of faces, and whether the names are numbers.
    permutations, seed : int
        Of the test by attribute; the seed also draws people.
    n_jobs, progress
        As in `frlib.runtime.spread`.

    Raises
    ------
    ValueError
        If faces of fewer than two people were found, or nobody has two photographs with a face; or an argument is not
        accepted.
    """
    options = {"n_jobs": n_jobs, "progress": progress}
    album = album_of(photographs, faces, names, embedders, pictured=pictured, **options)
    drawn = pixel_energies.drawn_clouds(embedders, int(np.median(np.bincount(album.codes))), seed=seed, **options)
    sections, tables = _of_photographs(album, faces, names, far)
    energies, more = pixel_energies.section(album.clouds, drawn, n_jobs)
    if labels is not None:
        tested, attributes = photograph_labels.section(album, labels, permutations, seed)
        sections, more = [*sections, tested], more | attributes
    short = _in_short(album, tables["confused.csv"], pictured, numbered, drawn_from)
    last = Section("What this page cannot tell", [Points(caveats())])
    return Page(title, LEAD, _facts(album, names) | facts_of(seed), [short, *sections, energies, last], tables | more)


def _of_photographs(
    album: Album, faces: Faces, names: pd.DataFrame, far: float
) -> tuple[list[Section], dict[str, pd.DataFrame]]:
    """Return the parts of the page on faces, distances and what is odd, and their tables."""
    detection, remarked = found_faces.section(faces, names)
    confused, of_people = misplaced.people_section(album)
    odd, outliers = misplaced.outlier_section(album)
    why, pairs = far_pairs.section(album)
    tables = {
        "remarks.csv": remarked,
        "distances.csv": pd.DataFrame(album.figures.values()),
        "confused.csv": of_people,
        "outliers.csv": outliers,
        "far_pairs.csv": pairs,
    }
    return [detection, _distances(album, far), confused, odd, why], tables


def _facts(album: Album, names: pd.DataFrame) -> dict[str, str]:
    """Return how much the page is about."""
    return {
        "photographs": f"{len(names):,}",
        "people": f"{names['person'].nunique():,}",
        "with a face": f"{len(album.images):,}",
        "networks": ", ".join(album.clouds),
    }


def check_folder(photographs: Photographs, folder: Path) -> None:
    """Raise, before the work begins, unless there are photographs of at least two people.

    Raises
    ------
    ValueError
        If there are not.
    """
    if len(photographs.people) < 2:
        raise ValueError(
            f"{folder} must have at least two sub-folders with photographs, one per person; it has one: "
            f"{photographs.people[0]!r}"
        )


def _in_short(album: Album, people: pd.DataFrame, pictured: bool, numbered: bool, drawn_from: str) -> Section:
    """Return what to know first: where all this stays, and the findings in a few lines."""
    names = (
        "numbers in place of names (people and photographs in the order of their paths, from 0)"
        if numbered
        else "the names of people and files"
    )
    privacy = Text(
        "Nothing left this machine: photographs were read and embedded here, and this page loads and sends nothing. It "
        f"holds {names}, {'and small pictures of faces' if pictured else 'and no picture'}. Positions of faces and "
        "embeddings stay in the cache folder of frlib until you delete them. All of it is personal data, as the "
        "photographs are."
    )
    n = len(album.clouds)
    auc = pd.Series({network: found["auc"] for network, found in album.figures.items()})
    confused = int((people["networks"] > n / 2).sum())
    points = [
        f"{len(album.images):,} photographs with a face, of {len(album.people):,} people, in {n} networks.",
        f"Pairs of people of whom most networks take some photographs for one person: {confused:,}.",
        f"Photographs that may be mislabelled, by most networks: {len(album.misplaced):,}.",
        *([drawn_from] if drawn_from else []),
    ]
    return Section("In short", [privacy, _recognised(auc), Points(points)])


def _recognised(auc: pd.Series) -> Text:
    """Say which networks tell these people apart."""
    poor = auc[auc < recognition.RECOGNISES]
    if len(poor):
        named = ", ".join(f"{network} {value:.3f}" for network, value in poor.items())
        return Text(
            f"These people are not told apart well by every network: the AUC is below {recognition.RECOGNISES} for "
            f"{named}. Look at the odd photographs first: a few in a wrong folder are enough.",
            "warning",
        )
    return Text(f"These people are told apart: the AUC is {auc.min():.3f} or more in every network.", "good")


def _distances(album: Album, far: float) -> Section:
    """Return the part of the page on distances and thresholds."""
    found = next(iter(album.figures.values()))
    different = found["different_pairs"]
    used = Text(f"All pairs of these photographs: {found['same_pairs']:,} of one person, {different:,} of two.")
    given = {network: (own,) for network, own in album.clouds.items()}
    blocks = [used, *recognition.blocks(album.figures, given), _thresholds(album, far)]
    if far * different < 10:
        blocks.append(
            Text(
                f"With {different:,} pairs of two people, a FAR of {far:.2%} is less than ten pairs: the "
                "threshold at it rests on next to nothing.",
                "warning",
            )
        )
    return Section("Distances and threshold", blocks)


def _thresholds(album: Album, far: float) -> Table:
    """Return the thresholds of each network, also without the photographs that may be mislabelled."""
    rows = pd.DataFrame(_thresholds_of(album, network, far) for network in album.clouds)
    columns = [
        Column("network", "Network"),
        Column("metric", "Distance"),
        Column("threshold", "Balanced threshold", ".3f"),
        Column("strict", f"Threshold at FAR {far:.2%}", ".3f"),
    ]
    caption = (
        "Two photographs up to the threshold are taken for one person. Balanced: the smallest sum of both errors on "
        "these photographs, where all sections of this page draw the line. It was chosen on the photographs that it is "
        "applied to, so errors on new ones are larger."
    )
    if "auc_without" in rows:
        columns += [
            Column("auc_without", "AUC without", ".4f"),
            Column("threshold_without", "Balanced without", ".3f"),
            Column("strict_without", "At this FAR without", ".3f"),
        ]
        caption += (
            f" Without: when the photographs that may be mislabelled are left out, {len(album.misplaced)}. A few of "
            "them move thresholds far, the strict one most."
        )
    return Table(rows, columns, caption)


def _thresholds_of(album: Album, network: str, far: float) -> dict:
    """Return the thresholds of one network, and what they are without photographs that may be mislabelled."""
    metric, threshold = album.figures[network]["metric"], album.thresholds[network]
    row = {
        "network": network,
        "metric": metric,
        "threshold": threshold,
        "strict": threshold_at(album.clouds[network], far),
    }
    points, people = album.embeddings_without(network, album.misplaced)
    counts = np.unique(people, return_counts=True)[1]
    if not album.misplaced or len(counts) < 2 or counts.max() < 2:
        return row
    found = verification(points, people, metric=metric)
    row |= {"auc_without": float(found["auc"]), "threshold_without": float(found["threshold"])}
    return row | {"strict_without": threshold_at(points, people, far, metric=metric)}


def caveats() -> list[str]:
    """Return what holds for every report on photographs."""
    return [
        "Distances do not say who somebody is. Nothing on this page is fit for a decision about a person.",
        "Few people: figures are of these people and these photographs, and say nothing about others. Errors that "
        "were not seen may still occur.",
        "A photograph that lies oddly may be in the wrong folder, show another face of the picture, be of a child, or "
        "be one that these networks read badly. Look at it.",
        "Networks are wrong more often about some groups of people than about others. With few people that cannot be "
        "measured here, and it is in every number.",
        "Faces that the detector does not find are missing from all figures, and those are the hard ones.",
        "What differs between two photographs need not be what moves them apart.",
    ]
