"""Time of `FaceEmbedder.embed` per image, beside onnxruntime and beside torch as it is.

    python benchmarks/embed.py [--quick] [--json PATH]

All three go from random uint8 images, of the size that each network takes, to embeddings: the same preprocessing is
part of each. onnxruntime runs the same network as an ONNX file of opset 17, with batches of 4 and of 32, and the faster
counts. "Layer by layer" is the network in torch's default memory layout, batch 32. All take turns, so that a change of
the machine's load meets all of them, and the best of several runs counts. With one thread the processor's time is
taken, which other programs hardly change; with two, the time that passes. The embeddings must agree.
"""

import copy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import command
import onnxruntime
import torch

from frlib.models import available, load
from frlib.models.embedder import FaceEmbedder
from frlib.models.onnx import export_onnx

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


def measure(name: str, count: int, threads: int, repeat: int) -> dict[str, float]:
    """Return milliseconds per image of embed, onnxruntime (the faster of its batches) and layer by layer.

    Raises
    ------
    RuntimeError
        If their embeddings differ.
    """
    torch.set_num_threads(threads)
    embedder = load(name, device="cpu")
    runtime, plain = by_onnxruntime(embedder, threads), layer_by_layer(embedder)
    size, generator = embedder.input_size, torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, size, size, 3), generator=generator, dtype=torch.uint8)
    functions = {"embed": lambda: embedder.embed(images, progress=False), "layer by layer": lambda: plain(images)}
    functions |= {f"onnxruntime {batch}": lambda batch=batch: runtime(images, batch) for batch in BATCHES}
    results = [function() for function in functions.values()]
    if any(float((r - results[0]).abs().max()) > AGREE * float(results[0].abs().max()) for r in results):
        raise RuntimeError(f"embeddings of {name} must agree to {AGREE:g}")
    seconds = best_times(functions, time.process_time if threads == 1 else time.perf_counter, repeat)
    best = {name: value * 1000 / count for name, value in seconds.items()}
    best["onnxruntime"] = min(best.pop(f"onnxruntime {batch}") for batch in BATCHES)
    return best


def main(quick: bool = False) -> list[dict]:
    """Time every network (two of them if quick), print each number when it is there, and return the rows."""
    rows, threads_before = command.Rows("embed"), torch.get_num_threads()
    count, repeat = (48, 2) if quick else (96, 5)
    for name in ("mobilefacenet", "dlib") if quick else available()["name"]:
        for threads in (1,) if quick else (1, 2):
            best = measure(name, count, threads, repeat)
            case = f"{name}, {count} images, threads: {threads}"
            rows.add(case, "embed, per image", best["embed"], "ms", "")
            for other in ("onnxruntime", "layer by layer"):
                baseline = f"{other}, {best[other]:.2f} ms"
                rows.add(case, f"time over {other}", best["embed"] / best[other], "ratio", baseline)
    torch.set_num_threads(threads_before)
    return rows


if __name__ == "__main__":
    command.run(main, __doc__)
