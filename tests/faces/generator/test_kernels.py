"""The kernels against their definitions, written plainly."""

import torch

from frlib.faces.generator.kernels import EMPTY
from frlib.faces.generator.renderer import load_model, rasterize, vertex_normals
from frlib.faces.generator.scene import load_scene
from frlib.faces.generator.shading import hair_rgb, lamp_direction, lamp_slope


def test_the_nearest_triangle_wins_every_pixel_centre_that_it_covers():
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(1, 36, 3, generator=generator) * torch.tensor([24.0, 24.0, 0.8]) + torch.tensor([0, 0, 0.1])
    triangles = torch.arange(36, dtype=torch.int32).reshape(12, 3)
    triangles = torch.cat([triangles, triangles.flip(1)])  # one of the two windings faces the camera
    buffer = rasterize(corners, triangles, 24)[0]
    y, x = torch.meshgrid(torch.arange(24) + 0.5, torch.arange(24) + 0.5, indexing="ij")
    centres = torch.stack([x, y, torch.ones_like(x)], dim=-1).double().reshape(-1, 3)
    depths = torch.full((12, 24 * 24), torch.inf, dtype=torch.float64)
    for k, corner in enumerate(corners[0].double().reshape(12, 3, 3)):
        plane = torch.cat([corner[:, :2], torch.ones(3, 1, dtype=torch.float64)], dim=1)
        weights = centres @ torch.linalg.inv(plane)
        inside = (weights >= 0).all(dim=1)
        depths[k, inside] = (weights @ corner[:, 2])[inside]
    nearest, which = depths.min(dim=0)
    drawn = buffer.flatten() != EMPTY
    assert torch.equal(drawn, nearest.isfinite()) and drawn.any() and not drawn.all()
    assert torch.equal((buffer.flatten() & 0xFFFFFFFF)[drawn] % 12, which[drawn])
    found = (buffer.flatten() >> 32)[drawn].double() / 1e9
    torch.testing.assert_close(found, nearest[drawn], rtol=0, atol=1e-5)


def test_normals_are_the_sums_of_the_crossed_diagonals_of_the_quads_around(person):
    scene = load_scene(torch.device("cpu"))
    points = load_model(person).meshes.contiguous()
    p, q, r, s = (points[:, scene.quads[:, k]] for k in range(4))
    faces = torch.linalg.cross(r - p, s - q)
    total = torch.zeros_like(points)
    for k in range(4):
        total.index_add_(1, scene.quads[:, k], faces)
    expected = torch.nn.functional.normalize(total, dim=-1)
    torch.testing.assert_close(vertex_normals(scene, points), expected, rtol=0, atol=1e-3)


def test_the_lamp_is_a_unit_vector_and_its_slope_its_derivative():
    azimuth = torch.linspace(-1.3, 1.3, 9, dtype=torch.float64)
    torch.testing.assert_close(lamp_direction(azimuth).norm(dim=1), torch.ones(9, dtype=torch.float64))
    _, expected = torch.func.jvp(lamp_direction, (azimuth,), (torch.ones_like(azimuth),))
    torch.testing.assert_close(lamp_slope(azimuth), expected)


def test_hair_ends_on_the_colours_of_the_paper():
    ends = hair_rgb(torch.tensor([0.0, 1.0], dtype=torch.float64)) ** (1 / 2.2) * 255
    torch.testing.assert_close(ends, torch.tensor([[52.0, 31, 10], [215, 214, 124]], dtype=torch.float64))
