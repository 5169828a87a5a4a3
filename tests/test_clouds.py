"""A cloud knows its fields, displacements and unit, and its parts are clouds too."""

import pandas as pd
import pytest
import torch

from frlib.clouds import Cloud
from frlib.geometry import CoincidentPoints, central_difference, displacement, mean_pair_distance


def cloud(metric="cosine", n=12, d=5, seed=0, **more):
    generator = torch.Generator().manual_seed(seed)
    points, *ends = torch.randn(5, n, d, generator=generator, dtype=torch.float64)
    minus, plus = ({"a": a, "b": b} for a, b in (ends[:2], ends[2:]))
    return Cloud(points, minus, plus, metric, "network", 4, pd.DataFrame({"age": range(n)}), **more)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_what_a_cloud_knows_is_what_the_geometry_says(metric):
    given = cloud(metric)
    assert list(given.fields) == list(given.displacements) == ["a", "b"]
    for name in ("a", "b"):
        ends = given.minus[name], given.plus[name]
        assert torch.equal(given.fields[name], central_difference(*ends, metric=metric))
        assert torch.equal(given.displacements[name], displacement(*ends, metric=metric))
    assert given.mean_distance == mean_pair_distance(given.points, metric=metric)
    assert not given.coincides


def test_directions_that_are_known_otherwise_are_fields_and_have_no_displacement():
    exact = torch.ones(12, 5, dtype=torch.float64)
    given = cloud(directions={"light": exact})
    assert list(given.fields) == ["a", "b", "light"] and torch.equal(given.fields["light"], exact)
    assert list(given.displacements) == ["a", "b"]


def test_a_part_of_a_cloud_is_a_cloud_of_these_rows_and_attributes():
    given, rows = cloud(directions={"light": torch.zeros(12, 5)}), [7, 2, 3]
    part = given.only(rows, ["b", "light"])
    assert torch.equal(part.points, given.points[rows]) and list(part.fields) == ["b", "light"]
    assert torch.equal(part.fields["b"], given.fields["b"][rows])
    assert list(part.table.age) == rows and (part.metric, part.network, part.identity) == ("cosine", "network", 4)
    assert torch.equal(given.only().points, given.points)


def test_curves_between_the_points_are_a_cloud_of_their_own():
    given, curves = cloud(), pd.DataFrame({"minus": [3, 0], "center": [5, 1], "plus": [7, 2]})
    own = given.along("age", curves)
    assert torch.equal(own.points, given.points[[5, 1]]) and own.table.age.tolist() == [5, 1]
    ends = own.minus["age"], own.plus["age"]
    assert torch.equal(ends[0], given.points[[3, 0]]) and torch.equal(ends[1], given.points[[7, 2]])
    assert (own.metric, own.network, own.identity) == (given.metric, given.network, given.identity)
    assert list(own.fields) == ["age"]


def test_a_cloud_of_one_point_says_so_and_has_no_unit():
    given = cloud().only([3, 3, 3])
    assert given.coincides
    with pytest.raises(CoincidentPoints, match="the 3 points are one"):
        given.mean_distance  # noqa: B018


def test_wrong_clouds_are_refused():
    points = torch.ones(3, 2)
    with pytest.raises(ValueError, match="metric must be one of 'cosine', 'euclidean'; got 'dot'"):
        Cloud(points, metric="dot")
    with pytest.raises(ValueError, match=r"plus must have the attributes of minus, \['a'\]; got \['b'\]"):
        Cloud(points, {"a": points}, {"b": points})
    for wrong, message in ((["agee"], "must be one of 'a', 'b'; got 'agee'"), ("ab", "must be a sequence; got 'ab'")):
        with pytest.raises(ValueError, match=f"attributes {message}"):
            cloud().only(attributes=wrong)
