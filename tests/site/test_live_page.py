"""The page "Move a face yourself" of the built site: a network runs in the browser, and says what it says in Python."""

import gzip
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from book.live import people
from frlib import models
from frlib.faces import crops, pixels
from frlib.geometry import central_difference, pair_distances
from tests.build import ROOT, SITE
from tests.site import browser
from tests.site.browser import Report, served

pytestmark = pytest.mark.site
PAGE = "book/move_a_face.html"
LIVE = SITE / "_static/vendor/live"
LIMIT = 400_000  # bytes, gzipped, before the network is started
#: Largest difference between the embeddings of browser and Python, as a share of the length of the embedding.
SAME = 1e-4

# Notes the newest of the states that the page announces.
LISTEN = """() => document.querySelector('.frlib-widget').addEventListener('frlib-moved', ({ detail }) => {
  const { raw, point, field, moved, attribute, took, values } = detail;
  window.moved = { raw: [...raw], point: [...point], field: field && [...field], moved, attribute, took, values };
})"""
SET = """([name, value]) => {
  const slider = document.querySelector(`input[type=range][aria-label="${name}"]`);
  slider.value = value; slider.dispatchEvent(new Event('input'));
}"""
LABELS = {"brightness": "Brightness", "hue": "Hue", "image_quality": "Image quality"}
LABELS |= {"across": "Move to the right", "down": "Move down", "turn": "Turn", "zoom": "Zoom"}
#: A face by its file, and what a reader does to it.
CASES = [
    ("0-0.jpg", {}),
    ("0-1.jpg", {"brightness": 50}),
    ("1-0.jpg", {"brightness": -37, "hue": 4, "image_quality": -1}),
    ("2-1.jpg", {"image_quality": 0.6, "hue": -2.5}),
    ("3-0.jpg", {"across": 7.5, "down": -4, "turn": 12, "zoom": 0.2}),
    ("5-1.jpg", {"across": -20, "turn": -30, "zoom": -0.5, "image_quality": -0.3, "brightness": 20}),
    ("24-0.jpg", {"zoom": 0.5}),
]


@pytest.fixture(scope="module")
def address():
    """Return the address of the site below a folder, as sites of repositories lie."""
    with served(SITE.parent) as base:
        yield f"{base}{SITE.name}/"


@pytest.fixture(scope="module")
def network():
    return models.load("mobileface", device="cpu")


@pytest.fixture(scope="module")
def page(chromium, address):
    """The page with the network started. Every test chooses its own face."""
    context = chromium.new_context(viewport=browser.DESKTOP, color_scheme="light", reduced_motion="reduce")
    page, report = context.new_page(), Report(PAGE)
    browser.watch(page, address, SITE, report)
    page.goto(address + PAGE)
    browser.wait_until_drawn(page, report)
    page.weight_before, page.files_before = report.weight, [*report.files]
    page.evaluate(LISTEN)
    page.get_by_role("button", name="Start the network").click()
    page.wait_for_function("() => window.moved", timeout=30_000)
    yield page
    context.close()
    assert not report.problems, f"\n{report}"


def settled(page) -> dict:
    """Return what the page announced last, once it has nothing more to say."""
    last = None
    for _ in range(100):
        page.wait_for_timeout(150)
        now = page.evaluate("() => JSON.stringify(window.moved)")
        if now == last:
            return json.loads(now)
        last = now
    raise AssertionError("the page does not come to rest")


def press(page, role, name) -> dict:
    page.get_by_role(role, name=name, exact=True).click()
    return settled(page)


def choose(page, file: str) -> dict:
    page.locator(f'.frw-faces button:has(img[src$="/{file}"])').click()
    return settled(page)


def move(page, values) -> dict:
    for name, value in values.items():
        page.evaluate(SET, [LABELS[name], value])
    return settled(page)


