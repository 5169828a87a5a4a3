"""Face networks from ONNX files, and ours as ONNX files.

`load_onnx` runs a file in onnxruntime, the reference for the format. Where derivatives are wanted, it turns the file
into a torch module through onnx2torch, which knows fewer operations.
"""

import contextlib
import hashlib
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from frlib.checks import METRICS, at_least, one_of
from frlib.models.convert import onnx_graph
from frlib.models.convert.onnx_graph import first_line, package
from frlib.models.convert.onnx_torch import to_torch
from frlib.models.embedder import CROPS, FaceEmbedder, Preprocess
from frlib.runtime import choose_device
from frlib.store import atomic_file, file_digest

#: A file of the user's says nothing about its terms.
LICENCE = "unknown (your file)"
#: Opset of the files that `export_onnx` writes: one that every reader of the last years knows.
OPSET = 17
#: Sizes of input in pixels that are tried, in this order, where a file leaves its own open.
USUAL_SIZES = (112, 160, 224, 96, 128, 150, 256)
#: Most pixels on a side, and most images of a batch written into the graph: those of a trial must fit into the memory.
LARGEST_SIZE, LARGEST_BATCH = 2048, 1024
#: Largest difference between images embedded together and apart, as a share of the largest value.
TOGETHER = 1e-4
#: Images whose embeddings differ by less than this share of the largest value are the same to a network.
SAME = 1e-6


class FileNetwork(nn.Module):
    """A network that was read from a file.

    Parameters
    ----------
    graph : nn.Module
        Maps network input (N, C, S, S) or (N, S, S, C) to embeddings (N, d) or (N, d, 1, 1).
    channels_last : bool
        Whether the graph takes (N, S, S, C).
    batch : int or None
        How many images must go through at once, if not any number: some exporters write their batch into the graph.
    size_was_open : bool
        Whether the file leaves the size of its images open.
    weights : int
        Numbers that the file stores as weights.
    """

    def __init__(self, graph: nn.Module, *, channels_last: bool, batch: int | None, size_was_open: bool, weights: int):
        super().__init__()
        self.graph, self.channels_last, self.batch = graph, channels_last, batch
        self.size_was_open, self.weights = size_was_open, weights

    def laid_out(self, image):
        """Return images (N, C, S, S) in the order of the graph."""
        return image.permute(0, 2, 3, 1) if self.channels_last else image

    def set_origin(self, text: str) -> None:
        """Make the digest of a text part of the state.

        The text names the file's content and its preprocessing, so that embeddings stored under the state are not taken
        for those of another file, or of other preprocessing.
        """
        digest = hashlib.sha256(text.encode()).digest()
        self.register_buffer("origin", torch.frombuffer(bytearray(digest), dtype=torch.uint8))

    def forward(self, image):
        """Map network input (N, C, S, S) to embeddings (N, d)."""
        image = self.laid_out(image)
        if self.batch is None:
            found = self.graph(image)
        else:
            missing = -len(image) % self.batch
            full = torch.cat([image, image[-1:].expand(missing, *image.shape[1:])])
            found = torch.cat([self.graph(few) for few in full.split(self.batch)])[: len(image)]
        return found.flatten(1) if found.shape[2:].numel() == 1 else found


@dataclass(frozen=True)
class ImageInput:
    """What a file says of its one input.

    Parameters
    ----------
    channels : int
        3, or 1 for grey.
    channels_last : bool
        Whether it is (N, S, S, C) and not (N, C, S, S).
    size : int or None
        S in pixels; None where the file leaves it open.
    batch : int or None
        N; None where it is open.
    """

    channels: int
    channels_last: bool
    size: int | None
    batch: int | None


