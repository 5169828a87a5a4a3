"""Colour of visible surface points: skin, eyes, teeth and hair under one lamp and ambient light, in one kernel.

A thread draws one pixel of one pose under all its lights. For each of its samples it blends the attributes of the
visible triangle's corners and looks up the texture; then, for each light, it looks up the shadow map and shades. The
mean of the samples counts. Linear light is affine in
the hair's linear RGB, channel by channel. So the kernel returns its two terms, without hair colour and per unit of it,
and one shading serves all colours of hair. On request it adds their derivatives by the lamp's azimuth, carried along by
hand in `lighting`; they hold for a fixed shadow.
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
#: How fast light fades behind an edge, per metre.
SHADOW_EDGE = 700.0
#: The eleven numbers of a texel, and those of a vertex.
CHANNELS = wp.types.vector(11, wp.float32)


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
    dark, light, bend = (rgb.to(hair_color.device) for rgb in (HAIR_DARK, HAIR_LIGHT, HAIR_BEND))
    t = hair_color[:, None].double()  # the last digit of a power depends on how many are taken at once
    return (((dark + (light - dark) * t + bend * t * (1 - t) * (1 + 3 * t)) / 255) ** 2.2).to(hair_color)


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
    def read(texture: wp.array2d(dtype=CHANNELS), u: real, v: real):
        height, width = texture.shape[0], texture.shape[1]
        x = wp.clamp((u + real(1.0)) * real(width) / real(2.0) - real(0.5), real(0.0), real(width) - real(1.001))
        y = wp.clamp((v + real(1.0)) * real(height) / real(2.0) - real(0.5), real(0.0), real(height) - real(1.001))
        column, row = int(x), int(y)
        fx, fy = x - real(column), y - real(row)
        a, b = texture[row, column], texture[row, column + 1]
        c, d = texture[row + 1, column], texture[row + 1, column + 1]
        wa, wb = (real(1.0) - fx) * (real(1.0) - fy), fx * (real(1.0) - fy)
        wc, wd = (real(1.0) - fx) * fy, fx * fy
        found = vec11()
        for k in range(11):
            found[k] = real(a[k]) * wa + real(b[k]) * wb + real(c[k]) * wc + real(d[k]) * wd
        return found

    @wp.func
    def skin_albedo(texture: vec11, vertex: vec11, lips: vec3, lines: real):
        # age, lips, brows, beard, lashes; and how much of the hair's colour it has
        skin = vec3(texture[0], texture[1], texture[2])
        skin = skin * (real(1.0) - lines * (texture[7] * real(0.36) + real(0.16) * texture[10]))
        edge = unit_interval((vertex[2] - real(0.30)) / real(0.35)) * (real(1.0) - real(0.45) * lines)  # lips pale
        skin = skin + (lips - skin) * (real(0.80) * edge * edge * (real(3.0) - real(2.0) * edge))
        brow, beard = real(0.90) * texture[4], real(0.80) * texture[5]  # in the hair's colour, darker
        share = real(0.40) * (brow * (real(1.0) - beard) + beard)
        skin = skin * ((real(1.0) - brow) * (real(1.0) - beard))
        lash = unit_interval(vertex[3])
        lash = lash * wp.sqrt(lash) * real(0.75)
        black = vec3(real(0.02), real(0.02), real(0.02))
        return skin + (black - skin) * lash, share * (real(1.0) - lash)

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


def blocking(nearest: torch.Tensor) -> torch.Tensor:
    """Return how strongly each pixel of a shadow map blocks, float64: its share of the exponential in `shadow`."""
    depth = (nearest >> 32).double() * 1e-9  # nothing drawn lies far behind
    return torch.exp(SHADOW_EDGE * (0.5 - depth))


def shadow(real) -> Callable:
    """Return the function for the share of the lamp's light that arrives at a point.

    A point at depth d behind a surface at depth s gets 1 / (1 + exp(700 (d - s - 6 mm))). The exponential is a product
    of one factor per pixel of the shadow map and one per point, so that none is taken for each pair.
    """
    vec3, _, widen, _, _, _ = basics(real)

    @wp.func
    def arriving(
        at: vec3, image: int, frame: wp.array2d(dtype=wp.vec3), center: vec3, blocks: wp.array3d(dtype=wp.float64)
    ):
        # a shadow map, softened over 3 pixels
        away = at - center
        scale, half = real(SHADOW_MAP) / real(SHADOW_WIDTH), real(SHADOW_MAP) / real(2.0)
        x = wp.dot(away, widen(frame[image, 0])) * scale + half - real(0.5)
        y = half - wp.dot(away, widen(frame[image, 1])) * scale - real(0.5)
        depth = wp.dot(away, widen(frame[image, 2])) + real(0.5)
        last = real(SHADOW_MAP) - real(3.0)
        if x <= real(2.0) or y <= real(2.0) or x >= last or y >= last:
            return real(1.0)
        column, row = int(x), int(y)
        fx, fy = wp.float64(x - real(column)), wp.float64(y - real(row))
        behind = wp.exp(wp.float64(SHADOW_EDGE) * (wp.float64(depth) - wp.float64(0.506)))
        one, light = wp.float64(1.0), wp.float64(0.0)
        for dy in range(4):
            wy = wp.where(dy == 0, one - fy, wp.where(dy == 3, fy, one))
            for dx in range(4):
                wx = wp.where(dx == 0, one - fx, wp.where(dx == 3, fx, one))
                light += wx * wy / (one + behind * blocks[image, row + dy - 1, column + dx - 1])
        return real(light / wp.float64(9.0))

    return arriving


def lighting(real, slopes: bool) -> Callable:
    """Return the function for the light on a point.

    Per channel: what multiplies its own colour, the highlights, and with slopes the derivatives of both by the azimuth.
    """
    vec3, _, _, unit, _, _ = basics(real)

    @wp.func
    def lit(n: vec3, view: vec3, lamp: vec3, turn: vec3, ambient: real, mirror: vec3, grazing: real, arrives: real):
        # mirror: strengths of the skin's, the hair's and the eye's highlight
        facing, between = wp.dot(n, lamp), lamp + view
        middle = unit(between)
        reflected = wp.max(wp.dot(n, middle), real(1.0e-4))
        skin = wp.where(facing > real(-0.1), mirror[0], real(0.0))
        second = reflected * reflected
        fourth = second * second
        twelfth = fourth * fourth * fourth
        fortieth = twelfth * twelfth * twelfth * fourth
        broad, tight = skin * real(0.35) * (twelfth * second), skin * real(0.25) * fortieth
        strand, glint = mirror[1] * twelfth, mirror[2] * (fortieth * fortieth * fortieth)
        seen = ambient * real(0.8) * (real(0.15) + real(0.85) * arrives)
        gloss = (broad + tight + strand + glint + grazing) * seen
        sky = real(0.20) + real(0.10) * n[2] - real(0.08) * n[1] + real(0.16) * wp.max(-n[1], real(0.0))
        direct = (real(0.36) + real(0.66) * ambient) * arrives
        warm = vec3(real(1.06), real(0.99), real(0.92)) * direct
        wrap = vec3(real(0.32), real(0.20), real(0.16))  # light that travels under the skin, red farthest
        falls, falls_slope, gloss_slope = vec3(), vec3(), real(0.0)
        for k in range(3):
            falls[k] = wp.max((facing + wrap[k]) / (real(1.0) + wrap[k]), real(0.0)) * warm[k] + sky * ambient
        if slopes:
            facing_slope = wp.dot(n, turn)
            for k in range(3):
                rises = wp.where(facing + wrap[k] > real(0.0), facing_slope / (real(1.0) + wrap[k]), real(0.0))
                falls_slope[k] = rises * warm[k]
            if reflected > real(1.0e-4):
                bent = (turn - middle * wp.dot(middle, turn)) / wp.sqrt(wp.dot(between, between) + real(1.0e-12))
                each = real(14.0) * broad + real(40.0) * tight + real(12.0) * strand + real(120.0) * glint
                gloss_slope = each * (wp.dot(n, bent) / reflected) * seen
        return falls, gloss, falls_slope, gloss_slope

    return lit


def surfaces(real) -> Callable:
    """Return the function for one point of the surface, whatever the lamp.

    It gives the colour and the share of the hair's colour, the normal, the direction to the camera, strengths of
    highlights as `lighting` wants them, and the least share of the lamp's light: inside the mouth and on the eyes.
    """
    vec3, vec11, _, unit, unit_interval, _ = basics(real)
    _, skin_albedo, eye_albedo = materials(real)

    @wp.func
    def surface(
        texture: vec11, vertex: vec11, n: vec3, at: vec3, eye_height: real, look: wp.array2d(dtype=real),
        colors: wp.array2d(dtype=vec3), pose: int,
    ):  # fmt: skip
        lines, smile, gloss = look[pose, 0], look[pose, 1], look[pose, 2]
        hair = unit_interval(texture[3] * (real(1.0) - vertex[9]) * (real(1.0) - vertex[10]) + vertex[10])
        eye = wp.where(vertex[6] > real(0.5), real(1.0), real(0.0))
        teeth = wp.where(vertex[7] > real(0.5), real(1.0), real(0.0))
        color, share = skin_albedo(texture, vertex, colors[pose, 1], lines)
        color = color * (real(1.0) - hair)
        share = share * (real(1.0) - hair)
        if hair > real(0.0):
            share = share + wp.exp(texture[6] * real(0.8) - real(0.12)) * hair
        if eye > real(0.5):
            color, share = eye_albedo(vertex[4], vertex[5], colors[pose, 0]), real(0.0)
        if teeth > real(0.5):
            shown = real(0.10) + real(0.90) * unit_interval((smile - real(0.05)) * real(3.0))
            color, share = vec3(real(0.80), real(0.77), real(0.70)) * shown, real(0.0)
        rough, deep = hair * texture[6], real(2.3) * lines * (real(1.0) - eye) * (real(1.0) - teeth)
        bend = vec3(real(0.24) * rough - deep * texture[8], real(0.0), real(0.1) * rough - deep * texture[9])
        normal = unit(n + bend)
        view = unit(vec3(real(0.0), real(-CAMERA_DISTANCE), eye_height) - at)
        edge = real(1.0) - unit_interval(wp.dot(normal, view))
        grazing = real(0.05) * gloss * edge * edge * edge * edge
        skin = gloss * (real(1.0) - hair) * (real(1.0) - real(0.6) * texture[5]) * (real(1.0) - eye)
        strand = hair * real(0.10) * (real(0.6) + wp.clamp(texture[6], real(-0.5), real(1.0)))
        mirror = vec3(skin, strand, real(1.4) * eye)
        return color, share, normal, view, mirror, grazing, real(0.90) * teeth + real(0.3) * eye

    return surface


@functools.lru_cache(maxsize=4)
def shading(real, slopes: bool = False) -> wp.Kernel:
    """Return the shading kernel for `warp.float32` or `warp.float64`; compiled at its first launch, then cached."""
    vec3, vec11, widen, unit, _, _ = basics(real)
    read, arriving, surface, lit = materials(real)[0], shadow(real), surfaces(real), lighting(real, slopes)

    @wp.kernel(module="unique", enable_backward=False)
    def shade_kernel(
        first: int,
        samples: int,
        begin: wp.array(dtype=int),
        buffer: wp.array3d(dtype=wp.int64),
        triangles: wp.array(dtype=wp.vec3i),
        corners: wp.array2d(dtype=wp.vec3),
        points: wp.array2d(dtype=wp.vec3),
        normals: wp.array2d(dtype=wp.vec3),
        attributes: wp.array(dtype=CHANNELS),
        texture: wp.array2d(dtype=CHANNELS),
        look: wp.array2d(dtype=real),
        colors: wp.array2d(dtype=vec3),
        lamps: wp.array2d(dtype=vec3),
        frame: wp.array2d(dtype=wp.vec3),
        center: wp.vec3,
        eye_height: float,
        blocks: wp.array3d(dtype=wp.float64),
        shadows: int,
        background: vec3,
        light: wp.array4d(dtype=vec3),
    ):
        launched, y, x = wp.tid()
        pose = first + launched
        mean = real(1.0) / real(samples * samples)
        for sample in range(samples * samples):
            row, column = y * samples + sample // samples, x * samples + sample % samples
            key = buffer[pose, row, column]
            if key == wp.int64(EMPTY):
                for image in range(begin[pose], begin[pose + 1]):
                    light[0, image, y, x] += background * mean
            else:
                t = triangles[int(key & wp.int64(0xFFFFFFFF))]
                a, b, c = widen(corners[pose, t[0]]), widen(corners[pose, t[1]]), widen(corners[pose, t[2]])
                bx, by, cx, cy = b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]
                dx, dy, area = real(column) + real(0.5) - a[0], real(row) + real(0.5) - a[1], bx * cy - by * cx
                wb, wc = (dx * cy - dy * cx) / area, (bx * dy - by * dx) / area
                wa = (real(1.0) - wb - wc) / (a[2] + real(0.5))  # perspective: depths lie 0.5 behind
                wb, wc = wb / (b[2] + real(0.5)), wc / (c[2] + real(0.5))
                total = wa + wb + wc
                wa, wb, wc = wa / total, wb / total, wc / total
                at = widen(points[pose, t[0]]) * wa + widen(points[pose, t[1]]) * wb + widen(points[pose, t[2]]) * wc
                n = widen(normals[pose, t[0]]) * wa + widen(normals[pose, t[1]]) * wb
                n = unit(n + widen(normals[pose, t[2]]) * wc)
                va, vb, vc = attributes[t[0]], attributes[t[1]], attributes[t[2]]
                vertex = vec11()
                for k in range(11):
                    vertex[k] = real(va[k]) * wa + real(vb[k]) * wb + real(vc[k]) * wc
                found = read(texture, vertex[0], vertex[1])
                found[5] = found[5] * look[pose, 3]
                color, share, normal, view, mirror, grazing, least = surface(
                    found, vertex, n, at, real(eye_height), look, colors, pose
                )
                color, share, ambient = color * mean, share * mean, vertex[8]
                for image in range(begin[pose], begin[pose + 1]):
                    arrives = real(1.0)
                    if shadows == 1:
                        arrives = wp.max(arriving(at, image, frame, widen(center), blocks), least)
                    falls, gloss, falls_slope, gloss_slope = lit(
                        normal, view, lamps[image, 0], lamps[image, 1], ambient, mirror, grazing, arrives
                    )
                    gloss = gloss * mean
                    light[0, image, y, x] += wp.cw_mul(color, falls) + vec3(gloss, gloss, gloss)
                    light[1, image, y, x] += falls * share
                    if slopes:
                        gloss_slope = gloss_slope * mean
                        own = wp.cw_mul(color, falls_slope) + vec3(gloss_slope, gloss_slope, gloss_slope)
                        light[2, image, y, x] += own
                        light[3, image, y, x] += falls_slope * share

    return shade_kernel
