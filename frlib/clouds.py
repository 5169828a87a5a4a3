"""From drawings to clouds: what is drawn, embedded and stored, and the one container between networks and numbers.

A drawing knows its images without having them. `embed` is the only place that draws, embeds and stores.
"""

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd
import torch

from frlib import checks, store
from frlib.arguments import checked
from frlib.geometry import central_difference, coincide, displacement, unit_distance
from frlib.models.embedder import FaceEmbedder
from frlib.models.layers import LayerNetwork
from frlib.models.onnx import FileNetwork
from frlib.runtime import spread

# Part of the name of every stored cloud: raise it when the same images would get other embeddings.
EMBEDDING = 1


class Drawing(Protocol):
    """Images that can be drawn at any time, the same whenever they are.

    `frlib.faces` has curves, tangents, portraits, people and lattices; `frlib.datasets.Detected` cuts any of them anew,
    and `frlib.datasets.Crops` has the photographs of a person.

    Attributes
    ----------
    kind : str
        First part of the names of stored files.
    key : dict
        All that the images depend on, as plain JSON values; versions of code included.
    attributes : tuple of str
        Attributes that have ends or directions.
    identity : object
        Has an ``index``; None for several people.
    table : DataFrame
        Attribute values, one row per point.
    """

    kind: str
    key: dict
    attributes: tuple[str, ...]
    identity: object
    table: pd.DataFrame

    def draw(self, crops: Sequence[str], enlarged: float = 1.0) -> Iterator[dict[str, dict[str, torch.Tensor]]]:
        """Yield the images block after block, so that not all need to be in memory: for each crop, by name.

        ``points`` are the images themselves (N, size, size, 3), ``minus NAME`` and ``plus NAME`` the ends of curves
        along an attribute, ``along NAME`` the derivative of the points by it, and ``found`` says which of the planned
        rows are there (bool), if not all are. Images are larger than usual by the factor ``enlarged``.
        """


@dataclass(frozen=True)
class Cloud:
    """Embeddings of the images of one identity in one network, and how attributes move them.

    Functions of `frlib.geometry` take a cloud in place of its points, fields or ends, and of its metric.

    Parameters
    ----------
    points : Tensor, shape (N, d)
        Raw embeddings.
    minus, plus : mapping of attribute to Tensor, shape (N, d)
        Raw embeddings one step down and up along each attribute; may be empty.
    metric : {"cosine", "euclidean"}
        The network's own.
    network : str
    identity : int, optional
        Place of the identity in its population.
    table : DataFrame, N rows, optional
        Attribute values of the images.
    directions : mapping of attribute to Tensor, shape (N, d)
        Vectors of any length that are known otherwise, where there are no ends: exact tangents, for example.

    Raises
    ------
    ValueError
        If the points are no tensor, the metric is unknown, or the ends do not name the same attributes.
    """

    points: torch.Tensor
    minus: Mapping[str, torch.Tensor] = field(default_factory=dict)
    plus: Mapping[str, torch.Tensor] = field(default_factory=dict)
    metric: str = "cosine"
    network: str = ""
    identity: int | None = None
    table: pd.DataFrame | None = None
    directions: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def __post_init__(self):
        checks.instance("points", self.points, torch.Tensor)
        checks.instance("network", self.network, str)
        checks.one_of("metric", self.metric, checks.METRICS)
        if set(self.minus) != set(self.plus):
            raise ValueError(f"plus must have the attributes of minus, {list(self.minus)}; got {list(self.plus)}")

    @functools.cached_property
    def fields(self) -> dict[str, torch.Tensor]:
        """Vectors (N, d) per attribute: `frlib.geometry.central_difference` of the ends, and the given directions."""
        found = {a: central_difference(self.minus[a], self.plus[a], metric=self.metric) for a in self.minus}
        return found | dict(self.directions)

    @functools.cached_property
    def displacements(self) -> dict[str, torch.Tensor]:
        """Distances (N,) from one end of a curve to the other, per attribute, in the unit of the metric."""
        return {a: displacement(self.minus[a], self.plus[a], metric=self.metric) for a in self.minus}

    @functools.cached_property
    def mean_distance(self) -> float:
        """Mean pair distance of the points, the unit of the scales; there is none if they coincide."""
        return unit_distance(self.points, metric=self.metric)

    @functools.cached_property
    def coincides(self) -> bool:
        """Whether all points are one, up to rounding, so that the cloud has no energies."""
        return coincide(self.points, metric=self.metric)

    def along(self, attribute: str, curves: pd.DataFrame) -> "Cloud":
        """Return the cloud of curves along one attribute between the points, each of three of them.

        Parameters
        ----------
        attribute : str
        curves : DataFrame of int
            Columns minus, center and plus: rows of the points, as `frlib.faces.Lattice` has them.
        """
        minus, center, plus = (
            self.points[torch.tensor(curves[part].to_numpy())] for part in ("minus", "center", "plus")
        )
        table = None if self.table is None else self.table.iloc[curves["center"]].reset_index(drop=True)
        of = self.metric, self.network, self.identity, table
        return Cloud(center, {attribute: minus}, {attribute: plus}, *of)

    def only(self, rows=slice(None), attributes=None) -> "Cloud":
        """Return the cloud of some of the points, or with some of the attributes.

        Parameters
        ----------
        rows : slice, or sequence of int or bool
        attributes : sequence of str, optional
            Default: all.

        Raises
        ------
        ValueError
            If the cloud has no such attribute.
        """
        own = (*self.minus, *self.directions)
        kept = own if attributes is None else checks.sequence("attributes", attributes)
        for attribute in kept:
            checks.one_of("attributes", attribute, own)
        minus, plus, directions = (
            {a: vectors[rows] for a, vectors in part.items() if a in kept}
            for part in (self.minus, self.plus, self.directions)
        )
        table = None if self.table is None else self.table.iloc[rows]
        return Cloud(self.points[rows], minus, plus, self.metric, self.network, self.identity, table, directions)


