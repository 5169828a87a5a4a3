"""The report on embeddings: numbers known in closed form, and numbers of the geometry functions."""

import base64
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from frlib.geometry import auc_interval, distance_summary, ks_by_attribute, verification
from frlib.report import own_embeddings, own_energies
from frlib.report.__main__ import main
from frlib.report.drawn import used_images
from frlib.report.labelled import Labelled

PEOPLE, CURVES, DIM = 4, 10, 60


def known():
    """Four people on the corners of a square, far apart; every image of a person has an axis of its own.

    Copies along ``same`` move all images alike, copies along ``own`` move each along an axis of its own.
    """
    corners = np.array([[0, 0], [0, 100], [100, 0], [100, 100]], float)
    matrix, rows = [], []
    for k in range(PEOPLE):
        for c in range(CURVES):
            center = np.zeros(DIM)
            center[:2], center[10 + c] = corners[k], 1
            shift = {"same": np.eye(DIM)[5], "own": 2 * np.eye(DIM)[30 + c]}
            matrix.append(center)
            rows.append((f"p{k}", k < 2, f"{k}-{c}", "", 0))
            for attribute, vector in shift.items():
                for sign in (-1, 1):
                    matrix.append(center + sign * vector)
                    rows.append((f"p{k}", k < 2, f"{k}-{c}", attribute, sign))
    return np.array(matrix), pd.DataFrame(rows, columns=["identity", "left", "curve", "varied", "step"])


def write(folder, matrix, table):
    np.save(folder / "faces & co.npy", matrix)
    table.to_csv(folder / "labels.csv", index=False)
    return str(folder / "faces & co.npy"), str(folder / "labels.csv")


def run(folder, *options, data=None):
    page = folder / "report.html"
    assert main([*write(folder, *(data or known())), "-o", str(page), *options]) == 0
    return page.read_text()


def test_numbers_known_in_closed_form_stand_on_the_page(tmp_path, tables_of):
    text = run(tmp_path, "--metric", "euclidean", "--quick")
    distances, attributes, ranking = tables_of(text)
    ((name, row),) = distances
    # Inside a person sqrt(2). Between two: the corner's distance, and sqrt(2) more where the axes differ.
    assert name == "faces & co"
    assert row["d_intra"] == pytest.approx(np.sqrt(2))
    sides = [(4 / 6, 1e4), (2 / 6, 2e4)]  # share of the pairs of people, squared distance of their corners
    d_inter = sum(share * (0.1 * np.sqrt(square) + 0.9 * np.sqrt(square + 2)) for share, square in sides)
    assert row["d_inter"] == pytest.approx(d_inter)
    assert (row["auc"], row["eer"]) == (1, 0)
    assert "tar_at_1e-2" not in row, "600 pairs of two people are too few for it"
    # Changed copies are no images of their own: 40 images, 4 * 45 pairs of one person and 6 * 100 of two.
    assert "All pairs of 40 images: 180 of one person, 600 of two." in text
    assert [a for a, _ in attributes] == ["left", "left"]
    by_name = dict(ranking)
    assert [a for a, _ in ranking] == ["own", "same"], "the one that moves it more comes first"
    assert by_name["same"]["energy"] == pytest.approx(0, abs=1e-6)
    assert by_name["own"]["energy"] == pytest.approx(1, abs=1e-6)
    assert by_name["same"]["displacement"] == pytest.approx(2 / np.sqrt(2))
    assert by_name["own"]["displacement"] == pytest.approx(4 / np.sqrt(2))
    assert by_name["own"]["isolated"] == 0


def test_names_of_people_stay_at_home(tmp_path):
    matrix, table = known()
    table["identity"] = table["identity"].map(lambda name: f"Zebulon {name}")
    text = run(tmp_path, "--metric", "euclidean", "--quick", data=(matrix, table))
    files = re.findall(r'base64,([^"]+)"', text)
    assert len(files) == 4
    assert not any("Zebulon" in part for part in [text, *(base64.b64decode(file).decode() for file in files)])


