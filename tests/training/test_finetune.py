"""Theorems on fine-tuning: the step by hand, the best epoch, runs that are killed or diverge, losses of clouds."""

import errno
import itertools
import math
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from frlib import store
from frlib.clouds import Cloud, embed
from frlib.faces import Curves, sample_identities
from frlib.faces.generator.head import load_head
from frlib.models import inference
from frlib.models.embedder import FaceEmbedder, Preprocess
from frlib.models.layers import IMAGE, Sketch, randomize, read_network
from frlib.models.onnx import export_onnx, load_onnx
from frlib.training import (
    AdaFace,
    ArcFace,
    TrainingDiverged,
    Variations,
    finetune,
    finetune_each,
    fixed_image_loss,
    variation_losses,
)

torch.set_num_threads(1)

SIZE = 8
IDENTITIES = 7
NAMES = ("age", "age", "hue", "hue", "pose")
#: Three batches an epoch; no run of four epochs ends early.
OPTIONS = {"epochs": 4, "patience": 4, "identities_per_batch": 2, "learning_rate": 0.02, "progress": False}
MARGINS = {"arcface": ArcFace(0.3, 8.0), "adaface": AdaFace(0.4, scale=8.0, rate=0.1, mean=2.0, deviation=1.0)}
#: Their server has imported torch: a process starts in no time.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])
every_margin = pytest.mark.parametrize("kind", MARGINS)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep runs in an empty folder for one test; the head is read before, from the user's cache."""
    load_head()
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    return tmp_path


def network(seed: int = 1, device: str = "cpu") -> FaceEmbedder:
    """Return a convolution, a PReLU and a linear layer, with 5 outputs."""
    sketch = Sketch(SIZE)
    layer = sketch.convolution(IMAGE, torch.zeros(6, 3, 3, 3), same=True, stride=(2, 2))
    layer = sketch.add("PReLU", layer, tensors={"weight": torch.zeros(6)}, num_parameters=6)
    flat, tensors = sketch.add("FlattenChannelsLast", layer), {"weight": torch.zeros(5, 96), "bias": torch.zeros(5)}
    sketch.add("Linear", flat, tensors=tensors, in_features=96, out_features=5)
    found = read_network(sketch.stored())
    randomize(found, seed=seed)
    options = {"metric": "cosine", "dim": 5, "crop": "arcface", "licence": "", "device": device}
    return FaceEmbedder("small", found, Preprocess(SIZE, (127.5,) * 3, 1 / 128), **options)


def people(n: int = IDENTITIES, names=NAMES, seed: int = 0, noise: float = 60) -> Variations:
    """Return coloured noise, one pattern each; the first pixel says which identity and, from 1, which variation."""
    generator = torch.Generator().manual_seed(seed)
    fixed = 255 * torch.rand(n, 1, SIZE, SIZE, 3, generator=generator)
    images = fixed + noise * torch.randn(n, 1 + len(names), SIZE, SIZE, 3, generator=generator)
    images = images.clip(0, 255).round().to(torch.uint8)
    images[:, :, 0, 0, 0], images[:, :, 0, 0, 1] = torch.arange(n)[:, None], torch.arange(1 + len(names))
    return Variations(images[:, 0], images[:, 1:], tuple(names))


TRAIN, VALIDATION = people().only(["age", "hue"]), people(5, seed=1)


def run(margin=MARGINS["arcface"], embedder=None, train=TRAIN, validation=VALIDATION, **options):
    return finetune(embedder or network(), train, validation, margin=margin, **OPTIONS | options)


def digest(embedder: FaceEmbedder) -> str:
    return store.arrays_digest(embedder.network.state_dict())


def losses_by_hand(embedder: FaceEmbedder, images: Variations, margin) -> dict[str, float]:
    """Return the mean loss of each attribute, in float64."""
    fixed = embedder.embed(images.fixed, progress=False).double()
    margin = type(margin)(**{k: v for k, v in margin.settings.items() if k != "class"}).double().eval()
    found = {}
    for name in images.attributes:
        varied = [embedder.embed(own, progress=False) for own in images.only([name]).varied]
        found[name] = float(fixed_image_loss(margin, fixed, torch.stack(varied).double()))
    return found


def stored(folder) -> list[str]:
    """Return the names of the files of a cache, without what a killed process had begun to write."""
    return sorted(path.name for path in (folder / "results").glob("[!.]*"))


