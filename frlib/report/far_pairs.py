"""Why are two photographs of one person so far apart? What differs between them, as far as it can be measured.

Nothing here is a cause. Photographs differ in many ways at once, and most of these (age, glasses, hair, expression) are
not measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from frlib.faces.attributes import PIXELS
from frlib.geometry import pair_distances, rank_correlation
from frlib.report.album import Album
from frlib.report.page import Column, Gallery, Points, Section, Table, Text

#: Most pairs on the page.
SHOWN = 8
#: Fewest pairs of one person for which a rank correlation is shown.
PAIRS_AT_LEAST = 10
TITLE = "Why are two photographs of one person so far apart?"


@dataclass(frozen=True)
class Fact:
    """Something measured on each photograph, of which two can differ.

    Parameters
    ----------
    name : str
        Column of ``Album.images``.
    words : str
        What is said of two values a and b, their difference d or ratio r.
    head : str
        Heading of the difference.
    named_from : float
        The difference from which on it is said: a rule of thumb.
    ratio : bool
        Whether the larger over the smaller counts, and not the difference.
    """

    name: str
    words: str
    head: str
    named_from: float
    ratio: bool = False

    def between(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Return how much two values differ."""
        if not self.ratio:
            return np.abs(one - other)
        low, high = np.minimum(one, other), np.maximum(one, other)
        return np.divide(high, low, out=np.full(np.shape(high), np.inf), where=low > 0)

    def said(self, one: float, other: float) -> str:
        """Return the difference in words."""
        differ = float(self.between(np.asarray(one), np.asarray(other)))
        return self.words.format(a=one, b=other, d=differ, r=f"{differ:,.0f}" if differ >= 10 else f"{differ:.1f}")


#: A head angle is rough: on drawn faces up to 11 degrees off, see `frlib.datasets.pose.head_turn`.
FACTS = (
    Fact("width", "the faces are {a:.0f} and {b:.0f} pixels wide", "Width, larger over smaller", 2, ratio=True),
    Fact("sharpness", "one face is {r} times as sharp", "Sharpness, larger over smaller", 2, ratio=True),
    Fact("brightness", "the faces are {d:.0f} of 255 levels apart in brightness", "Brightness, levels", 25),
    Fact("turn", "the heads are turned about {d:.0f} degrees apart", "Turn of the head, degrees", 20),
)


def same_person_pairs(album: Album) -> pd.DataFrame:
    """Return all pairs of photographs of one person.

    Parameters
    ----------
    album : Album

    Returns
    -------
    DataFrame, one row per pair
        ``image`` and ``other_image``, rows of ``album.images``; ``code`` of the person; ``over``, the distance over the
        threshold, mean over networks; for each of `FACTS` how much the two differ; for each attribute of pixels,
        ``by NAME``: how far its change from end to end moves one of the two, the one that it moves farther, over their
        distance, mean over networks.
    """
    parts = []
    starts = np.searchsorted(album.codes, np.arange(len(album.people)))
    for code, start in enumerate(starts):
        size = int((album.codes == code).sum())
        one, other = np.triu_indices(size, 1)
        found = {"image": start + one, "other_image": start + other, "code": code}
        parts.append(pd.DataFrame(found | _distances(album, code, one, other)))
    table = pd.concat(parts, ignore_index=True)
    for fact in FACTS:
        values = album.images[fact.name].to_numpy()
        table[fact.name] = fact.between(values[table["image"]], values[table["other_image"]])
    return table


