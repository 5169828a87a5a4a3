"""Caches on machines where a user may write little: a shared installation, a container, a full or read-only disk.

Nothing binds root, so programs run here as a user who can write nothing but what is given to him.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from frlib import store
from frlib.faces.generator.head import head_is_built, head_path
from frlib.geometry import energy_sweep, ks_by_attribute

ROOT = Path(__file__).resolve().parent.parent
NOBODY = 65534
USER = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
#: Where Python itself lies in root's home, the user gets the right to read everything; he still cannot write.
READER = [*USER, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
GEOMETRY = """
import json, os, sys, warnings
import numpy as np
import pandas as pd
import torch
try:
    open("frlib/written", "w")
    sys.exit("the package can be written: this would test nothing")
except PermissionError:
    pass
from frlib import geometry, store
from frlib.geometry import pairs
points = np.random.default_rng(0).normal(size=(60, 8))
table = geometry.energy_sweep(points, {"a": points[::-1].copy()}, [0.8, 1.2])
facts = {"energies": table.energy.tolist(), "compiled": sum(pairs._add_tile_compiled.stats.cache_misses.values())}
facts["builds"] = 0
"""
LABELS = """
labels = pd.DataFrame({"a": np.arange(60) % 2 == 0})
facts["ks"] = geometry.ks_by_attribute(points, np.arange(60), labels, metric="cosine", permutations=50).ks.tolist()
"""
RESULTS = """
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for seed in (1, 1, 2):
        store.load_or_build("r", {"seed": seed}, lambda: facts.update(builds=facts["builds"] + 1) or {})
facts["warnings"] = [str(warning.message) for warning in said]
"""
NETWORK = """
from frlib.models import load
try:
    load("mobilefacenet")
except OSError as error:
    facts["network"] = str(error)
"""
FACES = """
import warp
from frlib.faces import render, sample_identities
"""
DRAWN = """
warp.config.log_level = warp.LOG_INFO  # says of each module of kernels whether it was compiled
facts["pixels"] = int(render(sample_identities(1, seed=0)[0], {"age": [30.0]}, size=32).sum())
"""
END = "\nprint(json.dumps(facts))"


@pytest.fixture(scope="module")
def machine():
    """Give a folder with the package, which belongs to root, and the command in front of a user's own."""
    if os.geteuid():
        pytest.skip("only root can run a program as another user")
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "installed"
        shutil.copytree(ROOT / "frlib", package / "frlib", ignore=shutil.ignore_patterns("__pycache__"))
        os.chmod(folder, 0o755)
        for user in (USER, READER):
            try:
                command = [*user, sys.executable, "-c", "import platformdirs"]
                if not subprocess.run(command, cwd=package, env={}, capture_output=True).returncode:
                    yield package, user
                    return
            except FileNotFoundError:
                break
        pytest.skip("no other user can run this Python here (setpriv, CAP_DAC_READ_SEARCH)")


@pytest.fixture
def run(machine):
    """Return a function that runs a program as that user and gives back what it found; nothing is left behind."""
    package, user = machine

    def run(*parts, home, cache=None):
        with tempfile.TemporaryDirectory() as temporary:
            os.chown(temporary, NOBODY, NOBODY)
            environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": temporary}
            environment |= {"FRLIB_CACHE": str(cache)} if cache else {}
            command = [*user, sys.executable, "-c", "".join((GEOMETRY, *parts, END))]
            done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-3000:]
            assert os.listdir(temporary) == []
        return json.loads(done.stdout.splitlines()[-1]) | {"kernels": done.stdout.count("(compiled)")}

    return run


@pytest.fixture
def folder(machine):
    """Return a function that makes a folder of the user, or of root."""
    with tempfile.TemporaryDirectory() as above:
        os.chmod(above, 0o755)

        def make(name, owner=NOBODY):
            (Path(above) / name).mkdir()
            os.chown(Path(above) / name, owner, owner)
            return Path(above) / name

        yield make


@pytest.mark.slow
def test_without_a_folder_that_can_be_written_everything_is_computed_anew(run):
    found = run(LABELS, RESULTS, NETWORK, FACES, home="/nonexistent")
    points, labels = np.random.default_rng(0).normal(size=(60, 8)), pd.DataFrame({"a": np.arange(60) % 2 == 0})
    energies = energy_sweep(points, {"a": points[::-1].copy()}, [0.8, 1.2]).energy
    ks = ks_by_attribute(points, np.arange(60), labels, metric="cosine", permutations=50).ks
    assert found["energies"] == pytest.approx(energies.tolist(), rel=1e-12) and found["ks"] == ks.tolist()
    assert found["compiled"] == 1 and found["builds"] == 3
    (warning,) = found["warnings"]
    assert (
        warning == f"/nonexistent/.cache/frlib/results cannot be written: what is computed is not kept. {store.REMEDY}"
    )
    assert found["network"].endswith(f"/nonexistent/.cache/frlib/downloads cannot be written. {store.REMEDY}")


@pytest.mark.slow
def test_frlib_cache_holds_everything_and_serves_also_where_it_can_only_be_read(run, folder):
    home, cache = folder("home", owner=0), folder("cache")
    if head_is_built():  # building it takes as long as all the rest
        (cache / "faces").mkdir()
        shutil.copy(head_path(), cache / "faces")
    first = run(RESULTS, FACES, DRAWN, home=home, cache=cache)
    assert first["compiled"] == 1 and first["kernels"] == 2 and first["builds"] == 2 and not first["warnings"]
    assert not list(home.iterdir()) and {p.name for p in cache.iterdir()} == {"faces", "numba", "results", "warp"}

    for place, _, names in os.walk(cache):
        for path in (place, *(os.path.join(place, name) for name in names)):
            os.chown(path, 0, 0)
            os.chmod(path, 0o755 if path == place else 0o644)
    before = sorted(cache.rglob("*"))
    second = run(RESULTS, FACES, DRAWN, home=home, cache=cache)
    assert second == first | {"compiled": 0, "kernels": 0, "builds": 0}
    assert sorted(cache.rglob("*")) == before and not list(home.iterdir())
