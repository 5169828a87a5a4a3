"""The toy model: three blobs, inputs that matter and inputs that do not, and many small networks trained at once.

The networks of an ensemble are independent: member r sees its own data, its own initial weights, and stops when it has
converged itself. They share one set of matrix products. On one CPU thread this halves the time (30 networks of the
default size: 1.1 s against 2.1 s one by one); the products are then limited by memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch.nn import functional
from tqdm.auto import tqdm

from frlib import checks
from frlib.arguments import checked
from frlib.geometry import energy_sweep
from frlib.runtime import choose_device

N_CLASSES = 3
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}
SCHEMES = ("central", "forward", "exact")


class Blobs(NamedTuple):
    """Inputs (N, d) and labels (N,) of the toy problem, and the names of its d dimensions."""

    inputs: torch.Tensor
    labels: torch.Tensor
    useful: list[str]
    useless: list[str]


@checked
def sample_blobs(
    points_per_blob: int = 250,
    useless: int = 4,
    *,
    radius: float = 4.0,
    spread: float = 1.0,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Blobs:
    r"""Draw three Gaussian blobs in the first two dimensions, and uniform noise in all others.

    .. math:: (x_1, x_2) \sim \mathcal N(c_y, \sigma^2 I), \qquad x_3, \dots, x_d \sim U(-5, 5)

    The class y decides x1 and x2; it says nothing on the other dimensions. The blobs' centres c lie on a circle.
    Paper A (section 4, toy model) gives the sizes and the uniform law; it does not give centres and spreads.

    Parameters
    ----------
    points_per_blob : int
        Points of each of the three classes; the paper has 250.
    useless : int
        Number of uniform dimensions; the paper has 4.
    radius : float
        Radius of the circle of the centres, in input units.
    spread : float
        Standard deviation of a blob in each of its two dimensions, in input units.
    label_noise : float
        Share of the labels that are replaced by one of the two wrong classes, in 0..1.
    seed : int
        Seeds the draw.

    Returns
    -------
    Blobs
        Float64 inputs (3 n, 2 + useless), ordered by blob, integer labels (3 n,), and names ``x1, x2, ...``.

    Raises
    ------
    ValueError
        If a size is too small, a length is negative or the label noise is not a share.
    """
    n = checks.at_least("points_per_blob", points_per_blob, 1)
    checks.at_least("useless", useless, 0)
    for name, value in {"radius": radius, "spread": spread}.items():
        checks.between(name, value, 0, np.inf)
    checks.between("label_noise", label_noise, 0, 1)
    random = np.random.default_rng([seed, 0])
    blob = np.repeat(np.arange(N_CLASSES), n)
    angle = np.pi / 2 + 2 * np.pi * blob / N_CLASSES
    centres = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    plane = centres + spread * random.standard_normal((len(blob), 2))
    noise = random.uniform(-5, 5, (len(blob), useless))
    wrong = random.random(len(blob)) < label_noise
    labels = (blob + wrong * random.integers(1, N_CLASSES, len(blob))) % N_CLASSES
    names = [f"x{k + 1}" for k in range(2 + useless)]
    return Blobs(torch.tensor(np.hstack([plane, noise])), torch.tensor(labels), names[:2], names[2:])


@dataclass
class Ensemble:
    """R networks with the same layers, and how their training went.

    Attributes
    ----------
    weights, biases : list of Tensor
        Per layer, shapes (R, fan in, fan out) and (R, 1, fan out).
    activation : str
        ``"relu"`` or ``"tanh"``, after every layer but the last.
    seeds : list of int
        Of the initial weights, one per network.
    epochs : Tensor, shape (R,)
        Gradient steps taken by each network until it converged.
    converged : Tensor of bool, shape (R,)
        Whether it met the criterion before the last allowed epoch.
    loss, accuracy : Tensor, shape (R,)
        On the training data, at the network's own last epoch.
    history : Tensor, shape (epochs, R)
        Training loss at each epoch; NaN after the network's own last epoch.
    """

    weights: list[torch.Tensor]
    biases: list[torch.Tensor]
    activation: str
    seeds: list[int]
    epochs: torch.Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))
    converged: torch.Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))
    loss: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    accuracy: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    history: torch.Tensor = field(default_factory=lambda: torch.zeros(0, 0))

    def __len__(self) -> int:
        return len(self.seeds)

    @classmethod
    def initial(cls, sizes: Sequence[int], seeds: Sequence[int], activation: str = "relu", device=None) -> "Ensemble":
        """Return untrained networks with layer ``sizes``; each member depends on its own seed alone.

        Weights and biases are uniform in +-1/sqrt(fan in), the default of `torch.nn.Linear`.
        """
        checks.one_of("activation", activation, ACTIVATIONS)
        generators = [np.random.default_rng([seed, 1]) for seed in seeds]
        weights, biases = [], []
        for fan_in, fan_out in zip(sizes[:-1], sizes[1:], strict=True):
            bound = fan_in**-0.5
            layer = np.stack([random.uniform(-bound, bound, (fan_in + 1, fan_out)) for random in generators])
            layer = torch.tensor(layer, device=device)
            weights.append(layer[:, :fan_in].clone())
            biases.append(layer[:, fan_in:].clone())
        return cls(weights, biases, activation, [int(seed) for seed in seeds])

    def forward(self, inputs: torch.Tensor, layers: int | None = None, *, before_activation: bool = False):
        """Return the output (R, N, width) of the first ``layers`` layers (default: all, which gives the logits)."""
        depth = len(self.weights)
        layers = depth if layers is None else layers
        activate = ACTIVATIONS[self.activation]
        for k in range(layers):
            inputs = torch.baddbmm(self.biases[k], inputs, self.weights[k])
            last = k == layers - 1
            if not (last and (before_activation or layers == depth)):
                inputs = activate(inputs)
        return inputs


def per_run(name: str, value: torch.Tensor, n_runs: int) -> torch.Tensor:
    """Return ``value`` with a leading axis of runs: as given, or the same for every run."""
    checks.as_numbers(name, value, finite=True)
    wanted = 3 if name == "inputs" else 2
    if value.ndim == wanted - 1:
        return value.expand(n_runs, *value.shape)
    if value.ndim != wanted or len(value) != n_runs:
        shape = "(N, d) or (runs, N, d)" if name == "inputs" else "(N,) or (runs, N)"
        raise ValueError(f"{name} must have shape {shape} with {n_runs} runs; got {tuple(value.shape)}")
    return value


def per_run_inputs(ensemble: Ensemble, inputs: torch.Tensor) -> torch.Tensor:
    """Return inputs (R, N, d) of the type and on the device of an ensemble, for whose d they must be."""
    inputs = per_run("inputs", inputs, len(ensemble)).to(ensemble.weights[0])
    if inputs.shape[2] != (d := ensemble.weights[0].shape[1]):
        raise ValueError(f"inputs must have {d} dimensions, as those of the training; got {inputs.shape[2]}")
    return inputs


def check_runs(embeddings: torch.Tensor, fields: Mapping[str, torch.Tensor]) -> None:
    """Raise unless embeddings and fields are finite and of one shape (R, N, D), and fields have texts for names."""
    checks.as_numbers("embeddings", embeddings, finite=True, shape=(None, None, None))
    for name, vectors in fields.items():
        checks.instance("a name in fields", name, str)
        checks.as_numbers(f"fields[{name!r}]", vectors, finite=True, shape=tuple(embeddings.shape))
    if not all(map(torch.is_floating_point, (embeddings, *fields.values()))):
        raise ValueError("embeddings and fields must be of floating-point numbers; got others")
    if not embeddings.numel():
        raise ValueError(f"embeddings must not be empty; got shape {tuple(embeddings.shape)}")


def cross_entropy_by_run(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy (R,), in nats, of logits (R, N, classes) against labels (R, N)."""
    losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return losses.view(labels.shape).mean(dim=1)


