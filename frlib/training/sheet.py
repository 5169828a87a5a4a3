"""A sheet in space that is folded, then crumpled, with the field along one of its two directions.

The page draws the same sheet in the browser. Every line along u keeps its length at every amount, so the attribute u
moves each point at speed one: what changes is only which way.
"""

import numpy as np

from frlib import checks
from frlib.arguments import checked

#: Angles of the lines in radians. The fold is one wave along u; of crumpling, each wave has two frequencies, along u
#: and v, and two phases, of the angle in the plane of the fold and of the one out of it.
FOLD = 1.75
CRUMPLE = (1.3, 0.7)
WAVES = ((5.0, 4.0, 0.3, 1.1), (9.0, -7.0, 2.0, 0.2), (13.0, 11.0, 4.0, 3.0))
#: Points per side, and steps of the sum along a line from one point to the next.
SIDE, STEPS = 18, 6


def sheet_directions(u: np.ndarray, v: np.ndarray, amount: float) -> np.ndarray:
    """Return the direction of the line along u at (u, v): unit vectors, in a last axis of length 3."""
    fold, crumple = min(1.0, 2 * amount), max(0.0, 2 * amount - 1)
    bend, tilt = fold * FOLD * np.cos(2 * np.pi * u), np.zeros(np.broadcast(u, v).shape)
    for along, across, phase, other in WAVES:
        bend = bend + crumple * CRUMPLE[0] * np.sin(along * u + across * v + phase)
        tilt = tilt + crumple * CRUMPLE[1] * np.sin(along * u - across * v + other)
    return np.stack([np.cos(bend) * np.cos(tilt), np.sin(tilt), np.sin(bend) * np.cos(tilt)], axis=-1)


@checked
def crumpled_sheet(amount: float) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the points (n, 3) of a sheet and the field along u, unit vectors (n, 3).

    .. math:: X(u, v) = v e_2 + \int T(s, v)\,ds, \qquad \partial_u X = T, \quad |T| = 1

    with the mean of each line at :math:`v e_2`. T turns to and fro along u for a fold, and by three more waves, across
    the sheet too, where it is crumpled. Points lie on a grid of the square -1..1, line by line.

    Parameters
    ----------
    amount : float
        0 flat, 0.5 folded, 1 crumpled, and all between.

    Raises
    ------
    ValueError
        If the amount is not between 0 and 1.
    """
    checks.between("amount", amount, 0, 1)
    places, step = np.linspace(-1, 1, SIDE), 2 / ((SIDE - 1) * STEPS)
    middles = -1 + step * (np.arange((SIDE - 1) * STEPS) + 0.5)
    path = np.cumsum(step * sheet_directions(middles, places[:, None], amount), axis=1)
    path = np.concatenate([np.zeros((SIDE, 1, 3)), path], axis=1)
    points = (path - path.mean(axis=1, keepdims=True))[:, ::STEPS]
    points[..., 1] += places[:, None]
    return points.reshape(-1, 3), sheet_directions(places, places[:, None], amount).reshape(-1, 3)
