"""The report on a network that is not in the list: a file made here, through the command, to a page in a browser."""

import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from frlib.clouds import embed
from frlib.faces import ATTRIBUTES, Curves, Portraits, sample_identities
from frlib.geometry import auc_interval, distance_summary, energy_sweep, verification
from frlib.models import load
from frlib.models.embedder import Preprocess
from frlib.models.onnx import export_onnx, load_onnx
from frlib.report import own_network, preprocessing, recognition
from frlib.report.__main__ import main
from tests.site.browser import opened

QUICK = ["--quick", "--jobs", "1", "--against", "mobileface"]
NAME = "mine <b>&amp; new"


def small_network(path: Path) -> Path:
    """Write a network of two convolutions with random weights."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 5, stride=4), nn.PReLU(8), nn.Conv2d(8, 16, 3, stride=2), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(784, 32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter says that it is the older one
        torch.onnx.export(network, (torch.zeros(1, 3, 64, 64),), str(path), opset_version=17, dynamo=False)
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Run the command once on a small file; return the file and the page."""
    folder = tmp_path_factory.mktemp("report")
    file, page = small_network(folder / f"{NAME}.onnx"), folder / "report.html"
    assert main([str(file), *QUICK, "-o", str(page)]) == 0
    return file, page


def test_the_page_is_whole_in_a_browser(report, chromium):
    shown, found = opened(chromium, report[1], color_scheme="dark", viewport={"width": 390, "height": 800})
    assert not found.problems, str(found)
    assert shown.locator("h1").inner_text() == NAME
    assert shown.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert shown.locator(".frlib-chart svg").count() == 5
    assert all(shown.locator(".frlib-chart svg").nth(k).locator("path").count() > 8 for k in range(5))
    choosers = shown.locator(".vega-bind select:visible")
    first = choosers.first.locator("option").all_inner_texts()
    assert first == [NAME, "mobileface", "mobilefacenet-random"]
    shown.context.close()


def test_recognition_on_the_page_is_that_of_the_geometry_functions(report, tables_of):
    file, page = report
    embedders = {
        NAME: load_onnx(file, device="cpu", name=NAME),
        "mobileface": load("mobileface", "cpu"),
        "mobilefacenet-random": load("mobilefacenet", "cpu", weights="random"),
    }
    table = tables_of(page.read_text())[0]
    assert [name for name, _ in table] == list(embedders)
    people = sample_identities(3)
    for name, row in table:
        images = torch.cat([c.points for c in embed([Portraits(who, 3) for who in people], [embedders[name]])[name]])
        given = (images, np.repeat([0, 1, 2], 3))
        expected = {**distance_summary(*given), **verification(*given)}
        for figure in ("d_intra", "d_inter", "ratio", "auc", "eer"):
            assert row[figure] == pytest.approx(expected[figure], rel=1e-6, abs=1e-9), (name, figure)
        low, high = auc_interval(*given)[["low", "high"]]
        assert f"({low:.4f} to {high:.4f})" in page.read_text()


def test_energies_on_the_page_are_those_of_the_geometry_functions(report, tables_of):
    file, page = report
    embedder = load_onnx(file, device="cpu", name=NAME)
    clouds = embed([Curves(who, 6) for who in sample_identities(3)], [embedder])[NAME]
    sweeps = [energy_sweep(c.points, c.fields, [1.0]).set_index("attribute") for c in clouds]
    ranking = tables_of(page.read_text())[2]
    assert {name for name, _ in ranking} == {a.replace("_", " ") for a in ATTRIBUTES}
    shown = [row["displacement"] for _, row in ranking]
    assert shown == sorted(shown, reverse=True)
    for name, row in ranking:
        attribute = name.replace(" ", "_")
        energies = [sweep.energy[attribute] for sweep in sweeps]
        moved = [float(c.displacements[attribute].mean()) / c.mean_distance for c in clouds]
        assert row["energy"] == pytest.approx(np.mean(energies), rel=1e-5)
        assert row["displacement"] == pytest.approx(np.mean(moved), rel=1e-5)
        assert row["isolated"] == pytest.approx(np.mean([sweep.isolated[attribute] for sweep in sweeps]), abs=1e-9)


