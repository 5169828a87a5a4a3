"""The report on a network: drawn faces through it and through the default networks, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from frlib import checks
from frlib.clouds import Cloud, embed
from frlib.faces import Curves, Portraits, sample_identities
from frlib.faces.portraits import HEAD_ANGLE
from frlib.fingerprint import fingerprint
from frlib.fingerprint.summary import RANKED_AT, ranking
from frlib.geometry import (
    energy_at_equal_shares,
    identity_retention,
    recognition_figures,
    recognition_table,
)
from frlib.models import DEFAULT_NETWORKS
from frlib.models.embedder import FaceEmbedder
from frlib.report import energies, preprocessing, recognition
from frlib.report.facts import facts_of
from frlib.report.page import Page, Points, Section, Text


@dataclass(frozen=True)
class Sizes:
    """How many faces are drawn.

    Parameters
    ----------
    identities, points : int
        People and centres per person for energies; a centre has two ends along each attribute.
    people, images : int
        People and images per person for recognition.
    """

    identities: int = 6
    points: int = 30
    people: int = 20
    images: int = 12

    def __post_init__(self):
        for name, low in (("identities", 2), ("points", 3), ("people", 3), ("images", 2)):
            checks.at_least(name, getattr(self, name), low)


def report(
    subject: FaceEmbedder,
    others: Sequence[FaceEmbedder],
    control: FaceEmbedder,
    *,
    sizes: Sizes | None = None,
    seed: int = 0,
    facts: dict[str, str] | None = None,
    check_input: bool = True,
    n_jobs: int | None = None,
) -> Page:
    """Return the report on a network.

    All images are drawn; embeddings and energies are stored under their content, so that a second report draws and
    embeds only what is new.

    Parameters
    ----------
    subject : FaceEmbedder
    others : sequence of FaceEmbedder
        What it is compared with.
    control : FaceEmbedder
        A network with random weights.
    sizes : Sizes, optional
    seed : int
        Seeds people, centres and images.
    facts : mapping of str to str, optional
        More for the head of the page.
    check_input : bool
        Whether to try other preprocessing on the subject.
    n_jobs : int, optional
        As in `frlib.runtime.spread`.

    Raises
    ------
    ValueError
        If two networks have one name, or an argument is not accepted.
    """
    sizes = sizes or Sizes()
    embedders = [subject, *others, control]
    people = sample_identities(max(sizes.people, sizes.identities), seed=seed)
    curves = [Curves(who, sizes.points, seed=seed) for who in people[: sizes.identities]]
    drawn = embed(curves, embedders, n_jobs=n_jobs)
    table = fingerprint(drawn, energies.SCALES, device=subject.device, n_jobs=n_jobs)
    images = embed([Portraits(who, sizes.images, seed) for who in people[: sizes.people]], embedders, n_jobs=n_jobs)
    clouds = {name: [cloud for cloud in own if not cloud.coincides] for name, own in drawn.items()}
    known = {name: {"network": name} | recognition_figures(own) for name, own in images.items()}
    whole = [cloud for own in clouds.values() for cloud in own]
    shares = [energy_at_equal_shares(c).assign(network=c.network, identity=c.identity) for c in whole]
    rankings = pd.concat([_ranking(name, table, clouds[name], known[name]) for name in known], ignore_index=True)
    readable = [
        frame.assign(attribute=frame["attribute"].str.replace("_", " "))
        for frame in (table, pd.concat(shares), rankings)
    ]
    sections = [
        _in_short(subject.name, control.name, known, readable[2]),
        _recognition(subject.name, known, images, drawn, sizes),
        _energies(subject.name, readable[0], readable[1], _left_out(drawn)),
        _sensitivity(subject.name, readable[2], sizes),
    ]
    if check_input:
        few = (min(10, sizes.people), min(6, sizes.images))
        tried = preprocessing.compare(subject, people[: few[0]], few[1], seed=seed)
        sections.append(preprocessing.section(tried, *few))
    sections.append(Section("What this page cannot tell", [Points(caveats(subject))]))
    head = _facts(subject, sizes) | (facts or {}) | facts_of(seed)
    lead = "Faces that nobody has, drawn from parameters, shown to this network and to others."
    csv = dict(zip(("energies.csv", "energies_at_equal_shares.csv", "ranking.csv"), readable, strict=True))
    return Page(subject.name, lead, head, sections, csv | {"recognition.csv": pd.DataFrame(known.values())})


def _ranking(name: str, table: pd.DataFrame, clouds: Sequence[Cloud], known: dict) -> pd.DataFrame:
    """Return the ranking of the attributes of one network, with identity retention along the curves."""
    scales = {key: known[key] for key in ("d_intra", "d_inter", "threshold")}
    kept = [identity_retention(c, **scales) for c in clouds]
    return ranking(table[table["network"] == name], pd.concat(kept)).assign(network=name)


def _in_short(subject: str, control: str, known: dict, rankings: pd.DataFrame) -> Section:
    """Return the summary at the top."""
    own = rankings[rankings["network"] == subject]
    most, least = own.iloc[0], own.iloc[-1]
    others = rankings[~rankings["network"].isin([subject, control])]
    points = [
        f"One step of {most['attribute']} moves the embedding most, {most['displacement']:.2f} of the mean pair "
        f"distance of a person's cloud; one of {least['attribute']} least, {least['displacement']:.2f}.",
    ]
    if len(others):
        mean = others.groupby("attribute")["energy"].mean()
        lower = int((own.set_index("attribute")["energy"] < mean.loc[own["attribute"]]).sum())
        points.append(
            f"Its energy at ε = {RANKED_AT:g} is below the mean of the other networks for {lower} of "
            f"{len(own)} attributes: there neighbouring images agree more on the direction."
        )
    faces = [known[name] for name in known if name not in (subject, control) and name in DEFAULT_NETWORKS]
    said = recognition.verdict(known[subject], known[control], faces)
    return Section("In short", [said, Points(points)])


def _recognition(subject: str, known: dict, images: dict, clouds: dict, sizes: Sizes) -> Section:
    """Return the section on recognition: on easy images, and on the centres of the curves."""
    people = (
        f"{sizes.people} people with {sizes.images} images each: head angle within {HEAD_ANGLE:.0f} degrees, light and "
        "smile vary. "
    )
    hard = recognition_table({name: clouds[name] for name in known}).reset_index()
    harder = (
        f"The same on the clouds of the energies: {sizes.identities} people with {sizes.points} images each, over the "
        "whole range of head angle, age, hair colour, light and expression. These overlap more."
    )
    given = {name: (own,) for name, own in images.items()}
    blocks = [*recognition.blocks(known, given, people, subject), recognition.table(hard, harder, subject)]
    return Section("Does it recognise these people?", blocks)


def _left_out(drawn: dict[str, list[Cloud]]) -> list[Text]:
    """Say which people have no energies in which network."""
    left = {name: [str(cloud.identity) for cloud in own if cloud.coincides] for name, own in drawn.items()}
    return [
        Text(
            f"Left out in {name}: person {', '.join(own)}, counted from 0. The network gives all their centres one "
            "embedding up to rounding, so that there is no unit for scales and displacements.",
            "warning",
        )
        for name, own in left.items()
        if own
    ]


def _energies(subject: str, table: pd.DataFrame, shares: pd.DataFrame, left_out: Sequence[Text]) -> Section:
    """Return the section with the curves of energy."""
    explanation = (
        "One attribute of an image is moved one step down and up. The embedding moves in some direction. The energy "
        "asks whether images that are neighbours, within ε mean pair distances, move in the same direction: 0 if they "
        "all do, 1 if the directions are orthogonal on average."
    )
    blocks = [
        Text(explanation),
        *left_out,
        energies.by_attribute(table, subject),
        energies.by_network(table),
        energies.at_equal_shares(shares),
    ]
    return Section("Energies by scale", blocks)


def _sensitivity(subject: str, rankings: pd.DataFrame, sizes: Sizes) -> Section:
    """Return the section that ranks the attributes."""
    caption = (
        f"Attributes of {subject}, those that move the embedding most first. Displacement: mean distance between both "
        "ends of a curve, over the mean pair distance of the person's cloud. Taken for one person: share of curves "
        "whose three images lie within the best threshold of the recognition above. Intervals: Student's t over "
        f"{sizes.identities} people."
    )
    note = (
        "A step is a sixth of an attribute's range for those that are drawn, a quarter for brightness, hue and image "
        "quality: how far it moves the embedding depends on that choice. Read energy and displacement together. A high "
        "energy with a small displacement says that the attribute hardly moves the embedding, in a direction that is "
        "mostly noise. A high energy with a large displacement says that it moves the embedding far, differently from "
        "image to image; that is no invariance. The order by energy is that of one scale, and changes with it: see the "
        "curves."
    )
    own = rankings[rankings["network"] == subject].reset_index(drop=True)
    blocks = [energies.ranking_chart(rankings, subject), energies.ranking_table(own, caption), Text(note)]
    return Section("Which attributes move it most", blocks)


def _facts(subject: FaceEmbedder, sizes: Sizes) -> dict[str, str]:
    """Return what the head of the page says about the network and the run."""
    return {
        "dimension": f"{subject.dim:,}",
        "parameters": f"{subject.weights:,}",
        "distance": subject.metric,
        "input": f"{subject.input_size} × {subject.input_size}, crop {subject.crop}",
        "energies": f"{sizes.identities} people × {sizes.points} centres",
        "recognition": f"{sizes.people} people × {sizes.images} images",
    }


def caveats(subject: FaceEmbedder) -> list[str]:
    """Return what holds for every report on a network."""
    return [
        "The faces are drawn, not photographed. A network that recognises them well can do worse on photographs, and "
        "the other way round. This page is no benchmark.",
        "Few people and few images: the intervals are over people of this generator, and say nothing about other ones.",
        "Energy is not recognition. A network with random weights has energies too; look at recognition first.",
        f"The distance is {subject.metric}. With another than the network was trained for, all figures change.",
        f"The images are cut and aligned as the crop '{subject.crop}' says. A network trained on other cuts sees less "
        "than it could.",
        "Wrong preprocessing gives figures that look like a poor network. To check: channel order, value range and "
        "size of the input, against the network's own documentation, and two photographs of one person whose distance "
        "you know.",
    ]
