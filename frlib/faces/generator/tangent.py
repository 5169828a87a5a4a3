"""Exact derivatives of images by an attribute, where they exist."""

from collections.abc import Mapping, Sequence

import torch

from frlib import checks
from frlib.faces import pixels
from frlib.faces.attributes import ATTRIBUTES, PIXELS, batch_of, batches
from frlib.faces.crops import CROPS, tone
from frlib.faces.generator.renderer import BATCH, average, draw_linear, load_model, own_hair
from frlib.faces.identity import Identity
from frlib.runtime import choose_device

#: Attributes by which the image has an exact derivative.
SMOOTH = ("hair_color", "illumination", *PIXELS)


def tangent(
    identity: Identity | Sequence[Identity],
    attributes: Mapping | None,
    name: str,
    *,
    size: int = 112,
    crop: str = "arcface",
    shadows: bool | None = None,
    dtype: torch.dtype = torch.float32,
    device=None,
) -> torch.Tensor:
    """Return the derivative of the unrounded image by one attribute, per unit of the attribute.

    Linear light is affine in the hair's linear RGB, and its derivative by the azimuth comes from the kernel of the
    shading; the rest of the chain (averaging, tone, pixel operations) is differentiated in forward mode by
    `torch.func.jvp`. Where a value is clipped to 0 or 255 the derivative is 0. At image quality 0, where blur meets
    contrast, it is that of the contrast.

    Parameters
    ----------
    identity, attributes, size, crop, device
        As in `frlib.faces.render`.
    name : {"hair_color", "illumination", "brightness", "hue", "image_quality"}
        Illumination is in degrees.
    shadows : bool, optional
        Default: as `render` draws, but without for illumination, whose shadows move in jumps.
    dtype : torch.dtype
        float32 or float64.

    Returns
    -------
    Tensor, shape (N, size, size, 3)

    Raises
    ------
    ValueError
        If the attribute has no exact derivative, or illumination is asked for with shadows.
    """
    checks.at_least("size", size, 16)
    checks.one_of("crop", crop, tuple(CROPS))
    checks.one_of("dtype", dtype, (torch.float32, torch.float64))
    checks.one_of("name", name, tuple(ATTRIBUTES))
    if name not in SMOOTH:
        raise ValueError(
            f"name must be one of {', '.join(map(repr, SMOOTH))}; got {name!r}, by which visible surfaces change in "
            "jumps: use the central differences of sample_curves"
        )
    if name == "illumination" and shadows:
        raise ValueError("shadows must be False or None for illumination; got True, but shadows move in jumps")
    shadows = name != "illumination" if shadows is None else shadows
    people, values = batch_of(identity, attributes, Identity)
    options = (size, crop, shadows, dtype, choose_device(device))
    return torch.cat([_batch(*batch, name, options) for batch in batches(people, values, BATCH)]).cpu()


def _batch(people: list[Identity], values: Mapping, name: str, options: tuple) -> torch.Tensor:
    """Return the derivative of one batch."""
    dtype, device = options[-2:]
    values = {k: v.to(device, dtype) for k, v in values.items()}
    light, slope = draw_linear(people, values, *options)
    low = {k: v for k, v in values.items() if k in PIXELS}
    if name in PIXELS:
        image, at = tone(average(light)), low.get(name, torch.zeros(len(people), dtype=dtype, device=device))
        changed, moves = torch.func.jvp(lambda t: pixels.change(image, low | {name: t}), (at,), (torch.ones_like(at),))
        return moves * ((changed > 0) & (changed < 255))
    if name == "hair_color":
        slope = _hair_slope(people, values, options)
    else:
        slope = slope * (torch.pi / 180)
    changed, moves = torch.func.jvp(lambda x: pixels.change(tone(average(x)), low), (light,), (slope,))
    return moves * ((changed > 0) & (changed < 255))


def _hair_slope(people: list[Identity], values: Mapping, options: tuple) -> torch.Tensor:
    """Return the derivative of linear light by hair colour: its affine map at the derivative of RGB less that at 0."""
    dtype, device = options[-2:]
    models = [load_model(person) for person in people]
    own = torch.tensor([model.hair_color for model in models])
    at = values.get("hair_color", own).to(device, dtype)
    _, change = torch.func.jvp(lambda t: own_hair(models, t), (at,), (torch.ones_like(at),))
    moved, still = (draw_linear(people, values, *options, hair=hair)[0] for hair in (change, torch.zeros_like(change)))
    return moved - still
