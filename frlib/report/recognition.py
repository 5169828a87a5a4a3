"""How well distances tell people apart, as rows of a table, a chart, and a plain word."""

from collections.abc import Mapping

import pandas as pd

from frlib import view
from frlib.geometry import distance_histogram
from frlib.report.page import Column, Figure, Table, Text

#: Below this area under the curve a network does not recognise the people: a rule of thumb, named on the page.
RECOGNISES = 0.9
#: Bars of a histogram of distances.
BINS = 50

MEANINGS = (
    "d intra: mean distance inside a person; d inter: between people; AUC: probability that a pair of one person is "
    "closer than a pair of two, with a jackknife interval over people; EER: equal error rate; TAR: share of right "
    "pairs accepted at a false acceptance rate (left out where there are too few pairs for it)."
)
COLUMNS = [
    Column("network", "Network"),
    Column("metric", "Distance"),
    Column("d_intra", "d\u00a0intra", ".3f"),
    Column("d_inter", "d\u00a0inter", ".3f"),
    Column("ratio", "Ratio", ".3f"),
    Column("auc", "AUC (95 %)", ".4f", ("auc_low", "auc_high")),
    Column("eer", "EER", ".2%"),
    Column("tar_at_1e-2", "TAR at FAR 1 %", ".1%"),
    Column("tar_at_1e-3", "TAR at FAR 0.1 %", ".1%"),
]


def table(rows: pd.DataFrame, caption: str, marked: str = "") -> Table:
    """Return the figures of several networks, without the rates that none of them has pairs for."""
    columns = [c for c in COLUMNS if not (c.name in rows and rows[c.name].isna().all())]
    return Table(rows, columns, caption, marked)


def verdict(row, control=None, others=(), subject: str = "The network") -> Text:
    """Say in one sentence whether the people are recognised, so that energies mean something.

    Parameters
    ----------
    row, control : mapping
        Figures of the network, and of a network with random weights if there is one.
    others : sequence of mappings
        Figures of other face networks on the same images.
    subject : str
        Beginning of the sentence.
    """
    beside = "" if control is None else f" A network with random weights reaches {control['auc']:.3f}."
    if row["auc"] < RECOGNISES:
        return Text(
            f"{subject} does not tell these people apart well: the AUC is {row['auc']:.3f}, below "
            f"{RECOGNISES}.{beside} The energies below then say little: the clouds of different people overlap.",
            "warning",
        )
    if control is not None and row["auc_low"] <= control["auc_high"]:
        return Text(
            f"The AUC is {row['auc']:.3f}, but its interval overlaps that of a network with random weights "
            f"({control['auc']:.3f}): that it recognises these people is not shown. Take more people.",
            "warning",
        )
    worst = min((other["auc"] for other in others), default=0)
    if row["auc_high"] < worst:
        return Text(
            f"{subject} tells these people apart less well than the networks that it is compared with: the AUC is "
            f"{row['auc']:.3f}, theirs {worst:.3f} or more.{beside} Read its energies with that in mind.",
            "warning",
        )
    return Text(f"{subject} tells these people apart: the AUC is {row['auc']:.3f}.{beside}", "good")


def without_errors(rows: pd.DataFrame) -> list[Text]:
    """Return a remark where an AUC is 1: the interval is then a point and says nothing."""
    perfect = list(rows.loc[(rows["auc"] == 1) & (rows["auc_low"] == 1), "network"])
    if not perfect:
        return []
    return [
        Text(
            f"No pair is out of order for {', '.join(perfect)}. The interval is a point there: it "
            "cannot tell how rare an error is that was not seen."
        )
    ]


def blocks(found: Mapping[str, dict], given: Mapping[str, tuple], people: str = "", marked: str = "") -> list:
    """Return the figures of several networks as a table, and their distances with a threshold to move.

    Parameters
    ----------
    found : mapping of network to dict
        Of `frlib.geometry.recognition_figures`, with ``network``.
    given : mapping of network to tuple
        What they are computed from: embeddings and identities, or clouds.
    people : str
        Whose images they are: the beginning of the caption.
    marked : str
        The network that stands out.
    """
    rows, tables = pd.DataFrame(found.values()), []
    for network, own in found.items():
        bars = distance_histogram(*given[network], metric=own["metric"], bins=BINS)
        bars[["low", "high"]] /= own["d_inter"]
        tables.append(bars.assign(network=network, best=own["threshold"] / own["d_inter"]))
    together = pd.concat(tables, ignore_index=True)
    chart = view.error_curves(
        together,
        start=round(float(together["best"].iloc[0]), 2),
        description="Histograms of the distances between two images of one person and of two people, and the errors of "
        "a movable threshold. Distances inside a person lie to the left of those between people where the network "
        "recognises them.",
    )
    seen = (
        "Distances between two images of one person, and of two people, in units of the mean distance between people. "
        "Below: pairs that a threshold decides wrongly. Dashed: the best threshold on these pairs."
    )
    return [table(rows, people + MEANINGS, marked), *without_errors(rows), Figure(chart, seen)]
