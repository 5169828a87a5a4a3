"""Images from elsewhere: detection and alignment of faces."""

from frlib.datasets.detected import Detected
from frlib.datasets.detection import Detection, detect
from frlib.faces.crops import align

__all__ = ["Detected", "Detection", "align", "detect"]
