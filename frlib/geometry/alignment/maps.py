"""The map between two networks: how it is fitted to pairs, and what can be done with it."""

import os
import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import labels
from frlib.geometry.alignment import solutions
from frlib.geometry.alignment.solutions import Rows
from frlib.geometry.clouds import points_of
from frlib.geometry.pairs import unit_rows
from frlib.store import read_arrays, write_arrays

KINDS = ("procrustes", "linear", "ridge")
#: A map is inverted up to this condition; beyond, rounding of its input in float32 would be of the size of the result.
LARGEST_CONDITION = 1e7


@dataclass(frozen=True, eq=False)
class Alignment:
    """An affine map from the space of one network to that of another: f(x) = x @ matrix + offset.

    Parameters
    ----------
    kind : str
        How it was found: ``procrustes``, ``linear``, ``ridge``, or what it was made from.
    matrix : Tensor, shape (d_s, d_t), float64
    offset : Tensor, shape (d_t,), float64
    normalize : bool
        Rows are brought to length 1 before they are mapped.
    residual : float
        ``|Y - f(X)|^2 / |Y - mean(Y)|^2`` over the pairs of the fit: 0 for a perfect map, 1 for one no better than the
        mean of the target; more for a Procrustes map that leaves lengths far too large. NaN for a composition or an
        inverse.
    pairs : int
        Number of pairs of the fit.
    rank : int
        In how many directions the pairs determine the matrix.
    alpha : float, optional
        Weight of the ridge penalty.
    """

    kind: str
    matrix: torch.Tensor
    offset: torch.Tensor
    normalize: bool
    residual: float
    pairs: int
    rank: int
    alpha: float | None = None

    @cached_property
    def condition(self) -> float:
        """Ratio of the largest to the smallest singular value of the matrix; inf if one of them is zero."""
        values = torch.linalg.svdvals(self.matrix)
        zero = values[0] * max(self.matrix.shape) * torch.finfo(torch.float64).eps
        return float(values[0] / values[-1]) if values[-1] > zero else float("inf")

    def transform(self, X) -> torch.Tensor:
        """Map embeddings of the source into the space of the target.

        Parameters
        ----------
        X : array_like, shape (N, d_s), or a cloud

        Returns
        -------
        Tensor, shape (N, d_t)
            Computed in float64, returned in the type and on the device of ``X``.

        Raises
        ------
        ValueError
            If a shape or a value is not accepted, or a row is zero and ``normalize`` holds.
        """
        X = matrix_of("X", X, self.normalize, columns=len(self.matrix))
        rows = unit_rows(X) if self.normalize else X.double()
        return (rows @ self.matrix.to(X.device) + self.offset.to(X.device)).to(X.dtype)

    def then(self, other: "Alignment") -> "Alignment":
        """Return the map that does this one first and another after it.

        .. math:: x \\mapsto x \\, W_1 W_2 + (b_1 W_2 + b_2)

        Raises
        ------
        ValueError
            If the dimensions do not meet, or the other brings rows to length 1, so that both together are not affine.
        """
        if other.normalize:
            raise ValueError(
                "other must have normalize=False: with a change of lengths in between, no matrix does both"
            )
        if len(other.matrix) != self.matrix.shape[1]:
            raise ValueError(f"other must map from {self.matrix.shape[1]} dimensions; it maps from {len(other.matrix)}")
        return Alignment(
            f"{self.kind} then {other.kind}",
            self.matrix @ other.matrix,
            self.offset @ other.matrix + other.offset,
            self.normalize,
            float("nan"),
            min(self.pairs, other.pairs),
            min(self.rank, other.rank),
        )

    def inverse(self) -> "Alignment":
        """Return the map back: applied after this one, it gives the embeddings as they were.

        Its matrix is the pseudo-inverse: the inverse of a square one, the transpose of one that keeps lengths. With
        ``normalize`` it gives them back at length 1.

        Raises
        ------
        ValueError
            If the map loses directions: more dimensions in than out, or a condition above `LARGEST_CONDITION`.
        """
        d_s, d_t = self.matrix.shape
        if d_s > d_t:
            raise ValueError(f"a map from {d_s} to {d_t} dimensions has no inverse: it loses {d_s - d_t} of them")
        if not self.condition <= LARGEST_CONDITION:
            raise ValueError(f"a map of condition {self.condition:.2g} has no inverse; at most {LARGEST_CONDITION:.0e}")
        back = torch.linalg.pinv(self.matrix)
        kind = f"inverse of {self.kind}"
        return Alignment(kind, back, -self.offset @ back, False, float("nan"), self.pairs, self.rank)

    def save(self, path: str | os.PathLike) -> None:
        """Write the map as a safetensors file with a checksum, atomically.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        names = ("kind", "normalize", "residual", "pairs", "rank", "alpha")
        arrays = {"matrix": self.matrix, "offset": self.offset}
        write_arrays(path, arrays, {name: getattr(self, name) for name in names})

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Alignment":
        """Read a map that `save` wrote.

        Raises
        ------
        OSError
            If the file is missing or damaged.
        ValueError
            If it holds something else.
        """
        arrays, parameters = read_arrays(path, older=True)
        try:
            return cls(**arrays, **parameters)
        except TypeError as error:
            raise ValueError(f"{path} must hold an alignment; it holds {', '.join(sorted(arrays))}") from error


@checked
def fit_alignment(
    source,
    target,
    kind: str,
    *,
    center: bool = True,
    normalize: bool = False,
    alpha: float | None = None,
    identities=None,
) -> Alignment:
    """Fit the map from one network's embeddings of some images to another network's embeddings of the same images.

    With X and Y the rows of source and target, less their means if ``center``, the matrix W is

    * ``procrustes``: the one with orthonormal columns or rows that has the largest <X W, Y> (Schönemann, 1966), without
      a factor of scale. Up to as many dimensions as the target has, all lengths and angles are kept and ``|Y - X W|``
      is the smallest possible. From more dimensions it is the best agreement of directions, not of lengths, and the
      d_s - d_t directions of the source in which it agrees least with the target are lost. Networks whose embeddings
      have other lengths need ``normalize``, or scores about the mean, as in `compatibility`.
    * ``linear``: the one with the smallest ``|Y - X W|``; of several, the one of smallest norm.
    * ``ridge``: the one with the smallest ``|Y - X W|^2 + alpha |W|^2``.

    These are the three maps of Rubab et al. (2026).

    Parameters
    ----------
    source : array_like, shape (n, d_s), or a cloud
    target : array_like, shape (n, d_t), or a cloud
        Row by row the same images, at least two.
    kind : {"procrustes", "linear", "ridge"}
    center : bool
        Map the mean of the source to that of the target; without it the offset is zero.
    normalize : bool
        Bring the rows of both sides to length 1 first. What is mapped is not brought to length 1 again.
    alpha : float, optional
        For ``ridge``, as scikit-learn counts it. By default the one of `RIDGE_GRID` (twice per decade from 1e-6 to 1e3
        times the mean eigenvalue of X'X) with the smallest squared error on held-out identities, in at most 5 folds.
    identities : array_like, shape (n,), optional
        Who is in each image; for the folds of ``ridge``.

    Returns
    -------
    Alignment

    Warns
    -----
    UserWarning
        If the pairs do not determine the matrix (``procrustes``, ``linear``): fewer pairs than dimensions, columns
        that are constant or depend on others.

    Raises
    ------
    ValueError
        If an argument has a shape or a value that is not accepted.
    """
    checks.one_of("kind", kind, KINDS)
    rows, targets = paired_rows({"source": source, "target": target}, center, normalize).values()
    if identities is not None:
        labels.numbered("identities", identities, len(rows.rows), "pair")
    if kind == "ridge" and alpha is None:
        rows.codes = fold_codes(identities, len(rows.rows))
    found = fit_rows(rows, targets, kind, normalize, alpha)
    if said := undetermined(found):
        warnings.warn(said, stacklevel=3)
    return found


def matrix_of(name: str, value, normalize: bool, **shape: int) -> torch.Tensor:
    """Return the checked matrix of an array or cloud, without rows of zeros if they shall be brought to length 1."""
    matrix = checks.as_matrix(name, points_of(value), products=not normalize, **shape)
    zero = (matrix == 0).all(dim=1)
    if normalize and zero.any():
        raise ValueError(f"{name} must have no zero vector with normalize=True; row {int(zero.nonzero()[0])} is zero")
    return matrix


def paired_rows(embeddings, center: bool, normalize: bool) -> dict[str, Rows]:
    """Return what the fits need of the embeddings of the same images in several networks.

    Raises
    ------
    ValueError
        If a shape or a value is not accepted, numbers of rows differ, or all rows of a network are equal.
    """
    rows, n = {}, None
    for name, value in embeddings.items():
        matrix = matrix_of(name, value, normalize, rows=n)
        n = len(matrix)
        if (matrix == matrix[0]).all():
            raise ValueError(f"{name} must have two different rows among those to fit; got {n}, all equal")
        rounding = torch.finfo(matrix.dtype).eps
        matrix = (unit_rows(matrix) if normalize else matrix.double()).detach().cpu().numpy()
        rows[name] = Rows(matrix, center, rounding)
    return rows


def fold_codes(identities, n: int) -> np.ndarray:
    """Return identities as numbers, for the folds of ridge.

    Raises
    ------
    ValueError
        If there are none, their number is wrong, or they are all the same.
    """
    if identities is None:
        raise ValueError("identities must be given for kind='ridge' without alpha, which is chosen on held-out ones")
    codes, names = labels.numbered("identities", identities, n, "pair")
    if len(names) < 2:
        raise ValueError(f"identities must hold at least two different ones to hold one out; got only {names[0]}")
    # By name, so that the folds do not depend on the order of the pairs.
    return np.unique(np.asarray(names).astype(str)[codes], return_inverse=True)[1]


def fit_rows(source: Rows, target: Rows, kind: str, normalize: bool, alpha: float | None) -> Alignment:
    """Do what `fit_alignment` does, without a warning, on rows that are checked.

    Raises
    ------
    ValueError
        If alpha is not accepted.
    """
    if alpha is not None and kind != "ridge":
        raise ValueError(f"alpha must be None for kind={kind!r}; got {alpha!r}, which only 'ridge' has")
    if alpha is not None and not 0 < alpha < float("inf"):
        raise ValueError(f"alpha must be a positive number; got {alpha!r}")
    if kind == "procrustes":
        matrix, rank = solutions.procrustes(source, target)
    elif kind == "linear":
        matrix, rank = solutions.least_squares(source, target)
    else:
        if alpha is None:
            alphas = solutions.ridge_alphas(source)
            alpha = float(alphas[solutions.held_out_errors(source, target, alphas).argmin()])
        matrix, rank = solutions.ridge(source, target, alpha)
    return from_matrix(source, target, matrix, kind, normalize, rank, alpha)


def from_matrix(source: Rows, target: Rows, matrix: np.ndarray, kind, normalize, rank, alpha=None) -> Alignment:
    """Return a matrix as the map that takes mean to mean, with its residual."""
    left = ((target.centred - source.centred @ matrix) ** 2).sum()
    residual = float(left / ((target.rows - target.rows.mean(axis=0)) ** 2).sum())
    matrix, offset = torch.from_numpy(matrix), torch.from_numpy(target.mean - source.mean @ matrix)
    return Alignment(kind, matrix, offset, normalize, residual, len(source.rows), rank, alpha)


def undetermined(alignment: Alignment) -> str | None:
    """Say what was done if the pairs do not determine the whole matrix."""
    d_s, d_t = alignment.matrix.shape
    of, done = {
        "procrustes": (min(d_s, d_t), "the others are completed by arbitrary orthonormal ones"),
        "linear": (d_s, "of the maps that fit them best, the one of smallest norm is taken"),
    }.get(alignment.kind, (0, ""))
    if alignment.rank >= of:
        return None
    return (
        f"{alignment.pairs} pairs from {d_s} to {d_t} dimensions determine {alignment.rank} of {of} directions of the"
        f" {alignment.kind} map: {done}"
    )
