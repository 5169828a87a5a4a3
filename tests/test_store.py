"""Stored results: what is written is read, damage is noticed, and nothing is left half-written."""

import errno
import json
import os
import warnings
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from frlib.store import (
    absent,
    arrays_digest,
    as_arrays,
    as_file_name,
    as_table,
    atomic_file,
    cache_folder,
    can_be_written,
    compiled_folder,
    content_key,
    file_digest,
    load_or_build,
    read_arrays,
    result_file,
    save_arrays,
    write_arrays,
)

DTYPES = [torch.float32, torch.float64, torch.float16, torch.int64, torch.int32, torch.uint8, torch.bool]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=8,
)
PARAMETERS = st.dictionaries(st.text(), JSON, max_size=4)


@st.composite
def arrays(draw):
    """Named tensors of any type and of any shape, the empty one and that of a number included."""
    result = {}
    for name in draw(st.lists(st.text("abc.", min_size=1), min_size=1, max_size=3, unique=True)):
        shape = draw(st.lists(st.integers(0, 4), max_size=3))
        values = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape) * 50
        result[name] = torch.as_tensor(values).to(draw(st.sampled_from(DTYPES)))
    return result


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrays=arrays(), parameters=PARAMETERS)
def test_round_trip_keeps_every_bit(arrays, parameters, tmp_path):
    save_arrays(tmp_path / "x.safetensors", arrays, parameters)
    found, read_parameters = read_arrays(tmp_path / "x.safetensors")
    assert found.keys() == arrays.keys() and read_parameters == parameters
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert torch.equal(found[name], array)


def test_transposed_arrays_and_arrays_that_need_gradients_are_stored_by_value(tmp_path):
    matrix = torch.arange(6.0).reshape(2, 3).requires_grad_()
    save_arrays(tmp_path / "x", {"a": matrix.T}, {})
    assert torch.equal(read_arrays(tmp_path / "x")[0]["a"], matrix.detach().T)


def test_arrays_may_share_memory(tmp_path):
    whole = torch.arange(6.0)
    arrays = {"whole": whole, "again": whole, "part": whole[2:4]}
    save_arrays(tmp_path / "x", arrays, {})
    found = read_arrays(tmp_path / "x")[0]
    assert all(torch.equal(found[name], array) for name, array in arrays.items())


SMALL = {"a": torch.arange(4, dtype=torch.uint8), "b": torch.ones(2)}, {"seed": 3, "names": ["left", "right"]}


@pytest.mark.parametrize("bit", [1, 32, 128])  # 32 turns a small letter into a capital one
def test_every_changed_byte_of_a_file_is_noticed(bit, tmp_path):
    path = tmp_path / "x"
    save_arrays(path, *SMALL)
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
        with pytest.raises(OSError, match="x (is damaged|cannot be read)"):
            read_arrays(path)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_cut_overwritten_moved_or_longer_is_noticed(data, tmp_path):
    path = tmp_path / "x"
    save_arrays(path, *SMALL)
    content = path.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, len(content)))
    changed = content[:start] + data.draw(st.binary(max_size=40) | st.just(bytes(stop - start))) + content[stop:]
    path.write_bytes(changed)
    if changed == content:
        assert read_arrays(path)[1] == SMALL[1]
    else:
        with pytest.raises(OSError, match="x (is damaged|cannot be read)"):
            read_arrays(path)


def saved_by_an_older_version(path, arrays, parameters):
    save_file(arrays, path, metadata={"parameters": json.dumps(parameters), "sha256": arrays_digest(arrays)})


