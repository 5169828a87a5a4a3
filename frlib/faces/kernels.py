"""Warp kernels, for the CPU and for CUDA: visibility, interpolation, shadows, and occlusion of the head file.

Warp compiles them when they are first used and keeps the result in the user's cache.
"""

import numpy as np
import torch
import warp as wp

wp.config.quiet = True
wp.init()

EMPTY = 1 << 62  # no triangle here
DEPTH_SCALE = 1.0e9


@wp.kernel
def _visible_kernel(
    vertices: wp.array2d(dtype=wp.vec3),
    triangles: wp.array(dtype=wp.vec3i),
    size: int,
    buffer: wp.array3d(dtype=wp.int64),
):
    """One thread per (image, triangle): keep the nearest triangle of each pixel, packed as depth | index."""
    image, index = wp.tid()
    t = triangles[index]
    a = vertices[image, t[0]]
    b = vertices[image, t[1]]
    c = vertices[image, t[2]]
    area = (c[0] - a[0]) * (b[1] - a[1]) - (c[1] - a[1]) * (b[0] - a[0])
    if area <= 1.0e-9:
        return
    left = wp.max(int(wp.ceil(wp.min(a[0], wp.min(b[0], c[0])) - 0.5)), 0)
    right = wp.min(int(wp.floor(wp.max(a[0], wp.max(b[0], c[0])) - 0.5)), size - 1)
    top = wp.max(int(wp.ceil(wp.min(a[1], wp.min(b[1], c[1])) - 0.5)), 0)
    bottom = wp.min(int(wp.floor(wp.max(a[1], wp.max(b[1], c[1])) - 0.5)), size - 1)
    for y in range(top, bottom + 1):
        py = float(y) + 0.5
        for x in range(left, right + 1):
            px = float(x) + 0.5
            wc = ((px - a[0]) * (b[1] - a[1]) - (py - a[1]) * (b[0] - a[0])) / area
            wb = ((c[0] - a[0]) * (py - a[1]) - (c[1] - a[1]) * (px - a[0])) / area
            wa = 1.0 - wb - wc
            if wa >= -1.0e-6 and wb >= -1.0e-6 and wc >= -1.0e-6:
                depth = wa * a[2] + wb * b[2] + wc * c[2]
                key = (wp.int64(depth * DEPTH_SCALE) << wp.int64(32)) | wp.int64(index)
                wp.atomic_min(buffer, image, y, x, key)


@wp.kernel
def _gather_kernel(
    pixels: wp.array(dtype=wp.vec4i),
    triangles: wp.array(dtype=wp.vec3i),
    vertices: wp.array2d(dtype=wp.vec3),
    posed: wp.array2d(dtype=wp.vec3),
    normals: wp.array2d(dtype=wp.vec3),
    attributes: wp.array2d(dtype=float),
    texture_of: wp.array(dtype=int),
    textures: wp.array4d(dtype=float),
    out: wp.array2d(dtype=float),
):
    """One thread per covered pixel: perspective-correct mean of the corners, then a bilinear texture look-up."""
    k = wp.tid()
    p = pixels[k]
    image = p[0]
    t = triangles[p[3]]
    a = vertices[image, t[0]]
    b = vertices[image, t[1]]
    c = vertices[image, t[2]]
    px = float(p[2]) + 0.5
    py = float(p[1]) + 0.5
    area = (c[0] - a[0]) * (b[1] - a[1]) - (c[1] - a[1]) * (b[0] - a[0])
    wc = ((px - a[0]) * (b[1] - a[1]) - (py - a[1]) * (b[0] - a[0])) / area
    wb = ((c[0] - a[0]) * (py - a[1]) - (c[1] - a[1]) * (px - a[0])) / area
    wa = (1.0 - wb - wc) / a[2]
    wb = wb / b[2]
    wc = wc / c[2]
    total = wa + wb + wc
    wa = wa / total
    wb = wb / total
    wc = wc / total
    position = wa * posed[image, t[0]] + wb * posed[image, t[1]] + wc * posed[image, t[2]]
    normal = wp.normalize(wa * normals[image, t[0]] + wb * normals[image, t[1]] + wc * normals[image, t[2]])
    for i in range(3):
        out[i, k] = position[i]
        out[3 + i, k] = normal[i]
    for j in range(attributes.shape[1]):
        out[6 + j, k] = wa * attributes[t[0], j] + wb * attributes[t[1], j] + wc * attributes[t[2], j]
    height = textures.shape[1]
    width = textures.shape[2]
    u = wp.clamp((out[6, k] + 1.0) * 0.5 * float(width) - 0.5, 0.0, float(width) - 1.001)
    v = wp.clamp((out[7, k] + 1.0) * 0.5 * float(height) - 0.5, 0.0, float(height) - 1.001)
    x = int(u)
    y = int(v)
    fx = u - float(x)
    fy = v - float(y)
    n = texture_of[image]
    for j in range(textures.shape[3]):
        upper = textures[n, y, x, j] * (1.0 - fx) + textures[n, y, x + 1, j] * fx
        lower = textures[n, y + 1, x, j] * (1.0 - fx) + textures[n, y + 1, x + 1, j] * fx
        out[6 + attributes.shape[1] + j, k] = upper * (1.0 - fy) + lower * fy


