"""Values that are wrong, or right in an unusual form, in place of one that a function accepts."""

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import scipy.sparse
import torch

#: What may happen: an error that names the argument; or else the same result; or else one that differs by no more than
#: complex numbers in place of real ones; or else one without NaN; or any result.
REFUSED, SAME, KEPT, FINITE, ANY = "refused", "same", "kept", "finite", "any"


@dataclasses.dataclass
class Bad:
    """One value: what it is in words, a function that makes it, and what may happen."""

    what: str
    make: Callable
    expected: str


def bad_values(valid, generator: np.random.Generator) -> list[Bad]:
    """Return values in place of one that is accepted, by its kind."""
    for kind, values in KINDS:
        if isinstance(valid, kind):
            return [*values(valid, generator), *_anything(valid)]
    return _anything(valid)


def _anything(valid) -> list[Bad]:
    """Return what is not accepted in place of anything, if it is of another type."""
    plain = {
        "a function": lambda: len,
        "a type": lambda: int,
        "bytes": lambda: b"\x00\xff",
        "a complex number": lambda: 1j,
        "an object": lambda: object(),
        "a date": lambda: np.datetime64("2020-01-01"),
        "an exception": lambda: ValueError("x"),
        "an open range": lambda: itertools.count(),
    }
    if valid is not None:
        plain["None"] = lambda: None
    if not isinstance(valid, bool | int | float | np.number):
        plain |= {"a number": lambda: 3.5, "NaN": lambda: np.nan, "a boolean": lambda: True, "minus one": lambda: -1}
    if not isinstance(valid, str):
        plain["a text"] = lambda: "text"
        plain["an empty text"] = lambda: ""
    if not isinstance(valid, Mapping):
        plain |= {"an empty dict": dict, "a dict": lambda: {"a": 1}}
    if not isinstance(valid, Sequence):
        plain |= {"an empty list": list, "a list of None": lambda: [None, None], "a set": lambda: {1, 2}}
    return [Bad(what, make, REFUSED) for what, make in plain.items()]


def _whole(valid: int, generator) -> Iterator[Bad]:
    for other in (0, -1, -5, 10**6 + 7, 2**31, 2**40, 2**63 - 1, 2**63, 2**64, 10**30, -(10**30)):
        yield Bad(f"the whole number {other}", lambda other=other: other, FINITE)
    for kind in (np.int16, np.int64, np.uint32, np.array, torch.tensor, float, np.float32, Fraction):
        yield Bad(f"{kind.__name__}({valid})", lambda kind=kind: kind(valid), SAME)
    for other in (valid + 0.5, np.nan, np.inf, -np.inf, 1e300, True, str(valid), [valid], (valid, valid)):
        yield Bad(f"{other!r} for a whole number", lambda other=other: other, REFUSED)
    yield Bad("an array of one", lambda: np.array([valid]), REFUSED)


def _number(valid: float, generator) -> Iterator[Bad]:
    for other in (0, -1, -1e-9, 2.5, 1e-200, 5e-324, 1e30, 1e200, -1e200):
        yield Bad(f"the number {other}", lambda other=other: other, FINITE)
    for kind in (np.float32, np.float64, np.array, torch.tensor, Decimal, Fraction):
        alike = float(kind(valid)) == valid
        yield Bad(f"{kind.__name__}({valid})", lambda kind=kind: kind(valid), SAME if alike else FINITE)
    for other in (np.nan, np.inf, -np.inf, 10**400, str(valid), [valid], (valid, valid), complex(valid), True):
        yield Bad(f"{repr(other)[:20]} for a number", lambda other=other: other, REFUSED)
    yield Bad("an array of one", lambda: np.array([valid]), REFUSED)
    yield Bad("a tensor of two", lambda: torch.tensor([valid, valid]), REFUSED)


def _truth(valid: bool, generator) -> Iterator[Bad]:
    yield Bad("a numpy boolean", lambda: np.bool_(valid), SAME)
    yield Bad("the number for it", lambda: int(valid), SAME)
    for other in ("yes", "False", 2, -1, 0.5, np.nan, [], [valid], {}):
        yield Bad(f"{other!r} for a boolean", lambda other=other: other, REFUSED)
    yield Bad("an array of booleans", lambda: np.array([True, False]), REFUSED)


def _text(valid: str, generator) -> Iterator[Bad]:
    yield Bad("a numpy text", lambda: np.str_(valid), SAME)
    for other in (
        "no such name",
        "",
        valid.upper() + "!",
        valid + "\x00",
        "<script>alert(1)</script>",
        "é☺",
        "a" * 10**5,
    ):
        yield Bad(f"the text {other[:20]!r}", lambda other=other: other, FINITE)
    for other in (valid.encode(), list(valid), [valid], (valid,), {valid}, 0):
        yield Bad(f"{repr(other)[:30]} for a text", lambda other=other: other, REFUSED)


