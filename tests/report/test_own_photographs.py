"""The report on a folder of drawn faces saved as photographs with planted faults: each is found, and no other."""

import base64
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from frlib.clouds import Cloud, embed
from frlib.datasets import Crops, Photographs, find_faces, read_folder
from frlib.fingerprint import cloud_energies
from frlib.geometry import distance_summary, ks_by_attribute, pair_distances, threshold_at, verification
from frlib.models import load
from frlib.report import far_pairs, photograph_labels
from frlib.report.__main__ import main
from frlib.report.album import Album, album_of, check_people, names_of, some_of
from frlib.report.energies import SCALES
from tests.photographs import PEOPLE, as_image, pictures, plant_faults, write_folder
from tests.site.browser import opened

QUICK = ["--quick", "--jobs", "1"]
IMAGES = 10


@pytest.fixture(scope="module")
def drawn() -> dict:
    return pictures(3, IMAGES, seed=4)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, drawn):
    """A folder with faults, what is planted, and its page, with pictures."""
    folder = tmp_path_factory.mktemp("faulty") / "Our <b>team"
    write_folder(folder, drawn)
    planted, page = plant_faults(folder, drawn), folder.parent / "report.html"
    assert main([str(folder), *QUICK, "--thumbnails", "-o", str(page)]) == 0
    return folder, planted, page


@pytest.fixture(scope="module")
def clean(tmp_path_factory, drawn):
    """A folder without faults, of few photographs, and its page, without pictures."""
    folder = tmp_path_factory.mktemp("clean") / "clean"
    write_folder(folder, {name: own[:5] for name, own in drawn.items()})
    page = folder.parent / "report.html"
    assert main([str(folder), *QUICK, "-o", str(page)]) == 0
    return folder, page


def table_with(tables, column: str) -> list:
    """Return the first table of a page that has a column."""
    return next(rows for rows in tables if rows and column in rows[0][1])


def body_of(text: str) -> str:
    """Return what a page shows, without the scripts that draw it and the files that it offers."""
    return re.sub(r'href="data:text/csv[^"]*"', "", text[text.index("<main>") : text.index("</main>")])


def files_of(text: str) -> dict[str, pd.DataFrame]:
    """Return the tables that a page offers for download."""
    found = re.findall(r'base64,([^"]+)" download="([^"]+)"', text)
    return {name: pd.read_csv(pd.io.common.BytesIO(base64.b64decode(content))) for content, name in found}


def test_each_planted_fault_is_found_and_nothing_else_is_remarked(faulty, tables_of):
    folder, planted, page = faulty
    text = page.read_text()
    remarked = {Path(name).name: row["remark"] for name, row in table_with(tables_of(text), "person")}
    assert remarked == {name: remark for name, remark in planted.items() if remark}
    odd = dict(table_with(tables_of(text), "misplaced"))
    assert odd["Bob/mislabelled.jpg"]["misplaced"] == 1 and odd["Bob/mislabelled.jpg"]["other"] == "Ann"
    assert re.search(r"May be mislabelled, by most networks: [^<]*Bob/mislabelled.jpg \(nearer to Ann\)", text)
    assert odd["Ann/blurred.jpg"]["alone"] == 1, "so blurred that it is like no other photograph"
    # Photographs that are whole stay unremarked; two faces may be taken for either of them.
    assert set(odd) <= {f"{name}/{file}" for name in PEOPLE[:2] for file in planted}


def test_who_is_confused_is_named_with_the_photographs_that_do_it(faulty, tables_of):
    confused = dict(table_with(tables_of(faulty[2].read_text()), "networks"))
    assert next(iter(confused)) == "Ann and Bob"
    # The mislabelled photograph is a copy of Ann's second one, saved anew.
    assert confused["Ann and Bob"]["photographs"] == "Ann/2.jpg and Bob/mislabelled.jpg"
    assert confused["Ann and Bob"]["over"] < 0.1


def test_a_folder_without_faults_gives_no_remark(clean):
    text = clean[1].read_text()
    assert "There is nothing to remark on any photograph." in text
    assert "No photograph does so in any network." in text
    assert "No network takes two people for one, at the balanced threshold." in text
    assert "These people are told apart: the AUC is" in text
    assert "mislabelled, by most networks: 0." in text and "AUC without" not in text


