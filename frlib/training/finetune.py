"""Fine-tuning of a face network: it learns to keep the variations of an image close to it, and other people away.

Nothing but the network is trained: the loss takes the fixed image of each identity for the centre of its class (see
`frlib.training.margins.fixed_image_loss`). A run is stored by its content, and after every epoch what
it needs to go on.
"""

import copy
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from frlib import checks, store
from frlib.arguments import checked
from frlib.clouds import Cloud, network_content
from frlib.models.embedder import FaceEmbedder
from frlib.models.inference import FEW, images_at_once
from frlib.models.layers import LayerNetwork
from frlib.runtime import spread
from frlib.training.margins import fixed_image_loss
from frlib.training.variations import Variations

# Part of the name of every stored run: raise it when the same images would give another network.
FINETUNING = 1


class TrainingDiverged(ArithmeticError):
    """The loss is no number any more."""


class FineTuned(FaceEmbedder):
    """A network after fine-tuning: a `FaceEmbedder` with the weights of its best epoch.

    Attributes
    ----------
    history : DataFrame
        One row per epoch, 0 being the network as it came: ``epoch``, ``training`` (mean loss of its batches, NaN for
        epoch 0), and the validation loss of each attribute.
    best_epoch : int
        With the lowest validation loss on the attributes that it was trained with.
    """

    def __init__(self, base: FaceEmbedder, name: str, arrays: Mapping[str, torch.Tensor], attributes, epochs: Path):
        super().__init__(name, copy.deepcopy(base.network), base.preprocess, **_look(base))
        table = pd.DataFrame(arrays["history"].numpy(), columns=["training", *attributes])
        self.history, self.best_epoch = table.rename_axis("epoch").reset_index(), int(arrays["best epoch"])
        self._epochs = epochs
        self.network.load_state_dict(_part(arrays, "best"))

    def at(self, epoch: int) -> FaceEmbedder:
        """Return the network after an epoch, if those of all epochs were kept.

        Raises
        ------
        ValueError
            If there was no such epoch.
        OSError
            If it was not kept, or is damaged.
        """
        checks.one_of("epoch", epoch, range(len(self.history)))
        arrays, _ = store.read_arrays(_epoch_file(self._epochs, epoch), older=True)
        network = copy.deepcopy(self.network)
        network.load_state_dict(arrays)
        return FaceEmbedder(f"{self.name}, epoch {epoch}", network, self.preprocess, **_look(self))


