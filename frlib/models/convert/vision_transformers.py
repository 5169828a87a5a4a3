"""Networks of the package timm, with weights from checkpoints of their makers."""

import importlib
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn


def architecture(name: str, **options) -> nn.Module:
    """Return a network of timm with weights that were never trained.

    Parameters
    ----------
    name : str
        As timm calls it.
    **options
        Of ``timm.create_model``.

    Raises
    ------
    ImportError
        If timm is not installed.
    """
    try:
        timm = importlib.import_module("timm")
    except ImportError as error:
        raise ImportError("this network needs the package timm: pip install 'frlib[foundation]'") from error
    return timm.create_model(name, pretrained=False, **options).eval()


def convert_checkpoint(path: Path, *, name: str, **options) -> dict[str, torch.Tensor]:
    """Return the tensors of a network of timm from the checkpoint of its makers, whose names timm translates.

    Parameters
    ----------
    path : Path
        Of safetensors, or of torch, which is then read with ``weights_only=True``.
    name, **options
        As in `architecture`.

    Raises
    ------
    OSError
        If the checkpoint is that of another network.
    """
    network = architecture(name, **options)
    given = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    translate = sys.modules[type(network).__module__].checkpoint_filter_fn
    try:
        network.load_state_dict(translate(given, network))
    except (RuntimeError, KeyError) as error:
        raise OSError(f"{path.name} does not hold the weights of {name}: {str(error).splitlines()[0]}") from error
    return network.state_dict()


def with_weights(tensors: dict[str, torch.Tensor], *, name: str, **options) -> nn.Module:
    """Return a network of timm with weights that `convert_checkpoint` gave."""
    network = architecture(name, **options)
    network.load_state_dict(tensors)
    return network
