"""``python -m frlib.report``: one HTML page on a face network, or on embeddings."""

import argparse
import re
import sys
import time
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
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report that the command line asks for, and return the exit status."""
    options = parser().parse_args(arguments)
    start = time.perf_counter()
    try:
        device = runtime.start(options.seed, options.device)
        page, name = report_on(options, device)
        path = page.write(options.output or f"report-{name}.html")
    except (ValueError, OSError, ImportError, NotImplementedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB, {time.perf_counter() - start:.0f} s)")
    return 0


def report_on(options: argparse.Namespace, device) -> tuple:
    """Return the page, and a name for its file."""
    target = Path(options.target)
    if target.suffix == ".npy":
        if options.labels is None:
            raise ValueError(f"labels must be given with embeddings: python -m frlib.report {target.name} labels.csv")
        return embeddings_page(target, options), as_file_name(target.stem)
    if options.labels is not None:
        raise ValueError(f"labels go with a file of embeddings (.npy); got {target.name!r} and {options.labels!r}")
    page = network_page(options, device)
    return page, as_file_name(page.title)


def embeddings_page(target: Path, options: argparse.Namespace):
    """Return the page on a file of embeddings."""
    from frlib.report import labelled, own_embeddings

    metric = options.metric or "cosine"
    found = labelled.read(target, options.labels, metric=metric, attributes=options.attributes)
    sizes = {"permutations": 99 if options.quick else 999, "max_images": options.max_images}
    return own_embeddings.report(found, target.stem, metric=metric, seed=options.seed, **sizes)


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
    from frlib.models import MODEL_CARDS, available, load

    target = Path(options.target)
    names = tuple(available()["name"])
    if target.suffix.lower() != ".onnx":
        if options.target not in names:
            accepted = f"a file .onnx, a file .npy with labels, or one of {', '.join(names)}"
            raise ValueError(f"target must be {accepted}; got {options.target!r}")
        given = [f"--{o}" for o in (*FILE_OPTIONS, "bgr") if getattr(options, o)]
        if given:
            raise ValueError(f"{given[0]} is for a file .onnx; {options.target} brings its own")
        return load(options.target, device), {"licence": MODEL_CARDS[options.target].licence}
    if not target.is_file():
        raise FileNotFoundError(f"there is no file {target}")
    from frlib.models.onnx import load_onnx

    name = f"{target.stem} (file)" if target.stem in (*names, f"{CONTROL}-random") else target.stem
    given = {option: getattr(options, option) for option in FILE_OPTIONS}
    given["output"] = given.pop("embedding")
    given = {option: value for option, value in given.items() if value is not None} | {"bgr": options.bgr}
    subject = load_onnx(target, device=device, name=name, **given)
    order, mean = "BGR" if options.bgr else "RGB", ", ".join(f"{m:g}" for m in subject.preprocess.mean)
    said = {"preprocessing": f"{order}, (x - ({mean})) × {subject.preprocess.scale:.4g}"}
    return subject, {"file": target.name, "sha256": store.file_digest(target)[:16]} | said


def as_file_name(text: str) -> str:
    """Return a text with only letters, digits and a few signs that every file system takes."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")[:80] or "report"


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(
        prog="python -m frlib.report",
        description="Write one HTML page on a face network or on embeddings.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("target", help="a network of ours by name, a file .onnx, or a file .npy of embeddings")
    p.add_argument("labels", nargs="?", help="table of labels (.csv), with embeddings")
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
    network.add_argument(
        "--against", nargs="*", metavar="NAME", help="networks to compare with (the four default ones)"
    )
    network.add_argument("--jobs", type=int, help="processes (all processors)")
    file = p.add_argument_group("file .onnx")
    file.add_argument("--crop", choices=("arcface", "wide"), help="how much of the head the network wants (arcface)")
    file.add_argument("--size", type=int, help="pixels of the input, if the file leaves them open")
    file.add_argument("--embedding", metavar="OUTPUT", help="which output is the embedding, if there are several")
    file.add_argument("--mean", type=float, nargs="+", help="subtracted from the channels, 0 to 255 (127.5)")
    file.add_argument("--scale", type=float, help="multiplies the rest (1/127.5)")
    file.add_argument("--bgr", action="store_true", help="the network wants blue first")
    embeddings = p.add_argument_group("embeddings")
    embeddings.add_argument(
        "--attributes", nargs="*", metavar="COLUMN", help="columns that are attributes (all others)"
    )
    embeddings.add_argument("--max-images", type=int, default=3000, help="most images for figures that keep all pairs")
    return p


if __name__ == "__main__":
    sys.exit(main())
