"""Which people a network takes for one another, and which photographs lie oddly in their own person's cloud."""

import pandas as pd

from frlib.geometry import confused_people
from frlib.report.album import Album
from frlib.report.found_faces import SHOWN
from frlib.report.page import Column, Gallery, Section, Table, Text

#: Pictures below a table.
PICTURED = 12


def people_table(album: Album) -> pd.DataFrame:
    """Return the pairs of people of whom photographs are taken for one person, over all networks.

    Parameters
    ----------
    album : Album

    Returns
    -------
    DataFrame, one row per pair of people
        ``people``, both names; ``networks``, in how many two of their photographs lie within the threshold; ``share``
        of their pairs of photographs that do, mean over networks; ``photographs``, the two that lie closest, over all
        networks, and ``over``, their distance over the threshold; their rows ``image`` and ``other_image``. Where no
        network takes anybody for somebody else, the nearest people of each network.
    """
    tables = []
    for network, own in album.clouds.items():
        threshold = album.thresholds[network]
        found = confused_people(own, threshold)
        tables.append(found.assign(over=found["distance"] / threshold, share=found["accepted"] / found["pairs"]))
    every = pd.concat(tables, ignore_index=True)
    keys, n_networks = ["person", "other"], len(album.clouds)
    grouped = every.groupby(keys)
    closest = every.loc[grouped["over"].idxmin()].set_index(keys)[["over", "image", "other_image"]]
    table = closest.assign(
        networks=every[every["accepted"] > 0].groupby(keys).size(), share=grouped["share"].sum() / n_networks
    )
    table = table.fillna({"networks": 0}).astype({"networks": int}).reset_index()
    if (table["networks"] > 0).any():
        table = table[table["networks"] > 0]
    name = album.images["photograph"]
    table["people"] = [f"{album.people[a]} and {album.people[b]}" for a, b in table[keys].to_numpy()]
    table["photographs"] = [f"{name[a]} and {name[b]}" for a, b in table[["image", "other_image"]].to_numpy()]
    return table.sort_values(["networks", "share", "over"], ascending=[False, False, True], ignore_index=True)


def people_section(album: Album) -> tuple[Section, pd.DataFrame]:
    """Return the part of the page on people who are taken for one another, and its table."""
    table, title = people_table(album), "Who is confused with whom"
    confused = int((table["networks"] > 0).sum())
    pairs = len(album.people) * (len(album.people) - 1) // 2
    if confused:
        said = Text(
            f"Of {pairs:,} pairs of people, {confused:,} have photographs that some network takes for one person, at "
            "the balanced threshold."
        )
    else:
        said = Text("No network takes two people for one, at the balanced threshold. The nearest people are:", "good")
    columns = [
        Column("people", "People"),
        Column("networks", f"Networks, of {len(album.clouds)}", ".0f"),
        Column("share", "Pairs within the threshold", ".1%"),
        Column("photographs", "Closest photographs"),
        Column("over", "Their distance over the threshold", ".2f"),
    ]
    more = f" The first {SHOWN} of {len(table):,}; confused.csv has all." if len(table) > SHOWN else ""
    caption = (
        "Networks: in how many two photographs of these people lie within the threshold. Pairs: mean over networks. "
        "Closest photographs: in the network where they lie closest. One photograph in the wrong folder confuses two "
        f"people: look at the next section.{more}"
    )
    blocks = [said, Table(table.head(SHOWN), columns, caption)]
    shown = table.head(PICTURED // 2)[["image", "other_image"]].to_numpy().ravel()
    if pictures := album.pictures(shown):
        blocks.append(Gallery(pictures, "The closest photographs, in the order of the table.", 2))
    columns = ["people", "networks", "share", "photographs", "over"]
    return Section(title, blocks), table[columns]


def outlier_table(album: Album) -> pd.DataFrame:
    """Return the photographs that lie oddly in some network.

    Parameters
    ----------
    album : Album

    Returns
    -------
    DataFrame, one row per photograph
        ``photograph``, ``person``, ``remark`` of the search for faces; ``misplaced``, in how many networks it is nearer
        to another person (see `frlib.geometry.image_placements`), ``other``: to whom, in most of them; ``alone``: in
        how many it is far from all of its own; ``own`` and ``to_other``, its mean distances to both over the threshold,
        mean over networks; ``image``, its row. Those that are nearer to others in most networks first.
    """
    every = pd.concat([_over(table, album.thresholds[network]) for network, table in album.placements.items()])
    grouped = every.groupby("image")
    table = grouped[["misplaced", "alone"]].sum().join(grouped[["own", "to_other"]].mean())
    nearer = every[every["misplaced"]].groupby("image")["other"].agg(lambda codes: codes.mode().iloc[0])
    table["other"] = nearer.map(lambda code: album.people[code])
    table = table[(table["misplaced"] > 0) | (table["alone"] > 0)].reset_index().fillna({"other": ""})
    table = table.join(album.images[["photograph", "person", "remark"]], on="image")
    return table.sort_values(["misplaced", "alone", "own"], ascending=False, ignore_index=True)


def _over(placements: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return the placements of one network with distances over the threshold, and the row of the image."""
    own, to_other = placements["own"] / threshold, placements["to_other"] / threshold
    return placements.assign(image=range(len(placements)), own=own, to_other=to_other)


def outlier_section(album: Album) -> tuple[Section, pd.DataFrame]:
    """Return the part of the page on photographs that lie oddly, and its table."""
    table, title, n = outlier_table(album), "Photographs that lie oddly", len(album.clouds)
    rule = Text(
        "Two rules, for each network. Nearer to another person: the mean distance to the photographs of somebody else "
        "is smaller than that to the person's own, and within the threshold; such a photograph may be in the wrong "
        "folder. Far from its own: even the nearest photograph of the same person lies beyond the threshold."
    )
    kept = ["photograph", "person", "misplaced", "other", "alone", "own", "to_other", "remark"]
    if table.empty:
        return Section(title, [rule, Text("No photograph does so in any network.", "good")]), table[kept]
    most = table[table["misplaced"] > n / 2]
    said = []
    if len(most):
        named = [f"{row.photograph} (nearer to {row.other})" for row in most.head(SHOWN).itertuples()]
        said = [Text(f"May be mislabelled, by most networks: {', '.join(named)}.", "warning")]
    columns = [
        Column("photograph", "Photograph"),
        Column("misplaced", f"Nearer to another, of {n} networks", ".0f"),
        Column("other", "To whom"),
        Column("alone", f"Far from its own, of {n}", ".0f"),
        Column("own", "Mean distance to its own", ".2f"),
        Column("to_other", "To the nearest other person", ".2f"),
        Column("remark", "Remark"),
    ]
    more = f" The first {SHOWN} of {len(table):,}; outliers.csv has all." if len(table) > SHOWN else ""
    caption = f"Distances over the threshold, mean over networks. One network of several proves little.{more}"
    blocks = [rule, *said, Table(table.head(SHOWN), columns, caption)]
    if pictures := album.pictures(table["image"].head(PICTURED)):
        blocks.append(Gallery(pictures, "The photographs of the table, in its order."))
    return Section(title, blocks), table[kept]
