"""Chart recipes: a table and the names of its columns become layers that `frlib.view.figure` puts together.

A recipe is asked for what is drawn against what; order, colours, legends, tooltips and number formats follow from the
table. Names keep the order of their first rows. Attributes of faces are shown in words, in their usual order and
colours. Layers are put on one another with ``+``:

>>> lines = view.curves(law, "scale", "isolated", color="centres", points=False)
>>> spots = view.scatter(counted, "scale", "isolated", color="centres")
>>> view.figure(lines + spots + view.guide(y=0.5), choose="network", description="...")
"""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from frlib import checks
from frlib.arguments import checked
from frlib.view.charts import COLORS, is_number, ordered, spoken, tones

_LOOKS = {
    "strokeDash": [[1, 0], [6, 4], [2, 3]],
    "shape": ["circle", "square", "cross", "diamond", "triangle-up", "triangle-down"],
}


@dataclass(frozen=True)
class Column:
    """A column of a table with what a chart should know of it; its bare name where there is nothing to say.

    Parameters
    ----------
    name : str
        Numbers get a continuous axis or colour; anything else one place, colour, shape or dash per value.
    title : str, optional
        Words at the axis, the legend and in the tooltip, with the unit. Default: the name; a legend of values has none.
    log : bool
        Logarithmic.
    domain : pair of float, optional
        Where the axis or the colours begin and end. Default: where the values do.
    format : str, optional
        Of the numbers at the axis, in the language of d3; with ``%`` the tooltip has per cent too.
    ticks : sequence of float, optional
        Numbers to write at the axis or the legend.
    reverse : bool
        From large to small.
    order : sequence of str, optional
        Of the names. Default: attributes of faces in their usual order, other names by their first rows.
    legend : bool
        False leaves out the legend, where another panel or an axis has the same names.
    """

    name: str
    title: str | None = None
    log: bool = False
    domain: tuple[float, float] | None = None
    format: str | None = None
    ticks: Sequence[float] | None = None
    reverse: bool = False
    order: Sequence[str] | None = None
    legend: bool = True

    @property
    def words(self) -> str:
        """The title, or else the name."""
        return self.name if self.title is None else self.title

    def scale(self, **more) -> alt.Scale:
        """Return the scale of numbers."""
        kind = {"type": "log"} if self.log else {"zero": False}
        limits = {"domain": list(self.domain)} if self.domain else {}
        return alt.Scale(**kind, **limits, **more, **({"reverse": True} if self.reverse else {}))


@checked
def curves(
    table: pd.DataFrame,
    x: str | Column,
    y: str | Column,
    *,
    color: str | Column | None = None,
    dash: str | Column | None = None,
    detail: str | None = None,
    band: tuple[str, str] | None = None,
    bars: tuple[str, str] | None = None,
    points: bool = True,
    step: bool = False,
    tips: Sequence[str | Column] = (),
) -> alt.LayerChart:
    """Draw lines from left to right, perhaps with intervals.

    Parameters
    ----------
    table : DataFrame
        One row per point.
    x, y : str or Column
        Places. Text on the horizontal axis stands in the order of its first rows, at equal steps.
    color, dash : str or Column, optional
        One line per value. Attributes have the same colours in all charts; dashes are solid, dashed, dotted.
    detail : str, optional
        Column of lines that look alike (runs, people); more than a few are drawn thin.
    band, bars : pair of str, optional
        Columns of the lower and the upper end of an interval of ``y``, drawn as an area or as bars.
    points : bool
        Mark every row. The tooltip of a row is there in any case.
    step : bool
        Go right, then up or down.
    tips : sequence of str or Column
        Further columns of the tooltip.

    Returns
    -------
    alt.LayerChart
        For `frlib.view.figure`.

    Raises
    ------
    ValueError
        If the table is empty or lacks a column.
    """
    layer = Layer(table, x, y, color=color, strokeDash=dash, detail=detail, tips=tips, ends=(band, bars))
    line = {"interpolate": "step-after" if step else "linear"}
    line |= {"strokeWidth": 1, "opacity": 0.5} if detail and table[detail].nunique() > len(COLORS) else {}
    spots = alt.OverlayMarkDef(size=36) if points else alt.OverlayMarkDef(size=80, fillOpacity=0, strokeOpacity=0)
    layers = [layer.band(band)] if band else []
    layers += [layer.bars(bars, "y")] if bars else []
    return alt.layer(*layers, layer.chart.mark_line(point=spots, **line).encode(**layer.places, tooltip=layer.tooltip))


