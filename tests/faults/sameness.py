"""Other threads, batches, orders, backends and random states: the same numbers, to the bound that each fault states.

A bound is about four times what was measured; "no bit" means that nothing may differ.
"""

import hashlib
import itertools
import json
import os
import random
import sys
from collections.abc import Iterable
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from book import compare
from frlib import geometry
from frlib.clouds import embed
from frlib.faces import Curves, render, sample_identities
from frlib.fingerprint import fingerprint
from frlib.models import load
from frlib.models.layout import with_channels_last
from frlib.training import ArcFace, Variations, finetune, sample_blobs, train_ensemble
from tests.faults.planting import Kind, Outcome, borrow, borrow_compiled, demand, succeeds, survived
from tests.networks import tiny

sameness = Kind("Sameness")

N, DIM = 300, 48
SCALES = [0.5, 0.8, 1.1]


def points(n: int = N, seed: int = 0, dtype=torch.float64) -> torch.Tensor:
    return torch.randn(n, DIM, generator=torch.Generator().manual_seed(seed), dtype=dtype) + 0.3


def labels(n: int = N) -> tuple[np.ndarray, pd.DataFrame]:
    """Return identities, and attributes that vary inside them."""
    draws = np.random.default_rng(1)
    return draws.integers(0, 80, n), pd.DataFrame(draws.random((n, 3)) < 0.4).add_prefix("attribute ")


