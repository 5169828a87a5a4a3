"""Each rule at its limits, and no other words than those that a verdict can show."""

import itertools

import numpy as np
import pytest

from frlib.fingerprint import verdicts
from frlib.view.verdict import WORDS


@pytest.mark.parametrize(
    ("holds", "fails", "word"),
    [
        ([True, True], [False, False], "yes"),
        ([True, False], [False, True], "partly"),
        ([True, False], [False, False], "partly"),
        ([False, False], [True, True], "no"),
        ([False, False], [True, False], "undecided"),
        ([False], [False], "undecided"),
        ([], [], "not tested"),
        ([[True], [False]], None, "partly"),
        ([False, False], None, "no"),
    ],
)
def test_a_claim_over_places(holds, fails, word):
    assert verdicts.over_places(holds, fails) == word


def test_shares_count_from_their_limits_on():
    assert verdicts.by_shares([0.95, 1.0]) == "yes"
    assert verdicts.by_shares([0.95, 0.949]) == "partly"
    assert verdicts.by_shares([0.05, 0.0]) == "no"
    assert verdicts.by_shares([0.051, 0.0]) == verdicts.by_shares([0.949, 0.0]) == "undecided"
    assert verdicts.by_shares([0.9], sure=0.9) == "yes"
    assert verdicts.by_shares([]) == "not tested"


def test_an_interval_that_holds_the_limit_tells_nothing():
    assert verdicts.by_intervals([0.1, 0.2], [0.3, 0.49], 0.5) == "yes"
    assert verdicts.by_intervals([0.1, 0.6], [0.3, 0.9], 0.5) == "partly"
    assert verdicts.by_intervals([0.51, 0.6], [0.7, 0.9], 0.5) == "no"
    assert verdicts.by_intervals([0.4, 0.6], [0.7, 0.9], 0.5) == "undecided"
    assert verdicts.by_intervals([0.5], [0.5], 0.5) == verdicts.by_intervals([np.nan], [np.nan], 0.5) == "undecided"


def test_a_printed_value_that_was_aimed_at_supports_nothing_and_can_still_be_missed():
    draws = np.linspace(0.4, 0.6, 41)[:, None] + [0, 1]  # the outer 2.5 % end at 0.405 and 0.595
    free, aimed = [False, False], [True, True]
    assert verdicts.by_print(draws, [0.5, 1.5], free) == "yes"
    assert verdicts.by_print(draws, [0.5, 1.5], [True, False]) == "partly"
    assert verdicts.by_print(draws, [0.5, 1.5], aimed) == "undecided"
    assert verdicts.by_print(draws, [0.5, 1.7], free) == verdicts.by_print(draws, [0.7, 1.5], [True, False]) == "partly"
    assert verdicts.by_print(draws, [0.5, 1.7], [True, False]) == "undecided"
    assert verdicts.by_print(draws, [0.7, 1.7], free) == verdicts.by_print(draws, [0.7, 1.7], aimed) == "no"
    assert verdicts.by_print(draws, [0.401, 1.599], free) == "yes"
    assert verdicts.by_print(draws, [0.399, 1.601], free) == "no"


def test_every_word_has_a_box_and_every_box_a_rule():
    places = [list(part) for n in range(3) for part in itertools.product([False, True], repeat=n)]
    found = {verdicts.over_places(h, f) for h in places for f in places if len(h) == len(f)}
    assert found == set(WORDS)


def test_a_span_is_said_once_if_both_ends_read_the_same():
    assert verdicts.span([0.031, 0.5, 0.1]) == "3% to 50%"
    assert verdicts.span([[0.999], [1.0]]) == "100%"


def test_sure_places_are_counted_at_their_limit():
    assert verdicts.count_sure([1.0, 0.95, 0.94, 0.0]) == "2 of 4" and verdicts.count_sure([]) == "0 of 0"
