"""What the renderer needs of the head on one device: triangles, vertex attributes, expression, landmarks."""

import functools
from dataclasses import dataclass

import numpy as np
import torch

from frlib.faces.generator.head import PARTS, REST, SMILE, load_head
from frlib.faces.generator.template import load_template

#: Attributes of a vertex, in the order of `Scene.attributes`.
VERTEX_CHANNELS = ("u", "v", "lip", "lash", "iris_x", "iris_z", "eye", "teeth", "ambient", "ear", "strands")


@dataclass(frozen=True)
class Scene:
    """Constant tensors on one device.

    Parameters
    ----------
    triangles : Tensor of int32, shape (T, 3)
    quads : Tensor of int64, shape (Q, 4)
    around : Tensor of int64, shape (K, V)
        Quads round each vertex; Q stands for none.
    attributes : Tensor, shape (V, 11)
        `VERTEX_CHANNELS`.
    smile, rest : Tensor, shape (V, 3)
        Offsets of the wide smile and of the resting face.
    head_weight : Tensor, shape (V, 1)
    pivot : Tensor, shape (3,)
        The head turns about the vertical through this point.
    eyes : tuple of Tensor
        Vertices of the right and the left eye.
    landmarks : list of int
        Nose tip, right and left mouth corner.
    """

    triangles: torch.Tensor
    quads: torch.Tensor
    around: torch.Tensor
    attributes: torch.Tensor
    smile: torch.Tensor
    rest: torch.Tensor
    head_weight: torch.Tensor
    pivot: torch.Tensor
    eyes: tuple[torch.Tensor, torch.Tensor]
    landmarks: list[int]


@functools.lru_cache(maxsize=4)
def load_scene(device: torch.device) -> Scene:
    """Return the scene on a device."""
    head, template = load_head(), load_template()
    part = {name: head.part == k for k, name in enumerate(PARTS)}

    def put(array, dtype=torch.float32) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(array)).to(device, dtype)

    return Scene(
        triangles=put(visible_triangles(head), torch.int32),
        quads=put(head.quads, torch.int64),
        around=put(quads_around(head.quads, len(head.part)), torch.int64),
        attributes=put(vertex_attributes(head, template, part)),
        smile=put(action_offsets(head, SMILE)),
        rest=put(action_offsets(head, REST)),
        head_weight=put(head.head_weight[:, None]),
        pivot=put([0, -0.02, template.eye_centers[0, 2] - 0.03]),
        eyes=tuple(put(np.flatnonzero(part[name]), torch.int64) for name in ("right eye", "left eye")),
        landmarks=list(template.landmarks),
    )


def visible_triangles(head) -> np.ndarray:
    """Return triangles (T, 3): hanging hair from both sides, lower teeth and tongue left out."""
    hidden = np.isin(head.part[head.quads[:, 0]], [PARTS.index("lower teeth"), PARTS.index("tongue")])
    quads = head.quads[~hidden]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    strands = triangles[head.part[triangles[:, 0]] == PARTS.index("hair")]
    return np.concatenate([triangles, strands[:, ::-1]])


def quads_around(quads: np.ndarray, n: int) -> np.ndarray:
    """Return for each vertex the quads that meet there, shape (K, n), filled up with len(quads)."""
    order = np.argsort(quads.ravel(), kind="stable")
    vertex = quads.ravel()[order]
    place = np.arange(len(vertex)) - np.searchsorted(vertex, vertex)
    around = np.full((place.max() + 1, n), len(quads))
    around[place, vertex] = order // 4
    return around


def vertex_attributes(head, template, part) -> np.ndarray:
    """Return the attributes of `VERTEX_CHANNELS`, shape (V, 11)."""
    eye, teeth = part["left eye"] | part["right eye"], part["upper teeth"] | part["lower teeth"]
    ambient = np.clip(head.occlusion * 1.08, 0, 1) ** 1.2
    ambient = np.where(part["hair"], 0.8, np.where(teeth, 1.0, ambient))
    columns = [template.texture_at, template.lip, template.lash, template.iris, eye, teeth]
    return np.column_stack([*columns, ambient, template.ear, part["hair"]]).astype(np.float32)


def action_offsets(head, actions: dict[str, float]) -> np.ndarray:
    """Return the sum of facial action units on the fine vertices, shape (V, 3)."""
    weights = {}
    for name, value in actions.items():
        sided = f"action:{name}Left" in head.number
        weights |= {f"action:{name}{side}": value for side in (("Left", "Right") if sided else ("",))}
    return head.smoothing @ head.mixed(weights)
