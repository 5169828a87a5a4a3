"""A build prints one line per step; what programs say goes to a log, and a failure is shown with the end of it."""

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from book import steps
from book.contents import ROOT

DOIT = Path(sys.executable).with_name("doit")
CHATTER = """import subprocess, sys, warnings
from tqdm import tqdm
print("from Python")
warnings.warn("a worker stopped")
subprocess.run(["sh", "-c", "echo from a program; echo and its errors >&2"])
for _ in tqdm(range(3), desc="a bar"):
    pass
"""
STEP = f"""from pathlib import Path
from book import steps
with steps.step("a step", Path.cwd()):
    exec({CHATTER!r})
    import time
    time.sleep(1.2)
print("after")
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout without chapters, whose figure is drawn by a program that chatters."""
    (tmp_path / "frlib").symlink_to(ROOT / "frlib")
    (tmp_path / "book/assets").mkdir(parents=True)
    (tmp_path / "_toc.yml").write_text("parts: []\n")
    (tmp_path / "book/figure.py").write_text(CHATTER + "open(sys.argv[1], 'w').write('drawn')\n")
    for name in ("dodo.py", *(f"book/{part}.py" for part in ("contents", "lock", "pipeline", "steps"))):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def figure(checkout):
    return subprocess.run([DOIT, "profile=smoke", "figure"], cwd=checkout, capture_output=True, text=True)


def test_a_step_is_one_line_and_the_rest_is_in_its_log(checkout):
    done = figure(checkout)
    assert re.fullmatch(r"figure of the README +\d+\.\d s\n", done.stdout) and done.stderr == ""
    said = steps.said(checkout / "_build/smoke/log/figure-of-the-README.txt", 99)
    assert {"from Python", "from a program", "and its errors"} <= set(said)
    assert [line for line in said if "a worker stopped" in line]
    assert [line for line in said if "a bar" in line][0].startswith("a bar: 100%"), "the last state of a bar, once"
    assert list(steps.recorded(checkout / "_build/smoke")) == ["figure of the README"]
    assert re.fullmatch(r"figure of the README +unchanged\n", figure(checkout).stdout)


def test_a_program_that_fails_is_shown_with_the_end_of_its_log(checkout):
    with open(checkout / "book/figure.py", "a") as script:
        script.write("raise SystemExit('no ink')\n")
    done = figure(checkout)
    assert done.returncode == 1
    first, _, *message = done.stdout.splitlines()
    assert re.fullmatch(r"figure of the README +\d+\.\d s failed", first)
    assert message[0].endswith("ended with status 1; the end of _build/smoke/log/figure-of-the-README.txt:")
    assert message[-1] == "no ink" and "from a program" in message
    assert steps.recorded(checkout / "_build/smoke") == {}


def test_a_chapter_that_fails_is_shown_with_its_cell(checkout):
    (checkout / "notebooks").mkdir()
    (checkout / "notebooks/01_x.py").write_text("# %%\nimport os\nos.system('echo chatter')\n\n# %%\nn = 1\nn / 0\n")
    (checkout / "_toc.yml").write_text("parts: [{chapters: [{file: notebooks/01_x, title: 1. X}]}]\n")
    done = subprocess.run([DOIT, "profile=smoke", "chapter"], cwd=checkout, capture_output=True, text=True)
    first, _, cell, error, where = done.stdout.splitlines()
    assert done.returncode == 1 and done.stderr == ""
    assert re.fullmatch(r"chapter 01_x +\d+\.\d s failed", first)
    assert re.fullmatch(r"chapter 01_x failed in code cell \d, which begins with `n = 1`", cell)
    assert error == "ZeroDivisionError: division by zero"
    assert where.endswith("_build/smoke/failed/01_x.ipynb")


def test_on_a_terminal_the_line_shows_what_the_step_waits_for(tmp_path):
    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    process = subprocess.Popen([sys.executable, "-c", STEP], cwd=tmp_path, env=environment, stdout=theirs)
    os.close(theirs)
    shown = b""
    while part := read(ours):
        shown += part
    assert process.wait() == 0
    states = [state.strip() for state in shown.decode().split("\r") if state.strip()]
    assert re.fullmatch(r"a step +\d+\.\d s  a bar: 100%.*", states[0])
    assert re.fullmatch(r"a step +\d+\.\d s", states[-2]) and states[-1] == "after"
    assert shown.count(b"\n") == 2 and b"from a program" not in shown


def read(terminal) -> bytes:
    """Return what was written to a terminal, and nothing once the program at its other end is gone."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_a_step_that_runs_again_keeps_its_place_at_the_end_of_the_table(tmp_path):
    for name, seconds in (("a", 1.04), ("b", 2.0), ("a", 3.06)):
        steps.record(tmp_path, name, seconds)
    assert list(steps.recorded(tmp_path).items()) == [("b", 2.0), ("a", 3.1)]
