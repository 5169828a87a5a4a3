"""What the search for faces found in a folder of photographs, and what is odd about some of them."""

import numpy as np
import pandas as pd

from frlib.datasets import Faces
from frlib.report.page import Column, Points, Section, Table, Text

#: Rows of a table on the page; the file of numbers has all.
SHOWN = 40
#: What a remark means.
MEANINGS = {
    "unreadable": "the file is no image, or a damaged one",
    "no face": "the detector found none that it is sure of",
    "several faces": "the largest near the middle was taken; it may be of somebody else",
    "small": "few pixels between the eyes: details are missing",
    "blurred": "the face has no sharp edges",
    "same file": "the file is there more than once",
}


def remarks(faces: Faces, names: pd.DataFrame) -> pd.DataFrame:
    """Return one row per photograph that there is something to say about.

    Parameters
    ----------
    faces : Faces
    names : DataFrame
        Of `frlib.report.album.names_of`.

    Returns
    -------
    DataFrame
        ``photograph``, ``person``, ``remark``, ``faces``, ``width``, ``sharpness``.
    """
    table = names.reset_index(drop=True).join(faces.table[["faces", "width", "sharpness", "remark"]])
    digests = pd.Series(faces.digests)
    copies = digests.duplicated(keep=False) & (digests != "")
    both = zip(table["remark"], np.where(copies, "same file", ""), strict=True)
    table["remark"] = [", ".join(filter(None, pair)) for pair in both]
    return table.loc[table["remark"] != "", ["photograph", "person", "remark", "faces", "width", "sharpness"]]


def section(faces: Faces, names: pd.DataFrame) -> tuple[Section, pd.DataFrame]:
    """Return the part of the page on detection, and its table."""
    table, found = remarks(faces, names), faces.found.numpy()
    people = names["person"]
    without = sorted(set(people) - set(people[found]))
    counted = (
        f"{len(names):,} photographs of {people.nunique():,} people. In {int(found.sum()):,} of them a face was found, "
        f"{int(faces.table['faces'].sum()):,} faces in all. The networks see one face of each: the largest near the "
        "middle."
    )
    blocks = [Text(counted)]
    if without:
        blocks.append(Text(f"Left out, because no photograph of them shows a face: {', '.join(without)}.", "warning"))
    if table.empty:
        return Section("Faces found", [*blocks, Text("There is nothing to remark on any photograph.", "good")]), table
    kinds = [kind for kind in MEANINGS if table["remark"].str.contains(kind, regex=False).any()]
    blocks.append(Points([f"{kind}: {MEANINGS[kind]}." for kind in kinds]))
    columns = [
        Column("photograph", "Photograph"),
        Column("person", "Person"),
        Column("remark", "Remark"),
        Column("faces", "Faces", ".0f"),
        Column("width", "Width of the face, pixels", ".0f"),
        Column("sharpness", "Sharpness", ".3f"),
    ]
    more = f" The first {SHOWN} of {len(table):,}; remarks.csv has all." if len(table) > SHOWN else ""
    caption = (
        "Photographs with a remark. Width: side of the face's crop in the photograph. Sharpness: strength of edges in "
        f"the crop, over its contrast.{more}"
    )
    return Section("Faces found", [*blocks, Table(table.head(SHOWN), columns, caption)]), table
