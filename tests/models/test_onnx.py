"""ONNX files: networks give what onnxruntime gives, can be trained and sent to workers; bad files are refused."""

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
from torch import nn

from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.models.onnx import LICENCE, export_onnx, load_onnx
from frlib.store import arrays_digest
from tests.models.seeded_images import seeded_images


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


def write(network: nn.Module, path, *, size: int = 16, axes=True, opset: int = 17, batch: int = 1):
    """Export a torch module as users do, and return the path."""
    torch.manual_seed(0)
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(batch, 3, size, size),),
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


@settings(max_examples=10)
@given(
    channels=st.integers(1, 9),
    kernel=st.integers(1, 5),
    size=st.integers(6, 20),
    count=st.integers(1, 12),
    opset=st.integers(11, 17),
    axes=st.booleans(),
    trainable=st.booleans(),
)
def test_small_networks_agree_with_onnxruntime(tmp_path_factory, channels, kernel, size, count, opset, axes, trainable):
    path = tmp_path_factory.mktemp("onnx") / "any.onnx"
    write(SmallNetwork(channels, kernel), path, size=size, axes=axes, opset=opset)
    embedder = load_onnx(path, trainable=trainable, device="cpu")
    assert (embedder.dim, embedder.input_size, embedder.name) == (5, size, "any.onnx")
    assert_agrees(path, embedder, np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", ["mobilefacenet", "mobileface", "dlib", "gear", "emotion"])
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
    assert back.weights == ours.weights


@pytest.mark.parametrize("trainable", [False, True])
def test_a_batch_in_the_graph_is_opened_or_respected(tmp_path, trainable):
    """A declared batch is only a note; one that is written into a reshape is not."""
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    found = {}
    for batch in (1, 3):
        for name, flatten in (("declared", lambda x: x.flatten(1)), ("written", lambda x: x.reshape(len(x), 6))):
            path = write(SmallNetwork(flatten=flatten), tmp_path / f"{name}.onnx", axes=False, batch=batch)
            embedder = load_onnx(path, trainable=trainable, device="cpu")
            found[name, batch] = embedder.network.batch
            session = onnxruntime.InferenceSession(path)
            inputs = embedder.preprocess(torch.from_numpy(images[:batch])).contiguous().numpy()
            (expected,) = session.run(None, {"image": inputs})
            for count in range(1, len(images) + 1):
                few = embedder.embed(images[:count], progress=False).numpy()
                first = min(batch, count)
                np.testing.assert_allclose(few[:first], expected[:first], rtol=0, atol=2e-5 * np.abs(expected).max())
    assert found == {("declared", 1): None, ("declared", 3): None, ("written", 1): 1, ("written", 3): 3}


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
    networks += [load_onnx(small, trainable=True, device="cpu") for _ in range(2)]
    with torch.no_grad():
        next(networks[-1].network.parameters()).add_(1e-3)
    digests = [arrays_digest(e.network.state_dict()) for e in networks]
    assert digests[0] == digests[1] == digests[5] and len(set(digests)) == 6


def test_every_weight_can_be_trained(small):
    network = load_onnx(small, trainable=True, device="cpu").network
    parameters = sum(p.numel() for p in SmallNetwork().parameters())
    assert sum(p.numel() for p in network.parameters()) == parameters
    network(torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_forward_derivatives_are_those_of_differences(small):
    network = load_onnx(small, trainable=True, device="cpu").network.double()
    image, direction = torch.randn(2, 1, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.autograd.forward_ad.dual_level():
        found = torch.autograd.forward_ad.unpack_dual(
            network(torch.autograd.forward_ad.make_dual(image, direction))
        ).tangent
    with torch.no_grad():
        expected = (network(image + 1e-6 * direction) - network(image - 1e-6 * direction)) / 2e-6
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("trainable", [False, True])
def test_networks_travel_to_another_process(small, tmp_path, trainable):
    embedder, images = load_onnx(small, trainable=trainable, device="cpu"), seeded_images(16)
    (tmp_path / "network.pickle").write_bytes(cloudpickle.dumps((embedder, images)))
    code = (
        "import pickle, sys; embedder, images = pickle.load(open(sys.argv[1], 'rb'));"
        "pickle.dump(embedder.embed(images).numpy(), open(sys.argv[2], 'wb'))"
    )
    arguments = [sys.executable, "-c", code, tmp_path / "network.pickle", tmp_path / "result.pickle"]
    subprocess.run(arguments, check=True)
    found = pickle.loads((tmp_path / "result.pickle").read_bytes())
    np.testing.assert_allclose(found, embedder.embed(images).numpy(), rtol=1e-6, atol=1e-6)


def graph(
    nodes,
    path,
    *,
    shape=("n", 3, 8, 8),
    kind=TensorProto.FLOAT,
    inputs=("image",),
    outputs=("y",),
    opset=17,
    domain="",
    head=0,
):
    """Write a graph node by node, with weights called w and the shape (N, 7), called flat; return the path."""
    weights = numpy_helper.from_array(np.random.default_rng(0).normal(size=(4, 3, 1, 1)).astype(np.float32), "w")
    flat = numpy_helper.from_array(np.array([1, 7]), "flat")
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info(name, kind, shape) for name in inputs],
            [onnx.ValueInfoProto(name=name) for name in outputs],
            [weights, flat, numpy_helper.from_array(np.ones((head, 4), np.float32), "head")],
        ),
        opset_imports=[helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])],
        ir_version=8,
    )
    onnx.save(model, path)
    return path


