"""Measures over many lattices: those of each alone, whoever does the work, and nothing done twice."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from frlib import clouds
from frlib.clouds import embed
from frlib.faces import Lattice, sample_identities
from frlib.fingerprint import lattice_energies, lattice_neighbors, lattice_steps, over_lattices
from tests.networks import tiny

OPTIONS = {"scales": [0.5, 1.0], "nearest": [3], "inverse_distance": True, "n_curves": 9}
NETWORKS = [tiny("one"), tiny("two", "wide", seed=1, metric="euclidean")]


@pytest.fixture
def lattices(own_results):
    """Return a whole lattice in two parts, and one of some curves."""
    first, second = sample_identities(2, seed=4)
    return [Lattice(first, 1, 3, batch=1, n_images=30), Lattice(second, 1, 3, n_curves=9, n_images=20, batch=4)]


def run(measure, lattices, networks=NETWORKS, n_jobs=1, **options):
    return over_lattices(measure, lattices, networks, n_jobs=n_jobs, progress=False, **options)


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of drawings that are drawn and embedded from now on."""
    found, plain = [], clouds._drawn_and_embedded
    monkeypatch.setattr(clouds, "_drawn_and_embedded", lambda d, e: (found.append((d, len(e))), plain(d, e))[1])
    return found


@pytest.mark.slow
def test_the_table_is_that_of_each_lattice_alone(lattices):
    assert [len(lattice.parts()) for lattice in lattices] == [2, 1]
    alone = embed(lattices, NETWORKS, n_jobs=1, progress=False)
    pairs = [(cloud, own) for e in NETWORKS for cloud, own in zip(alone[e.name], lattices, strict=True)]
    for measure, options in ((lattice_energies, OPTIONS), (lattice_steps, {}), (lattice_neighbors, {"scales": [0.3]})):
        expected = pd.concat([measure(cloud, own, **options) for cloud, own in pairs], ignore_index=True)
        assert_frame_equal(run(measure, lattices, **options), expected, check_exact=True)
        assert_frame_equal(run(measure, lattices, **options), expected, check_exact=True)  # now read


@pytest.mark.slow
def test_processes_change_no_bit(lattices, own_results):
    one = run(lattice_energies, lattices, **OPTIONS)
    for file in own_results.iterdir():
        file.unlink()
    assert_frame_equal(run(lattice_energies, lattices, n_jobs=2, **OPTIONS), one, check_exact=True)


def test_only_what_no_table_has_is_drawn(lattices, own_results, drawn):
    run(lattice_energies, lattices[:1], NETWORKS[:1], **OPTIONS)
    assert [n for _, n in drawn] == [1, 1]  # two parts
    run(lattice_energies, lattices, **OPTIONS)
    assert [n for _, n in drawn[2:]] == [1, 1, 2]  # the other network for the first, both for the second
    drawn.clear()
    run(lattice_steps, lattices)  # another measure of the same embeddings
    assert drawn == []
    for file in own_results.glob("lattice-[0-9a-f]*"):
        file.unlink()
    run(lattice_energies, lattices, **OPTIONS)  # tables do without them
    assert drawn == []


def test_a_lost_part_is_drawn_again_alone(lattices, own_results, drawn):
    run(lattice_energies, lattices[:1], NETWORKS[:1], **OPTIONS)
    max(own_results.glob("lattice-[0-9a-f]*"), key=lambda file: file.stat().st_size).unlink()
    drawn.clear()
    table = run(lattice_energies, lattices[:1], NETWORKS[:1], **OPTIONS | {"n_curves": 8})
    assert [(d.start, n) for d, n in drawn] == [(0, 1)] and np.isfinite(table.energy).all()


@pytest.mark.parametrize(
    "change",
    [
        {"n_curves": 8},
        {"raw": True},
        {"scales": [0.5]},
        {"seed": 1},
        {"n_images": 25},
        {"network": tiny("o", seed=9)},
        {"network": tiny("o", metric="euclidean")},
    ],
)
def test_all_that_a_table_depends_on_is_in_its_key(lattices, change):
    """Computed after another, a table is the same as when it is alone."""
    change = dict(change)
    network, own = change.pop("network", NETWORKS[0]), {k: change.pop(k) for k in ("seed", "n_images") if k in change}
    first, other = lattices[0], Lattice(lattices[0].identity, 1, 3, batch=1, **{"n_images": 30} | own)
    before = run(lattice_energies, [first], NETWORKS[:1], **OPTIONS)
    after = run(lattice_energies, [other], [network], **OPTIONS | change)
    (cloud,) = embed([other], [network], n_jobs=1, progress=False)[network.name]
    assert_frame_equal(after, lattice_energies(cloud, other, **OPTIONS | change), check_exact=True)
    assert not after.equals(before)


def test_a_network_under_another_name_reads_the_table(lattices, drawn):
    found = run(lattice_energies, lattices[:1], [tiny("one")], **OPTIONS)
    drawn.clear()
    renamed = run(lattice_energies, lattices[:1], [tiny("null")], **OPTIONS)
    assert drawn == [] and set(renamed.network) == {"null"}
    assert_frame_equal(renamed.drop(columns="network"), found.drop(columns="network"), check_exact=True)


def test_what_is_refused(lattices):
    with pytest.raises(ValueError, match="lattices and networks must not be empty; got 0 and 2"):
        run(lattice_energies, [], scales=[1.0])
    with pytest.raises(ValueError, match="parameters must be plain JSON values"):
        run(lattice_energies, lattices, scales=np.ones(2))