def random_data(seed=0, people=12, images=6):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"identity": np.repeat([f"p{k}" for k in range(people)], images)})
    table["Male"] = np.repeat(np.arange(people) % 2, images)
    table["Hat"] = rng.integers(0, 2, len(table))
    matrix = np.repeat(rng.normal(size=(people, 16)), images, axis=0) + rng.normal(size=(len(table), 16))
    return matrix + table[["Male"]].to_numpy(), table


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_page_says_what_the_geometry_functions_say(tmp_path, tables_of, metric):
    matrix, table = random_data()
    distances, attributes = tables_of(run(tmp_path, "--metric", metric, "--seed", "3", "--quick", data=(matrix, table)))
    given = (matrix, table["identity"].to_numpy())
    expected = {**distance_summary(*given, metric=metric), **verification(*given, metric=metric)}
    for name in ("d_intra", "d_inter", "ratio", "auc", "eer", "tar_at_1e-2"):
        assert distances[0][1][name] == pytest.approx(expected[name], rel=1e-9), name
    assert "tar_at_1e-3" not in distances[0][1], "2,376 pairs of two people are too few for it"
    low, high = auc_interval(*given, metric=metric)[["low", "high"]]
    assert f"({low:.4f} to {high:.4f})" in (tmp_path / "report.html").read_text()
    ks = ks_by_attribute(*given, table[["Male", "Hat"]] == 1, metric=metric, permutations=99, seed=3)
    assert [(name, row["modality"]) for name, row in attributes] == list(zip(ks.attribute, ks.modality, strict=True))
    for (_, row), (_, found) in zip(attributes, ks.iterrows(), strict=True):
        for name in ("n", "ks", "p_permutation", "q_value"):
            assert row[name] == pytest.approx(found[name], rel=1e-9), name


def test_attributes_with_one_kind_of_people_are_left_out_and_named(tmp_path):
    matrix, table = random_data()
    table["Bald"] = (table["identity"] == "p3").astype(int)
    table["Human"] = 1
    text = run(tmp_path, "--quick", data=(matrix, table))
    assert "Left out: Bald (1 people with it, 2 are needed), Human (0 people without it, 2 are needed)." in text


def test_without_attributes_and_curves_the_page_says_so(tmp_path):
    matrix, table = random_data()
    text = run(tmp_path, data=(matrix, table[["identity"]]))
    assert "There is no attribute to test. The labels have none." in text
    assert "Energies need images of which one attribute was changed" in text


def test_too_few_curves_are_no_energy(tmp_path):
    matrix, table = known()
    few = table["curve"].str.endswith("-9")
    text = run(tmp_path, "--metric", "euclidean", "--quick", data=(matrix[~few], table[~few]))
    assert "No person has 10 curves along one attribute: too few for an energy." in text


def test_people_who_are_not_told_apart_give_a_warning(tmp_path):
    rng = np.random.default_rng(0)
    table = random_data()[1]
    text = run(tmp_path, "--quick", data=(rng.normal(size=(len(table), 8)), table))
    assert 'class="warning">The distance of these embeddings does not tell these people apart well' in text


@given(st.lists(st.integers(1, 9), min_size=2, max_size=20), st.integers(2, 60), st.integers(0, 5))
def test_drawn_identities_are_whole_and_not_too_many(sizes, most, seed):
    identities = np.repeat([f"p{k}" for k in range(len(sizes))], sizes)
    try:
        rows = own_embeddings.draw_identities(identities, most, seed)
    except ValueError as error:
        assert "max_images must leave at least two identities" in str(error)
        assert most < sum(sizes)
        return
    assert len(rows) <= max(most, 0) and np.all(np.diff(rows) > 0)
    drawn = set(identities[rows])
    assert len(rows) == sum(size for k, size in enumerate(sizes) if f"p{k}" in drawn)
    assert len(rows) == len(identities) if len(identities) <= most else len(drawn) >= 2


@given(st.lists(st.integers(1, 400), min_size=2, max_size=30), st.integers(60, 600), st.integers(0, 5))
def test_no_person_takes_the_place_of_others(sizes, most, seed):
    """One cap for all: the largest with which everybody takes part, or one that leaves people of 30 images whole."""
    identities = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = own_embeddings.draw_identities(identities, most, seed)
    assert np.all(np.diff(rows) > 0) and len(rows) <= most
    assert np.array_equal(rows, own_embeddings.draw_identities(identities, most, seed))
    used, sizes = np.bincount(identities[rows], minlength=len(sizes)), np.array(sizes)
    if sum(sizes) <= most:
        assert len(rows) == sum(sizes)
        return
    cap, there = used.max(), used > 0
    assert there.sum() >= 2
    assert np.array_equal(used[there], np.minimum(sizes, cap)[there])
    if there.all():
        assert cap == 30 or np.minimum(sizes, cap + 1).sum() > most
    else:
        assert cap <= 30 and np.minimum(sizes, 30).sum() > most
        assert len(rows) > most - 30, "one more would not have fitted"
        assert not (sizes[there] == 1).any() or not (sizes[~there] > 1).any(), "single images come last"