CONVOLUTION = helper.make_node("Conv", ["image", "w"], ["c"])
POOL = helper.make_node("GlobalAveragePool", ["c"], ["p"])
FLATTEN = helper.make_node("Flatten", ["p"], ["y"])
NORMALIZED = helper.make_node("LpNormalization", ["y"], ["unit"], axis=1)
PLAIN = [CONVOLUTION, POOL, FLATTEN]


@pytest.mark.parametrize("trainable", [False, True])
def test_one_of_several_outputs_is_chosen_by_name(tmp_path, trainable):
    double = helper.make_node("Add", ["y", "y"], ["twice"])
    path = graph([*PLAIN, double], tmp_path / "two.onnx", outputs=("twice", "y"))
    images = seeded_images(8)
    once, twice = (load_onnx(path, output=name, trainable=trainable, device="cpu") for name in ("y", "twice"))
    torch.testing.assert_close(2 * once.embed(images), twice.embed(images))
    assert arrays_digest(once.network.state_dict()) != arrays_digest(twice.network.state_dict())


@pytest.mark.parametrize("open_size", [("n", 3, "h", "w"), (-1, -1, -1, -1), (None, 3, None, None)])
def test_an_open_size_is_given_or_a_usual_one(tmp_path, open_size):
    path = graph(PLAIN, tmp_path / "open.onnx", shape=open_size)
    assert load_onnx(path, size=10, device="cpu").input_size == 10
    assert load_onnx(path, device="cpu").input_size == 112
    only_128 = helper.make_node("Gemm", ["f", "head"], ["y"])
    path = graph(
        [*PLAIN[:1], helper.make_node("Flatten", ["c"], ["f"]), only_128], path, shape=open_size, head=128**2 * 4
    )
    assert load_onnx(path, device="cpu").input_size == 128
    with pytest.raises(ValueError, match="path must be a network of images; .* fails on one: "):
        load_onnx(path, size=112, device="cpu")


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("opset", [17, 20])
def test_images_may_have_their_channels_last_or_be_grey(tmp_path, trainable, opset):
    """The network gets what it gets with channels first: weighted by hand, pixel for pixel."""
    options = {"trainable": trainable, "device": "cpu", "mean": 10, "scale": 0.1}
    first = load_onnx(graph(PLAIN, tmp_path / "first.onnx", opset=opset), **options)
    turn = helper.make_node("Transpose", ["image"], ["turned"], perm=[0, 3, 1, 2])
    nodes = [turn, helper.make_node("Conv", ["turned", "w"], ["c"]), *PLAIN[1:]]
    last = load_onnx(graph(nodes, tmp_path / "last.onnx", shape=("n", 8, 8, 3), opset=opset), **options)
    images = torch.rand(5, 8, 8, 3, generator=torch.Generator().manual_seed(0)) * 255
    torch.testing.assert_close(last.embed(images), first.embed(images), rtol=1e-5, atol=1e-5)
    wide = helper.make_node("Concat", ["image", "image", "image"], ["three"], axis=1)
    nodes = [wide, helper.make_node("Conv", ["three", "w"], ["c"]), *PLAIN[1:]]
    grey = load_onnx(graph(nodes, tmp_path / "grey.onnx", shape=("n", 1, 8, 8), opset=opset), **options)
    luminance = (images @ torch.tensor([0.299, 0.587, 0.114]))[..., None].expand(-1, -1, -1, 3)
    torch.testing.assert_close(grey.embed(images), first.embed(luminance), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="bgr must be False for a network of grey images; got True"):
        load_onnx(tmp_path / "grey.onnx", bgr=True)
    with pytest.raises(ValueError, match=r"mean must be one number; got \(1, 2, 3\)"):
        load_onnx(tmp_path / "grey.onnx", mean=(1, 2, 3))


