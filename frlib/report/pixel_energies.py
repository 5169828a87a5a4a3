"""Energies of the three attributes that any photograph can be changed along, beside those of drawn people."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from frlib import view
from frlib.clouds import Cloud, embed
from frlib.faces import Curves, sample_identities
from frlib.faces.attributes import PIXELS
from frlib.fingerprint import RANKED_AT, fingerprint
from frlib.geometry import mean_interval
from frlib.models.embedder import FaceEmbedder
from frlib.report.energies import SCALES
from frlib.report.own_energies import CURVES_AT_LEAST, TITLE
from frlib.report.page import Column, Figure, Section, Table, Text

#: Fewest photographs of a person for a displacement, whose unit is their mean distance.
IMAGES_AT_LEAST = 3
#: Drawn people, and most images of each.
DRAWN_PEOPLE, DRAWN_IMAGES = 6, 30
KINDS = ("photographs", "drawn")


def drawn_clouds(
    embedders: Sequence[FaceEmbedder], n_images: int, *, seed: int = 0, n_jobs: int | None = None, progress: bool = True
) -> dict[str, list[Cloud]]:
    """Return clouds of drawn people whose images are changed along the attributes of pixels.

    Parameters
    ----------
    embedders : sequence of FaceEmbedder
    n_images : int
        Per person; at least `IMAGES_AT_LEAST` and at most `DRAWN_IMAGES` are drawn.
    seed : int
    n_jobs, progress
        As in `frlib.runtime.spread`.
    """
    people, n_images = sample_identities(DRAWN_PEOPLE, seed=seed), min(max(n_images, IMAGES_AT_LEAST), DRAWN_IMAGES)
    curves = [Curves(person, n_images, seed=seed, attributes=PIXELS) for person in people]
    return embed(curves, embedders, n_jobs=n_jobs, progress=progress)


def energies_of(clouds: Mapping[str, Sequence[Cloud]], device=None, n_jobs: int | None = None) -> pd.DataFrame:
    """Return the energies of people with enough images.

    Parameters
    ----------
    clouds : mapping of network to sequence of Cloud
    device, n_jobs
        As in `frlib.fingerprint.fingerprint`.

    Returns
    -------
    DataFrame
        Rows of `frlib.fingerprint.fingerprint`; none if nobody has `CURVES_AT_LEAST` images that do not coincide.
    """
    enough = {
        name: [c for c in own if len(c.points) >= CURVES_AT_LEAST and not c.coincides] for name, own in clouds.items()
    }
    enough = {name: own for name, own in enough.items() if own}
    return fingerprint(enough, SCALES, device=device, n_jobs=n_jobs) if enough else pd.DataFrame()


def displacements_of(clouds: Mapping[str, Sequence[Cloud]]) -> pd.DataFrame:
    """Return how far attributes move the images of each person, in mean pair distances.

    Parameters
    ----------
    clouds : mapping of network to sequence of Cloud

    Returns
    -------
    DataFrame
        ``network``, ``identity``, ``attribute``, ``displacement``: one row each for people with at least
        `IMAGES_AT_LEAST` images that do not coincide.
    """
    rows = [
        (name, cloud.identity, attribute, float(ends.mean()) / cloud.mean_distance)
        for name, own in clouds.items()
        for cloud in own
        if len(cloud.points) >= IMAGES_AT_LEAST and not cloud.coincides
        for attribute, ends in cloud.displacements.items()
    ]
    return pd.DataFrame(rows, columns=["network", "identity", "attribute", "displacement"])


def summary(energies: pd.DataFrame, displacements: pd.DataFrame, images: str) -> pd.DataFrame:
    """Return means over people by network and attribute.

    Parameters
    ----------
    energies : DataFrame
        Of `energies_of`; may be empty.
    displacements : DataFrame
        Of `displacements_of`.
    images : str
        Whose they are.

    Returns
    -------
    DataFrame
        ``network``, ``attribute``, ``images``; ``displacement`` and ``energy`` at scale 1 with ``_low`` and ``_high``;
        ``isolated``, mean share of points without neighbour at that scale; ``people`` of the displacement and
        ``people_energy`` of the energy. NaN where nobody has an energy.
    """
    here = pd.DataFrame(columns=["network", "attribute", "energy", "isolated"])
    if len(energies):
        here = energies[energies["scale"] == RANKED_AT]
    rows = []
    for (network, attribute), own in displacements.groupby(["network", "attribute"], sort=False):
        part = here[(here["network"] == network) & (here["attribute"] == attribute)]
        row = {"network": network, "attribute": attribute, "images": images}
        row |= {"isolated": part["isolated"].mean(), "people": len(own), "people_energy": len(part)}
        for name, values in (("displacement", own["displacement"]), ("energy", part["energy"])):
            found = mean_interval(values)
            # Neither can be negative; of a few values the interval could be.
            row |= {name: float(found.mean), f"{name}_low": np.maximum(0, found.low), f"{name}_high": found.high}
        rows.append(row)
    return pd.DataFrame(rows)


def section(
    clouds: Mapping[str, Sequence[Cloud]], drawn: Mapping[str, Sequence[Cloud]], n_jobs: int | None = None
) -> tuple[Section, dict[str, pd.DataFrame]]:
    """Return the part of the page on energies, and its tables.

    Parameters
    ----------
    clouds : mapping of network to sequence of Cloud
        Of photographs, one cloud per person.
    drawn : mapping of network to sequence of Cloud
        Of `drawn_clouds`, in the same networks.
    n_jobs : int, optional
        As in `frlib.runtime.spread`.
    """
    displaced = displacements_of(clouds)
    if displaced.empty:
        said = (
            f"Nobody has {IMAGES_AT_LEAST} photographs with a face that are not copies of one: there is no unit for "
            "displacements and energies."
        )
        return Section(TITLE, [Text(said)]), {}
    energies = {kind: energies_of(own, n_jobs=n_jobs) for kind, own in zip(KINDS, (clouds, drawn), strict=True)}
    tables = zip(energies.values(), (displaced, displacements_of(drawn)), KINDS, strict=True)
    together = pd.concat([summary(*table) for table in tables], ignore_index=True)
    every = pd.concat([table.assign(images=kind) for kind, table in energies.items()], ignore_index=True)
    lead = Text(
        "Any photograph can be changed in brightness, hue and image quality. Displacement: how far the change from end "
        "to end moves the embedding, over the mean distance of the person's photographs. Energy: whether photographs "
        "that are neighbours, within ε mean distances, move in the same direction: 0 if they all do, 1 if the "
        "directions are orthogonal on average."
    )
    blocks = [lead, Text(_people_said(together)), _displacement_chart(together)]
    if len(every):
        blocks.append(_energy_chart(every))
    note = Text(
        "Drawn people are other people in other images. A difference between photographs and drawn images may be one "
        "of skin, light and background, or of what varies between the images of a person. The changes are the same."
    )
    return Section(TITLE, [*blocks, _table(together), note]), {"energies.csv": every, "pixel_changes.csv": together}


def _people_said(together: pd.DataFrame) -> str:
    """Say on how many people the figures rest, and what cannot be told."""
    photographs, drawn = (together[together["images"] == kind] for kind in KINDS)
    people, with_energy = int(photographs["people"].max()), int(photographs["people_energy"].max())
    drawn_said = f"Beside them {int(drawn['people'].max())} drawn people, changed alike."
    if not with_energy:
        return (
            f"Displacements of {people} people. Nobody has {CURVES_AT_LEAST} photographs with a face, the fewest for "
            f"an energy: whether neighbours move alike cannot be told. {drawn_said}"
        )
    few = f", {'an interval needs two' if with_energy == 1 else 'so intervals are wide'}" if with_energy < 4 else ""
    return (
        f"Displacements of {people} people; energies of the {with_energy} with at least {CURVES_AT_LEAST} photographs"
        f"{few}. {drawn_said}"
    )


def _displacement_chart(together: pd.DataFrame) -> Figure:
    ends = ("displacement_low", "displacement_high")
    furthest = float(np.nanmax(together[["displacement", ends[1]]].to_numpy()))
    most = together[together["images"] == KINDS[0]].groupby("attribute")["displacement"].mean().idxmax()
    moved = view.Column("displacement", "displacement, in mean distances", domain=(0, furthest))
    chart = view.figure(
        view.dots(together, moved, "attribute", color="images", apart=True, bars=ends),
        choose="network",
        description="Displacement by attribute, photographs and drawn images beside each other. On photographs "
        f"{most.replace('_', ' ')} moves embeddings most, mean over networks.",
    )
    return Figure(chart, "How far a change moves the embedding. Line: 95 % interval over people. Choose a network.")


def _energy_chart(every: pd.DataFrame) -> Figure:
    chart = view.energies_of_images(
        every,
        order=KINDS,
        description="Energy against scale of three attributes, solid for photographs and dashed for drawn images, with "
        "the share of isolated images below.",
    )
    return Figure(chart, "Means over people. Where most images are isolated, an energy rests on few pairs.")


def _table(together: pd.DataFrame) -> Table:
    """Return photographs and drawn images beside each other, one row per network and attribute."""
    wide = together.pivot(index=["network", "attribute"], columns="images")
    wide.columns = [f"{name} {images}" for name, images in wide.columns]
    order = pd.MultiIndex.from_frame(together[["network", "attribute"]].drop_duplicates())
    wide = wide.loc[order].reset_index()
    wide["name"] = [f"{n}, {a.replace('_', ' ')}" for n, a in wide[["network", "attribute"]].to_numpy()]
    columns = [Column("name", "Network, attribute")]
    for name, head, form in (
        ("displacement", "Displacement", ".2f"),
        ("energy", f"Energy at ε = {RANKED_AT:g}", ".2f"),
        ("isolated", "Isolated", ".0%"),
    ):
        for kind in KINDS:
            interval = (f"{name}_low {kind}", f"{name}_high {kind}") if name == "energy" else ()
            columns.append(Column(f"{name} {kind}", f"{head}, {kind}", form, interval))
    caption = (
        "Means over people; energies with 95 % intervals (Student's t), displacements have theirs in the chart. "
        "Isolated: share of images without a neighbour at this ε. A dash: nobody has enough photographs."
    )
    return Table(wide, columns, caption)