def test_the_page_says_what_was_run(report):
    text = report[1].read_text()
    head = re.search(r"<dl>(.*?)</dl>", text, flags=re.S)[1]
    parameters = 8 * 3 * 25 + 8 + 8 + 16 * 8 * 9 + 16 + 784 * 32 + 32
    for fact in ("32", f"{parameters:,}", "cosine", "64 × 64, crop arcface", "3 people × 6 centres", "torch"):
        assert f">{fact}" in head or fact in head, fact
    assert "RGB, (x - 127.5) × 0.007843" in head
    assert "Is the input what the network expects?" in text and "What this page cannot tell" in text
    assert "<h1>mine &lt;b&gt;&amp;amp; new</h1>" in text


def test_a_network_of_ours_from_a_file_gets_the_figures_that_it_has_by_name(tmp_path, tables_of):
    original = load("dlib", "cpu")
    export_onnx(original, tmp_path / "dlib.onnx")
    given = ["--mean", *map(str, original.preprocess.mean), "--scale", *map(str, original.preprocess.scale)]
    given += ["--metric", "euclidean", "--crop", "wide", "--against", "dlib"]
    page = tmp_path / "report.html"
    assert main([str(tmp_path / "dlib.onnx"), *QUICK, *given, "-o", str(page)]) == 0
    recognition, centers, _, tried = tables_of(page.read_text())
    for table in (recognition, centers):
        rows = dict(table)
        for figure in ("d_intra", "d_inter", "ratio", "auc", "eer"):
            own, ours = rows["dlib (file)"][figure], rows["dlib"][figure]
            assert own == pytest.approx(ours, rel=1e-3, abs=1e-5), figure
        assert dict(table)["dlib (file)"]["metric"] == "euclidean"
    assert [name for name, _ in tried] == list(preprocessing.settings(original.preprocess))
    assert tried[0][1]["ratio"] < dict(tried)["RGB, 0 to 255"]["ratio"], "far too large values"


def test_settings_leave_out_the_given_one():
    for given in (Preprocess(112, (127.5,) * 3, 1 / 127.5), Preprocess(112, (127.5,) * 3, 1 / 128)):
        assert list(preprocessing.settings(given)) == [
            "as given",
            "RGB, 0 to 1",
            "RGB, 0 to 255",
            "BGR, -1 to 1",
            "BGR, 0 to 1",
            "BGR, 0 to 255",
        ]
    assert "RGB, -1 to 1" in preprocessing.settings(Preprocess(112, (127.5,) * 3, 1 / 127.5, bgr=True))
    assert len(preprocessing.settings(Preprocess(224, (100, 110, 120), 1.0))) == 7


@pytest.mark.parametrize(
    ("own", "best", "tone", "words"),
    [
        (0.95, 0.96, "", "No common setting is better"),
        (0.7, 0.95, "warning", "With BGR, 0 to 1 the AUC is 0.950, as given it is 0.700"),
        (0.66, 0.72, "warning", "With none of the common settings are these people recognised: the best AUC is 0.720"),
    ],
)
def test_what_the_page_says_of_other_settings(own, best, tone, words):
    rows = pd.DataFrame({"setting": ["as given", "BGR, 0 to 1"], "auc": [own, best]})
    said = preprocessing.section(rows.assign(ratio=0.5, auc_low=0.5, auc_high=1.0), 3, 3).blocks[0]
    assert said.tone == tone and words in said.text


