"""Kills: whatever is killed, in the middle of whatever, the same command again finishes with the same numbers."""

import os
import signal
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import nbformat

from book import pipeline
from tests.checkout import DOIT, PARAMETERS, add_chapters, small_checkout
from tests.faults.builds import DRAWS, build_site
from tests.faults.planting import (
    Kind,
    Outcome,
    demand,
    refused,
    shortened,
    started,
    succeeds,
    survived,
    wait_for,
)

kills = Kind("Kills")
SMOKE = {"profile": "smoke", "seed": 0, "device": "cpu"}
CHAPTER = """
# %%
import os
from pathlib import Path

import torch

from frlib import runtime

device = runtime.start(seed, device)

# %%
points = torch.randn(1000, 16)
distances = torch.cdist(points, points)

# %%
{planted}

# %%
print(f"{{distances.mean():.9f}} {{torch.rand(1).item():.9f}}")
"""
WAITS_ONCE = """import time
Path("begun").write_text(str(os.getpid()))
while not Path("go").exists():
    time.sleep(0.05)
"""


def is_gone(process: int) -> bool:
    """Return whether a process has ended, though perhaps nobody asked for its status yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def begun(folder: Path) -> list[int]:
    """Return the numbers of the processes that have noted themselves in a file ``begun`` of a folder."""
    note = folder / "begun"
    return [int(number) for number in note.read_text().split()] if note.exists() else []


def are_gone(processes: list[int]) -> bool:
    """Return whether all of some processes have ended."""
    return all(map(is_gone, processes))


def said(path: Path) -> str:
    """Return what the last cell of a notebook printed."""
    return nbformat.read(path, as_version=4).cells[-1].outputs[0].text


def kill_midway(command: list, folder: Path, programs: int = 1) -> None:
    """Start a command in a folder, kill it when so many programs of it have begun, and wait until these have ended.

    Parameters
    ----------
    command : list
        Each of its programs writes its number into a file ``begun``, and goes on for long.
    folder : Path
    programs : int
    """
    environment = os.environ | {"PYTHONPATH": str(folder)}
    with open(folder / "said.txt", "wb") as file:
        process = subprocess.Popen([*map(str, command)], cwd=folder, env=environment, stdout=file, stderr=file)
    wait_for(lambda: len(begun(folder)) == programs or process.poll() is not None, "the step begins", 300)
    demand(process.poll() is None, f"it ended: {shortened((folder / 'said.txt').read_text()[-600:])}")
    process.kill()
    process.wait()
    wait_for(lambda: are_gone(begun(folder)), "what it started ends")


def failed_chapter(place: Path, cells: str, *words: str) -> Outcome:
    """Run a chapter of some cells, which must fail with these words."""
    (place / "chapter.py").write_text(PARAMETERS + cells)
    return refused(
        lambda: pipeline.execute(place / "chapter.py", place / "notebooks/chapter.ipynb", SMOKE),
        pipeline.ChapterFailed,
        *words,
    )


@kills.fault(
    "The kernel of a chapter, in a cell",
    before="A traceback with DeadKernelError, without chapter or cell; no notebook was kept.",
)
def kernel_in_a_cell(place: Path) -> Outcome:
    """Run a chapter whose third cell kills its process."""
    outcome = failed_chapter(
        place,
        "# %%\nimport os, signal\nprint('before')\n\n# %%\nenergies = 1\nos.kill(os.getpid(), 9)\n",
        "chapter chapter failed in code cell 4, which begins with `energies = 1`",
        "Linux ends a process so when memory runs out",
        "LOKY_MAX_CPU_COUNT=1",
    )
    kept = nbformat.read(place / "failed/chapter.ipynb", as_version=4)
    demand("before" in str(kept.cells), "what the cells before printed is not kept")
    demand(not os.listdir(place / "notebooks"), "a part of the notebook is left")
    return outcome


def killed_while_it_draws(place: Path, *words: str) -> str:
    """Kill doit, called with some words, in the step of the figure; call it again, and return what it printed."""
    checkout = small_checkout(place, f"import os, sys\nfrom pathlib import Path\n{WAITS_ONCE}{DRAWS}")
    (checkout / "README.md").write_text("<!-- chapters -->\n<!-- end of chapters -->\n")
    kill_midway([DOIT, *words], checkout)
    (checkout / "go").touch()
    printed = succeeds([DOIT, *words], folder=checkout)
    demand((checkout / "book/assets/energy.svg").exists(), "no figure")
    return printed


@kills.fault(
    "The build, in the middle of a step",
    before="The program of the step went on, and wrote beside the next build. No step that was done was noted.",
)
def build_in_a_step(place: Path) -> Outcome:
    """Kill doit when one step is done and the next one runs; build again."""
    printed = killed_while_it_draws(place, "profile=book", "readme", "figure")
    demand("list of the README               unchanged" in printed, f"begun anew: {shortened(printed)}")
    return survived("Its program ends too. The same command runs the step again; what was done before is unchanged.")


@kills.fault(
    "The build, with steps side by side",
    before="Its processes lived on, and held the lock for good: no build could begin.",
)
def build_with_processes(place: Path) -> Outcome:
    """Kill doit, but none of its processes; build again."""
    killed_while_it_draws(place, "-n", "2", "profile=book", "figure")
    return survived("All its processes end with it; the same command runs.")


@kills.fault("The build of the site")
def build_of_the_site(place: Path) -> Outcome:
    """Kill a build while a program writes the new site; build again."""
    writes = "import os, pathlib, sys, time\nfolder = pathlib.Path(sys.argv[1])\nfolder.mkdir(parents=True)\n"
    writes += "(folder / 'index.html').write_text('half')\n"
    waits = writes + f"pathlib.Path({str(place / 'begun')!r}).write_text(str(os.getpid()))\ntime.sleep(600)\n"
    process = started(build_site, place, waits)
    wait_for(lambda: begun(place), "the site is begun")
    process.kill()
    process.join()
    wait_for(lambda: are_gone(begun(place)), "the program that writes it ends")
    demand((place / "html/index.html").read_text() == "old", "the old site is damaged")
    demand(build_site(place, writes.replace("half", "new")).read_text() == "new", "no new site")
    demand(sorted(p.name for p in place.iterdir()) == ["begun", "html"], "something is left beside the site")
    return survived("The old site stays; the same command builds the new one.")


@kills.fault(
    "The process that spreads tasks over others",
    before="Its workers went on with their tasks, and then waited five minutes for more, with 525 MB each.",
    quick=False,
)
def process_that_spreads(place: Path) -> Outcome:
    """Kill it while both workers have a task that takes ten minutes."""
    (place / "tasks.py").write_text(
        textwrap.dedent("""
        import os, time
        from pathlib import Path

        def work(number):
            with open("begun", "a") as file:
                file.write(f"{os.getpid()} ")
            time.sleep(600)

        if __name__ == "__main__":
            import tasks
            from frlib.runtime import spread
            spread(tasks.work, [(number,) for number in range(4)], n_jobs=2, progress=False)
        """)
    )
    (place / "frlib").symlink_to(pipeline.ROOT / "frlib")
    os.environ.pop("LOKY_MAX_CPU_COUNT", None)
    kill_midway([sys.executable, "tasks.py"], place, programs=2)
    return survived("The workers end within seconds.")


@kills.fault("The build, in the middle of a chapter", quick=False)
def build_in_a_chapter(place: Path) -> Outcome:
    """Kill doit while a cell runs; run the chapter again, and once undisturbed."""
    checkout = small_checkout(place)
    add_chapters(
        checkout,
        killed=PARAMETERS + CHAPTER.format(planted=WAITS_ONCE),
        undisturbed=PARAMETERS + CHAPTER.format(planted="pass"),
    )
    command, notebooks = [DOIT, "profile=book", "chapter:killed"], checkout / "_build/book/notebooks"
    kill_midway(command, checkout)
    (checkout / "go").touch()
    succeeds([*command, "chapter:undisturbed"], folder=checkout, limit=300)
    demand(sorted(os.listdir(notebooks)) == ["killed.ipynb", "undisturbed.ipynb"], "something is left beside them")
    demand(said(notebooks / "killed.ipynb") == said(notebooks / "undisturbed.ipynb"), "other numbers")
    return survived("The kernel ends within seconds; the same command gives the numbers of an undisturbed run.")


@kills.fault("A worker, in a chapter", quick=False)
def worker_in_a_chapter(place: Path) -> Outcome:
    """Run a chapter whose third task kills its worker once, and the same without."""
    planted = """import importlib, sys