def crop_of(picture: Image.Image, frame: dict, values: dict) -> torch.Tensor:
    """Return the crop (1, 112, 112, 3) that `align` cuts at the marks, moved as a reader does it."""
    marks = crops.template("arcface", 112).double()
    shift = torch.tensor([values.get("across", 0.0), values.get("down", 0.0)])
    angle, size = np.radians(values.get("turn", 0.0)), 2 ** values.get("zoom", 0.0)
    c, s = np.cos(angle), np.sin(angle)
    rows = (marks - 56 - shift) @ torch.tensor([[c, -s], [s, c]]) / size + 56  # rows times the turn: its inverse
    places = rows * frame["scale"] + torch.tensor([frame["x"], frame["y"]])
    image = torch.from_numpy(np.array(picture.convert("RGB"))).float()
    return crops.align(image[None], places[None])


def changed(crop: torch.Tensor, values: dict, **step) -> torch.Tensor:
    """Return a crop with its pixels changed by what a reader chose, and perhaps by a step more."""
    names = [name for name in people.PIXELS if values.get(name) or name in step]
    return pixels.change(crop, {n: torch.tensor([values.get(n, 0.0) + step.get(n, 0.0)]) for n in names})


def check(found: dict, crop: torch.Tensor, values: dict, network) -> None:
    """Compare what the page announced with Python: embedding, direction."""
    step = people.STEP[found["attribute"]]
    images = [changed(crop, values), *(changed(crop, values, **{found["attribute"]: k * step}) for k in (-1, 1))]
    expected, minus, plus = network.embed(torch.cat(images), progress=False).double()
    error = (torch.tensor(found["raw"]) - expected).norm() / expected.norm()
    assert error < SAME, f"{error:.2g} of the length of the embedding"
    field = central_difference(minus[None], plus[None])[0]
    # The ends lie close together, so the direction between them has fewer digits than they.
    lever = minus.norm() * SAME / (plus - minus).norm()
    assert (torch.tensor(found["field"]) - field).norm() < max(1e-3, 2 * float(lever))


@pytest.mark.parametrize(("file", "values"), CASES, ids=[file for file, _ in CASES])
def test_embeddings_are_those_of_python(page, network, file, values):
    choose(page, file)
    found = move(page, values)
    picture = Image.open(LIVE / file)
    assert found["values"] == {name: values.get(name, 0) for name in LABELS}
    check(found, crop_of(picture, people.frame(), values), values, network)


def test_directions_of_all_attributes_are_those_of_python(page, network):
    choose(page, "1-1.jpg")
    crop = crop_of(Image.open(LIVE / "1-1.jpg"), people.frame(), {})
    for label in ("Hue", "Image quality", "Brightness"):
        check(press(page, "button", label), crop, {}, network)


def test_the_words_are_those_of_the_numbers(page, network):
    known = people.gallery(network)
    points, who = known.points, known.who
    for file, person in (("0-0.jpg", 0), ("24-1.jpg", None)):
        found = choose(page, file)
        distances = pair_distances(torch.tensor([found["point"]]), points)[0].numpy()
        nearest, threshold = distances.min(), known.rule["threshold"]
        said = page.locator(".frw-said").inner_text()
        assert f"nearest image is {nearest:.3f} away" in said and f"{threshold:.3f}" in said
        assert ("nobody" in said) == (nearest > threshold) == (person is None)
        if person is not None:
            assert f"person {who[distances.argmin()]:02d}." in said
            cosines = torch.cat([cloud.fields["brightness"] for cloud in known.clouds]) @ torch.tensor(found["field"])
            mean = float(cosines[who == person].mean())
            text = page.locator(".frw-panels .frw-note").last.inner_text()
            assert float(text.split("= ")[1].split(",")[0]) == pytest.approx(1 - mean, abs=0.011)


def test_four_pixels_move_a_face_about_as_far_as_all_of_brightness(network):
    assert "four pixels of 112 move these faces about as far" in (ROOT / "book/move_a_face.md").read_text()
    moved = []
    for file in sorted(LIVE.glob("*.jpg")):
        picture = Image.open(file)
        crop, shifted = (crop_of(picture, people.frame(), {"across": k}) for k in (0, 4))
        ends = [changed(crop, {"brightness": k}) for k in (-50, 50)]
        points = network.embed(torch.cat([crop, shifted, *ends]), progress=False).split(1)
        moved.append([float(pair_distances(*pair)) for pair in (points[:2], points[2:])])
    by_crop, by_brightness = np.mean(moved, axis=0)
    assert 0.8 < by_crop / by_brightness < 1.25


