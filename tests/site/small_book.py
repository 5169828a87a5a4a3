"""A small book that Sphinx builds with extensions of ours."""

import sys
from pathlib import Path

EXTENSIONS = Path(__file__).resolve().parents[2] / "book/_ext"


def build(source: Path, files: list[str], *extensions: str, **config) -> Path:
    """Build the pages of a folder, warnings as errors, and return where the site is."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    (source / "index.md").write_text("# Start\n\n```{toctree}\n" + "\n".join(files) + "\n```\n")
    config |= {"extensions": ["myst_nb", "sphinxcontrib.bibtex", *extensions], "numfig": True, "html_theme": "basic"}
    config |= {"nb_execution_mode": "off", "suppress_warnings": ["mystnb.unknown_mime_type"]}
    sys.path.insert(0, str(EXTENSIONS))
    try:
        with docutils_namespace():  # else a second project finds the nodes of the first
            folders = source, None, source / "out", source / "trees"
            Sphinx(*folders, "html", config, status=None, warningiserror=True).build()
    finally:
        sys.path.remove(str(EXTENSIONS))
    return source / "out"
