"""Many readers, many people, many points: what is used stays within what is stated, and nothing is lost on the way."""

import contextlib
import http.client
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import torch

from book import serve
from frlib import geometry
from frlib.runtime import spread
from tests.build import ROOT
from tests.faults.planting import Kind, Outcome, borrow_compiled, demand, refused_command, succeeds, survived

load = Kind("Load")

READERS, PAGES = 200, 5


# -------------------------------------------------------------------------------------------------------- the site


@contextlib.contextmanager
def served(folder: Path) -> Iterator[subprocess.Popen]:
    """Serve a folder as `make serve` does; the process has the attribute ``port``."""
    command = [sys.executable, "-m", "book.serve", "--port", "0", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            server.port = int(re.search(r":(\d+)/", server.stdout.readline())[1])
            yield server
        finally:
            server.kill()


def written(folder: Path, sizes: list[int]) -> dict[str, bytes]:
    """Write pages of these sizes, and return them by address."""
    pages = {f"/page-{k}.html": random.Random(k).randbytes(size) for k, size in enumerate(sizes)}
    for name, text in (pages | {"/index.html": b"start"}).items():
        (folder / name[1:]).write_bytes(text)
    return pages


def fetched(port: int, address: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", address)
        return connection.getresponse().read()
    finally:
        connection.close()


def threads_of(process: subprocess.Popen) -> int:
    return int(re.search(r"Threads:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])


@load.fault(
    f"{READERS} readers at once fetch {PAGES} pages each",
    before=f"a thread for each of the {READERS} connections, however many came",
)
def many_readers(place: Path) -> Outcome:
    """All begin together; every answer must be whole."""
    pages, most = written(place, [20_000, 50_000, 100_000, 150_000, 200_000]), [0]
    begin = threading.Barrier(READERS)

    def read(port: int) -> int:
        begin.wait(60)
        return sum(fetched(port, address) == text for address, text in pages.items())

    with served(place) as server, ThreadPoolExecutor(READERS) as pool:
        started = time.perf_counter()
        reading = [pool.submit(read, server.port) for _ in range(READERS)]
        while not all(reader.done() for reader in reading):
            most[0] = max(most[0], threads_of(server))
            time.sleep(0.02)
        whole, seconds = sum(reader.result() for reader in reading), time.perf_counter() - started
    demand(whole == READERS * len(pages), f"{READERS * len(pages) - whole} answers were not whole")
    demand(most[0] <= serve.READERS + 1, f"{most[0]} threads")
    return survived(f"{whole} whole answers in {seconds:.1f} s, by at most {most[0]} threads.")


@load.fault(
    "300 connections to the site that say one byte and then nothing",
    before="300 threads of the server waited for them for good",
)
def silent_readers(place: Path) -> Outcome:
    """They have their turns, each for a limited time; meanwhile the others wait, and the threads stay few."""
    written(place, [10])
    with served(place) as server, contextlib.ExitStack() as stack:
        for _ in range(300):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
            stack.enter_context(connection).sendall(b"G")
        time.sleep(0.5)
        threads = threads_of(server)
    demand(threads <= serve.READERS + 1, f"{threads} threads")
    return survived(f"{threads} threads; each connection is closed after {serve.ASKING} s.")


@load.fault(
    "A reader asks the server of the site for what is not in its folder", before="links out of it were followed"
)
def outside_the_site(place: Path) -> Outcome:
    """By names with dots, by a link, and by the name of a folder without a page."""
    (place / "site/images").mkdir(parents=True)
    (place / "secret.txt").write_text("secret")
    (place / "site/link.txt").symlink_to(place / "secret.txt")
    written(place / "site", [10])
    asked = ("/../secret.txt", "/%2e%2e/secret.txt", "/link.txt", "/images/", "/images/%00")
    with served(place / "site") as server:
        found = {address: fetched(server.port, address) for address in asked}
    open_ones = [address for address, text in found.items() if b"404" not in text or text == b"secret"]
    demand(not open_ones, f"answered: {open_ones}")
    return survived(f"Not found, {len(asked)} times.")


@load.fault("The port of the site is taken", before="a traceback: OSError, Address already in use")
def port_is_taken(place: Path) -> Outcome:
    """Two servers in two checkouts."""
    written(place, [10])
    with served(place) as server:
        command = [sys.executable, "-m", "book.serve", "--port", server.port, place]
        return refused_command(command, f"port {server.port} is taken", "PORT=8001")


# ------------------------------------------------------------------------------------------------ people in a cluster


def tiny_fingerprint(index: int) -> list[float]:
    """Return the energies of the tiny cloud of one person."""
    draws = torch.Generator().manual_seed(index)
    points, field = (torch.randn(6, 4, generator=draws) for _ in range(2))
    return geometry.energy_sweep(points, {"a": field}, [0.8, 1.2], device="cpu").energy.tolist()


def noted_fingerprint(index: int, notes: str) -> list[float]:
    """Leave a note, so that the killer sees how far they are."""
    Path(notes, str(index)).touch()
    return tiny_fingerprint(index)


def killed_at_random(people: int, kills: int, notes: Path) -> Outcome:
    """Kill a random worker of two so many times on the way, and compare with what comes without a cluster."""
    import distributed

    borrow_compiled()
    here = [tiny_fingerprint(k) for k in range(people)]
    over, killed, draws = threading.Event(), [], random.Random(0)

    def kill(cluster) -> None:
        while len(killed) < kills and not over.wait(0.02):
            alive = [worker.pid for worker in cluster.workers.values() if worker.pid]
            if alive and len(os.listdir(notes)) > people * len(killed) / kills:
                killed.append(draws.choice(alive))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(killed[-1], signal.SIGKILL)

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        cluster.scheduler.allowed_failures = kills  # a task that was on each of the workers that died is not guilty
        killer = threading.Thread(target=kill, args=(cluster,))
        killer.start()
        try:
            with joblib.parallel_config(backend="dask"):
                there = spread(noted_fingerprint, [(k, str(notes)) for k in range(people)], progress=False)
        finally:
            over.set()
            killer.join()
    demand(len(killed) > 1, f"{len(killed)} workers were killed")
    demand(np.array_equal(here, there, equal_nan=True), "other energies than without a cluster")
    return survived(f"{people:,} people, {len(killed)} workers killed: the same energies, to the last bit.")


@load.fault("Workers of a cluster are killed at random while 200 people are measured", quick=False)
def two_hundred_people(place: Path) -> Outcome:
    """What a worker had is given to another one."""
    return killed_at_random(200, 2, place)


@load.fault("Workers of a cluster are killed at random while 10,000 people are measured", quick=False)
def ten_thousand_people(place: Path) -> Outcome:
    """The same, for longer."""
    return killed_at_random(10_000, 20, place)


# ----------------------------------------------------------------------------------------------------- many points

SWEEP = """
import sys
from pathlib import Path
import torch
from frlib.geometry import energy_sweep
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
def work(n):
    draws = torch.Generator().manual_seed(0)
    points, field = (torch.randn(n, 64, generator=draws) for _ in range(2))
    return energy_sweep(points, {"a": field}, [0.5, 0.8, 1.0], device="cpu")
work(600)
Path("/proc/self/clear_refs").write_text("5")
before = peak()
table = work(int(sys.argv[1]))
print((peak() - before) / 1024, float(table.neighbors.max()))
"""


def sweep_within(n: int, megabytes: float, limit: float) -> Outcome:
    """Demand that a sweep over n points of 64 numbers, made in a process of its own, takes at most this memory."""
    borrow_compiled()
    peak, neighbors = map(float, succeeds([sys.executable, "-c", SWEEP, n], limit=limit).split()[-2:])
    demand(neighbors > 0, "no ball holds a point")
    demand(peak <= megabytes, f"{peak:.0f} MB, more than {megabytes:.0f}")
    return survived(f"{peak:.0f} MB, of {megabytes:.0f} allowed; all distances would be {8 * n * n / 1e6:,.0f} MB.")


@load.fault("Energies of 6,000 points, of whose pairs only tiles are kept")
def some_points(place: Path) -> Outcome:
    """The same law as for the many points below."""
    return sweep_within(6_000, memory_of_sweep(6_000), limit=100)


@load.fault("Energies of 100,000 points, 5 billion pairs", quick=False)
def many_points(place: Path) -> Outcome:
    """As many points as one attribute of the paper's lattice."""
    return sweep_within(100_000, memory_of_sweep(100_000), limit=1700)


def memory_of_sweep(n: int) -> float:
    """Return the megabytes that a sweep over n points of 64 numbers may take, with what it is given."""
    return 40 + 3.2e-3 * n
