"""Images that have a pose or a light in common: found, drawn once, and drawn as if they were alone."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from frlib.faces import Identity, render
from frlib.faces.generator import renderer
from frlib.faces.generator.shared import SHARED, shared_lights

PEOPLE = [Identity(0, k) for k in range(3)]
VALUES = st.sampled_from([-10.0, 0.0, 0.1, 30.0])


@st.composite
def requests(draw):
    n = draw(st.integers(1, 30))
    names = draw(st.sets(st.sampled_from([*SHARED, "hair_color"])))
    columns = {name: draw(st.lists(VALUES, min_size=n, max_size=n)) for name in sorted(names)}
    people = draw(st.lists(st.sampled_from(PEOPLE), min_size=n, max_size=n))
    return people, {name: torch.tensor(column) for name, column in columns.items()}


@given(requests(), st.integers(1, 40))
def test_every_image_gets_its_own_light_and_pose(request, most):
    people, values = request
    seen, batches = [], list(shared_lights(people, values, most))
    for lights in batches:
        assert 1 <= len(lights.people) <= most and len(lights.pose_of) == len(lights.people)
        assert lights.pose_of[lights.poses].tolist() == list(range(len(lights.poses)))
        for image, light in zip(lights.images.tolist(), lights.light_of.tolist(), strict=True):
            first = lights.poses[lights.pose_of[light]]
            assert people[image] == lights.people[light] == lights.people[first]
            for name, vector in lights.values.items():
                assert vector[light] == values[name][image]
                assert name == "illumination" or vector[first] == values[name][image]
        seen += lights.images.tolist()
    assert sorted(seen) == list(range(len(people)))
    rows = {(p, *(float(values[n][k]) for n in SHARED if n in values)) for k, p in enumerate(people)}
    assert sum(len(lights.people) for lights in batches) == len(rows)


@given(requests())
def test_in_one_batch_no_pose_comes_twice(request):
    people, values = request
    (lights,) = shared_lights(people, values, len(people))
    poses = {(p, *(float(values[n][k]) for n in SHARED[:-1] if n in values)) for k, p in enumerate(people)}
    assert len(lights.poses) == len(poses)


def grid(**steps) -> dict[str, list[float]]:
    return dict(zip(steps, np.array(list(itertools.product(*steps.values()))).T.tolist(), strict=True))


@pytest.fixture
def together():
    """Two poses, each under two lights, each with three colours of hair: twelve images, in no good order."""
    values = grid(hair_color=[0.1, 0.9, 0.4], illumination=[-50.0, 20.0], head_angle=[-30.0, 12.0])
    return values | {"age": 52.0, "brightness": list(range(12))}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_images_that_share_equal_images_drawn_alone(person, together, dtype):
    options = {"size": 48, "crop": "wide", "device": "cpu", "dtype": dtype, "greying": True}
    images = render(person, together, **options)
    for k, image in enumerate(images):
        own = {name: values[k] if isinstance(values, list) else values for name, values in together.items()}
        torch.testing.assert_close(image, render(person, own, **options)[0], rtol=0, atol=0)


def test_what_images_share_is_drawn_once(person, together, monkeypatch):
    drawn, rasterize = [], renderer.rasterize
    monkeypatch.setattr(renderer, "rasterize", lambda *given: drawn.append(len(given[0])) or rasterize(*given))
    render(person, together, size=32, device="cpu")
    assert sorted(drawn) == [2, 4]  # the poses, and the shadow maps of the lights


def test_light_is_affine_in_the_colour_of_the_hair(person):
    """The terms of one shading give any colour: a shading in between lies on the line through two others."""
    (lights,) = shared_lights([person], {"head_angle": torch.tensor([20.0])}, 1)
    options = {"size": 32, "crop": "wide", "shadows": True, "real": torch.float64, "device": torch.device("cpu")}
    light = renderer.draw_light(lights, **options)
    dark, fair, between = (renderer.colored(light, torch.full((1, 3), x, dtype=torch.float64)) for x in (0, 1, 0.25))
    torch.testing.assert_close(between, 0.75 * dark + 0.25 * fair)
    assert (light[1] >= 0).all() and (light[1] > 0.1).any() and (light[1] == 0).any()
    assert len(renderer.draw_light(lights, **options, slopes=True)) == 4
