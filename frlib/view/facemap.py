"""A map of embeddings with faces: point at an image to see it, zoom out to see images merge into people."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import is_valid_linkage

from frlib import checks
from frlib.arguments import checked
from frlib.view import static
from frlib.view.charts import is_number
from frlib.view.images import webp_address

#: Values of a column with more different numbers than this are shaded rather than told apart by hue.
MANY = 8


@dataclass(frozen=True)
class Space:
    """One embedding space on the map: where the images lie in the plane, and at which distance they merge.

    Parameters
    ----------
    layouts : mapping of name to array_like, shape (N, 2)
        Positions in the plane, several ways to flatten the space.
    merges : array_like, shape (N - 1, 4)
        A hierarchy of the N images, as `scipy.cluster.hierarchy.linkage` returns it.
    unit : float
        The distance that counts as 1 on the slider: for instance the mean distance between identities.

    Raises
    ------
    ValueError
        If a layout has another shape or is not finite, the merges are no linkage, or the unit is not positive.
    """

    layouts: Mapping[str, np.ndarray]
    merges: np.ndarray
    unit: float

    def __post_init__(self):
        merges = np.asarray(self.merges, dtype=float)
        if not (is_valid_linkage(merges) and (np.diff(merges[:, 2]) >= 0).all()):
            raise ValueError("merges must be a linkage with ascending distances, of shape (N - 1, 4)")
        count = len(merges) + 1
        layouts = {name: np.asarray(places, dtype=float) for name, places in self.layouts.items()}
        for name, places in layouts.items():
            if places.shape != (count, 2) or not np.isfinite(places).all():
                raise ValueError(f"layouts[{name!r}] must be finite, of shape ({count}, 2); got {places.shape}")
        if not layouts:
            raise ValueError("layouts must hold at least one layout; got none")
        if not (np.isfinite(self.unit) and self.unit > 0):
            raise ValueError(f"unit must be a positive number; got {self.unit!r}")
        object.__setattr__(self, "merges", merges)
        object.__setattr__(self, "layouts", layouts)


@checked
def face_map(
    spaces: Mapping[str, Space],
    images,
    attributes: pd.DataFrame,
    *,
    title: str,
    description: str,
    largest: float = 1.5,
    quality: int = 60,
):
    """Show images as points of a plane; the reader points at them, colours them, and zooms out.

    The slider runs over distances from 0 to ``largest`` units. Images that the hierarchy has merged at the chosen
    distance are drawn as one disc at their mean position, its area proportional to their number.

    Parameters
    ----------
    spaces : mapping of name to Space
        The same N images in several spaces, from which the reader chooses.
    images : array_like of uint8, shape (N, S, S, 3)
        Thumbnails, RGB. In one WebP picture a face of 48 pixels takes about 0.7 kB at the default quality.
    attributes : DataFrame, N rows
        What is said about each image. The first column names its identity, by which images are joined to their
        person. Columns of text, of booleans, and of up to eight numbers are told apart by hue; other columns of numbers
        are shaded from low to high. Name the unit in the column's name.
    title, description : str
        Heading, and text alternative: what the figure shows and what it says.
    largest : float
        End of the slider, in units of each space.
    quality : int
        Of the WebP picture, 1 to 100.

    Returns
    -------
    widget
        In the book, static HTML with the same figure. In a live notebook its traits follow the reader: ``space``,
        ``layout`` and ``attribute``, the names on show; ``scale``, an index into ``scales``: images closer than this
        are drawn as one; ``point``, the number of the picked image.

    Raises
    ------
    ValueError
        If there is no space, or numbers of images differ, or an attribute is missing for an image.
    """
    if not spaces:
        raise ValueError("spaces must hold at least one Space; got none")
    count = _check_counts(spaces, np.asarray(images), attributes)
    first = next(iter(spaces))
    state = {
        "spaces": [_space(name, space) for name, space in spaces.items()],
        "scales": [0.0, *np.geomspace(0.02, largest, 60).round(4).tolist()],
        "columns": [_column(str(name), attributes[name]) for name in attributes],
        "faces": _sprite(np.asarray(images), quality),
        "space": first,
        "layout": next(iter(spaces[first].layouts)),
        "attribute": str(attributes.columns[0]),
        "scale": 0,
        "point": count // 2,
        "title": title,
        "description": description,
    }
    return static.host("facemap", state, description=description)


def _check_counts(spaces, images: np.ndarray, attributes: pd.DataFrame) -> int:
    """Return the number of images, which must be the same everywhere."""
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3:
        raise ValueError(f"images must have shape (N, S, S, 3); got {images.shape}")
    if len(attributes) != len(images) or not len(attributes.columns):
        raise ValueError(f"attributes must have {len(images)} rows and a column; got shape {attributes.shape}")
    if attributes.isna().any(axis=None):
        raise ValueError(f"attributes must not be missing; {attributes.columns[attributes.isna().any()][0]!r} is")
    for name, space in spaces.items():
        if len(space.merges) + 1 != len(images):
            raise ValueError(f"spaces[{name!r}] must hold {len(images)} images; got {len(space.merges) + 1}")
        if list(space.layouts) != list(next(iter(spaces.values())).layouts):
            raise ValueError(f"spaces[{name!r}] must have the layouts of the first space; got {list(space.layouts)}")
    return len(images)


def _space(name: str, space: Space) -> dict:
    """Return what the browser needs of a space. Heights carry 16 bits: an error below 1/65534 of the largest."""
    return {
        "name": name,
        "layouts": [{"name": key, "positions": static.pack(places)} for key, places in space.layouts.items()],
        "children": space.merges[:, :2].astype(int).tolist(),
        "heights": static.pack(space.merges[:, 2] / space.unit),
    }


def _column(name: str, values: pd.Series) -> dict:
    """Return one attribute: classes with their names, or numbers with their range."""
    if is_number(values) and values.nunique() > MANY:
        rounded = [float(f"{value:.4g}") for value in values]
        return {"name": name, "kind": "number", "values": rounded, "low": min(rounded), "high": max(rounded)}
    codes, classes = pd.factorize(values, sort=True)
    named = [
        {True: "yes", False: "no"}.get(c, str(c)) if pd.api.types.is_bool_dtype(values) else str(c) for c in classes
    ]
    return {"name": name, "kind": "class", "values": codes.tolist(), "classes": named}


def _sprite(images: np.ndarray, quality: int) -> dict:
    """Return all thumbnails as one picture, row by row."""
    checks.between("quality", quality, 1, 100)
    count, side = len(images), images.shape[1]
    columns = int(np.ceil(np.sqrt(count)))
    sheet = np.zeros((-(-count // columns) * columns, side, side, 3), np.uint8)
    sheet[:count] = images
    sheet = sheet.reshape(-1, columns, side, side, 3).swapaxes(1, 2).reshape(-1, columns * side, 3)
    return {"columns": columns, "rows": len(sheet) // side, "source": webp_address(sheet, quality)}
