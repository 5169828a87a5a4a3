"""Energies of attribute fields: closed forms, invariances, plain loops and the authors' steps."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import paired_cosine_distances
from sklearn.neighbors import RadiusNeighborsTransformer

from frlib.geometry import (
    CoincidentPoints,
    central_difference,
    displacement,
    energy_at_equal_shares,
    energy_sweep,
    mean_pair_distance,
    pair_distances,
)

METRICS = ("cosine", "euclidean")
SCALES = [0.3, 0.5, 0.8, 1.0, 1.3, 2.0]


def rng(seed=0):
    return np.random.default_rng(seed)


def cloud(n=80, d=6, seed=0):
    return rng(seed).normal(size=(n, d)) + 0.7


def sweep(points, fields, scales=SCALES, **options):
    fields = fields if isinstance(fields, dict) else {"a": fields}
    return energy_sweep(points, fields, scales, device="cpu", **options)


def numbers(table):
    return table.drop(columns="attribute").to_numpy()


# ------------------------------------------------------------------------------------------------ closed forms


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), include_center=st.booleans())
def test_a_constant_direction_has_energy_zero(metric, seed, include_center):
    field = np.outer(rng(seed).uniform(0.1, 10, 40), rng(seed + 1).normal(size=6))
    table = sweep(cloud(40, 6, seed), field, metric=metric, include_center=include_center)
    assert np.allclose(table.energy.dropna(), 0, atol=1e-12)
    assert table.energy.notna().any()


@pytest.mark.parametrize("metric", METRICS)
def test_a_random_field_has_energy_one_within_its_standard_error(metric):
    """Cosines of independent uniform directions in d dimensions: mean 0, variance 1/d, uncorrelated between pairs.

    The pair {i, j} enters 1 - E with weight (1/k_i + 1/k_j) / n, which gives the standard error exactly.
    """
    n, d = 60, 6
    X = cloud(n, d)
    D = cdist(X, X, metric)
    mean = D[np.triu_indices(n, 1)].mean()
    z = []
    for seed in range(150):
        table = sweep(X, rng(1000 + seed).normal(size=(n, d)), [0.8, 1.2], metric=metric)
        z.append([])
        for scale, energy in zip(table.scale, table.energy, strict=True):
            near = (scale * mean >= D) & ~np.eye(n, dtype=bool)
            size = near.sum(1)
            weight = np.where(size > 0, 1 / np.maximum(size, 1), 0) / (size > 0).sum()
            pair = np.triu((weight[:, None] + weight) * near, 1)
            z[-1].append((energy - 1) / np.sqrt((pair**2).sum() / d))
    z = np.array(z)
    assert (abs(z.mean(0)) < 4 / np.sqrt(150)).all()
    assert ((z.std(0) > 0.77) & (z.std(0) < 1.23)).all()  # four standard errors of a standard deviation


def test_an_opposed_field_has_energy_two_at_small_scale():
    """Pairs of near points carry v and -v: 2 inside the pair; the other pairs bring it to 1 + 1/(n - 1) at most."""
    n = 20
    X = np.repeat(rng().normal(size=(n, 5)) * 10, 2, axis=0)
    X[1::2] += 0.01
    v = rng(1).normal(size=5)
    table = sweep(X, np.tile([v, -v], (n, 1)), [0.01, 100.0], metric="euclidean")
    assert table.energy[0] == pytest.approx(2)
    assert table.neighbors[0] == 1
    assert table.energy[1] == pytest.approx(1 + 1 / (2 * n - 1))  # the cosines of all ordered pairs sum to -2n


def test_two_opposed_clusters():
    """Inside a cluster aligned, across opposed: 0 at small scale, closed form at large scale."""
    X = np.concatenate([rng().normal(size=(10, 3)), rng(1).normal(size=(10, 3)) + 100])
    field = np.repeat([[1.0, 0, 0], [-2.0, 0, 0]], 10, axis=0)
    table = sweep(X, field, [0.1, 10.0], metric="euclidean")
    assert table.energy[0] == pytest.approx(0, abs=1e-12)
    assert table.energy[1] == pytest.approx(1 - (9 - 10) / 19)


@pytest.mark.parametrize("reach", (1, 2, 5))
def test_counting_the_center_scales_the_energy_on_a_ring(reach):
    """n points on a circle, each with the same k = 2 reach + 1 points in its ball: E_self = (k - 1)/k E."""
    n = 24
    angle = 2 * np.pi * np.arange(n) / n
    X = np.stack([np.cos(angle), np.sin(angle)], 1)
    radius = 2 * np.sin(np.pi * reach / n)  # exactly the distance of the furthest neighbour: the ball is closed
    field = rng(3).normal(size=(n, 2))
    options = {"metric": "euclidean", "mean_distance": 1.0}
    without = sweep(X, field, [radius], **options)
    with_center = sweep(X, field, [radius], include_center=True, **options)
    k = 2 * reach + 1
    assert without.neighbors[0] == k - 1
    assert with_center.neighbors[0] == k
    assert with_center.energy[0] == pytest.approx((k - 1) / k * without.energy[0])


def test_isolated_points_are_counted_and_left_out():
    X = np.array([[0.0, 0], [0, 1], [100, 0], [0, 300]])
    field = np.array([[1.0, 0], [0, 1], [1, 1], [1, 1]])
    options = {"metric": "euclidean", "mean_distance": 1.0}
    table = sweep(X, field, [0.5, 1.0], **options)
    assert np.isnan(table.energy[0]) and table.isolated[0] == 1
    assert table.energy[1] == pytest.approx(1) and table.isolated[1] == 0.5 and table.neighbors[1] == 0.5
    authors = sweep(X, field, [0.5, 1.0], include_center=True, **options)
    assert list(authors.energy) == pytest.approx([0, 0.25])  # two balls of two (energy 1/2), two isolated (energy 0)
    assert list(authors.isolated) == [1, 0.5]  # as without the own pair
    assert list(authors.neighbors) == [1, 1.5]


@pytest.mark.parametrize("max_neighbors", (None, 3))
def test_undefined_points_are_neither_centers_nor_neighbors(max_neighbors):
    X, field = cloud(50), cloud(50, seed=1)
    dropped = np.arange(50) % 5 == 0
    holed = np.where(dropped[:, None], 0, field)
    unit = mean_pair_distance(X)
    options = {"mean_distance": unit, "max_neighbors": max_neighbors}
    table = sweep(X, {"whole": field, "holed": holed, "empty": 0 * field}, **options)
    holed_rows = table[table.attribute == "holed"]
    apart = sweep(X[~dropped], field[~dropped], **options)
    assert (holed_rows.undefined == 0.2).all()
    assert np.allclose(holed_rows.neighbors, apart.neighbors)
    assert np.allclose(holed_rows.isolated, 0.8 * apart.isolated)
    if max_neighbors is None:
        assert np.allclose(holed_rows.energy, apart.energy, equal_nan=True)
    assert np.allclose(table[table.attribute == "whole"].neighbors, sweep(X, field, **options).neighbors)
    empty = table[table.attribute == "empty"]
    assert (empty.undefined == 1).all() and empty.energy.isna().all() and (empty.isolated == 0).all()


# ------------------------------------------------------------------------------------------------- invariances


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_rotation_scale_norm_and_order_do_not_matter(metric, seed):
    X, V = cloud(40, 5, seed), rng(seed + 1).normal(size=(40, 5))
    V[:3] = 0
    rotation = np.linalg.qr(rng(seed + 2).normal(size=(5, 5)))[0]
    order = rng(seed + 3).permutation(40)
    length = rng(seed + 4).uniform(1e-3, 1e3, (40, 1))
    base = sweep(X, V, metric=metric)
    columns = ["scale", "energy", "neighbors", "isolated", "undefined"]
    for points, field in [
        (X @ rotation, V @ rotation),
        (X * 37.5, V),
        (X * length if metric == "cosine" else X + 5, V),  # a cosine network's norm, a Euclidean network's origin
        (X, V * length),
        (X[order], V[order]),
    ]:
        found = sweep(points, field, metric=metric)
        assert np.allclose(base[columns].astype(float), found[columns].astype(float), atol=1e-9, equal_nan=True)


def test_field_norms_may_be_extreme():
    X, V = cloud(30), rng(1).normal(size=(30, 6))
    for factor in (1e-200, 1e200):
        assert np.allclose(numbers(sweep(X, V)), numbers(sweep(X, V * factor)), equal_nan=True)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), scales=st.lists(st.floats(0.01, 3), min_size=2, max_size=12))
def test_balls_grow_with_the_scale_and_rows_keep_the_given_order(metric, seed, scales):
    X, V = cloud(30, 4, seed), rng(seed).normal(size=(30, 4))
    table = sweep(X, {"b": V, "a": -V}, scales, metric=metric)
    assert list(table.columns) == ["attribute", "scale", "radius", "energy", "neighbors", "isolated", "undefined"]
    assert list(table.attribute) == ["b"] * len(scales) + ["a"] * len(scales)
    assert list(table.scale) == scales * 2
    assert np.allclose(table.radius, table.scale * mean_pair_distance(X, metric=metric))
    one = table[table.attribute == "a"].sort_values("scale")
    assert (np.diff(one.neighbors) >= 0).all()
    assert (np.diff(one.isolated) <= 0).all()
    assert ((one.energy.dropna() > -1e-12) & (one.energy.dropna() < 2 + 1e-12)).all()
    for scale in scales:  # each row is what a call with that scale alone gives
        alone = sweep(X, {"a": -V}, [scale], metric=metric)
        assert np.allclose(numbers(one[one.scale == scale])[0], numbers(alone)[0], equal_nan=True)


@pytest.mark.parametrize("metric", METRICS)
def test_float32_and_float64_agree(metric):
    X, V = cloud(200, 32).astype(np.float32), rng(1).normal(size=(200, 32)).astype(np.float32)
    one, other = sweep(X, V, metric=metric), sweep(X.astype(float), V.astype(float), metric=metric)
    assert np.array_equal(one.neighbors, other.neighbors)
    assert np.allclose(numbers(one), numbers(other), atol=1e-6, equal_nan=True)


# ----------------------------------------------------------------------------------------- plain loops, authors


def energy_by_loops(X, V, scale, unit, metric, include_center):
    """The definition, point by point."""
    alive = [i for i in range(len(X)) if np.any(V[i] != 0)]
    means, sizes, alone = [], [], 0
    for i in alive:
        cosines = []
        for j in alive:
            if metric == "euclidean":
                inside = math.dist(X[i], X[j]) ** 2 <= (scale * unit) ** 2 * (1 + 1e-9)
            else:
                cosine = X[i] @ X[j] / math.sqrt((X[i] @ X[i]) * (X[j] @ X[j]))
                inside = 1 - cosine <= scale * unit * (1 + 1e-9)
            if inside and (i != j or include_center):
                cosines.append(V[i] @ V[j] / math.sqrt((V[i] @ V[i]) * (V[j] @ V[j])))
        sizes.append(len(cosines))
        alone += len(cosines) == include_center  # no other point
        if cosines:
            means.append(sum(cosines) / len(cosines))
    energy = 1 - sum(means) / len(means) if means else math.nan
    size = sum(sizes) / len(sizes) if sizes else math.nan
    return energy, size, alone / len(X), 1 - len(alive) / len(X)


# Small integers: many equal distances, repeated points, zero fields, points exactly on the sphere of a ball.
WHOLE = arrays(np.float64, (9, 3), elements=st.integers(-2, 2).map(float))


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=40)
@given(X=WHOLE, V=WHOLE, include_center=st.booleans())
def test_energy_equals_the_loops_of_its_definition(metric, X, V, include_center):
    if metric == "cosine":
        X = np.where((X == 0).all(1, keepdims=True), 1.0, X)
    scales, unit = ([1, 2, 3, math.sqrt(2), math.sqrt(6)], 1.0) if metric == "euclidean" else ([0.2, 1, 2.5], 0.61)
    table = sweep(X, V, scales, metric=metric, mean_distance=unit, include_center=include_center)
    expected = [energy_by_loops(X, V, scale, unit, metric, include_center) for scale in scales]
    found = table[["energy", "neighbors", "isolated", "undefined"]].to_numpy()
    assert np.allclose(found, expected, atol=1e-9, equal_nan=True)


def energy_of_the_authors(X, V, radius, metric):
    """The steps of the paper's script: radius graph with the point itself, paired cosines, mean of means."""
    graph = RadiusNeighborsTransformer(radius=radius, mode="connectivity", metric=metric).fit_transform(X).tocoo()
    distance = paired_cosine_distances(V[graph.row], V[graph.col])
    per_point = np.bincount(graph.row, distance, len(X)) / np.bincount(graph.row, minlength=len(X))
    return per_point.mean()


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_with_the_center_it_is_the_algorithm_of_the_authors(metric, seed):
    X, V = cloud(60, 8, seed), rng(seed + 1).normal(size=(60, 8))
    table = sweep(X, V, metric=metric, include_center=True)
    expected = [energy_of_the_authors(X, V, radius, metric) for radius in table.radius]
    assert np.allclose(table.energy, expected, atol=1e-10)


