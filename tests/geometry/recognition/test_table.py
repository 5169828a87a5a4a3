"""The table of recognition has the figures of each network."""

import types

import numpy as np
import pandas as pd
import torch

from frlib.geometry import auc_interval, distance_summary, recognition_table, verification


def clouds(metric: str, seed: int) -> list:
    rng = np.random.default_rng(seed)
    people = rng.normal(size=(5, 1, 8)) + 0.6 * rng.normal(size=(5, 6, 8))
    return [types.SimpleNamespace(points=torch.tensor(p), metric=metric, identity=k) for k, p in enumerate(people)]


def test_each_row_has_the_figures_of_its_network():
    own = {"one": clouds("cosine", 0), "two": clouds("euclidean", 1)}
    found = recognition_table(own)
    assert list(found.metric) == ["cosine", "euclidean"] and found.index.name == "network"
    assert found.drop(columns="metric").dtypes.map(pd.api.types.is_numeric_dtype).all()
    for name, people in own.items():
        for part in (distance_summary(people), verification(people)[["auc", "eer", "threshold", "accuracy"]]):
            assert (found.loc[name, part.index] == part).all()
        assert (found.loc[name, ["auc_low", "auc_high"]].tolist()) == auc_interval(people)[["low", "high"]].tolist()
        assert found.loc[name, ["same_pairs", "different_pairs"]].tolist() == [5 * 15, 30 * 29 // 2 - 5 * 15]


def test_a_rate_is_known_where_enough_pairs_may_be_accepted():
    people = clouds("cosine", 0)  # 360 pairs of two people: 3.6 of them at a rate of 1 %
    rates = ["tar_at_1e-2", "tar_at_1e-3"]
    few, some, all_ = (recognition_table({"a": people}, accepted_at_least=n).loc["a", rates] for n in (10, 3, 0))
    assert few.isna().all() and list(some.isna()) == [False, True]
    assert (all_ == verification(people)[rates]).all()
