"""One figure out of the layers of `frlib.view.recipes`: sizes, colours, and what the reader may choose."""

from collections.abc import Iterator, Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from frlib.arguments import checked
from frlib.view.charts import is_number, ordered
from frlib.view.recipes import scale_of
from frlib.view.static import check_description


@checked
def figure(
    *panels: alt.TopLevelMixin,
    description: str,
    choose: str | Sequence[str] | Mapping[str, object] = (),
    titles: Sequence[str] = (),
    columns: int = 2,
    shared: bool = True,
    width: int | None = None,
    height: int | None = None,
) -> alt.TopLevelMixin:
    """Put charts beside one another, with one key to their colours and with what the reader may choose.

    Parameters
    ----------
    *panels : chart
        Of `frlib.view.curves`, `scatter`, `dots`, `bars` or `heat_map`, perhaps several layers joined with ``+``.
    description : str
        Text alternative: what the figure shows and what it says.
    choose : str, sequence of str, or mapping to first values
        Columns whose values the reader chooses from; rows with other values are hidden, in all panels and layers that
        have the column. Text gets a list in the order of its rows, numbers a slider that shows the nearest value.
        The column's name stands before the chooser. Without a given value the first, or for a slider the middle one,
        is shown at first.
    titles : sequence of str
        One per panel.
    columns : int
        Panels per row.
    shared : bool
        Whether panels with the same column of colours have one scale and one legend. Panels with the same vertical
        axis share it in any case.
    width, height : int, optional
        Of a panel, in pixels. By default a panel alone is 520 wide and those of a row share 500; a panel with numbers
        on its vertical axis is 260 high, one with names as high as they need.

    Returns
    -------
    alt.Chart
        Works without a kernel, in light and dark. A click on a name of its legend singles out what has this colour.

    Raises
    ------
    ValueError
        If there is no panel, the description is empty, no table has a column to choose from or its first value, or
        the number of titles is another one than that of the panels.
    """
    check_description(description)
    if not panels:
        raise ValueError("panels must be at least one; got none")
    if titles and len(titles) != len(panels):
        raise ValueError(f"titles must be one per panel; got {len(titles)} for {len(panels)} panels")
    panels = [panel.copy(deep=True) for panel in panels]
    leaves = [list(_leaves(panel)) for panel in panels]
    for k, group in enumerate([sum(leaves, [])] if shared else leaves):
        _one_scale(group, room=80 if shared else 80 // min(columns, len(panels)))
        _single_out(group, f"picked_{k}")
    params = _choosers(panels, choose)
    _slim(list(_tables(panels)))
    size = {"width": width or (520 if len(panels) == 1 else 500 // min(columns, len(panels)))}
    for k, panel in enumerate(panels):
        tall = {} if panel.height is not alt.Undefined and height is None else {"height": height or 260}
        title = {"title": alt.TitleParams(titles[k], fontSize=12.5)} if titles else {}
        panels[k] = panel.properties(**size, **tall, **title)
    joined = panels[0] if len(panels) == 1 else _in_rows(panels, columns, leaves, shared)
    return joined.add_params(*params).properties(description=description)


def _in_rows(panels: list, columns: int, leaves: list, shared: bool) -> alt.TopLevelMixin:
    """Return panels in rows; those with one vertical axis share it, and all share legends or none does."""
    same = len({_field(group[-1], "y") for group in leaves}) == 1
    rules = {c: "shared" if shared else "independent" for c in ("color", "shape", "strokeDash", "size")}
    rules |= {"y": "shared"} if same else {}
    rows = [alt.hconcat(*panels[k : k + columns]).resolve_scale(**rules) for k in range(0, len(panels), columns)]
    return rows[0] if len(rows) == 1 else alt.vconcat(*rows).resolve_scale(**rules)


def _leaves(chart) -> Iterator[alt.Chart]:
    """Yield the charts with a mark."""
    if hasattr(chart, "layer"):
        for part in chart.layer:
            yield from _leaves(part)
    else:
        yield chart


def _tables(charts) -> Iterator:
    """Yield the charts that hold a table: Altair moves one that layers share to their parent, others stay below."""
    for chart in charts:
        if isinstance(chart.data, pd.DataFrame):
            yield chart
        yield from _tables(getattr(chart, "layer", []))


def _field(leaf: alt.Chart, channel: str) -> str | None:
    found = getattr(leaf.encoding, channel, alt.Undefined)
    return None if found is alt.Undefined else found.to_dict().get("field")


def _one_scale(leaves: list[alt.Chart], room: int) -> None:
    """Give every column of names one order and one list of looks, over all layers, and a legend that fits the room."""
    for channel in ("color", "shape", "strokeDash"):
        looks = [getattr(leaf.encoding, channel, None) for leaf in leaves]
        looks = [look for look in looks if isinstance(look, alt.FieldChannelMixin) and look["type"] == "nominal"]
        for field in dict.fromkeys(look["field"] for look in looks):
            own = [look for look in looks if look["field"] == field]
            names = ordered(name for look in own for name in look["sort"])
            for look in own:
                look["sort"], look["scale"] = names, scale_of(channel, names)
                if look["legend"]:
                    look["legend"]["columns"] = min(4, max(1, room // (5 + max(len(str(name)) for name in names))))


def _single_out(leaves: list[alt.Chart], name: str) -> None:
    """Let a click on a name of a legend of colours fade all other marks."""
    tints = [(leaf, getattr(leaf.encoding, "color", None)) for leaf in leaves]
    named = [(leaf, c) for leaf, c in tints if isinstance(c, alt.FieldChannelMixin) and c["type"] == "nominal"]
    for k, field in enumerate(dict.fromkeys(c["field"] for _, c in named if c["legend"])):
        picked = alt.selection_point(fields=[field], bind="legend", name=f"{name}_{k}")
        own = [leaf for leaf, c in named if c["field"] == field]
        for leaf in own:
            full = leaf.mark.to_dict().get("opacity", 1) if isinstance(leaf.mark, alt.MarkDef) else 1
            leaf.encoding.opacity = alt.condition(picked, alt.value(full), alt.value(0.12 * full))
        # A legend answers only if the layer that holds the selection has its colour.
        own[0].params = [picked.param]


def _choosers(panels: list, choose) -> list[alt.Parameter]:
    """Return a list or slider for each column to choose from, and hide the rows that are not chosen."""
    choose = [choose] if isinstance(choose, str) else choose
    first = choose if isinstance(choose, Mapping) else dict.fromkeys(choose)
    params = []
    for k, (column, start) in enumerate(first.items()):
        holders = [holder for holder in _tables(panels) if column in holder.data]
        if not holders:
            raise ValueError(f"choose must name columns of a table; got {column!r}")
        values = pd.concat([holder.data[column] for holder in holders])
        chooser = _slider if is_number(values) else _list
        params.append(chooser(f"chosen_{k}", column, holders, values, start))
    return params


def _list(name: str, column: str, holders: list, values: pd.Series, start) -> alt.Parameter:
    options = list(dict.fromkeys(values.tolist()))
    start = options[0] if start is None else start
    if start not in options:
        raise ValueError(f"choose must begin with a value of {column!r}, one of {options}; got {start!r}")
    for holder in holders:
        _filter(holder, f"datum[{column!r}] === {name}")
    return alt.param(name, value=start, bind=alt.binding_select(options=options, name=f"{column} "))


def _slider(name: str, column: str, holders: list, values: pd.Series, start) -> alt.Parameter:
    """Return a slider over numbers, which stops at them where they have equal steps."""
    places = np.unique(values.astype(float))
    gaps = np.diff(places)
    equal = len(gaps) > 0 and np.allclose(gaps, gaps[0])
    step = round(float(gaps[0] if equal else (places[-1] - places[0]) / 100), 6) or 1e-6
    for holder in holders:
        if equal:
            _filter(holder, f"abs(datum[{column!r}] - {name}) < {step / 2}")
        else:
            # The slider stands for the nearest value: halfway to its neighbours.
            own, place = np.unique(holder.data[column], return_inverse=True)
            middles = np.concatenate([[-1e9], (own[1:] + own[:-1]) / 2, [1e9]])
            ends = {f"{name}_begins": middles[place], f"{name}_ends": middles[place + 1]}
            holder.data = holder.data.assign(**ends)
            _filter(holder, f"datum['{name}_begins'] <= {name} && {name} < datum['{name}_ends']")
    bind = alt.binding_range(min=float(places[0]), max=float(places[-1]), step=step, name=f"{column} ")
    return alt.param(name, value=float(places[len(places) // 2] if start is None else start), bind=bind)


def _filter(holder: alt.TopLevelMixin, test: str) -> None:
    """Show only the rows of a table that pass, before all else that is done with them."""
    before = [] if holder.transform is alt.Undefined else holder.transform
    holder.transform = [alt.FilterTransform(filter=test), *before]


def _slim(holders: list) -> None:
    """Leave out columns that nothing refers to, and digits that nobody sees; what shares a table goes on sharing it."""
    for data in {id(holder.data): holder.data for holder in holders}.values():
        own = [holder for holder in holders if holder.data is data]
        used = repr([(h.transform, [(leaf.encoding, leaf.transform) for leaf in _leaves(h)]) for h in own])
        slim = data[[name for name in data if repr(name) in used]]
        floats = slim.select_dtypes("floating")
        slim = slim.assign(**{name: [float(f"{v:.5g}") for v in floats[name]] for name in floats})
        for holder in own:
            holder.data = slim