@checked
def embed(
    drawings: Sequence[Drawing], networks: Sequence[FaceEmbedder], *, n_jobs: int | None = None, progress: bool = True
) -> dict[str, list[Cloud]]:
    """Draw what is missing, embed it, store it, and return the clouds.

    Networks that want the same crop share the images. Results are kept in the user's cache under everything that they
    depend on, so that a second call reads, one more network or drawing costs only itself, and a run that was cut off
    goes on where it ended. Drawings run through `frlib.runtime.spread`, on the backend of `joblib.parallel_config`;
    workers of a cluster must share the cache folder.

    Parameters
    ----------
    drawings : sequence of Drawing
    networks : sequence of FaceEmbedder
    n_jobs, progress
        As in `frlib.runtime.spread`.

    Returns
    -------
    dict of network name to list of Cloud
        One cloud per drawing.

    Raises
    ------
    ValueError
        If there is no drawing or no network, or two networks have one name.
    """
    drawings = _checked(drawings, networks)
    keys = {e.name: network_key(e) for e in networks}
    # What is stored is read here: workers would first have to be sent the networks.
    found = [store.load_each(d.kind, embedding_keys(d, keys)) for d in drawings]
    tasks, places = _tasks(drawings, networks, keys, found)
    run = {"n_jobs": n_jobs, "device": networks[0].device, "progress": progress}
    for own, built in zip(places, spread(_embedded, tasks, description="drawings", **run), strict=True):
        for place, arrays in zip(own, built, strict=True):
            found[place] |= arrays
    return {e.name: [_cloud(d, e, own[e.name]) for d, own in zip(drawings, found, strict=True)] for e in networks}


@checked
def fill(
    drawings: Sequence[Drawing], networks: Sequence[FaceEmbedder], *, n_jobs: int | None = None, progress: bool = True
) -> int:
    """Store what `embed` would return, for more than memory holds: a process has one drawing at a time.

    Parameters
    ----------
    drawings, networks, n_jobs, progress
        As in `embed`.

    Returns
    -------
    int
        How many drawings were not stored in all networks.

    Raises
    ------
    OSError
        If the cache cannot be written.
    ValueError
        As in `embed`.
    """
    drawings = _checked(drawings, networks)
    if not store.can_be_written(folder := store.cache_folder("results")):
        raise OSError(f"{folder} cannot be written, and nothing would be kept. {store.REMEDY}")
    keys = {e.name: network_key(e) for e in networks}
    missing = [store.absent(d.kind, embedding_keys(d, keys)) for d in drawings]
    tasks, places = _tasks(drawings, networks, keys, [keys.keys() - own for own in missing])
    run = {"n_jobs": n_jobs, "device": networks[0].device, "progress": progress}
    spread(_stored, tasks, description="drawings", **run)
    return sum(map(len, places))


def _checked(drawings: Sequence[Drawing], networks: Sequence[FaceEmbedder]) -> list[Drawing]:
    names = [e.name for e in networks]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"networks must be at least one, with different names; got {names}")
    if not (drawings := list(drawings)):
        raise ValueError("drawings must hold at least one drawing; got none")
    return drawings


@checked
def images_of(drawing: Drawing, crop: str = "arcface") -> torch.Tensor:
    """Return the images of the points of a drawing, (N, size, size, 3)."""
    return torch.cat([block[crop]["points"] for block in drawing.draw([crop])])


@checked
def drawn(
    drawings: Sequence[Drawing], crop: str = "arcface", *, n_jobs: int | None = None, progress: bool = True
) -> list[dict[str, torch.Tensor]]:
    """Return the images of drawings by name, for networks that are to be trained on them; they are stored.

    Parameters
    ----------
    drawings : sequence of Drawing
    crop : str
        One that a network wants.
    n_jobs, progress
        As in `frlib.runtime.spread`.
    """
    tasks, run = [(drawing, crop) for drawing in drawings], {"n_jobs": n_jobs, "progress": progress}
    return spread(_stored_images, tasks, description="images", **run)


