"""Can one network's embeddings be looked up in another's gallery? All ordered pairs of networks, on held-out people."""

import itertools
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.alignment import solutions
from frlib.geometry.alignment.maps import (
    KINDS,
    Alignment,
    fit_rows,
    fold_codes,
    from_matrix,
    matrix_of,
    paired_rows,
    undetermined,
)
from frlib.geometry.alignment.solutions import Rows
from frlib.geometry.pairs import unit_rows
from frlib.geometry.recognition.identification import identification

#: What a map is compared with: none, one that knows nothing, pairs of different people, pairs of different images.
BASELINES = ("none", "random", "shuffled", "within")


@checked
def compatibility(
    embeddings: Mapping,
    identities,
    kind: str,
    *,
    train_fraction: float = 0.5,
    places: Sequence | None = None,
    max_pairs: int | None = None,
    seed: int = 0,
    center: bool = True,
    normalize: bool = False,
    alpha: float | None = None,
    ranks: Sequence[int] = (1,),
    accepted_at_least: int = 10,
) -> pd.DataFrame:
    """Map every network into every other one on some people, and recognise other people across them.

    The gallery has one image of each held-out identity, as the target embeds it; the probes are their other images, as
    the source embeds them, mapped. Scores are cosines; with ``center``, of what is left without the mean of the target
    over the training images. Else that mean, which is most of the length of many embeddings, would hide a map whose
    results are too short or too long. People, gallery and probes are the same for all pairs. Where source and target
    are the same network nothing is mapped: what a perfect map would reach.

    Parameters
    ----------
    embeddings : mapping of network to array_like, shape (n, d)
        Of the same images, row by row; the dimensions may differ.
    identities : array_like, shape (n,)
        Who is in each image.
    kind : str
        One of `fit_alignment`, or a baseline with another matrix: ``none`` fills up with zeros or cuts off to the
        dimension of the target; ``random`` is a random semi-orthogonal one; ``shuffled`` is Procrustes on training
        images that are paired at random; ``within`` is Procrustes on images that are paired at random inside each
        identity, so that only identity is left to learn.
    train_fraction : float
        Share of the identities on which the maps are fitted.
    places : sequence of three array_like of int, optional
        Which images are fitted, which are the gallery, and which are probes, in place of a random part of the
        identities. Nobody may be fitted and tested on, and no image be in the gallery and a probe.
    max_pairs : int, optional
        Fit on so many of their images only; fewer are a part of more. The held-out people, and the means that are
        subtracted from scores, stay the same.
    seed : int
        Draws these identities, the gallery, and what the baselines draw.
    center, normalize, alpha
        As in `fit_alignment`; ridge chooses its alpha on held-out training identities.
    ranks, accepted_at_least
        As in `identification`.

    Returns
    -------
    DataFrame, one row per ordered pair
        ``source``, ``target``, and the figures of `identification`: ``rank1``, ``auc``, ``eer``, ``tar_at_1e-2``,
        ``tar_at_1e-3``, ``gallery_size``.

    Warns
    -----
    UserWarning
        If the training pairs do not determine all maps; once for all.

    Raises
    ------
    ValueError
        If an argument has a shape or a value that is not accepted, or a part has too few identities.
    """
    checks.one_of("kind", kind, KINDS + BASELINES)
    embeddings = _checked(embeddings, normalize)
    codes, names = labels.numbered("identities", identities, len(next(iter(embeddings.values()))), "image")
    generator = np.random.default_rng(seed)
    if places is None:
        train, gallery, probes = held_out(codes, len(names), train_fraction, generator)
    else:
        train, gallery, probes = _given(places, codes, names)
    means = {name: own[train].double().mean(dim=0) * center for name, own in embeddings.items()}
    train = train[: None if max_pairs is None else checks.at_least("max_pairs", max_pairs, 2)]
    named = {f"embeddings[{name!r}]": own[train] for name, own in embeddings.items()}
    rows = dict(zip(embeddings, paired_rows(named, center, False).values(), strict=True))
    if kind == "ridge" and alpha is None:
        for own in rows.values():
            own.codes = fold_codes(codes[train], len(train))
    order = _order(codes[train], kind, generator)
    targets = {name: own if order is None else own.reordered(order) for name, own in rows.items()}
    maps = fit_pairs(rows, kind, targets, alpha, seed)
    table = []
    for source, target in itertools.product(embeddings, repeat=2):
        mapped = embeddings[source][probes]
        if source != target:
            mapped = maps[source, target].transform(mapped)
        mapped = mapped.to(means[target].device) - means[target]
        if source != target and alpha is not None and not (mapped != 0).any(dim=1).all():
            raise ValueError(f"alpha must leave the probes of {source!r} a direction in {target!r}; got {alpha}")
        found = identification(
            mapped,
            codes[probes],
            embeddings[target][gallery] - means[target],
            codes[gallery],
            ranks=ranks,
            accepted_at_least=accepted_at_least,
        )
        table.append({"source": source, "target": target} | found.to_dict())
    if said := [text for alignment in maps.values() if (text := undetermined(alignment))]:
        warnings.warn(f"{len(said)} maps are not determined by their pairs; the first: {said[0]}", stacklevel=3)
    return pd.DataFrame(table).astype({"gallery_size": int})


