"""Theorems on the toy model: what the data are, that an ensemble is a set of separate networks, what a field is."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from frlib.training import (
    Ensemble,
    class_plane_share,
    compare_dimensions,
    embed,
    input_fields,
    run_energies,
    sample_blobs,
    toy_experiment,
    train_ensemble,
)
from frlib.training.toy import cliff_delta, sign_flip_p

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def trained():
    """Three small runs, each on its own data."""
    data = [sample_blobs(40, seed=seed) for seed in range(3)]
    inputs = torch.stack([blobs.inputs for blobs in data])
    labels = torch.stack([blobs.labels for blobs in data])
    return inputs, labels, train_ensemble(inputs, labels, [0, 1, 2], progress=False)


def member(ensemble: Ensemble, run: int) -> torch.nn.Sequential:
    """One network of the ensemble, built from torch's own layers."""
    layers = []
    for weight, bias in zip(ensemble.weights, ensemble.biases, strict=True):
        linear = torch.nn.Linear(*weight.shape[1:], dtype=torch.float64)
        linear.weight.data, linear.bias.data = weight[run].T.detach().clone(), bias[run, 0].detach().clone()
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


# ------------------------------------------------------------------------------------------------------------- data


def test_blobs_have_the_stated_laws():
    blobs = sample_blobs(4000, 3, radius=5.0, spread=0.5, seed=3)
    assert blobs.inputs.shape == (12000, 5) and blobs.inputs.dtype == torch.float64
    assert blobs.useful == ["x1", "x2"] and blobs.useless == ["x3", "x4", "x5"]
    for k in range(3):
        plane = blobs.inputs[blobs.labels == k, :2]
        assert plane.mean(dim=0).norm() == pytest.approx(5.0, abs=0.05)
        assert torch.allclose(plane.std(dim=0), torch.tensor(0.5).double(), atol=0.02)
    uniform = blobs.inputs[:, 2:].numpy()
    for column in uniform.T:
        assert stats.kstest(column, stats.uniform(-5, 10).cdf).pvalue > 1e-3
    # Knowing the class says nothing on the useless dimensions.
    assert abs(np.corrcoef(np.eye(3)[blobs.labels].T, uniform.T)[:3, 3:]).max() < 0.03


def test_blobs_depend_on_the_seed_alone():
    assert torch.equal(sample_blobs(seed=4).inputs, sample_blobs(seed=4).inputs)
    assert not torch.equal(sample_blobs(seed=4).inputs, sample_blobs(seed=5).inputs)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.5, 0.9, 1.0])
def test_label_noise_is_the_share_of_wrong_labels(share):
    clean, noisy = sample_blobs(2000, 0, seed=1), sample_blobs(2000, 0, label_noise=share, seed=1)
    assert torch.equal(clean.inputs, noisy.inputs)
    wrong = float((clean.labels != noisy.labels).double().mean())
    assert abs(wrong - share) <= 3 * np.sqrt(share * (1 - share) / 6000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"points_per_blob": 0}, "points_per_blob must be an integer of at least 1; got 0"),
        ({"useless": -1}, "useless must be an integer of at least 0"),
        ({"spread": -1.0}, "spread must lie between 0 and inf; got -1.0"),
        ({"label_noise": 1.5}, "label_noise must lie between 0 and 1; got 1.5"),
    ],
)
def test_blobs_reject(arguments, message):
    with pytest.raises(ValueError, match=message):
        sample_blobs(**arguments)


# --------------------------------------------------------------------------------------------------------- training


@pytest.mark.parametrize("run", range(3))
def test_a_network_trained_alone_equals_the_member_of_the_ensemble(trained, run):
    inputs, labels, ensemble = trained
    alone = train_ensemble(inputs[run], labels[run], [run], progress=False)
    assert alone.epochs.item() == ensemble.epochs[run]
    for own, shared in zip(alone.weights + alone.biases, ensemble.weights + ensemble.biases, strict=True):
        torch.testing.assert_close(own[0], shared[run], rtol=1e-8, atol=1e-10)


def test_training_equals_a_loop_with_torch_layers_and_adam(trained):
    inputs, labels, ensemble = trained
    network = member(Ensemble.initial([6, 16, 16, 3], [1]), 0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(int(ensemble.epochs[1])):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(inputs[1]), labels[1]).backward()
        optimizer.step()
    torch.testing.assert_close(network(inputs[1]), ensemble.forward(inputs)[1].detach(), rtol=1e-7, atol=1e-8)