def test_distances_and_thresholds_are_those_of_the_geometry_functions(clean, tables_of):
    photographs = read_folder(clean[0])
    faces = find_faces(photographs, n_jobs=1, progress=False)
    crops = [Crops(photographs, faces, person) for person in photographs.people]
    (clouds,) = embed(crops, [load("mobilefacenet", "cpu")], n_jobs=1, progress=False).values()
    points, who = torch.cat([cloud.points for cloud in clouds]), np.repeat(np.arange(3), 5)
    expected = {**distance_summary(points, who), **verification(points, who)}
    tables = tables_of(clean[1].read_text())
    ((_, first),) = table_with(tables, "d_intra")
    for figure in ("d_intra", "d_inter", "ratio", "auc", "eer"):
        assert first[figure] == pytest.approx(expected[figure], rel=1e-6, abs=1e-9), figure
    ((_, thresholds),) = table_with(tables, "strict")
    assert thresholds["threshold"] == pytest.approx(expected["threshold"])
    assert thresholds["strict"] == pytest.approx(threshold_at(points, who, 0.01), nan_ok=True)


def test_energies_are_those_of_the_clouds(faulty, tables_of):
    photographs = read_folder(faulty[0])
    faces = find_faces(photographs, n_jobs=1, progress=False)
    crops = [Crops(photographs, faces, person) for person in photographs.people]
    (clouds,) = embed(crops, [load("mobilefacenet", "cpu")], n_jobs=1, progress=False).values()
    tables = [cloud_energies(cloud, SCALES) for cloud in clouds]
    here = pd.concat(tables).query("scale == 1").groupby("attribute")[["energy", "displacement", "isolated"]].mean()
    rows = table_with(tables_of(faulty[2].read_text()), "energy photographs")
    assert [name for name, _ in rows] == [f"mobilefacenet, {a}" for a in ("brightness", "hue", "image quality")]
    for (name, row), attribute in zip(rows, ("brightness", "hue", "image_quality"), strict=True):
        for figure in ("energy", "displacement", "isolated"):
            assert row[f"{figure} photographs"] == pytest.approx(here.loc[attribute, figure], rel=1e-5), name
        assert 0 < row["energy drawn"] < 2


def test_with_few_photographs_the_page_says_what_cannot_be_told(clean, tables_of):
    text = clean[1].read_text()
    assert "Nobody has 10 photographs with a face, the fewest for an energy" in text
    rows = table_with(tables_of(text), "energy photographs")
    assert all(np.isnan(row["energy photographs"]) for _, row in rows)
    assert all(row["displacement photographs"] > 0 for _, row in rows)
    assert "a FAR of 1.00% is less than ten pairs" in text


def test_pictures_are_on_the_page_only_if_they_are_asked_for(faulty, clean):
    with_pictures, without = body_of(faulty[2].read_text()), body_of(clean[1].read_text())
    assert with_pictures.count('src="data:image/webp') >= 6 and "and small pictures of faces" in with_pictures
    assert "data:image" not in without and "<img" not in without and "and no picture" in without
    assert "Nothing left this machine" in with_pictures and "Nothing left this machine" in without


def test_names_can_be_numbers(faulty):
    folder, _, _ = faulty
    page = folder.parent / "numbers.html"
    assert main([str(folder), *QUICK, "--numbers", "-o", str(page)]) == 0
    text = page.read_text()
    everything = body_of(text) + "".join(table.to_csv() for table in files_of(text).values())
    assert not [name for name in (*PEOPLE[:3], "team", ".jpg") if name in everything]
    assert "numbers in place of names" in everything
    assert "person 1" in everything and "May be mislabelled, by most networks: photograph" in everything


def test_names_from_folders_are_text(faulty, chromium):
    shown, found = opened(chromium, faulty[2], color_scheme="dark", viewport={"width": 390, "height": 800})
    assert not found.problems, str(found)
    assert shown.locator("h1").inner_text() == "Our <b>team"
    assert shown.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert shown.locator(".gallery img").count() >= 6
    assert shown.evaluate("() => [...document.images].every((image) => image.naturalWidth === 112)")
    shown.context.close()


