"""One space for many networks: rotated copies agree, the sum only grows, and a new network changes nothing."""

import re
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from frlib.geometry import fit_alignment, shared_space


def networks(seed=0, dims=(6, 8, 5), n=40, noise=0.5):
    rng = np.random.default_rng(seed)
    things = rng.normal(size=(n, 5)) * [5, 4, 3, 2, 1]
    return {k: things @ rng.normal(size=(5, d)) + noise * rng.normal(size=(n, d)) + 1 for k, d in enumerate(dims)}


@pytest.mark.parametrize("normalize", [False, True])
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 5), n=st.integers(10, 30))
def test_rotated_copies_agree_wholly(normalize, seed, count, n):
    X = np.random.default_rng(seed).normal(size=(n, 4)) + 1
    turns = [np.pad(ortho_group.rvs(4, random_state=seed + k), ((0, 0), (0, 2))) for k in range(count)]
    space = shared_space({k: X @ Q + (0 if normalize else k) for k, Q in enumerate(turns)}, normalize=normalize)
    assert space.residual < 1e-20 and space.sweeps == 1 and space.consensus.shape == (n, 6)
    for k, Q in enumerate(turns):
        own = X @ Q + (0 if normalize else k)
        torch.testing.assert_close(space.maps[k].transform(own), space.consensus)
        across = space.maps[k].then(space.maps[0].inverse()).transform(own)
        back = X @ turns[0] / (np.linalg.norm(X, axis=1)[:, None] if normalize else 1)
        np.testing.assert_allclose(across, back, atol=1e-9)


@pytest.mark.filterwarnings("ignore:.*still changes")
@pytest.mark.parametrize("dimension", [None, 10, 5, 2])
def test_the_sum_of_all_mapped_networks_only_grows(dimension):
    rows, sums = networks(1), []
    for iterations in range(1, 8):
        space = shared_space(rows, dimension=dimension, normalize=False, iterations=iterations)
        sums.append(float(space.consensus.norm()))
        assert space.consensus.shape == (40, dimension or 8)
    assert all(later >= earlier * (1 - 1e-12) for earlier, later in zip(sums, sums[1:], strict=False))
    assert sums[-1] > sums[0]


def test_no_small_rotation_of_one_network_brings_it_nearer_to_the_others():
    rows = networks(2)
    space = shared_space(rows, normalize=False, iterations=2000)
    mapped = {k: space.maps[k].transform(own).numpy() for k, own in rows.items()}
    np.testing.assert_allclose(sum(mapped.values()) / 3, space.consensus, atol=1e-3)
    for own in mapped.values():
        others = sum(mapped.values()) - own
        for seed in range(20):
            A = np.random.default_rng(seed).normal(size=(8, 8))
            turned = own @ torch.linalg.matrix_exp(torch.from_numpy(0.05 * (A - A.T))).numpy()
            assert np.vdot(turned, others) < np.vdot(own, others)


def test_the_residual_is_the_share_of_the_squares_off_the_consensus():
    rows = networks(3)
    space = shared_space(rows)
    mapped = np.stack([space.maps[k].transform(own) for k, own in rows.items()])
    mean = mapped.mean(axis=0)
    expected = ((mapped - mean) ** 2).sum() / (mapped**2).sum()
    assert space.residual == pytest.approx(expected, rel=1e-4)
    assert 0 < space.residual < 1 - 1 / 3
    assert space.center and space.normalize and all(own.normalize for own in space.maps.values())


def test_the_order_of_the_networks_does_not_matter_much():
    rows = networks(4)
    first, second = shared_space(rows), shared_space(dict(reversed(rows.items())))
    assert first.residual == pytest.approx(second.residual, rel=1e-4)


def test_a_network_joins_with_one_map():
    rows = networks(5, dims=(6, 8, 5, 7))
    new = rows.pop(3)
    space = shared_space(rows, normalize=False)
    joined = space.join(new)
    torch.testing.assert_close(joined.matrix, fit_alignment(new, space.consensus, "procrustes").matrix)
    torch.testing.assert_close(space.join(rows[0]).matrix, space.maps[0].matrix)
    turned = rows[0] @ ortho_group.rvs(6, random_state=0)
    torch.testing.assert_close(space.join(turned).transform(turned), space.maps[0].transform(rows[0]))


def test_few_images_suffice_for_rotated_copies_of_large_networks():
    X = np.random.default_rng(0).normal(size=(9, 50))
    space = shared_space({k: X @ ortho_group.rvs(50, random_state=k) for k in range(3)})
    assert space.residual < 1e-20
    gram = space.maps[1].matrix.numpy() @ space.maps[1].matrix.numpy().T
    np.testing.assert_allclose(gram, np.eye(50), atol=1e-12)


def test_a_space_that_still_changes_is_said():
    with pytest.warns(UserWarning, match="the shared space still changes after iterations=1 sweeps"):
        shared_space(networks(6, noise=5), iterations=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shared_space(networks(6, noise=0.1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"embeddings": {"a": np.eye(3)}},
            "embeddings must be a mapping of at least two networks to matrices; got {'a'",
        ),
        ({"embeddings": {"a": np.eye(3), "b": np.eye(2)}}, "embeddings['b'] must have 3 rows; got 2"),
        ({"embeddings": {"a": np.eye(3), "b": np.ones((3, 2))}}, "embeddings['b'] must have two different rows"),
        ({"dimension": 0}, "dimension must be an integer of at least 1; got 0"),
        ({"iterations": 0}, "iterations must be an integer of at least 1; got 0"),
    ],
)
def test_what_is_refused(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        shared_space(**{"embeddings": networks()} | change)


def test_joining_needs_the_images_of_the_consensus():
    with pytest.raises(ValueError, match="embeddings must have 40 rows; got 3"):
        shared_space(networks()).join(np.eye(3))
