"""The notebooks of the students, as the site for them publishes them."""

import shutil
from pathlib import Path

from book import whole


def build(site: Path, target: Path) -> None:
    """Copy the published notebooks of a site; the old ones stay in place until the new ones are whole."""
    new = target.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(site / "_sources/notebooks", new, ignore=lambda _, names: {n for n in names if ".ipynb" not in n})
    whole.put(new, target)
