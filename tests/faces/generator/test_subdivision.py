"""Catmull-Clark: the published vertex rule, and what every subdivision keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.faces.generator.subdivision import catmull_clark

CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
CUBE_FACES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


def grid(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (N, 3) in the plane z = 0 and quads of a grid."""
    y, x = np.mgrid[: rows + 1, : columns + 1]
    number = np.arange(x.size).reshape(x.shape)
    quads = np.stack([number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]], axis=-1).reshape(-1, 4)
    return np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3).astype(float), quads


def edges(quads: np.ndarray) -> set[frozenset]:
    return {frozenset((int(q[i]), int(q[i - 1]))) for q in quads for i in range(4)}


def characteristic(quads: np.ndarray) -> int:
    return len(np.unique(quads)) - len(edges(quads)) + len(quads)


@pytest.mark.parametrize(("vertices", "quads"), [(CUBE, CUBE_FACES), grid(3, 4)], ids=["cube", "grid"])
def test_rows_sum_to_one_and_the_characteristic_is_kept(vertices, quads):
    operator, fine = catmull_clark(quads, len(vertices))
    np.testing.assert_allclose(np.asarray(operator.sum(axis=1)).ravel(), 1, atol=1e-12)
    assert operator.shape == (len(vertices) + len(edges(quads)) + len(quads), len(vertices))
    assert len(fine) == 4 * len(quads)
    assert characteristic(fine) == characteristic(quads)


def test_the_cube_moves_as_in_closed_form():
    operator, fine = catmull_clark(CUBE_FACES, 8)
    moved = operator @ CUBE
    # Corner, n = 3: (F + 2 R + 0 P) / 3 with F = P / 3 and R = 2 P / 3 gives 5/9 of P.
    np.testing.assert_allclose(moved[:8], CUBE * 5 / 9, atol=1e-12)
    # Edge point: the mean of two corners and two face points, (1, 1, 0) * 3/4 up to signs.
    np.testing.assert_allclose(np.sort(np.abs(moved[8:20]), axis=1), np.tile([0, 0.75, 0.75], (12, 1)), atol=1e-12)
    np.testing.assert_allclose(moved[20:], CUBE[CUBE_FACES].mean(axis=1), atol=1e-12)


@settings(max_examples=20)
@given(rows=st.integers(2, 5), columns=st.integers(2, 5), seed=st.integers(0, 99))
def test_interior_vertices_follow_the_published_rule(rows, columns, seed):
    vertices, quads = grid(rows, columns)
    vertices += np.random.default_rng(seed).normal(size=vertices.shape)
    moved = catmull_clark(quads, len(vertices))[0] @ vertices
    for vertex in range(len(vertices)):
        faces = quads[(quads == vertex).any(axis=1)]
        if len(faces) == 4:  # not on the boundary
            ends = [e - {vertex} for e in edges(quads) if vertex in e]
            face = vertices[faces].mean(axis=(0, 1))
            middle = np.mean([(vertices[vertex] + vertices[min(e)]) / 2 for e in ends], axis=0)
            np.testing.assert_allclose(moved[vertex], (face + 2 * middle + vertices[vertex]) / 4, atol=1e-10)


def test_a_flat_grid_stays_flat_and_inside_its_outline():
    vertices, quads = grid(3, 4)
    moved = catmull_clark(quads, len(vertices))[0] @ vertices
    assert np.all(moved[:, 2] == 0)
    assert moved[:, :2].min() >= 0 and moved[:, 0].max() <= 4 and moved[:, 1].max() <= 3


def test_the_boundary_follows_the_cubic_curve_rule():
    vertices, quads = grid(3, 4)
    moved = catmull_clark(quads, len(vertices))[0] @ vertices
    np.testing.assert_allclose(moved[0], (6 * vertices[0] + vertices[1] + vertices[5]) / 8, atol=1e-12)
    np.testing.assert_allclose(moved[2], (6 * vertices[2] + vertices[1] + vertices[3]) / 8, atol=1e-12)


def test_the_children_of_a_face_lie_at_its_corners():
    quads = grid(2, 2)[1]
    _, fine = catmull_clark(quads, 9)
    for corner in range(4):
        np.testing.assert_array_equal(fine[corner * 4 : (corner + 1) * 4, 0], quads[:, corner])


def test_vertices_without_a_face_stay():
    vertices = np.vstack([CUBE, [[5.0, 6.0, 7.0]]])
    moved = catmull_clark(CUBE_FACES, 9)[0] @ vertices
    np.testing.assert_array_equal(moved[8], vertices[8])
