"""How to read an energy: fields in the plane, a ball, and the energy computed live in the reader's browser."""

import numpy as np

from frlib import checks
from frlib.arguments import checked
from frlib.training.planar import PRESETS
from frlib.view import static

#: Radii of the balls over the mean pair distance: nearly empty balls at one end, all pairs at the other.
SCALES = tuple(float(f"{scale:.3g}") for scale in np.geomspace(0.03, 3, 41))


def state(description: str, seed: int = 0) -> dict:
    """Return what the widget starts from: the fields, the scales and the first choice, as plain JSON values."""
    names = list(PRESETS)
    return {
        "presets": [{"name": name, "base": preset.base, "noise": preset.noise} for name, preset in PRESETS.items()],
        "scales": list(SCALES),
        "seed": seed,
        "count": 300,
        "preset": names.index("tangential"),
        "scale": int(np.argmin(np.abs(np.array(SCALES) - 0.3))),
        "title": "How to read an energy",
        "description": description,
    }


@checked
def playground(*, description: str, seed: int = 0):
    """Return the playground on reading an energy, for the end of a notebook cell.

    The reader chooses one of six fields of unit vectors in the plane, the noise on their angles, the number of
    points and the scale. The energy is computed in the browser, as `frlib.geometry.energy_sweep` does:

    .. math:: E(\\varepsilon) = 1 - \\operatorname{mean}_i \\operatorname{mean}_{j \\ne i,\\; d(i,j) \\le
        \\varepsilon \\bar d} \\cos(v_i, v_j)

    Parameters
    ----------
    description : str
        Text alternative: what the figure shows.
    seed : int
        Of the points and of the noise; `frlib.training.planar_draws` gives the same ones.

    Returns
    -------
    object
        The live widget, or on the site its static host.

    Raises
    ------
    ValueError
        If the description is empty or the seed is negative.
    """
    checks.at_least("seed", seed, 0)
    return static.host("playground", state(description, seed), description=description)
