"""The shell of long hair: two sheets that fall from the crown behind the face, bound to the scalp below them."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

ROWS, COLUMNS = 30, 18
AXIS_Y = -0.05  # the vertical axis of the head, metres
FRONT = 1.12  # azimuth of the front edge, radians from straight ahead
TOP, BOTTOM = 0.082, -0.19  # height of the upper and the lower edge above the eyes, metres
NEIGHBORS = 16


@dataclass(frozen=True)
class Shell:
    """A sheet of quadrilaterals whose vertices follow means of scalp vertices.

    Parameters
    ----------
    vertices : array, shape (S, 3)
    faces : integer array, shape (Q, 4)
    binding : sparse matrix, shape (S, V)
        The rows' means over the head's fine vertices.
    follows : array, shape (S,)
        How much of each vertex turns with the head.
    coordinates : array, shape (S, 2)
        Across from the front edge (0) to the back (1), down from the crown (0) to the tips (1).
    """

    vertices: np.ndarray
    faces: np.ndarray
    binding: sparse.csr_matrix
    follows: np.ndarray
    coordinates: np.ndarray


def azimuth(points: np.ndarray) -> np.ndarray:
    """Return the angle of points (N, 3) round the head's vertical axis: 0 in front, positive to the subject's left."""
    return np.arctan2(points[:, 0], -(points[:, 1] - AXIS_Y))


def smooth_step(low: float, high: float, x):
    """Return the cubic step from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def hair_shell(canonical: np.ndarray, scalp: np.ndarray) -> Shell:
    """Lay the two sheets round the canonical head.

    Parameters
    ----------
    canonical : array, shape (V, 3)
    scalp : boolean array, shape (V,)
        The vertices of head and neck that the sheets may follow: skin without ears.
    """
    head = scalp & (canonical[:, 2] > _eye_level(canonical) - 0.05)
    eye_level = _eye_level(canonical)
    across, down = np.meshgrid(np.linspace(0, 1, COLUMNS), np.linspace(0, 1, ROWS))
    angle = FRONT + (np.pi - FRONT) * across
    height = eye_level + TOP + (BOTTOM - TOP) * down
    sides = [
        _sheet(canonical, head, sign * angle.ravel(), height.ravel(), eye_level, across.ravel()) for sign in (1, -1)
    ]
    vertices, bindings = (np.concatenate([side[0] for side in sides]), [side[1] for side in sides])
    grid = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    left = np.stack([grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]], axis=-1).reshape(-1, 4)
    return Shell(
        vertices=vertices,
        faces=np.concatenate([left, left[:, ::-1] + grid.size]),
        binding=sparse.vstack(bindings).tocsr(),
        follows=0.45 + 0.55 * smooth_step(-0.15, -0.03, vertices[:, 2] - eye_level),
        coordinates=np.tile(np.stack([across.ravel(), down.ravel()], axis=1), (2, 1)),
    )


def _eye_level(canonical: np.ndarray) -> float:
    """Eyes lie half-way between chin and crown; the crown is the highest point."""
    return float(canonical[:, 2].max() - 0.112)


def _sheet(canonical, head, angle, height, eye_level, across) -> tuple[np.ndarray, sparse.csr_matrix]:
    """Return vertices and binding of one side. Below the eyes the sheet falls straight down."""
    candidates = np.flatnonzero(head)
    points = canonical[candidates]
    tree = cKDTree(np.stack([azimuth(points) * 0.085, points[:, 2]], axis=1))
    bound_height = np.maximum(height, eye_level - 0.005)
    _, nearest = tree.query(np.stack([angle * 0.085, bound_height], axis=1), k=NEIGHBORS)
    radius = np.hypot(points[:, 0], points[:, 1] - AXIS_Y)[nearest].mean(axis=1)
    below = np.maximum(eye_level - height, 0)
    lift = -0.006 + 0.026 * smooth_step(0.0, 0.22, across)  # tucked under the skin along the front edge
    lift -= 0.024 * smooth_step(eye_level + 0.04, eye_level + TOP, height)  # and under the crown
    radius = radius + lift + 0.05 * below * smooth_step(0, 0.3, across)
    vertices = np.stack([radius * np.sin(angle), AXIS_Y - radius * np.cos(angle), height], axis=1)
    rows = np.repeat(np.arange(len(angle)), NEIGHBORS)
    values = np.full(rows.size, 1 / NEIGHBORS)
    return vertices, sparse.csr_matrix((values, (rows, candidates[nearest].ravel())), (len(angle), len(canonical)))
