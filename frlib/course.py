"""Checks of the answers to exercises: they say what is wrong with an answer, and never what is right.

A cell of a chapter says ``course.check(course.number("largest", largest, right, within=1e-6, mistakes={...}))``.
``mistakes`` maps a sentence to the student to the value that this mistake gives.
"""

import copy
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from frlib import checks
from frlib.view.static import in_book


class NotYet(AssertionError):
    """An answer is not right yet; the message says what is wrong with it."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the message, not the code of the check."""
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True)
class Answer:
    """What a student gave for a name, and what it is compared with.

    Attributes
    ----------
    name : str
    given, right : object
    mistakes : tuple of (str, object)
        A sentence, and the value that this mistake gives.
    same : callable
        Tells whether two values are the same answer.
    difference : callable
        Says in words how a value, which is not right, differs from the right one.
    """

    name: str
    given: object
    right: object
    mistakes: tuple[tuple[str, object], ...]
    same: Callable[[object, object], bool]
    difference: Callable[[object, object], str]

    def fault(self, given) -> str:
        """Return what is wrong with a value, without the right one; empty if it is right."""
        if given is ...:
            return "still `...`. Put your answer in its place."
        if given is None:
            return "None, which is no answer."
        if self.same(given, self.right):
            return ""
        known = [sentence for sentence, wrong in self.mistakes if self.same(given, wrong)]
        return " ".join(known) or self.difference(given, self.right)

    def require_mistakes(self) -> None:
        """Raise unless there are mistakes and each is answered with its own sentence.

        Raises
        ------
        ValueError
            If there is none, or one would be taken for right.
        """
        if not self.mistakes:
            raise ValueError(f"mistakes of {self.name!r} must name at least one; got none")
        for sentence, wrong in self.mistakes:
            if not self.fault(wrong):
                raise ValueError(f"mistakes of {self.name!r} must be wrong; this one counts as right: {sentence}")


def check(*answers: Answer) -> None:
    """Print "Right." if all answers are.

    While the book is built (``FRLIB_BOOK=1``) the mistakes are checked too: each must be rejected.

    Parameters
    ----------
    *answers : Answer
        From `number`, `choice`, `table` and `function`.

    Raises
    ------
    NotYet
        If an answer is not right. Each line names one and says what is wrong with it.
    ValueError
        If there is no answer or, while the book is built, one whose mistakes would be accepted.
    """
    if not answers:
        raise ValueError("answers must hold at least one; got none")
    if in_book():
        for answer in answers:
            answer.require_mistakes()
    faults = {answer.name: answer.fault(answer.given) for answer in answers}
    lines = [f"`{name}`: {fault}" for name, fault in faults.items() if fault]
    if lines:
        raise NotYet("\n".join(lines))
    print("Right.")


# ------------------------------------------------------------------------------------------------- kinds of answers


def number(name: str, given, right: float, *, within: float, mistakes: Mapping[str, float]) -> Answer:
    """Ask for one number.

    Parameters
    ----------
    name : str
        The name that the student sets.
    given : object
        Its value. Scalars of NumPy and torch count as numbers; a bool does not.
    right : float
    within : float
        The largest accepted difference.
    mistakes : mapping of str to float
        A sentence to the student, and the number that this mistake gives.

    Raises
    ------
    ValueError
        If ``right`` is not a finite number, or ``within`` is negative.
    """
    if not _is_number(right) or not math.isfinite(right):
        raise ValueError(f"right must be a finite number; got {right!r}")
    same = partial(_near, within=_tolerance(within))
    return Answer(name, given, _plain(right), tuple(mistakes.items()), same, _number_difference)


def choice(name: str, given, right: str, among: Collection[str], reasons: Mapping[str, str]) -> Answer:
    """Ask for one word out of a few; capitals and outer spaces do not count.

    Parameters
    ----------
    name : str
        The name that the student sets.
    given : object
        Its value.
    right : str
    among : collection of str
        The words to choose from.
    reasons : mapping of str to str
        For each wrong word, why it is wrong.

    Raises
    ------
    ValueError
        If ``right`` is not among the words, or a wrong word has no reason.
    """
    checks.one_of("right", right, among)
    wrong = set(among) - {right}
    if set(reasons) != wrong:
        raise ValueError(f"reasons must have one for each of {sorted(wrong)}; got those of {sorted(reasons)}")
    mistakes = tuple((reason, word) for word, reason in reasons.items())
    return Answer(name, given, right, mistakes, _same_word, partial(_word_difference, among=tuple(among)))