def test_labels_are_tested_in_every_network(faulty, tables_of):
    folder, planted, _ = faulty
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.jpg"))]
    lines = [f"{name},{int(name[0] in 'AB')},{k % 2}" for k, name in enumerate(names) if "two faces" not in name]
    labels = folder.parent / "labels.csv"
    labels.write_text("\n".join(["photograph,tall,hat", *lines]))
    page = folder.parent / "labels.html"
    assert main([str(folder), str(labels), *QUICK, "-o", str(page)]) == 0
    text = page.read_text()
    assert "1 photographs with a face have no labels and are left out here." in text
    assert "Left out: tall (1 people without it, 2 are needed)." in text
    table = files_of(text)["attributes.csv"]
    photographs = read_folder(folder)
    faces = find_faces(photographs, n_jobs=1, progress=False)
    crops = [Crops(photographs, faces, person) for person in photographs.people]
    (clouds,) = embed(crops, [load("mobilefacenet", "cpu")], n_jobs=1, progress=False).values()
    rows = np.concatenate([crop.table["row"] for crop in crops])
    order = [path.relative_to(folder).as_posix() for path in photographs.paths]
    hat = {line.split(",")[0]: line.endswith("1") for line in lines}
    kept = [k for k, row in enumerate(rows) if order[row] in hat]
    points = torch.cat([cloud.points for cloud in clouds])[kept]
    who = [photographs.identities[rows[k]] for k in kept]
    attributes = pd.DataFrame({"hat": [hat[order[rows[k]]] for k in kept]})
    expected = ks_by_attribute(points, who, attributes, permutations=99)
    assert table["ks"].tolist() == pytest.approx(expected["ks"].tolist())
    assert table["p_permutation"].tolist() == pytest.approx(expected["p_permutation"].tolist())


def test_copies_and_single_photographs_have_a_page_too(tmp_path, drawn, tables_of):
    """Each person has one photograph twice, or one: the threshold is 0, no cloud has a size, nobody has three."""
    folder = write_folder(tmp_path / "copies", {name: own[[0, 0]] for name, own in list(drawn.items())[:2]})
    write_folder(folder, {"Cid": drawn["Cid"][:1]})
    page = tmp_path / "report.html"
    assert main([str(folder), *QUICK, "-o", str(page)]) == 0
    text = page.read_text()
    remarked = table_with(tables_of(text), "person")
    assert {row["remark"] for _, row in remarked} == {"same file"} and len(remarked) == 4
    assert "Nobody has 3 photographs with a face that are not copies of one" in text
    assert "nothing that is measured here sets them apart" in text
    ((_, figures),) = table_with(tables_of(text), "d_intra")
    assert figures["d_intra"] == pytest.approx(0, abs=1e-9) and figures["auc"] == 1


def test_of_a_large_folder_labels_go_with_the_photographs_that_are_used():
    who = [f"p{k // 10}" for k in range(100)]
    photographs = Photographs([Path(f"{name}/{k}.jpg") for k, name in enumerate(who)], who)
    names = names_of(photographs, Path("."), numbers=True)
    labels = pd.DataFrame({"row": np.arange(0, 100, 2)}, index=np.arange(0, 100, 2))
    part, part_names, part_labels, said = some_of(photographs, names, labels, 30, 0)
    assert len(part) == len(part_names) == 30 and "30 images of 3 people" in said
    for row, (value,) in zip(part_labels.index, part_labels.to_numpy(), strict=True):
        assert part.paths[row].stem == str(value) and part_names["photograph"][row] == f"photograph {value}"
    assert len(part_labels) == 15
    same = some_of(photographs, names, labels, 100, 0)
    assert same[0] is photographs and same[2] is labels and same[3] == ""


