"""Images from elsewhere: detection and alignment of faces."""

from frlib.datasets.detection import Detection, align, detect, detector_crops

__all__ = ["Detection", "align", "detect", "detector_crops"]
