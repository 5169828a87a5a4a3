"""One build at a time in a checkout: a lock that says who holds it.

The operating system frees the lock when its holder ends, also when it is killed.
"""

import datetime
import getpass
import os
import shlex
import socket
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from frlib.store import atomic_file


class BuildRuns(RuntimeError):
    """Another build holds the lock; the message says which."""


def hold(folder: Path) -> FileLock:
    """Take the lock of a folder, until the process ends or the lock is released.

    Raises
    ------
    BuildRuns
        If another process holds it.
    """
    lock, note = FileLock(folder / "lock"), folder / "lock.txt"
    try:
        lock.acquire(blocking=False)
    except Timeout:
        holder = note.read_text() if note.exists() else "unknown, because it has just begun"
        raise BuildRuns(
            f"another build runs in this checkout: {holder}. Wait until it ends, or stop it, and run this again."
        ) from None
    with atomic_file(note) as partial:
        partial.write_text(this_process())
    return lock


def this_process() -> str:
    """Return the process, its user, machine and start, and its command."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in containers a user can be a mere number
        user = str(os.getuid())
    now = datetime.datetime.now().astimezone().isoformat(" ", timespec="seconds")
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return f"process {os.getpid()} of {user} on {socket.gethostname()}, since {now}, `{command}`"
