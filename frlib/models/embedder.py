"""A network with what is needed to use it: preprocessing, metric, licence, and batched inference."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm.auto import tqdm

from frlib.checks import at_least
from frlib.models.inference import for_inference

#: How much of the head an aligned image shows.
CROPS = ("arcface", "wide")


class Preprocess(nn.Module):
    """Turn RGB images into the input of a network; differentiable.

    Parameters
    ----------
    size : int
        Height and width that the network expects.
    mean : sequence of 3 floats
        Subtracted from the channels, in the network's order.
    scale : float
        Multiplies the result.
    bgr : bool
        Whether the network wants blue first.
    """

    def __init__(self, size: int, mean: Sequence[float] = (0, 0, 0), scale: float = 1.0, bgr: bool = False):
        super().__init__()
        self.size, self.mean, self.scale, self.bgr = size, tuple(map(float, mean)), float(scale), bgr

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map RGB images to network input.

        Parameters
        ----------
        images : Tensor, shape (N, S, S, 3)
            RGB in 0..255. Integers become float32; float32 and float64 are kept, so that derivatives pass.

        Returns
        -------
        Tensor, shape (N, 3, size, size)
            Images of another size are resized bilinearly, with a low-pass filter when they become smaller.
        """
        images = images if images.is_floating_point() else images.to(torch.float32)
        images = images.permute(0, 3, 1, 2)
        if images.shape[-1] != self.size:
            size = (self.size, self.size)
            images = functional.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)
        if self.bgr:
            images = images.flip(1)
        mean = torch.tensor(self.mean, dtype=images.dtype, device=images.device)
        return (images - mean[:, None, None]) * self.scale

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"size={self.size}, mean={self.mean}, scale={self.scale:.6g}, bgr={self.bgr}"


class FaceEmbedder:
    """A pretrained network that maps aligned face images to embeddings.

    Attributes
    ----------
    name : str
        The network's name; ``"-random"`` is added when its weights are random.
    network : LayerNetwork
        The torch module, trainable; maps preprocessed input (N, 3, S, S) to embeddings (N, dim). Batch normalisation
        is folded into the convolutions, so that ``train()`` and ``eval()`` do the same.
    preprocess : Preprocess
        Maps RGB images (N, S, S, 3) in 0..255 to network input; differentiable.
    metric : {"cosine", "euclidean"}
        The distance that the network was trained for.
    dim : int
        Dimension of the embedding.
    input_size : int
        Height and width of the network's input, in pixels.
    crop : {"arcface", "wide"}
        How much of the head the aligned image must show.
    licence : str
    device : torch.device
    """

    def __init__(self, name, network, preprocess, *, metric, dim, crop, licence, device):
        # The layout with channels last computes the same and is faster on the CPU.
        self.network = network.to(device=device, memory_format=torch.channels_last).eval()
        self.name, self.preprocess, self.metric, self.dim = name, preprocess, metric, dim
        self.crop, self.licence, self.device = crop, licence, torch.device(device)

    def __repr__(self) -> str:
        return f"FaceEmbedder({self.name!r}, dim={self.dim}, metric={self.metric!r}, device='{self.device}')"

    @property
    def input_size(self) -> int:
        """Height and width of the network's input, in pixels."""
        return self.preprocess.size

    def embed(self, images, batch_size: int = 64, progress: bool = True) -> torch.Tensor:
        """Return the embeddings of aligned face images.

        Parameters
        ----------
        images : array_like, shape (N, S, S, 3)
            RGB, aligned as `crop` says; uint8, or float in 0..255. Any size S; it is resized to `input_size`.
        batch_size : int
            Largest number of images that go through the network together; memory grows with it and not with N. On the
            CPU fewer do, see `frlib.models.inference`.
        progress : bool
            Show a bar when there is more than one batch.

        Returns
        -------
        Tensor, shape (N, dim)
            The raw output of the network, not normalised, on the CPU, in the type of the network's parameters.

        Raises
        ------
        ValueError
            If the images have another shape or type, lie outside 0..255, or hold NaN.
        """
        images = check_images(images)
        batch_size = at_least("batch_size", batch_size, 1)
        dtype = next(self.network.parameters()).dtype
        batches = images.split(batch_size)
        bar = tqdm(
            total=len(images), desc=self.name, unit="image", leave=False, disable=not progress or len(batches) < 2
        )
        embeddings = []
        with bar, torch.no_grad():
            network, at_once = for_inference(self.network, self.input_size, len(images), batch_size)
            for batch in batches:
                for few in batch.tensor_split(math.ceil(len(batch) / at_once)):  # of nearly the same size
                    inputs = self.preprocess(few.to(self.device).to(dtype))
                    embeddings.append(network(inputs.contiguous(memory_format=torch.channels_last)).cpu())
                bar.update(len(batch))
        return torch.cat(embeddings)


def check_images(images) -> torch.Tensor:
    """Return images (N, S, S, 3) as a tensor, without a copy where possible.

    Raises
    ------
    ValueError
        If the shape or type is wrong, a value lies outside 0..255, or is not a number.
    """
    images = images.detach() if torch.is_tensor(images) else torch.as_tensor(np.asarray(images))
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2] or 0 in shape:
        raise ValueError(f"images must be square RGB images of shape (N, S, S, 3) with N, S >= 1; got shape {shape}")
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise ValueError(f"images must be uint8, or float in 0..255; got {images.dtype}")
    low, high = (float(value) for value in images.aminmax())
    if not (low >= 0 and high <= 255):
        raise ValueError(f"images must lie in 0..255 and be finite; got values from {low:g} to {high:g}")
    return images
