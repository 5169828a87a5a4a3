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
from frlib.geometry.microscale.nulls import (
    field_agreement,
    half_step_agreement,
    isolated_shares,
    null_energies,
    smallest_scales,
)
from frlib.geometry.microscale.sphere import (
    parallel_transport,
    radial_share,
    tangent_projection,
    transported_cosines,
    transported_energy_sweep,
)
from frlib.geometry.microscale.steps import energy_by_steps, steps_within
from frlib.geometry.microscale.subsampling import subsampling_deviations
from frlib.geometry.pairs import CoincidentPoints, coincide, pair_distances, unit_distance
from frlib.geometry.ranks import (
    among_extremes,
    below_all,
    chance_correlation,
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
    fold_accuracies,
    intra_inter_distances,
    mean_pair_distance,
    verification,
)
from frlib.geometry.recognition.drawn_rates import DrawnRates, drawn_rates
from frlib.geometry.recognition.grouping import Plateau, groups_left, merges, plateau, same_nearest
from frlib.geometry.recognition.identification import cumulative_matches, identification, rank1_by_gallery
from frlib.geometry.recognition.jackknife import auc_interval
from frlib.geometry.recognition.misplaced import confused_people, image_placements, threshold_at
from frlib.geometry.recognition.open_set import answer_shares, open_set_trials, right_at_strangers
from frlib.geometry.recognition.overlap import density_overlap, threshold_overlap
from frlib.geometry.recognition.people import drawn_scales, group_contrast, identity_distances
from frlib.geometry.recognition.probes import ProbeErrors, probe_errors
from frlib.geometry.recognition.retention import curve_distances, identity_retention
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
    "DrawnRates",
    "PairHistograms",
    "Plateau",
    "ProbeErrors",
    "SharedSpace",
    "among_extremes",
    "answer_shares",
    "attribute_entropies",
    "auc_interval",
    "below_all",
    "central_difference",
    "chance_correlation",
    "coincide",
    "compatibility",
    "confused_people",
    "correlations_from_counts",
    "crossed_correlation",
    "crossed_means",
    "crossings",
    "cumulative_matches",
    "curve_distances",
    "density_overlap",
    "diagonal_p",
    "displacement",
    "distance_functions",
    "distance_histogram",
    "distance_summary",
    "draw_interval",
    "draw_modalities",
    "draw_weights",
    "drawn_rates",
    "drawn_scales",
    "energy_at_equal_shares",
    "energy_by_steps",
    "energy_sweep",
    "error_curve",
    "exchanged_labels",
    "exchanged_trials",
    "family_contrast",
    "field_agreement",
    "fit_alignment",
    "fold_accuracies",
    "gaussian_cloud",
    "group_contrast",
    "groups_left",
    "half_step_agreement",
    "identification",
    "identity_distances",
    "identity_mean_densities",
    "identity_retention",
    "image_placements",
    "intra_inter_distances",
    "isolated_shares",
    "ks_by_attribute",
    "ks_draws",
    "label_trials",
    "linear_cka",
    "mean_interval",
    "mean_pair_distance",
    "merges",
    "neighborhood_energies",
    "null_energies",
    "on_diagonal",
    "open_set_trials",
    "pair_distances",
    "parallel_transport",
    "partial_rank_correlation",
    "plateau",
    "probe_errors",
    "quality_contrast",
    "radial_share",
    "rank1_by_gallery",
    "rank_correlation",
    "rank_correlation_interval",
    "rank_correlation_p",
    "recognition_figures",
    "recognition_table",
    "rejection_rates",
    "resampled_means",
    "rescaled_columns",
    "right_at_strangers",
    "same_nearest",
    "shared_space",
    "smallest_scales",
    "split_interval",
    "steps_within",
    "stream_histograms",
    "subsampling_deviations",
    "tangent_projection",
    "threshold_at",
    "threshold_overlap",
    "transport_fields",
    "transported_cosines",
    "transported_energy_sweep",
    "unit_distance",
    "verification",
    "wrong_label_statistic",
]
