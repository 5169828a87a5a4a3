"""Numbers as words of a table."""

from collections.abc import Iterable

from frlib import checks
from frlib.arguments import checked


@checked
def with_interval(values: Iterable, low: Iterable, high: Iterable, digits: int = 2) -> list[str]:
    """Return each value with its interval: "0.14 (0.13–0.15)".

    Parameters
    ----------
    values, low, high : array_like, of one length
        NaN is written as such.
    digits : int
        Behind the point.

    Raises
    ------
    ValueError
        If the lengths differ, or one of them holds other things than numbers.
    """
    given = {"values": values, "low": low, "high": high}
    values, low, high = (
        checks.as_numbers(name, checks.sequence(name, own), shape=(None,)) for name, own in given.items()
    )
    if not values.shape == low.shape == high.shape:
        raise ValueError(f"values, low and high must have one length; got {len(values)}, {len(low)} and {len(high)}")
    return [f"{v:.{digits}f} ({a:.{digits}f}–{b:.{digits}f})" for v, a, b in zip(values, low, high, strict=True)]