def photographs(n: int = 9) -> torch.Tensor:
    return torch.randint(0, 256, (n, 112, 112, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def blobs(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    found = sample_blobs(seed=seed)
    return found.inputs, found.labels


def apart(one, other) -> float:
    """Return the largest difference of two tables or arrays, over the largest number of the first."""
    one, other = (np.asarray(value, dtype=float) for value in (one, other))
    demand(one.shape == other.shape, f"shapes {one.shape} and {other.shape}")
    demand(np.array_equal(np.isnan(one), np.isnan(other)), "NaN in other places")
    return float(np.nanmax(np.abs(one - other), initial=0) / np.nanmax(np.abs(one), initial=1e-300))


def within(bound: float, pairs: Iterable[tuple]) -> Outcome:
    """Demand that the two values of each name differ by at most the bound; 0 means that no bit may differ."""
    most, worst, names = -1.0, "", {}
    for name, one, other in pairs:
        names[name] = apart(one, other)
        if names[name] > most:
            most, worst = names[name], name
    demand(most <= bound, f"{worst} differs by {most:.1e}, more than {bound:.0e}")
    if not bound:
        return survived(f"No bit differs: {', '.join(names)}.")
    return survived(f"At most {most:.0e} of the largest value apart, {bound:.0e} allowed: {', '.join(names)}.")


def with_threads(number: int, function):
    """Call a function with so many threads of torch and of linear algebra."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        with threadpool_limits(number, user_api="blas"):
            return function()
    finally:
        torch.set_num_threads(before)


def numbers(table: pd.DataFrame) -> np.ndarray:
    return table.select_dtypes("number").to_numpy(float)


def over_pairs() -> dict[str, np.ndarray]:
    """Return what is computed over all pairs of points."""
    cloud, fields, (people, attributes) = points(), {"a": points(seed=1), "b": points(seed=2)}, labels()
    return {
        "distances": geometry.pair_distances(cloud, metric="euclidean"),
        "mean distances": geometry.distance_summary(cloud, people),
        "verification": geometry.verification(cloud, people),
        "energies": numbers(geometry.energy_sweep(cloud, fields, SCALES)),
        "energies of neighbours": numbers(geometry.neighborhood_energies(cloud, fields, nearest=(5, 10))),
        "statistics of attributes": numbers(geometry.ks_by_attribute(cloud, people, attributes, permutations=50)),
    }


def paired(one: dict, *others: dict) -> list[tuple]:
    return [(name, value, other[name]) for other in others for name, value in one.items()]


# --------------------------------------------------------------------------------------------------------- threads


@sameness.fault("Distances, verification, energies and permutation tests on 1 and 3 threads")
def threads_over_pairs(place: Path) -> Outcome:
    """Tiles are added in their order, whatever thread computed them."""
    return within(0, paired(*(with_threads(k, over_pairs) for k in (1, 3))))


@sameness.fault("Maps between embeddings on 1 and 2 threads of the linear algebra")
def threads_of_maps(place: Path) -> Outcome:
    """Factorisations of LAPACK may add in another order."""
    source, target = points(), points(seed=3) * torch.linspace(0.1, 2, DIM)

    def maps() -> dict[str, np.ndarray]:
        return {
            kind: geometry.fit_alignment(source, target, kind, alpha=alpha).transform(source)
            for kind, alpha in (("procrustes", None), ("linear", None), ("ridge", 0.1))
        }

    return within(1e-12, paired(with_threads(1, maps), with_threads(2, maps)))


@sameness.fault("A network embeds images on 1, 2 and 3 threads")
def threads_of_network(place: Path) -> Outcome:
    """Each thread takes some of the images, so batches have other sizes."""
    return of_network([(f"{k} threads", 64, k, torch.arange(9)) for k in (2, 3)])


@sameness.fault("A network embeds images one by one, in batches of 4, and in another order")
def batches_of_network(place: Path) -> Outcome:
    """Products of matrices of another size may add in another order."""
    rows = torch.arange(9)
    return of_network([("one by one", 1, 1, rows), ("batches of 4", 4, 1, rows), ("backwards", 64, 1, rows.flip(0))])


def of_network(cases: list[tuple]) -> Outcome:
    """Return by how much embeddings of noise in sface differ; of the four networks it is the one whose bits change."""
    for path in Path(os.environ["FRLIB_USERS_CACHE"], "models").glob("sface-*.safetensors"):
        borrow("models", path.name)
    images, network = photographs(), load("sface", device="cpu")
    one = with_threads(1, lambda: network.embed(images, progress=False))

    def otherwise(batch: int, threads: int, order: torch.Tensor) -> torch.Tensor:
        return with_threads(threads, lambda: network.embed(images[order], batch, progress=False))

    return within(2e-6, [(what, one[order], otherwise(batch, threads, order)) for what, batch, threads, order in cases])


@sameness.fault(
    "Weights with their channels last, where oneDNN writes outside its memory with AVX2",
    before="With fewer than 8 channels the process stopped on one thread, and on two a derivative was wrong.",
)
def layouts_of_weights(place: Path) -> Outcome:
    """Strided convolutions of single pixels keep their channels first."""

    def derivatives(channels: int, threads: int) -> tuple[torch.Tensor, torch.Tensor]:
        layer = torch.nn.Conv2d(channels, 8, 1, 2, bias=False)
        images = torch.rand(3, channels, 16, 16)
        with_channels_last(layer)
        inputs = images.contiguous(memory_format=torch.channels_last)
        with_threads(threads, lambda: layer(inputs).sum().backward())
        return layer.weight.grad[:, :, 0, 0], images[:, :, ::2, ::2].double().sum(dim=(0, 2, 3)).expand(8, channels)

    cases = [(f"{c} channels", *derivatives(c, k)) for c in (3, 4, 6, 7, 8) for k in (1, 2)]
    return within(1e-6, cases)


# ---------------------------------------------------------------------------------------------------------- orders


@sameness.fault("Images come in another order, and people under other names")
def order_of_images(place: Path) -> Outcome:
    """All but the draw of one image per person, and of folds of people, see sets of pairs."""
    cloud, (people, attributes), order = points(), labels(), np.random.default_rng(2).permutation(N)
    fields = {"a": points(seed=1)}

    def found(rows, names) -> dict[str, np.ndarray]:
        own = {name: field[rows] for name, field in fields.items()}
        figures = geometry.verification(cloud[rows], names)
        return {
            "mean distances": geometry.distance_summary(cloud[rows], names),
            "AUC, EER and accept rates": figures.drop(["accuracy", "threshold"]),
            "energies": numbers(geometry.energy_sweep(cloud[rows], own, SCALES)),
            "entropies": numbers(geometry.attribute_entropies(names, attributes.iloc[rows].reset_index(drop=True))),
            "counts of pairs": geometry.stream_histograms(cloud[rows], names, bins=64).intra,
        }

    return within(1e-12, paired(found(np.arange(N), people), found(order, 1000 - people[order])))


@sameness.fault("Attributes, networks and scales come in another order, and with others beside them")
def order_of_columns(place: Path) -> Outcome:
    """What is drawn for a column hangs on its name and not on its place."""
    cloud, (people, attributes) = points(), labels()
    fields = {name: points(seed=k) for k, name in enumerate("abc", 1)}
    spaces = {name: points(seed=k) for k, name in enumerate("xyz", 5)}

    def found(backwards: bool) -> dict[str, np.ndarray]:
        step = -1 if backwards else 1
        own = {name: fields[name] for name in [*fields][::step][-2:]} if backwards else fields
        columns = attributes.iloc[:, ::step].iloc[:, : 2 if backwards else 3]
        tables = {
            "statistics": (geometry.ks_by_attribute(cloud, people, columns, permutations=50), "attribute"),
            "energies of drawn neighbours": (geometry.energy_sweep(cloud, own, SCALES, max_neighbors=9), "attribute"),
        }
        tables["compatibility"] = compatibility(spaces, people, step), "source"
        return {name: shared_rows(*table) for name, table in tables.items()}

    return within(0, paired(found(False), found(True)))


def compatibility(spaces: dict, people: np.ndarray, step: int) -> pd.DataFrame:
    table = geometry.compatibility({name: spaces[name] for name in [*spaces][::step]}, people, "linear")
    return table.sort_values(["source", "target"])


def shared_rows(table: pd.DataFrame, by: str) -> np.ndarray:
    """Return the numbers of the rows of two names that both orders have, without what corrects for all rows."""
    shared = table[table[by].isin(["b", "a", "attribute 1", "attribute 2", "x", "y", "z"])]
    return numbers(shared.drop(columns="q_value", errors="ignore").sort_values(by, kind="stable"))


@sameness.fault("Embeddings are stored column by column, or are every second row of a larger array")
def layouts(place: Path) -> Outcome:
    """The same numbers at other places of the memory."""
    cloud, people, fields = points(), labels()[0], {"a": points(seed=1)}
    spread_out = torch.zeros(2 * N, DIM, dtype=cloud.dtype)
    spread_out[::2] = cloud
    forms = (cloud, cloud.T.contiguous().T, spread_out[::2], np.asfortranarray(cloud), cloud.numpy()[::-1][::-1])

    def found(own) -> dict[str, np.ndarray]:
        return {
            "mean distances": geometry.distance_summary(own, people),
            "energies": numbers(geometry.energy_sweep(own, fields, SCALES)),
            "maps": geometry.fit_alignment(own, fields["a"], "ridge", alpha=0.1).matrix,
        }

    return within(1e-13, paired(*map(found, forms)))


@sameness.fault("Somebody else draws from the global generators in between")
def global_generators(place: Path) -> Outcome:
    """What is drawn has a generator of its own; the global ones take no part."""
    (person,), (people, attributes) = sample_identities(1), labels()

    def found(seed: int) -> dict[str, np.ndarray]:
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        cloud = points()
        inputs, classes = blobs(3)
        return {
            "traits of a person": [float(sample_identities(3, seed=9)[2].traits.hair_color)],
            "centres of curves": numbers(Curves(person, 5).table),
            "permutations": numbers(geometry.ks_by_attribute(cloud, people, attributes, permutations=50)),
            "drawn neighbours": numbers(geometry.energy_sweep(cloud, {"a": cloud}, SCALES, max_neighbors=5)),
            "halves of people": numbers(geometry.compatibility({"x": cloud, "y": cloud**2}, people, "procrustes")),
            "a training": train_ensemble(inputs, classes, [1], max_epochs=20, progress=False).loss,
        }

    borrow("faces")
    return within(0, paired(found(1), found(2)))


# ----------------------------------------------------------------------------------------- drawing, training, streams


@sameness.fault("Faces are drawn alone, in another order, and on 3 threads")
def drawing(place: Path) -> Outcome:
    """Images of one call share geometry and light where they can."""
    borrow("faces")
    people = sample_identities(3)
    values = {"head_angle": np.linspace(-40, 40, 6), "age": np.linspace(16, 70, 6), "hue": np.linspace(-4, 4, 6)}
    who = [people[k % 3] for k in range(6)]

    def drawn(rows) -> torch.Tensor:
        own = {name: value[rows] for name, value in values.items()}
        return render([who[k] for k in rows], own, dtype=torch.float32)

    together = drawn([*range(6)])
    return within(
        0,
        [
            ("alone", together, torch.cat([drawn([k]) for k in range(6)])),
            ("backwards", together.flip(0), drawn([*range(6)][::-1])),
            ("3 threads", together, with_threads(3, lambda: drawn([*range(6)]))),
        ],
    )


@sameness.fault("Small networks are trained alone, beside others, and on 2 threads")
def toy_training(place: Path) -> Outcome:
    """One set of matrix products serves all members of an ensemble."""
    inputs, classes = blobs(0)

    def trained(seeds: list[int]) -> torch.Tensor:
        return train_ensemble(inputs, classes, seeds, max_epochs=4, progress=False).weights[0]

    together = trained([3, 1, 2])
    return within(
        1e-12,
        [
            ("alone", together[1:2], trained([1])),
            ("another order", together, trained([1, 2, 3])[[2, 0, 1]]),
            ("2 threads", together, with_threads(2, lambda: trained([3, 1, 2]))),
        ],
    )


@sameness.fault("A network is fine-tuned on 1 and on 2 threads")
def fine_tuning(place: Path) -> Outcome:
    """Gradients of a batch may be added in another order; bits are promised on one machine with one setting only."""
    images = torch.randint(0, 256, (6, 5, 8, 8, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    sets = [Variations(own[:, 0], own[:, 1:], ("age", "age", "hue", "hue")) for own in (images[:4], images[4:])]

    def trained(name: str) -> torch.Tensor:
        found = finetune(tiny(), *sets, margin=ArcFace(0.3, 8.0), epochs=2, name=name, seed=1, progress=False)
        return torch.cat([value.flatten() for value in found.network.state_dict().values()])

    one = trained("one")
    for path in Path(place.parent, "cache", "results").iterdir():
        path.unlink()
    return within(1e-5, [("weights after two epochs", one, with_threads(2, lambda: trained("two")))])


@sameness.fault("Histograms of pairs in blocks of 50 to 300 points, one after the other and on threads")
def streams(place: Path) -> Outcome:
    """Counts of the pairs of blocks add up, whatever the blocks."""
    import dask

    cloud, (people, attributes) = points(), labels()

    def counted(block: int, scheduler: str) -> dict[str, np.ndarray]:
        with dask.config.set(scheduler=scheduler, num_workers=3):
            found = geometry.stream_histograms(cloud, people, attributes, bins=128, block=block)
        return {name: getattr(found, name) for name in ("edges", "intra", "inter", "both", "mixed")}

    whole = counted(N, "synchronous")
    cases = itertools.product((50, 117), ("synchronous", "threads"))
    return within(0, paired(whole, *(counted(*case) for case in cases)))


# -------------------------------------------------------------------------------------- processes, clusters, builds


@sameness.fault("Faces are drawn, embedded and measured here, in two processes, and on a cluster", quick=False)
def backends(place: Path) -> Outcome:
    """The same call; the backend is that of joblib."""
    import distributed

    borrow("faces"), borrow_compiled()
    networks = [tiny("one"), tiny("two", seed=1)]
    drawings = [Curves(person, 4, attributes=("age", "hue")) for person in sample_identities(3)]

    def found() -> np.ndarray:
        clouds = embed(drawings, networks, n_jobs=jobs, progress=False)
        table = fingerprint(clouds, [0.7, 1.0, 1.5], n_jobs=jobs, progress=False)
        for path in Path(place.parent, "cache", "results").iterdir():
            path.unlink()
        return numbers(table)

    jobs = 1
    here = found()
    jobs = 2
    processes = found()
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        with joblib.parallel_config(backend="dask"):
            jobs = None
            workers = found()
    return within(1e-6, [("processes", here, processes), ("cluster", here, workers)])


PROGRAM = "from tests.faults import sameness; print(sameness.digest_over_pairs())"


def digest_over_pairs() -> str:
    """Return the sha256 of all that is computed over pairs."""
    return hashlib.sha256(b"".join(np.asarray(value, float).tobytes() for value in over_pairs().values())).hexdigest()


@sameness.fault("Python hashes texts in another way, as it does in every process", quick=False)
def hashes(place: Path) -> Outcome:
    """Sets and keys of texts come in another order."""
    borrow_compiled()
    command = [sys.executable, "-c", PROGRAM]
    printed = [succeeds(command, environment={"PYTHONHASHSEED": str(k)}, limit=300) for k in (1, 2)]
    one, other = (text.split()[-1] for text in printed)  # what comes before are bars and warnings
    demand(one == other and len(one) == 64, f"{one} and {other}")
    return survived("No bit differs: distances, verification, energies, statistics of attributes.")


@sameness.fault("A number of a second build is 2e-6 of itself larger", before="there was no way to see it")
def another_build(place: Path) -> Outcome:
    """The command that compares two builds lists it, with chapter, cell and column."""
    for name, value in (("one", 0.5), ("two", 0.500001)):
        (place / name / "notebooks").mkdir(parents=True)
        record = {f"{compare.PREFIX}text/plain": repr(value)}
        output = {"output_type": "display_data", "data": record, "metadata": {"scrapbook": {"name": "gap"}}}
        cell = {"cell_type": "code", "source": "view.say(gap=gap)", "outputs": [output]}
        (place / name / "notebooks/01_toy.ipynb").write_text(json.dumps({"cells": [cell]}))
    (found,) = compare.compare(place / "one", place / "two", compare.Counts())
    demand("01_toy, cell 1, number gap" in str(found), str(found))
    return survived(f"Listed: {found}.")
