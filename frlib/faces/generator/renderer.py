"""From identities and attributes to images: pose, projection, z-buffer, shading, shadow, tone."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import warp as wp

from frlib import checks
from frlib.faces import pixels
from frlib.faces.attributes import ATTRIBUTES, RENDERED, batch_of, batches
from frlib.faces.crops import BACKGROUND, CROPS, similarity, template, tone
from frlib.faces.generator.appearance import Appearance, paint
from frlib.faces.generator.head import load_head
from frlib.faces.generator.kernels import EMPTY, normal_kernel, raster_kernel
from frlib.faces.generator.meshes import AGE_ANCHORS, age_meshes
from frlib.faces.generator.scene import Scene, load_scene
from frlib.faces.generator.shading import (
    CAMERA_DISTANCE,
    SHADOW_MAP,
    SHADOW_WIDTH,
    ageing,
    beard_growth,
    greyed,
    hair_rgb,
    lamp_direction,
    lamp_slope,
    shading,
    whitened,
)
from frlib.faces.generator.template import load_template
from frlib.faces.identity import Identity
from frlib.runtime import choose_device

SUPERSAMPLING = 2
BATCH = 16


@dataclass(frozen=True)
class Model:
    """An identity, ready to be drawn: meshes (3, V, 3) at the age anchors, its colours, own hair and share of grey."""

    meshes: torch.Tensor
    appearance: Appearance
    hair_color: float
    grey: float


@dataclass(frozen=True)
class Looks:
    """What one drawing asks of the shading, per image: azimuth (B,) in radians, age, expression, hair RGB (B, 3)."""

    azimuth: torch.Tensor
    age: torch.Tensor
    expression: torch.Tensor
    hair: torch.Tensor


# One takes 13 MB. Joblib replaces a worker that has grown by 300 MB: after 23 people, when 64 were kept. Nothing else
# grows, not even by networks that arrive with each task. 16 are one batch of different people.
@functools.lru_cache(maxsize=BATCH)
def load_model(identity: Identity) -> Model:
    """Return the meshes and colours of an identity; the last 16 are kept."""
    appearance = paint(identity, load_template())
    meshes, traits = age_meshes(identity, load_head(), load_template(), appearance), identity.traits
    return Model(meshes, appearance, traits.hair_color, traits.grey)


def render(
    identity: Identity | Sequence[Identity],
    attributes: Mapping | None = None,
    *,
    size: int = 112,
    crop: str = "arcface",
    shadows: bool = True,
    greying: bool = False,
    dtype: torch.dtype = torch.uint8,
    device=None,
) -> torch.Tensor:
    """Draw faces.

    Parameters
    ----------
    identity : Identity, or sequence of N of them
        With one identity, N is the largest length among the attributes.
    attributes : mapping of name to scalar or N values
        Names and ranges are those of `ATTRIBUTES`; a missing name is neutral: the head frontal, 30 years, the
        identity's own hair colour, light from the front, no smile, pixels unchanged.
    size : int
        Height and width in pixels.
    crop : {"arcface", "wide"}
        Eyes, nose and mouth lie on the ArcFace template, or where dlib's network wants them: a little larger and
        higher, with the chin and neck in view.
    shadows : bool
        Whether nose, brows and hair cast shadows.
    greying : bool
        Whether hair, brows and beard whiten with age, smoothly from 40 to 70 years. Off by default: age and hair
        colour are then independent. Hair colour is that of the albedo: see `frlib.faces.generator.shading.hair_rgb`.
    dtype : torch.dtype
        uint8 rounds; float32 keeps what rounding would destroy; float64 also shades in float64 (the geometry stays
        float32).
    device : str, optional
        See `frlib.runtime.choose_device`.

    Returns
    -------
    Tensor, shape (N, size, size, 3)
        RGB, 0 to 255.

    Raises
    ------
    ValueError
        If an argument is unknown, out of range, or of the wrong length.
    """
    checks.at_least("size", size, 16)
    checks.one_of("crop", crop, tuple(CROPS))
    checks.one_of("dtype", dtype, (torch.uint8, torch.float32, torch.float64))
    people, values = batch_of(identity, attributes, Identity)
    real = torch.float64 if dtype == torch.float64 else torch.float32
    options = (size, crop, shadows, real, choose_device(device))
    images = [
        tone(average(draw_linear(some, own, *options, greying=greying)[0]))
        for some, own in batches(people, values, BATCH)
    ]
    images = pixels.change(torch.cat(images), values).cpu()
    return images.round().to(torch.uint8) if dtype == torch.uint8 else images


@torch.no_grad()
def draw_linear(
    people: list[Identity],
    values: Mapping,
    size: int,
    crop: str,
    shadows: bool,
    real: torch.dtype,
    device: torch.device,
    hair: torch.Tensor | None = None,
    greying: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one batch, supersampled, in linear light, and its derivative by azimuth; ``hair`` replaces linear RGB."""
    scene, models = load_scene(device), [load_model(person) for person in people]
    own = torch.tensor([m.hair_color for m in models])
    neutral = {k: own if k == "hair_color" else torch.full((len(people),), ATTRIBUTES[k].neutral) for k in RENDERED}
    v = {k: values.get(k, neutral[k]).to(device, real) for k in RENDERED}
    hair = own_hair(models, v["hair_color"]) if hair is None else hair
    hair = greyed(hair, v["age"]) if greying else hair
    looks = Looks(torch.deg2rad(v["illumination"]), v["age"], v["expression"], hair)
    points = pose(scene, torch.stack([m.meshes for m in models]).to(device), {k: x.float() for k, x in v.items()})
    points = points.contiguous()
    screen, depth = project(scene, points, size * SUPERSAMPLING, crop)
    corners = torch.cat([screen, depth[..., None] - 0.5], dim=-1)
    buffer = rasterize(corners, scene.triangles, size * SUPERSAMPLING)
    return shade(scene, models, points, corners, buffer, looks, shadows)


