"""Two builds in one checkout: the second is refused and told why; a killed one blocks nobody."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from book import lock
from tests.checkout import DOIT

ROOT = Path(__file__).resolve().parents[2]
WAITS = """import sys, time
from pathlib import Path
Path("begun").touch()
while not Path("go").exists():
    time.sleep(0.05)
Path(sys.argv[1]).write_text("drawn")
"""


@pytest.fixture
def checkout(checkout):
    """A checkout whose figure waits until a file `go` is there."""
    (checkout / "book/figure.py").write_text(WAITS)
    return checkout


def wait_for(path):
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} did not appear"
        time.sleep(0.05)


def test_a_second_build_is_refused_at_once_and_a_killed_one_blocks_nobody(checkout):
    def doit(*arguments):
        return subprocess.run([DOIT, *arguments], cwd=checkout, capture_output=True, text=True)

    first = subprocess.Popen([DOIT, "profile=smoke", "figure"], cwd=checkout, stdout=subprocess.DEVNULL)
    wait_for(checkout / "begun")
    for command in (["profile=book", "figure"], ["forget"]):
        second = doit(*command)
        assert second.returncode == 1 and second.stdout == ""
        said = r"another build runs in this checkout: process (\d+) of \S+ on \S+, since [\d-]+ [\d:+-]+, "
        said += r"`doit profile=smoke figure`\. Wait until it ends, or stop it, and run this again\.\n"
        assert int(re.fullmatch(said, second.stderr)[1]) == first.pid
    assert doit("profile=smoke", "list").returncode == 0

    first.kill()
    first.wait()
    (checkout / "go").touch()
    third = doit("profile=smoke", "figure")
    assert third.returncode == 0, third.stderr
    assert (checkout / "book/assets/energy.svg").read_text() == "drawn"
    assert f"process {first.pid} " not in (checkout / "_build/lock.txt").read_text()


def test_a_user_who_is_a_mere_number_can_build(monkeypatch):
    def unknown():
        raise KeyError("uid not found")

    monkeypatch.setattr(lock.getpass, "getuser", unknown)
    assert f" of {os.getuid()} on " in lock.this_process(["make", "book"])


def test_the_environment_is_set_up_by_one_build_and_no_package_is_needed_for_that(checkout):
    def held(code):
        command = [sys.executable, "-I", "-S", "book/lock.py", sys.executable, "-c", code]
        return subprocess.Popen(command, cwd=checkout, stderr=subprocess.PIPE, text=True)

    first = held(WAITS.replace("sys.argv[1]", "'done'"))
    wait_for(checkout / "begun")
    second = held("raise SystemExit('it ran')")
    assert f"another build runs in this checkout: process {first.pid} of " in second.communicate()[1]
    assert second.returncode == 1
    (checkout / "go").touch()
    assert first.wait() == 0
    assert held("raise SystemExit(7)").wait() == 7
    assert "book/lock.py $(MAKE) --no-print-directory environment" in (ROOT / "Makefile").read_text()
