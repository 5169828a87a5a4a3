"""Bad arguments to the public functions: each is refused with its name, or what comes out is right."""

import contextlib
import copy
import dataclasses
import inspect
import io
import itertools
import resource
import signal
import traceback
import typing
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import frlib
from frlib import faces, geometry
from tests.faults.bad_values import ANY, FINITE, KEPT, REFUSED, SAME, Bad, bad_values, names_argument
from tests.faults.good_calls import (
    CALLS,
    EMBEDDINGS,
    FIELDS,
    MAY_BE_NAN,
    PASSED_ON,
    SIX,
    STEPS,
    TAKE_NAN,
    TAKE_NUMBERS,
    VALUES,
    calls_of,
)
from tests.faults.planting import Kind, Outcome, demand, refused, survived

#: Seconds that a call may take, and bytes that it may need beyond what the process has.
SECONDS, ROOM = 60, 3 * 2**30


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


def call_badly(module: str, share: float = 1.0, part: str = "") -> tuple[Counter, list[Failure]]:
    """Call every function of a module, or of a part of it, with bad arguments, or a share of them.

    Returns
    -------
    Counter, list of Failure
        What happened, and what should not have happened.
    """
    generator, happened, failures = np.random.default_rng(0), Counter(), []
    signal.signal(signal.SIGALRM, _ends)
    with _room():
        for function, given in calls_of(module).items():
            if part and inspect.unwrap(function).__module__.split(".")[2] != part:
                continue
            right = _numbers(_call(function, given, limit=0))  # compiles
            for argument, bad in _bad_arguments(function.__name__, given, generator):
                if generator.random() >= share:
                    continue
                how, detail = _judged(function, given, argument, bad, right)
                happened[how] += 1
                if how not in ("refused", "right"):
                    failures.append(Failure(function.__name__, argument, bad.what, how, detail))
    return happened, failures


def _bad_arguments(name: str, given: dict, generator: np.random.Generator) -> Iterator[tuple[str, Bad]]:
    for argument, valid in given.items():
        if argument in PASSED_ON.get(name, ()):
            continue
        for bad in bad_values(valid, generator):
            yield argument, bad


def _judged(function: Callable, given: dict, argument: str, bad: Bad, right: list[np.ndarray]) -> tuple[str, str]:
    """Return what happened in one call, in a word, and its details."""
    known = inspect.signature(function).parameters
    default = known[argument].default if argument in known else None
    try:
        value = bad.make()
        if value is None and argument in known and type(None) in typing.get_args(known[argument].annotation):
            return "right", "it may be left out"
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
    return _result(found, _expected(function.__name__, argument, bad), right)


def _expected(name: str, argument: str, bad: Bad) -> str:
    """Return what may happen to a value in a function that takes NaN, or gives it, as its description says."""
    takes_nan = argument in TAKE_NAN.get(name, ()) and "nan" in bad.what.lower()
    if argument in TAKE_NUMBERS.get(name, ()) and bad.what in ("a number", "minus one", "a boolean", "an empty list"):
        return ANY
    return ANY if takes_nan or (bad.expected == FINITE and name in MAY_BE_NAN) else bad.expected


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
    names = [argument, *inspect.signature(function).parameters]
    said, place = str(error), _place(error)
    if not place.startswith("frlib/"):
        return "an error from inside", f"{type(error).__name__}: {said[:200]} at {place}"
    if not names_argument(said, names):
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
    if expected == KEPT and len(found) == len(right):
        plain = [(a, b) for a, b in zip(found, right, strict=True) if not np.iscomplexobj(a)]
        alike = all(a.shape == b.shape and np.allclose(a, b, equal_nan=True) for a, b in plain)
        return ("right", "") if alike else ("another result", repr(found)[:100])
    if expected in (SAME, KEPT):
        if not alike:
            return "another result", repr(found)[:100]
        close = all(np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True) for a, b in zip(found, right, strict=True))
        return ("right", "") if close else ("another result", repr(found)[:100])
    if expected == FINITE and any(np.isnan(a).any() for a in found) and not any(np.isnan(b).any() for b in right):
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


inputs = Kind("Bad arguments")


