"""Faces that nobody has: drawn from parameters, so that identity and attributes are known exactly."""

import importlib

#: Version of the head file and of what is drawn: results made with another version are not used again.
GENERATOR = 3

# Read on first use: what only aligns photographs, or names attributes, does not start the renderer.
_NAMES = {
    "attributes": ("ATTRIBUTES", "Attribute"),
    "curves": ("Curves", "Tangents", "sample_curves"),
    "generator.head": ("head_is_built",),
    "generator.renderer": ("render",),
    "generator.tangent": ("tangent",),
    "identity": ("Identity", "sample_identities"),
    "lattice": ("Lattice", "lattice_curves", "lattice_table", "lattice_values"),
    "people": ("People", "crowd", "switched", "switches"),
    "population": ("Population", "draw_population", "sample_population"),
    "portraits": ("Portraits",),
    "whole_curves": ("WholeCurves",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = ["GENERATOR", *_HOMES]


def __getattr__(name: str):
    """Return a public name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'frlib.faces' has no attribute {name!r}")
    return getattr(importlib.import_module(f"frlib.faces.{_HOMES[name]}"), name)


def __dir__():
    return [*__all__, *globals()]
