"""Pictures of what the build measured: its steps on a time line, growth of times, times beside those of others."""

import altair as alt
import numpy as np
import pandas as pd

from book import measurements, timeline
from frlib import view
from frlib.view import charts, static

#: What may be written at an axis of ratios.
RATIOS = [0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100, 1000]

#: How much lower and higher than its values an axis of times goes.
ROOM = 1.25


def html(chart: alt.TopLevelMixin) -> str:
    """Return a chart for a page of the site, whose colours follow the page's theme."""
    return static.chart_html({**chart.to_dict(), "config": charts.theme(None)})


def steps(rows: list[dict]) -> alt.TopLevelMixin:
    """Return the steps of a build on a time line, with the longest chain of steps that need each other.

    Parameters
    ----------
    rows : list of dict
        Of ``build.json``.
    """
    chain = timeline.longest_chain(rows)
    words = {True: "the longest chain", False: "other steps"}
    table = pd.DataFrame(timeline.without_pauses(rows))
    table["part"] = table["name"].isin([step["name"] for step in chain]).map(words)
    table[["start", "end"]] /= 60
    table["took"] = [f"{seconds / 60:.1f}" for seconds in table["seconds"]]
    names = alt.Y(field="name", type="ordinal", sort=None, title=None, axis=alt.Axis(labelLimit=220))
    minutes = alt.X(field="start", type="quantitative", title="minutes of the build, without pauses")
    minutes = minutes.scale(nice=False).axis(tickCount=6)
    color = alt.Color(field="part", type="nominal", title=None, sort=[*words.values()]).legend(orient="bottom")
    tips = [alt.Tooltip(field=name, type="nominal", title=title) for name, title in (("name", "step"), ("took", "min"))]
    bars = alt.Chart(table).mark_bar(height=14, cornerRadius=2)
    bars = bars.encode(x=minutes, x2=alt.X2(field="end"), y=names, color=color, tooltip=tips)
    ends = alt.Chart(table).mark_text(align="left", dx=5, fontSize=11)
    ends = ends.encode(x=alt.X(field="end", type="quantitative"), y=names, text=alt.Text(field="took", type="nominal"))
    total, longest = table["end"].max(), sum(step["seconds"] for step in chain) / 60
    described = f"Steps of the build on a time line of {total:.1f} minutes. The longest chain of steps that need each "
    described += f"other takes {longest:.1f} minutes: {', '.join(step['name'] for step in chain)}."
    layers = alt.layer(bars, ends).properties(height={"step": 23})
    return view.figure(layers, description=described)


def growth(table: pd.DataFrame, size: str, power: float | None = None) -> alt.TopLevelMixin:
    """Return times against sizes, both logarithmic.

    Parameters
    ----------
    table : DataFrame
        Of `measurements.growth`.
    size : str
        Title of the horizontal axis.
    power : float, optional
        Draw a dashed line that grows like this power of the size, through the longest time at the smallest size.
    """
    [quantity], [unit] = table["quantity"].unique(), table["unit"].unique()
    x = view.Column("size", size, log=True, ticks=sorted(set(table["size"])), format=",")
    first, last = table["size"].min(), table["size"].max()
    start = table[table["size"] == first]["value"].max()
    guide = [] if power is None else [start, start * (last / first) ** power]
    seen = [*table["value"], *guide]
    y = view.Column("value", f"{quantity}, in {unit}", log=True, domain=(min(seen) / ROOM, max(seen) * ROOM))
    chart = view.curves(table, x, y, color="case" if table["case"].any() else None)
    if guide:
        chart += view.guide(x=[first, last], y=guide)
    shown = "; ".join(f"{r.case} {r.size}: {r.value:.3g}".strip() for r in table.itertuples())
    return view.figure(chart, description=f"{quantity}, in {unit}, at growing sizes. {shown}.")


def distances(table: pd.DataFrame) -> alt.TopLevelMixin:
    """Return times over the times of what they are compared with, and the places of aims and limits.

    Parameters
    ----------
    table : DataFrame
        Of `measurements.ratios`.
    """
    order = [*measurements.REACHED.values(), measurements.NO_AIM, "aim", "limit"]
    color = view.Column("state", order=[name for name in order if name in {*table["state"], *_marks(table)["state"]}])
    low, high = np.nanmin(table[["time", "aim", "limit"]]), np.nanmax(table[["time", "aim", "limit"]])
    x = view.Column("time", "time over that of the other, on a logarithmic axis", log=True, ticks=RATIOS, format="~g")
    chart = view.dots(table, x, "against", color=color, tips=["case", "quantity", "value", "baseline", "why"])
    if len(marks := _marks(table)):
        chart = view.dots(marks, x, "against", color=color, ticks=True) + chart
    described = f"{len(table)} times over the times of what they are compared with, from {low:.2g} to {high:.2g}. "
    return view.figure(chart + view.guide(x=1), description=described + measurements.in_words(table))


def _marks(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per aim and limit."""
    marks = table[["against", "aim", "limit"]].melt("against", var_name="state", value_name="time")
    return marks.dropna().drop_duplicates()
