"""Whatever the kind of file, the same picture is read; what cannot be read is named."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from frlib.datasets import Photographs, UnreadableImage, images
from frlib.datasets.images import decode, endings, formats
from frlib.faces.crops import BACKGROUND, tone
from tests.photographs import as_image, write_kinds


@pytest.fixture(scope="module")
def picture():
    """A picture without symmetries, smooth so that JPEG hardly changes it, and wider than high."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 40), torch.linspace(0, 1, 60), indexing="ij")
    return (torch.stack([x, y, (x + y) / 2], dim=2) * 200 + 20).to(torch.uint8)


def saved(image: Image.Image, kind: str, **options) -> torch.Tensor:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return decode(file, "x")


def test_every_kind_of_file_gives_the_same_upright_picture(picture, tmp_path):
    grey = torch.from_numpy(np.array(as_image(picture).convert("L").convert("RGB")))
    for name, file in write_kinds(tmp_path, picture).items():
        seen = Photographs([file], ["Ann"]).read(0)
        assert seen.shape == (40, 60, 3) and seen.dtype == torch.uint8, name
        wanted = grey if name in ("grey.jpg", "16 bit.png") else picture
        exact = name in ("rgb.png", "rgba.png", "photo.TIF", "16 bit.png")
        away = (seen.int() - wanted.int()).abs().float()
        assert away.max() == 0 if exact else away.mean() < 4, name


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_are_undone(orientation, picture):
    turns = {
        1: None, 2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270",
    }  # fmt: skip
    exif, image = Image.Exif(), as_image(picture)
    exif[0x0112] = orientation
    turned = image if turns[orientation] is None else image.transpose(Image.Transpose[turns[orientation]])
    assert torch.equal(saved(turned, "PNG", exif=exif), picture)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 65535), min_size=4, max_size=4), st.sampled_from(["PNG", "TIFF"]))
def test_sixteen_bits_are_scaled_and_not_cut_off(values, kind):
    seen = saved(Image.fromarray(np.array(values, dtype=np.uint16).reshape(2, 2)), kind)
    assert seen[..., 0].flatten().tolist() == [round(value / 257) for value in values]
    assert torch.equal(seen[..., 0], seen[..., 1]) and torch.equal(seen[..., 0], seen[..., 2])


@settings(max_examples=30)
@given(st.integers(0, 255), st.tuples(*[st.integers(0, 255)] * 3))
def test_what_is_transparent_shows_the_background(alpha, color):
    seen = saved(Image.new("RGBA", (3, 2), (*color, alpha)), "PNG").float()
    mixed = (torch.tensor(color) * alpha + tone(torch.tensor(BACKGROUND)).round() * (255 - alpha)) / 255
    assert (seen - mixed).abs().max() <= 1


def test_a_transparent_colour_of_a_palette_shows_the_background():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    seen = saved(image, "PNG", transparency=1)
    assert seen[0].tolist() == [[10, 20, 30], tone(torch.tensor(BACKGROUND)).round().int().tolist()]


def test_the_first_of_several_frames_is_read():
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "lime")]
    assert saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])[0, 0].tolist() == [255, 0, 0]


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG file, and no more."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + b"\0\0\1\0IDAT"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "none of a known format"),
        (b"<html>not found</html>", "none of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "none of a known format"),
        (png(8001, 10_000), "8001 x 10000 pixels; at most 80 million"),
        (png(20_000, 20_000), "exceeds limit"),  # of Pillow
        (png(50, 50), "truncated"),
    ],
    ids=["empty", "HTML", "EPS", "large", "a bomb", "cut off"],
)
def test_what_cannot_be_read_is_named(content, reason, tmp_path):
    file = tmp_path / "some one.png"
    file.write_bytes(content)
    with pytest.raises(UnreadableImage, match=f"some one.png cannot be read as an image: .*({reason})"):
        Photographs([file], ["Ann"]).read(0)


def test_values_without_a_known_white_are_refused():
    with pytest.raises(
        UnreadableImage, match="x cannot be read .*: its values are floating-point numbers, whose white"
    ):
        saved(Image.fromarray(np.array([[0.5, 2.0]], dtype=np.float32)), "TIFF")
    with pytest.raises(UnreadableImage, match="its values lie between 1 and 70000; 0 to 65535 are read"):
        saved(Image.fromarray(np.array([[1, 70_000]], dtype=np.int32)), "TIFF")


@settings(max_examples=40)
@given(st.data())
def test_a_damaged_file_is_read_or_named_and_raises_nothing_else(data):
    file = io.BytesIO()
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "TIFF", "WEBP", "GIF"]))
    Image.effect_mandelbrot((24, 24), (-2, -1, 1, 1), 20).convert("RGB").save(file, kind)
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    try:
        seen = decode(io.BytesIO(bytes(content[:cut])), "x")
    except UnreadableImage as error:
        assert str(error).startswith("x cannot be read as an image: ")
    else:
        assert seen.ndim == 3 and seen.shape[2] == 3


def test_a_file_that_is_gone_is_named(tmp_path):
    photographs = Photographs([tmp_path / "gone.jpg"], ["Ann"])
    for read in (photographs.read, photographs.digest):
        with pytest.raises(UnreadableImage, match="gone.jpg cannot be read: No such file"):
            read(0)


def test_no_other_program_is_started_for_a_format():
    assert {"JPEG", "PNG", "WEBP", "TIFF"} < set(formats()) and "EPS" not in formats()
    assert {".jpg", ".jpeg", ".png"} < endings() and ".eps" not in endings() and images.NOT_DECODED


def test_limit_of_pixels_is_below_that_of_pillow():
    assert images.LARGEST < Image.MAX_IMAGE_PIXELS
