"""Energies in short: arrays and ranks against pandas, intervals against resampling and closed forms."""

import itertools

import numpy as np
import pandas as pd
import pytest

from frlib.fingerprint.summary import array_of, cube, fingerprint_summary, ranking, table_of
from frlib.geometry import resampled_means

ATTRIBUTES, SCALES = ["head_angle", "age", "hue"], [0.4, 0.8, 1.2]


def table(networks=(("first", 6), ("second", 3)), seed=0):
    rng = np.random.default_rng(seed)
    places = [(n, i, a, s) for n, count in networks for i, a, s in itertools.product(range(count), ATTRIBUTES, SCALES)]
    rows = pd.DataFrame(places, columns=["network", "identity", "attribute", "scale"])
    rows["energy"] = rng.uniform(0, 1, len(rows))
    rows["neighbors"], rows["isolated"] = 10 * rows["scale"], 0.5 - rows["scale"] / 4
    return rows.assign(displacement=rng.uniform(0.1, 1, len(rows)))


def test_an_entry_of_the_cube_is_the_row_of_its_identity_attribute_and_scale():
    rows = table(networks=(("first", 4),)).sample(frac=1, random_state=0)
    for attributes in (None, sorted(ATTRIBUTES)):
        found = cube(rows, "energy", attributes)
        names = attributes or list(dict.fromkeys(rows.attribute))
        for (i, a), (j, s) in itertools.product(enumerate(names), enumerate(SCALES)):
            own = rows[(rows.attribute == a) & (rows.scale == s)].set_index("identity").energy.sort_index()
            assert (found[:, i, j] == own).all()


def test_a_cube_needs_each_place_once():
    rows = table(networks=(("first", 2),))
    with pytest.raises(ValueError, match="combination of identity, attribute, scale once; got 36 rows for 2 x 3 x 3"):
        cube(pd.concat([rows, rows.assign(network="second")]))
    with pytest.raises(ValueError, match="got 17 rows for 2 x 3 x 3"):
        cube(rows.iloc[1:])
    assert np.array_equal(cube(rows, attributes=["age"])[:, 0], cube(rows)[:, list(ATTRIBUTES).index("age")])


def test_an_array_has_the_axes_that_are_asked_for():
    rows = table(networks=(("first", 2), ("second", 2))).sample(frac=1, random_state=0)
    found = array_of(rows, "energy", scale=SCALES[::-1], network=["second", "first"], attribute=["hue"], identity=[1])
    assert found.shape == (len(SCALES), 2, 1, 1)
    for (i, scale), (j, network) in itertools.product(enumerate(SCALES[::-1]), enumerate(["second", "first"])):
        own = rows[(rows.scale == scale) & (rows.network == network) & (rows.attribute == "hue") & (rows.identity == 1)]
        assert found[i, j, 0, 0] == own.energy.item()
    with pytest.raises(ValueError, match="combination of network, scale once; got 18 rows for 1 x 3"):
        array_of(rows, "energy", network=["first"], scale=SCALES)


