"""Device, threads and processes: where and on how many processors work is done; and the seeds of libraries."""

import contextlib
import functools
import multiprocessing
import os
import random
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import torch
from joblib import Parallel, delayed
from joblib.externals.loky.backend.process import LokyProcess
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from frlib import checks
from frlib.arguments import checked

# How often the tasks that are left begin anew after a worker was killed, without a result in between.
PATIENCE = 3


@checked
def choose_device(device: str | torch.device | None = None) -> torch.device:
    """Return the device to compute on: the one named, or the GPU where there is one, or the CPU.

    Raises
    ------
    ValueError
        If the name is unknown or this machine has no such device.
    """
    if device in (None, "", "auto"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        if isinstance(device, bytes):
            raise TypeError("torch takes them for a text")
        chosen = torch.device(device)
        checks.one_of("device", chosen.type, ("cpu", "cuda"))  # others lack float64, which distances need
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"device must be 'auto', 'cpu' or 'cuda'; got {device!r}") from error
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        here = torch.cuda.device_count()
        raise ValueError(f"device must be 'auto' or 'cpu' on this machine, which has {here} CUDA GPUs; got {device!r}")
    return chosen


@checked
def start(seed: int = 0, device: str | torch.device | None = None, threads: int | None = None) -> torch.device:
    """Seed the generators, set the number of CPU threads, and return the device.

    Small networks gain little from a second thread and can lose a factor of 60 when the machine is loaded, so the
    default is one thread per process; work is spread over processes instead. ``FRLIB_THREADS`` changes the default.

    Parameters
    ----------
    seed : int
        Seeds ``random``, numpy's legacy generator and torch. Code in ``frlib`` takes its own seeds; this one covers
        what libraries draw by themselves.
    device : str, optional
        See `choose_device`.
    threads : int, optional
        Threads of torch and of the linear algebra of numpy and scipy, on the CPU.

    Raises
    ------
    ValueError
        If the seed is larger than numpy's legacy generator takes, or as in `choose_device`.
    """
    checks.whole("seed", seed, 0, 2**32 - 1)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    # On a GPU convolutions would drop 13 of 23 bits, and with them the direction of a small change of an embedding.
    torch.backends.cudnn.allow_tf32 = False
    threads = threads or int(os.environ.get("FRLIB_THREADS", "1"))
    torch.set_num_threads(threads)
    threadpool_limits(threads, user_api="blas")
    return choose_device(device)


@checked
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
    ValueError
        If ``n_jobs`` is 0.
    BrokenProcessPool
        If workers are killed several times in a row before any task ends.
    Exception
        What the function raises.
    """
    if n_jobs == 0:
        raise ValueError("n_jobs must be a number of processes, or -1 for all processors; got 0")
    if n_jobs is None:
        n_jobs = 1 if device is not None and device.type == "cuda" else -1
    tasks = list(tasks)
    results: dict[int, object] = {}
    with tqdm(total=len(tasks), desc=description, disable=not progress or not tasks) as bar:
        failures = 0
        while len(results) < len(tasks):
            before = len(results)
            try:
                for place, result in _finished(function, tasks, set(results), n_jobs):
                    results[place] = result
                    bar.update()
            except (BrokenProcessPool, CancelledError) as error:
                failures = failures + 1 if len(results) == before else 1
                if failures >= PATIENCE:
                    raise BrokenProcessPool(
                        f"workers were killed {failures} times, and no task ended in between. Linux kills processes "
                        "when memory runs out: fewer of them (n_jobs, or LOKY_MAX_CPU_COUNT) need less."
                    ) from error
                left = len(tasks) - len(results)
                warnings.warn(f"a worker was killed; the {left} tasks that are left begin anew", stacklevel=2)
    return [results[place] for place in range(len(tasks))]


def _finished(function: Callable, tasks: list[tuple], done: set[int], n_jobs: int) -> Iterator[tuple[int, object]]:
    """Yield place and result of the tasks that are not done, in the order in which they end."""
    here = os.getpid()
    calls = (delayed(_placed)(place, function, task, here) for place, task in enumerate(tasks) if place not in done)
    yield from Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)


def _placed(place: int, function: Callable, task: tuple, caller: int) -> tuple[int, object]:
    """Return a result with its place: results come in the order in which they end."""
    if isinstance(multiprocessing.current_process(), LokyProcess) and caller != os.getpid():
        _end_with(caller)
    return place, function(*task)


@functools.cache
def _end_with(caller: int) -> None:
    """End this worker soon after the process that started it: joblib's would go on, and wait minutes for more."""

    def watch() -> None:
        while os.getppid() == caller:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def own_threads(device: torch.device) -> Iterator[int]:
    """Yield the number of threads for `in_order`, and meanwhile keep torch itself to one thread.

    The number is ``torch.get_num_threads()``, or 1 on a GPU. Torch's own threads would compete with these for the
    processors, and wait for each other in busy loops: on a loaded machine the preparation of a cloud then took 90 times
    its processor time.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads if device.type == "cpu" else 1
    finally:
        torch.set_num_threads(threads)


def in_order(function: Callable, items: Sequence[tuple], threads: int) -> Iterator:
    """Yield ``function(*item)`` for all items in their order, whatever thread computed it and whenever it was ready.

    The threads run at most two items each ahead of what has been taken, so that results do not pile up.
    """
    if min(threads, len(items)) <= 1:
        yield from (function(*item) for item in items)
        return
    waiting: deque = deque()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for item in items:
            waiting.append(pool.submit(function, *item))
            if len(waiting) == 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
