"""Time of maps between all pairs of networks, beside one fit of SciPy or scikit-learn per map, and growth with pairs.

    OMP_NUM_THREADS=1 python benchmarks/alignment.py [--quick] [--json PATH]

`compatibility` fits the maps between five networks of synthetic embeddings, 40 people with 8 images each, and scores
them on held-out people. The baseline makes one call per map: `scipy.linalg.orthogonal_procrustes` on rows filled up
with zeros to one number of columns, which it asks for; `LinearRegression`; `RidgeCV` over the same alphas and folds of
people. Both score with `identification`, so the ratio of whole runs says less about the fits than that of fits alone;
both are reported.

Before a row is written the results must agree: matrices to 1e-8 of their norm, less than the rounding of embeddings
in float32, and rank-1 exactly. Where pairs are too few to determine a Procrustes map, each side completes it in its
own way: there what it does to the training images must agree, and scores may differ.

The aim is ten times the speed. Ridge reaches it, Procrustes only beside `orthogonal_procrustes`. Beside a thin singular
value decomposition per map it gains less than two, for each pair of networks needs one of its own. Linear fits gain
about five: five decompositions take the place of twenty, but the products that give the matrices remain.

Times are processor times of one thread.
"""

import itertools
import sys
import warnings

import command
import numpy as np
import pandas as pd
import torch
from scipy import linalg
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from frlib.geometry import compatibility, fit_alignment, identification
from frlib.geometry.alignment.compatibility import fit_pairs, held_out
from frlib.geometry.alignment.maps import KINDS, fold_codes, paired_rows
from frlib.geometry.alignment.solutions import FOLDS, RIDGE_GRID

WIDE = (256, 192)  # source and target of the maps that are fitted to more and more pairs
DIMS = (192, 256, 1024, 128, 128)  # of the five face networks
PEOPLE, IMAGES = 40, 8
CLOSE = 1e-8


def images(n_people: int, per_person: int, dims) -> tuple[dict[str, torch.Tensor], np.ndarray]:
    """Return embeddings of the same images in networks that share 64 directions, and who is in each image."""
    generator = np.random.default_rng(0)
    person = np.repeat(np.arange(n_people), per_person)
    shared = generator.normal(size=(n_people, 64))[person] + 0.4 * generator.normal(size=(len(person), 64))
    embeddings = {
        f"network {k} ({d})": shared @ generator.normal(size=(64, d)) + 2 * generator.normal(size=(len(person), d))
        for k, d in enumerate(dims)
    }
    # Names in the order of numbers, so that both sides make the same folds.
    names = np.array([f"person {k:06d}" for k in person])
    return {name: torch.from_numpy(X.astype(np.float32)) for name, X in embeddings.items()}, names


def by_scipy(X: np.ndarray, Y: np.ndarray, identities) -> np.ndarray:
    """Return the Procrustes matrix that SciPy finds for centred rows, filled up with zeros to one number of columns."""
    columns = max(X.shape[1], Y.shape[1])
    filled = [np.pad(rows, ((0, 0), (0, columns - rows.shape[1]))) for rows in (X, Y)]
    return linalg.orthogonal_procrustes(*filled)[0][: X.shape[1], : Y.shape[1]]


def by_thin_svd(X: np.ndarray, Y: np.ndarray, identities) -> np.ndarray:
    """Return the Procrustes matrix from one thin singular value decomposition."""
    left, _, right = linalg.svd(X.T @ Y, full_matrices=False)
    return left @ right


def by_regression(X: np.ndarray, Y: np.ndarray, identities) -> np.ndarray:
    """Return the matrix of scikit-learn's least squares."""
    return LinearRegression().fit(X, Y).coef_.T


def by_ridge(X: np.ndarray, Y: np.ndarray, identities) -> np.ndarray:
    """Return the matrix of scikit-learn's ridge, its alpha chosen on the same folds."""
    alphas = np.array(RIDGE_GRID) * (X**2).sum() / X.shape[1]
    folds = list(GroupKFold(FOLDS).split(X, groups=identities))
    return RidgeCV(alphas, cv=folds, scoring="neg_mean_squared_error").fit(X, Y).coef_.T


BASELINES = {
    "procrustes": {"orthogonal_procrustes": by_scipy, "thin SVD": by_thin_svd},
    "linear": {"LinearRegression": by_regression},
    "ridge": {"RidgeCV": by_ridge},
}


