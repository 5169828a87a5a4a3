"""Which images have the same pose, and which the same pose under the same light."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from frlib.faces.identity import Identity

#: The attributes that tell lights apart. All but the last tell poses apart.
SHARED = ("head_angle", "age", "expression", "illumination")


@dataclass(frozen=True)
class Lights:
    """L different lights on P different poses, and the N images that have them.

    Parameters
    ----------
    people : list of Identity
        One per light.
    values : mapping of name to Tensor, shape (L,)
        Of the attributes in `SHARED` that are not neutral.
    poses : Tensor of int, shape (P,)
        The first light of each pose.
    pose_of : Tensor of int, shape (L,)
    images : Tensor of int, shape (N,)
        Places of the images among all.
    light_of : Tensor of int, shape (N,)
    """

    people: list[Identity]
    values: Mapping[str, torch.Tensor]
    poses: torch.Tensor
    pose_of: torch.Tensor
    images: torch.Tensor
    light_of: torch.Tensor


def shared_lights(people: list[Identity], values: Mapping[str, torch.Tensor], most: int) -> Iterator[Lights]:
    """Yield the lights of images, at most so many at once; those of one pose follow each other.

    Parameters
    ----------
    people : list of Identity, length N
    values : mapping of name to Tensor, shape (N,)
    most : int
    """
    number = {person: k for k, person in enumerate(dict.fromkeys(people))}
    names = [name for name in SHARED if name in values]
    keys = np.column_stack([[number[person] for person in people], *(values[name] for name in names)])
    order = np.lexsort(keys.T[::-1])
    changes = np.diff(keys[order], axis=0) != 0
    new_light = np.concatenate([[True], changes.any(axis=1)])
    in_pose = len(names) + 1 - ("illumination" in names)
    new_pose = np.concatenate([[True], changes[:, :in_pose].any(axis=1)])
    light = np.cumsum(new_light) - 1
    for start in range(0, light[-1] + 1, most):
        here = np.flatnonzero((light >= start) & (light < start + most))
        first = here[new_light[here] | (here == here[0])]
        begins = new_pose[first] | (first == first[0])
        own = torch.from_numpy(order[first])
        yield Lights(
            people=[people[place] for place in own],
            values={name: values[name][own] for name in names},
            poses=torch.from_numpy(np.flatnonzero(begins)),
            pose_of=torch.from_numpy(np.cumsum(begins) - 1),
            images=torch.from_numpy(order[here]),
            light_of=torch.from_numpy(light[here] - start),
        )
