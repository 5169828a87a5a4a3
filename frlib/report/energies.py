"""Energies by scale at equal ε and at equal share of pairs, and a ranking of attributes by how far they move images."""

import pandas as pd

from frlib import view
from frlib.fingerprint.summary import RANKED_AT
from frlib.report.page import Column, Figure, Table

SCALES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0)


def ranking_table(table: pd.DataFrame, caption: str) -> Table:
    """Return the ranking as a table of the page."""
    columns = [
        Column("attribute", "Attribute"),
        Column("displacement", "Displacement (95 %)", ".2f", ("displacement_low", "displacement_high")),
        Column("energy", f"Energy at ε = {RANKED_AT:g} (95 %)", ".2f", ("energy_low", "energy_high")),
        Column("energy_rank", "Place by energy, lowest first", ".0f"),
        Column("isolated", "Isolated points", ".0%"),
    ]
    if "curves_accepted" in table:
        columns.append(Column("curves_accepted", "Taken for one person", ".0%"))
    return Table(table, columns, caption)


def ranking_chart(rankings: pd.DataFrame, subject: str) -> Figure:
    """Draw the displacement of every attribute, in the network of the report and in the others.

    Parameters
    ----------
    rankings : DataFrame
        Rows of `frlib.fingerprint.summary.ranking`, with ``network``.
    subject : str
        The network of the report.
    """
    order = list(rankings.loc[rankings["network"] == subject, "attribute"])
    moved = "displacement, in mean pair distances"
    ends = ("displacement_low", "displacement_high")
    furthest = rankings[["displacement", ends[1]]].max(axis=None)
    words = f"{order[0]} moves the embedding most, {order[-1]} least"
    chart = view.figure(
        view.dots(
            rankings,
            view.Column("displacement", moved, domain=(0, furthest)),
            view.Column("attribute", order=order),
            color="network",
            apart=True,
            bars=ends,
        ),
        description=f"Displacement by attribute and network. In {subject}, {words}.",
    )
    return Figure(
        chart,
        "How far one step of an attribute moves the embedding, over the mean pair distance of the person's cloud. "
        f"Line: 95 % interval over people. In {subject}, {words}.",
    )


def _curves(energies: pd.DataFrame, what: str, caption: str, **options) -> Figure:
    """Draw means over people. Clouds that an attribute moves nowhere have no direction, so no ball and no curve."""
    description = f"Curves of energy against {what}, for one choice at a time, with the share of isolated points below."
    drawn = energies[energies["undefined"] < 1]
    chart = view.energy_curves(
        drawn, detail="identity", title=f"Energy against {what}", description=description, **options
    )
    return Figure(chart, caption)


def by_attribute(energies: pd.DataFrame, subject: str) -> Figure:
    """Draw the energies of all attributes against ε, for a network that the reader chooses; first the report's own."""
    several = energies["network"].nunique() > 1
    own = energies[energies["network"] == subject].groupby("attribute", sort=False)["undefined"].min()
    still = list(own.index[own == 1])
    caption = (
        (f"Begins with {subject}; choose another network to compare. " if several else "")
        + "Low: neighbouring images move in the same direction when the attribute changes. Read the lower panel first: "
        "where most points are isolated, the energy rests on few pairs."
        + (f" Without a direction, so not drawn: {', '.join(still)}." if still else "")
    )
    return _curves(energies, "scale, one curve per attribute", caption, choose="network" if several else None)


def by_network(energies: pd.DataFrame) -> Figure:
    """Draw the energies of all networks against ε, for an attribute that the reader chooses."""
    caption = "All networks on the same images, at equal ε. Across metrics the same ε is not the same ball."
    return _curves(energies, "scale, one curve per network", caption, color="network", choose="attribute")


def at_equal_shares(energies: pd.DataFrame) -> Figure:
    """Draw the energies of all networks against the share of pairs in the balls."""
    caption = (
        "The same energies with balls that hold the same share of pairs in every network. This is the fairer "
        "comparison of networks with different metrics."
    )
    axis = "share of all pairs that are neighbours"
    return _curves(energies.rename(columns={"share": axis}), axis, caption, x=axis, color="network", choose="attribute")