# ------------------------------------------------------------------------------------------------- subsampling


@pytest.mark.parametrize("include_center", (False, True))
@pytest.mark.parametrize("metric", METRICS)
def test_a_sample_of_everything_is_exact(metric, include_center):
    X, V = cloud(40), {"a": cloud(40, seed=1), "b": rng(2).normal(size=(40, 6))}
    V["b"][::6] = 0
    options = {"metric": metric, "include_center": include_center}
    assert np.allclose(
        numbers(sweep(X, V, **options)), numbers(sweep(X, V, max_neighbors=40, **options)), equal_nan=True
    )


@pytest.mark.parametrize("include_center", (False, True))
def test_sampling_is_unbiased_seeded_and_reports_the_whole_ball(include_center):
    X, V = cloud(60), cloud(60, seed=1) - 0.7
    exact = sweep(X, V, [0.8, 1.3], include_center=include_center)
    sampled = [sweep(X, V, [0.8, 1.3], include_center=include_center, max_neighbors=4, seed=s) for s in range(200)]
    energies = np.array([table.energy for table in sampled])
    error = energies.std(0) / np.sqrt(len(energies))
    assert (error > 0).all()
    assert (abs(energies.mean(0) - exact.energy) < 4 * error).all()
    for name in ("neighbors", "isolated"):
        assert np.allclose(sampled[0][name], exact[name])
    again = sweep(X, V, [0.8, 1.3], include_center=include_center, max_neighbors=4, seed=7)
    assert again.equals(sampled[7])


