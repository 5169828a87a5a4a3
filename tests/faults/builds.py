"""The build: what it keeps on disk, full disks, chapters that cannot be read, and two builds at once."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from unittest import mock

import nbformat

from book import lock, pipeline, steps, whole
from tests.checkout import DOIT, PARAMETERS, add_chapters, small_checkout
from tests.faults.planting import (
    Kind,
    Outcome,
    demand,
    refused,
    refused_command,
    shortened,
    small_disk,
    started,
    succeeds,
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
    succeeds(FIGURE, folder=checkout)
    return checkout, checkout / "_build/book"


@builds.fault(
    "The state of doit is an empty file, as a full disk left it",
    before="Every later build failed until the file was removed by hand.",
)
def empty_state_of_doit(place: Path) -> Outcome:
    """Empty it, build again, and once more."""
    checkout, folder = built(place)
    (folder / "doit.json").write_bytes(b"")
    succeeds(FIGURE, "doit.json cannot be read", folder=checkout)
    succeeds(FIGURE, "unchanged", folder=checkout)
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
    succeeds(FIGURE, "doit.json cannot be read", folder=checkout)
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
    succeeds(FIGURE, folder=checkout)
    demand(len(steps.recorded(folder)) == 1, f"noted {steps.recorded(folder)}")
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
    states = succeeds([DOIT, "profile=book", "list", "--status"], folder=checkout)
    demand({"R head", "R weights"} <= {" ".join(line.split()[:2]) for line in states.splitlines()}, "not to run")
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
        printed = succeeds(FIGURE, folder=checkout)
        demand("cannot" not in printed, shortened(printed))
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

    def put_until_killed():
        rename, whole.exchanged = Path.rename, lambda one, other: False

        def once(self, target):
            rename(self, target)
            os.kill(os.getpid(), signal.SIGKILL)

        Path.rename = once
        whole.put(place / "new", place / "html")

    started(put_until_killed).join()
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


def refused_chapter(place: Path, content: bytes | None, *words: str) -> Outcome:
    """Build the figure and a chapter with this content, or without a file: the chapter alone must be refused."""
    checkout = small_checkout(place, DRAWS)
    add_chapters(checkout, bad="")
    file = checkout / "notebooks/bad.py"
    file.unlink() if content is None else file.write_bytes(content)
    refusal = refused_command([*FIGURE, "chapter:bad"], *words, folder=checkout)
    demand((checkout / "book/assets/energy.svg").exists(), "another step does not run either")
    return refusal


@builds.fault("A chapter has a syntax error", before="A traceback, at every command of doit.")
def syntax_error(place: Path) -> Outcome:
    """Ask for another step, and the chapter."""
    content = (PARAMETERS + "# %%\nscales = [0.5, 1.0\nmore = 1\n").encode()
    return refused_chapter(place, content, "chapter bad is no Python: bad.py, line 6", "scales = [0.5, 1.0")


@builds.fault("A chapter is not UTF-8", before="A traceback, at every command of doit.")
def chapter_in_another_encoding(place: Path) -> Outcome:
    """Ask for another step, and the chapter."""
    content = "# %%\nname = 'Müller'\n".encode("latin-1")
    return refused_chapter(place, content, "chapter bad cannot be read", "utf-8")


@builds.fault("The contents list a chapter that is not there", before="A traceback, at every command of doit.")
def absent_chapter(place: Path) -> Outcome:
    """Ask for another step, and for it."""
    return refused_chapter(place, None, "chapter bad cannot be read", "No such file")


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
        refused_command(FIGURE, f"process {os.getpid()} of", "Wait until it ends, or stop", folder=checkout)
    succeeds(FIGURE, folder=checkout)
    return Outcome(
        "refused", "It names the process of the other one and what that runs, and says to wait or to stop it."
    )


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
    succeeds(FIGURE, folder=checkout)
    demand((checkout / "book/assets/energy.svg").read_text() == "other", "the figure is still the old one")
    return survived("The step runs again: only content counts.")


@builds.fault(
    "A file is changed while the step that read it runs",
    before="It counted as it was at the end: the step did not run again, and showed the old file.",
)
def changed_meanwhile(place: Path) -> Outcome:
    """Draw a figure by a script that is another one when it ends."""
    checkout = small_checkout(place, DRAWS + f"open(__file__, 'w').write({DRAWS.replace('drawn', 'other')!r})\n")
    for _ in range(2):
        succeeds(FIGURE, folder=checkout)
    demand((checkout / "book/assets/energy.svg").read_text() == "other", "the figure is still the old one")
    succeeds(FIGURE, "unchanged", folder=checkout)
    return survived("The next build runs the step again.")


@builds.fault("What a killed build left lies beside the notebooks", before="It stayed there for good.")
def leftovers(place: Path) -> Outcome:
    """Leave a folder of a chapter that ran, and build."""
    checkout = small_checkout(place, DRAWS)
    left = checkout / f"_build/book/notebooks/{pipeline.RUNNING}x"
    left.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), left / "x.ipynb")
    succeeds(FIGURE, folder=checkout)
    demand(not left.exists(), "it is still there")
    return survived("The next build removes it.")
