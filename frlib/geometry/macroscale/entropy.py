"""How much an attribute varies inside identities, and how it is spread over them."""

import numpy as np
import pandas as pd
from scipy.special import entr

from frlib.arguments import checked
from frlib.geometry import labels

#: Points of [-1, 1] at which the density of the identities' means is read.
GRID = np.linspace(-1, 1, 101)
#: Standard deviation of the kernel, in units of the label -1 or 1.
BANDWIDTH = 0.1


@checked
def attribute_entropies(identities, attributes: pd.DataFrame) -> pd.DataFrame:
    """Measure how much each attribute varies inside identities, and between them.

    The intra-entropy is the mean over identities of the entropy of the attribute inside the identity,

    .. math:: H_a = -\\frac{1}{|I|} \\sum_i \\left[p_{ai} \\ln p_{ai} + (1 - p_{ai}) \\ln (1 - p_{ai})\\right],

    with p the share of the identity's images that have the attribute. It runs from 0, where no identity ever changes,
    to ln 2 = 0.693, where every identity has it in half of its images. The inter-entropy is that of the distribution of
    the identities' means 2p - 1: a Gaussian kernel density, read at 101 points of [-1, 1] and brought to sum 1, so that
    its largest value is ln 101 = 4.615. Both are in nats and follow the code of Leroy et al. (2025), section 3, which
    calls the second one a differential entropy.

    Parameters
    ----------
    identities : array_like, shape (N,)
        The label of each row.
    attributes : DataFrame of bool, N rows
        One column per attribute. The rows correspond by position, not by index.

    Returns
    -------
    DataFrame, one row per attribute
        ``mean``: mean over images of the label, -1 for false and 1 for true; ``intra_entropy``; ``inter_entropy``.

    Raises
    ------
    ValueError
        If the attributes are not boolean or a shape does not fit.
    """
    shares = _shares(identities, attributes)
    intra = (entr(shares) + entr(1 - shares)).mean()
    inter = {name: float(entr(_density(shares[name], BANDWIDTH)).sum()) for name in shares}
    mean = 2 * labels.boolean_table(attributes).mean() - 1
    table = {"mean": mean, "intra_entropy": intra, "inter_entropy": pd.Series(inter)}
    return pd.DataFrame(table, index=shares.columns).rename_axis("attribute")


@checked
def identity_mean_densities(identities, attributes: pd.DataFrame, *, bandwidth: float = BANDWIDTH) -> pd.DataFrame:
    """Return how the identities' means of each attribute are distributed: what the inter-entropy is the entropy of.

    Parameters
    ----------
    identities, attributes
        As in `attribute_entropies`.
    bandwidth : float
        Standard deviation of the Gaussian kernel, in units of the label -1 or 1.

    Returns
    -------
    DataFrame, 101 rows per attribute
        ``attribute``; ``mean``: of the label -1 or 1 in an identity; ``density``, of sum 1 over an attribute.

    Raises
    ------
    ValueError
        As in `attribute_entropies`, or if the bandwidth is not above 0.
    """
    shares = _shares(identities, attributes)
    parts = [{"attribute": name, "mean": GRID, "density": _density(shares[name], bandwidth)} for name in shares]
    return pd.concat(map(pd.DataFrame, parts), ignore_index=True)


def _shares(identities, attributes: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each identity's images that have each attribute."""
    attributes = labels.boolean_table(attributes)
    codes = labels.numbered("identities", identities, len(attributes))[0]
    return attributes.groupby(codes).mean().astype(float)


def _density(shares: pd.Series, bandwidth: float) -> np.ndarray:
    """Return the kernel density of the means 2 p - 1 on `GRID`, brought to sum 1."""
    values, counts = np.unique(2 * shares.to_numpy() - 1, return_counts=True)
    exponents = -0.5 * ((GRID[:, None] - values) / bandwidth) ** 2
    density = np.exp(exponents - exponents.max()) @ counts  # the largest exponent: nothing vanishes
    return density / density.sum()