@checked
def scatter(
    table: pd.DataFrame,
    x: str | Column,
    y: str | Column,
    *,
    color: str | Column | None = None,
    shape: str | Column | None = None,
    size: float | str | Column = 60,
    x_bars: tuple[str, str] | None = None,
    y_bars: tuple[str, str] | None = None,
    text: str | None = None,
    to: tuple[str, str] | None = None,
    tips: Sequence[str | Column] = (),
) -> alt.LayerChart:
    """Draw one point per row; text at both axes makes a grid of marks.

    Parameters
    ----------
    table, x, y, color, tips
        As in `curves`; a numerical ``color`` is continuous.
    shape : str or Column, optional
        One shape per value: circle, square, cross, diamond, triangles.
    size : float, str or Column
        Area of the points in square pixels, or a column of numbers that the areas follow.
    x_bars, y_bars : pair of str, optional
        Columns of the two ends of an interval of ``x`` or ``y``. Rows without numbers there have no bar.
    text : str, optional
        Column of words beside the points; empty where there is nothing to say.
    to : pair of str, optional
        Columns of the other end of a line that begins at the point.

    Returns
    -------
    alt.LayerChart
        For `frlib.view.figure`.

    Raises
    ------
    ValueError
        If the table is empty or lacks a column.
    """
    ends = (x_bars, y_bars, to, text and (text,))
    layer = Layer(table, x, y, color=color, shape=shape, size=size, tips=tips, ends=ends)
    layers = [layer.bars(pair, at) for at, pair in (("x", x_bars), ("y", y_bars)) if pair]
    if to:
        layers.append(layer.chart.mark_rule(strokeWidth=1.6).encode(**layer.line, x2=to[0], y2=to[1]))
    layers.append(layer.points())
    if text:
        words = layer.chart.mark_text(align="left", dx=8, dy=-7, fontSize=11)
        layers.append(words.encode(layer.places["x"], layer.places["y"], text=alt.Text(field=text, type="nominal")))
    chart = alt.layer(*layers)
    return chart if is_number(table[layer.y.name]) else chart.properties(height={"step": 18})