@pytest.mark.parametrize(
    ("sizes", "used", "said"),
    [
        ([2000, 2000], [1500, 1500], "3,000 images of 2 people, drawn at random from all 4,000 images of 2 people"),
        (
            [20] * 10 + [5000],
            [20] * 10 + [2800],
            "3,000 images of 11 people, drawn at random from all 5,200 images of 11",
        ),
        ([10, 3000], [10, 2990], "At most 2,990 images of a person are used, a random part for 1 of them."),
        (
            [1] * 5000 + [4] * 3,
            [1] * 2988 + [4] * 3,
            "People with one image, who give no pair of one person, were drawn",
        ),
        ([15] * 400, [15] * 200, "3,000 images of 200 people, drawn at random from all 6,000 images of 400 people"),
    ],
)
def test_people_of_very_different_sizes_all_take_part(sizes, used, said):
    identities = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(3):
        rows = own_embeddings.draw_identities(identities, 3000, seed)
        counts = np.bincount(identities[rows])
        assert sorted(counts[counts > 0]) == sorted(used)
    assert said in used_images(identities, rows)


def test_two_people_with_two_thousand_images_each_have_a_report(tmp_path, tables_of):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"identity": np.repeat(["ann", "bob"], 2000)})
    matrix = np.repeat(rng.normal(size=(2, 8)), 2000, axis=0) + 0.3 * rng.normal(size=(4000, 8))
    text = run(tmp_path, "--max-images", "400", data=(matrix, table))
    assert "All pairs of 400 images: 39,800 of one person, 40,000 of two." in text
    assert "400 images of 2 people, drawn at random from all 4,000 images of 2 people" in text
    assert tables_of(text)[0][0][1]["auc"] == pytest.approx(0.9999993, abs=1e-7)


def test_large_files_are_drawn_from_and_the_page_says_so(tmp_path):
    text = run(tmp_path, "--max-images", "30", "--quick", data=random_data())
    assert "All pairs of 30 images: 75 of one person" in text
    assert "30 images of 5 people, drawn at random from all 72 images of 12 people" in text
    assert "They are all images of 12 people." in run(tmp_path, "--quick", data=random_data())


