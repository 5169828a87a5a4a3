"""Which images are used where all pairs are kept, if there are too many: people as whole as possible."""

from bisect import bisect_right

import numpy as np
import pandas as pd

#: People with up to this many images are used whole or not at all.
WHOLE = 30


def draw_identities(identities: np.ndarray, max_images: int, seed: int) -> np.ndarray:
    """Return the places of the images that are used, at most ``max_images``, in order.

    A person has at most as many images as let everybody take part. Where that would be fewer than `WHOLE` (with
    ``max_images`` below 60 half of it, but 10 at least), people with up to that many stay whole, and people are drawn
    at random; those with one image come last, because they give no pair of one person.

    Parameters
    ----------
    identities : ndarray, shape (N,)
    max_images : int
    seed : int
        Seeds the draw of people, and of the images of people who have too many.

    Raises
    ------
    ValueError
        If fewer than two identities are left.
    """
    codes, _ = pd.factorize(identities)
    if len(codes) <= max_images:
        return np.arange(len(codes))
    sizes = np.bincount(codes)
    everybody = bisect_right(range(1, max_images + 1), max_images, key=lambda cap: np.minimum(sizes, cap).sum())
    cap = max(everybody, min(WHOLE, max(10, max_images // 2)))
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(sizes))
    order = order[np.argsort(sizes[order] == 1, kind="stable")]
    taken = order[np.cumsum(np.minimum(sizes, cap)[order]) <= max_images]
    if len(taken) < 2:
        raise ValueError(f"max_images must leave at least two identities; {max_images} leaves {len(taken)}")
    shuffled = generator.permutation(len(codes))
    place = pd.Series(shuffled).groupby(codes[shuffled]).cumcount().to_numpy()
    return np.sort(shuffled[(place < cap) & np.isin(codes[shuffled], taken)])


def used_images(identities: np.ndarray, used: np.ndarray) -> str:
    """Say how many images of how many people are used, and how they were drawn.

    Parameters
    ----------
    identities : ndarray, shape (N,)
        Of all images.
    used : ndarray of int
        The places of those that are used.
    """
    codes, names = pd.factorize(identities)
    sizes, counts = np.bincount(codes), np.bincount(codes[used], minlength=len(names))
    if len(used) == len(codes):
        return f"They are all images of {len(names):,} people."
    people = int((counts > 0).sum())
    text = (
        f"They are {len(used):,} images of {people:,} people, drawn at random from all {len(codes):,} images of "
        f"{len(names):,} people, to keep all pairs in memory."
    )
    cut = (counts > 0) & (counts < sizes)
    if cut.any():
        text += f" At most {counts.max():,} images of a person are used, a random part for {int(cut.sum()):,} of them."
    else:
        text += " All images of each of them are used."
    if (sizes[counts == 0] == 1).any():
        text += " People with one image, who give no pair of one person, were drawn last."
    return text
