"""From identities and attributes to images: pose, projection, z-buffer, shading, shadow, tone.

Images share what they have in common. Those of one pose (identity, head angle, age, expression) share the geometry and
the z-buffer; those of one pose under one light share the shadow map and the shading, whose two terms then give every
colour of hair. `frlib.faces.generator.shared` finds out who shares what.
"""

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import warp as wp

from frlib import checks
from frlib.arguments import checked
from frlib.faces import pixels
from frlib.faces.attributes import ATTRIBUTES, batch_of
from frlib.faces.crops import BACKGROUND, CROPS, similarity, template, tone
from frlib.faces.generator.appearance import Appearance, paint
from frlib.faces.generator.head import load_head
from frlib.faces.generator.kernels import EMPTY, normal_kernel, raster_kernel
from frlib.faces.generator.meshes import AGE_ANCHORS, age_meshes
from frlib.faces.generator.scene import Scene, load_scene
from frlib.faces.generator.shading import (
    CAMERA_DISTANCE,
    CHANNELS,
    SHADOW_MAP,
    SHADOW_WIDTH,
    ageing,
    beard_growth,
    blocking,
    greyed,
    hair_rgb,
    lamp_direction,
    lamp_slope,
    shading,
    whitened,
)
from frlib.faces.generator.shared import SHARED, Lights, shared_lights
from frlib.faces.generator.template import load_template
from frlib.faces.identity import Identity
from frlib.runtime import choose_device

SUPERSAMPLING = 2
BATCH = 16


@dataclass(frozen=True, eq=False)
class Model:
    """An identity, ready to be drawn: meshes (3, V, 3) at the age anchors, its colours, own hair and share of grey."""

    meshes: torch.Tensor
    appearance: Appearance
    hair_color: float
    grey: float


# One takes 13 MB. Joblib replaces a worker that has grown by 300 MB: after 23 people, when 64 were kept. Nothing else
# grows, not even by networks that arrive with each task. 16 are one batch of different people.
@functools.lru_cache(maxsize=BATCH)
def load_model(identity: Identity) -> Model:
    """Return the meshes and colours of an identity; the last 16 are kept."""
    appearance = paint(identity, load_template())
    meshes, traits = age_meshes(identity, load_head(), load_template(), appearance), identity.traits
    return Model(meshes, appearance, traits.hair_color, traits.grey)


@checked
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

    Images of one call share what they have in common: geometry and visible surfaces where only light and hair differ,
    all but the hair's colour where only that differs. On the CPU an image is the same, bit for bit, whatever is drawn
    beside it.

    Parameters
    ----------
    identity : Identity, or sequence of N of them
        With one identity, N is the largest length among the attributes.
    attributes : mapping of name to scalar or N values
        Names and ranges are those of `ATTRIBUTES`; a missing name is neutral: the head frontal, 30 years, the
        identity's own hair colour, light from the front, no smile, pixels unchanged.
    size : int
        Height and width in pixels.
    crop : {"arcface", "wide", "mtcnn"}
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
    options = {"size": size, "crop": crop, "shadows": shadows, "real": real, "device": choose_device(device)}
    images = torch.empty(len(people), size, size, 3, dtype=dtype)
    for lights in shared_lights(people, values, BATCH):
        light = draw_light(lights, **options)
        for places, which in zip(lights.images.split(BATCH), lights.light_of.split(BATCH), strict=True):
            own = {name: vector[places].to(light.device, real) for name, vector in values.items()}
            hair = hair_of([people[place] for place in places], own, light, greying)
            drawn = pixels.change(tone(colored(light[:, which], hair)), own)
            images[places] = (drawn.round() if dtype == torch.uint8 else drawn).to("cpu", dtype)
    return images


