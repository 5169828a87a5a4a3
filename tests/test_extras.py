"""Installing frlib leaves the torch and numpy of a machine as they are, as the book promises for Colab."""

import json
import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

PROJECT = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# What the machine has: each belongs to the others, and none is the newest. numpy 2.0 is not built for Python 3.13.
INSTALLED = {
    "numpy": ("2.0.2" if sys.version_info < (3, 13) else "2.3.3", []),
    "torch": ("2.9.0", []),
    "torchvision": ("0.24.0", ["torch==2.9.0", "numpy", "pillow!=8.3.*,>=5.3.0"]),
}


@pytest.fixture(scope="module")
def install(tmp_path_factory):
    """Return a function that asks pip what it would install beside these packages, of which only metadata exist."""
    folder = tmp_path_factory.mktemp("machine")
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    for name, (version, needs) in INSTALLED.items():
        information = packages / f"{name}-{version}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(metadata(name, version, needs))

    def dry_run(requirement: str) -> dict[str, str]:
        command = [sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--dry-run", "--quiet"]
        environment = os.environ | {"PIP_CONSTRAINT": os.devnull}
        done = subprocess.run([*command, "--report", "-", requirement], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        found = [package["metadata"] for package in json.loads(done.stdout)["install"]]
        return {package["name"].lower(): package["version"] for package in found}

    try:
        dry_run("tqdm")
    except AssertionError as error:
        pytest.skip(f"the package registry cannot be reached: {error}")
    return dry_run


def metadata(name: str, version: str, needs: list[str], extras: dict[str, list[str]] | None = None) -> str:
    """Return what a package says of itself."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {n}" for n in needs)]
    for extra, more in (extras or {}).items():
        lines += [f"Provides-Extra: {extra}", *(f'Requires-Dist: {n} ; extra == "{extra}"' for n in more)]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return frlib as a wheel without code. pip resolves the needs of a package otherwise than a list of them."""
    path = tmp_path_factory.mktemp("wheel") / f"frlib-{PROJECT['version']}-py3-none-any.whl"
    information = f"frlib-{PROJECT['version']}.dist-info"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as archive:
        own = metadata("frlib", PROJECT["version"], PROJECT["dependencies"], EXTRAS)
        for name, text in {"METADATA": own, "WHEEL": tags, "RECORD": ""}.items():
            archive.writestr(f"{information}/{name}", text)
    return path.as_uri()


@pytest.mark.weekly
@pytest.mark.network
def test_the_extras_leave_torch_and_numpy_alone(install, wheel):
    moved = install(f"frlib[{','.join(EXTRAS)}] @ {wheel}")
    assert "frlib" in moved
    assert not {name: (version, moved[name]) for name, (version, _) in INSTALLED.items() if name in moved}
