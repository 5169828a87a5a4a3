"""Every operation, on graphs small enough to compute by hand, against numpy."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frlib.models.convert.tensorflow import BUILDERS, convert
from frlib.models.convert.tfjs import read_graph, read_weights
from frlib.models.layers import Sketch, read_network, same_padding
from tests.models.tensorflow_by_hand import conv, convolution, make_graph, maxima, pool, texts

RNG = np.random.default_rng(0)
IMAGE = RNG.normal(size=(2, 6, 6, 3)) * 2
FILTERS = RNG.normal(size=(3, 3, 3, 4)).astype(np.float32)
DEPTHWISE = RNG.normal(size=(3, 3, 3, 1)).astype(np.float32)
VECTOR = RNG.normal(size=3).astype(np.float32)
BIAS = RNG.normal(size=4).astype(np.float32)
MATRIX = RNG.normal(size=(108, 5)).astype(np.float32)
OFFSET = RNG.normal(size=5).astype(np.float32)
RELU = texts("BiasAdd", "Relu")
NEGATIVE = -np.abs(IMAGE)


def relu(x):
    return np.maximum(x, 0)


# name of the case -> (operations, constants, expected value)
CASES = {
    "Placeholder+Relu": ([("y", "Relu", ("image",))], {}, relu(IMAGE)),
    "Abs": ([("y", "Abs", ("image",))], {}, np.abs(IMAGE)),
    "Relu6": ([("y", "Relu6", ("image",))], {}, IMAGE.clip(0, 6)),
    "Add values": ([("a", "Abs", ("image",)), ("y", "Add", ("image", "a"))], {}, IMAGE + np.abs(IMAGE)),
    "AddV2 number": ([("y", "AddV2", ("c", "image"))], {"c": 1.5}, IMAGE + 1.5),
    "Add vector": ([("y", "Add", ("image", "c"))], {"c": VECTOR}, IMAGE + VECTOR),
    "Sub values": ([("a", "Abs", ("image",)), ("y", "Sub", ("image", "a"))], {}, IMAGE - np.abs(IMAGE)),
    "Sub number": ([("y", "Sub", ("image", "c"))], {"c": [127.5]}, IMAGE - 127.5),
    "Sub vector": ([("y", "Sub", ("image", "c"))], {"c": VECTOR}, IMAGE - VECTOR),
    "Mul values": ([("a", "Abs", ("image",)), ("y", "Mul", ("image", "a"))], {}, IMAGE * np.abs(IMAGE)),
    "Mul number": ([("y", "Mul", ("image", "c"))], {"c": -0.25}, IMAGE * -0.25),
    "Mul vector": ([("y", "Mul", ("c", "image"))], {"c": VECTOR}, IMAGE * VECTOR),
    "Maximum": ([("y", "Maximum", ("c", "image"))], {"c": 0.5}, np.maximum(IMAGE, 0.5)),
    "Minimum": ([("y", "Minimum", ("image", "c"))], {"c": 0.5}, np.minimum(IMAGE, 0.5)),
    "Prelu": ([("y", "Prelu", ("image", "c"))], {"c": VECTOR}, np.where(IMAGE > 0, IMAGE, VECTOR * IMAGE)),
    "Conv2D": ([("y", "Conv2D", ("image", "w"), conv())], {"w": FILTERS}, convolution(IMAGE, FILTERS)),
    "_FusedConv2D": (
        [("y", "_FusedConv2D", ("image", "w", "b"), conv(2, padding="VALID", fused=("BiasAdd", "Relu")))],
        {"w": FILTERS, "b": BIAS},
        relu(convolution(IMAGE, FILTERS, 2, padding="VALID") + BIAS),
    ),
    "DepthwiseConv2dNative": (
        [("y", "DepthwiseConv2dNative", ("image", "w"), conv(dilation=2))],
        {"w": DEPTHWISE},
        convolution(IMAGE, DEPTHWISE, dilation=2, depthwise=True),
    ),
    "FusedDepthwiseConv2dNative": (
        [("y", "FusedDepthwiseConv2dNative", ("image", "w", "b"), conv(2, fused=("BiasAdd",)))],
        {"w": DEPTHWISE, "b": VECTOR},
        convolution(IMAGE, DEPTHWISE, 2, depthwise=True) + VECTOR,
    ),
    "Pad": (
        [("y", "Pad", ("image", "p"))],
        {"p": [[0, 0], [1, 2], [3, 0], [0, 0]]},
        np.pad(IMAGE, [(0, 0), (1, 2), (3, 0), (0, 0)]),
    ),
    "Mean": ([("y", "Mean", ("image", "a"))], {"a": [1, 2]}, IMAGE.mean((1, 2))),
    "Max": ([("y", "Max", ("image", "a"))], {"a": [2, 1]}, IMAGE.max((1, 2))),
    "MaxPool": ([("y", "MaxPool", ("image",), pool(2, 2, "VALID"))], {}, maxima(IMAGE, 2, 2)),
    "MaxPool SAME": (  # zeros beyond the edge would be larger than what is there
        [("a", "Abs", ("image",)), ("n", "Mul", ("a", "c")), ("y", "MaxPool", ("n",), pool(3, 1))],
        {"c": -1.0},
        maxima(np.pad(NEGATIVE, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf), 3, 1),
    ),
    "Squeeze": (
        [("c", "Conv2D", ("image", "w"), conv(padding="VALID")), ("y", "Squeeze", ("c",))],
        {"w": RNG.normal(size=(6, 6, 3, 4))},
        None,
    ),
    "Reshape+MatMul": (
        [("r", "Reshape", ("image", "s")), ("y", "MatMul", ("r", "m"))],
        {"s": [-1, 108], "m": MATRIX},
        IMAGE.reshape(2, -1) @ MATRIX,
    ),
    "MatMul transposed": (
        [("r", "Reshape", ("image", "s")), ("y", "MatMul", ("r", "m"), {"transpose_b": {"b": True}})],
        {"s": [-1, -1], "m": MATRIX.T.copy()},
        IMAGE.reshape(2, -1) @ MATRIX,
    ),
    "_FusedMatMul": (
        [("r", "Reshape", ("image", "s")), ("y", "_FusedMatMul", ("r", "m", "b"), {"fused_ops": RELU})],
        {"s": [-1, 108], "m": MATRIX, "b": OFFSET},
        relu(IMAGE.reshape(2, -1) @ MATRIX + OFFSET),
    ),
}


@pytest.mark.parametrize("simplify", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_operation_equals_numpy(case, simplify, run):
    nodes, constants, expected = CASES[case]
    if case == "Squeeze":
        expected = convolution(IMAGE, constants["w"].astype(np.float32), padding="VALID")[:, 0, 0]
    stored = convert(make_graph(nodes, constants), "y", size=6, simplify=simplify)
    np.testing.assert_allclose(run(stored, IMAGE), expected, rtol=1e-6, atol=1e-6)


def test_every_operation_has_a_case():
    assert {node[1] for nodes, _, _ in CASES.values() for node in nodes} | {"Placeholder"} == set(BUILDERS)


@settings(max_examples=60)
@given(
    size=st.integers(5, 12),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    depthwise=st.booleans(),
)
def test_same_padding_equals_tensorflow_rule(size, kernel, stride, dilation, depthwise):
    rng = np.random.default_rng(1)
    filters = rng.normal(size=(kernel, kernel, 3, 1 if depthwise else 2)).astype(np.float32)
    image = rng.normal(size=(1, size, size, 3))
    op = "DepthwiseConv2dNative" if depthwise else "Conv2D"
    graph = make_graph([("y", op, ("image", "w"), conv(stride, dilation))], {"w": filters})
    network = read_network(convert(graph, "y", size=size)).double()
    found = network(torch.from_numpy(image).permute(0, 3, 1, 2)).detach().permute(0, 2, 3, 1).numpy()
    expected = convolution(image, filters, stride, dilation, depthwise=depthwise)
    assert found.shape[1] == -(-size // stride)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@given(st.integers(1, 300), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3))
def test_same_padding_gives_ceil_of_size_over_stride(size, kernel, stride, dilation):
    before, after = same_padding(size, kernel, stride, dilation)
    span = (kernel - 1) * dilation + 1
    assert 0 <= after - before <= 1
    padded = max(size + before + after, span)
    assert (padded - span) // stride + 1 == -(-size // stride) or stride > span


def test_values_are_dropped_after_their_last_reader_and_shortcuts_still_work(run):
    nodes = [("a", "Abs", ("image",)), ("b", "Relu", ("a",)), ("c", "Add", ("b", "image")), ("y", "Mul", ("c", "a"))]
    stored = convert(make_graph(nodes, {}), "y", size=6)
    np.testing.assert_allclose(run(stored, IMAGE), (np.abs(IMAGE) + IMAGE) * np.abs(IMAGE), rtol=1e-12)


ATTRIBUTES_THAT_ARE_NOT_KNOWN = {
    "operation Softmax": [("y", "Softmax", ("image",))],
    "fused operation Elu": [("y", "_FusedConv2D", ("image", "w"), conv(fused=("Elu",)))],
    "pads the batch": [("y", "Pad", ("image", "p"))],
    "must drop height and width": [("y", "Mean", ("image", "axis"))],
    "drop height and width": [("y", "Max", ("image", "axis"))],
    r"pads by \(0, 0\) before and \(1, 1\) after; equal is known": [("y", "MaxPool", ("image",), pool(3, 2))],
    "height and width of 1": [("y", "Squeeze", ("image",))],
    "must flatten": [("y", "Reshape", ("image", "shape"))],
    "needs a constant": [("a", "Abs", ("image",)), ("y", "Conv2D", ("image", "a"), conv())],
    "in a place that is not known": [("y", "Sub", ("w", "image"))],
    "filters per channel": [("y", "DepthwiseConv2dNative", ("image", "w"), conv())],
    "with a vector": [("y", "Maximum", ("image", "v"))],
}


@pytest.mark.parametrize("message", ATTRIBUTES_THAT_ARE_NOT_KNOWN)
def test_unknown_use_of_an_operation_is_an_error_that_names_it(message):
    constants = {"w": FILTERS, "p": [[1, 0], [0, 0], [0, 0], [0, 0]], "axis": [3], "shape": [2, 9], "v": VECTOR}
    graph = make_graph(ATTRIBUTES_THAT_ARE_NOT_KNOWN[message], constants)
    with pytest.raises(NotImplementedError, match=message) as error:
        convert(graph, "y", size=6)
    assert "'y'" in str(error.value)


def test_a_grey_image_has_one_channel(run):
    filters = FILTERS[:, :, :1]
    stored = convert(make_graph([("y", "Conv2D", ("image", "w"), conv())], {"w": filters}), "y", size=6, channels=1)
    np.testing.assert_allclose(run(stored, IMAGE[..., :1]), convolution(IMAGE[..., :1], filters), rtol=1e-6, atol=1e-6)


def test_unknown_output_is_an_error():
    with pytest.raises(ValueError, match="output must be an operation of the graph; got 'z'"):
        convert(make_graph([("y", "Abs", ("image",))], {}), "z", size=6)


def test_tensors_of_a_wrong_shape_are_an_error():
    with pytest.raises(ValueError, match="tensors of PReLU_1 must have shapes"):
        Sketch(4).add("PReLU", "image", tensors={"weight": torch.zeros(2)}, num_parameters=3)


# Reading files


@pytest.mark.parametrize("stored, levels", [("uint8", 255), ("uint16", 65535)])
def test_quantised_weights_are_affine(tmp_path, stored, levels):
    values = np.array([0, 1, 77, levels], stored)
    (tmp_path / "w.bin").write_bytes(values.tobytes())
    entry = {"name": "w", "shape": [2, 2], "dtype": "float32"}
    entry["quantization"] = {"dtype": stored, "scale": 0.01, "min": -1.5}
    weights = read_weights([{"paths": ["w.bin"], "weights": [entry]}], tmp_path)["w"]
    assert weights.dtype == np.float32 and weights.shape == (2, 2)
    np.testing.assert_allclose(weights.ravel(), values * 0.01 - 1.5, rtol=1e-6)


def test_float16_weights_become_float32_exactly(tmp_path):
    values = RNG.normal(size=5).astype(np.float16)
    (tmp_path / "w.bin").write_bytes(values.tobytes())
    entry = {"name": "w", "shape": [5], "dtype": "float32", "quantization": {"dtype": "float16"}}
    weights = read_weights([{"paths": ["w.bin"], "weights": [entry]}], tmp_path)["w"]
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, values.astype(np.float32))


def test_weights_may_be_split_over_files_in_the_middle_of_a_number(tmp_path):
    first, second = RNG.normal(size=3).astype(np.float32), np.array([4, -7], np.int32)
    content = first.tobytes() + second.tobytes()
    (tmp_path / "a").write_bytes(content[:5])
    (tmp_path / "b").write_bytes(content[5:])
    entries = [
        {"name": "f", "shape": [3], "dtype": "float32"},
        {"name": "i", "shape": [2], "dtype": "int32"},
    ]
    weights = read_weights([{"paths": ["a", "b"], "weights": entries}], tmp_path)
    np.testing.assert_array_equal(weights["f"], first)
    np.testing.assert_array_equal(weights["i"], second)


@pytest.mark.parametrize("length, message", [(8, "end before it"), (16, "must be 12 bytes long; got 16")])
def test_weights_of_a_wrong_length_are_an_error(tmp_path, length, message):
    (tmp_path / "w").write_bytes(bytes(length))
    entry = {"name": "w", "shape": [3], "dtype": "float32"}
    with pytest.raises(ValueError, match=message):
        read_weights([{"paths": ["w"], "weights": [entry]}], tmp_path)


def test_graph_file_is_read_with_its_input_notation(tmp_path, run):
    (tmp_path / "w").write_bytes(np.float32(3).tobytes())
    nodes = [
        {"name": "image", "op": "Placeholder"},
        {"name": "c", "op": "Const"},
        {"name": "y", "op": "Mul", "input": ["image:0", "c", "^image"]},
    ]
    manifest = [{"paths": ["w"], "weights": [{"name": "c", "shape": [], "dtype": "float32"}]}]
    (tmp_path / "m.json").write_text(json.dumps({"modelTopology": {"node": nodes}, "weightsManifest": manifest}))
    stored = convert(read_graph(tmp_path / "m.json"), "y", size=6)
    np.testing.assert_allclose(run(stored, IMAGE), 3 * IMAGE, rtol=1e-12)