def test_means_and_intervals_are_over_identities_drawn_again():
    rows = table()
    found = fingerprint_summary(rows, n_points=21, draws=300, seed=2).set_index(["network", "attribute", "scale"])
    for network, count in (("first", 6), ("second", 3)):
        one = rows.query("network == @network and attribute == 'age' and scale == 0.8").sort_values("identity")
        here = found.loc[(network, "age", 0.8)]
        draws = resampled_means(one.energy.to_numpy(), 300, seed=2)
        assert here.energy == pytest.approx(one.energy.mean())
        assert (here.energy_low, here.energy_high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
        assert here.identities == count
        assert here.share == pytest.approx(8 / 20)


def test_ranks_are_those_of_the_means_and_the_interval_holds_them():
    rows = table()
    found = fingerprint_summary(rows, n_points=21, draws=400)
    means = rows.groupby(["network", "scale", "attribute"]).energy.mean()
    for (network, scale), own in found.groupby(["network", "scale"]):
        expected = means[network, scale].rank(ascending=False)
        assert (own.set_index("attribute")["rank"] == expected.reindex(own.attribute)).all()
    assert ((found.rank_low <= found["rank"]) & (found["rank"] <= found.rank_high)).all()
    assert found.rank_sure.between(0, 1).all()


def test_a_sure_order_has_ranks_without_width():
    rows = table()
    rows["energy"] = rows.attribute.map({"head_angle": 0.1, "age": 0.5, "hue": 0.9}) + 0.01 * rows.energy
    found = fingerprint_summary(rows, n_points=21)
    assert (found.rank_sure == 1).all()
    assert (found.rank_low == found.rank_high).all()
    assert set(found[found.attribute == "hue"]["rank"]) == {1}


def test_a_scale_without_any_pair_has_no_energy_and_no_rank():
    rows = table()
    rows.loc[(rows.network == "second") & (rows.scale == 0.4), "energy"] = np.nan
    found = fingerprint_summary(rows, n_points=21).set_index(["network", "scale"])
    assert found.loc[("second", 0.4), ["energy", "energy_low", "rank"]].isna().all(axis=None)
    assert found.loc[("first", 0.4), ["energy", "energy_low", "rank"]].notna().all(axis=None)


def test_wrong_input_names_the_argument():
    with pytest.raises(ValueError, match="table must have a column 'displacement'"):
        fingerprint_summary(table().drop(columns="displacement"), n_points=21)
    with pytest.raises(
        ValueError, match="number of identities of 'second' in table must be an integer of at least 2; got 1"
    ):
        fingerprint_summary(table(networks=(("first", 2), ("second", 1))), n_points=21)
    with pytest.raises(ValueError, match="got 53 rows for 6 x 3 x 3"):
        fingerprint_summary(table().iloc[1:], n_points=21)


def test_the_ranking_has_means_at_scale_one_and_intervals_of_student():
    rows = pd.DataFrame(
        itertools.product(range(3), ["hue", "age"], [0.5, 1.0]), columns=["identity", "attribute", "scale"]
    )
    rows["energy"] = 0.2 + 0.1 * rows.identity * (rows.attribute == "hue")
    rows["displacement"] = np.where(rows.attribute == "age", [1, 1, 2, 2, 4, 4] * 2, 0.1 * rows.identity)
    rows = rows.assign(isolated=0.25)
    rows.loc[rows.scale == 0.5, ["energy", "displacement", "isolated"]] = np.nan
    kept = pd.DataFrame({"attribute": ["hue", "hue", "age"], "curves_accepted": [1.0, 0.5, 0.9]})
    found = ranking(rows, kept).set_index("attribute")
    assert list(found.index) == ["age", "hue"], "what moves the embedding most comes first"
    assert list(found.energy_rank) == [1, 2]
    assert list(found.curves_accepted) == [0.9, 0.75]
    # t of two degrees of freedom has the 97.5 % quantile 4.302653; values 0, .1, .2 have standard error .1 / sqrt 3.
    half = 4.302653 * 0.1 / np.sqrt(3)
    assert found.displacement_high["hue"] == pytest.approx(0.1 + half)
    assert found.displacement_low["hue"] == 0, "a displacement is never negative"
    assert found.energy_low["hue"] == pytest.approx(0.3 - half)
    assert [found.energy_low["age"], found.energy_high["age"]] == pytest.approx([0.2, 0.2])
    with pytest.raises(ValueError, match="energies must have rows at scale 1; got 0.5"):
        ranking(rows[rows.scale == 0.5])


def test_a_table_of_an_array_gives_the_array_again():
    values = np.random.default_rng(0).normal(size=(2, 3, 4))
    axes = {"network": ["b", "a"], "attribute": ATTRIBUTES, "scale": [0.5, 1.0, 0.1, 2.0]}
    found = table_of(values, "energy", **axes)
    assert list(found) == [*axes, "energy"]
    assert np.array_equal(array_of(found.sample(frac=1, random_state=0), "energy", **axes), values)
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4\), as the axes; got \(2, 3\)"):
        table_of(values[..., 0], "energy", **axes)
