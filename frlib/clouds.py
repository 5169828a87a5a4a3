"""A cloud of embeddings with all that is known of it: the one container between networks and numbers."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
import torch

from frlib import checks
from frlib.geometry import central_difference, coincide, displacement, unit_distance


@dataclass(frozen=True)
class Cloud:
    """Embeddings of the images of one identity in one network, and how attributes move them.

    Functions of `frlib.geometry` take a cloud in place of its points, fields or ends, and of its metric.

    Parameters
    ----------
    points : Tensor, shape (N, d)
        Raw embeddings.
    minus, plus : mapping of attribute to Tensor, shape (N, d)
        Raw embeddings one step down and up along each attribute; may be empty.
    metric : {"cosine", "euclidean"}
        The network's own.
    network : str
    identity : int, optional
        Place of the identity in its population.
    table : DataFrame, N rows, optional
        Attribute values of the images.
    directions : mapping of attribute to Tensor, shape (N, d)
        Vectors of any length that are known otherwise, where there are no ends: exact tangents, for example.

    Raises
    ------
    ValueError
        If the metric is unknown, or the ends do not name the same attributes.
    """

    points: torch.Tensor
    minus: Mapping[str, torch.Tensor] = field(default_factory=dict)
    plus: Mapping[str, torch.Tensor] = field(default_factory=dict)
    metric: str = "cosine"
    network: str = ""
    identity: int | None = None
    table: pd.DataFrame | None = None
    directions: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def __post_init__(self):
        checks.one_of("metric", self.metric, checks.METRICS)
        if set(self.minus) != set(self.plus):
            raise ValueError(f"plus must have the attributes of minus, {list(self.minus)}; got {list(self.plus)}")

    @functools.cached_property
    def fields(self) -> dict[str, torch.Tensor]:
        """Vectors (N, d) per attribute: `frlib.geometry.central_difference` of the ends, and the given directions."""
        found = {a: central_difference(self.minus[a], self.plus[a], metric=self.metric) for a in self.minus}
        return found | dict(self.directions)

    @functools.cached_property
    def displacements(self) -> dict[str, torch.Tensor]:
        """Distances (N,) from one end of a curve to the other, per attribute, in the unit of the metric."""
        return {a: displacement(self.minus[a], self.plus[a], metric=self.metric) for a in self.minus}

    @functools.cached_property
    def mean_distance(self) -> float:
        """Mean pair distance of the points, the unit of the scales; there is none if they coincide."""
        return unit_distance(self.points, metric=self.metric)

    @functools.cached_property
    def coincides(self) -> bool:
        """Whether all points are one, up to rounding, so that the cloud has no energies."""
        return coincide(self.points, metric=self.metric)

    def only(self, rows=slice(None), attributes=None) -> "Cloud":
        """Return the cloud of some of the points, or with some of the attributes.

        Parameters
        ----------
        rows : slice, or sequence of int or bool
        attributes : sequence of str, optional
            Default: all.
        """
        kept = [*self.minus, *self.directions] if attributes is None else list(attributes)
        minus, plus, directions = (
            {a: vectors[rows] for a, vectors in part.items() if a in kept}
            for part in (self.minus, self.plus, self.directions)
        )
        table = None if self.table is None else self.table.iloc[rows]
        return Cloud(self.points[rows], minus, plus, self.metric, self.network, self.identity, table, directions)
