"""Faces that nobody has: drawn from parameters, so that identity and attributes are known exactly."""

import importlib

#: Version of the head file and of what is drawn: results made with another version are not used again.
GENERATOR = 3

# Read on first use: what only aligns photographs, or names attributes, does not start the renderer.
_HOMES = {
    "ATTRIBUTES": "attributes",
    "Attribute": "attributes",
    "Curves": "curves",
    "Identity": "identity",
    "Lattice": "lattice",
    "People": "people",
    "Population": "population",
    "Portraits": "portraits",
    "Tangents": "curves",
    "draw_population": "population",
    "head_is_built": "generator.head",
    "iterate_lattice": "lattice",
    "lattice_curves": "lattice",
    "lattice_table": "lattice",
    "lattice_values": "lattice",
    "render": "generator.renderer",
    "sample_curves": "curves",
    "sample_identities": "identity",
    "sample_population": "population",
    "switched": "people",
    "tangent": "generator.tangent",
}
__all__ = ["GENERATOR", *_HOMES]


def __getattr__(name: str):
    """Return a public name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'frlib.faces' has no attribute {name!r}")
    return getattr(importlib.import_module(f"frlib.faces.{_HOMES[name]}"), name)


def __dir__():
    return [*__all__, *globals()]
