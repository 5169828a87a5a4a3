"""How inputs move embeddings: each number against fields made by hand."""

import pandas as pd
import pytest
import torch

from frlib.geometry import energy_sweep
from frlib.training import class_plane_share, cloud_of_run, movement_by_kind, run_energies, silence


@pytest.fixture(scope="module")
def made():
    """Two runs of three classes in the first two of five dimensions; one input moves along them, the other across."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat(2, 20)
    means = torch.tensor([[5.0, 0, 0, 0, 0], [-5, 0, 0, 0, 0], [0, 8, 0, 0, 0]], dtype=torch.float64)
    noise = torch.randn(2, 60, 5, generator=random, dtype=torch.float64)
    noise -= torch.stack([noise[:, labels[0] == k].mean(dim=1) for k in range(3)], dim=1)[:, labels[0]]
    sizes = torch.tensor([1.0, 3.0], dtype=torch.float64)[:, None, None]
    along, across = torch.zeros(2, 60, 5, dtype=torch.float64), torch.zeros(2, 60, 5, dtype=torch.float64)
    along[..., 0], across[..., 4] = 2.0, torch.where(torch.arange(60) % 2 == 0, 1.0, -1.0).double()
    embeddings = sizes * (means[labels] + 0.1 * noise)
    return embeddings, labels, {"x1": along, "x2": across}


def test_movement_is_the_mean_over_runs_of_what_each_run_has(made):
    embeddings, labels, fields = made
    energies = run_energies(embeddings, fields, [0.2, 5.0], ["x1"], progress=False)
    table = movement_by_kind(embeddings, labels, fields, energies)
    distances = [float(torch.pdist(points).mean()) for points in embeddings]
    assert table["mean_distance"].tolist() == pytest.approx([sum(distances) / 2] * 2)
    assert table["length"].to_dict() == pytest.approx({"useful": 2.0, "useless": 1.0})
    inverse = sum(1 / d for d in distances) / 2
    assert table["displacement"].to_dict() == pytest.approx({"useful": 2 * inverse, "useless": inverse})
    # All pairs of the second input: 30 vectors one way and 30 the other, so 29 of 59 others agree and 30 oppose.
    assert table["energy"].to_dict() == pytest.approx({"useful": 0.0, "useless": 1 + 1 / 59})
    assert table["plane"].to_dict() == pytest.approx({"useful": 1.0, "useless": 0.0}, abs=1e-12)
    shares = class_plane_share(embeddings, labels, fields)
    assert len(shares) == 4


def test_silence_counts_units_pairs_and_points():
    embeddings = torch.ones(2, 4, 5)
    embeddings[0, :, 0] = 0  # a dead unit: 4 pairs
    embeddings[1, 0, 3] = 0
    fields = {"x1": torch.ones(2, 4, 5), "x2": torch.ones(2, 4, 5)}
    fields["x2"][1, 2] = 0
    fields["x1"][0, 0, :4] = 0  # still has a direction
    assert silence(embeddings, fields).to_dict() == pytest.approx({"dead": 1 / 10, "inactive": 5 / 40, "still": 1 / 16})


def test_a_run_as_a_cloud_has_the_energies_of_the_run(made):
    embeddings, _, fields = made
    cloud = cloud_of_run(embeddings, fields, ["x1"], run=1)
    table = energy_sweep(cloud, [0.2, 5.0])
    expected = run_energies(embeddings, fields, [0.2, 5.0], ["x1"], progress=False).query("run == 1")
    assert table["attribute"].unique().tolist() == ["x1 (useful)", "x2 (useless)"]
    pd.testing.assert_series_equal(
        table["energy"].reset_index(drop=True), expected["energy"].reset_index(drop=True), check_names=False
    )
