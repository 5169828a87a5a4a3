"""embed and preprocess: batching, types, sizes and what they refuse."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.models.embedder import FaceEmbedder, Preprocess, check_images
from frlib.models.layers import IMAGE, Sketch, randomize, read_network
from tests.models.seeded_images import seeded_images


@pytest.fixture(scope="module")
def tiny():
    """A network small enough for many runs: convolution, PReLU, mean."""
    sketch = Sketch(8)
    layer = sketch.convolution(IMAGE, torch.zeros(5, 3, 3, 3), same=True, stride=(2, 2))
    layer = sketch.add("PReLU", layer, tensors={"weight": torch.ones(5)}, num_parameters=5)
    sketch.add("SpatialMean", layer)
    network = read_network(sketch.stored())
    randomize(network, seed=0)
    preprocess = Preprocess(8, (127.5,) * 3, 1 / 128)
    return FaceEmbedder("tiny", network, preprocess, metric="cosine", dim=5, crop="arcface", licence="", device="cpu")


@settings(max_examples=25)
@given(count=st.integers(1, 9), batch_size=st.integers(1, 12))
def test_batches_change_nothing(tiny, count, batch_size):
    images = np.random.default_rng(count).uniform(0, 255, (count, 8, 8, 3)).astype(np.float32)
    whole = tiny.embed(images, batch_size=count)
    assert whole.shape == (count, 5) and whole.dtype == torch.float32
    torch.testing.assert_close(tiny.embed(images, batch_size=batch_size), whole, rtol=1e-6, atol=1e-6)


def test_batches_change_only_rounding_in_a_published_network(pretrained):
    embedder = pretrained("mobilefacenet")
    images = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3), dtype=np.uint8)
    one, four = (embedder.embed(images, batch_size=size, progress=False) for size in (1, 4))
    assert float((one - four).abs().max()) < 1e-5 * float(one.abs().max())


def test_types_that_hold_the_same_pixels_give_the_same_embedding(tiny):
    images = seeded_images(8)
    expected = tiny.embed(images)
    for same in (torch.from_numpy(images), images.astype(np.float32), images.astype(np.float64), list(images)):
        assert torch.equal(tiny.embed(same), expected)


def test_float_images_keep_what_rounding_would_destroy(tiny):
    image = np.full((1, 8, 8, 3), 100.0)
    assert not torch.equal(tiny.embed(image), tiny.embed(image + 0.25))


def test_embedding_needs_no_gradient_and_leaves_the_input_alone(tiny):
    images = torch.rand(3, 8, 8, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    before = images.detach().clone()
    embeddings = tiny.embed(images)
    assert not embeddings.requires_grad and torch.equal(images.detach(), before)


def test_network_in_float64_embeds_in_float64(tiny):
    network = read_network({**tiny.network.state_dict(), "layers": _layers(tiny.network)}).double()
    double = FaceEmbedder(
        "double", network, tiny.preprocess, metric="cosine", dim=5, crop="arcface", licence="", device="cpu"
    )
    found = double.embed(seeded_images(8))
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), tiny.embed(seeded_images(8)), rtol=1e-5, atol=1e-6)


def _layers(network):
    sketch = Sketch(8)
    sketch.layers = list(network.layers)
    return sketch.stored()["layers"]


@pytest.mark.parametrize("size", [4, 8, 16, 21])
def test_resize_keeps_constants_and_has_the_input_size(size):
    preprocess = Preprocess(8, (1, 2, 3), 2.0, bgr=True)
    image = torch.tensor([10.0, 20.0, 30.0]).expand(1, size, size, 3)
    expected = torch.tensor([58.0, 36.0, 14.0])[None, :, None, None].expand(1, 3, 8, 8)
    torch.testing.assert_close(preprocess(image), expected, rtol=1e-5, atol=1e-4)


def test_resize_to_a_smaller_size_filters_first():
    """A checkerboard of single pixels averages to grey; without the filter it would leave a pattern."""
    board = (np.indices((32, 32)).sum(0) % 2 * 255.0)[None, :, :, None].repeat(3, 3)
    small = Preprocess(8)(torch.from_numpy(board))
    assert float((small - 127.5)[..., 1:-1, 1:-1].abs().max()) == 0


def test_preprocessing_is_differentiable():
    images = torch.rand(1, 12, 12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    images = (images * 255).requires_grad_()
    assert torch.autograd.gradcheck(Preprocess(6, (1, 2, 3), 0.5, bgr=True), images)


def test_progress_bar_only_for_several_batches(tiny, capsys):
    images = np.zeros((4, 8, 8, 3), np.uint8)
    tiny.embed(images)
    tiny.embed(images, batch_size=1, progress=False)
    assert capsys.readouterr().err == ""
    tiny.embed(images, batch_size=1)
    assert "tiny" in capsys.readouterr().err


BAD_IMAGES = {
    "got shape (8, 8, 3)": np.zeros((8, 8, 3), np.uint8),
    "got shape (1, 3, 8, 8)": np.zeros((1, 3, 8, 8), np.uint8),
    "got shape (1, 8, 9, 3)": np.zeros((1, 8, 9, 3), np.uint8),
    "got shape (0, 8, 8, 3)": np.zeros((0, 8, 8, 3), np.uint8),
    "got torch.int64": np.zeros((1, 8, 8, 3), np.int64),
    "got torch.bool": np.zeros((1, 8, 8, 3), bool),
    "got values from 0 to 255.5": np.linspace(0, 255.5, 192).reshape(1, 8, 8, 3),
    "got values from -1 to 1": np.linspace(-1, 1, 192).reshape(1, 8, 8, 3),
    "got values from nan to nan": np.full((1, 8, 8, 3), np.nan),
    "got values from 0 to inf": np.where(np.arange(192) == 5, np.inf, 0).reshape(1, 8, 8, 3),
}


@pytest.mark.parametrize("message", BAD_IMAGES)
def test_bad_images_are_refused_by_name_and_value(message, tiny):
    with pytest.raises(ValueError) as error:
        tiny.embed(BAD_IMAGES[message])
    assert str(error.value).startswith("images must") and message in str(error.value)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, True])
def test_bad_batch_size_is_refused(batch_size, tiny):
    with pytest.raises(ValueError, match="batch_size must be an integer of at least 1"):
        tiny.embed(np.zeros((1, 8, 8, 3), np.uint8), batch_size=batch_size)


def test_good_images_are_not_copied():
    images = np.zeros((2, 8, 8, 3), np.float32)
    assert check_images(images).data_ptr() == images.ctypes.data


def test_the_push_forward_is_linear_in_the_direction(pretrained):
    generator = torch.Generator().manual_seed(0)
    images = 255 * torch.rand(2, 112, 112, 3, generator=generator)
    first, second = (torch.randn(images.shape, generator=generator) for _ in range(2))
    push = pretrained("mobilefacenet").push_forward
    both, parts = push(images, first - 2 * second), push(images, first) - 2 * push(images, second)
    torch.testing.assert_close(both, parts, rtol=1e-3, atol=1e-3 * float(both.abs().max()))
