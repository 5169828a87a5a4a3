import numpy as np
import pytest
import torch

from frlib.models import NETWORKS
from frlib.models.age import AgeEstimator, load_age_estimator
from frlib.models.convert.tfjs import read_graph
from frlib.models.embedder import Preprocess


def relu(values):
    return np.maximum(values, 0)


@pytest.fixture(scope="module")
def estimator():
    return load_age_estimator("cpu")


class Constant(torch.nn.Module):
    """Gives the same 100 numbers for every image."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, inputs):
        return self.logits.expand(len(inputs), 100)


@pytest.mark.parametrize(("classes", "age"), [([30], 30), ([20, 40], 30), ([0, 99], 49.5), (range(100), 49.5)])
def test_the_estimate_is_the_mean_of_the_distribution(classes, age):
    logits = torch.full((100,), -1e9)
    logits[list(classes)] = 3.0
    estimator = AgeEstimator(Constant(logits), Preprocess(32), torch.device("cpu"))
    found = estimator.estimate(torch.zeros(5, 32, 32, 3), batch_size=2, progress=False)
    assert torch.allclose(found, torch.full((5,), float(age)))


def test_the_head_computes_what_its_graph_says_from_the_identity_features(estimator, pretrained):
    """The features are compared with the published program elsewhere; here the two layers behind them are."""
    constants = read_graph(NETWORKS["faceres"].files[0].local).constants
    images = torch.randint(0, 256, (3, 224, 224, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    features = pretrained("faceres").embed(images).numpy().astype(float)
    hidden = relu(features @ constants["feats/kernel"] + constants["feats/bias"])
    logits = hidden @ constants["age_pred/kernel"] + constants["age_pred/bias"]
    wanted = np.exp(logits - logits.max(1, keepdims=True))
    wanted /= wanted.sum(1, keepdims=True)
    assert np.allclose(estimator.distribution(images).numpy(), wanted, atol=1e-5)


def test_batches_do_not_change_the_estimates(estimator):
    images = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    together, apart = estimator.estimate(images), estimator.estimate(images, batch_size=1, progress=False)
    assert torch.allclose(together, apart, atol=1e-3)


def test_errors(estimator):
    with pytest.raises(ValueError, match="images"):
        estimator.estimate(torch.zeros(3, 64, 64))
    with pytest.raises(ValueError, match="batch_size must be an integer of at least 1; got 0"):
        estimator.estimate(torch.zeros(1, 64, 64, 3), batch_size=0)