def _held(happened: Counter, failures: list[Failure], least: int = 0) -> Outcome:
    """Return what became of calls; fail with the first ones that were not held, or if there are too few."""
    total, worst = sum(happened.values()), "; ".join(map(str, failures[:5]))
    demand(not failures, f"{len(failures)} of {total} calls are not held: {worst}")
    demand(total >= least, f"only {total} calls")
    return survived(f"{happened['refused']} of {total} calls refused with their names, the others right.")


def _plants(module: str, share: float, part: str = "") -> None:
    """Register a fault that calls all functions of a module, or of a part of it, with a share of the bad arguments."""

    def plant(place: Path) -> Outcome:
        """Call, and count."""
        return _held(*call_badly(module, share, part))

    before = "about 30 % ended in an error of numpy or pandas without a name, in a number, or out of memory"
    inputs.fault(f"Bad arguments, drawn at random, to {module}{part and f': {part}'}", before=before)(plant)


for _part, _share in {
    "alignment": 0.04,
    "macroscale": 0.03,
    "microscale": 0.03,
    "recognition": 0.015,
    "pairs": 0.2,
    "ranks": 0.06,
    "resampling": 0.08,
}.items():
    _plants("frlib.geometry", _share, _part)
for _module, _share in {
    "frlib.training": 0.02,
    "frlib.faces": 0.25,
    "frlib.fingerprint": 0.04,
    "frlib.view": 0.02,
    "frlib.runtime, frlib.published and frlib.clouds": 0.2,
}.items():
    _plants(_module, _share)


@inputs.fault(
    "More than 10,000 bad arguments to the functions of frlib",
    before="about 30 % ended in an error of numpy or pandas without a name, in a number, or out of memory",
    quick=False,
)
def every_function(place: Path) -> Outcome:
    """Call all functions with many of the bad arguments; those that draw charts or train, with fewer."""
    happened, failures = Counter(), []
    for module in CALLS:
        share = {"frlib.geometry": 0.4, "frlib.view": 0.1, "frlib.training": 0.2}.get(module, 1.0)
        own, wrong = call_badly(module, share)
        happened += own
        failures += wrong
    return _held(happened, failures, least=10_000)


CLOUD = EMBEDDINGS[:12]
FIELD = {"age": FIELDS["age"][:12]}


@inputs.fault("A unit of scales that is negative, zero or NaN", before="shares of isolated points and steps were NaN")
def no_unit(place: Path) -> Outcome:
    """Ask two functions that took any unit."""
    for unit in (-1.0, 0.0, np.nan):
        refused(
            lambda unit=unit: geometry.isolated_shares(CLOUD, [1.0], [5], mean_distance=unit),
            ValueError,
            "mean_distance must be a positive number",
        )
    return refused(
        lambda: geometry.steps_within(CLOUD, STEPS[:12], [1.0], mean_distance=-1.0),
        ValueError,
        "mean_distance must be a positive number",
    )


@inputs.fault("More neighbours asked for than an integer of 64 bits holds", before="an energy of NaN, with no word")
def too_many_neighbors(place: Path) -> Outcome:
    """Ask for as many as there are, in another way."""
    every = geometry.energy_sweep(CLOUD, FIELD, [1.0])
    most = geometry.energy_sweep(CLOUD, FIELD, [1.0], max_neighbors=2**63 - 1)
    demand(np.allclose(every.energy, most.energy), "another energy")
    return refused(
        lambda: geometry.energy_sweep(CLOUD, FIELD, [1.0], max_neighbors=2**63),
        ValueError,
        "max_neighbors must be an integer of at most",
    )


@inputs.fault("Complex numbers in place of real ones", before="their imaginary parts were dropped, with no word")
def complex_numbers(place: Path) -> Outcome:
    """Ask for a correlation and for a mean."""
    refused(lambda: geometry.rank_correlation(SIX + 1j, SIX), ValueError, "x must be real numbers")
    return refused(lambda: geometry.mean_interval(VALUES + 1j), ValueError, "values must be real numbers; got type")


