"""The plane in which a widget draws points or vectors of many dimensions: the one that holds most of them."""

import torch


def drawn_points(points: torch.Tensor, metric: str) -> torch.Tensor:
    """Return points as they are drawn: with the cosine metric an embedding is a direction, so its length becomes 1."""
    return torch.nn.functional.normalize(points) if metric == "cosine" else points


def drawn_distance(distance: float, metric: str) -> float:
    """Return a distance between drawn points: with the cosine metric, 1 - cos = r is a chord of length sqrt(2 r)."""
    return (2 * distance) ** 0.5 if metric == "cosine" else distance


def principal_plane(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return the mean of points (d,), two orthonormal axes (2, d), and the share of the variance in their plane.

    The axes are the first two principal components; a point x is drawn at ``(x - mean) @ axes.T``.
    """
    center = points.mean(dim=0)
    _, values, axes = torch.linalg.svd(points - center, full_matrices=False)
    if len(axes) < 2:
        axes = torch.cat([axes, torch.zeros(2 - len(axes), axes.shape[1], dtype=axes.dtype)])
    share = float((values[:2] ** 2).sum() / (values**2).sum().clamp_min(1e-300))
    return center, axes[:2], share


def field_plane(vectors: torch.Tensor) -> torch.Tensor:
    """Return two orthonormal axes (2, d): of all planes, theirs holds most of the squared length of vectors (M, d).

    Nothing is centred, so a direction that the vectors share stays in sight. Each axis points the way of their mean.
    """
    axes = torch.linalg.eigh(vectors.T @ vectors).eigenvectors[:, -2:].flip(1).T
    return torch.where(axes @ vectors.mean(dim=0) < 0, -1.0, 1.0)[:, None] * axes
