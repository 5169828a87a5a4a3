"""The multiscale fingerprint of networks: energies of many clouds, summary and ranking, and rules for verdicts."""

from frlib.fingerprint.depth import lattice_energies
from frlib.fingerprint.energies import cloud_energies, fingerprint
from frlib.fingerprint.summary import RANKED_AT, array_of, cube, fingerprint_summary, ranking, table_of

__all__ = [
    "RANKED_AT",
    "array_of",
    "cloud_energies",
    "cube",
    "fingerprint",
    "fingerprint_summary",
    "lattice_energies",
    "ranking",
    "table_of",
]
