"""Functions that numba compiles to machine code, kept from run to run in the user's cache.

The folder is set for the whole process, because other packages (UMAP) also need one where theirs cannot be written.
"""

import functools
import warnings
from collections.abc import Callable
from contextlib import suppress

import numba
from numba.core.caching import FunctionCache

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
    dispatcher = numba.njit(function, nogil=True, **options)
    with suppress(RuntimeError):  # numba finds no folder that it can write to
        dispatcher._cache = Kept(function)
    return dispatcher


class Kept(FunctionCache):
    """What numba compiled before; a file of it that cannot be read is compiled anew, and numba alone would raise."""

    def load_overload(self, sig, target_context):
        """Return a compiled function, or None if it must be compiled."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever pickle and LLVM make of wrong bytes
            warnings.warn(
                f"compiled code in {self.cache_path} is damaged ({error!r}); it is compiled anew", stacklevel=2
            )
            self.flush()
            return None