def split(identities: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """Return the images on which `compatibility` trains, and its gallery and probes."""
    codes, names = pd.factorize(identities)
    return held_out(codes, len(names), 0.5, np.random.default_rng(seed))


def fit_all(embeddings, identities, kind: str) -> dict:
    """Return the maps of all ordered pairs, as `compatibility` fits them."""
    rows = paired_rows(embeddings, True, False)
    for own in rows.values():
        own.codes = fold_codes(identities, len(identities))
    return fit_pairs(rows, kind, rows)


def fit_all_alone(embeddings, identities, matrix_of) -> dict[tuple, tuple[np.ndarray, np.ndarray]]:
    """Return matrix and offset of the same maps, each from one call."""
    found = {}
    for source, target in itertools.permutations(embeddings, 2):
        X, Y = (embeddings[name].double().numpy() for name in (source, target))
        left, right = X.mean(axis=0), Y.mean(axis=0)
        matrix = matrix_of(X - left, Y - right, identities)
        found[source, target] = matrix, right - left @ matrix
    return found


def ranks_alone(embeddings, identities, maps: dict, part: tuple) -> pd.Series:
    """Return rank-1 of every ordered pair, each scored by itself."""
    train, gallery, probes = part
    found = {}
    for source, target in itertools.product(embeddings, repeat=2):
        mapped, Y = embeddings[source][probes].numpy(), embeddings[target].numpy()
        if source != target:
            matrix, offset = maps[source, target]
            mapped = (mapped @ matrix + offset).astype(np.float32)
        mean = Y[train].mean(axis=0, dtype=float)
        scores = identification(mapped - mean, identities[probes], Y[gallery] - mean, identities[gallery])
        found[source, target] = scores["rank1"]
    return pd.Series(found)


def largest_difference(embeddings, ours: dict, alone: dict) -> float:
    """Return the largest difference between maps, over their norm.

    Raises
    ------
    ArithmeticError
        If it is not small.
    """
    gaps = {}
    for pair, map_ in ours.items():
        X = embeddings[pair[0]].double().numpy()
        rows = np.eye(X.shape[1]) if determined(map_) else X - X.mean(axis=0)
        expected = rows @ alone[pair][0]
        gaps[pair] = linalg.norm(rows @ map_.matrix.numpy() - expected) / linalg.norm(expected)
    worst = max(gaps, key=gaps.get)
    if not gaps[worst] < CLOSE:
        raise ArithmeticError(f"the maps of {worst} differ by {gaps[worst]:.2g} of their norm")
    return gaps[worst]


def determined(alignment) -> bool:
    """Say whether both sides have to find the same matrix: a linear one is the shortest, where pairs allow several."""
    return alignment.kind != "procrustes" or alignment.rank == min(alignment.matrix.shape)


def raise_unless_equal(table: pd.DataFrame, maps: dict, expected: pd.Series) -> None:
    """Raise an AssertionError unless rank-1 is the same wherever pairs determine the map."""
    found = table.set_index(["source", "target"])["rank1"]
    same = [pair for pair in found.index if pair not in maps or determined(maps[pair])]
    pd.testing.assert_series_equal(found[same], expected[same], check_names=False, check_exact=True)


def timed(function) -> tuple[object, float]:
    """Return what a function gives, and how long it took."""
    found = []
    [took] = command.seconds(lambda: found.append(function()), repeat=1)
    return found[0], took


def compare(rows: command.Rows, embeddings, identities, kind: str, seeds: range) -> None:
    """Compare all maps of one kind over some splits with one call per map; raise if results are not the same."""
    case = f"5 networks, 20 maps, splits: {len(seeds)}, {kind}"
    parts = [split(identities, seed) for seed in seeds]
    trained = [({name: X[train] for name, X in embeddings.items()}, identities[train]) for train, _, _ in parts]
    whole, fits = command.seconds(
        lambda: [compatibility(embeddings, identities, kind, seed=seed) for seed in seeds],
        lambda: [fit_all(*part, kind) for part in trained],
    )
    rows.add(case, "compatibility", whole, "s", f"of it {fits:.2f} s to fit")
    ours = [fit_all(*part, kind) for part in trained]
    found = [compatibility(embeddings, identities, kind, seed=seed) for seed in seeds]
    for name, matrix_of in BASELINES[kind].items():
        alone, slow_fits = timed(lambda m=matrix_of: [fit_all_alone(*part, m) for part in trained])
        ranks, scores = timed(
            lambda a=alone: [ranks_alone(embeddings, identities, *one) for one in zip(a, parts, strict=True)]
        )
        gaps = [largest_difference(part[0], *maps) for part, *maps in zip(trained, ours, alone, strict=True)]
        for table, maps, expected in zip(found, ours, ranks, strict=True):
            raise_unless_equal(table, maps, expected)
        slow = slow_fits + scores
        rows.add(case, "largest difference of maps", max(gaps), "", f"{name}, over the norm")
        rows.add(case, "speed-up, fits and scores", slow / whole, "ratio", f"{name}, one per map, {slow:.2f} s")
        rows.add(case, "speed-up, fits alone", slow_fits / fits, "ratio", f"{name}, one per map, {slow_fits:.2f} s")


def one_fit(n: int, kind: str):
    """Return a call without arguments that fits one map to n pairs, eight of each person."""
    embeddings, identities = images(n // IMAGES, IMAGES, WIDE)
    return lambda: fit_alignment(*embeddings.values(), kind, identities=identities)


def growth(rows: command.Rows, sizes: tuple[int, ...], measured: tuple[str, ...]) -> None:
    """Show how the time of one fit grows with the number of pairs, and the memory of the measured kinds."""
    for kind, n in itertools.product(KINDS, sizes):
        [took] = command.seconds(one_fit(n, kind), repeat=3 if n <= 1000 else 1)
        case = f"{n} pairs, {WIDE[0]} to {WIDE[1]} dimensions, {kind}"
        rows.add(case, "fit_alignment, per pair", took / n * 1e6, "µs", "")
        if kind in measured and n > sizes[0] and sys.platform.startswith("linux"):
            peak, own = command.in_fresh_process(__file__, n, kind), n * sum(WIDE) * 4 / 1e6
            rows.add(case, "peak memory", peak, "MB", f"above a loaded process; both embeddings: {own:.0f} MB")


def main(quick: bool = False) -> list[dict]:
    rows = command.Rows("alignment")
    warnings.filterwarnings("ignore", r"\d+ (maps are not|pairs from)")  # not determined by so few pairs
    embeddings, identities = images(PEOPLE, IMAGES, DIMS)
    for kind in KINDS:
        compare(rows, embeddings, identities, kind, range(1 if quick else 10))
    growth(rows, *(((1000, 10_000), ("ridge",)) if quick else ((1000, 10_000, 100_000), KINDS)))
    return rows


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        if sys.argv[1:2] == ["--peak"]:  # this program's own call
            one_fit(80, sys.argv[3])()  # loads
            print(command.raised_peak(one_fit(int(sys.argv[2]), sys.argv[3])))
        else:
            command.run(main, __doc__)
