"""What a chapter shows from the reader's cache beside what it fetches itself: networks of the papers, photographs."""

from pathlib import Path

#: Calls in a chapter that look there.
NETWORKS, PHOTOGRAPHS = "chosen(networks", "datasets.read_stored("


def shown(source: Path) -> dict:
    """Return what a chapter would find there now, as plain JSON values; if it changed, the chapter must run again.

    Parameters
    ----------
    source : Path
        The chapter, py:percent.
    """
    text = source.read_text(encoding="utf-8", errors="replace") if source.is_file() else ""
    found = {}
    if NETWORKS in text:
        found["networks"] = networks()
    if PHOTOGRAPHS in text:
        found["photographs"] = photographs()
    return found


def networks() -> list[str]:
    """Return the names of the papers' networks in the cache."""
    from frlib import models  # brings torch, which takes longer than all else that doit begins with

    table = models.available()
    return table[table.offline & table.role.isin(("paper", "foundation"))].name.tolist()


def photographs() -> dict[str, list]:
    """Return where each data set lies, and when it or a folder or file directly in it was last changed."""
    from frlib.store import cache_folder

    folder = cache_folder("photographs")
    found = {path.name: path.resolve() for path in sorted(folder.iterdir())} if folder.is_dir() else {}
    return {name: [str(path), newest(path)] for name, path in found.items() if path.exists()}


def newest(path: Path) -> int:
    """Return the latest change of a folder or file, and of what is directly in it, in nanoseconds."""
    return max(own.stat().st_mtime_ns for own in (path, *(path.iterdir() if path.is_dir() else ())) if own.exists())
