"""Cut a face out of a photograph of any size."""

import torch

from frlib.faces.crops import align, similarity, template


def cut(image: torch.Tensor, landmarks: torch.Tensor, crop: str, size: int) -> torch.Tensor:
    """Return the crop of a face, float32 (size, size, 3), as `frlib.faces.crops.align` cuts it.

    Only the part of the photograph that the crop shows becomes floating-point numbers.

    Parameters
    ----------
    image : Tensor of uint8, shape (H, W, 3)
    landmarks : Tensor, shape (5, 2)
        In pixels of the image.
    crop : {"arcface", "wide"}
    size : int
    """
    corners = torch.tensor([[0.0, 0.0], [size, 0.0], [0.0, size], [size, size]])
    back = similarity(landmarks[None], template(crop, size)).inverse()
    places = corners @ back.matrix[0].T + back.shift[0]
    sides = torch.tensor([image.shape[1], image.shape[0]])
    # Two pixels more on each side, for what lies between pixels; and at least as many as `align` takes.
    first = (places.amin(dim=0).floor().long() - 2).clamp(min=0).minimum(sides - 24).clamp(min=0)
    last = (places.amax(dim=0).ceil().long() + 2).maximum(first + 24).minimum(sides)
    part = image[first[1] : last[1], first[0] : last[0]]
    return align(part[None].float(), (landmarks - first)[None], size=size, crop=crop)[0]
