"""``python -m frlib.report``: one HTML page on a face network, on embeddings, or on photographs."""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from frlib import checks, runtime, store

CONTROL = "mobilefacenet"
FILE_OPTIONS = ("metric", "crop", "size", "embedding", "mean", "scale")
EPILOG = """\
labels.csv has one line per row of embeddings.npy, below a line with the names of the columns:
  identity             who is on the image (required)
  curve, varied, step  images of which one attribute was changed a little (optional): the name of the curve; the
                       attribute, empty for the centre; -1 or 1, 0 for the centre
  any other column     an attribute with two values: 1 and 0, 1 and -1, or true and false

PHOTOS/ is a folder with one sub-folder of photographs per person. With it, labels.csv has one line per photograph that
has labels, with the columns
  photograph           its path below the folder (required)
  any other column     an attribute, as above
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report that the command line asks for, and return the exit status."""
    options = parser().parse_args(arguments)
    start = time.perf_counter()
    try:
        check_output(Path(options.output or "report-.html"))
        device = runtime.start(options.seed, options.device)
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
            page, name = report_on(options, device)
        path = page.write(options.output or f"report-{name}.html")
    except (ValueError, OSError, ImportError, NotImplementedError, MemoryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB, {time.perf_counter() - start:.0f} s)")
    return 0


def check_output(path: Path) -> None:
    """Raise before the work begins where a page could not be written after it.

    Raises
    ------
    OSError
        If the path is a folder, or no file can be made there.
    """
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"--output must name a file that can be written; {path}: {error.strerror or error}") from error


def report_on(options: argparse.Namespace, device) -> tuple:
    """Return the page, and a name for its file."""
    target = Path(options.target)
    if target.suffix.lower() == ".npy":
        if options.labels is None:
            raise ValueError(f"labels must be given with embeddings: python -m frlib.report {target.name} labels.csv")
        return embeddings_page(target, options), store.as_file_name(target.stem)
    if target.is_dir():
        page = photographs_page(target, options, device)
        return page, store.as_file_name(page.title)
    if options.labels is not None:
        raise ValueError(
            f"labels go with a file of embeddings (.npy) or a folder of photographs; got {target.name!r} and "
            f"{options.labels!r}"
        )
    page = network_page(options, device)
    return page, store.as_file_name(page.title)


def embeddings_page(target: Path, options: argparse.Namespace):
    """Return the page on a file of embeddings."""
    from frlib.report import labelled, own_embeddings

    metric = options.metric or "cosine"
    found = labelled.read(target, options.labels, metric=metric, attributes=options.attributes)
    sizes = {"permutations": 99 if options.quick else 999, "max_images": options.max_images}
    return own_embeddings.report(found, target.stem, metric=metric, seed=options.seed, **sizes)


def photographs_page(target: Path, options: argparse.Namespace, device):
    """Return the page on a folder of photographs."""
    from frlib.datasets import find_faces, read_folder
    from frlib.models import DEFAULT_NETWORKS, load
    from frlib.report import own_photographs, photograph_labels
    from frlib.report.album import folder_name, names_of, some_of

    refuse_file_options(options, f"each network brings its own; {target} is a folder of photographs")
    checks.between("far", options.far, 1e-6, 0.5)
    target = target.expanduser()
    photographs = read_folder(target)
    own_photographs.check_folder(photographs, target)
    labels = None
    if options.labels is not None:
        paths = names_of(photographs, target)["photograph"]
        labels = photograph_labels.read_labels(options.labels, paths, options.attributes)
    names = names_of(photographs, target, numbers=options.numbers)
    networks = [CONTROL] if options.quick else DEFAULT_NETWORKS
    embedders = [load(name, device) for name in dict.fromkeys([*networks, *(options.against or ())])]
    part, names, labels, said = some_of(photographs, names, labels, options.max_images, options.seed)
    faces = find_faces(part, device, options.jobs)
    return own_photographs.report(
        part,
        faces,
        names,
        embedders,
        title="Photographs" if options.numbers else folder_name(target),
        labels=labels,
        far=options.far,
        pictured=options.thumbnails,
        numbered=options.numbers,
        drawn_from=said,
        permutations=99 if options.quick else 999,
        seed=options.seed,
        n_jobs=options.jobs,
    )


def refuse_file_options(options: argparse.Namespace, why: str) -> None:
    """Raise if an option was given that only a file .onnx takes.

    Raises
    ------
    ValueError
        If there is one; the message ends with the reason.
    """
    given = [f"--{option}" for option in (*FILE_OPTIONS, "bgr") if getattr(options, option)]
    if given:
        raise ValueError(f"{given[0]} is for a file .onnx; {why}")


