"""What reaches a page without a kernel: ids, escapes, packed arrays; and that live output is left alone."""

import base64
import json
import re

import altair as alt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from frlib.view import charts, static


@pytest.fixture
def chart():
    data = pd.DataFrame({"x": [0, 1], "y": ["</script><b>", "& \u2028"]})
    return alt.Chart(data).mark_point().encode(x="x", y="y").properties(description="Two <points>.")


@pytest.fixture
def book(monkeypatch):
    monkeypatch.setenv("FRLIB_BOOK", "1")


def data_of(html):
    return json.loads(re.search(r"<script [^>]*>(.*?)</script>", html, re.S).group(1))


def test_live_output_is_what_altair_makes_of_it(monkeypatch, chart):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)
    before, keys = alt.renderers.active, set(chart._repr_mimebundle_())
    charts.enable()
    assert alt.renderers.active == before and set(chart._repr_mimebundle_()) == keys
    assert "frlib-chart" not in str(chart._repr_mimebundle_())


def test_a_chart_in_the_book_is_a_place_and_its_specification(book, chart):
    charts.enable()
    html = chart._repr_mimebundle_()["text/html"]
    assert 'class="frlib-chart"' in html and "Two &lt;points&gt;." in html
    assert html.count("</script>") == 1, "data must not be able to close its script element"
    spec = data_of(html)
    assert next(iter(spec["datasets"].values()))[0]["y"] == "</script><b>"
    assert "labelColor" not in spec["config"]["axis"], "colours of the background are the page's business"


def test_two_equal_charts_have_different_ids(book, chart):
    charts.enable()
    ids = [re.search(r'<div class="frlib-chart" id="([^"]+)"', chart._repr_mimebundle_()["text/html"])[1] for _ in "ab"]
    assert len(set(ids)) == 2


def test_json_for_script_has_no_markup_and_no_nan():
    text = static.json_for_script({"a": [np.float32(1.5), float("nan"), float("inf")], "b": "<!--\u2029"})
    assert "<" not in text and "\u2029" not in text
    assert json.loads(text) == {"a": [1.5, None, None], "b": "<!--\u2029"}


finite = st.floats(-1e6, 1e6, allow_nan=False, width=64)


@settings(max_examples=60)
@given(arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=finite), st.sampled_from([8, 16]))
def test_packing_errs_by_at_most_half_a_step(values, bits):
    packed = static.pack(values, bits=bits)
    codes = np.frombuffer(base64.b64decode(packed["data"]), f"<i{bits // 8}").astype(float).reshape(packed["shape"])
    bound = np.abs(values).max() / (2**bits - 2)
    assert np.abs(codes * packed["scale"] - values).max() <= bound * (1 + 1e-9) + 1e-300  # underflow


@pytest.mark.parametrize("bits", [8, 16])
def test_the_browser_unpacks_what_python_packed(node, bits):
    values = np.random.default_rng(0).normal(size=(7, 3))
    back = node("answer([...unpack(question)])", static.pack(values, bits=bits))
    np.testing.assert_allclose(np.reshape(back, (7, 3)), values, atol=np.abs(values).max() / (2**bits - 2) + 1e-12)


def test_pack_refuses_what_it_cannot_hold():
    with pytest.raises(ValueError, match="values must be finite"):
        static.pack([1.0, np.nan])
    with pytest.raises(ValueError, match="bits must be 8 or 16; got 4"):
        static.pack([1.0], bits=4)


@pytest.mark.parametrize("name", static.WIDGETS)
def test_the_same_module_runs_as_a_classic_script(node, name):
    script = static.classic_script(name)
    kind = node(
        f"globalThis.window = {{}};\n(0, eval)(question); answer(typeof window.FRLIB_MODULES.{name}.render)", script
    )
    assert kind == "function"


def test_errors_name_the_argument():
    named = f"name must be that of a widget, one of {', '.join(map(repr, static.WIDGETS))}; got 'nothing'"
    with pytest.raises(ValueError, match=named):
        static.module_source("nothing")
    with pytest.raises(ValueError, match="must have one export"):
        static.module_source("field")
    with pytest.raises(ValueError, match="description must say"):
        static.host("sweep", {}, description="  ")


def test_host_gives_the_live_widget_or_its_place_on_the_page(monkeypatch):
    monkeypatch.delenv("FRLIB_BOOK", raising=False)
    assert static.host("sweep", {"a": float("nan")}, description="d").a is None
    monkeypatch.setenv("FRLIB_BOOK", "1")
    html = static.host("sweep", {"a": "</script>"}, description="What it shows.").data
    assert 'data-widget="sweep"' in html and "What it shows." in html
    assert data_of(html) == {"a": "</script>"}