def counting(margin):
    """Return a copy of a margin, and the list of its calls in training: the class and the key stay."""
    copy, calls = type(margin)(**{k: v for k, v in margin.settings.items() if k != "class"}), []
    copy.register_forward_hook(lambda module, inputs, _: calls.append(len(inputs[0])) if module.training else None)
    return copy, calls


def same(a, b) -> bool:
    pd.testing.assert_frame_equal(a.history, b.history, check_exact=True)
    return digest(a) == digest(b) and a.best_epoch == b.best_epoch


# ------------------------------------------------------------------------------------------------------- the steps


def batches_of(seed: int, epoch: int) -> list[np.ndarray]:
    return np.array_split(np.random.default_rng([seed, epoch]).permutation(IDENTITIES), 3)


@every_margin
def test_few_images_at_once_are_the_same_step(kind, monkeypatch):
    together = run(MARGINS[kind], epochs=1, seed=3)
    monkeypatch.setattr(inference, "LARGEST_VALUE", 2 * 4 * 6 * 4 * 4)  # of two images, after the convolution
    few = run(MARGINS[kind], epochs=1, seed=3, name="few", keep_epochs=True)  # another key
    for one, other in zip(few.at(1).network.parameters(), together.network.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@every_margin
@pytest.mark.parametrize("detach", [False, True])
def test_a_step_is_that_of_a_loop_written_down(kind, detach):
    """Two epochs of v <- 0.9 v + g + 0.01 w, w <- w - 0.02 v."""
    found = run(MARGINS[kind], epochs=2, weight_decay=0.01, detach=detach, seed=5, keep_epochs=True)
    by_hand = network()
    margin, velocity, training = counting(MARGINS[kind])[0].train(), {}, []
    for epoch in (1, 2):
        losses = []
        for rows in batches_of(5, epoch):
            fixed, *varied = (
                by_hand.network(by_hand.preprocess(images[rows])) for images in (TRAIN.fixed, *TRAIN.varied.unbind(1))
            )
            loss = fixed_image_loss(margin, fixed, torch.stack(varied, 1), detach=detach)
            weights = dict(by_hand.network.named_parameters())
            with torch.no_grad():
                for (name, w), g in zip(weights.items(), torch.autograd.grad(loss, weights.values()), strict=True):
                    velocity[name] = 0.9 * velocity.get(name, 0) + g + 0.01 * w
                    w -= 0.02 * velocity[name]
            losses.append(loss.item())
        training.append(np.mean(losses))
        for name, w in found.at(epoch).network.named_parameters():
            torch.testing.assert_close(w, weights[name], rtol=1e-5, atol=1e-6)
    assert math.isnan(found.history.training[0])
    assert found.history.training[1:].tolist() == pytest.approx(training, rel=1e-5)


def test_batches_hold_whole_identities_each_once_an_epoch():
    seen, embedder = [], network()
    embedder.preprocess.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0][:, 0, 0, :2].tolist()) if torch.is_grad_enabled() else None
    )
    run(embedder=embedder, seed=3, epochs=2)
    each = [[person, variation] for person in range(IDENTITIES) for variation in range(1 + 4)]
    assert [len(batch) for batch in seen] == [3 * 5, 2 * 5, 2 * 5] * 2
    assert sorted(sum(seen[:3], [])) == sorted(sum(seen[3:], [])) == each
    assert [[p for p, v in batch if v == 0] for batch in seen] == [[*b] for e in (1, 2) for b in batches_of(3, e)]
    assert seen[:3] != seen[3:]


@pytest.mark.parametrize(("n", "per_batch", "sizes"), [(3, 2, [3]), (5, 2, [3, 2]), (5, 20, [5]), (9, 4, [5, 4])])
def test_no_batch_is_a_single_identity(n, per_batch, sizes):
    margin, calls = counting(ArcFace())
    run(margin, train=people(n, ["age"]), epochs=1, identities_per_batch=per_batch)
    assert calls == sizes


def test_the_same_seed_gives_the_same_bits_and_another_one_other_batches(own_cache, monkeypatch):
    first, other = run(seed=1), run(seed=2)
    monkeypatch.setenv("FRLIB_CACHE", str(own_cache / "again"))
    assert same(run(seed=1), first) and digest(first) != digest(other)


