"""Embeddings and labels from files: what is read is what was written, and every mistake is named with its place."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frlib.report.labelled import read, read_table

HEAD = ["identity", "Male", "curve", "varied", "step"]
ROWS = [
    ["ann", "1", "", "", ""],
    ["ann", "1", "k", "", "0"],
    ["ann", "1", "k", "pose", "-1"],
    ["ann", "1", "k", "pose", "1"],
    ["bob", "0", "", "", ""],
]


def write(folder, rows=ROWS, head=HEAD, matrix=None):
    matrix = np.arange(1, 3 * len(rows) + 1, dtype=np.float32).reshape(-1, 3) if matrix is None else matrix
    np.save(folder / "e.npy", matrix)
    with open(folder / "l.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return folder / "e.npy", folder / "l.csv"


text = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)


@given(st.lists(st.tuples(text, st.booleans()), min_size=1, max_size=12), st.sampled_from(["10", "1-1", "truefalse"]))
def test_what_was_written_is_read(tmp_path_factory, people, coding):
    words = {"10": ("0", "1"), "1-1": ("-1", "1"), "truefalse": ("False", "True")}[coding]
    rows = [[name, words[smiles]] for name, smiles in people]
    found = read(*write(tmp_path_factory.mktemp("labels"), rows, ["identity", "Smiles, wide"]))
    assert list(found.identities) == [name for name, _ in people]
    assert list(found.attributes["Smiles, wide"]) == [smiles for _, smiles in people]
    assert found.is_image.all()
    np.testing.assert_array_equal(found.embeddings, np.arange(1, 3 * len(rows) + 1).reshape(-1, 3))


def test_curves_are_found_in_any_order_of_lines(tmp_path):
    rng = np.random.default_rng(0)
    lines = [["ann", "1", c, v, s] for c in "abc" for v, s in [("", "0"), ("pose", "-1"), ("pose", "1")]]
    lines += [["ann", "1", "c", "light", "-1"], ["ann", "1", "c", "light", "+1"], ["bob", "0", "", "", ""]]
    order = rng.permutation(len(lines))
    matrix = rng.normal(size=(len(lines), 4)).astype(np.float32)
    found = read(*write(tmp_path, [lines[k] for k in order], matrix=matrix[order]))
    clouds = found.clouds_of("ann", 1, "cosine")
    points = {a: cloud.points for a, cloud in clouds.items()}
    minus, plus = ({a: getattr(cloud, end)[a] for a, cloud in clouds.items()} for end in ("minus", "plus"))
    assert list(sorted(points)) == ["light", "pose"]
    for where, first in ((points, 0), (minus, 1), (plus, 2)):
        expected = {tuple(row) for row in matrix[[first, first + 3, first + 6]]}
        assert {tuple(row.tolist()) for row in where["pose"]} == {tuple(map(float, row)) for row in expected}
    together = np.hstack([points["pose"], minus["pose"], plus["pose"]])
    known = np.hstack([matrix[[0, 3, 6]], matrix[[1, 4, 7]], matrix[[2, 5, 8]]])
    np.testing.assert_array_equal(together[together[:, 0].argsort()], known[known[:, 0].argsort()])
    np.testing.assert_array_equal(plus["light"], matrix[[10]])
    assert found.clouds_of("ann", 2, "cosine").keys() == {"pose"}
    assert found.clouds_of("bob", 1, "cosine") == {}


def test_a_byte_order_mark_and_empty_lines_at_the_end_mean_nothing(tmp_path):
    path = tmp_path / "l.csv"
    path.write_text("\ufeffidentity,Male\n ann ,1\nNA,0\n\n\n", encoding="utf-8")
    assert read_table(path).to_dict("list") == {"identity": ["ann", "NA"], "Male": ["1", "0"]}


def changed(line, column, value):
    rows = [list(row) for row in ROWS]
    rows[line][HEAD.index(column)] = value
    return {"rows": rows}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"matrix": np.ones((4, 3))}, r"l.csv must have one line per row of e.npy, 4, below .* got 5"),
        ({"matrix": np.ones((5, 3, 2))}, r"e.npy must be a non-empty matrix \(N, d\); got shape \(5, 3, 2\)"),
        ({"matrix": np.full((5, 3), np.nan)}, "e.npy must be finite; row 0 holds NaN or infinity"),
        ({"matrix": np.zeros((5, 3))}, "e.npy must have no zero vector with metric='cosine'; row 0 is zero"),
        ({"matrix": np.full((5, 3), "a")}, "e.npy must hold one matrix of real numbers; got type <U1"),
        ({"matrix": np.full((5, 3), {}, object)}, "e.npy must be a matrix of numbers as numpy.save writes it"),
        ({"head": ["name", *HEAD[1:]]}, "l.csv must have a column 'identity'; it has 'name', 'Male'"),
        ({"head": ["identity", "identity", *HEAD[2:]]}, "columns of different names, not empty; got 'identity'"),
        ({"head": ["identity", "Male", "curve", "varied", ""]}, "columns of different names, not empty; got ''"),
        ({"head": ["identity", "Male", "curve", "varied", "Old"]}, "all of the columns 'curve', 'varied' and 'step'"),
        (changed(4, "identity", ""), r"l.csv, line 6 \(row 4 of the embeddings\), column 'identity': an identity"),
        (changed(2, "Male", "2"), r"line 4 \(row 2 of the embeddings\), column 'Male': .* 1 or 0.* got '2'"),
        (changed(1, "Male", "-1"), r"line 3 \(row 1 .*\), column 'Male': .* must not have both 0 and -1"),
        (changed(3, "step", "2"), r"line 5 \(row 3 .*\), column 'step': a step must be -1, 0 or 1; got '2'"),
        (changed(3, "step", ""), r"line 5 \(row 3 .*\), column 'step': a step must be -1, 0 or 1; got ''"),
        (changed(3, "step", "-1"), "line 5: this step of this curve is there already"),
        (changed(3, "varied", ""), r"line 5 .*, column 'varied': it must be empty where the step is 0, and only there"),
        (changed(3, "varied", "light"), "curve 'k' must have both steps, -1 and 1, along 'pose'; it has one"),
        (changed(4, "step", "1"), r"line 6 .*, column 'curve': a changed image must name its curve"),
        (changed(4, "curve", "k"), r"column 'step': a step must be -1, 0 or 1; got ''"),
        ({"rows": [*ROWS[:4], ["bob", "0", "k", "", "0"]]}, "a curve must have one identity; curve 'k' has 2"),
        ({"rows": [*ROWS[:4], ["ann", "0", "k", "", "0"]]}, "one line with step 0; curve 'k' has 2"),
        ({"rows": [ROWS[0], *ROWS[2:], ROWS[4]]}, "one line with step 0; curve 'k' has 0"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        read(*write(tmp_path, **wrong))


def test_other_columns_are_passed_over_if_the_attributes_are_named(tmp_path):
    rows = [[*row, "photo.png"] for row in ROWS]
    files = write(tmp_path, rows, [*HEAD, "file"])
    with pytest.raises(ValueError, match="column 'file': an attribute must be .* got 'photo.png'. .*--attributes"):
        read(*files)
    assert list(read(*files, attributes=["Male"]).attributes) == ["Male"]
    with pytest.raises(ValueError, match="l.csv must have a column 'Old'; it has 'identity', 'Male'"):
        read(*files, attributes=["Old"])


def test_files_that_are_not_what_they_should_be(tmp_path):
    embeddings, labels = write(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no file .*nosuch.csv"):
        read(embeddings, tmp_path / "nosuch.csv")
    with pytest.raises(FileNotFoundError, match="there is no file .*nosuch.npy"):
        read(tmp_path / "nosuch.npy", labels)
    with pytest.raises(ValueError, match="l.csv must be a matrix of numbers"):
        read(labels, labels)
    with pytest.raises(ValueError, match="e.npy must be a table in UTF-8"):
        read(embeddings, embeddings)
    np.savez(tmp_path / "several.npz", a=np.ones(3))
    with pytest.raises(ValueError, match="several.npz must hold one matrix of real numbers; got an archive"):
        read(tmp_path / "several.npz", labels)
    labels.write_text("identity,Male\nann,1\nbob\n")
    with pytest.raises(ValueError, match="l.csv must have 2 values in line 3; got 1"):
        read(embeddings, labels)
    labels.write_text("identity,Male\n")
    with pytest.raises(ValueError, match="at least one line below"):
        read(embeddings, labels)
    with pytest.raises(ValueError, match="metric must be one of"):
        read(embeddings, labels, metric="l2")


def test_a_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.save(tmp_path / "e.npy", np.array([Trap()], object), allow_pickle=True)
    with pytest.raises(ValueError, match="e.npy must be a matrix of numbers"):
        read(tmp_path / "e.npy", tmp_path / "l.csv")
    assert not (tmp_path / "sprung").exists()


def test_numbers_of_any_type_are_taken(tmp_path):
    for kind in (np.float64, np.float16, np.int32, np.uint8):
        found = read(*write(tmp_path, matrix=np.arange(1, 16).reshape(5, 3).astype(kind)))
        assert found.embeddings.dtype.is_floating_point


def test_the_example_on_how_to_use_is_accepted(tmp_path):
    page = (Path(__file__).parents[2] / "book/how_to_use.md").read_text()
    (example,) = re.findall(r"```\n(identity,.*?)```", page, flags=re.S)
    (tmp_path / "l.csv").write_text(example)
    np.save(tmp_path / "e.npy", np.ones((5, 2)))
    found = read(tmp_path / "e.npy", tmp_path / "l.csv")
    assert list(found.is_image) == [True, True, False, False, True]
    assert list(found.attributes) == ["glasses"] and set(found.clouds_of("ann", 1, "cosine")) == {"brightness"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"identity;Male\nann;1\n",
            "commas between columns, and its first line has semicolons: 'identity;Male'",
        ),
        (b"identity;note\nann;a, b\n", "commas between columns, and its first line has semicolons"),
        (b"identity\tMale\nann\t1\n", "commas between columns, and its first line has tabs"),
        (
            "identity,Male\nann,1\nJosé,0\n".encode("latin-1"),
            "in UTF-8, .* in line 3 byte 0xe9 is not UTF-8 .* Save it as",
        ),
        ("identity,Male\nann,1\n".encode("utf-16"), "in UTF-8, .* in line 1 byte 0xff is not UTF-8"),
        (b'identity,Male\nann,1\n"bob,0\n', "commas between columns; line 3: unexpected end of data"),
    ],
)
def test_tables_of_other_programs_are_refused_with_the_remedy(tmp_path, content, message):
    (tmp_path / "l.csv").write_bytes(content)
    with pytest.raises(ValueError, match=f"l.csv must .*{message}"):
        read_table(tmp_path / "l.csv")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_ends_of_lines_and_a_byte_order_mark_do_not_matter(tmp_path, end, encoding):
    (tmp_path / "l.csv").write_bytes(end.join(["identity,Male", "José,1", '"Lee, Ann",0', ""]).encode(encoding))
    assert read_table(tmp_path / "l.csv").to_dict("list") == {"identity": ["José", "Lee, Ann"], "Male": ["1", "0"]}


def test_files_of_embeddings_that_are_something_else(tmp_path):
    _, labels = write(tmp_path)
    np.savez(tmp_path / "archive", a=np.ones(3))
    (tmp_path / "archive.npz").rename(tmp_path / "archive.npy")
    whole = (tmp_path / "e.npy").read_bytes()
    (tmp_path / "short.npy").write_bytes(whole[:-8])
    (tmp_path / "zip.npy").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "empty.npy").write_bytes(b"")
    header = str({"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**6)}).encode().ljust(117) + b"\n"
    (tmp_path / "vast.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    for name, message in [
        ("archive", "must hold one matrix of real numbers; got an archive of several arrays"),
        ("short", "must be a matrix of numbers as numpy.save writes it; "),
        ("zip", "must be a matrix of numbers as numpy.save writes it; "),
        ("empty", "must be a matrix of numbers as numpy.save writes it; "),
        ("vast", "must be a matrix of numbers as numpy.save writes it; "),
    ]:
        with pytest.raises(ValueError, match=f"{name}.npy {message}"):
            read(tmp_path / f"{name}.npy", labels)


def test_the_ending_of_the_file_does_not_matter(tmp_path):
    embeddings, labels = write(tmp_path)
    upper = embeddings.rename(tmp_path / "E.NPY")
    assert read(upper, labels).source == "E.NPY"


def remarks(folder, names, matrix=None, metric="cosine"):
    rows = [[name] for name in names]
    matrix = np.random.default_rng(0).normal(size=(len(rows), 4)) if matrix is None else matrix
    return read(*write(folder, rows, ["identity"], matrix), metric=metric).remarks


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("1", "1.0", "they are equal as numbers"),
        ("007", "7", "they are equal as numbers"),
        ("100000", "1e+05", "they are equal as numbers"),
        ("Jos\u00e9", "Jose\u0301", "they hold the same letters in different Unicode forms"),
        ("Ann Lee", "ann lee", "they differ only in case, spaces"),
        ("Ann Lee", "Ann  Lee", "they differ only in case, spaces"),
        ("Ann Lee", "Ann\u00a0Lee", "they differ only in case, spaces"),
        ("Ann", "An\u200bn", "they differ only in case, spaces, or how letters are encoded"),
    ],
)
def test_names_that_read_alike_are_different_people_and_that_is_said(tmp_path, one, other, why):
    (remark,) = remarks(tmp_path, ["bob", one, other, one])
    assert f'identities "{one}" and "{other}" (lines 3 and 4) are different people here, though {why}' in remark.named
    assert remark.page.startswith("People 1 and 2 (lines 3 and 4) are different people here, though their names")
    assert (one in remark.page) == ("numbers" in why), "a name stays at home, a bare number is none"


def test_names_that_differ_are_no_matter(tmp_path):
    assert not remarks(tmp_path, ["ann", "anna", "1", "2", "10", "1_0", "a-b", "a b", "Infinity", "0x1"])


def test_names_that_stand_for_nobody_are_pointed_out(tmp_path):
    found = remarks(tmp_path, ["ann", "None", "nan", "ann", "None"])
    assert [remark.named.split(" is one")[0] for remark in found] == [
        'The identity "None" (first in line 3)',
        'The identity "nan" (first in line 4)',
    ]
    assert all(remark.page == remark.named for remark in found)


def test_of_many_remarks_the_first_stand_for_all(tmp_path):
    found = remarks(tmp_path, [f"{k}{end}" for k in range(30) for end in ("", ".0")])
    assert len(found) == 6 and found[-1].named == "There are 25 more groups of people with names that read alike."


def test_an_absurd_row_is_named_where_lengths_matter(tmp_path):
    matrix = np.random.default_rng(0).normal(size=(30, 4))
    matrix[17] *= 1e30
    names = [f"p{k % 5}" for k in range(30)]
    (remark,) = remarks(tmp_path, names, matrix, "euclidean")
    assert remark.page == remark.named and "Far from all others: row 17 (line 19)." in remark.named
    assert not remarks(tmp_path, names, matrix, "cosine")
    assert not remarks(tmp_path, names, np.delete(matrix, 17, 0).repeat(2, 0)[:30], "euclidean")
