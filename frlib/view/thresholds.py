"""What a threshold does, with a slider: errors of verification as areas, and answers of a rule that may say nobody."""

import altair as alt
import pandas as pd

from frlib import checks
from frlib.view.charts import COLORS, WIDTH, check_description

KINDS = ("one person", "two people")
ANSWERS = ("right person", "wrong person", "unidentified")


def error_areas(table: pd.DataFrame, *, description: str, start: float = 0.7, height: int = 260) -> alt.Chart:
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
    height : int
        In pixels.

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
    largest = round(float(data["high"].max()), 2)
    end = min(2.0, largest)
    here = _of_chosen(data).transform_calculate(
        wrong=f"((datum.low + datum.high) / 2 > threshold) === (datum['pairs of'] === '{KINDS[0]}')", cut="threshold"
    )
    axis = alt.X("low:Q").title("distance, in d_inter").scale(domain=[0, end], clamp=True, nice=False).axis(tickCount=8)
    tips = [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("low", "high", "share")]
    bars = here.mark_bar().encode(
        x=axis,
        x2="high:Q",
        y=alt.Y("density:Q").title("density").stack(None),
        y2=alt.Y2Datum(0),
        color=alt.Color("pairs of:N").sort(KINDS).scale(domain=KINDS, range=COLORS[:2]).legend(orient="bottom"),
        opacity=alt.condition("datum.wrong", alt.value(0.95), alt.value(0.3)),
        tooltip=["pairs of", *tips],
    )
    once = here.transform_aggregate(best="mean(best)", cut="mean(cut)")
    rules = once.mark_rule(strokeWidth=2).encode(x="cut:Q") + once.mark_rule(strokeDash=[4, 4]).encode(x="best:Q")
    chart = alt.layer(bars, rules, _errors_in_words(here)).add_params(*_params(data, start, end, 0.01))
    return chart.properties(width=WIDTH, height=height, description=description)


def _errors_in_words(here: alt.Chart) -> alt.Chart:
    """Return the line of text with both error rates."""
    wrong = here.transform_calculate(
        reject=f"datum.wrong && datum['pairs of'] === '{KINDS[0]}' ? datum.share : 0",
        accept=f"datum.wrong && datum['pairs of'] === '{KINDS[1]}' ? datum.share : 0",
    ).transform_aggregate(reject="sum(reject)", accept="sum(accept)")
    return _headline(
        wrong, "'rejected wrongly ' + format(datum.reject, '.1%') + ', accepted wrongly ' + format(datum.accept, '.2%')"
    )


def answer_areas(table: pd.DataFrame, *, description: str, start: float = 0.5, height: int = 130) -> alt.Chart:
    """Draw what a rule answers against its threshold, one panel per group of people, with a slider.

    Parameters
    ----------
    table : DataFrame
        ``network``, from which the reader chooses; ``group``, one panel each; ``threshold``, on equal steps in units
        that all networks share; ``answer``, one of "right person", "wrong person" and "unidentified"; ``share`` of the
        group's images with this answer.
    description : str
        Text alternative.
    start : float
        Where the slider starts.
    height : int
        Of a panel, in pixels.

    Raises
    ------
    ValueError
        If a column is missing, an answer is another one, or the description is empty.
    """
    checks.columns("table", table, ["network", "group", "threshold", "answer", "share"])
    check_description(description)
    if not set(table["answer"]) <= set(ANSWERS):
        raise ValueError(f"table must have answers among {', '.join(map(repr, ANSWERS))}; got {set(table['answer'])}")
    data = table[["network", "group", "threshold", "answer", "share"]].round(4)
    steps = sorted(data["threshold"].unique())
    groups = list(dict.fromkeys(data["group"]))
    panels = [_answers_of(data, g, steps, height, last=g == groups[-1]) for g in groups]
    params = _params(data, start, float(steps[-1]), round(float(steps[1] - steps[0]), 6))
    return alt.vconcat(*panels).add_params(*params).properties(description=description)


def _answers_of(data: pd.DataFrame, group: str, steps: list[float], height: int, *, last: bool) -> alt.Chart:
    """Return the panel of one group: stacked areas, the slider's rule and the shares there."""
    rows = _of_chosen(data[data["group"] == group])
    at = rows.transform_filter(f"abs(datum.threshold - threshold) < {(steps[1] - steps[0]) / 4}")
    axis = alt.X("threshold:Q").scale(domain=[0, steps[-1]], nice=False).axis(tickCount=8)
    color = alt.Color("answer:N").sort(ANSWERS).scale(domain=ANSWERS, range=[COLORS[k] for k in (0, 1, 7)])
    areas = rows.mark_area(opacity=0.75).encode(
        x=axis.title("threshold, in d_inter" if last else None),
        y=alt.Y("share:Q").title("share").axis(format="~%").scale(domain=[0, 1]),
        color=color.legend(orient="bottom", title=None),
        order=alt.Order("answer:N").sort("descending"),
    )
    names = {answer: answer.split()[0] for answer in ANSWERS}
    sums = {n: f"datum.answer === '{a}' ? datum.share : 0" for a, n in names.items()}
    total = at.transform_calculate(**sums).transform_aggregate(**{n: f"sum({n})" for n in names.values()})
    present = [a for a in ANSWERS if a in set(data[data["group"] == group]["answer"])]
    words = " + ', ' + ".join(f"'{a} ' + format(datum.{names[a]}, '.1%')" for a in present)
    panel = alt.layer(areas, at.mark_rule(strokeWidth=2).encode(x="threshold:Q"), _headline(total, words))
    return panel.properties(width=WIDTH, height=height, title=alt.TitleParams(group, fontSize=13, offset=20))


def _headline(rows: alt.Chart, words: str) -> alt.Chart:
    """Return a line of text above the panel; the words are a Vega expression."""
    text = rows.transform_calculate(words=words).mark_text(align="left", baseline="bottom", dy=-4, fontSize=12)
    return text.encode(text="words:N", x=alt.value(0), y=alt.value(0))


def _of_chosen(data: pd.DataFrame) -> alt.Chart:
    """Return a chart of the rows of the network that the reader chose."""
    return alt.Chart(data).transform_filter("datum.network === chosen")


def _params(data: pd.DataFrame, start: float, end: float, step: float) -> list[alt.Parameter]:
    """Return the list of networks and the slider."""
    names = list(dict.fromkeys(data["network"]))
    bind = alt.binding_range(min=0, max=end, step=step, name="threshold, in d_inter ")
    network = alt.param("chosen", value=names[0], bind=alt.binding_select(options=names, name="network "))
    return [network, alt.param("threshold", value=start, bind=bind)]
