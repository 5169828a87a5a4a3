"""The published networks: parity with their own runtimes, preprocessing, training and derivatives.

Parity of the repaired mobilefacenet has two halves: the graph as published computes here what it computes in
TensorFlow.js, which pins down every weight and every layer; and the repair is shown on graphs of known value to undo
exactly the two faults (test_graph_rewriting). No program computes the repaired network to compare with.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.numpy import load_file
from torch.func import functional_call, jvp

from frlib.models import DEFAULT_NETWORKS, NETWORKS, available, load
from frlib.models.catalogue import fetch
from frlib.models.convert.tensorflow import convert
from frlib.models.convert.tfjs import read_graph
from frlib.models.layers import read_network
from tests.models.seeded_images import seeded_images

REFERENCES = load_file(Path(__file__).with_name("references.safetensors"))
PUBLISHED_OUTPUT = "MobileFaceNet/Logits/SpatialSqueeze"


def assert_same_activations(found, expected):
    """Both programs round to float32 in another order: 1e-5 of the largest activation, and 1e-7 in the cosine."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert (1 - (found * expected).sum(1) / norms).max() < 1e-7


FILES = {name: network.files[0].local for name, network in NETWORKS.items()}
ONNX = [name for name, path in FILES.items() if path.suffix == ".onnx"]


@pytest.mark.parametrize("name", ONNX)
def test_embedding_equals_that_of_the_file_in_onnxruntime(name, pretrained):
    embedder = pretrained(name)
    fetch(name, progress=False)
    model = onnx.load(FILES[name])
    del model.graph.input[1:]  # weights, which stand there too
    session = onnxruntime.InferenceSession(model.SerializeToString())
    images = seeded_images(embedder.input_size).astype(np.float32).transpose(0, 3, 1, 2)
    expected = [session.run(None, {model.graph.input[0].name: image[None]})[0][0] for image in images]
    assert_same_activations(embedder.embed(seeded_images(embedder.input_size)), expected)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("mobilefacenet", *ONNX)])
def test_embedding_equals_that_of_the_published_program(name, pretrained):
    embedder = pretrained(name)
    assert_same_activations(embedder.embed(seeded_images(embedder.input_size)), REFERENCES[name])


@pytest.mark.parametrize("simplify", [True, False])
def test_mobilefacenet_as_published_equals_the_published_program(simplify, pretrained):
    fetch("mobilefacenet")
    graph = read_graph(NETWORKS["mobilefacenet"].files[0].local)
    stored = convert(graph, PUBLISHED_OUTPUT, size=112, simplify=simplify)
    with torch.no_grad():
        found = read_network(stored)(pretrained("mobilefacenet").preprocess(torch.from_numpy(seeded_images(112))))
    assert_same_activations(found, REFERENCES["mobilefacenet-as-published"])


def dissimilarity(embeddings):
    """Return 1 - cos of the two embeddings."""
    return 1 - float(torch.cosine_similarity(*torch.as_tensor(embeddings), dim=0))


