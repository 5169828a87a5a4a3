"""The report for people who have only embeddings and labels: distances, verification, attributes, energies."""

from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from frlib.geometry import ks_by_attribute, ks_draws
from frlib.report import energies, recognition
from frlib.report.facts import facts_of
from frlib.report.labelled import Labelled
from frlib.report.page import Column, Figure, Page, Points, Section, Table, Text
from frlib.view import charts

#: Fewest curves of an identity and attribute for an energy.
CURVES_AT_LEAST = 10
# Draws whose mean says whether distances inside a modality are the smaller ones.
DRAWS = 5


def report(
    labelled: Labelled,
    name: str,
    *,
    metric: str = "cosine",
    permutations: int = 999,
    max_images: int = 3000,
    seed: int = 0,
) -> Page:
    """Return the report on given embeddings.

    Parameters
    ----------
    labelled : Labelled
        As `frlib.report.labelled.read` reads it.
    name : str
        Title of the page.
    metric : {"cosine", "euclidean"}
    permutations : int
        Of the test by attribute; the smallest p is 1 / (permutations + 1).
    max_images : int
        With more images, whole identities are drawn for the figures that keep all pairs; at least 2.
    seed : int
        Seeds that draw, those of the test, and its permutations.

    Raises
    ------
    ValueError
        If there are fewer than two identities, or none has two images.
    """
    rows = np.flatnonzero(labelled.is_image)
    part = draw_identities(labelled.identities[rows], max_images, seed)
    chosen = rows[part]
    embeddings, identities = labelled.embeddings[chosen], labelled.identities[chosen]
    found = {"network": name, **recognition.figures(embeddings, identities, metric)}
    sections = [_distances(embeddings, identities, found, len(rows))]
    tables = {"distances.csv": pd.DataFrame([found])}
    for section, more in (
        _attributes(labelled, metric, permutations, seed),
        _energies(labelled, metric),
    ):
        sections.append(section)
        tables |= more
    sections.append(Section("What this page cannot tell", [Points(caveats(metric))]))
    facts = {
        "images": f"{len(rows):,}",
        "people": f"{pd.unique(labelled.identities).size:,}",
        "dimension": str(labelled.embeddings.shape[1]),
        "distance": metric,
        "changed copies": f"{int((~labelled.is_image).sum()):,}",
    }
    lead = "Distances, verification, attributes and energies of embeddings that were computed elsewhere."
    return Page(name, lead, facts | facts_of(seed), sections, tables)


def draw_identities(identities: np.ndarray, max_images: int, seed: int) -> np.ndarray:
    """Return the places of the images of randomly drawn whole identities, at most so many images, in order."""
    if len(identities) <= max_images:
        return np.arange(len(identities))
    codes, _ = pd.factorize(identities)
    sizes = np.bincount(codes)
    order = np.random.default_rng(seed).permutation(len(sizes))
    taken = order[np.cumsum(sizes[order]) <= max_images]
    if len(taken) < 2:
        raise ValueError(f"max_images must leave at least two identities; {max_images} leaves {len(taken)}")
    return np.flatnonzero(np.isin(codes, taken))


def _distances(embeddings, identities, found: dict, n_images: int) -> Section:
    """Return the section on distances and verification."""
    rows = pd.DataFrame([found])
    used = (
        f"All pairs of {len(identities):,} images: {found['same_pairs']:,} of one person, "
        f"{found['different_pairs']:,} of two."
    )
    if len(identities) < n_images:
        used += f" People were drawn at random from all {n_images:,} images, to keep all pairs in memory."
    caption = (
        "d intra: mean distance inside a person; d inter: between people; AUC: probability that a pair of one person "
        "is closer than a pair of two, with a jackknife interval over people; EER: equal error rate; TAR: share of "
        "right pairs accepted at a false acceptance rate (left out where there are too few pairs for it)."
    )
    blocks = [
        recognition.verdict(found, subject="The distance of these embeddings"),
        Text(used),
        recognition.table(rows, caption),
        *recognition.without_errors(rows),
        recognition.histograms({found["network"]: (embeddings, identities, found)}),
    ]
    return Section("Distances and verification", blocks)


def _attributes(labelled: Labelled, metric: str, permutations: int, seed: int) -> tuple[Section, dict]:
    """Return the section on attributes at the scale of identities, and its table."""
    title = "Which attributes organise the people"
    use, left = usable_attributes(labelled)
    if not use:
        reason = f" Left out: {left}." if left else " The labels have none."
        return Section(title, [Text(f"There is no attribute to test.{reason}")]), {}
    rows = labelled.is_image
    given = (labelled.embeddings[np.flatnonzero(rows)], labelled.identities[rows])
    attributes = labelled.attributes.loc[rows, use].reset_index(drop=True)
    table = ks_by_attribute(*given, attributes, metric=metric, permutations=permutations, seed=seed)
    signs = ks_draws(*given, attributes, metric=metric, draws=DRAWS, seed=seed)
    mean = signs.groupby(["attribute", "modality"], sort=False)["difference"].mean()
    keys = pd.MultiIndex.from_frame(table[["attribute", "modality"]])
    table["inside"] = np.where(mean.loc[keys].to_numpy() > 0, "closer", "farther")
    columns = [
        Column("attribute", "Attribute"),
        Column("modality", "Modality"),
        Column("n", "Images", ".0f"),
        Column("ks", "KS", ".3f"),
        Column("inside", "People who share it are"),
        Column("p_permutation", "p (permutation)", ".3g"),
        Column("q_value", "q", ".3g"),
    ]
    caption = (
        "KS: largest difference between the distribution of distances inside a modality and across both, without pairs "
        f"of one person. p: labels permuted over people, {permutations} times; q: Benjamini and Hochberg over all "
        "rows. The statistic grows as samples shrink, so compare it between rows of like size."
    )
    blocks = [Text(_found_attributes(table)), ks_chart(table), Table(table, columns, caption)]
    if left:
        blocks.append(Text(f"Left out: {left}."))
    return Section(title, blocks), {"attributes.csv": table}


