"""Skin, brows, beard, hair and wrinkles of an identity, as one texture on the unrolled head."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from frlib.faces.generator.template import TEXTURE, Template
from frlib.faces.identity import Identity, Traits

#: Skin tones from light to dark, 8-bit RGB.
SKIN = np.array(
    [[240, 205, 184], [230, 188, 160], [211, 164, 132], [184, 132, 99], [141, 95, 68], [98, 63, 47]], np.float32
)
IRIS = np.array([[62, 38, 22], [92, 60, 34], [110, 92, 50], [84, 112, 92], [96, 130, 160], [120, 135, 145]], np.float32)
LIPSTICK = (172, 48, 62)
#: Channels of the texture.
CHANNELS = ("red", "green", "blue", "hair", "brow", "beard", "strand", "wrinkle", "wrinkle_x", "wrinkle_z", "spots")


@dataclass(frozen=True)
class Appearance:
    """What colours an identity.

    Parameters
    ----------
    texture : Tensor, shape (H, W, 11)
        The channels are `CHANNELS`; linear light.
    iris, lips : Tensor, shape (3,)
        Linear RGB.
    gloss : float
        Strength of the skin's highlights.
    """

    texture: torch.Tensor
    iris: torch.Tensor
    lips: torch.Tensor
    gloss: float


def linear(rgb) -> np.ndarray:
    """Return linear light of 8-bit RGB, with a plain exponent of 2.2."""
    return (np.asarray(rgb, np.float32) / 255) ** 2.2


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """Return 0 below low, 1 above high, and a smooth cubic between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(x, center, width, power: int = 2) -> np.ndarray:
    """Return exp(-|x - center|^power / width^power)."""
    return np.exp(-(np.abs((x - center) / width) ** power))


