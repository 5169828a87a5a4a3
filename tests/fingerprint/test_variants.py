"""Ways of measuring, compared: by hand on small tables, and theorems of paired differences."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.fingerprint import means_over_identities, paired_changes, variant_summary
from frlib.geometry import mean_interval

ATTRIBUTES, PEOPLE = ["age", "hue", "expression"], range(4)


def energies(seed=0, variants=("plain", "raw"), scales=(1.0, 0.5)):
    rng = np.random.default_rng(seed)
    places = itertools.product(["one", "two"], PEOPLE, ATTRIBUTES, scales, variants)
    table = pd.DataFrame(places, columns=["network", "identity", "attribute", "scale", "way"])
    return table.assign(energy=rng.uniform(0, 1, len(table))).sample(frac=1, random_state=seed)


def at(table, **place):
    return table.loc[(table[list(place)] == pd.Series(place)).all(axis=1)]


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_a_mean_and_its_interval_are_those_of_each_group(seed):
    table = energies(seed)
    found = means_over_identities(table, "energy", ["way", "attribute", "scale", "network"])
    for row in found.itertuples():
        own = at(table, way=row.way, attribute=row.attribute, scale=row.scale, network=row.network).energy
        expected = mean_interval(own)
        assert (row.energy, row.half) == pytest.approx((expected.mean, expected.half))
        assert (row.low, row.high) == pytest.approx((expected.low, expected.high))
    assert len(found) == 2 * 3 * 2 * 2
    first = dict.fromkeys(table[["way", "attribute", "scale", "network"]].itertuples(index=False, name=None))
    assert list(found[["way", "attribute", "scale", "network"]].itertuples(index=False, name=None)) == list(first)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_changes_are_between_energies_of_the_same_place(seed):
    table = energies(seed, variants=("plain", "raw", "tangent"))
    found = paired_changes(table, "way", "plain")
    assert len(found) == len(table) * 2 / 3 and "plain" not in set(found.way)
    for row in found.itertuples():
        place = {"network": row.network, "identity": row.identity, "attribute": row.attribute, "scale": row.scale}
        own, other = at(table, **place, way=row.way).energy.item(), at(table, **place, way="plain").energy.item()
        assert (row.reference, row.change) == pytest.approx((other, own - other))


def test_a_place_without_a_counterpart_has_no_change():
    table = energies().query("not (way == 'plain' and network == 'one' and attribute == 'age')")
    found = paired_changes(table, "way", "plain")
    assert found.change.isna().sum() == 4 * 2
    assert at(found, network="one", attribute="age").change.isna().all()


def test_one_shift_for_all_is_the_change_and_keeps_the_order():
    """The people's own levels and the attributes' cancel: pairs leave the shift, with an interval of no width."""
    table = energies(variants=("plain",))
    table = pd.concat([table, table.assign(way="shifted", energy=table.energy + 0.25)])
    found = variant_summary(table, "way", "plain")
    assert list(found.index.names) == ["network", "way"] and len(found) == 2
    for row in found.itertuples():
        assert (row.change, row.largest, row.order) == pytest.approx((0.25, 0.25, 1))
        assert (row.half, row.largest_half) == pytest.approx((0, 0), abs=1e-12)
        assert row.clear == 3


def test_a_summary_is_of_one_scale_and_names_the_largest_change():
    table = energies(variants=("plain",))
    moved = table.assign(way="moved", energy=1 - table.energy)  # every order is reversed
    moved.loc[moved.scale == 0.5, "energy"] = 7  # another scale: left out
    for network, attribute in (("one", "hue"), ("two", "age")):
        moved.loc[(moved.network == network) & (moved.attribute == attribute), "energy"] -= 5
    found = variant_summary(pd.concat([table, moved]), "way", "plain").reset_index().set_index("network")
    assert found.largest_at.to_dict() == {"one": "hue", "two": "age"}
    assert (found.largest < -3).all() and (found.clear >= 1).all()
    plain, other = (t[(t.scale == 1.0) & (t.network == "one")] for t in (table, moved))
    change = other.groupby("identity").energy.mean() - plain.groupby("identity").energy.mean()
    assert (found.change["one"], found.half["one"]) == pytest.approx(tuple(mean_interval(change)))


def test_reversed_energies_have_the_opposite_order():
    table = energies(variants=("plain",)).drop(columns="scale").drop_duplicates(["network", "identity", "attribute"])
    found = variant_summary(pd.concat([table, table.assign(way="not", energy=1 - table.energy)]), "way", "plain")
    assert found.order.tolist() == pytest.approx([-1, -1])


def test_a_variant_without_energies_has_a_row_of_nothing():
    table = energies()
    table.loc[(table.way == "raw") & (table.network == "two"), "energy"] = np.nan
    found = variant_summary(table, "way", "plain")
    assert found.loc[("two", "raw"), ["change", "half", "clear", "largest", "order"]].isna().all()
    assert found.loc[("two", "raw"), "largest_at"] == "" and not found.loc[("one", "raw")].isna().any()


def test_wrong_tables_are_named():
    table = energies()
    with pytest.raises(ValueError, match="reference must be one of .*; got 'none'"):
        paired_changes(table, "way", "none")
    with pytest.raises(ValueError, match="table must have a column 'kind'"):
        paired_changes(table, "kind", "plain")
    with pytest.raises(ValueError, match="one energy for each way, network, identity, attribute, scale; got 96 more"):
        paired_changes(pd.concat([table, table]), "way", "plain")
    with pytest.raises(ValueError, match=r"scale must be one of 0.5, 1.0; got 0.7"):
        variant_summary(table, "way", "plain", scale=0.7)
    with pytest.raises(ValueError, match="table must have a column 'hue'"):
        means_over_identities(table, "hue", ["way"])
