"""The multiscale fingerprint of networks: energies of many clouds, summary and ranking, and rules for verdicts."""

from frlib.fingerprint.depth import lattice_energies, lattice_neighbors, lattice_steps
from frlib.fingerprint.designs import energy_variances, half_width, part_energies
from frlib.fingerprint.energies import cloud_energies, fingerprint
from frlib.fingerprint.errors import ErrorGrowth, GrowthCorrelation, error_growth, growth_correlation
from frlib.fingerprint.lattices import over_lattices
from frlib.fingerprint.orders import (
    against_others,
    agreement_with,
    crossing_pairs,
    extreme_shares,
    filled_scales,
    lowest_shares,
)
from frlib.fingerprint.shapes import curve_shapes
from frlib.fingerprint.summary import RANKED_AT, array_of, cube, fingerprint_summary, ranking, table_of
from frlib.fingerprint.variants import means_over_identities, paired_changes, variant_summary

__all__ = [
    "ErrorGrowth",
    "GrowthCorrelation",
    "RANKED_AT",
    "against_others",
    "agreement_with",
    "array_of",
    "cloud_energies",
    "crossing_pairs",
    "cube",
    "curve_shapes",
    "energy_variances",
    "error_growth",
    "extreme_shares",
    "filled_scales",
    "fingerprint",
    "fingerprint_summary",
    "growth_correlation",
    "half_width",
    "lattice_energies",
    "lattice_neighbors",
    "lattice_steps",
    "lowest_shares",
    "means_over_identities",
    "over_lattices",
    "paired_changes",
    "part_energies",
    "ranking",
    "table_of",
    "variant_summary",
]