def test_a_sample_of_one_with_the_center_draws_itself_in_its_share():
    """Orthogonal fields: the energy is the share of points that did not draw themselves, 1 - 1/n on average."""
    n = 12
    energies = [
        sweep(cloud(n, n), np.eye(n), [100.0], include_center=True, max_neighbors=1, seed=s).energy[0]
        for s in range(200)
    ]
    error = np.sqrt((1 / n) * (1 - 1 / n) / n / len(energies))
    assert abs(np.mean(energies) - (1 - 1 / n)) < 4 * error


# ------------------------------------------------------------------------------------------- clouds by attribute


@pytest.mark.parametrize("metric", METRICS)
def test_one_cloud_per_attribute(metric):
    fields = {"a": cloud(30, seed=1), "b": cloud(30, seed=2)}
    shared = sweep(cloud(30), fields, metric=metric)
    same = sweep({"a": cloud(30), "b": cloud(30).copy()}, fields, metric=metric)
    assert same.equals(shared)
    points = {"a": cloud(30), "b": cloud(45, seed=5)}
    fields["b"] = cloud(45, seed=6)
    found = sweep(points, fields, metric=metric)
    unit = mean_pair_distance(np.concatenate(list(points.values())), metric=metric)
    assert np.allclose(found.radius, found.scale * unit)
    for name in points:
        alone = sweep(points[name], {name: fields[name]}, metric=metric, mean_distance=unit)
        assert np.allclose(numbers(found[found.attribute == name]), numbers(alone), equal_nan=True)


