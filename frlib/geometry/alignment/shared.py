"""One space for many networks: each has one map into it, so that a new one costs one map and not two per network."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy import linalg

from frlib import checks
from frlib.arguments import checked
from frlib.geometry.alignment import solutions
from frlib.geometry.alignment.maps import Alignment, from_matrix, paired_rows
from frlib.geometry.alignment.solutions import Rows
from frlib.geometry.clouds import points_of

#: Sweeps end when the agreement grows by less than this share.
TOLERANCE = 1e-8


@dataclass(frozen=True, eq=False)
class SharedSpace:
    """A space in which several networks agree on the same images as well as rotations let them.

    Parameters
    ----------
    maps : dict of network to Alignment
        Into the space.
    consensus : Tensor, shape (n, dimension), float64
        The mean over networks of the mapped embeddings of the images.
    residual : float
        Sum over networks of the squared distances from the consensus, over that of the squared lengths: 0 for rotated
        copies, up to 1 - 1 / M for M networks that have nothing in common.
    sweeps : int
        How often all maps were fitted anew.
    center, normalize : bool
        As they were fitted.
    """

    maps: dict[str, Alignment]
    consensus: torch.Tensor
    residual: float
    sweeps: int
    center: bool
    normalize: bool

    def join(self, embeddings) -> Alignment:
        """Return the map of one more network into the space, which stays as it is.

        Parameters
        ----------
        embeddings : array_like, shape (n, d), or a cloud
            Of the same images as the consensus.

        Raises
        ------
        ValueError
            If a shape or a value is not accepted.
        """
        embeddings = checks.as_matrix("embeddings", points_of(embeddings), rows=len(self.consensus))
        (rows,) = paired_rows({"embeddings": embeddings}, self.center, self.normalize).values()
        return _into(rows, self.consensus.numpy(), self.normalize)


@checked
def shared_space(
    embeddings: Mapping,
    *,
    dimension: int | None = None,
    center: bool = True,
    normalize: bool = True,
    iterations: int = 500,
) -> SharedSpace:
    """Rotate many networks into one space by generalised Procrustes analysis (Gower, 1975), without factors of scale.

    .. math:: \\max_{W_1, \\dots, W_M} \\Big| \\sum_m X_m W_m \\Big|_F^2,
              \\qquad G = \\frac{1}{M} \\sum_m X_m W_m,

    over semi-orthogonal matrices. For networks of at most as many dimensions as the space has, which are filled up with
    zeros, these are the smallest squared distances of all X_m W_m from the consensus G. One starts at the principal
    components of all networks side by side, fits every map to the consensus in turn, and repeats; the sum never
    shrinks, and need not be the largest that there is.

    Parameters
    ----------
    embeddings : mapping of network to array_like, shape (n, d)
        Of the same images in at least two networks.
    dimension : int, optional
        Of the space; by default the largest of the networks.
    center : bool
        Subtract the mean of each network first.
    normalize : bool
        Bring rows to length 1 first, so that no network outweighs the others by the length of its embeddings.
    iterations : int
        Largest number of sweeps.

    Returns
    -------
    SharedSpace

    Warns
    -----
    UserWarning
        If the sum still grows by more than `TOLERANCE` of it in the last sweep.

    Raises
    ------
    ValueError
        If an argument has a shape or a value that is not accepted.
    """
    if not isinstance(embeddings, Mapping) or len(embeddings) < 2:
        raise ValueError(f"embeddings must be a mapping of at least two networks to matrices; got {embeddings!r:.60}")
    rows = paired_rows({f"embeddings[{name!r}]": own for name, own in embeddings.items()}, center, normalize)
    rows = dict(zip(embeddings, rows.values(), strict=True))
    largest = max(own.rows.shape[1] for own in rows.values())
    dimension = largest if dimension is None else checks.at_least("dimension", dimension, 1)
    iterations = checks.at_least("iterations", iterations, 1)
    mapped, sweeps = _agreed(list(rows.values()), dimension, iterations)
    consensus = np.mean(mapped, axis=0)
    apart = sum(((own - consensus) ** 2).sum() for own in mapped) / sum((own**2).sum() for own in mapped)
    maps = {name: _into(own, consensus, normalize) for name, own in rows.items()}
    return SharedSpace(maps, torch.from_numpy(consensus), float(apart), sweeps, center, normalize)


def _into(rows: Rows, consensus: np.ndarray, normalize: bool) -> Alignment:
    """Return the Procrustes map of a network to the consensus, whose mean is zero if that of the network is."""
    target = Rows(consensus, False, np.finfo(float).eps)
    matrix, rank = solutions.procrustes(rows, target)
    return from_matrix(rows, target, matrix, "procrustes", normalize, rank)


def _agreed(networks: list[Rows], dimension: int, iterations: int) -> tuple[list[np.ndarray], int]:
    """Return the embeddings of all networks in the shared space, and the number of sweeps."""
    total = _principal_components(networks, dimension)
    mapped = [_rotated(network, total) for network in networks]
    total = np.sum(mapped, axis=0)
    for sweep in range(1, iterations + 1):
        before = (total**2).sum()
        for place, network in enumerate(networks):
            others = total - mapped[place]
            # Its own part only holds a network back, but where a map changes lengths the sum could shrink without it.
            mapped[place] = _rotated(network, total if network.rows.shape[1] > dimension else others)
            total = others + mapped[place]
        if (total**2).sum() - before <= TOLERANCE * before:
            return mapped, sweep
    warnings.warn(f"the shared space still changes after iterations={iterations} sweeps", stacklevel=4)
    return mapped, iterations


def _principal_components(networks: list[Rows], dimension: int) -> np.ndarray:
    """Return the first principal components of all networks side by side, filled up with zeros."""
    together = np.hstack([network.coordinates[0] for network in networks])
    left, values, _ = linalg.svd(together, full_matrices=False, check_finite=False)
    components = (left * values)[:, :dimension]
    return np.pad(components, ((0, 0), (0, dimension - components.shape[1])))


def _rotated(network: Rows, toward: np.ndarray) -> np.ndarray:
    """Return the centred embeddings after the Procrustes map to others."""
    coordinates, _ = network.coordinates
    left, _, right = linalg.svd(coordinates.T @ toward, full_matrices=False, check_finite=False)
    return coordinates @ left @ right
