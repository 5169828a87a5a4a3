"""What a table of all ordered pairs of networks says: do families cluster, and do maps lead to the better network?"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels

#: All orders of the names are tried up to so many, else as many random ones.
ORDERS = 50_000


class Contrast(NamedTuple):
    """A statistic, and how often it is as large when the names of the networks are exchanged."""

    value: float
    p: float


@checked
def family_contrast(similarity, families, *, of: str | None = None, seed: int = 0) -> Contrast:
    """Return how much more alike networks of one family are than networks of two, with a permutation p.

    Parameters
    ----------
    similarity : array_like, shape (n, n)
        Of all ordered pairs; the diagonal is not used, and both directions count the same.
    families : sequence of n
        Name of the family of each network; at least two, one of them with two networks.
    of : str, optional
        One family: its own pairs are compared with those of a member and another network, and no other pair counts.
        Default: all families together, where a large one that is alike can stand for all.
    seed : int
        Draws the orders where there are more than `ORDERS`.

    Returns
    -------
    Contrast
        ``value``: mean within minus mean between families, over pairs. ``p``: share of the orders of the names with a
        value as large; of all orders, or of random ones and the given one.

    Raises
    ------
    ValueError
        If a shape or a value is not accepted, no family is named ``of``, or there is no pair within or none between.
    """
    similarity = _square("similarity", similarity)
    codes, names = labels.numbered("families", families, len(similarity), "network")
    one, other = np.triu_indices(len(similarity), 1)
    orders = codes[_orders(len(codes), seed)]
    within = orders[:, one] == orders[:, other]
    between = ~within
    if of is not None:
        members = orders == names.tolist().index(checks.one_of("of", of, names.tolist()))
        within, between = members[:, one] & members[:, other], members[:, one] != members[:, other]
    if not (within[0].any() and between[0].any()):
        raise ValueError(f"families must leave pairs within one and between two; got {list(names[codes])}")
    pairs = (similarity + similarity.T)[one, other] / 2
    return _contrast(within @ pairs / within[0].sum() - between @ pairs / between[0].sum())


@checked
def quality_contrast(scores, quality, *, seed: int = 0) -> Contrast:
    """Return whether a map towards the better network of a pair is the better one of the two, with a permutation p.

    Parameters
    ----------
    scores : array_like, shape (n, n)
        Of the map from the network of the row to that of the column; the diagonal is not used.
    quality : array_like, shape (n,)
        Of each network alone.
    seed : int
        As in `family_contrast`.

    Returns
    -------
    Contrast
        ``value``: correlation, over unordered pairs and through the origin, of the differences of both directions with
        the differences of quality; positive if scores follow the quality of the target. ``p``: share of the orders of
        the qualities with a value as large.

    Raises
    ------
    ValueError
        If a shape or a value is not accepted, or all qualities, or both directions of all pairs, are equal.
    """
    scores = _square("scores", scores)
    quality = checks.as_numbers("quality", quality, finite=True, shape=(len(scores),))
    one, other = np.triu_indices(len(scores), 1)
    gain = scores[one, other] - scores[other, one]
    orders = _orders(len(quality), seed)
    better = quality[orders][:, other] - quality[orders][:, one]
    size = np.linalg.norm(gain) * np.linalg.norm(better, axis=1)
    if not size[0]:
        raise ValueError("scores and quality must differ between networks; got equal ones")
    return _contrast(better @ gain / size)


def _square(name: str, value) -> np.ndarray:
    """Return a square matrix of numbers, of at least three networks, without its diagonal."""
    value = np.array(checks.as_numbers(name, value))
    if value.ndim != 2 or len(set(value.shape)) > 1 or len(value) < 3:
        raise ValueError(f"{name} must be a square matrix of at least three networks; got shape {value.shape}")
    np.fill_diagonal(value, 0)
    if not np.isfinite(value).all():
        raise ValueError(f"{name} must be finite off its diagonal; got NaN or inf")
    return value


def _orders(n: int, seed: int) -> np.ndarray:
    """Return orders of n names, the given one first: all, or that one and random ones."""
    checks.at_least("seed", seed, 0)
    if math.factorial(n) <= ORDERS:
        return np.array(list(itertools.permutations(range(n))))
    random = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (ORDERS - 1, 1)), axis=1)
    return np.vstack([np.arange(n), random])


def _contrast(values: np.ndarray) -> Contrast:
    """Return the value of the first order with its p; equal up to rounding is as large."""
    return Contrast(float(values[0]), float((values >= values[0] - 1e-12 * np.abs(values).max()).mean()))
