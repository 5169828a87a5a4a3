"""Fixtures of the networks' tests: the published networks, fetched to the user's cache where they are not there yet."""

from functools import cache

import numpy as np
import pytest
import torch

from frlib.models import load
from frlib.models.layers import read_network


@pytest.fixture(scope="session")
def pretrained():
    """Return a function name -> FaceEmbedder that loads each network once; tests must not change it."""
    return cache(lambda name: load(name, device="cpu"))


@pytest.fixture
def run():
    """Return a function that runs a stored network on images (N, H, W, C) in float64 and returns numpy."""

    def run_stored(stored, x):
        network = read_network(stored).double()
        with torch.no_grad():
            y = network(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
        return np.moveaxis(y, 1, -1) if y.ndim == 4 else y

    return run_stored
