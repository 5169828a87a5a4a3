"""``python -m book.live FOLDER``: write what the page "Move a face yourself" loads.

``widgets`` gets the page's script, which every reader of the page loads, and ``live`` what it fetches when a reader
starts the network.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from book import whole
from book.live import people, runtime, script
from frlib import models
from frlib.models.onnx import export_onnx
from frlib.view import static

#: The smallest of the face networks.
NETWORK = "mobileface"
#: Loaded at the start; pictures of people come one by one.
STARTS_WITH = ("runtime.js", "runtime.wasm.gz", "network.onnx.gz", "people.json.gz")


def main(folder: Path) -> None:
    """Write everything into a folder, replacing what is there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".live-", dir=folder.parent))
    try:
        for room in ("live", "widgets"):
            (work / room).mkdir()
        write(work / "live")
        (work / "widgets" / f"{script.NAME}.js").write_text(script.classic_script(), encoding="utf-8")
        work.chmod(0o755)
        whole.put(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write(folder: Path) -> None:
    """Write runtime, network, people, pictures, and ``still.json``, which the page shows before it has them."""
    runtime.write(folder)
    embedder = models.load(NETWORK, device="cpu")
    export_onnx(embedder, folder / "network.onnx")
    runtime.pack(folder / "network.onnx.gz", (folder / "network.onnx").read_bytes())
    (folder / "network.onnx").unlink()
    known, files = people.gallery(embedder), people.pictures()
    runtime.pack(folder / "people.json.gz", static.json_for_script(people.table(known)).encode())
    for name, content in files.items():
        (folder / name).write_bytes(content)
    sizes = {name: (folder / name).stat().st_size for name in STARTS_WITH}
    still = people.still(embedder, known, next(iter(files.values())))
    (folder / "still.json").write_text(json.dumps(still | {"sizes": sizes}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    main(parser.parse_args().folder)
