"""Warp kernels, for CPU and CUDA: the z-buffer and the rays of the ambient occlusion."""

import os

import warp as wp

from frlib.store import compiled_folder

wp.config.log_level = wp.LOG_ERROR  # no banner, no compile messages among the progress bars
if "WARP_CACHE_PATH" not in os.environ and wp.config.kernel_cache_dir is None:  # what the user sets goes first
    wp.config.kernel_cache_dir = str(compiled_folder("warp"))
wp.init()

#: Larger than any key of the z-buffer: nothing drawn.
EMPTY = 1 << 62


@wp.kernel
def raster_kernel(
    corners: wp.array2d(dtype=wp.vec3),
    triangles: wp.array(dtype=wp.vec3i),
    height: int,
    width: int,
    buffer: wp.array3d(dtype=wp.int64),
):
    """One thread per image and triangle; the smallest (depth, triangle) wins each pixel, whatever the order."""
    image, triangle = wp.tid()
    t = triangles[triangle]
    a = corners[image, t[0]]
    b = corners[image, t[2]]
    c = corners[image, t[1]]
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if area <= 1.0e-9:
        return
    left = wp.max(int(wp.ceil(wp.min(a[0], wp.min(b[0], c[0])) - 0.5)), 0)
    right = wp.min(int(wp.floor(wp.max(a[0], wp.max(b[0], c[0])) - 0.5)), width - 1)
    top = wp.max(int(wp.ceil(wp.min(a[1], wp.min(b[1], c[1])) - 0.5)), 0)
    bottom = wp.min(int(wp.floor(wp.max(a[1], wp.max(b[1], c[1])) - 0.5)), height - 1)
    scale = 1.0 / area
    for y in range(top, bottom + 1):
        py = float(y) + 0.5
        for x in range(left, right + 1):
            px = float(x) + 0.5
            wb = ((px - a[0]) * (c[1] - a[1]) - (py - a[1]) * (c[0] - a[0])) * scale
            wc = ((b[0] - a[0]) * (py - a[1]) - (b[1] - a[1]) * (px - a[0])) * scale
            wa = 1.0 - wb - wc
            if wa >= -1.0e-6 and wb >= -1.0e-6 and wc >= -1.0e-6:
                depth = wa * a[2] + wb * b[2] + wc * c[2]  # in 0..1, larger is farther
                key = (wp.int64(depth * 1.0e9) << wp.int64(32)) | wp.int64(triangle)
                wp.atomic_min(buffer, image, y, x, key)


@wp.kernel(enable_backward=False)
def normal_kernel(
    points: wp.array2d(dtype=wp.vec3),
    quads: wp.array2d(dtype=wp.int64),
    around: wp.array2d(dtype=wp.int64),
    normals: wp.array2d(dtype=wp.vec3),
):
    """One thread per image and vertex: the mean of the quads round it, weighted by area."""
    image, vertex = wp.tid()
    total = wp.vec3()
    for k in range(around.shape[0]):
        quad = int(around[k, vertex])
        if quad < quads.shape[0]:
            p = points[image, int(quads[quad, 0])]
            q = points[image, int(quads[quad, 1])]
            r = points[image, int(quads[quad, 2])]
            s = points[image, int(quads[quad, 3])]
            total += wp.cross(r - p, s - q)
    normals[image, vertex] = total / wp.max(wp.length(total), 1.0e-12)


@wp.kernel
def occlusion_kernel(
    mesh: wp.uint64,
    at: wp.array(dtype=wp.vec3),
    normal: wp.array(dtype=wp.vec3),
    rays: int,
    light: wp.array(dtype=float),
):
    """One thread per vertex."""
    i = wp.tid()
    state = wp.rand_init(7, i)
    blocked = float(0.0)  # noqa: UP018 - Warp needs a variable, not a constant
    for _ in range(rays):
        direction = wp.normalize(normal[i] + wp.sample_unit_sphere_surface(state) * 0.999)
        hit = wp.mesh_query_ray(mesh, at[i] + normal[i] * 0.0006, direction, 0.10)
        if hit.result:
            blocked += 1.0 / (1.0 + (hit.t / 0.03) * (hit.t / 0.03))
    light[i] = 1.0 - blocked / float(rays)
