"""The program that runs an ONNX file in a browser: two files of the npm package onnxruntime-web.

Of seven versions tried, from 1.12.1 to 1.30.0, the first is the smallest: 2.2 MB gzipped, against 2.9 of 1.22.0 and 3.7
of the last. It has a build for one thread, which asks for no worker and no shared memory.
"""

import gzip
from pathlib import Path

from frlib.models.convert.packages import Package, fetch, files_of

PACKAGE = Package("npm", "onnxruntime-web", "1.12.1", 14_142_897)
SCRIPT, PROGRAM = files_of(
    PACKAGE,
    "package/dist/ort",
    {
        ".wasm-core.min.js": "e70b69ffd201add17f7f7039d73025bd66d9e5177c49a1f52b56f2251d00c529",
        "-wasm-simd.wasm": "be03613b7a8a37f09a6710b06b1035a07b0fef017902553763a3d1987dfaef65",
    },
)


def write(folder: Path) -> None:
    """Write both files into a folder; fetch their package first if they are not kept."""
    fetch([SCRIPT, PROGRAM], progress=False)
    (folder / "runtime.js").write_bytes(SCRIPT.local.read_bytes())
    pack(folder / "runtime.wasm.gz", PROGRAM.local.read_bytes())


def pack(path: Path, content: bytes) -> None:
    """Write a file gzipped, because few servers do it for a file of this kind; the same bytes at any time."""
    path.write_bytes(gzip.compress(content, 9, mtime=0))
