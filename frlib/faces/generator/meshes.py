"""The mesh of an identity at three ages, and its hair: what stands off the scalp, and what hangs down."""

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch.nn import functional

from frlib.faces.generator.appearance import Appearance, noise, smoothstep
from frlib.faces.generator.head import AGES, PARTS, Head
from frlib.faces.generator.template import AXIS, Template
from frlib.faces.identity import Identity, Traits

#: Years at which the mesh library's ages are drawn here; between them, vertices move on straight lines.
AGE_ANCHORS = (5.0, 25.0, 75.0)
#: Metres that the teeth lie lower and farther back than on the base mesh: a smile shows them, and they pierce no lip.
TEETH_SHIFT = np.array([0, 0.0015, -0.004])
#: Metres that the hair of a style stands off the scalp.
THICKNESS = {"short": 0.009, "side part": 0.016, "full": 0.024, "long": 0.016, "shaved": 0.001}
#: Metres below the eyes at which hair that hangs down ends.
LENGTHS = {"long": (0.11, 0.20), "full": (0.055, 0.085)}
#: Hanging hair leaves the scalp this many metres above the eyes.
ROOTS = 0.055


def age_meshes(identity: Identity, head: Head, template: Template, appearance: Appearance) -> torch.Tensor:
    """Return the fine vertices at `AGE_ANCHORS`, shape (3, V, 3), metres."""
    traits = identity.traits
    personal = head.base + head.mixed(traits.shape)
    meshes = []
    for age in AGES:
        coarse = personal + head.mixed(head.macro(age, traits.gender, traits.muscle, traits.weight, traits.ancestry))
        if age == "old":
            coarse = coarse + head.mixed({"shape:head-age-incr": 1.0})
        meshes.append(seat_teeth(head.smoothing @ coarse, head, template))
    stacked = np.stack(meshes).astype(np.float32)
    rng = np.random.default_rng([identity.seed, identity.index, 2])
    raised = raise_hair(rng, stacked, traits, head, template, appearance)
    return torch.from_numpy(hang_hair(rng, raised, traits, head, template))


def seat_teeth(fine: np.ndarray, head: Head, template: Template) -> np.ndarray:
    """Move teeth and tongue to where the average face has them behind the corners of the mouth."""
    corners, inner = list(template.landmarks[1:]), np.isin(head.part, [3, 4, 5])
    upper = head.part == PARTS.index("upper teeth")
    wanted = template.neutral[upper].mean(axis=0) - template.neutral[corners].mean(axis=0)
    fine[inner] += wanted - (fine[upper].mean(axis=0) - fine[corners].mean(axis=0)) + TEETH_SHIFT
    return fine


def raise_hair(
    rng: np.random.Generator, meshes: np.ndarray, traits: Traits, head: Head, template: Template, appearance: Appearance
) -> np.ndarray:
    """Return meshes (3, V, 3) whose scalp is pushed outwards where hair grows."""
    at = torch.from_numpy(template.texture_at)[None, None]

    def on_vertices(image: np.ndarray) -> np.ndarray:
        texture = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None, None]
        return functional.grid_sample(texture, at, align_corners=False)[0, 0, 0].numpy()

    blurred = functional.avg_pool2d(appearance.texture[None, None, ..., 3], 21, 1, 10)[0, 0].numpy()
    density = np.clip((blurred - 0.3) / 0.7, 0, 1)  # so that no skin is lifted at the edge
    above = template.neutral[:, 2] - template.eye_centers[0, 2]
    pole = smoothstep(0.105, 0.080, above)  # where all angles meet
    locks = 1 + pole * on_vertices(0.16 * noise(rng, 18, 36) + 0.12 * noise(rng, 6, 12))
    crown = 0.15 + 0.4 * smoothstep(-0.05, 0.02, above) + 0.45 * smoothstep(0.01, 0.10, above)
    skin = head.part == PARTS.index("skin")
    height = THICKNESS[traits.style] * np.clip(1 + 0.25 * rng.standard_normal(), 0.6, 1.5)
    lift = height * on_vertices(density) * crown * np.clip(locks, 0.4, 1.8) * skin * (1 - template.ear)
    lift *= head.head_weight > 0.5
    outward = meshes[1] - axis_at_eyes(meshes[1], head, template) - np.array([0, 0, 0.02], np.float32)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    return meshes + (lift[:, None] * outward).astype(np.float32)