def test_a_network_by_name_is_not_compared_with_itself(tmp_path, tables_of):
    page = tmp_path / "report.html"
    assert main(["mobileface", *QUICK, "-o", str(page)]) == 0
    names = [name for name, _ in tables_of(page.read_text())[0]]
    assert names == ["mobileface", "mobilefacenet-random"]
    assert "Is the input what the network expects?" not in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "target must be a file .onnx, a file .npy with labels, a folder of photographs, or one of"),
        (["nosuch.onnx"], "there is no file nosuch.onnx"),
        (["mobileface", "--bgr"], "--bgr is for a file .onnx; mobileface brings its own"),
        (["mobileface", "--mean", "0"], "--mean is for a file .onnx"),
        (["mobileface", "--points", "2"], "points must be an integer of at least 3; got 2"),
        (["mobileface", "--people", "2"], "people must be an integer of at least 3; got 2"),
        (["mobileface", "--against", "nosuch"], "name must be one of 'mobilefacenet'"),
        (["mobileface", "--device", "tpu"], "device must be 'auto', 'cpu' or 'cuda'; got 'tpu'"),
        (["mobileface", "--device", "mps"], "device must be 'auto', 'cpu' or 'cuda'; got 'mps'"),
    ],
)
def test_mistakes_are_one_line(capsys, tmp_path, arguments, message):
    assert main([*arguments, "-o", str(tmp_path / "report.html")]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ") and message in said
    assert not list(tmp_path.iterdir())


def test_a_page_that_could_not_be_written_is_refused_before_the_work(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("frlib.report.__main__.report_on", lambda *_: pytest.fail("the work began"))
    (tmp_path / "file").touch()
    for output, reason in ((tmp_path, "it is a folder"), (tmp_path / "file/page.html", "Not a directory")):
        assert main(["mobileface", "-o", str(output)]) == 2
        assert f"error: --output must name a file that can be written; {output}: {reason}" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_with_a_long_and_foreign_name_is_read(tmp_path):
    title = "模型" * 40  # 240 bytes: some file systems take 255
    page = tmp_path / "report.html"
    assert main([str(small_network(tmp_path / f"{title}.onnx")), *QUICK, "-o", str(page)]) == 0
    assert f"<h1>{title}</h1>" in page.read_text()


def test_a_network_that_gives_the_same_for_all_images_is_refused_at_once(capsys, tmp_path):
    path = tmp_path / "collapsed.onnx"
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 62 * 62, 16))
    nn.init.zeros_(network[2].weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.zeros(1, 3, 64, 64),), str(path), dynamo=False)
    assert main([str(path), *QUICK]) == 2
    assert f"{path} gives the same output for all" in capsys.readouterr().err


def test_a_file_that_is_no_network_says_what_is_wrong(capsys, tmp_path):
    (tmp_path / "text.onnx").write_text("no network")
    assert main([str(tmp_path / "text.onnx")]) == 2
    assert "error: path must be a complete ONNX file" in capsys.readouterr().err


def test_two_networks_of_one_name_are_refused():
    network = load("mobileface", "cpu")
    with pytest.raises(ValueError, match="different names"):
        own_network.report(network, [network], network, sizes=own_network.Sizes(2, 3, 3, 2))


def known(auc, low, high):
    return {"auc": auc, "auc_low": low, "auc_high": high}


@pytest.mark.parametrize(
    ("own", "tone", "words"),
    [
        (known(0.85, 0.8, 0.9), "warning", "does not tell these people apart well"),
        (known(0.92, 0.85, 0.96), "warning", "is not shown"),
        (known(0.95, 0.93, 0.97), "warning", "less well than the networks that it is compared with"),
        (known(0.985, 0.96, 0.995), "good", "tells these people apart: the AUC is 0.985"),
    ],
)
def test_the_verdict_follows_the_figures(own, tone, words):
    said = recognition.verdict(own, known(0.8, 0.7, 0.9), [known(0.99, 0.98, 1), known(1, 1, 1)])
    assert said.tone == tone and words in said.text


def test_only_an_interval_that_is_a_point_is_remarked():
    rows = pd.DataFrame([known(1.0, 1.0, 1.0), known(0.99999, 0.9997, 1.0), known(1.0, np.nan, np.nan)])
    (said,) = recognition.without_errors(rows.assign(network=["a", "b", "c"]))
    assert said.text.startswith("No pair is out of order for a. ")


def test_a_person_of_one_point_is_left_out_of_the_energies_and_named(tmp_path, monkeypatch):
    def some_coincide(*arguments, **options):
        clouds = embed(*arguments, **options)
        cloud = clouds["mobileface"][1]
        clouds["mobileface"][1] = replace(cloud, points=cloud.points[:1].repeat(len(cloud.points), 1))
        return clouds

    monkeypatch.setattr("frlib.report.own_network.embed", some_coincide)
    networks = load("mobileface", "cpu"), load("mobilefacenet", "cpu", weights="random")
    with pytest.warns(UserWarning, match="left out of the energies of 'mobileface'"):
        page = own_network.report(
            networks[0],
            [],
            networks[1],
            sizes=own_network.Sizes(3, 6, 3, 3),
            check_input=False,
            n_jobs=1,
        )
    assert "Left out in mobileface: person 1, counted from 0. The network gives all their centres one" in page.html()
    people = page.tables["energies.csv"].groupby("network")["identity"].unique().map(list).to_dict()
    assert people == {"mobileface": [0, 2], "mobilefacenet-random": [0, 1, 2]}
