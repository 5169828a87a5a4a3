"""Training sets of fixed images and their variations: what a network can be fine-tuned on, and tested with."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from frlib import checks
from frlib.arguments import checked
from frlib.clouds import Drawing, drawn
from frlib.models.embedder import check_images

#: Name of copies of the fixed image: the variation that varies in nothing.
NOTHING = "nothing"


@dataclass(frozen=True)
class Variations:
    """One fixed image of each identity, and the same number of variations of it.

    Parameters
    ----------
    fixed : Tensor, shape (n, S, S, 3)
        RGB in 0..255, one per identity.
    varied : Tensor, shape (n, V, S, S, 3)
        Variations of the fixed image of the same row.
    names : tuple of V str
        What each variation varies in.

    Raises
    ------
    ValueError
        If shapes do not fit, values are no images, there are fewer than two identities, or no identity has a second
        image.
    """

    fixed: torch.Tensor
    varied: torch.Tensor
    names: tuple[str, ...]

    def __post_init__(self):
        check_images(self.fixed)
        checks.at_least("the number of identities", len(self.fixed), 2)
        n, *look = self.fixed.shape
        if self.varied.ndim != 5 or list(self.varied.shape[2:]) != look or len(self.varied) != n:
            raise ValueError(
                f"varied must have shape ({n}, V, {', '.join(map(str, look))}) beside fixed; got "
                f"{tuple(self.varied.shape)}"
            )
        if not self.varied.shape[1]:
            raise ValueError("varied must hold at least one variation: no identity has two images")
        if len(self.names) != self.varied.shape[1]:
            raise ValueError(f"names must be one per variation, {self.varied.shape[1]}; got {len(self.names)}")
        check_images(self.varied.flatten(0, 1))

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names, each once."""
        return tuple(dict.fromkeys(self.names))

    def first(self, n: int) -> "Variations":
        """Return those of the first n identities."""
        n = int(checks.between("n", n, 2, len(self.fixed)))
        return Variations(self.fixed[:n], self.varied[:n], self.names)

    def only(self, attributes: Sequence[str]) -> "Variations":
        """Return the variations in some of the attributes.

        Raises
        ------
        ValueError
            If an attribute is unknown.
        """
        for name in attributes:
            checks.one_of("attributes", name, self.attributes)
        kept = [k for k, name in enumerate(self.names) if name in attributes]
        return Variations(self.fixed, self.varied[:, kept], tuple(self.names[k] for k in kept))


@checked
def draw_variations(
    drawings: Sequence[Drawing], crop: str = "arcface", *, n_jobs: int | None = None, progress: bool = True
) -> Variations:
    """Draw the fixed image of each identity, both ends of the curves through it, and two copies of it.

    Paper A (fine-tuning) gives every fixed image two variations per attribute. The copies, called ``nothing``, are
    for a control that is trained for as long and sees no variation.

    Parameters
    ----------
    drawings : sequence of Drawing
        Of one point each, with the same attributes: ``Curves(identity, 1)`` for example. Images are stored.
    crop : str
        The one that the network wants.
    n_jobs, progress
        As in `frlib.runtime.spread`.

    Raises
    ------
    ValueError
        If a drawing has more than one point, none that was found, or no ends, attributes differ, or there are fewer
        than two drawings.
    """
    checks.at_least("the number of drawings", len(drawings), 2)
    attributes = drawings[0].attributes
    for drawing in drawings:
        if len(drawing.table) != 1 or drawing.attributes != attributes:
            raise ValueError(
                f"drawings must have one point each and the attributes {attributes}; got one with "
                f"{len(drawing.table)} points and {drawing.attributes}"
            )
    ends = [f"{end} {name}" for name in attributes for end in ("minus", "plus")]
    images = drawn(drawings, crop, n_jobs=n_jobs, progress=progress)
    for drawing, own in zip(drawings, images, strict=True):
        if not ends or not {*ends} <= own.keys() or not len(own["points"]):
            counts = {name: len(batch) for name, batch in own.items()}
            raise ValueError(f"drawings must have a point and both ends of each curve; got {drawing.kind} of {counts}")
    varied = torch.stack([torch.cat([own[part] for part in [*ends, "points", "points"]]) for own in images])
    names = tuple(name for name in [*attributes, NOTHING] for _ in range(2))
    return Variations(torch.cat([own["points"] for own in images]), varied, names)
