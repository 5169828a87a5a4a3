"""Numbers and short texts of a cell, named for the prose around it.

The prose says ``{glue:text}`name:.2f```. That role of MyST-NB reads outputs that carry a name and a MIME type of their
own, which a notebook does not show. Making one needs IPython only: a reader's notebook does not depend on the tools
that build the book.
"""

from frlib.arguments import checked

#: Begins the MIME type of an output that is read by name and not shown.
PREFIX = "application/papermill.record/"


@checked
def say(**values) -> None:
    """Name numbers and short texts for the prose of the page.

    Parameters
    ----------
    **values : int, float, bool or str
        The value of each name. Scalars of NumPy and torch count as numbers.

    Raises
    ------
    TypeError
        If a value is anything else; then none of them gets its name.
    """
    from IPython.display import display

    plain = {name: _plain(name, value) for name, value in values.items()}
    for name, value in plain.items():
        record = {"scrapbook": {"name": name, "mime_prefix": PREFIX}}
        display({f"{PREFIX}text/plain": repr(value)}, raw=True, metadata=record)


def _plain(name: str, value) -> int | float | bool | str:
    """Return the value as one of Python's own types; their text is what the prose formats."""
    scalar = value.item() if getattr(value, "ndim", None) == 0 else value
    if not isinstance(scalar, int | float | str):
        raise TypeError(f"{name} must be a number, a bool or a text; got {type(value).__name__}")
    return scalar
