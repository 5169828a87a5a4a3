"""Seeded test images, the same on every machine and with every version of numpy and torch."""

import numpy as np


def seeded_images(size: int) -> np.ndarray:
    """Return two RGB images (2, size, size, 3), uint8: smooth waves, and noise."""
    rng = np.random.RandomState(7)  # its stream is frozen by numpy's policy, unlike that of default_rng
    y, x = np.mgrid[:size, :size] / size
    waves = np.zeros((size, size, 3))
    for channel in range(3):
        for _ in range(6):
            fx, fy, phase = rng.uniform(-4, 4), rng.uniform(-4, 4), rng.uniform(0, 2 * np.pi)
            waves[:, :, channel] += np.sin(2 * np.pi * (fx * x + fy * y) + phase)
    smooth = np.round(127.5 + 30 * waves).clip(0, 255)
    noise = rng.randint(0, 256, (size, size, 3))
    return np.stack([smooth, noise]).astype(np.uint8)
