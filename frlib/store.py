"""Results on disk: content-addressed, written atomically, verified when read.

A result is named by the parameters that made it. Asking twice for the same parameters computes once. A damaged file,
or that of another result under this name, is rebuilt and reported, never used. What lies in a cache that cannot be
written is used; what would be added to it is computed each time, and a warning says so.

Every byte that is read is verified: the arrays with their names, types and shapes by one checksum, the parameters by
another. Files of older versions have the first alone. They serve where the parameters are asked for, and so compared.
"""

import atexit
import errno
import functools
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import platformdirs
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

#: Seconds after which a file that is still being written has no writer any more.
DAY = 86_400
#: Names of files that are still being written: ours, and those of safetensors.
LEFTOVERS = (".*.partial", ".tmp??????")
_UMASK = os.umask(0o077)  # it can only be read by setting it
os.umask(_UMASK)
REMEDY = "Set FRLIB_CACHE to a folder that can be written."


def cache_folder(*parts: str) -> Path:
    """Return a folder of the user's cache, created where that is possible; ``FRLIB_CACHE`` moves it elsewhere.

    Raises
    ------
    ValueError
        If ``FRLIB_CACHE`` is a file, lies below one, or begins with the home of a user that is not known.
    """
    named = os.environ.get("FRLIB_CACHE")
    try:
        root = Path(named).expanduser().absolute() if named else platformdirs.user_cache_path("frlib", appauthor=False)
    except RuntimeError as error:  # there is no home
        if named:
            raise ValueError(f"FRLIB_CACHE must name a folder; got {named!r}, whose home is not known") from error
        root = Path("/.cache/frlib")  # as in containers, where the home of an unknown user is /
    folder = root.joinpath(*parts)
    try:
        if not named:  # what was computed on photographs of people is for their owner; who names a folder may share it
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        if named:
            obstacle = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
            raise ValueError(f"FRLIB_CACHE must name a folder; got {named!r}, but {obstacle} is no folder") from error
    except OSError:  # it may still be read, and who writes into it says that it cannot be written
        pass
    return folder


