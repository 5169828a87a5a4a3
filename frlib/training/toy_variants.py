"""The toy experiment with one setting changed at a time: what the difference of energies depends on."""

from collections.abc import Mapping, Sequence

import pandas as pd

from frlib.arguments import checked
from frlib.training.toy import Experiment, compare_dimensions, toy_experiment

LABELS = "wrong labels"


@checked
def toy_variants(useless: Sequence[int], wrong: Sequence[float], *, points_per_blob: int = 250) -> dict:
    """Return the settings of `run_variants`, one change each.

    Parameters
    ----------
    useless : sequence of int
        Numbers of useless dimensions.
    wrong : sequence of float
        Shares of wrong labels, in 0..1.
    points_per_blob : int
        In every setting.

    Returns
    -------
    dict of (change, setting) to dict
        Arguments of `frlib.training.toy_experiment`: also the step of the difference, and what paper A leaves open.
    """
    blobs = {"points_per_blob": points_per_blob}
    changes = {("useless dimensions", f"{n}"): {"blobs": {"useless": n}} for n in useless}
    changes |= {(LABELS, f"{100 * share:g} %"): {"blobs": {"label_noise": share}} for share in wrong}
    changes |= {("step h", f"{step:g}"): {"fields": {"step": step}} for step in (0.1, 0.5, 2.0, 5.0)}
    changes |= {
        ("variant", "as above"): {},
        ("variant", "forward difference"): {"fields": {"scheme": "forward"}},
        ("variant", "exact derivative"): {"fields": {"scheme": "exact"}},
        ("variant", "before the ReLU"): {"fields": {"before_activation": True}},
        ("variant", "tanh"): {"training": {"activation": "tanh"}},
    }
    return {key: change | {"blobs": blobs | change.get("blobs", {})} for key, change in changes.items()}


@checked
def run_variants(variants: Mapping, seeds: Sequence[int], scales: Sequence[float], **options) -> dict:
    """Return one `frlib.training.Experiment` per setting of `toy_variants`; options as of `toy_experiment`."""
    return {key: toy_experiment(seeds, scales, **options, **change) for key, change in variants.items()}


@checked
def variant_gaps(results: Mapping[tuple[str, str], Experiment], *, seed: int = 0) -> pd.DataFrame:
    """Return `frlib.training.compare_dimensions` of every setting, after ``change`` and ``setting``.

    Scales at which a run has no energy are left out.
    """
    gaps = {key: compare_dimensions(result.energies, seed=seed) for key, result in results.items()}
    return pd.concat(gaps, names=["change", "setting"]).reset_index(["change", "setting"]).dropna()


@checked
def variant_table(results: Mapping[tuple[str, str], Experiment], gaps: pd.DataFrame) -> pd.DataFrame:
    """Return one row per setting: how well the networks learned, and what became of the difference.

    Parameters
    ----------
    results : mapping
        From `run_variants`.
    gaps : DataFrame
        From `variant_gaps`.

    Returns
    -------
    DataFrame
        Indexed by ``change`` and ``setting``, means over runs: accuracy on the training points and their labels, right
        or wrong (``train``), and on new points with the true ones (``test``); displacement over the mean distance per
        input unit of both kinds (``useful``, ``useless``); ``difference`` of the energies, and largest ``p``, over
        scales.
    """
    rows = {
        key: {"train": float(result.ensemble.accuracy.mean()), "test": float(result.test_accuracy.mean())}
        | result.energies.groupby("kind")["displacement"].mean().to_dict()
        for key, result in results.items()
    }
    over = gaps.groupby(["change", "setting"]).agg(difference=("difference", "mean"), p=("p", "max"))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["change", "setting"])
    return table[["train", "test", "useful", "useless"]].join(over)