def test_every_member_stops_at_the_first_epoch_that_meets_the_criterion(trained):
    _, _, ensemble = trained
    assert ensemble.converged.all()
    assert len(set(ensemble.epochs.tolist())) > 1, "the members must differ for this test to say anything"
    for run, last in enumerate(ensemble.epochs.tolist()):
        history = ensemble.history[:, run]
        assert torch.isnan(history[last + 1 :]).all() and not torch.isnan(history[: last + 1]).any()
        falls = history[: last + 1 - 100] - history[100 : last + 1]
        assert (falls[:-1] >= 1e-3).all() and falls[-1] < 1e-3
        assert history[last] == pytest.approx(ensemble.loss[run].item(), rel=1e-9)


def test_training_that_runs_out_of_epochs_says_so():
    blobs = sample_blobs(20, label_noise=0.5)
    ensemble = train_ensemble(blobs.inputs, blobs.labels, [0, 1], max_epochs=7, progress=False)
    assert not ensemble.converged.any() and ensemble.epochs.tolist() == [7, 7]
    assert ensemble.history.shape == (8, 2)


def test_training_learns_the_blobs_and_not_shuffled_labels(trained):
    inputs, labels, ensemble = trained
    assert (ensemble.accuracy == 1).all()
    fresh = sample_blobs(200, seed=99)
    hits = (ensemble.forward(fresh.inputs.expand(3, -1, -1)).argmax(dim=2) == fresh.labels).double().mean()
    assert hits > 0.98


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": torch.zeros(5, dtype=torch.long)}, "labels must have one class per input"),
        ({"labels": torch.full((6,), 3)}, "labels must lie between 0 and 2; got 3"),
        ({"inputs": torch.zeros(3, 6, 6)}, r"inputs must have shape \(N, d\) or \(runs, N, d\) with 2 runs"),
        ({"activation": "sine"}, "activation must be one of 'relu', 'tanh'; got 'sine'"),
        ({"max_epochs": 0}, "max_epochs must be an integer of at least 1"),
    ],
)
def test_training_rejects(change, message):
    arguments = {"inputs": torch.zeros(6, 6), "labels": torch.zeros(6, dtype=torch.long), "seeds": [0, 1]} | change
    with pytest.raises(ValueError, match=message):
        train_ensemble(**arguments, progress=False)


# ------------------------------------------------------------------------------------------- embeddings and fields


def test_embedding_is_what_the_last_layer_reads(trained):
    inputs, _, ensemble = trained
    for run in range(3):
        network = member(ensemble, run)
        torch.testing.assert_close(embed(ensemble, inputs)[run], network[:-1](inputs[run]))
        torch.testing.assert_close(embed(ensemble, inputs, before_activation=True)[run], network[:-2](inputs[run]))


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_differences_tend_to_the_exact_field(seed):
    inputs = torch.tensor(np.random.default_rng(seed).uniform(-5, 5, (20, 4)))
    network = Ensemble.initial([4, 16, 16, 3], [seed], activation="tanh")
    exact = input_fields(network, inputs, scheme="exact")
    errors = {
        (scheme, step): max(
            (input_fields(network, inputs, step=step, scheme=scheme)[k] - exact[k]).norm().item() for k in exact
        )
        for scheme in ("central", "forward")
        for step in (1e-2, 1e-3)
    }
    # Order 2 for central differences, order 1 for forward ones: a step ten times smaller.
    assert errors["central", 1e-3] < errors["central", 1e-2] / 50
    assert errors["forward", 1e-3] < errors["forward", 1e-2] / 5
    assert errors["central", 1e-3] < errors["forward", 1e-3]


def test_field_inside_one_linear_region_is_the_same_by_all_schemes(trained):
    inputs, _, ensemble = trained
    fields = {scheme: input_fields(ensemble, inputs, step=1e-7, scheme=scheme) for scheme in ("central", "exact")}
    for name in fields["exact"]:
        torch.testing.assert_close(fields["central"][name], fields["exact"][name], rtol=1e-6, atol=1e-6)