def noise(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return smooth noise on the texture with about rows x columns bumps, unit variance, seamless round the head."""
    cells = torch.from_numpy(rng.standard_normal((1, 1, rows, columns)).astype(np.float32))
    wrapped = torch.cat([cells[..., -2:], cells, cells[..., :2]], dim=-1)
    width = int(TEXTURE[1] * (columns + 4) / columns)
    large = functional.interpolate(wrapped, size=(TEXTURE[0], width), mode="bicubic", align_corners=False)[0, 0].numpy()
    margin = (width - TEXTURE[1]) // 2
    return large[:, margin : margin + TEXTURE[1]]


def paint(identity: Identity, template: Template) -> Appearance:
    """Draw the texture and colours of an identity."""
    traits, rng = identity.traits, np.random.default_rng([identity.seed, identity.index, 1])
    grain = [noise(rng, *cells) for cells in ((6, 12), (18, 36), (60, 120), (150, 260))]
    base = skin_color(rng, traits)
    skin = paint_skin(rng, traits, template, base, grain)
    hair = paint_hairline(rng, traits, template, grain)
    strand = 0.24 * noise(rng, 14, 300) + 0.20 * noise(rng, 8, 150) + 0.14 * noise(rng, 5, 60)
    brow = paint_brows(rng, traits, template, grain)
    beard = paint_beard(traits, template, grain)
    wrinkle = paint_wrinkles(rng, template, grain)
    spots = smoothstep(1.2, 2.2, grain[2] + 0.5 * grain[1])
    slopes = (np.gradient(wrinkle, axis=1), -np.gradient(wrinkle, axis=0))
    texture = np.concatenate([skin, np.stack([hair, brow, beard, strand, wrinkle, *slopes, spots], axis=-1)], axis=-1)
    light_eyes = traits.tone < 1.9
    iris = IRIS[rng.choice(6, p=(0.42, 0.25, 0.11, 0.08, 0.09, 0.05) if light_eyes else (0.8, 0.2, 0, 0, 0, 0))]
    lips = base * np.array([0.88, 0.62, 0.62]) * (1 + 0.08 * rng.standard_normal())
    lips += 0.7 * traits.lipstick * (linear(LIPSTICK) - lips)
    as_tensor = lambda array: torch.from_numpy(np.ascontiguousarray(array, np.float32))  # noqa: E731
    gloss = float(np.clip(rng.normal(0.17, 0.05), 0.06, 0.3))
    return Appearance(as_tensor(texture), as_tensor(linear(iris)), as_tensor(np.clip(lips, 0, 1)), gloss)


def skin_color(rng: np.random.Generator, traits: Traits) -> np.ndarray:
    """Return the mean skin colour, linear RGB."""
    step = min(int(traits.tone), 4)
    mixed = SKIN[step] + (SKIN[step + 1] - SKIN[step]) * (traits.tone - step)
    return linear(mixed) * np.array([1 + 0.025 * rng.standard_normal(), 1, 1 + 0.04 * rng.standard_normal()])


def paint_skin(rng, traits: Traits, template: Template, base: np.ndarray, grain: list) -> np.ndarray:
    """Return the albedo (H, W, 3): mottled skin, cheeks, shadows under the eyes, freckles, moles."""
    angle, height = template.grid_angle, template.grid_height
    eye, nose, mouth = template.eye_centers[0, 2], template.nose_height, template.mouth_height
    mottle = sum(a * g for a, g in zip((0.05, 0.035, 0.03, 0.025), grain, strict=True))
    mottle *= smoothstep(height.min(), height.min() + 0.03, height)  # the last row is stretched over the shoulders
    albedo = base * np.exp(mottle)[..., None]
    cheeks = sum(bump(angle, side * 0.62, 0.34) * bump(height, eye - 0.040, 0.024) for side in (1, -1))
    warm = cheeks + 0.7 * bump(angle, 0, 0.17) * bump(height, nose, 0.014)
    flush = np.clip(rng.normal(0.11, 0.07), 0, 0.28) * (1 - 0.12 * traits.tone)
    albedo *= 1 + flush * warm[..., None] * np.array([0.40, -0.26, -0.20])
    albedo *= 1 + traits.rosy * cheeks[..., None] * np.array([0.20, -0.24, -0.18])
    sockets = [np.arctan2(c[0], -(c[1] + 0.05)) for c in template.eye_centers]
    bags = sum(bump(angle, s, 0.22) * bump(height, eye - 0.015, 0.009) for s in sockets)
    albedo *= 1 - np.clip(rng.normal(0.08, 0.08), 0, 0.3) * bags[..., None] * np.array([0.5, 0.8, 0.75])
    freckles = np.clip(rng.normal(-0.6, 0.8), 0, 1) * (traits.tone < 2.2)
    where = smoothstep(0.7, 1.5, grain[3] + 0.4 * grain[2]) * bump(height, eye - 0.025, 0.03) * bump(angle, 0, 0.9)
    albedo *= 1 - 0.30 * freckles * where[..., None] * np.array([0.5, 0.8, 0.95])
    for _ in range(rng.poisson(1.5)):
        at, level = rng.normal(0, 0.55), rng.uniform(mouth - 0.03, eye + 0.05)
        size = 0.0008 + abs(rng.normal(0, 0.0005))
        spot = np.exp(-(((((angle - at) * 0.085) ** 2 + (height - level) ** 2) / size**2) ** 1.5))
        albedo *= 1 - 0.55 * spot[..., None] * np.array([0.7, 0.85, 0.95])
    return albedo


def paint_hairline(rng, traits: Traits, template: Template, grain: list) -> np.ndarray:
    """Return where the scalp carries hair, 0 to 1.

    The hairline is the zero level of a signed distance in metres: above the forehead, behind the temples, and not below
    the sideburns and the nape. Its edge is soft, and frayed by strands.
    """
    angle, height = template.grid_angle, template.grid_height - template.eye_centers[0, 2]
    male, away = traits.gender < 0.5, np.abs(angle)
    front = 0.061 + 0.005 * rng.standard_normal()
    corners = np.clip(0.004 + 0.005 * rng.standard_normal(), 0.0, 0.016) * (1.3 if male else 0.4)
    temple = 0.70 + 0.05 * rng.standard_normal()
    sideburn = -0.012 + (0.014 if male else 0.007) * rng.standard_normal()
    part, parted = rng.uniform(-0.45, 0.45), rng.uniform(0.010, 0.022)
    fringe = 0.026 * rng.random() * (rng.random() < 0.4)
    top = front + corners * bump(away, 0.52, 0.20) - 0.016 * smoothstep(0.35, 0.8, away) + 0.0014 * grain[1]
    if traits.style == "side part":
        top = top - parted * smoothstep(-0.2, 0.9, np.sign(part) * (angle - part)) * bump(angle, 0, 1.0)
    if traits.style in ("long", "full") and not male:
        top = top - fringe * bump(angle, 0, 0.75, 4)
    edge = temple + 0.42 * smoothstep(0.030, -0.012, height) ** 1.5 + 0.03 * grain[0]
    above, behind = height - top, 0.078 * (away - edge)
    sides = np.minimum(behind, height - np.where(away < 1.62, sideburn, -0.03 - 0.09 * smoothstep(1.6, 2.2, away)))
    distance = np.maximum(above, sides)
    frayed = 0.0010 * noise(rng, 24, 300) + 0.0012 * noise(rng, 14, 110)
    soft = 0.0075 if traits.style == "shaved" else 0.0055
    hair = smoothstep(-soft, soft, distance + frayed)
    crown = smoothstep(0.035, 0.060, height + 0.02 * smoothstep(1.2, 2.6, away))
    return hair * (1 - traits.bald * crown) * (rng.uniform(0.35, 0.6) if traits.style == "shaved" else 1.0)


def paint_brows(rng, traits: Traits, template: Template, grain: list) -> np.ndarray:
    """Return the density of the eyebrows, 0 to 1: arched, thinner outwards, never angry."""
    angle, height, eye = template.grid_angle, template.grid_height, template.eye_centers[0, 2]
    male = traits.gender < 0.5
    thick = np.clip(rng.normal(0.0036, 0.0007) * (1.12 if male else 0.82), 0.0021, 0.0054) * traits.brow
    level, arch = 0.0190 + 0.0018 * rng.standard_normal(), np.clip(rng.normal(0.0034, 0.0013), 0.001, 0.0065)
    slope, length = np.clip(rng.normal(0.0003, 0.0008), -0.0012, 0.002), rng.normal(0.30, 0.025)
    inner, dense = rng.normal(0.155, 0.018), np.clip(rng.normal(0.82, 0.08) * traits.brow**0.5, 0.5, 1)
    brow = np.zeros(TEXTURE)
    for side in (1, -1):
        along = (side * angle - inner) / (1.7 * length)  # 0 at the inner end, 1 at the outer
        middle = eye + level - slope * (along - 0.5) * 2 + arch * (1 - ((along - 0.60) / 0.55) ** 2) - 0.002
        middle = middle + 0.0006 * rng.standard_normal()
        half = thick * (1.12 - 0.72 * np.clip(along, 0, 1) ** 1.3)
        shape = np.exp(-(np.abs((height - middle) / half) ** 2.2))
        brow = np.maximum(brow, shape * smoothstep(-0.08, 0.26, along) * (1 - smoothstep(0.85, 1.08, along)))
    return np.clip(brow * dense * (1.05 + 0.10 * grain[3]), 0, 1)


def paint_beard(traits: Traits, template: Template, grain: list) -> np.ndarray:
    """Return the density of beard and moustache, 0 to 1."""
    angle, height = template.grid_angle, template.grid_height - template.mouth_height
    away = np.abs(angle)
    slanted = height - 0.014 * smoothstep(0.45, 1.1, away) + 0.002 * grain[1]
    jaw = (1 - smoothstep(0.008, 0.028, slanted)) * (1 - smoothstep(1.15, 1.4, away))
    moustache = np.exp(-(((height - 0.0125) / 0.0062) ** 2 + (angle / 0.31) ** 4))
    goatee = np.exp(-((angle / 0.34) ** 4 + ((height + 0.022) / 0.02) ** 4))
    area = {
        "full": np.maximum(moustache, jaw), "stubble": np.maximum(moustache, jaw), "mustache": moustache,
        "goatee": np.maximum(moustache, goatee),
    }[traits.beard_kind]  # fmt: skip
    area = area * (1 - 0.85 * np.exp(-((angle / 0.30) ** 4 + (height / 0.0085) ** 4)))
    area *= smoothstep(template.eye_centers[0, 2] - 0.13, template.eye_centers[0, 2] - 0.10, template.grid_height)
    density = traits.beard * (0.42 if traits.beard_kind == "stubble" else 0.92)
    return np.clip(area * density * (0.9 + 0.10 * grain[3] + 0.06 * grain[2]), 0, 1)


def paint_wrinkles(rng, template: Template, grain: list) -> np.ndarray:
    """Return the depth of the lines that age brings: forehead, crow's feet, beside the mouth, under the eyes."""
    angle, height = template.grid_angle, template.grid_height
    eye, mouth = template.eye_centers[0, 2], template.mouth_height
    phase = rng.uniform(0, 6)
    waves = (height - eye) * 2 * np.pi / 0.0105 + phase + 0.9 * grain[0] + 2 * angle**2
    forehead = (0.5 + 0.5 * np.cos(waves)) ** 3 * bump(height, eye + 0.045, 0.018) * bump(angle, 0, 0.6, 4)
    crow = 0.0
    for side in (1, -1):
        fan = (0.5 + 0.5 * np.cos(np.arctan2(height - eye, side * angle - 0.60) * 11 + phase)) ** 3
        crow = crow + fan * np.exp(-(((side * angle - 0.72) / 0.10) ** 2 + ((height - eye) / 0.014) ** 2))
    corner = template.neutral[template.landmarks[2]]
    outer = np.arctan2(corner[0], -(corner[1] + 0.05)) + 0.10
    up = np.clip((height - (mouth - 0.004)) / 0.034, 0, 1)
    fold = sum(bump(side * angle, outer * (1 - up) + 0.26 * up, 0.030) for side in (1, -1)) * bump(
        height, mouth + 0.012, 0.018, 4
    )
    sockets = [np.arctan2(c[0], -(c[1] + 0.05)) for c in template.eye_centers]
    corner_lines = sum(
        bump(side * angle, outer - 0.02 + 1.5 * np.clip(mouth - height, 0, 1), 0.030)
        * smoothstep(0.004, -0.004, height - mouth)
        * smoothstep(-0.030, -0.015, height - mouth)
        for side in (1, -1)
    )
    frown = sum(bump(angle, side * 0.075 + 0.01 * grain[0], 0.022) for side in (1, -1)) * bump(
        height, eye + 0.019, 0.010, 4
    )
    crepe = 0.06 * np.clip(grain[3] + 0.6 * grain[2], 0, 2) * bump(angle, 0, 1.0, 4) * (height < eye + 0.06)
    under = sum(bump(angle, s, 0.20) * bump(height, eye - 0.021, 0.0022) for s in sockets)
    return 0.6 * forehead + 0.5 * crow + 0.9 * fold + 0.8 * under + 0.45 * corner_lines + 0.4 * frown + crepe
