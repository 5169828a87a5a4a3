"""The adapter over a miniature controller with the interface of the published one."""

import sys
import types
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from frlib.faces import sample_curves
from frlib.faces.crops import template
from frlib.faces.gan_control import GanControl, GanIdentity, control_values, light_from

PARTS = {"orientation": (0, 3, 3), "age": (3, 4, 1), "hair": (4, 7, 3), "gamma": (7, 10, 27), "expression": (10, 12, 8)}


class Controller:
    """Parts of w that the controls replace linearly; the picture is a smooth function of w and shared noise."""

    def __init__(self, folder):
        fixed = torch.Generator().manual_seed(5)
        self.maps = {k: torch.randn(width, stop - start, generator=fixed) for k, (start, stop, width) in PARTS.items()}
        self.paint = torch.randn(16, 3, generator=fixed) / 4
        self.config = SimpleNamespace(model_config={"latent_size": 16})
        self.model = nn.Linear(16, 16)
        self.noise = torch.randn(3) / 20
        self.mean, self.calls = None, []

    @torch.no_grad()
    def gen_batch(self, latent, truncation=1, static_noise=True):
        if static_noise:
            self.noise = torch.randn(3)
        if self.mean is None:
            self.mean = torch.randn(100, 16).mean(0)
        w = self.mean + truncation * (latent - self.mean)
        return self.picture(w), latent, w

    @torch.no_grad()
    def gen_batch_by_controls(self, latent, input_is_latent=False, **controls):
        assert input_is_latent and len({len(latent), *map(len, controls.values())}) == 1
        self.calls.append(controls)
        w = latent.clone()
        for name, value in controls.items():
            start, stop, width = PARTS[name]
            assert value.shape[1] == width
            w[:, start:stop] = (value / (90 if name in ("orientation", "age") else 1)) @ self.maps[name]
        return self.picture(w), latent, w

    def picture(self, w):
        color = torch.sigmoid(w @ self.paint + self.noise)
        ramp = torch.linspace(0.3, 1, 128)
        return color[:, :, None, None] * ramp[:, None] * ramp


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "generator").mkdir()
    (tmp_path / "generator" / "args.json").write_text("{}")
    return tmp_path


