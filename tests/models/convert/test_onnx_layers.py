"""ONNX files as layers: what onnxruntime computes, and what is refused."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from frlib.models.convert.onnx_layers import convert_onnx

GENERATOR = np.random.default_rng(0)


def numbers(*shape):
    return GENERATOR.normal(size=shape).astype(np.float32)


def in_blocks(name, rows, columns, block, shape):
    """Return nodes and constants of weights as int8 with a scale and a zero per block of a row."""
    blocks = -(-columns // block)
    constants = {
        f"{name}_q": GENERATOR.integers(-128, 128, (rows, columns), np.int8),
        f"{name}_s": GENERATOR.uniform(0.01, 0.02, (rows, blocks)).astype(np.float32),
        f"{name}_z": GENERATOR.integers(-9, 9, (rows, blocks), np.int8),
        f"{name}_shape": np.array(shape),
    }
    inputs = [f"{name}_{k}" for k in "qsz"]
    first = helper.make_node("DequantizeLinear", inputs, [f"{name}_d"], axis=1, block_size=block)
    return [first, helper.make_node("Reshape", [f"{name}_d", f"{name}_shape"], [name])], constants


def write(path, nodes, constants):
    shapes = ("image", [1, 3, 9, 9]), ("out", None)
    image, out = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes)
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "toy", [image], [out], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return path


def statistics(name, channels):
    """Return the constants of a batch normalisation."""
    found = {f"{name}_{k}": numbers(channels) for k in ("gamma", "beta", "mean")}
    return found | {f"{name}_var": GENERATOR.uniform(0.5, 2, channels).astype(np.float32)}


def every_operation(path):
    """Write a network with every known operation, uneven blocks, uneven padding and normalisation in all its places."""
    first, one = in_blocks("w1", 4, 27, 10, (4, 3, 3, 3))
    second, two = in_blocks("w2", 4, 9, 9, (4, 1, 3, 3))
    third, three = in_blocks("w3", 5, 64, 20, (5, 64))
    constants = one | two | three | {"c": np.array([127.5], np.float32), "s": np.array([1 / 128], np.float32)}
    constants |= {"slope": numbers(4, 1, 1), "bias": numbers(5)}
    constants |= statistics("n1", 4) | statistics("n2", 4) | statistics("n3", 5)

    def norm(name, source, out):
        inputs = [source, *(f"{name}_{k}" for k in ("gamma", "beta", "mean", "var"))]
        return helper.make_node("BatchNormalization", inputs, [out], epsilon=0.1)

    nodes = [
        *first,
        *second,
        *third,
        helper.make_node("Sub", ["image", "c"], ["a"]),
        helper.make_node("Mul", ["a", "s"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["d"], pads=[0, 1, 1, 0], strides=[2, 2]),
        norm("n1", "d", "e"),
        helper.make_node("PRelu", ["e", "slope"], ["f"]),
        helper.make_node("Conv", ["f", "w2"], ["g"], pads=[1, 1, 1, 1], group=4),
        helper.make_node("PRelu", ["g", "slope"], ["h"]),
        norm("n2", "h", "i"),
        helper.make_node("Constant", [], ["ratio"], value=numpy_helper.from_array(np.float32(0.4))),
        helper.make_node("Dropout", ["i", "ratio"], ["j"]),
        helper.make_node("Flatten", ["j"], ["k"]),
        helper.make_node("Gemm", ["k", "w3", "bias"], ["l"], transB=1),
        norm("n3", "l", "out"),
    ]
    return write(path, nodes, constants)


def test_layers_compute_what_onnxruntime_computes(tmp_path, run):
    path = every_operation(tmp_path / "toy.onnx")
    image = GENERATOR.uniform(0, 255, (1, 9, 9, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(path)
    (expected,) = session.run(None, {"image": np.ascontiguousarray(image.transpose(0, 3, 1, 2))})
    found = run(convert_onnx(path, size=9), image.astype(float))
    assert found.shape == (1, 5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([helper.make_node("Sin", ["image"], ["out"])], r"operation Sin \(''\), which reads image"),
        (
            [helper.make_node("Flatten", ["image"], ["a"]), helper.make_node("Mul", ["image", "c"], ["out"])],
            r"operation Mul \(''\), which reads image, c",
        ),
        ([helper.make_node("Gemm", ["image", "w", "c"], ["out"])], "operation Gemm other than x W"),
    ],
)
def test_what_is_not_known_is_refused(nodes, message, tmp_path):
    constants = {"c": numbers(1), "w": numbers(3, 3)}
    with pytest.raises(NotImplementedError, match=message):
        convert_onnx(write(tmp_path / "toy.onnx", nodes, constants), size=9)
