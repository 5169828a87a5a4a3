"""Photographs: folders, LFW, CelebA; detection, alignment and cleaning. Nothing here draws a face."""

from frlib.datasets.celeba import read_celeba
from frlib.datasets.cleaning import Cleaned, Step, at_least_images, clean, one_face, without_outliers
from frlib.datasets.crops import Crops
from frlib.datasets.detected import Detected
from frlib.datasets.detection import Detection, detect
from frlib.datasets.finding import Faces, find_faces
from frlib.datasets.folders import read_folder
from frlib.datasets.images import UnreadableImage
from frlib.datasets.lfw import pair_accuracy, read_lfw, read_pairs
from frlib.datasets.photographs import Photographs
from frlib.datasets.sample import Sample, sample_people
from frlib.datasets.stored import read_stored, stored
from frlib.faces.crops import align

__all__ = [
    "Cleaned",
    "Crops",
    "Detected",
    "Detection",
    "Faces",
    "Photographs",
    "Sample",
    "Step",
    "UnreadableImage",
    "align",
    "at_least_images",
    "clean",
    "detect",
    "find_faces",
    "one_face",
    "pair_accuracy",
    "read_celeba",
    "read_folder",
    "read_lfw",
    "read_pairs",
    "read_stored",
    "sample_people",
    "stored",
    "without_outliers",
]
