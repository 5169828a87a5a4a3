"""What tests of several folders share: one headless browser; a second one in the same run would be refused."""

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent / "site"))  # the offline check of pages, `browser`

from browser import find_chromium

from frlib.store import compiled_folder

# Tests move FRLIB_CACHE; what is compiled stays where it is, or each of them would wait for the compilers.
os.environ.setdefault("NUMBA_CACHE_DIR", str(compiled_folder("numba")))
os.environ.setdefault("WARP_CACHE_PATH", str(compiled_folder("warp")))


@pytest.fixture(scope="session")
def chromium():
    """Return a headless Chromium, or skip with the reason."""
    if not find_chromium():
        pytest.skip("no Chromium on this machine (apt install chromium)")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        yield browser
        browser.close()
