"""Independent tasks over the processors, or over the workers of a cluster, that survive a killed worker."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool

import torch
from joblib import Parallel, delayed
from tqdm import tqdm

# How often the tasks that are left begin anew after a worker was killed, without a result in between.
PATIENCE = 3


def spread(
    function: Callable,
    tasks: Iterable[tuple],
    *,
    n_jobs: int | None = None,
    device: torch.device | None = None,
    description: str = "tasks",
    progress: bool = True,
) -> list:
    """Call a function with each tuple of arguments, in processes of their own, and return the results in order.

    The backend is that of `joblib.parallel_config`: processes on this machine, or with
    ``parallel_config(backend="dask")`` and an open `dask.distributed.Client` the workers of a cluster. A cluster gives
    the task of a lost worker to another one. On this machine joblib ends the whole pool when a worker is killed, for
    memory say; here the results that are in stay, and the rest begins anew.

    Parameters
    ----------
    function : callable
        Must be importable by the workers, or be one that cloudpickle can send.
    tasks : iterable of tuples
        Arguments of each call.
    n_jobs : int, optional
        Number of processes; 1 calls the function here, -1 takes all processors. Default: all processors, or 1 where
        the device is a GPU, which processes would only share.
    device : torch.device, optional
        Where the function computes. Default: the CPU.
    description : str
        Label of the progress bar.
    progress : bool
        Show the bar.

    Returns
    -------
    list
        One result per task.

    Raises
    ------
    BrokenProcessPool
        If workers are killed several times in a row before any task ends.
    Exception
        What the function raises.
    """
    if n_jobs is None:
        n_jobs = 1 if device is not None and device.type == "cuda" else -1
    tasks = list(tasks)
    results: dict[int, object] = {}
    with tqdm(total=len(tasks), desc=description, disable=not progress) as bar:
        failures = 0
        while len(results) < len(tasks):
            before = len(results)
            try:
                for place, result in _finished(function, tasks, set(results), n_jobs):
                    results[place] = result
                    bar.update()
            except (BrokenProcessPool, CancelledError):
                failures = failures + 1 if len(results) == before else 1
                if failures >= PATIENCE:
                    raise
                left = len(tasks) - len(results)
                warnings.warn(f"a worker was killed; the {left} tasks that are left begin anew", stacklevel=2)
    return [results[place] for place in range(len(tasks))]


def _finished(function: Callable, tasks: list[tuple], done: set[int], n_jobs: int) -> Iterator[tuple[int, object]]:
    """Yield place and result of the tasks that are not done, in the order in which they end."""
    calls = (delayed(_placed)(place, function, task) for place, task in enumerate(tasks) if place not in done)
    yield from Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)


def _placed(place: int, function: Callable, task: tuple) -> tuple[int, object]:
    """Return a result with its place: results come in the order in which they end."""
    return place, function(*task)
