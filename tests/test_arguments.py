"""Arguments by their annotations: what is accepted comes as it was given, everything else is named."""

import importlib
import inspect
import itertools
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from frlib.arguments import checked
from frlib.view import Column
from tests.build import ROOT


@checked
def measured(
    table: pd.DataFrame,
    scales: Sequence[float],
    names: Sequence[str] = (),
    *,
    fields: Mapping[str, Sequence[int]] | None = None,
    draws: int = 10,
    level: float = 0.5,
    exact: bool = False,
    kind: str = "a",
    ends: tuple[float, float] | None = None,
    anything=None,
):
    return table, scales, names, fields, draws, level, exact, kind, ends, anything


TABLE = pd.DataFrame({"a": [1.0]})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"table": {"a": [1.0]}}, r"table must be a DataFrame; got \{'a'"),
        ({"scales": 1.0}, "scales must be a sequence; got 1.0"),
        ({"scales": "12"}, "scales must be a sequence; got '12'"),
        ({"scales": [0.5, "1"]}, "scales must be a number; got '1'"),
        ({"scales": [0.5, np.nan]}, r"scales must be a finite number, at most 1e\+150 in size; got nan"),
        ({"scales": np.linspace(0, np.inf, 1000)}, "scales must be a finite number"),
        ({"scales": np.ones((2, 2))}, r"scales must be a sequence; got shape \(2, 2\)"),
        ({"scales": itertools.count()}, "scales must have an end; got more than 1000000"),
        ({"names": ["a", 1]}, "names must be a text; got 1"),
        ({"fields": [1]}, r"fields must be a mapping; got \[1\]"),
        ({"fields": {"b": [-1]}}, r"fields\['b'\] must be an integer of at least 0; got -1"),
        ({"draws": 2.0}, "draws must be an integer of at least 1; got 2.0"),
        ({"draws": True}, "draws must be an integer of at least 1; got True"),
        ({"draws": 10**30}, "draws must be an integer of at most 1000000; got 1000"),
        ({"draws": 10**5000}, "draws must be an integer of at most 1000000; got something of type int"),
        ({"level": 1.5}, "level must lie between 0 and 1; got 1.5"),
        ({"level": 1j}, "level must be a number; got 1j"),
        ({"exact": "yes"}, "exact must be True or False; got 'yes'"),
        ({"kind": None}, "kind must be a text; got None"),
        ({"ends": (1.0,)}, "ends must have 2 elements; got 1"),
        ({"ends": (1.0, "b")}, "ends must be a number; got 'b'"),
    ],
)
def test_arguments_are_named_by_their_kind(given, message):
    with pytest.raises(ValueError, match=message):
        measured(**{"table": TABLE, "scales": [1.0]} | given)


@checked
def placed(x: str | Column, size: float | str | Column = 1.0, **axes: Sequence):
    return x, size, axes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": 1.0}, "x must be a text or of the class Column; got 1.0"),
        ({"x": {"a"}}, "x must be a text or of the class Column; got {'a'}"),
        ({"x": itertools.count()}, "x must be a text or of the class Column; got count"),
        ({"x": "a", "size": [1.0]}, r"size must be a number or a text or of the class Column; got \[1.0\]"),
        ({"x": "a", "age": 1.0}, "age must be a sequence; got 1.0"),
    ],
)
def test_one_of_several_kinds_and_further_names(given, message):
    with pytest.raises(ValueError, match=message):
        placed(**given)
    column = Column("a")
    assert placed(column, "b", age=[1, 2]) == (column, "b", {"age": [1, 2]})


#: Modules of the reference that check in their own ways what they are given.
CHECK_THEMSELVES = {
    "models": "names of networks and files",
    "datasets": "folders and files",
    "report": "files and options of commands",
    "course": "any answer of a student",
    "store": "anything that has a key",
    "server": "the environment of a server",
    "release": "archives",
}
#: Functions that others call in a loop.
IN_LOOPS = {"own_threads", "in_order"}


def _public_functions():
    text = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    for module, options in re.findall(r"automodule:: (\S+)\n((?:   :.*\n)*)", text):
        if ":members:" in options and module.split(".")[1] not in CHECK_THEMSELVES:
            found, chosen = importlib.import_module(module), re.search(r":members: (.+)", options)
            own = [name for name, value in vars(found).items() if getattr(value, "__module__", "") == module]
            names = chosen[1].split(", ") if chosen else getattr(found, "__all__", own)
            for name in names:
                function = getattr(found, name)
                if inspect.isfunction(function) and not name.startswith("_") and inspect.signature(function).parameters:
                    yield module, name, function


def test_every_public_function_checks_its_arguments():
    code = checked(lambda: None).__code__  # that of all decorated functions
    functions = list(_public_functions())
    assert len(functions) > 150
    bare = [
        f"{module}.{name}"
        for module, name, function in functions
        if name not in IN_LOOPS and inspect.unwrap(function, stop=lambda f: f.__code__ is code).__code__ is not code
    ]
    assert not bare, f"without @checked: {', '.join(bare)}"


def test_arguments_come_as_they_were_given():
    scales, anything = np.array([0.5, 1.0]), object()
    found = measured(TABLE, scales, fields={"b": [1]}, level=np.float32(0.25), anything=anything)
    assert found[0] is TABLE and found[1] is scales and found[-1] is anything
    assert found[2:-1] == ((), {"b": [1]}, 10, np.float32(0.25), False, "a", None)
    assert measured(TABLE, (x for x in (1.0, 2.0)), pd.Index(["a"]), exact=np.True_)[1:3] == ([1.0, 2.0], ["a"])


def test_the_signature_stays_and_a_wrong_call_is_that_of_the_function():
    assert list(inspect.signature(measured).parameters)[:2] == ["table", "scales"]
    with pytest.raises(TypeError, match=r"measured\(\) takes .* positional"):
        measured(TABLE, [1.0], (), 1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'scale'"):
        measured(TABLE, [1.0], scale=1)
