"""Threads over ordered items: the order of the results, how far they run ahead, and torch's own threads."""

import threading

import pytest
import torch

from frlib.geometry.threads import in_order, own_threads


def test_torch_keeps_to_one_thread_meanwhile_and_gets_its_own_back_after_an_error():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with pytest.raises(ZeroDivisionError), own_threads(torch.device("cpu")) as threads:
            assert (threads, torch.get_num_threads()) == (3, 1)
            raise ZeroDivisionError
        with own_threads(torch.device("cuda")) as threads:
            assert (threads, torch.get_num_threads()) == (1, 1)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_results_come_in_order_from_several_threads_that_do_not_run_far_ahead():
    """The first item waits until others have ended, so order of completion and order of results differ."""
    started, others, seen = [], threading.Event(), set()

    def work(item):
        started.append(item)
        seen.add((threading.get_ident(), torch.get_num_threads()))
        if item == 0:
            assert others.wait(timeout=20)
        else:
            others.set()
        return item

    results = in_order(work, [(item,) for item in range(40)], threads=3)
    assert next(results) == 0
    assert len(started) <= 6
    assert list(results) == list(range(1, 40))
    assert sorted(started) == list(range(40))
    assert 2 <= len(seen) <= 3 and {threads for _, threads in seen} == {1}


def test_an_error_in_a_thread_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda item: 1 // item, [(1,), (0,), (1,)], threads=2))
