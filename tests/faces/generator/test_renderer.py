"""What is drawn: the same every time, alone or in a batch, and changed by each attribute in the way that it says."""

import pytest
import torch

from frlib.faces import Identity, render
from frlib.faces.attributes import ATTRIBUTES
from frlib.faces.crops import ARCFACE, BACKGROUND, CROPS, tone
from frlib.faces.generator.renderer import load_model, perspective, pose, project
from frlib.faces.generator.scene import load_scene
from frlib.faces.generator.template import load_template
from frlib.faces.pixels import change

SMALL = {"size": 64, "device": "cpu"}
FLOAT = SMALL | {"dtype": torch.float32}
MIXED = {
    "head_angle": [-30.0, 0.0, 44.0], "age": [15.0, 40.0, 75.0], "hair_color": [0.1, 0.9, 0.5],
    "illumination": [75.0, -20.0, 0.0], "expression": [0.0, 1.0, 0.4], "brightness": [0.0, 20.0, -30.0],
    "hue": [4.0, 0.0, -2.0], "image_quality": [0.0, -0.5, 1.0],
}  # fmt: skip
NEUTRAL = {
    "head_angle": 0, "age": 30, "illumination": 0, "expression": 0, "brightness": 0, "hue": 0, "image_quality": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def scene():
    return load_scene(torch.device("cpu"))


def luminance(images: torch.Tensor) -> torch.Tensor:
    return images @ torch.tensor([0.299, 0.587, 0.114])


def posed(scene, meshes: torch.Tensor, angles: list[float], expression: float = 0.0) -> torch.Tensor:
    """Return vertices (B, V, 3) of meshes (3, V, 3) at some head angles."""
    values = {
        "age": torch.full((len(angles),), 25.0),
        "expression": torch.full((len(angles),), expression),
        "head_angle": torch.tensor(angles),
    }
    return pose(scene, meshes[None].expand(len(angles), -1, -1, -1), values)


def nose_beside_eyes(scene, points: torch.Tensor) -> torch.Tensor:
    """Return how far right of the eyes' middle the nose tip lies on the picture plane, (B,)."""
    flat, _ = perspective(scene, points)
    eyes = sum(flat[:, eye, 0].mean(dim=1) for eye in scene.eyes) / 2
    return flat[:, scene.landmarks[0], 0] - eyes


# ---------------------------------------------------------------- what render promises


def test_two_drawings_are_equal_even_after_preparing_anew(person):
    first = render(person, MIXED, **SMALL)
    assert torch.equal(render(person, MIXED, **SMALL), first)
    load_model.cache_clear()
    assert torch.equal(render(Identity(person.seed, person.index), MIXED, **SMALL), first)


def test_a_batch_equals_images_drawn_one_by_one(person):
    together = render(person, MIXED, **FLOAT)
    for k, image in enumerate(together):
        alone = render(person, {name: values[k] for name, values in MIXED.items()}, **FLOAT)[0]
        assert torch.equal(image, alone)


def test_more_images_than_one_batch(person):
    angles = torch.linspace(-45, 45, 19)
    together = render(person, {"head_angle": angles}, **FLOAT)
    for k in (0, 15, 16, 18):
        assert torch.equal(together[k], render(person, {"head_angle": angles[k]}, **FLOAT)[0])


def test_mixed_people_equal_each_alone(people):
    order = [people[k] for k in (0, 1, 0, 2)]
    angles = [0.0, 20.0, -20.0, 10.0]
    together = render(order, {"head_angle": angles}, **FLOAT)
    for image, person, angle in zip(together, order, angles, strict=True):
        assert torch.equal(image, render(person, {"head_angle": angle}, **FLOAT)[0])
    assert float((together[0] - together[1]).abs().mean()) == pytest.approx(42.5, abs=0.1)


@pytest.mark.parametrize("size", [16, 33, 64])
@pytest.mark.parametrize("crop", ["arcface", "wide"])
def test_shapes_types_and_range(person, size, crop):
    exact = render(person, {"age": [20, 60]}, size=size, crop=crop, dtype=torch.float32, device="cpu")
    assert exact.shape == (2, size, size, 3) and exact.dtype == torch.float32
    assert exact.min() >= 0 and exact.max() <= 255
    assert torch.equal(
        render(person, {"age": [20, 60]}, size=size, crop=crop, device="cpu"), exact.round().to(torch.uint8)
    )


def test_how_many_images_come_back(people):
    assert len(render(people[0], **SMALL)) == 1
    assert len(render(people[0], {"age": [20, 30], "hue": 1}, **SMALL)) == 2
    assert len(render(people, {"age": 30}, **SMALL)) == 3
    assert len(render(tuple(people[:1]), **SMALL)) == 1


def test_missing_attributes_are_neutral(person):
    explicit = NEUTRAL | {"hair_color": person.traits.hair_color}
    assert set(explicit) == set(ATTRIBUTES)
    plain = render(person, **FLOAT)
    torch.testing.assert_close(render(person, explicit, **FLOAT), plain, rtol=0, atol=1e-3)
    assert torch.equal(render(person, {}, **FLOAT), plain)


@pytest.mark.parametrize("name", list(ATTRIBUTES))
def test_every_attribute_changes_the_image_in_every_fifth_of_its_range(person, name):
    values = torch.linspace(ATTRIBUTES[name].low, ATTRIBUTES[name].high, 6)
    images = render(person, {name: values}, crop="wide", device="cpu", dtype=torch.float32)
    assert (images.diff(dim=0).abs().amax(dim=(1, 2, 3)) > 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 15}, "size must be an integer of at least 16; got 15"),
        ({"size": 64.0}, "size must be an integer; got 64.0"),
        ({"crop": "tight"}, "crop must be one of 'arcface', 'wide', 'mtcnn'; got 'tight'"),
        ({"dtype": torch.float16}, "dtype must be one of torch.uint8, torch.float32, torch.float64; got torch.float16"),
        ({"attributes": {"smile": 1}}, "must be one of 'head_angle'.*got 'smile'"),
        ({"attributes": {"age": 80}}, r"attributes\['age'\] must lie between 15 and 75; got 80"),
        ({"identity": 3}, "identity must be an Identity or a sequence of them; got int"),
        ({"identity": "ab"}, "identity must be an Identity or a sequence of them; got str"),
        pytest.param(
            {"identity": []},
            "identity must hold at least one Identity",
        ),
    ],
)
def test_what_render_refuses(person, options, message):
    with pytest.raises(ValueError, match=message):
        render(**({"identity": person} | options))


