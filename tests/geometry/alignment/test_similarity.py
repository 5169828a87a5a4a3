"""Linear CKA: by hand, against kernels, its invariances."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from frlib.geometry import linear_cka


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 12), d=st.integers(1, 9), e=st.integers(1, 9))
def test_equals_the_centred_kernels_of_its_source(seed, n, d, e):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n, d)) + 1, rng.normal(size=(n, e))
    H = np.eye(n) - 1 / n
    K, L = H @ X @ X.T @ H, H @ Y @ Y.T @ H
    expected = np.trace(K @ L) / np.sqrt(np.trace(K @ K) * np.trace(L @ L))
    found = linear_cka(X, Y)
    assert found == pytest.approx(expected, abs=1e-12) == linear_cka(Y, X)
    assert -1e-12 <= found <= 1 + 1e-12
    Q = ortho_group.rvs(d, random_state=seed) if d > 1 else -np.eye(1)
    assert linear_cka(3 * X @ Q - 7, Y) == pytest.approx(found, abs=1e-12)
    assert linear_cka(X, X) == pytest.approx(1) == linear_cka(X, 5 * X @ Q)


def test_values_by_hand():
    """Of two uncorrelated columns one is kept: 1 / sqrt(2), since |X'X| = sqrt(2) |x|^2."""
    x, y = np.array([1.0, -1, 1, -1]), np.array([1.0, 1, -1, -1])
    both = np.column_stack([x, y])
    assert linear_cka(both, x[:, None]) == pytest.approx(2**-0.5)
    assert linear_cka(x[:, None], y[:, None]) == 0
    assert linear_cka(both, np.column_stack([x, 2 * y])) == pytest.approx(5 / np.sqrt(2 * 17))


def test_a_map_that_is_no_rotation_changes_it():
    X = np.random.default_rng(0).normal(size=(50, 3))
    assert linear_cka(X, X * [1, 5, 25]) < 0.9


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.eye(3), np.eye(2), "second must have 3 rows; got 2"),
        (np.ones((3, 2)), np.eye(3), "first must have two different rows; got 3, all equal"),
        (np.eye(3), np.full((3, 1), np.nan), "second must be finite; row 0 holds NaN or infinity"),
    ],
)
def test_what_is_refused(first, second, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        linear_cka(first, second)
