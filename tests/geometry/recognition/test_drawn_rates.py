"""ROC curves of drawn people: the exact figures with fine bins, and people counted as often as they are drawn."""

import numpy as np
import pytest
from scipy.optimize import brentq

from frlib.geometry import (
    auc_interval,
    draw_weights,
    drawn_rates,
    intra_inter_distances,
    pair_distances,
    threshold_overlap,
    verification,
)


def people(seed=0, n=6, images=3, noise=0.8):
    rng, codes = np.random.default_rng(seed), np.repeat(np.arange(n), images)
    return rng.normal(size=(n, 5))[codes] + noise * rng.normal(size=(n * images, 5)), codes


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_each_draw_counts_pairs_as_often_as_its_people(metric):
    points, codes = people()
    distances = pair_distances(points, metric=metric).numpy()
    # More bins than pairs: every distance is a threshold, and the curves are exact.
    found = drawn_rates(points, codes, 12, bins=2000, metric=metric, seed=3).figures(far=(0.1,))
    for times, row in zip(draw_weights(6, 12, seed=3), found.itertuples(), strict=True):
        one, other = np.triu_indices(18, 1)
        same, weight = codes[one] == codes[other], times[codes[one]] * times[codes[other]]
        weight = np.where(same, times[codes[one]], weight)
        d, order = distances[one, other], np.argsort(distances[one, other])
        tar, far = (np.cumsum(np.where(kind, weight, 0)[order]) / weight[kind].sum() for kind in (same, ~same))
        wins = (weight[same][:, None] * weight[~same] * (d[same][:, None] < d[~same])).sum()
        assert row.auc == pytest.approx(wins / weight[same].sum() / weight[~same].sum())
        assert row.overlap == pytest.approx(min(1.0, (1 - tar + far).min()))
        assert row._4 == pytest.approx(tar[far <= 0.1].max(initial=0), abs=1 / 3)


def test_with_fine_bins_the_mean_draw_lies_at_the_exact_figures():
    points, codes = people(1, n=40)
    exact, drawn = verification(points, codes, far=(0.1,)), drawn_rates(points, codes, 400).figures(far=(0.1,))
    for name in ("auc", "eer"):
        assert drawn[name].mean() == pytest.approx(exact[name], abs=4 * drawn[name].std() / np.sqrt(400) + 0.004)


def test_the_width_is_that_of_the_jackknife():
    points, codes = people(2, n=40)
    assert drawn_rates(points, codes, 400).figures().auc.std() == pytest.approx(auc_interval(points, codes).se, rel=0.3)


def test_equal_errors_where_both_lines_meet():
    rates = drawn_rates(*people(5, n=20), 30)
    for far, tar, eer in zip(rates.far, rates.tar, rates.figures().eer, strict=True):
        places = np.arange(len(far))
        meet = brentq(lambda s, f=far, t=tar, p=places: np.interp(s, p, f) + np.interp(s, p, t) - 1, 0, places[-1])
        assert eer == pytest.approx(np.interp(meet, places, far), abs=1e-9)


def test_a_draw_of_one_person_has_no_rates():
    points, codes = people(7, n=2)
    alone = (draw_weights(2, 40) > 1).any(axis=1)
    assert alone.any() and (drawn_rates(points, codes, 40).figures().isna().all(axis=1) == alone).all()


def test_curves_rise_from_nothing_to_everything():
    for rates in drawn_rates(*people(6), 20):
        assert (np.diff(rates, axis=1) >= 0).all()
        assert (rates[:, 0] == 0).all() and rates[:, -1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"identities": [0, 0, 1]}, "identities must have two rows each; 1 has one"),
        ({"bins": 9}, "bins must be an integer of at least 10; got 9"),
    ],
)
def test_what_is_refused(change, message):
    given = {"embeddings": np.eye(3), "identities": [0, 0, 0]} | change
    with pytest.raises(ValueError, match=message):
        drawn_rates(**given)


def test_the_interval_covers_the_overlap_of_the_population():
    """Normal people and images: the overlap is that of very many people, known to 1 % of itself."""

    def of(n, seed):
        rng, codes = np.random.default_rng(seed), np.repeat(np.arange(n), 3)
        return 2 * rng.normal(size=(n, 5))[codes] + rng.normal(size=(3 * n, 5)), codes

    truth = threshold_overlap(*intra_inter_distances(*of(1500, 0), metric="euclidean"))
    inside = []
    for seed in range(1, 61):
        drawn = drawn_rates(*of(100, seed), 150, bins=50, metric="euclidean", seed=seed).figures().overlap
        inside.append(drawn.quantile(0.025) < truth < drawn.quantile(0.975))
    assert np.mean(inside) > 0.86  # 95 %, known to 2.8 % here
