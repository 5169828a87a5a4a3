"""Two-sample KS statistics on the pair distances of labelled points: exact, with the naive and the valid p value."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy import stats
from scipy.special import gammaln, xlog1py, xlogy

from frlib.geometry import pairs
from frlib.geometry.compiled import compiled
from frlib.geometry.macroscale.permutation import bin_ends, largest_differences, permuted_labels

#: Bins of nearly equal count into which the permutation test sorts the distances.
BINS = 1024


@dataclass(frozen=True)
class SortedPairs:
    """All pairs of labelled points except those of one identity, sorted by their distance.

    Parameters
    ----------
    distances : ndarray, shape (Q,)
        Ascending.
    first, second : ndarray of unsigned int, shape (Q,)
        The points of each pair.
    positive : ndarray of bool, shape (M,)
        Label of each point.
    partner : ndarray of int, shape (M,)
        The other point of the same identity, which has the other label; -1 for none.
    """

    distances: np.ndarray
    first: np.ndarray
    second: np.ndarray
    positive: np.ndarray
    partner: np.ndarray

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Number of pairs of two positive points, of two negative points, and of mixed pairs."""
        n_positive = int(self.positive.sum())
        n_negative = len(self.positive) - n_positive
        mixed = n_positive * n_negative - int((self.partner >= 0).sum()) // 2
        return n_positive * (n_positive - 1) // 2, n_negative * (n_negative - 1) // 2, mixed

    def signed_statistics(self) -> np.ndarray:
        """Return F_intra - F_cross where it is largest in size, for the positive and the negative modality.

        The KS statistic is its absolute value. Above zero, distances inside the modality are the smaller ones.
        """
        weights = 1 / np.array(self.sizes, dtype=float)
        return _signed_differences(self.distances, self.first, self.second, self.positive, weights)

    def functions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the different distances, and the distribution functions there of each kind of pairs, shape (3, D).

        The kinds are pairs of two positive points, of two negative points, and mixed pairs.
        """
        kind = self.positive[self.first].astype(np.int8) + self.positive[self.second]
        last = np.flatnonzero(np.append(np.diff(self.distances) > 0, True))  # the functions step over equal distances
        shares = [np.cumsum(kind == k)[last] / size for k, size in zip((2, 0, 1), self.sizes, strict=True)]
        return self.distances[last], np.stack(shares)

    def naive_p(self, statistics, *, asymptotic: bool = False) -> tuple[float, float]:
        """Return the p values of `scipy.stats.ks_2samp`, which takes the distances for independent.

        Up to 10,000 distances scipy counts lattice paths, which takes up to 0.1 s; ``asymptotic`` forgoes that.
        """
        positive, negative, mixed = self.sizes
        if asymptotic or max(positive, negative, mixed) > 10_000:
            return tuple(asymptotic_p(k, n, mixed) for k, n in zip(statistics, (positive, negative), strict=True))
        kind = self.positive[self.first].astype(np.int8) + self.positive[self.second]
        samples = [self.distances[kind == k] for k in (2, 0, 1)]
        return tuple(float(stats.ks_2samp(sample, samples[2]).pvalue) for sample in samples[:2])

    def permutation_p(self, permutations: int, strata: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return (1 + permutations with a binned statistic at least as large) / (1 + permutations), by modality."""
        labels = permuted_labels(self.positive, self.partner, strata, permutations, generator)
        labels = np.concatenate([self.positive[None], labels])
        found = largest_differences(self.first, self.second, bin_ends(self.distances, BINS), labels, self.sizes)
        # Labellings with the same counts must tie whatever the rounding.
        return (found >= found[:, :1] * (1 - 1e-12)).mean(axis=1)


@torch.no_grad()
def sorted_pairs(points: torch.Tensor, positive: np.ndarray, partner: np.ndarray, metric: str) -> SortedPairs:
    """Measure and sort the pairs of points; see `SortedPairs` for the labels."""
    kind = np.uint16 if len(points) < 2**16 else np.uint32  # small and unsigned, for the compiled loops
    distances, first, second = [], [], []
    for rows, columns, tile in pairs.distance_tiles(points, metric):
        place, i, j = _pairs_of_tile(*tile.shape, rows == columns)
        distances.append(tile.cpu().numpy().ravel()[place])
        first.append(i.astype(kind) + kind(rows.start))
        second.append(j.astype(kind) + kind(columns.start))
    distances, first, second = map(np.concatenate, (distances, first, second))
    if (partner >= 0).any():
        other = partner[first] != second
        distances, first, second = distances[other], first[other], second[other]
    order = np.argsort(distances)
    return SortedPairs(distances[order], first[order], second[order], positive, partner)


@lru_cache(maxsize=16)
def _pairs_of_tile(rows: int, columns: int, diagonal: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the place of each pair in a tile, its row and its column; once only in a tile on the diagonal."""
    i, j = np.triu_indices(rows, 1) if diagonal else np.indices((rows, columns)).reshape(2, -1)
    return (i * columns + j).astype(np.int32), i.astype(np.uint16), j.astype(np.uint16)


def asymptotic_p(statistic: float, n: int, m: int) -> float:
    """Return the p value that scipy gives large samples, with a relative error below 1e-8.

    It is that of the one-sample statistic at the effective size n m / (n + m). Where it is small, it is twice the
    one-sided Smirnov probability, a sum over that many terms; scipy sums it with more digits in 50 ms.
    """
    size = round(n * m / (n + m))
    if size * statistic**2 < 2.2 or statistic >= 0.5:
        return float(stats.kstwo.sf(statistic, size))
    if size * statistic**2 > 370:
        return 0.0
    j = np.arange(int(size * (1 - statistic)) + 1)
    place = np.minimum(statistic + j / size, 1)
    log_terms = _log_binomials(size)[: len(j)] + xlogy(j - 1, place) + xlog1py(size - j, -place)
    return float(min(1.0, 2 * statistic * np.exp(log_terms).sum()))


@lru_cache(maxsize=4)
def _log_binomials(n: int) -> np.ndarray:
    """Return the logarithms of the binomial coefficients n over j, j = 0 .. n."""
    log_factorials = gammaln(np.arange(1, n + 2))
    return log_factorials[n] - log_factorials - log_factorials[::-1]


@compiled
def _signed_differences(distances, first, second, positive, weights):
    """Return the largest differences of distribution functions; weights are one over the sizes."""
    largest = np.zeros(2)
    counts = np.zeros(3, np.int64)
    for q in range(len(distances)):
        counts[int(positive[first[q]]) + int(positive[second[q]])] += 1
        if q + 1 < len(distances) and distances[q + 1] == distances[q]:
            continue  # the functions step over all equal distances at once
        cross = counts[1] * weights[2]
        for k in range(2):
            difference = counts[2 - 2 * k] * weights[k] - cross
            if abs(difference) > abs(largest[k]):
                largest[k] = difference
    return largest
