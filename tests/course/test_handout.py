"""A chapter of the handout is whole and readable: every section, every figure, every page with its number."""

import re
import unicodedata

import pytest

from book import contents
from book.course import chromium as on_this_machine
from book.course import handout
from tests import build

TWO = {"notebooks/02b_permutation_tests": "2b. Permutation tests", "notebooks/03_toy_model": "3. Toy model"}
LARGEST = 12_000_000  # bytes of a chapter


def words(text: str) -> str:
    """Return letters and digits alone: spaces of a PDF are where its lines end, and fi may be one letter."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKC", text).lower())


@pytest.fixture(scope="module")
def printed(chromium, tmp_path_factory):
    """Return the folder with two chapters of the site and the book that they make."""
    pypdf = pytest.importorskip("pypdf")
    target = tmp_path_factory.mktemp("handout")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "chapters", lambda: TWO)
        handout.bind(handout.chapters(chromium, build.SITE, target), target / handout.WHOLE)
    return {path.stem: pypdf.PdfReader(path) for path in target.glob("*.pdf")}


@pytest.mark.site
def test_each_section_is_on_paper(printed):
    for name in TWO:
        text = words("".join(page.extract_text() for page in printed[name.split("/")[1]].pages))
        script = (contents.ROOT / f"{name}.py").read_text(encoding="utf-8")
        headings = [title for title in re.findall(r"(?m)^# ##+ (.+)$", script) if not re.search(r"[$*`]", title)]
        assert len(headings) > 5
        assert [title for title in headings if words(title) not in text] == []


@pytest.mark.site
def test_each_figure_is_on_paper_and_what_moves_is_not(printed):
    text = "".join(page.extract_text() for page in printed["03_toy_model"].pages)
    script = (contents.ROOT / "notebooks/03_toy_model.py").read_text(encoding="utf-8")
    for caption in re.findall(r'"caption": "([^"$]{20,60})', script):
        assert words(caption)[:20] in words(text)
    assert "useless minus useful energy" in text.replace("\n", " ").lower()  # the axis of a chart that was drawn
    assert "needs JavaScript" not in text
    assert "Search" not in text and "import " not in text  # neither sidebar nor code


@pytest.mark.site
def test_pages_are_numbered_and_those_of_the_book_go_on(printed):
    first, second = (printed[name.split("/")[1]].pages for name in TWO)
    book = printed["book"].pages
    assert len(book) == len(first) + len(second)
    titles = [title for title, pages in zip(TWO.values(), (first, second), strict=True) for _ in pages]
    for pages, below in ((first, titles), (second, titles[len(first) :]), (book, titles)):
        for number, page in enumerate(pages, 1):
            assert page.extract_text().startswith(
                f"{number}{below[number - 1]}"
            )  # what stands in the margin comes first
    assert [entry.title for entry in printed["book"].outline] == list(TWO.values())


@pytest.mark.site
def test_a_chapter_is_no_larger_than_a_mail_may_be(printed):
    for name in TWO:
        assert printed[name.split("/")[1]].stream.seek(0, 2) < LARGEST


def test_without_chromium_a_message_says_what_to_do(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(on_this_machine, "find", lambda: None)
    handout.build(tmp_path, tmp_path / "handout")
    assert "needs Chromium (apt install chromium). Install it and run `make course`" in capsys.readouterr().out
    assert not (tmp_path / "handout").exists()
