"""A build prints one line per step; what programs say goes to a log, and a failure is shown with the end of it."""

import os
import pty
import re
import subprocess
import sys
import time

import nbformat
import pytest

from book import steps
from book.contents import ROOT
from frlib.models import catalogue
from tests.checkout import DOIT, add_chapters

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
def checkout(checkout):
    """A checkout whose figure is drawn by a program that chatters."""
    (checkout / "book/figure.py").write_text(CHATTER + "open(sys.argv[1], 'w').write('drawn')\n")
    return checkout


def chapters(checkout, *options):
    command = [DOIT, *options, "profile=smoke", "chapter"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True)


def figure(checkout):
    return subprocess.run([DOIT, "profile=smoke", "figure"], cwd=checkout, capture_output=True, text=True)


def test_a_step_is_one_line_and_the_rest_is_in_its_log(checkout):
    done = figure(checkout)
    assert re.fullmatch(r"figure of the README +\d+\.\d s\n", done.stdout) and done.stderr == ""
    said = steps.said(checkout / "_build/smoke/log/figure-of-the-README.txt", 99)
    assert {"from Python", "from a program", "and its errors"} <= set(said)
    assert [line for line in said if "a worker stopped" in line]
    assert [line for line in said if "a bar" in line][0].startswith("a bar: 100%"), "the last state of a bar, once"
    [row] = steps.recorded(checkout / "_build/smoke")
    assert row["name"] == "figure of the README" and row["needs"] == []
    assert 0 < row["seconds"] <= time.time() - row["started"] + 0.1 < 60  # both are rounded to a tenth
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
    assert steps.recorded(checkout / "_build/smoke") == []


def test_a_chapter_that_fails_is_shown_with_its_cell(checkout):
    add_chapters(checkout, x="# %%\nimport os\nos.system('echo chatter')\n\n# %%\nn = 1\nn / 0\n")
    done = chapters(checkout)
    environment, first, _, cell, error, where = done.stdout.splitlines()
    assert done.returncode == 1 and done.stderr == ""
    assert re.fullmatch(r"chapter x +\d+\.\d s failed", first)
    assert re.fullmatch(r"chapter x failed in code cell \d, which begins with `n = 1`", cell)
    assert error == "ZeroDivisionError: division by zero"
    assert where.endswith("_build/smoke/failed/x.ipynb")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("netwroks=a", "parameters must be among profile, seed, device, networks; got netwroks"),
        ("seed=one", "seed must be a whole number of at least 0; got 'one'"),
        ("profile=big", "profile must be one of smoke, book, paper; got 'big'"),
    ],
)
def test_a_misspelt_parameter_is_refused(checkout, word, said):
    done = subprocess.run([DOIT, word, "figure"], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.strip() == said and done.stdout == ""


def test_networks_go_to_the_chapters_that_choose_them_and_no_other_runs_again(checkout):
    begins = '# %% tags=["parameters"]\nprofile = "book"\nseed = 0\ndevice = "auto"\n'
    add_chapters(checkout, plain=begins, choosing=begins + 'networks = ""\n')
    assert chapters(checkout).returncode == 0
    states = dict(line.rsplit(None, 1) for line in chapters(checkout, "networks=a,b").stdout.splitlines())
    assert states["chapter plain"] == "unchanged"
    path = checkout / "_build/smoke/notebooks/choosing.ipynb"
    assert nbformat.read(path, as_version=4).metadata["frlib"]["networks"] == "a,b"


@pytest.mark.weekly
def test_what_the_reader_puts_into_the_cache_has_the_chapters_run_again_that_show_it(checkout, monkeypatch, tmp_path):
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cache"))
    begins = '# %% tags=["parameters"]\nprofile = "book"\nseed = 0\ndevice = "auto"\n'
    shows = {"photographs": "# datasets.read_stored()\n", "papers": "# chosen(networks)\n"}
    add_chapters(checkout, plain=begins, **{name: begins + text for name, text in shows.items()})

    def ran() -> set[str]:
        lines = [line.split() for line in chapters(checkout).stdout.splitlines()]
        return {words[1] for words in lines if words[0] == "chapter" and words[-1] == "s"}

    assert ran() == {"plain", "photographs", "papers"}
    (tmp_path / "cache/photographs/album/ann").mkdir(parents=True)
    file = catalogue.stored_path("arcface-r50")  # in the cache of this test
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    assert ran() == {"photographs", "papers"} and ran() == set()
    (tmp_path / "cache/photographs/album/ann/one.jpg").touch()
    assert ran() == {"photographs"}


def test_chapters_run_side_by_side_with_a_readers_packages(checkout):
    meet = """# %%
import importlib.util, pathlib, time
pathlib.Path("{own}").touch()
until = time.monotonic() + 60
while not pathlib.Path("{other}").exists():
    assert time.monotonic() < until, "no other chapter"
    time.sleep(0.05)

# %%
[tool for tool in ("doit", "jupytext", "papermill", "pytest", "sphinx") if importlib.util.find_spec(tool)]
"""
    add_chapters(checkout, a=meet.format(own="x", other="y"), b=meet.format(own="y", other="x"))
    done = chapters(checkout, "-n", "2")
    assert done.returncode == 0 and done.stderr == "", done.stdout
    names = ["chapter a", "chapter b", "environment of a reader"]
    assert sorted(line[:32].strip() for line in done.stdout.splitlines()) == names
    rows = {row["name"]: row for row in steps.recorded(checkout / "_build/smoke")}
    assert sorted(rows) == names, "steps that end at one time are all noted"
    assert rows["chapter a"]["needs"] == rows["chapter b"]["needs"] == [names[-1]]
    assert sorted(p.name for p in (checkout / "_build/smoke/notebooks").iterdir()) == ["a.ipynb", "b.ipynb"]
    for name in "ab":
        cells = nbformat.read(checkout / f"_build/smoke/notebooks/{name}.ipynb", as_version=4).cells
        assert cells[-1].outputs[0].data["text/plain"] == "[]"
    assert {line.split()[-1] for line in chapters(checkout).stdout.splitlines()} == {"unchanged"}


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


def test_a_step_that_runs_again_has_its_place_at_the_end_of_the_table(tmp_path):
    for name, started, seconds in (("a", 1.0, 1.04), ("b", 2.04, 2.0), ("a", 10.0, 3.06)):
        steps.record(tmp_path, name, started, seconds, ["x"])
    rows = [tuple(row.values()) for row in steps.recorded(tmp_path)]
    assert rows == [("b", 2.0, 2.0, ["x"]), ("a", 10.0, 3.1, ["x"])]
