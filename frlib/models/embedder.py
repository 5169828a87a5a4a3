"""A network with what is needed to use it: preprocessing, metric, licence, and batched inference."""

import contextlib
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm.auto import tqdm

from frlib.checks import at_least, between
from frlib.models.inference import Stage, for_inference, through
from frlib.models.layers import LayerNetwork
from frlib.models.layout import with_channels_last
from frlib.runtime import in_order, own_threads

#: How much of the head an aligned image shows.
CROPS = ("arcface", "wide", "mtcnn")
#: Shares of red, green and blue in the luminance of ITU-R BT.601.
LUMINANCE = (0.299, 0.587, 0.114)


class Preprocess(nn.Module):
    """Turn RGB images into the input of a network; differentiable.

    Parameters
    ----------
    size : int
        Height and width that the network expects.
    mean : float or one float per channel
        Subtracted from the channels, in the network's order.
    scale : float or one float per channel
        Multiplies the result.
    bgr : bool
        Whether the network wants blue first.
    grey : bool
        Whether it wants one channel, the luminance of ITU-R BT.601.
    width : float
        Share of the image's width that the network sees, from the middle, stretched to a square.

    Raises
    ------
    ValueError
        If mean or scale has another number of values, the width is not between 0 and 1, or a grey image is to have blue
        first.
    """

    def __init__(
        self,
        size: int,
        mean: float | Sequence[float] = 0,
        scale: float | Sequence[float] = 1,
        bgr: bool = False,
        grey: bool = False,
        width: float = 1,
    ):
        super().__init__()
        between("width", width, 0.1, 1)
        if bgr and grey:
            raise ValueError("bgr must be False for a network of grey images; got True")
        self.size, self.bgr, self.grey, self.width = size, bgr, grey, width
        self.mean, self.scale = (self._per_channel(*given) for given in (("mean", mean), ("scale", scale)))

    @property
    def channels(self) -> int:
        """Number of channels of the network's input: 1 if it is grey."""
        return 1 if self.grey else 3

    def _per_channel(self, name: str, value) -> tuple[float, ...]:
        """Return a number once per channel, or one number per channel as given."""
        values = torch.as_tensor(value, dtype=torch.float64).flatten().tolist()
        if len(values) not in (1, self.channels):
            accepted = "one number" if self.grey else "one number or three"
            raise ValueError(f"{name} must be {accepted}; got {value!r}")
        return tuple(values * (self.channels // len(values)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map RGB images to network input.

        Parameters
        ----------
        images : Tensor, shape (N, S, S, 3)
            RGB in 0..255. Integers become float32; float32 and float64 are kept, so that derivatives pass.

        Returns
        -------
        Tensor, shape (N, 3, size, size), or (N, 1, size, size) for grey
            Images of another size are resized bilinearly, with a low-pass filter when they become smaller.
        """
        images = images if images.is_floating_point() else images.to(torch.float32)
        images = images.permute(0, 3, 1, 2)
        if self.width < 1:
            aside = round((1 - self.width) / 2 * images.shape[-1])
            images = images[..., aside : images.shape[-1] - aside]
        size = (self.size, self.size)
        if images.shape[-2:] != size:
            filtered = max(images.shape[-2:]) > self.size  # enlarged, there is nothing to filter
            images = functional.interpolate(images, size, mode="bilinear", align_corners=False, antialias=filtered)
        if self.grey:
            images = (images * images.new_tensor(LUMINANCE)[:, None, None]).sum(dim=1, keepdim=True)
        # A row of pixels with all its channels is long enough for vector instructions, three channels are not.
        rows = images.permute(0, 2, 3, 1)
        rows = (rows.flip(3) if self.bgr else rows).flatten(2)
        mean, scale = (images.new_tensor(values).repeat(self.size) for values in (self.mean, self.scale))
        return (rows - mean).mul_(scale).unflatten(2, (self.size, -1)).permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """Show the settings."""
        shown = f"size={self.size}, mean={self.mean}, scale={self.scale}, bgr={self.bgr}, grey={self.grey}"
        # Stored embeddings are found under this text: what came later is in it only where it does something.
        return shown if self.width == 1 else f"{shown}, width={self.width}"


class FaceEmbedder:
    """A pretrained network that maps aligned face images to embeddings.

    Attributes
    ----------
    name : str
        The network's name; ``"-random"`` is added when its weights are random.
    network : nn.Module
        Maps preprocessed input (N, 3, S, S), or (N, 1, S, S) for grey, to embeddings (N, dim). Those of the catalogue
        are trainable, with batch normalisation turned into scales and offsets, so that ``train()`` and
        ``eval()`` do the same.
    preprocess : Preprocess
        Maps RGB images (N, S, S, 3) in 0..255 to network input; differentiable.
    metric : {"cosine", "euclidean"}
        The distance that the network was trained for.
    dim : int
        Dimension of the embedding.
    input_size : int
        Height and width of the network's input, in pixels.
    crop : {"arcface", "wide", "mtcnn"}
        How much of the head the aligned image must show.
    licence : str
    device : torch.device
    """

    def __init__(self, name, network, preprocess, *, metric, dim, crop, licence, device):
        self.network = with_channels_last(network.to(device)).eval()
        self.name, self.preprocess, self.metric, self.dim = name, preprocess, metric, dim
        self.crop, self.licence, self.device = crop, licence, torch.device(device)

    def __repr__(self) -> str:
        return f"FaceEmbedder({self.name!r}, dim={self.dim}, metric={self.metric!r}, device='{self.device}')"

    @property
    def input_size(self) -> int:
        """Height and width of the network's input, in pixels."""
        return self.preprocess.size

    @property
    def weights(self) -> int:
        """Number of weights of the network."""
        # A network that runs in onnxruntime has no parameters of torch, and knows the number by itself.
        return getattr(self.network, "weights", None) or sum(p.numel() for p in self.network.parameters())

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
            The raw output of the network, not normalised, on the CPU, in the type of the network's parameters,
            or in float32.

        Raises
        ------
        ValueError
            If the images have another shape or type, lie outside 0..255, or hold NaN.
        """
        images = check_images(images)
        batch_size = at_least("batch_size", batch_size, 1)
        shape = (self.input_size, len(images), batch_size, self.preprocess.channels)
        with self._threads() as threads:
            (first, at_once), *later = for_inference(self.network, *shape)
            stages = [(lambda few: first(self._inputs(few)), at_once), *later]
            # Threads that each take some of the images wait less than those that share every layer.
            count = threads * math.ceil(len(images) / (batch_size * threads))
            batches = [(stages, batch) for batch in images.tensor_split(min(count, len(images)))]
            hidden = not progress or len(batches) <= threads
            bar = tqdm(total=len(images), desc=self.name, unit="image", leave=False, disable=hidden)
            embeddings = []
            with bar:
                for rows in in_order(_rows, batches, threads):
                    embeddings.append(rows)
                    bar.update(len(rows))
        return torch.cat(embeddings)

    def _threads(self) -> contextlib.AbstractContextManager[int]:
        """Return a context that gives the number of threads for `in_order`: others than layers bring their own."""
        known = isinstance(self.network, LayerNetwork)
        return own_threads(self.device) if known else contextlib.nullcontext(1)

    def _inputs(self, images: torch.Tensor) -> torch.Tensor:
        """Return images as the network wants them, in the memory layout that is faster on the CPU."""
        dtype = next(self.network.parameters(), torch.empty(0)).dtype
        inputs = self.preprocess(images.to(self.device).to(dtype))
        return inputs.contiguous(memory_format=torch.channels_last)

    def push_forward(self, images: torch.Tensor, directions: torch.Tensor, batch_size: int = 8) -> torch.Tensor:
        """Return the derivative of the embedding in a direction of the image, by `torch.func.jvp`.

        Parameters
        ----------
        images, directions : Tensor, shape (N, S, S, 3)
            Float images in 0..255, and how each pixel changes.
        batch_size : int
            Images whose derivatives are computed together.

        Returns
        -------
        Tensor, shape (N, dim)
            Of the raw embedding, per unit of the direction.
        """
        parts = []
        with torch.no_grad():
            for image, direction in zip(images.split(batch_size), directions.split(batch_size), strict=True):
                pair = (image.to(self.device),), (direction.to(self.device),)
                parts.append(torch.func.jvp(lambda x: self.network(self.preprocess(x)), *pair)[1].cpu())
        return torch.cat(parts)


def _rows(stages: Sequence[Stage], images: torch.Tensor) -> torch.Tensor:
    """Return the output of stages on the CPU, without derivatives."""
    with torch.no_grad():  # each thread has its own mode
        return through(stages, images).cpu()


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
