"""Security: what comes from outside is data. It is never run, leads nowhere, and is shown as text."""

import ast
import importlib
import io
import os
import re
import stat
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from bs4 import BeautifulSoup
from PIL import Image

from book import serve
from book.course import chromium
from frlib import store
from frlib.datasets import archives, folders, lfw
from frlib.models.convert import packages
from frlib.view import content_policy, facemap, spreadsheet, static
from tests.build import ROOT
from tests.faults.planting import Kind, NotPlanted, Outcome, demand, refused, survived
from tests.report import test_page

sys.path.insert(0, str(ROOT / "book/_ext"))
import downloads
import policies

security = Kind("Security")
#: A name of a person, an attribute or a file that would run a script in three ways.
HOSTILE = "</script><script>window.hostile = 1</script><img src=x onerror='window.hostile = 2'>\"&{{7*7}}"
FORMULAS = ("=cmd|' /C calc'!A0", "+SUM(A1:A9)", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "\t=A1")


# ---------------------------------------------------------------------------------------------- what could run code

#: Readers of Python objects by module; of torch and numpy only with the argument that allows them.
PICKLES = {"pickle", "joblib", "dill", "marshal", "shelve", "cloudpickle"}


def calls(words: str, *folders: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield the place and the tree of every call in those files of some folders that hold some words."""
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if re.search(words, text) else ():
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def unsafe(call: ast.Call) -> bool:
    """Return whether a call can run what a file or a text says."""
    owner, _, name = ast.unparse(call.func).rpartition(".")
    given = {own.arg: getattr(own.value, "value", None) for own in call.keywords}
    if (owner, name) == ("torch", "load"):
        return given.get("weights_only") is not True
    if owner in ("np", "numpy") and name == "load":
        return given.get("allow_pickle", False) is not False
    if owner in PICKLES:
        return name in ("load", "loads", "open")
    if owner == "yaml":
        return name in ("load", "full_load", "unsafe_load")
    if not owner:
        return name in ("eval", "exec")
    return name == "read_pickle" or (owner, name) == ("os", "system") or given.get("shell") is True


@security.fault("Code that reads pickles, or runs what a file says")
def no_pickle(place: Path) -> Outcome:
    """Look at every call of frlib, the book and the benchmarks; a call that should be found is found."""
    for bad in ("torch.load(p)", "np.load(p, allow_pickle=True)", "pickle.load(f)", "joblib.load(p)", "eval(t)"):
        demand(unsafe(ast.parse(bad).body[0].value), f"{bad} is not found")
    words = r"load|pickle|\bexec\(|\beval\(|shell|os\.system|shelve"
    found = [
        f"{where} {ast.unparse(call)}" for where, call in calls(words, "frlib", "book", "benchmarks") if unsafe(call)
    ]
    demand(not found, f"unsafe: {'; '.join(found)}")
    return survived("No call of this kind: weights are read as arrays, tables as text.")


@security.fault("A server that other machines reach")
def loopback(place: Path) -> Outcome:
    """Look at every command and every call that starts a server."""
    demand("-m book.serve" in (ROOT / "Makefile").read_text(encoding="utf-8"), "make serve runs another server")
    with serve.Server(place, 0) as server:
        demand(server.server_address[0] == "127.0.0.1", f"make serve: {server.server_address}")
    for where, call in calls(r"Server\(|0\.0\.0\.0", "frlib", "book", "benchmarks", "tests"):
        if re.search(r"(HTTPServer|TCPServer)$", ast.unparse(call.func)) and call.args:
            demand("127.0.0.1" in ast.unparse(call.args[0]), f"{where} serves {ast.unparse(call.args[0])}")
        bound = [ast.unparse(own.value) for own in call.keywords if own.arg in ("host", "bind", "address")]
        demand(not any("0.0.0.0" in own for own in bound), f"{where} binds {bound}")
    return survived("All servers are on 127.0.0.1.")


# ------------------------------------------------------------------------------------------------------------- archives


def write_tar(path: Path, *entries: tuple[str, bytes, str]) -> Path:
    """Write a tar file of entries: name, type, and where a link leads."""
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, target in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            content = b"" if kind != tarfile.REGTYPE else b"content"
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def write_zip(path: Path, name: str) -> Path:
    """Write a zip file with one member; its name is not changed."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"content")
    return path


def tree(folder: Path) -> set[str]:
    """Return everything below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


LEADING_OUT = {
    "leads one folder up": "../out.jpg",
    "leads up from within": "lfw/../../out.jpg",
    "is absolute": "/tmp/out.jpg",
    "has the separator of Windows": "..\\out.jpg",
}


def register_leading_out(kind: str, words: str, name: str) -> None:
    """Register the fault of an archive of photographs whose member leads out of it."""

    @security.fault(f"Photographs in a {kind} file: the name of a member {words}")
    def leads_out(place: Path) -> Outcome:
        """Read the archive."""
        path = place / f"lfw.{kind}"
        write_zip(path, name) if kind == "zip" else write_tar(path, (name, tarfile.REGTYPE, ""))
        outcome = refused(lambda: lfw.read_lfw(path), ValueError, "members stay inside it", repr(name))
        demand(tree(place.parent) <= {"said.txt", "place", "cache", "cache/archives", f"place/{path.name}"}, "a file")
        return outcome


for _kind in ("zip", "tgz"):
    for _words, _name in LEADING_OUT.items():
        register_leading_out(_kind, _words, _name)


@security.fault("Photographs in a tar file: links to files of the system, devices, pipes")
def links_in_tar(place: Path) -> Outcome:
    """Read an archive with a photograph and one entry of each such kind."""
    kinds = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "device": tarfile.CHRTYPE, "pipe": tarfile.FIFOTYPE}
    entries = [(f"lfw/Ann/{name}.jpg", kind, "/etc/passwd") for name, kind in kinds.items()]
    path = write_tar(place / "lfw.tgz", ("lfw/Ann/Ann_0001.jpg", tarfile.REGTYPE, ""), *entries)
    found = [own.member for own in archives.members(path)]
    demand(found == ["lfw/Ann/Ann_0001.jpg"], f"read: {found}")
    return survived("Passed over; the photograph beside them is read.")


@security.fault("A zip file in which a member is a link to a file of the system")
def link_in_zip(place: Path) -> Outcome:
    """Read what such a member holds: the name of the other file, as bytes, and not its content."""
    member = zipfile.ZipInfo("lfw/Ann/Ann_0001.jpg")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(place / "lfw.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    (found,) = archives.members(place / "lfw.zip")
    demand(found.open().read() == b"/etc/passwd", "the link was followed")
    return survived("Not followed: it is no image.")


@security.fault("A package of a registry with links and names that lead out in place of weights")
def hostile_package(place: Path) -> Outcome:
    """Read such an archive as a download is read."""
    package = packages.Package("npm", "toy", "1.0.0", 1)
    file = packages.RemoteFile(package, "package/weights.bin", "0" * 64)
    entries = [(file.path, tarfile.SYMTYPE, "/etc/passwd"), ("../../out.bin", tarfile.REGTYPE, "")]
    path = write_tar(place / "toy.tgz", *entries)
    outcome = refused(lambda: packages.read_verified(path, [file]), OSError, file.path, "missing or unreadable")
    demand(tree(place.parent) <= {"said.txt", "place", "place/toy.tgz", "cache"}, "a file was written")
    return outcome


@security.fault("A folder of photographs with links to folders, loops, a pipe, a device")
def links_in_folder(place: Path) -> Outcome:
    """List the photographs of such a folder: nothing may hang, and nothing is read twice."""
    person = place / "photographs/Ann"
    person.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(person / "1.jpg")
    (place / "elsewhere").mkdir()
    Image.new("RGB", (8, 8)).save(place / "elsewhere/2.jpg")
    (person / "loop").symlink_to(place / "photographs")
    (person / "other").symlink_to(place / "elsewhere")
    (person / "device.jpg").symlink_to("/dev/zero")
    (person / "itself.jpg").symlink_to(person / "itself.jpg")
    os.mkfifo(person / "pipe.jpg")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = folders.read_folder(place / "photographs")
    demand([own.name for own in found.paths] == ["1.jpg"], f"read: {found.paths}")
    words = " ".join(str(own.message) for own in said)
    demand("a link to a folder" in words and "and 2 more" in words, f"left out without a word: {words}")
    return survived("Left out, with a warning that names them.")


# --------------------------------------------------------------------------------------------------- what a page shows


def hostile_page():
    """Return a page of the report on which every text is hostile."""
    return test_page.page(HOSTILE)


@security.fault("HTML and scripts in the names of people, attributes and files of a report")
def names_in_report(place: Path) -> Outcome:
    """Parse the page as a browser does: its scripts and images are its own, and all names are text."""
    test_page.page_module.vega_script = lambda: "window.vegaEmbed = null;"  # a megabyte that is the same on every page
    text = hostile_page().html()
    parsed = BeautifulSoup(text, "html.parser")
    demand(not parsed.find_all(["img", "iframe", "object", "form"]), "a name became an element")
    demand(not [tag for tag in parsed.find_all(True) if any(key.startswith("on") for key in tag.attrs)], "a handler")
    demand(parsed.h1.get_text() == HOSTILE, f"the title is {parsed.h1.get_text()}")
    policy = parsed.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    own = [f"'sha256-{digest}'" for digest in re.findall(r"'sha256-([^']+)'", policy)]
    demand("unsafe-eval" not in policy and "'unsafe-inline'" not in policy.split("style-src")[0], policy)
    demand(content_policy.hashed(content_policy.inline_scripts(text)) == own, "a script that is not the page's own")
    return survived("Shown as they are written.")


def run_of(html: str, place: Path):
    """Return what a page has run, and what Chromium says about its policy."""
    if not chromium.find():
        raise NotPlanted("no Chromium")
    (place / "page.html").write_text(html, encoding="utf-8")
    with chromium.started() as browser:
        page, said = browser.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.goto((place / "page.html").as_uri(), wait_until="load")
        page.wait_for_timeout(500)
        return page.evaluate("() => window.hostile ?? null"), " ".join(said)


@security.fault(
    "A script that has found its way into a page of the report",
    before="Its policy let any script in the page run.",
    quick=False,
)
def script_in_report(place: Path) -> Outcome:
    """Put it there by hand, and open the page in Chromium."""
    text = hostile_page().html().replace("<main>", f"<main>{HOSTILE.removeprefix('</script>')}")
    found, said = run_of(text, place)
    demand(found is None, "it was run")
    demand("Content Security Policy" in said, f"not noticed: {said}")
    return survived("The page's content security policy names its own scripts by hash; the browser runs no other.")


PAGE = (
    '<!doctype html><html><head><meta charset="utf-8"><script>window.own = 1</script></head>'
    f"<body><article>{HOSTILE.removeprefix('</script>')}</article></body></html>"
)


@security.fault(
    "A script in the output of a cell, on a page of the site",
    before="Pages had no content security policy; it was run.",
)
def script_in_cell(place: Path) -> Outcome:
    """Ask for the policy of such a page."""
    policy = policies.policy_of(PAGE)
    own = content_policy.hashed(["window.own = 1"])
    demand(own[0] in policy and policy.count("sha256-") == 1 + len(policies.HANDLERS), f"other scripts: {policy}")
    for wide in ("http:", "https:", "*", "'unsafe-eval'"):
        demand(wide not in policy, f"{wide} in {policy}")
    scripts = policy.split("script-src")[1].split(";")[0]
    demand("'unsafe-inline'" not in scripts and "data:" not in scripts, scripts)
    return survived(
        "Every page has a policy: scripts of the site and those that it names by hash; nothing of another host."
    )


@security.fault(
    "The same page, opened in a browser", before="Pages had no content security policy; it was run.", quick=False
)
def script_in_cell_opened(place: Path) -> Outcome:
    """Open the page in Chromium, from the disk."""
    found, said = run_of(content_policy.with_policy(PAGE, policies.policy_of(PAGE)), place)
    demand(found is None and "Content Security Policy" in said, f"run: {found}; {said}")
    return survived("The browser runs the page's own script and not that of the cell.")


@security.fault("HTML and scripts in the names of people on the map of faces")
def names_on_map(place: Path) -> Outcome:
    """Write the place of the widget with such names, and read it back."""
    state = {"people": [HOSTILE], HOSTILE: [HOSTILE]}
    html = static.widget_html("facemap", state, HOSTILE)
    parsed = BeautifulSoup(html, "html.parser")
    demand([tag.name for tag in parsed.find_all(True)] == ["div", "p", "em", "script"], "a name became an element")
    found = static.read_placed(html)
    demand(found.data == state and found.description == HOSTILE, "other names")
    sources = [static.helpers(), *(static.module_source(name) for name in static.WIDGETS), static.chart_script()]
    written = [word for text in sources for word in ("innerHTML", "outerHTML", "document.write", "insertAdjacentHTML")]
    used = {word for word in written if any(word in text for text in sources)}
    demand(not used, f"a widget writes HTML: {used}")
    demand(facemap.__doc__ is not None, "no map of faces")
    return survived("Text: widgets get names as data and never write HTML.")


RUN_BEFORE = "It came to the file as it is, and a spreadsheet would have run it."


@security.fault("Formulas in the names of columns and people, in the CSV files of the site", before=RUN_BEFORE)
def formulas_of_site(place: Path) -> Outcome:
    """Write a table with them as the site does, and read it."""
    text = downloads.as_csv([list(FORMULAS), *([name, "-0.5", "", "", ""] for name in FORMULAS)])
    return without_formulas(text)


@security.fault("Formulas in the names of columns and people, in the CSV files of a report", before=RUN_BEFORE)
def formulas_of_report(place: Path) -> Outcome:
    """Write a table with them as a report does, and read it."""
    table = pd.DataFrame({name: [*FORMULAS, "-0.5"] for name in FORMULAS})
    return without_formulas(spreadsheet.as_csv(table))


def without_formulas(text: str) -> Outcome:
    """Return the outcome for a CSV file of hostile names."""
    table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    words = [*table.columns, *table.to_numpy().ravel()]
    demand(all(word[:1] not in ("=", "+", "-", "@", "\t") or word == "-0.5" for word in words), f"a formula: {words}")
    demand("-0.5" in words and all(f"'{name}" in words for name in FORMULAS), "other words")
    return survived("An apostrophe stands before it, so that it is text. Numbers stay.")


# ---------------------------------------------------------------------------------------------------------- permissions


@security.fault(
    "Another user of the machine reads results on photographs",
    before="The cache was made so that all could read it.",
)
def private_cache(place: Path) -> Outcome:
    """Make the cache of a new user, whose files may be read by all."""
    os.umask(0o022)
    del os.environ["FRLIB_CACHE"]
    os.environ |= {"HOME": str(place), "XDG_CACHE_HOME": str(place / "caches")}
    folder = store.cache_folder("results")
    root = place / "caches/frlib"
    demand(folder == root / "results", f"the cache is {folder}")
    demand(stat.S_IMODE(root.stat().st_mode) == 0o700, f"mode {stat.S_IMODE(root.stat().st_mode):o}")
    return survived(
        "The folder of the cache is for its owner alone. One that FRLIB_CACHE names is as its owner made it."
    )


@security.fault(
    "A user whose files are private writes a report on photographs",
    before="The page could be read by all: its mode was set in spite of the user's.",
)
def private_page(place: Path) -> Outcome:
    """Write a file with a strict mask of permissions, which is looked at when the module is loaded."""
    os.umask(0o077)
    with importlib.reload(store).atomic_file(place / "page.html") as partial:
        partial.write_text("x")
    mode = stat.S_IMODE((place / "page.html").stat().st_mode)
    demand(mode == 0o600, f"mode {mode:o}")
    return survived("Files have the permissions that the user's mask asks for.")