def usable_attributes(labelled: Labelled) -> tuple[list[str], str]:
    """Return the attributes with two identities in each modality, and why the others are left out."""
    rows = labelled.is_image
    use, left = [], []
    for attribute, values in labelled.attributes[rows].items():
        people = {
            shown: pd.unique(labelled.identities[rows][values.to_numpy() == shown]).size for shown in (True, False)
        }
        few = min(people, key=people.get)
        if people[few] >= 2:
            use.append(attribute)
        else:
            left.append(f"{attribute} ({people[few]} people {'with' if few else 'without'} it, 2 are needed)")
    return use, ", ".join(left)


def _found_attributes(table: pd.DataFrame) -> str:
    """Say which attributes pass at a false discovery rate of 5 %."""
    sure = list(dict.fromkeys(table.loc[table["q_value"] <= 0.05, "attribute"]))
    count = table["attribute"].nunique()
    if not sure:
        return f"At a false discovery rate of 5 % no attribute of {count} stands out."
    return f"At a false discovery rate of 5 % these attributes of {count} stand out: {', '.join(sure)}."


def ks_chart(table: pd.DataFrame) -> Figure:
    """Draw the statistic of each attribute and modality; faint where q exceeds 5 %."""
    data = table[["attribute", "modality", "ks", "q_value"]].round(5)
    order = list(data.groupby("attribute")["ks"].mean().sort_values(ascending=False).index)
    color = alt.Color("modality:N").sort(["positive", "negative"])
    color = color.scale(domain=["positive", "negative"], range=charts.COLORS[:2])
    chart = (
        alt.Chart(data)
        .mark_point(size=90)
        .encode(
            x=alt.X("ks:Q").title("KS statistic"),
            y=alt.Y("attribute:N").sort(order).title(None),
            color=color.legend(orient="bottom", title=None),
            opacity=alt.condition("datum.q_value <= 0.05", alt.value(1), alt.value(0.35)),
            tooltip=[
                "attribute",
                "modality",
                alt.Tooltip("ks:Q", format=".3f"),
                alt.Tooltip("q_value:Q", format=".3g"),
            ],
        )
        .properties(
            width=charts.WIDTH - 40,
            height=alt.Step(24),
            description=f"KS statistic of each attribute and modality. The largest mean is that of {order[0]}.",
        )
    )
    return Figure(
        chart, "One point per modality: far to the right, the attribute organises the people. Faint: q > 5 %."
    )


def _energies(labelled: Labelled, metric: str) -> tuple[Section, dict]:
    """Return the section on energies, and its tables."""
    title, tables, few = "Energies by scale", [], []
    # Numbers in place of names: the page may travel further than the labels.
    for number, identity in enumerate(pd.unique(labelled.identities)):
        points, minus, plus = labelled.fields_of(identity, CURVES_AT_LEAST)
        if points:
            found = energies.cloud_tables(points, minus, plus, metric)
            tables.append(found.assign(identity=number, network="these embeddings"))
        elif (labelled.identities[~labelled.is_image] == identity).any():
            few.append(identity)
    if not tables:
        return Section(title, [Text(_no_energies(bool(few)))]), {}
    together = pd.concat(tables, ignore_index=True)
    ranked = energies.ranking(together)
    people = together["identity"].nunique()
    left = f" {len(few)} more have fewer than {CURVES_AT_LEAST} curves per attribute." if few else ""
    caption = (
        "Displacement: mean distance between both ends of a curve over the mean pair distance of the person's cloud; "
        "an attribute that hardly moves the embedding has a direction that is mostly noise. Energy: 0 where neighbours "
        f"move the same way, 1 where their directions are orthogonal on average. Intervals: Student's t over {people} "
        "people."
    )
    order = "The energy of one scale is never enough: the order of attributes can change with the scale."
    blocks = [
        Text(f"Clouds of {people} people with at least {CURVES_AT_LEAST} curves for an attribute.{left}"),
        energies.by_attribute(together, "these embeddings"),
        energies.ranking_table(ranked, caption),
        Text(order),
    ]
    return Section(title, blocks), {"energies.csv": together, "ranking.csv": ranked}


def _no_energies(some: bool) -> str:
    """Say why there are no energies."""
    if some:
        return f"No person has {CURVES_AT_LEAST} curves along one attribute: too few for an energy."
    return (
        "Energies need images of which one attribute was changed a little, both ways. Give them with the columns "
        "curve, varied and step; the page on how to use the book describes them."
    )


def caveats(metric: str) -> list[str]:
    """Return what holds for every report on embeddings."""
    return [
        f"The distance is {metric}, as you said. With another than the network was trained for, all figures change.",
        "Recognition is measured on your images only. Their people are the units: the intervals are over people, and "
        "say nothing about people of other kinds.",
        "Attributes go together. One that stands out may do so because of another, such as gender or age.",
        "A high energy means that neighbouring images move in different directions. It does not say how far they move, "
        "and not how well people are recognised.",
    ]


def title_of(path) -> str:
    """Return the name of the file without its ending."""
    return Path(path).stem
