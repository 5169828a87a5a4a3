"""The report for people who have only embeddings and labels: distances, verification, attributes, energies."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from frlib import view
from frlib.geometry import (
    CoincidentPoints,
    coincide,
    ks_by_attribute,
    ks_draws,
    pairs,
    recognition_figures,
)
from frlib.report import own_energies, recognition
from frlib.report.drawn import draw_identities, used_images
from frlib.report.facts import facts_of
from frlib.report.labelled import Labelled
from frlib.report.page import Column, Figure, Page, Points, Section, Table, Text
from frlib.report.remarks import PEOPLE_BY_NUMBER

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
        With more images, some are drawn for the figures that keep all pairs, see `draw_identities`.
    seed : int
        Seeds that draw, those of the test, and its permutations.

    Raises
    ------
    ValueError
        If all embeddings coincide, there are fewer than two identities, or none has two images.
    """
    _check_different(labelled, metric)
    for remark in labelled.remarks:
        warnings.warn(remark.named, stacklevel=2)
    rows = np.flatnonzero(labelled.is_image)
    everybody = labelled.identities[rows]
    part = draw_identities(everybody, max_images, seed)
    embeddings, identities = labelled.embeddings[rows[part]], everybody[part]
    found = {"network": name, **recognition_figures(embeddings, identities, metric=metric)}
    sections = [_distances(embeddings, identities, found, used_images(everybody, part))]
    tables = {"distances.csv": pd.DataFrame([found])}
    for section, more in (
        _attributes(labelled, metric, permutations, seed),
        own_energies.section(labelled, metric),
    ):
        sections.append(section)
        tables |= more
    if labelled.remarks:
        said = [Text(remark.page, "warning") for remark in labelled.remarks]
        if any(remark.page != remark.named for remark in labelled.remarks):
            said.append(Text(PEOPLE_BY_NUMBER))
        sections.insert(0, Section("Look at the input first", said))
    sections.append(Section("What this page cannot tell", [Points(caveats(metric))]))
    facts = {
        "images": f"{len(rows):,}",
        "people": f"{len(labelled.people):,}",
        "dimension": str(labelled.embeddings.shape[1]),
        "distance": metric,
        "changed copies": f"{int((~labelled.is_image).sum()):,}",
    }
    lead = "Distances, verification, attributes and energies of embeddings that were computed elsewhere."
    return Page(name, lead, facts | facts_of(seed), sections, tables)


def _check_different(labelled: Labelled, metric: str) -> None:
    """Raise if all images have one embedding, up to rounding: there is nothing to report."""
    images = labelled.embeddings
    if not labelled.is_image.all():
        images = images[labelled.is_image]
    if len(images) > 1 and coincide(images, metric=metric):
        rows = pairs.metric_rows(images, metric)
        spread = float((rows - rows[0]).norm(dim=1).max() / rows[0].norm().clamp_min(torch.finfo(rows.dtype).tiny))
        raise CoincidentPoints(
            f"{labelled.source} must hold different embeddings, but its {len(images):,} rows that are images coincide "
            f"up to rounding (largest difference from the first: {spread:.1g} of its length). A network that gives one "
            "answer to all images has collapsed, and there is nothing to measure"
        )


def _distances(embeddings, identities, found: dict, used: str) -> Section:
    """Return the section on distances and verification."""
    pairs_used = (
        f"All pairs of {len(identities):,} images: {found['same_pairs']:,} of one person, "
        f"{found['different_pairs']:,} of two. {used}"
    )
    said = recognition.verdict(found, subject="The distance of these embeddings"), Text(pairs_used)
    name = found["network"]
    blocks = [*said, *recognition.blocks({name: found}, {name: (embeddings, identities)})]
    return Section("Distances and verification", blocks)


def _attributes(labelled: Labelled, metric: str, permutations: int, seed: int) -> tuple[Section, dict]:
    """Return the section on attributes at the scale of identities, and its table."""
    title = "Which attributes organise the people"
    use, left = usable_attributes(labelled)
    if not use:
        reason = f" Left out: {left}." if left else " The labels have none."
        return Section(title, [Text(f"There is no attribute to test.{reason}")]), {}
    table = tested_attributes(labelled, use, metric, permutations, seed)
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


def tested_attributes(
    labelled: Labelled, attributes: Sequence[str], metric: str, permutations: int, seed: int
) -> pd.DataFrame:
    """Return the rows of `frlib.geometry.ks_by_attribute` with ``inside``: whether who shares a modality is closer.

    Parameters
    ----------
    labelled : Labelled
    attributes : sequence of str
        Of `usable_attributes`.
    metric : {"cosine", "euclidean"}
    permutations, seed : int
    """
    rows = labelled.is_image
    given = (labelled.embeddings[np.flatnonzero(rows)], labelled.identities[rows])
    columns = labelled.attributes.loc[rows, list(attributes)].reset_index(drop=True)
    table = ks_by_attribute(*given, columns, metric=metric, permutations=permutations, seed=seed)
    signs = ks_draws(*given, columns, metric=metric, draws=DRAWS, seed=seed)
    mean = signs.groupby(["attribute", "modality"], sort=False)["difference"].mean()
    keys = pd.MultiIndex.from_frame(table[["attribute", "modality"]])
    return table.assign(inside=np.where(mean.loc[keys].to_numpy() > 0, "closer", "farther"))


def usable_attributes(labelled: Labelled) -> tuple[list[str], str]:
    """Return the attributes with two identities in each modality, and why the others are left out."""
    use, left = [], []
    codes = labelled.numbers[labelled.is_image]
    for attribute, values in labelled.attributes[labelled.is_image].items():
        shown = values.to_numpy()
        people = {value: int((np.bincount(codes[shown == value]) > 0).sum()) for value in (True, False)}
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


def ks_chart(table: pd.DataFrame, choose: str | tuple = ()) -> Figure:
    """Draw the statistic of each attribute and modality, with another mark where q exceeds 5 %.

    Parameters
    ----------
    table : DataFrame
        Of `tested_attributes`.
    choose : str, optional
        Column whose values the reader chooses from.
    """
    first = table.groupby("attribute")["ks"].mean().idxmax()
    data = table.assign(sure=np.where(table["q_value"] <= 0.05, "q ≤ 5 %", "q > 5 %"))
    order = data.groupby("attribute")["ks"].transform("mean").sort_values(ascending=False, kind="stable").index
    looks = {
        "color": view.Column("modality", order=["positive", "negative"]),
        "shape": view.Column("sure", "", order=["q ≤ 5 %", "q > 5 %"]),
    }
    chart = view.figure(
        view.dots(data.loc[order], view.Column("ks", "KS statistic"), "attribute", tips=["q_value"], **looks),
        choose=choose,
        description=f"KS statistic of each attribute and modality. The largest mean is that of {first}.",
    )
    return Figure(
        chart, "One mark per modality: far to the right, the attribute organises the people. Squares: q > 5 %."
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
