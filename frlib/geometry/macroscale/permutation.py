"""Label permutations of a two-sample test on pair distances: all of them in one pass over the sorted pairs.

The points carry a label, positive or negative, and the pairs of points are of three kinds: both positive, both
negative, mixed. Each permutation relabels the points, so that it sorts the pairs anew into the three kinds. The
permutations are stored as bits, 64 in a machine word. For the pair (i, j), ``word[i] & word[j]`` tells in which of 64
permutations both points are positive, and ``word[i] ^ word[j]`` in which the pair is mixed. A tree of full adders
counts these bits column by column (bit-sliced counters, after Harley and Seal): a few machine instructions for a pair
in 64 permutations.

The counts are read off where a bin of distances ends, see `bin_ends`.
"""

import numpy as np

from frlib.geometry.compiled import compiled

WORD = 64
#: Bits of a counter: enough for 2^34 pairs.
PLANES = 34


def permuted_labels(positive, partner, strata, permutations: int, generator: np.random.Generator) -> np.ndarray:
    """Permute labels at the level of identities.

    A point with a partner (the other image of its identity, of the other label) swaps labels with it, with
    probability 1/2; the labels of the other points are shuffled. Both happen inside a stratum only. The number of
    positive points, in all and in each stratum, and the partners' opposite labels never change.

    Parameters
    ----------
    positive : ndarray of bool, shape (M,)
    partner : ndarray of int, shape (M,)
        Index of the other image of the identity, -1 for none.
    strata : ndarray of int, shape (M,)
        Points exchange labels only within a stratum.
    permutations : int
    generator : numpy.random.Generator

    Returns
    -------
    ndarray of bool, shape (permutations, M)
    """
    labels = np.tile(positive, (permutations, 1))
    left = np.flatnonzero(partner > np.arange(len(partner)))
    right = partner[left]
    swappable = strata[left] == strata[right]
    left, right = left[swappable], right[swappable]
    swap = generator.random((permutations, len(left))) < 0.5
    labels[:, left] ^= swap  # partners have opposite labels: to swap is to negate both
    labels[:, right] ^= swap
    for stratum in np.unique(strata):
        single = np.flatnonzero((partner < 0) & (strata == stratum))
        chosen = _random_subsets(generator.random((permutations, int(positive[single].sum()))), len(single))
        labels[:, single] = chosen
    return labels


@compiled
def _random_subsets(uniform, size):
    """Choose in each row as many of ``size`` things as there are uniform numbers, all subsets alike (Fisher, Yates).

    A number in [0, 1) with 53 bits picks one of m things with a bias of at most m / 2^53.
    """
    chosen = np.zeros((len(uniform), size), np.bool_)
    order = np.arange(size)  # any order will do at the start of a row
    for p in range(len(uniform)):
        for k in range(uniform.shape[1]):
            other = k + int(uniform[p, k] * (size - k))
            order[k], order[other] = order[other], order[k]
            chosen[p, order[k]] = True
    return chosen


def bin_ends(sorted_distances: np.ndarray, bins: int) -> np.ndarray:
    """Cut sorted distances into bins of nearly equal count, and never between equal distances.

    There are at most ``bins`` of them; but up to 4 ``bins`` distances each have their own. So without equal distances,
    and if each of two modalities has n points, a bin holds a share of at most 5 / bins of one kind of pairs: about
    Q / bins of the Q = n (2 n - 1) pairs, of which n (n - 1) / 2 are of the smallest kind. That is how far a
    difference of distribution functions between two ends can exceed the difference at an end.

    Returns
    -------
    ndarray of int
        Bin k holds the positions from ``ends[k - 1]`` (0 for the first) to ``ends[k] - 1``.
    """
    n = len(sorted_distances)
    wanted = np.linspace(0, n, (n if n <= 4 * bins else bins) + 1).astype(int)[1:]
    if n >= 64 * bins:
        wanted[:-1] -= wanted[:-1] % 16  # the adders take 16 pairs at once
    return np.unique(np.searchsorted(sorted_distances, sorted_distances[wanted - 1], side="right"))


def largest_differences(first, second, ends, labels, sizes) -> np.ndarray:
    """Return the KS statistics of both kinds of equal-label pairs against the mixed ones, for every labelling.

    .. math:: K = \\max_k |F_{\\mathrm{equal}}(t_k) - F_{\\mathrm{mixed}}(t_k)|

    over the ends t_k of the bins.

    Parameters
    ----------
    first, second : ndarray of unsigned int, shape (Q,)
        The points of each pair, sorted by their distance.
    ends : ndarray of int
        See `bin_ends`; the last is Q.
    labels : ndarray of bool, shape (P, M)
        One row per labelling of the M points.
    sizes : sequence of int
        Number of pairs of two positive points, of two negative ones, and of mixed pairs, the same in every labelling.

    Returns
    -------
    ndarray, shape (2, P)
        For the pairs of two positive points, and of two negative ones.
    """
    bits = packed_columns(labels.T)
    largest = np.zeros((2, len(bits), WORD))
    _scan(first, second, ends, bits, 1 / np.asarray(sizes, dtype=float), largest)
    return largest.reshape(2, -1)[:, : len(labels)]


