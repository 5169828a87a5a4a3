"""The three attributes that are operations on the pixels of an image: brightness, hue, image quality."""

import math
from collections.abc import Mapping

import torch

#: Standard deviation of the blur at quality -1, in pixels of a 112-pixel image, and contrast gained at quality 1.
BLUR, CONTRAST = 2.0, 0.5


def change(images: torch.Tensor, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return images with brightness, hue and image quality changed, in that order, clipped to 0..255.

    Parameters
    ----------
    images : Tensor, shape (N, S, S, 3)
        RGB in 0..255, float.
    values : mapping of name to Tensor, shape (N,)
        Only the three names are looked at; a missing one leaves the images alone.
    """
    for name, operation in (("brightness", brighten), ("hue", turn_hue), ("image_quality", set_quality)):
        if name in values:
            images = operation(images, values[name].to(images))
    return images.clamp(0, 255)


def brighten(images: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
    """Return images plus an amount (N,) in 8-bit values."""
    return (images + amount[:, None, None, None]).clamp(0, 255)


def turn_hue(images: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
    """Return images whose HSV hue is turned by an amount (N,) in half degrees; saturation and value stay.

    Greys have no hue and stay.
    """
    r, g, b = images.unbind(-1)
    value, least = torch.maximum(torch.maximum(r, g), b), torch.minimum(torch.minimum(r, g), b)
    chroma = value - least
    safe = chroma.clamp(min=1e-9)
    green, blue = (b - r) / safe + 2, (r - g) / safe + 4
    hue = torch.where(r == value, (g - b) / safe, torch.where(g == value, green, blue))  # from -1 to 5
    hue = hue + amount[:, None, None] * 2 / 60
    return torch.stack([value - chroma * sector(hue + offset) for offset in (5, 3, 1)], dim=-1)


def sector(angle: torch.Tensor) -> torch.Tensor:
    """Return how much of the chroma a channel lacks, 0 to 1, at an angle in sixths of a turn from where it lacks most.

    The angle may lie up to two turns beyond 0 to 6.
    """
    angle = angle - 6 * torch.floor(angle / 6).detach()
    return torch.minimum(angle, 4 - angle).clamp(0, 1)


def set_quality(images: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
    """Return images blurred (amount below 0) or with more contrast about their mean (0 and above)."""
    blurs = amount < 0
    if blurs.all():
        return blur(images, -amount)
    column = amount[:, None, None, None]
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    contrasted = mean + (images - mean) * (1 + CONTRAST * column)
    return torch.where(column >= 0, contrasted, blur(images, -amount)) if blurs.any() else contrasted


def blur(images: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
    """Return images under a Gaussian of standard deviation ``BLUR * amount``, scaled to the image's size.

    An amount of 0 or less does nothing. See `blur_weights`. Beyond its edge an image goes on as there.
    """
    size = images.shape[1]
    reach = int(3 * BLUR * size / 112) + 1
    weights = blur_weights(BLUR * size / 112 * amount.clamp(min=1e-6), reach).to(images.dtype)
    blurring = blur_matrix(weights, size)[:, None]
    return (blurring @ images.permute(0, 3, 1, 2) @ blurring.transpose(2, 3)).permute(0, 2, 3, 1)


def blur_matrix(weights: torch.Tensor, size: int) -> torch.Tensor:
    """Return the matrices (N, size, size) that blur a column of pixels with weights (N, 2 * reach + 1)."""
    reach, pixel = weights.shape[1] // 2, torch.arange(size, device=weights.device)
    from_pixel = (pixel[:, None] + torch.arange(-reach, reach + 1, device=weights.device)).clamp(0, size - 1)
    matrix = weights.new_zeros(len(weights), size, size)
    return matrix.scatter_add(2, from_pixel.expand(len(weights), -1, -1), weights[:, None].expand(-1, size, -1))


def blur_weights(deviation: torch.Tensor, reach: int) -> torch.Tensor:
    """Return weights (N, 2 * reach + 1), float64, of Gaussians however narrow; the image is linear between pixels.

    The weight of pixel k is the mean of the tent max(0, 1 - abs(x - k)) over x ~ N(0, s^2): the second difference of
    G(x) = x Phi(x / s) + s phi(x / s). For small s the neighbours weigh s / sqrt(2 pi), so every amount of blur acts.
    """
    x = torch.arange(-reach - 1, reach + 2, device=deviation.device, dtype=torch.float64)
    z = x / deviation.double()[:, None]
    density = torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    smooth = x * torch.special.ndtr(z) + deviation.double()[:, None] * density
    weights = smooth[:, 2:] - 2 * smooth[:, 1:-1] + smooth[:, :-2]
    return weights / weights.sum(dim=1, keepdim=True)
