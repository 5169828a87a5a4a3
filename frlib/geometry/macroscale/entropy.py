"""How much an attribute varies inside identities, and how it is spread over them."""

import numpy as np
import pandas as pd
from scipy.special import entr

from frlib.geometry import labels

#: Points of [-1, 1] at which the density of the identities' means is read.
GRID = np.linspace(-1, 1, 101)
#: Standard deviation of the kernel, in units of the label -1 or 1.
BANDWIDTH = 0.1


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
    attributes = labels.boolean_table(attributes)
    codes = labels.numbered("identities", identities, len(attributes))[0]
    shares = attributes.groupby(codes).mean().astype(float)
    intra = (entr(shares) + entr(1 - shares)).mean()
    inter = [_spread(2 * shares[name].to_numpy() - 1) for name in shares]
    table = {"mean": 2 * attributes.mean() - 1, "intra_entropy": intra, "inter_entropy": inter}
    return pd.DataFrame(table).rename_axis("attribute")


def _spread(means: np.ndarray) -> float:
    """Return the entropy of the kernel density of the means on `GRID`."""
    values, counts = np.unique(means, return_counts=True)
    exponents = -0.5 * ((GRID[:, None] - values) / BANDWIDTH) ** 2
    density = np.exp(exponents - exponents.max()) @ counts  # the largest exponent: nothing vanishes
    return float(entr(density / density.sum()).sum())
