"""What callers pass in: numbers of every type and layout are taken with their values, everything else is named."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from frlib import checks
from frlib.checks import as_matrix

VALUES = np.array([[1.5, -2.0, 3.25], [4.0, 5.5, -6.0]])
WIDE = np.finfo(np.longdouble).max > np.finfo(np.float64).max


@pytest.mark.parametrize("kind", [">f8", "<f8", ">f4", "<f4", ">f2", "<f2", "g"])
def test_floats_keep_their_values_in_any_byte_order(kind):
    found = as_matrix("X", VALUES.astype(kind))
    assert found.dtype == (torch.float64 if np.dtype(kind).itemsize >= 8 else torch.float32)
    assert found.tolist() == VALUES.tolist()


@pytest.mark.parametrize("kind", [">i8", "<i2", "i1", "u1", ">u2", "u4", "u8"])
def test_integers_become_float32(kind):
    whole = np.array([[1, 2], [3, 100]], kind)
    found = as_matrix("X", whole)
    assert found.dtype == torch.float32 and found.tolist() == whole.tolist()


def test_layouts_do_not_matter(tmp_path):
    np.save(tmp_path / "x.npy", VALUES)
    packed = np.zeros(2, dtype=[("tag", "u1"), ("x", "f8", 3)])
    packed["x"] = VALUES
    layouts = {
        "column by column": np.asfortranarray(VALUES),
        "backwards": VALUES[::-1, ::-1].copy()[::-1, ::-1],
        "a part": np.repeat(np.repeat(VALUES, 2, 0), 2, 1)[::2, ::2],
        "not aligned": packed["x"],
        "a map of a file": np.load(tmp_path / "x.npy", mmap_mode="r"),
        "lists": VALUES.tolist(),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, array in layouts.items():
            assert as_matrix("X", array).tolist() == VALUES.tolist(), name


def test_float32_and_float64_are_not_copied():
    for kind in (np.float32, np.float64):
        array = VALUES.astype(kind)
        assert np.shares_memory(as_matrix("X", array).numpy(), array)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (VALUES + 1j, "X must hold one matrix of real numbers; got type complex128, but only floats and integers"),
        (VALUES > 0, "X must hold one matrix of real numbers; got type bool"),
        (VALUES.astype(object), "X must hold one matrix of real numbers; got type object"),
        (VALUES.astype("M8[s]"), r"X must hold one matrix of real numbers; got type datetime64\[s\]"),
        (np.zeros(2, [("a", "f4")]), "X must hold one matrix of real numbers; got type .*'a'"),
        ([["a", "b"]], "X must hold one matrix of real numbers; got type <U1"),
        (torch.tensor(VALUES) > 0, "X must hold one matrix of real numbers; got type torch.bool"),
        (torch.tensor(VALUES) * 1j, "X must hold one matrix of real numbers; got type torch.complex128"),
        ([[1.0, 2.0], [3.0]], r"X must be a matrix \(N, d\); "),
        (np.float32(1), r"X must be a non-empty matrix \(N, d\); got shape \(\)"),
        (VALUES[None], r"X must be a non-empty matrix \(N, d\); got shape \(1, 2, 3\)"),
        (VALUES[:, :0], r"X must be a non-empty matrix \(N, d\); got shape \(2, 0\)"),
        ([[1.0, 0.0], [0.0, -np.inf]], "X must be finite; row 1 holds NaN or infinity"),
        ([[1.0, 0.0], [np.nan, np.inf]], "X must be finite; row 1 holds NaN or infinity"),
    ],
)
def test_what_is_no_matrix_of_real_numbers_is_named(value, message):
    with pytest.raises(ValueError, match=message):
        as_matrix("X", value)


@pytest.mark.skipif(not WIDE, reason="long double is double here")
def test_a_long_double_beyond_float64_is_named():
    wide = VALUES.astype(np.longdouble)
    wide[1, 2] = np.longdouble("1e400")
    with pytest.raises(ValueError, match="X must be finite; row 1 holds NaN or infinity"):
        as_matrix("X", wide)


@pytest.mark.parametrize(("kind", "size"), [(np.float32, 2e38), (np.float64, 1e200)])
def test_rows_whose_distances_overflow_are_named_where_lengths_matter(kind, size):
    rows = VALUES.astype(kind)
    rows[1, 0] = size
    with pytest.raises(ValueError, match="X must hold numbers up to .*metric='euclidean'; row 1 holds one of size"):
        as_matrix("X", rows, metric="euclidean")
    assert as_matrix("X", rows, metric="cosine").tolist() == rows.tolist()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), "table must have one column 'a'; it has 2"),
        (pd.DataFrame({"b": [1.0]}), "table must have a column 'a'; it has 'b'"),
        (pd.DataFrame({"a": ["x"]}), "table must have numbers in its column 'a'; got type"),
        (pd.DataFrame({"a": [np.inf]}), r"table\['a'\] must be finite numbers up to"),
        (pd.DataFrame({"a": [1.0], "b": [1j]}), "table must have no complex numbers in its column 'b'"),
        (pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]}), "table must have no missing value in its column 'b'"),
        (pd.DataFrame({"a": [1.0], "b": ["x"]})[:0], "table must not be empty"),
    ],
)
def test_columns_that_are_not_accepted_are_named(table, message):
    with pytest.raises(ValueError, match=message):
        checks.columns("table", table, ["a", *(["b"] if "a" in table and "b" in table else [])], ["a"], ["b"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (VALUES + 1j, "x must be real numbers; got type complex128"),
        (None, "x must be real numbers; got None"),
        (VALUES * np.inf, r"x must be finite numbers up to 1e\+150; got inf"),
        (VALUES * 1e200, r"x must be finite numbers up to 1e\+150; got 6e\+200"),
        (VALUES * 1e-200, "x must not all be smaller than 1e-150, or squares vanish; got 6e-200"),
        ([[1.0], [2.0, 3.0]], "x must be an array of real numbers; "),
        (np.ma.masked_array(VALUES, VALUES > 5), "x must be an array of real numbers, without masked values; got 1"),
        (torch.tensor(VALUES).to_sparse(), "x must be a dense tensor with values; got one of layout torch.sparse_coo"),
        (torch.tensor(VALUES).to("meta"), "x must be a dense tensor with values; got one of no device"),
    ],
)
def test_what_are_no_numbers_is_named(value, message):
    with pytest.raises(ValueError, match=message):
        checks.as_numbers("x", value)


def test_numbers_of_any_form_keep_their_values():
    for form in (VALUES, VALUES.tolist(), torch.tensor(VALUES, requires_grad=True), VALUES.astype(">f8")):
        assert checks.as_numbers("x", form, finite=True, shape=(2, None)).tolist() == VALUES.tolist()
    assert np.isnan(checks.as_numbers("x", [np.nan, 1.0])).tolist() == [True, False]
    with pytest.raises(ValueError, match="x must be finite numbers; got NaN"):
        checks.as_numbers("x", [np.nan, 1.0], finite=True)
    with pytest.raises(ValueError, match=r"x must be numbers of shape \(any\); got shape \(2, 3\)"):
        checks.as_numbers("x", VALUES, shape=(None,))


@pytest.mark.parametrize(
    ("factor", "options", "message"),
    [
        (1e200, {"products": True}, "X must hold numbers up to 1e.70, or products overflow; row 0 holds one of size 3"),
        (1e-100, {"products": True}, "X must hold numbers above 1e-70, or all products vanish; the largest is of size"),
        (1e-200, {"metric": "euclidean"}, "X must hold numbers above 1e-150, or all distances vanish with metric="),
    ],
)
def test_numbers_whose_products_are_lost_are_named(factor, options, message):
    with pytest.raises(ValueError, match=message):
        as_matrix("X", VALUES * factor, **options)
    assert as_matrix("X", VALUES, **options).tolist() == VALUES.tolist()