def load_onnx(
    path: str | os.PathLike,
    *,
    metric: str = "cosine",
    crop: str = "arcface",
    size: int | None = None,
    mean: float | Sequence[float] = 127.5,
    scale: float | Sequence[float] = 1 / 127.5,
    bgr: bool = False,
    output: str | None = None,
    trainable: bool = False,
    device: str | torch.device | None = None,
    name: str | None = None,
) -> FaceEmbedder:
    """Return the face network of an ONNX file, ready to embed images.

    The defaults are those of ArcFace and its relatives: RGB, ``(x - 127.5) / 127.5``, 112 pixels, cosine. AdaFace takes
    the same with ``bgr=True``.

    Parameters
    ----------
    path : path
        A file with one input of square images, (N, 3, S, S), (N, S, S, 3), or grey with 1 in place of 3, as floats, and
        an output (N, d); any weights beside it are found. Whatever onnxruntime runs is read.
    metric : {"cosine", "euclidean"}
        The distance that the network was trained for.
    crop : {"arcface", "wide", "mtcnn"}
        How much of the head the aligned image must show.
    size : int, optional
        Height and width of the input in pixels, if the file leaves them open. Default: the first of `USUAL_SIZES` with
        which the network runs.
    mean : float or one float per channel
        Subtracted from the channels 0..255, in the network's order.
    scale : float or one float per channel
        Multiplies the result.
    bgr : bool
        Whether the network wants blue first.
    output : str, optional
        Which output is the embedding, if there are several.
    trainable : bool
        Turn the file into a torch module, which can be trained and differentiated with ``torch.autograd``, forward-mode
        included (``torch.autograd.forward_ad``), but not with ``torch.func.jvp``. onnx2torch does it, and does not know
        every operation.
    device : str, optional
        See `frlib.runtime.choose_device`. onnxruntime computes on a GPU if the installed one can (onnxruntime-gpu).
    name : str, optional
        Default: the file's name.

    Returns
    -------
    FaceEmbedder

    Raises
    ------
    ValueError
        If the file is missing, damaged, of another shape or type, or uses operations that are not known; if its output
        is the same for all images; if an argument is not accepted.
    ImportError
        If onnx, onnxruntime or, for ``trainable``, onnx2torch is not installed.
    """
    one_of("metric", metric, METRICS)
    one_of("crop", crop, CROPS)
    device = choose_device(device)
    path = Path(path)
    name = path.name if name is None else name
    if not name or Path(name).name != name:
        raise ValueError(f"name must be a name without folders; got {name!r}")
    model = onnx_graph.read_model(path)
    output = chosen_output(model, path, output)
    given = image_input(model, path)
    sizes = chosen_sizes(given, path, size)
    files = [path, *(path.parent / beside for beside in sorted(onnx_graph.external_files(model)))]
    onnx_graph.simplify(model, path)
    weights = onnx_graph.count_weights(model)
    if not weights:
        raise ValueError(f"path must be a network with weights; {path} has none")
    graph = onnx_graph.RuntimeGraph(model, output, path, device)
    said = {"channels_last": given.channels_last, "batch": given.batch or 1, "size_was_open": given.size is None}
    network = FileNetwork(graph, **said, weights=weights).eval()
    inputs = [Preprocess(pixels, mean, scale, bgr, grey=given.channels == 1) for pixels in sizes]
    preprocess, dim = first_that_runs(network, inputs, path)
    if trainable:
        make_trainable(network, model, preprocess, path)
    network.set_origin(" ".join([*map(file_digest, files), output, preprocess.extra_repr(), "torch" * trainable]))
    options = {"metric": metric, "dim": dim, "crop": crop, "licence": LICENCE, "device": device}
    return FaceEmbedder(name, network, preprocess, **options)


def chosen_output(model, path: Path, output: str | None) -> str:
    """Return the name of the output that is the embedding.

    Raises
    ------
    ValueError
        If it is unknown, or there are several and none is named.
    """
    names = [value.name for value in model.graph.output]
    if output is not None:
        return one_of("output", output, names)
    if len(names) != 1:
        raise ValueError(f"output must name one of {', '.join(map(repr, names))}, the outputs of {path}; got None")
    return names[0]