def test_a_dimension_that_no_unit_sees_has_an_undefined_field(trained):
    inputs, _, ensemble = trained
    blind = Ensemble([w.detach().clone() for w in ensemble.weights], ensemble.biases, "relu", ensemble.seeds)
    blind.weights[0][:, 5] = 0
    fields = input_fields(blind, inputs)
    assert (fields["x6"] == 0).all()
    table = run_energies(embed(blind, inputs), fields, [1.0], ["x1", "x2"], progress=False)
    undefined = table.groupby("attribute")["undefined"].mean()
    assert undefined["x6"] == 1 and undefined["x1"] < 1


@pytest.mark.parametrize(("options", "message"), [({"scheme": "odd"}, "scheme must be"), ({"step": 0}, "step must be")])
def test_fields_reject(trained, options, message):
    with pytest.raises(ValueError, match=message):
        input_fields(trained[2], trained[0], **options)


# ------------------------------------------------------------------------------------------------------- statistics


def test_energies_have_one_row_per_run_dimension_and_scale(trained):
    inputs, _, ensemble = trained
    fields = input_fields(ensemble, inputs)
    table = run_energies(embed(ensemble, inputs), fields, [0.5, 2.0], ["x1", "x2"], progress=False)
    assert len(table) == 3 * 6 * 2
    assert set(table.loc[table["kind"] == "useful", "attribute"]) == {"x1", "x2"}
    # A linear map of the whole cloud changes neither energies nor relative displacements.
    scaled = {name: 7 * vectors for name, vectors in fields.items()}
    again = run_energies(7 * embed(ensemble, inputs), scaled, [0.5, 2.0], ["x1", "x2"], progress=False)
    np.testing.assert_allclose(again[["energy", "displacement"]], table[["energy", "displacement"]], rtol=1e-9)


def test_experiment_does_the_steps_one_by_one(trained):
    inputs, labels, ensemble = trained
    whole = toy_experiment(range(3), [0.5, 2.0], blobs={"points_per_blob": 40}, progress=False)
    assert torch.equal(whole.inputs, inputs) and torch.equal(whole.labels, labels)
    torch.testing.assert_close(whole.embeddings, embed(ensemble, inputs))
    assert (whole.test_accuracy > 0.95).all()
    untrained = toy_experiment(range(3), [2.0], blobs={"points_per_blob": 40}, trained=False, progress=False)
    assert len(untrained.ensemble.epochs) == 0 and (untrained.test_accuracy < 0.9).all()


def test_an_experiment_needs_a_seed_and_a_device_that_is_there():
    options = {"blobs": {"points_per_blob": 4}, "trained": False, "progress": False}
    with pytest.raises(ValueError, match="seeds must be one or more whole numbers; got none"):
        toy_experiment([], [1.0], **options)
    with pytest.raises(ValueError, match="device must be 'auto', 'cpu' or 'cuda'; got 'odd'"):
        toy_experiment([0], [1.0], device="odd", **options)
    chosen, plain = (toy_experiment([0], [1.0], device=device, **options) for device in ("auto", None))
    torch.testing.assert_close(chosen.embeddings.cpu(), plain.embeddings)


def test_class_plane_share_is_one_in_the_plane_and_two_over_d_without_direction(trained):
    inputs, labels, ensemble = trained
    points = embed(ensemble, inputs)
    means = [[points[run][labels[run] == k].mean(dim=0) for k in range(3)] for run in range(3)]
    inside = torch.stack([(own[1] - own[0]).expand_as(points[0]) for own in means])
    random = torch.tensor(np.random.default_rng(0).normal(size=points.shape))
    shares = class_plane_share(points, labels, {"inside": inside, "random": random}).groupby("attribute")["share"]
    np.testing.assert_allclose(shares.get_group("inside"), 1)
    np.testing.assert_allclose(shares.get_group("random"), 2 / 16, atol=0.03)


def made_up(differences: np.ndarray) -> pd.DataFrame:
    """Energies of two useful and two useless dimensions with given differences (runs, scales)."""
    rows = [
        {"run": run, "scale": scale + 1.0, "kind": kind, "attribute": f"{kind}{k}", "energy": 0.5 + value * useless}
        for (run, scale), value in np.ndenumerate(differences)
        for useless, kind in enumerate(["useful", "useless"])
        for k in range(2)
    ]
    return pd.DataFrame(rows)