@checked
def train_ensemble(
    inputs: torch.Tensor,
    labels: torch.Tensor,
    seeds: Sequence[int],
    *,
    hidden: Sequence[int] = (16, 16),
    activation: str = "relu",
    learning_rate: float = 0.01,
    tolerance: float = 1e-3,
    window: int = 100,
    max_epochs: int = 5000,
    progress: bool = True,
    device: str | torch.device | None = None,
) -> Ensemble:
    r"""Train one network per seed with Adam on the cross-entropy, all in one set of matrix products.

    Every step uses the whole training set. A network has converged at the first epoch t at which its training loss L
    has fallen by less than ``tolerance`` nats in the last ``window`` epochs,

    .. math:: L_{t - w} - L_t < \tau,

    and keeps its weights of that epoch. Adam works element by element and no product mixes two members, so a member's
    result does not depend on the others. Paper A names Adam, cross-entropy and convergence; the learning rate, the
    batch and the criterion are ours.

    Parameters
    ----------
    inputs : Tensor, shape (N, d) or (R, N, d)
        The same data for every network, or one data set per network.
    labels : Tensor of int, shape (N,) or (R, N)
        Classes 0, 1, 2.
    seeds : sequence of int
        R seeds of the initial weights.
    hidden : sequence of int
        Widths of the hidden layers; the last one is the embedding.
    activation : {"relu", "tanh"}
        After every hidden layer.
    learning_rate : float
        Of Adam; its other settings are the defaults.
    tolerance : float
        In nats.
    window, max_epochs : int
        In epochs; one epoch is one gradient step.
    progress : bool
        Show a bar that counts converged networks.
    device : str, optional
        Where to train.

    Returns
    -------
    Ensemble
        Float64 weights, and the record of the training.

    Raises
    ------
    ValueError
        If shapes do not fit together or a setting is out of range.
    """
    if not len(seeds):
        raise ValueError("seeds must be one or more whole numbers; got none")
    device = None if device is None else choose_device(device)
    inputs = per_run("inputs", inputs, len(seeds)).to(device, torch.float64)
    labels = per_run("labels", labels, len(seeds)).to(device)
    if inputs.shape[:2] != labels.shape:
        raise ValueError(f"labels must have one class per input, {tuple(inputs.shape[:2])}; got {tuple(labels.shape)}")
    checks.between("labels", labels, 0, N_CLASSES - 1)
    checks.between("learning_rate", learning_rate, 0, np.inf)
    checks.at_least("window", window, 1)
    checks.at_least("max_epochs", max_epochs, 1)
    sizes = [inputs.shape[2], *hidden, N_CLASSES]
    moving, final = (Ensemble.initial(sizes, seeds, activation, device) for _ in range(2))
    optimizer = torch.optim.Adam([p.requires_grad_() for p in moving.weights + moving.biases], lr=learning_rate)
    final.epochs = torch.full((len(final),), max_epochs)
    final.converged = torch.zeros(len(final), dtype=torch.bool)
    losses: list[torch.Tensor] = []
    with tqdm(total=len(seeds), desc="networks converged", disable=not progress, leave=False) as bar:
        for epoch in range(max_epochs + 1):
            loss = cross_entropy_by_run(moving.forward(inputs), labels)
            losses.append(loss.detach().cpu())
            fallen = (
                losses[-1 - window] - losses[-1] < tolerance if epoch >= window else torch.zeros_like(final.converged)
            )
            new = fallen & ~final.converged
            final.epochs[new] = epoch
            final.converged |= new
            bar.update(int(new.sum()))
            over = epoch == max_epochs or bool(final.converged.all())
            keep = (new | ~final.converged if epoch == max_epochs else new).to(inputs.device)
            with torch.no_grad():
                for kept, current in zip(final.weights + final.biases, moving.weights + moving.biases, strict=True):
                    kept[keep] = current[keep]
            if over:
                break
            optimizer.zero_grad()
            loss.sum().backward()
            optimizer.step()
    logits, history = final.forward(inputs), torch.stack(losses)
    final.loss = cross_entropy_by_run(logits, labels).cpu()
    final.accuracy = (logits.argmax(dim=2) == labels).double().mean(dim=1).cpu()
    final.history = history.masked_fill(torch.arange(len(history))[:, None] > final.epochs, torch.nan)
    return final