def test_a_wrong_number_of_values_is_refused(people):
    with pytest.raises(ValueError, match=r"attributes\['age'\] must be a scalar or have 3 values; got shape \(2,\)"):
        render(people, {"age": [20, 30]}, **SMALL)


def test_pixel_attributes_equal_operations_on_the_exact_image(person):
    values = {"brightness": torch.tensor([30.0]), "hue": torch.tensor([-3.0]), "image_quality": torch.tensor([-0.6])}
    expected = change(render(person, **FLOAT), values)
    torch.testing.assert_close(render(person, values, **FLOAT), expected, rtol=0, atol=1e-3)


# ---------------------------------------------------------------- head angle and crops


def test_the_nose_turns_to_the_right_of_the_image_for_positive_angles(scene, people):
    for person in people:
        offsets = nose_beside_eyes(scene, posed(scene, load_model(person).meshes, [-45.0, -15.0, 0.0, 15.0, 45.0]))
        assert (offsets.diff() > 0).all() and offsets[0] < 0 < offsets[-1]


def test_turning_is_odd_on_a_symmetric_head(scene):
    meshes = torch.from_numpy(load_template().neutral)[None].expand(3, -1, -1)
    angles = [10.0, 20.0, 30.0, 45.0]
    right = nose_beside_eyes(scene, posed(scene, meshes, angles))
    left = nose_beside_eyes(scene, posed(scene, meshes, [-a for a in angles]))
    torch.testing.assert_close(left, -right, rtol=0.03, atol=0)


def test_turning_keeps_heights_and_distances_on_the_head_and_leaves_the_shoulders(scene, person):
    points = posed(scene, load_model(person).meshes, [0.0, 37.0])
    torch.testing.assert_close(points[1, :, 2], points[0, :, 2], rtol=0, atol=1e-6)
    head = torch.nonzero(scene.head_weight[:, 0] == 1)[::50, 0]
    assert len(head) > 50
    before, after = (torch.cdist(p[head], p[head], compute_mode="donot_use_mm_for_euclid_dist") for p in points)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-6)
    shoulders = scene.head_weight[:, 0] == 0
    assert shoulders.any() and torch.equal(points[1, shoulders], points[0, shoulders])


@pytest.mark.parametrize("angle", [-45.0, 0.0, 30.0])
def test_the_wide_crop_is_the_other_one_scaled_and_moved_up(scene, person, angle):
    points = posed(scene, load_model(person).meshes, [angle])
    (close, near), (wide, far) = (project(scene, points, 112, crop) for crop in ("arcface", "wide"))
    moved = wide - 1.113 * close  # dlib's eyes lie 0.350 of the image apart, the ArcFace template's 0.3146
    torch.testing.assert_close(moved, moved[:, :1].expand_as(moved), rtol=0, atol=1e-3)
    template_eyes = ARCFACE[:2].mean(dim=0)
    at = 1.113 * template_eyes + moved[0, 0]
    assert at[1] / 112 == pytest.approx(0.314, abs=1e-4)  # the height of dlib's eyes
    assert at[0] == pytest.approx(56 + 1.113 * (float(template_eyes[0]) - 56), abs=1e-3)
    assert torch.equal(near, far)


