"""Programs and processes that end with the build, also when it is killed: none of them writes on beside the next one.

On Linux the operating system ends them. Elsewhere they run to their end.
"""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Of Linux's prctl: which signal a process gets when the one that started it ends.
PARENT_DEATH_SIGNAL = 1


def end_with_parent() -> None:
    """Have this process killed when the one that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)


def run(*command, **options) -> None:
    """Run a program in the checkout, to its end or to that of this process.

    Parameters
    ----------
    command : str or Path
    options
        Of `subprocess.run`.

    Raises
    ------
    CalledProcessError
        If it fails.
    """
    bound = [sys.executable, "-I", "-S", __file__, str(os.getpid()), *map(str, command)]
    code = subprocess.run(bound, **{"cwd": ROOT, **options}).returncode
    if code:
        raise subprocess.CalledProcessError(code, command)


if __name__ == "__main__":
    end_with_parent()
    if os.getppid() != int(sys.argv[1]):  # it ended meanwhile
        sys.exit(1)
    os.execv(sys.argv[2], sys.argv[2:])
