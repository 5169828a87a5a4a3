"""Identities: people who do not exist, each the draw of a seeded generator."""

import functools
from dataclasses import dataclass, fields, replace

import numpy as np

from frlib import checks
from frlib.arguments import checked
from frlib.faces.generator.head import Head, load_head

#: Names of opposite blend shapes: the positive ending and the negative one.
OPPOSITES = (
    ("incr", "decr"), ("up", "down"), ("out", "in"), ("forward", "backward"), ("convex", "concave"),
    ("round", "square"), ("triangle", "pointed"),
)  # fmt: skip
#: Standard deviation of a blend weight at strength 1, and what damps regions where more would look wrong: eyes that
#: leave their sockets, mouths that frown, skulls that turn into cones.
SPREAD = 0.42
DAMPING = {
    "eye-scale": 0.35, "eye-trans-up": 0.5, "eye-height": 0.5, "eye-push": 0.5, "epicanthus": 0.6, "eyefold": 0.6,
    "eye-corner": 0.6, "head-scale": 0.4, "head-fat": 0.6, "head-angle": 0.3, "head-back": 0.4, "ear-shape": 0.5,
    "ear-wing": 0.5, "nose-septum": 0.6, "nose-point-up": 0.7, "mouth-scale-depth": 0.5, "mouth-trans-forward": 0.4,
    "mouth-angles": 0.2, "lip-ext": 0.3, "lip-middle": 0.3, "mouth-laugh-lines": 0.5, "chin-jaw-drop": 0.4,
    "eyebrows-angle": 0.25, "eyebrows-trans": 0.5, "forehead": 0.5, "cheek-inner": 0.7,
}  # fmt: skip
#: Head outlines that exist in one direction only.
OUTLINES = ("diamond", "invertedtriangular", "oval", "rectangular", "triangular")
BEARDS = ("full", "goatee", "mustache", "stubble")
STYLES = ("short", "side part", "full", "long", "shaved")
STYLE_SHARES = {"male": (0.40, 0.25, 0.18, 0.05, 0.12), "female": (0.06, 0.12, 0.30, 0.52, 0.0)}


@dataclass(frozen=True)
class Identity:
    """A person: the same in every image, whatever its attributes.

    Parameters
    ----------
    seed : int
        Of the population.
    index : int
        Place in the population.
    strength : float
        Scale of the deviations from the average shape; 1 doubles the default 0.5. Larger is easier to tell apart and
        looks less natural.
    changes : tuple of (str, float or str)
        What differs from the draw: the name of a field of `Traits` and the value it takes, or the name of a blend
        shape and what is added to its weight. The same person with another hair colour, say.
    """

    seed: int
    index: int
    strength: float = 0.5
    changes: tuple[tuple[str, float | str], ...] = ()

    @property
    def key(self) -> str:
        """A name that is equal for equal identities, for stored results."""
        changed = "".join(f"-{name}={value}" for name, value in self.changes)
        return f"{self.seed}-{self.index}-{self.strength:g}{changed}"

    @functools.cached_property
    def traits(self) -> "Traits":
        """What makes this person, drawn from the seed."""
        head = load_head()
        drawn = draw_traits(np.random.default_rng([self.seed, self.index]), self.strength, head)
        return change_traits(drawn, self.changes, head)


@dataclass(frozen=True)
class Traits:
    """The values behind an identity.

    Parameters
    ----------
    gender : float
        Of the mesh: 0 male, 1 female.
    ancestry : ndarray, shape (3,)
        Weights of the mesh's three ancestries, sum 1. Parameters of a mesh library, not people.
    weight, muscle : float
        0 to 1.
    shape : dict of str to float
        Blend weights of the face.
    tone : float
        Skin tone, 0 light to 5 dark.
    style : str
        One of `STYLES`.
    hair_color : float
        Own hair colour, on the attribute's line.
    beard : float
        Density, 0 none.
    lipstick, rosy : float
        Strength of lipstick and of red cheeks, 0 none to 1.
    brow : float
        Factor on the thickness and density of the eyebrows.
    beard_kind : str
        One of `BEARDS`.
    bald, grey : float
        Share of the scalp without hair, and of light grey in the hair's colour; 0 to 1.
    """

    gender: float
    ancestry: np.ndarray
    weight: float
    muscle: float
    shape: dict[str, float]
    tone: float
    style: str
    hair_color: float
    beard: float
    lipstick: float = 0.0
    rosy: float = 0.0
    brow: float = 1.0
    beard_kind: str = "full"
    bald: float = 0.0
    grey: float = 0.0


