"""The fingerprint of networks: the parts put together, on every backend, from the store, past a killed worker."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import joblib
import pandas as pd
import pytest
import torch
from joblib.externals.loky import get_reusable_executor
from pandas.testing import assert_frame_equal

import frlib.fingerprint.energies as fingerprint_module
from frlib import store
from frlib.clouds import Cloud, embed
from frlib.faces import ATTRIBUTES, Curves, sample_identities
from frlib.fingerprint import cloud_energies, fingerprint
from frlib.geometry import CoincidentPoints, central_difference, displacement, energy_sweep, mean_pair_distance
from frlib.models import load

N, SCALES = 5, [1.5, 0.7, 1.0]
NAMES = ["mobileface", "dlib"]


@pytest.fixture(scope="module")
def embedders():
    return [load(name, device="cpu") for name in NAMES]


@pytest.fixture(scope="module")
def people():
    return sample_identities(3, seed=5)[1:]


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory, people):
    """Keep results in an empty folder, beside the head file of the user's cache."""
    head = store.cache_folder("faces")
    folder = tmp_path_factory.mktemp("cache")
    (folder / "faces").symlink_to(head)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRLIB_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def table(shared_cache, embedders, people):
    return energies(embedders, people, n_jobs=1)


def energies(embedders, people, **options) -> pd.DataFrame:
    """Return the energies of people drawn now or read."""
    clouds = embed([Curves(who, N) for who in people], embedders, progress=False, **options)
    return fingerprint(clouds, SCALES, progress=False, **options)


@pytest.fixture
def empty_cache(shared_cache, tmp_path, monkeypatch):
    get_reusable_executor().shutdown()  # its processes would keep the folder of their first use
    (tmp_path / "faces").symlink_to((shared_cache / "faces").resolve())
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path))
    return tmp_path


def normal_cloud(n=30, d=6, seed=0) -> Cloud:
    generator = torch.Generator().manual_seed(seed)
    points, *ends = torch.randn(5, n, d, generator=generator, dtype=torch.float64)
    minus, plus = ({"a": a, "b": b} for a, b in (ends[:2], ends[2:]))
    return Cloud(points, minus, plus, "cosine", "normal", 4)


def test_it_is_the_sweep_over_every_network_identity_and_attribute(table, embedders, people):
    rows = []
    for e in embedders:
        for who in people:
            (curves,) = embed([Curves(who, N)], [e], n_jobs=1, progress=False)[e.name]
            ends = {a: (curves.minus[a], curves.plus[a]) for a in ATTRIBUTES}
            fields = {a: central_difference(*pair, metric=e.metric) for a, pair in ends.items()}
            part = energy_sweep(curves.points, fields, SCALES, metric=e.metric)
            unit = mean_pair_distance(curves.points, metric=e.metric)
            moved = {a: float(displacement(*pair, metric=e.metric).mean()) / unit for a, pair in ends.items()}
            place = {"network": e.name, "identity": who.index}
            rows.append(part.assign(displacement=part.attribute.map(moved), **place))
    expected = pd.concat(rows, ignore_index=True)[table.columns]
    assert_frame_equal(table, expected, rtol=1e-9, atol=1e-9)
    assert len(table) == len(NAMES) * len(people) * len(ATTRIBUTES) * len(SCALES)


def test_processes_give_the_same(table, empty_cache, embedders, people):
    again = energies(embedders, people, n_jobs=2)
    assert_frame_equal(again, table, rtol=1e-5, atol=1e-5)  # float32 networks, other numbers of threads


class KilledOnce:
    """A network whose process is killed at the first image, once."""

    def __init__(self, embedder, note: Path):
        self.embedder, self.note = embedder, note

    def __getattr__(self, name):
        if name.startswith("__") or name == "embedder":
            raise AttributeError(name)
        return getattr(self.embedder, name)

    def embed(self, images, **options):
        if not self.note.exists():
            self.note.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.embedder.embed(images, **options)