def table(name: str, given, right, *, within: float, mistakes: Mapping[str, object]) -> Answer:
    """Ask for a table or an array; where both have labels, their order does not count.

    Parameters
    ----------
    name : str
        The name that the student sets.
    given : object
        Its value.
    right : DataFrame, Series, ndarray, Tensor or sequence
        Numbers and words. NaN is right where it has NaN.
    within : float
        The largest accepted difference of a number.
    mistakes : mapping of str to object
        A sentence to the student, and the table that this mistake gives.

    Raises
    ------
    ValueError
        If ``right`` is no table, or ``within`` is negative.
    """
    if _entries(right) is None:
        raise ValueError(f"right must be a table or an array; got {type(right).__name__}")
    tolerance = _tolerance(within)
    same, difference = partial(_same_table, within=tolerance), partial(_table_difference, within=tolerance)
    return Answer(name, given, right, tuple(mistakes.items()), same, difference)


def function(name: str, given, cases: Iterable[tuple], *, within: float, mistakes: Mapping[str, Callable]) -> Answer:
    """Ask for a function, and call it.

    Parameters
    ----------
    name : str
        The name that the student defines.
    given : object
        Its value.
    cases : iterable of (tuple, object)
        The arguments of a call, and what is right there: a number, a word, a table or an array.
    within : float
        The largest accepted difference of a number.
    mistakes : mapping of str to callable
        A sentence to the student, and the function with this mistake.

    Raises
    ------
    ValueError
        If there is no case, or ``within`` is negative.
    """
    cases = [(arguments, right) for arguments, right in cases]
    if not cases or not all(isinstance(arguments, tuple) for arguments, _ in cases):
        raise ValueError(f"cases must be pairs of a tuple of arguments and what is right there; got {cases!r}")
    calls, rights = [arguments for arguments, _ in cases], [right for _, right in cases]
    tolerance = _tolerance(within)
    same = partial(_same_function, calls=calls, within=tolerance)
    difference = partial(_function_difference, name=name, calls=calls, within=tolerance)
    return Answer(name, given, rights, tuple(mistakes.items()), same, difference)


# ----------------------------------------------------------------------------------------------------------- numbers


def _tolerance(within) -> float:
    if not _is_number(within) or not 0 <= within < math.inf:
        raise ValueError(f"within must be a number of at least 0; got {within!r}")
    return float(within)


def _plain(value):
    """Return a scalar of NumPy or torch as one of Python's own; other values as they are."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _is_number(value) -> bool:
    plain = _plain(value)
    return isinstance(plain, int | float) and not isinstance(plain, bool)


def _near(a, b, within: float) -> bool:
    """Return whether two values are the same number, or else the same word; NaN is NaN."""
    a, b = _plain(a), _plain(b)
    if not (_is_number(a) and _is_number(b)):
        return type(a) is type(b) and isinstance(a, str | bool) and a == b
    return a == b or abs(a - b) <= within or (math.isnan(a) and math.isnan(b))


def _number_difference(given, right) -> str:
    if not _is_number(given):
        return f"{_kind(given)}. One number is asked for."
    given = _plain(given)
    if math.isnan(given):
        return "NaN, not a number."
    return "too large." if given > right else "too small."


def _kind(value) -> str:
    """Return what kind of thing a value is, with its article."""
    name = type(value).__name__
    shape = getattr(value, "shape", ())
    article = "an" if name[0] in "aeiouAEIOU" else "a"
    return f"{article} {name} of shape {tuple(shape)}" if len(shape) else f"{article} {name}"


# ------------------------------------------------------------------------------------------------------------- words


def _same_word(a, b) -> bool:
    return isinstance(a, str) and isinstance(b, str) and a.strip().casefold() == b.strip().casefold()


def _word_difference(given, right, among: tuple[str, ...]) -> str:
    what = repr(given) if isinstance(given, str) else _kind(given)
    return f"{what}. One of these words is asked for: {', '.join(map(repr, among))}."


# ------------------------------------------------------------------------------------------------------------ tables


def _entries(value) -> np.ndarray | None:
    """Return the entries of a table, or None where a value is none."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if not isinstance(value, list | tuple | pd.Series | pd.DataFrame | np.ndarray) and not hasattr(value, "__array__"):
        return None
    try:
        entries = np.asarray(value)
    except ValueError:  # rows of different lengths
        return None
    return entries if entries.ndim else None


def _axes(value) -> list[pd.Index]:
    """Return the labels of rows and columns, where a table has some that are unique."""
    axes = list(value.axes) if isinstance(value, pd.Series | pd.DataFrame) else []
    return axes if all(axis.is_unique for axis in axes) else []


def _aligned(given, right):
    """Return ``given`` in the order of the labels of ``right``, where both have the same ones."""
    axes, wanted = _axes(given), _axes(right)
    if len(axes) != len(wanted) or any(set(a) != set(b) for a, b in zip(axes, wanted, strict=True)):
        return given
    return given.reindex(**dict(zip(("index", "columns"), wanted, strict=False))) if wanted else given