@wp.kernel
def _lit_kernel(
    image_of: wp.array(dtype=int),
    points: wp.array2d(dtype=float),
    depths: wp.array3d(dtype=wp.int64),
    bias: float,
    sharpness: float,
    out: wp.array(dtype=float),
):
    """One thread per covered pixel: the share of the light that arrives, softened over 4 x 4 cells of the map."""
    k = wp.tid()
    size = depths.shape[1]
    x = points[0, k] - 0.5
    y = points[1, k] - 0.5
    if x < 2.0 or y < 2.0 or x > float(size) - 4.0 or y > float(size) - 4.0:
        out[k] = 1.0
        return
    x0 = int(wp.floor(x))
    y0 = int(wp.floor(y))
    fx = x - float(x0)
    fy = y - float(y0)
    total = float(0.0)
    for dy in range(-1, 3):
        wy = float(1.0)
        if dy == -1:
            wy = 1.0 - fy
        if dy == 2:
            wy = fy
        for dx in range(-1, 3):
            wx = float(1.0)
            if dx == -1:
                wx = 1.0 - fx
            if dx == 2:
                wx = fx
            nearest = float(depths[image_of[k], y0 + dy, x0 + dx] >> wp.int64(32)) / DEPTH_SCALE
            total += wx * wy / (1.0 + wp.exp(-(nearest - points[2, k] + bias) * sharpness))
    out[k] = total / 9.0


@wp.kernel
def _open_kernel(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    n_rays: int,
    out: wp.array(dtype=float),
):
    """One thread per vertex: cosine-weighted rays, a near obstacle counts more than a far one."""
    i = wp.tid()
    state = wp.rand_init(7, i)
    hidden = float(0.0)
    for _ in range(n_rays):
        direction = wp.normalize(normals[i] + wp.sample_unit_sphere_surface(state) * 0.999)
        query = wp.mesh_query_ray(mesh, points[i] + normals[i] * 0.0006, direction, 0.10)
        if query.result:
            hidden += 1.0 / (1.0 + (query.t / 0.03) * (query.t / 0.03))
    out[i] = 1.0 - hidden / float(n_rays)


def _device(tensor: torch.Tensor) -> str:
    return str(tensor.device) if tensor.is_cuda else "cpu"


def visible(vertices: torch.Tensor, triangles: torch.Tensor, size: int) -> torch.Tensor:
    """Return the z-buffer of a batch of meshes.

    Parameters
    ----------
    vertices : Tensor, shape (N, V, 3)
        Columns and rows in pixels, depth in 0..4; only triangles that turn clockwise on the screen are drawn.
    triangles : int32 Tensor, shape (T, 3)
    size : int
        Rows and columns of the buffer.

    Returns
    -------
    int64 Tensor, shape (N, size, size)
        Depth and index of the nearest triangle, packed; `EMPTY` where there is none.
    """
    buffer = torch.full((len(vertices), size, size), EMPTY, dtype=torch.int64, device=vertices.device)
    wp.launch(
        _visible_kernel,
        dim=(len(vertices), len(triangles)),
        inputs=[
            wp.from_torch(vertices.contiguous(), dtype=wp.vec3),
            wp.from_torch(triangles, dtype=wp.vec3i),
            size,
            wp.from_torch(buffer),
        ],
        device=_device(vertices),
    )
    return buffer


def gather(pixels, triangles, vertices, posed, normals, attributes, texture_of, textures) -> torch.Tensor:
    """Return what is seen at each covered pixel.

    Parameters
    ----------
    pixels : int32 Tensor, shape (P, 4)
        Image, row, column, triangle.
    triangles : int32 Tensor, shape (T, 3)
    vertices : Tensor, shape (N, V, 3)
        On the screen; depth in metres from the camera.
    posed, normals : Tensor, shape (N, V, 3)
        In space.
    attributes : Tensor, shape (V, A)
        The first two are the position on the texture, in -1..1.
    texture_of : int32 Tensor, shape (N,)
    textures : Tensor, shape (I, H, W, C)

    Returns
    -------
    Tensor, shape (6 + A + C, P)
        Position, normal, attributes, texture.
    """
    rows = 6 + attributes.shape[1] + textures.shape[3]
    out = torch.empty((rows, len(pixels)), dtype=torch.float32, device=vertices.device)
    vectors = [wp.from_torch(t.contiguous(), dtype=wp.vec3) for t in (vertices, posed, normals)]
    plain = [wp.from_torch(t) for t in (attributes, texture_of, textures, out)]
    inputs = [wp.from_torch(pixels, dtype=wp.vec4i), wp.from_torch(triangles, dtype=wp.vec3i), *vectors, *plain]
    wp.launch(_gather_kernel, dim=len(pixels), inputs=inputs, device=_device(vertices))
    return out


def lit(image_of: torch.Tensor, points: torch.Tensor, depths: torch.Tensor, bias: float, sharpness: float):
    """Return the share of light (P,) that reaches points (3, P) given as column, row and depth of a shadow map."""
    out = torch.empty(points.shape[1], dtype=torch.float32, device=points.device)
    arrays = [wp.from_torch(t.contiguous()) for t in (image_of, points, depths)]
    wp.launch(_lit_kernel, dim=len(out), inputs=[*arrays, bias, sharpness, wp.from_torch(out)], device=_device(points))
    return out


def openness(vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray, n_rays: int = 64) -> np.ndarray:
    """Return how open each vertex (V, 3) is to light from all sides: 1 on a convex place, towards 0 in a crease."""
    triangles = np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]]).astype(np.int32)
    points, directions = (wp.array(a.astype(np.float32), dtype=wp.vec3, device="cpu") for a in (vertices, normals))
    mesh = wp.Mesh(points, wp.array(triangles.ravel(), dtype=wp.int32, device="cpu"))
    out = wp.zeros(len(vertices), dtype=float, device="cpu")
    wp.launch(_open_kernel, dim=len(vertices), inputs=[mesh.id, points, directions, n_rays, out], device="cpu")
    return out.numpy()
