"""How the inputs of toy networks move their embeddings: how far, along what, and whether at all."""

from collections.abc import Sequence

import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.clouds import Cloud
from frlib.training.toy import N_CLASSES, check_runs


@checked
def class_plane_share(embeddings: torch.Tensor, labels: torch.Tensor, fields: dict[str, torch.Tensor]) -> pd.DataFrame:
    r"""Return how much of each field lies in the plane that separates the classes.

    The three class means of the embeddings span a plane. With P the orthogonal projection onto it, the share is
    :math:`\sum_i |P v_i|^2 / \sum_i |v_i|^2`. Vectors without preferred direction in D dimensions would give 2/D.

    Parameters
    ----------
    embeddings : Tensor, shape (R, N, 16)
        One cloud per run.
    labels : Tensor of int, shape (R, N)
        Every run must hold the classes 0, 1, 2.
    fields : dict of str to Tensor, each (R, N, 16)
        From `input_fields`.

    Returns
    -------
    DataFrame
        ``run``, ``attribute`` and ``share``, in 0..1 (NaN if the field is zero everywhere).

    Raises
    ------
    ValueError
        If embeddings and fields are not finite and of one shape, or a run lacks a class or has others.
    """
    check_runs(embeddings, fields)
    checks.as_numbers("labels", labels, finite=True, shape=tuple(embeddings.shape[:2]))
    for run, own in enumerate(labels.tolist()):
        if set(own) != set(range(N_CLASSES)):
            raise ValueError(f"labels must hold the classes 0 to {N_CLASSES - 1} in every run; run {run} holds others")
    rows = []
    for run, (points, classes) in enumerate(zip(embeddings, labels, strict=True)):
        means = torch.stack([points[classes == k].mean(dim=0) for k in range(N_CLASSES)])
        plane = torch.linalg.qr((means[1:] - means[0]).T).Q
        for name, vectors in fields.items():
            share = (vectors[run] @ plane).square().sum() / vectors[run].square().sum()
            rows.append({"run": run, "attribute": name, "share": float(share)})
    return pd.DataFrame(rows)


@checked
def movement_by_kind(
    embeddings: torch.Tensor, labels: torch.Tensor, fields: dict[str, torch.Tensor], energies: pd.DataFrame
) -> pd.DataFrame:
    """Return how useful and useless inputs move the embeddings, as means over runs and inputs.

    Parameters
    ----------
    embeddings, labels, fields
        As in `class_plane_share`.
    energies : DataFrame
        From `frlib.training.run_energies`; the energy is that of its largest scale.

    Returns
    -------
    DataFrame
        Indexed by ``kind``: ``mean_distance`` (of pairs of embeddings), ``length`` (mean length of the field),
        ``displacement`` (the length over the mean distance of its run), ``energy``, and ``plane`` (share in the class
        plane).

    Raises
    ------
    ValueError
        As in `class_plane_share`, or if ``energies`` lacks a column.
    """
    numbers = ["run", "scale", "radius", "energy", "displacement"]
    checks.columns("energies", energies, [*numbers, "attribute", "kind"], numbers)
    largest = energies[energies["scale"] == energies["scale"].max()]
    table = largest.merge(class_plane_share(embeddings, labels, fields), on=["run", "attribute"])
    table = table.assign(mean_distance=table["radius"] / table["scale"]).rename(columns={"share": "plane"})
    table["length"] = table["displacement"] * table["mean_distance"]
    return table.groupby("kind")[["mean_distance", "length", "displacement", "energy", "plane"]].mean()


@checked
def silence(embeddings: torch.Tensor, fields: dict[str, torch.Tensor]) -> pd.Series:
    """Return what is exactly zero in embeddings after a ReLU, and in the fields on them.

    Parameters
    ----------
    embeddings : Tensor, shape (R, N, 16)
        One cloud per run.
    fields : dict of str to Tensor, each (R, N, 16)
        From `frlib.training.input_fields`.

    Returns
    -------
    Series
        Shares in 0..1: ``dead``, of units that are zero at all points of their run; ``inactive``, of pairs of a point
        and a unit; ``still``, of points and inputs without a direction.

    Raises
    ------
    ValueError
        If embeddings and fields are not finite and of one shape.
    """
    check_runs(embeddings, fields)
    zero = embeddings == 0
    still = [(vectors == 0).all(dim=2).double().mean() for vectors in fields.values()]
    shares = {"dead": zero.all(dim=1), "inactive": zero, "still": torch.stack(still)}
    return pd.Series({name: float(values.double().mean()) for name, values in shares.items()})


@checked
def cloud_of_run(
    embeddings: torch.Tensor, fields: dict[str, torch.Tensor], useful: Sequence[str], run: int = 0
) -> Cloud:
    """Return one run as a cloud with the Euclidean metric, whose attributes are named "x1 (useful)" and the like.

    Raises
    ------
    ValueError
        If embeddings and fields are not finite and of one shape.
    """
    check_runs(embeddings, fields)
    checks.whole("run", run, 0, len(embeddings) - 1)
    kinds = {name: "useful" if name in useful else "useless" for name in fields}
    directions = {f"{name} ({kinds[name]})": vectors[run] for name, vectors in fields.items()}
    return Cloud(embeddings[run], metric="euclidean", directions=directions)