def own_hair(models: list[Model], hair_color: torch.Tensor) -> torch.Tensor:
    """Return linear RGB (B, 3) of a hair colour, mixed with the grey of each identity."""
    grey = torch.tensor([m.grey for m in models]).to(hair_color)
    return whitened(hair_rgb(hair_color), grey)


def average(light: torch.Tensor) -> torch.Tensor:
    """Return the mean light of each pixel's samples, (B, size, size, 3)."""
    n, size = len(light), light.shape[1] // SUPERSAMPLING
    return light.reshape(n, size, SUPERSAMPLING, size, SUPERSAMPLING, 3).mean(dim=(2, 4))


def pose(scene: Scene, meshes: torch.Tensor, values: Mapping) -> torch.Tensor:
    """Return vertices (B, V, 3) at the given age, expression and head angle; the shoulders stay where they are."""
    child, young, old = AGE_ANCHORS
    age = values["age"][:, None, None]
    early, late = ((age - child) / (young - child)).clamp(0, 1), ((age - young) / (old - young)).clamp(0, 1)
    points = (1 - early) * meshes[:, 0] + (early - late) * meshes[:, 1] + late * meshes[:, 2]
    points = points + scene.rest + values["expression"][:, None, None] * (scene.smile - 0.5 * scene.rest)
    angle = torch.deg2rad(values["head_angle"])
    c, s, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    turn = torch.stack([c, -s, zero, s, c, zero, zero, zero, one], dim=-1).reshape(-1, 3, 3)
    away = points - scene.pivot
    return scene.pivot + away + scene.head_weight * (away @ turn.transpose(1, 2) - away)