def test_repair_lets_mobilefacenet_tell_images_apart(pretrained):
    """As published it maps waves and noise to almost the same direction."""
    embedder = pretrained("mobilefacenet")
    assert sum(isinstance(module, torch.nn.PReLU) for module in embedder.network.modules()) == 33
    assert dissimilarity(REFERENCES["mobilefacenet-as-published"]) == pytest.approx(0.00236, abs=1e-5)
    assert dissimilarity(embedder.embed(seeded_images(112))) == pytest.approx(0.3762, abs=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_catalogue_says_what_the_network_is(name, pretrained):
    embedder, row = pretrained(name), available().set_index("name").loc[name]
    assert row.dim == embedder.dim == embedder.embed(seeded_images(64)).shape[1]
    assert row.parameters == sum(parameter.numel() for parameter in embedder.network.parameters())
    assert row.metric == embedder.metric and row.licence == embedder.licence and row.offline
    assert embedder.crop == ("wide" if name == "dlib" else "arcface")
    assert embedder.metric == ("euclidean" if name == "dlib" else "cosine")


def test_default_networks_are_the_face_networks():
    table = available().iloc[: len(NETWORKS)]
    assert list(table.columns) == "name dim metric parameters licence source offline role".split()
    assert tuple(table.name[table.role == "face"]) == DEFAULT_NETWORKS
    assert DEFAULT_NETWORKS == ("mobilefacenet", "mobileface", "faceres", "dlib", "sface")
    others = {"control": ["efficientnet-lite0"], "relative": ["faceres-deep"], "attributes": ["gear", "emotion"]}
    assert {role: list(own.name) for role, own in table.groupby("role") if role != "face"} == others
    assert list(table.name) == list(NETWORKS)


PREPROCESSING = {
    "mobilefacenet": lambda rgb: (rgb - 127.5) / 128,
    "mobileface": lambda rgb: rgb,
    "faceres": lambda rgb: rgb[..., ::-1] - np.array([103.939, 116.779, 123.68]),
    "sface": lambda rgb: rgb,
    "dlib": lambda rgb: (rgb - np.array([122.782, 117.001, 104.298])) / 255,
    "efficientnet-lite0": lambda rgb: (rgb - 127) / 128,
    "faceres-deep": lambda rgb: rgb[..., ::-1] - np.array([103.939, 116.779, 123.68]),
    "gear": lambda rgb: rgb / 255,
    "emotion": lambda rgb: (rgb @ np.array([[0.299], [0.587], [0.114]]) / 255 - 0.5) * 2,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_preprocessing_is_that_of_the_network_in_float64(name):
    preprocess = NETWORKS[name].preprocess
    images = np.random.default_rng(0).uniform(0, 255, (2, preprocess.size, preprocess.size, 3))
    found = preprocess(torch.from_numpy(images))
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.permute(0, 2, 3, 1).numpy(), PREPROCESSING[name](images), rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_gradient_step_lowers_a_loss_and_reaches_every_parameter(name):
    embedder = load(name, device="cpu")
    network, images = embedder.network, embedder.preprocess(torch.from_numpy(seeded_images(embedder.input_size)))
    parameters = dict(network.named_parameters())
    assert all(parameter.requires_grad for parameter in parameters.values())

    def loss():
        first, second = network(images)
        return torch.cosine_similarity(first, second, dim=0)

    before = loss()
    before.backward()
    gradients = {key: parameter.grad for key, parameter in parameters.items()}
    without = [key for key, gradient in gradients.items() if gradient is None or not gradient.any()]
    assert not without
    squared = sum(float(gradient.square().sum()) for gradient in gradients.values())
    with torch.no_grad():
        for key, parameter in parameters.items():
            parameter -= 1e-3 / squared * gradients[key]
        # To first order the loss falls by 1e-3.
        assert float(before - loss()) == pytest.approx(1e-3, rel=0.1)


def smooth_image(size):
    """Return an image (1, size, size, 3) in float64 without flat parts, where max pooling would have ties."""
    return torch.from_numpy(seeded_images(size)[:1].astype(float)) * 0.8 + 20


@pytest.mark.parametrize("name", NETWORKS)
def test_jvp_equals_central_differences(name):
    embedder = load(name, device="cpu")
    network = embedder.network.double()
    image = smooth_image(embedder.input_size)
    generator = torch.Generator().manual_seed(1)
    image = image + torch.rand(image.shape, generator=generator, dtype=image.dtype)
    direction = torch.cos(torch.linspace(0, 9, image.numel(), dtype=image.dtype)).reshape(image.shape)

    def function(x):
        return network(embedder.preprocess(x))

    with torch.no_grad():
        _, exact = jvp(function, (image,), (direction,))
        step = 1e-6
        difference = (function(image + step * direction) - function(image - step * direction)) / (2 * step)
    assert float((exact - difference).norm() / exact.norm()) < 1e-6


def test_jvp_passes_through_the_resize(pretrained):
    embedder = pretrained("mobilefacenet")
    image = smooth_image(150)
    direction = torch.ones_like(image)
    _, exact = jvp(embedder.preprocess, (image,), (direction,))
    # The resize is an average, so that a constant stays one; then the scale.
    torch.testing.assert_close(exact, torch.full_like(exact, 1 / 128), rtol=1e-6, atol=0)


def test_training_mode_changes_nothing(pretrained):
    network = pretrained("mobileface").network
    images = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        evaluated = network.eval()(images)
        trained = network.train()(images)
        network.eval()
    assert torch.equal(evaluated, trained)


def test_layout_with_channels_last_changes_only_rounding(pretrained):
    embedder = pretrained("mobilefacenet")
    images = embedder.preprocess(torch.from_numpy(seeded_images(112)))
    plain = {key: value.contiguous() for key, value in embedder.network.state_dict().items()}
    with torch.no_grad():
        expected = functional_call(embedder.network, plain, images.contiguous())
    assert_same_activations(embedder.embed(seeded_images(112)), expected)


def test_random_network_has_the_architecture_and_its_own_name(pretrained):
    trained = pretrained("mobileface")
    first, again, other = (load("mobileface", "cpu", weights="random", seed=seed) for seed in (0, 0, 1))
    assert first.name == "mobileface-random" and first.dim == trained.dim
    assert str(first.network) == str(trained.network)
    images = seeded_images(112)
    assert torch.equal(first.embed(images), again.embed(images))
    assert not torch.allclose(first.embed(images), other.embed(images))
    weight = first.network.steps["Linear_1"].weight
    assert float(weight.detach().std()) == pytest.approx((2 / weight.shape[1]) ** 0.5, rel=0.02)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "arcface"}, "name must be one of 'mobilefacenet', .*; got 'arcface'"),
        ({"name": "dlib", "weights": "none"}, "weights must be one of 'pretrained', 'random'; got 'none'"),
        ({"name": "dlib", "seed": -1}, "seed must be an integer of at least 0; got -1"),
        ({"name": "dlib", "device": "tpu9"}, "device must be"),
    ],
)
def test_bad_arguments_of_load(arguments, message):
    with pytest.raises(ValueError, match=message):
        load(**arguments)
