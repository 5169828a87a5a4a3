"""What was found in photographs, on disk: a file for all photographs whose sha256 begins alike."""

from collections.abc import Mapping

import torch

from frlib import store
from frlib.datasets.detection import MARGIN
from frlib.datasets.one_photograph import LANDMARKS, PROBABLE, SEARCHED, WIDE, Found


def _part_parameters(part: str) -> dict:
    return {"landmarks": LANDMARKS, "searched": [*SEARCHED, WIDE], "margin": MARGIN, "probable": PROBABLE, "part": part}


def stored_part(part: str) -> dict[str, Found]:
    """Return what is stored of files whose sha256 begins with ``part``, by digest."""
    arrays = store.load_each("found-faces", {part: _part_parameters(part)}).get(part)
    if arrays is None:
        return {}
    names = [bytes(row).hex() for row in arrays["digests"].tolist()]
    rows = zip(arrays["numbers"].tolist(), arrays["landmarks"], strict=True)
    return {name: Found(int(n), p, s, marks) for name, ((n, p, s), marks) in zip(names, rows, strict=True)}


def store_part(part: str, found: Mapping[str, Found]) -> None:
    """Add what was found in files whose sha256 begins with ``part`` to what is stored."""
    together = stored_part(part) | dict(found)
    if not together:
        return
    arrays = {
        "digests": torch.tensor([list(bytes.fromhex(digest)) for digest in together], dtype=torch.uint8),
        "numbers": torch.tensor([one[:3] for one in together.values()], dtype=torch.float64),
        "landmarks": torch.stack([one.landmarks for one in together.values()]),
    }
    parameters = _part_parameters(part)
    store.save_arrays(store.result_file("found-faces", parameters), arrays, parameters)
