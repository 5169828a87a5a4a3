"""What the build keeps on disk, and what it knows of memory. Faults in `tests/faults` show what this is good for."""

import os
from unittest import mock

import pytest

from book import memory, whole


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff"])
def test_a_state_that_cannot_be_read_is_empty_with_a_word(content, tmp_path, capsys):
    path = tmp_path / "state.json"
    path.write_bytes(content)
    assert whole.read(path, {}) == {}
    assert "state.json cannot be read, and is begun anew" in capsys.readouterr().err


def test_a_state_is_read_as_it_was_written_and_none_is_no_fault(tmp_path, capsys):
    path = tmp_path / "state.json"
    assert whole.read(path, {}) == {}
    whole.write(path, '{"ε": 1}')
    assert whole.read(path, {}) == {"ε": 1} and capsys.readouterr().err == "" and os.listdir(tmp_path) == [path.name]


def test_what_fails_leaves_the_file_as_it_was(tmp_path):
    whole.write(tmp_path / "a", "old")
    with pytest.raises(OSError), whole.written(tmp_path / "a") as partial:
        partial.write_text("half")
        raise OSError("no room")
    assert (tmp_path / "a").read_text() == "old" and os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("can", [True, False])
def test_a_folder_takes_the_place_of_another_also_where_two_cannot_be_exchanged(can, tmp_path, monkeypatch):
    if not can:
        monkeypatch.setattr(whole, "exchanged", lambda one, other: False)
    for text in "abc":
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / text).touch()
        whole.put(tmp_path / "new", tmp_path / "site")
        assert os.listdir(tmp_path / "site") == [text] and os.listdir(tmp_path) == ["site"]


@pytest.mark.parametrize(
    ("groups", "files", "least"),
    [
        (
            "0::/user/build\n",
            {"fs/user/build/memory.max": "max\n", "fs/user/memory.max": "3000000000\n"},
            3_000_000_000,
        ),
        ("4:memory:/docker/x\n0::/\n", {"fs/memory/memory.limit_in_bytes": "2000000000\n"}, 2_000_000_000),
        ("", {}, None),
    ],
)
def test_the_least_limit_of_all_groups_counts(groups, files, least, tmp_path, monkeypatch):
    files |= {"cgroup": groups}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    roots = {"": (tmp_path / "fs", "memory.max"), "memory": (tmp_path / "fs/memory", "memory.limit_in_bytes")}
    monkeypatch.setattr(memory, "GROUPS", roots)
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "cgroup")
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") + memory.swap()
    assert memory.limit() == (least or machine)


def test_processes_fit_into_memory_or_are_refused_with_what_is_needed():
    with mock.patch.object(memory, "limit", lambda: int(memory.ALONE + 2.5 * memory.EACH)):
        assert memory.processes(64) == 2 and memory.processes(1) == 1
    with (
        mock.patch.object(memory, "limit", lambda: int(memory.ALONE)),
        pytest.raises(MemoryError, match=r"chapters need about 3\.2 GB of memory, .* there are 2\.0 GB here"),
    ):
        memory.processes(1)
