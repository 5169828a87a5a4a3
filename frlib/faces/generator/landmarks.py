"""Five landmarks of a drawn head, straight from the mesh: a check of the head angle that needs no image."""

from collections.abc import Mapping, Sequence

import torch

from frlib.arguments import checked
from frlib.faces.attributes import ATTRIBUTES, RENDERED, batch_of
from frlib.faces.generator.renderer import load_model, perspective, pose
from frlib.faces.generator.scene import load_scene
from frlib.faces.identity import Identity
from frlib.runtime import choose_device


@torch.no_grad()
@checked
def landmarks(identity: Identity, attributes: Mapping | None = None) -> torch.Tensor:
    """Return the picture-plane positions of the eyes, the nose and the corners of the mouth.

    Positions are those of the camera, before the crop turns, scales and shifts them to its template.

    Parameters
    ----------
    identity : Identity
    attributes : mapping of name to scalar or N values
        As in `frlib.faces.render`; only head angle, age and expression matter.

    Returns
    -------
    Tensor, shape (N, 5, 2)
        x to the right, y down, as tangents of the viewing angle, in the order of the ArcFace template: eyes from left
        to right in the picture, nose, mouth corners.

    Raises
    ------
    ValueError
        If an attribute is unknown, out of range, or of the wrong length.
    """
    people, values = batch_of(identity, attributes, Identity)
    n = len(people)
    model, scene = load_model(identity), load_scene(choose_device("cpu"))
    neutral = {name: torch.full((n,), float(ATTRIBUTES[name].neutral or 0)) for name in RENDERED}
    points = pose(scene, model.meshes.expand(n, -1, -1, -1), neutral | values)
    flat, _ = perspective(scene, points)
    return torch.stack([flat[:, e].mean(1) for e in scene.eyes] + [flat[:, k] for k in scene.landmarks], dim=1)


@checked
def apparent_turn(identity: Identity, angles: Sequence[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how a turned head looks: shortening of the distance between its eyes, and shift of its nose.

    The distance from the eyes to the mouth is the ruler, so that a nearer head counts no more than a farther one.

    Parameters
    ----------
    identity : Identity
    angles : sequence of float
        Head angles in degrees.

    Returns
    -------
    tuple of two Tensors, each of the length of ``angles``
        The distance of the eyes over that of the frontal head, about the cosine of the angle; and how far the nose has
        moved from the middle of the eyes since, in rulers, positive to the right of the picture.

    Raises
    ------
    ValueError
        If an angle is out of range.
    """
    marks = landmarks(identity, {"head_angle": [0.0, *angles]})
    eyes, mouth = marks[:, :2].mean(1), marks[:, 3:].mean(1)
    ruler = mouth[:, 1] - eyes[:, 1]
    apart = (marks[:, 1, 0] - marks[:, 0, 0]) / ruler
    nose = (marks[:, 2, 0] - eyes[:, 0]) / ruler
    return apart[1:] / apart[0], nose[1:] - nose[0]