@pytest.fixture
def package(monkeypatch):
    """Put the miniature package where the published one would be."""
    for name in ("gan_control", "gan_control.inference", "gan_control.inference.controller"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["gan_control.inference.controller"].Controller = Controller


@pytest.fixture
def gan(folder, package):
    return GanControl(folder)


def test_it_is_a_source_of_curves(gan):
    curves = sample_curves(gan.sample_identities(1, seed=0)[0], 3, source=gan, size=32)
    assert curves.center.shape == (3, 32, 32, 3) and curves.center.dtype == torch.uint8
    for name in curves.plus:
        assert (curves.plus[name].float() - curves.minus[name].float()).abs().mean() > 0.2, name


def test_identities_are_the_same_for_every_n_and_every_load(gan, folder):
    people, again = gan.sample_identities(3, seed=4), GanControl(folder)
    assert people[:2] == gan.sample_identities(2, seed=4)
    images = gan.render(people)
    assert torch.equal(images, again.render(people[::-1]).flip(0))
    assert len({tuple(image.flatten().tolist()) for image in images}) == 3
    assert len({person.key for person in people + gan.sample_identities(3, seed=5)}) == 6


def test_one_identity_many_values_equals_one_by_one(gan):
    person, ages = gan.sample_identities(1, seed=0)[0], list(np.linspace(15, 75, 11))
    together = gan.render(person, {"age": ages}, dtype=torch.float32)
    apart = torch.cat([gan.render(person, {"age": age}, dtype=torch.float32) for age in ages])
    assert torch.allclose(together, apart, atol=1e-3)


def test_controls_carry_published_units():
    values = {"head_angle": torch.tensor([-45.0, 45.0]), "age": torch.tensor([15.0, 75.0])}
    values |= {"hair_color": torch.tensor([0.0, 1.0]), "expression": torch.tensor([0.0, 1.0])}
    controls = control_values(values, 2, torch.eye(8)[:2])
    assert controls["orientation"].tolist() == [[-45, 0, 0], [45, 0, 0]]
    assert controls["age"].tolist() == [[15], [75]]
    assert torch.allclose(controls["hair"] * 255, torch.tensor([[52.0, 31, 10], [215, 214, 124]]))
    assert controls["expression"].tolist() == torch.eye(8)[:2].tolist()


def test_missing_attributes_are_neutral_and_hair_is_left_alone():
    controls = control_values({}, 1, torch.eye(8)[:2])
    assert "hair" not in controls
    assert controls["orientation"].tolist() == [[0, 0, 0]] and controls["age"].tolist() == [[30]]


def test_gamma_is_the_radiance_of_its_direction():
    """Addition theorem: its product with the harmonics of a direction n is (1 + 3 cos(angle to the lamp)) / 4 pi."""
    azimuth = torch.tensor([-75.0, 0.0, 30.0, 75.0])
    gamma = light_from(azimuth, strength=1.0).reshape(4, 3, 9)
    assert torch.equal(gamma[:, 0], gamma[:, 1]) and torch.equal(gamma[:, 0], gamma[:, 2])
    assert gamma[..., 4:].abs().max() == 0
    for n in (-90.0, 10.0, 60.0):
        basis = light_from(torch.tensor([n]), strength=1.0).reshape(3, 9)[0]
        expected = (1 + 3 * torch.cos(torch.deg2rad(azimuth - n))) / (4 * np.pi)
        assert torch.allclose(gamma[:, 0] @ basis, expected, atol=1e-6)


def test_landmarks_of_a_detector_are_used(folder, package):
    seen = []

    def find(images):
        seen.append(images.shape)
        return template("arcface", 128).expand(len(images), 5, 2)

    gan = GanControl(folder, find_landmarks=find)
    person = gan.sample_identities(1, seed=0)[0]
    found = gan.render(person, size=128, dtype=torch.float32)
    raw = gan.controller.gen_batch_by_controls(gan.latent(person), True, **gan.controller.calls[-1])[0]
    assert seen == [(1, 128, 128, 3)]
    assert torch.allclose(found, raw.permute(0, 2, 3, 1) * 255, atol=0.05)


def test_torch_draws_go_on_as_if_nothing_had_been_loaded(folder, package):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    gan = GanControl(folder)
    gan.render(gan.sample_identities(1, seed=0))
    assert torch.equal(torch.rand(1), expected)


def test_a_missing_checkpoint_or_package_is_named(folder, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="checkpoint_folder must hold generator/args.json.*nowhere"):
        GanControl(tmp_path / "nowhere")
    monkeypatch.setitem(sys.modules, "gan_control", None)
    with pytest.raises(ImportError, match="needs its package gan_control"):
        GanControl(folder)


def test_errors_name_the_argument(gan, folder):
    person = GanIdentity(0, 0)
    with pytest.raises(ValueError, match="truncation must lie between 0 and 1; got 2"):
        GanControl(folder, truncation=2)
    with pytest.raises(ValueError, match=r"expressions must have shape \(2, 8\) or \(2, 64\); got \(3, 8\)"):
        GanControl(folder, expressions=torch.zeros(3, 8))
    with pytest.raises(ValueError, match="identity must be a GanIdentity"):
        gan.render("somebody")
    with pytest.raises(ValueError, match="age"):
        gan.render(person, {"age": 90})
    with pytest.raises(ValueError, match="crop must be one of"):
        gan.render(person, crop="narrow")
    with pytest.raises(ValueError, match="n must be an integer of at least 1; got 0"):
        gan.sample_identities(0, seed=0)