def _array(valid: np.ndarray, generator) -> Iterator[Bad]:
    """Return variants of an array of numbers or labels."""
    yield from _array_shapes(valid)
    yield from _array_forms(valid)
    if valid.dtype.kind == "f":
        yield from _array_numbers(valid, generator)
    elif valid.dtype.kind in "iuUO":
        yield from _array_labels(valid, generator)
    elif valid.dtype.kind == "b":
        yield Bad("numbers for booleans", lambda: valid.astype(int), SAME)
        yield Bad("floats for booleans", lambda: valid + 0.5, REFUSED)
        yield Bad("texts for booleans", lambda: valid.astype(str), REFUSED)
        yield Bad("booleans and None", lambda: np.array([None, *valid[1:].tolist()], object), REFUSED)
        for truth in (True, False):
            yield Bad(f"all {truth}", lambda truth=truth: np.full_like(valid, truth), FINITE)


def _array_shapes(valid: np.ndarray) -> Iterator[Bad]:
    shapes = {
        "no row": lambda: valid[:0],
        "one row": lambda: valid[:1],
        "two rows": lambda: valid[:2],
        "a row less": lambda: valid[:-1],
        "a row more": lambda: np.concatenate([valid, valid[:1]]),
        "one axis more": lambda: valid[None],
        "one axis less": lambda: valid.ravel() if valid.ndim > 1 else valid[0],
        "a last axis more": lambda: valid[..., None],
        "transposed": lambda: valid.T if valid.ndim > 1 else valid[::-1],
        "flat": lambda: valid.ravel(),
        "all rows alike": lambda: np.repeat(valid[:1], len(valid), axis=0),
        "no column": lambda: valid.reshape(len(valid), -1)[:, :0],
        "one column": lambda: valid.reshape(len(valid), -1)[:, :1],
        "a column more": lambda: np.column_stack([valid, valid]),
    }
    for what, make in shapes.items():
        yield Bad(what, make, FINITE)
    yield Bad("rows of different lengths", lambda: [[1.0, 2.0], [3.0]], REFUSED)


def _array_forms(valid: np.ndarray) -> Iterator[Bad]:
    """Return the same values in other forms."""
    forms = {
        "lists": valid.tolist,
        "tuples": lambda: tuple(map(tuple, valid.tolist())) if valid.ndim == 2 else tuple(valid.tolist()),
        "a generator": lambda: (row for row in valid),
        "a map": lambda: map(np.asarray, valid),
        "objects": lambda: valid.astype(object),
        "column by column": lambda: np.asfortranarray(valid),
        "read only": lambda: np.broadcast_to(valid, valid.shape),
        "each second of twice as many": lambda: np.repeat(valid, 2, axis=0)[::2],
        "a frame or series": lambda: _pandas(valid),
        "a series with another index": lambda: _pandas(valid).set_axis(np.arange(len(valid))[::-1]),
        "a deque": lambda: __import__("collections").deque(valid),
    }
    if valid.dtype.kind in "fiub":
        forms |= {
            "a tensor": lambda: torch.from_numpy(valid.copy()),
            "big-endian": lambda: valid.astype(valid.dtype.newbyteorder(">")),
        }
    if valid.dtype.kind == "f":
        forms |= {
            "a tensor with gradient": lambda: torch.from_numpy(valid.copy()).requires_grad_(),
            "a sparse tensor": lambda: torch.from_numpy(valid.copy()).to_sparse(),
            "a sparse matrix": lambda: scipy.sparse.coo_array(valid),
            "long doubles": lambda: valid.astype(np.longdouble),
        }
        yield Bad("a tensor on no device", lambda: torch.from_numpy(valid.copy()).to("meta"), REFUSED)
        yield Bad(
            "masked in part",
            lambda: np.ma.masked_array(valid, np.arange(valid.size).reshape(valid.shape) == 1),
            REFUSED,
        )
    for what, make in forms.items():
        yield Bad(what, make, SAME)


def _pandas(valid: np.ndarray):
    return pd.Series(list(valid)) if valid.ndim == 1 else pd.DataFrame(valid) if valid.ndim == 2 else list(valid)


