"""Functions that numba compiles to machine code, kept from run to run in the user's cache.

The folder is set for the whole process, because other packages (UMAP) also need one where theirs cannot be written.
"""

import functools
from collections.abc import Callable
from contextlib import suppress

import numba

from frlib.store import compiled_folder

if not numba.config.CACHE_DIR:  # NUMBA_CACHE_DIR goes first
    with suppress(OSError):  # without a folder, numba still compiles
        numba.config.CACHE_DIR = str(compiled_folder("numba"))


def compiled(function: Callable | None = None, **options) -> Callable:
    """Compile a function at its first call; without the interpreter's lock, so that threads run side by side.

    Parameters
    ----------
    function : callable
    **options
        Further ones of `numba.njit`: ``@compiled(inline="always")``.
    """
    if function is None:
        return functools.partial(compiled, **options)
    try:
        return numba.njit(function, nogil=True, cache=True, **options)
    except RuntimeError:  # numba finds no folder that it can write to
        return numba.njit(function, nogil=True, **options)
