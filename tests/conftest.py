"""What tests of several folders share: whether there is a build, and one headless browser.

A second browser in the same run would be refused.
"""

import os

import pytest
from hypothesis import settings

from book.course import chromium as browser
from frlib.store import compiled_folder
from tests import build

# No test is timed: on a machine with other work a single example may take a second.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Tests move FRLIB_CACHE; what is compiled stays where it is, or each of them would wait for the compilers.
os.environ.setdefault("NUMBA_CACHE_DIR", str(compiled_folder("numba")))
os.environ.setdefault("WARP_CACHE_PATH", str(compiled_folder("warp")))


def pytest_addoption(parser):
    parser.addoption("--built", action="store_true", help="tests marked `site` fail where the build is absent")
    parser.addoption("--weekly", action="store_true", help="run tests marked `weekly` too")


def pytest_runtest_setup(item):
    if item.get_closest_marker("weekly") and not item.config.getoption("weekly"):
        pytest.skip("runs once a week, or with --weekly")
    if item.get_closest_marker("site"):
        if item.config.getoption("built") and not build.present():
            pytest.fail(build.ABSENT, pytrace=False)
        if not item.config.getoption("built") and (reason := build.unfit()):
            pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium():
    """Return a headless Chromium, or skip with the reason."""
    if not browser.find():
        pytest.skip("no Chromium on this machine (apt install chromium)")
    with browser.started() as started:
        yield started