def test_people_without_curves_cost_the_energies_nothing(monkeypatch):
    """Ten thousand people without a curve took 194 s of a report, a look at all rows for each."""
    rows = 20_000
    nothing = pd.DataFrame({"curve": "", "varied": "", "step": 0}, index=range(rows))
    data = Labelled(torch.ones(rows, 1), np.arange(rows).astype(str), pd.DataFrame(index=range(rows)), nothing)
    monkeypatch.setattr(Labelled, "clouds_of", None)
    together, left, few = own_energies.of_people(data, "cosine")
    assert together.empty and left.empty and few == 0


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            lambda m, t: (m, t.assign(identity="one")),
            [],
            "identities must hold at least two different ones; got only one",
        ),
        (lambda m, t: (m[:12], t[::6]), [], "identities must hold one with at least two embeddings; all are different"),
        (lambda m, t: (m[:5], t), [], "labels.csv must have one line per row of faces & co.npy, 5"),
        (lambda m, t: (m[0], t), [], r"faces & co.npy must be a non-empty matrix (N, d); got shape (16,)"),
        (lambda m, t: (np.where(m > 2, np.nan, m), t), [], "faces & co.npy must be finite; row"),
        (
            lambda m, t: (m, t),
            ["--attributes", "Old"],
            "labels.csv must have a column 'Old'; it has 'identity', 'Male'",
        ),
        (lambda m, t: (m, t), ["--max-images", "6"], "max_images must leave at least two identities; 6 leaves 1"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_page(tmp_path, capsys, change, options, message):
    files = write(tmp_path, *change(*random_data()))
    assert main([*files, "-o", str(tmp_path / "report.html"), *options]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ") and message in said
    assert not (tmp_path / "report.html").exists()


def test_the_command_says_which_files_it_needs(tmp_path, capsys):
    embeddings, labels = write(tmp_path, *random_data())
    assert main([embeddings]) == 2
    assert "labels must be given with embeddings" in capsys.readouterr().err
    assert main([str(tmp_path / "nosuch.npy"), labels]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main([embeddings, str(tmp_path / "nosuch.csv")]) == 2
    assert "nosuch.csv" in capsys.readouterr().err
    assert main(["mobileface", labels]) == 2
    assert (
        "labels go with a file of embeddings (.npy) or a folder of photographs; got 'mobileface'"
        in capsys.readouterr().err
    )


def test_labelled_data_from_memory_makes_a_page_too():
    matrix, table = random_data()
    curves = pd.DataFrame({"curve": "", "varied": "", "step": 0}, index=table.index)
    data = Labelled(torch.tensor(matrix), table["identity"].to_numpy(object), table[["Male"]] == 1, curves)
    page = own_embeddings.report(data, "memory", permutations=19)
    assert page.title == "memory" and set(page.tables) == {"distances.csv", "attributes.csv"}


def one_point(matrix, table, person, attribute=None):
    """Put the centres of a person's curves on one point, with their copies around it."""
    matrix, own = matrix.copy(), (table["identity"] == person).to_numpy()
    centers = matrix[own & (table["step"] == 0)]
    for curve, center in zip(table["curve"][own & (table["step"] == 0)], centers, strict=True):
        matrix[own & (table["curve"] == curve)] += centers[0] - center
    return matrix, table


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_person_of_one_point_is_left_out_and_named(tmp_path, tables_of, capsys, metric):
    matrix, table = known()
    matrix[:, 2] = 30  # no centre at the origin
    text = run(tmp_path, "--metric", metric, "--quick", data=one_point(matrix, table, "p2"))
    told = r'(?m)^warning: left out of the energies, .* one point up to rounding.*: "p2" \(same and own\)$'
    assert re.search(told, capsys.readouterr().err)
    assert "Clouds of 3 people" in text
    assert re.search(r"Left out, because all their centres are one point .*: person 2 \(line 102; same and own\)", text)
    (left,) = re.findall(r'base64,([^"]+)" download="left_out.csv"', text)
    assert base64.b64decode(left).decode().split() == ["identity,line,attribute", "2,102,same", "2,102,own"]
    others = table["identity"] != "p2"
    alone = run(tmp_path, "--metric", metric, "--quick", data=(matrix[others], table[others]))
    assert tables_of(text)[-1] == tables_of(alone)[-1], (
        "the others have the energies that they have without that person"
    )


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_if_all_people_are_one_point_the_page_has_everything_else(tmp_path, tables_of, capsys, metric):
    matrix, table = known()
    matrix[:, 2] = 30
    for person in sorted(set(table["identity"])):
        matrix, table = one_point(matrix, table, person)
    text = run(tmp_path, "--metric", metric, "--quick", data=(matrix.astype(np.float32), table))
    assert re.search('(?m)^warning: .*"p0" .*"p3"', capsys.readouterr().err)
    assert "person 0 (line 2; same and own)" in text and "person 3 (line 152; same and own)" in text
    assert "ranking.csv" not in text and tables_of(text)[0][0][1]["auc"] == 1


def test_one_attribute_of_one_point_leaves_the_other(tmp_path, tables_of, capsys):
    """Curves of an attribute may have centres of their own."""
    matrix, table = known()
    own = (table["varied"] == "own") | (table["step"] == 0)
    second = table[own].assign(curve=table["curve"] + "'")
    table.loc[table["varied"] == "own", "curve"] += "'"
    together = pd.concat([table, second[second["step"] == 0]], ignore_index=True)
    points = np.concatenate([matrix, matrix[(table["step"] == 0).to_numpy()]])
    person = (together["identity"] == "p1") & together["curve"].str.endswith("'")
    for sign in (-1, 0, 1):
        points[person & (together["step"] == sign)] = np.eye(DIM)[7] + sign * np.eye(DIM)[8]
    text = run(tmp_path, "--metric", "euclidean", "--quick", data=(points, together))
    assert re.search(r'(?m)^warning: .*"p1" \(own\)$', capsys.readouterr().err)
    assert "person 1 (line 52; own)" in text and "Clouds of 4 people" in text
    assert dict(tables_of(text)[-1])["same"]["displacement"] == pytest.approx(2 / np.sqrt(2))


def test_curves_without_a_direction_are_counted_and_no_chart_shows_them(tmp_path, tables_of):
    matrix, table = known()
    center = matrix[table.groupby("curve", sort=False)["step"].transform(lambda step: step.index[step == 0][0])]
    still = (table["varied"] == "own") | (table["curve"].isin(["0-3", "1-4"]) & (table["varied"] == "same"))
    matrix = np.where(still.to_numpy()[:, None], center, matrix)
    text = run(tmp_path, "--metric", "euclidean", "--quick", data=(matrix, table))
    assert (
        "have no direction, and no part in the energy; their displacement counts: same 2 of 40 and own 40 of 40" in text
    )
    ranking = dict(tables_of(text)[-1])
    assert ranking["own"]["displacement"] == 0 and np.isnan(ranking["own"]["energy"])
    assert ranking["same"]["energy"] == pytest.approx(0, abs=1e-6)
    assert "Without a direction, so not drawn: own." in text
    still = table["varied"] != ""
    matrix = np.where(still.to_numpy()[:, None], center, matrix)
    text = run(tmp_path, "--metric", "euclidean", "--quick", data=(matrix, table))
    assert "same 40 of 40 and own 40 of 40" in text and "Energy against scale" not in text


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("rounding", [0, 1e-8])
def test_a_collapsed_network_is_told_so_before_any_work(tmp_path, capsys, monkeypatch, metric, rounding):
    matrix, table = random_data()
    one = 1e3 * (1 + rounding * np.random.default_rng(0).normal(size=matrix.shape))
    files = write(tmp_path, one.astype(np.float32), table)
    monkeypatch.setattr("frlib.report.own_embeddings.recognition_figures", None)
    assert main([*files, "--metric", metric, "-o", str(tmp_path / "report.html")]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(
        "error: faces & co.npy must hold different embeddings, but its 72 rows that are images coincide"
    )
    assert re.search(r"largest difference from the first: (0|\de-0\d) of its length", said)
    assert not (tmp_path / "report.html").exists()


def test_centres_that_coincide_though_their_copies_do_not_are_a_collapse_too(tmp_path, capsys):
    matrix, table = known()
    matrix[(table["step"] == 0).to_numpy()] = 1
    assert main([*write(tmp_path, matrix, table), "-o", str(tmp_path / "report.html")]) == 2
    assert "its 40 rows that are images coincide" in capsys.readouterr().err


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_images_that_stand_twice_in_a_file_are_fine(tmp_path, tables_of, metric):
    matrix, table = random_data()
    twice = np.repeat(np.arange(0, len(table), 2), 2)
    matrix, table = matrix[twice], table.iloc[twice]
    text = run(tmp_path, "--metric", metric, "--quick", data=(matrix, table))
    expected = distance_summary(matrix, table["identity"].to_numpy(), metric=metric)
    assert tables_of(text)[0][0][1]["d_intra"] == pytest.approx(expected.d_intra)


def test_remarks_on_the_input_stand_first_and_are_told(tmp_path, capsys):
    matrix, table = random_data()
    table["identity"] = table["identity"].replace({"p0": "1", "p1": "1.0", "p2": "Zoe", "p3": "zoe", "p4": "None"})
    matrix[17] *= 1e30
    text = run(tmp_path, "--metric", "euclidean", "--quick", data=(matrix, table))
    told = capsys.readouterr().err
    assert 'identities "1" and "1.0" (lines 2 and 8) are different people here' in told
    assert 'identities "Zoe" and "zoe" (lines 14 and 20) are different people here' in told
    assert 'The identity "None"' in told and "row 17 (line 19)" in told
    first = unescape(text[text.index('id="section-1"') : text.index('id="section-2"')])
    assert "Look at the input first" in first and "row 17 (line 19)" in first and '"1" and "1.0"' in first
    assert "People 2 and 3 (lines 14 and 20) are different people here" in first and "oe" not in first
