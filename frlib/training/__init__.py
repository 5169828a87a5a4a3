"""Networks trained here: the toy model of chapter 3, its playground's fields, and fine-tuning of face networks."""

from frlib.training.finetune import FineTuned, TrainingDiverged, finetune, finetune_each, variation_losses
from frlib.training.margins import AdaFace, ArcFace, fixed_image_loss, margin_loss
from frlib.training.planar import PRESETS, planar_cloud, planar_draws, planar_energies, planar_field
from frlib.training.sheet import crumpled_sheet
from frlib.training.toy import (
    Blobs,
    Ensemble,
    Experiment,
    compare_dimensions,
    embed,
    input_fields,
    run_energies,
    sample_blobs,
    toy_experiment,
    train_ensemble,
)
from frlib.training.toy_movement import class_plane_share, cloud_of_run, movement_by_kind, silence
from frlib.training.toy_variants import run_variants, toy_variants, variant_gaps, variant_table
from frlib.training.variations import NOTHING, Variations, draw_variations

__all__ = [
    "NOTHING",
    "PRESETS",
    "AdaFace",
    "ArcFace",
    "Blobs",
    "Ensemble",
    "Experiment",
    "FineTuned",
    "TrainingDiverged",
    "Variations",
    "class_plane_share",
    "cloud_of_run",
    "compare_dimensions",
    "crumpled_sheet",
    "draw_variations",
    "embed",
    "finetune",
    "finetune_each",
    "fixed_image_loss",
    "input_fields",
    "margin_loss",
    "movement_by_kind",
    "planar_cloud",
    "planar_draws",
    "planar_energies",
    "planar_field",
    "run_energies",
    "run_variants",
    "sample_blobs",
    "silence",
    "toy_experiment",
    "toy_variants",
    "train_ensemble",
    "variant_gaps",
    "variant_table",
    "variation_losses",
]