def test_what_differs_between_two_photographs_is_measured_on_the_faces(tmp_path, drawn):
    """One photograph three times: as it is, 40 levels brighter, and at half the size."""
    folder = write_folder(tmp_path / "made", {"Ann": drawn["Ann"][:1], "Bob": drawn["Bob"][:2]})
    picture = as_image(drawn["Ann"][0])
    brighter = (drawn["Ann"][0].int() + 40).clamp(max=255).to(torch.uint8)
    as_image(brighter).save(folder / "Ann/2.jpg", quality=92)
    picture.resize((125, 125)).save(folder / "Ann/3.jpg", quality=92)
    photographs = read_folder(folder)
    faces = find_faces(photographs, n_jobs=1, progress=False)
    names = names_of(photographs, folder)
    made = album_of(photographs, faces, names, [load("mobilefacenet", "cpu")], n_jobs=1, progress=False)
    assert made.images["photograph"].tolist()[:3] == ["Ann/1.jpg", "Ann/2.jpg", "Ann/3.jpg"]
    pairs = far_pairs.same_person_pairs(made).set_index(["image", "other_image"])
    clipped = float((brighter.float() - drawn["Ann"][0].float()).mean())
    assert pairs.loc[(0, 1), "brightness"] == pytest.approx(clipped, abs=3) and clipped > 35
    assert pairs.loc[(0, 2), "brightness"] < 3 and pairs.loc[(0, 1), "width"] < 1.1
    assert pairs.loc[(0, 2), "width"] == pytest.approx(2, rel=0.1)
    assert (pairs.loc[[(0, 1), (0, 2)], "turn"] < 8).all()
    said = far_pairs.what_differs(next(pairs.reset_index().itertuples()), pairs.reset_index(), made)
    assert re.match(r"the faces are \d\d of 255 levels apart in brightness", said)


def album(seed: int = 0, sizes=(3, 4)) -> Album:
    """Random clouds of two people in two networks, with facts that are all alike."""
    rng, n = np.random.default_rng(seed), sum(sizes)
    clouds = {}
    for network in ("one", "two"):
        own = []
        for k, size in enumerate(sizes):
            points = torch.tensor(rng.normal(size=(size, 5)))
            ends = {a: torch.tensor(rng.normal(size=(size, 5))) for a in ("brightness", "hue", "image_quality")}
            own.append(Cloud(points, ends, {a: -e for a, e in ends.items()}, "euclidean", network, k))
        clouds[network] = own
    images = pd.DataFrame({"photograph": [f"{k}.jpg" for k in range(n)], "remark": "", "row": range(n)})
    images["code"] = np.repeat(np.arange(len(sizes)), sizes)
    images["person"] = images["code"].map({0: "ann", 1: "bob"})
    images = images.assign(width=100.0, sharpness=0.1, brightness=120.0, turn=0.0)
    return Album(images, clouds, {network: {"threshold": 2.0} for network in clouds})


def test_two_people_may_be_called_the_same():
    made = album(sizes=(2, 3, 2))
    images = made.images.assign(person=made.images["code"].map({0: "?", 1: "?", 2: "bob"}))
    assert replace(made, images=images).people == ["?", "?", "bob"]


def test_pairs_of_one_person_are_those_of_a_loop():
    given = album()
    given.images["turn"] = np.arange(7.0)
    pairs = far_pairs.same_person_pairs(given)
    assert len(pairs) == 3 + 6
    for row in pairs.to_dict("records"):
        one, other, code = row["image"], row["other_image"], row["code"]
        places = one - 3 * code, other - 3 * code
        over, moved = [], []
        for own in given.clouds.values():
            distance = float(pair_distances(own[code])[places])
            over.append(distance / 2)
            moved.append(max(float(own[code].displacements["hue"][k]) for k in places) / distance)
        assert row["over"] == pytest.approx(np.mean(over)) and row["by hue"] == pytest.approx(np.mean(moved))
        assert row["turn"] == abs(one - other) and row["width"] == row["sharpness"] == 1 and row["brightness"] == 0


def test_only_what_is_measured_is_said_of_a_pair():
    given = album()
    pairs = far_pairs.same_person_pairs(given)
    first = next(pairs.itertuples())
    assert far_pairs.what_differs(first, pairs, given).startswith("nothing that is measured here sets them apart.")
    given.images.loc[1, ["width", "turn", "brightness", "remark"]] = [30.0, 40.0, 140.0, "small"]
    pairs = far_pairs.same_person_pairs(given)
    said = far_pairs.what_differs(next(pairs.itertuples()), pairs, given)
    assert said == (
        "the faces are 100 and 30 pixels wide; the heads are turned about 40 degrees apart; 1.jpg: small."
    ), "20 levels of brightness are less than is named"


