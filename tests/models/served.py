"""A server on this machine that gives files, or fails as servers on the internet do."""

import contextlib
import http.server
import threading
import time
from collections.abc import Iterator


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with a file of the server, or with the fault that the address names."""

    def do_GET(self):
        """Answer one request."""
        fault, _, name = self.path.strip("/").rpartition("/")
        self.server.asked.append(self.path)
        content = self.server.files.get(name, b"")
        if fault == "silent":
            time.sleep(1.5)
        if fault == "gone" or name not in self.server.files:
            return self.send_error(404)
        if fault == "page":
            content = b"<!doctype html><title>Sign in</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8" if fault == "page" else "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        sent = content[: len(content) // 2] if fault == "cut" else content[::-1] if fault == "other" else content
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who waited in vain is gone
            self.wfile.write(sent)

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def server(files: dict[str, bytes]) -> Iterator[http.server.ThreadingHTTPServer]:
    """Serve files by name; ``/FAULT/NAME`` fails in a way. The server has the attributes ``url`` and ``asked``."""
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving.files, serving.asked = files, []
    serving.url = f"http://127.0.0.1:{serving.server_port}"
    threading.Thread(target=serving.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield serving
    finally:
        serving.shutdown()
        serving.server_close()
