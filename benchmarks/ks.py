"""Time of `ks_by_attribute` with permutations beside `scipy.stats.ks_2samp`, and the cost of streamed histograms.

    OMP_NUM_THREADS=1 python benchmarks/ks.py [--quick] [--json PATH]

The paper needs two calls of `ks_2samp` per attribute: 80 for 40 attributes. A ratio below 1 means that drawing the
images, their distances, statistics, naive p values and all permutations together take less time than these calls on
ready-made distances. An exact pass walks over the sorted pairs once per permutation; a few are timed, and their time is
multiplied. Streamed histograms visit every pair of embeddings once, for all attributes together.
"""

import time
from dataclasses import replace

import command
import dask
import numpy as np
import pandas as pd
import torch
from scipy import stats

from frlib.geometry import draw_modalities, ks_by_attribute, pair_distances, stream_histograms
from frlib.geometry.macroscale.permutation import bin_ends, largest_differences, permuted_labels
from frlib.geometry.macroscale.two_sample import BINS, sorted_pairs

DIM, PER_MODALITY, PERMUTATIONS = 512, 500, 999
MILLION = 1_000_000


def population(n_identities: int, n_attributes: int) -> tuple[torch.Tensor, np.ndarray, pd.DataFrame]:
    """Return three images per identity and attributes fixed by it, some of which shift the embedding a little."""
    generator = np.random.default_rng(0)
    identities = np.repeat(np.arange(n_identities), 3)
    fixed = generator.random((n_identities, n_attributes)) < 0.5
    centers = generator.normal(size=(n_identities, DIM)) / np.sqrt(1 + np.arange(DIM))  # a few strong directions
    centers[:, :n_attributes] += 0.3 * generator.random(n_attributes) * fixed
    X = centers[identities] + 0.1 * generator.normal(size=(len(identities), DIM))
    attributes = pd.DataFrame(fixed[identities]).add_prefix("attribute ")
    return torch.from_numpy(X.astype(np.float32)), identities, attributes


def seconds(function, repeat: int = 3) -> float:
    """Return the best time of a function."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def samples(X, identities, attribute: pd.Series) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the two pairs of samples that the paper compares for one attribute."""
    positive, negative = (X[rows] for rows in draw_modalities(identities, attribute, name=attribute.name))
    upper = np.triu_indices(len(positive), 1)
    cross = pair_distances(positive, negative).numpy().ravel()
    return [(pair_distances(rows).numpy()[upper], cross) for rows in (positive, negative)]


def one_sorted_sample(X, identities, attribute: pd.Series):
    """Return the sorted pairs of one attribute's draw and labels of all permutations."""
    drawn = np.concatenate(draw_modalities(identities, attribute, name=attribute.name))
    positive, nobody = np.arange(len(drawn)) < len(drawn) // 2, np.full(len(drawn), -1)
    found = sorted_pairs(X[drawn], positive, nobody, "cosine")
    return found, permuted_labels(positive, nobody, np.zeros(len(drawn), int), PERMUTATIONS, np.random.default_rng(0))


def exact_statistics(found, labels: np.ndarray) -> np.ndarray:
    """Return the exact statistics of one labelling of the sorted pairs."""
    return np.abs(replace(found, positive=labels).signed_statistics())


def permutation_rows(rows: command.Rows, n_attributes: int) -> None:
    """Time all permutations of all attributes, and compare."""
    X, identities, attributes = population(1200, n_attributes)
    case = f"{n_attributes} attributes, n={PER_MODALITY}, {PERMUTATIONS} permutations"
    ks_by_attribute(X[:300], identities[:300], attributes[:300], permutations=1)  # compiles
    ours = seconds(lambda: ks_by_attribute(X, identities, attributes, permutations=PERMUTATIONS), 2)
    rows.add(case, "ks_by_attribute", ours, "s", "")
    calls = [pair for name in attributes for pair in samples(X, identities, attributes[name])]
    scipy_time = seconds(lambda: [stats.ks_2samp(*pair) for pair in calls], 2)
    rows.add(
        case, "time over scipy's", ours / scipy_time, "ratio", f"{len(calls)} calls of ks_2samp, {scipy_time:.1f} s"
    )
    found, labels = one_sorted_sample(X, identities, attributes.iloc[:, 0])
    exact = seconds(lambda: exact_statistics(found, labels[0]), 10) * n_attributes * PERMUTATIONS
    rows.add(case, "speed-up", exact / ours, "ratio", f"an exact pass per permutation, {exact:.0f} s")
    ends = bin_ends(found.distances, BINS)
    binned = largest_differences(found.first, found.second, ends, labels[:20], found.sizes).T
    gap = np.array([exact_statistics(found, row) for row in labels[:20]]) - binned
    rows.add(case, "largest error of a binned statistic", gap.max(), "", "an exact pass, 20 permutations")


def streaming_rows(rows: command.Rows, sizes, n_attributes: int = 40) -> None:
    """Time all pairs of growing numbers of identities, one image each, on one thread."""
    for n in sizes:
        X, _, attributes = population(n, n_attributes)
        X, attributes, case = X[::3].numpy(), attributes[::3], f"N={n} d={DIM}, {n_attributes} attributes, one thread"
        with dask.config.set(scheduler="synchronous"):
            stream_histograms(X[:200], np.arange(200), attributes[:200])  # compiles
            took = seconds(lambda x=X, a=attributes: stream_histograms(x, np.arange(len(x)), a, block=4096), 1)
            found = stream_histograms(X[:2000], np.arange(2000), attributes[:2000]).ks()
        rows.add(case, "stream_histograms", took, "s", "")
        rows.add(case, "time per pair", took / (n * (n - 1) / 2) * 1e9, "ns", "")
    rows.add(
        case, "a million identities", took * (MILLION / n) ** 2 / 3600, "hours", "extrapolated, over number of cores"
    )
    rows.add(case, "widest bounds of a statistic", (found.ks_upper - found.ks).max(), "", "first 2,000 identities")


def main(quick: bool = False) -> list[dict]:
    torch.set_num_threads(1)
    rows = command.Rows("ks")
    permutation_rows(rows, 10 if quick else 40)
    streaming_rows(rows, (4096, 8192) if quick else (4096, 8192, 16384, 32768))
    return rows


if __name__ == "__main__":
    command.run(main, __doc__)
