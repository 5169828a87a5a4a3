"""Networks for tests that need none in particular: tiny, seeded, and fast."""

import torch

from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.models.layers import IMAGE, Sketch, randomize, read_network


def tiny(name: str = "tiny", crop: str = "arcface", seed: int = 0, size: int = 8, metric="cosine") -> FaceEmbedder:
    """Return a network of one convolution and a mean, with 5 outputs."""
    sketch = Sketch(size)
    layer = sketch.convolution(IMAGE, torch.zeros(5, 3, 3, 3), same=True, stride=(2, 2))
    sketch.add("SpatialMean", layer)
    network = read_network(sketch.stored())
    randomize(network, seed=seed)
    options = {"metric": metric, "dim": 5, "crop": crop, "licence": "", "device": "cpu"}
    return FaceEmbedder(name, network, Preprocess(size, (127.5,) * 3, 1 / 128), **options)