Path("tasks_{name}.py").write_text('''
import os, torch
from pathlib import Path
def work(number):
    if number == 2 and {kills} and not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), 9)
    return torch.full((100,), number / 7).sum().item()
''')
import tasks_{name}
values = runtime.spread(tasks_{name}.work, [(number,) for number in range(8)], n_jobs=2, progress=False)
print(values)"""
    checkout = small_checkout(place)
    cells = {
        name: PARAMETERS + CHAPTER.format(planted=planted.format(name=name, kills=kills))
        for name, kills in (("killed", True), ("undisturbed", False))
    }
    add_chapters(checkout, **cells)
    environment = {"PYTHONPATH": str(checkout)}
    succeeds([DOIT, "profile=book", "chapter"], folder=checkout, environment=environment, limit=400)
    demand((checkout / "killed").exists(), "no worker was killed")
    both = [
        nbformat.read(checkout / f"_build/book/notebooks/{name}.ipynb", as_version=4)
        for name in ("killed", "undisturbed")
    ]
    printed = [[o.text for c in book.cells[-2:] for o in c.outputs if o.get("name") == "stdout"] for book in both]
    demand(printed[0] == printed[1], f"other numbers: {printed}")
    demand("a worker was killed" in str(both[0].cells), "no word")
    return survived("Its tasks are done by another, with a warning, and the numbers are the same.")


@kills.fault("A training, between two epochs", quick=False)
def training(place: Path) -> Outcome:
    """Kill a fine-tuning in its second epoch; ask for it again, and compare with an undisturbed one."""
    import torch

    from frlib.training import AdaFace, Variations, finetune
    from tests.networks import tiny

    images = torch.randint(0, 256, (4, 3, 8, 8, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    sets = [Variations(part[:, 0], part[:, 1:], ("a", "a")) for part in (images, images.flip(0))]

    def train():
        options = {"epochs": 3, "learning_rate": 0.01, "identities_per_batch": 2, "progress": False}
        return finetune(tiny(), *sets, margin=AdaFace(mean=2.0, deviation=1.0), **options)

    def train_until_killed():
        forward, calls = AdaFace.forward, []

        def killed(self, *arguments, **named):
            calls.append(1)
            if len(calls) > 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return forward(self, *arguments, **named)

        AdaFace.forward = killed
        train()

    process = started(train_until_killed)
    process.join()
    demand(process.exitcode == -signal.SIGKILL, "not planted")
    again = train()
    os.environ["FRLIB_CACHE"] = str(place / "other")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        undisturbed = train()
    demand(again.history.equals(undisturbed.history), "other numbers")
    return survived("The same command trains again, and gives the numbers of an undisturbed training.")


CLUSTER = """
import os, subprocess, sys, threading, time
import distributed, joblib
from frlib.runtime import spread