@torch.no_grad()
def draw_light(
    lights: Lights, *, size: int, crop: str, shadows: bool, real: torch.dtype, device: torch.device, slopes=False
) -> torch.Tensor:
    """Draw one batch in linear light.

    Returns
    -------
    Tensor, shape (2, L, size, size, 3), or (4, L, size, size, 3) with slopes
        The terms of `colored`: what hair colour does not change, and what is multiplied by it. With slopes also their
        derivatives by the lamp's azimuth, per radian, for fixed shadows.
    """
    scene, count = load_scene(device), len(lights.people)
    models = [load_model(lights.people[k]) for k in lights.poses]
    v = {name: lights.values.get(name, torch.full((count,), ATTRIBUTES[name].neutral)) for name in SHARED}
    v = {name: vector.to(device, real) for name, vector in v.items()}
    posed = {name: vector[lights.poses].float() for name, vector in v.items()}
    meshes = torch.stack([model.meshes for model in models]).to(device)
    points = pose(scene, meshes, posed).contiguous()
    screen, depth = project(scene, points, size * SUPERSAMPLING, crop)
    corners = torch.cat([screen, depth[..., None] - 0.5], dim=-1)
    light = torch.zeros(4 if slopes else 2, count, size, size, 3, dtype=real, device=device)
    shade(scene, models, lights, points, corners, v, shadows, light)
    return light


def colored(light: torch.Tensor, hair: torch.Tensor) -> torch.Tensor:
    """Return linear light (N, size, size, 3) for linear RGB of the hair (N, 3), from the two terms of `draw_light`."""
    return light[0] + light[1] * hair[:, None, None]


def hair_of(people: list[Identity], values: Mapping, like: torch.Tensor, greying: bool = False) -> torch.Tensor:
    """Return linear RGB (N, 3) of the hair of identities, at the colour and age that are asked for or their own."""
    models = [load_model(person) for person in people]
    own = torch.tensor([model.hair_color for model in models]).to(like)
    hair = own_hair(models, values.get("hair_color", own))
    age = values.get("age", torch.full_like(own, ATTRIBUTES["age"].neutral))
    return greyed(hair, age) if greying else hair


def own_hair(models: list[Model], hair_color: torch.Tensor) -> torch.Tensor:
    """Return linear RGB (B, 3) of a hair colour, mixed with the grey of each identity."""
    grey = torch.tensor([m.grey for m in models]).to(hair_color)
    return whitened(hair_rgb(hair_color), grey)


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
    return scene.pivot + away + scene.head_weight * (turned(away, turn) - away)


