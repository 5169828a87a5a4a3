"""Networks trained here: the toy model of chapter 3, and the synthetic fields of its playground."""

from frlib.training.planar import PRESETS, planar_cloud, planar_draws, planar_field
from frlib.training.toy import (
    Blobs,
    Ensemble,
    Experiment,
    class_plane_share,
    compare_dimensions,
    embed,
    input_fields,
    run_energies,
    sample_blobs,
    toy_experiment,
    train_ensemble,
)

__all__ = [
    "PRESETS",
    "Blobs",
    "Ensemble",
    "Experiment",
    "class_plane_share",
    "compare_dimensions",
    "embed",
    "input_fields",
    "planar_cloud",
    "planar_draws",
    "planar_field",
    "run_energies",
    "sample_blobs",
    "toy_experiment",
    "train_ensemble",
]