def test_a_deviation_per_channel(small):
    images = torch.rand(2, 16, 16, 3, generator=torch.Generator().manual_seed(0)) * 255
    mean, deviation = torch.tensor([123.7, 116.3, 103.5]), torch.tensor([58.4, 57.1, 57.4])
    embedder = load_onnx(small, mean=mean.tolist(), scale=(1 / deviation).tolist(), device="cpu")
    expected = by_onnxruntime(small, ((images - mean) / deviation).permute(0, 3, 1, 2))
    torch.testing.assert_close(embedder.embed(images), expected, rtol=1e-4, atol=1e-4)


def moved(model, nodes_of) -> None:
    """Replace every weight of a model by nodes that give it."""
    weights = list(model.graph.initializer)
    del model.graph.initializer[:]
    for node in [node for tensor in weights for node in nodes_of(tensor, model.graph.initializer)][::-1]:
        model.graph.node.insert(0, node)


def in_constants(tensor, _):
    return [helper.make_node("Constant", [], [tensor.name], value=tensor)]


def from_half(tensor, stored):
    array = numpy_helper.to_array(tensor)
    halves = array.astype(np.float16) if array.dtype == np.float32 else array
    stored.append(numpy_helper.from_array(halves, f"{tensor.name} half"))
    return [helper.make_node("Cast", [f"{tensor.name} half"], [tensor.name], to=tensor.data_type)]


def in_blocks(tensor, stored):
    """Return a matrix as integers with one scale per block of two columns, other arrays as they are."""
    array = numpy_helper.to_array(tensor)
    if array.ndim != 2:
        stored.append(tensor)
        return []
    scale = (np.abs(array.reshape(len(array), -1, 2)).max(axis=2) / 127).astype(np.float32)
    whole = np.round(array / scale.repeat(2, axis=1)).astype(np.int8)
    for name, value in (("whole", whole), ("scale", scale), ("zero", np.zeros_like(scale, np.int8))):
        stored.append(numpy_helper.from_array(value, f"{tensor.name} {name}"))
    inputs = [f"{tensor.name} {name}" for name in ("whole", "scale", "zero")]
    return [helper.make_node("DequantizeLinear", inputs, [tensor.name], axis=1, block_size=2)]


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("how", [in_constants, from_half, in_blocks, None])
def test_weights_may_stand_anywhere(tmp_path, small, trainable, how):
    """In constants, as casts of halves, as integers in blocks, among the inputs: the output is that of the file."""
    model, path = onnx.load(small), tmp_path / "moved.onnx"
    if how is None:
        for tensor in model.graph.initializer:
            model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    else:
        moved(model, how)
        model.opset_import[0].version = 21 if how is in_blocks else 17
    onnx.save(model, path)
    embedder = load_onnx(path, trainable=trainable, device="cpu")
    assert_agrees(path, embedder, seeded_images(16))
    assert embedder.weights == load_onnx(small, device="cpu").weights


