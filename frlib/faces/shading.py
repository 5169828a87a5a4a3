"""Colour of visible surface points: skin, eyes, teeth and hair under one lamp and ambient light."""

import math

import torch

HAIR_DARK, HAIR_LIGHT = torch.tensor([52.0, 31.0, 10.0]), torch.tensor([215.0, 214.0, 124.0])
HAIR_BEND = torch.tensor([40.0, -25.0, -20.0])
#: The lamp stands this high, in radians.
ELEVATION = 0.45
CAMERA_DISTANCE = 0.95


def normalize(vectors: torch.Tensor) -> torch.Tensor:
    """Return columns (3, P) of length 1."""
    return vectors * torch.rsqrt((vectors * vectors).sum(0, keepdim=True) + 1e-12)


def lamp_direction(azimuth: torch.Tensor) -> torch.Tensor:
    """Return the direction to the lamp, shape (3, B); azimuth in radians, positive to the subject's left."""
    flat = math.cos(ELEVATION)
    return torch.stack(
        [torch.sin(azimuth) * flat, -torch.cos(azimuth) * flat, torch.full_like(azimuth, math.sin(ELEVATION))]
    )


def hair_rgb(hair_color: torch.Tensor) -> torch.Tensor:
    """Return linear hair colour (3, B): the paper's RGB line, bent towards red in its middle, which looks green."""
    dark, light, bend = (rgb.to(hair_color)[:, None] for rgb in (HAIR_DARK, HAIR_LIGHT, HAIR_BEND))
    line = dark + (light - dark) * hair_color + bend * hair_color * (1 - hair_color)
    return (line / 255) ** 2.2


def ageing(age: torch.Tensor) -> torch.Tensor:
    """Return how strongly lines and spots show: 0 at 25 years, 1 at 90."""
    return ((age - 25) / 65).clamp(0, 1)


def shade(surface: dict[str, torch.Tensor], azimuth, hair_color, age, expression, shadow) -> torch.Tensor:
    """Return linear RGB (P, 3) of surface points.

    Parameters
    ----------
    surface : dict
        Per point, last axis P: ``image`` (index into the batch), ``at`` and ``normal`` (3, P), ``vertex`` (11, P),
        ``texture`` (11, P), ``iris`` and ``lips`` (3, P), ``gloss`` (1, P), ``eye_height``.
    azimuth, hair_color, age, expression : Tensor, shape (B,)
        Per image; azimuth in radians, age in years.
    shadow : Tensor, shape (1, P), or None
        Share of the lamp's light that arrives.
    """
    image = surface["image"]
    vertex, texture = surface["vertex"], surface["texture"]
    per_point = lambda value: value[..., image] if value.ndim > 1 else value[None, image]  # noqa: E731
    lines = per_point(ageing(age))
    hair = (texture[3:4] * (1 - vertex[9:10]) * (1 - vertex[10:11]) + vertex[10:11]).clamp(0, 1)
    eye, teeth = (vertex[6:7] > 0.5).to(hair), (vertex[7:8] > 0.5).to(hair)
    color = skin_albedo(surface, texture, vertex, per_point(hair_rgb(hair_color)), lines)
    strand = per_point(hair_rgb(hair_color)) * torch.exp(texture[6:7] * 1.1 - 0.15)
    color = color + (strand - color) * hair
    color = color + (eye_albedo(vertex, surface["iris"]) - color) * eye
    shown = 0.10 + 0.90 * ((per_point(expression) - 0.05) * 3).clamp(0, 1)
    color = color + (torch.tensor([[0.62], [0.59], [0.53]]).to(color) * shown - color) * teeth
    normal = roughen(surface["normal"], texture, hair, lines * (1 - eye) * (1 - teeth))
    return lit(surface, color, normal, per_point(lamp_direction(azimuth)), hair, eye, teeth, shadow)