def test_the_network_passed_in_stays_as_it_is():
    embedder, (margin, _) = network(), counting(MARGINS["adaface"])
    before = digest(embedder), store.arrays_digest(margin.state_dict())
    found = run(margin, embedder=embedder)
    assert before == (digest(embedder), store.arrays_digest(margin.state_dict())) and digest(found) != digest(embedder)
    assert all(w.requires_grad and w.grad is None for w in embedder.network.parameters())
    assert embedder.name == "small" and found.name == "small-tuned"


@pytest.mark.parametrize(
    ("count", "trained"), [(1, {"Linear_1"}), (2, {"PReLU_1", "Linear_1"}), (3, {"Conv2d_1", "PReLU_1", "Linear_1"})]
)
def test_only_the_last_layers_are_trained(count, trained):
    found = run(last_layers=count, epochs=1, keep_epochs=True).at(1)
    before, after = network().network.state_dict(), found.network.state_dict()
    assert {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])} == trained


def test_float_images_train_as_bytes_do():
    exact = Variations(TRAIN.fixed.double(), TRAIN.varied.double(), TRAIN.names)
    assert digest(run(train=exact)) == digest(run())


# --------------------------------------------------------------------------------------- validation, best epoch


@every_margin
def test_each_row_of_the_history_is_the_loss_of_that_epoch(kind):
    embedder, margin = network(), MARGINS[kind]
    found = run(margin, embedder, keep_epochs=True)
    assert list(found.history) == ["epoch", "training", "age", "hue", "pose"]
    assert found.history.epoch.tolist() == [0, 1, 2, 3, 4]
    assert digest(found.at(0)) == digest(embedder)
    for epoch, row in found.history.iterrows():
        by_hand = losses_by_hand(found.at(epoch), VALIDATION, margin)
        assert row[["age", "hue", "pose"]].to_dict() == pytest.approx(by_hand, rel=1e-5)
        assert found.at(epoch).name == f"small-tuned, epoch {epoch}"


@pytest.mark.parametrize("patience", [1, 3])
def test_without_a_rate_nothing_changes_and_the_run_ends_by_patience(patience):
    embedder = network()
    found = run(embedder=embedder, learning_rate=0, weight_decay=0, epochs=9, patience=patience)
    assert found.best_epoch == 0 and digest(found) == digest(embedder)
    assert found.history.epoch.tolist() == [*range(patience + 1)]
    assert (found.history[["age", "hue", "pose"]].nunique() == 1).all()


@pytest.mark.parametrize("train", [["age"], ["hue"], ["hue", "age"]])
def test_training_ends_without_a_lower_loss_and_gives_the_best_epoch(train):
    own = people().only(train)
    found = run(train=own, epochs=60, patience=2, learning_rate=0.05, keep_epochs=True)
    losses = found.history[train].mean(axis=1)
    best = int(losses.argmin())
    assert 0 < best < 58 and found.best_epoch == best and len(losses) == best + 2 + 1
    # No wait was longer before: each two epochs had one that was lower than all before them.
    lowest = losses.cummin()
    assert all(lowest[k + 2] < lowest[k] for k in range(best - 1))
    assert digest(found) == digest(found.at(best)) != digest(found.at(best + 2))


def test_an_attribute_that_is_not_trained_has_no_say_in_the_best_epoch():
    """The pose of the validation shows somebody else, so its loss falls later than that of the age."""
    varied = VALIDATION.varied.clone()
    varied[:, VALIDATION.names.index("pose")] = VALIDATION.fixed.roll(1, 0)
    images = Variations(VALIDATION.fixed, varied, VALIDATION.names)
    found = run(train=people().only(["age"]), validation=images, learning_rate=0.05)
    best, of_all = found.history.age.argmin(), found.history[["age", "hue", "pose"]].mean(axis=1).argmin()
    assert found.best_epoch == best != of_all


