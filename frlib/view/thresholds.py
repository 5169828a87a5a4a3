"""What a threshold does, with a slider: errors of verification as areas, and answers of a rule that may say nobody."""

import altair as alt
import pandas as pd

from frlib import checks
from frlib.view.charts import COLORS, WIDTH
from frlib.view.figure import figure
from frlib.view.recipes import Column, curves, guide, scatter
from frlib.view.static import check_description

KINDS = ("one person", "two people")
_SLIDER = "threshold, in d_inter"


def error_areas(table: pd.DataFrame, *, description: str, start: float = 0.7) -> alt.Chart:
    """Draw histograms of the distances inside and between identities, with the errors of the reader's threshold.

    Bars whose middle lies on the wrong side of the threshold stand out, and their shares are summed up above: exactly
    the two error rates where the threshold lies between two bars.

    Parameters
    ----------
    table : DataFrame
        Rows of `frlib.geometry.distance_histogram` with ``low`` and ``high`` in units that all networks share;
        ``network``, from which the reader chooses; ``best``, a threshold of the network, drawn as a dashed rule.
    description : str
        Text alternative.
    start : float
        Where the slider starts.

    Raises
    ------
    ValueError
        If a column is missing or the description is empty.
    """
    checks.columns("table", table, ["kind", "low", "high", "share", "network", "best"])
    check_description(description)
    data = table[["low", "high", "share", "network", "best"]].round(5)
    data["pairs of"] = table["kind"].map({"intra": KINDS[0], "inter": KINDS[1]})
    data["density"] = (table["share"] / (table["high"] - table["low"])).round(4)
    end = min(2.0, round(float(data["high"].max()), 2))
    of_one = f"(datum['pairs of'] === '{KINDS[0]}')"
    here = alt.Chart(data).transform_filter("datum.network === chosen")
    here = here.transform_calculate(wrong=f"((datum.low + datum.high) / 2 > threshold) === {of_one}", cut="threshold")
    bars = here.mark_bar().encode(
        x=alt.X("low:Q").title(_SLIDER).scale(domain=[0, end], clamp=True, nice=False).axis(tickCount=8),
        x2="high:Q",
        y=alt.Y("density:Q").title("density").stack(None),
        y2=alt.Y2Datum(0),
        color=alt.Color("pairs of:N").sort(KINDS).scale(domain=KINDS, range=COLORS[:2]).legend(orient="bottom"),
        opacity=alt.condition("datum.wrong", alt.value(0.95), alt.value(0.3)),
        tooltip=["pairs of", *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("low", "high", "share"))],
    )
    once = here.transform_aggregate(best="mean(best)", cut="mean(cut)")
    rules = once.mark_rule(strokeWidth=2).encode(x="cut:Q") + once.mark_rule(strokeDash=[4, 4]).encode(x="best:Q")
    wrong = here.transform_calculate(
        reject=f"datum.wrong && {of_one} ? datum.share : 0", accept=f"datum.wrong && !{of_one} ? datum.share : 0"
    ).transform_aggregate(reject="sum(reject)", accept="sum(accept)")
    said = "'rejected wrongly ' + format(datum.reject, '.1%') + ', accepted wrongly ' + format(datum.accept, '.2%')"
    text = wrong.transform_calculate(said=said).mark_text(align="left", baseline="bottom", dy=-4, fontSize=12)
    text = text.encode(text="said:N", x=alt.value(0), y=alt.value(0))
    names = list(dict.fromkeys(data["network"]))
    network = alt.param("chosen", value=names[0], bind=alt.binding_select(options=names, name="network "))
    slider = alt.param("threshold", value=start, bind=alt.binding_range(min=0, max=end, step=0.01, name=f"{_SLIDER} "))
    chart = alt.layer(bars, rules, text).add_params(network, slider)
    return chart.properties(width=WIDTH, height=260, description=description)


def answer_curves(table: pd.DataFrame, *, description: str, start: float = 0.5) -> alt.TopLevelMixin:
    """Draw what a rule answers against its threshold, one panel per group of people, with a slider.

    Parameters
    ----------
    table : DataFrame
        ``network``, from which the reader chooses; ``group``, one panel each; ``threshold``, on equal steps in units
        that all networks share; ``answer``, and its ``share`` of the group's images.
    description : str
        Text alternative.
    start : float
        Where the slider starts.

    Raises
    ------
    ValueError
        If a column is missing or the description is empty.
    """
    checks.columns("table", table, ["network", "group", "threshold", "answer", "share"])
    share = Column("share", format="~%", domain=(0, 1))
    groups = list(dict.fromkeys(table["group"]))
    panels = []
    for rows in (table[table["group"] == group] for group in groups):
        at = rows.assign(
            said=[f"{answer} {value:.1%}" for answer, value in zip(rows["answer"], rows["share"], strict=True)]
        )
        at[_SLIDER] = at["threshold"]
        axis = Column("threshold", _SLIDER)
        lines = curves(rows, axis, share, color="answer", points=False)
        panels.append(lines + guide(at, x=_SLIDER) + scatter(at, axis, share, color="answer", text="said"))
    choose = {"network": None, _SLIDER: start}
    return figure(*panels, description=description, choose=choose, titles=groups, columns=1, height=160)
