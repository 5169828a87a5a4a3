"""The first code cell of a published notebook: it installs frlib where it is missing, and says what the chapter costs.

Longer logic is in `frlib.server`, which is there once frlib is installed. No call needs Colab; a server that is none
skips what only Colab has.
"""

from collections.abc import Mapping

import nbformat

TITLE = "Set up: install frlib where it is missing, and see what this chapter costs"
BEGINNING = f"""# @title {TITLE}
keep_results_on_drive = False  # @param {{type: "boolean"}}

import importlib.util

"""
INSTALL = """if importlib.util.find_spec("frlib") is None:
    # What the server has stays as it is: pip refuses rather than change it.
    from importlib.metadata import distributions
    from pathlib import Path
    from tempfile import gettempdir

    have = {}
    for found in distributions():
        name, version = map(found.metadata.get, ("Name", "Version"))
        name = (name or "").lower().replace("_", "-")
        # Of two with one name, Python imports the first.
        if version and name not in ("", "pip", "setuptools", "wheel"):
            have.setdefault(name, f"{name}=={version}")
    kept = Path(gettempdir(), "installed.txt")
    kept.write_text("\\n".join(have.values()))
    %pip install --quiet -c {kept} "frlib[notebooks] @ git+{address}"
"""
UNKNOWN = """if importlib.util.find_spec("frlib") is None:
    raise ModuleNotFoundError(
        "frlib is not installed, and this notebook does not know where it is "
        "published. In a copy of the book's repository, run: "
        'pip install ".[notebooks]"'
    )
"""
END = """
from frlib import server

server.begin({facts}, drive=keep_results_on_drive)
"""


def set_up_cell(run: Mapping, megabytes: float, address: str = ""):
    """Return the cell.

    Parameters
    ----------
    run : mapping
        What the build noted about the published run of the chapter; may be empty.
    megabytes : float
        What the chapter downloads.
    address : str
        From where git fetches the repository, perhaps with ``@`` and a revision; empty where it is not known.
    """
    names = [name for name in ("profile", "seconds", "device", "processor") if name in run]
    facts = ", ".join(f"{name}={run[name]!r}" for name in names) or "profile=None"
    install = INSTALL.replace("{address}", address) if address else UNKNOWN
    source = (BEGINNING + install + END.replace("{facts}", f"{facts}, megabytes={megabytes:.0f}")).rstrip()
    return nbformat.v4.new_code_cell(source, id="set-up", metadata={"cellView": "form"})


def folded() -> dict:
    """Return the metadata that fold the code of a cell in JupyterLab, on Colab and on Kaggle."""
    return {"jupyter": {"source_hidden": True}, "cellView": "form", "_kg_hide-input": True}