def test_epochs_that_were_not_kept_are_not_there():
    found = run(keep_epochs=True)
    with pytest.raises(ValueError, match="epoch must be one of 0, 1, 2, 3, 4; got 5"):
        found.at(5)
    with pytest.raises(ValueError, match="epoch must be one of .*; got -1"):
        found.at(-1)
    with pytest.raises(FileNotFoundError, match="epoch-3.safetensors"):
        run().at(3)
    path = next(store.cache_folder("results").glob("*epoch-2*"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(OSError, match=r"epoch-2.safetensors (is damaged|cannot be read)"):
        found.at(2)


def test_the_result_is_a_network_under_its_own_name():
    tuned = run(name="tuned")
    drawing = Curves(sample_identities(1)[0], 2, attributes=("hue",), size=16)
    found = embed([drawing], [network(), tuned], n_jobs=1, progress=False)
    assert list(found) == ["small", "tuned"]
    images = drawing.images("arcface", 16)["plus hue"]
    torch.testing.assert_close(found["tuned"][0].plus["hue"], tuned.embed(images), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found["tuned"][0].points, found["small"][0].points)
    assert (tuned.metric, tuned.dim, tuned.crop, tuned.input_size) == ("cosine", 5, "arcface", SIZE)


# --------------------------------------------------------------------------------------------- killed, and stored


def killed(folder, kind: str, when: str, count: int, **options) -> None:
    """Run until the process kills itself, in its ``count``-th batch, or before or after its ``count``-th file."""
    os.environ["FRLIB_CACHE"] = str(folder)
    counter, replace = itertools.count(1), os.replace
    margin, _ = counting(MARGINS[kind])

    def kill_here():
        if next(counter) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    def written(*paths):
        if when == "before file":
            kill_here()
        replace(*paths)
        if when == "after file":
            kill_here()

    os.replace = written
    if when == "batch":
        margin.register_forward_pre_hook(lambda module, _: kill_here() if module.training else None)
    run(margin, **options)


def kill(*where, **options) -> None:
    process = PROCESSES.Process(target=killed, args=where, kwargs=options)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@every_margin
@pytest.mark.parametrize(
    ("kills", "left"),
    [
        ([("batch", 1)], 12),
        ([("before file", 1)], 12),
        ([("batch", 3), ("batch", 2), ("batch", 5)], 9),
        ([("after file", 2), ("after file", 1)], 6),
        ([("batch", 9), ("before file", 2)], 3),
        ([("before file", 6)], 0),
        ([("after file", 6)], 0),
    ],
)
def test_a_run_that_is_killed_goes_on_and_ends_with_the_same_bits(kind, kills, left, own_cache, monkeypatch):
    """The files of a run: one after each of the epochs 0 to 4, the sixth is the result; ``left`` batches of 12."""
    for when, count in kills:
        kill(own_cache, kind, when, count)
    margin, calls = counting(MARGINS[kind])
    found = run(margin)
    assert len(calls) == left
    assert len(stored(own_cache)) == 1
    monkeypatch.setenv("FRLIB_CACHE", str(own_cache / "whole"))
    assert same(run(MARGINS[kind]), found)


def test_epochs_before_and_after_a_kill_are_kept(own_cache, monkeypatch):
    kill(own_cache, "adaface", "batch", 8, keep_epochs=True)
    found = run(MARGINS["adaface"], keep_epochs=True)
    monkeypatch.setenv("FRLIB_CACHE", str(own_cache / "whole"))
    whole = run(MARGINS["adaface"], keep_epochs=True)
    assert [digest(found.at(k)) for k in range(5)] == [digest(whole.at(k)) for k in range(5)]


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: content[:-9] + b"damaged!!"])
def test_a_damaged_running_file_is_reported_and_the_run_begins_anew(damage, own_cache, monkeypatch):
    kill(own_cache, "adaface", "after file", 3)
    (name,) = stored(own_cache)
    path = own_cache / "results" / name
    path.write_bytes(damage(path.read_bytes()))
    margin, calls = counting(MARGINS["adaface"])
    with pytest.warns(UserWarning, match=f"{name} .*; the run begins anew"):
        found = run(margin)
    assert len(calls) == 12 and len(stored(own_cache)) == 1
    monkeypatch.setenv("FRLIB_CACHE", str(own_cache / "whole"))
    assert same(run(margin), found)


@every_margin
def test_a_second_run_reads(kind, own_cache):
    first = run(MARGINS[kind])
    files = {name: (own_cache / "results" / name).stat().st_mtime_ns for name in stored(own_cache)}
    margin, calls = counting(MARGINS[kind])
    again = run(margin, name="another name")
    assert calls == [] and same(first, again) and again.name == "another name"
    assert files == {name: (own_cache / "results" / name).stat().st_mtime_ns for name in stored(own_cache)}


