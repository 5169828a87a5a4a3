"""Faces of GAN-Control (Shoshan et al., 2021, arXiv:2101.02477), the generator of Leroy et al. (2025).

The package and the checkpoint are the user's: neither can be installed by name. This module was tested on a miniature
controller with the same interface, not on the published network. What it hands to the controls follows the published
code: orientation is (yaw, pitch, roll) in degrees, age in years, hair RGB in 0..1, gamma 27 coefficients of spherical
harmonics. Which side is positive, and the order of the eight expressions, were not checked against its images.
"""

import contextlib
import functools
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from frlib import checks
from frlib.arguments import checked
from frlib.faces import pixels
from frlib.faces.attributes import ATTRIBUTES, batch_of, batches
from frlib.faces.crops import align
from frlib.runtime import choose_device

#: Ends of the line of hair colours, of Leroy et al. (2025), Table 5.
HAIR = torch.tensor([[52.0, 31.0, 10.0], [215.0, 214.0, 124.0]]) / 255
#: Neutral and happy among the eight classes of the predictor of expressions (ESR-9), in the order of AffectNet.
EXPRESSIONS = torch.eye(8)[:2]
#: Landmarks of an aligned FFHQ image as a share of its side, as restoration programs use them; used without a detector.
FFHQ = torch.tensor([[193.0, 239.9], [318.9, 240.2], [256.6, 314.0], [201.3, 371.4], [313.1, 371.2]]) / 512
BATCH = 8


@dataclass(frozen=True)
class GanIdentity:
    """A person of the generator: a point of its latent space, drawn from a seed and a place in the population."""

    seed: int
    index: int

    @property
    def key(self) -> str:
        """A name that is equal for equal identities, for stored results."""
        return f"gan-control-{self.seed}-{self.index}"


class GanControl:
    """A source of faces for `sample_curves`: ``sample_curves(identity, 60, source=GanControl(folder))``.

    Setting a control replaces its part of the latent vector. Unlike in the parametric generator the others can change
    with it, since what the network learnt of them is not separate.

    Parameters
    ----------
    checkpoint_folder : path
        The published folder whose name begins with ``controller_age015id025``; it holds ``generator``. The package
        reads it with pickle, which can run code: use a copy that you trust.
    find_landmarks : callable, optional
        Maps images (N, S, S, 3) to landmarks (N, 5, 2), such as ``lambda images: detect(images).landmarks`` with
        `frlib.datasets.detect`. By default the landmarks of aligned FFHQ images are assumed, whatever the head angle.
    expressions : array_like, shape (2, 8) or (2, 64), optional
        The neutral face and the wide smile as the expression control takes them: eight classes or 64 coefficients of a
        3-D face model. Default: neutral and happy among the eight classes.
    truncation : float
        How far from the mean latent vector people lie: 1 as drawn, towards 0 more alike.
    seed : int
        Of the noise that all images share, and of the mean latent vector.

    Raises
    ------
    ValueError
        If the folder is not such a checkpoint or an option is out of range.
    ImportError
        If the package gan_control cannot be imported.
    """

    def __init__(
        self,
        checkpoint_folder: str | Path,
        *,
        find_landmarks: Callable[[torch.Tensor], torch.Tensor] | None = None,
        expressions=EXPRESSIONS,
        truncation: float = 0.7,
        seed: int = 0,
    ):
        self.find_landmarks, self.truncation = find_landmarks, checks.between("truncation", truncation, 0, 1)
        self.seed = checks.at_least("seed", seed, 0)
        self.expressions = torch.as_tensor(expressions, dtype=torch.float32)
        if self.expressions.shape not in ((2, 8), (2, 64)):
            raise ValueError(f"expressions must have shape (2, 8) or (2, 64); got {tuple(self.expressions.shape)}")
        with seeded(self.seed):
            self.controller = load_controller(Path(checkpoint_folder))
        self.latent = functools.lru_cache(maxsize=256)(self.draw_latent)

    def sample_identities(self, n: int, seed: int) -> list[GanIdentity]:
        """Return n people; the first k of them are the same for every n."""
        checks.at_least("n", n, 1)
        checks.at_least("seed", seed, 0)
        return [GanIdentity(seed, index) for index in range(n)]

    def draw_latent(self, identity: GanIdentity) -> torch.Tensor:
        """Return the latent vector w of a person, with its batch axis of length 1."""
        device = next(self.controller.model.parameters()).device
        size = self.controller.config.model_config["latent_size"]
        mixed = torch.Generator().manual_seed(identity.seed * 1_000_003 + identity.index)
        z = torch.randn((1, size), generator=mixed).to(device)
        with seeded(self.seed):  # the mean latent vector is drawn at the first call
            # static_noise would draw the shared noise anew.
            return self.controller.gen_batch(latent=z, truncation=self.truncation, static_noise=False)[2]

    def render(
        self,
        identity: GanIdentity | Sequence[GanIdentity],
        attributes: Mapping | None = None,
        *,
        size: int = 112,
        crop: str = "arcface",
        dtype: torch.dtype = torch.uint8,
        device=None,
    ) -> torch.Tensor:
        """Draw faces; arguments, result and errors are those of `frlib.faces.render`.

        The network stays on the device on which it was loaded, and ``device`` is only checked.
        """
        checks.at_least("size", size, 16)
        checks.one_of("dtype", dtype, (torch.uint8, torch.float32))
        choose_device(device)
        people, values = batch_of(identity, attributes, GanIdentity)
        images = []
        for some, batch in batches(people, values, BATCH):
            latent = torch.cat([self.latent(person) for person in some])
            made = self.controller.gen_batch_by_controls(
                latent=latent, input_is_latent=True, **control_values(batch, len(latent), self.expressions)
            )[0]
            made = made.detach().float().cpu().permute(0, 2, 3, 1) * 255
            images.append(pixels.change(self.align(made, size, crop), batch))
        images = torch.cat(images)
        return images.round().to(torch.uint8) if dtype == torch.uint8 else images

    def align(self, images: torch.Tensor, size: int, crop: str) -> torch.Tensor:
        """Return the images on the template of a crop."""
        if self.find_landmarks is None:
            landmarks = (FFHQ * images.shape[1]).expand(len(images), 5, 2)
        else:
            landmarks = self.find_landmarks(images)
        return align(images, landmarks, size=size, crop=crop)


