"""The multiscale fingerprint of networks: energies of many clouds, summary and ranking, and rules for verdicts."""

from frlib.fingerprint.depth import lattice_energies
from frlib.fingerprint.energies import cloud_energies, fingerprint
from frlib.fingerprint.errors import ErrorGrowth, GrowthCorrelation, error_growth, growth_correlation
from frlib.fingerprint.orders import crossing_pairs, extreme_shares, lowest_shares
from frlib.fingerprint.shapes import curve_shapes
from frlib.fingerprint.summary import RANKED_AT, array_of, cube, fingerprint_summary, ranking, table_of

__all__ = [
    "RANKED_AT",
    "ErrorGrowth",
    "GrowthCorrelation",
    "array_of",
    "cloud_energies",
    "crossing_pairs",
    "cube",
    "curve_shapes",
    "error_growth",
    "extreme_shares",
    "fingerprint",
    "fingerprint_summary",
    "growth_correlation",
    "lattice_energies",
    "lowest_shares",
    "ranking",
    "table_of",
]
