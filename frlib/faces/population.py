"""Populations: people and images with binary attributes whose rates, correlations and flips are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.stats import norm
from tqdm.auto import tqdm

from frlib import checks
from frlib.arguments import checked
from frlib.faces.generator.renderer import render
from frlib.faces.identity import sample_identities


class Row(NamedTuple):
    """One row of the table behind a population.

    Parameters
    ----------
    name : str
        Of the attribute, after CelebA where it means the same.
    rate : float
        Share of the identities whose own value is true, among those of `among`.
    flip : float
        Probability that an image shows the other value than its identity's own; 0 is fixed by the identity.
    among : str
        The attribute outside which this one is always false; empty for none.
    off, on : tuple of (str, float)
        What is drawn: changes of traits or blend weights added.
    """

    name: str
    rate: float
    flip: float = 0.0
    among: str = ""
    off: tuple[tuple[str, float], ...] = ()
    on: tuple[tuple[str, float], ...] = ()


def shapes(**weights: float) -> tuple[tuple[str, float], ...]:
    """Return changes of blend weights; an underscore stands for a hyphen, `both` for left and right."""
    found = []
    for name, weight in weights.items():
        plain = name.replace("_", "-")
        names = [f"{side}{plain[5:]}" for side in ("l-", "r-")] if plain.startswith("both-") else [plain]
        found += [(f"shape:{n}", weight) for n in names]
    return tuple(found)


#: The table. An image's value is the identity's own, flipped with probability `flip`, and false outside `among`.
TABLE = (
    Row("Male", 0.50, off=(("gender", 0.92),), on=(("gender", 0.08),)),
    Row("Young", 0.65, 0.10),
    Row("Bald", 0.12, among="Male", off=(("bald", 0.0),), on=(("bald", 1.0), ("style", "shaved"))),
    Row("Gray_Hair", 0.15, off=(("grey", 0.0),), on=(("grey", 0.85),)),
    Row("Beard", 0.45, 0.15, "Male", (("beard", 0.0),), (("beard", 0.95),)),
    Row("Bushy_Eyebrows", 0.20, off=(("brow", 0.95),), on=(("brow", 1.6),)),
    Row("Big_Nose", 0.25, on=shapes(nose_scale_horiz_incr=0.6, nose_volume_incr=0.5)),
    Row("Big_Lips", 0.25, on=shapes(mouth_upperlip_volume_incr=0.6, mouth_lowerlip_volume_incr=0.6)),
    Row("Narrow_Eyes", 0.20, on=shapes(both_eye_height2_decr=0.6)),
    Row("High_Cheekbones", 0.40, on=shapes(both_cheek_bones_incr=0.7)),
    Row("Oval_Face", 0.30, on=shapes(head_oval=0.6)),
    Row("Chubby", 0.12, off=(("weight", 0.45),), on=(("weight", 0.92), *shapes(head_fat_incr=0.4))),
    Row("Double_Chin", 0.50, among="Chubby", on=shapes(both_cheek_volume_incr=0.4, chin_jaw_drop_incr=0.4)),
    Row("Pale_Skin", 0.15, on=(("tone", 0.1),)),
    Row("Rosy_Cheeks", 0.15, 0.10, "", (("rosy", 0.0),), (("rosy", 0.5),)),
    Row("Wearing_Lipstick", 0.50, 0.20, "Female", (("lipstick", 0.0),), (("lipstick", 0.9),)),
    Row("Smiling", 0.50, 0.35),
    Row("Mouth_Slightly_Open", 0.50, 0.30, "Smiling"),
    Row("Blurry", 0.05, 0.05),
)
NAMES = tuple(row.name for row in TABLE)
#: Hidden values of an identity that split into several attributes: hair colour (dark, brown, blond) and kind of beard.
SPLITS = {
    "hair": (("Black_Hair", 0.45), ("Brown_Hair", 0.35), ("Blond_Hair", 0.20)),
    "kind": (("Goatee", 0.35), ("Mustache", 0.25), ("full", 0.40)),
}
LATENTS = (*NAMES, *SPLITS, "style")
#: Correlations of the Gaussian values behind the identities' own attributes; all others are 0. A row with `among` Male
#: must not be correlated with Male itself: its rate holds among men.
CORRELATIONS = (
    ("Young", "Gray_Hair", -0.6), ("Young", "Bald", -0.3), ("Bald", "Gray_Hair", 0.2), ("Male", "Young", -0.2),
    ("Male", "Bushy_Eyebrows", 0.4), ("Male", "Big_Nose", 0.4), ("Male", "Big_Lips", -0.2), ("Male", "Smiling", -0.15),
    ("Oval_Face", "Chubby", -0.3), ("Chubby", "Young", -0.2), ("hair", "Pale_Skin", 0.4),
    ("High_Cheekbones", "Smiling", 0.3), ("Rosy_Cheeks", "Pale_Skin", 0.3),
)  # fmt: skip
ATTRIBUTE_NAMES = (
    *(name for name in NAMES if name != "Beard"),
    "No_Beard", "Goatee", "Mustache", "Black_Hair", "Brown_Hair", "Blond_Hair",
)  # fmt: skip
HAIR_COLOR = {"Black_Hair": 0.02, "Brown_Hair": 0.28, "Blond_Hair": 0.75}
#: Columns of the latent values that the renderer is given.
PASSED = ("head_angle", "illumination", "age", "expression", "hair_color", "image_quality")
#: Hair styles of women and men; each identity has one, with equal chances.
STYLES = {False: ("long", "full", "side part"), True: ("short", "side part", "full")}
#: Ranges, uniform, of what varies from image to image and is no attribute.
NUISANCE = {"head_angle": (-20.0, 20.0), "illumination": (-30.0, 30.0), "place": (0.0, 1.0)}


@dataclass(frozen=True)
class Population:
    """Images of people with known attributes.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, size, size, 3)
        RGB, the images of an identity one after the other.
    identities : ndarray of int, shape (N,)
        Index of the identity.
    attributes : DataFrame of bool, N rows
        One column per attribute.
    latent : DataFrame, N rows
        The values behind them: the Gaussian ones of the identity, and what was given to the renderer.
    table : DataFrame
        `TABLE`: rates, flips and conditions.
    """

    images: np.ndarray
    identities: np.ndarray
    attributes: pd.DataFrame
    latent: pd.DataFrame
    table: pd.DataFrame


def correlation_matrix() -> pd.DataFrame:
    """Return the correlation matrix of `LATENTS`; `CORRELATIONS` must leave it positive definite.

    Raises
    ------
    ValueError
        If it is not positive definite.
    """
    matrix = pd.DataFrame(np.eye(len(LATENTS)), LATENTS, LATENTS)
    for a, b, value in CORRELATIONS:
        matrix.loc[a, b] = matrix.loc[b, a] = value
    smallest = np.linalg.eigvalsh(matrix.to_numpy())[0]
    if smallest <= 0:
        raise ValueError(f"CORRELATIONS must give a positive definite matrix; its smallest eigenvalue is {smallest}")
    return matrix


@checked
def draw_population(
    n_identities: int, images_per_identity: int, seed: int
) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    """Draw identities, attributes and latent values, without images.

    An identity's own values come from a Gaussian copula: z ~ N(0, R) with the correlations R of `correlation_matrix`,
    and attribute a is true where z_a > Phi^-1(1 - rate_a). Each image then flips a with probability flip_a.

    Parameters
    ----------
    n_identities, images_per_identity, seed : int
        The first k identities of n are the same for every n.

    Returns
    -------
    identities : ndarray of int, shape (N,)
    attributes : DataFrame of bool, N rows
    latent : DataFrame, N rows

    Raises
    ------
    ValueError
        If an argument is not an integer of at least 1 (0 for the seed).
    """
    checks.at_least("n_identities", n_identities, 1)
    checks.at_least("images_per_identity", images_per_identity, 1)
    checks.at_least("seed", seed, 0)
    root, m = np.linalg.cholesky(correlation_matrix().to_numpy()), images_per_identity
    generators = [np.random.default_rng([seed, index, 3]) for index in range(n_identities)]
    z = np.repeat([root @ rng.standard_normal(len(LATENTS)) for rng in generators], m, axis=0)
    uniform = np.concatenate([rng.random((m, len(TABLE) + len(NUISANCE))) for rng in generators])
    latent = pd.DataFrame(z, columns=[f"z_{name}" for name in LATENTS])
    flips = uniform[:, : len(TABLE)] < [row.flip for row in TABLE]
    attributes = derive(latent, flips)
    for (name, (low, high)), u in zip(NUISANCE.items(), uniform[:, len(TABLE) :].T, strict=True):
        latent[name] = low + (high - low) * u
    latent = latent.assign(**render_values(attributes, latent))
    return np.repeat(np.arange(n_identities), m), attributes[list(ATTRIBUTE_NAMES)], latent


def derive(latent: pd.DataFrame, flips: np.ndarray) -> pd.DataFrame:
    """Return the attributes of each image, boolean, given the flips of `TABLE`, shape (N, rows)."""
    found = {}
    for row, flip in zip(TABLE, flips.T, strict=True):
        value = (latent[f"z_{row.name}"].to_numpy() > norm.isf(row.rate)) ^ flip
        within = {"": True, "Female": ~found.get("Male", True)}.get(row.among)
        found[row.name] = value & (found[row.among] if within is None else within)
    found["No_Beard"] = ~found["Beard"]
    for split, parts in SPLITS.items():
        edges = np.cumsum([0, *(share for _, share in parts)])
        place = norm.cdf(latent[f"z_{split}"].to_numpy())
        for (name, _), low, high in zip(parts, edges, edges[1:], strict=False):
            found[name] = (place >= low) & (place < high)
            found[f"own_{name}"] = found[name]
            shown = found["Beard"] if split == "kind" else ~(found["Gray_Hair"] | found["Bald"])
            found[name] = found[name] & shown
    return pd.DataFrame(found)


def render_values(attributes: pd.DataFrame, latent: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return age, expression, hair colour, image quality and hair style of each image.

    Young is an age of 18 to 38, not young 45 to 72; Smiling an expression of 0.45 to 0.6, of 0.85 to 1 with the mouth
    open, and 0 to 0.1 otherwise; Blurry an image quality of -1.
    """
    place, young, smiling = latent["place"].to_numpy(), attributes["Young"], attributes["Smiling"]
    wide, style = attributes["Mouth_Slightly_Open"], (3 * norm.cdf(latent["z_style"])).astype(int)
    return {
        "age": np.where(young, 18 + 20 * place, 45 + 27 * place),
        "expression": np.where(wide, 0.85 + 0.15 * place, np.where(smiling, 0.45 + 0.15 * place, 0.1 * place)),
        "hair_color": sum(attributes[f"own_{name}"].to_numpy() * value for name, value in HAIR_COLOR.items()),
        "image_quality": np.where(attributes["Blurry"], -1.0, 0.0),
        "style": [STYLES[bool(male)][place] for male, place in zip(attributes["Male"], style, strict=True)],
    }


