"""Simplified and repaired graphs compute what they must, on graphs whose value is known by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from frlib.models.convert import rewrite
from frlib.models.convert.tensorflow import convert
from tests.models.tensorflow_by_hand import conv, convolution, make_graph, prelu, texts

RNG = np.random.default_rng(3)
IMAGE = RNG.normal(size=(2, 6, 6, 3))
FILTERS = RNG.normal(size=(3, 3, 3, 4)).astype(np.float32)
DEPTHWISE = RNG.normal(size=(3, 3, 4, 1)).astype(np.float32)
BIAS = RNG.normal(size=4).astype(np.float32)
SLOPE_1 = RNG.uniform(-0.5, 0.8, 4).astype(np.float32)
SLOPE_2 = RNG.uniform(-0.5, 0.8, 4).astype(np.float32)


def kinds(stored):
    """Return the kinds of the layers of a stored network."""
    return [layer["kind"] for layer in json.loads(bytes(stored["layers"].tolist()))]


def prelu_network():
    """Return the graph convolution - PReLU - depthwise convolution - PReLU, as TensorFlow writes it, and its value."""
    half = [
        ("{0}relu", "Relu", ("{0}",)),
        ("{0}abs", "Abs", ("{0}",)),
        ("{0}sub", "Sub", ("{0}", "{0}abs")),
        ("{0}mul", "Mul", ("{0}sub", "{0}half_slope")),
        ("{0}add", "Add", ("{0}relu", "{0}mul")),
    ]
    nodes = [("c", "_FusedConv2D", ("image", "w", "b"), conv(fused=("BiasAdd",)))]
    nodes += [(n.format("c"), op, tuple(i.format("c") for i in inputs)) for n, op, inputs in half]
    nodes += [("d", "FusedDepthwiseConv2dNative", ("cadd", "v", "b"), conv(fused=("BiasAdd",)))]
    nodes += [(n.format("d"), op, tuple(i.format("d") for i in inputs)) for n, op, inputs in half]
    constants = {"w": FILTERS, "v": DEPTHWISE, "b": BIAS, "chalf_slope": SLOPE_1 / 2, "dhalf_slope": SLOPE_2 / 2}
    hidden = prelu(convolution(IMAGE, FILTERS) + BIAS, SLOPE_1)
    expected = prelu(convolution(hidden, DEPTHWISE, depthwise=True) + BIAS, SLOPE_2)
    return make_graph(nodes, constants), expected


def damage(graph):
    """Do to a graph what the converter does: negate the slopes; draw the Relu into the depthwise convolution."""
    negated = {name: -graph.constants[name] for name in ("chalf_slope", "dhalf_slope")}
    depthwise = replace(graph.nodes["d"], attributes=conv(fused=("BiasAdd", "Relu")))
    return graph.replaced(depthwise, replace(graph.nodes["dadd"], inputs=("d", "dmul")), constants=negated)


@pytest.mark.parametrize("simplify", [True, False])
def test_prelu_as_tensorflow_writes_it(simplify, run):
    graph, expected = prelu_network()
    stored = convert(graph, "dadd", size=6, simplify=simplify)
    np.testing.assert_allclose(run(stored, IMAGE), expected, rtol=1e-6, atol=1e-6)
    assert (kinds(stored) == ["Conv2d", "PReLU", "Conv2d", "PReLU"]) == simplify


@pytest.mark.parametrize("simplify", [True, False])
def test_repair_undoes_what_the_converter_does(simplify, run):
    graph, expected = prelu_network()
    damaged = damage(graph)
    assert np.abs(run(convert(damaged, "dadd", size=6), IMAGE) - expected).max() > 0.1
    repaired = convert(rewrite.repair_converted_prelu(damaged), "dadd", size=6, simplify=simplify)
    np.testing.assert_allclose(run(repaired, IMAGE), expected, rtol=1e-6, atol=1e-6)


def test_damage_loses_the_negative_branch_and_flips_slopes(run):
    """The damaged graph computes relu after the depthwise convolution, and slope -a after the other."""
    graph, _ = prelu_network()
    hidden = prelu(convolution(IMAGE, FILTERS) + BIAS, -SLOPE_1)
    expected = np.maximum(convolution(hidden, DEPTHWISE, depthwise=True) + BIAS, 0)
    for simplify in (True, False):
        stored = convert(damage(graph), "dadd", size=6, simplify=simplify)
        np.testing.assert_allclose(run(stored, IMAGE), expected, rtol=1e-6, atol=1e-6)


def test_repair_leaves_other_graphs_alone():
    graph = make_graph([("a", "Abs", ("image",)), ("y", "Add", ("a", "image"))], {})
    assert rewrite.repair_converted_prelu(graph).nodes == graph.nodes


def test_prelu_as_maximum_and_minimum(run):
    nodes = [
        ("max", "Maximum", ("zero", "image")),
        ("min", "Minimum", ("zero", "image")),
        ("mul", "Mul", ("slope", "min")),
        ("y", "AddV2", ("max", "mul")),
    ]
    slope = SLOPE_1[:3]
    graph = make_graph(nodes, {"zero": 0, "slope": slope})
    stored = convert(graph, "y", size=6)
    assert kinds(stored) == ["PReLU"]
    np.testing.assert_allclose(run(stored, IMAGE), prelu(IMAGE, slope), rtol=1e-6)


@pytest.mark.parametrize("wrong", ["other source", "other number", "two slopes"])
def test_what_looks_like_prelu_but_is_not_stays_as_it_is(wrong, run):
    nodes = {
        "other": ("other", "Abs", ("image",)),
        "max": ("max", "Maximum", ("zero", "image")),
        "min": ("min", "Minimum", ("zero", "other" if wrong == "other source" else "image")),
        "mul": ("mul", "Mul", ("slope", "min")),
        "y": ("y", "AddV2", ("mul" if wrong == "two slopes" else "max", "mul")),
    }
    zero = 0.25 if wrong == "other number" else 0
    graph = make_graph(nodes.values(), {"zero": zero, "slope": SLOPE_1[:3]})
    stored = convert(graph, "y", size=6)
    assert "PReLU" not in kinds(stored)
    low = np.minimum(np.abs(IMAGE) if wrong == "other source" else IMAGE, zero) * SLOPE_1[:3]
    high = low if wrong == "two slopes" else np.maximum(IMAGE, zero)
    np.testing.assert_allclose(run(stored, IMAGE), low + high, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("six", [6, 5])
def test_relu6_is_recognised_only_with_six(six, run):
    nodes = [("r", "Relu", ("image",)), ("min", "Minimum", ("r", "six")), ("y", "Maximum", ("min", "zero"))]
    stored = convert(make_graph(nodes, {"six": six, "zero": 0}), "y", size=6)
    assert ("ReLU6" in kinds(stored)) == (six == 6)
    np.testing.assert_allclose(run(stored, 10 * IMAGE), (10 * IMAGE).clip(0, six), rtol=1e-12)


FOLDABLE = {
    "Conv2D": ([("c", "Conv2D", ("image", "w"), conv())], {"w": FILTERS}),
    "_FusedConv2D": ([("c", "_FusedConv2D", ("image", "w", "b"), conv())], {"w": FILTERS, "b": BIAS}),
    "DepthwiseConv2dNative": ([("c", "DepthwiseConv2dNative", ("image", "w"), conv())], {"w": DEPTHWISE[:, :, :3]}),
    "MatMul": (
        [("r", "Reshape", ("image", "shape")), ("c", "MatMul", ("r", "w"))],
        {"shape": [-1, 108], "w": RNG.normal(size=(108, 4))},
    ),
}


@pytest.mark.parametrize("case", FOLDABLE)
def test_scale_and_offset_fold_into_the_layer_before(case, run):
    nodes, constants = FOLDABLE[case]
    width = 3 if case.startswith("Depthwise") else 4
    more = {"scale": SLOPE_1[:width], "offset": BIAS[:width]}
    after = [("s", "Mul", ("c", "scale")), ("y", "AddV2", ("s", "offset"))]
    graph = make_graph([*nodes, *after], {**constants, **more})
    plain, folded = convert(graph, "y", size=6, simplify=False), convert(graph, "y", size=6)
    assert {"Scale", "Shift"} <= set(kinds(plain)) and not {"Scale", "Shift"} & set(kinds(folded))
    np.testing.assert_allclose(run(folded, IMAGE), run(plain, IMAGE), rtol=1e-5, atol=1e-5)


def test_a_layer_with_a_second_reader_or_a_relu_is_not_folded_into(run):
    shared = [("c", "Conv2D", ("image", "w"), conv()), ("m", "Mul", ("c", "v")), ("y", "Add", ("m", "c"))]
    stored = convert(make_graph(shared, {"w": FILTERS, "v": BIAS}), "y", size=6)
    expected = convolution(IMAGE, FILTERS) * (1 + BIAS)
    np.testing.assert_allclose(run(stored, IMAGE), expected, rtol=1e-5, atol=1e-5)

    relu = {**conv(), "fused_ops": texts("Relu")}
    stored = convert(
        make_graph([("c", "_FusedConv2D", ("image", "w"), relu), ("y", "Mul", ("c", "v"))], {"w": FILTERS, "v": BIAS}),
        "y",
        size=6,
    )
    expected = np.maximum(convolution(IMAGE, FILTERS), 0) * BIAS
    np.testing.assert_allclose(run(stored, IMAGE), expected, rtol=1e-5, atol=1e-5)
