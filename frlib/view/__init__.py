"""Charts, the ε-sweep, verdicts and the numbers of the prose, in a live notebook and on the site."""

from frlib.view.charts import COLORS, enable
from frlib.view.crumple import crumple
from frlib.view.energies import across_networks, energies_of_images, energy_curves, fingerprint_views
from frlib.view.facemap import Space, face_map
from frlib.view.figure import figure
from frlib.view.fold import fold
from frlib.view.gaps import gap_curves
from frlib.view.images import image_grid
from frlib.view.pipeline import pipeline
from frlib.view.playground import playground
from frlib.view.recipes import Column, bars, curves, dots, guide, heat_map, matrix, scatter
from frlib.view.say import say
from frlib.view.sweep import sweep
from frlib.view.thresholds import answer_curves, error_curves
from frlib.view.trees import dendrogram
from frlib.view.turn import turn
from frlib.view.verdict import verdict
from frlib.view.words import with_interval

__all__ = [
    "COLORS",
    "Column",
    "Space",
    "across_networks",
    "answer_curves",
    "bars",
    "crumple",
    "curves",
    "dendrogram",
    "dots",
    "enable",
    "energies_of_images",
    "energy_curves",
    "error_curves",
    "face_map",
    "figure",
    "fingerprint_views",
    "fold",
    "gap_curves",
    "guide",
    "heat_map",
    "image_grid",
    "matrix",
    "pipeline",
    "playground",
    "say",
    "scatter",
    "sweep",
    "turn",
    "verdict",
    "with_interval",
]
