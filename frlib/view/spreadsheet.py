"""Tables that a spreadsheet opens: a text of a reader's, such as the name of a column, must not become a formula."""

import re

import pandas as pd

_FORMULA = re.compile(r"[=+\-@\t\r]")
# A number, alone, with its unit, or with the interval around it.
_NUMBER = re.compile(r"[+-](\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?( [\w .,%+\[\]-]*)?")


def no_formula(value):
    """Return a text that spreadsheets take for a formula with an apostrophe before it; any other value as it is.

    Spreadsheets run what begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return. Numbers in words are none.
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def as_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV, without its index, with nine digits of each number, and with no formula."""
    return table.map(no_formula).rename(columns=no_formula).to_csv(index=False, float_format="%.9g")
