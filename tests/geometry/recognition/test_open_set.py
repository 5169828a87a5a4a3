"""A rule that may say nobody: its answers by hand, and the shares that must add up."""

import numpy as np
import pandas as pd
import pytest

from frlib.geometry import answer_shares, open_set_trials, right_at_strangers

HAND = pd.DataFrame(
    {
        "trial": 0,
        "known": [True, True, True, True, False, False],
        "distance": [0.1, 0.3, 0.2, 0.6, 0.25, 0.7],
        "right": [True, True, False, True, False, False],
    }
)


def people(n=8, images=4, noise=0.1, seed=0):
    rng, codes = np.random.default_rng(seed), np.repeat(np.arange(n), images)
    return rng.normal(size=(n, 6))[codes] + noise * rng.normal(size=(n * images, 6)), codes


def test_answers_by_hand():
    found = answer_shares(HAND, [0.0, 0.25, 1.0]).set_index(["known", "answer", "threshold"]).share.sort_index()
    assert found[True, "right person"].tolist() == [0, 0.25, 0.75]
    assert found[True, "wrong person"].tolist() == [0, 0.25, 0.25]
    assert found[False, "wrong person"].tolist() == [0, 0.5, 1]
    assert (False, "right person", 0.0) not in found.index
    sums = answer_shares(HAND, [0.0, 0.25, 1.0]).groupby(["known", "threshold"]).share.sum()
    assert sums.tolist() == pytest.approx([1] * 6)


def test_right_answers_where_few_strangers_pass():
    assert right_at_strangers(HAND, 0.0).tolist() == [0.25]  # the nearest stranger is at .25
    assert right_at_strangers(HAND, 0.5).tolist() == [0.75]
    assert right_at_strangers(HAND, 1.0).tolist() == [0.75]


def test_means_and_deviations_are_over_trials():
    two = pd.concat([HAND, HAND.assign(trial=1, distance=0.0)])
    row = answer_shares(two, [0.25]).query("known and answer == 'right person'").iloc[0]
    assert row.share == pytest.approx((0.25 + 0.75) / 2) and row.sd == pytest.approx(0.5 / np.sqrt(2))
    assert np.isnan(answer_shares(HAND, [0.25]).sd).all()


def test_half_is_enrolled_with_its_first_images():
    points, codes = people()
    trials = open_set_trials(points, codes, gallery_images=3, trials=5, seed=2)
    for _, part in trials.groupby("trial"):
        assert part.known.sum() == 4 and (~part.known).sum() == 16
        assert part.right[part.known].all() and not part.right[~part.known].any()
    assert trials.distance[trials.known].max() < trials.distance[~trials.known].min()


def test_trials_do_not_depend_on_how_many_there_are():
    points, codes = people()
    few, many = (open_set_trials(points, codes, gallery_images=1, trials=k) for k in (2, 4))
    pd.testing.assert_frame_equal(few, many[many.trial < 2])


@pytest.mark.parametrize(
    ("n", "gallery", "message"),
    [
        (3, 1, "identities must hold at least four; got 3"),
        (4, 4, "gallery_images must leave everybody an image to try; 0 has 4"),
        (4, 0, "gallery_images must be an integer of at least 1; got 0"),
    ],
)
def test_what_is_refused(n, gallery, message):
    points, codes = people(n)
    with pytest.raises(ValueError, match=message):
        open_set_trials(points, codes, gallery_images=gallery)


def test_a_share_is_one():
    with pytest.raises(ValueError, match="share must lie between 0 and 1; got 1.5"):
        right_at_strangers(HAND, 1.5)