def test_a_file_of_an_older_version_serves_where_its_parameters_are_known(tmp_path):
    saved_by_an_older_version(tmp_path / "x", SMALL[0], {"seed": 3})
    for options in ({"parameters": {"seed": 3}}, {"older": True}):
        arrays, parameters = read_arrays(tmp_path / "x", **options)
        assert parameters == {"seed": 3} and arrays_digest(arrays) == arrays_digest(SMALL[0])
    with pytest.raises(OSError, match="x is from an older version, whose checksum leaves out the parameters"):
        read_arrays(tmp_path / "x")
    save_file(SMALL[0], tmp_path / "y", metadata={"sha256": arrays_digest(SMALL[0])})
    with pytest.raises(OSError, match="y holds no parameters that can be read"):
        read_arrays(tmp_path / "y", older=True)
    build = Build()
    save = result_file("r", {"seed": 3}, tmp_path)
    saved_by_an_older_version(save, {"x": torch.full((3,), 7.0)}, {"seed": 3})
    assert load_or_build("r", {"seed": 3}, build, folder=tmp_path)["x"].tolist() == [7, 7, 7] and not build.runs


def test_a_whole_file_of_another_result_is_not_used(tmp_path):
    build = Build(7.0)
    load_or_build("r", {"seed": 3}, Build(), folder=tmp_path)
    result_file("r", {"seed": 3}, tmp_path).rename(result_file("r", {"seed": 4}, tmp_path))
    with pytest.warns(UserWarning, match="r-.* holds another result than its name says; it is rebuilt"):
        assert load_or_build("r", {"seed": 4}, build, folder=tmp_path)["x"].tolist() == [7, 7, 7]
    assert load_or_build("r", {"seed": 4}, build, folder=tmp_path)["x"].tolist() == [7, 7, 7] and build.runs == 1


