"""What a fault is, and how one is planted: in a process of its own, with a cache of its own and a time limit."""

import contextlib
import ctypes
import dataclasses
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from frlib.store import cache_folder
from tests.build import ROOT

#: Seconds that a quick fault may take, and a slow one.
LIMITS = {True: 120, False: 1800}
#: Its processes begin with all that is loaded here.
FORK = multiprocessing.get_context("fork")
#: The flag CLONE_NEWNS of unshare(2): mounts of the process are its own from then on.
NEW_MOUNTS = 0x20000


class NotHeld(AssertionError):
    """A fault was neither survived nor refused as it should be."""


class NotPlanted(Exception):
    """This machine lacks what the fault needs; the message says what."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What happened: ``held`` is "survived", "refused", "not planted" or "failed"; ``now`` says it in words."""

    held: str
    now: str


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault: what is planted, what happened before it was mended, and the function that plants it."""

    kind: str
    planted: str
    before: str
    plant: Callable[[Path], Outcome]
    quick: bool


class Kind:
    """The faults of one kind, in the order in which they are written.

    Parameters
    ----------
    name : str
        The heading of the kind in the table.
    """

    def __init__(self, name: str):
        self.name = name
        self.faults: list[Fault] = []

    def fault(self, planted: str, *, before: str = "held", quick: bool = True) -> Callable:
        """Register a function as a fault.

        It gets an empty folder, plants the fault and returns an `Outcome`. Whatever it raises means that the fault was
        not held, except `NotPlanted`.

        Parameters
        ----------
        planted : str
            What is planted, in a few words.
        before : str
            What happened before it was mended; "held" if nothing had to be.
        quick : bool
            Whether it takes less than about five seconds, so that every build plants it.
        """

        def register(plant: Callable[[Path], Outcome]) -> Callable:
            self.faults.append(Fault(self.name, planted, before, plant, quick))
            return plant

        return register


def survived(now: str) -> Outcome:
    """Return the outcome of a fault that cost nothing but what ``now`` says."""
    return Outcome("survived", now)


def refused(action: Callable, kind: type[Exception] | tuple, *words: str) -> Outcome:
    """Call what must be refused, and return its error as an outcome.

    Parameters
    ----------
    action : callable
        Takes no argument.
    kind : exception type or types
        What it must raise.
    words : str
        What the message must contain: the argument or file, and what to do.
    """
    try:
        value = action()
    except kind as error:
        _demand(words, str(error))
        return Outcome("refused", f"{type(error).__name__}: {shortened(str(error))}")
    raise NotHeld(f"accepted, and gave {shortened(repr(value))}")


def refused_command(
    command: Sequence, *words: str, folder: Path = ROOT, environment: Mapping[str, str] | None = None, limit: float = 60
) -> Outcome:
    """Run a command that must be refused: a status that is not 0, no traceback, and the words in what it prints."""
    ended = run(command, folder=folder, environment=environment, limit=limit)
    if ended.returncode == 0:
        raise NotHeld(f"accepted; the command printed {shortened(ended.stdout)}")
    if "Traceback (most recent call last)" in ended.stdout:
        raise NotHeld(f"a traceback instead of words: {shortened(ended.stdout[-600:])}")
    _demand(words, ended.stdout)
    return Outcome("refused", f"Status {ended.returncode}: {shortened(ended.stdout)}")


def succeeds(
    command: Sequence, *words: str, folder: Path = ROOT, environment: Mapping[str, str] | None = None, limit: float = 60
) -> str:
    """Run a command that must end well, with the words in what it prints; return what it printed."""
    ended = run(command, folder=folder, environment=environment, limit=limit)
    demand(ended.returncode == 0, f"status {ended.returncode}: {shortened(ended.stdout[-600:], 600)}")
    for word in words:
        demand(word in ended.stdout, f"it did not print {word!r}: {shortened(ended.stdout)}")
    return ended.stdout


def run(
    command: Sequence, *, folder: Path = ROOT, environment: Mapping[str, str] | None = None, limit: float = 60
) -> subprocess.CompletedProcess:
    """Run a command to its end; ``stdout`` of what is returned holds what it printed, errors included."""
    return subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        timeout=limit,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def started(target: Callable, *arguments) -> multiprocessing.Process:
    """Start a process that calls a function; it goes at the latest when the fault ends."""
    process = FORK.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def wait_for(happens: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait until something happens."""
    until = time.monotonic() + seconds
    while not happens():
        demand(time.monotonic() < until, f"{what}: not within {seconds} s")
        time.sleep(0.02)


