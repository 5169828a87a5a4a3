"""A decorator that checks the arguments of a function by its annotations, before the function sees them.

A name means the same everywhere, so that its range is written once, here.
"""

import contextlib
import functools
import inspect
import itertools
import numbers
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from frlib.checks import LARGEST, REAL, SMALLEST, WHOLE, frame, instance, number, sequence, shown, truth, whole

#: Numbers by name: the smallest and the largest that are accepted. Any other has the range of its kind.
RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("draws", "trials", "resamples", "max_epochs", "iterations", "nearest"), (1, 10**6)),
    **dict.fromkeys(("n", "n_points", "n_identities", "images_per_identity"), (1, 10**6)),
    **dict.fromkeys(("seed", "seeds", "block", "accepted_at_least"), (0, 2**63 - 1)),
    **dict.fromkeys(("max_neighbors", "max_pairs", "max_per_modality", "max_points"), (1, 2**63 - 1)),
    **dict.fromkeys(("level", "share", "shares", "train_fraction", "in_both", "label_noise", "isolated"), (0, 1)),
    **dict.fromkeys(
        ("mean_distance", "bandwidth", "test_over_train", "d_intra", "d_inter", "alpha"), (SMALLEST, LARGEST)
    ),
    **dict.fromkeys(("side", "low_level"), (0, 100)),
    "axis": (-(2**31), 2**31 - 1),
    "n_jobs": (-(10**4), 10**4),
}


def checked(function: Callable) -> Callable:
    """Check the arguments of a function by its annotations: a decorator.

    ``int``, ``float``, ``bool``, ``str``, mappings, sequences, functions, DataFrames, Tensors and the classes of this
    package are checked, also with ``None``; numbers for their range too. What has no annotation, or another one, is
    left to the function.

    Raises
    ------
    ValueError
        If a value is of another kind, or out of range; it names the argument, the value and what is accepted.
    """
    parameters = inspect.signature(function).parameters
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    places = [n for n, p in parameters.items() if p.kind not in (*several, inspect.Parameter.KEYWORD_ONLY)]
    kinds = {n: check for n, p in parameters.items() if p.kind not in several and (check := _check_of(p.annotation, n))}
    further = next((_check_of(p.annotation) for p in parameters.values() if p.kind is p.VAR_KEYWORD), None)

    @functools.wraps(function)
    def call(*given, **named):
        given = [
            kinds[name](name, value) if name in kinds else value
            for name, value in itertools.zip_longest(places[: len(given)], given)
        ]
        named = {name: kinds[name](name, value) if name in kinds else value for name, value in named.items()}
        if further:
            named = {name: value if name in parameters else further(name, value) for name, value in named.items()}
        return function(*given, **named)

    return call


def _check_of(kind, name: str = "") -> Callable | None:
    """Return the check of a name and a value that belongs to an annotation; None if there is none."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        others = [part for part in inside if part is not type(None)]
        check = _check_of(others[0], name) if len(others) == 1 else _check_of_any(others, name)
        return check and (lambda n, value: value if value is None else check(n, value))
    kind = origin or kind
    if kind in (int, float):
        check, (low, high) = (whole, WHOLE) if kind is int else (number, REAL)
        low, high = RANGES.get(name, (low, high))
        return lambda n, value: check(n, value, low, high)
    if kind is bool:
        return truth
    if kind in (Sequence, Iterable, Collection, list):
        check = _check_of(inside[0], name) if inside else None
        return functools.partial(_elements, check=check, sets=kind is Collection)
    if kind is tuple and inside:
        return functools.partial(_tuple_of, checks=[_check_of(part, name) for part in inside])
    if kind in (Mapping, dict):
        return functools.partial(_mapping_of, check=_check_of(inside[1]) if len(inside) == 2 else None)
    if kind is pd.DataFrame:
        return frame
    if kind in (str, Callable, pd.Series, torch.Tensor, torch.nn.Module, torch.dtype):
        return functools.partial(instance, kind=kind)
    return functools.partial(_no_plain_data, kind=kind) if _is_ours(kind) else None


def _check_of_any(kinds: Sequence, name: str) -> Callable | None:
    """Return the check for a text, a number, or an object of this package: the name of a column, or more about it."""
    if str not in kinds or not all(kind in (str, float) or _is_ours(kind) for kind in kinds):
        return None
    checks = [_check_of(kind, name) for kind in kinds]
    words = " or ".join({str: "a text", float: "a number"}.get(kind, f"of the class {kind.__name__}") for kind in kinds)

    def check(n: str, value):
        for one in checks:
            with contextlib.suppress(ValueError):
                return one(n, value)
        raise ValueError(f"{n} must be {words}; got {shown(value)}")

    return check


def _elements(name: str, value, check: Callable | None, sets: bool):
    return value if sets and isinstance(value, set | frozenset) else sequence(name, value, check)


def _tuple_of(name: str, value, checks: Sequence):
    """Return a sequence of so many elements, each of its kind."""
    value = sequence(name, value)
    if Ellipsis not in checks and len(value) != len(checks):
        raise ValueError(f"{name} must have {len(checks)} elements; got {len(value)}")
    for element, check in zip(value, checks, strict=False):
        if callable(check):
            check(name, element)
    return value


def _mapping_of(name: str, value, check: Callable | None):
    """Return a mapping whose values are of a kind."""
    instance(name, value, Mapping)
    return {key: check(f"{name}[{key!r}]", own) for key, own in value.items()} if check else value


def _is_ours(kind) -> bool:
    return isinstance(kind, type) and kind.__module__.startswith("frlib.")


def _no_plain_data(name: str, value, kind: type):
    """Return what may stand for an object of a class: anything but data, because others may offer the same."""
    arrays = (np.ndarray, np.generic, torch.Tensor, pd.DataFrame)
    data = (str, bytes, numbers.Number, Mapping, Sequence, Iterator, set, type, Exception, type(None), *arrays)
    if not getattr(kind, "_is_protocol", False) and isinstance(value, kind):
        return value
    if isinstance(value, data) or type(value) is object or inspect.isroutine(value):
        raise ValueError(f"{name} must be of the class {kind.__name__}; got {shown(value)}")
    return value