def changed(images: Variations, part: str) -> Variations:
    """Return images of which one value differs by one."""
    other = {"fixed": images.fixed.clone(), "varied": images.varied.clone()}
    other[part].flatten()[50] ^= 1
    return Variations(**other, names=images.names)


def brighter() -> FaceEmbedder:
    embedder = network()
    embedder.preprocess.mean = (127.0,) * 3
    return embedder


@pytest.mark.parametrize(
    "options",
    [
        *({name: value} for name, value in {"seed": 1, "epochs": 3, "patience": 3, "detach": True}.items()),
        *({name: 0.03} for name in ("learning_rate", "momentum", "weight_decay")),
        *({name: 3} for name in ("identities_per_batch", "last_layers")),
        {"keep_epochs": True},
        {"margin": ArcFace(0.31, 8.0)},
        {"margin": MARGINS["adaface"]},
        {"embedder": network(seed=2)},
        {"embedder": brighter()},
        {"train": changed(TRAIN, "fixed")},
        {"train": changed(TRAIN, "varied")},
        {"train": TRAIN.only(["age"])},
        {"train": Variations(TRAIN.fixed, TRAIN.varied, ("age", "hue", "age", "hue"))},
        {"validation": changed(VALIDATION, "varied")},
    ],
    ids=lambda options: "-".join(options),
)
def test_another_argument_is_another_run(options):
    run()
    margin, calls = counting(options.get("margin", MARGINS["arcface"]))
    run(margin, **{name: value for name, value in options.items() if name != "margin"})
    assert calls


def test_equal_weights_in_other_layers_are_another_run():
    linear, found = torch.nn.Linear(3, 5), []
    look = {"metric": "cosine", "dim": 5, "crop": "arcface", "licence": "", "device": "cpu"}
    for activation in (torch.nn.Softplus(), torch.nn.Tanh()):
        layers = torch.nn.Sequential(torch.nn.AvgPool2d(SIZE), torch.nn.Flatten(), linear, activation)
        found.append(run(embedder=FaceEmbedder("small", layers, Preprocess(SIZE), **look)).history)
    assert found[0].age[0] != found[1].age[0]


def test_statistics_that_have_moved_are_another_run(own_cache):
    first = run(MARGINS["adaface"])
    moved, calls = counting(MARGINS["adaface"])
    moved.mean.fill_(3.0)
    again = run(moved)
    assert len(calls) == 12 and first.history.age[0] != again.history.age[0]
    assert same(run(AdaFace(0.4, scale=8.0, rate=0.1, mean=3.0, deviation=1.0)), again)


def test_numbers_of_numpy_name_the_same_run(own_cache):
    first = run(last_layers=2, seed=3)
    margin, calls = counting(MARGINS["arcface"])
    numbers = {name: np.asarray(value)[()] for name, value in OPTIONS.items() if name != "progress"}
    assert same(run(margin, last_layers=np.int64(2), seed=np.int32(3), **numbers), first) and not calls


