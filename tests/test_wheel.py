"""The wheel holds all of the package, and works where nothing else of the repository is."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest

from book.environments import ROOT, linked, run

ENERGY = """
import torch
from frlib.clouds import Cloud
from frlib.geometry import energy_sweep

points = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
cloud = Cloud(points, metric="euclidean", directions={"one way": torch.ones(20, 4)})
print(round(float(energy_sweep(cloud, [1.0]).energy[0]), 6))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel of a copy of the sources, and return the folder into which it was unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = subprocess.run(["git", "ls-files", "frlib", "pyproject.toml", "README.md"], cwd=ROOT, capture_output=True)
    if copy.returncode:
        pytest.skip("not a git checkout")
    for name in copy.stdout.decode().split():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
        "--wheel-dir",
        folder,
    ]
    done = subprocess.run([*command, folder / "source"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("frlib-*.whl"))) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    return linked(tmp_path_factory.mktemp("empty"), wheel, "frlib[report]")


def test_the_wheel_holds_every_file_of_the_package(wheel):
    tracked = subprocess.run(["git", "ls-files", "frlib"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    packed = {str(f.relative_to(wheel)) for f in (wheel / "frlib").rglob("*.*") if f.suffix != ".pyc"}
    assert packed == set(tracked)


def test_an_energy_from_the_wheel(python, wheel, tmp_path):
    done = run(python, "-c", ENERGY + "import frlib; print(frlib.__file__)", cwd=tmp_path)
    assert done.stdout.split() == ["0.0", str(wheel / "frlib/__init__.py")], done.stderr


def test_a_report_from_the_wheel(python, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "e.npy", np.repeat(rng.normal(size=(6, 8)), 4, axis=0) + 0.1 * rng.normal(size=(24, 8)))
    (tmp_path / "l.csv").write_text("identity\n" + "\n".join(f"p{k // 4}" for k in range(24)) + "\n")
    done = run(python, "-m", "frlib.report", "e.npy", "l.csv", "--quick", "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "<h1>e</h1>" in (tmp_path / "page.html").read_text()
