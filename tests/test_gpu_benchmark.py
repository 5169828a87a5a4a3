"""The benchmark of the GPU: on a processor it says that nothing was compared, and a planted difference fails."""

import json
import sys
from pathlib import Path

import pytest
import torch

from frlib.models import FaceEmbedder

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def gpu():
    """Return the benchmark's module; it imports its neighbours by name, as a script does."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import gpu as module

        yield module
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture
def rows(gpu, tmp_path):
    return gpu.Measured(torch.device("cpu"), str(tmp_path / "gpu.json"), minutes=10)


def differences(rows):
    return {(row["case"], row["quantity"]): row["value"] for row in rows}


def test_equal_devices_have_no_difference_and_every_bound_is_used(gpu, rows):
    gpu.compare(rows, ["mobileface"], 16, 200)
    assert rows.failed == [] and {row["quantity"] for row in rows} == set(gpu.BOUNDS)
    assert max(row["value"] for row in rows) < 1e-15


def test_the_file_has_every_row_as_soon_as_it_is_there(gpu, rows, tmp_path):
    for value in (1.0, 2.0):
        rows.add("a case", "a quantity", value, "s", "")
        assert json.loads((tmp_path / "gpu.json").read_text()) == list(rows)
    assert [row["value"] for row in rows] == [1, 2] and rows[0]["case"] == f"{rows.name}, a case"


def in_a_corner(images):
    images[:, :4, :4] += 2  # 0.13 % of an image
    return images


#: What the second device of a comparison does wrong: the function, where it is, and what is found.
PLANTED = {
    "render": (None, in_a_corner, "drawing: share of values that differ by over 0.5"),
    "embed": (FaceEmbedder, lambda rows: rows + 3e-3 * rows.roll(1, 1), "embedding: largest 1 - cos"),
    "energies": (None, lambda energies: energies + 2e-6, "energies: largest difference"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_difference_fails(gpu, rows, monkeypatch, what):
    home, spoil, quantity = PLANTED[what]
    plain, calls = getattr(home or gpu, what), []

    def spoiled(*arguments, **options):
        calls.append(what)
        found = plain(*arguments, **options)
        return spoil(found) if len(calls) % 2 == 0 else found

    monkeypatch.setattr(home or gpu, what, spoiled)
    gpu.compare(rows, ["mobileface"], 16, 60)
    assert any(line.startswith(quantity) for line in rows.failed)


@pytest.mark.parametrize("difference", [float("nan"), float("inf"), 2e-6])
def test_what_is_no_number_or_above_its_bound_fails(gpu, rows, difference):
    rows.compare("a case", "energies: largest difference", difference)
    assert rows.failed == [f"energies: largest difference (a case): {difference:g}, at most 1e-06"]
    rows.compare("a case", "energies: largest difference", 1e-6)
    assert len(rows.failed) == 1


def test_no_row_begins_when_the_minutes_are_over(gpu, tmp_path, capsys):
    rows = gpu.Measured(torch.device("cpu"), None, minutes=0)
    gpu.speeds(rows, [], (1,), (50,), 2)
    assert list(rows) == [] and "the minutes are over" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_that_nothing_was_compared(gpu, tmp_path):
    path = tmp_path / "gpu.json"
    assert gpu.main(["--json", str(path), "--minutes", "0.5"]) == 0
    first, *others = json.loads(path.read_text())
    assert (first["value"], first["baseline"]) == (0, "nothing was compared")
    assert {row["unit"] for row in others} == {"1/s"} and all(row["value"] > 0 for row in others)


def test_a_failed_comparison_is_the_exit_status(gpu, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "speeds", lambda rows, *_: rows.compare("x", "energies: largest difference", 1))
    assert gpu.main([]) == 1
    assert "FAILED: energies: largest difference (x): 1, at most 1e-06" in capsys.readouterr().err
