"""Embeddings in, numbers out: distances, verification, attribute fields and their energies, maps between networks."""

from frlib.geometry.alignment.compatibility import compatibility
from frlib.geometry.alignment.families import family_contrast, quality_contrast
from frlib.geometry.alignment.fields import transport_fields
from frlib.geometry.alignment.maps import Alignment, fit_alignment
from frlib.geometry.alignment.shared import SharedSpace, shared_space
from frlib.geometry.alignment.similarity import linear_cka
from frlib.geometry.macroscale.calibration import label_trials, rejection_rates
from frlib.geometry.macroscale.chance import (
    correlations_from_counts,
    exchanged_labels,
    exchanged_trials,
    gaussian_cloud,
)
from frlib.geometry.macroscale.entropy import attribute_entropies, identity_mean_densities
from frlib.geometry.macroscale.ks import distance_functions, draw_modalities, ks_by_attribute, ks_draws
from frlib.geometry.macroscale.label_noise import wrong_label_statistic
from frlib.geometry.macroscale.streaming import PairHistograms, stream_histograms
from frlib.geometry.microscale.energy import central_difference, displacement, energy_at_equal_shares, energy_sweep
from frlib.geometry.microscale.neighborhoods import neighborhood_energies
from frlib.geometry.microscale.nulls import half_step_agreement, isolated_shares, null_energies
from frlib.geometry.microscale.sphere import (
    parallel_transport,
    tangent_projection,
    transported_cosines,
    transported_energy_sweep,
)
from frlib.geometry.pairs import CoincidentPoints, coincide, pair_distances, unit_distance
from frlib.geometry.ranks import (
    among_extremes,
    below_all,
    crossings,
    diagonal_p,
    on_diagonal,
    partial_rank_correlation,
    rank_correlation,
    rank_correlation_interval,
    rank_correlation_p,
    rescaled_columns,
)
from frlib.geometry.recognition.distances import (
    distance_histogram,
    distance_summary,
    error_curve,
    intra_inter_distances,
    mean_pair_distance,
    verification,
)
from frlib.geometry.recognition.identification import cumulative_matches, identification, rank1_by_gallery
from frlib.geometry.recognition.jackknife import auc_interval
from frlib.geometry.recognition.probes import ProbeErrors, probe_errors
from frlib.geometry.recognition.retention import identity_retention
from frlib.geometry.recognition.table import recognition_figures, recognition_table
from frlib.geometry.resampling import (
    crossed_correlation,
    crossed_means,
    draw_interval,
    draw_weights,
    mean_interval,
    resampled_means,
    split_interval,
)

__all__ = [
    "Alignment",
    "CoincidentPoints",
    "PairHistograms",
    "ProbeErrors",
    "SharedSpace",
    "among_extremes",
    "attribute_entropies",
    "auc_interval",
    "below_all",
    "coincide",
    "compatibility",
    "central_difference",
    "correlations_from_counts",
    "crossed_correlation",
    "crossed_means",
    "crossings",
    "cumulative_matches",
    "diagonal_p",
    "displacement",
    "distance_functions",
    "distance_histogram",
    "distance_summary",
    "draw_interval",
    "draw_modalities",
    "draw_weights",
    "energy_at_equal_shares",
    "energy_sweep",
    "error_curve",
    "exchanged_labels",
    "exchanged_trials",
    "family_contrast",
    "fit_alignment",
    "gaussian_cloud",
    "half_step_agreement",
    "identification",
    "identity_mean_densities",
    "identity_retention",
    "intra_inter_distances",
    "ks_by_attribute",
    "isolated_shares",
    "ks_draws",
    "label_trials",
    "linear_cka",
    "mean_interval",
    "mean_pair_distance",
    "neighborhood_energies",
    "null_energies",
    "on_diagonal",
    "pair_distances",
    "parallel_transport",
    "partial_rank_correlation",
    "probe_errors",
    "quality_contrast",
    "rank1_by_gallery",
    "rank_correlation",
    "rank_correlation_interval",
    "rank_correlation_p",
    "recognition_figures",
    "recognition_table",
    "rejection_rates",
    "rescaled_columns",
    "resampled_means",
    "shared_space",
    "split_interval",
    "stream_histograms",
    "tangent_projection",
    "transport_fields",
    "transported_cosines",
    "transported_energy_sweep",
    "unit_distance",
    "verification",
    "wrong_label_statistic",
]
