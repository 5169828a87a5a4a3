"""Synthetic fields in the plane: what the playground on reading an energy shows, computed again in Python.

The page draws its points with a small seeded generator in the browser. This module draws the same points from the
same seed, so that tables of the chapter and the playground speak of the same clouds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import energy_sweep

BASES = ("aligned", "tangential", "radial")
MASK = 0xFFFFFFFF


class Preset(NamedTuple):
    """A named field: its base, and the standard deviation of the angle noise, in degrees."""

    base: str
    noise: float


#: Six fields in the order of paper A's Figure 2c. The recipe of the figure is unknown: the noise levels are ours. Noise
#: of 180 degrees spreads the angles over the whole circle.
PRESETS = {
    "aligned": Preset("aligned", 0.0),
    "tangential": Preset("tangential", 0.0),
    "radial": Preset("radial", 0.0),
    "mild noise": Preset("aligned", 35.0),
    "more noise": Preset("aligned", 45.0),
    "disordered": Preset("aligned", 180.0),
}


def uniform_draws(n: int, seed: int) -> np.ndarray:
    """Return ``n`` uniform numbers in [0, 1) from the 32-bit generator mulberry32 (T. Ettinger, public domain)."""
    state, draws = seed & MASK, np.empty(n)
    for i in range(n):
        state = (state + 0x6D2B79F5) & MASK
        mixed = ((state ^ state >> 15) * (1 | state)) & MASK
        mixed = (mixed + ((mixed ^ mixed >> 7) * (61 | mixed) & MASK) & MASK) ^ mixed
        draws[i] = (mixed ^ mixed >> 14) / 2**32
    return draws


@checked
def planar_draws(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return ``n`` uniform points (n, 2) of the square [-1, 1]^2 and ``n`` standard normal numbers.

    The first k of n are the same for every n, so that a denser cloud contains the sparser one.

    Raises
    ------
    ValueError
        If there are fewer than two points.
    """
    checks.at_least("n", n, 2)
    draws = uniform_draws(4 * n, seed).reshape(n, 4)
    normal = np.sqrt(-2 * np.log(1 - draws[:, 2])) * np.cos(2 * np.pi * draws[:, 3])
    return 2 * draws[:, :2] - 1, normal


@checked
def planar_field(points: np.ndarray, normal: np.ndarray, base: str, noise: float) -> np.ndarray:
    r"""Return unit vectors (n, 2) of angle :math:`\theta(x) + \sigma z`.

    :math:`\theta` is 0 (aligned), the polar angle of x (radial), or the polar angle plus a right angle (tangential).
    For aligned vectors far more numerous than one, the energy at any scale is :math:`1 - e^{-\sigma^2}`, with
    :math:`\sigma` in radians: the mean cosine of the difference of two independent normal angles.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        Positions in the plane.
    normal : ndarray, shape (n,)
        The draws z.
    base : {"aligned", "tangential", "radial"}
        The field without noise.
    noise : float
        Sigma, in degrees.

    Raises
    ------
    ValueError
        If a shape or a value is not accepted, the base is unknown, or the noise is negative.
    """
    checks.one_of("base", base, BASES)
    checks.between("noise", noise, 0, np.inf)
    points = checks.as_numbers("points", points, finite=True, shape=(None, 2))
    normal = checks.as_numbers("normal", normal, finite=True, shape=(len(points),))
    polar = np.arctan2(points[:, 1], points[:, 0])
    angle = {"aligned": np.zeros(len(points)), "radial": polar, "tangential": polar + np.pi / 2}[base]
    angle = angle + np.deg2rad(noise) * normal
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


@checked
def planar_cloud(preset: str, n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the points (n, 2) and unit vectors (n, 2) of one of the `PRESETS`.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    checks.one_of("preset", preset, PRESETS)
    points, normal = planar_draws(n, seed)
    return points, planar_field(points, normal, PRESETS[preset].base, PRESETS[preset].noise)


@checked
def planar_energies(
    presets: Sequence[str], scales: Sequence[float], *, draws: int, n: int = 300, seed: int = 0, **options
) -> pd.DataFrame:
    """Return the energies of fields of the `PRESETS`, each on several draws of points and noise.

    Parameters
    ----------
    presets : sequence of str
        Names of fields.
    scales : sequence of float
        Radii of the balls over the mean pair distance.
    draws : int
        Number of draws, the k-th of them from the seed ``seed + k``.
    n : int
        Number of points of a draw.
    seed : int
        Of the first draw.
    **options
        Passed on to `frlib.geometry.energy_sweep`.

    Returns
    -------
    DataFrame
        The columns of `energy_sweep`, where ``attribute`` is the name of the field, and ``draw``.

    Raises
    ------
    ValueError
        If a name is unknown or there is no draw.
    """
    checks.at_least("draws", draws, 1)
    if not len(presets):
        raise ValueError("presets must name a field; got none")
    for name in presets:
        checks.one_of("presets", name, PRESETS)
    tables = []
    for name in presets:
        for draw in range(draws):
            points, field = planar_cloud(name, n, seed + draw)
            table = energy_sweep(points, {name: field}, scales, metric="euclidean", **options)
            tables.append(table.assign(draw=draw))
    return pd.concat(tables, ignore_index=True)
