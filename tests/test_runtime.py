"""Tasks in processes: results in order, whatever the backend, and whatever happens to a worker."""

import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import joblib
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from frlib.runtime import in_order, own_threads, spread, start


def square(x):
    return x * x


def once_killed(x, folder):
    """Die at the first call for 3, and leave a note; every call leaves one."""
    note = Path(folder) / f"{x}"
    calls = int(note.read_text()) if note.exists() else 0
    note.write_text(str(calls + 1))
    if x == 3 and calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return x * x


def always_killed(x):
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(x):
    raise ValueError(f"x must be another number; got {x}")


@pytest.mark.parametrize("n_jobs", (1, 2))
def test_results_come_in_the_order_of_the_tasks(n_jobs):
    assert spread(square, [(k,) for k in range(20)], n_jobs=n_jobs, progress=False) == [k * k for k in range(20)]


def test_no_tasks_no_results():
    assert spread(square, [], progress=False) == []


def test_a_killed_worker_costs_only_what_was_not_finished(tmp_path):
    with pytest.warns(UserWarning, match="a worker was killed; the .* left begin anew"):
        found = spread(once_killed, [(k, str(tmp_path)) for k in range(8)], n_jobs=2, progress=False)
    assert found == [k * k for k in range(8)]


def test_a_task_that_always_kills_its_worker_is_an_error():
    with pytest.warns(UserWarning, match="a worker was killed"), pytest.raises(BrokenProcessPool, match="n_jobs"):
        spread(always_killed, [(0,)], n_jobs=2, progress=False)


@pytest.mark.parametrize("n_jobs", (1, 2))
def test_errors_of_the_function_arrive(n_jobs):
    with pytest.raises(ValueError, match="x must be another number; got 0"):
        spread(refuse, [(0,)], n_jobs=n_jobs, progress=False)


def test_the_bar_counts_the_tasks(capsys):
    spread(square, [(k,) for k in range(3)], n_jobs=1, description="squares")
    assert "squares: 100%" in capsys.readouterr().err


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        yield cluster


def test_a_cluster_gives_the_same(cluster):
    with joblib.parallel_config(backend="dask"):
        assert spread(square, [(k,) for k in range(20)], progress=False) == [k * k for k in range(20)]


def test_a_cluster_gives_the_task_of_a_killed_worker_to_another(cluster, tmp_path):
    with joblib.parallel_config(backend="dask"):
        found = spread(once_killed, [(k, str(tmp_path)) for k in range(8)], progress=False)
    assert found == [k * k for k in range(8)]
    assert int((tmp_path / "3").read_text()) >= 2


@pytest.mark.parametrize(("device", "here"), [("cuda", True), ("cpu", False)])
def test_a_gpu_is_not_shared_between_processes(device, here):
    (process,) = spread(os.getpid, [()], device=torch.device(device), progress=False)
    assert (process == os.getpid()) == here


def threads_of_linear_algebra():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("threads", [1, 2])
def test_torch_and_linear_algebra_get_as_many_threads_as_asked(threads):
    before = torch.get_num_threads()
    try:
        with threadpool_limits(3, user_api="blas"):  # gives back what was, at the end
            start(threads=threads)
            assert torch.get_num_threads() == threads and threads_of_linear_algebra() == {threads}
    finally:
        torch.set_num_threads(before)


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
