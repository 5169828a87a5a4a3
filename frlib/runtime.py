"""Device, threads and seeds: set once, at the top of a chapter or a program."""

import os
import random

import numpy as np
import torch


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
        chosen = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must be 'auto', 'cpu' or 'cuda'; got {device!r}") from error
    if chosen.type not in ("cpu", "cuda"):  # others lack float64, which distances need
        raise ValueError(f"device must be 'auto', 'cpu' or 'cuda'; got {device!r}")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        here = torch.cuda.device_count()
        raise ValueError(f"device must be 'auto' or 'cpu' on this machine, which has {here} CUDA GPUs; got {device!r}")
    return chosen


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
        Threads of torch on the CPU.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(threads or int(os.environ.get("FRLIB_THREADS", "1")))
    return choose_device(device)
