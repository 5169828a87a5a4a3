import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults import __main__ as command
from tests.faults import planting
from tests.faults.planting import (
    Fault,
    Kind,
    NotHeld,
    NotPlanted,
    refused,
    refused_command,
    small_disk,
    succeeds,
    survived,
    wait_for,
)


def planted(function, quick=True):
    return planting.plant(Fault("a kind", "a fault", "held", function, quick))


def test_outcomes_come_back_with_time_and_words():
    row = planted(lambda place: survived(f"{len(list(place.iterdir()))} files"))
    assert row["held"] == "survived" and row["now"] == "0 files" and row["seconds"] >= 0


def raises(place):
    raise RuntimeError("a dead kernel")


def ends(place):
    sys.exit(0)


def dies(place):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("function", "words"),
    [(raises, "RuntimeError"), (ends, "SystemExit"), (dies, "-9"), (lambda place: None, "must return an Outcome")],
)
def test_whatever_does_not_end_well_is_failed(function, words):
    row = planted(function)
    assert row["held"] == "failed" and words in row["now"]


def test_what_hangs_ends_at_the_limit(monkeypatch):
    monkeypatch.setitem(planting.LIMITS, True, 0.5)
    started = time.perf_counter()
    row = planted(lambda place: time.sleep(60))
    assert row["held"] == "failed" and "no end" in row["now"] and time.perf_counter() - started < 20


def test_processes_that_are_left_are_taken_away(tmp_path):
    def leaves(place):
        (tmp_path / "pid").write_text(str(subprocess.Popen(["sleep", "600"]).pid))
        return survived("started one")

    planted(leaves)
    state = Path("/proc", (tmp_path / "pid").read_text(), "stat")
    begun = time.monotonic()
    while state.exists() and state.read_text().split()[2] != "Z":  # a killed process is not gone at once
        assert time.monotonic() < begun + 30
        time.sleep(0.01)


def test_a_fault_that_needs_what_is_not_here_is_not_planted():
    def needs(place):
        raise NotPlanted("no Chromium")

    row = planted(needs)
    assert (row["held"], row["now"]) == ("not planted", "no Chromium")


def test_each_fault_has_a_cache_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models/weights").write_text("kept")

    def spoils(place):
        planting.borrow("models", "weights").write_text("spoilt")
        return survived("spoilt the copy")

    assert planted(spoils)["held"] == "survived"
    assert (tmp_path / "models/weights").read_text() == "kept"


def test_a_refusal_needs_the_kind_and_the_words():
    def refuse():
        raise ValueError("count must be at least 1; got 0")

    assert refused(refuse, ValueError, "count", "at least 1").held == "refused"
    with pytest.raises(NotHeld, match="accepted"):
        refused(lambda: 3, ValueError)
    with pytest.raises(NotHeld, match="without 'seed'"):
        refused(refuse, ValueError, "seed")
    with pytest.raises(ValueError, match="count"):
        refused(refuse, OSError)


def test_a_command_must_not_end_in_a_traceback():
    assert refused_command([sys.executable, "-c", "import sys; sys.exit('no such file')"], "no such").held == "refused"
    with pytest.raises(NotHeld, match="traceback"):
        refused_command([sys.executable, "-c", "1 / 0"])
    with pytest.raises(NotHeld, match="accepted"):
        refused_command([sys.executable, "-c", ""])


def test_a_command_must_succeed_with_the_words():
    assert succeeds([sys.executable, "-c", "print('one two')"], "one", "two") == "one two\n"
    with pytest.raises(NotHeld, match="did not print 'three'"):
        succeeds([sys.executable, "-c", "print('one two')"], "three")
    with pytest.raises(NotHeld, match="status 3"):
        succeeds([sys.executable, "-c", "print('one'); raise SystemExit(3)"], "one")


def test_what_does_not_happen_in_time_is_not_held():
    times = iter([False, True])
    wait_for(lambda: next(times), "it", 5)
    with pytest.raises(NotHeld, match="it: not within 0.1 s"):
        wait_for(lambda: False, "it", 0.1)


def test_a_small_disk_is_small_and_seen_by_the_fault_alone():
    def fills(place):
        with small_disk(place / "disk", "64k") as disk:
            with contextlib.suppress(OSError):
                (disk / "large").write_bytes(bytes(100_000))
                return survived("it took all")
            tables = [Path(f"/proc/{process}/mounts").read_text() for process in (os.getpid(), os.getppid())]
            return survived(f"mounted: {[str(disk) in table for table in tables]}")

    row = planted(fills)
    if row["held"] == "not planted":
        pytest.skip(row["now"])
    assert row["now"] == "mounted: [True, False]"


def test_words_of_the_table_have_no_path_of_this_machine():
    assert planting.shortened("no room in /home/someone/cache/models/a.npy now") == "no room in .../a.npy now"
    said = f"process 1 on {socket.gethostname()}, <Mark at 0x7f934d6625d0>"
    assert planting.shortened(said) == "process 1 on here, <Mark at 0x...>"
    assert len(planting.shortened("word " * 1000)) < 260


def test_the_command_plants_prints_and_writes(monkeypatch, tmp_path, capsys):
    kind = Kind("Kinds")
    kind.fault("good")(lambda place: survived("nothing happened"))
    kind.fault("slow", quick=False)(raises)
    monkeypatch.setattr(command, "every_fault", lambda: kind.faults)
    assert command.main(["--json", str(tmp_path / "table.json")]) == 0
    assert [row["held"] for row in json.loads((tmp_path / "table.json").read_text())] == ["survived", "weekly"]
    assert "2 faults: 1 survived, 1 weekly." in capsys.readouterr().out
    assert command.main(["--all"]) == 1
    assert "a dead kernel" in capsys.readouterr().out
    assert command.main(["--only", "no such fault"]) == 1


def test_every_fault_says_what_it_is():
    faults = command.every_fault()
    assert len({(fault.kind, fault.planted) for fault in faults}) == len(faults)
    assert all(fault.planted and fault.before and fault.plant.__doc__ for fault in faults)