@checked
def embed(ensemble: Ensemble, inputs: torch.Tensor, *, before_activation: bool = False) -> torch.Tensor:
    """Return the embeddings (R, N, 16): the penultimate layer, after its activation.

    "After" is what the last layer reads, and what a penultimate layer usually means. Paper A does not say which.

    Parameters
    ----------
    ensemble : Ensemble
        R networks.
    inputs : Tensor, shape (N, d) or (R, N, d)
        In input units.
    before_activation : bool
        Return the layer's affine output instead; with ReLU no component is cut off.

    Raises
    ------
    ValueError
        If the inputs have another shape, or are not finite.
    """
    inputs = per_run_inputs(ensemble, inputs)
    return ensemble.forward(inputs, len(ensemble.weights) - 1, before_activation=before_activation)


@checked
def input_fields(
    ensemble: Ensemble,
    inputs: torch.Tensor,
    *,
    step: float = 0.5,
    scheme: str = "central",
    before_activation: bool = False,
) -> dict[str, torch.Tensor]:
    r"""Return, per input dimension k, how the embedding f moves when that input moves.

    .. math::
        v_k(x) = \frac{f(x + h e_k) - f(x - h e_k)}{2h} \;\text{(central)}, \quad
        \frac{f(x + h e_k) - f(x)}{h} \;\text{(forward)}, \quad
        \frac{\partial f}{\partial x_k}(x) \;\text{(exact, by a forward-mode derivative)}

    The vectors keep their length, in embedding units per input unit: the energy uses their directions, and the
    length tells how far the embedding moves. Paper A uses unit vectors from differences; form and step are not given.

    Parameters
    ----------
    ensemble : Ensemble
        R networks.
    inputs : Tensor, shape (N, d) or (R, N, d)
        Where to take the fields.
    step : float
        h, in input units; not used by ``"exact"``.
    scheme : {"central", "forward", "exact"}
        See above.
    before_activation : bool
        As in `embed`.

    Returns
    -------
    dict of str to Tensor, each (R, N, 16)
        Keys ``x1, x2, ...``. A zero vector (no active unit sees the input) has no direction.

    Raises
    ------
    ValueError
        If the scheme is unknown, the step is not positive, or the inputs have another shape or are not finite.
    """
    checks.one_of("scheme", scheme, SCHEMES)
    if not step > 0:
        raise ValueError(f"step must be a positive length in input units; got {step!r}")
    inputs = per_run_inputs(ensemble, inputs)

    def network(points: torch.Tensor) -> torch.Tensor:
        return ensemble.forward(points, len(ensemble.weights) - 1, before_activation=before_activation)

    centre = network(inputs)
    fields = {}
    for k, axis in enumerate(torch.eye(inputs.shape[2], dtype=inputs.dtype, device=inputs.device)):
        if scheme == "exact":
            moved = torch.func.jvp(network, (inputs,), (axis.expand_as(inputs),))[1]
        elif scheme == "forward":
            moved = (network(inputs + step * axis) - centre) / step
        else:
            moved = (network(inputs + step * axis) - network(inputs - step * axis)) / (2 * step)
        fields[f"x{k + 1}"] = moved
    return fields


