"""Histograms of all pair distances, block by block: for more points than their pairs fit into memory.

A million points have 5e11 pairs. They are never kept: each pair of blocks of points gives one small histogram, and the
histograms add up. The blocks are read where they are used, and the pairs of blocks are independent tasks of dask,
which runs them on the threads of this machine, or on a cluster if a `dask.distributed.Client` is active.

Counts are exact. What the bins cost is resolution: distribution functions are known at the edges only, and a KS
statistic between two bounds that come with it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels, pairs
from frlib.geometry.compiled import compiled
from frlib.geometry.macroscale.permutation import PLANES, WORD, count_bits, empty_planes, packed_columns

#: Rows of a task's inner tile. Each tile empties its counters once per bin; a larger one leaves the cache.
TILE = 1024
#: Bins are numbered in 16 bits, and the largest number marks a pair that is in none.
MOST_BINS = 2**16 - 1
#: Points of the pilot sample, which places the edges.
PILOT = 1500


@dataclass(frozen=True)
class PairHistograms:
    """Numbers of pairs by distance: of one identity, of two, and of two by attribute.

    Parameters
    ----------
    edges : ndarray, shape (B - 1,)
        Ascending. Bin k holds the distances above edge k - 1 that do not exceed edge k; the last bin has no upper end.
    intra, inter : ndarray of int, shape (B,)
        Pairs of one identity, and of two.
    both, mixed : ndarray of int, shape (B, A)
        Pairs of two identities that both have the attribute, and of which one has it.
    attributes : tuple of str
    """

    edges: np.ndarray
    intra: np.ndarray
    inter: np.ndarray
    both: np.ndarray
    mixed: np.ndarray
    attributes: tuple

    def error_curve(self) -> pd.DataFrame:
        """Return threshold, far and tar as `error_curve` of all pairs does, exact, at the edges."""
        shares = {"far": self.inter, "tar": self.intra}
        curve = {name: np.cumsum(counts)[:-1] / max(1, counts.sum()) for name, counts in shares.items()}
        return pd.DataFrame({"threshold": self.edges} | curve)

    def ks(self) -> pd.DataFrame:
        """Return the KS statistics of pairs inside each modality against pairs across.

        Returns
        -------
        DataFrame, two rows per attribute
            ``attribute``, ``modality``; ``pairs``: number of pairs inside; ``ks``, ``ks_upper``: the statistic lies
            between them, both included. The first is the largest difference at an edge. Between two edges F_intra may
            have reached its value at the upper edge while F_cross is still at the lower edge, or the reverse: the
            second is the largest of these differences.
        """
        rows = []
        for a, name in enumerate(self.attributes):
            both, mixed = self.both[:, a], self.mixed[:, a]
            for modality, inside in (("positive", both), ("negative", self.inter - both - mixed)):
                rows.append((name, modality, int(inside.sum()), *_ks_bounds(inside, mixed)))
        return pd.DataFrame(rows, columns=["attribute", "modality", "pairs", "ks", "ks_upper"])


def _ks_bounds(inside: np.ndarray, mixed: np.ndarray) -> tuple[float, float]:
    """Return the bounds of `PairHistograms.ks` from two histograms; NaN if one is empty."""
    if not (inside.sum() and mixed.sum()):
        return np.nan, np.nan
    f, g = (np.concatenate([[0.0], np.cumsum(counts) / counts.sum()]) for counts in (inside, mixed))
    return float(np.abs(f - g).max()), float(np.maximum(f[1:] - g[:-1], g[1:] - f[:-1]).max())


@checked
def stream_histograms(
    embeddings,
    identities,
    attributes: pd.DataFrame | None = None,
    *,
    metric: str = "cosine",
    bins: int = 4096,
    block: int = 8192,
) -> PairHistograms:
    """Count the pairs of all embeddings by distance, identity and attribute, without keeping them.

    To compare with `ks_by_attribute`, give one row per identity. With more, pairs of one identity are left out of the
    counts by attribute.

    Parameters
    ----------
    embeddings : array_like, dask array, or path of a .npy file, shape (N, d)
        A file is mapped into memory, and each task reads the rows that it needs: on a cluster all machines must see it
        under this path. A dask array is cut into blocks of rows.
    identities : array_like, shape (N,)
        The label of each row.
    attributes : DataFrame of bool, N rows, optional
    metric : {"cosine", "euclidean"}
    bins : int
        Largest number of bins. Half of the edges cut the distances of a pilot sample into parts of equal count, the
        others into parts of equal width. The bounds of `PairHistograms.ks` are typically 4 / bins apart.
    block : int
        Rows of a block. A task holds two blocks in float64, and about 100 MB more.

    Returns
    -------
    PairHistograms
        It does not depend on where the tasks ran, nor, up to distances that rounding moves over an edge, on ``block``.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted.
    ImportError
        If dask is not installed (the extra ``cluster``).
    """
    checks.one_of("metric", metric, checks.METRICS)
    checks.at_least("block", block, 1)
    if checks.at_least("bins", bins, 4) > MOST_BINS:
        raise ValueError(f"bins must not exceed {MOST_BINS}; got {bins}")
    n_rows, inputs, sample = _opened(embeddings, block)
    codes = labels.numbered("identities", identities, n_rows, "embedding")[0]
    table = pd.DataFrame(index=range(n_rows)) if attributes is None else labels.boolean_table(attributes, n_rows)
    words = packed_columns(table.to_numpy(dtype=bool))
    pilot = checks.as_matrix("embeddings", sample, metric=metric)
    plan = Plan(metric, pairs.middle(pairs.metric_rows(pilot, metric), metric), _edges(pilot, metric, bins))
    sides = [
        (part, codes[rows], words[:, rows]) for part, rows in zip(inputs, pairs.blocks(n_rows, block), strict=True)
    ]
    tasks = [(left, right, i == j) for i, left in enumerate(sides) for j, right in enumerate(sides) if i <= j]
    intra, inter, both, mixed = _run(tasks, plan)
    width = table.shape[1]
    return PairHistograms(plan.edges, intra, inter, both[:, :width], mixed[:, :width], tuple(table))


class Plan(NamedTuple):
    """What all tasks share: the metric, a point to measure from, and the edges of the bins."""

    metric: str
    center: torch.Tensor
    edges: np.ndarray


class FileRows(NamedTuple):
    """Rows of a .npy file, read by the task that needs them."""

    path: str
    start: int
    stop: int


def _opened(embeddings, block: int):
    """Return the number of rows, one input per block of rows, and a sample of rows spread evenly."""
    from dask import delayed

    if isinstance(embeddings, str | Path):
        array = np.load(embeddings, mmap_mode="r")
        where = str(Path(embeddings).resolve())
        inputs = [FileRows(where, rows.start, rows.stop) for rows in pairs.blocks(len(array), block)]
    elif hasattr(embeddings, "to_delayed"):
        array = embeddings.rechunk((block, -1))
        inputs = list(array.to_delayed().ravel())
    else:
        array = checks.as_matrix("embeddings", embeddings).cpu().numpy()
        inputs = [delayed(array[rows]) for rows in pairs.blocks(len(array), block)]
    if array.ndim != 2 or len(array) < 2:
        raise ValueError(f"embeddings must be a matrix (N, d) with at least two rows; got shape {array.shape}")
    sample = array[np.unique(np.linspace(0, len(array) - 1, PILOT).astype(int))]
    return len(array), inputs, np.array(sample.compute() if hasattr(sample, "compute") else sample)


def _edges(pilot: torch.Tensor, metric: str, bins: int) -> np.ndarray:
    """Return at most bins - 1 edges: half of them at quantiles of the pilot's distances, half evenly spaced."""
    distances = pairs.pair_distances(pilot.double(), metric=metric).cpu().numpy()
    distances = distances[np.triu_indices(len(distances), 1)]
    even = np.linspace(0, 1.01 * distances.max(), bins // 2)
    inner = np.linspace(0, 1, bins + 1 - len(even))[1:-1]
    # A quantile can be the distance of a pair. A little above it, no rounding decides on which side that pair lies.
    above = np.quantile(distances, inner) * (1 + 1e-9)
    return np.unique(np.concatenate([even, above]))


def _run(tasks: list, plan: Plan):
    """Add up the counts of all tasks, in a tree, wherever dask runs."""
    import dask
    from dask.diagnostics import ProgressBar

    plan = dask.delayed(plan)
    parts = [dask.delayed(_count_blocks)(left, right, same, plan) for left, right, same in tasks]
    while len(parts) > 1:
        parts = [dask.delayed(_sum)(parts[k : k + 8]) for k in range(0, len(parts), 8)]
    with ProgressBar(minimum=3, out=sys.stderr):  # seen with threads; a cluster has its own display
        return dask.compute(parts[0])[0]


def _sum(parts: list) -> list[np.ndarray]:
    return [np.sum(same, axis=0) for same in zip(*parts, strict=True)]


@torch.no_grad()
def _count_blocks(left, right, same_block: bool, plan: Plan) -> list[np.ndarray]:
    """Return the counts of all pairs between two blocks, each of rows, identities and words of labels."""
    left, right = ((_loaded(part, plan), codes, words) for part, codes, words in (left, right))
    n_bins, width = len(plan.edges) + 1, WORD * len(left[2])
    counts = [np.zeros(shape, np.int64) for shape in (n_bins, n_bins, (n_bins, width), (n_bins, width))]
    cells = _first_bins(plan.edges, 4 * n_bins)
    for rows in pairs.blocks(len(left[0]), TILE):
        for columns in pairs.blocks(len(right[0]), TILE):
            if same_block and columns.start < rows.start:
                continue
            squares = pairs.squared_distances(left[0][rows], right[0][columns])
            distances = pairs.from_squares(squares, plan.metric).numpy()
            codes, words = (np.concatenate([left[k][..., rows], right[k][..., columns]], axis=-1) for k in (1, 2))
            _add_tile(distances, same_block and rows == columns, codes, words, plan.edges, cells, counts)
    return counts


def _loaded(part, plan: Plan) -> torch.Tensor:
    """Return the centred rows of a block."""
    if isinstance(part, FileRows):
        part = np.array(np.load(part.path, mmap_mode="r")[part.start : part.stop])
    return pairs.metric_rows(checks.as_matrix("embeddings", part, metric=plan.metric).cpu(), plan.metric) - plan.center


def _first_bins(edges: np.ndarray, cells: int) -> np.ndarray:
    """Return the bin in which each of ``cells`` equal parts of [0, last edge] begins."""
    return np.searchsorted(edges, np.arange(cells) * (edges[-1] / cells)).astype(np.int32)


def _add_tile(distances, diagonal: bool, codes, words, edges, cells, counts: list[np.ndarray]) -> None:
    """Add one tile to the counts: find the bin of each pair, sort the pairs by bin, count the labels bin by bin."""
    intra, inter, both, mixed = counts
    bin_of = np.empty(distances.shape, np.uint16)
    here = np.zeros(len(inter), np.int64)
    scale = len(cells) / edges[-1] if edges[-1] > 0 else 0.0
    _find_bins(distances, diagonal, codes, edges, cells, scale, bin_of, intra, here)
    inter += here
    if len(words):
        first, second = np.empty(here.sum(), np.uint16), np.empty(here.sum(), np.uint16)
        ends = np.cumsum(here)
        _place(bin_of, ends - here, first, second)
        _count_labels(first, second, ends, words, both, mixed)


@compiled
def _find_bins(distances, diagonal, codes, edges, cells, scale, bin_of, intra, inter):
    """Write the bin of each pair of two identities, and count; other pairs get the mark MOST_BINS."""
    rows = distances.shape[0]
    for i in range(rows):
        for j in range(distances.shape[1]):
            bin_of[i, j] = MOST_BINS
            if diagonal and j <= i:
                continue
            distance = distances[i, j]
            k = cells[int(min(len(cells) - 1.0, distance * scale))]  # a far row's number would overflow
            while k > 0 and distance <= edges[k - 1]:  # rounding of the cell's number
                k -= 1
            while k < len(edges) and distance > edges[k]:
                k += 1
            if codes[i] == codes[rows + j]:
                intra[k] += 1
            else:
                inter[k] += 1
                bin_of[i, j] = k


@compiled
def _place(bin_of, starts, first, second):
    """Sort the pairs by bin; the columns of the tile are numbered after its rows."""
    rows = bin_of.shape[0]
    for i in range(rows):
        for j in range(bin_of.shape[1]):
            k = bin_of[i, j]
            if k != MOST_BINS:
                first[starts[k]], second[starts[k]] = i, rows + j
                starts[k] += 1


@compiled
def _count_labels(first, second, ends, words, both, mixed):
    """Count in each bin, for each column of labels, the pairs with both labels and with one."""
    both_planes, mixed_planes = np.zeros(PLANES, np.uint64), np.zeros(PLANES, np.uint64)
    for w in range(words.shape[0]):
        start = 0
        for k, end in enumerate(ends):
            if end > start:
                count_bits(words[w], first[start:end], second[start:end], both_planes, mixed_planes)
                empty_planes(both_planes, end - start, both[k, w * WORD : (w + 1) * WORD])
                empty_planes(mixed_planes, end - start, mixed[k, w * WORD : (w + 1) * WORD])
            start = end
