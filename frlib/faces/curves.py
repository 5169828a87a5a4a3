"""Curves of images: centres that all attributes share, and one step down and up along each attribute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.faces import pixels
from frlib.faces.attributes import ATTRIBUTES, PIXELS, RENDERED
from frlib.faces.generator.renderer import render
from frlib.faces.identity import Identity

#: Length of a step as a share of an attribute's range, as in paper A's lattice.
STEPS = {"rendered": 1 / 6, "pixels": 1 / 4}


@dataclass(frozen=True)
class Curves:
    """Images of one identity.

    Parameters
    ----------
    center : Tensor of uint8 or float32, shape (N, size, size, 3)
        RGB, 0 to 255.
    minus, plus : mapping of attribute to Tensor, shape (N, size, size, 3)
        The centres with that attribute one step lower and higher.
    table : DataFrame, N rows
        Values of the rendered attributes of each centre.
    """

    center: torch.Tensor
    minus: Mapping[str, torch.Tensor]
    plus: Mapping[str, torch.Tensor]
    table: pd.DataFrame


def sample_curves(
    identity: Identity,
    n_points: int,
    *,
    step=None,
    seed: int = 0,
    source=None,
    crop: str = "arcface",
    size: int = 112,
    dtype: torch.dtype = torch.uint8,
) -> Curves:
    """Draw the curves of one identity.

    Centres vary in the five rendered attributes, uniformly and independently, and are neutral in the three that change
    pixels. So one set of centres, and one matrix of distances, serves all attributes.

    Parameters
    ----------
    identity : Identity
    n_points : int
        Number of centres N.
    step : float, optional
        Length of a step as a share of each range. Default: 1/6 for rendered attributes, 1/4 for pixel operations.
        Centres keep one step away from both ends.
    seed : int
        Seeds the centres; the first k of N are the same for every N.
    source : optional
        Another object with `render`; default: the parametric generator.
    crop, size, dtype
        As in `frlib.faces.render`.

    Returns
    -------
    Curves

    Raises
    ------
    ValueError
        If the number of points is below 1, the seed is negative, the step is not between 0 and 1/2, the dtype is
        unknown, or there are several identities.
    """
    checks.at_least("n_points", n_points, 1)
    checks.at_least("seed", seed, 0)
    if isinstance(identity, Sequence):
        raise ValueError(f"identity must be one Identity; got a sequence of {len(identity)}")
    if step is not None and not 0 < step < 0.5:
        raise ValueError(f"step must lie between 0 and 0.5, as a share of the range; got {step!r}")
    checks.one_of("dtype", dtype, (torch.uint8, torch.float32))
    draw = render if source is None else source.render
    lengths = reach(step)
    table = center_table(n_points, lengths, seed)
    options = {"crop": crop, "size": size, "dtype": torch.float32}
    exact = draw(identity, table.to_dict("list"), **options)
    ends = [
        {name: as_type(images, dtype) for name, images in moved_images(draw, identity, exact, table, steps, options)}
        for steps in ({name: sign * length for name, length in lengths.items()} for sign in (-1, 1))
    ]
    return Curves(as_type(exact, dtype), *ends, table)


def reach(step: float | None = None) -> dict[str, float]:
    """Return the length of a step along each attribute, in its own unit; ``step`` is a share of each range."""
    return {name: (step or STEPS[a.kind]) * (a.high - a.low) for name, a in ATTRIBUTES.items()}


def moved_images(draw, identity, exact: torch.Tensor, table: pd.DataFrame, steps: Mapping[str, float], options: dict):
    """Yield each attribute's name and the float images of the centres moved along it by its step."""
    for name in RENDERED:
        yield name, draw(identity, table.assign(**{name: table[name] + steps[name]}).to_dict("list"), **options)
    for name in PIXELS:
        yield name, pixels.change(exact, {name: torch.full((len(table),), steps[name])})


def center_table(n_points: int, reach: Mapping[str, float], seed: int) -> pd.DataFrame:
    """Return the values of the rendered attributes of each centre, one step away from both ends of the range."""
    draws = np.random.default_rng(seed).random((n_points, len(RENDERED)))
    low = np.array([ATTRIBUTES[name].low + reach[name] for name in RENDERED])
    high = np.array([ATTRIBUTES[name].high - reach[name] for name in RENDERED])
    return pd.DataFrame(low + draws * (high - low), columns=list(RENDERED))


def as_type(images: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return float images as they are, or rounded to uint8 as an image file would."""
    return images.round().to(torch.uint8) if dtype == torch.uint8 else images