def test_tensors_with_gradients_are_accepted():
    X, V = torch.tensor(cloud(20), requires_grad=True), torch.tensor(cloud(20, seed=1), requires_grad=True)
    assert sweep(X, V).equals(sweep(X.detach().numpy(), V.detach().numpy()))


# ------------------------------------------------------------------------------------------ central differences


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_central_difference_is_the_unit_difference(seed):
    minus, plus = cloud(10, 4, seed), cloud(10, 4, seed + 1)
    raw = plus - minus
    found = central_difference(minus, plus, metric="euclidean").numpy()
    assert np.allclose(found, raw / np.linalg.norm(raw, axis=1, keepdims=True))
    # With the cosine the norm of an embedding has no influence, and the field is tangent at the middle of the arc.
    length = rng(seed).uniform(0.1, 10, (10, 1))
    found = central_difference(minus, plus).numpy()
    assert np.allclose(found, central_difference(minus * length, plus).numpy())
    middle = minus / np.linalg.norm(minus, axis=1, keepdims=True) + plus / np.linalg.norm(plus, axis=1, keepdims=True)
    assert np.allclose((found * middle).sum(1), 0, atol=1e-9)
    assert np.allclose(central_difference(plus, minus).numpy(), -found)


def test_central_difference_converges_to_the_tangent_with_second_order():
    """On a circle through the sphere the error of the unit tangent at the point falls by four when the step halves."""
    axis, other, top = np.eye(3)
    t, tangent = 0.3, None
    errors = []

    def curve(s):  # an ellipse-like curve, so that the middle of the arc is not the point
        return np.cos(s) * axis + 0.5 * np.sin(2 * s) * other + top

    x, dx = curve(t), -np.sin(t) * axis + np.cos(2 * t) * other
    tangent = dx - x * (x @ dx) / (x @ x)
    tangent /= np.linalg.norm(tangent)
    for h in (0.1, 0.05, 0.025):
        found = central_difference(curve(t - h)[None], curve(t + h)[None]).numpy()[0]
        errors.append(np.linalg.norm(found - tangent))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64))
