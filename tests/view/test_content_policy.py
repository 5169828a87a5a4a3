"""The policy of a page: what it names is run, and nothing else; in a real browser, from a server and from the disk."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frlib.view.content_policy import SITE, content_policy, hashed, inline_scripts, with_policy
from tests.site.browser import Report, served, watch

OWN = "window.own = 1;"
#: What a hostile text in a page would do, with the name that it sets if it is run.
HOSTILE = {
    "script": "<script>window.hostile = 'script'</script>",
    "handler": """<img src="data:," onerror="window.hostile = 'handler'">""",
    "address": """<iframe src="javascript:parent.hostile = 'address'"></iframe>""",
    "base": '<base href="https://example.org/">',
    "form": '<form action="https://example.org/"><button>Send</button></form>',
}
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>T</title>
<link rel="icon" href="data:,"><script src="file.js"></script></head>
<body><p onclick="window.clicked = 1">Words</p>{hostile}<script>{own}</script>
<script type="application/json">{{"a": 1}}</script></body></html>"""


def page(hostile=""):
    html = PAGE.format(hostile=hostile, own=OWN)
    return with_policy(html, content_policy([OWN], ["window.clicked = 1"], own=SITE))


def seen(chromium, base, folder):
    shown, report = chromium.new_context().new_page(), Report("page.html")
    watch(shown, base, folder, report)
    shown.goto(base + "page.html", wait_until="load")
    shown.locator("p").click()
    return shown, report


@pytest.mark.parametrize("where", ["server", "disk"])
def test_a_page_runs_its_own_scripts_only(chromium, tmp_path, where):
    (tmp_path / "file.js").write_text("window.file = 1;")
    with served(tmp_path) as address:
        base = address if where == "server" else f"{tmp_path.as_uri()}/"
        (tmp_path / "page.html").write_text(page())
        shown, report = seen(chromium, base, tmp_path)
        assert not report.problems, str(report)
        assert shown.evaluate("() => [window.own, window.file, window.clicked]") == [1, 1, 1]
        for kind, hostile in HOSTILE.items():
            (tmp_path / "page.html").write_text(page(hostile))
            shown, report = seen(chromium, base, tmp_path)
            if kind == "form":
                shown.evaluate("() => document.querySelector('button').click()")
                shown.wait_for_timeout(300)
            assert shown.evaluate("() => [window.hostile, document.baseURI]") == [None, f"{base}page.html"]
            assert "Content Security Policy" in str(report), kind


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_hash_is_that_of_the_text(one, other):
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (one, other)]
    assert hashed([one, other, one]) == list(dict.fromkeys(f"'sha256-{digest}'" for digest in digests))


def test_scripts_of_a_page_are_those_that_a_browser_runs():
    html = (
        '<script src="a.js"></script><script>one</script><SCRIPT defer>two</SCRIPT><script type="module">three</script>'
        '<script type="text/javascript">four</script><script type="application/json">{}</script>'
    )
    assert inline_scripts(html) == ["one", "two", "three", "four"]


def test_a_policy_names_what_more_a_page_needs_and_is_closed_elsewhere():
    rules = dict(rule.split(" ", 1) for rule in content_policy([]).split("; "))
    assert rules["script-src"] == rules["connect-src"] == rules["form-action"] == rules["default-src"] == "'none'"
    assert rules["style-src"] == "'unsafe-inline'" and rules["img-src"] == "data:"
    more = {"script-src": "'wasm-unsafe-eval'", "worker-src": "blob:"}
    rules = dict(rule.split(" ", 1) for rule in content_policy(["x"], own=SITE, more=more).split("; "))
    assert rules["script-src"] == f"'self' file: {hashed(['x'])[0]} 'wasm-unsafe-eval'"
    assert rules["worker-src"] == "blob:" and "unsafe-inline" not in rules["script-src"]


def test_a_policy_stands_before_what_it_rules():
    assert with_policy('<head>\n<meta charset="utf-8" />\n<script>', "a").index("Policy") < 90
    assert with_policy('<meta http-equiv="Refresh" content="0; url=x">', "a").startswith("\n<meta http-equiv=")
    with pytest.raises(ValueError, match="must be a page without a content security policy; it has one"):
        with_policy(with_policy('<meta charset="utf-8">', "a"), "b")
    with pytest.raises(ValueError, match='html must have <meta charset="utf-8"> in its head'):
        with_policy("<!doctype html><title>x</title>", "a")
