"""Joined steps change nothing but the time: same output as layer by layer, whatever the padding and the filter."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from frlib.models import NETWORKS, inference
from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.models.inference import FEW, cut, for_inference, through
from frlib.models.joined import JoinedConvolution, can_be_joined, joined
from frlib.models.layers import IMAGE, Sketch, randomize, read_network

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_convolution_pointwise"), reason="torch was built without oneDNN"
)


def network_of(sketch: Sketch):
    network = read_network(sketch.stored())
    randomize(network, seed=0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.bias.normal_(generator=torch.Generator().manual_seed(1))
    return network


def branched(size: int = 12):
    """A network with what must not be joined: a value that is read twice, PReLU, and padding before something else."""
    sketch = Sketch(size)
    first = sketch.convolution(IMAGE, torch.zeros(6, 3, 3, 3), same=True, stride=(2, 2))
    relu = sketch.add("ReLU6", first)
    both = sketch.add("Add", first, relu)
    sloped = sketch.add("PReLU", both, tensors={"weight": torch.ones(6)}, num_parameters=6)
    second = sketch.add("ReLU", sketch.convolution(sloped, torch.zeros(6, 1, 3, 3), same=True, groups=6))
    pooled = sketch.add("MaxPool2d", sketch.add("ZeroPad2d", second, padding=[0, 1, 0, 1]), kernel_size=2, stride=2)
    sketch.add("SpatialMean", sketch.convolution(pooled, torch.zeros(5, 6, 1, 1)))
    return network_of(sketch)


def images_like(count: int, size: int) -> torch.Tensor:
    images = torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))
    return images.contiguous(memory_format=torch.channels_last)


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


@settings(max_examples=40)
@given(
    zeros=st.tuples(*[st.integers(0, 3)] * 4),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    grouped=st.booleans(),
    activation=st.sampled_from(["ReLU", "ReLU6", "Abs", None]),
    count=st.integers(1, 5),
)
def test_any_padding_filter_and_activation(zeros, kernel, stride, dilation, grouped, activation, count):
    sketch = Sketch(9)
    value = sketch.add("ZeroPad2d", IMAGE, padding=list(zeros))
    weight = torch.zeros(6, 1 if grouped else 3, *kernel)
    geometry = {"stride": (stride, stride), "dilation": (dilation, dilation), "groups": 3 if grouped else 1}
    value = sketch.convolution(value, weight, **geometry)
    if activation:
        sketch.add(activation, value)
    network, images = network_of(sketch), images_like(count, 9)
    shapes = {name: (2, *shape[1:]) for name, shape in network.shapes(9).items()}
    with torch.no_grad():
        fast = joined(network, shapes)
        assert len(fast.layers) == 1 + (activation == "Abs") + (dilation > 1)
        assert_same(fast(images), network(images))


def test_own_padding_of_a_convolution_adds_up():
    convolution, images = nn.Conv2d(3, 4, 3, padding=(1, 2)), images_like(2, 9)
    with torch.no_grad():
        expected = nn.Sequential(nn.ZeroPad2d((1, 0, 0, 2)), convolution, nn.ReLU())(images)
        assert_same(JoinedConvolution(convolution, (1, 0, 0, 2), nn.ReLU, (2, 3, 9, 9))(images), expected)


@pytest.mark.parametrize("count", [1, 2, 7, 16, 17])
def test_branches_are_kept(count):
    network, images = branched(), images_like(count, 12)
    ((fast, at_once),) = for_inference(network, 12, 99, 64)
    assert at_once == 64 and can_be_joined(network)
    steps = joined(network, network.shapes(12))
    kinds = [type(steps.steps[layer.name]).__name__ for layer in steps.layers]
    assert kinds.count("JoinedConvolution") == 3 and kinds.count("ReLU6") == 1 and "ReLU" not in kinds
    with torch.no_grad():
        assert_same(fast(images), network(images))


@pytest.mark.parametrize("private", ["_reorder_convolution_weight", "_convolution_pointwise"])
@pytest.mark.parametrize("error", [RuntimeError, TypeError, AttributeError, AssertionError])
def test_whatever_the_private_calls_raise_the_layers_give_the_output(private, error, monkeypatch):
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        raise error("another torch")

    monkeypatch.setattr(torch.ops.mkldnn, private, fail)
    network, images = branched(), torch.rand(20, 12, 12, 3, generator=torch.Generator().manual_seed(0)) * 255
    embedder = FaceEmbedder(
        "b", network, Preprocess(12), metric="cosine", dim=5, crop="arcface", licence="", device="cpu"
    )
    with pytest.warns(UserWarning, match="step by step, which is slower: another torch"):
        found = embedder.embed(images, batch_size=4)
    assert len(calls) == 1, "a call that failed is not tried again"
    with torch.no_grad():
        assert_same(found, network(embedder.preprocess(images)))


def test_an_error_of_the_network_itself_is_raised():
    ((fast, _),) = for_inference(branched(), 12, 99, 64)
    with torch.no_grad(), pytest.warns(UserWarning, match="step by step"):
        for _ in range(2):
            with pytest.raises(RuntimeError, match="expected input"):
                fast(torch.zeros(2, 4, 12, 12))


@pytest.mark.parametrize("name", NETWORKS)
def test_published_networks_keep_their_embeddings(name, pretrained):
    embedder = pretrained(name)
    images = torch.randint(0, 256, (18, *[embedder.input_size] * 2, 3), generator=torch.Generator().manual_seed(0))
    images = images.to(torch.uint8)
    with torch.no_grad():
        expected = embedder.network(embedder.preprocess(images))
    assert_same(embedder.embed(images, progress=False), expected)
    assert_same(embedder.embed(images[:3], progress=False), expected[:3])


def test_embeddings_follow_the_weights():
    """Sorted copies of weights must not outlive a change, whichever way it is made."""
    network = branched()
    embedder = FaceEmbedder(
        "b", network, Preprocess(12), metric="cosine", dim=5, crop="arcface", licence="", device="cpu"
    )
    images = torch.rand(20, 12, 12, 3, generator=torch.Generator().manual_seed(0)) * 255
    for change in (
        lambda p: p.detach().mul_(1.1),
        lambda p: setattr(p, "data", p.data + 0.1),
        lambda p: p.data.mul_(2),
    ):
        before = embedder.embed(images)
        change(next(network.parameters()))
        after = embedder.embed(images)
        with torch.no_grad():
            assert_same(after, network(embedder.preprocess(images)))
        assert not torch.allclose(before, after)


def test_values_stay_below_the_limit(pretrained):
    network = pretrained("efficientnet-lite0").network
    shapes = network.shapes(224)
    stages = cut(network, shapes, 64)
    assert [layer.name for part, *_ in stages for layer in part.layers] == [layer.name for layer in network.layers]
    for part, source, at_once in stages:
        names = [source, *(layer.name for layer in part.layers)]
        assert at_once * max(math.prod(shapes[name]) for name in names) * 4 <= 20_000_000
        assert math.prod(shapes[names[-1]]) * 64 * 4 <= 20_000_000, "what goes on is that of a whole batch"
    numbers = [at_once for *_, at_once in stages]
    assert numbers[0] == 20_000_000 // (4 * 96 * 112 * 112) and all(2 * a <= b for a, b in pairwise(numbers[:-1]))
    assert numbers[-1] == 64
    assert [at_once for _, at_once in for_inference(network, 224, 1000, 2)] == [2]


def skipping(size: int = 12):
    """A network with a value that is added one convolution later, which no part may cut off; and the like after it."""
    sketch = Sketch(size)
    value = sketch.add("ReLU", sketch.convolution(IMAGE, torch.zeros(8, 3, 3, 3), same=True))
    for activation in ("ReLU", "ReLU6", None, "ReLU"):
        inner = sketch.add("ReLU", sketch.convolution(value, torch.zeros(8, 8, 3, 3), same=True))
        value = sketch.add("Add", value, sketch.convolution(inner, torch.zeros(8, 8, 1, 1)))
        value = sketch.add(activation, value) if activation else value
    halved = sketch.add("AvgPool2d", value, kernel_size=2)
    first = sketch.convolution(value, torch.zeros(8, 8, 3, 3), same=True, stride=(2, 2))
    second = sketch.add("Add", first, sketch.convolution(halved, torch.zeros(8, 8, 1, 1)))
    sketch.add("SpatialMean", sketch.add("Add", second, halved))
    return network_of(sketch)


@pytest.mark.parametrize("count", [1, 5])
def test_sums_are_part_of_a_convolution(count):
    network, images = skipping(), images_like(count, 12)
    steps = joined(network, network.shapes(12))
    kinds = [type(steps.steps[layer.name]).__name__ for layer in steps.layers]
    # The last sum has no convolution of its own; ReLU6 after a sum is none of the calls.
    assert kinds.count("Elementwise") == 1 and kinds.count("ReLU6") == 1 and "ReLU" not in kinds
    with torch.no_grad():
        assert_same(steps(images), network(images))


@settings(max_examples=20)
@given(limit=st.integers(1, 40_000), batch_size=st.integers(1, 9), count=st.integers(1, 9))
def test_parts_make_the_whole(limit, batch_size, count):
    network, images = skipping(), images_like(count, 12)
    with torch.no_grad(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(inference, "LARGEST_VALUE", limit)
        stages = [(part, at_once) for part, _, at_once in cut(network, network.shapes(12), batch_size)]
        assert_same(through(stages, images), network(images))


@pytest.mark.parametrize("count", [1, 3, 17, 40])
def test_threads_give_the_same_and_torch_its_own_back(count):
    embedder = FaceEmbedder(
        "b", branched(), Preprocess(12), metric="cosine", dim=5, crop="arcface", licence="", device="cpu"
    )
    images = torch.rand(count, 12, 12, 3, generator=torch.Generator().manual_seed(0)) * 255
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(embedder.embed(images, batch_size=8, progress=False))
            assert torch.get_num_threads() == threads and not found[-1].requires_grad
    finally:
        torch.set_num_threads(before)
    assert_same(*found)


def test_what_cannot_be_joined_is_left_alone():
    double, other = branched().double(), nn.Sequential(nn.Conv2d(3, 2, 12), nn.Flatten())
    for network in (double, other):
        assert for_inference(network, 12, 1000, 64) == [(network, FEW)]
    assert for_inference(double, 12, 1000, 3) == [(double, 3)]


def test_a_network_of_grey_images_is_joined():
    sketch = Sketch(12, channels=1)
    layer = sketch.add("ReLU", sketch.convolution(IMAGE, torch.zeros(6, 1, 3, 3), same=True, stride=(2, 2)))
    sketch.add("SpatialMax", layer)
    network, images = network_of(sketch), images_like(20, 12)[:, :1]
    ((fast, at_once),) = for_inference(network, 12, 20, 64, channels=1)
    assert at_once == 64 and fast is not network
    with torch.no_grad():
        assert_same(fast(images), network(images))