@pytest.fixture
def cluster(empty_cache):
    """Two workers that share the empty folder with this process."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        yield


@pytest.mark.weekly
@pytest.mark.filterwarnings("ignore:Sending large graph")
def test_a_cluster_of_two_gives_the_same_though_a_worker_is_killed(table, cluster, empty_cache, embedders, people):
    mortal = [KilledOnce(e, empty_cache / "killed") for e in embedders]
    with joblib.parallel_config(backend="dask"):
        again = energies(mortal, people)
    assert (empty_cache / "killed").exists()
    assert_frame_equal(again, table, rtol=1e-5, atol=1e-5)


def test_a_second_call_computes_nothing(table, embedders, people, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr(fingerprint_module, "energy_sweep", refuse)
    monkeypatch.setattr("frlib.faces.curves.render", refuse)
    again = energies(embedders, people, n_jobs=1)
    assert_frame_equal(again, table)


def test_a_new_attribute_is_computed_alone(empty_cache, monkeypatch):
    whole = normal_cloud()
    part = whole.only(attributes=["a"])
    first = cloud_energies(part, SCALES)
    asked = []

    def listening(cloud, scales, *, fields, **options):
        asked.append(list(fields))
        return energy_sweep(cloud, scales, fields=fields, **options)

    monkeypatch.setattr(fingerprint_module, "energy_sweep", listening)
    both = cloud_energies(whole, SCALES)
    assert asked == [["b"]]
    assert_frame_equal(both[both.attribute == "a"], first)


def test_a_direction_has_energies_and_no_displacement(empty_cache):
    whole = normal_cloud()
    given = replace(whole, minus={}, plus={}, directions=whole.fields)
    found, expected = cloud_energies(given, SCALES), cloud_energies(whole, SCALES)
    assert found.displacement.isna().all()
    assert_frame_equal(found.drop(columns="displacement"), expected.drop(columns="displacement"))
    for call in (lambda c: cloud_energies(c, SCALES), lambda c: fingerprint({"one": [c]}, SCALES, progress=False)):
        with pytest.raises(ValueError, match="cloud must have an attribute, with ends or a direction; got none"):
            call(replace(whole, minus={}, plus={}))


@pytest.mark.parametrize("change", ("points", "field", "scales", "metric"))
def test_another_content_is_another_result(empty_cache, change):
    cloud = normal_cloud()
    first = cloud_energies(cloud, SCALES)
    parts = {"points": {"points": cloud.points + 1}, "metric": {"metric": "euclidean"}}
    parts["field"] = {"minus": {a: m + 1 for a, m in cloud.minus.items()}}
    other = replace(cloud, **parts.get(change, {}))
    second = cloud_energies(other, [1.6, 0.7, 1.0] if change == "scales" else SCALES)
    assert not first.energy.equals(second.energy)


def test_a_cloud_does_not_change_when_the_network_turns(empty_cache):
    """One rotation of all embeddings turns fields with points: energies and displacements stay."""
    cloud = normal_cloud()
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    minus, plus = ({a: end @ turn for a, end in ends.items()} for ends in (cloud.minus, cloud.plus))
    turned = replace(cloud, points=cloud.points @ turn, minus=minus, plus=plus)
    assert_frame_equal(cloud_energies(turned, SCALES), cloud_energies(cloud, SCALES), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clouds": {}}, "clouds must hold at least one cloud; got none"),
        ({"clouds": {"one": []}}, "clouds must hold at least one cloud; got none"),
        ({"clouds": {"one": [normal_cloud(1)]}}, "the number of points of a cloud must be .* at least 2; got 1"),
        ({"scales": [0.5, -1]}, "scales must be positive and finite; got -1"),
    ],
)
def test_what_is_refused_is_refused_before_work_begins(change, message):
    with pytest.raises(ValueError, match=message):
        fingerprint(**({"clouds": {"one": [normal_cloud()]}, "scales": SCALES} | change), n_jobs=1, progress=False)


def one_point(cloud: Cloud) -> Cloud:
    """The same cloud with all centres on the first."""
    return replace(cloud, points=cloud.points[:1].repeat(len(cloud.points), 1))


def energies_of(clouds: dict[str, list[Cloud]]) -> pd.DataFrame:
    """Return the energies of given clouds, by network and identity."""
    named = {n: [replace(c, network=n, identity=k) for k, c in enumerate(own)] for n, own in clouds.items()}
    return fingerprint(named, SCALES, n_jobs=1, progress=False)


def test_an_identity_of_one_point_is_left_out_and_named(empty_cache):
    clouds = [normal_cloud(seed=k) for k in range(3)]
    whole = energies_of({"one": clouds, "two": clouds})
    with pytest.warns(UserWarning, match="left out of the energies of 'two', because .* up to rounding: identity 1$"):
        part = energies_of({"one": clouds, "two": [clouds[0], one_point(clouds[1]), clouds[2]]})
    expected = whole[(whole["network"] == "one") | (whole["identity"] != 1)]
    assert_frame_equal(part, expected.reset_index(drop=True))


def test_a_network_of_one_point_is_refused_by_name(empty_cache):
    clouds = [normal_cloud(seed=k) for k in range(2)]
    with pytest.raises(CoincidentPoints, match="'two' gives all centres of each identity one embedding.*collapsed"):
        energies_of({"one": clouds, "two": [one_point(cloud) for cloud in clouds]})


def test_a_cloud_of_one_point_has_no_unit():
    assert one_point(normal_cloud()).coincides and not normal_cloud().coincides
    with pytest.raises(CoincidentPoints, match="the 30 points are one"):
        cloud_energies(one_point(normal_cloud()), SCALES)
