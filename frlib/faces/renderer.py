"""From identities and attributes to images: pose, projection, z-buffer, shading, shadow, tone."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import warp as wp
from torch.nn import functional

from frlib import checks
from frlib.faces import pixels
from frlib.faces.appearance import Appearance, paint
from frlib.faces.attributes import ATTRIBUTES, RENDERED, check_attributes
from frlib.faces.head import load_head
from frlib.faces.identity import Identity
from frlib.faces.kernels import EMPTY, raster_kernel
from frlib.faces.meshes import AGE_ANCHORS, age_meshes
from frlib.faces.scene import Scene, load_scene
from frlib.faces.shading import CAMERA_DISTANCE, lamp_direction, normalize, shade
from frlib.faces.template import TEXTURE, load_template
from frlib.runtime import choose_device

#: The five points of the ArcFace template on 112 pixels: eyes from left to right, nose, mouth corners.
ARCFACE = torch.tensor(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
#: How a crop changes the template: its scale, and the height of the eyes as a share of the image. "wide" is the chip
#: that dlib cuts for its network: 150 pixels, padding 0.25 about its mean face, whose eyes then lie 0.350 apart.
CROPS = {"arcface": (1.0, 0.4607), "wide": (1.113, 0.314)}
BACKGROUND = (0.24, 0.26, 0.29)
SUPERSAMPLING = 2
BATCH = 16
SHADOW_MAP, SHADOW_WIDTH = 128, 0.36  # pixels, metres


@dataclass(frozen=True)
class Model:
    """An identity, ready to be drawn: meshes (3, V, 3) at the age anchors, and its colours."""

    meshes: torch.Tensor
    appearance: Appearance
    hair_color: float


@functools.lru_cache(maxsize=64)
def load_model(identity: Identity) -> Model:
    """Return the meshes and colours of an identity; the last 64 are kept."""
    appearance = paint(identity, load_template())
    return Model(age_meshes(identity, load_head(), load_template(), appearance), appearance, identity.traits.hair_color)


def render(
    identity: Identity | Sequence[Identity],
    attributes: Mapping | None = None,
    *,
    size: int = 112,
    crop: str = "arcface",
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
    dtype : torch.dtype
        uint8 rounds; float32 keeps what rounding would destroy.
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
    checks.one_of("dtype", dtype, (torch.uint8, torch.float32))
    several = isinstance(identity, Sequence)
    if not all(isinstance(person, Identity) for person in (identity if several else [identity])):
        raise ValueError(f"identity must be an Identity or a sequence of them; got {type(identity).__name__}")
    if several and not identity:
        raise ValueError("identity must hold at least one Identity; got an empty sequence")
    values = check_attributes(attributes or {}, len(identity) if several else None)
    n = len(identity) if several else max((len(v) for v in values.values()), default=1)
    people = list(identity) if several else [identity] * n
    device = choose_device(device)
    images = [
        draw(people[i : i + BATCH], {k: v[i : i + BATCH] for k, v in values.items()}, size, crop, device)
        for i in range(0, n, BATCH)
    ]
    images = pixels.change(torch.cat(images), values).cpu()
    return images.round().to(torch.uint8) if dtype == torch.uint8 else images


@torch.no_grad()
def draw(people: list[Identity], values: Mapping, size: int, crop: str, device: torch.device) -> torch.Tensor:
    """Draw one batch with its rendered attributes only, float (N, size, size, 3) in 0..255."""
    scene, models = load_scene(device), [load_model(person) for person in people]
    own = torch.tensor([m.hair_color for m in models])
    neutral = {k: own if k == "hair_color" else torch.full((len(people),), ATTRIBUTES[k].neutral) for k in RENDERED}
    v = {k: values.get(k, neutral[k]).to(device, torch.float32) for k in RENDERED}
    azimuth = torch.deg2rad(v["illumination"])
    points = pose(scene, torch.stack([m.meshes for m in models]).to(device), v)
    screen, depth = project(scene, points, size * SUPERSAMPLING, crop)
    corners = torch.cat([screen, depth[..., None] - 0.5], dim=-1)
    triangle, _ = rasterize(corners, scene.triangles, size * SUPERSAMPLING)
    surface, place = visible_surface(scene, points, corners, triangle, models)
    arrives = shadow(scene, points, surface, azimuth)
    color = shade(surface, azimuth, v["hair_color"], v["age"], v["expression"], arrives)
    image = torch.tensor(BACKGROUND, device=device).repeat(*triangle.shape, 1)
    image[place] = color
    image = functional.avg_pool2d(image.permute(0, 3, 1, 2), SUPERSAMPLING).permute(0, 2, 3, 1)
    return tone(image)


def tone(image: torch.Tensor) -> torch.Tensor:
    """Return 8-bit values of linear light: highlights are compressed, then gamma 2.2."""
    image = image.clamp(min=1e-5)
    compressed = 0.92 * image * (1 + 0.12 * image) / (1 + 0.35 * image)
    return compressed.clamp(1e-5, 1) ** (1 / 2.2) * 255


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
    scale, eye_height = CROPS[crop]
    wanted = (ARCFACE.to(flat) - 56) * scale + 56
    wanted[:, 1] += 112 * eye_height - wanted[:2, 1].mean()
    wanted = wanted * (size / 112)
    p, q = marks - marks.mean(1, keepdim=True), wanted - wanted.mean(0)
    norm = (p**2).sum((1, 2))
    a = (p * q).sum((1, 2)) / norm
    b = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(1) / norm
    similarity = torch.stack([a, -b, b, a], dim=-1).reshape(-1, 2, 2)  # least squares, in closed form
    return (flat - marks.mean(1, keepdim=True)) @ similarity.transpose(1, 2) + wanted.mean(0), depth


def perspective(scene: Scene, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the picture plane (B, V, 2), y down, and the depth (B, V) of a camera in front of the face."""
    away = points - (scene.pivot + torch.tensor([0, 0, 0.03]).to(points))
    depth = CAMERA_DISTANCE + away[..., 1]
    return torch.stack([away[..., 0] / depth, -away[..., 2] / depth], dim=-1), depth


