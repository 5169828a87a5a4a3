"""The map of the book: every chapter, where it can be read, and the way to it."""

from itertools import combinations

import pytest
from bs4 import BeautifulSoup

from book import contents
from tests.site.small_book import EXTENSIONS, build

TITLES = {page.split("/")[1]: title for page, title in contents.chapters().items()}


@pytest.fixture
def concept_map(monkeypatch):
    monkeypatch.syspath_prepend(EXTENSIONS)
    import concept_map

    return concept_map


def drawn(concept_map, names=TITLES):
    text = concept_map.svg(TITLES, {name: f"{name}.html" for name in names})
    return BeautifulSoup(text, "html.parser").svg


def test_every_chapter_is_on_the_map_once_and_leads_to_its_page(concept_map):
    links = drawn(concept_map).select("a")
    assert {a["href"] for a in links} == {f"{name}.html" for name in TITLES} and len(links) == len(TITLES)
    for a in links:
        name = a["href"].removesuffix(".html")
        assert a["aria-label"] == f"{TITLES[name]}: {concept_map.BOXES[name].about}"
        assert " ".join(line.get_text() for line in a.select("tspan")) == TITLES[name]


def test_boxes_do_not_overlap_and_words_stay_inside(concept_map):
    boxes = []
    for a in drawn(concept_map).select("a"):
        left, top, width, height = (float(a.rect[key]) for key in ("x", "y", "width", "height"))
        boxes.append((left, top, left + width, top + height))
        for words in [*a.select("tspan"), a.select_one(".frlib-map-about")]:
            assert top + 20 < float(words["y"]) < top + height - 8
            assert len(words.get_text()) * 10 < width
    assert all(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1] for a, b in combinations(boxes, 2))
    assert min(box[0] for box in boxes) > 0 and max(box[2] for box in boxes) < concept_map.WIDTH


def test_every_arrow_ends_at_its_box_and_every_chapter_is_reached(concept_map):
    for arrow in concept_map.ARROWS:
        box = concept_map.BOXES[arrow.target]
        (x, y), (left, width), top = arrow.points[-1], box.place, concept_map.top(box.row)
        assert x in (left, left + width) or y == top, arrow
        assert left <= x <= left + width and top <= y <= top + concept_map.HEIGHT, arrow
    assert {arrow.target for arrow in concept_map.ARROWS} == set(TITLES) - {"faces"}


def test_a_chapter_that_the_site_lacks_has_no_box_and_no_arrow(concept_map):
    found = drawn(concept_map, ["03_toy_model", "04_pretrained_energies"])
    assert len(found.select("a")) == 2 and len(found.select("polyline")) == 1


def test_the_page_says_the_map_in_words(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text((contents.ROOT / "_toc.yml").read_text())
    for name in ("03_toy_model", "04_pretrained_energies"):
        (tmp_path / f"notebooks/{name}.md").write_text(f"# {name}\n")
    (tmp_path / "map.md").write_text("# Map\n\n```{concept-map}\n```\n")
    files = ["map", "notebooks/03_toy_model", "notebooks/04_pretrained_energies"]
    config = {"bibtex_bibfiles": [str(contents.ROOT / "book/references.bib")]}
    page = BeautifulSoup((build(tmp_path, files, "concept_map", **config) / "map.html").read_text(), "html.parser")
    assert page.svg.a["href"] == "notebooks/03_toy_model.html"
    [words] = page.select("details li")
    assert words.get_text() == "3. Toy model: in face networks? 4. Pretrained energies."
    assert [a["href"] for a in words.select("a")] == [a["href"] for a in page.select("svg a")]
