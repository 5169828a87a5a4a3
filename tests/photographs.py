"""Folders of drawn faces that look to the readers like photographs, with faults of known kinds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from frlib.faces import render, sample_identities
from frlib.faces.crops import CROPS, similarity, template
from frlib.faces.generator.landmarks import landmarks

#: Names of the people, in the order of `sample_identities`.
PEOPLE = ("Ann", "Bob", "Cid", "Dora", "Eve", "Fay")
SIDE = 250


def pictures(n_people: int = 3, n_images: int = 4, *, share: float = 0.8, side: int = SIDE, seed: int = 0) -> dict:
    """Return images by name of the person, uint8 (n_images, side, side, 3).

    ``share`` is the scale of the face: 1 is the ArcFace crop, less shows more around it.
    """
    return {name: images for name, (images, _) in placed_pictures(n_people, n_images, share, side, seed).items()}


def placed_pictures(n_people: int, n_images: int, share: float, side: int = SIDE, seed: int = 0) -> dict:
    """Return, by name of the person, images and the landmarks of the mesh in their pixels, (n_images, 5, 2)."""
    generator, found, crop = np.random.default_rng(seed), {}, f"photograph {share}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CROPS, crop, (share, 0.46))
        for name, person in zip(PEOPLE[:n_people], sample_identities(n_people, seed=seed), strict=True):
            attributes = {
                "head_angle": generator.uniform(-25, 25, n_images).tolist(),
                "expression": generator.uniform(0, 1, n_images).tolist(),
                "illumination": generator.uniform(-40, 40, n_images).tolist(),
            }
            seen, wanted = landmarks(person, attributes), template(crop, side)
            onto = similarity(seen, wanted)
            marks = (seen - onto.source[:, None]) @ onto.matrix.transpose(1, 2) + onto.target[:, None]
            found[name] = render(person, attributes, crop=crop, size=side), marks
    return found


def as_image(picture: torch.Tensor) -> Image.Image:
    return Image.fromarray(picture.numpy())


def write_folder(folder: Path, images: dict, quality: int = 92) -> Path:
    """Write a folder with one sub-folder per person, as JPEG; return it."""
    for name, own in images.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(own, 1):
            as_image(picture).save(folder / name / f"{number}.jpg", quality=quality)
    return folder


def plant_faults(folder: Path, images: dict) -> dict[str, str]:
    """Add photographs with faults to a folder of `write_folder`; return the expected remark by name of the file."""
    (ann, bob), (one, other) = list(images)[:2], list(images.values())[:2]
    side = one.shape[1]
    sky = torch.full((side, side, 3), 120, dtype=torch.uint8)
    as_image(sky).save(folder / ann / "no face.jpg")
    as_image(torch.cat([one[0], other[0]], dim=1)).save(folder / ann / "two faces.jpg")
    whole = (folder / ann / "1.jpg").read_bytes()
    (folder / bob / "truncated.jpg").write_bytes(whole[: len(whole) // 3])
    as_image(one[0]).filter(ImageFilter.GaussianBlur(side / 40)).save(folder / ann / "blurred.jpg")
    tiny = Image.new("RGB", (side, side), (120, 120, 120))
    tiny.paste(as_image(other[1]).resize((40, 40)), (side // 2 - 20, side // 2 - 20))
    tiny.save(folder / bob / "tiny.jpg")
    as_image(one[1]).save(folder / bob / "mislabelled.jpg")  # Ann in Bob's folder
    return {
        "no face.jpg": "no face",
        "two faces.jpg": "several faces",
        "truncated.jpg": "unreadable",
        "blurred.jpg": "blurred",
        "tiny.jpg": "small",
        "mislabelled.jpg": "",
    }


def spoil(files: list[Path]) -> list[str]:
    """Write faults over three photographs and return the remark on each: no face, two faces, a file that is cut off."""
    first, second, cut = files
    with Image.open(second) as image:
        picture = torch.from_numpy(np.array(image))
    as_image(torch.full_like(picture, 120)).save(first)
    as_image(torch.cat([picture, picture.flip(1)], dim=1)).save(second)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 3])
    return ["no face", "several faces", "unreadable"]


def write_kinds(folder: Path, picture: torch.Tensor) -> dict[str, Path]:
    """Write one picture in many formats below the folder of one person; return the files by kind."""
    folder.mkdir(parents=True, exist_ok=True)
    image = as_image(picture)
    grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    writers = {
        "rgb.png": lambda file: image.save(file),
        "grey.jpg": lambda file: image.convert("L").save(file, quality=95),
        "rgba.png": lambda file: image.convert("RGBA").save(file),
        "cmyk.jpg": lambda file: image.convert("CMYK").save(file, quality=95),
        "palette.png": lambda file: image.convert("P", palette=Image.Palette.ADAPTIVE).save(file),
        "16 bit.png": lambda file: Image.fromarray(grey).save(file),
        "turned.jpg": lambda file: image.transpose(Image.Transpose.ROTATE_90).save(file, quality=95, exif=exif),
        "photo.webp": lambda file: image.save(file, quality=95),
        "photo.TIF": lambda file: image.save(file, format="TIFF"),
    }
    for name, write in writers.items():
        write(folder / name)
    return {name: folder / name for name in writers}


def write_lfw(folder: Path, images: dict, pairs: int = 0) -> Path:
    """Write ``lfw/NAME/NAME_0001.jpg`` and, if asked for, ``pairs.txt`` of ten folds; return the folder."""
    for name, own in images.items():
        (folder / "lfw" / name).mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(own, 1):
            as_image(picture).save(folder / "lfw" / name / f"{name}_{number:04d}.jpg", quality=95)
    if pairs:
        generator, lines = np.random.default_rng(0), [f"10\t{pairs}"]
        for _ in range(10):
            for same in [True] * pairs + [False] * pairs:
                one, other = generator.choice(list(images), 2, replace=False)
                first, second = generator.choice(len(images[one]), 2, replace=False) + 1
                lines.append("\t".join(map(str, [one, first, second] if same else [one, first, other, second])))
        (folder / "pairs.txt").write_text("\n".join(lines) + "\n")
    return folder


def write_celeba(folder: Path, images: dict, labels) -> Path:
    """Write images and both lists as CelebA has them; ``labels`` is a table of 1 and -1, a row per image."""
    (folder / "img_align_celeba").mkdir(parents=True)
    files, people = [], []
    for number, own in enumerate(images.values(), 2880):
        for picture in own:
            files.append(f"{len(files) + 1:06d}.jpg")
            people.append(number)
            as_image(picture).save(folder / "img_align_celeba" / files[-1], quality=95)
    rows = [
        f"{name} {' '.join(f'{value:2d}' for value in row)}" for name, row in zip(files, labels.to_numpy(), strict=True)
    ]
    header = [str(len(files)), " ".join(labels.columns) + " "]
    (folder / "list_attr_celeba.txt").write_text("\n".join(header + rows) + "\n")
    pairs = zip(files, people, strict=True)
    (folder / "identity_CelebA.txt").write_text("".join(f"{name} {person}\n" for name, person in pairs))
    return folder


def sketched_face() -> torch.Tensor:
    """Return a face of a few ellipses, (160, 160, 3), which the detector finds and no generator changes."""
    y, x = torch.meshgrid(torch.arange(160.0), torch.arange(160.0), indexing="ij")
    image = torch.full((160, 160, 3), 90.0)
    skin, dark, white, nose, lips = (215, 170, 145), (60, 40, 30), (240, 235, 230), (195, 148, 125), (160, 70, 70)
    head = [(80, 80, 44, 58, skin, 3), (80, 38, 46, 26, dark, 3), (80, 70, 38, 26, skin, 3)]
    eyes = [(80 + side, 68, a, b, color, 1) for side in (-18, 18) for a, b, color in ((9, 5, white), (4, 4.5, dark))]
    brows = [(80 + side, 57, 11, 2.5, dark, 1) for side in (-18, 18)]
    for left, top, a, b, color, soft in [*head, *eyes, *brows, (80, 88, 7, 14, nose, 3), (80, 112, 16, 4.5, lips, 1)]:
        away = (((x - left) / a) ** 2 + ((y - top) / b) ** 2).sqrt()
        weight = torch.sigmoid((1 - away) * min(a, b) / soft)[..., None]
        image = image * (1 - weight) + weight * torch.tensor(color)
    return image.round().to(torch.uint8)