def packed_columns(labels) -> np.ndarray:
    """Pack the columns of a boolean matrix (M, L), 64 to a word: shape (words, M), column l is bit l % 64."""
    n_bytes = -(-labels.shape[1] // WORD) * WORD // 8
    packed = np.zeros((len(labels), n_bytes), np.uint8)
    used = np.packbits(np.ascontiguousarray(labels), axis=1, bitorder="little")
    packed[:, : used.shape[1]] = used
    return np.ascontiguousarray(packed.view("<u8").T)


@compiled
def _scan(first, second, ends, bits, weights, largest):
    """Run over the sorted pairs once per word of 64 labellings; weights are one over the sizes."""
    both_planes, mixed_planes = np.zeros(PLANES, np.uint64), np.zeros(PLANES, np.uint64)
    for w in range(bits.shape[0]):
        word = bits[w]
        both, mixed = np.zeros(WORD, np.int64), np.zeros(WORD, np.int64)
        start = 0
        for end in ends:
            count_bits(word, first[start:end], second[start:end], both_planes, mixed_planes)
            empty_planes(both_planes, end - start, both)
            empty_planes(mixed_planes, end - start, mixed)
            for b in range(WORD):
                mixed_share = mixed[b] * weights[2]
                largest[0, w, b] = max(largest[0, w, b], abs(both[b] * weights[0] - mixed_share))
                negative = (end - both[b] - mixed[b]) * weights[1]
                largest[1, w, b] = max(largest[1, w, b], abs(negative - mixed_share))
            start = end


@compiled(inline="always")
def _full_adder(a, b, c):
    """Add three bits in each column: return the carry and the sum."""
    half = a ^ b
    return (a & b) | (half & c), half ^ c


@compiled(inline="always")
def _carry_on(planes, level, carry):
    """Add a word of weight 2^level to the counters, plane by plane, until no column carries."""
    while carry:
        kept = planes[level]
        planes[level] = kept ^ carry
        carry = kept & carry
        level += 1


@compiled(inline="always")
def _add_four(ones, twos, a, b, c, d):
    """Add four bits to a two-bit counter in each column: return the carry of weight 4 and the counter."""
    low, ones = _full_adder(ones, a, b)
    high, ones = _full_adder(ones, c, d)
    carry, twos = _full_adder(twos, low, high)
    return carry, ones, twos


@compiled
def count_bits(word, first, second, both_planes, mixed_planes):
    """Add the bits of all pairs to the counters: plane k holds bit k of each column's count."""
    b1, b2, b4, b8 = both_planes[0], both_planes[1], both_planes[2], both_planes[3]
    m1, m2, m4, m8 = mixed_planes[0], mixed_planes[1], mixed_planes[2], mixed_planes[3]
    b_fours, m_fours = np.zeros(4, np.uint64), np.zeros(4, np.uint64)
    whole = len(first) - len(first) % 16
    for start in range(0, whole, 16):
        for k in range(4):
            q = start + 4 * k
            i0, i1, i2, i3 = word[first[q]], word[first[q + 1]], word[first[q + 2]], word[first[q + 3]]
            j0, j1, j2, j3 = word[second[q]], word[second[q + 1]], word[second[q + 2]], word[second[q + 3]]
            b_fours[k], b1, b2 = _add_four(b1, b2, i0 & j0, i1 & j1, i2 & j2, i3 & j3)
            m_fours[k], m1, m2 = _add_four(m1, m2, i0 ^ j0, i1 ^ j1, i2 ^ j2, i3 ^ j3)
        carry, b4, b8 = _add_four(b4, b8, b_fours[0], b_fours[1], b_fours[2], b_fours[3])
        _carry_on(both_planes, 4, carry)
        carry, m4, m8 = _add_four(m4, m8, m_fours[0], m_fours[1], m_fours[2], m_fours[3])
        _carry_on(mixed_planes, 4, carry)
    both_planes[0], both_planes[1], both_planes[2], both_planes[3] = b1, b2, b4, b8
    mixed_planes[0], mixed_planes[1], mixed_planes[2], mixed_planes[3] = m1, m2, m4, m8
    for q in range(whole, len(first)):
        _carry_on(both_planes, 0, word[first[q]] & word[second[q]])
        _carry_on(mixed_planes, 0, word[first[q]] ^ word[second[q]])


@compiled
def empty_planes(planes, largest_count, counts):
    """Add the counters to ``counts``, one column per labelling, and set them to zero."""
    level = 0
    while largest_count >> level:
        plane = planes[level]
        for b in range(len(counts)):
            counts[b] += np.int64((plane >> np.uint64(b)) & np.uint64(1)) << level
        planes[level] = 0
        level += 1
