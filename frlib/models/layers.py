"""Networks as plain lists of layers: what is stored on disk, and the torch module that runs it.

A network is a list of `Layer` records, each naming a standard torch module, its options and the values that it reads.
The list is plain JSON, so a stored network needs no code of its own and no pickle to be read back.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from frlib.models.prelu import PReLU

IMAGE = "image"
#: Weights below this size are stored as zeros.
TINY = 1e-20


@dataclass(frozen=True)
class Layer:
    """One step of a network.

    Parameters
    ----------
    name : str
        The name of the layer and of the value that it computes.
    kind : str
        A key of `KINDS`.
    inputs : tuple of str
        The values that it reads: earlier layers, or ``"image"``.
    options : dict
        Arguments of the module's constructor, plain JSON values.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    options: dict = field(default_factory=dict)


class Scale(nn.Module):
    """Multiply each channel by a learned factor; ``features`` is the number of channels."""

    def __init__(self, features: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))

    def forward(self, x):
        """Return ``x * weight`` for ``x`` of shape (N, C) or (N, C, H, W)."""
        return x * self.weight.reshape(-1, *[1] * (x.ndim - 2))


class Shift(nn.Module):
    """Add a learned offset to each channel; ``features`` is the number of channels."""

    def __init__(self, features: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        """Return ``x + bias`` for ``x`` of shape (N, C) or (N, C, H, W)."""
        return x + self.bias.reshape(-1, *[1] * (x.ndim - 2))


class Elementwise(nn.Module):
    """A function of one value, of two values, or of one value and a fixed number."""

    def __init__(self, function: Callable, number: float | None = None):
        super().__init__()
        self.function, self.number = function, number

    def forward(self, *values):
        """Apply the function; a number takes the second place."""
        if self.number is None:
            return self.function(*values)
        return self.function(*values, torch.as_tensor(self.number, dtype=values[0].dtype, device=values[0].device))

    def extra_repr(self) -> str:
        """Show the function and the number."""
        return self.function.__name__ + ("" if self.number is None else f", number={self.number:g}")


class SpatialMean(nn.Module):
    """Mean over height and width: (N, C, H, W) -> (N, C)."""

    def forward(self, x):
        """Return the mean over the last two axes."""
        return x.mean(dim=(2, 3))


class SpatialMax(nn.Module):
    """Maximum over height and width: (N, C, H, W) -> (N, C)."""

    def forward(self, x):
        """Return the maximum over the last two axes."""
        return x.amax(dim=(2, 3))


class FlattenChannelsLast(nn.Module):
    """Flatten in the order (H, W, C), which TensorFlow uses: (N, C, H, W) -> (N, H W C)."""

    def forward(self, x):
        """Return the flattened rows."""
        return x.permute(0, 2, 3, 1).flatten(1)


class Concatenate(nn.Module):
    """Put the channels of values one after another: (N, C_k, H, W) -> (N, sum of C_k, H, W)."""

    def forward(self, *values):
        """Return the values along the second axis."""
        return torch.cat(values, dim=1)


class Normalize(nn.Module):
    """Divide each row by its length: (N, C) -> (N, C)."""

    def forward(self, x):
        """Return rows of length one."""
        return functional.normalize(x)


def pad_channels(extra: int) -> nn.Module:
    """Return a module that appends ``extra`` channels of zeros: (N, C, H, W) -> (N, C + extra, H, W)."""
    return nn.ZeroPad3d((0, 0, 0, 0, 0, extra))


MODULES = (PReLU, Scale, Shift, SpatialMean, SpatialMax, FlattenChannelsLast, Concatenate, Normalize)
FROM_TORCH = ("Conv2d", "Linear", "ReLU", "ReLU6", "ZeroPad2d", "MaxPool2d", "AvgPool2d", "Flatten")
FUNCTIONS = {"Subtract": "sub", "Multiply": "mul"} | {n: n.lower() for n in ("Add", "Maximum", "Minimum", "Abs")}
KINDS: dict[str, Callable[..., nn.Module]] = {
    **{kind: getattr(nn, kind) for kind in FROM_TORCH},
    **{kind: partial(Elementwise, getattr(torch, name)) for kind, name in FUNCTIONS.items()},
    **{kind.__name__: kind for kind in MODULES},
    "PadChannels": pad_channels,
}


class LayerNetwork(nn.Module):
    """A feed-forward network given as a list of layers; the last layer is the output.

    Every module is a standard torch module with trainable parameters, found under its layer's name:
    ``network.steps["convolution_1"].weight``.

    Parameters
    ----------
    layers : sequence of Layer
        In an order in which each layer comes after its inputs.
    steps : mapping of layer name to nn.Module, optional
        The modules, if they are not those that the layers describe.
    """

    def __init__(self, layers: Sequence[Layer], steps: Mapping[str, nn.Module] | None = None):
        super().__init__()
        self.layers = tuple(layers)
        described = (
            {layer.name: KINDS[layer.kind](**layer.options) for layer in self.layers} if steps is None else steps
        )
        self.steps = nn.ModuleDict(described)
        last_reader = {name: position for position, layer in enumerate(self.layers) for name in layer.inputs}
        # A value is dropped after its last reader, so that memory is bounded by the widest layer, not by the depth.
        self._finished = [[n for n in set(x.inputs) if last_reader[n] == i] for i, x in enumerate(self.layers)]
        self._shapes: dict[tuple[int, int], dict[str, tuple[int, ...]]] = {}

    def forward(self, image):
        """Map network input (N, C, H, W) to embeddings (N, d)."""
        values = {IMAGE: image}
        for layer, finished in zip(self.layers, self._finished, strict=True):
            values[layer.name] = self.steps[layer.name](*[values[name] for name in layer.inputs])
            for name in finished:
                del values[name]
        return values[self.layers[-1].name]

    def shapes(self, size: int, channels: int = 3) -> dict[str, tuple[int, ...]]:
        """Return the shape of every value for one image of ``size`` pixels; found once, on the ``meta`` device."""
        if (size, channels) not in self._shapes:
            values = {IMAGE: torch.empty(1, channels, size, size, device="meta")}
            for layer in self.layers:
                module = self.steps[layer.name]
                weights = {name: torch.empty_like(weight, device="meta") for name, weight in module.named_parameters()}
                values[layer.name] = functional_call(module, weights, tuple(values[name] for name in layer.inputs))
            self._shapes[size, channels] = {name: tuple(value.shape) for name, value in values.items()}
        return self._shapes[size, channels]


def without_tiny(weights: torch.Tensor) -> torch.Tensor:
    """Return weights with those below 1e-20 in size set to zero.

    They belong to filters that have died. Their products with each other or with small values are denormal numbers,
    which some processors compute a hundred times slower: mobileface took 2.4 times as long with them. Sums of ordinary
    size do not change by a bit.
    """
    return torch.where(weights.abs() < TINY, 0.0, weights)


class Sketch:
    """A network being written down: layers, their tensors, and the shape of every value.

    Shapes are found by running each new layer on the ``meta`` device, which computes nothing.

    Parameters
    ----------
    size : int
        Height and width of the input image.
    channels : int
        1 for a grey image.
    """

    def __init__(self, size: int, channels: int = 3):
        self.layers: list[Layer] = []
        self.tensors: dict[str, torch.Tensor] = {}
        self._values = {IMAGE: torch.empty(1, channels, size, size, device="meta")}

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a value for one image."""
        return tuple(self._values[name].shape)

    def add(self, kind: str, *inputs: str, tensors: Mapping[str, torch.Tensor] | None = None, **options) -> str:
        """Append a layer and return its name.

        Parameters
        ----------
        kind : str
            A key of `KINDS`.
        *inputs : str
            Names of the values that it reads.
        tensors : mapping, optional
            Its parameters, by their name in the module.
        **options
            Arguments of the module's constructor.

        Raises
        ------
        ValueError
            If a tensor's shape is not the one that the module has.
        """
        count = sum(layer.kind == kind for layer in self.layers) + 1
        layer = Layer(f"{kind}_{count}", kind, inputs, options)
        with torch.device("meta"):
            module = KINDS[kind](**options)
        expected = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
        given = {name: without_tiny(torch.as_tensor(t, dtype=torch.float32)) for name, t in (tensors or {}).items()}
        if expected != {name: tuple(tensor.shape) for name, tensor in given.items()}:
            raise ValueError(f"tensors of {layer.name} must have shapes {expected}; got {[*given.values()]}")
        self._values[layer.name] = module(*[self._values[name] for name in inputs])
        self.tensors.update({f"steps.{layer.name}.{name}": tensor for name, tensor in given.items()})
        self.layers.append(layer)
        return layer.name

    def convolution(
        self, source: str, weight, bias=None, *, stride=(1, 1), dilation=(1, 1), same=False, groups=1
    ) -> str:
        """Append a convolution, with TensorFlow's SAME padding or none, and return its name.

        SAME pads so that the output has ``ceil(size / stride)`` pixels; an odd pixel goes to the right and the bottom,
        which torch's own padding cannot do.

        Parameters
        ----------
        source : str
            The value that it reads.
        weight : Tensor, shape (C_out, C_in / groups, h, w)
            The filters.
        bias : Tensor, shape (C_out,), optional
            Zero by default.
        """
        weight = torch.as_tensor(weight, dtype=torch.float32)
        outputs, _, *kernel = weight.shape
        _, channels, *size = self.shape(source)
        padding = [0, 0]
        if same:
            before, after = zip(*map(same_padding, size, kernel, stride, dilation), strict=True)
            if before == after:
                padding = list(before)
            else:
                source = self.add("ZeroPad2d", source, padding=[before[1], after[1], before[0], after[0]])
        bias = torch.zeros(outputs) if bias is None else bias
        return self.add(
            "Conv2d",
            source,
            tensors={"weight": weight, "bias": bias},
            in_channels=channels,
            out_channels=outputs,
            kernel_size=list(kernel),
            stride=list(stride),
            padding=padding,
            dilation=list(dilation),
            groups=groups,
        )

    def stored(self) -> dict[str, torch.Tensor]:
        """Return tensors to store: the parameters, and the layers as JSON text in bytes."""
        text = json.dumps([asdict(layer) for layer in self.layers])
        return {**self.tensors, "layers": torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)}


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the zeros before and after an axis under TensorFlow's SAME padding.

    The total is ``max((ceil(size / stride) - 1) stride + (kernel - 1) dilation + 1 - size, 0)``.
    """
    total = max((math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def read_network(stored: Mapping[str, torch.Tensor]) -> LayerNetwork:
    """Return the network whose tensors `Sketch.stored` gave."""
    tensors = dict(stored)
    records = json.loads(bytes(tensors.pop("layers").tolist()))
    layers = [Layer(r["name"], r["kind"], tuple(r["inputs"]), r["options"]) for r in records]
    with torch.device("meta"):
        network = LayerNetwork(layers)
    network.load_state_dict(tensors, assign=True)
    return network.requires_grad_(True)


def randomize(network: nn.Module, seed: int) -> None:
    """Replace all parameters by random ones, in place.

    Filters are normal with standard deviation ``sqrt(2 / fan_in)`` (He et al. 2015, eq. 10), biases zero, PReLU slopes
    0.25, the value that they start training from.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            for name, values in module.named_parameters(recurse=False):
                if name == "weight" and isinstance(module, nn.Conv2d | nn.Linear):
                    drawn = torch.randn(values.shape, generator=generator)
                    values.copy_(drawn * math.sqrt(2 / values[0].numel()))
                else:
                    values.fill_({PReLU: 0.25, Scale: 1}.get(type(module), 0))