def changes_of(attributes: Mapping[str, bool], style: str, tone: float) -> tuple[tuple[str, float | str], ...]:
    """Return what the attributes of one image change in the traits of an identity with this hair style and skin tone.

    Skin that is not Pale_Skin keeps a tone of at least 0.6, so that the label is true; that of Blond_Hair stays
    below 1.8, so skin and hair colour are not independent.
    """
    shown = {**attributes, "Beard": not attributes["No_Beard"]}
    darkest = 1.8 if shown["Blond_Hair"] else 5.0
    changes = [("style", style), ("tone", float(np.clip(tone, 0.6, darkest)))]
    changes += [change for row in TABLE for change in (row.on if shown[row.name] else row.off)]
    if shown["Beard"]:
        kind = "goatee" if shown["Goatee"] else "mustache" if shown["Mustache"] else "full"
        changes.append(("beard_kind", kind))
    return tuple(changes)


def variants(people: Sequence, attributes: pd.DataFrame, latent: pd.DataFrame) -> list:
    """Return the people, one per row, as the images show them: each changed as its attributes say."""
    rows = zip(people, attributes.to_dict("records"), latent["style"], strict=True)
    return [replace(person, changes=changes_of(shown, style, person.traits.tone)) for person, shown, style in rows]


@checked
def sample_population(
    n_identities: int,
    images_per_identity: int,
    seed: int = 0,
    source=None,
    *,
    size: int = 112,
    crop: str = "arcface",
    progress: bool = True,
) -> Population:
    """Draw people whose binary attributes are known, some fixed by the identity, some varying from image to image.

    Parameters
    ----------
    n_identities, images_per_identity, seed : int
        The first k identities of n are the same for every n.
    source : optional
        An object with `sample_identities(n, seed)`, which returns dataclasses with a field `changes` and
        `traits.tone`, and `render(identities, attributes, size=, crop=)`. Default: the parametric generator.
    size, crop
        As in `frlib.faces.render`.
    progress : bool
        Show a bar.

    Returns
    -------
    Population

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    identities, attributes, latent = draw_population(n_identities, images_per_identity, seed)
    people = (sample_identities if source is None else source.sample_identities)(n_identities, seed)
    draw, given = render if source is None else source.render, list(PASSED)
    images = []
    for start in tqdm(range(0, len(identities), images_per_identity), desc="population", disable=not progress):
        part = slice(start, start + images_per_identity)
        group = variants([people[i] for i in identities[part]], attributes[part], latent[part])
        drawn = draw(group, latent[given][part].to_dict("list"), size=size, crop=crop)
        images.append(torch.as_tensor(drawn).numpy())
    table = pd.DataFrame(TABLE).set_index("name")
    return Population(np.concatenate(images), identities, attributes, latent, table)