def can_be_written(folder: Path) -> bool:
    """Return whether a file of some size can be written into a folder: permissions, kind of disk and room on it."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
    except OSError:
        return False
    return True


def compiled_folder(compiler: str) -> Path:
    """Return a folder that can be written, for code that a compiler keeps from run to run.

    It is in the user's cache. Where that cannot be written, it is a temporary folder that begins with what is in the
    cache, and goes with this process.

    Raises
    ------
    OSError
        If no temporary folder can be written either.
    """
    kept = cache_folder(compiler)
    if can_be_written(kept):
        return kept
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"frlib-{compiler}-"))
    except OSError as error:
        raise OSError(f"neither {kept} nor a temporary folder can be written. {REMEDY}") from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for place, _, names in os.walk(kept):
        copy = folder / Path(place).relative_to(kept)
        copy.mkdir(exist_ok=True)
        for name in names:
            with suppress(OSError):  # what cannot be read is compiled anew
                shutil.copyfile(Path(place, name), copy / name)
    return folder


@contextmanager
def atomic_file(target: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside ``target``; it takes the target's place only if the block succeeds.

    Raises
    ------
    OSError
        As in the block; where the disk is full, it names the target and says what to do.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        os.chmod(partial, 0o666 & ~_UMASK)
        os.replace(partial, target)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OSError(error.errno, f"the disk has no room for {target}: make some, and run again") from error
    finally:
        partial.unlink(missing_ok=True)


def file_digest(path: str | os.PathLike) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_file_name(text: str) -> str:
    """Return a text with only letters, digits and a few signs, in at most 80 bytes: every file system takes it."""
    kept = re.sub(r"[^\w.-]+", "-", text).encode(errors="replace")[:80].decode(errors="ignore")
    return kept.strip("-.") or "unnamed"


def content_key(parameters: Mapping) -> str:
    """Return a short key that is equal for equal parameters and different for different ones.

    Raises
    ------
    ValueError
        If a parameter is not a plain JSON value: an object without a stable text would give a key that changes.
    """
    try:
        text = json.dumps(parameters, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except TypeError as error:
        raise ValueError(f"parameters must be plain JSON values; {error}") from error
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def arrays_digest(arrays: Mapping[str, torch.Tensor]) -> str:
    """Return the sha256 over names, types, shapes and bytes of all arrays."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name].detach().cpu().contiguous()
        digest.update(f"{name}|{array.dtype}|{tuple(array.shape)}|".encode())
        if array.numel():  # torch cannot view an empty array as bytes
            digest.update(array.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _text_digest(text: str) -> str:
    """Return the sha256 of a text."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def save_arrays(path: str | os.PathLike, arrays: Mapping[str, torch.Tensor], parameters: Mapping) -> None:
    """Do what `write_arrays` does; where the folder cannot be written, warn once and go on."""
    try:
        write_arrays(path, arrays, parameters)
    except OSError:
        _warn_that_nothing_is_kept(Path(path).parent)


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, torch.Tensor], parameters: Mapping) -> None:
    """Write named arrays with the parameters that made them and checksums of both, atomically, as safetensors.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    # Copies, because safetensors refuses arrays that share memory.
    arrays = {name: array.detach().cpu().clone(memory_format=torch.contiguous_format) for name, array in arrays.items()}
    text = json.dumps(parameters, sort_keys=True)
    metadata = {"parameters": text, "parameters_sha256": _text_digest(text), "sha256": arrays_digest(arrays)}
    try:
        with atomic_file(path) as partial:
            save_file(arrays, partial, metadata=metadata)
    except SafetensorError as error:  # on a full disk, for example
        raise OSError(f"{path} cannot be written: {error}") from error


@functools.cache
def _warn_that_nothing_is_kept(folder: Path) -> None:
    warnings.warn(f"{folder} cannot be written: what is computed is not kept. {REMEDY}", stacklevel=4)


@functools.cache
def _remove_leftovers_once(folder: Path) -> None:
    remove_leftovers(folder)


def remove_leftovers(folder: Path, age: float = DAY) -> None:
    """Remove what programs that were killed while they wrote have left in a folder of the cache.

    Parameters
    ----------
    folder : Path
    age : float
        Seconds; what was written to later may have a writer still.
    """
    with suppress(OSError):  # the folder cannot be entered, or another process was quicker
        for path in (path for pattern in LEFTOVERS for path in folder.glob(pattern)):
            if time.time() - path.stat().st_mtime >= age:
                path.unlink()


def read_arrays(
    path: str | os.PathLike, parameters: Mapping | None = None, *, older: bool = False
) -> tuple[dict[str, torch.Tensor], dict]:
    """Read named arrays and the parameters that made them, and verify the checksums.

    Parameters
    ----------
    path : path
    parameters : mapping, optional
        Those that the file must hold.
    older : bool
        Whether a file of an older version will do whose parameters are not asked for: no checksum covers them.

    Raises
    ------
    OSError
        If the file is missing, cannot be parsed, its content does not match its checksums, or it holds no parameters,
        or others than those asked for.
    """
    path = Path(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f"no stored arrays at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except Exception as error:  # safetensors raises its own type, which has no public base class
        raise OSError(f"{path} cannot be read: {error}") from error
    text = metadata.get("parameters", "")
    sums = {"sha256": arrays_digest(arrays), "parameters_sha256": _text_digest(text)}
    found = {name: value for name, value in metadata.items() if name != "parameters"}
    if found not in (sums, {"sha256": sums["sha256"]}):
        raise OSError(f"{path} is damaged: its content does not match its checksum")
    if parameters is not None and text != json.dumps(parameters, sort_keys=True):
        raise OSError(f"{path} holds another result than its name says")
    if parameters is None and found != sums and not older:
        raise OSError(f"{path} is from an older version, whose checksum leaves out the parameters")
    try:
        return arrays, json.loads(text)
    except json.JSONDecodeError as error:
        raise OSError(f"{path} holds no parameters that can be read: {error}") from error


def load_or_build(
    name: str,
    parameters: Mapping,
    build: Callable[[], Mapping[str, torch.Tensor]],
    *,
    folder: str | os.PathLike | None = None,
) -> dict[str, torch.Tensor]:
    """Return the arrays stored under ``name`` and ``parameters``; build and store them if they are not there.

    Parameters
    ----------
    name : str
        What the arrays are; the file is called ``{name}-{key of the parameters}.safetensors``, see `as_file_name`.
    parameters : mapping of plain JSON values
        Everything that the result depends on, versions of code included.
    build : callable
        Returns the arrays; called only if they are not stored, or the stored file is damaged or holds another result.
    folder : path, optional
        Default: ``results`` in the user's cache.
    """
    (arrays,) = load_or_build_each(name, {"": parameters}, lambda _: {"": build()}, folder=folder).values()
    return arrays


def load_or_build_each(
    name: str,
    parameters: Mapping[str, Mapping],
    build: Callable[[list[str]], Mapping[str, Mapping[str, torch.Tensor]]],
    *,
    folder: str | os.PathLike | None = None,
) -> dict[str, dict[str, torch.Tensor]]:
    """Do what `load_or_build` does for several results that are cheaper to build together.

    Parameters
    ----------
    name, folder
        As in `load_or_build`.
    parameters : mapping of key to mapping
        The parameters of each result.
    build : callable
        Gets the keys that are not stored, or whose file is damaged, and returns their arrays. Not called if there are
        none.

    Returns
    -------
    dict of key to dict of arrays
        In the order of ``parameters``.
    """
    found = load_each(name, parameters, folder=folder)
    missing = [key for key in parameters if key not in found]
    if missing:
        _remove_leftovers_once(result_file(name, {}, folder).parent)
    built = build(missing) if missing else {}
    for key in missing:
        found[key] = dict(built[key])
        save_arrays(result_file(name, parameters[key], folder), found[key], parameters[key])
    return {key: found[key] for key in parameters}


def load_each(
    name: str, parameters: Mapping[str, Mapping], *, folder: str | os.PathLike | None = None
) -> dict[str, dict[str, torch.Tensor]]:
    """Return those of several results that are stored.

    Parameters
    ----------
    name, parameters, folder
        As in `load_or_build_each`.

    Returns
    -------
    dict of key to dict of arrays
        Without the keys that are not stored, or whose file is damaged; a warning reports the latter.
    """
    read = {key: _read_if_whole(result_file(name, own, folder), own) for key, own in parameters.items()}
    return {key: arrays for key, arrays in read.items() if arrays is not None}


def absent(name: str, parameters: Mapping[str, Mapping], *, folder: str | os.PathLike | None = None) -> list[str]:
    """Return the keys of several results that are not stored. Nothing is read: a damaged file counts as stored.

    Parameters
    ----------
    name, parameters, folder
        As in `load_or_build_each`.
    """
    return [key for key, own in parameters.items() if not os.path.exists(result_file(name, own, folder))]


def as_arrays(table: pd.DataFrame) -> dict[str, torch.Tensor]:
    """Return a table of numbers and words as what can be stored, without its index. `as_table` reads it."""
    text = json.dumps(table.to_dict("list"))
    return {"json": torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)}


def as_table(arrays: Mapping[str, torch.Tensor]) -> pd.DataFrame:
    """Return the table that `as_arrays` was given, to the last digit."""
    return pd.DataFrame(json.loads(arrays["json"].numpy().tobytes()))


def result_file(name: str, parameters: Mapping, folder: str | os.PathLike | None = None) -> Path:
    """Return the file of a result of `load_or_build`."""
    folder = cache_folder("results") if folder is None else Path(folder)
    return folder / f"{as_file_name(name)}-{content_key(parameters)}.safetensors"


def _read_if_whole(path: Path, parameters: Mapping) -> dict[str, torch.Tensor] | None:
    """Return stored arrays, or None if there are none, or they are damaged or others; the latter is reported."""
    if not os.path.exists(path):  # unlike Path.exists, also where the folder cannot be entered
        return None
    try:
        return read_arrays(path, parameters)[0]
    except OSError as error:
        warnings.warn(f"{error}; it is rebuilt", stacklevel=4)
        return None
