"""A verdict is shown to the reader and left for the scoreboard."""

import IPython.display
import pytest

from frlib import published, view
from frlib.view.verdict import MIME, WORDS


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


@pytest.mark.parametrize("holds", WORDS)
def test_a_verdict_has_a_box_and_a_copy(shown, holds):
    claim = published.load("claims").iloc[0]
    view.verdict(claim["id"], holds, "in 3 of 4 networks <all>.")
    (bundle,) = shown
    assert bundle[MIME] == {"claim": claim["id"], "holds": holds, "found": "in 3 of 4 networks <all>."}
    assert f'class="frlib-verdict frlib-verdict-{holds.replace(" ", "-")}"' in bundle["text/html"]
    assert WORDS[holds] in bundle["text/html"] and "&lt;all&gt;" in bundle["text/html"]


def test_wrong_input_names_the_argument(shown):
    first = published.load("claims")["id"].iloc[0]
    words = "'yes', 'partly', 'no', 'undecided', 'not tested'"
    with pytest.raises(ValueError, match=f"holds must be one of {words}; got 'maybe'"):
        view.verdict(first, "maybe", "x")
    with pytest.raises(ValueError, match="claim_id must be one of .* got 'no such claim'"):
        view.verdict("no such claim", "yes", "x")
    with pytest.raises(ValueError, match="found must say"):
        view.verdict(first, "yes", " ")
    assert not shown
