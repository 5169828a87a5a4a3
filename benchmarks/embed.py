"""Time of `FaceEmbedder.embed` per image, beside onnxruntime and beside torch as it is.

    python benchmarks/embed.py [--quick] [--json PATH]

All three go from random uint8 images, of the size that each network takes, to embeddings: the same preprocessing is
part of each. onnxruntime runs the same network as an ONNX file of opset 17, with batches of 4 and of 32, and the faster
counts. "Layer by layer" is the network in torch's default memory layout, batch 32. All take turns, so that a change of
the machine's load meets all of them, and the best of several runs counts. With one thread the processor's time is
taken, which other programs hardly change; with two, the time that passes. The embeddings must agree.

A step of fine-tuning is compared with embedding the same images, and clouds are read that were stored before.
"""

import copy
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import command
import pandas as pd
import torch

from frlib import clouds
from frlib.models import DEFAULT_NETWORKS, NETWORKS, load
from frlib.models.embedder import FaceEmbedder
from frlib.training import ArcFace, Variations, finetune

BATCHES = (4, 32)
#: Largest difference between embeddings, as a share of the largest value.
AGREE = 2e-5


def best_times(functions: dict[str, Callable], clock: Callable[[], float], repeat: int) -> dict[str, float]:
    """Return the best time of each function, in seconds, after one run to warm up."""
    best = dict.fromkeys(functions, float("inf"))
    for round_ in range(repeat + 1):
        for name, function in functions.items():
            start = clock()
            function()
            if round_:
                best[name] = min(best[name], clock() - start)
    return best


def by_onnxruntime(embedder: FaceEmbedder, threads: int) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """Return a function that embeds images (N, S, S, 3), in batches, with onnxruntime."""
    import onnxruntime  # the benchmark of the GPU, which has the training from here, does without

    from frlib.models.onnx import export_onnx

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        export_onnx(embedder, path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def embed(images: torch.Tensor, batch: int) -> torch.Tensor:
        inputs = [embedder.preprocess(few).contiguous().numpy() for few in images.split(batch)]
        return torch.cat([torch.from_numpy(session.run(None, {"image": few})[0]) for few in inputs])

    return embed


def layer_by_layer(embedder: FaceEmbedder) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function that embeds images (N, S, S, 3) with torch's default layout, in batches of 32."""
    network = copy.deepcopy(embedder.network).to(memory_format=torch.contiguous_format)

    def embed(images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return torch.cat([network(embedder.preprocess(few).contiguous()) for few in images.split(32)])

    return embed


def noise(*shape: int) -> torch.Tensor:
    """Return random uint8 images."""
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def measure(name: str, count: int, threads: int, repeat: int, plainly: bool = True) -> dict[str, float]:
    """Return milliseconds per image of embed, onnxruntime (the faster of its batches) and, if wanted, layer by layer.

    Raises
    ------
    RuntimeError
        If their embeddings differ.
    """
    torch.set_num_threads(threads)
    embedder = load(name, device="cpu")
    runtime, plain = by_onnxruntime(embedder, threads), layer_by_layer(embedder)
    images = noise(count, embedder.input_size, embedder.input_size, 3)
    functions = {"embed": lambda: embedder.embed(images, progress=False)}
    functions |= {"layer by layer": lambda: plain(images)} if plainly else {}
    functions |= {f"onnxruntime {batch}": lambda batch=batch: runtime(images, batch) for batch in BATCHES}
    results = [function() for function in functions.values()]
    if any(float((r - results[0]).abs().max()) > AGREE * float(results[0].abs().max()) for r in results):
        raise RuntimeError(f"embeddings of {name} must agree to {AGREE:g}")
    seconds = best_times(functions, time.process_time if threads == 1 else time.perf_counter, repeat)
    best = {name: value * 1000 / count for name, value in seconds.items()}
    best["onnxruntime"] = min(best.pop(f"onnxruntime {batch}") for batch in BATCHES)
    return best


@contextmanager
def empty_cache() -> Iterator[None]:
    """Keep results in an empty folder meanwhile."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, FRLIB_CACHE=folder):
        yield


def training(embedder: FaceEmbedder, repeat: int, clock: Callable[[], float] = time.process_time) -> dict[str, float]:
    """Return milliseconds per image of one epoch of fine-tuning, in batches of 50 images, and of embedding them."""
    size = embedder.input_size
    images, few = (Variations(noise(n, size, size, 3), noise(n, 4, size, size, 3), ("age",) * 4) for n in (10, 2))
    every = torch.cat([images.fixed, images.varied.flatten(0, 1)])

    def one_epoch() -> None:
        with empty_cache():
            finetune(embedder, images, few, margin=ArcFace(), epochs=1, learning_rate=1e-6, progress=False)

    functions = {"training": one_epoch, "embed": lambda: embedder.embed(every, progress=False)}
    seconds = best_times(functions, clock, repeat)
    return {name: value * 1000 / len(every) for name, value in seconds.items()}


@dataclass(frozen=True)
class Noise:
    """A drawing of two random images."""

    number: int

    kind, attributes, identity, table = "noise", (), None, pd.DataFrame(index=range(2))

    @property
    def key(self) -> dict:
        """The number, which only tells it from others."""
        return {"number": self.number}

    def draw(self, crops, enlarged=1.0):
        """Yield one block."""
        yield {crop: {"points": noise(2, 112, 112, 3)} for crop in crops}


def reading(embedder: FaceEmbedder, repeat: int) -> float:
    """Return milliseconds per cloud of reading 200 that are stored."""
    drawings = [Noise(number) for number in range(200)]
    with empty_cache():
        clouds.embed(drawings, [embedder], n_jobs=1, progress=False)
        (best,) = command.seconds(
            lambda: clouds.embed(drawings, [embedder], progress=False), repeat=repeat, clock=time.perf_counter
        )
    return best * 1000 / len(drawings)


def main(quick: bool = False) -> list[dict]:
    """Time every network (the default ones if quick), print each number when it is there, and return the rows."""
    rows, threads_before = command.Rows("embed"), torch.get_num_threads()
    count, repeat = (32, 1) if quick else (96, 5)
    for name in DEFAULT_NETWORKS if quick else NETWORKS:
        for threads in (1,) if quick else (1, 2):
            best = measure(name, count, threads, repeat, plainly=not quick)
            case = f"{name}, {count} images, threads: {threads}"
            rows.add(case, "embed, per image", best["embed"], "ms", "")
            for other in best.keys() - {"embed"}:
                baseline = f"{other}, {best[other]:.2f} ms"
                rows.add(case, f"time over {other}", best["embed"] / best[other], "ratio", baseline)
    torch.set_num_threads(1)
    for name in ("mobileface",) if quick else ("mobileface", "mobilefacenet"):
        best, case = training(load(name, device="cpu"), 1 if quick else 3), f"{name}, 50 images, threads: 1"
        rows.add(case, "fine-tuning, per image", best["training"], "ms", "")
        baseline = f"embedding the same images, {best['embed']:.2f} ms"
        rows.add(case, "fine-tuning over embedding", best["training"] / best["embed"], "ratio", baseline)
    best = reading(load("mobileface", device="cpu"), repeat)
    rows.add("200 stored clouds", "read, per cloud", best, "ms", "")
    torch.set_num_threads(threads_before)
    return rows


if __name__ == "__main__":
    command.run(main, __doc__)