@checked
def finetune(
    embedder: FaceEmbedder,
    train: Variations,
    validation: Variations,
    *,
    margin: nn.Module,
    epochs: int,
    learning_rate: float = 0.003,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    identities_per_batch: int = 10,
    patience: int = 3,
    detach: bool = False,
    last_layers: int | None = None,
    keep_epochs: bool = False,
    name: str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> FineTuned:
    r"""Train a network on fixed images and their variations, and return that of the best epoch.

    Stochastic gradient descent with momentum and weight decay on

    .. math:: \frac{1}{|B| V} \sum_{i \in B} \sum_{v=1}^{V} L_\text{margin}\bigl(f(x_i^v);\; f(x_j^0), j \in B\bigr)

    over batches B of whole identities, as Leroy et al. (2025) describe it; sizes and rates are not given there. Layers
    that normalise batches keep their statistics. A run that was cut off, at whatever moment, goes on after its last
    whole epoch and ends with the same bits, on the same machine. A run that was done is read. On a GPU layers compute
    in bfloat16 while they are trained.

    Parameters
    ----------
    embedder : FaceEmbedder
        Its network must have derivatives; it stays as it is.
    train, validation : Variations
        Of different identities. Each fixed image is the centre of its identity; in the validation all its identities
        together give the negatives.
    margin : nn.Module
        One of `frlib.training.margins`. It is copied; in the validation its statistics are those it came with.
    epochs : int
        At most so many.
    learning_rate, momentum, weight_decay : float
    identities_per_batch : int
        At least two, and about so many: the batches of an epoch are of one size, up to one identity.
    patience : int
        Stop after so many epochs without a lower validation loss on the attributes of ``train``, or their mean.
    detach : bool
        As in `frlib.training.margins.fixed_image_loss`.
    last_layers : int, optional
        Train only so many of the last layers with weights. Default: all.
    keep_epochs : bool
        Store the network of every epoch, for `FineTuned.at`.
    name : str, optional
        Default: that of the embedder with ``-tuned``.
    seed : int
        Of the batches.
    progress : bool
        Show a bar over the epochs.

    Returns
    -------
    FineTuned

    Raises
    ------
    ValueError
        If the validation lacks an attribute of ``train``, the network has no weights of torch, or an argument is out of
        range.
    TrainingDiverged
        If the loss is NaN or infinite. Then nothing is stored.
    """
    for attribute in train.attributes:
        checks.one_of("train.attributes", attribute, validation.attributes)
    settings = {"detach": detach, "keep_epochs": keep_epochs, "last_layers": last_layers}
    whole = [("epochs", epochs, 1), ("patience", patience, 1), ("seed", seed, 0)]
    whole += [("identities_per_batch", identities_per_batch, 2)]
    whole += [("last_layers", last_layers, 1)] * (last_layers is not None)
    for what, value, least in whole:
        settings[what] = checks.at_least(what, value, least)
    for what, value in (("learning_rate", learning_rate), ("weight_decay", weight_decay), ("momentum", momentum)):
        settings[what] = float(checks.between(what, value, 0, 1))
    # Statistics that have moved take the place of those in the settings.
    settings["margin"] = margin.settings | {what: value.tolist() for what, value in margin.state_dict().items()}
    parameters = settings | {
        "version": FINETUNING,
        **network_content(embedder.network),
        "input": repr(embedder.preprocess),
        "images": [_digest(images) for images in (train, validation)],
    }
    stem = store.cache_folder("results") / f"finetune-{store.content_key(parameters)}"

    def build() -> dict[str, torch.Tensor]:
        return _Run(embedder, train, validation, margin, settings, stem, parameters).to_the_end(progress)

    arrays = store.load_or_build("finetune", parameters, build)
    _remove([_running_file(stem)])
    return FineTuned(embedder, name or f"{embedder.name}-tuned", arrays, validation.attributes, stem)


@checked
def finetune_each(
    embedder: FaceEmbedder,
    sets: Mapping[str, Variations],
    validation: Variations,
    *,
    n_jobs: int | None = None,
    progress: bool = True,
    **options,
) -> dict[str, FineTuned]:
    """Fine-tune a network on several sets, in processes of their own.

    Parameters
    ----------
    embedder, validation
        As in `finetune`.
    sets : mapping of name to Variations
        The name becomes that of the network.
    n_jobs, progress
        As in `frlib.runtime.spread`.
    **options
        Further arguments of `finetune`.

    Returns
    -------
    dict of name to FineTuned
    """
    tasks = [(embedder, own, validation, options | {"name": name, "progress": False}) for name, own in sets.items()]
    run = {"n_jobs": n_jobs, "device": embedder.device, "progress": progress}
    return dict(zip(sets, spread(_finetune, tasks, description="fine-tuning", **run), strict=True))


def _finetune(embedder, train, validation, options) -> FineTuned:
    return finetune(embedder, train, validation, **options)


@checked
def variation_losses(clouds: Sequence[Cloud], margin: nn.Module) -> pd.DataFrame:
    """Return the parameter-free loss of every identity and attribute, with the points of all as the negatives.

    Parameters
    ----------
    clouds : sequence of Cloud
        One per identity, of one network, each of one point with its ends: of ``Curves(identity, 1)``, for example.
    margin : nn.Module
        One of `frlib.training.margins`; its statistics, where it has some, are used as they are.

    Returns
    -------
    DataFrame
        One row per identity, one column per attribute: the mean over both ends.

    Raises
    ------
    ValueError
        If there are fewer than two clouds, one has more than one point or no ends, or their attributes differ.
    """
    checks.at_least("the number of clouds", len(clouds), 2)
    attributes = list(clouds[0].minus)
    for cloud in clouds:
        checks.one_of("the number of points of a cloud", len(cloud.points), (1,))
        if not attributes or set(cloud.minus) != set(attributes):
            raise ValueError(f"clouds must have ends of the same attributes, {attributes}; got {list(cloud.minus)}")
    rows = [torch.cat([c.points, *(end[a] for a in attributes for end in (c.minus, c.plus))]) for c in clouds]
    together = torch.stack(rows)
    return _losses(together[:, 0], together[:, 1:], [name for name in attributes for _ in range(2)], margin)


@torch.no_grad()
def _losses(fixed: torch.Tensor, varied: torch.Tensor, names: Sequence[str], margin: nn.Module) -> pd.DataFrame:
    """Return losses (identities x attributes) of embeddings (n, d) and (n, V, d), with the statistics as they are."""
    frozen = copy.deepcopy(margin).to("cpu", torch.float64).eval()
    found = fixed_image_loss(frozen, fixed.double(), varied.double(), reduction="none").numpy()
    return pd.DataFrame(found, columns=names).T.groupby(level=0, sort=False).mean().T


def _running_file(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}-running.safetensors")


def _epoch_file(stem: Path, epoch: int) -> Path:
    return stem.with_name(f"{stem.name}-epoch-{epoch}.safetensors")


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        with suppress(OSError):  # there is none, or it lies in a cache that cannot be written
            file.unlink()


def _look(embedder: FaceEmbedder) -> dict:
    """Return what networks of one architecture share."""
    return {key: getattr(embedder, key) for key in ("metric", "dim", "crop", "licence", "device")}


def _digest(images: Variations) -> dict:
    arrays = {"fixed": images.fixed, "varied": images.varied}
    return {"names": list(images.names), "content": store.arrays_digest(arrays)}


def _part(arrays: Mapping[str, torch.Tensor], which: str) -> dict[str, torch.Tensor]:
    """Return the arrays whose names begin with a word and a slash, without it."""
    return {name.removeprefix(f"{which}/"): array for name, array in arrays.items() if name.startswith(f"{which}/")}


def _named(which: str, arrays: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{which}/{name}": array.detach().clone() for name, array in arrays.items()}


class _Run:
    """One run of `finetune`: its state after the last whole epoch is `arrays`, in memory and on disk."""

    def __init__(self, embedder, train: Variations, validation: Variations, margin, settings, stem: Path, parameters):
        self.validation, self.train, self.settings = validation, train, settings
        self.stem, self.parameters = stem, parameters
        network = copy.deepcopy(embedder.network)
        self.embedder = FaceEmbedder(embedder.name, network, embedder.preprocess, **_look(embedder))
        self.margin = copy.deepcopy(margin).to(embedder.device)
        self.frozen = copy.deepcopy(margin)
        self.trained = _trained_weights(self.embedder.network, settings["last_layers"])
        options = {"lr": settings["learning_rate"], "momentum": settings["momentum"]}
        self.optimizer = torch.optim.SGD(self.trained, weight_decay=settings["weight_decay"], **options)

    def to_the_end(self, progress: bool) -> dict[str, torch.Tensor]:
        """Return what is stored of the whole run."""
        arrays = self._resumed() or self._after_epoch({}, torch.nan)
        with tqdm(total=self.settings["epochs"], desc="epochs", disable=not progress, leave=False) as bar:
            while not self._ended(arrays):
                bar.update(len(arrays["history"]) - 1 - bar.n)
                arrays = self._after_epoch(arrays, self._epoch(len(arrays["history"])))
        return {k: v for k, v in arrays.items() if k.split("/")[0] in ("best", "best epoch", "history")}

    def _ended(self, arrays) -> bool:
        passed = len(arrays["history"]) - 1
        return passed >= self.settings["epochs"] or passed - int(arrays["best epoch"]) >= self.settings["patience"]

    def _resumed(self) -> dict[str, torch.Tensor] | None:
        """Return the state of a run that was cut off, and go on from it; None if there is none."""
        try:
            arrays, _ = store.read_arrays(_running_file(self.stem), self.parameters)
        except FileNotFoundError:
            return None
        except OSError as error:
            warnings.warn(f"{error}; the run begins anew", stacklevel=2)
            return None
        self.embedder.network.load_state_dict(_part(arrays, "now"))
        self.margin.load_state_dict(_part(arrays, "margin"))
        moments = _part(arrays, "optimizer")
        for place, weights in enumerate(self.trained):
            if str(place) in moments:
                self.optimizer.state[weights]["momentum_buffer"] = moments[str(place)].to(weights.device)
        return arrays

    def _after_epoch(self, before: dict[str, torch.Tensor], training: float) -> dict[str, torch.Tensor]:
        """Validate, and return the state after an epoch, stored."""
        losses = self._validated()
        row = torch.tensor([[training, *losses[list(self.validation.attributes)]]], dtype=torch.float64)
        history = torch.cat([before["history"], row]) if before else row
        places = [1 + self.validation.attributes.index(name) for name in self.train.attributes]
        own = history[:, places].mean(dim=1)
        best = int(own.argmin())
        self._check(float(own[-1]), len(history) - 1, "the validation")
        weights = self.embedder.network.state_dict()
        arrays = {k: v for k, v in before.items() if k.startswith("best/")}
        if best == len(history) - 1:
            arrays |= _named("best", weights)
        if self.settings["keep_epochs"]:
            store.save_arrays(_epoch_file(self.stem, len(history) - 1), weights, self.parameters)
        arrays |= _named("now", weights) | _named("margin", self.margin.state_dict())
        arrays |= _named("optimizer", self._momenta()) | {"history": history, "best epoch": torch.tensor(best)}
        arrays = {name: array.cpu() for name, array in arrays.items()}
        store.save_arrays(_running_file(self.stem), arrays, self.parameters)
        return arrays

    def _validated(self) -> pd.Series:
        """Return the mean loss of each attribute on the validation images."""
        fixed, varied = self.validation.fixed, self.validation.varied
        images = torch.cat([fixed[:, None], varied], dim=1)
        rows = self.embedder.embed(images.flatten(0, 1), progress=False).unflatten(0, images.shape[:2])
        return _losses(rows[:, 0], rows[:, 1:], self.validation.names, self.frozen).mean()

    def _momenta(self) -> dict[str, torch.Tensor]:
        found = {str(k): self.optimizer.state[w].get("momentum_buffer") for k, w in enumerate(self.trained)}
        return {name: buffer for name, buffer in found.items() if buffer is not None}

    def _epoch(self, epoch: int) -> float:
        """Train for one epoch and return the mean loss of its batches; the order depends on seed and epoch only."""
        order = np.random.default_rng([self.settings["seed"], epoch]).permutation(len(self.train.fixed))
        count = max(1, round(len(order) / self.settings["identities_per_batch"]))
        count = min(count, len(order) // 2)
        losses = [self._step(torch.from_numpy(rows), epoch) for rows in np.array_split(order, count)]
        return float(np.mean(losses))

    def _step(self, rows: torch.Tensor, epoch: int) -> float:
        """Take one step on a batch of whole identities and return its loss."""
        images = torch.cat([self.train.fixed[rows][:, None], self.train.varied[rows]], dim=1)
        device, inputs = self.embedder.device, images.flatten(0, 1)
        self.optimizer.zero_grad(set_to_none=True)
        inputs = self.embedder.preprocess(inputs.to(device).to(self.trained[0].dtype))
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        # Float16 would need gradients scaled, and while the scale is sought, a short run loses its first steps.
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            outputs = torch.cat(
                [self.embedder.network(few) for few in inputs.split(_at_once(self.embedder) or len(inputs))]
            )
        rows = outputs.unflatten(0, images.shape[:2])
        loss = fixed_image_loss(self.margin.train(), rows[:, 0], rows[:, 1:], detach=self.settings["detach"])
        self._check(loss.item(), epoch, "a batch")
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def _check(self, loss: float, epoch: int, where: str) -> None:
        if not np.isfinite(loss):
            _remove(self.stem.parent.glob(f"{self.stem.name}-*"))
            rate = self.settings["learning_rate"]
            raise TrainingDiverged(
                f"the loss of {where} is {loss} in epoch {epoch}; nothing was stored. A lower learning_rate may help; "
                f"got {rate:g}"
            )


def _at_once(embedder: FaceEmbedder) -> int | None:
    """Return how many images of a batch go through the network together, or None for all; only the loss joins them.

    On the CPU few: larger values give their memory back, see `frlib.models.inference`, which took a third of the time.
    """
    if embedder.device.type != "cpu":
        return None
    if not isinstance(embedder.network, LayerNetwork):
        return FEW
    shapes = embedder.network.shapes(embedder.input_size, embedder.preprocess.channels)
    return images_at_once([*shapes.values()])


def _trained_weights(network: nn.Module, last_layers: int | None) -> list[nn.Parameter]:
    """Return the weights of the last layers that have some, and freeze the others.

    Raises
    ------
    ValueError
        If the network has no weights of torch, or not so many layers with weights.
    """
    layers = [m for m in network.modules() if any(True for _ in m.parameters(recurse=False))]
    if not layers:
        raise ValueError("embedder must have a network with weights of torch; load its file with trainable=True")
    if last_layers is not None and last_layers > len(layers):
        raise ValueError(f"last_layers must be at most {len(layers)}, the layers with weights; got {last_layers}")
    network.requires_grad_(False)
    chosen = layers if last_layers is None else layers[-last_layers:]
    return [p.requires_grad_(True) for layer in chosen for p in layer.parameters(recurse=False)]
