"""No text becomes a formula, and no number becomes a text."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frlib.view.spreadsheet import as_csv, no_formula


@given(st.sampled_from("=+-@\t\r"), st.text(max_size=10))
def test_what_a_spreadsheet_runs_has_an_apostrophe_or_is_a_number(sign, rest):
    found = no_formula(sign + rest)
    assert found == f"'{sign}{rest}" or (sign in "+-" and rest[0] in ".0123456789" and not set(rest) & set("(|!=*/:"))


@given(st.one_of(st.text(alphabet="abc19 .=-", max_size=6).filter(lambda t: not t.startswith(("=", "-"))), st.floats()))
def test_everything_else_stays(value):
    assert no_formula(value) is value


@pytest.mark.parametrize(
    "number", ["-1", "+.5", "-1.", "-1.5e-3", "-3 %", "-3%", "-45 to 45 degrees", "+0.01 [-0.03, +0.05]"]
)
def test_numbers_in_words_stay(number):
    assert no_formula(number) == number


@pytest.mark.parametrize("formula", ["=1", "-2+3+cmd|' /C calc'!A0", "+SUM(A1)", "@x", "-A1", "-1 (A1)", "--1", "-"])
def test_formulas_do_not(formula):
    assert no_formula(formula) == f"'{formula}"


def test_a_table_keeps_its_numbers_and_loses_its_formulas():
    table = pd.DataFrame(
        {"=A1": ["=B1", "-"], "kind": pd.Categorical(["@a", "b"]), "ks": [-0.123456789012, float("nan")]}
    )
    rows = list(csv.reader(io.StringIO(as_csv(table))))
    assert rows == [["'=A1", "kind", "ks"], ["'=B1", "'@a", "-0.123456789"], ["'-", "b", ""]]
    assert as_csv(table.head(0)) == "'=A1,kind,ks\n"
