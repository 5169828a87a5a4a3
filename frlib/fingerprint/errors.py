"""How often recognition fails when the images of people are varied in one attribute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.clouds import Cloud
from frlib.geometry import (
    ProbeErrors,
    draw_interval,
    draw_weights,
    probe_errors,
    rank_correlation,
    rank_correlation_p,
    resampled_means,
)


@dataclass(frozen=True)
class ErrorGrowth:
    """Errors of one network at one threshold, on images as they are and varied in each attribute.

    Parameters
    ----------
    unvaried : ProbeErrors
    varied : mapping of attribute to ProbeErrors
    """

    unvaried: ProbeErrors
    varied: Mapping[str, ProbeErrors]

    def growth(self, weights=None) -> np.ndarray:
        """Return by how much the error grows with each attribute, shape (..., attributes), as a share of 1.

        Parameters
        ----------
        weights : array_like, shape (..., n), optional
            As in `frlib.geometry.ProbeErrors.rate`.
        """
        base = self.unvaried.rate(weights)
        return np.stack([errors.rate(weights) - base for errors in self.varied.values()], axis=-1)

    def interval(self, draws: int = 2000, *, seed: int = 0) -> np.ndarray:
        """Return the 95 % interval of the growth over identities, shape (2, attributes)."""
        return draw_interval(self.growth(draw_weights(len(self.unvaried.misses), draws, seed=seed)))


@checked
def error_growth(clouds: Sequence[Cloud], threshold: float) -> ErrorGrowth:
    """Match images of curves with the centres of their person and of all others, at a fixed threshold.

    Probes are the centres themselves, then, for each attribute, both ends of the curves along it.

    Parameters
    ----------
    clouds : sequence of Cloud
        Of one network, one per identity.
    threshold : float
        Largest accepted distance.

    Raises
    ------
    ValueError
        If there are fewer than two identities, they have no ends or differ in their attributes, or the threshold is not
        accepted.
    """
    if len(clouds) < 2:
        raise ValueError(f"clouds must be of at least two identities; got {len(clouds)}")
    attributes = list(clouds[0].minus)
    if not attributes:
        raise ValueError("clouds must have an attribute with ends; got none")
    for cloud in clouds:
        if list(cloud.minus) != attributes:
            raise ValueError(f"clouds must have the same attributes; got {attributes} and {list(cloud.minus)}")
    gallery, options = [cloud.points for cloud in clouds], {"metric": clouds[0].metric}
    ends = {a: [torch.cat([cloud.minus[a], cloud.plus[a]]) for cloud in clouds] for a in attributes}
    varied = {a: probe_errors(probes, gallery, threshold, **options) for a, probes in ends.items()}
    return ErrorGrowth(probe_errors(gallery, gallery, threshold, **options), varied)


class GrowthCorrelation(NamedTuple):
    """Spearman's correlation over attributes, its 95 % interval over identities, and its exact p value."""

    rho: float
    low: float
    high: float
    p: float


@checked
def growth_correlation(values, errors: ErrorGrowth, draws: int = 2000, *, seed: int = 0) -> GrowthCorrelation:
    """Correlate a property of the attributes with the growth of the error.

    Parameters
    ----------
    values : array_like, shape (identities, attributes)
        The property for each identity, energies for example; attributes in the order of ``errors.varied``.
    errors : ErrorGrowth
        Of the same identities, which are drawn together.
    draws, seed
        As in `frlib.geometry.resampled_means`.

    Returns
    -------
    GrowthCorrelation
        ``p`` compares with all orders of the attributes.

    Raises
    ------
    ValueError
        If the values have another shape or are not finite, or there is one attribute alone.
    """
    values, shape = checks.as_numbers("values", values, finite=True), (len(errors.unvaried.misses), len(errors.varied))
    if values.shape != shape:
        raise ValueError(f"values must have shape {shape}, identities x attributes; got {values.shape}")
    if len(errors.varied) < 2:
        raise ValueError(f"errors must be varied in at least two attributes; got {len(errors.varied)}")
    checks.at_least("draws", draws, 1)
    mean, grown = values.mean(axis=0), errors.growth()
    weights = draw_weights(len(values), draws, seed=seed)
    drawn = rank_correlation(resampled_means(values, draws, seed=seed), errors.growth(weights))
    low, high = draw_interval(drawn)
    return GrowthCorrelation(
        float(rank_correlation(mean, grown)), float(low), float(high), rank_correlation_p(mean, grown)
    )
