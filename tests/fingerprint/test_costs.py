"""The estimate beside the run: how much is left is exact, how long it takes is right within a factor of two."""

import time

import pytest

from frlib.clouds import fill
from frlib.faces import Lattice, sample_identities
from frlib.fingerprint import over_lattices
from frlib.fingerprint.costs import estimate
from frlib.fingerprint.paper import measures
from frlib.models import load
from tests.networks import tiny


@pytest.mark.slow
def test_a_small_run_takes_between_half_and_twice_the_estimate(own_results):
    """In processor time, which other programs hardly change."""
    lattices, networks = [Lattice(sample_identities(1, seed=5)[0], 2, 3)], [load("mobileface", device="cpu")]
    asked, clock = measures(300), time.process_time
    expected = estimate(lattices, networks, asked, clock=clock)
    start = clock()
    for measure, options in asked.values():
        over_lattices(measure, lattices, networks, n_jobs=1, progress=False, **options)
    took = clock() - start
    assert took / 2 < 3600 * expected.hours.sum() < 2 * took
    stored = sum(file.stat().st_size for file in own_results.glob("lattice-[0-9a-f]*"))
    assert stored == pytest.approx(1e9 * expected.gigabytes.sum(), rel=0.01, abs=2e3 * len(lattices[0].parts()))
    assert estimate(lattices, networks, asked).empty


def test_only_what_is_left_counts(own_results):
    lattices = [Lattice(person, 1, 3, batch=1) for person in sample_identities(3)]  # 11 drawings of 7, in two parts
    networks, asked = [tiny("a"), tiny("b", "wide", seed=1)], {name: measures(5)[name] for name in ("balls", "steps")}
    fill(lattices[0].parts(), networks, n_jobs=1, progress=False)
    fill(lattices[1].parts()[:1], networks[:1], n_jobs=1, progress=False)
    measure, options = asked["steps"]
    over_lattices(measure, lattices[:1], networks, n_jobs=1, progress=False, **options)
    table = estimate(lattices, networks, asked).set_index(["step", "of"])
    assert table.total.to_dict() == {
        **{("drawing", crop): 231 for crop in ("arcface", "wide")},
        **{("embedding", e.name): 231 for e in networks},
        **{("measures", e.name): 6 for e in networks},
    }
    for step, left in {
        "drawing": {"arcface": 7 + 77, "wide": 2 * 77},
        "embedding": {"a": 7 + 77, "b": 2 * 77},
        "measures": {"a": 5, "b": 5},
    }.items():
        assert table.left[step].to_dict() == left
    assert (table.hours * 3600).to_numpy() == pytest.approx((table.left * table.seconds).to_numpy())
    assert table.gigabytes["embedding", "b"] == pytest.approx(154 * 5 * 4e-9)
