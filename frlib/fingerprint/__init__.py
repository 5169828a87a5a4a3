"""The multiscale fingerprint of networks: energies of many clouds, summary and ranking, and rules for verdicts."""

from frlib.fingerprint.designs import energy_variances, half_width, part_energies
from frlib.fingerprint.energies import cloud_energies, fingerprint
from frlib.fingerprint.summary import RANKED_AT, array_of, cube, fingerprint_summary, ranking, table_of
from frlib.fingerprint.variants import means_over_identities, paired_changes, variant_summary

__all__ = [
    "RANKED_AT",
    "array_of",
    "cloud_energies",
    "cube",
    "energy_variances",
    "fingerprint",
    "fingerprint_summary",
    "half_width",
    "means_over_identities",
    "paired_changes",
    "part_energies",
    "ranking",
    "table_of",
    "variant_summary",
]
