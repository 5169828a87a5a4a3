"""Faces that nobody has: drawn from parameters, so that identity and attributes are known exactly."""

from frlib.faces.attributes import ATTRIBUTES, Attribute
from frlib.faces.curves import Curves, sample_curves
from frlib.faces.head import head_is_built
from frlib.faces.identity import Identity, sample_identities
from frlib.faces.lattice import iterate_lattice, lattice_curves, lattice_table, lattice_values
from frlib.faces.population import Population, draw_population, sample_population
from frlib.faces.renderer import render
from frlib.faces.tangent import tangent

#: Version of what is drawn: results made with another version are not used again.
GENERATOR = 2

__all__ = [
    "ATTRIBUTES",
    "GENERATOR",
    "Attribute",
    "Curves",
    "Identity",
    "Population",
    "draw_population",
    "head_is_built",
    "iterate_lattice",
    "lattice_curves",
    "lattice_table",
    "lattice_values",
    "render",
    "sample_curves",
    "sample_identities",
    "sample_population",
    "tangent",
]