def test_the_farthest_pair_of_each_person_comes_with_the_farthest_right_one():
    pairs = pd.DataFrame(
        {"code": [0, 0, 0, 1], "image": [0, 0, 1, 3], "other_image": [1, 2, 2, 4], "over": [3.0, 2, 1, 2.5]}
    )
    assert far_pairs.farthest(pairs)["over"].tolist() == [3, 2.5]
    assert far_pairs.farthest(pairs, [1])["over"].tolist() == [3, 2.5, 2]
    assert far_pairs.farthest(pairs, [0, 3])["over"].tolist() == [3, 2.5, 1]
    assert far_pairs.farthest(pairs, [0, 1], shown=1)["over"].tolist() == [3]


def test_whether_differences_go_along_with_distances_is_said_from_ten_pairs_on():
    given = album()
    assert "There are 9 pairs of one person: too few" in far_pairs.going_along(far_pairs.same_person_pairs(given))
    more = far_pairs.same_person_pairs(album(sizes=(3, 5)))
    more["turn"] = more["over"].rank()
    more["brightness"] = -more["over"]
    assert "width –, sharpness –, brightness -1.00, turn 1.00." in far_pairs.going_along(more)


@pytest.fixture
def folder(tmp_path, drawn):
    return write_folder(tmp_path / "photographs", {name: own[:1] for name, own in drawn.items()})


def only_one(folder):
    for name in PEOPLE[1:3]:
        shutil.rmtree(folder / name)


def no_folders(folder):
    for name in PEOPLE[:3]:
        (folder / name / "1.jpg").rename(folder / f"{name}.jpg")
        (folder / name).rmdir()


def empty(folder):
    no_folders(folder)
    for file in folder.iterdir():
        file.unlink()


def no_faces(folder):
    for name in PEOPLE[:3]:
        (folder / name / "1.jpg").write_bytes(b"no image")


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (empty, [], "must be a folder with one sub-folder per person"),
        (no_folders, [], "must be a folder with one sub-folder per person"),
        (only_one, [], "must have at least two sub-folders with photographs, one per person; it has one: 'Ann'"),
        (no_faces, [], "the photographs must show faces; in none of 3 was one found"),
        (lambda folder: None, [], "one person must have at least two photographs with a face; each of the 3 people"),
        (lambda folder: None, ["--bgr"], "--bgr is for a file .onnx; each network brings its own"),
        (lambda folder: None, ["--far", "0"], "far must lie between 1e-06 and 0.5; got 0.0"),
        (lambda folder: None, ["--networks", "nosuch"], "nosuch"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_page(folder, capsys, change, options, message):
    change(folder)
    page = folder.parent / "report.html"
    assert main([str(folder), *QUICK, "-o", str(page), *options]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ") and message in said
    assert not page.exists()


def test_one_person_with_faces_is_not_enough():
    with pytest.raises(
        ValueError, match="at least two people, each in a sub-folder; a face was found for one only: 'a'"
    ):
        check_people(np.array(["a", "a"], dtype=object), 9)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["name,hat", "Ann/1.jpg,1"], "labels.csv must have a column 'photograph'"),
        (["photograph,hat", "Ann/9.jpg,1"], "line 2, column 'photograph': there is no 'Ann/9.jpg' in the folder"),
        (["photograph,hat", "Ann/1.jpg,1", "Ann/1.jpg,0"], "line 3, column 'photograph': 'Ann/1.jpg' is there already"),
        (["photograph,hat", "Ann/1.jpg,2"], "line 2, column 'hat': an attribute must be 1 or 0"),
        (["photograph", "Ann/1.jpg"], "labels.csv must have a column for at least one attribute"),
    ],
)
def test_wrong_labels_are_named_by_their_line(tmp_path, lines, message):
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    with pytest.raises(ValueError, match=re.escape(message)):
        photograph_labels.read_labels(tmp_path / "labels.csv", ["Ann/1.jpg", "Bob/1.jpg"])


def test_labels_are_by_row_of_the_photograph(tmp_path):
    (tmp_path / "labels.csv").write_text("photograph,hat,old\nBob\\1.jpg,1,-1\nAnn/1.jpg,0,1\n")
    table = photograph_labels.read_labels(tmp_path / "labels.csv", ["Ann/1.jpg", "Bob/1.jpg"])
    assert table.loc[0].tolist() == [False, True] and table.loc[1].tolist() == [True, False]
    assert list(photograph_labels.read_labels(tmp_path / "labels.csv", ["Ann/1.jpg", "Bob/1.jpg"], ["old"])) == ["old"]
