"""Colour of visible surface points: skin, eyes, teeth and hair under one lamp and ambient light, in one kernel.

A thread draws one pixel: it blends the attributes of the visible triangle's corners, looks up the texture and the
shadow map, and shades. Linear light is affine in the hair's linear RGB. Beside it the kernel returns its derivative by
the lamp's azimuth, carried along by hand in `lit`; both hold for a fixed shadow.
"""

import functools
import math
from collections.abc import Callable

import torch
import warp as wp

from frlib.faces.generator.kernels import EMPTY

HAIR_DARK, HAIR_LIGHT = torch.tensor([52.0, 31.0, 10.0]), torch.tensor([215.0, 214.0, 124.0])
HAIR_BEND = torch.tensor([40.0, -25.0, -20.0])
#: Linear RGB that hair turns to with age, on request.
GREY = torch.tensor([0.50, 0.48, 0.45])
#: The lamp stands this high, in radians.
ELEVATION = 0.45
CAMERA_DISTANCE = 0.95
#: The shadow map: pixels, metres.
SHADOW_MAP, SHADOW_WIDTH = 128, 0.36


def lamp_direction(azimuth: torch.Tensor) -> torch.Tensor:
    """Return the direction to the lamp, shape (B, 3); azimuth in radians, positive to the subject's left."""
    flat = math.cos(ELEVATION)
    up = torch.full_like(azimuth, math.sin(ELEVATION))
    return torch.stack([torch.sin(azimuth) * flat, -torch.cos(azimuth) * flat, up], dim=-1)


def lamp_slope(azimuth: torch.Tensor) -> torch.Tensor:
    """Return the derivative of `lamp_direction` by the azimuth, (B, 3)."""
    flat = math.cos(ELEVATION)
    return torch.stack([torch.cos(azimuth) * flat, torch.sin(azimuth) * flat, torch.zeros_like(azimuth)], dim=-1)


def hair_rgb(hair_color: torch.Tensor) -> torch.Tensor:
    """Return linear hair colour (B, 3): the paper's RGB line, bent towards red between its ends, where it looks green.

    The line is that of the albedo. Light, highlights and tone mapping come after it: an image shows lighter and darker
    colours of the same hue, not the line itself. ``HAIR_BEND`` is a departure from the paper.
    """
    dark, light, bend = (rgb.to(hair_color) for rgb in (HAIR_DARK, HAIR_LIGHT, HAIR_BEND))
    t = hair_color[:, None]
    return ((dark + (light - dark) * t + bend * t * (1 - t) * (1 + 3 * t)) / 255) ** 2.2


def ageing(age: torch.Tensor) -> torch.Tensor:
    """Return how strongly lines and spots show: 0 at 25 years, 1 at 75, and faster at first."""
    t = ((age - 25) / 50).clamp(0, 1)
    return t * (1.7 - 0.7 * t)


def beard_growth(age: torch.Tensor) -> torch.Tensor:
    """Return how much of an adult's beard has grown: 0 at 14 years, 1 at 20."""
    t = ((age - 14) / 6).clamp(0, 1)
    return t * t * (3 - 2 * t)