def control_values(values: Mapping, n: int, expressions: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what the controls take for n images; a missing attribute is neutral, hair then the person's own.

    Returns
    -------
    dict of str to Tensor
        orientation (n, 3), age (n, 1), gamma (n, 27), expression (n, 8 or 64), and hair (n, 3) where it was given.
    """

    def column(name: str) -> torch.Tensor:
        return values.get(name, torch.full((n,), float(ATTRIBUTES[name].neutral or 0)))[:, None]

    yaw, smile = column("head_angle"), column("expression")
    controls = {
        "orientation": torch.cat([yaw, torch.zeros(n, 2)], dim=1),
        "age": column("age"),
        "gamma": light_from(column("illumination")[:, 0]),
        "expression": (1 - smile) * expressions[0] + smile * expressions[1],
    }
    if "hair_color" in values:
        controls["hair"] = HAIR[0] + column("hair_color") * (HAIR[1] - HAIR[0])
    return controls


def light_from(azimuth: torch.Tensor, strength: float = 0.7) -> torch.Tensor:
    """Return spherical harmonics up to degree 1 of white light from an azimuth (N,) in degrees, as gamma (N, 27).

    For each of R, G, B nine coefficients ``s (Y00, Y1-1, Y10, Y11, 0, ...)`` of the direction (x, y, z), z towards the
    camera, with ``Y00 = 1 / sqrt(4 pi)``, ``Y10 = sqrt(3 / 4 pi) z`` and the minus sign of Condon and Shortley in
    ``Y1-1 = -sqrt(3 / 4 pi) y`` and ``Y11 = -sqrt(3 / 4 pi) x``.
    """
    angle, one = torch.deg2rad(azimuth), torch.ones_like(azimuth)
    first = math.sqrt(3 / (4 * math.pi))
    gamma = torch.zeros(len(azimuth), 3, 9)
    gamma[..., 0] = (one / math.sqrt(4 * math.pi))[:, None]
    gamma[..., 2] = (first * angle.cos())[:, None]
    gamma[..., 3] = (-first * angle.sin())[:, None]
    return strength * gamma.reshape(-1, 27)


@checked
def load_controller(folder: Path):
    """Return the controller of the package gan_control over a checkpoint.

    Raises
    ------
    ValueError
        If the folder does not hold a generator.
    ImportError
        If the package cannot be imported.
    """
    if not (folder / "generator" / "args.json").is_file():
        raise ValueError(
            f"checkpoint_folder must hold generator/args.json, as the archive of GAN-Control does; got {folder}"
        )
    try:
        module = importlib.import_module("gan_control.inference.controller")
    except ImportError as error:
        raise ImportError(
            "GAN-Control needs its package gan_control, which is not on PyPI: put the folder src of "
            "https://github.com/amazon-science/gan-control on PYTHONPATH"
        ) from error
    return module.Controller(str(folder))


@contextlib.contextmanager
def seeded(seed: int):
    """Seed torch inside a with block, and put its generators back afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
