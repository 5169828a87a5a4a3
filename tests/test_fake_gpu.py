"""Code for a GPU on a machine without one: tensors that have a device and no values tell where devices are mixed up.

They stand in only for what torch does. The kernels of Warp and the values are compared by ``benchmarks/gpu.py``.
"""

import copy
import dataclasses

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from frlib import checks
from frlib.faces import pixels, sample_identities
from frlib.faces.crops import tone
from frlib.faces.generator import renderer
from frlib.faces.generator.scene import load_scene
from frlib.geometry import pairs
from frlib.models import DEFAULT_NETWORKS, load
from frlib.training.margins import AdaFace, ArcFace, fixed_image_loss


@pytest.fixture
def fake():
    """Return a function that makes a tensor on a GPU that is not there."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield lambda *shape, dtype=torch.float32: torch.empty(shape, dtype=dtype, device="cuda")


def moved(value, fake):
    """Return a value whose tensors lie on the GPU."""
    if isinstance(value, tuple):
        return tuple(moved(v, fake) for v in value)
    return fake(*value.shape, dtype=value.dtype) if torch.is_tensor(value) else value


def on_gpu(network, fake):
    """Move a network in place; `to` cannot exchange these tensors."""
    for module in network.modules():
        for name, weights in module.named_parameters(recurse=False):
            module._parameters[name] = torch.nn.Parameter(moved(weights.data, fake))
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = moved(buffer, fake)
    return network


def test_two_devices_at_once_are_told(fake):
    with pytest.raises(RuntimeError, match="two devices, cuda:0"):
        fake(3) + torch.empty(3)


@pytest.mark.parametrize("name", DEFAULT_NETWORKS)
def test_networks_embed_images_from_the_processor(name):
    embedder = copy.deepcopy(load(name, device="cpu"))
    with FakeTensorMode(allow_non_fake_inputs=True):
        on_gpu(embedder.network, lambda *s, dtype: torch.empty(s, dtype=dtype, device="cuda"))
        embedder.device = torch.device("cuda")
        rows = embedder.embed(torch.empty(5, 112, 112, 3, dtype=torch.uint8), progress=False)
    assert rows.shape == (5, embedder.dim) and rows.device.type == "cpu"


@pytest.mark.parametrize("margin", [ArcFace(), AdaFace()])
def test_the_loss_of_fine_tuning_stays_on_the_gpu(margin, fake, monkeypatch):
    monkeypatch.setattr(checks, "between", lambda name, value, low, high: value)  # asks for values
    loss = fixed_image_loss(on_gpu(margin, fake), fake(3, 8), fake(3, 4, 8), reduction="none")
    assert loss.device.type == "cuda" and loss.shape == (3, 4)


@pytest.mark.parametrize("name", ["brightness", "hue"])
def test_pixels_change_where_the_images_are(name, fake):
    assert pixels.change(fake(2, 16, 16, 3), {name: torch.ones(2)}).is_cuda
    assert pixels.blur(fake(2, 16, 16, 3), fake(2)).is_cuda


@pytest.fixture
def drawn():
    """Return a scene, a person and their model, with values."""
    person = sample_identities(1)[0]
    return load_scene(torch.device("cpu")), person, renderer.load_model(person)


def test_what_the_renderer_does_in_torch_stays_on_the_gpu(drawn, fake):
    scene, person, model = drawn
    own = {f.name: moved(getattr(scene, f.name), fake) for f in dataclasses.fields(scene)}
    scene = dataclasses.replace(scene, **own)
    posed = {name: fake(2) for name in ("head_angle", "age", "expression")}
    points = renderer.pose(scene, fake(2, *model.meshes.shape), posed)
    parts = [*renderer.project(scene, points, 224, "arcface"), *renderer.looks([model] * 2, fake(2), fake(2))]
    light = fake(2, 3, 16, 16, 3)
    hair = renderer.hair_of([person] * 3, {"hair_color": fake(3), "age": fake(3)}, light, greying=True)
    parts += [tone(renderer.colored(light[:, torch.tensor([0, 1, 1])], hair)), renderer.lamp_direction(fake(3))]
    parts += [renderer.blocking(fake(2, 8, 8, dtype=torch.int64))]
    assert all(part.is_cuda for part in parts)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_squared_distances_stay_on_the_gpu(metric, fake):
    rows = fake(6, 4, dtype=torch.float64)
    squares = pairs.squared_distances(rows, rows)
    assert pairs.from_squares(squares, metric).is_cuda and pairs.unit_rows(fake(6, 4)).is_cuda
    assert pairs.tile_size(rows.device) == pairs.CUDA_TILE
