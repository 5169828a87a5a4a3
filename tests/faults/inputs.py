"""Bad arguments to the public functions: each is refused with its name, or what comes out is right."""

import contextlib
import copy
import dataclasses
import inspect
import io
import resource
import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import frlib
from tests.faults.bad_values import REFUSED, SAME, Bad, bad_values, names_argument
from tests.faults.good_calls import calls_of

#: Seconds that a call may take, and bytes that it may need beyond what the process has.
SECONDS, ROOM = 10, 3 * 2**30


class Hangs(BaseException):
    """A call took too long."""


@dataclasses.dataclass
class Failure:
    """A call that was neither refused as it should be nor right."""

    function: str
    argument: str
    what: str
    how: str
    detail: str

    def __str__(self) -> str:
        return f"{self.function}({self.argument}: {self.what}): {self.how}: {self.detail}"


def planted(module: str, share: float = 1.0) -> tuple[Counter, list[Failure]]:
    """Call every function of a module with bad arguments, or a share of them; return what happened, and failures."""
    generator, happened, failures = np.random.default_rng(0), Counter(), []
    signal.signal(signal.SIGALRM, _ends)
    with _room():
        for function, given in calls_of(module).items():
            right = _numbers(_call(function, given, limit=0))  # compiles
            for argument, bad in _bad_arguments(given, generator):
                if generator.random() >= share:
                    continue
                how, detail = _judged(function, given, argument, bad, right)
                happened[how] += 1
                if how not in ("refused", "right"):
                    failures.append(Failure(function.__name__, argument, bad.what, how, detail))
    return happened, failures


def _bad_arguments(given: dict, generator: np.random.Generator) -> Iterator[tuple[str, Bad]]:
    for argument, valid in given.items():
        for bad in bad_values(valid, generator):
            yield argument, bad


def _judged(function: Callable, given: dict, argument: str, bad: Bad, right: list[np.ndarray]) -> tuple[str, str]:
    """Return what happened in one call, in a word, and its details."""
    default = inspect.signature(function).parameters[argument].default
    try:
        value = bad.make()
        if value is default or (isinstance(default, str | int | float | bool) and _equal(value, default)):
            return "right", "it is the default"
    except Exception:  # no such variant of this value
        return "right", "cannot be made"
    try:
        found = _numbers(_call(function, given | {argument: value}))
    except Hangs:
        return "hangs", ""
    except (ValueError, TypeError) as error:
        return _refusal(function, argument, error)
    except Exception as error:
        return "another error", f"{type(error).__name__}: {str(error)[:200]} at {_place(error)}"
    return _result(found, bad.expected, right)


def _equal(value, default) -> bool:
    return type(value) is type(default) and value == default


def _call(function: Callable, given: dict, limit: float = SECONDS):
    """Call a function within the time, without a word."""
    given = {name: value if _is_iterator(value) else copy.deepcopy(value) for name, value in given.items()}
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return function(**given)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _is_iterator(value) -> bool:
    return hasattr(value, "__next__") or (isinstance(value, list | dict | tuple) and "generator" in repr(value)[:2000])


def _refusal(function: Callable, argument: str, error: Exception) -> tuple[str, str]:
    names = list(inspect.signature(function).parameters)
    said, place = str(error), _place(error)
    if not place.startswith("frlib/"):
        return "an error from inside", f"{type(error).__name__}: {said[:200]} at {place}"
    if not names_argument(said, [argument]) and not names_argument(said, names):
        return "no argument is named", f"{said[:200]} at {place}"
    return "refused", said


def _place(error: Exception) -> str:
    """Return the file and line that raised an error."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    file, root = Path(last.filename), Path(frlib.__file__).parents[1]
    return f"{file.relative_to(root) if file.is_relative_to(root) else file.name}:{last.lineno}"


def _result(found: list[np.ndarray], expected: str, right: list[np.ndarray]) -> tuple[str, str]:
    if expected == REFUSED:
        return "accepted", repr(found)[:100]
    alike = len(found) == len(right) and all(a.shape == b.shape for a, b in zip(found, right, strict=True))
    if expected == SAME:
        if not alike:
            return "another result", repr(found)[:100]
        close = all(np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True) for a, b in zip(found, right, strict=True))
        return ("right", "") if close else ("another result", repr(found)[:100])
    if any(np.isnan(a).any() for a in found) and not any(np.isnan(b).any() for b in right):
        return "NaN without a word", repr(found)[:100]
    return "right", ""


def _numbers(result) -> list[np.ndarray]:
    """Return all numbers of a result, in arrays."""
    if isinstance(result, pd.DataFrame | pd.Series):
        columns = [result[name] for name in result] if isinstance(result, pd.DataFrame) else [result]
        return [array for column in columns for array in _numbers(column.to_numpy())]
    if torch.is_tensor(result):
        return _numbers(result.detach().numpy(force=True))
    if isinstance(result, np.ndarray):
        if result.dtype == object:
            return [array for value in result.ravel() for array in _numbers(value)]
        return [result.astype(complex if result.dtype.kind == "c" else float)] if result.dtype.kind in "fiubc" else []
    if isinstance(result, bool | int | float | np.number):
        return [np.asarray(float(result))]
    if isinstance(result, dict):
        return [array for value in result.values() for array in _numbers(value)]
    if isinstance(result, list | tuple):
        return [array for value in result for array in _numbers(value)]
    return _numbers(vars(result)) if dataclasses.is_dataclass(result) else []


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Let the process have only so much more memory."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _ends(number, frame):
    raise Hangs
