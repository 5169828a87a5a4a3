"""How charts and widgets reach a page that has no kernel.

The build sets ``FRLIB_BOOK=1``. Then a chart or a widget becomes a ``<div>`` with a text alternative and its data as
JSON beside it; ``charts.js`` and the widgets' scripts draw it in the reader's browser, from files of the site alone. In
a live notebook the variable is not set and everything stays what its library makes of it.

A widget is one JavaScript file of this folder. It defines ``function render({model, el})`` and ends in
``export default { render };``. `module_source` puts the helpers of ``field.js`` in front of it; the same text is the
ES module of a live widget and, through `classic_script`, a script of the site.
"""

import base64
import itertools
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from IPython.display import HTML

_FOLDER = Path(__file__).parent
_EXPORT = "export default { render };"
_COUNTER = itertools.count(1)
_PLACE = re.compile(
    r'<div class="frlib-(?P<kind>chart|widget)"[^>]*><p>(?P<description>.*?) <em>.*?</p></div>'
    r"<script[^>]*>(?P<data>.*?)</script>",
    re.S,
)
WIDGETS = ("sweep", "playground", "facemap", "fold", "turn", "crumple")


def in_book() -> bool:
    """Return whether output is for the site (``FRLIB_BOOK=1``) rather than for a live notebook."""
    return os.environ.get("FRLIB_BOOK") == "1"


def chart_script() -> str:
    """Return the script that draws the charts of a page; site and report begin it with their own theme."""
    return (_FOLDER / "charts.js").read_text(encoding="utf-8")


def module_source(name: str) -> str:
    """Return the ES module of a widget: the shared helpers, then its own text.

    Parameters
    ----------
    name : str
        ``frlib/view/{name}.js`` must exist and end in ``export default { render };``.

    Raises
    ------
    ValueError
        If there is no such module, or it does not end as it must.
    """
    path = _FOLDER / f"{name}.js"
    if not path.exists():
        raise ValueError(f"name must be that of a widget, one of {', '.join(map(repr, WIDGETS))}; got {name!r}")
    own = path.read_text(encoding="utf-8")
    if not own.rstrip().endswith(_EXPORT) or own.count("export ") != 1:
        raise ValueError(f"{path.name} must have one export, at its end: {_EXPORT}")
    return helpers() + own


def helpers() -> str:
    """Return the JavaScript that widgets share."""
    return (_FOLDER / "field.js").read_text(encoding="utf-8")


def classic_script(name: str) -> str:
    """Return a widget as a classic script that sets ``window.FRLIB_MODULES[name]``; works from ``file://`` too."""
    return as_classic_script(name, module_source(name).rstrip().removesuffix(_EXPORT))


def as_classic_script(name: str, body: str) -> str:
    """Return a text that defines ``render`` as a classic script that sets ``window.FRLIB_MODULES[name]``."""
    head = "window.FRLIB_MODULES = window.FRLIB_MODULES || {};"
    wrapped = f'(function () {{\n"use strict";\n{body}\nreturn {{ render }};\n}})();\n'
    return f'{head}\nwindow.FRLIB_MODULES["{name}"] = {wrapped}'


def pack(values, *, bits: int = 16) -> dict:
    """Round an array to small integers and return it as text, for ``unpack`` in ``field.js``.

    Parameters
    ----------
    values : array_like
        Finite numbers, any shape.
    bits : {8, 16}
        The largest magnitude m maps to 127 or 32767, so the error is at most m / 254 or m / 65534.

    Returns
    -------
    dict
        ``{"type", "shape", "scale", "data"}``, data in base64, little-endian, row-major.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or ``bits`` is another number.
    """
    if bits not in (8, 16):
        raise ValueError(f"bits must be 8 or 16; got {bits!r}")
    values = np.asarray(values, dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("values must be finite; got NaN or infinity")
    largest = 2 ** (bits - 1) - 1
    scale = float(np.abs(values).max(initial=0.0)) / largest or 1.0
    codes = np.rint(values / scale).astype(f"<i{bits // 8}")
    data = base64.b64encode(codes.tobytes()).decode("ascii")
    return {"type": f"int{bits}", "shape": list(values.shape), "scale": scale, "data": data}


def json_for_script(value) -> str:
    """Return JSON that may stand inside ``<script>``: no ``<``, NaN written as null, as short as possible."""
    text = json.dumps(_without_nan(value), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _without_nan(value):
    """Return the value with NaN and infinities as None and numpy scalars as plain numbers."""
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def chart_html(spec: Mapping) -> str:
    """Return a chart's place on the page: a div that holds the text alternative, and the Vega-Lite JSON."""
    return _placed("chart", "frlib-chart", spec, str(spec.get("description", "")), {})


def widget_html(name: str, state: Mapping, description: str) -> str:
    """Return a widget's place on the page: a div that holds the text alternative, and its state as JSON."""
    return _placed(name, "frlib-widget", state, description, {"data-widget": name})


def _placed(prefix: str, kind: str, data: Mapping, description: str, attributes: Mapping[str, str]) -> str:
    identifier = f"frlib-{prefix}-{next(_COUNTER)}"  # a counter, so that two equal charts differ
    extra = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    fallback = f"<p>{escape(description)} <em>(Interactive figure: needs JavaScript.)</em></p>"
    place = f'<div class="{kind}" id="{identifier}"{extra}>{fallback}</div>'
    marks = f'type="application/json" class="{kind}-data" data-target="{identifier}"'
    return f"{place}<script {marks}>{json_for_script(data)}</script>"


@dataclass(frozen=True)
class Placed:
    """What `chart_html` or `widget_html` was made of.

    Parameters
    ----------
    kind : {"chart", "widget"}
    description : str
        The text alternative.
    data : dict
        The Vega-Lite specification of a chart, or the state of a widget.
    """

    kind: str
    description: str
    data: dict


def read_placed(html: str) -> Placed | None:
    """Return what stands in a chart's or a widget's place on the page; None if the HTML is something else."""
    found = _PLACE.search(html)
    return found and Placed(found["kind"], unescape(found["description"]), json.loads(found["data"]))


def host(name: str, state: Mapping, *, description: str):
    """Return what a notebook cell displays for a widget.

    Parameters
    ----------
    name : str
        Widget module, see `module_source`.
    state : mapping
        Plain JSON values, what ``model.get(key)`` returns in JavaScript.
    description : str
        Text alternative; shown until the widget has drawn, and where there is no JavaScript.

    Returns
    -------
    object
        The live widget, whose traits are the keys of the state and follow the reader, or in the book an HTML display
        object.

    Raises
    ------
    ValueError
        If the description is empty.
    """
    check_description(description)
    if in_book():
        return HTML(widget_html(name, state, description))
    traits = {key: traitlets.Any().tag(sync=True) for key in state}
    live = type(name.title(), (anywidget.AnyWidget,), {"_esm": module_source(name), **traits})
    return live(**_without_nan(state))


#: Attributes of what only screen readers meet, also where no style sheet of the site is.
HIDDEN = 'class="frlib-hidden" style="position:absolute;clip-path:inset(50%)"'


def check_description(description: str) -> None:
    """Raise unless the text alternative says something."""
    if not description.strip():
        raise ValueError("description must say what the figure shows; got an empty text")