def test_moved_is_counted_from_where_the_way_starts(page):
    start = choose(page, "2-0.jpg")
    moved = move(page, {"across": 6})
    expected = pair_distances(*(torch.tensor([found["point"]]) for found in (start, moved)))
    assert moved["moved"] == pytest.approx(float(expected), abs=1e-6) and moved["moved"] > 0.01
    assert press(page, "button", "Start the way from here")["moved"] == 0
    back = press(page, "button", "All sliders back")
    assert back["moved"] == pytest.approx(moved["moved"], abs=1e-6)


def photograph(side: tuple[int, int], **options) -> bytes:
    """Return a drawn face with room around it as a JPEG file, as a camera might leave it."""
    image, buffer = Image.open(LIVE / "3-1.jpg").resize(side, Image.Resampling.BICUBIC), io.BytesIO()
    image.save(buffer, "JPEG", quality=92, subsampling=0, **options)
    return buffer.getvalue()


def give(page, content: bytes, name: str = "me.jpg") -> dict:
    file = {"name": name, "mimeType": "image/jpeg", "buffer": content}
    page.locator("input[type=file]").set_input_files([file])
    return settled(page)


def test_a_photograph_of_your_own_gives_what_it_gives_in_python_and_is_not_sent(page, network):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    content = photograph((300, 400))
    give(page, content)
    values = {"across": 0, "down": -9.5, "turn": -8, "zoom": 0.8, "brightness": 11}
    found = move(page, values)
    page.locator(".frw-crop").scroll_into_view_if_needed()
    box = page.locator(".frw-crop").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 50 + box["width"] / 8, box["y"] + 50)
    page.mouse.up()
    dragged = settled(page)
    assert dragged["values"] == pytest.approx(found["values"] | {"across": 14}, abs=0.01)
    assert not asked, "a photograph must not cause a request"
    frame = {"scale": 300 / 112, "x": 0.0, "y": 50.0}  # the largest square in the middle
    picture = Image.open(io.BytesIO(content))
    check(found, crop_of(picture, frame, values), values, network)
    assert page.locator(".frw-legend li").last.is_hidden(), "nobody drawn is the person of a photograph"


def test_a_photograph_lies_as_its_camera_says(page):
    upright = give(page, photograph((320, 320)))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it
    lying = Image.open(io.BytesIO(photograph((320, 320)))).rotate(90, expand=True)
    buffer = io.BytesIO()
    lying.save(buffer, "JPEG", quality=95, subsampling=0, exif=exif)
    turned = give(page, buffer.getvalue())
    apart = pair_distances(torch.tensor([upright["point"]]), torch.tensor([turned["point"]]))
    assert float(apart) < 0.02


def test_a_photograph_can_be_dropped(page):
    choose(page, "0-0.jpg")
    page.evaluate(
        """(bytes) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([Uint8Array.from(bytes)], "dropped.jpg", { type: "image/jpeg" }));
      document.querySelector("h1").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
    }""",
        list(photograph((200, 200))),
    )
    settled(page)
    assert page.get_by_role("img", name="The crop that the network sees: your photograph").count()


def test_what_is_no_image_is_said(page):
    choose(page, "0-0.jpg")
    give(page, b"not an image", "letter.jpg")
    assert "letter.jpg cannot be read as an image" in page.locator(".frw-card").inner_text()
    choose(page, "0-1.jpg")
    assert "cannot be read" not in page.locator(".frw-card").inner_text()