def square(x):
    time.sleep(1)
    return x * x

if __name__ == "__main__":
    place = "--scheduler-file", "place.json"
    programs = [
        subprocess.Popen([sys.executable, "-m", f"distributed.cli.dask_{name}", *words, *place])
        for name, words in (
            ("scheduler", ("--port", "0", "--no-dashboard")),
            ("worker", ("--no-nanny", "--nthreads", "1", "--no-dashboard")),
        )
    ]
    while not os.path.exists("place.json"):
        time.sleep(0.2)
    client = distributed.Client(scheduler_file="place.json")
    client.wait_for_workers(1)
    threading.Timer(3, programs[0].kill).start()
    with joblib.parallel_config(backend="dask"):
        print("found", spread(square, [(k,) for k in range(8)], progress=False), programs[0].poll(), flush=True)
    programs[1].kill()
    os._exit(0)
"""


@kills.fault("The scheduler of a cluster, while its workers have tasks", quick=False)
def scheduler_of_a_cluster(place: Path) -> Outcome:
    """Kill it after three of eight seconds."""
    (place / "tasks.py").write_text(CLUSTER)
    succeeds([sys.executable, "tasks.py"], f"found {[k * k for k in range(8)]} -9", folder=place, limit=600)
    return survived("The tasks that are left are done without it, and the numbers are the same.")