def test_comparison_of_equal_differences_in_closed_form():
    table = compare_dimensions(made_up(np.full((5, 2), 0.1) + 1e-3 * np.arange(10).reshape(5, 2)))
    np.testing.assert_allclose(table["difference"], [0.104, 0.105])
    assert (table["share"] == 1).all() and (table["cliff"] == 1).all()
    assert (table["low"] > 0.1).all() and (table["high"] < 0.11).all()
    np.testing.assert_allclose(table["p"], 1 / 2**5)  # only the unflipped signs reach the observed statistic


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_single_scale_p_equals_the_exact_test_of_scipy(seed):
    differences = np.random.default_rng(seed).normal(0.2, 1, (8, 1))
    reference = stats.permutation_test(
        (differences[:, 0],), np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
    )
    assert sign_flip_p(differences, 9999, 0)[0] == pytest.approx(reference.pvalue)


def test_constant_differences_have_the_smallest_p_and_equal_energies_the_largest():
    assert sign_flip_p(np.full((5, 1), 0.25), 9999, 0) == [1 / 32]
    assert sign_flip_p(np.full((5, 2), [0.25, 0.1]), 9999, 0).tolist() == [1 / 32, 1 / 32]
    with_equal = np.column_stack([1 + np.arange(5.0), np.zeros(5)])
    assert sign_flip_p(with_equal, 9999, 0).tolist() == [1 / 32, 1]


def test_p_is_never_below_its_single_scale_value():
    differences = np.random.default_rng(1).normal(0.3, 1, (9, 6))
    together = sign_flip_p(differences, 9999, 0)
    apart = [sign_flip_p(differences[:, [k]], 9999, 0)[0] for k in range(6)]
    assert (together >= apart).all() and (together > apart).any()


def test_false_alarms_at_any_scale_stay_at_the_nominal_level():
    random = np.random.default_rng(0)
    trials = 300
    alarms = 0
    for trial in range(trials):
        shared = random.normal(size=(10, 1))
        differences = shared + random.normal(size=(10, 8))  # scales of one run are correlated, and all differences null
        alarms += sign_flip_p(differences, 499, trial).min() <= 0.05
    assert alarms <= stats.binom.ppf(0.999, trials, 0.05)
    assert alarms >= stats.binom.ppf(0.001, trials, 0.05)


def test_cliff_delta_counts_pairs():
    energies = made_up(np.array([[0.1], [-0.1], [0.1], [0.0]]))
    assert cliff_delta(energies).tolist() == [0.25]


def test_a_scale_without_energies_has_no_comparison():
    energies = made_up(np.full((4, 2), 0.1) + np.random.default_rng(0).normal(0, 0.01, (4, 2)))
    energies.loc[(energies["scale"] == 1.0) & (energies["run"] == 2), "energy"] = np.nan
    table = compare_dimensions(energies).set_index("scale")
    assert np.isnan(table.loc[1.0, ["difference", "p"]].to_numpy(float)).all()
    assert table.loc[2.0, "p"] == pytest.approx(1 / 16)
    energies["energy"] = energies["energy"].where(energies["run"] != 2)
    nothing = compare_dimensions(energies)
    assert list(nothing) == ["scale", *table] and nothing["useful"].notna().all()
    assert nothing.loc[:, "difference":].isna().all(axis=None)


def test_comparison_needs_two_runs():
    with pytest.raises(ValueError, match="number of runs in energies must be an integer of at least 2; got 1"):
        compare_dimensions(made_up(np.full((1, 2), 0.1)))


# -------------------------------------------------------------------------------------------------------- the claim


def test_useless_dimensions_have_more_energy_after_training_and_not_before(trained):
    inputs, _, ensemble = trained
    scales = [0.3, 1.0, 3.0]
    untrained = Ensemble.initial([6, 16, 16, 3], ensemble.seeds)
    gaps = []
    for network in (untrained, ensemble):
        fields = input_fields(network, inputs)
        table = run_energies(embed(network, inputs), fields, scales, ["x1", "x2"], progress=False)
        gaps.append(compare_dimensions(table)["difference"].to_numpy())
    assert (gaps[1] > 0.15).all() and (gaps[1] > 2 * np.abs(gaps[0])).all()