def whitened(rgb: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Return linear hair colours (B, 3) mixed with a share (B,) of light grey."""
    return rgb + (GREY.to(rgb) - rgb) * share[:, None]


def greyed(rgb: torch.Tensor, age: torch.Tensor) -> torch.Tensor:
    """Return linear hair colours (B, 3) whitened by age: not at 40 years, nearly white at 70."""
    t = ((age - 40) / 30).clamp(0, 1)
    return whitened(rgb, 0.9 * t * t * (3 - 2 * t))


@functools.lru_cache(maxsize=2)
def basics(real) -> tuple:
    """Return vector types and small functions for one type of real numbers, which Warp compiles into the kernels."""
    vec3, vec11 = wp.types.vector(3, real), wp.types.vector(11, real)

    @wp.func
    def widen(v: wp.vec3):
        return vec3(real(v[0]), real(v[1]), real(v[2]))

    @wp.func
    def unit(v: vec3):
        return v / wp.sqrt(wp.dot(v, v) + real(1.0e-12))

    @wp.func
    def unit_interval(x: real):
        return wp.min(wp.max(x, real(0.0)), real(1.0))

    @wp.func
    def logistic(x: real):
        return real(1.0) / (real(1.0) + wp.exp(-x))

    return vec3, vec11, widen, unit, unit_interval, logistic


@functools.lru_cache(maxsize=2)
def materials(real) -> tuple[Callable, Callable, Callable]:
    """Return the functions that read a texture, and the colours of skin and of eyes."""
    vec3, vec11, _, _, unit_interval, logistic = basics(real)

    @wp.func
    def read(texture: wp.array3d(dtype=float), u: real, v: real):
        height, width = texture.shape[0], texture.shape[1]
        x = wp.clamp((u + real(1.0)) * real(width) / real(2.0) - real(0.5), real(0.0), real(width) - real(1.001))
        y = wp.clamp((v + real(1.0)) * real(height) / real(2.0) - real(0.5), real(0.0), real(height) - real(1.001))
        column, row = int(x), int(y)
        fx, fy = x - real(column), y - real(row)
        found = vec11()
        for k in range(11):
            top = real(texture[row, column, k]) * (real(1.0) - fx) + real(texture[row, column + 1, k]) * fx
            low = real(texture[row + 1, column, k]) * (real(1.0) - fx) + real(texture[row + 1, column + 1, k]) * fx
            found[k] = top * (real(1.0) - fy) + low * fy
        return found

    @wp.func
    def skin_albedo(texture: vec11, vertex: vec11, lips: vec3, hair: vec3, lines: real):
        # age, lips, brows, beard, lashes
        skin = vec3(texture[0], texture[1], texture[2])
        skin = skin * (real(1.0) - lines * (texture[7] * real(0.36) + real(0.16) * texture[10]))
        edge = unit_interval((vertex[2] - real(0.30)) / real(0.35)) * (real(1.0) - real(0.45) * lines)  # lips pale
        skin = skin + (lips - skin) * (real(0.80) * edge * edge * (real(3.0) - real(2.0) * edge))
        dark = hair * real(0.40)
        skin = skin + (dark - skin) * (real(0.90) * texture[4])
        skin = skin + (dark - skin) * (real(0.80) * texture[5])
        lash = unit_interval(vertex[3])
        black = vec3(real(0.02), real(0.02), real(0.02))
        return skin + (black - skin) * (lash * wp.sqrt(lash) * real(0.75))

    @wp.func
    def eye_albedo(x: real, z: real, iris: vec3):
        # white, iris with a dark rim, pupil, shade of the upper lid
        radius = wp.sqrt(wp.max(x * x + z * z, real(1.0e-8)))
        inside = logistic((real(0.47) - radius) / real(0.02))
        pupil = logistic((real(0.19) - radius) / real(0.02))
        white = vec3(real(0.66), real(0.63), real(0.61)) * (real(1.0) - real(0.22) * radius)
        ring = real(1.0) - real(0.6) * logistic((radius - real(0.42)) * real(50.0))
        streak = (real(1.5) - real(3.0) * wp.abs(radius - real(0.3))) * ring
        color = white * (real(1.0) - inside) + iris * (inside * streak)
        color = color * (real(1.0) - pupil) + vec3(real(0.008), real(0.008), real(0.008)) * pupil
        return color * (real(1.0) - real(0.36) * logistic((z - real(0.24)) * real(14.0)))

    return read, skin_albedo, eye_albedo


def shadow(real) -> Callable:
    """Return the function for the share of the lamp's light that arrives at a point."""
    vec3, _, widen, _, _, logistic = basics(real)

    @wp.func
    def arriving(
        at: vec3, image: int, frame: wp.array2d(dtype=wp.vec3), center: vec3, nearest: wp.array3d(dtype=wp.int64)
    ):
        # the share of the lamp's light: a shadow map, softened over 3 pixels
        away = at - center
        scale, half = real(SHADOW_MAP) / real(SHADOW_WIDTH), real(SHADOW_MAP) / real(2.0)
        x = wp.dot(away, widen(frame[image, 0])) * scale + half - real(0.5)
        y = half - wp.dot(away, widen(frame[image, 1])) * scale - real(0.5)
        depth = wp.dot(away, widen(frame[image, 2])) + real(0.5)
        last = real(SHADOW_MAP) - real(3.0)
        if x <= real(2.0) or y <= real(2.0) or x >= last or y >= last:
            return real(1.0)
        column, row = int(x), int(y)
        fx, fy = x - real(column), y - real(row)
        light = real(0.0)
        for dy in range(4):
            wy = real(1.0)
            if dy == 0:
                wy = real(1.0) - fy
            if dy == 3:
                wy = fy
            for dx in range(4):
                wx = real(1.0)
                if dx == 0:
                    wx = real(1.0) - fx
                if dx == 3:
                    wx = fx
                key = nearest[image, row + dy - 1, column + dx - 1]
                near = real(key >> wp.int64(32)) * real(1.0e-9)  # nothing drawn lies far behind
                light += wx * wy * logistic((near - depth + real(0.006)) * real(700.0))
        return light / real(9.0)

    return arriving


def lighting(real) -> Callable:
    """Return the function for the light that leaves a point, and its derivative by the lamp's azimuth."""
    vec3, _, _, unit, _, _ = basics(real)

    @wp.func
    def lit(
        color: vec3,
        n: vec3,
        view: vec3,
        lamp: vec3,
        turn: vec3,
        ambient: real,
        mirror: vec3,
        grazing: real,
        arrives: real,
    ):
        # mirror: strengths of the skin's, the hair's and the eye's highlight
        facing, facing_slope = wp.dot(n, lamp), wp.dot(n, turn)
        between = lamp + view
        middle = unit(between)
        reflected = wp.max(wp.dot(n, middle), real(1.0e-4))
        half = wp.log(reflected)
        half_slope = real(0.0)
        if reflected > real(1.0e-4):
            bent = (turn - middle * wp.dot(middle, turn)) / wp.sqrt(wp.dot(between, between) + real(1.0e-12))
            half_slope = wp.dot(n, bent) / reflected
        skin = real(0.0)
        if facing > real(-0.1):
            skin = mirror[0]
        broad, tight = skin * real(0.35) * wp.exp(real(14.0) * half), skin * real(0.25) * wp.exp(real(40.0) * half)
        strand, glint = mirror[1] * wp.exp(real(12.0) * half), mirror[2] * wp.exp(real(120.0) * half)
        gloss = broad + tight + strand + glint + grazing
        gloss_slope = (real(14.0) * broad + real(40.0) * tight + real(12.0) * strand + real(120.0) * glint) * half_slope
        seen = ambient * real(0.8) * (real(0.15) + real(0.85) * arrives)
        sky = real(0.20) + real(0.10) * n[2] - real(0.08) * n[1] + real(0.16) * wp.max(-n[1], real(0.0))
        light, slope = vec3(), vec3()
        direct = (real(0.36) + real(0.66) * ambient) * arrives
        wrap = vec3(real(0.32), real(0.20), real(0.16))  # light that travels under the skin, red farthest
        for k in range(3):
            diffuse = wp.max((facing + wrap[k]) / (real(1.0) + wrap[k]), real(0.0))
            diffuse_slope = wp.where(diffuse > real(0.0), facing_slope / (real(1.0) + wrap[k]), real(0.0))
            warm = wp.where(k == 0, real(1.06), wp.where(k == 1, real(0.99), real(0.92)))
            light[k] = color[k] * (diffuse * direct * warm + sky * ambient) + gloss * seen
            slope[k] = color[k] * diffuse_slope * direct * warm + gloss_slope * seen
        return light, slope

    return lit


def surfaces(real) -> Callable:
    """Return the function that shades one point of the surface."""
    vec3, vec11, _, unit, unit_interval, _ = basics(real)
    _, skin_albedo, eye_albedo = materials(real)
    lit = lighting(real)

    @wp.func
    def surface(
        texture: vec11, vertex: vec11, n: vec3, at: vec3, eye_height: real, look: wp.array2d(dtype=real),
        tones: wp.array2d(dtype=vec3), image: int, arrives: real,
    ):  # fmt: skip
        lines, smile, gloss = look[image, 0], look[image, 1], look[image, 2]
        hair = unit_interval(texture[3] * (real(1.0) - vertex[9]) * (real(1.0) - vertex[10]) + vertex[10])
        eye, teeth = (
            wp.where(vertex[6] > real(0.5), real(1.0), real(0.0)),
            wp.where(vertex[7] > real(0.5), real(1.0), real(0.0)),
        )
        color = skin_albedo(texture, vertex, tones[image, 1], tones[image, 2], lines)
        color = color + (tones[image, 2] * wp.exp(texture[6] * real(0.8) - real(0.12)) - color) * hair
        color = color + (eye_albedo(vertex[4], vertex[5], tones[image, 0]) - color) * eye
        shown = real(0.10) + real(0.90) * unit_interval((smile - real(0.05)) * real(3.0))
        color = color + (vec3(real(0.80), real(0.77), real(0.70)) * shown - color) * teeth
        rough, deep = hair * texture[6], real(2.3) * lines * (real(1.0) - eye) * (real(1.0) - teeth)
        bend = vec3(real(0.24) * rough - deep * texture[8], real(0.0), real(0.1) * rough - deep * texture[9])
        normal = unit(n + bend)
        view = unit(vec3(real(0.0), real(-CAMERA_DISTANCE), eye_height) - at)
        edge = real(1.0) - unit_interval(wp.dot(normal, view))
        grazing = real(0.05) * gloss * edge * edge * edge * edge
        skin = gloss * (real(1.0) - hair) * (real(1.0) - real(0.6) * texture[5]) * (real(1.0) - eye)
        strand = hair * real(0.10) * (real(0.6) + wp.clamp(texture[6], real(-0.5), real(1.0)))
        mirror = vec3(skin, strand, real(1.4) * eye)
        reach = wp.max(arrives, real(0.90) * teeth + real(0.3) * eye)
        return lit(color, normal, view, tones[image, 3], tones[image, 4], vertex[8], mirror, grazing, reach)

    return surface


@functools.lru_cache(maxsize=2)
def shading(real) -> wp.Kernel:
    """Return the shading kernel for `warp.float32` or `warp.float64`; compiled at its first launch, then cached."""
    vec3, vec11, widen, unit, _, _ = basics(real)
    read, arriving, surface = materials(real)[0], shadow(real), surfaces(real)

    @wp.kernel(module="unique", enable_backward=False)
    def shade_kernel(
        image: int,
        buffer: wp.array3d(dtype=wp.int64),
        triangles: wp.array(dtype=wp.vec3i),
        corners: wp.array2d(dtype=wp.vec3),
        points: wp.array2d(dtype=wp.vec3),
        normals: wp.array2d(dtype=wp.vec3),
        attributes: wp.array2d(dtype=float),
        texture: wp.array3d(dtype=float),
        look: wp.array2d(dtype=real),
        tones: wp.array2d(dtype=vec3),
        frame: wp.array2d(dtype=wp.vec3),
        center: wp.vec3,
        eye_height: float,
        nearest: wp.array3d(dtype=wp.int64),
        shadows: int,
        light: wp.array3d(dtype=vec3),
        slope: wp.array3d(dtype=vec3),
    ):
        y, x = wp.tid()
        key = buffer[image, y, x]
        if key == wp.int64(EMPTY):
            return
        t = triangles[int(key & wp.int64(0xFFFFFFFF))]
        a, b, c = widen(corners[image, t[0]]), widen(corners[image, t[1]]), widen(corners[image, t[2]])
        bx, by, cx, cy = b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]
        dx, dy, area = real(x) + real(0.5) - a[0], real(y) + real(0.5) - a[1], bx * cy - by * cx
        wb, wc = (dx * cy - dy * cx) / area, (bx * dy - by * dx) / area
        wa = (real(1.0) - wb - wc) / (a[2] + real(0.5))  # perspective: depths lie 0.5 behind
        wb, wc = wb / (b[2] + real(0.5)), wc / (c[2] + real(0.5))
        total = wa + wb + wc
        wa, wb, wc = wa / total, wb / total, wc / total
        at = widen(points[image, t[0]]) * wa + widen(points[image, t[1]]) * wb + widen(points[image, t[2]]) * wc
        n = widen(normals[image, t[0]]) * wa + widen(normals[image, t[1]]) * wb + widen(normals[image, t[2]]) * wc
        vertex = vec11()
        for k in range(11):
            vertex[k] = real(attributes[t[0], k]) * wa + real(attributes[t[1], k]) * wb + real(attributes[t[2], k]) * wc
        arrives = real(1.0)
        if shadows == 1:
            arrives = arriving(at, image, frame, widen(center), nearest)
        found = read(texture, vertex[0], vertex[1])
        found[5] = found[5] * look[image, 3]
        out, out_slope = surface(found, vertex, unit(n), at, real(eye_height), look, tones, image, arrives)
        light[image, y, x] = out
        slope[image, y, x] = out_slope

    return shade_kernel
