"""Labels of photographs from a table that a reader brings, and which of them organise the people.

The table has one line per photograph that has labels, below a line with the names of the columns: ``photograph``, the
path below the folder, and attributes with two values as `frlib.report.labelled` reads them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from frlib import checks
from frlib.report.album import Album
from frlib.report.labelled import Labelled, no_curves, read_table, two_values
from frlib.report.own_embeddings import ks_chart, tested_attributes, usable_attributes
from frlib.report.page import Column, Section, Table, Text

TITLE = "Which attributes organise the people"


def read_labels(path, photographs: Sequence[str], attributes: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table of labels, and check it against the photographs.

    Parameters
    ----------
    path : path
        A table in UTF-8 with commas.
    photographs : sequence of str
        Path of every photograph below the folder.
    attributes : sequence of str, optional
        The columns to take as attributes. Default: all but ``photograph``.

    Returns
    -------
    DataFrame of bool
        Indexed by the row of the photograph.

    Raises
    ------
    ValueError
        If the table cannot be read, names a photograph that is not there or one twice, or a value is not accepted.
    OSError
        If it is not there.
    """
    name, table = Path(path).name, read_table(path)
    checks.columns(name, table, ["photograph"])
    rows = {photograph: row for row, photograph in enumerate(photographs)}
    paths = table["photograph"].str.replace("\\", "/", regex=False)
    unknown = ~paths.isin(rows)
    if unknown.any():
        line, example = int(unknown.idxmax()), next(iter(rows))
        raise ValueError(
            f"{name}, line {line + 2}, column 'photograph': there is no {table['photograph'][line]!r} in the folder; "
            f"a photograph is named by its path below it, as {example!r}"
        )
    if paths.duplicated().any():
        line = int(paths.duplicated().idxmax())
        raise ValueError(f"{name}, line {line + 2}, column 'photograph': {paths[line]!r} is there already")
    wanted = [column for column in table if column != "photograph"] if attributes is None else attributes
    columns = {column: two_values(table, column, name, of="") for column in wanted}
    if not columns:
        raise ValueError(f"{name} must have a column for at least one attribute beside 'photograph'")
    return pd.DataFrame(columns, index=paths.map(rows).to_numpy())


def section(
    album: Album, labels: pd.DataFrame, permutations: int, seed: int
) -> tuple[Section, dict[str, pd.DataFrame]]:
    """Return the part of the page on labels, and its table.

    Parameters
    ----------
    album : Album
    labels : DataFrame
        Of `read_labels`.
    permutations, seed : int
        Of the test by attribute.
    """
    known = album.images["row"].isin(labels.index).to_numpy()
    without = int((~known).sum())
    said = [Text(f"{without:,} photographs with a face have no labels and are left out here.")] if without else []
    if not known.any():
        return Section(TITLE, [*said, Text("There is nothing to test.")]), {}
    of_images = labels.loc[album.images["row"][known]].reset_index(drop=True)
    given = {}
    for network, own in album.clouds.items():
        points = np.concatenate([cloud.points.numpy() for cloud in own])[known]
        people = album.images["person"].to_numpy(object)[known]
        given[network] = _labelled(points, people, of_images)
    use, left = usable_attributes(next(iter(given.values())))
    said += [Text(f"Left out: {left}.")] if left else []
    if not use:
        return Section(TITLE, [*said, Text("There is no attribute to test.")]), {}
    tables = [
        tested_attributes(own, use, album.clouds[network][0].metric, permutations, seed).assign(network=network)
        for network, own in given.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    blocks = [Text(_stand_out(table)), ks_chart(table, choose="network"), _table(table, permutations), *said]
    return Section(TITLE, blocks), {"attributes.csv": table}


def _labelled(points: np.ndarray, people: np.ndarray, attributes: pd.DataFrame) -> Labelled:
    embeddings = checks.as_matrix("embeddings", points)
    return Labelled(embeddings, people, attributes, no_curves(attributes.index))


def _stand_out(table: pd.DataFrame) -> str:
    """Say which attributes pass at a false discovery rate of 5 %, and in how many networks."""
    sure = table[table["q_value"] <= 0.05].groupby("attribute", sort=False)["network"].nunique()
    count, n = table["attribute"].nunique(), table["network"].nunique()
    if sure.empty:
        return f"At a false discovery rate of 5 % no attribute of {count} stands out in any network."
    named = ", ".join(f"{attribute} ({k} of {n} networks)" for attribute, k in sure.items())
    return f"At a false discovery rate of 5 % these attributes of {count} stand out: {named}."


def _table(table: pd.DataFrame, permutations: int) -> Table:
    """Return one row per attribute and modality, with the statistic of each network."""
    keys, networks = ["attribute", "modality"], list(dict.fromkeys(table["network"]))
    wide = table.pivot(index=keys, columns="network", values="ks")
    by_kind = table.groupby(keys, sort=False)
    wide = wide.assign(n=by_kind["n"].first(), sure=(table["q_value"] <= 0.05).groupby([table[k] for k in keys]).sum())
    wide["closer"] = (table["inside"] == "closer").groupby([table[k] for k in keys]).sum()
    wide = wide.loc[pd.MultiIndex.from_frame(table[keys].drop_duplicates())].reset_index()
    columns = [
        Column("attribute", "Attribute"),
        Column("modality", "Modality"),
        Column("n", "Images", ".0f"),
        *(Column(network, f"KS, {network}", ".3f") for network in networks),
        Column("closer", f"Who share it are closer, of {len(networks)}", ".0f"),
        Column("sure", f"q ≤ 5 %, of {len(networks)}", ".0f"),
    ]
    caption = (
        "KS: largest difference between the distribution of distances inside a modality and across both, without pairs "
        f"of one person; one photograph of a person in each. Labels permuted over people, {permutations} times, q by "
        "Benjamini and Hochberg over the rows of a network. The statistic grows as samples shrink. Attributes go "
        "together: one that stands out may do so because of another."
    )
    return Table(wide, columns, caption)