class Ending(nn.Module):
    """A small network with an end that exporters write in many operations."""

    def __init__(self, end: str):
        super().__init__()
        self.body, self.end = SmallNetwork(), end
        self.norm = nn.BatchNorm1d(5)
        nn.init.uniform_(self.norm.running_var, 0.5, 2)

    def forward(self, image):
        found = self.body(image)
        if self.end == "normalize":
            return nn.functional.normalize(found)
        return self.norm(found.view(found.size(0), -1))


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("opset", [11, 13, 17, 18, 20])
@pytest.mark.parametrize("end", ["normalize", "norm after view"])
@pytest.mark.parametrize("axes", [True, False])
def test_networks_may_end_in_a_normalisation(tmp_path, trainable, opset, end, axes):
    path = write(Ending(end), tmp_path / "ending.onnx", opset=opset, axes=axes)
    embedder = load_onnx(path, trainable=trainable, device="cpu")
    assert_agrees(path, embedder, seeded_images(16))
    assert embedder.network.batch is None


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("end", ["normalize", "norm after view"])
def test_the_default_exporter_of_torch_is_read_with_its_weights_beside_the_file(tmp_path, trainable, end):
    path = tmp_path / "default.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Ending(end).eval(), (torch.zeros(2, 3, 16, 16),), path, verbose=False)
    assert (tmp_path / "default.onnx.data").exists()
    embedder = load_onnx(path, trainable=trainable, device="cpu")
    images = seeded_images(16)
    inputs = embedder.preprocess(torch.from_numpy(images[:2])).contiguous().numpy()
    (expected,) = onnxruntime.InferenceSession(path).run(None, {embedder_input(path): inputs})
    np.testing.assert_allclose(embedder.embed(images)[:2], expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    digest = arrays_digest(embedder.network.state_dict())
    data = tmp_path / "default.onnx.data"
    data.write_bytes(bytes([data.read_bytes()[0] ^ 1]) + data.read_bytes()[1:])
    assert arrays_digest(load_onnx(path, trainable=trainable, device="cpu").network.state_dict()) != digest
    data.unlink()
    with pytest.raises(ValueError, match="its weights are in the file 'default.onnx.data', which is not beside it"):
        load_onnx(path, trainable=trainable)


def embedder_input(path) -> str:
    return onnxruntime.InferenceSession(path).get_inputs()[0].name


@pytest.mark.parametrize("trainable", [False, True])
def test_functions_of_the_file_are_read(tmp_path, trainable):
    """Some exporters write an activation as a function of several operations."""
    model = onnx.load(graph(PLAIN, tmp_path / "plain.onnx"))
    twice = helper.make_node("Add", ["x", "x"], ["twice"])
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("file", 1)]
    model.functions.append(helper.make_function("file", "Double", ["x"], ["twice"], [twice], imports[:1]))
    model.graph.node.append(helper.make_node("Double", ["y"], ["z"], domain="file"))
    model.graph.output[0].name = "z"
    del model.opset_import[:]
    model.opset_import.extend(imports)
    onnx.save(model, tmp_path / "double.onnx")
    images = seeded_images(8)
    plain, double = (
        load_onnx(tmp_path / f"{name}.onnx", trainable=trainable, device="cpu") for name in ("plain", "double")
    )
    torch.testing.assert_close(2 * plain.embed(images), double.embed(images))


def test_halves_and_doubles_are_read_and_give_floats(tmp_path):
    images = seeded_images(8)
    for kind in (TensorProto.FLOAT16, TensorProto.DOUBLE):
        cast = helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT)
        back = helper.make_node("Cast", ["y"], ["z"], to=kind)
        nodes = [cast, helper.make_node("Conv", ["float", "w"], ["c"]), *PLAIN[1:], back]
        path = graph(nodes, tmp_path / "other.onnx", kind=kind, outputs=("z",))
        found = load_onnx(path, device="cpu").embed(images)
        expected = load_onnx(graph(PLAIN, tmp_path / "float.onnx"), device="cpu").embed(images)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-3 if kind == TensorProto.FLOAT16 else 1e-6)