def _distances(album: Album, code: int, one: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    """Return distances over the threshold, and what attributes of pixels move over the distance, for one person."""
    over, moved = [], {name: [] for name in PIXELS}
    for network, own in album.clouds.items():
        cloud = own[code]
        distance = pair_distances(cloud).double().numpy()[one, other]
        over.append(distance / album.thresholds[network])
        for name in PIXELS:
            ends = cloud.displacements[name].double().numpy()
            more = np.maximum(ends[one], ends[other])
            moved[name].append(np.divide(more, distance, out=np.full_like(more, np.nan), where=distance > 0))
    return {"over": np.mean(over, axis=0)} | {f"by {name}": np.mean(parts, axis=0) for name, parts in moved.items()}


def farthest(pairs: pd.DataFrame, misplaced: Sequence[int] = (), shown: int = SHOWN) -> pd.DataFrame:
    """Return the farthest pair of each person, and the farthest without photographs that may be of somebody else.

    Parameters
    ----------
    pairs : DataFrame
        Of `same_person_pairs`.
    misplaced : sequence of int
        Photographs that may be of somebody else.
    shown : int
        Most pairs; the farthest are kept, and stand first.
    """
    right = pairs[~pairs[["image", "other_image"]].isin(list(misplaced)).any(axis=1)]
    places = np.concatenate([part.groupby("code")["over"].idxmax().to_numpy() for part in (pairs, right)])
    own = pairs.loc[np.unique(places)]
    return own.sort_values("over", ascending=False).head(shown).reset_index(drop=True)


def what_differs(pair, pairs: pd.DataFrame, album: Album) -> str:
    """Return one sentence on a pair: who may be mislabelled, what differs and how unusual that is, remarks.

    Parameters
    ----------
    pair : namedtuple
        A row of `same_person_pairs`.
    pairs : DataFrame
        All of them.
    album : Album
    """
    rows = pair.image, pair.other_image
    one, other = (album.images.iloc[row] for row in rows)
    said = [f"{album.images['photograph'][row]} may show somebody else" for row in rows if row in album.misplaced]
    for fact in FACTS:
        differ = getattr(pair, fact.name)
        if differ >= fact.named_from:
            said.append(fact.said(one[fact.name], other[fact.name]) + _unusual(differ, pairs[fact.name]))
    said += [f"{image['photograph']}: {image['remark']}" for image in (one, other) if image["remark"]]
    if not said:
        return (
            "nothing that is measured here sets them apart. Age, glasses, hair, make-up, expression and what covers "
            "the face are not measured."
        )
    return "; ".join(said) + "."


def _unusual(differ: float, of_all: pd.Series) -> str:
    """Say how unusual a difference is among those of all pairs of one person."""
    if len(of_all) < PAIRS_AT_LEAST:
        return ""
    less = int(100 * (of_all < differ).mean())
    return f" (more than in {less} % of all such pairs)" if differ < of_all.max() else " (the most of all)"


def going_along(pairs: pd.DataFrame) -> str:
    """Say how much each difference goes along with the distance, over all pairs of one person."""
    if len(pairs) < PAIRS_AT_LEAST:
        return (
            f"There are {len(pairs)} pairs of one person: too few to say whether such differences go along with the "
            "distance in this folder."
        )
    found = [(fact, float(rank_correlation(pairs[fact.name], pairs["over"]))) for fact in FACTS]
    words = [f"{fact.name} {value:.2f}" if np.isfinite(value) else f"{fact.name} –" for fact, value in found]
    return (
        f"Do such differences go along with the distance in this folder? Rank correlations over all {len(pairs):,} "
        f"pairs of one person: {', '.join(words)}. Near 0: they do not. Pairs share photographs, so small values mean "
        "little; and going along is not causing."
    )


def section(album: Album) -> tuple[Section, pd.DataFrame]:
    """Return the part of the page on the farthest pairs, and its table."""
    pairs = same_person_pairs(album)
    far = farthest(pairs, album.misplaced)
    name = album.images["photograph"]
    far["person"] = [album.people[code] for code in far["code"]]
    far["photographs"] = [f"{name[a]} and {name[b]}" for a, b in far[["image", "other_image"]].to_numpy()]
    sentences = [f"{pair.photographs}: {what_differs(pair, pairs, album)}" for pair in far.itertuples()]
    lead = Text(
        "The two photographs of each person that lie farthest apart, and what differs between them. Where one of them "
        "may be mislabelled, the farthest pair without it stands here too. These are facts, not causes: photographs "
        "differ in many ways at once."
    )
    blocks = [lead, _facts_table(far), Points(sentences), Text(going_along(pairs)), _moved_table(far)]
    if pictures := album.pictures(far[["image", "other_image"]].to_numpy().ravel()):
        blocks.append(Gallery(pictures, "The pairs, in the order of the table.", 2))
    kept = ["person", "photographs", "over", *(fact.name for fact in FACTS), *(f"by {name}" for name in PIXELS)]
    return Section(TITLE, blocks), far[kept]


def _facts_table(far: pd.DataFrame) -> Table:
    formats = {"width": ".1f", "sharpness": ".1f", "brightness": ".0f", "turn": ".0f"}
    columns = [
        Column("photographs", "Photographs"),
        Column("over", "Distance over the threshold", ".2f"),
        *(Column(fact.name, fact.head, formats[fact.name]) for fact in FACTS),
    ]
    named = ", ".join(f"{fact.name} from {fact.named_from:g}{' times' if fact.ratio else ''}" for fact in FACTS)
    caption = (
        "Distance: mean over networks; above 1 the two are not taken for one person. The turn of a head is rough, from "
        "where the nose lies between the eyes: on drawn faces its root mean square error is 4 degrees and the largest "
        f"error 11; on photographs it was not measured. Differences from here on are named below, by rules "
        f"of thumb: {named}."
    )
    return Table(far, columns, caption)


def _moved_table(far: pd.DataFrame) -> Table:
    columns: Sequence[Column] = [
        Column("photographs", "Photographs"),
        *(Column(f"by {name}", name.replace("_", " ").capitalize(), ".2f") for name in PIXELS),
    ]
    caption = (
        "How much of the distance could these make? Each of the two photographs was changed: brightness by 50 of 255 "
        "levels, hue by 4 half degrees, image quality from a slight blur to more contrast. The number is how far that "
        "moves one of them, the one that it moves farther, over the distance of the two, mean over networks. Where it "
        "is small, a difference of this kind and size cannot be what sets the two apart. A stronger blur, as where one "
        "face is many times as sharp, may."
    )
    return Table(far, columns, caption)