@checked
def run_energies(
    embeddings: torch.Tensor,
    fields: dict[str, torch.Tensor],
    scales: Sequence[float],
    useful: Sequence[str],
    *,
    progress: bool = True,
    **options,
) -> pd.DataFrame:
    """Return the energy curves of every run: one call of `energy_sweep` per run, Euclidean metric.

    Parameters
    ----------
    embeddings : Tensor, shape (R, N, 16)
        One cloud per run.
    fields : dict of str to Tensor, each (R, N, 16)
        From `input_fields`.
    scales : sequence of float
        Radii of the balls, in units of the run's own mean pair distance.
    useful : sequence of str
        Names of the dimensions that carry the class.
    progress : bool
        Show a bar over runs.
    **options
        Passed on to `energy_sweep`.

    Returns
    -------
    DataFrame
        The columns of `energy_sweep`, after ``run``; ``kind`` ("useful" or "useless") and ``displacement`` (mean
        length of the field over the mean pair distance: how far, per input unit, the embedding moves).

    Raises
    ------
    ValueError
        If embeddings and fields are not finite and of one shape.
    """
    check_runs(embeddings, fields)
    tables = []
    for run, points in enumerate(tqdm(embeddings, desc="energies", disable=not progress, leave=False)):
        own = {name: vectors[run] for name, vectors in fields.items()}
        table = energy_sweep(points, own, scales, metric="euclidean", **options)
        mean_distance = (table["radius"] / table["scale"]).iloc[0]
        lengths = {name: float(vectors.norm(dim=1).mean()) / mean_distance for name, vectors in own.items()}
        kind = np.where(table["attribute"].isin(list(useful)), "useful", "useless")
        tables.append(table.assign(run=run, kind=kind, displacement=table["attribute"].map(lengths)))
    table = pd.concat(tables, ignore_index=True)
    return table[["run", *[name for name in table if name != "run"]]]