@inputs.fault("Numbers near 1e200", before="a similarity of NaN, a map with a residual of 1, an infinite interval")
def huge_numbers(place: Path) -> Outcome:
    """Ask for what squares overflow in."""
    refused(lambda: geometry.linear_cka(CLOUD * 1e200, CLOUD), ValueError, "first", "overflow")
    refused(lambda: geometry.fit_alignment(CLOUD * 1e200, CLOUD, "linear"), ValueError, "source", "overflow")
    return refused(lambda: geometry.mean_interval(VALUES * 1e200), ValueError, "values must be finite numbers up to")


@inputs.fault("Numbers near 1e-200", before="all distances and all intervals were 0")
def tiny_numbers(place: Path) -> Outcome:
    """Ask for what squares vanish in."""
    refused(lambda: geometry.mean_interval(VALUES * 1e-200), ValueError, "values", "vanish")
    return refused(
        lambda: geometry.pair_distances(CLOUD * 1e-200, metric="euclidean"), ValueError, "X must", "distances vanish"
    )


@inputs.fault("A masked array", before="the masked values were used, with no word")
def masked(place: Path) -> Outcome:
    """Mask some values."""
    return refused(
        lambda: geometry.mean_pair_distance(np.ma.masked_array(CLOUD, CLOUD > 1)), ValueError, "points", "masked"
    )


@inputs.fault("NaN among the values of an exact test", before="a p of 0")
def nan_in_a_test(place: Path) -> Outcome:
    """Correlate with NaN."""
    return refused(lambda: geometry.rank_correlation_p([1, 2, np.nan, 4], [1, 2, 3, 4]), ValueError, "x", "got NaN")


@inputs.fault("A hierarchy of images with numbers that are none", before="the process ended by a segmentation fault")
def no_hierarchy(place: Path) -> Outcome:
    """Ask for groups of images that are not there."""
    tree = np.tile([90.0, 91.0, 0.5, 2.0], (11, 1))
    return refused(lambda: geometry.plateau(tree, np.arange(12) // 4), ValueError, "tree must be a hierarchy")


@inputs.fault("Steps outside of a lattice", before="an age of 105 and one of -15, with no word")
def outside_of_a_lattice(place: Path) -> Outcome:
    """Ask for the values there."""
    refused(lambda: faces.lattice_values(pd.DataFrame({"age": [9]})), ValueError, "table['age']", "between 0 and 6")
    return refused(lambda: faces.lattice_values(pd.DataFrame({"age": [-3]})), ValueError, "table['age']")


@inputs.fault("A list of fields, no sizes, a text for a boolean", before="errors of Python and torch without a name")
def wrong_types(place: Path) -> Outcome:
    """Pass each."""
    refused(lambda: geometry.null_energies(CLOUD, [CLOUD], [1.0]), ValueError, "fields must be a mapping")
    refused(
        lambda: geometry.energy_sweep(CLOUD, FIELD, [1.0], include_center="False"),
        ValueError,
        "include_center must be True or False",
    )
    return refused(lambda: geometry.isolated_shares(CLOUD, [1.0], None), ValueError, "sizes must be a sequence")


@inputs.fault("Whole numbers of 30 digits, and a trillion points", before="errors of numpy, one for 32 TiB of memory")
def huge_integers(place: Path) -> Outcome:
    """Ask for as many draws and points."""
    refused(lambda: geometry.resampled_means(VALUES, 10**30), ValueError, "draws must be an integer of at most")
    return refused(lambda: geometry.gaussian_cloud(CLOUD, 2**40), ValueError, "n must be an integer of at most")


@inputs.fault("An iterator with and without an end for a sequence", before="an error of numpy without a name")
def iterators(place: Path) -> Outcome:
    """Compare with a list; then ask without an end."""
    right = geometry.isolated_shares(CLOUD, [1.0, 2.0], [5])
    demand(geometry.isolated_shares(CLOUD, iter([1.0, 2.0]), iter([5])).equals(right), "another table")
    return refused(
        lambda: geometry.energy_sweep(CLOUD, FIELD, itertools.count(1)), ValueError, "scales must have an end"
    )


@inputs.fault("Labels without a hash", before="an error of pandas without a name")
def labels_without_a_hash(place: Path) -> Outcome:
    """Label images with dicts."""
    return refused(lambda: geometry.distance_summary(CLOUD, [{}] * 12), ValueError, "identities must be labels")
