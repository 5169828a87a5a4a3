"""The build: what it keeps on disk, full disks, chapters that cannot be read, and two builds at once."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import nbformat

from book import lock, pipeline, steps, whole
from tests.checkout import DOIT, PARAMETERS, add_chapters, small_checkout
from tests.faults.planting import (
    Kind,
    NotPlanted,
    Outcome,
    demand,
    refused,
    refused_command,
    run,
    shortened,
    survived,
)

builds = Kind("State of the build")
DRAWS = 'import sys\nopen(sys.argv[1], "w").write("drawn")\n'
FILLS_DISK = """
import contextlib
with contextlib.suppress(OSError), open("ballast", "wb", buffering=0) as file:
    while file.write(bytes(4096)):
        pass
"""
FIGURE = [DOIT, "profile=book", "figure"]


def built(place: Path) -> tuple[Path, Path]:
    """Make a checkout, build its figure, and return it with its folder of the profile."""
    checkout = small_checkout(place, DRAWS)
    done = run(FIGURE, folder=checkout)
    demand(done.returncode == 0, shortened(done.stdout))
    return checkout, checkout / "_build/book"


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk in memory on a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]).returncode:
        raise NotPlanted("only who may mount a file system can have a small disk here")
    try:
        yield folder
    finally:
        run(["umount", "-l", folder])


@builds.fault(
    "The state of doit is an empty file, as a full disk left it",
    before="Every later build failed until the file was removed by hand.",
)
def empty_state_of_doit(place: Path) -> Outcome:
    """Empty it, build again, and once more."""
    checkout, folder = built(place)
    (folder / "doit.json").write_bytes(b"")
    again, then = run(FIGURE, folder=checkout), run(FIGURE, folder=checkout)
    demand(again.returncode == 0 and "doit.json cannot be read" in again.stdout, shortened(again.stdout))
    demand("unchanged" in then.stdout, shortened(then.stdout))
    return survived("The step runs again, with a word; the build after that finds its state.")


@builds.fault(
    "The state of doit holds bytes that are no text",
    before="Every later build failed until the file was removed by hand.",
)
def noise_in_state_of_doit(place: Path) -> Outcome:
    """Write it, and build."""
    checkout = small_checkout(place, DRAWS)
    state = checkout / "_build/book/doit.json"
    state.parent.mkdir(parents=True)
    state.write_bytes(b'{"figure": {' + bytes(range(128, 256)))
    done = run(FIGURE, folder=checkout)
    demand(done.returncode == 0 and "doit.json cannot be read" in done.stdout, shortened(done.stdout))
    return survived("The steps run again, with a word.")


@builds.fault(
    "The times of the steps are an empty file", before="Every later step failed until the file was removed by hand."
)
def empty_times(place: Path) -> Outcome:
    """Empty them, build, and read them."""
    checkout = small_checkout(place, DRAWS)
    folder = checkout / "_build/book"
    folder.mkdir(parents=True)
    (folder / "build.json").write_bytes(b"")
    done = run(FIGURE, folder=checkout)
    demand(done.returncode == 0 and len(steps.recorded(folder)) == 1, shortened(done.stdout))
    demand("build.json cannot be read" in (folder / "log/figure-of-the-README.txt").read_text(), "no word")
    return survived("They are noted anew, with a word in the log of the step.")


@builds.fault(
    "The lists of what lies in the cache are empty or no lists",
    before="A traceback at every command of doit, until the files were removed by hand.",
)
def empty_stamps(place: Path) -> Outcome:
    """Empty one, and put another kind of value into the other."""
    checkout = small_checkout(place)
    (checkout / "_build").mkdir()
    (checkout / "_build/faces.json").write_bytes(b"")
    (checkout / "_build/models.json").write_text("[1, 2]")
    states = run([DOIT, "profile=book", "list", "--status"], folder=checkout)
    demand(states.returncode == 0, shortened(states.stdout))
    demand({"R head", "R weights"} <= {" ".join(line.split()[:2]) for line in states.stdout.splitlines()}, "not to run")
    return survived("Both steps look at the cache again, with a word.")


@builds.fault(
    "The disk is full when the state of doit is written",
    before="The state was empty then, and every later build failed until it was removed by hand.",
)
def full_disk_at_the_state(place: Path) -> Outcome:
    """Draw a figure that leaves no room, make room, and build on."""
    with small_disk(place, "2m"):
        checkout, folder = built(place)
        before = (folder / "doit.json").read_bytes()
        (checkout / "book/figure.py").write_text(FILLS_DISK)
        refusal = refused_command(FIGURE, "No space left on device", "0 MB left. Free some", folder=checkout)
        demand((folder / "doit.json").read_bytes() == before, "the state is damaged")
        (checkout / "ballast").unlink()
        (checkout / "book/figure.py").write_text(DRAWS)
        done = run(FIGURE, folder=checkout)
        demand(done.returncode == 0 and "cannot" not in done.stdout, shortened(done.stdout))
    return refusal


@builds.fault("The disk is full while a notebook is written", quick=False)
def full_disk_at_a_notebook(place: Path) -> Outcome:
    """Run a chapter whose output does not fit, beside its old notebook."""
    with small_disk(place, "3m"):
        checkout = small_checkout(place)
        add_chapters(checkout, long=PARAMETERS + "# %%\nprint('x' * 4_000_000)\n")
        old = checkout / "_build/book/notebooks/long.ipynb"
        old.parent.mkdir(parents=True)
        old.write_text("the old one")
        command = [DOIT, "profile=book", "chapter:long"]
        refusal = refused_command(command, "No space left on device", "Free some", folder=checkout, limit=300)
        demand(old.read_text() == "the old one", "the old notebook is gone")
        demand([path.name for path in old.parent.iterdir()] == ["long.ipynb"], "a part of a notebook is left")
    return refusal


FILLS = """import pathlib, sys
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True)
(folder / "index.html").write_text("new")
(folder / "large").write_bytes(bytes(4_000_000))
"""


def build_site(place: Path, script: str) -> Path:
    """Build a site beside an old one by a script instead of Jupyter Book; return the page of the site."""
    page = place / "html/index.html"
    page.parent.mkdir(exist_ok=True)
    if not page.exists():
        page.write_text("old")
    bound = pipeline.children.run

    def by_script(*command, **options):
        bound(sys.executable, "-c", script, Path(command[4], "_build/html"), **options)

    with (
        mock.patch.object(pipeline.children, "run", by_script),
        mock.patch.object(pipeline, "stage", lambda folder, url, edition: folder),
    ):
        pipeline.build_site(place)
    return page


@builds.fault("The disk is full while the site is built")
def full_disk_at_the_site(place: Path) -> Outcome:
    """Build a site that does not fit beside an old one."""
    with small_disk(place, "2m"):
        with contextlib.suppress(subprocess.CalledProcessError):
            build_site(place, FILLS)
            return Outcome("failed", "built on a full disk")
        demand((place / "html/index.html").read_text() == "old", "the old site is damaged")
        shutil.rmtree(place / "html.work")
        page = build_site(place, FILLS.replace("4_000_000", "4_000"))
        demand(page.read_text() == "new", "the new site is not in place")
    return survived("The step fails; the old site stays until there is room for the new one.")


@builds.fault(
    "A reader opens the site at every moment of an exchange by a new one",
    before="Between two renames there was no site.",
)
def readers_while_the_site_is_exchanged(place: Path) -> Outcome:
    """Exchange a folder again and again, and look for it all the time."""
    site, missing, ended = place / "html", [], threading.Event()

    def look():
        while not ended.is_set():
            if not site.exists():
                missing.append(1)

    site.mkdir()
    reader = threading.Thread(target=look)
    reader.start()
    for number in range(100):
        (place / "new").mkdir()
        (place / "new/index.html").write_text(str(number))
        whole.put(place / "new", site)
    ended.set()
    reader.join()
    demand(not missing, f"{len(missing)} times without a site")
    demand((site / "index.html").read_text() == "99" and os.listdir(place) == ["html"], "not the last site alone")
    return survived("There is always one: Linux exchanges two folders at once.")


@builds.fault(
    "A kill between two renames of the site, where folders cannot be exchanged",
    before="The site was gone, and only its old copy lay beside.",
)
def killed_between_renames(place: Path) -> Outcome:
    """Die after the first rename; build again, and fail."""
    (place / "new").mkdir()
    (place / "html").mkdir()
    (place / "html/index.html").write_text("old")
    if not (process := os.fork()):
        with mock.patch.object(whole, "exchanged", lambda one, other: False):
            rename = Path.rename

            def once(self, target):
                rename(self, target)
                os.kill(os.getpid(), signal.SIGKILL)

            Path.rename = once
            whole.put(place / "new", place / "html")
    os.waitpid(process, 0)
    demand(not (place / "html").exists(), "not planted")
    with contextlib.suppress(subprocess.CalledProcessError):
        build_site(place, "raise SystemExit(1)")
    demand((place / "html/index.html").read_text() == "old", "the old site is lost")
    return survived("The next build puts the old site back before it begins.")


@builds.fault("The disk is full while the list of the README is written", before="The README was left empty.")
def full_disk_at_the_readme(place: Path) -> Outcome:
    """Write a text that does not fit over one that did."""
    with small_disk(place, "64k"):
        readme = place / "README.md"
        whole.write(readme, "a" * 10_000)
        refused(lambda: whole.write(readme, "b" * 100_000), OSError, "No space left")
        demand(readme.read_text() == "a" * 10_000, "the README is damaged")
        demand(os.listdir(place) == ["README.md"], "a part is left")
    return survived("The step fails, and the README stays as it was.")


def refused_chapter(checkout: Path, name: str, *words: str) -> Outcome:
    """Build the figure and a chapter: the latter alone must be refused."""
    refusal = refused_command([*FIGURE, f"chapter:{name}"], *words, folder=checkout)
    demand((checkout / "book/assets/energy.svg").exists(), "another step does not run either")
    return refusal


@builds.fault("A chapter has a syntax error", before="A traceback, at every command of doit.")
def syntax_error(place: Path) -> Outcome:
    """Ask for another step, and the chapter."""
    checkout = small_checkout(place, DRAWS)
    add_chapters(checkout, bad=PARAMETERS + "# %%\nscales = [0.5, 1.0\nmore = 1\n")
    return refused_chapter(checkout, "bad", "chapter bad is no Python: bad.py, line 6", "scales = [0.5, 1.0")


@builds.fault("A chapter is not UTF-8", before="A traceback, at every command of doit.")
def chapter_in_another_encoding(place: Path) -> Outcome:
    """Ask for another step, and the chapter."""
    checkout = small_checkout(place, DRAWS)
    add_chapters(checkout, bad="")
    (checkout / "notebooks/bad.py").write_bytes("# %%\nname = 'Müller'\n".encode("latin-1"))
    return refused_chapter(checkout, "bad", "chapter bad cannot be read", "utf-8")


@builds.fault("The contents list a chapter that is not there", before="A traceback, at every command of doit.")
def absent_chapter(place: Path) -> Outcome:
    """Ask for another step, and for it."""
    checkout = small_checkout(place, DRAWS)
    add_chapters(checkout, absent="")
    (checkout / "notebooks/absent.py").unlink()
    return refused_chapter(checkout, "absent", "chapter absent cannot be read", "No such file")


@builds.fault("The contents are no YAML", before="A traceback from inside the YAML reader.")
def broken_contents(place: Path) -> Outcome:
    """Ask for any step."""
    checkout = small_checkout(place)
    (checkout / "_toc.yml").write_text("parts: [{chapters: [\n")
    return refused_command(FIGURE, "_toc.yml must list parts", folder=checkout)


@builds.fault("A second build begins in the same checkout")
def two_builds(place: Path) -> Outcome:
    """Hold the lock as a build does, and build."""
    checkout = small_checkout(place, DRAWS)
    with lock.hold(checkout / "_build", ["doit", "profile=smoke"]):
        refusal = refused_command(FIGURE, f"process {os.getpid()} of", "Wait until it ends, or stop", folder=checkout)
    demand(run(FIGURE, folder=checkout).returncode == 0, "refused when the other had ended")
    return refusal


@builds.fault(
    "A file is changed, and keeps the time that it had", before="It counted as unchanged: its step did not run again."
)
def same_time_other_content(place: Path) -> Outcome:
    """Change the script of the figure, and set its time back."""
    checkout, _ = built(place)
    script = checkout / "book/figure.py"
    time = script.stat().st_mtime_ns
    script.write_text(DRAWS.replace("drawn", "other"))
    os.utime(script, ns=(time, time))
    run(FIGURE, folder=checkout)
    demand((checkout / "book/assets/energy.svg").read_text() == "other", "the figure is still the old one")
    return survived("The step runs again: only content counts.")


@builds.fault("What a killed build left lies beside the notebooks", before="It stayed there for good.")
def leftovers(place: Path) -> Outcome:
    """Leave a folder of a chapter that ran, and build."""
    checkout = small_checkout(place, DRAWS)
    left = checkout / f"_build/book/notebooks/{pipeline.RUNNING}x"
    left.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), left / "x.ipynb")
    demand(run(FIGURE, folder=checkout).returncode == 0 and not left.exists(), "it is still there")
    return survived("The next build removes it.")
