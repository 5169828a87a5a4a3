"""The answer in one minute: a picture of the figure in both themes, and what is said where there is none."""

import io
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, ImageColor

from book import contents
from book.contents import ROOT
from frlib.view import charts, static
from tests.site.small_book import EXTENSIONS, build

OPENING = "# Toy\n\n*What?*\n\n```{one-minute} fig-toy\nThis *much* ({numref}`fig-toy`).\n```\n\n"
OPENING += "```{admonition} Goals\n:class: tip\nAfter this chapter you can\n* see.\n```\n"
CHART = {"mark": "bar", "description": "One <bar>.", "data": {"values": [{"x": 1}]}, "encoding": {"x": {"field": "x"}}}


def chapter(html):
    output = new_output("display_data", {"text/html": html})
    metadata = {"mystnb": {"figure": {"name": "fig-toy", "caption": "A bar."}}}
    cells = [
        new_markdown_cell(OPENING),
        new_code_cell("chart()", outputs=[output], execution_count=1, metadata=metadata),
    ]
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})


def built(source, notebook):
    (source / "notebooks").mkdir()
    (source / "_toc.yml").write_text('{"parts": [{"chapters": [{"file": "notebooks/toy", "title": "1. Toy"}]}]}')
    nbformat.write(notebook, source / "notebooks/toy.ipynb")
    config = {"bibtex_bibfiles": [str(ROOT / "book/references.bib")]}
    return build(source, ["notebooks/toy"], "one_minute", "published_notebook", **config)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return built(tmp_path_factory.mktemp("minute"), chapter(static.chart_html(CHART)))


def test_the_box_leads_to_its_figure_and_has_a_picture_for_each_theme(site):
    box = BeautifulSoup((site / "notebooks/toy.html").read_text(), "html.parser").select_one(".frlib-minute")
    assert box.select_one(".admonition-title").get_text() == "In one minute"
    assert box.p.find_next_sibling("p").get_text() == "This much (Fig. 1)."
    assert box.select_one("a.frlib-minute-figure")["href"] == "#fig-toy"
    images = box.select("img")
    assert [image["class"] for image in images] == [["only-light"], ["only-dark"]]
    for image, mode in zip(images, charts.PAGE, strict=True):
        picture = Image.open(io.BytesIO((site / "notebooks" / image["src"]).resolve().read_bytes())).convert("RGB")
        assert picture.size == (int(image["width"]), int(image["height"])) and image["alt"] == "One <bar>."
        assert picture.getpixel((0, 0)) == ImageColor.getrgb(charts.PAGE[mode])


def test_the_published_notebook_has_the_answer_without_the_picture(site):
    opening = nbformat.read(site / "_sources/notebooks/toy.ipynb", as_version=4).cells[0].source
    assert "> **In one minute**\n>\n> This *much* (Fig. 1)." in opening and "png" not in opening


@pytest.mark.parametrize(
    ("name", "html", "message"),
    [
        ("fig-other", static.chart_html(CHART), "no cell of the page makes"),
        ("fig-toy", "<table></table>", "is no chart"),
    ],
)
def test_a_figure_that_is_missing_or_no_chart_is_named(monkeypatch, name, html, message):
    monkeypatch.syspath_prepend(EXTENSIONS)
    import one_minute

    with pytest.raises(ValueError, match=f"{name}.*{message}|{message}.*{name}"):
        one_minute.chart_of(chapter(html), name)


def test_a_chapter_that_was_not_run_has_no_picture(monkeypatch):
    monkeypatch.syspath_prepend(EXTENSIONS)
    import one_minute

    notebook = chapter("")
    notebook.cells[1].outputs = []
    assert one_minute.chart_of(notebook, "fig-toy") is None


@pytest.mark.parametrize("name", contents.chapters())
def test_every_chapter_opens_with_an_answer_whose_numbers_come_from_cells(name):
    import jupytext

    opening = jupytext.read(ROOT / f"{name}.py").cells[0].source
    figure, answer = re.search(r"```{one-minute} (fig-[\w-]+)\n(.*?)```", opening, re.S).groups()
    assert f"{{numref}}`{figure}`" in answer
    plain = re.sub(r"\{\w+(:\w+)?\}`[^`]*`|\bε = [\d.]+", "", answer)
    assert not re.search(r"\d", plain), "a number that no cell computed"
    assert 2 <= len(re.findall(r"[.?:;](?=\s|$)", plain)) <= 7 and len(answer.split()) < 90
    question, goals = contents.question_and_goals({"cells": [{"source": opening}]}, name)
    assert question.endswith("?") and goals
