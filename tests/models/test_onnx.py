"""ONNX files: converted networks agree with onnxruntime, can be trained and sent to workers; bad files are refused."""

import pickle
import subprocess
import sys
import warnings

import cloudpickle
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from seeded_images import seeded_images
from torch import nn

from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.models.onnx import LICENCE, export_onnx, load_onnx
from frlib.store import arrays_digest


class SmallNetwork(nn.Module):
    """Face networks in small: padding on one side, PReLU, batch norm, a residual sum, a linear head."""

    def __init__(self, channels: int = 6, kernel: int = 3, dim: int = 5, flatten=lambda x: x.flatten(1)):
        super().__init__()
        self.pad = nn.ZeroPad2d((0, 1, 0, 1))
        self.first = nn.Conv2d(3, channels, kernel, stride=2)
        self.slopes = nn.PReLU(channels, init=0.3)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = nn.BatchNorm2d(channels)
        self.pool, self.flatten = nn.AdaptiveAvgPool2d(1), flatten
        self.head = nn.Linear(channels, dim)

    def forward(self, image):
        features = self.slopes(self.first(self.pad(image)))
        return self.head(self.flatten(self.pool(features + self.second(self.norm(features)))))


def write(network: nn.Module, path, *, size: int = 16, axes=True, opset: int = 17):
    """Export a torch module as users do, and return the path."""
    torch.manual_seed(0)
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, size, size),),
            str(path),
            opset_version=opset,
            dynamo=False,
            input_names=["image"],
            output_names=["embedding"],
            dynamic_axes={"image": {0: "n"}, "embedding": {0: "n"}} if axes else None,
        )
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write(SmallNetwork(), tmp_path_factory.mktemp("onnx") / "small.onnx")


def by_onnxruntime(path, inputs: torch.Tensor) -> torch.Tensor:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return torch.cat([torch.from_numpy(session.run(None, {name: one.numpy()})[0]) for one in inputs.split(1)])


def assert_agrees(path, embedder: FaceEmbedder, images: np.ndarray) -> None:
    """The embeddings are those of onnxruntime, to 2e-5 of the largest value."""
    expected = by_onnxruntime(path, embedder.preprocess(torch.from_numpy(images)).contiguous())
    found = embedder.embed(images, progress=False)
    assert found.shape == expected.shape and found.dtype == torch.float32
    assert float((found - expected).abs().max()) <= 2e-5 * float(expected.abs().max())


