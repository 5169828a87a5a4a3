"""Checks of exercises: right answers pass, wrong ones are told what is wrong, nobody is told what is right."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import strategies as st

from frlib import course

RIGHT = 0.73125
SERIES = pd.Series({"age": 1.25, "hue": 2.5, "pose": 3.75})
FRAME = pd.DataFrame({"energy": [0.51, 0.52], "word": ["low", "high"]}, index=["age", "hue"])
COLORS = {"blue": "That is the sky.", "green": "That is the grass."}


@pytest.fixture(autouse=True)
def outside_the_book(monkeypatch):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)


def number(given, right=RIGHT, within=1e-6):
    return course.number("share", given, right, within=within, mistakes={"Counted twice.": 2 * RIGHT})


def choice(given):
    return course.choice("color", given, "red", ("red", "green", "blue"), COLORS)


def table(given, right=SERIES, **mistakes):
    return course.table("energies", given, right, within=1e-6, mistakes=mistakes or {"Doubled.": 2 * SERIES})


def square(x):
    return x * x


def function(given, cases=(((3,), 9), ((0.5,), 0.25))):
    mistakes = {"That is twice.": lambda x: 2 * x, "It fails.": lambda x: x[0]}
    return course.function("square", given, cases, within=1e-9, mistakes=mistakes)


def said(answer) -> str:
    """Return what a student reads about a wrong answer."""
    with pytest.raises(course.NotYet) as error:
        course.check(answer)
    [line] = str(error.value).splitlines()
    return line.removeprefix(f"`{answer.name}`: ")


ACCEPTED = [
    number(RIGHT),
    number(RIGHT + 9e-7),
    number(np.float64(RIGHT)),
    number(torch.tensor(RIGHT, dtype=torch.float64)),
    number(np.array(3), right=3),
    choice("red"),
    choice(" Red "),
    table(SERIES),
    table(SERIES[::-1]),
    table(SERIES.to_numpy()),
    table(torch.tensor(list(SERIES), requires_grad=True)),
    table(list(SERIES)),
    table(FRAME.iloc[::-1, ::-1], FRAME),
    table(["age", "hue"], ["age", "hue"]),
    table([1.0, np.nan], np.array([1.0, np.nan])),
    table(np.array([[True, False]]), [[True, False]]),
    function(square),
    function(lambda x: torch.tensor(x) ** 2),
    function(square, [((np.arange(3),), np.arange(3) ** 2)]),
    function(str.upper, [(("a",), "A")]),
]


@pytest.mark.parametrize("answer", ACCEPTED, ids=lambda answer: f"{answer.name}-{type(answer.given).__name__}")
def test_a_right_answer_is_accepted(answer, capsys):
    course.check(answer)
    assert capsys.readouterr().out == "Right.\n"


SAID = [
    (number(...), "still `...`. Put your answer in its place."),
    (number(None), "None, which is no answer."),
    (number("0.7"), "a str. One number is asked for."),
    (number(True, right=1), "a bool. One number is asked for."),
    (number(np.array([RIGHT])), "a ndarray of shape (1,). One number is asked for."),
    (number(1j), "a complex. One number is asked for."),
    (number(np.nan), "NaN, not a number."),
    (number(2 * RIGHT), "Counted twice."),
    (number(RIGHT + 1e-5), "too large."),
    (number(np.inf), "too large."),
    (number(0), "too small."),
    (choice(...), "still `...`. Put your answer in its place."),
    (choice("Blue"), "That is the sky."),
    (choice("pink"), "'pink'. One of these words is asked for: 'red', 'green', 'blue'."),
    (choice(1), "an int. One of these words is asked for: 'red', 'green', 'blue'."),
    (table(...), "still `...`. Put your answer in its place."),
    (table({"age": 1.25}), "a dict. A table or an array is asked for."),
    (table(1.25), "a float. A table or an array is asked for."),
    (table([[1], [2, 3]]), "a list. A table or an array is asked for."),
    (table(np.ones((3, 1))), "of shape (3, 1); the shape (3,) is asked for."),
    (table(SERIES.drop("hue")), "the row 'hue' is missing."),
    (table(pd.concat([SERIES, pd.Series({"size": 1.0})])), "the row 'size' is not asked for."),
    (table(FRAME[["word"]], FRAME), "the column 'energy' is missing."),
    (table(SERIES.mask(SERIES > 3)), "the entry ['pose'] is NaN, not a number."),
    (table(2 * SERIES[::-1]), "Doubled."),
    (table(SERIES + [0, 1, 0]), "the entry ['hue'] is too large."),
    (table(SERIES - 1), "the entry ['age'] is too small. 2 more of 3 entries differ."),
    (table([[0.0, 5.0]], np.eye(2)[:1]), "the entry [0, 0] is too small. 1 more of 2 entries differ."),
    (table([1.0, 2.0], [1.0, np.nan]), "the entry [1] is a number, where none is defined."),
    (table(FRAME.replace("low", "middle"), FRAME), "the entry ['age', 'word'] is another one."),
    (table(["hue", "age"], ["age", "hue"]), "the entry [0] is another one. 1 more of 2 entries differ."),
    (table(SERIES.iloc[:2], Cut=SERIES.iloc[:2]), "Cut"),
    (function(...), "still `...`. Put your answer in its place."),
    (function(9), "an int. A function is asked for."),
    (function(lambda x: None), "`square(3)` is None. Is a `return` missing?"),
    (function(lambda x: ...), "`square(3)` is still `...`. Put your answer in its place."),
    (function(lambda x: 1 / 0), "`square(3)` raises ZeroDivisionError: division by zero"),
    (function(lambda x: x + x), "That is twice."),
    (function(lambda x: 9), "`square(0.5)` is too large."),
    (function(lambda x: "9"), "`square(3)` is a str. One number is asked for."),
    (function(np.ones, [((2,), np.zeros(2))]), "`square(2)` is not right: the entry [0] is too large. 1 more of 2"),
    (function(np.sum, [((np.zeros((9, 9)),), 1.0)]), "its result in case 1 is too small."),
    (function(str.lower, [(("A",), "B")]), "`square('A')` is another one."),
]


@pytest.mark.parametrize(("answer", "words"), SAID, ids=range(len(SAID)))
def test_a_wrong_answer_is_told_what_is_wrong(answer, words):
    assert said(answer).startswith(words)


@pytest.mark.parametrize("answer", [answer for answer, _ in SAID], ids=range(len(SAID)))
def test_the_right_value_is_never_told(answer):
    words = said(answer)
    rights = [RIGHT, *SERIES, "low", "high", 0.51, "red"]
    asked_for = {"red"} if answer.name == "color" else set()  # the words to choose from are in the question
    assert not [right for right in rights if str(right) in words and right not in asked_for]


@drawn(st.floats(-1e9, 1e9), st.floats(0, 1e3), st.floats(-1e9, 1e9))
def test_a_number_is_right_exactly_within_the_tolerance(right, within, given):
    answer = course.number("x", given, right, within=within, mistakes={})
    if abs(given - right) <= within:
        assert answer.fault(given) == ""
    else:
        assert answer.fault(given) == ("too large." if given > right else "too small.")


@drawn(st.permutations(["a", "b", "c"]), st.permutations(["x", "y"]))
def test_the_order_of_labels_does_not_count(rows, columns):
    right = pd.DataFrame(np.arange(6.0).reshape(3, 2), index=["a", "b", "c"], columns=["x", "y"])
    assert table(right.loc[rows, columns], right).fault(right.loc[rows, columns]) == ""


def test_rows_with_one_label_are_compared_in_their_order():
    right = pd.Series([1.0, 2.0], index=["a", "a"])
    assert table(right, right).fault(right) == ""
    assert table(right[::-1], right).fault(right[::-1]).startswith("the entry [0] is too large.")


def test_a_function_that_writes_into_its_arguments_does_not_spoil_the_next_call():
    def spoil(x):
        x *= 2
        return x

    cases = [((np.ones(2),), 2 * np.ones(2))]
    answer = course.function("f", spoil, cases, within=0, mistakes={"Nothing is done.": lambda x: x})
    assert answer.fault(spoil) == answer.fault(spoil) == ""
    assert answer.fault(lambda x: x) == "Nothing is done."


def test_each_wrong_answer_has_its_line_and_one_is_enough():
    with pytest.raises(course.NotYet, match=r"^`share`: too small.\n`color`: That is the grass.$"):
        course.check(number(0), table(SERIES), choice("green"))


def test_two_mistakes_with_one_value_are_both_named():
    answer = course.number("x", 3, 1, within=0, mistakes={"Either this.": 3, "Or that.": 3})
    assert answer.fault(3) == "Either this. Or that."


def test_a_notebook_shows_the_message_and_not_the_check():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        result = shell.run_cell(
            "from frlib import course\ncourse.check(course.number('x', 1, 2, within=0, mistakes={}))"
        )
        assert isinstance(result.error_in_exec, course.NotYet)
        assert result.error_in_exec._render_traceback_() == ["NotYet: `x`: too small."]
    finally:
        InteractiveShell.clear_instance()


UNFIT = {
    "no mistake": (lambda: course.number("x", 1, 1, within=0, mistakes={}), "mistakes of 'x' must name at least one"),
    "an accepted number": (
        lambda: course.number("x", 1, 1, within=0.5, mistakes={"Off.": 1.5}),
        "mistakes of 'x' must be wrong; this one counts as right: Off.",
    ),
    "an accepted table": (lambda: table(SERIES, Same=SERIES[::-1]), "this one counts as right: Same"),
    "an accepted function": (
        lambda: course.function("f", abs, [((1,), 1)], within=0, mistakes={"The sign stays.": lambda x: x}),
        "this one counts as right: The sign stays.",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_the_build_of_the_book_rejects_a_check_that_accepts_its_mistakes(case, monkeypatch):
    make, message = UNFIT[case]
    course.check(make())
    monkeypatch.setenv("FRLIB_BOOK", "1")
    with pytest.raises(ValueError, match=message):
        course.check(make())


@pytest.mark.parametrize("answer", ACCEPTED[:1] + ACCEPTED[5:8] + ACCEPTED[16:17], ids=lambda answer: answer.name)
def test_the_build_of_the_book_accepts_a_check_that_rejects_its_mistakes(answer, monkeypatch):
    monkeypatch.setenv("FRLIB_BOOK", "1")
    course.check(answer)


REFUSED = {
    "right must be a finite number; got nan": lambda: number(1, right=np.nan),
    "right must be a finite number; got 'a'": lambda: number(1, right="a"),
    "within must be a number of at least 0; got -1": lambda: number(1, within=-1),
    "within must be a number of at least 0; got nan": lambda: number(1, within=np.nan),
    "right must be one of 'yes', 'no'; got 'maybe'": lambda: course.choice("x", "yes", "maybe", ("yes", "no"), {}),
    r"reasons must have one for each of \['no'\]; got those of \[\]": lambda: course.choice(
        "x", "yes", "yes", ("yes", "no"), {}
    ),
    "right must be a table or an array; got float": lambda: table(1, 1.0),
    "cases must be pairs of a tuple of arguments": lambda: function(square, [(3, 9)]),
    r"cases must be pairs .*; got \[\]": lambda: function(square, []),
    "answers must hold at least one; got none": course.check,
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_check_that_makes_no_sense_is_refused(message):
    with pytest.raises(ValueError, match=message):
        REFUSED[message]()
