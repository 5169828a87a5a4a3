"""The attributes of a face, with the ranges of Leroy et al. (2025), Table 5, in natural units.

The table gives no numbers for light ("right to left"), expression and image quality; theirs are ours.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch

from frlib import checks


class Attribute(NamedTuple):
    """Range, unit and kind of an attribute.

    Parameters
    ----------
    low, high : float
        The range; values outside are an error.
    unit : str
    kind : {"rendered", "pixels"}
        Whether a change needs a new drawing or is an operation on the pixels of a drawn image.
    neutral : float or None
        The value of a missing attribute; None stands for the identity's own.
    """

    low: float
    high: float
    unit: str
    kind: str
    neutral: float | None


#: Name to `Attribute`, in the paper's order.
ATTRIBUTES: Mapping[str, Attribute] = {
    "head_angle": Attribute(-45, 45, "degrees, positive to the subject's left", "rendered", 0),
    "age": Attribute(15, 75, "years", "rendered", 30),
    "hair_color": Attribute(0, 1, "along the line from RGB (52, 31, 10) to (215, 214, 124)", "rendered", None),
    "illumination": Attribute(-75, 75, "degrees of azimuth, positive from the subject's left", "rendered", 0),
    "expression": Attribute(0, 1, "neutral to wide smile", "rendered", 0),
    "brightness": Attribute(-50, 50, "added to 8-bit values", "pixels", 0),
    "hue": Attribute(-4, 4, "half degrees of hue, the 8-bit unit", "pixels", 0),
    "image_quality": Attribute(-1, 1, "blur to contrast", "pixels", 0),
}
RENDERED = tuple(name for name, attribute in ATTRIBUTES.items() if attribute.kind == "rendered")
PIXELS = tuple(name for name, attribute in ATTRIBUTES.items() if attribute.kind == "pixels")
#: Length of a step along a curve as a share of an attribute's range, by kind, as in paper A's lattice.
STEPS = {"rendered": 1 / 6, "pixels": 1 / 4}


def step_of(name: str, share: float | None = None) -> float:
    """Return the length of a step along an attribute, in its unit, for a share of its range; default: `STEPS`."""
    attribute = ATTRIBUTES[name]
    return (share or STEPS[attribute.kind]) * (attribute.high - attribute.low)


def check_attributes(attributes: Mapping, n: int | None = None) -> dict[str, torch.Tensor]:
    """Return the given attributes as float32 vectors of one common length.

    Parameters
    ----------
    attributes : mapping of name to scalar or sequence
    n : int, optional
        The length that the vectors must have; scalars are repeated. Default: that of the longest.

    Raises
    ------
    ValueError
        If a name is unknown, a value lies outside its range, or lengths differ.
    """
    if not isinstance(attributes, Mapping):
        raise ValueError(f"attributes must be a mapping of name to value; got {type(attributes).__name__}")
    vectors = {}
    for name, value in attributes.items():
        checks.one_of("attributes", name, tuple(ATTRIBUTES))
        if not _is_numeric(value):
            raise ValueError(f"attributes[{name!r}] must be a number or a non-empty sequence of numbers; got {value!r}")
        checks.between(f"attributes[{name!r}]", value, ATTRIBUTES[name].low, ATTRIBUTES[name].high)
        vectors[name] = torch.as_tensor(value, dtype=torch.float32).detach().cpu()
    lengths = {len(v) for v in vectors.values() if v.ndim}
    n = n if n is not None else max(lengths, default=1)
    for name, vector in vectors.items():
        if vector.ndim > 1 or (vector.ndim == 1 and len(vector) not in (1, n)):
            raise ValueError(
                f"attributes[{name!r}] must be a scalar or have {n} values; got shape {tuple(vector.shape)}"
            )
        vectors[name] = vector.reshape(-1).expand(n)
    return vectors


def batch_of(identity, attributes: Mapping | None, kind: type) -> tuple[list, dict[str, torch.Tensor]]:
    """Return N identities of a kind and the checked attributes, each of N values."""
    several = isinstance(identity, Sequence)
    if not all(isinstance(person, kind) for person in (identity if several else [identity])):
        wanted = f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"
        raise ValueError(f"identity must be {wanted} or a sequence of them; got {type(identity).__name__}")
    if several and not identity:
        raise ValueError(f"identity must hold at least one {kind.__name__}; got an empty sequence")
    values = check_attributes(attributes or {}, len(identity) if several else None)
    n = max((len(v) for v in values.values()), default=1)
    return list(identity) if several else [identity] * n, values


def batches(people: list, values: Mapping, size: int) -> Iterator[tuple[list, dict[str, torch.Tensor]]]:
    """Yield identities and attributes of at most ``size`` images after the other."""
    for i in range(0, len(people), size):
        yield people[i : i + size], {name: vector[i : i + size] for name, vector in values.items()}


def _is_numeric(value) -> bool:
    """Return whether a value becomes a tensor of at least one number."""
    try:
        return torch.as_tensor(value).numel() > 0
    except (TypeError, ValueError, RuntimeError):
        return False
