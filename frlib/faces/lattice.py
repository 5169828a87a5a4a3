"""The lattice of Leroy et al. (2025): all combinations of the rendered attributes, each with low-level variants."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import pandas as pd
import torch

from frlib import checks
from frlib.arguments import checked
from frlib.faces import pixels
from frlib.faces.attributes import ATTRIBUTES, PIXELS, RENDERED
from frlib.faces.crops import IMAGE_SIZES
from frlib.faces.drawing import Faces
from frlib.faces.generator.renderer import BATCH, render
from frlib.faces.generator.shared import SHARED
from frlib.faces.identity import Identity

#: The rendered attributes from the one that changes last to the one that changes first: images of one pose follow each
#: other, and among them those under one light, which differ in the colour of the hair. `render` draws what they share
#: once.
ORDER = (*SHARED, *(name for name in RENDERED if name not in SHARED))
#: Blocks of a part: the 9,375 drawings of a whole lattice are 11 parts.
BLOCKS_OF_PART = 10


@dataclass(frozen=True)
class Lattice(Faces):
    """The drawing of the lattice of one identity: all of its images, or those that random curves need.

    The more curves, the smaller the balls in which a point has a neighbour. Measured on a drawn person in mobileface:
    of 500 curves per attribute more than half are isolated at a scale of 0.1, of 2,000 a fifth. They need a tenth and a
    third of all images. Leaving out isolated points changes energies there by up to 0.04 and 0.02 (against 5,000).

    Parameters
    ----------
    identity : Identity
    side, low_level : int
        See `lattice_table`, whose rows are the images of the whole lattice.
    n_curves : int, optional
        Random curves per attribute, each equally likely, or all where there are no more. Default: all, and all images.
    n_images : int
        Images that are drawn at random beside the curves, each equally likely, at most all: the curves do not cover
        the lattice evenly, so that distances between their images have another mean.
    seed : int
        Seeds both draws, together with the index of the identity. The first k curves, and the first k images, are the
        same for every larger number.
    batch : int
        Drawn images per block. What images share is drawn once per block.
    source : optional
        Another object with `render`; default: the parametric generator.

    Raises
    ------
    ValueError
        If an argument is out of range, or there are several identities.
    """

    identity: Identity
    side: int = 5
    low_level: int = 5
    n_curves: int | None = None
    n_images: int = 1_000
    seed: int = 0
    batch: int = field(default=90, compare=False)
    source: object = None

    kind, attributes = "lattice", ()

    def __post_init__(self):
        if isinstance(self.identity, Sequence):
            raise ValueError(f"identity must be one Identity; got a sequence of {len(self.identity)}")
        _check_sizes(self.side, self.low_level)
        for name, least in {"n_curves": 2, "n_images": 2, "seed": 0, "batch": 1}.items():
            if getattr(self, name) is not None:
                checks.at_least(name, getattr(self, name), least)

    @property
    def key(self) -> dict:
        """What the images depend on, and the order in which they follow each other."""
        left_out = () if self.n_curves else ("n_curves", "n_images", "seed")
        left_out = (*left_out, "source") if self.source is None else left_out
        return {k: v for k, v in (super().key | {"order": ORDER}).items() if k not in left_out}

    @property
    def _whole(self) -> pd.DataFrame:
        return _shared_table(self.side, self.low_level)

    @functools.cached_property
    def _chosen(self) -> dict[str, pd.DataFrame]:
        """Curves by attribute, in a random order, as positions in the whole lattice."""
        found = {name: _shared_curves(self.side, self.low_level, name) for name in ATTRIBUTES}
        return {name: curves.iloc[self._draw(name, len(curves), self.n_curves)] for name, curves in found.items()}

    @functools.cached_property
    def _beside(self) -> np.ndarray:
        return self._draw("images", len(self._whole), self.n_images)

    def _draw(self, name: str, total: int, n: int | None) -> np.ndarray:
        """Return n of the numbers below a total, in a random order."""
        draws = np.random.default_rng([self.seed, self.identity.index, crc32(name.encode())])
        return draws.permutation(total)[:n]

    @functools.cached_property
    def _rows(self) -> np.ndarray:
        """The images that are drawn, as positions in the whole lattice."""
        if self.n_curves is None:
            return np.arange(len(self._whole))
        ends = [curves[["minus", "center", "plus"]].to_numpy().ravel() for curves in self._chosen.values()]
        return np.unique(np.concatenate([*ends, self._beside]))

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """Coordinates of each image that is drawn."""
        if self.n_curves is None:
            return self._whole
        return self._whole.iloc[self._rows].reset_index(drop=True)

    @functools.cached_property
    def curves(self) -> dict[str, pd.DataFrame]:
        """Curves by attribute: positions of minus, center and plus in the table, in a random order."""
        return {name: self._placed(curves[["minus", "center", "plus"]]) for name, curves in self._chosen.items()}

    @functools.cached_property
    def random_images(self) -> np.ndarray:
        """Positions in the table of the images that were drawn at random."""
        return self._placed(self._beside)

    def _placed(self, positions):
        """Return positions in the whole lattice as positions in the table."""
        found = np.searchsorted(self._rows, np.asarray(positions))
        return pd.DataFrame(found, columns=positions.columns) if isinstance(positions, pd.DataFrame) else found

    def draw(self, crops: Sequence[str], enlarged: float = 1.0) -> Iterator[dict[str, dict[str, torch.Tensor]]]:
        """Yield blocks of images by crop: see `frlib.clouds.Drawing`."""
        yield from self.draw_blocks(self.blocks(), crops, enlarged)

    def draw_blocks(self, blocks: Sequence[slice], crops: Sequence[str], enlarged: float = 1.0) -> Iterator[dict]:
        """Yield some of the `blocks`, as `draw` does."""
        sizes = {crop: round(enlarged * IMAGE_SIZES[crop]) for crop in crops}
        draw = render if self.source is None else self.source.render
        for rows in blocks:
            own = lattice_values(self.table.iloc[rows], self.side, self.low_level)
            yield {crop: {"points": _block(draw, self.identity, own, crop, size)} for crop, size in sizes.items()}

    def parts(self) -> list["LatticePart"]:
        """Return the drawings of `BLOCKS_OF_PART` blocks each: as pieces that are stored alone, and do not fill memory.

        Together they have the images of the lattice in their order. Blocks stay whole, so that the embeddings are
        those of the lattice, bit for bit.
        """
        blocks = self.blocks()
        starts = range(0, len(blocks), BLOCKS_OF_PART)
        return [LatticePart(self, blocks[k].start, blocks[k : k + BLOCKS_OF_PART][-1].stop) for k in starts]

    def blocks(self) -> list[slice]:
        """Return the rows of the table block after block: variants of one drawing stay together."""
        variants = len(variant_coordinates(self.low_level))
        drawing = self._rows // variants
        first = np.flatnonzero(np.diff(drawing, prepend=-1))[:: self.batch].tolist()
        return [slice(start, stop) for start, stop in zip(first, [*first[1:], len(drawing)], strict=True)]


@dataclass(frozen=True)
class LatticePart(Faces):
    """The drawing of some blocks of a lattice that follow each other: see `Lattice.parts`.

    Parameters
    ----------
    lattice : Lattice
    start, stop : int
        Its rows.
    """

    lattice: Lattice
    start: int
    stop: int

    kind, attributes = "lattice", ()

    @property
    def identity(self) -> Identity:
        """That of the lattice."""
        return self.lattice.identity

    @property
    def table(self) -> pd.DataFrame:
        """Coordinates of each image that is drawn."""
        return self.lattice.table.iloc[self.start : self.stop].reset_index(drop=True)

    def draw(self, crops: Sequence[str], enlarged: float = 1.0) -> Iterator[dict[str, dict[str, torch.Tensor]]]:
        """Yield blocks of images by crop: see `frlib.clouds.Drawing`."""
        own = [block for block in self.lattice.blocks() if self.start <= block.start < self.stop]
        yield from self.lattice.draw_blocks(own, crops, enlarged)


def _block(draw, identity: Identity, values: pd.DataFrame, crop: str, size: int) -> torch.Tensor:
    """Return images of a lattice, uint8 (n, size, size, 3); neighbours that differ in low levels alone are drawn once.

    ``draw`` is `render` or that of another source; ``values`` are of `lattice_values`, one row per image.
    """
    rendered, low = values[list(RENDERED)], values[list(PIXELS)]
    first = rendered.ne(rendered.shift()).any(axis=1).to_numpy()
    exact = draw(identity, rendered[first].to_dict("list"), crop=crop, size=size, dtype=torch.float32)
    of, images = torch.from_numpy(np.cumsum(first) - 1), torch.empty(len(values), size, size, 3, dtype=torch.uint8)
    for change, rows in low.groupby(list(PIXELS)).indices.items():
        # A few at a time stay in the cache of the processor.
        for few in torch.from_numpy(rows).split(BATCH):
            images[few] = changed(exact[of[few]], dict(zip(PIXELS, change, strict=True)))
    return images


@checked
def lattice_table(side: int = 5, low_level: int = 5) -> pd.DataFrame:
    """Return the coordinates of every image of the lattice.

    A rendered attribute takes the steps 0 to side + 1 of its range. The core is the hypercube of the steps 1 to side;
    in the extensions one attribute, and only one, is at step 0 or side + 1. So side^5 + 5 * 2 * side^4 images are
    drawn. A low-level attribute takes low_level steps, the middle one neutral, and only one differs from neutral: each
    drawn image has 1 + 3 (low_level - 1) variants. With 5 and 5 these are 9,375 drawn images and 121,875 in all.

    Parameters
    ----------
    side : int
        Steps of the core along each rendered attribute, at least 1.
    low_level : int
        Steps of each low-level attribute, odd and at least 3.

    Returns
    -------
    DataFrame of int
        One column per attribute. The drawn images stand in the order of `ORDER`; the variants of each follow each
        other, the neutral one first.

    Raises
    ------
    ValueError
        If an argument is too small, or low_level even.
    """
    _check_sizes(side, low_level)
    drawn, variants = drawn_coordinates(side), variant_coordinates(low_level)
    rows = np.hstack([np.repeat(drawn, len(variants), axis=0), np.tile(variants, (len(drawn), 1))])
    return pd.DataFrame(rows, columns=[*RENDERED, *PIXELS])


def _check_sizes(side: int, low_level: int) -> None:
    checks.at_least("side", side, 1)
    checks.at_least("low_level", low_level, 3)
    if low_level % 2 == 0:
        raise ValueError(f"low_level must be odd, so that its middle step is neutral; got {low_level}")


def drawn_coordinates(side: int) -> np.ndarray:
    """Return the steps of the drawn images, int (D, 5), in the order of `ORDER`."""
    inner, n = range(1, side + 1), len(RENDERED)
    blocks = [[inner] * n] + [[(0, side + 1) if j == k else inner for j in range(n)] for k in range(n)]
    steps = np.concatenate([np.stack(np.meshgrid(*block, indexing="ij"), -1).reshape(-1, n) for block in blocks])
    return steps[np.lexsort([steps[:, RENDERED.index(name)] for name in reversed(ORDER)])]


def variant_coordinates(low_level: int) -> np.ndarray:
    """Return the steps of the low-level variants, int (V, 3): neutral, then each attribute's other steps."""
    neutral = low_level // 2
    n, others = len(PIXELS), [step for step in range(low_level) if step != neutral]
    rows = [[step if j == k else neutral for j in range(n)] for k in range(n) for step in others]
    return np.array([[neutral] * n, *rows])


