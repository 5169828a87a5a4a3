"""Attribute fields of one network, carried into the space of another by the map between them."""

from collections.abc import Mapping

import torch

from frlib import checks
from frlib.arguments import checked
from frlib.geometry.alignment.maps import Alignment, matrix_of
from frlib.geometry.microscale.sphere import tangent_projection


@torch.no_grad()
@checked
def transport_fields(alignment: Alignment, points, fields: Mapping | None = None) -> dict[str, torch.Tensor]:
    """Apply the differential of a map, at each point, to the vectors of attribute fields there.

    .. math:: v \\mapsto v W, \\qquad
              v \\mapsto \\frac{v - \\langle p, v \\rangle p}{|x|} W, \\quad p = x / |x|,

    the latter for a map that brings rows to length 1 first: the part of v along x is lost, because it changes only
    the length.

    Parameters
    ----------
    alignment : Alignment
    points : array_like, shape (N, d_s), or a cloud with points and fields
        Embeddings of the source, where the vectors are.
    fields : mapping of attribute to array_like, shape (N, d_s)
        Vectors of any length, which is not lost; by default those of the cloud.

    Returns
    -------
    dict of attribute to Tensor, shape (N, d_t)
        In the types of the fields.

    Raises
    ------
    ValueError
        If a shape or a value is not accepted, or a point is zero and the map brings rows to length 1.
    """
    if fields is None:
        fields = getattr(points, "fields", None)
    if not isinstance(fields, Mapping) or not fields:
        raise ValueError(f"fields must be a mapping of attribute to matrix, not empty; got {fields!r:.60}")
    points = matrix_of("points", points, alignment.normalize, columns=len(alignment.matrix))
    carried = {}
    for name, field in fields.items():
        field = checks.as_matrix(f"fields[{name!r}]", field, rows=len(points), columns=points.shape[1], products=True)
        vectors = field.double()
        if alignment.normalize:
            vectors = tangent_projection(points, vectors) / points.double().norm(dim=1, keepdim=True)
        carried[name] = (vectors @ alignment.matrix.to(vectors.device)).to(field.dtype)
    return carried
