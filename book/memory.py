"""How much memory a build may use, and how much it needs: what is too little is said before anything runs.

Only the standard library is needed.
"""

import os
from pathlib import Path

#: Bytes that chapters of profile book take at their peak, apart from their processes, and for each of these. Measured
#: as proportional set sizes of the whole build: 4.4 GB with two processes.
ALONE, EACH = 2.0e9, 1.2e9
#: Where Linux says to which groups of processes, such as a container, this one belongs, and how much memory each may
#: use: in its second way, and in its first.
OWN_GROUPS = Path("/proc/self/cgroup")
GROUPS = {"": ("/sys/fs/cgroup", "memory.max"), "memory": ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")}


class TooLittle(MemoryError):
    """There is less memory than a chapter needs; the message says how much it needs."""


def limit() -> int:
    """Return how many bytes programs may use here: memory and swap of the machine, or less if they are limited."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") + swap()]
    texts = [text_of(path) for path in limits()]
    return min(found + [int(text) for text in texts if text.strip().isdecimal()])


def limits() -> list[Path]:
    """Return the files with the limits of the groups that this process belongs to."""
    files = []
    for line in text_of(OWN_GROUPS).splitlines():
        _, kinds, group = line.split(":", 2)
        if kinds in GROUPS:
            root, name = GROUPS[kinds]
            own = Path(root, group.strip("/"))
            files += [folder / name for folder in (own, *own.parents) if folder.is_relative_to(root)]
    return files


def swap() -> int:
    """Return the bytes of swap, where the system says it."""
    lines = text_of(Path("/proc/meminfo")).splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("SwapTotal:"))


def text_of(path: Path) -> str:
    """Return what a file of the system says; nothing where there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""


def processes(wanted: int) -> int:
    """Return how many processes of a chapter fit into memory, of those wanted.

    Raises
    ------
    TooLittle
        If not even one fits.
    """
    fit = int((limit() - ALONE) // EACH)
    if fit < 1:
        raise TooLittle(
            f"chapters need about {(ALONE + EACH) / 1e9:.1f} GB of memory, and {EACH / 1e9:.1f} GB more for each "
            f"further process; there are {limit() / 1e9:.1f} GB here. Use a machine, or a container, with more."
        )
    return min(wanted, fit)


def in_words() -> str:
    """Return how much memory there is, how much a chapter needs, and how it needs less."""
    return (
        f"There are {limit() / 1e9:.1f} GB of memory here; a chapter needs about {ALONE / 1e9:.1f} GB and "
        f"{EACH / 1e9:.1f} GB for each process. `LOKY_MAX_CPU_COUNT=1` has it use one."
    )


def ran_out(error: str) -> bool:
    """Return whether the name and text of an error say that memory ran out, as Python, numpy and torch say it."""
    return "MemoryError" in error or "can't allocate memory" in error
