"""Threads that share the tiles of a reduction, such that the result does not depend on their number or their timing."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch


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
