"""Energies of the people in given embeddings: who has them, and who is left out and why."""

import warnings

import numpy as np
import pandas as pd
from tqdm import tqdm

from frlib.fingerprint import cloud_energies
from frlib.fingerprint.summary import ranking
from frlib.report import energies
from frlib.report.labelled import Labelled
from frlib.report.page import Section, Text
from frlib.report.remarks import PEOPLE_BY_NUMBER, line_of, listed

#: Fewest curves of an identity and attribute for an energy.
CURVES_AT_LEAST = 10
TITLE = "Energies by scale"
SUBJECT = "these embeddings"


def section(labelled: Labelled, metric: str) -> tuple[Section, dict]:
    """Return the section on energies, and its tables."""
    together, left, few = of_people(labelled, metric)
    out, more = ([_left_out(left, labelled)], {"left_out.csv": left}) if len(left) else ([], {})
    if together.empty:
        return Section(TITLE, out or [Text(_no_energies(few > 0))]), more
    ranked = ranking(together)
    people = together["identity"].nunique()
    fewer = f" {few} more have fewer than {CURVES_AT_LEAST} curves per attribute." if few else ""
    caption = (
        "Displacement: mean distance between both ends of a curve over the mean pair distance of the person's cloud; "
        "an attribute that hardly moves the embedding has a direction that is mostly noise. Energy: 0 where neighbours "
        f"move the same way, 1 where their directions are orthogonal on average. Intervals: Student's t over {people} "
        "people."
    )
    order = "The energy of one scale is never enough: the order of attributes can change with the scale."
    blocks = [
        Text(f"Clouds of {people} people with at least {CURVES_AT_LEAST} curves for an attribute.{fewer}"),
        *out,
        *_without_direction(together),
        *([energies.by_attribute(together, SUBJECT)] if (together["undefined"] < 1).any() else []),
        energies.ranking_table(ranked, caption),
        Text(order),
    ]
    return Section(TITLE, blocks), {"energies.csv": together, "ranking.csv": ranked} | more


def of_people(labelled: Labelled, metric: str) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Return the energies of all people with enough curves, who is left out, and how many have too few curves.

    Returns
    -------
    energies : DataFrame
        Rows of `frlib.fingerprint.cloud_energies` with ``identity``, the number of the person; ``curves``, the number
        of curves; ``network``.
    left : DataFrame
        ``identity``; ``line`` of the labels where the person appears first; ``attribute`` whose centres all coincide.
    few : int
    """
    tables, left, few = [], [], 0
    first = np.unique(labelled.numbers, return_index=True)[1]
    for number in tqdm(np.unique(labelled.numbers[~labelled.is_image]), "energies", delay=10, leave=False):
        clouds = labelled.clouds_of(labelled.people[number], CURVES_AT_LEAST, metric)
        few += not clouds
        left += [(number, line_of(first[number]), a) for a, cloud in clouds.items() if cloud.coincides]
        clouds = {a: cloud for a, cloud in clouds.items() if not cloud.coincides}
        if clouds:
            found = pd.concat([cloud_energies(cloud, energies.SCALES) for cloud in clouds.values()])
            curves = found["attribute"].map({a: len(cloud.points) for a, cloud in clouds.items()})
            # Numbers in place of names: the page may travel further than the labels.
            tables.append(found.assign(curves=curves, identity=number, network=SUBJECT))
    together = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return together, pd.DataFrame(left, columns=["identity", "line", "attribute"]), few


def _left_out(left: pd.DataFrame, labelled: Labelled) -> Text:
    """Say who is left out and why, by number; tell the names to the one who makes the page."""
    why = "all their centres are one point up to rounding, so that there is no unit for scales and displacements"
    people = left.groupby(["identity", "line"], sort=False)["attribute"].agg(listed).reset_index()
    shown = [f"person {row.identity} (line {row.line}; {row.attribute})" for row in people.itertuples()]
    named = [f'"{labelled.people[row.identity]}" ({row.attribute})' for row in people.itertuples()]
    warnings.warn(f"left out of the energies, because {why}: {listed(named)}", stacklevel=2)
    return Text(f"Left out, because {why}: {listed(shown)}. {PEOPLE_BY_NUMBER}", "warning")


def _without_direction(table: pd.DataFrame) -> list[Text]:
    """Say how many curves have no direction, so that they have no part in the energy."""
    once = table.drop_duplicates(["identity", "attribute"])
    zero = (once["undefined"] * once["curves"]).round().astype(int).groupby(once["attribute"], sort=False).sum()
    curves = once.groupby("attribute", sort=False)["curves"].sum()
    counted = [f"{attribute} {zero[attribute]} of {curves[attribute]}" for attribute in zero.index[zero > 0]]
    if not counted:
        return []
    return [
        Text(
            "Curves whose ends are one point up to rounding have no direction, and no part in the energy; their "
            f"displacement counts: {listed(counted)}."
        )
    ]


def _no_energies(some: bool) -> str:
    """Say why there are no energies."""
    if some:
        return f"No person has {CURVES_AT_LEAST} curves along one attribute: too few for an energy."
    return (
        "Energies need images of which one attribute was changed a little, both ways. Give them with the columns "
        "curve, varied and step; the page on how to use the book describes them."
    )