def turned(points: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """Return points (B, V, k) times matrices (B, j, k): (B, V, j).

    The digits of a matrix product would depend on how many there are.
    """
    columns = zip(points.split(1, dim=-1), matrices.unbind(dim=-1), strict=True)
    return sum(point * column[:, None] for point, column in columns)


def project(scene: Scene, points: torch.Tensor, size: int, crop: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pixel positions (B, V, 2), y down, aligned by landmarks to the template, and depths (B, V) in metres."""
    flat, depth = perspective(scene, points)
    eyes = [flat[:, eye].double().mean(1) for eye in scene.eyes]
    marks = torch.stack([*eyes, *(flat[:, k].double() for k in scene.landmarks)], dim=1)
    matrix, source, target = (part.to(flat) for part in similarity(marks, template(crop, size).to(marks)))
    return turned(flat - source[:, None], matrix) + target[:, None], depth


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


def shade(scene: Scene, models, lights: Lights, points, corners, values: Mapping, shadows: bool, light) -> None:
    """Fill the light (2 or 4, L, size, size, 3) of the models (P) in their poses: see `draw_light`."""
    real, slopes = wp.dtype_from_torch(light.dtype), len(light) > 2
    vec3, device = wp.types.vector(3, real), wp.device_from_torch(light.device)
    azimuth = torch.deg2rad(values["illumination"])
    frame, center, blocks = shadow_map(scene, points[lights.pose_of], azimuth.float(), shadows)
    look, colors = looks(models, values["age"][lights.poses], values["expression"][lights.poses])
    lamps = torch.stack([lamp_direction(azimuth), lamp_slope(azimuth)], dim=1)
    begin = torch.cat([lights.poses, torch.tensor([len(azimuth)])]).to(light.device, torch.int32)
    vectors = lambda tensor, dtype=wp.vec3: wp.from_torch(tensor, dtype=dtype)  # noqa: E731
    before = [SUPERSAMPLING, wp.from_torch(begin)]
    before += [wp.from_torch(rasterize(corners, scene.triangles, light.shape[2] * SUPERSAMPLING), dtype=wp.int64)]
    before += [vectors(scene.triangles, wp.vec3i), vectors(corners), vectors(points)]
    before += [vectors(vertex_normals(scene, points)), vectors(scene.attributes, CHANNELS)]
    after = [wp.from_torch(look), vectors(colors, vec3), vectors(lamps, vec3), vectors(frame)]
    after += [wp.vec3(*center.tolist()), float(scene.pivot[2]) + 0.03, wp.from_torch(blocks), int(shadows)]
    after += [vec3(*BACKGROUND), vectors(light, vec3)]
    first = 0
    for model, same in itertools.groupby(models):  # a launch reads one texture
        count, texture = len(list(same)), vectors(model.appearance.texture.to(light.device), CHANNELS)
        inputs = [first, *before, texture, *after]
        wp.launch(shading(real, slopes), dim=(count, *light.shape[2:4]), inputs=inputs, device=device)
        first += count


def looks(models: list[Model], age: torch.Tensor, expression: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return per pose what the shading asks for: four numbers (P, 4), and the colours of iris and lips (P, 2, 3)."""
    gloss = torch.tensor([model.appearance.gloss for model in models]).to(age)
    numbers = torch.stack([ageing(age), expression, gloss, beard_growth(age)], dim=-1).contiguous()
    colors = [torch.stack([getattr(model.appearance, name) for model in models]).to(age) for name in ("iris", "lips")]
    return numbers, torch.stack(colors, dim=1).contiguous()


def vertex_normals(scene: Scene, points: torch.Tensor) -> torch.Tensor:
    """Return unit normals (B, V, 3), the mean of the quads round each vertex weighted by area."""
    normals = torch.empty_like(points)
    inputs = [wp.from_torch(points, dtype=wp.vec3), wp.from_torch(scene.quads), wp.from_torch(scene.around)]
    inputs.append(wp.from_torch(normals, dtype=wp.vec3))
    wp.launch(normal_kernel, dim=points.shape[:2], inputs=inputs, device=wp.device_from_torch(points.device))
    return normals


def shadow_map(scene: Scene, points: torch.Tensor, azimuth: torch.Tensor, shadows: bool) -> tuple[torch.Tensor, ...]:
    """Return the lamp's axes (L, 3, 3), the centre of its view (3,), and its `blocking`, empty without shadows."""
    lamp = lamp_direction(azimuth)
    right = torch.stack([azimuth.cos(), azimuth.sin(), torch.zeros_like(azimuth)], dim=-1)
    frame = torch.stack([right, torch.linalg.cross(lamp, right), -lamp], dim=1)  # rows: right, up, away from the lamp
    center = scene.pivot * torch.tensor([1, 0, 1]).to(points) + torch.tensor([0, -0.06, 0.02]).to(points)
    if not shadows:
        return frame, center, torch.zeros(len(points), 1, 1, dtype=torch.float64, device=points.device)
    scale, half = SHADOW_MAP / SHADOW_WIDTH, SHADOW_MAP / 2
    seen = turned(points - center, frame)
    corners = torch.stack([seen[..., 0] * scale + half, half - seen[..., 1] * scale, seen[..., 2] + 0.5], dim=-1)
    return frame, center, blocking(rasterize(corners, scene.triangles, SHADOW_MAP))