def test_before_the_start_the_page_is_light_and_has_no_network(page, address):
    assert page.weight_before < LIMIT
    assert not [name for name in page.files_before if "vendor/live" in name]
    sizes = json.loads((LIVE / "still.json").read_text())["sizes"]
    assert all((LIVE / name).stat().st_size == size for name, size in sizes.items())
    assert sum(f.stat().st_size for f in LIVE.glob("*.jpg")) < 200_000
    others = [p for p in browser.pages_of(SITE) if "move_a_face.js" in (SITE / p).read_text(encoding="utf-8")]
    assert others == [PAGE]


def test_the_started_page_can_be_used_by_all(page):
    report = Report(PAGE)
    choose(page, "0-0.jpg")
    browser.check_sliders(page, report)
    browser.check_accessibility(page, report, "light")
    browser.check_theme(page, report)
    browser.check_accessibility(page, report, "dark", (browser.COLORS_OF_TEXT,))
    browser.check_phone(page, report)
    page.set_viewport_size(browser.DESKTOP)
    assert not report.problems, f"\n{report}"


def test_an_embedding_takes_little_time(page, record_property):
    choose(page, "5-0.jpg")
    times = [move(page, {"brightness": value})["took"] for value in range(1, 6)]
    record_property("milliseconds", round(float(np.median(times))))
    assert np.median(times) < 1000


@pytest.fixture
def fresh(chromium, address):
    """Return a function that opens the page after a script, and checks that no error is printed."""
    context, errors = chromium.new_context(reduced_motion="reduce"), []

    def opened(script: str = "", base: str = address):
        page = context.new_page()
        page.add_init_script(script)
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(base + PAGE)
        page.wait_for_selector(".frlib-widget[data-ready]")
        return page

    yield opened, errors
    context.close()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("WebAssembly.validate = () => false", "has no WebAssembly SIMD"),
        ("delete window.WebAssembly", "has no WebAssembly SIMD"),
        ("delete window.DecompressionStream", "too old"),
    ],
)
def test_a_browser_that_cannot_run_it_says_so(fresh, script, words):
    opened, errors = fresh
    page = opened(script)
    assert words in page.locator(".frw-card").inner_text()
    assert not page.get_by_role("button", name="Start").count() and not errors


def test_the_page_cannot_reach_another_host(fresh):
    page = fresh[0]()
    refused = page.evaluate("""async () => {
      const blocked = new Promise((resolve) => addEventListener('securitypolicyviolation', (event) =>
        resolve(event.effectiveDirective), { once: true }));
      await fetch('https://example.org/', { mode: 'no-cors' }).catch(() => {});
      return Promise.race([blocked, new Promise((resolve) => setTimeout(resolve, 2000, 'nothing'))]);
    }""")
    assert refused == "connect-src"


def test_from_the_disk_the_page_says_what_it_needs_and_shows_a_picture(fresh):
    opened, errors = fresh
    page = opened(base=SITE.as_uri() + "/")
    assert "make serve" in page.locator(".frw-card").inner_text()
    assert page.locator(".frw-still svg path").count()
    assert page.locator(".frw-still img").evaluate("(image) => image.naturalWidth") == 3 * 112
    assert not page.get_by_role("button", name="Start").count() and not errors


def test_a_start_that_fails_can_be_tried_again(fresh):
    opened, errors = fresh
    page = opened()
    page.route("**/network.onnx.gz", lambda route: route.fulfill(status=404))
    button = page.get_by_role("button", name="Start the network")
    button.click()
    page.get_by_text("did not start").wait_for()
    assert "network.onnx.gz: 404" in page.locator(".frw-start").inner_text()
    page.unroute("**/network.onnx.gz")
    button.click()
    page.locator(".frw-readout").wait_for(timeout=30_000)
    assert len(errors) == 1 and "404" in errors[0], "the browser's own line on the missing file"


def test_a_server_that_unpacks_files_itself_does_no_harm(fresh):
    opened, errors = fresh
    page = opened()

    def unpacked(route):
        route.fulfill(body=gzip.decompress((LIVE / route.request.url.rsplit("/", 1)[1]).read_bytes()))

    page.route("**/*.gz", unpacked)
    page.get_by_role("button", name="Start the network").click()
    page.get_by_text("The rule says: person 00.").wait_for(timeout=30_000)
    assert not errors
