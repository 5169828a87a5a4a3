"""Results on disk: content-addressed, written atomically, verified when read.

A result is named by the parameters that made it. Asking twice for the same parameters computes once. A damaged file
is rebuilt and reported, never used.
"""

import hashlib
import json
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import torch
from safetensors import safe_open
from safetensors.torch import save_file


def cache_folder(*parts: str) -> Path:
    """Return (and create) a folder of the user's cache; ``FRLIB_CACHE`` moves it elsewhere."""
    root = os.environ.get("FRLIB_CACHE")
    folder = Path(root) if root else platformdirs.user_cache_path("frlib", appauthor=False)
    folder = folder.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def atomic_file(target: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside ``target``; it takes the target's place only if the block succeeds."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        os.chmod(partial, 0o644)
        os.replace(partial, target)
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


def save_arrays(path: str | os.PathLike, arrays: Mapping[str, torch.Tensor], parameters: Mapping) -> None:
    """Write named arrays with the parameters that made them and a checksum, atomically, as safetensors."""
    # Copies, because safetensors refuses arrays that share memory.
    arrays = {name: array.detach().cpu().clone(memory_format=torch.contiguous_format) for name, array in arrays.items()}
    metadata = {"parameters": json.dumps(parameters, sort_keys=True), "sha256": arrays_digest(arrays)}
    with atomic_file(path) as partial:
        save_file(arrays, partial, metadata=metadata)


def read_arrays(path: str | os.PathLike) -> tuple[dict[str, torch.Tensor], dict]:
    """Read named arrays and the parameters that made them, and verify the checksum.

    Raises
    ------
    OSError
        If the file is missing, cannot be parsed, or its content does not match its checksum.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no stored arrays at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except Exception as error:  # safetensors raises its own type, which has no public base class
        raise OSError(f"{path} cannot be read: {error}") from error
    if metadata.get("sha256") != arrays_digest(arrays):
        raise OSError(f"{path} is damaged: its content does not match its checksum")
    return arrays, json.loads(metadata.get("parameters", "{}"))


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
        Returns the arrays; called only if they are not stored, or if the stored file is damaged.
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
    folder = cache_folder("results") if folder is None else Path(folder)
    paths = {key: folder / f"{as_file_name(name)}-{content_key(own)}.safetensors" for key, own in parameters.items()}
    results = {key: _read_if_whole(path) for key, path in paths.items()}
    missing = [key for key, arrays in results.items() if arrays is None]
    built = build(missing) if missing else {}
    for key in missing:
        results[key] = dict(built[key])
        save_arrays(paths[key], results[key], parameters[key])
    return results


def _read_if_whole(path: Path) -> dict[str, torch.Tensor] | None:
    """Return stored arrays, or None if there are none or they are damaged; the latter is reported."""
    if not path.exists():
        return None
    try:
        return read_arrays(path)[0]
    except OSError as error:
        warnings.warn(f"{error}; it is rebuilt", stacklevel=4)
        return None
