"""Fill a folder with everything that the pages load besides their theme: Vega, MathJax and the widgets.

All of it comes from installed Python packages, so that the site needs no network, when it is built and when it is read.

Run as ``python book/_ext/vendor.py FOLDER``.
"""

import argparse
import importlib.util
import json
import shutil
from pathlib import Path

import altair
import vl_convert

from frlib.view import charts, static

# What tex-chtml.js may ask for: fonts, and the speech rules of its accessibility menu.
MATHJAX = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions", "a11y", "sre")


def main(folder: str | Path) -> None:
    """Write Vega, the scripts that draw charts and widgets, and MathJax into ``folder``, replacing what is there."""
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    write_drawing(folder)
    copy_mathjax(folder / "mathjax")


def write_drawing(folder: Path) -> None:
    """Write Vega and the scripts that draw charts and widgets."""
    (folder / "widgets").mkdir(parents=True)
    write_vega(folder / "vega.js")
    themes = {mode: charts.background(mode) for mode in charts.PAGE}
    (folder / "themes.js").write_text(f"window.FRLIB_THEMES = {json.dumps(themes)};\n", encoding="utf-8")
    (folder / "charts.js").write_text(static.chart_script(), encoding="utf-8")
    for name in static.WIDGETS:
        (folder / "widgets" / f"{name}.js").write_text(static.classic_script(name), encoding="utf-8")


def write_vega(path: Path) -> None:
    """Write Vega, Vega-Lite and vega-embed as one script; its many top-level names stay inside a function."""
    version = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    bundle = vl_convert.javascript_bundle(vl_version=version)
    path.write_text(f"(function () {{{bundle}\n}})();\n", encoding="utf-8")


def copy_mathjax(folder: Path) -> None:
    """Copy MathJax 3 out of the package ``sphinx-mathjax-offline``; the extension of that name is not used."""
    package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
    for name in MATHJAX:
        source, target = package / "static/mathjax" / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    main(parser.parse_args().folder)