def project(scene: Scene, points: torch.Tensor, size: int, crop: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pixel positions (B, V, 2), y down, aligned by landmarks to the template, and depths (B, V) in metres."""
    flat, depth = perspective(scene, points)
    marks = torch.stack([flat[:, e].mean(1) for e in scene.eyes] + [flat[:, k] for k in scene.landmarks], dim=1)
    onto = similarity(marks, template(crop, size).to(flat))
    return (flat - onto.source[:, None]) @ onto.matrix.transpose(1, 2) + onto.target[:, None], depth


def perspective(scene: Scene, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the picture plane (B, V, 2), y down, and the depth (B, V) of a camera in front of the face."""
    away = points - (scene.pivot + torch.tensor([0, 0, 0.03]).to(points))
    depth = CAMERA_DISTANCE + away[..., 1]
    return torch.stack([away[..., 0] / depth, -away[..., 2] / depth], dim=-1), depth


def rasterize(corners: torch.Tensor, triangles: torch.Tensor, size: int) -> torch.Tensor:
    """Return the z-buffer (B, size, size): depth in billionths and visible triangle in one key, `EMPTY` for none."""
    buffer = torch.full((len(corners), size, size), EMPTY, dtype=torch.int64, device=corners.device)
    inputs = [wp.from_torch(corners.contiguous(), dtype=wp.vec3), wp.from_torch(triangles, dtype=wp.vec3i)]
    inputs += [size, size, wp.from_torch(buffer, dtype=wp.int64)]
    wp.launch(
        raster_kernel, dim=(len(corners), len(triangles)), inputs=inputs, device=wp.device_from_torch(buffer.device)
    )
    return buffer


def shade(scene: Scene, models: list[Model], points, corners, buffer, looks: Looks, shadows: bool):
    """Return linear light (B, size, size, 3) and its derivative by the lamp's azimuth in radians; see `shading`."""
    real = looks.azimuth.dtype
    kernel, vec3 = shading(wp.dtype_from_torch(real)), wp.types.vector(3, wp.dtype_from_torch(real))
    device = wp.device_from_torch(points.device)
    frame, center, nearest = shadow_map(scene, points, looks.azimuth.float(), shadows)
    light = torch.tensor(BACKGROUND, dtype=real, device=points.device).repeat(*buffer.shape, 1)
    slope = torch.zeros_like(light)
    gloss = torch.tensor([m.appearance.gloss for m in models]).to(looks.azimuth)
    look = torch.stack([ageing(looks.age), looks.expression, gloss, beard_growth(looks.age)], dim=-1).contiguous()
    own = [torch.stack([getattr(m.appearance, name) for m in models]).to(looks.azimuth) for name in ("iris", "lips")]
    lamps = [lamp_direction(looks.azimuth), lamp_slope(looks.azimuth)]
    tones = torch.stack([*own, looks.hair, *lamps], dim=1).contiguous()
    vectors = lambda tensor, dtype=wp.vec3: wp.from_torch(tensor, dtype=dtype)  # noqa: E731
    before = [wp.from_torch(buffer, dtype=wp.int64), vectors(scene.triangles, wp.vec3i), vectors(corners)]
    before += [vectors(points), vectors(vertex_normals(scene, points)), wp.from_torch(scene.attributes)]
    after = [wp.from_torch(look), vectors(tones, vec3), vectors(frame), wp.vec3(*center.tolist())]
    after += [float(scene.pivot[2]) + 0.03, wp.from_torch(nearest, dtype=wp.int64), int(shadows)]
    after += [vectors(light, vec3), vectors(slope, vec3)]
    for image, model in enumerate(models):
        texture = wp.from_torch(model.appearance.texture.to(points.device))
        wp.launch(kernel, dim=buffer.shape[1:], inputs=[image, *before, texture, *after], device=device)
    return light, slope


def vertex_normals(scene: Scene, points: torch.Tensor) -> torch.Tensor:
    """Return unit normals (B, V, 3), the mean of the quads round each vertex weighted by area."""
    normals = torch.empty_like(points)
    inputs = [wp.from_torch(points, dtype=wp.vec3), wp.from_torch(scene.quads), wp.from_torch(scene.around)]
    inputs.append(wp.from_torch(normals, dtype=wp.vec3))
    wp.launch(normal_kernel, dim=points.shape[:2], inputs=inputs, device=wp.device_from_torch(points.device))
    return normals


def shadow_map(scene: Scene, points: torch.Tensor, azimuth: torch.Tensor, shadows: bool) -> tuple[torch.Tensor, ...]:
    """Return the lamp's axes (B, 3, 3), the centre of its view (3,), and its z-buffer, empty without shadows."""
    lamp = lamp_direction(azimuth)
    right = torch.stack([azimuth.cos(), azimuth.sin(), torch.zeros_like(azimuth)], dim=-1)
    frame = torch.stack([right, torch.linalg.cross(lamp, right), -lamp], dim=1)  # rows: right, up, away from the lamp
    center = scene.pivot * torch.tensor([1, 0, 1]).to(points) + torch.tensor([0, -0.06, 0.02]).to(points)
    if not shadows:
        return frame, center, torch.zeros(len(points), 1, 1, dtype=torch.int64, device=points.device)
    scale, half = SHADOW_MAP / SHADOW_WIDTH, SHADOW_MAP / 2
    seen = (points - center) @ frame.transpose(1, 2)
    corners = torch.stack([seen[..., 0] * scale + half, half - seen[..., 1] * scale, seen[..., 2] + 0.5], dim=-1)
    return frame, center, rasterize(corners, scene.triangles, SHADOW_MAP)
