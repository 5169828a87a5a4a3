"""Rules that turn what was found at several places into one word: yes, partly, no, undecided or not tested.

A place is where a claim was looked at: a network, a scale, an attribute. *No* needs evidence as *yes* does; where the
data allow both, a claim is *undecided*. What no place can test is *not tested*.
"""

import numpy as np


def over_places(holds, fails=None) -> str:
    """Return the word for a claim that should hold at every place.

    Parameters
    ----------
    holds : array_like of bool
        Whether it surely holds there.
    fails : array_like of bool, optional
        Whether it surely fails there. Default: wherever it does not hold.

    Returns
    -------
    str
        "yes" if it holds everywhere, "partly" if it holds somewhere, "no" if it fails everywhere, "undecided" if it
        holds nowhere and does not fail everywhere, "not tested" if there is no place.
    """
    holds = np.asarray(holds, dtype=bool)
    fails = ~holds if fails is None else np.asarray(fails, dtype=bool)
    if not holds.size:
        return "not tested"
    if holds.any():
        return "yes" if holds.all() else "partly"
    return "no" if fails.all() else "undecided"


def by_shares(shares, sure: float = 0.95) -> str:
    """Return the word of `over_places` from shares of draws in which the claim holds, one per place.

    Parameters
    ----------
    shares : array_like
        Shares in 0..1.
    sure : float
        It surely holds from this share on, and surely fails up to one minus it.
    """
    return over_places(np.asarray(shares) >= sure, np.asarray(shares) <= 1 - sure)


def by_intervals(low, high, limit: float) -> str:
    """Return the word of `over_places` for "lies below a limit", from one interval per place.

    Parameters
    ----------
    low, high : array_like
        Ends of the intervals: it surely holds where the interval lies below the limit, and surely fails where it lies
        above. NaN tells neither.
    limit : float
    """
    return over_places(np.asarray(high) < limit, np.asarray(low) > limit)


def by_print(draws, printed, chosen, rounding: float = 0.005) -> str:
    """Return the word for printed values that draws of our own should meet, where some could not miss.

    Parameters
    ----------
    draws : array_like, shape (draws, values)
        What we find, each row one draw of all that is random.
    printed : array_like, shape (values,)
        A value is met if 95 % of the draws are about it: if it lies between their outer 2.5 % on either side, give or
        take the rounding.
    chosen : array_like of bool, shape (values,)
        Whether something was chosen with this value in view. Then meeting it shows nothing, and missing it counts.
    rounding : float
        Half a unit of the last printed digit.

    Returns
    -------
    str
        That of `over_places`: "yes" if no value was chosen and all are met, "no" if all are missed.
    """
    low, high = np.quantile(np.asarray(draws, dtype=float), [0.025, 0.975], axis=0)
    printed = np.asarray(printed, dtype=float)
    met = (low - rounding <= printed) & (printed <= high + rounding)
    return over_places(met & ~np.asarray(chosen, dtype=bool), ~met)


def span(shares) -> str:
    """Return the smallest and the largest share as words: "3% to 10%", or one of them if both read the same."""
    low, high = f"{np.min(shares):.0%}", f"{np.max(shares):.0%}"
    return low if low == high else f"{low} to {high}"


def count_sure(shares, sure: float = 0.95) -> str:
    """Return at how many places a claim surely holds, as words: "4 of 20".

    Parameters
    ----------
    shares : array_like
        As in `by_shares`.
    sure : float
        As in `by_shares`.
    """
    shares = np.asarray(shares)
    return f"{int((shares >= sure).sum())} of {shares.size}"
