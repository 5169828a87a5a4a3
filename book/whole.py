"""What the build keeps is written whole or not at all: a full disk, or a kill, leaves what was there before.

A state file that cannot be read all the same costs only what it noted, and a word says so. Only the standard library
and doit are needed.
"""

import contextlib
import ctypes
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from doit.dependency import Dependency, JsonDB, MD5Checker, get_file_md5

#: Of Linux's renameat2: relative to the working folder, and exchange the two.
WORKING_FOLDER, EXCHANGE = -100, 2


@contextlib.contextmanager
def written(target: Path) -> Iterator[Path]:
    """Give a path beside ``target`` that takes its place if the block succeeds."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def write(target: Path, text: str) -> None:
    """Write a text file."""
    with written(target) as partial:
        partial.write_text(text, encoding="utf-8")


def read(path: Path, empty):
    """Return what a JSON file holds, or ``empty`` where there is none.

    Also, with a word, where it cannot be read, or holds what is not of the type of ``empty``.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return empty
    except ValueError:
        found = None
    if isinstance(found, type(empty)):
        return found
    where = "/".join(path.parts[-3:])
    print(f"{where} cannot be read, and is begun anew: the steps that it noted run again", file=sys.stderr)
    return empty


def put(new: Path, target: Path) -> None:
    """Put a folder in the place of another, which is removed.

    Linux exchanges the two at once, so that a reader always finds one of them. Elsewhere, and on file systems that
    cannot, there is a moment without; `restored` mends what a kill in this moment leaves.
    """
    old = _old(target)
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        if exchanged(new, target):
            new.rename(old)
        else:
            target.rename(old)
            new.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.rename(target)


def restored(target: Path) -> None:
    """Put back what `put` had moved away when it was cut off."""
    if _old(target).exists() and not target.exists():
        _old(target).rename(target)


def _old(target: Path) -> Path:
    return target.with_name(f"{target.name}.old")


def exchanged(one: Path, other: Path) -> bool:
    """Let two files or folders exchange their names at once; return whether this system can."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):  # not Linux
        return False
    return not renameat2(WORKING_FOLDER, os.fsencode(one), WORKING_FOLDER, os.fsencode(other), EXCHANGE)


class Content(MD5Checker):
    """Has doit compare what is in files, always: one of another content can have the time of the old one.

    Archives that are made twice alike give all files one time, and a clock can be set back.
    """

    def check_modified(self, file_path, file_stat, state):
        """Return whether a file holds something else than when its task ended."""
        _, size, digest = state
        return file_stat.st_size != size or get_file_md5(file_path) != digest

    def get_state(self, dep, current_state):
        """Return time, size and digest of a file."""
        return super().get_state(dep, None)


def keep_state_of_doit() -> None:
    """Have doit read and write its state so.

    It looks its classes up before it reads ``dodo.py``, so that methods take the place of methods. A state that cannot
    be written loses nothing that was made: the build goes on.
    """

    def load(self):
        return read(Path(self.name), {})

    def dump(self):
        try:
            write(Path(self.name), self.codec.encode(self._db))
        except OSError as error:
            print(
                f"{Path(self.name).name} cannot be written ({error.strerror}): the next build makes again what this "
                "one made. Free some room on the disk.",
                file=sys.stderr,
            )

    JsonDB._load, JsonDB.dump = load, dump
    _note_what_steps_read()


def _note_what_steps_read() -> None:
    """Have doit note the files of a step as they were before it ran, not after.

    What is changed meanwhile, such as a chapter that somebody goes on writing, has not been read.
    """
    get_status, save_success = Dependency.get_status, Dependency.save_success
    before: dict[str, dict] = {}

    def look(self, task, *arguments, **named):
        before[task.name] = {
            file: self.checker.get_state(file, None) for file in task.file_dep if self.checker.exists(file)
        }
        return get_status(self, task, *arguments, **named)

    def note(self, task, *arguments, **named):
        save_success(self, task, *arguments, **named)
        for file, state in before.get(task.name, {}).items():
            self._set(task.name, file, state)

    Dependency.get_status, Dependency.save_success = look, note
