"""Photographs on disk: where they are, who is on them, and what is said about them."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from frlib.datasets.images import UnreadableImage, decode
from frlib.geometry import labels


@dataclass(frozen=True)
class Photographs:
    """Image files, each with the name of the person on it. Nothing is read before it is asked for.

    Parameters
    ----------
    paths : sequence of Path, or of `frlib.datasets.archives.Member`
        N files.
    identities : sequence of str
        Who is on each of them.
    attributes : DataFrame of bool, N rows, optional
        What is said about each of them, an attribute in each column.
    name : str
        Of the data set.

    Raises
    ------
    ValueError
        If there are no files, or not as many identities or rows of attributes as files.
    """

    paths: Sequence[Path]
    identities: Sequence[str]
    attributes: pd.DataFrame | None = None
    name: str = ""

    def __post_init__(self):
        if not len(self.paths):
            raise ValueError("paths must hold at least one file; got none")
        if len(self.identities) != len(self.paths):
            raise ValueError(f"identities must have {len(self.paths)} names, one per file; got {len(self.identities)}")
        object.__setattr__(self, "paths", tuple(self.paths))
        object.__setattr__(self, "identities", tuple(map(str, self.identities)))
        if self.attributes is not None:
            object.__setattr__(self, "attributes", labels.boolean_table(self.attributes, len(self)))

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def people(self) -> tuple[str, ...]:
        """The different identities, in the order in which they first appear."""
        return tuple(self.rows)

    @functools.cached_property
    def rows(self) -> dict[str, np.ndarray]:
        """The rows of each identity."""
        codes, people = pd.factorize(np.array(self.identities, dtype=object))
        by_person = np.split(np.argsort(codes, kind="stable"), np.bincount(codes).cumsum()[:-1])
        return dict(zip(people, by_person, strict=True))

    def read(self, row: int) -> torch.Tensor:
        """Return a photograph, uint8 (H, W, 3), RGB, upright: see `frlib.datasets.images.decode`.

        Raises
        ------
        UnreadableImage
            If the file is gone, or no image, or a damaged one.
        """
        path = self.paths[row]
        try:
            with path.open("rb") as file:
                return decode(file, str(path))
        except UnreadableImage:
            raise
        except OSError as error:
            raise UnreadableImage(f"{path} cannot be read: {error.strerror or error}") from error

    def digest(self, row: int) -> str:
        """Return the sha256 of a file, in hexadecimal.

        Raises
        ------
        UnreadableImage
            If the file cannot be read.
        """
        path = self.paths[row]
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableImage(f"{path} cannot be read: {error.strerror or error}") from error

    def take(self, rows) -> "Photographs":
        """Return some of the photographs.

        Parameters
        ----------
        rows : array_like of bool, shape (N,), or of int

        Raises
        ------
        ValueError
            If none is left, or a mask has another length.
        """
        rows = as_rows(rows, len(self))
        attributes = None if self.attributes is None else self.attributes.iloc[rows]
        return Photographs(
            [self.paths[k] for k in rows], [self.identities[k] for k in rows], attributes, name=self.name
        )


def as_rows(rows, n: int) -> np.ndarray:
    """Return a mask of n rows, or numbers of rows, as numbers.

    Raises
    ------
    ValueError
        If a mask has another length, or a number is not that of a row.
    """
    rows = np.asarray(rows)
    if rows.dtype == bool:
        if rows.shape != (n,):
            raise ValueError(f"rows must be a mask of shape ({n},), or numbers of rows; got shape {rows.shape}")
        return rows.nonzero()[0]
    rows = rows.astype(int)
    wrong = rows[(rows < 0) | (rows >= n)]
    if wrong.size:
        raise ValueError(f"rows must lie below {n}, the number of photographs; got {wrong[0]}")
    return rows
