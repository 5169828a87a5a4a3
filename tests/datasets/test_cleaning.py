"""Paper A's cleaning equals a plain one in numpy, and its table counts what is there."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from frlib.clouds import Cloud
from frlib.datasets import Faces, Photographs, at_least_images, clean, one_face, without_outliers
from frlib.datasets.cleaning import near_others

METRICS = {"cosine": "cosine", "euclidean": "sqeuclidean"}  # the authors' FaceNet distances are squared


def plain_filter(points: np.ndarray, metric: str, k: int) -> np.ndarray:
    """Step 6 of the authors' scripts, as PAPER.md describes it, row by row."""
    distances = cdist(points, points, METRICS[metric])
    np.fill_diagonal(distances, 0)
    middle = np.median(distances.flatten())
    kept = []
    for row, own in enumerate(distances):
        others = sorted(np.delete(own, row))
        kept.append(len(others) >= k and others[k - 1] < middle)
    return np.array(kept)


def photographs_of(identities) -> Photographs:
    return Photographs([f"{k}.jpg" for k in range(len(identities))], list(identities))


def clouds_of(identities, points, metric: str = "cosine") -> list[Cloud]:
    codes, people = pd.factorize(np.array(identities))
    rows = [np.flatnonzero(codes == k) for k in range(len(people))]
    return [Cloud(torch.from_numpy(points[own]), metric=metric, table=pd.DataFrame({"row": own})) for own in rows]


def faces_of(identities, numbers) -> Faces:
    table = pd.DataFrame({"identity": list(identities), "faces": numbers})
    return Faces(table, torch.zeros(len(table), 5, 2), ("",) * len(table))


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(1, 3), st.sampled_from(list(METRICS)), st.integers(0, 2**32 - 1))
def test_the_filter_is_that_of_the_authors(n, k, metric, seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 6)) * rng.choice([1, 5], size=(n, 1)) + 0.1
    assert near_others(torch.from_numpy(points), metric, k).tolist() == plain_filter(points, metric, k).tolist()


@given(st.integers(1, 3))
def test_small_clouds_vanish(n):
    points = torch.from_numpy(np.random.default_rng(n).normal(size=(n, 4)))
    assert not near_others(points, "cosine").any()


def test_a_far_image_goes_and_the_others_stay():
    points = np.random.default_rng(0).normal(size=(30, 8)) * 0.1 + np.eye(8)[0]
    points[7] = np.eye(8)[1]
    kept = near_others(torch.from_numpy(points), "cosine")
    assert not kept[7] and kept.sum() == 29


@settings(max_examples=40)
@given(st.data())
def test_all_steps_are_those_of_a_plain_cleaning(data):
    """In two networks, after other steps, from clouds that were made before them."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    sizes = data.draw(st.lists(st.integers(4, 14), min_size=2, max_size=5))
    identities = rng.permutation(np.repeat([f"p{k}" for k in range(len(sizes))], sizes))
    numbers = rng.choice([0, 1, 1, 1, 2], size=len(identities))
    numbers[:4] = 1
    nets = {
        "one": ("cosine", rng.normal(size=(len(identities), 5))),
        "two": ("euclidean", rng.normal(size=(len(identities), 3))),
    }
    clouds = {name: clouds_of(identities, points, metric) for name, (metric, points) in nets.items()}
    least = data.draw(st.integers(1, 4))
    steps = [one_face(faces_of(identities, numbers)), at_least_images(least), without_outliers(clouds)]
    table = pd.DataFrame({"who": identities, "faces": numbers})
    counts = [(len(table), table.who.nunique())]
    table = table[table.faces == 1]
    counts.append((len(table), table.who.nunique()))
    table = table[table.groupby("who").faces.transform("size") >= least]
    counts.append((len(table), table.who.nunique()))
    kept = []
    for _, own in table.groupby("who"):
        rows = own.index.to_numpy()
        near = [plain_filter(points[rows], metric, 1) for metric, points in nets.values()]
        kept += rows[near[0] & near[1]].tolist()
    if not kept:
        with pytest.raises(ValueError, match="steps must leave a photograph"):
            clean(photographs_of(identities), steps)
        return
    counts.append((len(kept), len(set(identities[kept]))))
    found = clean(photographs_of(identities), steps)
    assert found.rows.tolist() == sorted(kept)
    assert found.photographs.paths == tuple(f"{k}.jpg" for k in sorted(kept))
    assert found.steps["step"].tolist() == ["exactly one face", f"at least {least} images", "without outliers"]
    assert found.steps[["images_before", "people_before"]].to_numpy().tolist() == [list(c) for c in counts[:-1]]
    assert found.steps[["images", "people"]].to_numpy().tolist() == [list(c) for c in counts[1:]]


def test_no_step_keeps_everything():
    found = clean(photographs_of("aab"), [])
    assert found.rows.tolist() == [0, 1, 2] and found.steps.empty


def test_errors_of_steps():
    people = ["a"] * 5
    with pytest.raises(ValueError, match="number must be an integer of at least 1; got 0"):
        at_least_images(0)
    with pytest.raises(ValueError, match="neighbors must be an integer of at least 1; got 0"):
        without_outliers({"net": clouds_of(people, np.eye(5))}, neighbors=0)
    with pytest.raises(ValueError, match="clouds must hold at least one network; got none"):
        without_outliers({})
    with pytest.raises(ValueError, match="clouds must be those of Crops"):
        without_outliers({"net": [Cloud(torch.eye(2))]})
    with pytest.raises(ValueError, match="steps must leave a photograph; after 'at least 6 images' none is left of 5"):
        clean(photographs_of(people), [at_least_images(6)])
    lacking = {"net": clouds_of(people[:4], np.random.default_rng(0).normal(size=(4, 3)))}
    message = re.escape("clouds['net'] must have every photograph; row 4 has no embedding")
    with pytest.raises(ValueError, match=message):
        clean(photographs_of(people), [without_outliers(lacking)])