def test_vectors_with_two_empty_axes_are_embeddings(tmp_path):
    path = graph([CONVOLUTION, POOL], tmp_path / "four.onnx", outputs=("p",))
    assert load_onnx(path, device="cpu").embed(seeded_images(8)).shape == (len(seeded_images(8)), 4)


def test_onnxruntime_gives_no_derivatives_and_says_so(small):
    network = load_onnx(small, device="cpu").network
    image = torch.zeros(1, 3, 16, 16)
    message = r"onnxruntime gives no derivatives: load_onnx\(..., trainable=True\) does"
    with pytest.raises(RuntimeError, match=message):
        network(image.clone().requires_grad_())
    with torch.autograd.forward_ad.dual_level(), pytest.raises(RuntimeError, match=message):
        network(torch.autograd.forward_ad.make_dual(image, image))


def test_what_onnx2torch_does_not_know_can_be_embedded_but_not_trained(tmp_path):
    path = graph([*PLAIN, GELU], tmp_path / "gelu.onnx", opset=20, outputs=("z",))
    assert load_onnx(path, device="cpu").dim == 4
    message = "operation Gelu of opset 20 of the domain 'ai.onnx': images can be embedded with it"
    with pytest.raises(ValueError, match=message):
        load_onnx(path, trainable=True, device="cpu")


def bad(*nodes, **options):
    """Return the arguments of a graph."""
    return nodes or PLAIN, options


GELU = helper.make_node("Gelu", ["y"], ["z"])
OWN = helper.make_node("Blur", ["y"], ["z"], domain="my.ops")
LATER = helper.make_node("Later", ["y"], ["z"])
CONSTANT = [helper.make_node("Sub", ["y", "y"], ["z"])]

BAD_FILES = {
    "path must be a complete ONNX file": None,
    "path must be a network with one input; {path} has ['image', 'other']": bad(inputs=("image", "other")),
    "path must be a network that takes floats; {path} takes uint8: export it in float32": bad(kind=TensorProto.UINT8),
    "grey with 1 in place of 3; {path} takes ('open', 3, 8, 9)": bad(shape=("n", 3, 8, 9)),
    "grey with 1 in place of 3; {path} takes ('open', 4, 8, 8)": bad(shape=("n", 4, 8, 8)),
    "grey with 1 in place of 3; {path} takes ('open', 192)": bad(shape=("n", 192)),
    "size must be given, because {path} leaves it open and does not run with 112, 160, 224, 96, 128, 150, 256": bad(
        CONVOLUTION, helper.make_node("Reshape", ["c", "flat"], ["y"]), shape=("n", 3, "h", "w")
    ),
    "path must be a network of images; {path} fails on one: ": bad(
        CONVOLUTION, helper.make_node("Reshape", ["c", "flat"], ["y"])
    ),
    "output must name one of 'y', 'p'": bad(outputs=("y", "p")),
    "path must be a network with output (N, d); {path} gives (1, 4, 8, 8)": bad(CONVOLUTION, outputs=("c",)),
    "No Op registered for Later with domain_version of 17: update onnxruntime": bad(*PLAIN, LATER, outputs=("z",)),
    "my.ops:Blur(-1) is not a registered function/op: update onnxruntime": bad(
        *PLAIN, OWN, outputs=("z",), domain="my.ops"
    ),
    "or without operations of one's own, or give embeddings.npy in place of the network": bad(opset=99),
    "with finite output in floats": bad(*PLAIN, CONSTANT[0], helper.make_node("Log", ["z"], ["l"]), outputs=("l",)),
    "path must be a network that tells images apart; {path} gives the same output for all": bad(
        *PLAIN, *CONSTANT, outputs=("z",)
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
    "crop must be one of 'arcface', 'wide', 'mtcnn'; got 'tight'": {"crop": "tight"},
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
