"""Quizzes: five questions a chapter, each with one right answer and all reasons, with a script and without one."""

import re
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_markdown_cell, new_notebook

from book import contents
from book.contents import ROOT
from tests.site.small_book import EXTENSIONS, build

ASSETS = ROOT / "book/assets"
QUESTION = """- question: How *large* is $x$?
  section: sec-toy
  answers:
  - wrong: It is $0$.
    why: Then $x < 1$ too.
  - right: It is 1 < 2.
    why: By {eq}`eq-toy`.
  - wrong: Nobody knows.
    why: Everybody does.
"""
CHAPTER = """# Toy

*What?*

(sec-toy)=
## A section

```{math}
:label: eq-toy
x = 1
```

## Quiz

```{quiz}
```
"""


@pytest.fixture(scope="module")
def quiz():
    sys.path.insert(0, str(EXTENSIONS))
    try:
        import quiz
    finally:
        sys.path.remove(str(EXTENSIONS))
    return quiz


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site with one chapter that has a quiz of two questions."""
    source = tmp_path_factory.mktemp("quiz")
    for folder in ("notebooks", "book/quizzes"):
        (source / folder).mkdir(parents=True)
    (source / "_toc.yml").write_text('{"parts": [{"chapters": [{"file": "notebooks/toy", "title": "1. Toy"}]}]}')
    (source / "book/quizzes/toy.yml").write_text(QUESTION + QUESTION.replace("large", "small"))
    nbformat.write(new_notebook(cells=[new_markdown_cell(CHAPTER)]), source / "notebooks/toy.ipynb")
    config = {"myst_enable_extensions": ["dollarmath"], "html_static_path": [str(ASSETS)]}
    config |= {"bibtex_bibfiles": [str(ROOT / "book/references.bib")], "html_css_files": ["frbook.css", "reading.css"]}
    return build(source, ["notebooks/toy"], "quiz", "published_notebook", **config)


@pytest.fixture
def page(site, chromium):
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.goto((site / "notebooks/toy.html").as_uri())
    yield page
    context.close()


# ------------------------------------------------------------------------------------------------- the chapters


@pytest.mark.parametrize("name", contents.chapters())
def test_every_chapter_has_five_questions_about_its_sections(name, quiz):
    source = (ROOT / f"{name}.py").read_text()
    assert re.search(r"\n# ## Quiz\n#\n# ```\{quiz\}\n# ```\n\n# %% \[markdown\]\n# ## Exercises\n", source)
    questions = quiz.read(ROOT / quiz.FOLDER / f"{name.split('/')[1]}.yml")
    labels = set(re.findall(r"^# \(([\w-]+)\)=$", source, re.M))
    assert len(questions) == 5 and {question["section"] for question in questions} <= labels
    words = [str(answer.get("right") or answer.get("wrong")) for q in questions for answer in q["answers"]]
    assert len(set(words)) == len(words) and not any("}`" in word for word in words), "a link in words that are clicked"


def test_the_right_answer_has_no_fixed_place(quiz):
    files = sorted((ROOT / quiz.FOLDER).glob("*.yml"))
    places = [["right" in a for a in q["answers"]].index(True) for file in files for q in quiz.read(file)]
    assert len(places) == 50 and min(places.count(k) for k in range(3)) >= 10


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  section: sec-toy\n", "", "question 1 must have question, section and answers; got question, answers"),
        ("right:", "wrong:", "one right answer and at least two wrong ones; got ['wrong', 'wrong', 'wrong']"),
        ("  - wrong: Nobody knows.\n    why: Everybody does.\n", "", "at least two wrong ones; got ['wrong', 'right']"),
        (
            "    why: Everybody does.\n",
            "",
            "an answer must have right or wrong, and why; got {'wrong': 'Nobody knows.'}",
        ),
    ],
)
def test_what_a_question_lacks_is_said(quiz, tmp_path, old, new, message):
    assert old in QUESTION
    (tmp_path / "toy.yml").write_text(QUESTION.replace(old, new))
    with pytest.raises(ValueError, match=re.escape(message)):
        quiz.read(tmp_path / "toy.yml")


# ------------------------------------------------------------------------------------- without a script, and with it


def test_without_a_script_each_answer_opens_to_its_reason(site):
    page = BeautifulSoup((site / "notebooks/toy.html").read_text(), "html.parser")
    first = page.select_one("ol.frlib-quiz > li")
    answers = first.select("details")
    assert [a["data-verdict"] for a in answers] == ["wrong", "right", "wrong"]
    assert answers[1].summary.get_text() == "It is 1 < 2." and answers[1].p.get_text() == "Right. By (1)."
    assert answers[2].p.get_text() == "Not so. Everybody does."
    assert first.select_one(".frlib-quiz-section a")["href"] == "#sec-toy"
    assert len(page.select("script[src*='quiz.js']")) == 1
    assert "quiz.js" not in (site / "index.html").read_text()


def test_the_published_notebook_has_questions_answers_and_reasons(site):
    cells = nbformat.read(site / "_sources/notebooks/toy.ipynb", as_version=4).cells
    text = next(cell.source for cell in cells if "## Quiz" in cell.source)
    assert (
        "\n\n**1.** How *large* is $x$?\n\n<details><summary>It is $0$.</summary>\n\n**Not so.** Then $x < 1$" in text
    )
    assert "<details><summary>It is 1 &lt; 2.</summary>\n\n**Right.** By (1).\n\n</details>" in text
    assert "**2.** How *small*" in text and text.endswith("The section: A section.")


def test_a_wrong_and_a_right_choice_show_their_reasons(page):
    form, count = page.locator("form").first, page.locator(".frlib-quiz-count")
    assert not page.locator("details").first.is_visible()
    form.get_by_label("Nobody knows.").check()
    assert form.get_by_role("status").inner_text() == ""
    form.get_by_role("button", name="Check").click()
    assert form.get_by_role("status").inner_text() == "Not so. Everybody does."
    assert count.inner_text() == "1 of 2 questions tried, 0 right at once."
    form.get_by_label("It is 1 < 2.").check()
    form.get_by_role("button", name="Check").click()
    assert form.get_by_role("status").inner_text().startswith("Right. By (1).")
    assert form.get_by_role("status").get_by_role("link", name="A section").is_visible()
    assert count.inner_text() == "1 of 2 questions tried, 0 right at once.", "a second try is not right at once"


def test_a_keyboard_is_enough(page):
    second = page.locator("form").nth(1)
    second.locator("input").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert second.get_by_label("It is 1 < 2.").is_checked() and second.get_by_role("status").inner_text() == ""
    page.keyboard.press("Enter")
    assert second.get_by_role("status").inner_text().startswith("Right.")
    assert page.locator(".frlib-quiz-count").inner_text() == "1 of 2 questions tried, 1 right at once."
    assert second.get_by_role("group").locator("legend").inner_text().startswith("How small is")


def test_a_choice_must_be_made_and_is_not_kept(page):
    page.locator("form").first.get_by_role("button").click()
    assert page.locator(".frlib-quiz-count").inner_text() == ""
    page.get_by_label("Nobody knows.").first.check()
    page.reload()
    assert page.locator("input:checked").count() == 0
    assert page.evaluate("() => localStorage.length + sessionStorage.length + document.cookie.length") == 0