def _labels_fault(given, right) -> str:
    """Return which label is missing, where both have labels; else nothing."""
    for what, axis, wanted in zip(("row", "column"), _axes(given), _axes(right), strict=False):
        if missing := [label for label in wanted if label not in set(axis)]:
            return f"the {what} {missing[0]!r} is missing."
        if extra := [label for label in axis if label not in set(wanted)]:
            return f"the {what} {extra[0]!r} is not asked for."
    return ""


def _different(given: np.ndarray, right: np.ndarray, within: float) -> np.ndarray:
    """Return where the entries of two arrays of the same shape differ."""
    if given.dtype.kind in "fiu" and right.dtype.kind in "fiu":
        return ~np.isclose(given, right, rtol=0, atol=within, equal_nan=True)
    pairs = zip(given.ravel(), right.ravel(), strict=True)
    return np.array([not _near(a, b, within) for a, b in pairs], dtype=bool).reshape(right.shape)


def _same_table(given, right, within: float) -> bool:
    entries, wanted = _entries(_aligned(given, right)), _entries(right)
    if entries is None or wanted is None or entries.shape != wanted.shape or _labels_fault(given, right):
        return False
    return not _different(entries, wanted, within).any()


def _table_difference(given, right, within: float) -> str:
    entries, wanted = _entries(given), _entries(right)
    if entries is None:
        return f"{_kind(given)}. A table or an array is asked for."
    if fault := _labels_fault(given, right):
        return fault
    if entries.shape != wanted.shape:
        return f"of shape {entries.shape}; the shape {wanted.shape} is asked for."
    entries = _entries(_aligned(given, right))
    places = np.argwhere(_different(entries, wanted, within))
    first = tuple(int(k) for k in places[0])
    others = f" {len(places) - 1} more of {wanted.size} entries differ." if len(places) > 1 else ""
    return f"the entry {_place(right, first)} is {_entry_difference(entries[first], wanted[first])}{others}"


def _place(right, place: tuple[int, ...]) -> str:
    """Return how a student finds an entry: by its labels, or by its indices."""
    labels = [axis[k] for axis, k in zip(_axes(right), place, strict=False)] or place
    return f"[{', '.join(map(repr, map(_plain, labels)))}]"


def _entry_difference(given, right) -> str:
    if not _is_number(right):
        return "another one."
    return "a number, where none is defined." if math.isnan(right) else _number_difference(given, _plain(right))


# --------------------------------------------------------------------------------------------------------- functions


@dataclass(frozen=True)
class _Raised:
    """The error of a call, in place of its result."""

    kind: str
    message: str


def _results(called, calls: list[tuple]) -> list:
    """Return what a function returns in each case; results that are given already stay as they are."""
    return [_result(called, arguments) for arguments in calls] if callable(called) else called


def _result(called: Callable, arguments: tuple):
    try:
        return called(*copy.deepcopy(arguments))  # a function that writes into its arguments must not spoil the others
    except Exception as error:
        return _Raised(type(error).__name__, str(error))


def _same_result(a, b, within: float) -> bool:
    if isinstance(a, _Raised) or isinstance(b, _Raised):
        return type(a) is type(b) and a == b
    return _near(a, b, within) if _entries(b) is None else _same_table(a, b, within)


def _same_function(given, right, calls: list[tuple], within: float) -> bool:
    if not callable(given):
        return False
    pairs = zip(_results(given, calls), _results(right, calls), strict=True)
    return all(_same_result(a, b, within) for a, b in pairs)


def _function_difference(given, right: list, name: str, calls: list[tuple], within: float) -> str:
    if not callable(given):
        return f"{_kind(given)}. A function is asked for."
    for k, (result, wanted) in enumerate(zip(_results(given, calls), right, strict=True), start=1):
        if not _same_result(result, wanted, within):
            return f"{_call(name, calls[k - 1], k)} {_result_difference(result, wanted, within)}"
    raise AssertionError("a function that is right has no difference")


def _call(name: str, arguments: tuple, k: int) -> str:
    """Return a call as the student can repeat it or, where its arguments are long, its place."""
    text = f"{name}({', '.join(map(repr, arguments))})"
    return f"`{text}`" if len(text) <= 60 and "\n" not in text else f"its result in case {k}"


def _result_difference(result, right, within: float) -> str:
    if isinstance(result, _Raised):
        return f"raises {result.kind}: {result.message}"
    if result is None:
        return "is None. Is a `return` missing?"
    if result is ...:
        return "is still `...`. Put your answer in its place."
    if _entries(right) is not None:
        return f"is not right: {_table_difference(result, right, within)}"
    return f"is {_entry_difference(result, right)}"
