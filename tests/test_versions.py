"""Stored results are found by the version of the code that made them: when their content changes, it must be raised.

Each version has a few numbers here that its code gives now. Other processors round otherwise, so they are compared to
within what rounding can do.
"""

import io
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from frlib import clouds, faces
from frlib.clouds import Cloud, embed
from frlib.datasets import Crops, Faces, Photographs, crops, one_photograph
from frlib.datasets.one_photograph import find
from frlib.faces import Curves, sample_identities
from frlib.faces.crops import template
from frlib.fingerprint import energies as energies_module
from frlib.models import catalogue, load
from frlib.training import AdaFace, Variations, finetune
from tests.networks import tiny
from tests.photographs import as_image, sketched_face

finetune_module = sys.modules["frlib.training.finetune"]  # its name in the package is that of the function

#: For each version: the number of the version, what its code gave then, and by how much that may differ.
KNOWN: dict[str, tuple[int, list[float], float]] = {
    "GENERATOR": (
        3,
        [
            147.92,
            157.03,
            121.34,
            147.8,
            147.76,
            117.38,
            143.49,
            140.88,
            119.32,
            101.36,
            134.27,
            126.58,
            112.81,
            141.86,
            142.35,
            118.15,
            134.91,
            142.61,
            147.58,
            156.37,
            121.01,
            147.47,
            147.34,
            117.36,
            142.89,
            140.84,
            119.61,
            146.43,
            155.14,
            120.2,
            146.53,
            146.15,
            116.44,
            142.63,
            139.31,
            118.74,
        ],
        0.5,
    ),
    "CONVERSION": (
        2,
        [
            0.264108,
            -0.958418,
            -0.409748,
            -0.578578,
            0.776797,
            0.420325,
            1.829533,
            0.427134,
            -0.72151,
            0.127528,
            0.286728,
            0.237674,
            -0.514684,
            0.518218,
            0.961404,
            -0.000833,
            1.576588,
            1.795831,
            2.391252,
            1.668357,
        ],
        0.0001,
    ),
    "EMBEDDING": (
        1,
        [0.012472, 0.070847, -0.096852, 0.018472, 0.072655, -0.099508, 0.040224, 0.026513, -0.082935],
        0.0001,
    ),
    "ENERGY": (
        1,
        [
            0.150292783445,
            3.333333333333,
            1.756920251728,
            0.252243145384,
            5.5,
            1.756920251728,
            0.359140938266,
            7.333333333333,
            1.756920251728,
        ],
        1e-09,
    ),
    "LANDMARKS": (1, [61.219, 67.683, 99.632, 67.797, 80.99, 95.228, 65.004, 112.457, 98.32, 112.233, 0.613], 0.5),
    "CUT": (
        1,
        [
            177.36,
            168.65,
            141.11,
            142.69,
            130.8,
            110.6,
            109.95,
            102.88,
            96.05,
            188.92,
            178.03,
            143.61,
            145.58,
            130.71,
            105.48,
            104.63,
            95.75,
            87.16,
        ],
        0.5,
    ),
    "FINETUNING": (1, [38.58251, 24.45113, 21.72713, 28.12214, -0.351304, -0.313582, -0.007717, -0.119844], 1e-03),
}


@dataclass(frozen=True)
class Waves:
    """A drawing of images that no version changes, and their mirror images as ends of a curve."""

    kind, key, attributes, identity = "waves", {}, ("mirror",), SimpleNamespace(index=0)
    table = pd.DataFrame(index=range(2))

    def draw(self, crops, enlarged=1.0):
        y, x = torch.meshgrid(torch.linspace(0, 3, 112), torch.linspace(0, 3, 112), indexing="ij")
        waves = [torch.stack([(k * x).sin(), (k * y).cos(), (x + k * y).sin()], dim=-1) for k in (1, 2)]
        images = (127.5 + 100 * torch.stack(waves)).round().to(torch.uint8)
        yield {c: {"points": images, "minus mirror": images.flip(1), "plus mirror": images.flip(2)} for c in crops}


def drawn() -> torch.Tensor:
    """Return the mean light of 3 x 3 squares of two centres and of two ends of a curve."""
    curves = Curves(sample_identities(2)[1], 2, attributes=("age", "hue"))
    images = torch.cat([curves.center, curves.plus["age"][:1], curves.minus["hue"][:1]])
    return torch.nn.functional.adaptive_avg_pool2d(images.double().mean(dim=3), 3).flatten()


