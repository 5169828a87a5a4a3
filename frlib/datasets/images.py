"""Read an image file, of whatever kind, as one picture of 8-bit RGB that stands upright."""

import functools
import warnings
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps

from frlib.faces.crops import BACKGROUND, tone

#: Pixels of the largest image that is read: a small file can hold an image that no memory does.
LARGEST = 80_000_000
#: Formats that Pillow lists but does not decode by itself; for EPS it starts another program.
NOT_DECODED = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})


class UnreadableImage(OSError):
    """A file that cannot be read as an image; the message names it and says why."""


@functools.cache
def formats() -> tuple[str, ...]:
    """Return the formats that are read."""
    Image.init()
    return tuple(sorted(set(Image.OPEN) - NOT_DECODED))


@functools.cache
def endings() -> frozenset[str]:
    """Return the ends of the names of image files, in lower case, with their dots."""
    return frozenset(ending for ending, kind in Image.registered_extensions().items() if kind in formats())


def decode(file: BinaryIO, name: str) -> torch.Tensor:
    """Return the image in a file as uint8 (H, W, 3), RGB, turned as its EXIF orientation says.

    Greys become RGB of three equal values, values of 16 bits are divided by 257, colours of a palette are looked up,
    and CMYK is converted without a colour profile. Where an image lets its background through, that is the one of
    drawn faces, with which the search goes on beyond the edge of the image. Colour profiles are not applied, as in the
    programs that networks were trained with. Of several frames the first is taken.

    Parameters
    ----------
    file : binary file
    name : str
        For messages.

    Raises
    ------
    UnreadableImage
        If the file holds no image, is truncated or damaged, has more than `LARGEST` pixels, or values whose white is
        not known.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about metadata and about sizes: ours is the stricter limit
            image = Image.open(file, formats=formats())
            _check_size(image)
            return torch.from_numpy(np.array(_as_rgb(ImageOps.exif_transpose(image))))
    except Exception as error:  # a damaged file raises whatever its decoder stumbles over: struct.error, SyntaxError...
        raise UnreadableImage(f"{name} cannot be read as an image: {_reason(error)}") from error


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > LARGEST:
        raise ValueError(
            f"it has {image.width} x {image.height} pixels; at most {LARGEST // 10**6} million pixels are read"
        )


def _as_rgb(image: Image.Image) -> Image.Image:
    """Return an image of any mode as RGB."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_in_8_bits(np.asarray(image), image.mode)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    color = tuple(round(value) for value in tone(torch.tensor(BACKGROUND)).tolist())
    ground = Image.new("RGBA", image.size, (*color, 255))
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _in_8_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Return values of 16 bits as uint8."""
    if mode.startswith("F"):
        raise ValueError("its values are floating-point numbers, whose white is not known")
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"its values lie between {values.min()} and {values.max()}; 0 to 65535 are read")
    return np.round(values / 257).astype(np.uint8)


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "it holds none of a known format"
    return str(error) or type(error).__name__
