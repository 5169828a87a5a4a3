"""Read TensorFlow.js graph models: the graph of operations and the quantised weights.

A graph model is a JSON file with the graph and a manifest of weights, beside one or more binary files. The format is
described in the tfjs-converter documentation and in the protocol buffer ``tensorflow.NodeDef``.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Node:
    """One operation of a graph: its name, kind, the names of its inputs, and its attributes as the file gives them."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    attributes: dict = field(default_factory=dict)

    def integers(self, key: str, default: Sequence[int] = ()) -> list[int]:
        """Return an attribute that is a list of integers."""
        return [int(value) for value in self.attributes.get(key, {}).get("list", {}).get("i", default)]

    def text(self, key: str) -> str:
        """Return an attribute that is a string, or an empty one."""
        return base64.b64decode(self.attributes.get(key, {}).get("s", "")).decode()

    def texts(self, key: str) -> list[str]:
        """Return an attribute that is a list of strings."""
        return [base64.b64decode(value).decode() for value in self.attributes.get(key, {}).get("list", {}).get("s", [])]

    def flag(self, key: str) -> bool:
        """Return an attribute that is true or false; false if it is missing."""
        return bool(self.attributes.get(key, {}).get("b", False))


@dataclass(frozen=True)
class Graph:
    """Operations by name, and the arrays of the constant ones."""

    nodes: dict[str, Node]
    constants: dict[str, np.ndarray]

    def is_number(self, name: str, value: float) -> bool:
        """Return whether ``name`` is a stored array that holds just ``value``."""
        return name in self.constants and self.constants[name].size == 1 and self.constants[name].item() == value

    def readers(self, name: str) -> list[Node]:
        """Return the operations that read ``name``."""
        return [node for node in self.nodes.values() if name in node.inputs]

    def split(self, node: Node) -> tuple[str, str] | None:
        """Return (value, constant) of an operation on one computed value and one constant, in either order."""
        if len(node.inputs) != 2:
            return None
        first, second = node.inputs
        if second in self.constants and first not in self.constants:
            return first, second
        if first in self.constants and second not in self.constants:
            return second, first
        return None

    def replaced(self, *nodes: Node, constants: dict[str, np.ndarray] | None = None) -> "Graph":
        """Return a graph in which ``nodes`` take the places of those of the same name; the order is kept."""
        added = {name: Node(name, "Const") for name in constants or {}}
        return Graph(
            {**self.nodes, **added, **{node.name: node for node in nodes}}, {**self.constants, **(constants or {})}
        )

    def order(self, output: str) -> list[Node]:
        """Return the operations that ``output`` needs, constants left out, each after its inputs."""
        done, stack, order = set(), [output], []
        while stack:
            name = stack[-1]
            waiting = [i for i in self.nodes[name].inputs if i not in done and i not in self.constants]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            if name not in done:
                done.add(name)
                order.append(self.nodes[name])
        return order


def read_graph(path: str | Path) -> Graph:
    """Read a graph model from its JSON file; the binary files lie beside it.

    Raises
    ------
    ValueError
        If the binary files are shorter or longer than the manifest says.
    """
    path = Path(path)
    model = json.loads(path.read_text())
    constants = read_weights(model["weightsManifest"], path.parent)
    # "^name" marks an input that is only waited for, "name:0" the first output of an operation.
    nodes = [
        Node(
            record["name"],
            record["op"],
            tuple(name.split(":")[0] for name in record.get("input", []) if not name.startswith("^")),
            record.get("attr", {}),
        )
        for record in model["modelTopology"]["node"]
    ]
    return Graph({node.name: node for node in nodes}, constants)


def read_weights(manifest: Sequence[dict], folder: str | Path) -> dict[str, np.ndarray]:
    """Return the weights that a manifest lists, as float32 (or int32) arrays.

    Weights are stored as they are, as float16, or as unsigned integers q with ``value = q * scale + min``.

    Raises
    ------
    ValueError
        If a group's files are shorter or longer than its entries.
    """
    weights = {}
    for group in manifest:
        content = b"".join(Path(folder, name).read_bytes() for name in group["paths"])
        position = 0
        for entry in group["weights"]:
            stored = np.dtype(entry.get("quantization", entry)["dtype"])
            count = int(np.prod(entry["shape"], dtype=int))
            end = position + count * stored.itemsize
            if end > len(content):
                raise ValueError(f"weights of {group['paths']} must hold {entry['name']}; the files end before it")
            values = np.frombuffer(content, stored, count, position)
            weights[entry["name"]] = dequantize(values, entry).reshape(entry["shape"])
            position = end
        if position != len(content):
            raise ValueError(f"weights of {group['paths']} must be {position} bytes long; got {len(content)}")
    return weights


def dequantize(values: np.ndarray, entry: dict) -> np.ndarray:
    """Return stored values as the type that the manifest's entry asks for."""
    quantization = entry.get("quantization", {})
    if "scale" in quantization:
        values = values.astype(np.float32) * np.float32(quantization["scale"]) + np.float32(quantization["min"])
    return values.astype(np.dtype(entry["dtype"]))


def without_fused(node: Node, op: str) -> Node:
    """Return the operation without the fused operation ``op``, such as ``"Relu"``."""
    kept = [base64.b64encode(name.encode()).decode() for name in node.texts("fused_ops") if name != op]
    return replace(node, attributes={**node.attributes, "fused_ops": {"list": {"s": kept}}})