def test_positions_scale_with_the_size(scene, person):
    points = posed(scene, load_model(person).meshes, [20.0])
    for crop in CROPS:
        small, large = (project(scene, points, size, crop)[0] for size in (112, 224))
        torch.testing.assert_close(large, 2 * small, rtol=0, atol=1e-3)


@pytest.mark.parametrize("angle", [-45.0, 0.0, 30.0])
def test_alignment_is_the_best_similarity_to_the_template(scene, person, angle):
    """No other rotation, scale or shift brings the five points closer: solved again by generic least squares."""
    points = posed(scene, load_model(person).meshes, [angle])
    flat, screen = perspective(scene, points)[0][0], project(scene, points, 112, "arcface")[0][0]

    def marks(plane: torch.Tensor) -> torch.Tensor:
        eyes = [plane[eye].mean(dim=0) for eye in scene.eyes]
        return torch.stack(eyes + [plane[k] for k in scene.landmarks]).double()

    x, y = marks(flat).unbind(-1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    system = torch.cat([torch.stack([x, -y, one, zero], 1), torch.stack([y, x, zero, one], 1)])
    solution = torch.linalg.lstsq(system, ARCFACE.double().T.reshape(-1, 1)).solution
    best = (system @ solution).reshape(2, 5).T
    torch.testing.assert_close(marks(screen), best, rtol=0, atol=1e-3)


# ---------------------------------------------------------------- the other rendered attributes


def test_light_from_the_left_of_the_subject_brightens_the_right_of_the_image(people):
    for person in people:
        image = luminance(render(person, {"illumination": torch.linspace(-75, 75, 7)}, **FLOAT))
        face = image[:, 20:52]  # rows of eyes to mouth
        difference = face[:, :, 34:].mean(dim=(1, 2)) - face[:, :, :30].mean(dim=(1, 2))
        assert (difference.diff() > 0).all() and difference[0] < 0 < difference[-1]


def test_hair_gets_brighter_along_its_line(people):
    for person in people:
        top = luminance(render(person, {"hair_color": torch.linspace(0, 1, 6)}, crop="wide", **FLOAT))[:, :20]
        hair = (top[-1] - top[0]).abs() > 20
        assert hair.sum() > 20
        assert (top[:, hair].mean(dim=1).diff() > 0).all()


def test_hair_color_leaves_the_background_alone(person):
    dark, fair = render(person, {"hair_color": [0, 1]}, crop="wide", **FLOAT)
    background = (dark - tone(torch.tensor(BACKGROUND))).abs().amax(dim=-1) < 1e-3
    assert background.sum() > 100
    assert torch.equal(dark[background], fair[background])


def test_a_smile_moves_the_corners_of_the_mouth_up_and_apart(scene, people):
    _, right, left = scene.landmarks
    for person in people:
        meshes = load_model(person).meshes
        flat = torch.cat([posed(scene, meshes, [0.0], e) for e in (0.0, 0.5, 1.0)])
        assert ((flat[:, left, 0] - flat[:, right, 0]).diff() > 0).all()
        for corner in (left, right):
            assert (flat[:, corner, 2].diff() > 0).all()


def test_age_moves_vertices_on_straight_lines_between_its_anchors(scene, person):
    meshes = load_model(person).meshes
    ages = torch.tensor([25.0, 45.0, 65.0])
    values = {"age": ages, "expression": torch.zeros(3), "head_angle": torch.zeros(3)}
    young, middle, old = pose(scene, meshes[None].expand(3, -1, -1, -1), values)
    torch.testing.assert_close(middle, (young + old) / 2, rtol=0, atol=1e-6)
    assert (old - young).norm(dim=1).max() > 1e-3


def test_hair_whitens_with_age_on_request_only(person):
    ages, options = {"age": [20.0, 40.0, 55.0, 75.0], "hair_color": 0.1}, FLOAT | {"crop": "wide"}
    plain, grey = (render(person, ages, greying=greying, **options) for greying in (False, True))
    torch.testing.assert_close(grey[:2], plain[:2], rtol=0, atol=1e-3)
    lighter = luminance(grey - plain)[:, :20].mean(dim=(1, 2))
    assert 1 < lighter[2] < lighter[3]


def test_float64_agrees_with_float32_and_shadows_only_darken(person):
    exact = render(person, MIXED, size=48, device="cpu", dtype=torch.float64)
    single = render(person, MIXED, size=48, device="cpu", dtype=torch.float32)
    torch.testing.assert_close(single, exact.float(), rtol=0, atol=0.02)
    values = {"illumination": [-60.0, 0.0, 60.0]}
    change = render(person, values, shadows=False, **FLOAT) - render(person, values, **FLOAT)
    assert change.min() > -1e-3 and change.max() > 5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_draws_what_the_cpu_draws(person):
    """Except where a hair's breadth decides which triangle is visible."""
    cpu, cuda = (render(person, MIXED, size=64, dtype=torch.float32, device=device) for device in ("cpu", "cuda"))
    assert ((cpu - cuda).abs() < 0.5).double().mean() > 0.999