class Experiment(NamedTuple):
    """Everything that one setting of the toy experiment leaves behind; see `toy_experiment`."""

    ensemble: Ensemble
    inputs: torch.Tensor
    labels: torch.Tensor
    embeddings: torch.Tensor
    fields: dict[str, torch.Tensor]
    energies: pd.DataFrame
    test_accuracy: torch.Tensor


@checked
def toy_experiment(
    seeds: Sequence[int],
    scales: Sequence[float],
    *,
    blobs: dict | None = None,
    training: dict | None = None,
    fields: dict | None = None,
    trained: bool = True,
    progress: bool = True,
    device: str | torch.device | None = None,
) -> Experiment:
    """Run the whole experiment once per seed: draw data, train, embed, take fields, compute energies.

    Parameters
    ----------
    seeds : sequence of int
        One run each; a seed decides the data and the initial weights of its run.
    scales : sequence of float
        See `run_energies`.
    blobs, training, fields : dict, optional
        Settings of `sample_blobs`, `train_ensemble` and `input_fields` that differ from their defaults.
    trained : bool
        False leaves the initial weights as they are: a control.
    progress : bool
        Show bars.
    device : str, optional
        Where to compute.

    Returns
    -------
    Experiment
        The networks, inputs (R, N, d), labels (R, N), embeddings (R, N, 16), fields, energies, and the accuracy of each
        run (R,) on as many new points with clean labels.

    Raises
    ------
    ValueError
        If there is no seed, or an argument is not accepted.
    """
    if not len(seeds):
        raise ValueError("seeds must be one or more whole numbers; got none")
    device = None if device is None else choose_device(device)
    blobs, training, fields = blobs or {}, training or {}, fields or {}
    data = [sample_blobs(seed=seed, **blobs) for seed in seeds]
    inputs = torch.stack([own.inputs for own in data]).to(device)
    labels = torch.stack([own.labels for own in data]).to(device)
    if trained:
        ensemble = train_ensemble(inputs, labels, seeds, progress=progress, device=device, **training)
    else:
        sizes = [inputs.shape[2], *training.get("hidden", (16, 16)), N_CLASSES]
        ensemble = Ensemble.initial(sizes, seeds, training.get("activation", "relu"), device)
    before = fields.get("before_activation", False)
    embeddings = embed(ensemble, inputs, before_activation=before)
    vectors = input_fields(ensemble, inputs, **fields)
    energies = run_energies(embeddings, vectors, scales, data[0].useful, progress=progress, device=device)
    # Seeds that no run uses: 1,000,000 later.
    fresh = [sample_blobs(seed=seed + 1_000_000, **{**blobs, "label_noise": 0.0}) for seed in seeds]
    logits = ensemble.forward(torch.stack([own.inputs for own in fresh]).to(device))
    hits = logits.argmax(dim=2).cpu() == torch.stack([own.labels for own in fresh])
    return Experiment(ensemble, inputs, labels, embeddings, vectors, energies, hits.double().mean(dim=1))


