"""People and points: parts of clouds against the sweep, variances against a simulated truth, intervals."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from frlib.clouds import Cloud
from frlib.fingerprint import energy_variances, half_width, part_energies
from frlib.geometry import energy_sweep, mean_interval


def cloud(identity=3, n=20, seed=0):
    points, minus, plus = torch.randn(3, n, 5, generator=torch.Generator().manual_seed(seed))
    return Cloud(points, {"age": minus}, {"age": plus}, "euclidean", "net", identity)


def test_parts_are_disjoint_and_of_one_size():
    whole = cloud()
    found = part_energies(whole, 6, [0.8, 1.5], seed=4)
    assert len(found) == 3 * 2 and set(found.part) == {0, 1, 2} and set(found["size"]) == {6}
    order = np.random.default_rng([4, 3]).permutation(20)
    for k in range(3):
        expected = energy_sweep(whole.only(order[6 * k : 6 * k + 6]), [0.8, 1.5]).energy
        assert found[found.part == k].energy.tolist() == expected.tolist()


def test_cuts_differ_by_seed_and_by_person():
    one, again, other = (part_energies(cloud(), 7, [1.0], seed=s).energy.tolist() for s in (0, 0, 1))
    assert one == again != other
    assert part_energies(cloud(identity=4), 7, [1.0]).energy.tolist() != one


def test_variances_are_those_of_people_and_points():
    """Energies drawn as level of a person plus noise of variance c / N: both variances come back."""
    rng = np.random.default_rng(0)
    people, points, n = 0.3**2, 0.8, 40
    levels = rng.normal(0, np.sqrt(people), 4000)
    place = {"attribute": "age", "scale": 1.0}
    whole = pd.DataFrame(
        {"identity": range(4000), **place, "energy": levels + rng.normal(0, np.sqrt(points / n), 4000)}
    )
    parts = [
        pd.DataFrame({"identity": range(4000), "size": size, "cut": 0, "part": k, **place}).assign(
            energy=levels + rng.normal(0, np.sqrt(points / size), 4000)
        )
        for size in (10, 20)
        for k in range(n // size)
    ]
    found = energy_variances(pd.concat(parts), whole, n).set_index("size")
    assert found.index.tolist() == [10, 20, 40]
    np.testing.assert_allclose(found.points, points / found.index, rtol=0.1)  # 4000 variances of two values: 3 x 2.2 %
    np.testing.assert_allclose(found.people, people, rtol=0.1)
    assert found.points[40] == found.points[20] / 2


def test_people_who_do_not_differ_have_variance_zero_and_not_less():
    rng = np.random.default_rng(1)
    place = {"attribute": "age", "scale": 1.0}
    whole = pd.DataFrame({"identity": range(3), **place, "energy": 0.5})
    parts = pd.DataFrame({"identity": np.repeat(range(3), 2), "size": 5, "cut": 0, "part": [0, 1] * 3, **place})
    found = energy_variances(parts.assign(energy=rng.normal(size=6)), whole, 10)
    assert (found.people == 0).all() and (found.points > 0).all()


@given(st.lists(st.floats(-5, 5).map(lambda value: round(value, 9)), min_size=2, max_size=8))
def test_half_a_width_is_that_of_the_mean_interval(values):
    expected = mean_interval(values).half
    assert half_width(np.std(values, ddof=1), len(values)) == pytest.approx(expected, abs=1e-12)


def test_wrong_sizes_are_named():
    with pytest.raises(ValueError, match="size must lie between 2 and 10; got 11"):
        part_energies(cloud(), 11, [1.0])
    with pytest.raises(ValueError, match="n must be an integer of at least 2; got 1"):
        half_width(0.1, 1)