@checked
def lattice_values(table: pd.DataFrame, side: int = 5, low_level: int = 5) -> pd.DataFrame:
    """Return the attribute values, in natural units, at the coordinates of a lattice with these sizes.

    Step s is low + s (high - low) / last, where the last step is side + 1 or low_level - 1.

    Raises
    ------
    ValueError
        If the table is empty, a column is no attribute, or a step does not lie between 0 and the last one.
    """
    _check_sizes(side, low_level)
    checks.columns("table", table, list(table))
    for name in table:
        checks.one_of("table", name, tuple(ATTRIBUTES))
    last = {name: side + 1 if name in RENDERED else low_level - 1 for name in table}
    span = {name: (ATTRIBUTES[name].low, ATTRIBUTES[name].high) for name in table}
    for name in table:
        checks.between(f"table[{name!r}]", table[name], 0, last[name])
    return pd.DataFrame({n: low + table[n] / last[n] * (high - low) for n, (low, high) in span.items()})


@checked
def lattice_curves(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the curves of three images along an attribute: every image whose two neighbours are in the table too.

    The images that differ in this attribute alone form a group. At full size a rendered attribute has
    (5^4 + 4 * 2 * 5^3) * 13 = 21,125 groups, as many as the authors count: 5^4 * 13 lines of seven images, through
    the core, and 4 * 2 * 5^3 * 13 of five, beside it. They hold (5^4 * 5 + 4 * 2 * 5^3 * 3) * 13 = 79,625 curves. A
    low-level attribute has 9,375 groups of five images and 28,125 curves.

    Parameters
    ----------
    table : DataFrame of int
        From `lattice_table`.
    name : str
        An attribute.

    Returns
    -------
    DataFrame of int
        Columns minus, center, plus: positions of rows in the table, so that rows of embeddings in the same order are
        a field's differences and its points; and group, numbered from 0.

    Raises
    ------
    ValueError
        If the name is unknown, or the table does not hold steps, or an image twice.
    """
    checks.one_of("name", name, tuple(table))
    checks.columns("table", table, list(table), list(table))
    steps = table.to_numpy()
    checks.between("table", steps, 0, int(2 ** (62 / steps.shape[1])) - 3)  # keys are whole numbers of 64 bits
    radix = steps.max() + 3  # one free step at both ends: a neighbour's key never is another row's
    weights = radix ** np.arange(steps.shape[1], dtype=np.int64)
    keys = pd.Index((steps + 1) @ weights)
    if not keys.is_unique:
        raise ValueError(f"table must have each image once; got {len(keys) - keys.nunique()} more")
    column = list(table).index(name)
    minus, plus = (keys.get_indexer(keys + sign * weights[column]) for sign in (-1, 1))
    center = np.flatnonzero((minus >= 0) & (plus >= 0))
    group = pd.factorize(keys[center] - (steps[center, column] + 1) * weights[column])[0]
    return pd.DataFrame({"minus": minus[center], "center": center, "plus": plus[center], "group": group})


# Lattices of many people share these.
_shared_table = functools.lru_cache(maxsize=2)(lattice_table)


@functools.lru_cache(maxsize=2 * len(ATTRIBUTES))
def _shared_curves(side: int, low_level: int, name: str) -> pd.DataFrame:
    return lattice_curves(_shared_table(side, low_level), name)


def changed(exact: torch.Tensor, change: dict[str, float]) -> torch.Tensor:
    """Return float images with one low-level change each, rounded to uint8."""
    given = {name: torch.full((len(exact),), value) for name, value in change.items() if value != 0}
    return pixels.change(exact, given).round().to(torch.uint8)
