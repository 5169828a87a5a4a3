"""Ambient occlusion of the head, by ray casting."""

import numpy as np
import warp as wp

from frlib.faces.generator.kernels import occlusion_kernel


def ambient_occlusion(vertices: np.ndarray, quads: np.ndarray, rays: int = 64) -> np.ndarray:
    """Return for each vertex the share of ambient light that nearby surface does not block.

    Cosine-weighted rays of at most 10 cm; a hit at distance t blocks :math:`1 / (1 + (t / 3 cm)^2)` of its light.

    Parameters
    ----------
    vertices : ndarray, shape (V, 3)
        Metres.
    quads : ndarray of int, shape (Q, 4)
    rays : int
        Per vertex; the standard error is below ``0.5 / sqrt(rays)``.

    Returns
    -------
    ndarray, shape (V,)
        float32, 1 where nothing blocks.
    """
    points = np.ascontiguousarray(vertices, np.float32)
    normals = np.zeros_like(points)
    corners = points[quads]
    face_normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    for k in range(4):
        np.add.at(normals, quads[:, k], face_normal)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    at = wp.from_numpy(points, dtype=wp.vec3, device="cpu")
    mesh = wp.Mesh(at, wp.from_numpy(triangles.ravel(), dtype=wp.int32, device="cpu"))
    light = wp.zeros(len(points), dtype=float, device="cpu")
    inputs = [mesh.id, at, wp.from_numpy(normals, dtype=wp.vec3, device="cpu"), rays, light]
    wp.launch(occlusion_kernel, dim=len(points), inputs=inputs, device="cpu")
    return light.numpy()
