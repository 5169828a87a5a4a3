"""What a cell says is what MyST-NB's glue would leave for the prose, without MyST-NB."""

import subprocess
import sys

import IPython.display
import myst_nb.ext.glue
import nbformat
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup

from frlib import view


@pytest.fixture
def displayed(monkeypatch):
    """Return the list of what a cell displays from now on: pairs of a MIME bundle and its metadata."""
    outputs = []

    def record(bundle, raw, metadata):
        assert raw
        outputs.append((bundle, metadata))

    monkeypatch.setattr(IPython.display, "display", record)
    monkeypatch.setattr(myst_nb.ext.glue, "ipy_display", record)
    return outputs


PLAIN = (3, -1, 10**20, 0.1, 1e-300, 2.5e17, float("nan"), float("inf"), True, "", 'it\'s "so"', "ε\n", "long " * 99)


@pytest.mark.parametrize("value", PLAIN)
def test_a_value_is_left_as_glue_leaves_it(displayed, value):
    view.say(answer=value)
    myst_nb.ext.glue.glue("answer", value, display=False)
    assert displayed[0] == displayed[1]


@pytest.mark.parametrize(
    ("scalar", "plain"),
    [
        (np.int64(3), 3),
        (np.float64(0.1), 0.1),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array(2.5), 2.5),
        (torch.tensor(2), 2),
        (torch.tensor(0.1), torch.tensor(0.1).item()),
        (torch.tensor(False), False),
    ],
)
def test_scalars_of_numpy_and_torch_become_plain_values(displayed, scalar, plain):
    view.say(answer=scalar)
    myst_nb.ext.glue.glue("answer", plain, display=False)
    assert displayed[0] == displayed[1]


@pytest.mark.parametrize("value", [None, 1j, [1.0], np.zeros(1), torch.zeros(2), b"a", np.datetime64("2026-01-01")])
def test_anything_else_is_refused_by_name_and_nothing_is_said(displayed, value):
    with pytest.raises(TypeError, match=f"second must be a number, a bool or a text; got {type(value).__name__}$"):
        view.say(first=1, second=value)
    assert not displayed


def test_the_prose_finds_the_values_and_formats_them(displayed, tmp_path):
    view.say(share=np.float64(12.345), people=torch.tensor(40), name="dlib", values=np.nan)
    outputs = [nbformat.v4.new_output("display_data", bundle, metadata=metadata) for bundle, metadata in displayed]
    text = "{glue:text}`share:.1f` % of {glue:text}`people:d`, {glue:text}`name` and {glue:text}`values`"
    cells = [
        nbformat.v4.new_markdown_cell("# Page"),
        nbformat.v4.new_code_cell("1", outputs=outputs, execution_count=1),
        nbformat.v4.new_markdown_cell(text),
    ]
    metadata = {"language_info": {"name": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), tmp_path / "index.ipynb")
    settings = ["extensions=myst_nb", "nb_execution_mode=off", "html_theme=basic"]
    command = [sys.executable, "-m", "sphinx", "-C", "-q", "-W", *(f"-D{setting}" for setting in settings)]
    # In a process of its own: Sphinx keeps what earlier builds registered.
    subprocess.run([*command, tmp_path, tmp_path / "out"], check=True)
    page = BeautifulSoup((tmp_path / "out/index.html").read_text(), "html.parser")
    assert "12.3 % of 40, dlib and nan" in [p.get_text() for p in page.find_all("p")]
