"""How many people, and how many points of each: where the uncertainty of an energy comes from.

An energy is a mean over the points of a cloud and over people. With n people and N points each, its standard error is

.. math:: s = \\sqrt{\\frac{\\sigma^2 + c / N}{n}},

where :math:`\\sigma^2` is the variance between people and c / N the variance between clouds of N points of one person.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from frlib import checks
from frlib.arguments import checked
from frlib.clouds import Cloud
from frlib.geometry import energy_sweep
from frlib.geometry.resampling import LEVEL

_PLACE = ["attribute", "scale"]


@checked
def part_energies(cloud: Cloud, size: int, scales: Sequence[float], seed: int = 0) -> pd.DataFrame:
    """Cut a cloud at random into parts of one size, and return the energies of each.

    Parts share no point: they differ as clouds of so many independent points of this person do. The unit of the scales
    is that of each part, as it is for a cloud of that size.

    Parameters
    ----------
    cloud : Cloud
    size : int
        Points of a part, from 2 to half of those of the cloud; what is left over is not used.
    scales : sequence of float
        As of `frlib.geometry.energy_sweep`.
    seed : int
        Seeds the cut, together with the index of the identity.

    Returns
    -------
    DataFrame
        ``identity``, ``size``, ``cut`` (the seed), ``part``, ``attribute``, ``scale``, ``energy``.

    Raises
    ------
    ValueError
        If the size is out of range.
    """
    n = len(cloud.points)
    checks.between("size", size, 2, n // 2)
    order = np.random.default_rng([seed, cloud.identity or 0]).permutation(n)
    parts = [energy_sweep(cloud.only(order[k : k + size]), scales) for k in range(0, n - size + 1, size)]
    table = pd.concat([part.assign(part=k) for k, part in enumerate(parts)], ignore_index=True)
    place = {"identity": cloud.identity, "size": size, "cut": seed}
    return table.assign(**place)[[*place, "part", *_PLACE, "energy"]]


@checked
def energy_variances(parts: pd.DataFrame, whole: pd.DataFrame, n_points: int) -> pd.DataFrame:
    """Split the variance of energies into that of people and that of points.

    The variance between parts of one cloud, on average over people and cuts, is that of clouds of their size. For whole
    clouds it is continued from the largest parts like 1 / N; what is left of the variance between whole clouds is that
    of people, at least 0.

    Parameters
    ----------
    parts : DataFrame
        Rows of `part_energies` of several people, perhaps of several sizes and cuts.
    whole : DataFrame
        ``attribute``, ``scale`` and ``energy`` of the whole clouds.
    n_points : int
        Points of a whole cloud.

    Returns
    -------
    DataFrame
        One row per attribute, scale and size, that of the whole clouds last: ``points``, the variance from having so
        many points; ``people``, that between people. NaN where there are fewer than two parts, or people.

    Raises
    ------
    ValueError
        If a column is missing, or whole clouds lack an attribute or a scale.
    """
    keys, people = ["size", *_PLACE], ["identity", "cut"]
    checks.columns("parts", parts, [*keys, *people, "energy"], ["size", "scale", "energy"], [*_PLACE, *people])
    checks.columns("whole", whole, [*_PLACE, "energy"], ["scale", "energy"], _PLACE)
    places = [set(zip(*(table[name] for name in _PLACE), strict=True)) for table in (parts, whole)]
    if not places[0] <= places[1]:
        raise ValueError("whole must have the attributes and scales of parts; got others")
    of_parts = parts.groupby([*keys, "identity", "cut"]).energy.var().groupby(keys).mean()
    largest = int(parts["size"].max())
    of_whole = of_parts.xs(largest, level="size") * largest / n_points
    people = (whole.groupby(_PLACE).energy.var() - of_whole).clip(lower=0).rename("people")
    every = pd.concat([of_parts, pd.concat({n_points: of_whole}, names=["size"])]).rename("points")
    return every.reset_index().join(people, on=_PLACE)


@checked
def half_width(deviation, n: int, *, level: float = LEVEL):
    r"""Return half the interval that `frlib.geometry.mean_interval` has for n values: :math:`t_{n-1}\, s / \sqrt n`.

    Parameters
    ----------
    deviation : float or array_like
        The standard deviation s of the values.
    n : int
        At least 2.
    level : float
        Coverage.

    Raises
    ------
    ValueError
        If a deviation is negative or no finite number, or n or the level out of range.
    """
    checks.at_least("n", n, 2)
    known = checks.between("deviation", checks.as_numbers("deviation", deviation, finite=True), 0, np.inf)
    deviation = deviation if isinstance(deviation, pd.Series) else known
    return stats.t.isf((1 - level) / 2, n - 1) * deviation / np.sqrt(n)
