"""Waiting for others: what brings nothing any more is given up, and who waits for another process says so."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from frlib.store import REMEDY

#: Seconds without a byte after which a server is given up.
PATIENCE = 60
#: Seconds between two looks at what has arrived, and before a process says that it waits.
INTERVAL = 1.0


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess:
    """Run a command that fetches something into a folder, and end it when nothing arrives there any more.

    Parameters
    ----------
    command : sequence of str
        It is told to put its temporary files into the folder as well, so that a download shows while it grows.
    folder : Path

    Returns
    -------
    CompletedProcess
        ``stdout`` holds what it printed, errors included.

    Raises
    ------
    TimeoutError
        If nothing has arrived for `PATIENCE` seconds.
    """
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            code = _ended(process, folder)
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        return subprocess.CompletedProcess(command, code, said.read(), "")


def _ended(process: subprocess.Popen, folder: Path) -> int:
    """Wait for the end of a process, and return its exit status."""
    size, since = bytes_in(folder), time.monotonic()
    while True:
        try:
            return process.wait(INTERVAL)
        except subprocess.TimeoutExpired:
            now = bytes_in(folder)
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            raise TimeoutError(f"nothing arrived for {PATIENCE} seconds")


def bytes_in(folder: Path) -> int:
    """Return the bytes of all files below a folder that other processes change."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # it was removed meanwhile
                continue
    return total


@contextmanager
def locked(path: Path, doing: str) -> Iterator[None]:
    """Keep other processes out of a block; who has to wait says what for.

    Parameters
    ----------
    path : Path
        The lock. It goes with the process that holds it, however that ends.
    doing : str
        What the one inside does.

    Raises
    ------
    OSError
        If the lock belongs to another user.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=INTERVAL)
    except PermissionError as error:
        raise OSError(f"{path} belongs to another user and cannot be locked. {REMEDY}") from error
    except Timeout:
        tqdm.write(f"Another process {doing}; this one waits until it is done ({path} is locked).", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
