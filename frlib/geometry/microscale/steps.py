"""Energies between points of a lattice that differ along one attribute alone."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import pairs


@torch.no_grad()
@checked
def energy_by_steps(coordinates: Mapping[str, pd.DataFrame], fields: Mapping) -> pd.DataFrame:
    """Compute how attribute fields disagree between points that differ by some steps along one attribute, in no other.

    .. math:: E_a(b, s) = 1 - \\operatorname{mean}_{(i, j):\\; |x_i - x_j| = s\\, e_b} \\cos(v_i, v_j)

    Here :math:`x_i` are the coordinates of point i and :math:`e_b` one step along the attribute b. Each pair counts
    once. `energy_sweep` mixes these pairs, and all that differ in more attributes, by their distance; here one sees
    which difference between two images turns the field.

    Parameters
    ----------
    coordinates : mapping of attribute a to DataFrame of int, shape (N_a, k)
        Steps of the points of its field, one column per attribute b.
    fields : mapping of attribute a to array_like, shape (N_a, d)
        A vector of any length at each point. A point whose vector is zero is left out.

    Returns
    -------
    DataFrame
        One row per field, attribute and number of steps that a pair has: ``attribute`` (a), ``along`` (b), ``steps``
        (s), ``energy``, and ``pairs``, their number.

    Raises
    ------
    ValueError
        If there is no field, the names differ, a table does not have one row per vector or holds no whole numbers, or
        a field is not accepted.
    """
    if not fields or set(coordinates) != set(fields):
        raise ValueError(f"coordinates must have the attributes of fields, {list(fields)}; got {list(coordinates)}")
    tables = []
    for name, given in fields.items():
        field = checks.as_matrix(f"fields[{name!r}]", given)
        steps = _checked_steps(f"coordinates[{name!r}]", coordinates[name], len(field))
        defined = (checks.row_sizes(field) > 0).numpy(force=True)
        units = pairs.unit_rows(field[torch.from_numpy(defined)]).numpy(force=True)
        tables += [_energies_along(along, steps[defined], units).assign(attribute=name) for along in steps]
    columns = ["attribute", "along", "steps", "energy", "pairs"]
    return pd.concat(tables, ignore_index=True)[columns]


def _checked_steps(name: str, table: pd.DataFrame, rows: int) -> pd.DataFrame:
    checks.columns(name, table, list(table))
    if len(table) != rows or not all(pd.api.types.is_integer_dtype(kind) for kind in table.dtypes):
        raise ValueError(
            f"{name} must have {rows} rows of whole numbers, one per vector; got {len(table)} rows of "
            f"{', '.join(sorted({str(kind) for kind in table.dtypes}))}"
        )
    return table.reset_index(drop=True)


def _energies_along(along: str, steps: pd.DataFrame, units: np.ndarray) -> pd.DataFrame:
    """Return the rows of one field and one attribute between points."""
    lines = steps.groupby([c for c in steps if c != along], sort=False).ngroup() if steps.shape[1] > 1 else 0
    found = [np.empty((0, 2))]
    for first, second in _pairs_of_lines(np.broadcast_to(lines, len(steps)), steps[along].to_numpy()):
        apart = steps[along].to_numpy()[second] - steps[along].to_numpy()[first]
        cosines = np.einsum("ij,ij->i", units[first], units[second])
        found.append(np.column_stack([apart, cosines])[apart > 0])
    table = pd.DataFrame(np.concatenate(found), columns=["steps", "cosine"]).astype({"steps": int})
    table = table.groupby("steps").cosine.agg(["mean", "size"]).reset_index()
    return pd.DataFrame({"along": along, "steps": table.steps, "energy": 1 - table["mean"], "pairs": table["size"]})


def _pairs_of_lines(line: np.ndarray, place: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield all pairs of points on a common line, in parts; the second point of a pair is no nearer to the start."""
    order = np.lexsort([place, line])
    for lag in range(1, len(order)):
        together = line[order[lag:]] == line[order[:-lag]]
        if not together.any():
            return
        yield order[:-lag][together], order[lag:][together]


@torch.no_grad()
@checked
def steps_within(
    points, coordinates: pd.DataFrame, scales: Sequence[float], *, metric: str = "cosine", mean_distance: float
) -> pd.DataFrame:
    """Return how many steps along each attribute lie between two points of a ball, compared with any two points.

    Parameters
    ----------
    points : array_like, shape (N, d)
        Distances of all pairs are held at once.
    coordinates : DataFrame of int, shape (N, k)
        Steps of the points, one column per attribute.
    scales : sequence of float
        Radii in units of the mean distance, closed.
    metric : {"cosine", "euclidean"}
    mean_distance : float

    Returns
    -------
    DataFrame
        One row per scale and attribute: ``scale``, ``attribute``, ``steps``, the mean number of steps between the
        points of a pair no further apart than that, NaN if there is no such pair; and ``ratio``, to the mean over all
        pairs, NaN if that is 0.

    Raises
    ------
    ValueError
        If the points, the coordinates, the scales or the metric are not accepted.
    """
    points = checks.as_matrix("points", points, metric=metric)
    distances = pairs.pair_distances(points, metric=metric).numpy(force=True)
    scales, coordinates = checks.as_scales("scales", scales), _checked_steps("coordinates", coordinates, len(distances))
    first, second = np.triu_indices(len(distances), 1)
    inside = distances[first, second][:, None] <= scales * (1 + pairs.TIE) * mean_distance
    parts = []
    for name, steps in coordinates.items():
        apart = np.abs(steps.to_numpy()[first] - steps.to_numpy()[second])
        with np.errstate(invalid="ignore", divide="ignore"):  # no pair, no steps: NaN, as promised
            near = apart @ inside / inside.sum(axis=0)
            parts.append(
                pd.DataFrame({"scale": scales, "attribute": name, "steps": near, "ratio": near / apart.mean()})
            )
    return pd.concat(parts, ignore_index=True)
