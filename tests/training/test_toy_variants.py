"""Variants of the toy experiment: one change each, and tables that agree with the experiments behind them."""

import pandas as pd
import pytest

from frlib.training import compare_dimensions, run_variants, toy_experiment, toy_variants, variant_gaps, variant_table


@pytest.fixture(scope="module")
def results():
    kept = [("useless dimensions", "2"), ("wrong labels", "10 %"), ("step h", "2"), ("variant", "as above")]
    variants = toy_variants([2], [0.1], points_per_blob=30)
    return run_variants({key: variants[key] for key in kept}, [0, 1, 2], [0.5, 3.0], progress=False)


def test_every_setting_changes_one_thing():
    variants = toy_variants([1, 64], [0.0, 0.05, 0.4], points_per_blob=30)
    assert len(variants) == 2 + 3 + 4 + 5
    assert variants["wrong labels", "5 %"] == {"blobs": {"points_per_blob": 30, "label_noise": 0.05}}
    for key, setting in variants.items():
        own = {name: value for name, value in setting["blobs"].items() if name != "points_per_blob"}
        changed = len(own) + sum(len(setting.get(part, {})) for part in ("fields", "training"))
        assert setting["blobs"]["points_per_blob"] == 30
        assert changed == (0 if key == ("variant", "as above") else 1), key


def test_a_setting_is_run_as_it_says(results):
    direct = toy_experiment([0, 1, 2], [0.5, 3.0], blobs={"points_per_blob": 30, "label_noise": 0.1}, progress=False)
    pd.testing.assert_frame_equal(results["wrong labels", "10 %"].energies, direct.energies)


def test_the_tables_are_those_of_the_experiments(results):
    gaps = variant_gaps(results, seed=3)
    table = variant_table(results, gaps)
    assert list(table.index) == list(results)
    for key, result in results.items():
        own = compare_dimensions(result.energies, seed=3).dropna()
        rows = gaps[(gaps["change"] == key[0]) & (gaps["setting"] == key[1])]
        assert rows["difference"].tolist() == own["difference"].tolist()
        assert table.loc[key, "difference"] == pytest.approx(own["difference"].mean())
        assert table.loc[key, "p"] == own["p"].max()
        assert table.loc[key, "train"] == pytest.approx(float(result.ensemble.accuracy.mean()))
        assert table.loc[key, "test"] == pytest.approx(float(result.test_accuracy.mean()))
        useless = result.energies.query("kind == 'useless'")["displacement"].mean()
        assert table.loc[key, "useless"] == pytest.approx(useless)
    assert table.loc[("wrong labels", "10 %"), "test"] < table.loc[("variant", "as above"), "test"]