def test_a_difference_within_rounding_has_no_direction(dtype):
    """A cosine network's embedding that changes only its norm does not move; rounding must not look like a move."""
    minus = torch.tensor(cloud(50, 16)).to(dtype)
    plus = minus * torch.linspace(0.1, 9, 50, dtype=dtype)[:, None]
    plus[0] += 0.1
    found = central_difference(minus, plus)
    assert found.dtype == dtype
    assert found[0].norm() == pytest.approx(1)
    assert (found[1:] == 0).all()
    table = sweep(minus, found)
    assert (table.undefined == 0.98).all()


@settings(max_examples=20)
@given(X=WHOLE)
def test_equal_embeddings_have_no_direction(X):
    assume((X != 0).any(1).all())
    for metric in METRICS:
        assert (central_difference(X, X, metric=metric) == 0).all()


# ------------------------------------------------------------------------------------------------------- errors

X, V = cloud(5, 3), cloud(5, 3, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sweep(X, V, metric="l1"), "metric must be one of 'cosine', 'euclidean'; got 'l1'"),
        (lambda: sweep(X, V, [0.5, 0]), "scales must be positive and finite; got 0.0"),
        (lambda: sweep(X, V, [math.inf]), "scales must be a finite number, at most 1e.150 in size; got inf"),
        (lambda: sweep(X, V, []), r"scales must be a sequence of 1 to 1000 numbers; got shape \(0,\)"),
        (lambda: sweep(X, V, 0.5), r"scales must be a sequence; got 0.5"),
        (lambda: sweep(X, {}), "fields must be a non-empty mapping of attribute to matrix; got dict"),
        (lambda: energy_sweep(X, V, [1]), "fields must be a mapping; got array"),
        (lambda: sweep(X, V[:4]), r"fields\['a'\] must have 5 rows; got 4"),
        (lambda: sweep(X, V[:, :2]), r"fields\['a'\] must have 3 columns; got 2"),
        (lambda: sweep(X, V * math.nan), r"fields\['a'\] must be finite; row 0"),
        (lambda: sweep(0 * X, V), "points must have no zero vector .* row 0"),
        (lambda: sweep({"b": X}, V), r"points must have the attributes of fields, \['a'\]; got \['b'\]"),
        (lambda: sweep({"a": 0 * X}, V), r"points\['a'\] must have no zero vector .* row 0"),
        (lambda: sweep(X, V, mean_distance=0.0), "mean_distance must be a positive number; got 0.0"),
        (lambda: sweep(X, V, mean_distance=math.nan), "mean_distance must be a positive number; got nan"),
        (lambda: sweep(X, V, max_neighbors=0), "max_neighbors must be an integer of at least 1; got 0"),
        (lambda: sweep(X[:1], V[:1]), "points must hold at least two rows if mean_distance is not given; got 1"),
        (lambda: sweep(X[[0, 0]] / 3, V[:2]), "points must not all coincide"),
        (lambda: sweep(X[[0, 0]] / 3, V[:2], metric="euclidean"), "points must not all coincide"),
        (lambda: energy_sweep(X, {"a": V}, [1], device="abacus"), "device must be 'auto', 'cpu' or 'cuda'; got"),
        (lambda: central_difference(X, V[:4]), "plus must have 5 rows; got 4"),
        (lambda: central_difference(X, V[:, :2]), "plus must have 3 columns; got 2"),
        (lambda: central_difference(X, 0 * V), "plus must have no zero vector .* row 0"),
        (lambda: central_difference(X, V, metric="angle"), "metric must be one of 'cosine', 'euclidean'; got 'angle'"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_displacement_is_the_pair_distance_of_the_two_ends(metric):
    generator = torch.Generator().manual_seed(4)
    minus, plus = torch.randn(2, 12, 5, generator=generator, dtype=torch.float64)
    expected = pair_distances(minus, plus, metric=metric).diagonal()
    torch.testing.assert_close(displacement(minus, plus, metric=metric), expected, rtol=1e-9, atol=1e-12)
    assert (displacement(minus, minus, metric=metric) == 0).all()
    with pytest.raises(ValueError, match="plus must have 12 rows; got 11"):
        displacement(minus, plus[:-1], metric=metric)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_shares_are_equal(metric):
    rng = np.random.default_rng(0)
    points = torch.tensor(rng.normal(size=(25, 6)))
    fields = {"a": torch.tensor(rng.normal(size=(25, 6))), "b": torch.tensor(rng.normal(size=(25, 6)))}
    table = energy_at_equal_shares(points, fields, (0.1, 0.5, 1.0), metric=metric)
    np.testing.assert_allclose(table["neighbors"] / 24, table["share"], atol=1 / 300)
    assert list(table["share"]) == 2 * [0.1, 0.5, 1.0]


def test_shares_below_that_of_coincident_pairs_are_balls_of_them():
    rng = np.random.default_rng(0)
    points = torch.tensor(rng.normal(size=(6, 5))).repeat(4, 1)
    table = energy_at_equal_shares(
        points, {"a": torch.tensor(rng.normal(size=(24, 5)))}, (0.01, 1.0), metric="euclidean"
    )
    assert list(table["neighbors"]) == [3, 23], "each point has three copies"
    with pytest.raises(CoincidentPoints):
        energy_at_equal_shares(points[::6], {"a": points[:4]})