@checked
def dots(
    table: pd.DataFrame,
    x: str | Column,
    row: str | Column,
    *,
    color: str | Column | None = None,
    shape: str | Column | None = None,
    apart: bool = False,
    bars: tuple[str, str] | None = None,
    wide: tuple[str, str] | None = None,
    ticks: bool = False,
    size: float | str | Column = 70,
    tips: Sequence[str | Column] = (),
) -> alt.LayerChart:
    """Draw values beside the names of their rows, with their intervals (Cleveland's dot plot).

    Parameters
    ----------
    table, x, color, tips
        As in `curves`.
    row : str or Column
        One row per value, in the order of its first rows.
    shape, size
        As in `scatter`.
    apart : bool
        Dots of one row lie below one another, by their colour.
    bars, wide : pair of str, optional
        Columns of the two ends of an interval of ``x``: a thin bar in the colour of the dot, or a wide grey one behind
        it (a null, a range). Rows without numbers there have no bar.
    ticks : bool
        Draw ticks in place of dots: a strip of many values.

    Returns
    -------
    alt.LayerChart
        For `frlib.view.figure`; its height follows from the number of rows.

    Raises
    ------
    ValueError
        If the table is empty or lacks a column, or dots are to lie apart without a colour.
    """
    if apart and color is None:
        raise ValueError("apart needs the column of color; got None")
    looks = {"color": color, "shape": shape, "yOffset": color if apart else None}
    layer = Layer(table, x, row, size=size, tips=tips, ends=(bars, wide), **looks)
    layers = [layer.bars(wide, "x", size=14, opacity=0.45, color=COLORS[7])] if wide else []
    layers += [layer.bars(bars, "x")] if bars else []
    layers.append(layer.points(ticks))
    height = {"step": max(13, 28 // len(layer.places["color"]["sort"])), "for": "offset"} if apart else {"step": 28}
    return alt.layer(*layers).properties(height=height)


@checked
def bars(
    table: pd.DataFrame,
    x: str | Column,
    row: str | Column,
    *,
    color: str | Column | None = None,
    text: str | None = None,
    tips: Sequence[str | Column] = (),
) -> alt.LayerChart:
    """Draw one horizontal bar per row of names, its parts stacked by colour.

    Parameters
    ----------
    table, x, color, tips
        As in `curves`.
    row : str or Column
        One bar per value, in the order of its first rows.
    text : str, optional
        Column of words at the end of each bar, the same for all its parts.

    Returns
    -------
    alt.LayerChart
        For `frlib.view.figure`; its height follows from the number of rows.

    Raises
    ------
    ValueError
        If the table is empty or lacks a column.
    """
    layer = Layer(table, x, row, color=color, tips=tips, ends=(text and (text,),))
    layers = [layer.chart.mark_bar(height=14).encode(**layer.places, tooltip=layer.tooltip)]
    if text:
        ends = layer.chart.transform_calculate(end=f"max(0, datum[{layer.x.name!r}])")
        ends = ends.transform_aggregate(end="sum(end)", groupby=[layer.y.name, text])
        words = ends.mark_text(align="left", dx=5, fontSize=12)
        layers.append(words.encode(x="end:Q", y=layer.places["y"], text=alt.Text(field=text, type="nominal")))
    return alt.layer(*layers).properties(height={"step": 28})


@checked
def heat_map(
    table: pd.DataFrame,
    x: str | Column,
    y: str | Column,
    value: str | Column,
    *,
    text: str | None = None,
    tips: Sequence[str | Column] = (),
) -> alt.LayerChart:
    """Draw one tile per pair of columns and rows, coloured by a number.

    Parameters
    ----------
    table : DataFrame
        One row per tile.
    x, y : str or Column
        Names, or numbers, in the order of their first rows.
    value : str or Column
        The number.
    text : str, optional
        Column of a mark on the tile.
    tips : sequence of str or Column
        Further columns of the tooltip.

    Returns
    -------
    alt.LayerChart
        For `frlib.view.figure`; its height follows from the number of rows.

    Raises
    ------
    ValueError
        If the table is empty or lacks a column.
    """
    x, y, value = map(_column, (x, y, value))
    layer = Layer(table, x, y, color=value, tips=tips, ends=(text and (text,),))
    table = layer.table
    upright = is_number(table[x.name])
    axis = {"labelOverlap": True, "labelSeparation": 4, "format": ".3~f"} if upright else {"orient": "top"}
    place = {
        "x": _place("x", x, table, kind="ordinal", **axis),
        "y": _place("y", y, table, kind="ordinal"),
    }
    tint = alt.Color(field=value.name, type="quantitative", title=value.words, scale=value.scale(scheme="viridis"))
    low, high = table[value.name].min(), table[value.name].max()
    key = {"gradientLength": 200, "titleOrient": "left"}
    key |= {"values": [tick for tick in value.ticks if low <= tick <= high]} if value.ticks else {}
    tiles = layer.chart.mark_rect().encode(**place, color=tint.legend(orient="bottom", **key), tooltip=layer.tooltip)
    layers = [tiles]
    if text:
        marks = layer.chart.mark_text(color="white", fontSize=10)
        layers.append(marks.encode(**place, text=alt.Text(field=text, type="nominal")))
    return alt.layer(*layers).properties(height={"step": 17 if table[y.name].nunique() > 12 else 23})


@checked
def matrix(
    table: pd.DataFrame, x: str | Column, y: str | Column, value: str | Column, *, tips: Sequence[str | Column] = ()
) -> alt.LayerChart:
    """Draw tiles as `heat_map` does, with a dot where row and column have one name.

    Parameters
    ----------
    table, x, y, value, tips
        As in `heat_map`.

    Returns
    -------
    alt.LayerChart
        For `frlib.view.figure`.

    Raises
    ------
    ValueError
        If the table is empty or lacks a column.
    """
    x, y = map(_column, (x, y))
    checks.columns("table", table, [x.name, y.name])
    dots = np.where(table[x.name].astype(str) == table[y.name].astype(str), "●", "")
    return heat_map(table.assign(**{"on the diagonal": dots}), x, y, value, text="on the diagonal", tips=tips)


@checked
def guide(table: pd.DataFrame | None = None, *, x=None, y=None) -> alt.Chart:
    """Draw dashed lines to compare with: upright, level, or from point to point.

    Parameters
    ----------
    table : DataFrame, optional
        If given, ``x`` and ``y`` name its columns.
    x, y : float or sequence of float, or str
        Places of upright lines (``x`` alone) or level ones (``y`` alone); with both, a line through these points.

    Returns
    -------
    alt.Chart
        For `frlib.view.figure`.

    Raises
    ------
    ValueError
        If neither is given, they are no numbers or of two lengths, or the table lacks a column.
    """
    places = {at: value for at, value in (("x", x), ("y", y)) if value is not None}
    if not places:
        raise ValueError("guide needs x, y or both; got neither")
    if table is None:
        places = {at: _numbers(at, value) for at, value in places.items()}
        if len({len(values) for values in places.values()}) > 1:
            raise ValueError(f"x and y must have one length; got {' and '.join(str(len(v)) for v in places.values())}")
        table = pd.DataFrame(places)
        places = {at: at for at in places}
    for at, name in places.items():
        checks.instance(at, name, str)
    checks.columns("table", table, list(places.values()))
    chart = alt.Chart(spoken(table))
    mark = chart.mark_line(strokeDash=[4, 4], color="gray") if len(places) == 2 else chart.mark_rule(strokeDash=[4, 4])
    return mark.encode(**{at: getattr(alt, at.upper())(field=f, type="quantitative") for at, f in places.items()})


def _numbers(name: str, value) -> list:
    """Return one number, or several, as a list of at least one."""
    if np.ndim(value) == 0:
        return [checks.number(name, value)]
    if not checks.as_numbers(name, value, finite=True, shape=(None,)).size:
        raise ValueError(f"{name} must hold at least one number; got none")
    return list(value)


def _named(column: Column, table: pd.DataFrame) -> list:
    """Return the names of a column in their order."""
    return spoken(pd.DataFrame({"": list(column.order)}))[""].tolist() if column.order else ordered(table[column.name])


def _column(column) -> Column:
    return column if isinstance(column, Column) else Column(column)


def _place(channel: str, column: Column, table: pd.DataFrame, kind: str | None = None, **axis):
    """Return the horizontal or vertical place of a column: numbers on an axis, or names in their order."""
    channel = getattr(alt, channel.upper())
    if kind is None and is_number(table[column.name]):
        ticks = {"values": list(column.ticks)} if column.ticks else {"tickCount": 6}
        axis |= (
            {"labelOverlap": True, "labelSeparation": 4} | ticks | ({"format": column.format} if column.format else {})
        )
        padding = {} if column.domain else {"padding": 10}
        scale = column.scale(nice=False, **padding)
        return channel(field=column.name, type="quantitative", title=column.words, scale=scale, axis=alt.Axis(**axis))
    order = _named(column, table)
    long = max(len(str(name)) for name in order) > 8
    axis = {"labelLimit": 220, "labelAngle": -40 if long and channel is alt.X else 0} | axis
    title = column.words if is_number(table[column.name]) else column.title
    return channel(field=column.name, type=kind or "ordinal", title=title, sort=order, axis=alt.Axis(**axis))


def _key(column: Column, names=(), **more):
    """Return the legend of a column below the chart; `frlib.view.figure` fits its columns to the names."""
    if not column.legend:
        return None
    if names:
        more |= {"labelLimit": 300, "symbolOpacity": 1}
    return alt.Legend(orient="bottom", title=column.title if names else column.words, **more)


class Layer:
    """Marks of one table: its places, looks and tooltip, each made once."""

    def __init__(self, table, x, y, *, detail=None, tips=(), ends=(), size=None, **looks):
        self.x, self.y = _column(x), _column(y)
        self.size = size if isinstance(size, int | float) else 60
        looks |= {"size": None if isinstance(size, int | float) else size}
        looks = {channel: _column(column) for channel, column in looks.items() if column is not None}
        further = [name for pair in ends if pair for name in pair] + ([detail] if detail else [])
        told = {c.name: c for c in (self.x, self.y, *looks.values(), *map(_column, [*further, *tips]))}
        checks.columns("table", table, list(told))
        self.table = table = spoken(table)
        self.chart = alt.Chart(table)
        rows = {"grid": True, "tickBand": "extent"} if "yOffset" in looks else {}
        self.line = {"x": _place("x", self.x, table), "y": _place("y", self.y, table, **rows)}
        self.places = self.line | {channel: self._look(channel, c, table) for channel, c in looks.items()}
        self.places.setdefault("color", alt.value(COLORS[0]))
        if detail:
            self.places["detail"] = alt.Detail(field=detail, type="nominal")
        self.line |= {c: self.places[c] for c in ("color", "detail", "yOffset") if c in self.places}
        self.tooltip = [_tip(column, table) for column in told.values()]

    def _look(self, channel: str, column: Column, table: pd.DataFrame):
        """Return a colour, shape, dash, size or offset; `frlib.view.figure` gives the names of all layers one scale."""
        kind = getattr(alt, channel[0].upper() + channel[1:])
        if is_number(table[column.name]):
            # Both ends of the colours stand out from a light page and a dark one, as those of a scheme do not.
            area = {"range": [12, 420] if channel == "size" else [COLORS[0], COLORS[4]]}
            more = {"values": list(column.ticks)} if column.ticks else {}
            more |= {"format": column.format} if column.format else {}
            look = kind(field=column.name, type="quantitative", scale=column.scale(**area))
            return look.legend(_key(column, **more))
        names = _named(column, table)
        look = kind(field=column.name, type="nominal", sort=names)
        if channel == "yOffset":
            return look
        look["scale"] = scale_of(channel, names)
        named = channel == "color" and column.name in (self.x.name, self.y.name)  # by the axis
        dashes = {"symbolType": "stroke", "symbolSize": 400}  # 20 pixels long: two whole dashes
        more = {"shape": {"symbolFillColor": COLORS[5]}, "strokeDash": dashes}.get(channel, {})
        return look.legend(None if named else _key(column, names, **more))

    def band(self, ends: tuple[str, str]) -> alt.Chart:
        """Return the area between two columns."""
        low = alt.Y(field=ends[0], type="quantitative", title=self.y.words)
        area = self.chart.mark_area(opacity=0.15, tooltip=None, clip=bool(self.y.domain))
        return area.encode(**self.line | {"y": low}, y2=ends[1])

    def bars(self, ends: tuple[str, str], at: str, **mark) -> alt.Chart:
        """Return bars along an axis between two columns, where both are numbers."""
        column = getattr(self, at)
        low = getattr(alt, at.upper())(field=ends[0], type="quantitative", title=column.words)
        shown = self.chart.transform_filter(f"isValid(datum[{ends[0]!r}])")
        places = self.line | {at: low}
        if mark:
            drawn = shown.mark_bar(clip=bool(column.domain), **mark)
            places.pop("color", None)
        else:
            drawn = shown.mark_rule(strokeWidth=2, clip=bool(column.domain))
        return drawn.encode(**places, **{f"{at}2": ends[1]})

    def points(self, ticks: bool = False) -> alt.Chart:
        """Return a point or a tick per row; points of many sizes are rings, for the large ones hide no others."""
        rings = {"filled": False, "strokeWidth": 1.6} if "size" in self.places else {}
        drawn = (
            self.chart.mark_tick(thickness=1.5, size=20)
            if ticks
            else self.chart.mark_point(size=self.size, opacity=0.9, **rings)
        )
        return drawn.encode(**self.places, tooltip=self.tooltip)


def scale_of(channel: str, names: Sequence[str]) -> alt.Scale:
    """Return one colour, shape or dash per name."""
    looks = _LOOKS.get(channel)
    return alt.Scale(domain=names, range=[looks[k % len(looks)] for k in range(len(names))] if looks else tones(names))


def _tip(column: Column, table: pd.DataFrame) -> alt.Tooltip:
    """Return a line of the tooltip."""
    if not is_number(table[column.name]):
        return alt.Tooltip(field=column.name, type="nominal", title=column.words)
    share = column.format and "%" in column.format
    whole = pd.api.types.is_integer_dtype(table[column.name].dtype)
    form = {"format": ".1%"} if share else {} if whole else {"format": ".4~r"}
    return alt.Tooltip(field=column.name, type="quantitative", title=column.words, **form)
