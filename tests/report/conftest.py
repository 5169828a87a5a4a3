"""Fixture of the report's tests: a reader of the tables on a page."""

import re
from html import unescape

import pytest


@pytest.fixture(scope="session")
def tables_of():
    """Return a function: text of a page -> tables, each a list of (row name, dict of column to value)."""

    def cell(part: str):
        value = re.search(r'data-value="([^"]*)"', part)
        return float(value[1]) if value and value[1] else unescape(part.partition(">")[2].partition("</td>")[0])

    def read(page: str) -> list[list[tuple]]:
        found = []
        for table in re.findall(r"<tbody>(.*?)</tbody>", page, flags=re.S):
            rows = [unescape(name) for name in re.findall(r'<th scope="row">(.*?)</th>', table)]
            cells = [row.split("<td ")[1:] for row in table.split("<tr")[1:]]
            found.append(
                [
                    (name, {re.search(r'data-column="([^"]*)"', part)[1]: cell(part) for part in parts})
                    for name, parts in zip(rows, cells, strict=True)
                ]
            )
        return found

    return read
