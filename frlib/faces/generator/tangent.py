"""Exact derivatives of images by an attribute, where they exist."""

from collections.abc import Mapping, Sequence

import torch

from frlib import checks
from frlib.arguments import checked
from frlib.faces import pixels
from frlib.faces.attributes import ATTRIBUTES, PIXELS, batch_of
from frlib.faces.crops import CROPS, tone
from frlib.faces.generator.renderer import BATCH, colored, draw_light, hair_of, render
from frlib.faces.generator.shared import shared_lights
from frlib.faces.identity import Identity
from frlib.runtime import choose_device

#: Attributes by which the image has an exact derivative.
SMOOTH = ("hair_color", "illumination", *PIXELS)


@checked
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
    shading; the rest of the chain (tone, pixel operations) is differentiated in forward mode by
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
    options = {"size": size, "crop": crop, "shadows": shadows, "real": dtype, "device": choose_device(device)}
    moves = torch.empty(len(people), size, size, 3, dtype=dtype)
    for lights in shared_lights(people, values, BATCH):
        light = draw_light(lights, **options, slopes=name == "illumination")
        for places, which in zip(lights.images.split(BATCH), lights.light_of.split(BATCH), strict=True):
            own = {k: vector[places].to(light) for k, vector in values.items()}
            moves[places] = _moves([people[place] for place in places], own, light[:, which], name).cpu()
    return moves


def _moves(people: list[Identity], values: Mapping, light: torch.Tensor, name: str) -> torch.Tensor:
    """Return the derivative of images whose light is drawn."""
    at = values.get(name, torch.zeros(len(people)).to(light))
    low = {k: v for k, v in values.items() if k in PIXELS}
    along, before = lambda f, x, dx: torch.func.jvp(f, (x,), (dx,)), lambda x: pixels.change(tone(x), low)
    hair, ones = hair_of(people, values, light), torch.ones_like(at)
    if name in PIXELS:
        image = tone(colored(light, hair))
        changed, moves = along(lambda t: pixels.change(image, low | {name: t}), at, ones)
    elif name == "hair_color":
        at = values.get(name, torch.tensor([person.traits.hair_color for person in people]).to(light))
        _, bend = along(lambda t: hair_of(people, {name: t}, light), at, ones)
        changed, moves = along(before, colored(light, hair), light[1] * bend[:, None, None])
    else:
        changed, moves = along(before, colored(light, hair), colored(light[2:], hair) * (torch.pi / 180))
    return moves * ((changed > 0) & (changed < 255))


def central_gap(identity: Identity, attributes: Mapping, name: str, step: float, **options) -> float:
    """Return how far a central difference of images is from their exact derivative, over the length of the latter.

    Parameters
    ----------
    identity : Identity
    attributes : mapping of name to scalar
        Where to differentiate; must hold the attribute.
    name : str
        As in `tangent`.
    step : float
        Half the distance of the two images, as a share of the range of the attribute.
    **options
        As in `tangent`, but for ``dtype`` and ``shadows``. Both are drawn in float64, and light without shadows.

    Raises
    ------
    ValueError
        As in `tangent`, or if the attribute has no value or the step leads out of its range.
    """
    checks.one_of("name", name, tuple(attributes))
    half = step * (ATTRIBUTES[name].high - ATTRIBUTES[name].low)
    ends = {name: [attributes[name] - half, attributes[name] + half]}
    options |= {"dtype": torch.float64, "shadows": name != "illumination"}
    low, high = render(identity, {**attributes, **ends}, **options)
    exact = tangent(identity, attributes, name, **options)[0]
    return float(((high - low) / (2 * half) - exact).norm() / exact.norm())