def skin_albedo(surface, texture, vertex, hair, lines) -> torch.Tensor:
    """Return skin with age, lips, brows, beard and lashes, (3, P)."""
    skin = texture[:3] * (1 - lines * (texture[7:8] * 0.22 + 0.20 * texture[10:11]))
    edge = ((vertex[2:3] - 0.30) / 0.35).clamp(0, 1)
    skin = skin + (surface["lips"] - skin) * (0.80 * edge * edge * (3 - 2 * edge))
    dark_hair = hair * 0.40
    skin = skin + (dark_hair - skin) * (0.90 * texture[4:5])
    skin = skin + (dark_hair - skin) * (0.80 * texture[5:6])
    return skin + (0.02 - skin) * (vertex[3:4].clamp(0, 1) ** 1.5 * 0.75)


def eye_albedo(vertex, iris) -> torch.Tensor:
    """Return the eyeball: white, iris with a dark rim, pupil, shade of the upper lid, (3, P)."""
    radius = (vertex[4:6] ** 2).sum(0, keepdim=True).clamp(min=1e-8).sqrt()
    disc = lambda size, edge: torch.sigmoid((size - radius) / edge)  # noqa: E731
    inside, pupil = disc(0.47, 0.02), disc(0.19, 0.02)
    white = torch.tensor([[0.66], [0.63], [0.61]]).to(iris) * (1 - 0.22 * radius)
    ring = 1 - 0.6 * torch.sigmoid((radius - 0.42) * 50)
    color = white * (1 - inside) + inside * iris * (1.5 - 3 * (radius - 0.3).abs()) * ring
    color = color * (1 - pupil) + 0.008 * pupil
    return color * (1 - 0.50 * torch.sigmoid((vertex[5:6] - 0.24) * 14))


def roughen(normal, texture, hair, lines) -> torch.Tensor:
    """Return normals bent by strands of hair and by the lines of age, (3, P)."""
    strand, depth = hair * texture[6:7], 1.3 * lines
    bend = [0.35 * strand - depth * texture[8:9], torch.zeros_like(strand), 0.1 * strand - depth * texture[9:10]]
    return normalize(normal + torch.cat(bend))


def lit(surface, color, normal, lamp, hair, eye, teeth, shadow) -> torch.Tensor:
    """Return the light that leaves each point towards the camera, (P, 3)."""
    camera = torch.tensor([[0.0], [-CAMERA_DISTANCE], [0.0]]).to(color)
    camera = camera + torch.tensor([[0.0], [0.0], [1.0]]).to(color) * surface["eye_height"]
    view, ambient = normalize(camera - surface["at"]), surface["vertex"][8:9]
    facing = (normal * lamp).sum(0, keepdim=True)
    wrap = torch.tensor([[0.32], [0.20], [0.16]]).to(color)  # light that travels under the skin, red farthest
    diffuse = ((facing + wrap) / (1 + wrap)).clamp(min=0)
    sky = 0.20 + 0.10 * normal[2:3] - 0.08 * normal[1:2]
    fill = 0.16 * (-normal[1:2]).clamp(min=0)
    half = (normal * normalize(lamp + view)).sum(0, keepdim=True).clamp(min=1e-4).log2()
    grazing = (1 - (normal * view).sum(0, keepdim=True).clamp(0, 1)) ** 4
    power = lambda exponent: torch.exp2(exponent * half)  # noqa: E731
    skin = (1 - hair) * (facing > -0.1) * (1 - 0.6 * surface["texture"][5:6]) * (1 - eye)
    gloss = surface["gloss"] * (0.35 * power(14) + 0.25 * power(40)) * skin + 0.05 * surface["gloss"] * grazing
    gloss = gloss + hair * 0.10 * power(12) * (0.6 + surface["texture"][6:7].clamp(-0.5, 1)) + eye * 2.0 * power(220)
    arrives = 1.0 if shadow is None else torch.maximum(shadow, 0.75 * teeth + 0.3 * eye)
    body = color * (diffuse * (0.36 + 0.66 * ambient) * arrives + (sky + fill) * ambient)
    return (body + gloss * ambient * 0.8 * (0.15 + 0.85 * arrives)).T
