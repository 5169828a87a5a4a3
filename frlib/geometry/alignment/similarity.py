"""How alike two networks arrange the same images, without any map."""

import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry.clouds import points_of


@torch.no_grad()
@checked
def linear_cka(first, second) -> float:
    """Return the linear centred kernel alignment of two networks' embeddings of the same images.

    .. math:: \\frac{|X^\\top Y|_F^2}{|X^\\top X|_F \\, |Y^\\top Y|_F}

    of rows less their means (Kornblith et al., 2019). It does not change under rotations and common factors of scale of
    either side.

    Parameters
    ----------
    first, second : array_like, shape (n, d_1) and (n, d_2), or clouds

    Returns
    -------
    float
        From 0 (uncorrelated) to 1 (equal up to rotation and scale). With few images and many dimensions it is far
        above 0 for independent embeddings too.

    Raises
    ------
    ValueError
        If a shape or a value is not accepted, numbers of rows differ, or all rows of one side are equal.
    """
    sides, n = [], None
    for name, value in (("first", first), ("second", second)):
        matrix = checks.as_matrix(name, points_of(value), rows=n, products=True).double()
        n = len(matrix)
        if (matrix == matrix[0]).all():
            raise ValueError(f"{name} must have two different rows; got {n}, all equal")
        matrix = matrix - matrix.mean(dim=0)
        sides.append(matrix / matrix.norm())
    X, Y = sides
    if n < max(X.shape[1], Y.shape[1]):  # |X'Y|^2 = <XX', YY'>, the smaller matrices
        X, Y = X @ X.T, Y @ Y.T
        return float((X * Y).sum() / (X.norm() * Y.norm()))
    return float((X.T @ Y).norm() ** 2 / ((X.T @ X).norm() * (Y.T @ Y).norm()))