def test_what_a_killed_program_left_is_removed_after_a_day(tmp_path):
    old, new, other = (tmp_path / name for name in (".r-1.abc.partial", ".r-2.abc.partial", ".mine"))
    theirs = tmp_path / ".tmpO78ajN"  # of safetensors
    for file in (old, new, other, theirs):
        file.touch()
    for file in (old, other, theirs):
        os.utime(file, (0, 0))
    load_or_build("r", {}, Build(), folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {new.name, other.name, result_file("r", {}).name}


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"not a file of arrays"])
def test_what_cannot_be_parsed_is_an_oserror_that_names_the_file(content, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(OSError, match="x cannot be read"):
        read_arrays(tmp_path / "x")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no stored arrays at .*y"):
        read_arrays(tmp_path / "y")


@given(arrays())
def test_digest_depends_on_names_types_shapes_and_values_and_not_on_order(arrays):
    digest = arrays_digest(arrays)
    assert digest == arrays_digest(dict(reversed(arrays.items())))
    first = next(iter(arrays))
    assert digest != arrays_digest({**arrays, first: arrays[first].unsqueeze(0)})
    assert digest != arrays_digest({**arrays, "another": torch.zeros(1)})
    retyped = arrays[first].to(torch.float32 if arrays[first].dtype != torch.float32 else torch.float64)
    assert digest != arrays_digest({**arrays, first: retyped})


# Keys


@given(PARAMETERS, st.randoms())
def test_key_does_not_depend_on_the_order_of_parameters(parameters, random):
    names = list(parameters)
    random.shuffle(names)
    assert content_key({name: parameters[name] for name in names}) == content_key(parameters)


@given(PARAMETERS, PARAMETERS)
def test_keys_are_equal_only_for_equal_parameters(first, second):
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (content_key(first) == content_key(second)) == same


def test_key_is_the_same_on_every_machine():
    assert content_key({"seed": 0, "name": "ä", "scales": [0.1, 1]}) == "198fc76f93d1393f52db"


@pytest.mark.parametrize("value", [np.float32(1), torch.zeros(1), object(), {1, 2}, b"x", float("nan"), float("inf")])
def test_parameters_that_are_not_plain_json_are_refused(value):
    with pytest.raises(ValueError):
        content_key({"x": value})


# Files


def test_atomic_file_replaces_only_on_success(tmp_path):
    target = tmp_path / "deep" / "x"
    with atomic_file(target) as partial:
        partial.write_text("one")
        assert not target.exists() and partial.parent == target.parent
    assert target.read_text() == "one" and os.listdir(target.parent) == ["x"]
    assert target.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_atomic_file_leaves_nothing_behind_on_an_exception(error, tmp_path):
    (tmp_path / "x").write_text("before")
    with pytest.raises(error), atomic_file(tmp_path / "x") as partial:
        partial.write_text("half")
        raise error
    assert (tmp_path / "x").read_text() == "before" and os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_with_what_to_do(number, tmp_path):
    with pytest.raises(OSError, match=r"the disk has no room for .*x: make some, and run again") as caught:
        with atomic_file(tmp_path / "x"):
            raise OSError(number, "full")
    assert caught.value.errno == number and os.listdir(tmp_path) == []
    with pytest.raises(OSError, match="^another$"), atomic_file(tmp_path / "x"):
        raise OSError("another")


def test_file_digest_is_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert file_digest(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_cache_folder_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder("a", "b") == tmp_path / "elsewhere" / "a" / "b"
    assert cache_folder("a", "b").is_dir()


def test_cache_folder_may_begin_with_the_home_and_stays_when_the_program_moves(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FRLIB_CACHE", "~/mine")
    assert cache_folder("a") == tmp_path / "mine" / "a"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRLIB_CACHE", "here")
    assert cache_folder("a") == tmp_path / "here" / "a"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{0}/file", "got '{0}/file', but {0}/file is no folder"),
        ("{0}/file/below", "got '{0}/file/below', but {0}/file is no folder"),
        ("{0}/link", "got '{0}/link', but {0}/link is no folder"),
        ("{0}/with", "got '{0}/with', but {0}/with/a is no folder"),
        ("~nobody-of-this-name/x", "got '~nobody-of-this-name/x', whose home is not known"),
    ],
)
def test_frlib_cache_that_is_no_folder_is_named(value, says, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "with").mkdir()
    (tmp_path / "with/a").touch()
    monkeypatch.setenv("FRLIB_CACHE", value.format(tmp_path))
    with pytest.raises(ValueError) as caught:
        cache_folder("a")
    assert str(caught.value) == "FRLIB_CACHE must name a folder; " + says.format(tmp_path)


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nonexistent"])
def test_a_home_without_room_for_a_cache_is_no_error(home, monkeypatch):
    monkeypatch.setenv("HOME", home)
    for name in ("FRLIB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = cache_folder("results")
    assert folder == Path(home, ".cache/frlib/results") and not can_be_written(folder)


def test_a_user_without_any_home_has_the_root_folder_as_in_containers(monkeypatch):
    def unknown(*_, **__):
        raise RuntimeError("no home")

    monkeypatch.delenv("FRLIB_CACHE", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_path", unknown)
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: None)
    assert cache_folder("results") == Path("/.cache/frlib/results")


def test_compiled_code_lies_in_the_cache_unless_the_user_says_otherwise(tmp_path, monkeypatch):
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    assert compiled_folder("numba") == tmp_path / "numba"
    warp = pytest.importorskip("warp")
    import frlib.faces.generator.kernels
    import frlib.geometry  # noqa: F401

    assert numba.config.CACHE_DIR == os.environ["NUMBA_CACHE_DIR"]
    assert Path(warp.config.kernel_cache_dir).parent == Path(os.environ["WARP_CACHE_PATH"]).resolve()


# Results


def test_results_that_cannot_be_kept_are_computed_with_one_warning(tmp_path):
    (tmp_path / "file").touch()
    build = Build()
    with pytest.warns(UserWarning) as said:
        for seed in (0, 0, 1):
            found = load_or_build("r", {"seed": seed}, build, folder=tmp_path / "file/below")
            assert torch.equal(found["x"], torch.ones(3))
    (warning,) = said
    assert str(warning.message).startswith(f"{tmp_path}/file/below cannot be written: what is computed is not kept.")
    assert build.runs == 3


def test_what_is_written_on_purpose_is_written_or_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        write_arrays(tmp_path / "file/x", *SMALL)
    write_arrays(tmp_path / "x", *SMALL)
    assert read_arrays(tmp_path / "x")[1] == SMALL[1]


class Build:
    """A computation that counts how often it runs."""

    def __init__(self, value=1.0):
        self.value, self.runs = value, 0

    def __call__(self):
        self.runs += 1
        return {"x": torch.full((3,), self.value)}


def test_a_result_is_computed_once_for_equal_parameters(tmp_path):
    build = Build()
    for parameters in ({"seed": 0, "n": 2}, {"n": 2, "seed": 0}):
        assert torch.equal(load_or_build("r", parameters, build, folder=tmp_path)["x"], torch.ones(3))
    assert build.runs == 1
    load_or_build("r", {"seed": 1, "n": 2}, build, folder=tmp_path)
    load_or_build("other", {"seed": 0, "n": 2}, build, folder=tmp_path)
    assert build.runs == 3 and len(os.listdir(tmp_path)) == 3


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: b"", lambda c: c[:-1] + bytes([c[-1] ^ 1])])
def test_a_damaged_result_is_rebuilt_and_reported(damage, tmp_path):
    build = Build()
    load_or_build("r", {}, build, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(UserWarning, match="r-.*it is rebuilt"):
        assert torch.equal(load_or_build("r", {}, build, folder=tmp_path)["x"], torch.ones(3))
    assert build.runs == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_or_build("r", {}, build, folder=tmp_path)
    assert build.runs == 2


def test_a_failing_computation_stores_nothing(tmp_path):
    def build():
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        load_or_build("r", {}, build, folder=tmp_path)
    assert os.listdir(tmp_path) == []


def test_results_lie_in_the_cache_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    load_or_build("r", {}, Build())
    assert [path.parent.name for path in tmp_path.rglob("*.safetensors")] == ["results"]


@given(st.text())
def test_any_text_gives_a_name_that_file_systems_take(text):
    name = as_file_name(text)
    assert 1 <= len(name.encode()) <= 80 and not {*name} & {*'/\\:*?"<>| \n\0'} and name.strip(".-") == name
    assert as_file_name(name) == name


def test_names_of_files_by_hand():
    assert as_file_name("mobileface (file)") == "mobileface-file"
    assert as_file_name("../../etc/passwd") == "etc-passwd"
    assert as_file_name("<>") == "unnamed"
    assert as_file_name("模型" * 40) == "模型" * 13
    assert as_file_name("curves-efficientnet-lite0") == "curves-efficientnet-lite0"


def test_results_may_have_any_name(tmp_path):
    found = load_or_build("curves-" + "é/" * 300, {"a": 1}, lambda: {"x": torch.ones(2)}, folder=tmp_path)
    assert torch.equal(found["x"], torch.ones(2)) and len(list(tmp_path.iterdir())) == 1


@given(
    st.lists(
        st.tuples(st.floats(), st.integers(-(2**60), 2**60), st.text("abc ,\"'ü\n", min_size=1)),
        min_size=1,
        max_size=5,
    )
)
def test_a_table_comes_back_to_the_last_digit(rows):
    table = pd.DataFrame(rows, columns=["a number", "a count", "words"])
    pd.testing.assert_frame_equal(as_table(as_arrays(table)), table, check_exact=True)


def test_absent_are_the_keys_without_a_file(tmp_path):
    parameters = {"a": {"k": 1}, "b": {"k": 2}}
    load_or_build("x", parameters["b"], lambda: {"y": torch.ones(1)}, folder=tmp_path)
    assert absent("x", parameters, folder=tmp_path) == ["a"] and absent("y", parameters, folder=tmp_path) == ["a", "b"]