def network_page(options: argparse.Namespace, device):
    """Return the page on a network."""
    from frlib.models import DEFAULT_NETWORKS, load
    from frlib.report.own_network import Sizes, report

    sizes = Sizes(3, 6, 3, 3) if options.quick else Sizes()
    given = {name: getattr(options, name) for name in ("identities", "points", "people", "images")}
    sizes = Sizes(**{name: getattr(sizes, name) if n is None else n for name, n in given.items()})
    against = options.against
    if against is None:
        against = [CONTROL] if options.quick else DEFAULT_NETWORKS
    subject, facts = load_subject(options, device)
    others = [load(name, device) for name in dict.fromkeys(against) if name != subject.name]
    control = load(CONTROL, device, weights="random")
    is_file = "file" in facts
    return report(
        subject, others, control, sizes=sizes, seed=options.seed, facts=facts, check_input=is_file, n_jobs=options.jobs
    )


def load_subject(options: argparse.Namespace, device):
    """Return the network of the report, and facts on where it comes from."""
    from frlib.models import available, load

    target = Path(options.target)
    names = tuple(available()["name"])
    if target.suffix.lower() != ".onnx":
        if options.target not in names:
            accepted = f"a file .onnx, a file .npy with labels, a folder of photographs, or one of {', '.join(names)}"
            raise ValueError(f"target must be {accepted}; got {options.target!r}")
        refuse_file_options(options, f"{options.target} brings its own")
        subject = load(options.target, device)
        return subject, {"licence": subject.licence}
    if not target.is_file():
        raise FileNotFoundError(f"there is no file {target}")
    from frlib.models.onnx import load_onnx

    title = target.stem.encode(errors="replace").decode()
    title = f"{title} (file)" if title in (*names, f"{CONTROL}-random") else title
    given = {option: getattr(options, option) for option in FILE_OPTIONS}
    given["output"] = given.pop("embedding")
    given = {option: value for option, value in given.items() if value is not None} | {"bgr": options.bgr}
    subject = load_onnx(target, device=device, name=title, **given)
    said = {"preprocessing": in_words(subject.preprocess)}
    if subject.network.size_was_open and options.size is None:
        said["input size"] = "open in the file; this is the first usual one with which it runs"
    return subject, {"file": target.name, "sha256": store.file_digest(target)[:16]} | said


def in_words(preprocess) -> str:
    """Return what happens to an image, as a formula."""
    colors = "grey" if preprocess.grey else "BGR" if preprocess.bgr else "RGB"
    mean, scale = (
        f"{values[0]:.4g}" if len({*values}) == 1 else f"({', '.join(f'{v:.4g}' for v in values)})"
        for values in (preprocess.mean, preprocess.scale)
    )
    return f"{colors}, (x - {mean}) × {scale}"


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(
        prog="python -m frlib.report",
        description="Write one HTML page on a face network, on embeddings, or on photographs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("target", help="a network by name, a file .onnx, a file .npy of embeddings, or a folder PHOTOS/")
    p.add_argument("labels", nargs="?", help="table of labels (.csv), with embeddings or photographs")
    p.add_argument("-o", "--output", help="the page; default: report-NAME.html")
    p.add_argument("--metric", choices=checks.METRICS, help="distance; default: cosine, or that of the named network")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--quick", action="store_true", help="tiny sizes, to see whether it runs")
    p.add_argument("--device", default="auto", help="auto, cpu or cuda")
    network = p.add_argument_group("network")
    network.add_argument("--identities", type=int, help="people for energies (6)")
    network.add_argument("--points", type=int, help="centres per person for energies (30)")
    network.add_argument("--people", type=int, help="people for recognition (20)")
    network.add_argument("--images", type=int, help="images per person for recognition (12)")
    against = "networks to compare with (the default ones); for photographs, networks beside the default ones"
    network.add_argument("--against", "--networks", nargs="*", metavar="NAME", help=against)
    network.add_argument("--jobs", type=int, help="processes (all processors)")
    photographs = p.add_argument_group("photographs")
    photographs.add_argument("--thumbnails", action="store_true", help="show small pictures of faces on the page")
    photographs.add_argument("--numbers", action="store_true", help="numbers in place of names of people and files")
    photographs.add_argument("--far", type=float, default=0.01, help="FAR of a second threshold (0.01)")
    file = p.add_argument_group("file .onnx")
    file.add_argument("--crop", choices=("arcface", "wide"), help="how much of the head the network wants (arcface)")
    file.add_argument("--size", type=int, help="pixels of the input, if the file leaves them open (a usual one)")
    file.add_argument("--embedding", metavar="OUTPUT", help="which output is the embedding, if there are several")
    file.add_argument("--mean", type=float, nargs="+", help="subtracted from 0 to 255; one number or three (127.5)")
    file.add_argument("--scale", type=float, nargs="+", help="multiplies the rest; one number or three (1/127.5)")
    file.add_argument("--bgr", action="store_true", help="the network wants blue first")
    embeddings = p.add_argument_group("embeddings and photographs")
    embeddings.add_argument(
        "--attributes", nargs="*", metavar="COLUMN", help="columns that are attributes (all others)"
    )
    embeddings.add_argument("--max-images", type=int, default=3000, help="most images for figures that keep all pairs")
    return p


if __name__ == "__main__":
    sys.exit(main())
