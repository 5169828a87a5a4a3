"""One build at a time in a checkout: a lock that says who holds it.

The operating system frees the lock when its holder ends, also when it is killed. Only the standard library is needed:
``python book/lock.py COMMAND`` holds the lock while a command sets up the environment.
"""

import datetime
import fcntl
import getpass
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO


class BuildRuns(RuntimeError):
    """Another build holds the lock; the message says which."""


def hold(folder: Path, command: list[str]) -> IO:
    """Take the lock of a folder, until the process ends or the file that is returned is closed.

    Parameters
    ----------
    folder : Path
    command : list of str
        What the lock is held for.

    Raises
    ------
    BuildRuns
        If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, note = open(folder / "lock", "a"), folder / "lock.txt"
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        holder = note.read_text() if note.exists() else "unknown, because it has just begun"
        raise BuildRuns(
            f"another build runs in this checkout: {holder}. Wait until it ends, or stop it, and run this again."
        ) from None
    partial = note.with_suffix(f".{os.getpid()}")
    try:
        partial.write_text(this_process(command))
        os.replace(partial, note)
    except OSError:  # a full disk: the lock holds all the same
        for wrong in (partial, note):
            wrong.unlink(missing_ok=True)
    return lock


def this_process(command: list[str]) -> str:
    """Return the process, its user, machine and start, and its command."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in containers a user can be a mere number
        user = str(os.getuid())
    now = datetime.datetime.now().astimezone().isoformat(" ", timespec="seconds")
    words = shlex.join([Path(command[0]).name, *command[1:]])
    return f"process {os.getpid()} of {user} on {socket.gethostname()}, since {now}, `{words}`"


if __name__ == "__main__":
    try:
        HELD = hold(Path(__file__).resolve().parent.parent / "_build", sys.argv[1:])
    except (BuildRuns, OSError) as error:
        sys.exit(str(error))
    sys.exit(subprocess.run(sys.argv[1:]).returncode)