def _stored_images(drawing: Drawing, crop: str) -> dict[str, torch.Tensor]:
    """Return the images of one drawing, from the store or drawn now."""

    def build() -> dict[str, torch.Tensor]:
        blocks = [block[crop] for block in drawing.draw([crop])]
        return {name: torch.cat([block[name] for block in blocks]) for name in blocks[0]}

    return store.load_or_build(f"{drawing.kind}-images", drawing.key | {"wanted": crop}, build)


@checked
def network_content(network: torch.nn.Module) -> dict:
    """Return what tells a network from others, as plain JSON values: its weights, and the layers that read them."""
    weights = network.state_dict()
    # Means of pixels, for example, have no weights, and would all be one.
    if not weights:
        return {"weights": repr(network)}
    own = {"weights": store.arrays_digest(weights)}
    # Networks of one file or catalogue have weights of their own; what was stored under these keeps its name.
    return own if isinstance(network, LayerNetwork | FileNetwork) else own | {"layers": repr(network)}


@checked
def network_key(embedder: FaceEmbedder) -> dict:
    """Return what embeddings depend on beside the images, as plain JSON values."""
    # "wanted", because a drawing may have a crop of its own among its parameters, or the wish for none.
    own = {"input": repr(embedder.preprocess), "wanted": embedder.crop}
    return {"version": EMBEDDING} | network_content(embedder.network) | own


def _tasks(drawings, networks, keys: dict, found: Sequence) -> tuple[list[tuple], list[list[int]]]:
    """Return arguments of `_embedded` for drawings that are not found in all networks, and the drawings' places."""
    together = defaultdict(list)
    for place, own in enumerate(found):
        together[tuple(e.name for e in networks if e.name not in own)].append(place)
    together.pop((), None)
    # Networks travel with each task: several drawings share one where there are many.
    size = -(-sum(map(len, together.values())) // 50)
    parts = [(names, some[k : k + size]) for names, some in together.items() for k in range(0, len(some), size)]
    tasks = [([drawings[k] for k in own], [e for e in networks if e.name in names], keys) for names, own in parts]
    return tasks, [own for _, own in parts]


@checked
def embedding_keys(drawing: Drawing, keys: Mapping[str, dict]) -> dict[str, dict]:
    """Return what the embeddings of a drawing depend on, by network; ``keys`` are those of the networks."""
    return {name: key | drawing.key for name, key in keys.items()}


def _embedded(drawings: Sequence[Drawing], networks: Sequence[FaceEmbedder], keys: Mapping[str, dict]) -> list[dict]:
    """Return the embeddings of each drawing by network and name, from the store or drawn now."""
    keys = {e.name: keys[e.name] for e in networks}

    def of_one(drawing: Drawing) -> dict[str, dict[str, torch.Tensor]]:
        def build(missing: list[str]) -> dict[str, dict[str, torch.Tensor]]:
            return _drawn_and_embedded(drawing, [e for e in networks if e.name in missing])

        return store.load_or_build_each(drawing.kind, embedding_keys(drawing, keys), build)

    return [of_one(drawing) for drawing in drawings]


def _stored(drawings: Sequence[Drawing], networks: Sequence[FaceEmbedder], keys: Mapping[str, dict]) -> None:
    """Store the embeddings of each drawing, and keep none."""
    for drawing in drawings:
        _embedded([drawing], networks, keys)


def _drawn_and_embedded(drawing: Drawing, networks: Sequence[FaceEmbedder]) -> dict[str, dict[str, torch.Tensor]]:
    """Return the embeddings of a drawing by network and name; networks that want the same crop share its images."""
    parts = defaultdict(lambda: defaultdict(list))
    for block in drawing.draw(tuple(dict.fromkeys(e.crop for e in networks))):
        for e in networks:
            for name, array in _through(e, block[e.crop]).items():
                parts[e.name][name].append(array)
    return {name: {k: torch.cat(v) for k, v in of.items()} for name, of in parts.items()}


def _through(embedder: FaceEmbedder, images: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the embeddings of the images of a block, and the derivatives along their directions."""
    plain = {name: batch for name, batch in images.items() if name.split()[0] in ("points", "minus", "plus")}
    together = torch.cat(list(plain.values()))
    rows = embedder.embed(together, progress=False) if len(together) else torch.empty(0, embedder.dim)
    found = dict(zip(plain, rows.split([len(batch) for batch in plain.values()]), strict=True))
    for name in images.keys() - plain.keys():
        along = name.startswith("along ")
        found[name] = embedder.push_forward(images["points"], images[name]) if along else images[name]
    return found


def _cloud(drawing: Drawing, embedder: FaceEmbedder, arrays: Mapping[str, torch.Tensor]) -> Cloud:
    """Return stored arrays as a cloud; a file does not keep the order of its arrays, the drawing knows it."""
    minus, plus, along = (
        {a: arrays[f"{part} {a}"] for a in drawing.attributes if f"{part} {a}" in arrays}
        for part in ("minus", "plus", "along")
    )
    table = drawing.table[arrays["found"].numpy()] if "found" in arrays else drawing.table
    index = None if drawing.identity is None else drawing.identity.index
    return Cloud(arrays["points"], minus, plus, embedder.metric, embedder.name, index, table, along)
