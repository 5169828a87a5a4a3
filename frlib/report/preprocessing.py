"""Is a network shown what it expects? The same faces with other channel orders and value ranges."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from frlib.clouds import images_of
from frlib.faces import Identity, Portraits
from frlib.geometry import recognition_figures
from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.report import recognition
from frlib.report.page import Column, Section, Table, Text

#: Common value ranges: what is subtracted from 0..255, and by what the rest is multiplied.
RANGES = {"-1 to 1": (127.5, 1 / 127.5), "0 to 1": (0.0, 1 / 255), "0 to 255": (0.0, 1.0)}
#: Another setting is called better from this gain in AUC on.
GAIN = 0.02


def settings(given: Preprocess) -> dict[str, Preprocess]:
    """Return the given preprocessing, and common ones that differ from it, by what they do."""
    found = {"as given": given}
    orders = [("grey", False)] if given.grey else [("RGB", False), ("BGR", True)]
    for (order, bgr), (values, (mean, scale)) in itertools.product(orders, RANGES.items()):
        other = Preprocess(given.size, mean, scale, bgr, given.grey)
        same = bgr == given.bgr and np.allclose(other.mean, given.mean, atol=1)
        if not (same and np.allclose(other.scale, given.scale, rtol=0.02)):
            found[f"{order}, {values}"] = other
    return found


def compare(embedder: FaceEmbedder, people: Sequence[Identity], n_images: int, *, seed: int = 0) -> pd.DataFrame:
    """Embed a few images of each person with every setting, and measure recognition.

    Parameters
    ----------
    embedder : FaceEmbedder
    people : sequence of Identity
        At least two.
    n_images : int
        Per person, at least two.
    seed : int
        Seeds the attributes of the images, which are those of `frlib.faces.Portraits`.

    Returns
    -------
    DataFrame
        ``setting`` and the figures of `frlib.geometry.recognition_figures`.
    """
    images = torch.cat([images_of(Portraits(person, n_images, seed), embedder.crop) for person in people])
    identities = np.repeat(np.arange(len(people)), n_images)
    rows = []
    for name, preprocess in settings(embedder.preprocess).items():
        options = {name: getattr(embedder, name) for name in ("metric", "dim", "crop", "licence", "device")}
        other = FaceEmbedder(embedder.name, embedder.network, preprocess, **options)
        found = recognition_figures(other.embed(images, progress=False), identities, metric=embedder.metric)
        rows.append({"setting": name} | found)
    return pd.DataFrame(rows)


def section(table: pd.DataFrame, n_people: int, n_images: int) -> Section:
    """Return the part of the page on preprocessing."""
    given, best = table.iloc[0], table.loc[table["auc"].idxmax()]
    if best["auc"] < recognition.RECOGNISES:
        said = Text(
            f"With none of the common settings are these people recognised: the best AUC is {best['auc']:.3f}. The "
            "network may not be one for faces, or it wants another crop or another input altogether.",
            "warning",
        )
    elif best["auc"] > given["auc"] + GAIN:
        said = Text(
            f"With {best['setting']} the AUC is {best['auc']:.3f}, as given it is {given['auc']:.3f}. The network "
            "probably expects another input: see --mean, --scale and --bgr.",
            "warning",
        )
    else:
        said = Text(
            f"No common setting is better than the given one by more than {GAIN} in AUC. Many networks tolerate a "
            "wrong one, so this is no proof: compare with the network's own documentation."
        )
    columns = [
        Column("setting", "Input"),
        Column("auc", "AUC (95 %)", ".3f", ("auc_low", "auc_high")),
        Column("ratio", "d intra / d inter", ".3f"),
    ]
    caption = f"The same {n_people * n_images} images of {n_people} people, given to the network in several ways."
    return Section("Is the input what the network expects?", [said, Table(table, columns, caption, "as given")])
