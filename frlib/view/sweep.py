"""The ε-sweep: a cloud of embeddings with its attribute fields, a ball that grows, and the energies beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import pair_distances
from frlib.view import static
from frlib.view.plane import drawn_points, principal_plane


@dataclass(frozen=True)
class Swept:
    """One cloud with the energies already computed on it, checked.

    Parameters
    ----------
    points : Tensor, shape (N, d)
    fields : mapping of attribute to Tensor, shape (N, d)
    metric : {"cosine", "euclidean"}
    energies : DataFrame
        Of `frlib.geometry.energy_sweep`, for these fields.
    """

    points: torch.Tensor
    fields: Mapping[str, torch.Tensor]
    metric: str
    energies: pd.DataFrame

    @property
    def scales(self) -> list[float]:
        """The scales of the energies, ascending."""
        return sorted(float(scale) for scale in self.energies["scale"].unique())

    @property
    def mean_distance(self) -> float:
        """The unit of the scales, with which the energies were computed."""
        first = self.energies.iloc[0]
        return float(first["radius"] / first["scale"])


def _checked(cloud, energies: pd.DataFrame) -> Swept:
    """Return a cloud in float64 with its energies.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, or the energies lack a column, an attribute or a scale.
    """
    points = checks.as_matrix("points", cloud.points, metric=cloud.metric).detach().cpu().double()
    fields = {}
    for name, field in cloud.fields.items():
        field = checks.as_matrix(f"fields[{name!r}]", field, rows=len(points), columns=points.shape[1])
        fields[name] = field.detach().cpu().double()
    checks.columns("energies", energies, ["attribute", "scale", "radius", "energy", "neighbors", "isolated"])
    counts = energies.groupby(["attribute", "scale"]).size().unstack()
    for name in fields:
        if name not in counts.index or not (counts.loc[name] == 1).all():
            raise ValueError(f"energies must hold each scale once for the attribute {name!r}")
    return Swept(points, fields, cloud.metric, energies)


@checked
def sweep(
    clouds,
    energies: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    title: str,
    description: str,
    max_points: int = 250,
    seed: int = 0,
):
    """Show clouds with a ball that the reader grows and moves, and the energies at that scale beside them.

    The points are drawn in the plane of their two principal components; an orthogonal projection never lengthens, so a
    ball of radius r lies inside the disc of radius r that is drawn. With the cosine metric the points are brought to
    length 1 first, and a distance 1 - cos of r is a chord of length :math:`\\sqrt{2 r}`. Who is in the ball is decided
    by the distance in the full space. The curves are those of ``energies``; what is said about one point counts
    the points that are drawn.

    Parameters
    ----------
    clouds : `frlib.clouds.Cloud`, or mapping of name to Cloud
        With several, the reader chooses. Of a cloud, points, fields and metric are used.
    energies : DataFrame, or mapping of name to DataFrame
        `frlib.geometry.energy_sweep` of each cloud. Its scales are the steps of the slider: 20 or more make it smooth.
    title : str
        Heading of the figure.
    description : str
        Text alternative: what the figure shows and what it says.
    max_points : int
        Draw at most this many points of a cloud, chosen at random. A cloud of n points with a attributes adds about
        ``(2 + a) n² / 1.5`` bytes to the page: 24 kB for 60 points with 8 attributes, 330 kB for 250 with 6.
    seed : int
        Seeds this choice.

    Returns
    -------
    widget
        In the book, static HTML with the same figure. In a live notebook its traits follow the reader: ``cloud``, the
        name of the cloud on show; ``scale``, an index into its ascending scales; ``point``, the row of the picked
        point; ``attribute``.

    Raises
    ------
    ValueError
        If there is no cloud, a cloud has fewer than three points, its energies lack a column, an attribute or a scale,
        or the description is empty.
    """
    if not isinstance(clouds, Mapping):
        clouds, energies = {"": clouds}, {"": energies}
    if not clouds or set(clouds) != set(energies):
        raise ValueError(f"clouds must be at least one, each with its energies; got {[*clouds]} and {[*energies]}")
    named = {name: _checked(cloud, energies[name]) for name, cloud in clouds.items()}
    checks.at_least("max_points", max_points, 3)
    shown = [_payload(name, cloud, max_points, seed) for name, cloud in named.items()]
    first = shown[0]
    state = {
        "clouds": shown,
        "cloud": first["name"],
        "scale": first["first"],
        "point": first["rows"][first["start"]],
        "attribute": first["attributes"][0]["name"],
        "title": title,
        "description": description,
    }
    return static.host("sweep", state, description=description)


def _first_scale(cloud: Swept) -> int:
    """Return the first scale at which a ball holds a tenth of the cloud on average: something to see, not all."""
    name = next(iter(cloud.fields))
    table = cloud.energies[cloud.energies["attribute"] == name].sort_values("scale")
    neighbors = np.nan_to_num(table["neighbors"].to_numpy(dtype=float))
    return min(int(np.searchsorted(neighbors, 0.1 * len(cloud.points))), len(neighbors) - 1)


def _payload(name: str, cloud: Swept, max_points: int, seed: int) -> dict:
    """Return what the browser needs of a cloud: the plane, all pairs of the points drawn, and the curves.

    Pairs are sent rather than vectors: their number does not depend on the dimension, and the browser decides from
    true distances. Distances carry 16 bits (error below 1/65534 of the largest), cosines 8 (error below 1/254).
    """
    points = drawn_points(cloud.points, cloud.metric)
    total = len(points)
    if total < 3:
        raise ValueError(f"clouds must have at least three points each; {name!r} has {total}")
    rows = np.arange(total)
    if total > max_points:
        rows = np.sort(np.random.default_rng(seed).choice(total, max_points, replace=False))
    center, axes, inside = principal_plane(points)
    distances = pair_distances(cloud.points[rows], metric=cloud.metric).double().numpy()
    upper = np.triu_indices(len(rows), k=1)
    first = _first_scale(cloud)
    crowd = (distances <= cloud.scales[first] * cloud.mean_distance).sum(axis=0)
    return {
        "name": name,
        "rows": rows.tolist(),
        "total": total,
        "first": first,
        "start": int(crowd.argmax()),
        "metric": cloud.metric,
        "meanDistance": cloud.mean_distance,
        "inside": inside,
        "scales": cloud.scales,
        "positions": static.pack((points[rows] - center) @ axes.T),
        "distances": static.pack(distances[upper]),
        "attributes": [_attribute(cloud, attribute, rows, axes, upper) for attribute in cloud.fields],
    }


def _attribute(cloud: Swept, name: str, rows, axes: torch.Tensor, upper) -> dict:
    """Return one attribute: cosines of all pairs of vectors, the vectors in the plane, and its curves."""
    unit = torch.nn.functional.normalize(cloud.fields[name][rows])
    table = cloud.energies[cloud.energies["attribute"] == name].sort_values("scale")
    return {
        "name": name,
        "missing": np.flatnonzero((unit == 0).all(dim=1).numpy()).tolist(),
        "cosines": static.pack((unit @ unit.T).numpy()[upper], bits=8),
        "arrows": static.pack(unit @ axes.T),
        **{column: [float(value) for value in table[column]] for column in ("energy", "neighbors", "isolated")},
    }
