"""The command for the lattices at the paper's sizes, on small ones: killed and begun again, and in little memory."""

import ast
import functools
import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from frlib.faces import Lattice
from frlib.fingerprint import paper

ROOT = Path(__file__).resolve().parents[2]
#: The command, on lattices of 11 drawings in blocks of two, each block a part, without its estimate; it notes every
#: part that it draws.
COMMAND = """
import functools, sys, time
import pandas as pd
from frlib import clouds
from frlib.faces import lattice
from frlib.faces import Lattice
from frlib.fingerprint import paper

lattice.BLOCKS_OF_PART = 1
paper.Lattice = functools.partial(lattice.Lattice, low_level=3, batch=2)
paper.estimate = lambda *_: pd.DataFrame(columns=["gigabytes"])
plain = clouds._drawn_and_embedded

def noted(drawing, networks):
    found = plain(drawing, networks)
    print("drawn", flush=True)
    time.sleep(float(sys.argv[1]))  # a moment in which it can be killed
    return found

clouds._drawn_and_embedded = noted
sys.exit(paper.main(sys.argv[2:]))
"""
SIZES = ["--identities", "2", "--side", "1", "--curves", "7", "--networks", "mobileface", "--jobs", "1"]
PARTS = 2 * 6


def command(*arguments, seconds=0.0, cache=None):
    """Start the command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment |= {"FRLIB_CACHE": str(cache)} if cache else {}
    call = [sys.executable, "-c", COMMAND, str(seconds), *SIZES, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(call, env=environment, text=True, **pipes)


def ended(process) -> str:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def stored(folder: Path) -> dict:
    """Return the stored files, and what tells whether one was written again."""
    return {f.name: (f.stat().st_ino, f.stat().st_mtime_ns) for f in folder.glob("[!.]*") if f.is_file()}


@pytest.mark.weekly
def test_a_killed_run_goes_on_where_it_ended_with_the_same_numbers(own_results, tmp_path_factory):
    first = command("--yes", seconds=0.4)
    parts_seen = 0
    while parts_seen < 5:
        parts_seen += first.stdout.readline() == "drawn\n"
    first.kill()  # SIGKILL
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    before = stored(own_results)
    assert len(before) == 4  # the fifth was drawn, and not yet stored
    other = tmp_path_factory.mktemp("undisturbed")
    for room in ("models", "faces"):
        (other / room).symlink_to(own_results.parent / room)
    again, alone = own_results.parent / "again", other / "tables"
    resumed = command("--yes", "--output", again)
    undisturbed = command("--yes", "--output", alone, cache=other)
    assert ended(resumed).count("drawn\n") == PARTS - 4 and ended(undisturbed).count("drawn\n") == PARTS
    after = stored(own_results)
    assert {name: after[name] for name in before} == before
    assert after.keys() == stored(other / "results").keys()
    assert sorted(f.name for f in again.iterdir()) == sorted(f"{name}.csv" for name in paper.measures(2))
    for file in again.iterdir():
        assert file.read_bytes() == (alone / file.name).read_bytes() and len(pd.read_csv(file))


def test_an_estimate_begins_nothing_and_asks(own_results, monkeypatch, capsys):
    monkeypatch.setattr(paper, "Lattice", functools.partial(Lattice, low_level=3, batch=2))
    monkeypatch.setattr(paper.sys, "stdin", io.StringIO("y\n"))  # no terminal
    for arguments, end in (
        (["--estimate"], "goes on where it ended.\n"),
        ([], "Nothing was begun: give --yes to begin.\n"),
    ):
        assert paper.main([*SIZES, *arguments]) == 0
        said = capsys.readouterr().out
        assert said.endswith(end) and "embedding mobileface images   154" in said
        assert "Estimate for this machine: " in said and " minutes in 1 process, 0.00 GB on disk" in said
    assert stored(own_results) == {}


@pytest.mark.parametrize(("answer", "begins"), [("y", True), ("Yes", True), ("", False), ("n", False)])
def test_at_a_terminal_it_asks(monkeypatch, answer, begins):
    monkeypatch.setattr(paper.sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda question: answer)
    assert paper.confirmed() == begins


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--networks", "nobody"], "error: name must be one of .*; got 'nobody'"),
        (["--curves", "1"], "error: curves must be an integer of at least 2; got 1"),
        (["--side", "0"], "error: side must be an integer of at least 1; got 0"),
        (["--identities", "0"], "error: n must be an integer of at least 1; got 0"),
    ],
)
def test_what_is_refused(arguments, message, capsys):
    assert paper.main(arguments) == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_disk_without_room_is_refused(own_results, monkeypatch):
    table = pd.DataFrame({"gigabytes": [3.0, 2.5]})
    monkeypatch.setattr(paper.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5.4e9))
    with pytest.raises(OSError, match="5.5 GB are needed and 5.4 GB are free. Set FRLIB_CACHE"):
        paper.check_disk(table)
    monkeypatch.setattr(paper.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5.6e9))
    paper.check_disk(table)


PEAK = """
from benchmarks import command
from frlib.clouds import fill
from frlib.faces import Lattice, lattice, sample_identities
from frlib.models import load

lattice.BLOCKS_OF_PART = 2
network = load("mobileface", device="cpu")
first, second, third = (Lattice(person, 2, batch=10).parts() for person in sample_identities(3))
run = lambda parts: fill(parts, [network], n_jobs=1, progress=False)
run(first[:2])  # loads and compiles
print(command.raised_peak(lambda: run(second[:2])), command.raised_peak(lambda: run(third)))
"""


@pytest.mark.weekly
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_number_of_parts(own_results):
    """Two parts have 520 images, ten 2,496, which would be 74 MB more."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/benchmarks", "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", PEAK], env=environment, text=True, capture_output=True)
    assert run.returncode == 0, run.stderr
    few, many = map(float, run.stdout.split())
    assert many < few + 25


def test_the_chapter_asks_for_the_same_tables():
    """So it reads what the command stored: the options of its calls, in profile paper, are those of the command."""
    tree = ast.parse((ROOT / "notebooks/04_pretrained_energies.py").read_text())
    names, asked = {"n_curves": 20_000, "n": 20_000}, []
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in (
            "small_to_large",
            "as_authors",
            "two_kinds",
        ):
            names[node.targets[0].id] = eval(ast.unparse(node.value), dict(names))
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        if ast.unparse(call.func) == "fingerprint.over_lattices":
            measure = call.args[0].attr
            for raw in (False, True):
                keywords = [ast.unparse(k) for k in call.keywords]
                asked.append((measure, eval(f"dict({', '.join(keywords)})", {**names, "raw": raw})))
    for measure, options in paper.measures(20_000).values():
        assert (measure.__name__, options) in asked