def demand(holds: bool, otherwise: str) -> None:
    """Raise `NotHeld` with these words unless a condition holds."""
    if not holds:
        raise NotHeld(otherwise)


def _demand(words: Sequence[str], said: str) -> None:
    for word in words:
        demand(word in said, f"refused, but without {word!r}: {shortened(said)}")


def shortened(text: str, length: int = 240) -> str:
    """Return a text on one line, of at most ``length`` characters, without what is of this machine and run alone."""
    text = re.sub(r"(/[^\s:;,'\"()`]*)+/(?=[^\s/])", ".../", text)
    text = re.sub(rf"\b{re.escape(socket.gethostname())}\b", "here", text)
    text = " ".join(re.sub(r"\b0x[0-9a-f]{6,}", "0x...", text).split())
    return text if len(text) <= length else f"{text[: length // 2]} ... {text[-length // 2 :]}"


def plant(fault: Fault, users_cache: Path | None = None) -> dict:
    """Plant a fault in a forked process with an empty folder and an empty cache, and return its row of the table.

    What the process leaves behind, other processes included, is taken away.
    """
    users_cache = users_cache or cache_folder()
    folder = Path(tempfile.mkdtemp(prefix="fault-"))
    begun = time.perf_counter()
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_in_its_process, args=(fault, folder, users_cache, theirs))
    process.start()
    theirs.close()
    try:
        if ours.poll(LIMITS[fault.quick]):
            outcome = ours.recv()
        else:
            outcome = Outcome("failed", f"no end within {LIMITS[fault.quick]} s")
    except EOFError:
        process.join()
        outcome = Outcome("failed", f"its process ended with status {process.exitcode}")
    finally:
        process.join(1)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
        shutil.rmtree(folder, ignore_errors=True)
    row = {key: getattr(fault, key) for key in ("kind", "planted", "before", "quick")}
    return row | dataclasses.asdict(outcome) | {"seconds": round(time.perf_counter() - begun, 1)}


def _in_its_process(fault: Fault, folder: Path, users_cache: Path, answer) -> None:
    os.setsid()
    said = os.open(folder / "said.txt", os.O_WRONLY | os.O_CREAT)
    os.dup2(said, 1), os.dup2(said, 2)
    os.environ["FRLIB_CACHE"] = str(folder / "cache")
    os.environ["FRLIB_USERS_CACHE"] = str(users_cache)
    torch.set_num_threads(1)  # what a fault forks would wait for threads that it does not have
    place = folder / "place"
    place.mkdir()
    try:
        outcome = fault.plant(place)
        if not isinstance(outcome, Outcome):
            raise NotHeld(f"a fault must return an Outcome; got {outcome!r}")
    except NotPlanted as reason:
        outcome = Outcome("not planted", str(reason))
    except BaseException as error:  # SystemExit too: whatever comes out of a fault was not held
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        outcome = Outcome("failed", f"{type(error).__name__} ({where}): {shortened(str(error), 600)}")
    answer.send(outcome)
    sys.stdout.flush()
    os._exit(0)


def borrow(*parts: str) -> Path:
    """Copy a file or folder of the user's cache, such as ``"models"``, into the fault's own cache; return the copy.

    Raises
    ------
    NotPlanted
        If the user's cache does not have it.
    """
    source = Path(os.environ["FRLIB_USERS_CACHE"], *parts)
    if not source.exists():
        raise NotPlanted(f"{'/'.join(parts)} is not in the cache")
    target = cache_folder(*parts[:-1]) / parts[-1]
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
    return target


def borrow_compiled() -> None:
    """Let processes that the fault starts read what numba and Warp compiled for the user: compiling takes minutes."""
    for variable, room in (("NUMBA_CACHE_DIR", "numba"), ("WARP_CACHE_PATH", "warp")):
        os.environ[variable] = str(Path(os.environ["FRLIB_USERS_CACHE"], room))


def keep_mounts_private() -> None:
    """Let this process and its children alone see what they mount from now on; it goes with them.

    Raises
    ------
    NotPlanted
        If this user may not mount anything.
    """
    if ctypes.CDLL(None).unshare(NEW_MOUNTS):
        raise NotPlanted("only who may mount a file system can have one for this fault")
    mount("--make-rprivate", "/")


def mount(*arguments) -> None:
    """Call mount; raise `NotPlanted` if this user may not."""
    if run(["mount", *arguments]).returncode:
        raise NotPlanted("only who may mount a file system can have one for this fault")


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small disk in memory on a folder, for this process and its children alone."""
    folder.mkdir(parents=True, exist_ok=True)
    keep_mounts_private()
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)
    try:
        yield folder
    finally:
        run(["umount", "--lazy", folder])