@settings(max_examples=10, deadline=None)
@given(
    channels=st.integers(1, 9),
    kernel=st.integers(1, 5),
    size=st.integers(6, 20),
    count=st.integers(1, 12),
    opset=st.integers(11, 17),
    axes=st.booleans(),
)
def test_small_networks_agree_with_onnxruntime(tmp_path_factory, channels, kernel, size, count, opset, axes):
    path = tmp_path_factory.mktemp("onnx") / "any.onnx"
    write(SmallNetwork(channels, kernel), path, size=size, axes=axes, opset=opset)
    embedder = load_onnx(path, device="cpu")
    assert (embedder.dim, embedder.input_size, embedder.name) == (5, size, "any.onnx")
    assert_agrees(path, embedder, np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", ["mobilefacenet", "mobileface", "dlib"])
def test_our_networks_survive_the_way_out_and_back(name, pretrained, tmp_path):
    ours, path = pretrained(name), tmp_path / "ours.onnx"
    export_onnx(ours, path)
    settings = ours.preprocess
    back = load_onnx(path, metric=ours.metric, crop=ours.crop, mean=settings.mean, scale=settings.scale, device="cpu")
    assert (back.dim, back.metric, back.crop, back.licence) == (ours.dim, ours.metric, ours.crop, LICENCE)
    images = seeded_images(ours.input_size)
    assert_agrees(path, back, images)
    torch.testing.assert_close(
        back.embed(images), ours.embed(images), rtol=0, atol=1e-5 * ours.embed(images).abs().max()
    )


def test_a_batch_of_one_in_the_graph_is_opened_or_respected(tmp_path, small):
    """A declared batch of one is only a note; one that is written into a reshape is not."""
    images = seeded_images(16)
    declared = load_onnx(write(SmallNetwork(), tmp_path / "declared.onnx", axes=False), device="cpu")
    network = SmallNetwork(flatten=lambda x: x.reshape(1, 6))
    written = load_onnx(write(network, tmp_path / "written.onnx", axes=False), device="cpu")
    assert not declared.network.one_by_one and written.network.one_by_one
    for embedder in (declared, written):
        assert_agrees(tmp_path / embedder.name, embedder, images)


def test_preprocessing_is_as_asked_for(small):
    images = torch.rand(2, 16, 16, 3, generator=torch.Generator().manual_seed(0)) * 255
    embedder = load_onnx(small, mean=(1, 2, 3), scale=0.5, bgr=True, device="cpu")
    inputs = (images.flip(-1) - torch.tensor([1.0, 2.0, 3.0])).permute(0, 3, 1, 2) * 0.5
    torch.testing.assert_close(embedder.embed(images), by_onnxruntime(small, inputs), rtol=1e-4, atol=1e-4)
    assert torch.equal(
        load_onnx(small, mean=9, device="cpu").preprocess(images), Preprocess(16, (9,) * 3, 1 / 127.5)(images)
    )


def test_state_names_file_preprocessing_and_weights(small, tmp_path):
    """Stored embeddings are found by the digest of the state: it must differ wherever they would."""
    copy = tmp_path / "renamed.onnx"
    copy.write_bytes(small.read_bytes())
    other = write(SmallNetwork(kernel=2), tmp_path / "other.onnx")
    networks = [load_onnx(small, device="cpu"), load_onnx(copy, device="cpu")]
    networks += [load_onnx(small, bgr=True, device="cpu"), load_onnx(small, scale=1.0, device="cpu")]
    networks += [load_onnx(other, device="cpu"), load_onnx(small, device="cpu")]
    with torch.no_grad():
        next(networks[-1].network.parameters()).add_(1e-3)
    digests = [arrays_digest(e.network.state_dict()) for e in networks]
    assert digests[0] == digests[1] and len(set(digests)) == 5


def test_every_weight_can_be_trained(small):
    network = load_onnx(small, device="cpu").network
    parameters = sum(p.numel() for p in SmallNetwork().parameters())
    assert sum(p.numel() for p in network.parameters()) == parameters
    network(torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_forward_derivatives_are_those_of_differences(small):
    network = load_onnx(small, device="cpu").network.double()
    image, direction = torch.randn(2, 1, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.autograd.forward_ad.dual_level():
        found = torch.autograd.forward_ad.unpack_dual(
            network(torch.autograd.forward_ad.make_dual(image, direction))
        ).tangent
    with torch.no_grad():
        expected = (network(image + 1e-6 * direction) - network(image - 1e-6 * direction)) / 2e-6
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


def test_networks_travel_to_another_process(small, tmp_path):
    embedder, images = load_onnx(small, device="cpu"), seeded_images(16)
    (tmp_path / "network.pickle").write_bytes(cloudpickle.dumps((embedder, images)))
    code = (
        "import pickle, sys; embedder, images = pickle.load(open(sys.argv[1], 'rb'));"
        "pickle.dump(embedder.embed(images).numpy(), open(sys.argv[2], 'wb'))"
    )
    arguments = [sys.executable, "-c", code, tmp_path / "network.pickle", tmp_path / "result.pickle"]
    subprocess.run(arguments, check=True)
    found = pickle.loads((tmp_path / "result.pickle").read_bytes())
    np.testing.assert_allclose(found, embedder.embed(images).numpy(), rtol=1e-6, atol=1e-6)


def graph(nodes, path, *, shape=("n", 3, 8, 8), kind=TensorProto.FLOAT, inputs=("image",), outputs=("y",), opset=17):
    """Write a graph node by node, with one array of weights called w, and return the path."""
    weights = numpy_helper.from_array(np.random.default_rng(0).normal(size=(4, 3, 1, 1)).astype(np.float32), "w")
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info(name, kind, shape) for name in inputs],
            [
                helper.make_tensor_value_info(name, kind, ["n", 4, 1, 1] if name == "p" else ["n", 4])
                for name in outputs
            ],
            [weights],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
    )
    onnx.save(model, path)
    return path


CONVOLUTION = helper.make_node("Conv", ["image", "w"], ["c"])
POOL = helper.make_node("GlobalAveragePool", ["c"], ["p"])
FLATTEN = helper.make_node("Flatten", ["p"], ["y"])
NORMALIZED = helper.make_node("LpNormalization", ["y"], ["unit"], axis=1)
PLAIN = [CONVOLUTION, POOL, FLATTEN]


def test_one_of_several_outputs_is_chosen_by_name(tmp_path):
    double = helper.make_node("Add", ["y", "y"], ["twice"])
    path = graph([*PLAIN, double], tmp_path / "two.onnx", outputs=("twice", "y"))
    images = seeded_images(8)
    once, twice = (load_onnx(path, output=name, device="cpu") for name in ("y", "twice"))
    torch.testing.assert_close(2 * once.embed(images), twice.embed(images))
    assert arrays_digest(once.network.state_dict()) != arrays_digest(twice.network.state_dict())


def test_an_open_size_is_given(tmp_path):
    path = graph(PLAIN, tmp_path / "open.onnx", shape=("n", 3, "h", "w"))
    assert load_onnx(path, size=10, device="cpu").input_size == 10


def bad(*nodes, **options):
    """Return the arguments of a graph."""
    return nodes or PLAIN, options


BAD_FILES = {
    "path must be a complete ONNX file": None,
    "path must be a network with one input; {path} has ['image', 'other']": bad(inputs=("image", "other")),
    "takes another type: export it in float32": bad(kind=TensorProto.FLOAT16),
    "channels first, (N, 3, S, S); {path} takes ('open', 8, 8, 3)": bad(shape=("n", 8, 8, 3)),
    "square RGB images, (N, 3, S, S); {path} takes ('open', 3, 8, 9)": bad(shape=("n", 3, 8, 9)),
    "square RGB images, (N, 3, S, S); {path} takes ('open', 1, 8, 8)": bad(shape=("n", 1, 8, 8)),
    "square RGB images, (N, 3, S, S); {path} takes ('open', 192)": bad(shape=("n", 192)),
    "size must be given, because {path} leaves it open": bad(shape=("n", 3, "h", "w")),
    "output must name one of 'y', 'p'": bad(outputs=("y", "p")),
    "path must be a network with output (N, d); {path} gives (1, 4, 1, 1)": bad(CONVOLUTION, POOL, outputs=("p",)),
    "uses Gelu of opset 20: export it with opset 17": bad(
        *PLAIN, helper.make_node("Gelu", ["y"], ["z"]), opset=20, outputs=("z",)
    ),
    "with finite float32 output": bad(
        *PLAIN, helper.make_node("Sub", ["y", "y"], ["o"]), helper.make_node("Div", ["y", "o"], ["z"]), outputs=("z",)
    ),
    "with weights; {path} has none": bad(helper.make_node("GlobalAveragePool", ["image"], ["p"]), FLATTEN),
}


@pytest.mark.parametrize("message", BAD_FILES)
def test_bad_files_are_refused_with_a_reason(message, tmp_path):
    path = tmp_path / "bad.onnx"
    if BAD_FILES[message] is None:
        path.write_bytes(b"not a network")
    else:
        nodes, options = BAD_FILES[message]
        graph(list(nodes), path, **options)
    with pytest.raises(ValueError) as error:
        load_onnx(path, device="cpu")
    assert message.format(path=path) in str(error.value)


def test_half_of_a_file_is_refused(small, tmp_path):
    path = tmp_path / "half.onnx"
    path.write_bytes(small.read_bytes()[:-100])
    with pytest.raises(ValueError, match="path must be a complete ONNX file"):
        load_onnx(path)


BAD_ARGUMENTS = {
    "metric must be one of 'cosine', 'euclidean'; got 'dot'": {"metric": "dot"},
    "crop must be one of 'arcface', 'wide'; got 'tight'": {"crop": "tight"},
    "size must be 16": {"size": 112},
    "size must be an integer of at least 1; got 0": {"size": 0},
    "mean must be one number or three; got (1, 2)": {"mean": (1, 2)},
    "output must be one of 'embedding'; got 'features'": {"output": "features"},
    "name must be a name without folders; got 'a/b'": {"name": "a/b"},
    "device must be": {"device": "abacus"},
}


@pytest.mark.parametrize("message", BAD_ARGUMENTS)
def test_bad_arguments_are_refused_by_name_and_value(message, small):
    with pytest.raises(ValueError) as error:
        load_onnx(small, **BAD_ARGUMENTS[message])
    assert message in str(error.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="path must name an ONNX file; there is none at .*absent"):
        load_onnx(tmp_path / "absent.onnx")


def test_a_failed_export_leaves_what_was_there(pretrained, tmp_path):
    path = tmp_path / "kept.onnx"
    path.write_text("earlier")
    with pytest.raises(Exception, match="opset"):
        export_onnx(pretrained("mobileface"), path, opset=3)
    assert path.read_text() == "earlier" and list(tmp_path.iterdir()) == [path]
