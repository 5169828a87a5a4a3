"""Ambient occlusion of the head, by ray casting."""

import numpy as np
import torch


def ambient_occlusion(vertices: np.ndarray, quads: np.ndarray, rays: int = 64) -> torch.Tensor:
    """Return for each vertex the share of ambient light that nearby surface does not block.

    Cosine-weighted rays of at most 10 cm; a hit at distance t counts :math:`1 / (1 + (t / 3 cm)^2)`.

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
    import warp as wp

    from frlib.faces.kernels import occlusion_kernel

    points = np.ascontiguousarray(vertices, np.float32)
    normals = np.zeros_like(points)
    corners = points[quads]
    face_normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    for k in range(4):
        np.add.at(normals, quads[:, k], face_normal)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    place = {"device": "cpu"}
    at = wp.from_numpy(points, dtype=wp.vec3, **place)
    mesh = wp.Mesh(at, wp.from_numpy(triangles.ravel(), dtype=wp.int32, **place))
    light = wp.zeros(len(points), dtype=float, **place)
    inputs = [mesh.id, at, wp.from_numpy(normals.astype(np.float32), dtype=wp.vec3, **place), rays, light]
    wp.launch(occlusion_kernel, dim=len(points), inputs=inputs, **place)
    return light.numpy()
