"""What the average face says about all faces: where lips, eyes, lashes and ears are, and how the skin is unrolled.

Masks come from how far blend shapes move a vertex. The skin is unrolled on a cylinder round the head, so that a
texture drawn for the average face fits every face.
"""

import functools
from dataclasses import dataclass

import numpy as np

from frlib.faces.generator.head import PARTS, Head, load_head

#: Texture size (height, width); the width goes once round the head.
TEXTURE = (448, 640)
#: The strip that the texture covers, in metres below and above the eyes.
BELOW, ABOVE = 0.165, 0.155
#: The cylinder's axis lies this far behind the origin.
AXIS = 0.05


@dataclass(frozen=True)
class Template:
    """Masks and landmarks on the fine vertices (V,) of the average face, and the texture's coordinates.

    Parameters
    ----------
    neutral : ndarray, shape (V, 3)
        The average young adult. Hair has no shape here: its vertices keep the places of `Head.base`.
    eye_centers : ndarray, shape (2, 3)
        Left and right.
    mouth_height : float
        Height of the mouth's corners.
    landmarks : tuple of int
        Vertices of nose tip, right and left mouth corner; the eyes are means over their vertices.
    lip, lash, ear : ndarray, shape (V,)
        0 to 1.
    iris : ndarray, shape (V, 2)
        Place on the eyeball in eyeball radii, right and up; zero elsewhere.
    texture_at : ndarray, shape (V, 2)
        Place in the texture, -1 to 1 from left to right and top to bottom.
    grid_angle, grid_height : ndarray, shape TEXTURE
        Angle round the head and height in metres of each texel.
    nose_height : float
    """

    neutral: np.ndarray
    eye_centers: np.ndarray
    mouth_height: float
    nose_height: float
    landmarks: tuple[int, int, int]
    lip: np.ndarray
    lash: np.ndarray
    ear: np.ndarray
    iris: np.ndarray
    texture_at: np.ndarray
    grid_angle: np.ndarray
    grid_height: np.ndarray


@functools.lru_cache(maxsize=1)
def load_template() -> Template:
    """Return the template of the head in the cache."""
    head = load_head()
    weights = head.macro("young", 0.5, 0.5, 0.5, np.ones(3) / 3)
    at = (head.smoothing @ (head.base + head.mixed(weights))).astype(np.float32)
    skin = head.part == PARTS.index("skin")
    eyes = [head.part == PARTS.index(name) for name in ("left eye", "right eye")]
    centers = np.stack([at[eye].mean(axis=0) for eye in eyes])
    upper, lower = (head.size(f"shape:mouth-{lip}lip-volume-incr") for lip in ("upper", "lower"))
    lip = (upper / upper.max() + lower / lower.max()) * skin
    landmarks = find_landmarks(head, at, skin, lip, centers)
    mouth = float(at[landmarks[2], 2])
    angle, height = np.arctan2(at[:, 0], -(at[:, 1] + AXIS)), at[:, 2]
    top, bottom = centers[0, 2] + ABOVE, centers[0, 2] - BELOW
    rows = top - (np.arange(TEXTURE[0]) + 0.5) / TEXTURE[0] * (top - bottom)
    columns = (np.arange(TEXTURE[1]) + 0.5) / TEXTURE[1] * 2 * np.pi - np.pi
    grid_angle, grid_height = np.meshgrid(columns, rows)
    unrolled = np.stack([angle / np.pi, (top - height) / (top - bottom) * 2 - 1], axis=1)
    hair = head.part == PARTS.index("hair")
    unrolled[hair] = at[hair, :2] * [1, 2] - [0, 1]  # a curtain has places of its own
    return Template(
        neutral=at,
        eye_centers=centers,
        mouth_height=mouth,
        nose_height=float(at[landmarks[0], 2]),
        landmarks=landmarks,
        lip=lip,
        lash=lash_mask(at, eyes, centers, skin),
        ear=ear_mask(head) * skin,
        iris=sum(
            eye[:, None] * (at - c)[:, [0, 2]] / eye_radius(at, eye, c) for eye, c in zip(eyes, centers, strict=True)
        ),
        texture_at=unrolled.astype(np.float32),
        grid_angle=grid_angle,
        grid_height=grid_height,
    )


def eye_radius(at: np.ndarray, eye: np.ndarray, center: np.ndarray) -> float:
    """Return the radius of an eyeball in metres; the cornea bulges, hence a little less than the largest distance."""
    return float(np.linalg.norm(at[eye] - center, axis=1).max() * 0.93)


def find_landmarks(head: Head, at, skin, lip, centers) -> tuple[int, int, int]:
    """Return the vertices of the nose tip and of the right and left mouth corner."""
    mouth = at[(lip > 0.8) & skin, 2].mean()
    between = skin & (np.abs(at[:, 0]) < 0.01) & (at[:, 2] > mouth + 0.015) & (at[:, 2] < centers[0, 2] - 0.01)
    nose = int(np.argmin(np.where(between, at[:, 1], np.inf)))
    widening = (head.smoothing @ head.offsets[head.number["shape:mouth-scale-horiz-incr"]].astype(np.float32))[:, 0]
    front = skin & (at[:, 1] < -0.10)
    left, right = (int(np.argmax(np.where(front, side * widening, -np.inf))) for side in (1, -1))
    return nose, right, left


def lash_mask(at, eyes, centers, skin) -> np.ndarray:
    """Return where the lid's edge touches the eyeball in front, darker above than below."""
    mask = np.zeros(len(at), np.float32)
    for eye, center in zip(eyes, centers, strict=True):
        away = at - center
        gap = np.linalg.norm(away, axis=1) - eye_radius(at, eye, center)
        edge = np.exp(-((np.clip(gap - 0.0004, 0, 1) / 0.0012) ** 2)) * (away[:, 1] < -0.004)
        mask = np.maximum(mask, edge * np.where(away[:, 2] > 0, 1.0, 0.45) * skin)
    return mask


def ear_mask(head: Head) -> np.ndarray:
    """Return where the ears are."""
    kinds = ("ear-wing-incr", "ear-scale-vert-incr")  # others move the skin around them too
    sizes = [head.size(f"shape:l-{kind}", f"shape:r-{kind}") for kind in kinds]
    return np.clip((np.max([s / s.max() for s in sizes], axis=0) - 0.27) * 6, 0, 1)
