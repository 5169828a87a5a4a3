"""Networks trained here: the toy model of chapter 3, its playground's fields, and fine-tuning of face networks."""

from frlib.training.finetune import FineTuned, TrainingDiverged, finetune, finetune_each, variation_losses
from frlib.training.margins import AdaFace, ArcFace, fixed_image_loss, margin_loss
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
    "compare_dimensions",
    "draw_variations",
    "embed",
    "finetune",
    "finetune_each",
    "fixed_image_loss",
    "input_fields",
    "margin_loss",
    "planar_cloud",
    "planar_draws",
    "planar_field",
    "run_energies",
    "sample_blobs",
    "toy_experiment",
    "train_ensemble",
    "variation_losses",
]
