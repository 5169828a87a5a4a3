"""Photographs: folders, LFW, CelebA; detection, alignment and cleaning. Nothing here draws a face."""

from frlib.datasets.crops import Crops
from frlib.datasets.detected import Detected
from frlib.datasets.detection import Detection, detect
from frlib.datasets.finding import Faces, find_faces
from frlib.datasets.folders import read_folder
from frlib.datasets.images import UnreadableImage
from frlib.datasets.photographs import Photographs
from frlib.datasets.stored import stored
from frlib.faces.crops import align

__all__ = [
    "Crops",
    "Detected",
    "Detection",
    "Faces",
    "Photographs",
    "UnreadableImage",
    "align",
    "detect",
    "find_faces",
    "read_folder",
    "stored",
]
