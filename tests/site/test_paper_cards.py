"""The cards of the papers' networks are on the page on data, each in a fold with its address and sha256."""

import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from frlib.models import PAPER_NETWORKS

BOOK = Path(__file__).resolve().parents[2] / "book"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The cards alone, built without a warning."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    source = tmp_path_factory.mktemp("cards")
    (source / "index.md").write_text("# Cards\n\n```{model-cards} papers\n```\n\n```{bibliography}\n```\n")
    config = {"extensions": "myst_nb,sphinx_design,sphinxcontrib.bibtex,frbook", "nb_execution_mode": "off"}
    config |= {"bibtex_bibfiles": [str(BOOK / "references.bib")], "html_theme": "basic"}
    sys.path.insert(0, str(BOOK / "_ext"))
    try:
        with docutils_namespace():
            folders = source, None, source / "out", source / "trees"
            Sphinx(*folders, "html", config, status=None, warningiserror=True).build()
    finally:
        sys.path.remove(str(BOOK / "_ext"))
    return BeautifulSoup((source / "out/index.html").read_text(), "html.parser")


def test_every_network_of_the_papers_has_a_fold_with_its_card(page):
    folds = page.select("details")
    assert [fold.summary.get_text(strip=True) for fold in folds] == list(PAPER_NETWORKS)
    for fold, network in zip(folds, PAPER_NETWORKS.values(), strict=True):
        cells = {
            row.find(["th", "td"]).get_text(strip=True): row.find_all(["th", "td"])[-1] for row in fold.select("tr")
        }
        (file,) = network.files
        assert cells["Address"].get_text(strip=True) == cells["Address"].find("a")["href"] == file.url
        assert (file.published or "none published: yours to give") in cells["sha256"].get_text()
        assert "Not run here" in cells["Known faults"].get_text() and cells["Licence"].get_text(strip=True)
        assert len(fold.select("a[href^='#id']")) == len(network.card.references)