def test_where_nothing_can_be_written_a_run_is_computed_each_time(own_cache, monkeypatch):
    first = run()

    def read_only(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setenv("FRLIB_CACHE", str(own_cache / "read-only"))
    monkeypatch.setattr(store, "save_file", read_only)
    monkeypatch.setattr(Path, "unlink", read_only)
    with pytest.warns(UserWarning, match="cannot be written: what is computed is not kept"):
        assert same(run(), first)


# -------------------------------------------------------------------------------------------- no number any more


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(("batch", "epoch"), [(1, 1), (3, 1), (5, 2)])
def test_a_loss_that_is_no_number_ends_the_run_and_leaves_nothing(batch, epoch, value, own_cache):
    margin, counter = ArcFace(0.3, 8.0), itertools.count(1)

    def spoil(module, inputs, logits):
        return logits.scatter(1, inputs[1][:, None], -value) if module.training and next(counter) == batch else None

    margin.register_forward_hook(spoil)
    message = rf"the loss of a batch is {value} in epoch {epoch}; nothing was stored. .*learning_rate.*; got 0.02$"
    with pytest.raises(TrainingDiverged, match=message):
        run(margin, keep_epochs=True)
    assert stored(own_cache) == []


def test_weights_that_a_step_throws_beyond_all_numbers_end_the_run(own_cache):
    """The gradient of an embedding is the larger the shorter it is, and the last layer has tiny weights here."""
    embedder = network()
    with torch.no_grad():
        embedder.network.steps["Conv2d_1"].weight.mul_(1e13)
        embedder.network.steps["Linear_1"].weight.mul_(1e-30)
    margin = ArcFace(0.3, 1e6)
    with pytest.raises(TrainingDiverged, match=r"the loss of a batch is nan in epoch 1; nothing .*; got 1$"):
        run(margin, embedder, learning_rate=1, keep_epochs=True)
    assert stored(own_cache) == []
    assert np.isfinite(run(margin, embedder, learning_rate=1e-30, weight_decay=0).history.training[1:]).all()


def test_a_network_that_gives_no_numbers_is_not_trained(own_cache):
    embedder = network()
    with torch.no_grad():
        embedder.network.steps["Linear_1"].bias[2] = math.nan
    with pytest.raises(TrainingDiverged, match="the loss of the validation is nan in epoch 0"):
        run(embedder=embedder)
    assert stored(own_cache) == []


# ----------------------------------------------------------------------------------------- several, and refused


def test_several_in_processes_are_those_one_by_one(own_cache, monkeypatch):
    sets = {"both": TRAIN, "age only": TRAIN.only(["age"]), "hue only": TRAIN.only(["hue"])}
    options = OPTIONS | {"margin": MARGINS["adaface"], "keep_epochs": True}
    found = finetune_each(network(), sets, VALIDATION, n_jobs=2, **options)
    assert list(found) == [own.name for own in found.values()] == list(sets)
    assert found["hue only"].at(2).name == "hue only, epoch 2"
    monkeypatch.setenv("FRLIB_CACHE", str(own_cache / "one by one"))
    for name, own in sets.items():
        assert same(run(MARGINS["adaface"], train=own, keep_epochs=True), found[name])


def test_a_network_of_a_file_is_trained_if_it_is_made_of_torch(tmp_path):
    export_onnx(network(), tmp_path / "small.onnx")
    inference, trainable = (
        load_onnx(tmp_path / "small.onnx", device="cpu", trainable=trainable) for trainable in (False, True)
    )
    with pytest.raises(ValueError, match="must have a network with weights of torch; load its file with trainable=Tru"):
        run(embedder=inference)
    found, calls = run(embedder=trainable), counting(MARGINS["arcface"])
    assert digest(found) != digest(trainable) and found.history.training[4] < found.history.training[1]
    assert same(run(calls[0], embedder=trainable), found) and not calls[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": VALIDATION.only(["age"])}, "train.attributes must be one of 'age'; got 'hue'"),
        ({"epochs": 0}, "epochs must be an integer of at least 1; got 0"),
        ({"epochs": 2.0}, "epochs must be an integer; got 2.0"),
        ({"patience": 0}, "patience must be an integer of at least 1; got 0"),
        ({"seed": -1}, "seed must be an integer of at least 0; got -1"),
        ({"identities_per_batch": 1}, "identities_per_batch must be an integer of at least 2; got 1"),
        ({"last_layers": 0}, "last_layers must be an integer of at least 1; got 0"),
        ({"last_layers": 4}, "last_layers must be at most 3, the layers with weights; got 4"),
        ({"learning_rate": -0.1}, "learning_rate must lie between 0 and 1; got -0.1"),
        ({"momentum": 1.5}, "momentum must lie between 0 and 1; got 1.5"),
        ({"weight_decay": math.nan}, "weight_decay must be a finite number"),
    ],
)
def test_what_is_refused(options, message, own_cache):
    with pytest.raises(ValueError, match=message):
        run(**options)
    assert stored(own_cache) == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@every_margin
def test_cpu_and_gpu_agree(kind, own_cache, monkeypatch):
    """A bfloat16 has 8 bits, and a run of 12 steps adds up their errors: validation losses agree to 5 percent."""
    on_cpu = run(MARGINS[kind])
    monkeypatch.setenv("FRLIB_CACHE", str(own_cache / "gpu"))
    found = run(MARGINS[kind], network(device="cuda"))
    assert found.device.type == "cuda"
    np.testing.assert_allclose(*(own.history[["age", "hue", "pose"]] for own in (found, on_cpu)), rtol=0.05)


# ---------------------------------------------------------------------------------------------- losses of clouds


