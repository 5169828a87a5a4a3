"""A registry on this machine that npm and pip fetch one small package from, or that fails as registries do."""

import base64
import contextlib
import hashlib
import http.server
import io
import json
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

from frlib.models.convert.packages import Package, RemoteFile

NAME, VERSION = "frlib-test-networks", "1.2.3"
NPM = Package("npm", NAME, VERSION, 1000)
PYPI = Package("pypi", NAME, VERSION, 1000)
#: Longer than what a socket takes at once, and not to be compressed.
CONTENT = b"".join(hashlib.sha256(bytes([k % 256, k // 256])).digest() for k in range(4000))
#: An address where nobody listens.
NOWHERE = "http://127.0.0.1:9"
#: The faults that are answers with a status. All but the first are answers to questions for archives alone.
STATUS = {"broken": 503, "failing": 500, "gone": 404}
TARBALL, WHEEL = f"{NAME}-{VERSION}.tgz", f"{NAME.replace('-', '_')}-{VERSION}-py3-none-any.whl"


def files_of(package: Package, content: bytes = CONTENT) -> tuple[RemoteFile]:
    """Return the file of the package that is wanted."""
    return (RemoteFile(package, "package/net.bin", hashlib.sha256(content).hexdigest()),)


def tarball(content: bytes) -> bytes:
    """Return the archive of npm."""
    packed = io.BytesIO()
    about = json.dumps({"name": NAME, "version": VERSION}).encode()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, data in {"package/package.json": about, "package/net.bin": content}.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def wheel(content: bytes) -> bytes:
    """Return the archive of PyPI."""
    packed, about = io.BytesIO(), f"{NAME.replace('-', '_')}-{VERSION}.dist-info"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("package/net.bin", content)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return packed.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as a registry does, or with the fault that the server has."""

    def do_GET(self):
        """Answer one request; behind a proxy it begins with the host."""
        server, path = self.server, self.path.removeprefix("http://registry.invalid")
        server.asked.append(self.path)
        archive = path.endswith((".tgz", ".whl"))
        if server.fault == "silent":
            return server.over.wait()
        if server.fault == "broken" or (archive and server.fault in STATUS):
            return self.send_error(STATUS[server.fault])
        content, kind = self._content(path)
        if content is None:
            return self.send_error(404)
        if server.fault == "page" and archive:
            content, kind = b"<!doctype html><title>Sign in</title>", "text/html"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self._send(content, archive)

    def _send(self, content: bytes, archive: bool) -> None:
        fault, half = self.server.fault, len(content) // 2
        if archive and fault == "lost":
            self.wfile.write(content[:half])
        elif archive and fault == "stalled":
            self.wfile.write(content[:half])
            self.server.over.wait()
        elif archive and fault == "slow":
            for start in range(0, len(content), len(content) // 8):
                self.wfile.write(content[start : start + len(content) // 8])
                self.server.over.wait(self.server.pause)
        else:
            self.wfile.write(content)

    def _content(self, path: str) -> tuple[bytes | None, str]:
        """Return what lies at a path, and its type."""
        server = self.server
        here = "http://registry.invalid" if server.behind else server.url
        if path.endswith(".tgz"):
            return server.archives[".tgz"], "application/octet-stream"
        if path.endswith(".whl"):
            return server.archives[".whl"], "application/octet-stream"
        if path == f"/simple/{NAME}/":
            return f'<!doctype html><a href="{here}/{WHEEL}">{WHEEL}</a>'.encode(), "text/html"
        if path == f"/{NAME}":
            sum_of = server.announced or server.archives[".tgz"]
            integrity = f"sha512-{base64.b64encode(hashlib.sha512(sum_of).digest()).decode()}"
            dist = {"tarball": f"{here}/{NAME}/-/{TARBALL}", "integrity": integrity}
            about = {"name": NAME, "version": VERSION, "dist": dist}
            return json.dumps({"name": NAME, "versions": {VERSION: about}}).encode(), "application/json"
        return None, ""

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def registry(
    fault: str = "", content: bytes = CONTENT, behind: bool = False, pause: float = 0.25
) -> Iterator[http.server.HTTPServer]:
    """Serve one package.

    Parameters
    ----------
    fault : str
        "silent": no answer; "broken": an error for everything; "failing" and "gone": an error for the archive, of the
        server or because it is not there; "page": a web page for the archive; "lost": the connection ends half-way;
        "stalled": nothing comes after half; "slow": it comes in eight pieces.
    content : bytes
        Of the package's file.
    behind : bool
        Whether addresses have a host that only a proxy knows.
    pause : float
        Seconds after each piece of a slow archive.

    Yields
    ------
    server
        With ``url``, ``asked``, the addresses so far, and ``announced``, the tarball whose checksum npm is told.
    """
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving.daemon_threads = True
    serving.fault, serving.behind, serving.asked, serving.announced = fault, behind, [], None
    serving.archives = {".tgz": tarball(content), ".whl": wheel(content)}
    serving.over, serving.pause = threading.Event(), pause
    serving.url = f"http://127.0.0.1:{serving.server_port}"
    threading.Thread(target=serving.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield serving
    finally:
        serving.over.set()
        serving.shutdown()
        serving.socket.close()


def settings(url: str) -> dict[str, str]:
    """Return environment variables that lead npm and pip to a registry and away from what the user has set."""
    return {
        "NPM_CONFIG_REGISTRY": url,
        "PIP_INDEX_URL": f"{url}/simple",
        "PIP_CONFIG_FILE": "/dev/null",
        "NPM_CONFIG_USERCONFIG": "/dev/null",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def configured(url: str, folder: Path) -> dict[str, str]:
    """Write configuration files of npm and pip that name a registry, and return variables that lead to these files."""
    (folder / "npmrc").write_text(f"registry={url}\n")
    (folder / "pip.conf").write_text(f"[global]\nindex-url = {url}/simple\n")
    return {
        "NPM_CONFIG_USERCONFIG": str(folder / "npmrc"),
        "PIP_CONFIG_FILE": str(folder / "pip.conf"),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def proxied(url: str) -> dict[str, str]:
    """Return environment variables that lead to a registry whose host only a proxy knows."""
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy"), url)
    host = "http://registry.invalid"
    return settings(host) | proxy | {"PIP_TRUSTED_HOST": "registry.invalid", "NO_PROXY": "", "no_proxy": ""}


def use(variables: dict[str, str]) -> None:
    """Let these environment variables be all that this process, and what it starts, says to npm and pip."""
    for name in [*os.environ]:
        if "proxy" in name.lower() or name.lower().startswith(("pip_", "npm_config_")):
            del os.environ[name]
    os.environ.update(variables)


@contextlib.contextmanager
def used(fault: str = "", **options) -> Iterator[http.server.HTTPServer]:
    """Serve one package as `registry` does, and let this process ask nobody else."""
    with registry(fault, **options) as serving:
        use(settings(serving.url))
        yield serving
