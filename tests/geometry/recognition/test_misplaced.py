"""Images with another person than their own, and people who are taken for one: loops over pairs say the same."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from frlib.geometry import confused_people, image_placements, pair_distances, threshold_at, verification

SIZES = st.lists(st.integers(1, 5), min_size=2, max_size=6).filter(lambda sizes: max(sizes) > 1)


def crowd(sizes, seed):
    rng = np.random.default_rng(seed)
    who = rng.permutation(np.repeat([f"p{k}" for k in range(len(sizes))], sizes))
    return rng.normal(size=(len(who), 4)), who


def numbered(who):
    names = list(dict.fromkeys(who))
    return names, np.array([names.index(name) for name in who])


@given(SIZES, st.integers(0, 99), st.floats(0.2, 6), st.sampled_from(["cosine", "euclidean"]))
def test_placements_are_those_of_a_loop(sizes, seed, threshold, metric):
    points, who = crowd(sizes, seed)
    distances, (_, codes) = pair_distances(points, metric=metric).numpy(), numbered(who)
    table = image_placements(points, who, threshold, metric=metric)
    for k, row in table.iterrows():
        others = [j for j in range(len(who)) if j != k]
        own = [distances[k, j] for j in others if codes[j] == codes[k]]
        mean = {c: np.mean([distances[k, j] for j in others if codes[j] == c]) for c in set(codes) - {codes[k]}}
        nearest = min(mean, key=mean.get)
        assert row["other"] == nearest and row["to_other"] == pytest.approx(mean[nearest])
        assert row["own"] == (pytest.approx(np.mean(own)) if own else pytest.approx(np.nan, nan_ok=True))
        misplaced = mean[nearest] <= threshold and (not own or mean[nearest] < np.mean(own))
        assert row["misplaced"] == misplaced
        assert row["alone"] == (bool(own) and min(own) > threshold and not misplaced)


@given(SIZES, st.integers(0, 99), st.floats(0.2, 6))
def test_confused_people_are_those_of_a_loop(sizes, seed, threshold):
    points, who = crowd(sizes, seed)
    distances, (names, codes) = pair_distances(points, metric="euclidean").numpy(), numbered(who)
    table = confused_people(points, who, threshold, metric="euclidean")
    expected = {}
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            pairs = {(i, j): distances[i, j] for i in np.flatnonzero(codes == a) for j in np.flatnonzero(codes == b)}
            expected[a, b] = (min(pairs, key=pairs.get), sum(d <= threshold for d in pairs.values()), len(pairs))
    nearest = min(expected, key=lambda people: distances[expected[people][0]])
    shown = {people for people, (_, accepted, _) in expected.items() if accepted} | {nearest}
    assert set(zip(table["person"], table["other"], strict=True)) == shown
    assert (np.diff(table["distance"]) >= 0).all()
    for row in table.itertuples():
        images, accepted, pairs = expected[row.person, row.other]
        assert (row.accepted, row.pairs) == (accepted, pairs)
        assert row.distance == distances[images] == distances[row.image, row.other_image]


def test_a_swapped_image_is_found_and_nothing_else():
    """Two tight heaps far apart; one image of the first bears the name of the second."""
    rng = np.random.default_rng(0)
    points = np.repeat([[0.0, 0], [10, 0]], 5, axis=0) + 0.1 * rng.normal(size=(10, 2))
    who = np.repeat(["ann", "bob"], 5)
    who[2] = "bob"
    threshold = verification(points, who, metric="euclidean")["threshold"]
    table = image_placements(points, who, threshold, metric="euclidean")
    assert list(np.flatnonzero(table["misplaced"])) == [2] and not table["alone"].any()
    assert table["other"][2] == 0


@given(SIZES, st.integers(0, 99), st.floats(0.01, 0.9))
def test_the_threshold_at_a_rate_accepts_no_more_and_the_next_one_does(sizes, seed, far):
    points, who = crowd(sizes, seed)
    distances, (_, codes) = pair_distances(points, metric="euclidean").numpy(), numbered(who)
    one, two = np.triu_indices(len(who), 1)
    different = np.sort(distances[one, two][codes[one] != codes[two]])
    found = threshold_at(points, who, far, metric="euclidean")
    all_values = np.sort(distances[one, two])
    if np.isnan(found):
        assert (different <= all_values[0]).mean() > far
        return
    assert (different <= found).mean() <= far
    after = all_values[all_values > found]
    assert not len(after) or (different <= after[0]).mean() > far


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: image_placements(p, ["a"] * 4, 1.0), "identities must hold at least two different ones; got only a"),
        (lambda p: confused_people(p, list("aabb"), float("nan")), "threshold must be a finite number"),
        (lambda p: threshold_at(p, list("aabb"), 1.0), "far must lie between 0 and 1, both excluded; got 1.0"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.eye(4))
