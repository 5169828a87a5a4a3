"""The least-squares problems of alignment, solved from one singular value decomposition per network.

With the centred rows X = U S V' of the source and Y of the target, every map is cheap:

.. math:: W_{linear} = V S^{-1} U^\\top Y, \\qquad W_{ridge} = V \\frac{S}{S^2 + \\alpha} U^\\top Y,

so that a network is decomposed once for all targets and all alphas. For few rows the Procrustes problem shrinks to one
of as many dimensions as there are rows.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import linalg
from sklearn.model_selection import GroupKFold

#: Ridge alphas that are tried, in units of the mean square of the coordinates of the centred source times its rows:
#: the mean eigenvalue of X'X. Two per decade.
RIDGE_GRID = tuple(10.0 ** (step / 2) for step in range(-12, 7))
#: Largest number of folds of identities on which alpha is judged.
FOLDS = 5


class Decomposition(NamedTuple):
    """Rows = left @ diag(values) @ right, without the directions in which they do not vary beyond rounding."""

    left: np.ndarray
    values: np.ndarray
    right: np.ndarray


class Fold(NamedTuple):
    """One fold of identities: fitted on some rows, of which left and values are kept, judged on the others.

    ``coordinates`` are those of the others along the right side of the same decomposition.
    """

    fitted: np.ndarray
    held_out: np.ndarray
    left: np.ndarray
    values: np.ndarray
    coordinates: np.ndarray


class Rows:
    """Embeddings of one network on the paired images, in float64, with all that does not depend on the other network.

    Parameters
    ----------
    rows : ndarray, shape (n, d)
    center : bool
        Subtract the mean.
    rounding : float
        Relative rounding of the numbers: the machine epsilon of the type in which they came.

    Attributes
    ----------
    codes : ndarray of int, shape (n,), optional
        Identities, which whoever needs `folds` sets first.
    """

    codes: np.ndarray | None = None

    def __init__(self, rows: np.ndarray, center: bool, rounding: float):
        self.rows, self.center, self.rounding = rows, center, rounding
        self.mean = rows.mean(axis=0) if center else np.zeros(rows.shape[1])
        self.centred = rows - self.mean

    @cached_property
    def decomposition(self) -> Decomposition:
        """The thin singular value decomposition of the centred rows."""
        left, values, right = linalg.svd(self.centred, full_matrices=False, check_finite=False)
        own = max(self.centred.shape) * np.finfo(float).eps * values[0]
        rank = int((values > max(own, self.rounding * linalg.norm(self.rows))).sum())
        return Decomposition(left[:, :rank], values[:rank], right[:rank])

    @cached_property
    def coordinates(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The centred rows in at most n dimensions, and the orthonormal basis (None: their own) of these."""
        if len(self.rows) >= self.rows.shape[1]:
            return self.centred, None
        left, values, right = self.decomposition
        return left * values, right

    @cached_property
    def folds(self) -> list[Fold]:
        """The folds of identities, with the rows of each decomposed."""
        folds = []
        splits = GroupKFold(min(FOLDS, len(np.unique(self.codes)))).split(self.rows, groups=self.codes)
        for fitted, held_out in splits:
            part = Rows(self.rows[fitted], self.center, self.rounding)
            left, values, right = part.decomposition
            along = (self.rows[held_out] - part.mean) @ right.T
            folds.append(Fold(fitted, held_out, left, values, along))
        return folds

    def reordered(self, order: np.ndarray) -> "Rows":
        """Return the same rows in another order."""
        return Rows(self.rows[order], self.center, self.rounding)


def procrustes(source: Rows, target: Rows) -> tuple[np.ndarray, int]:
    """Return the semi-orthogonal matrix W with the largest <X W, Y>, and in how many directions the pairs say it.

    The thin singular value decomposition X'Y = A S B' gives W = A B' (Schönemann, 1966). Directions of which the pairs
    say nothing are completed by arbitrary orthonormal ones, always the same.
    """
    (left_rows, left_basis), (right_rows, right_basis) = source.coordinates, target.coordinates
    left, values, right = linalg.svd(left_rows.T @ right_rows, full_matrices=False, check_finite=False)
    rounding = max(source.rounding, target.rounding) * linalg.norm(source.rows) * linalg.norm(target.rows)
    own = max(left_rows.shape + right_rows.shape) * np.finfo(float).eps * values.max(initial=0)
    rank = int((values > max(own, rounding)).sum())
    left = left if left_basis is None else left_basis.T @ left
    right = right.T if right_basis is None else right_basis.T @ right.T
    directions = min(len(left), len(right))
    return _completed(left, directions) @ _completed(right, directions).T, rank


def _completed(basis: np.ndarray, columns: int) -> np.ndarray:
    """Return orthonormal columns followed by as many others, orthonormal too, as are missing."""
    if basis.shape[1] == columns:
        return basis
    # The reflections that bring the basis to the first axes bring the other axes to what is orthogonal to it.
    reflected = linalg.qr(basis, mode="full", check_finite=False)[0]
    return np.hstack([basis, reflected[:, basis.shape[1] : columns]])


def semi_orthogonal(rows: int, columns: int, generator: np.random.Generator) -> np.ndarray:
    """Return a random matrix with orthonormal rows or columns, all such being as likely."""
    gaussian = generator.normal(size=(max(rows, columns), min(rows, columns)))
    matrix, triangle = linalg.qr(gaussian, mode="economic")
    matrix *= np.sign(np.diagonal(triangle))
    return matrix if rows >= columns else matrix.T


def least_squares(source: Rows, target: Rows) -> tuple[np.ndarray, int]:
    """Return the matrix of smallest norm among those with the smallest |Y - X W|, and the rank of X."""
    left, values, right = source.decomposition
    return right.T @ ((left.T @ target.centred) / values[:, None]), len(values)


def ridge(source: Rows, target: Rows, alpha: float) -> tuple[np.ndarray, int]:
    """Return the matrix with the smallest |Y - X W|^2 + alpha |W|^2, and the rank of X."""
    left, values, right = source.decomposition
    return right.T @ ((values / (values**2 + alpha))[:, None] * (left.T @ target.centred)), len(values)


def ridge_alphas(source: Rows) -> np.ndarray:
    """Return the alphas that are tried for a source: `RIDGE_GRID` in its units."""
    return np.array(RIDGE_GRID) * float((source.centred**2).sum()) / source.rows.shape[1]


def held_out_errors(source: Rows, target: Rows, alphas: np.ndarray) -> np.ndarray:
    """Return |Y - f(X)|^2 over the identities that were held out in turn, for each alpha.

    With C = U'Y, the coordinates P of the held-out rows and h = s / (s^2 + alpha), the error of a fold is a quadratic
    form of h: |Y - P diag(h) C|^2 = |Y|^2 - 2 h diag(P'Y C') + h' (P'P * C C') h.
    """
    errors = np.zeros(len(alphas))
    for fitted, held_out, left, values, along in source.folds:
        mean = target.rows[fitted].mean(axis=0) if target.center else 0.0
        fit, wanted = left.T @ (target.rows[fitted] - mean), target.rows[held_out] - mean
        shrunk = values / (values**2 + alphas[:, None])
        crossed = (along * (wanted @ fit.T)).sum(axis=0)
        squared = (along.T @ along) * (fit @ fit.T)
        errors += (wanted**2).sum() - 2 * shrunk @ crossed + ((shrunk @ squared) * shrunk).sum(axis=1)
    return errors