def _array_numbers(valid: np.ndarray, generator) -> Iterator[Bad]:
    def put(value, place, kind=None):
        changed = valid.astype(kind or valid.dtype)
        changed.reshape(-1)[place] = value
        return changed

    places = [0, valid.size - 1, int(generator.integers(valid.size))]
    for place in places:
        for value in (np.nan, np.inf, -np.inf):
            yield Bad(f"{value} at {place}", lambda v=value, p=place: put(v, p), REFUSED)
        for value in (1e200, -1e200, 1e308, 1e38, 1e-200):
            yield Bad(f"{value} at {place}", lambda v=value, p=place: put(v, p, float), FINITE)
    yield Bad("a row of NaN", lambda: np.concatenate([valid[:-1], valid[:1] * np.nan]), REFUSED)
    yield Bad("all NaN", lambda: valid * np.nan, REFUSED)
    for factor in (1e200, 1e154, 1e-154, 1e-200, 1e-308, 0.0, -1.0):
        yield Bad(f"times {factor}", lambda f=factor: valid.astype(float) * f, FINITE)
    yield Bad("plus 1e15", lambda: valid.astype(float) + 1e15, FINITE)
    for kind in ("f2", "i1", "i8", "u1"):
        yield Bad(f"as {kind}", lambda k=kind: valid.astype(k), FINITE)
    yield Bad("booleans", lambda: valid > np.median(valid), FINITE)
    yield Bad("complex numbers", lambda: valid + 1j, REFUSED)
    yield Bad("complex numbers in a tensor", lambda: torch.from_numpy(valid + 1j), REFUSED)
    yield Bad("complex numbers in lists", lambda: (valid + 1j).tolist(), REFUSED)
    yield Bad("texts", lambda: valid.astype(str), REFUSED)
    yield Bad("dates", lambda: np.zeros(valid.shape, "M8[s]"), REFUSED)
    yield Bad("None at one place", lambda: put(None, places[2], object), REFUSED)
    yield Bad("a text at one place", lambda: put("x", places[2], object), REFUSED)


def _array_labels(valid: np.ndarray, generator) -> Iterator[Bad]:
    place = int(generator.integers(len(valid)))

    def put(value):
        changed = np.empty(len(valid), object)
        changed[:] = valid.tolist()
        changed[place] = value
        return changed

    for what, value in {"None": None, "NaN": np.nan, "NaT": pd.NaT, "NA": pd.NA}.items():
        yield Bad(f"{what} at {place}", lambda value=value: put(value), REFUSED)
    for what, value in {"a dict": {}, "a list": [1], "a set": {1}, "an array": np.zeros(2)}.items():
        yield Bad(f"{what} at {place}", lambda value=value: put(value), REFUSED)
    yield Bad("all labels alike", lambda: np.repeat(valid[:1], len(valid)), FINITE)
    yield Bad("all labels different", lambda: np.arange(len(valid)), FINITE)
    yield Bad("a text among others", lambda: put("x"), FINITE)
    yield Bad("negative ones", lambda: -1 - np.unique(valid, return_inverse=True)[1], FINITE)
    yield Bad("huge ones", lambda: np.unique(valid, return_inverse=True)[1] + 2**62, FINITE)
    yield Bad("halves", lambda: np.unique(valid, return_inverse=True)[1] + 0.5, FINITE)
    yield Bad("complex ones", lambda: np.unique(valid, return_inverse=True)[1] + 1j, FINITE)
    yield Bad("categories", lambda: pd.Categorical(valid), SAME)
    yield Bad("texts", lambda: valid.astype(str), FINITE)


def _tensor(valid: torch.Tensor, generator) -> Iterator[Bad]:
    for bad in _array(valid.numpy(), generator):

        def make(bad=bad):
            value = bad.make()
            return torch.from_numpy(value.copy()) if _fits_torch(value) else value

        yield Bad(bad.what, make, bad.expected)
    yield Bad("an array of numpy", valid.numpy, SAME)


def _fits_torch(value) -> bool:
    kind = isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray) and value.dtype
    return bool(kind) and kind.kind in "fiubc" and kind.isnative and kind.itemsize <= 8 and kind.str[1:] not in ("f2",)