def _checked(embeddings: Mapping, normalize: bool) -> dict[str, torch.Tensor]:
    """Return the embeddings of each network as matrices of as many rows, these of length 1 if they shall be."""
    if not isinstance(embeddings, Mapping) or not embeddings:
        raise ValueError(f"embeddings must be a mapping of network to matrix, not empty; got {embeddings!r:.60}")
    matrices, n = {}, None
    for name, value in embeddings.items():
        matrix = matrix_of(f"embeddings[{name!r}]", value, normalize, rows=n)
        n = len(matrix)
        matrices[name] = unit_rows(matrix, matrix.dtype) if normalize else matrix
    return matrices


def held_out(
    codes: np.ndarray, n: int, train_fraction: float, generator: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Return the images to train on, in random order, and those of the held-out identities: gallery and probes."""
    shuffled = generator.permutation(n)
    n_train = round(checks.between("train_fraction", train_fraction, 0, 1) * n)
    if not 1 <= n_train <= n - 2:
        raise ValueError(
            f"train_fraction must leave at least one identity to train on and two to test on; {train_fraction} of {n}"
            f" identities is {n_train}"
        )
    images = generator.permutation(len(codes))
    trained = np.isin(codes[images], shuffled[:n_train])
    train, test = images[trained], images[~trained]
    first = np.unique(codes[test], return_index=True)[1]
    gallery, probes = test[first], np.sort(np.delete(test, first))
    if not len(probes):
        raise ValueError("identities must hold one with two images among those to test on; all of them have one")
    return train, gallery, probes


def _given(places: Sequence, codes: np.ndarray, names) -> list[np.ndarray]:
    """Return the images to train on, of the gallery and of the probes, if these are other people."""
    parts = [np.asarray(part) for part in places]
    if len(parts) != 3 or not all(part.ndim == 1 and len(part) and part.dtype.kind in "iu" for part in parts):
        raise ValueError(f"places must be three lists of whole numbers, none of them empty; got {places!r:.60}")
    for part in parts:
        if wrong := [int(place) for place in part if not 0 <= place < len(codes)]:
            raise ValueError(f"places must be from 0 to {len(codes) - 1}; got {wrong[0]}")
    train, *test = parts
    if len(both := np.intersect1d(codes[train], codes[np.concatenate(test)])):
        raise ValueError(f"places must test on people who are not fitted; {names[both[0]]} is both")
    if len(both := np.intersect1d(*test)):
        raise ValueError(f"places must have a gallery without probes; image {both[0]} is both")
    return parts


def _order(codes: np.ndarray, kind: str, generator: np.random.Generator) -> np.ndarray | None:
    """Return which image of the target a baseline pairs with each image of the source; None for its own."""
    shuffled = generator.permutation(len(codes))
    if kind == "shuffled":
        return shuffled
    if kind == "within":
        order = np.empty(len(codes), dtype=int)
        order[np.argsort(codes, kind="stable")] = shuffled[np.argsort(codes[shuffled], kind="stable")]
        return order
    return None


def fit_pairs(
    rows: Mapping[str, Rows], kind: str, targets: Mapping[str, Rows], alpha: float | None = None, seed: int = 0
) -> dict[tuple[str, str], Alignment]:
    """Return the maps of a kind, baselines included, between all ordered pairs of two networks.

    A Procrustes map back is not fitted: it is the transpose, because <X W, Y> = <Y W', X>.
    """
    maps = {}
    for source, target in itertools.permutations(rows, 2):
        there = maps.get((target, source))
        if kind == "procrustes" and there is not None:
            matrix = there.matrix.numpy().T
            maps[source, target] = from_matrix(rows[source], targets[target], matrix, kind, False, there.rank)
        else:
            maps[source, target] = _fitted(rows[source], targets[target], kind, alpha, seed)
    return maps


def _fitted(source: Rows, target: Rows, kind: str, alpha: float | None, seed: int) -> Alignment:
    """Return the map of a kind, baselines included."""
    d_s, d_t = source.rows.shape[1], target.rows.shape[1]
    if kind == "none":
        return from_matrix(source, target, np.eye(d_s, d_t), kind, False, 0)
    if kind == "random":
        matrix = solutions.semi_orthogonal(d_s, d_t, np.random.default_rng([seed, d_s, d_t]))
        return from_matrix(source, target, matrix, kind, False, 0)
    return fit_rows(source, target, kind if kind in KINDS else "procrustes", False, alpha)
