"""A cloud in place of arrays gives what the arrays give, from every function that takes one."""

import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal, assert_series_equal

from frlib import geometry
from frlib.clouds import Cloud

SCALES = [0.5, 1.0, 1.5]


def cloud(metric="cosine", n=20, d=6, seed=0, identity=None):
    generator = torch.Generator().manual_seed(seed)
    points, *ends = torch.randn(5, n, d, generator=generator, dtype=torch.float64)
    minus, plus = ({"a": a, "b": b} for a, b in (ends[:2], ends[2:]))
    return Cloud(points + 0.5, minus, plus, metric, "network", identity, pd.DataFrame({"age": np.arange(n)}))


ONE = {
    "energy_sweep": (("fields",), (SCALES,)),
    "energy_at_equal_shares": (("fields",), ([0.2, 1.0],)),
    "null_energies": (("fields",), (SCALES,)),
    "isolated_shares": ((), (SCALES, [5, 20])),
    "mean_pair_distance": ((), ()),
    "pair_distances": ((), ()),
    "unit_distance": ((), ()),
    "coincide": ((), ()),
}


def same(found, expected):
    if isinstance(expected, pd.DataFrame):
        assert_frame_equal(found, expected)
    elif isinstance(expected, pd.Series):
        assert_series_equal(found, expected)
    elif torch.is_tensor(expected):
        assert torch.equal(found, expected)
    else:
        np.testing.assert_equal(found, expected)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("name", ONE)
def test_one_cloud_stands_for_its_arrays_and_its_metric(name, metric):
    function, given, (attributes, rest) = getattr(geometry, name), cloud(metric), ONE[name]
    arrays = [getattr(given, attribute) for attribute in ("points", *attributes)]
    same(function(given, *rest), function(*arrays, *rest, metric=metric))


def test_retention_and_transport_take_a_cloud():
    given, scales = cloud(), {"d_intra": 0.5, "d_inter": 1.0, "threshold": 0.7}
    same(
        geometry.identity_retention(given, **scales),
        geometry.identity_retention(given.points, given.minus, given.plus, **scales),
    )
    same(
        geometry.transported_energy_sweep(given, SCALES),
        geometry.transported_energy_sweep(given.points, given.fields, SCALES),
    )
    with pytest.raises(ValueError, match="metric 'cosine' for transported_energy_sweep; got 'euclidean'"):
        geometry.transported_energy_sweep(cloud("euclidean"), SCALES)


def test_what_is_said_goes_before_what_the_cloud_says():
    given = cloud()
    other = {"a": given.points.flip(0)}
    same(
        geometry.energy_sweep(given, SCALES, fields=other, metric="euclidean"),
        geometry.energy_sweep(given.points, other, SCALES, metric="euclidean"),
    )


MANY = (
    "distance_summary",
    "verification",
    "intra_inter_distances",
    "error_curve",
    "distance_histogram",
    "auc_interval",
    "identity_distances",
    "drawn_rates",
)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("name", [*MANY, "recognition_figures"])
def test_several_clouds_stand_for_embeddings_and_identities(name, metric):
    function = getattr(geometry, name)
    clouds = [cloud(metric, n, seed=n, identity=who) for n, who in ((12, 3), (9, 0), (7, 3), (10, 8))]
    points = torch.cat([c.points for c in clouds])
    expected = function(points, np.repeat([3, 0, 3, 8], [12, 9, 7, 10]), metric=metric)
    found = function(clouds)
    for one, other in zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]:
        same(one, other)


def test_clouds_without_identity_are_people_by_their_place_and_metrics_are_not_mixed():
    clouds = [cloud(n=9, seed=seed) for seed in range(3)]
    same(
        geometry.distance_summary(clouds),
        geometry.distance_summary(torch.cat([c.points for c in clouds]), np.repeat([0, 1, 2], 9)),
    )
    with pytest.raises(ValueError, match="embeddings must be clouds of one metric; got cosine, euclidean"):
        geometry.distance_summary([clouds[0], cloud("euclidean")])