def image_input(model, path: Path) -> ImageInput:
    """Return what a file says of its one input.

    Raises
    ------
    ValueError
        If it is not one of square images of floats.
    """
    inputs = onnx_graph.image_inputs(model)
    if len(inputs) != 1:
        raise ValueError(f"path must be a network with one input; {path} has {[value.name for value in inputs]}")
    kind = inputs[0].type.tensor_type
    # An open dimension has a name, or nothing, or a number below 1; some files leave out the whole shape.
    shape = [dim.dim_value if dim.dim_value > 0 else None for dim in kind.shape.dim] or [None] * 4
    shown = tuple("open" if length is None else length for length in shape)
    if kind.elem_type not in onnx_graph.INPUT_TYPES:
        names = {number: name.lower() for name, number in package("onnx").TensorProto.DataType.items()}
        name = names.get(kind.elem_type, f"the unknown type {kind.elem_type}")
        raise ValueError(f"path must be a network that takes floats; {path} takes {name}: export it in float32")
    if len(shape) == 4:
        last = shape[3] in (1, 3) and shape[1] not in (1, 3)
        channels, *sides = (shape[3], shape[1], shape[2]) if last else shape[1:]
        if channels in (1, 3, None) and len({*sides} - {None}) <= 1:
            size, batch = sides[0] or sides[1], shape[0]
            if (size or 0) > LARGEST_SIZE or (batch or 0) > LARGEST_BATCH:
                raise ValueError(
                    f"path must be a network of at most {LARGEST_BATCH} images of {LARGEST_SIZE} pixels at once; "
                    f"{path} takes {shown}: export it with an open batch"
                )
            return ImageInput(channels or 3, last, size, batch)
    raise ValueError(
        f"path must be a network of square images, (N, 3, S, S), (N, S, S, 3), or grey with 1 in place of 3; {path} "
        f"takes {shown}"
    )


def chosen_sizes(given: ImageInput, path: Path, size: int | None) -> Sequence[int]:
    """Return the heights and widths of the input to try, in pixels.

    Raises
    ------
    ValueError
        If the file says another one than was asked for, or it is too large.
    """
    if size is not None and size > LARGEST_SIZE:
        raise ValueError(f"size must be at most {LARGEST_SIZE} pixels; got {size}")
    if size is not None and at_least("size", size, 1) != (given.size or size):
        raise ValueError(f"size must be {given.size}, as {path} says, or be left out; got {size}")
    fixed = given.size or size
    return (fixed,) if fixed else USUAL_SIZES


def make_trainable(network: FileNetwork, model, preprocess: Preprocess, path: Path) -> None:
    """Put a torch module in the place of onnxruntime, which gives the same.

    Raises
    ------
    ValueError
        If onnx2torch does not know an operation, or the two do not agree.
    """
    runtime, inputs = network.graph, preprocess(trial_images(preprocess.size))
    if len(model.graph.output) > 1:
        model = package("onnx.utils").Extractor(model).extract_model([runtime.input], [runtime.output])
    with torch.no_grad():
        expected = network(inputs)
        network.graph = to_torch(model, runtime.as_input(network.laid_out(inputs)[: network.batch]), path)
        try:
            difference = float((network(inputs) - expected).abs().max() / expected.abs().max())
        except Exception as error:  # a module may fail in any way
            raise ValueError(f"path must be a network that onnx2torch converts; {path}: {first_line(error)}") from error
    if not difference <= (TOGETHER if runtime.type != np.float16 else 20 * TOGETHER):
        raise ValueError(
            f"path must be a network that onnx2torch converts; {path}: its output differs by {difference:.2g} of the "
            "largest value from that of onnxruntime"
        )


