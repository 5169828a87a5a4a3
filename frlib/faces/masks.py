"""What each vertex of the head is: lips, lashes, ears, eyes; where it lies on the texture; how much light reaches it.

Parts of the face are found from the targets themselves: the vertices that "lip volume" moves are lips.
"""

import numpy as np

from frlib.faces.mesh import vertex_normals
from frlib.faces.shell import azimuth

CHANNELS = ("u", "v", "lip", "lash", "eye_x", "eye_y", "eye", "teeth", "open", "ear", "hair")
# Targets whose displacements mark a part of the face.
LIP_PROBES = ("mouth-upperlip-volume-decr-incr +", "mouth-lowerlip-volume-decr-incr +")
EAR_PROBES = ("ear-scale-decr-incr +", "ear-wing-decr-incr +", "ear-scale-vert-decr-incr +")
PROBES = LIP_PROBES + EAR_PROBES
# The texture covers all azimuths, and these heights around the eyes (metres).
BELOW_EYES, ABOVE_EYES = 0.165, 0.155


def texture_position(points: np.ndarray, eye_height: float) -> np.ndarray:
    """Return where points (N, 3) of the canonical head lie on the texture: (u, v) in -1..1, v downwards."""
    top = eye_height + ABOVE_EYES
    v = (top - points[:, 2]) / (ABOVE_EYES + BELOW_EYES) * 2 - 1
    return np.stack([azimuth(points) / np.pi, v], axis=1)


def landmarks(canonical, part, widening, moves) -> np.ndarray:
    """Return the vertices of the nose tip, the mouth corner at the image's left, and the one at its right.

    Parameters
    ----------
    canonical : array, shape (V, 3)
    part : integer array, shape (V,)
    widening : array, shape (V,)
        Sideways displacement by the target that widens the mouth; it is largest at the corners.
    moves : mapping of name to array, shape (V,)
        Displacements by the targets of `PROBES`.
    """
    skin = part == 0
    front = skin & (canonical[:, 1] < -0.10)
    corners = [int(np.argmax(np.where(front, sign * widening, -1))) for sign in (-1, 1)]
    mouth_height = canonical[corners, 2].mean()
    eye_height = canonical[part == 1, 2].mean()
    middle = skin & (np.abs(canonical[:, 0]) < 0.01)
    between = middle & (canonical[:, 2] > mouth_height + 0.015) & (canonical[:, 2] < eye_height - 0.01)
    nose = int(np.argmin(np.where(between, canonical[:, 1], 1)))
    return np.array([nose, *corners])


def attributes(canonical, faces, part, moves, landmarks) -> np.ndarray:
    """Return the channels of the head's vertices, shape (V, len(CHANNELS)); every mask is in 0..1."""
    from frlib.faces.kernels import openness  # compiles a kernel: only when a head file is built

    skin = part == 0
    eye_height = float(canonical[part == 1, 2].mean())
    lip = sum(moves[name] / moves[name].max() for name in LIP_PROBES) * skin
    ear = np.clip((np.max([moves[name] / moves[name].max() for name in EAR_PROBES], axis=0) - 0.16) * 7, 0, 1) * skin
    eye_xy, lash = np.zeros((len(canonical), 2)), np.zeros(len(canonical))
    for eye in (1, 2):
        ball = canonical[part == eye]
        center = ball.mean(axis=0)
        radius = 0.93 * np.linalg.norm(ball - center, axis=1).max()
        eye_xy[part == eye] = ((ball - center) / radius)[:, [0, 2]]
        away = canonical - center
        gap = np.linalg.norm(away, axis=1) - radius
        near = np.exp(-((np.clip(gap - 0.0004, 0, 1) / 0.0012) ** 2)) * (away[:, 1] < -0.004)
        lash = np.maximum(lash, near * np.where(away[:, 2] > 0, 1, 0.45) * skin)
    light = np.clip(openness(canonical, vertex_normals(canonical, faces), faces) * 1.08, 0, 1) ** 1.2
    light = np.where(part == 3, 1, light)
    position = texture_position(canonical, eye_height)
    masks = [lip, lash, *eye_xy.T, (part == 1) | (part == 2), part == 3, light, ear, np.zeros(len(canonical))]
    return np.concatenate([position, np.stack(masks, axis=1)], axis=1)


def shell_attributes(vertices: np.ndarray, canonical: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return the channels of the shell of hair, shape (S, len(CHANNELS))."""
    values = np.zeros((len(vertices), len(CHANNELS)))
    values[:, :2] = texture_position(vertices, float(canonical[part == 1, 2].mean()))
    values[:, CHANNELS.index("open")] = 0.8
    values[:, CHANNELS.index("hair")] = 1
    return values