def cloud_of(rows: torch.Tensor, attributes=("hue", "age")) -> Cloud:
    """Return the cloud of a point and both ends of each attribute, given as rows."""
    point, *ends = rows[:, None]
    minus, plus = (dict(zip(attributes, ends[k::2], strict=True)) for k in (0, 1))
    return Cloud(point, minus, plus)


def embeddings(n=6, d=4, seed=0) -> torch.Tensor:
    """Return a point and 4 ends of n people."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(n, 1, d, generator=generator, dtype=torch.float64)
    return points + 0.4 * torch.randn(n, 5, d, generator=generator, dtype=torch.float64)


def losses(rows: torch.Tensor, margin) -> pd.DataFrame:
    return variation_losses([cloud_of(own) for own in rows], margin)


def test_losses_of_clouds_are_those_by_hand():
    rows = embeddings()
    unit = functional.normalize(rows, dim=2).numpy()
    found = losses(rows, ArcFace(0.3, 8.0))
    assert list(found) == ["hue", "age"] and len(found) == 6
    for person, (a, name) in itertools.product(range(6), enumerate(found)):
        expected = []
        for end in (1 + 2 * a, 2 + 2 * a):
            cosines = unit[:, 0] @ unit[person, end]
            logits = 8 * cosines
            logits[person] = 8 * np.cos(np.arccos(cosines[person]) + 0.3)
            expected.append(np.log(np.exp(logits).sum()) - logits[person])
        assert found.loc[person, name] == pytest.approx(np.mean(expected), rel=1e-12)


@every_margin
def test_losses_of_clouds_move_with_the_people_and_not_with_the_axes(kind):
    rows, margin, order = embeddings(), MARGINS[kind], [3, 0, 5, 1, 4, 2]
    found = losses(rows, margin).to_numpy()
    np.testing.assert_allclose(losses(rows[order], margin), found[order], rtol=1e-12)
    rotation = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[0]
    np.testing.assert_allclose(losses(rows @ rotation, margin), found, rtol=1e-9)


def test_losses_of_clouds_need_the_attributes_and_not_their_order():
    rows, margin = embeddings(), ArcFace(0.3, 8.0)
    turned = cloud_of(rows[1][[0, 3, 4, 1, 2]], ("age", "hue"))
    clouds = [cloud_of(own) for own in rows]
    pd.testing.assert_frame_equal(
        variation_losses([clouds[0], turned, *clouds[2:]], margin), variation_losses(clouds, margin)
    )


def test_losses_of_clouds_take_the_statistics_as_they_are():
    rows, margin = embeddings(), AdaFace(mean=2.0, deviation=1.0, scale=8.0).train()
    found = losses(rows, margin)
    assert (margin.mean, margin.deviation, margin.training) == (2.0, 1.0, True)
    margin.mean.fill_(1.0)
    assert not np.allclose(losses(rows, margin), found)


def test_the_history_is_the_mean_of_the_losses_of_clouds():
    """Over the two ends of each attribute, which are variations."""
    embedder, images = network(), VALIDATION.only(["age", "hue"])
    rows = [embedder.embed(torch.cat([f[None], v])) for f, v in zip(images.fixed, images.varied, strict=True)]
    found = variation_losses([cloud_of(own, ("age", "hue")) for own in rows], MARGINS["adaface"]).mean()
    history = run(MARGINS["adaface"], embedder, epochs=1).history
    assert history.loc[0, ["age", "hue"]].to_dict() == pytest.approx(found.to_dict(), rel=1e-5)


@pytest.mark.parametrize(
    ("clouds", "message"),
    [
        ([], "the number of clouds must be an integer of at least 2; got 0"),
        ([cloud_of(embeddings()[0])], "the number of clouds must be an integer of at least 2; got 1"),
        ([Cloud(torch.ones(3, 2))] * 2, r"the number of points of a cloud must be one of 1; got 3"),
        ([Cloud(torch.ones(1, 2))] * 2, r"clouds must have ends of the same attributes, \[\]; got \[\]"),
        (
            [cloud_of(embeddings()[0]), cloud_of(embeddings()[1], ("hue", "pose"))],
            r"clouds must have ends of the same attributes, \['hue', 'age'\]; got \['hue', 'pose'\]",
        ),
    ],
)
def test_clouds_without_losses_are_refused(clouds, message):
    with pytest.raises(ValueError, match=message):
        variation_losses(clouds, ArcFace())
