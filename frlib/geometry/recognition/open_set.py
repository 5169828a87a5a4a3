"""A rule that may say nobody: the nearest person of a gallery, if near enough."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.clouds import takes_clouds
from frlib.geometry.pairs import pair_distances


@takes_clouds
@torch.no_grad()
@checked
def open_set_trials(
    embeddings, identities, *, gallery_images: int, trials: int = 20, metric: str = "cosine", seed: int = 0
) -> pd.DataFrame:
    """Enrol a random half of the people and show the rule their other images, and all images of strangers.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
        All distances are kept: N^2 numbers.
    identities : array_like, shape (N,)
        The label of each row: at least four identities.
    gallery_images : int
        Enrolled images per person: the first ones. Everybody has more.
    trials : int
        Random halves. They share people, so they are not independent.
    metric : {"cosine", "euclidean"}
    seed : int

    Returns
    -------
    DataFrame, one row per trial and probe
        ``trial``; ``known``: whether the probe shows an enrolled person; ``distance`` to the nearest image of the
        gallery; ``right``: whether that image shows the same person.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted, or somebody has too few images.
    """
    embeddings = checks.as_matrix("embeddings", embeddings, metric=metric)
    distances = pair_distances(embeddings, metric=metric).cpu().numpy()
    codes, names = labels.numbered("identities", identities, len(distances), "embedding")
    gallery_images, n = checks.at_least("gallery_images", gallery_images, 1), len(names)
    if n < 4:
        raise ValueError(f"identities must hold at least four; got {n}")
    if np.bincount(codes).min() <= gallery_images:
        least = names[np.bincount(codes).argmin()]
        raise ValueError(f"gallery_images must leave everybody an image to try; {least} has {np.bincount(codes).min()}")
    enrolled_image = pd.Series(codes).groupby(codes).cumcount().to_numpy() < gallery_images
    tables = []
    for trial in range(checks.at_least("trials", trials, 1)):
        order = np.random.default_rng([seed, trial]).permutation(n)
        known = np.isin(codes, order[: n // 2])
        gallery, probes = np.flatnonzero(known & enrolled_image), np.flatnonzero(~(known & enrolled_image))
        near = distances[np.ix_(probes, gallery)]
        found = {"known": known[probes], "distance": near.min(axis=1)}
        right = codes[gallery][near.argmin(axis=1)] == codes[probes]
        tables.append(pd.DataFrame({"trial": trial} | found | {"right": right}))
    return pd.concat(tables, ignore_index=True)


@checked
def answer_shares(trials: pd.DataFrame, thresholds: Sequence[float]) -> pd.DataFrame:
    """Return what the rule says at each threshold, as mean shares over the trials.

    Parameters
    ----------
    trials : DataFrame
        Of `open_set_trials`.
    thresholds : sequence of float
        Largest distance at which somebody is named.

    Returns
    -------
    DataFrame, one row per threshold, group and answer
        ``threshold``; ``known``: images of enrolled people, or of strangers; ``answer``: right person (never for
        strangers), wrong person, unidentified; ``share``: mean over the trials; ``sd``: standard deviation over them,
        NaN with one.
    """
    checks.columns("trials", trials, ["trial", "known", "distance", "right"], ["known", "distance", "right"])
    thresholds = checks.as_numbers("thresholds", thresholds, finite=True)
    rows = []
    for known, group in trials.groupby("known", sort=True):
        per_trial = [_answers(part, thresholds) for _, part in group.groupby("trial")]
        mean, sd = np.mean(per_trial, axis=0), np.full(np.shape(per_trial[0]), np.nan)
        if len(per_trial) > 1:
            sd = np.std(per_trial, axis=0, ddof=1)
        for k, answer in enumerate(("right person", "wrong person", "unidentified")):
            if known or k:
                part = {"threshold": thresholds, "known": known, "answer": answer, "share": mean[k], "sd": sd[k]}
                rows.append(pd.DataFrame(part))
    return pd.concat(rows, ignore_index=True)


@checked
def right_at_strangers(trials: pd.DataFrame, share: float) -> pd.Series:
    """Return how often own people are named rightly where at most a given share of the strangers gets a name.

    Parameters
    ----------
    trials : DataFrame
        Of `open_set_trials`.
    share : float
        Of the strangers' images, 0 to 1.

    Returns
    -------
    Series
        One share of the enrolled people's images per trial.
    """
    checks.columns("trials", trials, ["trial", "known", "distance", "right"], ["known", "distance", "right"])
    checks.between("share", share, 0, 1)

    def of_one(part: pd.DataFrame) -> float:
        own, strangers = part[part["known"]], np.sort(part["distance"][~part["known"]])
        allowed = int(share * len(strangers) * (1 + 1e-12))  # the bound absorbs rounding in the product
        limit = strangers[allowed] if allowed < len(strangers) else np.inf
        return float((own["right"] & (own["distance"] < limit)).mean())

    return pd.Series({trial: of_one(part) for trial, part in trials.groupby("trial")}).rename_axis("trial")


def _answers(part: pd.DataFrame, thresholds: np.ndarray) -> np.ndarray:
    """Return the shares named rightly, named wrongly and not named, shape (3, thresholds)."""
    near, right = part["distance"].to_numpy(), part["right"].to_numpy()
    named = [np.searchsorted(np.sort(near[which]), thresholds, side="right") / len(near) for which in (right, ~right)]
    return np.array([*named, 1 - sum(named)])
