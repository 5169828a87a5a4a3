"""Energies on a lattice: equal to the definitions by hand, and to the authors' code in their settings."""

import numpy as np
import pytest
import torch
from pandas.testing import assert_frame_equal

from frlib.clouds import Cloud
from frlib.faces import ATTRIBUTES, Lattice, sample_identities
from frlib.fingerprint import lattice_energies, lattice_neighbors, lattice_steps
from frlib.geometry import CoincidentPoints, central_difference, energy_by_steps, mean_pair_distance, pair_distances


@pytest.fixture(scope="module")
def lattice():
    return Lattice(sample_identities(1, seed=3)[0], side=2, low_level=3, n_curves=40, n_images=50)


def cloud_on(lattice, metric="cosine", scale=1.0):
    """Return embeddings that are a smooth map of the coordinates, with a norm of their own."""
    draws = np.random.default_rng(0)
    steps = torch.tensor(lattice.table.to_numpy() / 4, dtype=torch.float64)
    first, second = (torch.from_numpy(draws.normal(size=shape)) for shape in ((8, 30), (30, 6)))
    points = torch.tanh(steps @ first) @ second + 1
    points = points * (1 + steps[:, -1:]) * scale
    return Cloud(points, metric=metric, network="smooth", identity=7, table=lattice.table)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("raw", [False, True])
def test_equals_the_definitions_by_hand(lattice, metric, raw):
    cloud = cloud_on(lattice, metric)
    found = lattice_energies(cloud, lattice, [0.4, 2.0], nearest=[3], inverse_distance=True, raw=raw)
    assert len(found) == 4 * len(ATTRIBUTES) and set(found.network) == {"smooth"} and set(found.identity) == {7}
    unit = mean_pair_distance(cloud.points[lattice.random_images], metric=metric)
    for a, rows in found.groupby("attribute", sort=False):
        minus, points, plus = (
            cloud.points[torch.tensor(lattice.curves[a][end].to_numpy())] for end in ("minus", "center", "plus")
        )
        v = central_difference(minus, plus, metric="euclidean" if raw else metric)
        cosines, d = v @ v.T, pair_distances(points, metric=metric).fill_diagonal_(torch.inf)
        for size, energy in rows[rows.neighborhood == "ball"][["size", "energy"]].to_numpy():
            near = d <= size * unit
            some = near.any(dim=1)
            expected = 1 - ((cosines * near).sum(dim=1)[some] / near.sum(dim=1)[some]).mean()
            assert energy == pytest.approx(float(expected), abs=1e-9)
        near = d.argsort(dim=1)[:, :3]
        expected = 1 - cosines.gather(1, near).mean()
        assert rows[rows.neighborhood == "nearest"].energy.item() == pytest.approx(float(expected), abs=1e-9)
        weights = 1 / d
        expected = 1 - ((cosines * weights).sum(dim=1) / weights.sum(dim=1)).mean()
        assert rows[rows.neighborhood == "inverse distance"].energy.item() == pytest.approx(float(expected), abs=1e-9)


def test_raw_and_normalised_vectors_differ_with_the_cosine_metric_alone(lattice):
    for metric, same in (("cosine", False), ("euclidean", True)):
        tables = [lattice_energies(cloud_on(lattice, metric), lattice, [1.0], raw=raw) for raw in (False, True)]
        assert np.allclose(*(t.energy for t in tables), atol=1e-9) == same


def test_the_own_pair_lowers_a_full_ball_by_its_share(lattice):
    cloud = cloud_on(lattice)
    without, with_own = (lattice_energies(cloud, lattice, [1e3], include_center=own) for own in (False, True))
    sizes = np.array([len(lattice.curves[a]) for a in without.attribute])
    assert np.allclose(with_own.energy, without.energy * (sizes - 1) / sizes)


def test_fewer_curves_are_the_first_ones(lattice):
    cloud = cloud_on(lattice)
    few = Lattice(lattice.identity, 2, 3, n_curves=15, n_images=50)
    place = {row: k for k, row in enumerate(lattice.table.itertuples(index=False, name=None))}
    rows = [place[row] for row in few.table.itertuples(index=False, name=None)]
    options = {"nearest": [2], "inverse_distance": True}
    found = lattice_energies(cloud, lattice, [0.5], n_curves=15, **options)
    expected = lattice_energies(cloud.only(rows), few, [0.5], **options)
    assert np.allclose(found.select_dtypes("number"), expected.select_dtypes("number"), equal_nan=True)


def test_nothing_depends_on_the_length_of_embeddings(lattice):
    tables = [lattice_energies(cloud_on(lattice, scale=s), lattice, [0.5], nearest=[2], raw=True) for s in (1, 16)]
    assert np.allclose(*(t.select_dtypes("number") for t in tables), equal_nan=True)


def test_wrong_input_is_refused(lattice):
    cloud = cloud_on(lattice)
    with pytest.raises(ValueError, match=r"cloud must have the \d+ points of lattice; got 5"):
        lattice_energies(cloud.only(slice(5)), lattice, [1.0])
    with pytest.raises(ValueError, match="scales, nearest and inverse_distance must ask for a neighbourhood"):
        lattice_energies(cloud, lattice)
    one = Cloud(cloud.points[:1].repeat(len(cloud.points), 1), metric=cloud.metric, table=cloud.table)
    for call in (lattice_energies, lattice_neighbors):
        with pytest.raises(CoincidentPoints, match="the 50 points are one"):
            call(one, lattice, [1.0])


def test_steps_and_neighbours_are_those_of_the_geometry(lattice):
    cloud = cloud_on(lattice)
    table, curves = lattice_steps(cloud, lattice), lattice.curves["age"]
    own = cloud.along("age", curves)
    expected = energy_by_steps({"age": lattice.table.iloc[curves["center"]]}, {"age": own.fields["age"]})
    assert_frame_equal(table[table.attribute == "age"][list(expected)].reset_index(drop=True), expected)
    near = lattice_neighbors(cloud, lattice, [0.2, 1e3])
    assert near[near.scale == 1e3].ratio.to_numpy() == pytest.approx(1)
    for found in (table, near):
        assert set(found.network) == {"smooth"} and set(found.identity) == {7}
        assert set(found.attribute) == set(ATTRIBUTES)