@checked
def compare_dimensions(energies: pd.DataFrame, *, resamples: int = 9999, seed: int = 0) -> pd.DataFrame:
    r"""Compare useless with useful dimensions at every scale; the unit of the statistics is the run.

    Per run r and scale, the difference of means :math:`\Delta_r = \bar E_\text{useless} - \bar E_\text{useful}`.
    Under the null hypothesis :math:`\Delta_r` has a symmetric distribution about 0, jointly at all scales of a run; if
    there are as many dimensions of each kind, it is enough that the kinds can be exchanged. The test flips signs; its
    statistic is the largest of the t statistics over scales, which keeps the chance of any false alarm among all scales
    at the nominal level (Westfall and Young).

    Parameters
    ----------
    energies : DataFrame
        From `run_energies`.
    resamples : int
        Random sign flips; all :math:`2^R` are used where there are fewer.
    seed : int
        Of the flips and of the bootstrap.

    Returns
    -------
    DataFrame
        Per scale: ``useful`` and ``useless`` (mean energies), ``difference`` with its 95 % bootstrap interval ``low``
        to ``high`` over runs, ``share`` of runs with a positive difference, ``cliff`` (Cliff's delta: share of
        pairs of a useless and a useful dimension of one run in which the useless one has more energy, minus the
        share in which it has less), and one-sided ``p``, corrected for the number of scales. A scale at which a run
        has no energy (all its balls are empty) has NaN in ``difference`` and all that follows.

    Raises
    ------
    ValueError
        If a column or a kind of dimensions is missing, or there are fewer than two runs.
    """
    checks.columns("energies", energies, ["run", "kind", "scale", "energy"], ["scale", "energy"], ["run", "kind"])
    for kind in ("useful", "useless"):
        if kind not in energies["kind"].to_numpy():
            raise ValueError(f"energies must be of useful and useless dimensions; none is {kind}")
    checks.at_least("number of runs in energies", energies["run"].nunique(), 2)
    means = energies.pivot_table(index="run", columns=["kind", "scale"], values="energy", dropna=False)
    table = pd.DataFrame({"useful": means["useful"].mean(), "useless": means["useless"].mean()})
    differences = (means["useless"] - means["useful"]).dropna(axis=1)
    if differences.empty:
        return table.reindex(columns=[*table, "difference", "low", "high", "share", "cliff", "p"]).reset_index()
    interval = stats.bootstrap(
        (differences.to_numpy(),), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(seed)
    ).confidence_interval
    return table.join(
        pd.DataFrame(
            {
                "difference": differences.mean(),
                "low": interval.low,
                "high": interval.high,
                "share": (differences > 0).mean(),
                "cliff": cliff_delta(energies),
                "p": sign_flip_p(differences.to_numpy(), resamples, seed),
            },
            index=differences.columns,
        )
    ).reset_index()


def cliff_delta(energies: pd.DataFrame) -> pd.Series:
    """Return Cliff's delta per scale, over pairs of a useless and a useful dimension of the same run."""
    columns = ["run", "scale", "energy"]
    useful, useless = (energies.loc[energies["kind"] == kind, columns] for kind in ("useful", "useless"))
    pairs = useless.merge(useful, on=["run", "scale"], suffixes=("_useless", "_useful"))
    return np.sign(pairs["energy_useless"] - pairs["energy_useful"]).groupby(pairs["scale"]).mean()


def sign_flip_p(differences: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return one-sided p values (scales,) of positive mean differences (runs, scales), by the largest t over scales.

    In place of t it compares the mean over the root of the mean square, which rises with t and is 1 where t is infinite
    because all differences are equal. It is 0, no evidence, where all are zero.
    """
    size = np.sqrt(len(differences) * (differences**2).sum(axis=0))
    units = np.divide(differences, size, out=np.zeros_like(differences, dtype=float), where=size > 0)

    signs = np.ones(len(differences))
    run = {"n_resamples": resamples, "batch": 500, "rng": np.random.default_rng(seed)}
    run |= {"permutation_type": "samples", "vectorized": True}
    null = stats.permutation_test((signs,), lambda s, axis: (s @ units).max(axis=-1), **run).null_distribution
    exact = 2 ** len(differences) <= resamples
    reached = (null[:, None] >= signs @ units - 1e-12).sum(axis=0)
    return reached / len(null) if exact else (reached + 1) / (len(null) + 1)
