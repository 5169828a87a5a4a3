"""What labels give that mean nothing: whole identities exchange theirs, or only their counts are kept."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels, pairs, ranks
from frlib.geometry.macroscale.calibration import label_trials
from frlib.geometry.macroscale.ks import MODALITIES, drawn_pairs


@checked
def exchanged_labels(identities, attributes: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Let whole identities exchange their labels at random, image by image.

    Rates, correlations of attributes, and how often an attribute varies inside an identity stay as they are; who has
    the labels is chance.

    Parameters
    ----------
    identities : array_like, shape (N,)
        The label of each row; all identities have the same number of images.
    attributes : DataFrame of bool, N rows
    seed : int

    Returns
    -------
    DataFrame of bool, N rows

    Raises
    ------
    ValueError
        If a shape does not fit, or identities have different numbers of images.
    """
    attributes = labels.boolean_table(attributes)
    codes, names = labels.numbered("identities", identities, len(attributes))
    images = np.bincount(codes)
    if images.min() != images.max():
        raise ValueError(
            f"identities must have the same number of images each; got {images.min()} to {images.max()}, "
            f"for {names[images.argmin()]} and {names[images.argmax()]}"
        )
    rows = np.argsort(codes, kind="stable").reshape(len(images), -1)
    given = rows[np.random.default_rng(seed).permutation(len(rows))]
    mixed = attributes.copy()
    mixed.iloc[rows.ravel()] = attributes.iloc[given.ravel()].to_numpy()
    return mixed


@torch.no_grad()
@checked
def exchanged_trials(
    embeddings,
    identities,
    attributes: pd.DataFrame,
    *,
    metric: str = "cosine",
    trials: int = 60,
    permutations: int = 0,
    max_per_modality: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Exchange labels between identities, draw and test as `ks_by_attribute` does, again and again.

    The null hypothesis is true in every trial, and attributes vary inside identities as they did: those drawn in both
    modalities swap their two images in the permutation test. All attributes of a trial share one exchange.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
    identities : array_like, shape (N,)
        All have the same number of images.
    attributes : DataFrame of bool, N rows
    metric : {"cosine", "euclidean"}
    trials : int
    permutations : int
        Number of permutations per test; 0 leaves ``p_permutation`` empty.
    max_per_modality, seed : int
        As in `ks_by_attribute`; each trial has its own exchange, draws and permutations.

    Returns
    -------
    DataFrame, two rows per trial and attribute
        ``trial``, ``attribute``, ``modality``; ``n``: images per modality; ``in_both``: share of them whose identity is
        in the other modality too; ``ks``; ``p_naive``, by the asymptotic distribution whatever the size;
        ``p_permutation``.

    Raises
    ------
    ValueError
        As in `exchanged_labels` and `ks_by_attribute`.
    """
    embeddings = checks.as_matrix("embeddings", embeddings, metric=metric)
    codes = labels.numbered("identities", identities, len(embeddings), "embedding")[0]
    attributes = labels.boolean_table(attributes, len(embeddings))
    checks.at_least("trials", trials, 1)
    checks.at_least("permutations", permutations, 0)
    # Euclidean distances of unit vectors rise with the cosine dissimilarity, so all statistics are the same.
    points = pairs.unit_rows(embeddings) if metric == "cosine" else embeddings
    rows, strata = [], np.zeros(len(codes), int)
    for trial in tqdm(range(trials), desc="exchanges", delay=3):
        own = np.random.default_rng([seed, trial]).integers(2**31, size=2)
        mixed = exchanged_labels(codes, attributes, seed=int(own[0]))
        for k, name in enumerate(mixed):
            chosen, found = drawn_pairs(points, codes, mixed[name], name, max_per_modality, int(own[1]), "euclidean")
            ks, p = np.abs(found.signed_statistics()), np.full(2, np.nan)
            if permutations:
                permuting = np.random.default_rng([seed, trial, k])
                p = found.permutation_p(permutations, strata[chosen], permuting)
            both, n = float((found.partner >= 0).mean()), len(chosen) // 2
            naive = found.naive_p(ks, asymptotic=True)
            rows += [(trial, name, m, n, both, *row) for m, *row in zip(MODALITIES, ks, naive, p, strict=True)]
    names = ["trial", "attribute", "modality", "n", "in_both", "ks", "p_naive", "p_permutation"]
    return pd.DataFrame(rows, columns=names)


@checked
def correlations_from_counts(
    embeddings,
    identities,
    counts: Mapping[str, int],
    other,
    *,
    metric: str = "cosine",
    trials: int = 60,
    seed: int = 0,
) -> np.ndarray:
    """Return rank correlations of KS statistics with another number, where only the counts of people are not chance.

    Each attribute labels as many people per modality as its count says, at random, and independently of the others. Its
    statistic is then the mean over both modalities. Fewer people give larger statistics; a number that goes with the
    counts is correlated with them for this alone.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
    identities : array_like, shape (N,)
    counts : mapping of attribute to int
        People per modality, at least two. Twice as many identities are needed.
    other : array_like
        One number per attribute, in the order of ``counts``.
    metric : {"cosine", "euclidean"}
    trials, seed : int

    Returns
    -------
    ndarray, shape (trials,)

    Raises
    ------
    ValueError
        As in `label_trials`, or if there is not one number per attribute.
    """
    sizes, other = np.array(list(counts.values())), checks.as_numbers("other", other, finite=True)
    if other.shape != sizes.shape or len(sizes) < 2:
        raise ValueError(f"other must have one number per attribute of counts, at least two; got shape {other.shape}")
    for name, count in counts.items():
        checks.at_least(f"counts[{name!r}]", count, 2)
    checks.at_least("trials", trials, 1)
    statistics = np.empty((trials, len(sizes)))
    for size in np.unique(sizes):
        places = np.flatnonzero(sizes == size)
        options = {"metric": metric, "per_modality": int(size), "trials": trials * len(places)}
        # Trials of one seed begin with the same people, whatever their number.
        own = int(np.random.default_rng([seed, int(size)]).integers(2**63 - 1))
        found = label_trials(embeddings, identities, seed=own, **options).groupby("trial").ks.mean()
        statistics[:, places] = found.to_numpy().reshape(trials, len(places))
    return ranks.rank_correlation(statistics, other)


@checked
def gaussian_cloud(embeddings, n: int, *, metric: str = "cosine", seed: int = 0) -> torch.Tensor:
    """Draw points of the normal distribution that has the mean and the covariance of a cloud.

    It gives statistics for more people than were embedded, as far as they depend on mean and covariance alone.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        With the cosine metric its rows are brought to length 1 first.
    n : int
        Number of points.
    metric : {"cosine", "euclidean"}
    seed : int

    Returns
    -------
    Tensor of float64, shape (n, d)

    Raises
    ------
    ValueError
        If a shape or a value is not accepted.
    """
    embeddings = checks.as_matrix("embeddings", embeddings, metric=metric)
    points = pairs.unit_rows(embeddings) if metric == "cosine" else embeddings.double()
    center = points.mean(dim=0)
    root = torch.linalg.svd((points - center) / len(points) ** 0.5, full_matrices=False)
    noise = np.random.default_rng(seed).standard_normal((checks.at_least("n", n, 1), len(root.S)))
    return center + torch.from_numpy(noise).to(points) * root.S @ root.Vh
