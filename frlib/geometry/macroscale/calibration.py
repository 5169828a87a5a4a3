"""Do the p values of the macroscale hold? Trials with labels that mean nothing, and with an effect of known size."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy import stats
from tqdm.auto import tqdm

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels, pairs
from frlib.geometry.macroscale.ks import MODALITIES, partners
from frlib.geometry.macroscale.two_sample import sorted_pairs

TESTS = ("naive", "permutation")


@torch.no_grad()
@checked
def label_trials(
    embeddings,
    identities,
    *,
    metric: str = "cosine",
    effects: Sequence[float] = (0.0,),
    per_modality: int = 60,
    in_both: float = 0.0,
    trials: int = 200,
    permutations: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Label images at random, plant an effect, and test it as `ks_by_attribute` does.

    Each trial draws identities and one image of each, and labels them at random; a share of the identities gives two
    images, one to each modality. Then all positive images are moved by ``effect`` times s in one random direction of
    the trial, where s is the root mean square distance of the embeddings from their mean (of the unit vectors, with
    the cosine metric). At effect 0 the null hypothesis is true, so a test at level α should reject in a share α of the
    trials. A trial uses the same images and direction for every effect.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
    identities : array_like, shape (N,)
        The label of each row.
    metric : {"cosine", "euclidean"}
    effects : sequence of floats
        Lengths of the move over s.
    per_modality : int
        Number n of images in each modality. 2 n identities are needed, less those in both.
    in_both : float
        Share of each modality whose identities are in the other one too, with another image.
    trials : int
    permutations : int
        Number of permutations per trial; 0 leaves ``p_permutation`` empty.
    seed : int
        Seeds identities, images, labels, directions and permutations.

    Returns
    -------
    DataFrame, two rows per effect and trial
        ``effect``, ``trial``, ``modality``, ``ks``; ``p_naive``, by the asymptotic distribution whatever the size;
        ``p_permutation``.

    Raises
    ------
    ValueError
        If a shape or value is not accepted, or there are too few identities, or too few with two images.
    """
    embeddings = checks.as_matrix("embeddings", embeddings, metric=metric)
    codes = labels.numbered("identities", identities, len(embeddings), "embedding")[0]
    n_both = round(checks.between("in_both", in_both, 0, 1) * checks.at_least("per_modality", per_modality, 2))
    _check_supply(codes, per_modality, n_both)
    checks.at_least("trials", trials, 1)
    checks.at_least("permutations", permutations, 0)
    effects = [float(effect) for effect in np.atleast_1d(effects)]
    points = pairs.unit_rows(embeddings) if metric == "cosine" else embeddings.double()
    size = float((points - points.mean(dim=0)).square().sum(dim=1).mean().sqrt())
    rows = []
    for trial in tqdm(range(trials), desc="trials", delay=3):
        generator = np.random.default_rng([seed, trial])
        chosen = _random_labels(codes, per_modality, n_both, generator)
        direction = torch.from_numpy(generator.normal(size=points.shape[1])).to(points)
        direction *= size / direction.norm()
        permuting = generator.integers(2**63)
        for effect in effects:
            moved = points[torch.from_numpy(chosen).to(points.device)]
            moved[:per_modality] += effect * direction
            result = _test(moved, partners(codes[chosen]), metric, permutations, np.random.default_rng(permuting))
            rows += [(effect, trial, *row) for row in result]
    return pd.DataFrame(rows, columns=["effect", "trial", "modality", "ks", "p_naive", "p_permutation"])


@checked
def rejection_rates(
    trials: pd.DataFrame, *, level: float = 0.05, by: Sequence[str] = ("effect", "modality")
) -> pd.DataFrame:
    """Return how often each test rejects: its type I error where labels mean nothing, its power elsewhere.

    Parameters
    ----------
    trials : DataFrame
        From `label_trials` or `exchanged_trials`.
    level : float
        A test rejects if its p value does not exceed the level.
    by : sequence of str
        Columns of the trials; rows that agree in them are counted together, and must be independent for the interval
        to hold.

    Returns
    -------
    DataFrame
        The columns of ``by``; ``test``: naive or permutation; ``rate``: share of the trials that reject;
        ``low``, ``high``: 95 % Clopper-Pearson interval, over trials. Tests without p values are left out.

    Raises
    ------
    ValueError
        If the level does not lie between 0 and 1, or a column is missing.
    """
    checks.between("level", level, 0, 1)
    if not len(by):
        raise ValueError("by must name a column; got none")
    checks.columns("trials", trials, [*by, *(tests := [f"p_{test}" for test in TESTS])], tests)
    rows = []
    for key, group in trials.groupby(list(by), sort=False):
        for test in TESTS:
            p = group[f"p_{test}"].dropna()
            if len(p):
                found = stats.binomtest(int((p <= level).sum()), len(p))
                rows.append((*key, test, found.statistic, *found.proportion_ci()))
    return pd.DataFrame(rows, columns=[*by, "test", "rate", "low", "high"])


def _check_supply(codes: np.ndarray, per_modality: int, n_both: int) -> None:
    """Refuse sizes for which there are not enough identities."""
    images, more = np.bincount(codes), f"for {per_modality} per modality"
    needed = {"identities": 2 * per_modality - n_both, "identities with two images": n_both}
    for (what, least), there in zip(needed.items(), (len(images), int((images > 1).sum())), strict=True):
        if there < least:
            raise ValueError(f"identities must hold at least {least} {what} {more}; got {there}")


def _random_labels(codes, per_modality: int, n_both: int, generator: np.random.Generator) -> np.ndarray:
    """Return rows: per_modality positive ones, then as many negative ones; n_both identities are in both."""
    shuffled = generator.permutation(len(codes))
    names, first = np.unique(codes[shuffled], return_index=True)
    rest = np.delete(shuffled, first)
    second_of = dict(zip(codes[rest][::-1], rest[::-1], strict=True))  # the first of the rest wins
    order = generator.permutation(len(names))
    both = [k for k in order if names[k] in second_of][:n_both]
    single = [k for k in order if k not in set(both)][: 2 * (per_modality - n_both)]
    one, other = shuffled[first[both]], np.array([second_of[names[k]] for k in both], dtype=int)
    single = shuffled[first[single]]
    half = per_modality - n_both
    return np.concatenate([one, single[:half], other, single[half:]])


def _test(points, partner, metric: str, permutations: int, generator: np.random.Generator):
    """Return modality, statistic and both p values of the first half of the points against the second."""
    positive = np.arange(len(points)) < len(points) // 2
    found = sorted_pairs(points, positive, partner, metric)
    ks, p = np.abs(found.signed_statistics()), np.full(2, np.nan)
    if permutations:
        p = found.permutation_p(permutations, np.zeros(len(points), int), generator)
    return list(zip(MODALITIES, ks, found.naive_p(ks, asymptotic=True), p, strict=True))