def first_that_runs(network: FileNetwork, inputs: Sequence[Preprocess], path: Path) -> tuple[Preprocess, int]:
    """Return the first preprocessing with which a network gives an embedding, and the dimension of it.

    Raises
    ------
    ValueError
        If there is none, or the output is no embedding.
    """
    failure = None
    for preprocess in inputs:
        images = trial_images(preprocess.size)
        try:
            with torch.no_grad():
                expected = network(preprocess(images))
        except Exception as error:  # a graph may fail in any way
            failure = failure or error
            continue
        dim = embedding_size(expected, path)
        open_batch(network, preprocess(images), expected)
        return preprocess, dim
    if len(inputs) > 1:
        raise ValueError(
            f"size must be given, because {path} leaves it open and does not run with "
            f"{', '.join(str(preprocess.size) for preprocess in inputs)}; with the first: {first_line(failure)}"
        ) from failure
    raise ValueError(f"path must be a network of images; {path} fails on one: {first_line(failure)}") from failure


def trial_images(size: int) -> torch.Tensor:
    """Return three images (3, size, size, 3) in 0..255 that have little in common: a ramp across, one down, noise."""
    ramp = torch.linspace(0, 255, size)[:, None].expand(size, size)
    noise = torch.rand(size, size, 3, generator=torch.Generator().manual_seed(0)) * 255
    return torch.stack([ramp.T[..., None].expand(-1, -1, 3), ramp[..., None].expand(-1, -1, 3), noise])


def embedding_size(found: torch.Tensor, path: Path) -> int:
    """Return the dimension of the embeddings of three images.

    Raises
    ------
    ValueError
        If they are not one finite vector for each, or are all the same.
    """
    if found.ndim != 2 or len(found) != 3:
        shape = (1, *found.shape[1:])
        raise ValueError(f"path must be a network with output (N, d); {path} gives {shape} for one image")
    if not found.is_floating_point() or not found.isfinite().all():
        raise ValueError(f"path must be a network with finite output in floats; {path} gives {found.dtype}, {found}")
    if float((found - found[0]).abs().max()) <= SAME * float(found.abs().max()):
        raise ValueError(f"path must be a network that tells images apart; {path} gives the same output for all")
    return found.shape[1]


def open_batch(network: FileNetwork, inputs: torch.Tensor, expected: torch.Tensor) -> None:
    """Let any number of images through a network at once, if that gives what it gives in its own batches."""
    own, network.batch = network.batch, None
    other = slice(2) if own == len(inputs) else slice(None)  # a number of images that is not its own
    expected, same = expected[other], False
    with torch.no_grad(), contextlib.suppress(Exception):  # a graph written for one batch may fail in any way
        found = network(inputs[other])
        same = found.shape == expected.shape and (found - expected).abs().max() <= TOGETHER * expected.abs().max()
    network.batch = None if same else own


def export_onnx(embedder: FaceEmbedder, path: str | os.PathLike, *, opset: int = OPSET) -> None:
    """Write a network as an ONNX file, atomically.

    The input is called ``image``: preprocessed images (N, 3, S, S), or (N, 1, S, S) for grey, see
    ``embedder.preprocess``. The output is called ``embedding``: (N, d). N is open.

    Parameters
    ----------
    embedder : FaceEmbedder
    path : path
        Where to write it.
    opset : int
        Version of the set of operations.
    """
    package("onnx")
    size, device = embedder.input_size, embedder.device
    shape = (1, embedder.preprocess.channels, size, size)
    image = torch.zeros(shape, device=device, dtype=next(embedder.network.parameters()).dtype)
    names = {"input_names": ["image"], "output_names": ["embedding"]}
    with atomic_file(path) as partial, warnings.catch_warnings():
        # The newer exporter needs one more package and half a minute; the older one says that it is the older one.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            embedder.network,
            (image,),
            str(partial),
            opset_version=opset,
            dynamo=False,
            dynamic_axes={"image": {0: "batch"}, "embedding": {0: "batch"}},
            **names,
        )
