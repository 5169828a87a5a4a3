"""A chapter takes the names of further networks as a parameter and shows them beside the default ones."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from book import pipeline
from book.contents import ROOT
from frlib import models
from frlib.models.onnx import export_onnx
from frlib.store import cache_folder

CHAPTERS = ("01_multiscale_geometry", "02_macroscale", "04_pretrained_energies", "05_fine_tuning", "06_cross_model")


@pytest.fixture
def own_cache(tmp_path, monkeypatch) -> Path:
    """A cache that shares what is stored, and keeps added networks to itself."""
    shared, own = cache_folder(), tmp_path / "cache"
    for name in models.DEFAULT_NETWORKS:
        models.load(name, "cpu")  # fetched where they are not there yet
    (own / "models").mkdir(parents=True)
    for entry in [*shared.iterdir(), *(shared / "models").glob("*.safetensors")]:
        if entry.name != "models":
            os.symlink(entry, own / entry.relative_to(shared))
    monkeypatch.setenv("FRLIB_CACHE", str(own))
    return own


def outputs(notebook) -> list[tuple[str, str]]:
    """Return the source of each code cell with the text of its outputs."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {"text/plain": output.get("text", "")})
            found.append((cell.source, data.get("text/html", data.get("text/plain", ""))))
    return found


@pytest.mark.slow
def test_a_network_of_the_reader_stands_beside_the_default_ones(own_cache, tmp_path):
    """The file is one of the default networks, so that both must have the same numbers."""
    export_onnx(models.load("mobileface", "cpu"), tmp_path / "file.onnx")
    models.add(tmp_path / "file.onnx", "mine", mean=0, scale=1)
    target = tmp_path / "build/notebooks/01.ipynb"
    parameters = {"profile": "smoke", "seed": 0, "device": "cpu", "networks": "mobilefacenet,mine"}
    pipeline.execute(ROOT / "notebooks/01_multiscale_geometry.py", target, parameters)
    shown = outputs(nbformat.read(target, as_version=4))
    assert any(text == "Beside the networks of text and verdicts: mine\n" for _, text in shown)
    (table,) = (text for source, text in shown if source.startswith("lfw = published.load"))
    rows = [
        [cell.get_text() for cell in row.select("th, td")] for row in BeautifulSoup(table, "html.parser").select("tr")
    ]
    rows = {row[0]: row[1:] for row in rows}
    assert list(rows)[2:8] == [*models.DEFAULT_NETWORKS, "mine"] and "FaceNet iResNetv1" in rows
    assert rows["mine"] == rows["mobileface"] != rows["dlib"]
    verdicts = [text for source, text in shown if "view.verdict(" in source]
    assert verdicts and not [text for text in verdicts if re.search(r"\bmine\b", text)]


@pytest.mark.weekly
@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS[1:])
def test_a_network_of_the_reader_goes_through_every_chapter(own_cache, tmp_path, chapter):
    export_onnx(models.load("mobileface", "cpu"), tmp_path / "file.onnx")
    models.add(tmp_path / "file.onnx", "mine", mean=0, scale=1)
    target = tmp_path / "build/notebooks/chapter.ipynb"
    parameters = {"profile": "smoke", "seed": 0, "device": "cpu", "networks": "mine"}
    pipeline.execute(ROOT / f"notebooks/{chapter}.py", target, parameters)
    shown = outputs(nbformat.read(target, as_version=4))
    assert [text for _, text in shown if text.startswith("Beside the networks of text and verdicts")]
    assert [text for source, text in shown if re.search(r"\bmine\b", text) and "view.verdict(" not in source]
    verdicts = [text for source, text in shown if "view.verdict(" in source]
    assert verdicts and not [text for text in verdicts if re.search(r"\bmine\b", text)]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapters_have_the_parameter(chapter):
    text = (ROOT / f"notebooks/{chapter}.py").read_text()
    (parameters,) = re.findall(r'# %% tags=\["parameters"\]\n(.+?)\n\n', text, flags=re.S)
    names = [line.partition(" = ")[0] for line in parameters.splitlines()]
    assert names == ["profile", "seed", "device", "networks"] and 'networks = ""' in parameters
    assert "chosen(networks" in text
