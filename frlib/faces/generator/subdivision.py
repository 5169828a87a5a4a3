"""One Catmull-Clark step as a sparse matrix, so that every blend shape is smoothed by one product."""

import numpy as np
import scipy.sparse as sparse


def catmull_clark(quads: np.ndarray, n: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return the operator from n coarse to the fine vertices, and the fine quads.

    The rules are those of Catmull and Clark (1978); on a boundary, the cubic curve rule.

    Parameters
    ----------
    quads : ndarray of int, shape (M, 4)
        Corners of the faces.
    n : int
        Number of coarse vertices.

    Returns
    -------
    operator : csr_matrix, shape (n + edges + M, n)
        Rows: moved vertices, edge points, face points. Each row sums to 1.
    fine : ndarray of int, shape (4 M, 4)
        The four children of quad k are rows k, k + M, k + 2 M, k + 3 M.
    """
    m = len(quads)
    edges = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    unique, edge_of, uses = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    edge_of, e = edge_of.ravel(), len(unique)
    face_of = np.repeat(np.arange(m), 4)
    face_point = _incidence(face_of, quads.ravel(), (m, n)) / 4
    middle = _incidence(np.repeat(np.arange(e), 2), unique.ravel(), (e, n)) / 2
    border = uses == 1
    at_face = _incidence(edge_of, face_of, (e, m))
    edge_point = (
        sparse.diags(np.where(border, 1.0, 0.5)) @ middle
        + sparse.diags(np.where(border, 0.0, 0.25)) @ at_face @ face_point
    )
    vertex_point = _vertex_rule(quads, unique, border, face_of, face_point, middle, n)
    fine_of_face = np.arange(m) + n + e
    around = edge_of.reshape(m, 4)
    children = [np.stack([quads[:, i], n + around[:, i], fine_of_face, n + around[:, i - 1]], axis=1) for i in range(4)]
    return sparse.vstack([vertex_point, edge_point, face_point]).tocsr(), np.concatenate(children)


def _vertex_rule(quads, edges, border, face_of, face_point, middle, n: int):
    """Return the rows that move the coarse vertices: boundary, interior, and vertices without a face."""
    e, valence = len(edges), np.bincount(edges.ravel(), minlength=n).astype(float)
    at_vertex = _incidence(quads.ravel(), face_of, (n, len(quads)))
    edge_at = _incidence(edges.ravel(), np.repeat(np.arange(e), 2), (n, e))
    faces = np.maximum(np.bincount(quads.ravel(), minlength=n), 1)
    k = np.maximum(valence, 3)
    mean_face = sparse.diags(1 / faces) @ at_vertex @ face_point
    mean_edge = sparse.diags(1 / np.maximum(valence, 1)) @ edge_at @ middle
    inside = sparse.diags(1 / k) @ mean_face + sparse.diags(2 / k) @ mean_edge + sparse.diags((k - 3) / k)
    on_border = np.zeros(n, bool)
    on_border[edges[border].ravel()] = True
    border_edges = edge_at @ sparse.diags(border.astype(float))
    count = np.maximum(np.asarray(border_edges.sum(axis=1)).ravel(), 1)
    outside = sparse.diags(np.full(n, 0.5)) + sparse.diags(0.5 / count) @ border_edges @ middle
    loose = np.bincount(quads.ravel(), minlength=n) == 0
    kinds = [kind.astype(float) for kind in (on_border & ~loose, ~on_border & ~loose, loose)]
    return sparse.diags(kinds[0]) @ outside + sparse.diags(kinds[1]) @ inside + sparse.diags(kinds[2])


def _incidence(rows, columns, shape) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape)
