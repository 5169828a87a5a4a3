"""Fixtures of the report's tests: a browser that may load nothing, and a reader of the tables on a page."""

import re
import sys
from html import unescape
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "site"))  # the offline check of the site's pages

from browser import find_chromium


@pytest.fixture(scope="package")
def chromium():
    """Return a headless browser."""
    if not find_chromium():
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


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
