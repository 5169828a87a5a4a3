"""Faces in whole photographs: where they are, how many, what is wrong with them, and that nothing is searched twice."""

import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from torch.nn.functional import interpolate

from frlib import store
from frlib.datasets import Crops, Photographs, find_faces, finding, read_folder
from frlib.datasets.finding import BLURRED, SMALL
from frlib.datasets.one_photograph import SEARCHED, Found, choose, crop_widths, eye_distances, find, search_reduced
from frlib.datasets.sharpness import sharpness
from frlib.faces import head_is_built
from frlib.faces.crops import BACKGROUND, template, tone
from tests.photographs import as_image, pictures, placed_pictures, plant_faults, write_folder, write_kinds

needs_detector = pytest.mark.skipif(
    importlib.util.find_spec("facenet_pytorch") is None or not head_is_built(), reason="needs the detector and the head"
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Return an empty cache, in which the head is."""
    faces = store.cache_folder("faces")
    monkeypatch.setenv("FRLIB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/faces").symlink_to(faces)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def images():
    return pictures(2, 3)


@pytest.fixture
def counted(monkeypatch):
    """Let no detector run: each photograph has one face. Return the shapes of those that were searched."""
    seen = []

    def one_face(image, device):
        seen.append(tuple(image.shape))
        return Found(1, 0.99, 0.5, template("arcface", 100) + float(image.float().mean()))

    monkeypatch.setattr(finding, "find", one_face)
    return seen


def blank_folder(folder: Path, n: int) -> Photographs:
    """Photographs of n different sizes."""
    (folder / "Ann").mkdir(parents=True, exist_ok=True)
    for k in range(n):
        Image.new("RGB", (40 + k, 40), (k, k, k)).save(folder / f"Ann/{k:02d}.png")
    return read_folder(folder)


def alone(photographs: Photographs):
    return find_faces(photographs, n_jobs=1, progress=False)


@needs_detector
def test_faults_have_their_remarks(images, tmp_path):
    folder = write_folder(tmp_path / "photographs", images)
    expected = plant_faults(folder, images)
    photographs = read_folder(folder)
    faces = alone(photographs)
    table = faces.table.set_index("photograph")
    assert table.loc[list(expected), "remark"].to_dict() == expected
    usual = faces.table[~faces.table.photograph.isin(expected)]
    assert len(usual) == 6 and (usual.remark == "").all() and (usual.probability > 0.9).all()
    assert table.loc["two faces.jpg", "faces"] == 2 and table.loc["no face.jpg", "faces"] == 0
    assert table.loc[["no face.jpg", "truncated.jpg"], ["probability", "width", "sharpness"]].isna().all(axis=None)
    assert faces.found.tolist() == [remark not in ("no face", "unreadable") for remark in faces.table.remark]
    assert faces.digests.count("") == 0
    assert list(faces.table.identity) == list(photographs.identities)


@needs_detector
def test_a_face_is_found_at_one_place_in_every_kind_of_file(images, tmp_path):
    files = write_kinds(tmp_path / "Ann", images["Ann"][0])
    faces = alone(Photographs(list(files.values()), ["Ann"] * len(files)))
    assert (faces.table.faces == 1).all()
    eyes = float(eye_distances(faces.landmarks).mean())
    assert float((faces.landmarks - faces.landmarks[0]).norm(dim=2).max()) < 0.08 * eyes


#: Scale of the face, 1 for the ArcFace crop; then what the distance to the landmarks of the mesh may be in distances of
#: the eyes, on average and at most.
WHOLE = {0.15: (0.15, 0.2), 0.6: (0.1, 0.14), 1.4: (0.1, 0.14)}


@needs_detector
@pytest.mark.parametrize("share", WHOLE)
def test_landmarks_are_right_in_whole_photographs(share):
    """As drawn, five times as large, and beside an empty half; alike for the same face."""
    errors = []
    for pictures_of_one, marks in placed_pictures(2, 2, share, side=300, seed=4).values():
        for image, truth in zip(pictures_of_one, marks, strict=True):
            planes, eyes = image.permute(2, 0, 1)[None], float(eye_distances(truth[None]))
            large = interpolate(planes, size=(1500, 1500), mode="bilinear")[0].permute(1, 2, 0)
            beside = torch.cat([image[:, :1].expand(-1, 300, -1), image], dim=1)
            found = [find(one) for one in (image, large, beside)]
            assert [one.faces for one in found] == [1, 1, 1]
            places = found[0].landmarks, found[1].landmarks / 5, found[2].landmarks - torch.tensor([300.0, 0])
            errors.append(torch.stack([(one - truth).norm(dim=1).mean() / eyes for one in places]))
    mean, most = WHOLE[share]
    assert (torch.stack(errors).mean(dim=0) < mean).all() and torch.stack(errors).max() < most


@needs_detector
def test_a_face_too_small_for_the_first_search_is_found_by_the_second(images):
    ground = tone(torch.tensor(BACKGROUND)).round().to(torch.uint8).expand(1200, 1600, 3).clone()
    small = torch.from_numpy(np.array(as_image(images["Ann"][0]).resize((46, 46), Image.Resampling.LANCZOS)))
    ground[700:746, 900:946] = small
    assert not len(search_reduced(ground, 1600 / SEARCHED[0])[0])
    found = find(ground)
    assert found.faces == 1
    assert float((found.landmarks.mean(dim=0) - torch.tensor([923.0, 725.0])).norm()) < 6


@needs_detector
def test_an_image_smaller_than_a_face_has_none():
    assert find(torch.full((19, 300, 3), 120, dtype=torch.uint8)).faces == 0
    assert find(torch.full((25, 6000, 3), 120, dtype=torch.uint8)).faces == 0


def with_two(one: torch.Tensor, other: torch.Tensor, ratio: float) -> torch.Tensor:
    """A face in the middle, and another, larger or smaller, at the right edge."""
    side = round(ratio * 200)
    photograph = Image.new("RGB", (900, 500), tuple(tone(torch.tensor(BACKGROUND)).round().int().tolist()))
    photograph.paste(as_image(other).resize((side, side)), (900 - side, 250 - side // 2))
    photograph.paste(as_image(one).resize((200, 200)), (350, 150))
    return torch.from_numpy(np.array(photograph))


@needs_detector
@pytest.mark.parametrize(("ratio", "middle"), [(0.4, True), (0.7, True), (1.0, True), (1.2, True), (2.0, False)])
def test_the_face_in_the_middle_is_chosen_unless_another_is_much_larger(ratio, middle, images):
    for k in range(2):
        found = find(with_two(images["Ann"][k], images["Bob"][k], ratio))
        assert found.faces == 2
        assert (abs(float(found.landmarks[:, 0].mean()) - 450) < 30) == middle


MARKS = st.tuples(st.floats(40, 400), st.floats(0, 1000), st.floats(0, 800))


@given(st.lists(MARKS, min_size=1, max_size=6), st.floats(0.1, 10))
def test_the_choice_does_not_depend_on_the_size_of_the_photograph_or_the_order(places, scale):
    marks = torch.stack(
        [template("arcface", 100) * size / 100 + torch.tensor([x, y]) for size, x, y in places]
    ).double()
    half = torch.tensor([500.0, 400.0])
    weight = crop_widths(marks) * (1 - (marks.mean(dim=1) - half).norm(dim=1) / half.norm())
    chosen = choose(marks, 1000, 800)
    assert weight[chosen] == weight.max()
    if (weight >= weight.max() * (1 - 1e-6)).sum() == 1:
        assert choose(marks * scale, 1000 * scale, 800 * scale) == chosen
        assert choose(marks.flip(0), 1000, 800) == len(marks) - 1 - chosen


@given(st.floats(0.2, 20), st.floats(-3, 3))
def test_widths_are_those_of_the_crop(scale, angle):
    turn = scale * torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).float()
    marks = (template("arcface", 112) @ turn.T)[None]
    assert float(crop_widths(marks)) == pytest.approx(112 * scale, rel=1e-4)
    assert float(eye_distances(marks)) == pytest.approx(float((marks[0, 1] - marks[0, 0]).norm()), rel=1e-4)


@needs_detector
def test_blur_is_seen_and_sharp_faces_are_not_blamed():
    """In pixels of the 112-pixel crop: up to 1 none of these is called blurred, from 2 on all of them."""
    for own, _ in placed_pictures(3, 2, 0.7).values():
        for image in own:
            for blur in (0, 0.5, 1, 2, 3):
                blurred = as_image(image).filter(ImageFilter.GaussianBlur(blur * 0.7 * 250 / 112))
                sharp = sharpness(torch.from_numpy(np.array(blurred)), template("arcface", 175) + 37)
                assert (float(sharp) < BLURRED) == (blur >= 2)


@pytest.mark.parametrize(
    ("found", "eyes", "word"),
    [
        (Found(0, 0, 0, None), 50, "no face"),
        (Found(2, 1, 0, None), 1, "several faces"),
        (Found(1, 1, 0, None), SMALL - 0.1, "small"),
        (Found(1, 1, BLURRED - 1e-6, None), SMALL, "blurred"),
        (Found(1, 1, BLURRED, None), SMALL, ""),
    ],
)
def test_the_first_remark_that_holds_is_made(found, eyes, word):
    assert finding.remark(found, eyes) == word


def test_nothing_is_searched_twice(counted, tmp_path):
    photographs = blank_folder(tmp_path / "a", 12)
    first = alone(photographs)
    assert len(counted) == 12
    second = alone(photographs.take(range(11, -1, -1)))
    assert len(counted) == 12
    assert torch.equal(second.landmarks.flip(0), first.landmarks)
    assert second.table[::-1].reset_index(drop=True).equals(first.table)


def test_names_do_not_matter_and_contents_do(counted, tmp_path):
    photographs = blank_folder(tmp_path / "a", 4)
    (tmp_path / "a/Ann").rename(tmp_path / "a/Bob")
    assert len(alone(read_folder(tmp_path / "a"))) == len(counted) == 4
    path = read_folder(tmp_path / "a").paths[0]
    Image.new("RGB", (99, 99)).save(path)
    faces = alone(read_folder(tmp_path / "a"))
    assert counted[4:] == [(99, 99, 3)] and len(set(faces.digests)) == 4
    assert len(photographs) == 4


def test_copies_are_searched_once(counted, tmp_path):
    photographs = blank_folder(tmp_path / "a", 3)
    faces = alone(photographs.take([0, 1, 0, 2, 0]))
    assert len(counted) == 3 and faces.digests[0] == faces.digests[2] == faces.digests[4]
    assert torch.equal(faces.landmarks[0], faces.landmarks[4])


def test_a_killed_run_goes_on_where_it_ended(counted, tmp_path, monkeypatch):
    photographs, search = blank_folder(tmp_path / "a", 20), finding.find

    def killed(image, device):
        if len(counted) == 7:
            raise KeyboardInterrupt
        return search(image, device)

    monkeypatch.setattr(finding, "find", killed)
    monkeypatch.setattr(finding, "KEPT_EVERY", 1)
    with pytest.raises(KeyboardInterrupt):
        alone(photographs)
    monkeypatch.setattr(finding, "find", search)
    assert len(counted) == 7
    alone(photographs)
    assert len(counted) == 20 == len(set(counted))


def test_a_part_keeps_what_others_stored(counted, tmp_path, monkeypatch):
    """Photographs that begin with the same digits of their digest share a file."""
    monkeypatch.setattr(finding, "PART", 0)
    photographs = blank_folder(tmp_path / "a", 6)
    alone(photographs.take([0, 1]))
    alone(photographs.take([2, 3, 4]))
    alone(photographs)
    assert len(counted) == 6 and len(list((tmp_path / "cache/results").iterdir())) == 1


def test_a_damaged_part_is_searched_again_and_said(counted, tmp_path, cache):
    photographs = blank_folder(tmp_path / "a", 1)
    before = alone(photographs)
    (file,) = (cache / "results").iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.warns(UserWarning, match="it is rebuilt"):
        after = alone(photographs)
    assert len(counted) == 2 and torch.equal(before.landmarks, after.landmarks)


def test_where_nothing_can_be_kept_faces_are_found_all_the_same(counted, tmp_path, monkeypatch):
    def refused(*arguments, **options):
        raise PermissionError

    monkeypatch.setattr(store, "atomic_file", refused)
    store._warn_that_nothing_is_kept.cache_clear()
    with pytest.warns(UserWarning, match="cannot be written"):
        assert alone(blank_folder(tmp_path / "a", 5)).found.all()


def test_files_that_cannot_be_read_are_remarked_and_others_are_found(counted, tmp_path):
    photographs = blank_folder(tmp_path / "a", 4)
    photographs.paths[1].write_bytes(b"no image")
    photographs.paths[2].unlink()
    faces = alone(photographs)
    assert faces.table.remark.tolist() == ["", "unreadable", "unreadable", ""]
    assert faces.table.faces.tolist() == [1, 0, 0, 1] and [bool(d) for d in faces.digests] == [True, True, False, True]


def test_some_of_the_faces(counted, tmp_path):
    faces = alone(blank_folder(tmp_path / "a", 4))
    some = faces.take([False, True, False, True])
    assert some.table.photograph.tolist() == ["01.png", "03.png"] and some.digests == faces.digests[1::2]
    assert torch.equal(some.landmarks, faces.landmarks[1::2]) and len(some) == 2


def test_what_a_worker_is_sent_gives_the_same(counted, tmp_path):
    """Photographs, faces and drawings of them go to other processes."""
    photographs = blank_folder(tmp_path / "a", 3)
    faces = alone(photographs)
    sent, seen, drawing = pickle.loads(pickle.dumps((photographs, faces, Crops(photographs, faces, "Ann"))))
    assert torch.equal(sent.read(2), photographs.read(2)) and sent.people == photographs.people
    assert torch.equal(seen.landmarks, faces.landmarks) and drawing.key == Crops(sent, seen, "Ann").key


@needs_detector
def test_photographs_are_found_and_cut_without_the_renderer(images, tmp_path):
    folder = write_folder(tmp_path / "photographs", {"Ann": images["Ann"][:1]})
    code = f"""
import sys
from frlib.clouds import embed, images_of
from frlib.datasets import Crops, find_faces, read_folder
photographs = read_folder({str(folder)!r})
faces = find_faces(photographs, n_jobs=1, progress=False)
assert images_of(Crops(photographs, faces, "Ann")).shape == (1, 112, 112, 3)
sys.exit(any(name in sys.modules for name in ("warp", "anny", "frlib.faces.generator.renderer")))
"""
    assert (
        subprocess.run(
            [sys.executable, "-W", "error::UserWarning:frlib", "-c", code], cwd=Path(__file__).parents[2]
        ).returncode
        == 0
    )
