"""What the rows of the benchmarks say together: how times grow, and how far they are from aims and limits.

A row has the keys of `benchmarks/command.py`: benchmark, case, quantity, value, unit and baseline.
"""

import re
from pathlib import Path

import pandas as pd

AIMS = Path(__file__).with_name("aims.csv")
TIMES = ("s", "ms", "µs", "ns")
NO_AIM, REACHED = "no aim", {True: "aim reached", False: "aim not reached"}
#: The first whole number of a case is its size: ``N=2000 d=512`` or ``1000 pairs, 256 to 192 dimensions``.
SIZE = re.compile(r"(?<![\w.-])\d+(?!\w)")


def aims() -> pd.DataFrame:
    """Return what is aimed at, and what cannot be passed, for `ratios`."""
    return pd.read_csv(AIMS)


def growth(rows: list[dict], benchmark: str, quantity: str | None = None) -> pd.DataFrame:
    """Return the times of a benchmark that were measured at several sizes.

    Parameters
    ----------
    rows : list of dict
    benchmark : str
    quantity : str, optional
        Take only the rows of this quantity.

    Returns
    -------
    DataFrame[quantity, unit, case, size, value]
        ``case`` holds what tells the cases apart, without the size. Of a size that was measured twice the shorter time
        counts. Empty if no time has two sizes.
    """
    found = []
    for row in rows:
        size = SIZE.search(row["case"])
        wanted = row["benchmark"] == benchmark and quantity in (None, row["quantity"])
        if wanted and size and row["unit"] in TIMES:
            rest = row["case"][: size.start()] + "…" + row["case"][size.end() :]
            found.append({**row, "case": rest, "size": int(size[0])})
    keys = ["quantity", "unit", "case"]
    table = pd.DataFrame(found, columns=[*keys, "size", "value"])
    table = table.groupby([*keys, "size"], sort=False).value.min().reset_index().sort_values("size", kind="stable")
    table = table[table.groupby(keys)["size"].transform("nunique") > 1].reset_index(drop=True)
    return table.assign(case=what_differs(table["case"].tolist()))


def what_differs(cases: list[str]) -> list[str]:
    """Return cases without the parts between commas that all of them have."""
    parts = [case.split(", ") for case in cases]
    common = set.intersection(*map(set, parts)) if parts else set()
    return [", ".join(part for part in own if part not in common) for own in parts]


def ratios(rows: list[dict], aims: pd.DataFrame) -> pd.DataFrame:
    """Return every comparison as a time over the time of what it is compared with; a speed-up is turned over.

    Parameters
    ----------
    rows : list of dict
    aims : DataFrame[benchmark, quantity, kind, value, why]
        What is aimed at, or cannot be passed, in the terms of the rows whose quantity begins like that. ``kind`` is
        ``aim`` or ``limit``.

    Returns
    -------
    DataFrame[benchmark, against, case, quantity, value, baseline, time, aim, limit, why, state]
        ``state`` is "aim reached", "aim not reached" or "no aim". ``aim`` and ``limit`` are times over times too, NaN
        where there is none.
    """
    return pd.DataFrame([_ratio(row, aims) for row in rows if row["unit"] == "ratio"])


def _ratio(row: dict, aims: pd.DataFrame) -> dict:
    """Return one comparison."""
    turned = row["quantity"].startswith("speed-up")
    own = aims[[row["benchmark"] == a.benchmark and row["quantity"].startswith(a.quantity) for a in aims.itertuples()]]
    marks = {kind: 1 / value if turned else value for kind, value in zip(own.kind, own.value, strict=True)}
    time, aim = 1 / row["value"] if turned else row["value"], marks.get("aim")
    state = NO_AIM if aim is None else REACHED[time <= aim]
    places = {"time": time, "aim": aim, "limit": marks.get("limit"), "state": state, "why": "; ".join(own.why)}
    return {**row, **places, "against": f"{row['benchmark']}: {against(row)}"}


def against(row: dict) -> str:
    """Return what a ratio compares with: ``time over ...`` says it, or else the baseline, up to its first comma."""
    named = row["quantity"].removeprefix("time over ")
    return row["baseline"].split(", ")[0] if named == row["quantity"] else named


def in_words(table: pd.DataFrame) -> str:
    """Return which aims are reached and which are not, of a table of `ratios`."""
    aimed = table[table.state != NO_AIM]
    missed = aimed[aimed.state == REACHED[False]]
    said = f"{len(aimed) - len(missed)} of {len(aimed)} aims are reached."
    rows = [f"{r.against} ({r.case}): {r.time:.2g}, aim {r.aim:.2g}" for r in missed.itertuples()]
    return f"{said} Not reached: {'; '.join(rows)}." if rows else said
