"""The mesh of an identity at three ages, and where its hair stands off the scalp."""

import numpy as np
import torch
from torch.nn import functional

from frlib.faces.appearance import Appearance, noise, smoothstep
from frlib.faces.head import AGES, PARTS, Head
from frlib.faces.identity import Identity
from frlib.faces.template import Template

#: Years at which the mesh library's ages are drawn here; between them, vertices move on straight lines.
AGE_ANCHORS = (11.0, 25.0, 90.0)
#: Hanging strands are drawn this much closer to the head, so that no gap shows beside the face.
STRANDS_INWARD = 0.90
THICKNESS = {"short": 0.007, "side part": 0.013, "full": 0.020, "long": 0.018, "shaved": 0.0}


def age_meshes(identity: Identity, head: Head, template: Template, appearance: Appearance) -> torch.Tensor:
    """Return the fine vertices at `AGE_ANCHORS`, shape (3, V, 3), metres."""
    traits = identity.traits
    personal = head.base + head.mixed(traits.shape)
    meshes = []
    for age in AGES:
        coarse = personal + head.mixed(head.macro(age, traits.gender, traits.muscle, traits.weight, traits.ancestry))
        if age == "old":
            coarse = coarse + head.mixed({"shape:head-age-incr": 0.5})
        meshes.append(seat_teeth(head.smoothing @ coarse, head, template))
    stacked = np.stack(meshes).astype(np.float32)
    return torch.from_numpy(raise_hair(stacked, identity, head, template, appearance))


def seat_teeth(fine: np.ndarray, head: Head, template: Template) -> np.ndarray:
    """Move teeth and tongue to where the average face has them behind the corners of the mouth."""
    corners, inner = list(template.landmarks[1:]), np.isin(head.part, [3, 4, 5])
    upper = head.part == PARTS.index("upper teeth")
    wanted = template.neutral[upper].mean(axis=0) - template.neutral[corners].mean(axis=0)
    fine[inner] += wanted - (fine[upper].mean(axis=0) - fine[corners].mean(axis=0))
    return fine


def raise_hair(meshes: np.ndarray, identity: Identity, head: Head, template: Template, appearance: Appearance):
    """Push the scalp outwards where hair grows, and hide the hanging strands of styles that have none."""
    rng = np.random.default_rng([identity.seed, identity.index, 2])
    style, eye = identity.traits.style, template.eye_centers[0, 2]
    at = torch.from_numpy(template.texture_at)[None, None]

    def on_vertices(image: np.ndarray) -> np.ndarray:
        texture = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None, None]
        return functional.grid_sample(texture, at, align_corners=False)[0, 0, 0].numpy()

    density = functional.avg_pool2d(appearance.texture[None, None, ..., 3], 13, 1, 6)[0, 0].numpy()
    locks = 1 + on_vertices(0.18 * noise(rng, 18, 36) + 0.12 * noise(rng, 6, 12))
    crown = 0.35 + 0.65 * smoothstep(eye + 0.01, eye + 0.11, template.neutral[:, 2])
    skin = head.part == PARTS.index("skin")
    height = THICKNESS[style] * np.clip(1 + 0.25 * rng.standard_normal(), 0.6, 1.5)
    lift = height * on_vertices(density) * crown * np.clip(locks, 0.4, 1.8) * skin * (1 - template.ear)
    lift *= head.head_weight > 0.5
    outward = meshes[1] - np.array([0, -0.05, eye + 0.02], np.float32)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    meshes = meshes + (lift[:, None] * outward).astype(np.float32)
    strands = head.part == PARTS.index("hair")
    if style != "long":
        meshes[:, strands] = meshes[:, strands].mean(axis=1, keepdims=True)
    meshes[:, strands] *= np.array([STRANDS_INWARD, 1, 1], np.float32)
    return meshes