def converted() -> torch.Tensor:
    """Return sums over quarters of what networks, each of another converter, make of one image."""
    images = next(Waves().draw(["any"]))["any"]["points"]
    rows = [
        load(n, "cpu").embed(images, progress=False)[0]
        for n in ("mobilefacenet", "faceres", "dlib", "sface", "efficientnet-lite0")
    ]
    return torch.cat([(row / row.norm()).reshape(4, -1).sum(dim=1) for row in rows])


def embedded(cache) -> torch.Tensor:
    """Return the first coordinates of a stored cloud."""
    (cloud,) = embed([Waves()], [load("mobileface", "cpu")], n_jobs=1, progress=False)["mobileface"]
    return torch.cat(
        [part[1, :3] / part[1].norm() for part in (cloud.points, cloud.minus["mirror"], cloud.plus["mirror"])]
    )


def found() -> torch.Tensor:
    """Return the landmarks of a sketched face, and a hundred times its sharpness."""
    one = find(sketched_face())
    return torch.cat([one.landmarks.flatten(), torch.tensor([100 * one.sharpness])])


def cropped() -> torch.Tensor:
    """Return the mean light of 3 x 3 squares of a crop and of one end of its curves."""
    marks = template("arcface", 80) @ torch.tensor([[1.0, 0.2], [-0.2, 1.0]]) + torch.tensor([10.0, 25.0])
    table = pd.DataFrame({"photograph": ["waves"], "identity": ["Ann"]})
    file = io.BytesIO()
    as_image(next(Waves().draw(["any"]))["any"]["points"][0]).save(file, "PNG")
    waves = SimpleNamespace(name="waves", open=lambda mode: io.BytesIO(file.getvalue()))
    drawing = Crops(Photographs([waves], ["Ann"]), Faces(table, marks[None], ("",)), "Ann")
    images = next(drawing.draw(["wide"]))["wide"]
    images = torch.cat([images["points"], images["plus image_quality"]])
    return torch.nn.functional.adaptive_avg_pool2d(images.double().mean(dim=3), 3).flatten()


def energies(cache) -> torch.Tensor:
    """Return the energies and displacements of a cloud on a circle and a wave."""
    angle = torch.arange(12, dtype=torch.float64) * 2.4
    points = torch.stack([angle.cos(), angle.sin(), 0.3 * (3 * angle).sin(), torch.ones(12)], dim=1)
    cloud = Cloud(points, {"a": points.roll(1, 1)}, {"a": points + points.roll(5, 0) / 9}, "cosine", "known", 0)
    table = energies_module.cloud_energies(cloud, [0.5, 1.0, 1.5])
    return torch.tensor(table[["energy", "neighbors", "displacement"]].to_numpy()).flatten()


def finetuned(cache) -> torch.Tensor:
    """Return the losses along a short training, and weights after it."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 3, 8, 8, 3), generator=generator, dtype=torch.uint8)
    sets = [Variations(part[:, 0], part[:, 1:], ("a", "a")) for part in (images, images.flip(0))]
    margin = AdaFace(mean=2.0, deviation=1.0)
    found = finetune(tiny(), *sets, margin=margin, epochs=2, learning_rate=0.01, identities_per_batch=2, progress=False)
    weights = next(found.network.parameters()).detach().flatten()[:4]
    return torch.cat([torch.tensor(found.history[["training", "a"]].to_numpy()[1:]).flatten(), weights])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keep results in an empty folder."""
    load("mobileface", "cpu")
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "module", "made"),
    [
        ("GENERATOR", faces, drawn),
        ("CONVERSION", catalogue, converted),
        ("EMBEDDING", clouds, embedded),
        ("LANDMARKS", one_photograph, found),
        ("CUT", crops, cropped),
        ("ENERGY", energies_module, energies),
        ("FINETUNING", finetune_module, finetuned),
    ],
)
def test_what_a_version_made_it_still_makes(name, module, made, request):
    version, known, rounding = KNOWN[name]
    found = (made(request.getfixturevalue("cache")) if made in (embedded, energies, finetuned) else made()).double()
    same = torch.allclose(found, torch.tensor(known, dtype=torch.float64), rtol=0, atol=rounding)
    assert same, (
        f"results are not those of {name} {version}: raise it, and write the new numbers here: {found.tolist()}"
    )
    assert getattr(module, name) == version, f"{name} was raised: write the new number beside its results"
