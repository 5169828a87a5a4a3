"""Parallel transport on the unit sphere: theorems of the transport, closed forms, and the energy as plain loops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.stats import ortho_group

from frlib.geometry import (
    CoincidentPoints,
    energy_sweep,
    parallel_transport,
    radial_share,
    tangent_projection,
    transported_cosines,
    transported_energy_sweep,
)

SEEDS = st.integers(0, 10**6)
DIMENSIONS = st.integers(2, 12)


def draw(seed, d, n=5):
    """Return n unit points, n other unit points, and n vectors tangent at the first ones."""
    generator = np.random.default_rng(seed)
    q, p, v = (torch.from_numpy(generator.normal(size=(n, d))) for _ in range(3))
    q, p = q / q.norm(dim=1, keepdim=True), p / p.norm(dim=1, keepdim=True)
    return q, p, v - (q * v).sum(1, keepdim=True) * q


def inner(a, b):
    return (a * b).sum(dim=1)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-8)


@settings(max_examples=30)
@given(SEEDS, DIMENSIONS)
def test_transport_keeps_inner_products_and_ends_in_the_tangent_space(seed, d):
    q, p, v = draw(seed, d)
    w = draw(seed + 1, d)[2]
    w = tangent_projection(q, w)
    moved_v, moved_w = parallel_transport(v, q, p), parallel_transport(w, q, p)
    close(inner(moved_v, moved_w), inner(v, w))
    close(inner(moved_v, p), torch.zeros(5, dtype=torch.float64))


@settings(max_examples=30)
@given(SEEDS, DIMENSIONS)
def test_transport_back_is_the_inverse(seed, d):
    q, p, v = draw(seed, d)
    close(parallel_transport(parallel_transport(v, q, p), p, q), v)


@settings(max_examples=20)
@given(SEEDS, DIMENSIONS)
def test_transport_commutes_with_rotations(seed, d):
    q, p, v = draw(seed, d)
    turn = torch.from_numpy(ortho_group.rvs(d, random_state=seed))
    close(parallel_transport(v @ turn, q @ turn, p @ turn), parallel_transport(v, q, p) @ turn)


@settings(max_examples=20)
@given(SEEDS, DIMENSIONS, st.floats(0.01, 100), st.floats(0.01, 100))
def test_lengths_of_points_do_not_matter(seed, d, first, second):
    q, p, v = draw(seed, d)
    close(parallel_transport(v, first * q, second * p), parallel_transport(v, q, p))


@settings(max_examples=20)
@given(SEEDS, DIMENSIONS)
def test_the_point_itself_goes_to_the_other_point(seed, d):
    q, p, _ = draw(seed, d)
    close(parallel_transport(q, q, p), p)
    close(parallel_transport(p, p, p), p)


def test_the_direction_of_a_great_circle_stays_its_direction():
    """At angle t along the circle from e1 towards e2 the direction is (-sin t, cos t, 0); e3 does not move."""
    t = torch.tensor([0.3, 1.0, 2.5, 3.1], dtype=torch.float64)
    start = torch.eye(3, dtype=torch.float64)[[0] * 4]
    end = torch.stack([t.cos(), t.sin(), 0 * t], dim=1)
    along, beside = (torch.eye(3, dtype=torch.float64)[[k] * 4] for k in (1, 2))
    close(parallel_transport(along, start, end), torch.stack([-t.sin(), t.cos(), 0 * t], dim=1))
    close(parallel_transport(beside, start, end), beside)


def test_transport_solves_the_equation_of_parallel_vectors():
    """Along the great circle x(t): v' = -<v, x'> x, integrated numerically."""
    q, p, v = (rows[0].numpy() for rows in draw(3, 5))
    angle = np.arccos(q @ p)
    side = (p - (q @ p) * q) / np.sin(angle)
    point = lambda t: np.cos(t) * q + np.sin(t) * side  # noqa: E731
    speed = lambda t: -np.sin(t) * q + np.cos(t) * side  # noqa: E731
    solved = solve_ivp(lambda t, x: -(x @ speed(t)) * point(t), (0, angle), v, rtol=1e-10, atol=1e-12).y[:, -1]
    assert parallel_transport(v[None], q[None], p[None])[0].numpy() == pytest.approx(solved, abs=1e-8)


def test_transport_round_a_triangle_turns_by_its_area():
    """Gauss and Bonnet: three right angles enclose an area of pi / 2, and a vector comes back turned by it."""
    x, y, z = (torch.eye(3, dtype=torch.float64)[[k]] for k in range(3))
    v = y
    for start, end in ((x, y), (y, z), (z, x)):
        v = parallel_transport(v, start, end)
    close(v.abs(), z)


@settings(max_examples=20)
@given(SEEDS, DIMENSIONS, st.floats(0.01, 100))
def test_projection_is_tangent_and_leaves_tangent_vectors_alone(seed, d, length):
    q, _, v = draw(seed, d)
    projected = tangent_projection(length * q, v + 3 * q)
    close(inner(projected, q), torch.zeros(5, dtype=torch.float64))
    close(projected, v)


def test_a_radial_vector_has_no_tangent_part():
    q = draw(0, 7)[0]
    assert not tangent_projection(q, -2.5 * q).any()


@settings(max_examples=20)
@given(SEEDS, DIMENSIONS, st.floats(0.01, 100), st.floats(-1, 1))
def test_the_radial_share_is_what_the_projection_takes_away(seed, d, length, along):
    q, _, v = draw(seed, d)
    vectors = v / v.norm(dim=1, keepdim=True) * (1 - along**2) ** 0.5 + along * q
    assert radial_share(length * q, 3 * vectors) == pytest.approx(along**2, abs=1e-9)
    vectors[1:] = 0
    left = tangent_projection(q, vectors)[0].square().sum() / vectors[0].square().sum()
    assert radial_share(q, vectors) == pytest.approx(1 - float(left), abs=1e-9)


@settings(max_examples=20)
@given(SEEDS, DIMENSIONS)
def test_cosines_of_all_pairs_equal_transport_one_by_one(seed, d):
    q, _, v = draw(seed, d, n=6)
    cosines = transported_cosines(q, 3 * v + q)
    v = v / v.norm(dim=1, keepdim=True)
    for i in range(6):
        carried = parallel_transport(v, q, q[[i]].expand(6, d))
        close(cosines[i], (carried @ v[i]))
    close(cosines, cosines.T)
    nearest_to_antipodal = float((1 + q @ q.T).min())  # the formula divides by this
    assert float(cosines.abs().max()) <= 1 + 1e-14 / nearest_to_antipodal


def cloud(seed=0, n=30, d=6):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, d)) + 0.8, generator.normal(size=(n, d))


def test_the_energy_is_the_mean_over_balls():
    X, V = cloud()
    scales = [0.4, 0.9, 1.5]
    table = transported_energy_sweep(X, {"a": V}, scales)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    distances, cosines = 1 - unit @ unit.T, transported_cosines(X, V).numpy()
    mean = distances[np.triu_indices(len(X), 1)].mean()
    for row in table.itertuples():
        balls = [
            [cosines[i, j] for j in range(len(X)) if j != i and distances[i, j] <= row.scale * mean]
            for i in range(len(X))
        ]
        assert row.energy == pytest.approx(1 - np.mean([np.mean(b) for b in balls if b]), abs=1e-12)
        assert row.neighbors == pytest.approx(np.mean([len(b) for b in balls]))
        assert row.isolated == pytest.approx(np.mean([not b for b in balls]))
        assert row.radius == pytest.approx(row.scale * mean)


def test_balls_are_those_of_energy_sweep_and_energies_meet_in_a_small_cloud():
    """Where points lie within a small cap, transport hardly turns: the energies differ by the square of its angle."""
    X, V = cloud()
    X = X.mean(axis=0) * 50 + X
    V = tangent_projection(X, V)
    ours = transported_energy_sweep(X, {"a": V}, [0.5, 1.0, 2.0])
    plain = energy_sweep(X, {"a": V}, [0.5, 1.0, 2.0], metric="cosine")
    for column in ("scale", "radius", "neighbors", "isolated", "undefined"):
        assert np.allclose(ours[column], plain[column])
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    assert np.abs(ours.energy - plain.energy).max() <= np.arccos((unit @ unit.T).min()) ** 2
    assert (ours.energy - plain.energy).abs().tolist() == pytest.approx([4.569e-7, 1.2206e-6, 1.6833e-6], rel=1e-3)


def test_a_field_along_one_great_circle_has_energy_zero_with_transport_only():
    """Points on a circle, vectors along it: parallel for the sphere, turning for the surrounding space."""
    angle = np.linspace(0, 2.5, 20)
    X = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    V = np.stack([-np.sin(angle), np.cos(angle), 0 * angle], axis=1)
    assert transported_energy_sweep(X, {"a": V}, [1.0, 3.0]).energy.abs().max() < 1e-12
    assert (energy_sweep(X, {"a": V}, [1.0, 3.0]).energy > 0.05).all()


@settings(max_examples=20)
@given(SEEDS, st.integers(3, 8))
def test_a_field_normal_to_a_great_sphere_has_energy_zero_with_and_without_transport(seed, d):
    """On a great sphere, such as S2 in S3, the normal is one vector, and transport keeps it.

    So an energy of 0 does not say that the cloud is flat or one-dimensional.
    """
    points = np.random.default_rng(seed).normal(size=(12, d))
    points[:, -1] = 0
    normal = np.zeros((12, d))
    normal[:, -1] = 1
    for energies in (transported_energy_sweep, energy_sweep):
        assert energies(points, {"a": normal}, [0.7, 1.5, 5.0]).energy.abs().max() < 1e-12


@settings(max_examples=20)
@given(SEEDS)
def test_a_field_that_is_carried_round_a_triangle_of_its_own_sphere_has_energy(seed):
    """Tangent to the 2-sphere of the points, two pairs can agree; the third is turned by the area of the triangle."""
    p, _, v = draw(seed, 3, n=3)
    for i in (1, 2):
        v[[i]] = parallel_transport(v[[i - 1]], p[[i - 1]], p[[i]])
    # Eriksson (1990): the area of a spherical triangle from its corners.
    sides = p @ p.T
    area = 2 * torch.atan2(torch.det(p).abs(), 1 + sides[0, 1] + sides[1, 2] + sides[2, 0])
    energy = transported_energy_sweep(p, {"a": v}, [1e3]).energy[0]
    assert energy == pytest.approx(float(1 - area.cos()) / 3, abs=1e-8)


def test_a_radial_vector_is_undefined():
    X, V = cloud()
    V[4] = 2 * X[4]
    table = transported_energy_sweep(X, {"a": V}, [5.0])
    assert table.undefined[0] == pytest.approx(1 / 30)
    assert table.neighbors[0] == 28
    assert table.isolated[0] == 0


def test_messages():
    q, p, v = draw(0, 4)
    with pytest.raises(ValueError, match="start and end must not be antipodal; row 0 is"):
        parallel_transport(v, q, -q)
    with pytest.raises(ValueError, match="points must not be antipodal; rows 0 and 5 are"):
        transported_cosines(torch.cat([q, -q]), torch.cat([v, v]))
    with pytest.raises(ValueError, match="vectors must have 4 columns; got 3"):
        tangent_projection(q, v[:, :3])
    with pytest.raises(ValueError, match="end must have no zero vector"):
        parallel_transport(v, q, 0 * p)
    with pytest.raises(ValueError, match="scales must be positive and finite; got -1"):
        transported_energy_sweep(q, {"a": v}, [-1.0])
    with pytest.raises(CoincidentPoints, match="points must not all coincide"):
        transported_energy_sweep(q[[0, 0, 0]], {"a": v[[0, 0, 0]]}, [1.0])
    with pytest.raises(ValueError, match="fields must be a non-empty mapping"):
        transported_energy_sweep(q, {}, [1.0])
