"""What the page "Move a face yourself" knows of drawn people: embeddings, fields, a plane and a rule.

The people and their images are the first ones of chapter 1.
"""

import functools
import io
from dataclasses import dataclass
from unittest import mock

import numpy as np
import torch
from PIL import Image

from frlib import geometry
from frlib.clouds import Cloud, embed
from frlib.faces import ATTRIBUTES, Portraits, crops, pixels, render, sample_identities
from frlib.faces.attributes import PIXELS
from frlib.faces.curves import STEPS
from frlib.models import FaceEmbedder
from frlib.view import static
from frlib.view.images import webp_address
from frlib.view.plane import principal_plane

#: People with embeddings, images of each, and the seed of chapter 1.
PEOPLE, IMAGES, SEED = 24, 5, 0
#: Those whose next images a reader can choose; the last is a stranger, who has no embedding.
CHOICE = (0, 1, 2, 3, 5, PEOPLE)
NEW_IMAGES = 2
#: Share of the images that the rule may name if their person is left out.
NAMED = 0.02
#: A picture with room around the face, in pixels: the face of a crop at half of its scale, in the middle.
SIDE, ROOM = 320, {"room": (0.5, 0.4803)}
#: Length of a step along each attribute, in its unit, from the centre to an end.
STEP = {name: STEPS["pixels"] * (ATTRIBUTES[name].high - ATTRIBUTES[name].low) for name in PIXELS}

#: Pixels of the crop by which the face moves in the picture that the page shows before its network is started.
SHIFTS = torch.arange(0.0, 8.5, 0.5)


@dataclass(frozen=True)
class VariedPortraits(Portraits):
    """Portraits, and both ends of a step along each attribute that is an operation on pixels."""

    kind, attributes = "varied-portraits", PIXELS

    @property
    def key(self) -> dict:
        """What the images depend on."""
        return super().key | {"step": STEP}

    def images(self, crop: str, size: int) -> dict:
        """Return the images by name; the ends are not rounded, as those on the page."""
        points = super().images(crop, size)["points"].float()
        ends = {
            f"{end} {name}": pixels.change(points, {name: torch.full((len(points),), sign * STEP[name])})
            for end, sign in (("minus", -1), ("plus", 1))
            for name in PIXELS
        }
        return {"points": points} | ends


@dataclass(frozen=True)
class Gallery:
    """The embeddings of the people whom the page knows.

    Parameters
    ----------
    clouds : list of Cloud
        One per person, with the fields of `PIXELS`.
    """

    clouds: list[Cloud]

    @functools.cached_property
    def points(self) -> torch.Tensor:
        """Embeddings of all images, (N, d), of length 1 in float64."""
        return torch.nn.functional.normalize(torch.cat([cloud.points for cloud in self.clouds]).double())

    @functools.cached_property
    def who(self) -> np.ndarray:
        """The person of each image, (N,)."""
        return np.repeat(np.arange(len(self.clouds)), [len(cloud.points) for cloud in self.clouds])

    @functools.cached_property
    def plane(self) -> tuple[torch.Tensor, torch.Tensor, float]:
        """Mean, axes and share of the variance of the map: `frlib.view.plane.principal_plane`."""
        return principal_plane(self.points)

    @functools.cached_property
    def rule(self) -> dict:
        """The threshold of the page, see `rule`."""
        return rule(geometry.pair_distances(self.points).numpy(), self.who)

    def places(self, points: torch.Tensor) -> list[list[float]]:
        """Return where embeddings of length 1 lie on the map."""
        center, axes, _ = self.plane
        return ((points - center) @ axes.T).round(decimals=4).tolist()


def gallery(embedder: FaceEmbedder) -> Gallery:
    """Draw and embed the people, or read what was stored of them."""
    people = sample_identities(PEOPLE, seed=SEED)
    drawings = [VariedPortraits(p, IMAGES, SEED) for p in people]
    return Gallery(embed(drawings, [embedder], progress=False)[embedder.name])


