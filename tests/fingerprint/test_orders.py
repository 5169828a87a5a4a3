"""Orders of attributes over identities: clear cases, chance, and what they do not depend on."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from frlib.fingerprint import (
    against_others,
    agreement_with,
    crossing_pairs,
    extreme_shares,
    filled_scales,
    lowest_shares,
    table_of,
)
from frlib.geometry import mean_interval

NAMES, SCALES = ["age", "hue", "pose", "light"], [0.1, 1.0]


def energies(values, network="one"):
    """Return a table from an array (identities, attributes, scales)."""
    axes = {"identity": range(len(values)), "attribute": NAMES, "scale": SCALES}
    return table_of(np.asarray(values, dtype=float), "energy", **axes).assign(network=network)


def people(means, n=8, spread=0.0, seed=0):
    """Return identities around means (attributes, scales)."""
    return np.asarray(means) + spread * np.random.default_rng(seed).normal(size=(n, len(NAMES), len(SCALES)))


TURNED = [[0.1, 0.8], [0.2, 0.3], [0.3, 0.9], [0.4, 0.5]]


def test_a_clear_order_is_in_every_draw():
    table = energies(people(TURNED))
    found = extreme_shares(table, highest=True).set_index(["attribute", "scale"]).share
    assert found["light", 0.1] == found["pose", 0.1] == found["pose", 1.0] == found["age", 1.0] == 1
    assert found["age", 0.1] == found["light", 1.0] == 0
    low = extreme_shares(table, highest=False).set_index(["attribute", "scale"]).share
    assert np.allclose(low + found, 1)  # of four attributes two are high and two are low


def test_attributes_that_are_wanted_must_be_extreme_together():
    table = energies(people(TURNED))
    together = extreme_shares(table, ["age", "pose"], highest=True).set_index("scale").share
    assert together.to_dict() == {0.1: 0, 1.0: 1}
    assert extreme_shares(table, ["hue"], highest=False).set_index("scale").share.to_dict() == {0.1: 0, 1.0: 1}


def test_without_a_difference_every_order_is_as_likely():
    shares = [
        extreme_shares(energies(people(np.zeros((4, 2)), spread=1, seed=k)), highest=True, draws=50).share.to_numpy()
        for k in range(60)
    ]
    assert np.abs(np.mean(shares, axis=0) - 0.5).max() < 4 * 0.5 / np.sqrt(60)


def test_the_lowest_network_is_found_and_all_attributes_are_asked_at_once():
    low, high = energies(people(TURNED), "low"), energies(people(np.array(TURNED) + 0.05), "high")
    high.loc[(high.attribute == "hue") & (high.scale == 1.0), "energy"] -= 0.2
    found = lowest_shares(pd.concat([low, high]), "low").set_index(["attribute", "scale"]).share
    assert found["hue", 1.0] == found["all", 1.0] == 0 and found["all", 0.1] == found["age", 1.0] == 1


def test_pairs_that_cross_are_named_by_network():
    table = pd.concat(
        [
            energies(people(TURNED, spread=0.003), "turns"),
            energies(people(np.sort(TURNED, axis=0), spread=0.003), "stays"),
        ]
    )
    found = crossing_pairs(table)
    assert ("age", "hue") in found["turns"] and ("hue", "pose") not in found["turns"] and found["stays"] == []


def test_wrong_input_is_refused():
    table = energies(people(TURNED))
    with pytest.raises(ValueError, match="wanted must be one of 'age', .*; got 'smile'"):
        extreme_shares(table, ["smile"], highest=True)
    with pytest.raises(ValueError, match="network must be one of 'one'; got 'two'"):
        lowest_shares(table, "two")
    with pytest.raises(ValueError, match="the same identities in all networks; 'two' differs in 7"):
        lowest_shares(pd.concat([table, table[table.identity < 7].assign(network="two")]), "one")
    for function in (crossing_pairs, lambda t: lowest_shares(t, "one"), lambda t: extreme_shares(t, highest=True)):
        with pytest.raises(ValueError, match="'scale'"):
            function(table.drop(columns="scale"))


def test_agreement_with_an_order_is_the_mean_over_people():
    reference = pd.Series({"age": 1.0, "hue": 2.0, "pose": 3.0, "light": 4.0})
    table = energies(people(TURNED, n=5, spread=0.05))
    found = agreement_with(reference, table, ["network", "scale"]).set_index("scale")
    for scale, rows in table.groupby("scale"):
        rho = [
            spearmanr(own.set_index("attribute").energy[reference.index], reference).statistic
            for _, own in rows.groupby("identity")
        ]
        expected = mean_interval(rho)
        assert found.rho[scale] == pytest.approx(np.mean(rho)) and found.identities[scale] == 5
        assert found.low[scale] == pytest.approx(float(expected.low))
        assert found.high[scale] == pytest.approx(min(1, float(expected.high)))
    assert found.rho[0.1] > 0.9 > 0.4 > found.rho[1.0]
    one = agreement_with(reference, table[table.identity == 0], ["network", "scale"])
    assert one[["low", "high"]].isna().all(axis=None), "one person has no interval"
    with pytest.raises(ValueError, match="table must have the attributes age, hue once per identity"):
        agreement_with(reference[:2], table, ["network", "scale"])


def test_scales_are_kept_where_every_network_and_attribute_has_neighbours():
    table = energies(people(TURNED)).assign(isolated=0.2)
    table.loc[(table.scale == 0.1) & (table.attribute == "hue"), "isolated"] = 0.7
    assert set(filled_scales(table).scale) == {1.0} and set(filled_scales(table, 0.7).scale) == {0.1, 1.0}
    with pytest.raises(ValueError, match="table must have a scale with isolated at most 0.1; the least is 0.2"):
        filled_scales(table, 0.1)


def test_an_attribute_against_the_mean_of_the_others():
    table = energies(people(TURNED, n=6, spread=0.02))
    found = against_others(table, "age").set_index("scale")
    for scale, rows in table.groupby("scale"):
        wide = rows.pivot(index="identity", columns="attribute", values="energy")
        expected = mean_interval(wide["age"] - wide[["hue", "pose", "light"]].mean(axis=1))
        assert found.difference[scale] == pytest.approx(float(expected.mean))
        assert found.low[scale] == pytest.approx(float(expected.low))
        assert found.high[scale] == pytest.approx(float(expected.high))
    assert found.high[0.1] < 0 < found.low[1.0]
    shifted = against_others(table.assign(energy=table.energy + table.identity), "age")
    assert shifted.difference.to_numpy() == pytest.approx(found.difference.to_numpy())  # what all share cancels
    with pytest.raises(ValueError, match="attribute must be one of 'age', .*; got 'smile'"):
        against_others(table, "smile")
