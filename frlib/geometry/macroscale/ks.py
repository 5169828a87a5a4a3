"""Which attributes organise the identities: distances inside a modality against distances across, by two-sample KS.

A modality of an attribute is one of its two values, here ``positive`` (true) and ``negative`` (false). If people who
agree in an attribute lie closer together than people who differ, the attribute shapes the space at the scale of
identities.
"""

import zlib

import numpy as np
import pandas as pd
import torch
from scipy import stats
from tqdm.auto import tqdm

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.macroscale.two_sample import SortedPairs, sorted_pairs

MODALITIES = ("positive", "negative")


@checked
def draw_modalities(
    identities, attribute, *, max_per_modality: int = 500, seed: int = 0, name: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one image per identity from each modality of an attribute, as many from both.

    The images of a modality are shuffled, the first image of each identity is kept, and of these the first n (Leroy et
    al., 2025, their code). So an identity with many images in a modality is drawn earlier than one with few. The same
    identity can be drawn in both modalities, with two images.

    Parameters
    ----------
    identities : array_like, shape (N,)
        The label of each row.
    attribute : array_like of bool, shape (N,)
    max_per_modality : int
        n is the least of this and the numbers of identities with an image in one and in the other modality.
    seed : int
        Seeds the draw. The first rows of a draw are the draw with a smaller ``max_per_modality``, unless the modalities
        run out before.
    name : str
        Name of the attribute; attributes of different names get independent draws.

    Returns
    -------
    positive, negative : ndarray of int, shape (n,)
        The rows that were drawn.

    Raises
    ------
    ValueError
        If a shape does not fit, or a modality has fewer than two identities.
    """
    attribute = labels.booleans("attribute", attribute)
    return _draw(labels.numbered("identities", identities, len(attribute))[0], attribute, name, max_per_modality, seed)


@checked
def ks_by_attribute(
    embeddings,
    identities,
    attributes: pd.DataFrame,
    *,
    metric: str = "cosine",
    max_per_modality: int = 500,
    permutations: int = 0,
    strata=None,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare the distances inside each modality of each attribute with those across its two modalities.

    For each attribute `draw_modalities` draws one image per identity and modality. The statistic of modality m is

    .. math:: K_m = \\sup_t |F_m(t) - F_{\\mathrm{cross}}(t)|,

    with F_m the distribution function of the distances of all pairs inside the modality, F_cross that of all pairs
    across, without pairs of one identity (Leroy et al., 2025, section 3; their code keeps those). It is exact.

    ``p_naive`` is the p value of `scipy.stats.ks_2samp`. It takes the distances for independent, but n points make
    n (n - 1) / 2 of them. Where distances share their points' peculiarities, p is far too small.

    ``p_permutation`` relabels identities instead. An identity drawn in both modalities has its two images swapped with
    probability 1/2, and the labels of the images of all others are shuffled, both within strata only. This keeps what
    the statistic is made of: n images per modality, at most one per identity in each. Null hypothesis: such relabelling
    does not change the distribution of where the drawn images lie. It holds if labels were dealt by chance to
    identities, or to images of identities that all have the same number of them. Then p = (1 + number of permutations
    with a statistic at least as large) / (1 + permutations), and p <= α with probability at most α. People in whose
    images an attribute varies may be of another kind than those who always or never have it, or may have more images;
    to rule out that this alone is found, pass the kind as strata.

    Permutations, and what they are compared with, read the distribution functions at the ends of 1,024 bins of nearly
    equal count. A binned statistic lies below the exact one, by at most the largest share that one bin has of one kind
    of pairs: typically 0.001, and below 0.005 if no two distances are equal (see
    ``permutation.bin_ends``). This costs a little power, and no validity.

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
    identities : array_like, shape (N,)
        The label of each row.
    attributes : DataFrame of bool, N rows
        One column per attribute. The rows correspond by position, not by index.
    metric : {"cosine", "euclidean"}
    max_per_modality : int
        Largest number n of images per modality; both modalities are cut to the same n. All pairs are kept: n = 500
        takes 30 MB, n = 5,000 takes 2 GB; beyond that there is `stream_histograms`.
    permutations : int
        Number of permutations; 0 leaves ``p_permutation`` and ``q_value`` empty.
    strata : array_like, shape (N,), optional
        Labels are exchanged only between images with the same value, so that an attribute that goes with gender, say,
        is not found for that alone. The value may differ between images of an identity; they are then not swapped.
    seed : int
        Seeds draws and permutations. Those of an attribute depend on its name and the seed alone, not on the other
        attributes or the embeddings: all networks see the same images.

    Returns
    -------
    DataFrame, two rows per attribute
        ``attribute``; ``modality``: positive or negative; ``n``: images per modality; ``ks``; ``p_naive``;
        ``p_permutation``; ``q_value``: Benjamini-Hochberg over all rows, of p_permutation.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not accepted, or a modality of an attribute has fewer than two identities.
    """
    embeddings, codes, attributes = _checked(embeddings, identities, attributes, metric)
    checks.at_least("permutations", permutations, 0)
    strata = np.zeros(len(codes), int) if strata is None else labels.numbered("strata", strata, len(codes))[0]
    rows = []
    for name in tqdm(list(attributes), desc="attributes", delay=3):
        chosen, found = drawn_pairs(embeddings, codes, attributes[name], name, max_per_modality, seed, metric)
        ks = np.abs(found.signed_statistics())
        p = np.full(2, np.nan)
        if permutations:
            p = found.permutation_p(permutations, strata[chosen], _generator(seed, name, "permutations"))
        for row in zip(MODALITIES, ks, found.naive_p(ks), p, strict=True):
            rows.append((name, row[0], len(chosen) // 2, *row[1:]))
    table = pd.DataFrame(rows, columns=["attribute", "modality", "n", "ks", "p_naive", "p_permutation"])
    table["q_value"] = stats.false_discovery_control(table.p_permutation) if permutations else np.nan
    return table


@checked
def ks_draws(
    embeddings,
    identities,
    attributes: pd.DataFrame,
    *,
    metric: str = "cosine",
    draws: int = 20,
    max_per_modality: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Repeat the draw behind `ks_by_attribute`: how much of a statistic is the luck of the images?

    Parameters
    ----------
    embeddings : array_like, shape (N, d)
    identities : array_like, shape (N,)
    attributes : DataFrame of bool, N rows
    metric : {"cosine", "euclidean"}
    draws : int
        Number of draws. Draw k is that of `ks_by_attribute` with seed ``seed + k``.
    max_per_modality, seed : int
        See `ks_by_attribute`.

    Returns
    -------
    DataFrame, two rows per draw and attribute
        ``draw``, ``attribute``, ``modality``, ``n``, ``ks``; ``difference``: F_intra - F_cross where it is largest in
        size, above 0 where the distances inside the modality are the smaller ones.

    Raises
    ------
    ValueError
        As in `ks_by_attribute`.
    """
    embeddings, codes, attributes = _checked(embeddings, identities, attributes, metric)
    checks.at_least("draws", draws, 1)
    rows = []
    for draw in tqdm(range(draws), desc="draws", delay=3):
        for name in attributes:
            chosen, found = drawn_pairs(
                embeddings, codes, attributes[name], name, max_per_modality, seed + draw, metric
            )
            for modality, difference in zip(MODALITIES, found.signed_statistics(), strict=True):
                rows.append((draw, name, modality, len(chosen) // 2, abs(difference), difference))
    return pd.DataFrame(rows, columns=["draw", "attribute", "modality", "n", "ks", "difference"])


@checked
def distance_functions(
    embeddings,
    identities,
    attributes: pd.DataFrame,
    *,
    metric: str = "cosine",
    max_per_modality: int = 500,
    steps: int = 61,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the two distribution functions whose largest gap is the statistic of `ks_by_attribute`.

    Parameters
    ----------
    embeddings, identities, attributes, metric, max_per_modality, seed
        As in `ks_by_attribute`; the draw is the same.
    steps : int
        Number of distances at which the functions are read; they are exact there. They have equal steps of two
        significant digits, from 0 to the largest distance of all attributes or just beyond.

    Returns
    -------
    DataFrame, ``steps`` rows per attribute and modality
        ``attribute``, ``modality``, ``distance``; ``inside``, ``across``: shares of the pairs up to this distance,
        inside the modality and across; ``at``: the distance of the largest gap; ``ks``: the gap there.

    Raises
    ------
    ValueError
        As in `ks_by_attribute`.
    """
    embeddings, codes, attributes = _checked(embeddings, identities, attributes, metric)
    checks.at_least("steps", steps, 2)
    drawn = {
        name: drawn_pairs(embeddings, codes, attributes[name], name, max_per_modality, seed, metric)[1].functions()
        for name in attributes
    }
    distances, parts = _even_places(max(places[-1] for places, _ in drawn.values()), steps), []
    for name, (places, functions) in drawn.items():
        before = np.searchsorted(places, distances, side="right")
        *inside, across = np.column_stack([np.zeros(3), functions])[:, before]
        for k, modality in enumerate(MODALITIES):
            gaps = np.abs(functions[k] - functions[2])
            part = {"attribute": name, "modality": modality, "distance": distances, "inside": inside[k]}
            part |= {"across": across, "at": places[gaps.argmax()], "ks": gaps.max()}
            parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def _even_places(largest: float, n: int) -> np.ndarray:
    """Return n numbers from 0 to the largest or beyond, at equal steps that can be read: two significant digits."""
    step = largest / (n - 1)
    if step > 0:
        digit = 10.0 ** (np.floor(np.log10(step)) - 1)
        # A hair less, so that rounding does not turn a step that has two digits already into the next one.
        step = np.ceil(step / digit * (1 - 1e-12)) * digit
    return step * np.arange(n)


def _checked(embeddings, identities, attributes, metric: str) -> tuple[torch.Tensor, np.ndarray, pd.DataFrame]:
    embeddings = checks.as_matrix("embeddings", embeddings, metric=metric)
    codes = labels.numbered("identities", identities, len(embeddings), "embedding")[0]
    return embeddings, codes, labels.boolean_table(attributes, len(embeddings))


def _generator(seed: int, *what) -> np.random.Generator:
    """Return a generator of its own for each seed and purpose."""
    return np.random.default_rng([seed, *(zlib.crc32(str(part).encode()) for part in what)])


def _draw(codes, attribute, name, max_per_modality: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Do what `draw_modalities` says, with identities as numbers."""
    checks.at_least("max_per_modality", max_per_modality, 2)
    shuffled = _generator(seed, name).permutation(len(codes))
    drawn = []
    for modality, rows in zip(MODALITIES, (shuffled[attribute[shuffled]], shuffled[~attribute[shuffled]]), strict=True):
        first_of_identity = rows[~pd.Series(codes[rows]).duplicated().to_numpy()]
        if len(first_of_identity) < 2:
            raise ValueError(
                f"attributes must have at least two identities in each modality; the {modality} one of {name!r} "
                f"has {len(first_of_identity)}"
            )
        drawn.append(first_of_identity)
    n = min(max_per_modality, *map(len, drawn))
    return drawn[0][:n], drawn[1][:n]


def drawn_pairs(
    embeddings, codes, attribute: pd.Series, name: str, max_per_modality: int, seed: int, metric: str
) -> tuple[np.ndarray, SortedPairs]:
    """Return the drawn rows, positive ones first, and the sorted pairs of their embeddings."""
    chosen = np.concatenate(_draw(codes, attribute.to_numpy(), name, max_per_modality, seed))
    points = embeddings[torch.from_numpy(chosen).to(embeddings.device)]
    positive = np.arange(len(chosen)) < len(chosen) // 2
    return chosen, sorted_pairs(points, positive, partners(codes[chosen]), metric)


def partners(codes: np.ndarray) -> np.ndarray:
    """Return for each point the other one of the same identity, or -1; no identity may have more than two."""
    order = np.argsort(codes, kind="stable")
    twin = np.flatnonzero(codes[order][1:] == codes[order][:-1])
    found = np.full(len(codes), -1)
    found[order[twin]], found[order[twin + 1]] = order[twin + 1], order[twin]
    return found
