"""The directive of the page "Move a face yourself", on a small project."""

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

EXTENSION = Path(__file__).resolve().parents[2] / "book/_ext"
PAGE = "# Move\n\n```{move-a-face}\nA map.\n```\n"


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a function that builds a project of one page, and gives the page and what Sphinx warned of."""
    from sphinx.testing.util import SphinxTestApp

    monkeypatch.syspath_prepend(str(EXTENSION))

    def built(still=None):
        (tmp_path / "conf.py").write_text('extensions = ["myst_nb", "live_page"]\nhtml_theme = "basic"\n')
        (tmp_path / "index.md").write_text(PAGE)
        if still is not None:
            place = tmp_path / "book/assets/vendor/live/still.json"
            place.parent.mkdir(parents=True)
            place.write_text(json.dumps(still))
        app = SphinxTestApp("html", srcdir=tmp_path)
        app.build()
        warned = app.warning.getvalue()
        app.cleanup()
        return BeautifulSoup((app.outdir / "index.html").read_text(), "html.parser"), warned

    return built


def test_the_page_holds_the_still_picture_and_its_text(build):
    page, _ = build({"share": 0.25, "sizes": {}})
    place = page.select_one(".frlib-widget[data-widget=move_a_face]")
    state = json.loads(page.select_one(f'script[data-target="{place["id"]}"]').string)
    assert state == {"share": 0.25, "sizes": {}, "description": "A map."}
    assert "A map." in place.text


def test_without_the_step_of_the_build_the_page_says_which_one_is_missing(build):
    _, warned = build()
    assert "there is no book/assets/vendor/live/still.json: the step `live` of the build writes it" in warned
