"""``python -m frlib.models``: fetch and convert networks, so that everything after it works offline; add your own."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from frlib.checks import METRICS
from frlib.models import DownloadError, add, available, remove
from frlib.models.catalogue import put_in_place, stored_path
from frlib.models.embedder import CROPS
from frlib.models.networks import NETWORKS

EPILOG = """\
python -m frlib.models add FILE.onnx NAME   gives a network of yours a name; add --help shows its options
python -m frlib.models remove NAME          takes it away again
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command = {"add": added, "remove": removed}.get(arguments[0] if arguments else "")
    try:
        return command(arguments[1:]) if command else fetched(arguments)
    except (DownloadError, OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def fetched(arguments: Sequence[str]) -> int:
    """Fetch and convert networks, and print one line for each; or print the table of all."""
    parser = argparse.ArgumentParser(
        prog="python -m frlib.models",
        description="Fetch networks. Without names: those that the chapters use.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks of the list")
    parser.add_argument("--list", action="store_true", help="show all networks, and which are here")
    parser.add_argument("--sha256", metavar="HEX", help="of the one named network, where none is published")
    parser.add_argument("--file", type=Path, help="the file of the one named network, if it is here already")
    options = parser.parse_args(arguments)
    if options.list:
        print(available().drop(columns="source").to_string(index=False))
        return 0
    if (options.sha256 or options.file) and len(options.names) != 1:
        parser.error("--sha256 and --file go with one NAME")
    print(f"{'network':<24}{'size MB':>9}{'seconds':>9}{'fetched MB':>12}")
    for name in options.names or NETWORKS:
        in_place(name, sha256=options.sha256, file=options.file)
    return 0


def in_place(name: str, **given) -> None:
    """Fetch and convert a network where it is not in place, or not whole, and print a line."""
    start = time.perf_counter()
    downloaded = put_in_place(name, **given)
    size, seconds = stored_path(name).stat().st_size / 1e6, time.perf_counter() - start
    print(f"{name:<24}{size:>9.1f}{seconds:>9.1f}{downloaded / 1e6:>12.1f}", flush=True)


def added(arguments: Sequence[str]) -> int:
    """Give an ONNX file a name."""
    parser = argparse.ArgumentParser(
        prog="python -m frlib.models add", description="Give an ONNX file a name that chapters and report accept."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("name")
    parser.add_argument("--metric", choices=METRICS, default="cosine")
    parser.add_argument("--crop", choices=CROPS, default="arcface", help="how much of the head it wants (arcface)")
    parser.add_argument("--size", type=int, help="pixels of the input, if the file leaves them open")
    parser.add_argument("--output", help="which output is the embedding, if there are several")
    parser.add_argument("--mean", type=float, nargs="+", default=127.5, help="one number or three (127.5)")
    parser.add_argument("--scale", type=float, nargs="+", default=1 / 127.5, help="one number or three (1/127.5)")
    parser.add_argument("--bgr", action="store_true", help="it wants blue first")
    parser.add_argument("--licence", default="", help="what you know of its terms")
    options = vars(parser.parse_args(arguments))
    print(add(options.pop("file"), options.pop("name"), **options))
    return 0


def removed(arguments: Sequence[str]) -> int:
    """Take away networks that were added."""
    parser = argparse.ArgumentParser(prog="python -m frlib.models remove")
    parser.add_argument("names", nargs="+", metavar="NAME")
    for name in parser.parse_args(arguments).names:
        remove(name)
        print(f"{name} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
