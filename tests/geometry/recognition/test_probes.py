"""Errors of a fixed threshold by identity: they equal a count of pairs, and weights stand for repeated identities."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.geometry import draw_weights, probe_errors, resampled_means, verification


def people(n, images, versions=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(n, 1, 4, generator=generator, dtype=torch.float64)
    gallery = list(centers + 0.6 * torch.randn(n, images, 4, generator=generator, dtype=torch.float64))
    probes = [own.repeat(versions, 1) for own in gallery]
    return [p + 0.3 * torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in probes], gallery


@settings(max_examples=20)
@given(n=st.integers(2, 5), images=st.integers(2, 5), seed=st.integers(0, 99))
def test_errors_are_counts_of_pairs(n, images, seed):
    probes, gallery = people(n, images, seed=seed)
    found = probe_errors(probes, gallery, 1.5, metric="euclidean")
    for i in range(n):
        far = torch.cdist(probes[i], gallery[i]) > 1.5
        pairs = [bool(far[p, g]) for p in range(2 * images) for g in range(images) if p % images != g]
        assert found.misses[i] == pytest.approx(np.mean(pairs))
        for j in set(range(n)) - {i}:
            near = torch.cdist(probes[i], gallery[j]) <= 1.5
            assert found.accepts[i, j] == pytest.approx(float(near.double().mean()))
    off = ~np.eye(n, dtype=bool)
    assert found.rate() == pytest.approx((found.misses.mean() + found.accepts[off].mean()) / 2)


def test_images_that_are_not_varied_have_the_errors_of_verification():
    _, gallery = people(6, 5)
    who = np.repeat(np.arange(6), 5)
    threshold = verification(torch.cat(gallery), who, metric="euclidean").threshold
    distances, same = torch.cdist(torch.cat(gallery), torch.cat(gallery)).numpy(), who[:, None] == who
    upper = np.triu(np.ones_like(same), 1)
    misses, accepts = (distances > threshold)[same & upper], (distances <= threshold)[~same & upper]
    found = probe_errors(gallery, gallery, threshold, metric="euclidean")
    assert 0 < found.rate() == pytest.approx((misses.mean() + accepts.mean()) / 2)


def test_a_weight_is_a_repeated_identity():
    probes, gallery = people(4, 3, seed=5)
    errors = probe_errors(probes, gallery, 1.5, metric="euclidean")
    drawn = [0, 0, 2, 3]
    # Pairs of an identity with its own copy are no pairs of two people.
    off = np.array([[a != b for b in drawn] for a in drawn])
    expected = (errors.misses[drawn].mean() + errors.accepts[np.ix_(drawn, drawn)][off].sum() / (16 - 6)) / 2
    assert errors.rate([2, 0, 1, 1]) == pytest.approx(expected)
    assert np.isnan(errors.rate([4, 0, 0, 0])), "one person alone makes no pair of two"


def test_draws_are_those_of_resampled_means():
    values = np.random.default_rng(0).random((7, 3))
    weights = draw_weights(7, 50, seed=3)
    assert (weights.sum(axis=1) == 7).all()
    np.testing.assert_allclose(weights @ values / 7, resampled_means(values, 50, seed=3))


def test_wrong_input_names_the_argument():
    probes, gallery = people(3, 3)
    with pytest.raises(ValueError, match="must hold the same identities, at least two; got 2 and 3"):
        probe_errors(probes[:2], gallery, 1.0)
    with pytest.raises(ValueError, match="threshold must be a finite number"):
        probe_errors(probes, gallery, float("nan"))
    with pytest.raises(ValueError, match=r"probes\[0\] must have a multiple of the 3 rows of gallery\[0\]"):
        probe_errors([probes[0][:4], *probes[1:]], gallery, 1.0)
    with pytest.raises(ValueError, match="n must be an integer of at least 2; got 1"):
        draw_weights(1)