def _table(valid: pd.DataFrame, generator) -> Iterator[Bad]:
    first = valid.columns[0]
    yield Bad("a dict of columns", lambda: {name: valid[name].tolist() for name in valid}, REFUSED)
    yield Bad("an array", valid.to_numpy, REFUSED)
    yield Bad("records", lambda: valid.to_dict("records"), REFUSED)
    yield Bad("a column", lambda: valid[first], REFUSED)
    yield Bad("no rows", lambda: valid[:0], FINITE)
    yield Bad("one row", lambda: valid[:1], FINITE)
    yield Bad("a row less", lambda: valid[:-1], FINITE)
    yield Bad("rows twice", lambda: pd.concat([valid, valid]), FINITE)
    yield Bad("an empty table", pd.DataFrame, REFUSED)
    yield Bad("no columns", lambda: valid[[]], REFUSED)
    yield Bad("a column twice", lambda: pd.concat([valid, valid[[first]]], axis=1), REFUSED)
    yield Bad("another index", lambda: valid.set_axis(range(5, 5 + len(valid))), SAME)
    yield Bad("one index for all rows", lambda: valid.set_axis([0] * len(valid)), SAME)
    yield Bad(
        "columns of two levels",
        lambda: valid.set_axis(pd.MultiIndex.from_product([["a"], valid.columns]), axis=1),
        REFUSED,
    )
    for name in valid:
        yield Bad(f"without {name!r}", lambda name=name: valid.drop(columns=name), FINITE)
        yield Bad(f"objects in {name!r}", lambda name=name: valid.astype({name: object}), FINITE)
        yield Bad(f"texts in {name!r}", lambda name=name: valid.assign(**{str(name): "x"}), FINITE)
        yield Bad(f"lists in {name!r}", lambda name=name: valid.assign(**{str(name): [[1]] * len(valid)}), FINITE)
        yield Bad(f"one None in {name!r}", lambda name=name: _with_none(valid, name), FINITE)
        if valid[name].dtype.kind == "f":
            for value in (np.nan, np.inf, 1e200):
                expected = FINITE if value == 1e200 else ANY
                yield Bad(f"{value} in {name!r}", lambda n=name, v=value: valid.assign(**{n: v}), expected)
            yield Bad(f"complex in {name!r}", lambda name=name: valid.assign(**{name: valid[name] + 1j}), KEPT)


def _with_none(valid: pd.DataFrame, name) -> pd.DataFrame:
    values = valid[name].astype(object).tolist()
    return valid.assign(**{str(name): pd.Series([None, *values[1:]], valid.index, dtype=object)})


def _mapping(valid: Mapping, generator) -> Iterator[Bad]:
    first = next(iter(valid))
    yield Bad("an empty mapping", dict, FINITE)
    yield Bad("pairs in a list", lambda: list(valid.items()), REFUSED)
    yield Bad("the names alone", lambda: list(valid), REFUSED)
    yield Bad("the values alone", lambda: list(valid.values()), REFUSED)
    yield Bad("a generator of pairs", lambda: iter(valid.items()), REFUSED)
    yield Bad("one name more", lambda: {**valid, "another": valid[first]}, FINITE)
    yield Bad("one name less", lambda: {name: value for name, value in valid.items() if name != first}, FINITE)
    yield Bad(
        "another name", lambda: {**{n: v for n, v in valid.items() if n != first}, "another": valid[first]}, FINITE
    )
    for key in (None, 1, ("a", "b"), b"a", 1.5):
        yield Bad(f"the name {key!r}", lambda key=key: {key: valid[first], **valid}, FINITE)
    for bad in bad_values(valid[first], generator):
        yield Bad(f"{bad.what} in {first!r}", lambda bad=bad: {**valid, first: bad.make()}, bad.expected)


def _sequence(valid: Sequence, generator) -> Iterator[Bad]:
    kind = type(valid[0]) if len(valid) else None
    forms = {"a tuple": tuple, "a list": list, "a generator": lambda v: (x for x in v), "an iterator": iter}
    if kind in (int, float, str):
        forms |= {"an array": np.array, "a series": pd.Series, "an index": pd.Index}
    for what, form in forms.items():
        yield Bad(what, lambda form=form: form(valid), SAME)
    yield Bad("none", list, FINITE)
    yield Bad("one", lambda: [*valid[:1]], FINITE)
    yield Bad("each twice", lambda: [*valid, *valid], FINITE)
    yield Bad("backwards", lambda: [*valid][::-1], FINITE)
    yield Bad("in a list", lambda: [valid], REFUSED)
    yield Bad("a dict of them", lambda: {k: value for k, value in enumerate(valid)}, REFUSED)
    yield Bad("one of them alone", lambda: valid[0], REFUSED if kind in (int, float) else FINITE)
    for place in dict.fromkeys((0, len(valid) - 1)):
        for bad in bad_values(valid[place], generator):

            def make(bad=bad, place=place):
                changed = [*valid]
                changed[place] = bad.make()
                return changed

            yield Bad(f"{bad.what} at {place}", make, bad.expected)


KINDS = (
    (bool, _truth),
    (int, _whole),
    (float, _number),
    (str, _text),
    (np.ndarray, _array),
    (torch.Tensor, _tensor),
    (pd.DataFrame, _table),
    (Mapping, _mapping),
    (list | tuple, _sequence),
)


def names_argument(message: str, names: Sequence[str]) -> bool:
    """Say whether a message names one of these arguments."""
    return any(re.search(rf"(?<![A-Za-z_]){re.escape(name)}(?![A-Za-z_])", message) for name in names)