def hang_hair(
    rng: np.random.Generator, meshes: np.ndarray, traits: Traits, head: Head, template: Template
) -> np.ndarray:
    """Return meshes (3, V, 3) with the curtain of hair hung up, or hidden in the head for styles without one."""
    hair = head.part == PARTS.index("hair")
    places = template.texture_at[hair] * [1, 0.5] + [0, 0.5]
    hangs = traits.style == "long" or (traits.style == "full" and traits.gender > 0.5)
    low, high = LENGTHS.get(traits.style, (0.0, 0.0))
    cut = {
        "length": rng.uniform(low, high),
        "front": rng.uniform(0.86, 1.16),
        "forward": rng.uniform(0.0, 0.25),
        "thickness": rng.uniform(0.010, 0.018),
        "waves": rng.uniform(0.0, 0.004),
        "phase": rng.uniform(0, 2 * np.pi, 3),
    }
    for mesh in meshes:
        if hangs:
            mesh[:] = flatten_ears(mesh, template)
        center = axis_at_eyes(mesh, head, template)
        skull = mesh[(head.part == PARTS.index("skin")) & (head.head_weight > 0.5)] - center
        mesh[hair] = center + (curtain(places, skull, **cut) if hangs else 0.0)
    return meshes


def axis_at_eyes(mesh: np.ndarray, head: Head, template: Template) -> np.ndarray:
    """Return the point (3,) of the axis of a mesh (V, 3) at the height of its own eyes."""
    eyes = np.isin(head.part, [PARTS.index("left eye"), PARTS.index("right eye")])
    behind = template.eye_centers[:, 1].mean() + AXIS
    return (mesh[eyes].mean(axis=0) - [0, behind, 0]).astype(np.float32)


def flatten_ears(mesh: np.ndarray, template: Template) -> np.ndarray:
    """Return a mesh (V, 3) whose ears lie close to the head, as hair holds them."""
    side, across = np.sign(mesh[:, 0]), np.abs(mesh[:, 0])
    ear = template.ear > 0.5
    base = np.quantile(across[ear], 0.2) + 0.002
    flat = np.where(across > base, base + 0.2 * (across - base), across)
    moved = mesh.copy()
    moved[:, 0] = np.where(template.ear > 0, side * (across + (flat - across) * template.ear), mesh[:, 0])
    return moved


def curtain(places, skull, *, length, front, forward, thickness, waves, phase) -> np.ndarray:
    """Return where hair hangs, shape (H, 3), relative to the axis of the head at the height of the eyes.

    A strand follows the skull down from its root and then falls straight from where the skull is widest.

    Parameters
    ----------
    places : ndarray, shape (H, 2)
        -1..1 round the head from right to left, and 0..1 from root to end.
    skull : ndarray, shape (S, 3)
        What lies under the hair.
    length : float
        Metres from the eyes down to the end.
    front, forward : float
        Angle from the face, in radians, at which the curtain begins, and by how much the ends come closer.
    thickness, waves : float
        Metres.
    phase : ndarray, shape (3,)
        Of the waves.
    """
    round_head, down = places.T
    height = ROOTS - down * (ROOTS + length)
    edge = 0.74 + (front - 0.74) * smoothstep(-0.055, 0.0, -height) - forward * smoothstep(0.06, 0.16, -height)
    angle = np.copysign(np.pi - np.abs(round_head) * (np.pi - edge), round_head)
    around = np.arctan2(skull[:, 0], -skull[:, 1])
    tree = cKDTree(np.column_stack([0.08 * np.sin(around), 0.08 * np.cos(around), skull[:, 2]]))
    away = np.hypot(skull[:, 0], skull[:, 1])
    levels = np.linspace(ROOTS, -0.055, 12)
    at = np.stack([np.broadcast_to(c, (len(levels), len(angle))) for c in (0.08 * np.sin(angle), 0.08 * np.cos(angle))])
    _, near = tree.query(np.stack([*at, np.broadcast_to(levels[:, None], at[0].shape)], axis=-1), k=8)
    outer = np.sort(away[near], axis=-1)[..., -4:].mean(axis=-1)  # the inside of the mouth is skin, too
    straight = np.where(levels[:, None] >= height - 1e-9, outer, outer[0]).max(axis=0)
    close = outer[np.argmin(np.abs(levels[:, None] - height), axis=0), np.arange(len(angle))]
    hugging = smoothstep(0.70, 1.0, np.abs(round_head))  # beside the face, hair lies on the cheeks
    swing = sum(np.sin((k + 2) * 2.3 * angle + p + 9 * down) for k, p in enumerate(phase))
    stands = (thickness + waves * swing * down) * (1 - 0.65 * hugging)
    radius = straight + hugging * (close - straight) + stands * smoothstep(0.0, 0.3, down)
    radius -= 0.012 * smoothstep(0.75, 1.0, down) * (length < 0.1)  # a bob turns inwards
    return np.stack([radius * np.sin(angle), -radius * np.cos(angle), height], axis=1)