def rasterize(corners: torch.Tensor, triangles: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the visible triangle (B, size, size), -1 for none, and its depth, 1 for none."""
    buffer = torch.full((len(corners), size, size), EMPTY, dtype=torch.int64, device=corners.device)
    inputs = [wp.from_torch(corners.contiguous(), dtype=wp.vec3), wp.from_torch(triangles, dtype=wp.vec3i)]
    inputs += [size, size, wp.from_torch(buffer, dtype=wp.int64)]
    wp.launch(
        raster_kernel, dim=(len(corners), len(triangles)), inputs=inputs, device=wp.device_from_torch(buffer.device)
    )
    drawn = buffer != EMPTY
    return torch.where(drawn, buffer & 0xFFFFFFFF, -1), torch.where(drawn, (buffer >> 32) / 1e9, 1.0).float()


def visible_surface(scene: Scene, points, corners, triangle, models: list[Model]) -> tuple[dict, tuple]:
    """Return what `shade` needs at each covered pixel, and where these pixels are."""
    place = torch.nonzero(triangle >= 0, as_tuple=True)
    image, rows, columns = place
    vertices = scene.triangles[triangle[place]].long().T  # (3, P)
    flat = image * points.shape[1] + vertices
    normals = vertex_normals(scene, points)
    inverse = 1 / (corners[..., 2:] + 0.5)
    per_vertex = torch.cat([corners[..., :2], inverse, points, normals], dim=-1).reshape(-1, 9)
    a, b, c = (per_vertex[row].T for row in flat)
    weights = perspective_weights(a, b, c, columns + 0.5, rows + 0.5)
    blend = lambda values: sum(w * v for w, v in zip(weights, values, strict=True))  # noqa: E731
    vertex = blend([scene.attributes[row].T for row in vertices])
    geometry = blend([a[3:], b[3:], c[3:]])
    colors = torch.stack([torch.cat([m.appearance.iris, m.appearance.lips]) for m in models]).to(points)
    gloss = torch.tensor([m.appearance.gloss for m in models]).to(points)
    surface = {
        "image": image,
        "at": geometry[:3],
        "normal": normalize(geometry[3:]),
        "vertex": vertex,
        "texture": look_up(models, image, vertex[:2]),
        "iris": colors[image, :3].T,
        "lips": colors[image, 3:].T,
        "gloss": gloss[image][None],
        "eye_height": scene.pivot[2] + 0.03,
    }
    return surface, place


def perspective_weights(a, b, c, x, y) -> tuple[torch.Tensor, ...]:
    """Return perspective-correct barycentric weights, each (P,), of corners whose rows are x, y, 1 / depth."""
    bx, by, cx, cy = b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]
    dx, dy, area = x - a[0], y - a[1], bx * cy - by * cx
    wb, wc = (dx * cy - dy * cx) / area, (bx * dy - by * dx) / area
    weights = [(1 - wb - wc) * a[2], wb * b[2], wc * c[2]]
    return tuple(w / sum(weights) for w in weights)


def look_up(models: list[Model], image: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Return the texture (11, P) of each point's identity, bilinear."""
    unique = list({id(m): m for m in models}.values())
    textures = torch.stack([m.appearance.texture for m in unique]).to(at.device).reshape(-1, 11)
    row_of = torch.tensor([[id(u) for u in unique].index(id(m)) for m in models], device=at.device)
    height, width = TEXTURE
    u = ((at[0] + 1) * width / 2 - 0.5).clamp(0, width - 1.001)
    v = ((at[1] + 1) * height / 2 - 0.5).clamp(0, height - 1.001)
    fu, fv = (u % 1)[:, None], (v % 1)[:, None]
    first = row_of[image] * (height * width) + v.long() * width + u.long()
    top = textures[first] * (1 - fu) + textures[first + 1] * fu
    bottom = textures[first + width] * (1 - fu) + textures[first + width + 1] * fu
    return (top * (1 - fv) + bottom * fv).T


def vertex_normals(scene: Scene, points: torch.Tensor) -> torch.Tensor:
    """Return unit normals (B, V, 3), the mean of the quads round each vertex weighted by area."""
    corner = points[:, scene.quads]
    face = torch.linalg.cross(corner[:, :, 2] - corner[:, :, 0], corner[:, :, 3] - corner[:, :, 1])
    face = torch.cat([face, torch.zeros_like(face[:, :1])], dim=1)
    return functional.normalize(sum(face[:, quads] for quads in scene.around), dim=-1)


def shadow(scene: Scene, points: torch.Tensor, surface: dict, azimuth: torch.Tensor) -> torch.Tensor:
    """Return the share of the lamp's light that arrives at each point, (1, P): a shadow map, softened over 3 pixels."""
    lamp = lamp_direction(azimuth).T
    right = torch.stack([azimuth.cos(), azimuth.sin(), torch.zeros_like(azimuth)], dim=-1)
    frame = torch.stack([right, torch.linalg.cross(lamp, right), -lamp], dim=1)  # rows: right, up, away from the lamp
    center = scene.pivot * torch.tensor([1, 0, 1]).to(points) + torch.tensor([0, -0.06, 0.02]).to(points)
    scale, half = SHADOW_MAP / SHADOW_WIDTH, SHADOW_MAP / 2
    seen = (points - center) @ frame.transpose(1, 2)
    corners = torch.stack([seen[..., 0] * scale + half, half - seen[..., 1] * scale, seen[..., 2] + 0.5], dim=-1)
    _, nearest = rasterize(corners, scene.triangles, SHADOW_MAP)
    image = surface["image"]
    own = ((surface["at"].T - center)[:, None] * frame[image]).sum(-1)
    x, y, depth = own[:, 0] * scale + half - 0.5, half - own[:, 1] * scale - 0.5, own[:, 2] + 0.5
    lit, column, row = 0.0, x.floor().long(), y.floor().long()
    for dy, wy in zip((-1, 0, 1, 2), (1 - y % 1, 1.0, 1.0, y % 1), strict=True):
        for dx, wx in zip((-1, 0, 1, 2), (1 - x % 1, 1.0, 1.0, x % 1), strict=True):
            at = (row + dy).clamp(0, SHADOW_MAP - 1), (column + dx).clamp(0, SHADOW_MAP - 1)
            lit = lit + wx * wy * torch.sigmoid((nearest[image, at[0], at[1]] - depth + 0.006) * 700)
    inside = (x > 2) & (x < SHADOW_MAP - 3) & (y > 2) & (y < SHADOW_MAP - 3)
    return torch.where(inside, lit / 9, 1.0)[None]
