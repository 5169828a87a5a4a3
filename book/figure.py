"""Draw the README's figure: energies of the toy model's six input directions, over 30 trainings.

The build runs it; the SVG is tracked, so that the README shows it where nothing was built. Numbers are rounded so that
another processor draws the same file.
"""

import sys

import altair as alt
import vl_convert

from frlib import runtime, view
from frlib.store import atomic_file
from frlib.training.toy import toy_experiment

SCALES = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5]


def draw() -> alt.Chart:
    """Return one curve per direction, mean over trainings, and the 10th to 90th percentile of each kind."""
    runtime.start(0, "cpu")
    view.enable()
    energies = toy_experiment(range(30), SCALES, progress=False).energies
    energies["kind"] = energies["kind"].map({"useful": "useful to the task (2)", "useless": "useless (4)"})
    curves = energies.groupby(["kind", "attribute", "scale"]).energy.mean().round(3).reset_index()
    spread = energies.groupby(["kind", "scale"]).energy.quantile([0.1, 0.9]).round(3).unstack().reset_index()
    spread.columns = ["kind", "scale", "low", "high"]
    x = alt.X("scale:Q").title("scale ε, in mean pair distances").scale(domain=[0, SCALES[-1]], nice=False)
    color = alt.Color("kind:N").title("input direction").legend(symbolType="stroke", symbolOpacity=1)
    y = alt.Y("low:Q").title("invariance energy")
    band = alt.Chart(spread).mark_area(opacity=0.15).encode(x=x, y=y, y2="high:Q", color=color)
    line = alt.Chart(curves).mark_line().encode(x=x, y="energy:Q", color=color, detail="attribute:N")
    return alt.layer(band, line).properties(width=520, height=280)


if __name__ == "__main__":
    svg = vl_convert.vegalite_to_svg(draw().to_dict(), vl_version="6.4")
    with atomic_file(sys.argv[1]) as partial:
        partial.write_text(svg, encoding="utf-8")
