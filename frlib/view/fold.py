"""How a field changes while a network is trained: one cloud, epoch by epoch, and the energy of the field beside it."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.clouds import Cloud
from frlib.view import static
from frlib.view.charts import tones
from frlib.view.plane import drawn_distance, drawn_points, field_plane


@checked
def fold(clouds: Mapping[str, Sequence[Cloud]], energies: pd.DataFrame, *, title: str, description: str):
    """Show the cloud of one person while networks are fine-tuned, with the field of an attribute that the reader picks.

    Each run and attribute has one plane for all epochs, so that what moves on the screen moved in the plane. It is the
    one that holds most of the squared length of the field, all epochs together: the plane of the principal components
    of the points holds next to nothing of most fields, and would show what is left as disorder. With the cosine metric
    points are brought to length 1 first.

    Parameters
    ----------
    clouds : mapping of run to sequence of `frlib.clouds.Cloud`
        A run is named after what the network was fine-tuned on; where that is an attribute, its field is shown first.
        One cloud per epoch, that of the network before fine-tuning first. All have the same points in the same order,
        the same attributes and the same metric. A cloud of n points with a attributes adds about ``16 a n / 3`` bytes
        to the page: 1.7 kB for 40 points with 8 attributes.
    energies : DataFrame
        One row for each ``run``, ``epoch`` and ``attribute``, with its ``energy``, its ``displacement`` over the mean
        distance of that cloud, and the ``scale`` of the energy, the same in all rows.
    title : str
        Heading of the figure.
    description : str
        Text alternative: what the figure shows and what it says.

    Returns
    -------
    widget
        In the book, static HTML with the same figure. In a live notebook its traits follow the reader: ``run`` and
        ``attribute``, the names on show, and ``epoch``.

    Raises
    ------
    ValueError
        If there is no cloud, a run has fewer than two epochs, clouds differ in points, attributes or metric, the
        energies lack a column or a row or have several scales, or the description is empty.
    """
    first = _first_cloud(clouds)
    epsilon = _check_energies(energies, clouds, list(first.fields))
    table = energies.set_index(["run", "epoch", "attribute"])
    names = [_label(attribute) for attribute in first.fields]
    runs = [_run(run, epochs, first, table) for run, epochs in clouds.items()]
    state = {
        "runs": runs,
        "attributes": [
            {"name": name, "label": label, "tone": tone}
            for name, label, tone in zip(first.fields, names, tones(names), strict=True)
        ],
        "count": len(first.points),
        "metric": first.metric,
        "epsilon": epsilon,
        "run": runs[0]["name"],
        "attribute": next((a for a in first.fields if _label(a) == runs[0]["label"]), next(iter(first.fields))),
        "epoch": runs[0]["last"],
        "title": title,
        "description": description,
    }
    return static.host("fold", state, description=description)


def _label(name: str) -> str:
    """Return a name as a reader sees it."""
    return str(name).replace("_", " ")


def _first_cloud(clouds: Mapping[str, Sequence[Cloud]]) -> Cloud:
    """Return the first cloud, to which all others must be alike.

    Raises
    ------
    ValueError
        If there is none, a run has fewer than two, or a cloud has other attributes or another metric.
    """
    if not clouds:
        raise ValueError("clouds must hold at least one run; got none")
    for run, epochs in clouds.items():
        if len(epochs) < 2:
            raise ValueError(f"clouds[{run!r}] must hold epoch 0 and at least one more; got {len(epochs)} clouds")
    first = next(iter(clouds.values()))[0]
    if len(first.points) < 3 or not first.fields:
        found = f"{len(first.points)} points and {len(first.fields)} attributes"
        raise ValueError(f"clouds must have at least three points and one attribute each; got {found}")
    for name, cloud in _named(clouds):
        if cloud.metric != first.metric:
            raise ValueError(f"{name} must have the metric of the first cloud, {first.metric!r}; got {cloud.metric!r}")
        if set(cloud.fields) != set(first.fields):
            raise ValueError(f"{name} must have the attributes {[*first.fields]}; got {[*cloud.fields]}")
    return first


def _named(clouds: Mapping[str, Sequence[Cloud]]):
    """Yield each cloud after what an error calls it."""
    for run, epochs in clouds.items():
        for epoch, cloud in enumerate(epochs):
            yield f"clouds[{run!r}][{epoch}]", cloud


def _check_energies(energies: pd.DataFrame, clouds: Mapping[str, Sequence[Cloud]], attributes: list[str]) -> float:
    """Return the one scale of the energies.

    Raises
    ------
    ValueError
        If a column is missing, scales differ, or a row is missing or there twice.
    """
    checks.columns("energies", energies, ["run", "epoch", "attribute", "energy", "displacement", "scale"])
    scales = energies["scale"].unique()
    if len(scales) != 1:
        raise ValueError(f"energies must have one scale; got {', '.join(f'{scale:g}' for scale in scales)}")
    keys = [(run, epoch, a) for run, epochs in clouds.items() for epoch in range(len(epochs)) for a in attributes]
    counts = energies.groupby(["run", "epoch", "attribute"], observed=True).size().reindex(keys, fill_value=0)
    for (run, epoch, attribute), rows in counts[counts != 1].items():
        where = f"run {run!r}, epoch {epoch}, attribute {attribute!r}"
        raise ValueError(f"energies must have one row for {where}; got {rows}")
    return float(scales[0])


def _run(run: str, epochs: Sequence[Cloud], first: Cloud, table: pd.DataFrame) -> dict:
    """Return what the browser needs of a run: its cloud in the plane of each field, and four decimals of each curve."""
    named = list(_named({run: epochs}))
    points = _points(named, len(first.points), first.metric)
    units = torch.stack([_units(name, cloud, list(first.fields), points.shape) for name, cloud in named])
    points -= points.mean(dim=(0, 1))
    rows = pd.MultiIndex.from_product([[run], range(len(epochs)), list(first.fields)])
    curves = {
        column: table[column].reindex(rows).to_numpy(dtype=float).round(4).reshape(len(epochs), -1).T.tolist()
        for column in ("energy", "displacement")
    }
    return {
        "name": run,
        "label": _label(run),
        "last": len(epochs) - 1,
        "unit": drawn_distance(epochs[0].mean_distance, first.metric),
        "fields": [_field(points, units[:, k]) for k in range(units.shape[1])],
        "missing": (units == 0).all(dim=3).sum(dim=2).T.tolist(),
        **curves,
    }


def _field(points: torch.Tensor, units: torch.Tensor) -> dict:
    """Return centred points and a field of unit vectors (epochs, N, d) in the plane of the field.

    Points at epoch 0 carry 16 bits (error below 1/65534 of the largest coordinate); how far they moved since, and the
    vectors, 8 bits (error below 1/254 of the largest).
    """
    axes = field_plane(units.flatten(0, 1))
    places = points @ axes.T
    return {
        "inside": float((places**2).sum() / (points**2).sum().clamp_min(1e-300)),
        "starts": static.pack(places[0]),
        "moves": static.pack(places - places[0], bits=8),
        "arrows": static.pack(units @ axes.T, bits=8),
    }


def _points(named, rows: int, metric: str) -> torch.Tensor:
    """Return the points of clouds as they are drawn (epochs, N, d), all of one shape."""
    drawn, columns = [], None
    for name, cloud in named:
        points = checks.as_matrix(f"{name}.points", cloud.points, rows=rows, columns=columns, metric=metric)
        drawn.append(drawn_points(points.detach().cpu().double(), metric))
        columns = points.shape[1]
    return torch.stack(drawn)


def _units(name: str, cloud: Cloud, attributes: list[str], shape) -> torch.Tensor:
    """Return the field of each attribute as unit vectors (attributes, N, d); a zero vector stays zero."""
    fields = [
        checks.as_matrix(f"{name}.fields[{a!r}]", cloud.fields[a], rows=shape[1], columns=shape[2]) for a in attributes
    ]
    return torch.nn.functional.normalize(torch.stack([f.detach().cpu().double() for f in fields]), dim=2)
