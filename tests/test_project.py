"""The repository keeps its own promises: pins agree, rooms import downwards, nothing generated is tracked."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("checks", "arguments", "tarfiles", "store", "release", "runtime", "server", "published")
FLOORS += (
    "geometry",
    "faces",
    "datasets",
    "models",
    "clouds",
    "training",
    "fingerprint",
    "summary",
    "verdicts",
    "view",
    "course",
)


def tracked() -> list[Path]:
    """Return the files that git tracks, or every file outside the ignored folders where there is no git."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).exists()]


def pins(lines) -> list[str]:
    return sorted(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def package(requirement: str) -> str:
    """Return the normalised name of the package in a requirement."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def test_environment_yml_installs_the_pins_of_constraints_txt():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip_section = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert pins(pip_section) == pins((ROOT / "constraints.txt").read_text().splitlines())
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==\S+", line) for line in pip_section)


def test_every_direct_dependency_is_pinned():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + sum(project["optional-dependencies"].values(), [])
    pinned = {package(p) for p in pins((ROOT / "constraints.txt").read_text().splitlines())} | {"frlib"}
    assert not [w for w in wanted if package(w) not in pinned]


def imported_rooms(path: Path) -> set[str]:
    """Return the parts of frlib that a file imports."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "frlib":
            parts = node.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {a.name for a in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {a.name.split(".")[1] for a in node.names if a.name.startswith("frlib.")}
    return rooms


def test_rooms_import_only_from_the_floors_below():
    wrong = []
    for path in sorted((ROOT / "frlib").rglob("*.py")):
        room = path.relative_to(ROOT / "frlib").parts[0].removesuffix(".py")
        if room in ("__init__", "report"):
            continue
        above = imported_rooms(path) & set(FLOORS[FLOORS.index(room) + 1 :])
        wrong += [f"{path.relative_to(ROOT)} imports frlib.{a}" for a in sorted(above)]
    assert not wrong


def test_networks_can_be_used_without_the_face_generator():
    code = "import sys, frlib.models, frlib.geometry; sys.exit(any(m in sys.modules for m in ('warp', 'anny')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_nothing_generated_or_heavy_is_tracked():
    files = tracked()
    assert files
    generated = {".ipynb", ".safetensors", ".pyc", ".pth", ".bin"}
    # Reference activations of the tests are small and are read, not run; weights are neither.
    assert not [f.name for f in files if f.suffix in generated and f.parent != ROOT / "tests/models"]
    assert not [f"{f.name}: {f.stat().st_size} bytes" for f in files if f.stat().st_size > 200_000]


def test_notebooks_hold_narrative_not_programs():
    long = [
        f"{path.name}:{node.lineno} {node.name}"
        for path in (ROOT / "notebooks").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > 10
    ]
    assert not long


def test_the_commands_of_the_readme_exist():
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    commands = set(re.findall(r"^make (\w+)", readme, flags=re.M))
    assert {"book", "test"} <= commands
    assert commands <= set(re.findall(r"^(\w+):", makefile, flags=re.M))
    assert "make test" in (ROOT / ".ci/run").read_text()


def test_ruff_finds_nothing():
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *arguments, "."], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:]
