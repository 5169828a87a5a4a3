"""Groups of images: people that are found, counted by hand, and people that are not there."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from frlib.geometry import groups_left, merges, plateau, same_nearest

CODES = np.repeat(np.arange(20), 5)


def cloud(apart, seed=0):
    rng = np.random.default_rng(seed)
    return apart * rng.normal(size=(20, 6))[CODES] + rng.normal(size=(100, 6))


def test_people_far_apart_are_the_groups():
    distances = cdist(cloud(50), cloud(50))
    found = plateau(merges(distances), CODES)
    assert found.agreement == 1 and found.width > 3
    assert same_nearest(distances, CODES) == 1


def test_where_there_are_no_people_there_is_no_plateau():
    distances = cdist(cloud(0), cloud(0))
    found = plateau(merges(distances), CODES)
    assert abs(found.agreement) < 0.1 and found.width < 1.2
    assert same_nearest(distances, CODES) < 0.2


@pytest.mark.parametrize("method", ["average", "single", "complete"])
def test_groups_are_counted_as_they_merge(method):
    """Pairs 1 apart, and the pairs in two heaps 10 and 100 apart on a line."""
    line = np.array([0, 1, 10, 11, 100, 101.0])
    tree = merges(np.abs(line[:, None] - line), method)
    assert groups_left(tree, [0, 0.99, 1, 5, 50, 200]).tolist() == [6, 6, 3, 3, 2, 1]


def test_width_is_the_ratio_of_the_distances_around_the_number_of_people():
    """40 images of 20 people, one group less at every whole distance: 22 groups are left at 18, 18 at 22."""
    tree = np.zeros((39, 4))
    tree[:, :2] = [(0, 1), *((k, 38 + k) for k in range(2, 40))]
    tree[:, 2], tree[:, 3] = np.arange(1, 40), np.arange(2, 41)
    assert groups_left(tree, [18, 21, 22]).tolist() == [22, 19, 18]
    # The first distance with fewer than 18, over the last with more than 22: what lies between is the plateau.
    assert plateau(tree, np.repeat(np.arange(20), 2)).width == pytest.approx(23 / 18)


def test_ten_percent_of_a_hundred_people_are_ten():
    """200 images of 100 people, one group less at every whole distance: 110 groups are left at 90, 90 at 110."""
    tree = np.zeros((199, 4))
    tree[:, :2] = [(0, 1), *((k, 198 + k) for k in range(2, 200))]
    tree[:, 2], tree[:, 3] = np.arange(1, 200), np.arange(2, 201)
    assert plateau(tree, np.repeat(np.arange(100), 2)).width == pytest.approx(111 / 90)


def test_copies_have_a_plateau_without_end(recwarn):
    copies = np.repeat(np.arange(4.0), 3)
    found = plateau(merges(np.abs(copies[:, None] - copies)), copies)
    assert found.agreement == 1 and found.width == np.inf and not recwarn.list


def test_what_is_refused():
    tree = merges(cdist(cloud(1), cloud(1)))
    with pytest.raises(ValueError, match="two images each on average; got 1 in 100 images"):
        plateau(tree, np.zeros(100))
    with pytest.raises(ValueError, match="two images each on average; got 100 in 100 images"):
        plateau(tree, np.arange(100))
    with pytest.raises(ValueError, match=r"identities must have shape \(100,\), one per image; got \(3,\)"):
        plateau(tree, [1, 2, 3])
    with pytest.raises(ValueError, match="distances must be symmetric; got a pair whose two differ by 1"):
        merges([[0, 1], [2, 0]])
    with pytest.raises(ValueError, match="distances must not be negative; got -1"):
        merges([[0, -1], [-1, 0]])
    assert merges([[0, -1e-16, 1], [1e-16, 0, 1], [1, 1, 0]])[:, 2].tolist() == [0, 1], "rounding is no fault"