def table(known: Gallery) -> dict:
    """Return what the page computes with, as plain JSON values."""
    center, axes, share = known.plane
    fields = {name: torch.cat([cloud.fields[name] for cloud in known.clouds]) for name in PIXELS}
    return {
        "who": known.who.tolist(),
        "points": static.pack(known.points),
        "fields": {name: static.pack(field, bits=8) for name, field in fields.items()},
        "attributes": {name: {"low": ATTRIBUTES[name].low, "high": ATTRIBUTES[name].high} for name in PIXELS},
        "step": STEP,
        "plane": {"center": static.pack(center), "axes": static.pack(axes), "share": share},
        "rule": known.rule,
        "chosen": [{"person": person, "image": k} for person in CHOICE for k in range(NEW_IMAGES)],
        "frame": frame(),
    }


def rule(distances: np.ndarray, who: np.ndarray) -> dict:
    """Return the threshold of the decision rule of chapter 1, and what it does to images that it was chosen on.

    The rule names the person of the nearest image, if that is no farther than the threshold.

    Returns
    -------
    dict
        ``threshold``, the largest at which at most `NAMED` of the images get a name if their person is left out;
        ``named``, that share; ``right``, how often images get their own name from the others.
    """
    same = who[:, None] == who
    own = np.where(same & ~np.eye(len(who), dtype=bool), distances, np.inf).min(axis=1)
    other = np.where(same, np.inf, distances).min(axis=1)
    threshold = float(np.sort(other)[int(NAMED * len(other)) - 1])
    right = (own <= threshold) & (own < other)
    return {"threshold": threshold, "named": float((other <= threshold).mean()), "right": float(right.mean())}


def frame() -> dict:
    """Return how a place of the crop lies in a picture with room: ``scale`` times it, plus ``x`` and ``y``."""
    with mock.patch.dict(crops.CROPS, ROOM):
        there, size = crops.template("room", SIDE), 112
    onto = crops.similarity(crops.template("arcface", size)[None], there)
    x, y = onto.shift[0].tolist()
    return {"scale": float(onto.matrix[0, 0, 0]), "x": x, "y": y, "marks": crops.template("arcface", size).tolist()}


def pictures() -> dict[str, bytes]:
    """Return JPEG files of new images of the people of `CHOICE`, with room around the face, by name."""
    people, files = sample_identities(PEOPLE + 1, seed=SEED), {}
    with mock.patch.dict(crops.CROPS, ROOM):
        for index in CHOICE:
            seen = Portraits(people[index], IMAGES + NEW_IMAGES, SEED).table[IMAGES:]
            for k, image in enumerate(render(people[index], seen.to_dict("list"), crop="room", size=SIDE)):
                files[f"{index}-{k}.jpg"] = jpeg(image)
    return files


def jpeg(image: torch.Tensor) -> bytes:
    """Return an image (H, W, 3) of uint8 as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(image.numpy()).save(buffer, "JPEG", quality=85, subsampling=0)
    return buffer.getvalue()


def still(embedder: FaceEmbedder, known: Gallery, picture: bytes) -> dict:
    """Return what the page draws before the network is there: the map, and the way of a face as its crop is moved."""
    crop = shifted(torch.from_numpy(np.array(Image.open(io.BytesIO(picture)))), frame())
    way = torch.nn.functional.normalize(embedder.embed(crop, progress=False).double())
    nearest = geometry.pair_distances(way, known.points).min(dim=1).values
    shown = torch.cat([crop[0], crop[len(crop) // 2], crop[-1]], dim=1).round().byte()
    return {
        "who": known.who.tolist(),
        "places": known.places(known.points),
        "way": known.places(way),
        "nearest": nearest.round(decimals=4).tolist(),
        "shifts": SHIFTS.tolist(),
        "crops": webp_address(shown.numpy(), 80),
        "share": known.plane[2],
        "threshold": known.rule["threshold"],
    }


def shifted(picture: torch.Tensor, place: dict) -> torch.Tensor:
    """Return the crop of a picture with room, (S, 112, 112, 3), with its face moved to the right by `SHIFTS`."""
    marks = torch.tensor(place["marks"]) - SHIFTS[:, None, None] * torch.tensor([1.0, 0.0])
    marks = marks * place["scale"] + torch.tensor([place["x"], place["y"]])
    return crops.align(picture.float().expand(len(marks), -1, -1, -1), marks)