@checked
def sample_identities(n: int, seed: int = 0, *, strength: float = 0.5) -> list[Identity]:
    """Return the first n identities of a population.

    Parameters
    ----------
    n : int
        How many; the first k of n are the same for every n.
    seed : int
        Names the population.
    strength : float
        See `Identity`.

    Raises
    ------
    ValueError
        If n or seed is not an integer of at least 1 or 0, or the strength lies outside 0..2.
    """
    checks.at_least("n", n, 1)
    checks.at_least("seed", seed, 0)
    checks.between("strength", strength, 0, 2)
    return [Identity(int(seed), index, float(strength)) for index in range(n)]


def draw_traits(rng: np.random.Generator, strength: float, head: Head) -> Traits:
    """Draw one person."""
    gender = float(rng.beta(0.4, 0.4))
    ancestry = rng.dirichlet([0.35] * 3)
    weight = float(np.clip(0.5 + 0.18 * rng.standard_normal(), 0.05, 0.95))
    muscle = float(np.clip(0.5 + 0.18 * rng.standard_normal(), 0.05, 0.95))
    shape = draw_shape(rng, strength, head)
    tone = float(np.clip(ancestry @ np.array([4.3, 1.5, 0.8]) + 0.6 * rng.standard_normal(), 0, 5))
    style = STYLES[rng.choice(5, p=STYLE_SHARES["male" if gender < 0.5 else "female"])]
    dark_hair = 0.12 * rng.random()
    hair_color = float(np.clip(rng.beta(0.9, 2.6), 0, 0.9)) if tone < 1.8 else dark_hair
    beard = float(np.clip(rng.normal(0.1, 0.5), 0, 1)) * (gender < 0.5)
    lipstick = float(rng.uniform(0.3, 1) * (rng.random() < 0.3) * (gender > 0.6))
    rosy = float(np.clip(rng.normal(-0.05, 0.15), 0, 0.5))
    brow = float(np.exp(0.12 * rng.standard_normal()))
    beard_kind = BEARDS[rng.choice(4, p=(0.4, 0.2, 0.15, 0.25))]
    return Traits(
        gender, ancestry, weight, muscle, shape, tone, style, hair_color, beard, lipstick, rosy, brow, beard_kind
    )


def change_traits(traits: Traits, changes: tuple[tuple[str, float | str], ...], head: Head) -> Traits:
    """Return traits with named fields replaced and named blend weights added to.

    Raises
    ------
    ValueError
        If a name is neither a field of `Traits` that holds one value nor a blend shape of the head.
    """
    plain = tuple(f.name for f in fields(Traits) if f.name not in ("ancestry", "shape"))
    shape, values = dict(traits.shape), {}
    for name, value in changes:
        if name in head.names:
            shape[name] = shape.get(name, 0.0) + value
        else:
            values[checks.one_of("changes", name, (*plain, "shape:..."))] = value
    return replace(traits, shape=shape, **values)


def draw_shape(rng: np.random.Generator, strength: float, head: Head) -> dict[str, float]:
    """Draw the blend weights of the face: symmetric deviations, a little asymmetry, an outline."""
    weights = {}
    for sides, opposite in opposite_shapes(head.names):
        scale = SPREAD * strength * next((d for part, d in DAMPING.items() if part in sides[0]), 1.0)
        common = np.clip(scale * rng.standard_normal(), -1.1, 1.1)
        for side, other in zip(sides, opposite, strict=True):
            value = common + 0.12 * scale * rng.standard_normal() * (len(sides) > 1)
            weights[f"shape:{side if value >= 0 else other}"] = abs(value)
    for outline in OUTLINES:
        weights[f"shape:head-{outline}"] = 0.25 * strength * max(0.0, rng.standard_normal())
    for name in head.names:
        if name.startswith("asymmetry:"):
            weights[name] = 0.16 * strength * abs(rng.standard_normal())
    return weights


@functools.lru_cache(maxsize=2)
def opposite_shapes(names: tuple[str, ...]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return pairs of opposite shapes, left and right together: (positive names, negative names)."""
    shapes = {name.removeprefix("shape:") for name in names if name.startswith("shape:")}
    pairs = {}
    for name in sorted(shapes):
        for plus, minus in OPPOSITES:
            other = f"{name.removesuffix(plus)}{minus}"
            if name.endswith(f"-{plus}") and other in shapes:
                middle = name[2:] if name[:2] in ("l-", "r-") else name
                pairs.setdefault(middle, []).append((name, other))
    return [tuple(zip(*sides, strict=True)) for _, sides in sorted(pairs.items())]
